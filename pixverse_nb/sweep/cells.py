"""Cells: each point of a sweep as a request with its prepared inputs, and its state by the jobs in the ledger.

The key of a cell is the sha256 of everything that decides what its video looks like. So a sweep that is run again,
extended, or overlaps with another one finds the videos that exist already.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from pixverse_nb.domain.arguments import listed, public_class
from pixverse_nb.domain.catalogue import Catalogue, Constraint
from pixverse_nb.domain.columns import columns
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.operations import OPERATIONS, PARAM_NAMES, Operation
from pixverse_nb.domain.requests import ANY_MODEL, GenerationRequest
from pixverse_nb.domain.validation import did_you_mean, is_blank, plain, safe_repr, unknown_fields
from pixverse_nb.errors import InvalidImage, InvalidRequest, UnknownItem
from pixverse_nb.job_builder import CreateArgs, JobBuilder, PreparedInputs, RequestFunction
from pixverse_nb.jobs.job import Job
from pixverse_nb.ledger.sweeps import CellRow
from pixverse_nb.render.formatting import STATE_LABELS
from pixverse_nb.sweep.axes import Axes, Point, cell_caption, has_several_values
from pixverse_nb.video import Video

# The seed of every cell if none is given: the cells differ only in what is varied, and the same call finds them again.
SWEEP_SEED: Final = 1
_CAPTIONS_SHOWN: Final = 12  # of the cells that an error lists


@dataclass(frozen=True)
class SweepCall:
    """The call that each cell makes: its operation, the roles of its pictures, and of its videos and sounds.

    `names` maps a role to the name of its axis, and `arguments` an axis or field to the argument that it was passed in,
    if they differ. `request_function` is that of `CreateArgs`.
    """

    operation: Operation
    images: tuple[str, ...]
    media: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    request_function: RequestFunction | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)

    def args(self, fields: Mapping[str, Any], others: Mapping[str, Any], **options: Any) -> CreateArgs:
        """Return the arguments of a call with the sources in `fields` and the fields in `others`."""
        return CreateArgs(
            {role: fields[self.names.get(role, role)] for role in self.images},
            others,
            media={role: fields[self.names.get(role, role)] for role in self.media},
            operation=self.operation,
            request_function=self.request_function,
            **options,
        )

    def named(self, problems: Mapping[str, str]) -> dict[str, str]:
        """Return problems by the names of the arguments: that of "frame_2[0]" is of "images[1][0]"."""
        named: dict[str, str] = {}
        for name, problem in problems.items():
            field_name, bracket, rest = name.partition("[")
            named[f"{self.arguments.get(field_name, field_name)}{bracket}{rest}"] = problem
        return named


@dataclass(frozen=True, eq=False)
class CellInputs:
    """The inputs of one or more cells: the arguments that they came with, and what was prepared from them."""

    args: CreateArgs
    prepared: PreparedInputs = field(repr=False)


def _no_job(_: object) -> None:
    return None


@columns("number", "caption", "state", "model", "prompt", "seed", "cost", "ref")
@public_class(hides=("find_job", "new_record", "inputs"), checks_init=False)
@dataclass(frozen=True, eq=False, repr=False)
class Cell:
    """One video of a sweep: `number` from 1, the `key` of its content, a unique `caption`, and its request.

    `values` is its position on each axis; `violations` are the rules of the vendor that it breaks. `find_job` returns
    the job of a cell.
    """

    number: int
    key: str
    caption: str
    values: Mapping[str, Any]
    request: GenerationRequest
    inputs: CellInputs = field(repr=False)
    violations: tuple[Constraint, ...] = ()
    find_job: "Callable[[Cell], Job | None]" = field(default=_no_job, repr=False)

    def __repr__(self) -> str:
        return f"<Cell {self.number}: {self.caption}, {self.status.lower()}>"

    def __getstate__(self) -> dict[str, Any]:
        """Return the values without the job, which belongs to this process."""
        return {**vars(self), "find_job": _no_job}

    @property
    def job(self) -> Job | None:
        """The job; None if the cell was never run."""
        return self.find_job(self)

    @property
    def ref(self) -> str | None:
        """The ref of the job; None if the cell was never run."""
        job = self.job
        return job.ref if job is not None else None

    @property
    def video(self) -> Video | None:
        """The finished video, or None while there is none."""
        job = self.job
        return job.video if job is not None else None

    @property
    def state(self) -> JobState:
        """The state of the job; "planned" or "refused" if there is none."""
        job = self.job
        if job is not None:
            return job.state
        return JobState.REFUSED if self.violations else JobState.PLANNED

    @property
    def status(self) -> str:
        """The state in words for people."""
        job = self.job
        return job.status if job is not None else STATE_LABELS[self.state]

    @property
    def cost(self) -> int | None:
        """What the job costs in credits, see `Job.cost`; None if there is no job."""
        job = self.job
        return job.cost if job is not None else None

    @property
    def prompt(self) -> str:
        """The prompt; "" if there is none."""
        return self.request.prompt

    @property
    def seed(self) -> int | None:
        """The seed."""
        return self.request.seed

    @property
    def model(self) -> str:
        """The model."""
        return self.request.model

    def new_record(self, builder: JobBuilder, *, now: float) -> JobRecord:
        """Return a new job for this cell; `now` is in Unix seconds."""
        args = self.inputs.args  # shared by every cell with these inputs, so without the seed
        fields = {**args.fields, "seed": self.request.seed}
        args = replace(args, fields=fields, allow_refused=bool(self.violations))
        return builder.new_record(args, self.request, self.inputs.prepared, now=now)


@dataclass(frozen=True)
class Cells:
    """The cells of a sweep in order, and the cell of each point: points with the same video have the same cell.

    `notices` say how the pictures were changed.
    """

    cells: tuple[Cell, ...]
    of_points: tuple[Cell, ...] = field(repr=False)
    axes: tuple[str, ...]
    notices: tuple[Notice, ...]

    @property
    def duplicates(self) -> int:
        """The number of points whose video is that of an earlier one."""
        return len(self.of_points) - len(self.cells)

    def get(self, caption: str) -> Cell:
        """Return the cell with this caption. Raises UnknownItem, which names the closest one."""
        for cell in self.cells:
            if cell.caption == caption:
                return cell
        captions = [cell.caption for cell in self.cells]
        hint = did_you_mean(caption, captions[:_CAPTIONS_SHOWN], others=captions, plural="cells")
        raise UnknownItem({"cell": f"this sweep has no cell {caption!r:.80}: {hint}"}, sends=False)

    def where(self, axes: Mapping[str, Any]) -> tuple[Cell, ...]:
        """Return the cells with these values, each one value or several; all of them if no axis is given.

        Raises InvalidRequest for a name that is neither an axis nor a field, and for a value that no cell has.
        """
        known = (*self.axes, *(name for name in (*PARAM_NAMES, "model") if name not in self.axes))
        wrong = unknown_fields(axes, self.axes, others=known, what="an axis of this sweep", plural="axes")
        wrong = {name: problem for name, problem in wrong.items() if name not in known}
        found = self.cells
        for name, wanted in axes.items():
            if name in wrong:
                continue
            values = listed(wanted, name=name) if has_several_values(wanted) else [wanted]
            matching = [cell for cell in self.cells if any(_has(cell, name, plain(value)) for value in values)]
            if not matching:
                known_values = dict.fromkeys(safe_repr(_position(cell, name)) for cell in self.cells)
                wrong[name] = f"no cell has {safe_repr(wanted):.60}; there are {', '.join(known_values)}"[:300]
            found = tuple(cell for cell in found if cell in matching)
        if not wrong and not found:
            wrong = dict.fromkeys(axes, "no cell has all of these values together")
        if wrong:
            raise InvalidRequest(wrong, sends=False)
        return found

    @property
    def default_title(self) -> str:
        """The title of a sweep that was given none: "32 cells: seed × motion_mode"."""
        count = len(self.cells)
        return f"{count} {'cell' if count == 1 else 'cells'}" + (f": {' × '.join(self.axes)}" if self.axes else "")


def _has(cell: Cell, name: str, value: Any) -> bool:
    """Return whether a cell has this value, or shows it in its caption as a picture's name does."""
    return any(type(known) is type(value) and known == value for known in (_position(cell, name), _field(cell, name)))


def _position(cell: Cell, name: str) -> Any:
    return plain(cell.values.get(name, _field(cell, name)))


def _field(cell: Cell, name: str) -> Any:
    return cell.request.model if name == "model" else plain(cell.request.params.get(name))


def build_cells(
    axes: Axes,
    builder: JobBuilder,
    *,
    email: str | None,
    call: SweepCall,
    find_job: Callable[[Cell], Job | None] = _no_job,
) -> Cells:
    """Return every cell. Raises InvalidRequest (InvalidImage) naming every wrong value and source."""
    sets = _InputSets(axes, builder, call=call, email=email)
    calls: list[tuple[Point, dict[str, Any], CellInputs | None]] = []
    requests: dict[Point, GenerationRequest] = {}
    problems: dict[Point, Mapping[str, str]] = {}
    for point in axes.points:
        fields = axes.at(point)
        inputs = sets.prepare(point, fields)
        calls.append((point, fields, inputs))
        try:
            requests[point] = sets.request_for(fields, inputs)
        except InvalidRequest as error:
            problems[point] = {call.names.get(name, name): problem for name, problem in error.fields.items()}
    wrong = _wrong_values(axes, problems, builder, call.operation) if problems else {}
    if wrong or sets.bad_media:
        raise InvalidRequest({**sets.bad_images, **sets.bad_media, **wrong})
    if sets.bad_images:
        raise InvalidImage(sets.bad_images)
    cells: dict[str, Cell] = {}
    keys: list[str] = []
    captions: Counter[str] = Counter()
    for point, fields, inputs in calls:
        request = requests[point] if point in requests else sets.request_for(fields, inputs, catalogue=ANY_MODEL)
        key = request.content_key
        keys.append(key)
        if inputs is not None and key not in cells:
            values = axes.labels(point)
            cells[key] = Cell(
                number=len(cells) + 1,
                key=key,
                caption=_unique(cell_caption(values), captions),
                values=values,
                request=request,
                inputs=inputs,
                violations=_rules(problems.get(point, {}), fields)
                or builder.catalogue.violations(request.model, call.operation, request.params),
                find_job=find_job,
            )
    return Cells(tuple(cells.values()), tuple(cells[key] for key in keys), axes.names, sets.notices())


def _rules(problems: Mapping[str, str], fields: Mapping[str, Any]) -> tuple[Constraint, ...]:
    """Return the problems of an impossible cell as the rules that it breaks."""
    names: dict[str, list[str]] = {}
    for name, problem in problems.items():
        names.setdefault(problem, []).append(name)
    rules = []
    for problem, affected in names.items():
        reason = f"{affected[0]} {problem}" if len(affected) == 1 else f"{' and '.join(affected)}: {problem}"
        rules.append(Constraint({name: (fields.get(name),) for name in affected}, reason))
    return tuple(rules)


def _wrong_values(
    axes: Axes, problems: Mapping[Point, Mapping[str, str]], builder: JobBuilder, operation: Operation
) -> dict[str, str]:
    """Return the problems with values that no cell can have.

    A value that is right in another cell, or with another model on the axis, makes only its own cell impossible.
    """
    models = [
        value for name, values in zip(axes.names, axes.values, strict=True) if name == "model" for value in values
    ]
    specs = [builder.catalogue.spec(plain(model)) for model in models]
    wrong: dict[str, str] = {}
    for name in dict.fromkeys(name for found in problems.values() for name in found):
        usable = {_index(axes, name, point) for point in axes.points if name not in problems.get(point, {})}
        rules = [rule for spec in specs if (rule := spec.fields(operation).get(name)) is not None]
        for point, found in problems.items():
            if name in found and _index(axes, name, point) not in usable:
                value = plain(axes.at(point).get(name))
                if not any(rule.accepts(value) for rule in rules):
                    wrong.setdefault(name, found[name])
    return wrong


def _index(axes: Axes, name: str, point: Point) -> int:
    """Return the index of a cell's value of a field on its axis; 0 if it is the same in every cell."""
    return point[axes.names.index(name)] if name in axes.names else 0


def refused_fields(cells: Iterable[Cell]) -> dict[str, str]:
    """Return the rules that these cells break, by the first field that each rule is about."""
    reasons: dict[str, dict[str, None]] = {}
    for cell in cells:
        for rule in cell.violations:
            name = next(iter(rule.fields))
            reasons.setdefault(name, {})[rule.reason.removeprefix(f"{name} ")] = None
    return {name: "; ".join(texts) for name, texts in reasons.items()}


class _InputSets:
    """Prepares each combination of sources and framing once, however many cells use it."""

    def __init__(self, axes: Axes, builder: JobBuilder, *, call: SweepCall, email: str | None) -> None:
        self._axes = axes
        self._builder = builder
        self._call = call
        self._made = OPERATIONS[call.operation]
        own_email = axes.fixed.get("email")
        self._email = email if is_blank(own_email) else own_email
        self._deadline_s = axes.fixed.get("deadline_s")
        self._sets: dict[tuple[object, ...], CellInputs | None] = {}
        self.bad_images: dict[str, str] = {}
        self.bad_media: dict[str, str] = {}

    def prepare(self, point: Point, fields: Mapping[str, Any]) -> CellInputs | None:
        """Return the inputs of a cell, or None if one cannot be used; `bad_images` and `bad_media` then say why."""
        axes = self._axes
        indices = {name: index for name, index in zip(axes.names, point, strict=True) if name in axes.sources}
        fit = fields.get("fit", self._made.default_fit)
        spec = self._builder.catalogue.spec_for(fields, self._made.default_model)
        key = (*sorted(indices.items()), safe_repr(fields.get("aspect_ratio")), spec.aspect_ratios, safe_repr(fit))
        if key not in self._sets:
            self._sets[key] = self._prepare(fields, indices, fit)
        return self._sets[key]

    def request_for(
        self, fields: Mapping[str, Any], inputs: CellInputs | None, *, catalogue: Catalogue | None = None
    ) -> GenerationRequest:
        """Return the request of one cell. Combinations that the vendor refuses pass: the plan shows them."""
        others = (*self._axes.sources, "fit", "deadline_s")
        given = {name: value for name, value in fields.items() if name not in others}
        args = self._call.args(fields, {**given, "email": self._email}, allow_refused=True)
        prepared = inputs.prepared if inputs else PreparedInputs()
        return self._builder.request_for(args, prepared, default_seed=SWEEP_SEED, catalogue=catalogue)

    def notices(self) -> tuple[Notice, ...]:
        """Return how the pictures were changed, each change once."""
        frames = (frame for inputs in self._sets.values() if inputs for frame in inputs.prepared.frames.values())
        return tuple(dict.fromkeys(notice for frame in frames for notice in frame.notices))

    def _prepare(self, fields: Mapping[str, Any], indices: Mapping[str, int], fit: Any) -> CellInputs | None:
        # A seed is given, so that the job of a cell is found by its own seed and not by the call without one.
        kept = {name: fields.get(name) for name in ("aspect_ratio", "model")} | {
            "seed": SWEEP_SEED,
            "email": self._email,
        }
        args = self._call.args(fields, kept, fit=fit, deadline_s=self._deadline_s)
        try:
            return CellInputs(args, self._builder.prepare(args))
        except InvalidRequest as error:
            for role, problem in error.fields.items():
                name = self._call.names.get(role, role)
                place = f"[{indices[name]}]" if name in indices else ""
                bad = self.bad_images if role in self._call.images else self.bad_media
                bad.setdefault(f"{name}{place}", problem)
            return None


def _unique(caption: str, seen: Counter[str]) -> str:
    """Return the caption with a number appended if it was used before, as by two prompts that begin alike."""
    seen[caption] += 1
    return caption if seen[caption] == 1 else f"{caption} ({seen[caption]})"


# -- the state of a cell --------------------------------------------------------------------------------------------


class CellState(StrEnum):
    """The state of a cell before the sweep is run."""

    NEW = "new"  # never submitted, or not charged: it will be submitted
    DONE = "done"  # the ledger has its video
    OPEN = "open"  # in progress, or charged and resumable: it is waited for and not charged again
    FAILED = "failed"  # ended without a video: only run(retry_failed=True) pays for another attempt
    REFUSED = "refused"  # the vendor's documentation excludes this combination


# Rejections that are about the account, the budget or the disk and not about the cell: it is submitted again.
_ACCOUNT_ERRORS: Final = frozenset(
    {
        "AccountPending",
        "BudgetReached",
        "ConfigError",
        "LedgerError",
        "OutOfCredits",
        "SubscriptionRequired",
        "Unauthorized",
    }
)
ROUTE_GONE: Final = "EndpointGone"  # about every cell with this operation and model


def select_row(rows: Sequence[CellRow]) -> CellRow | None:
    """Return the job that counts for a cell: one with a video, else one that may still get one, else the newest."""
    for state in (CellState.DONE, CellState.OPEN):
        for row in rows:
            if cell_state(row) is state:
                return row
    return rows[0] if rows else None


def cell_state(row: CellRow) -> CellState:
    """Return the state of a cell whose job is `row`."""
    match row.state:
        case JobState.DONE:
            return CellState.DONE
        case JobState.FAILED | JobState.MODERATED:
            return CellState.FAILED
        case JobState.REFUSED:
            return CellState.NEW if can_send_again(row.error_kind) else CellState.FAILED
        case _:
            return CellState.OPEN if row.charged != "no" else CellState.NEW


def can_send_again(error_kind: str | None) -> bool:
    """Return whether a rejection of this kind says nothing about its cell: the next run sends it again."""
    return is_account_error(error_kind) or error_kind == ROUTE_GONE


def is_account_error(error_kind: str | None) -> bool:
    """Return whether a rejection of this kind would meet every other cell too."""
    return error_kind in _ACCOUNT_ERRORS
