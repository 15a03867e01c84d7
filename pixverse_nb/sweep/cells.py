"""Cells: each point of a sweep as a request with its prepared pictures, and its state by the jobs in the ledger.

The key of a cell is the sha256 of everything that decides what its video looks like. So a sweep that is run again,
extended, or overlaps with another one finds the videos that exist already.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from pixverse_nb.domain.catalogue import Catalogue, Constraint
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.requests import ANY_MODEL, GenerationRequest
from pixverse_nb.domain.validation import plain
from pixverse_nb.errors import InvalidImage, InvalidRequest
from pixverse_nb.job_builder import CreateArgs, Frames, JobBuilder, RequestFunction
from pixverse_nb.ledger.sweeps import CellRow
from pixverse_nb.sweep.axes import DEFAULT_FIT, Axes, Point, cell_caption

# The seed of every cell if none is given: the cells differ only in what is varied, and the same call finds them again.
SWEEP_SEED: Final = 1


@dataclass(frozen=True, eq=False)
class PreparedImages:
    """The pictures of one or more cells: the arguments that they came with, and the prepared pictures by role."""

    args: CreateArgs
    frames: Frames = field(repr=False)


@dataclass(frozen=True, eq=False)
class Cell:
    """One video of a sweep: `number` from 1, the `key` of its content, a unique `caption`, and its request.

    `values` is its position on each axis; `violations` are the rules of the vendor that it breaks.
    """

    number: int
    key: str
    caption: str
    values: Mapping[str, Any]
    request: GenerationRequest
    images: PreparedImages = field(repr=False)
    violations: tuple[Constraint, ...] = ()

    def new_record(self, builder: JobBuilder, *, now: float) -> JobRecord:
        """Return a new job for this cell; `now` is in Unix seconds."""
        args = self.images.args  # shared by every cell with these pictures, so without the seed
        fields = {**args.fields, "seed": self.request.seed}
        args = replace(args, fields=fields, allow_refused=bool(self.violations))
        return builder.new_record(args, self.request, self.images.frames, now=now)


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

    @property
    def default_title(self) -> str:
        """The title of a sweep that was given none: "32 cells: seed × motion_mode"."""
        count = len(self.cells)
        return f"{count} {'cell' if count == 1 else 'cells'}" + (f": {' × '.join(self.axes)}" if self.axes else "")


def build_cells(axes: Axes, builder: JobBuilder, *, email: str | None, request_function: RequestFunction) -> Cells:
    """Return every cell. Raises InvalidRequest (InvalidImage) naming every wrong value and picture."""
    images = _ImageSets(axes, builder, request_function=request_function, email=email)
    models = [
        value for name, values in zip(axes.names, axes.values, strict=True) if name == "model" for value in values
    ]
    wrong: dict[str, str] = {}
    cells: dict[str, Cell] = {}
    keys: list[str] = []
    captions: Counter[str] = Counter()
    for point in axes.points:
        fields = axes.at(point)
        prepared = images.prepare(point, fields)
        impossible: tuple[Constraint, ...] = ()
        try:
            request = images.request_for(fields, prepared)
        except InvalidRequest as error:
            if not all(_fits_some_model(name, fields.get(name), models, builder) for name in error.fields):
                for name, problem in error.fields.items():
                    wrong.setdefault(name, problem)
                continue
            request = images.request_for(fields, prepared, catalogue=ANY_MODEL)
            impossible = tuple(
                Constraint({name: (fields.get(name),)}, f"{name} {problem}") for name, problem in error.fields.items()
            )
        key = request.content_key
        keys.append(key)
        if prepared is not None and key not in cells:
            values = axes.labels(point)
            cells[key] = Cell(
                number=len(cells) + 1,
                key=key,
                caption=_unique(cell_caption(values), captions),
                values=values,
                request=request,
                images=prepared,
                violations=impossible or builder.catalogue.spec(request.model).violations(request.params),
            )
    if wrong:
        raise InvalidRequest({**images.bad, **wrong})
    if images.bad:
        raise InvalidImage(images.bad)
    return Cells(tuple(cells.values()), tuple(cells[key] for key in keys), axes.names, images.notices())


def _fits_some_model(name: str, value: Any, models: Sequence[Any], builder: JobBuilder) -> bool:
    """Return whether one of the models on the axis takes this value; then only this cell is impossible."""
    rules = (builder.catalogue.spec(plain(model)).fields().get(name) for model in models)
    return any(rule is not None and rule.accepts(plain(value)) for rule in rules)


def refused_fields(cells: Iterable[Cell]) -> dict[str, str]:
    """Return the rules that these cells break, by the first field that each rule is about."""
    reasons: dict[str, dict[str, None]] = {}
    for cell in cells:
        for rule in cell.violations:
            name = next(iter(rule.fields))
            reasons.setdefault(name, {})[rule.reason.removeprefix(f"{name} ")] = None
    return {name: "; ".join(texts) for name, texts in reasons.items()}


class _ImageSets:
    """Prepares each combination of pictures and framing once, however many cells use it."""

    def __init__(
        self, axes: Axes, builder: JobBuilder, *, request_function: RequestFunction, email: str | None
    ) -> None:
        self._axes = axes
        self._builder = builder
        self._request_function = request_function
        self._email = axes.fixed.get("email") or email
        self._deadline_s = axes.fixed.get("deadline_s")
        self._prepared: dict[tuple[object, ...], PreparedImages | None] = {}
        self.bad: dict[str, str] = {}

    def prepare(self, point: Point, fields: Mapping[str, Any]) -> PreparedImages | None:
        """Return the prepared pictures of a cell, or None if one cannot be used; `bad` then says why."""
        axes = self._axes
        indices = {name: index for name, index in zip(axes.names, point, strict=True) if name in axes.roles}
        fit = fields.get("fit", DEFAULT_FIT)
        spec = self._builder.catalogue.spec_for(fields)
        name = (*sorted(indices.items()), str(fields.get("aspect_ratio")), spec.aspect_ratios, str(fit))
        if name not in self._prepared:
            self._prepared[name] = self._prepare(fields, indices, fit)
        return self._prepared[name]

    def request_for(
        self, fields: Mapping[str, Any], prepared: PreparedImages | None, *, catalogue: Catalogue | None = None
    ) -> GenerationRequest:
        """Return the request of one cell. Combinations that the vendor refuses pass: the plan shows them."""
        others = (*self._axes.roles, "fit", "deadline_s")
        given = {name: value for name, value in fields.items() if name not in others}
        args = self._args(fields, {**given, "email": self._email}, allow_refused=True)
        frames = prepared.frames if prepared else {}
        return self._builder.request_for(args, frames, default_seed=SWEEP_SEED, catalogue=catalogue)

    def notices(self) -> tuple[Notice, ...]:
        """Return how the pictures were changed, each change once."""
        frames = (frame for prepared in self._prepared.values() if prepared for frame in prepared.frames.values())
        return tuple(dict.fromkeys(notice for frame in frames for notice in frame.notices))

    def _prepare(self, fields: Mapping[str, Any], indices: Mapping[str, int], fit: Any) -> PreparedImages | None:
        # A seed is given, so that the job of a cell is found by its own seed and not by the call without one.
        kept = {name: fields.get(name) for name in ("aspect_ratio", "model")} | {
            "seed": SWEEP_SEED,
            "email": self._email,
        }
        args = self._args(fields, kept, fit=fit, deadline_s=self._deadline_s)
        try:
            return PreparedImages(args, self._builder.prepare_images(args))
        except InvalidRequest as error:
            for role, problem in error.fields.items():
                place = f"[{indices[role]}]" if role in indices else ""
                self.bad.setdefault(f"{role}{place}", problem)
            return None

    def _args(self, fields: Mapping[str, Any], others: Mapping[str, Any], **options: Any) -> CreateArgs:
        images = {role: fields[role] for role in self._axes.roles}
        return CreateArgs(images, others, request_function=self._request_function, **options)


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
            return CellState.NEW if is_account_error(row.error_kind) else CellState.FAILED
        case _:
            return CellState.OPEN if row.charged != "no" else CellState.NEW


def is_account_error(error_kind: str | None) -> bool:
    """Return whether a rejection of this kind would meet every other cell too."""
    return error_kind in _ACCOUNT_ERRORS
