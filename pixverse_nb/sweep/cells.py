"""Cells: each point of a sweep as a whole request, named by its content, with its prepared pictures.

The name is the sha256 of all that decides what the video looks like, so that a sweep that is run again, extended or
overlapping with another one finds what is there already.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pixverse_nb.domain.catalogue import Constraint, model_spec
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.errors import InvalidImage, InvalidRequest
from pixverse_nb.job_builder import CreateArgs, Frames, JobBuilder
from pixverse_nb.sweep.axes import PICTURES, Axes, Point
from pixverse_nb.sweep.captions import axis_values, cell_caption

# A sweep whose seed is left open takes this one for every cell: only what is varied differs, and the same line finds
# the same cells again.
SWEEP_SEED: Final = 1


@dataclass(frozen=True, eq=False)
class FramePair:
    """Two pictures in one shape: how they were asked for, and what became of them."""

    args: CreateArgs
    frames: Frames = field(repr=False)


@dataclass(frozen=True, eq=False)
class Cell:
    """One video of a sweep: `number` from 1, its `key`, what sets it apart, and the whole request.

    `values` says where it lies on each axis; `refusals` are the vendor's rules that it breaks.
    """

    number: int
    key: str
    caption: str
    values: Mapping[str, Any]
    request: GenerationRequest
    pair: FramePair = field(repr=False)
    violations: tuple[Constraint, ...] = ()

    def record(self, builder: JobBuilder, *, now: float) -> JobRecord:
        """Return the job of this cell that no ledger holds yet."""
        args = replace(self.pair.args, allow_refused=bool(self.violations))
        return builder.new_record(args, self.request, self.pair.frames, now=now)


@dataclass(frozen=True)
class Cells:
    """The cells of a sweep in order; `twins` counts the points that make the same video as an earlier one."""

    cells: tuple[Cell, ...]
    axes: tuple[str, ...]
    twins: int
    notices: tuple[Notice, ...]


def build_cells(axes: Axes, builder: JobBuilder, *, email: str | None) -> Cells:
    """Return every cell; raises InvalidRequest (InvalidImage) with every wrong value and picture named."""
    pairs = _Pairs(builder, email=axes.fixed.get("email") or email, deadline_s=axes.fixed.get("deadline_s"))
    wrong: dict[str, str] = {}
    cells: dict[str, Cell] = {}
    captions: Counter[str] = Counter()
    for point in axes.points:
        fields = axes.at(point)
        pair = pairs.of(point, axes, fields)
        try:
            request = _request(fields, pair, builder, email=pairs.email)
        except InvalidRequest as error:
            for name, mend in error.fields.items():
                wrong.setdefault(name, mend)
            continue
        key = request.content_key
        if pair is not None and key not in cells:
            values = axis_values(axes, point)
            cells[key] = Cell(
                number=len(cells) + 1,
                key=key,
                caption=_unlike(cell_caption(values), captions),
                values=values,
                request=request,
                pair=pair,
                violations=model_spec(request.model).violations(request.params),
            )
    if wrong:
        raise InvalidRequest({**pairs.bad, **wrong})
    if pairs.bad:
        raise InvalidImage(pairs.bad)
    return Cells(tuple(cells.values()), axes.names, len(axes.points) - len(cells), pairs.notices())


# -- inside ------------------------------------------------------------------------------------------------------------


class _Pairs:
    """Prepares each two pictures once, however many cells show them."""

    def __init__(self, builder: JobBuilder, *, email: str | None, deadline_s: float | None) -> None:
        self._builder = builder
        self.email = email
        self._deadline_s = deadline_s
        self._pairs: dict[tuple[object, ...], FramePair | None] = {}
        self.bad: dict[str, str] = {}

    def of(self, point: Point, axes: Axes, fields: Mapping[str, Any]) -> FramePair | None:
        """Return the pair of a cell, or None where a picture cannot be used."""
        places = {name: place for name, place in zip(axes.names, point, strict=True) if name in PICTURES}
        name = (*sorted(places.items()), str(fields["aspect_ratio"]), str(fields["fit"]))
        if name not in self._pairs:
            self._pairs[name] = self._prepared(fields, places)
        return self._pairs[name]

    def notices(self) -> tuple[Notice, ...]:
        """Return what was done to the pictures, each said once."""
        records = (pair.frames for pair in self._pairs.values() if pair is not None)
        return tuple(
            dict.fromkeys(notice for frames in records for frame in frames.values() for notice in frame.notices)
        )

    def _prepared(self, fields: Mapping[str, Any], places: Mapping[str, int]) -> FramePair | None:
        args = CreateArgs(
            images={role: fields[role] for role in PICTURES},
            fields={"aspect_ratio": fields["aspect_ratio"], "seed": SWEEP_SEED, "email": self.email},
            fit=fields["fit"],
            deadline_s=self._deadline_s,
        )
        try:
            return FramePair(args, self._builder.prepare_images(args))
        except InvalidRequest as error:
            for which, mend in error.fields.items():
                place = f"[{places[which]}]" if which in places else ""
                self.bad.setdefault(f"{which}{place}", mend)
            return None


def _unlike(caption: str, known: Counter[str]) -> str:
    """Return a caption that no other cell has: two long prompts, or two files of one name, may read alike."""
    known[caption] += 1
    return caption if known[caption] == 1 else f"{caption} ({known[caption]})"


def _request(
    fields: Mapping[str, Any], pair: FramePair | None, builder: JobBuilder, *, email: str | None
) -> GenerationRequest:
    """Return the request of one cell; the vendor's rules are not applied, as the plan shows them."""
    given = {name: value for name, value in fields.items() if name not in (*PICTURES, "fit", "deadline_s")}
    images = {role: fields[role] for role in PICTURES}
    args = CreateArgs(images, {**given, "email": email}, allow_refused=True)
    return builder.request_for(args, pair.frames if pair is not None else {}, default_seed=SWEEP_SEED)


def refused_fields(cells: Iterable[Cell]) -> dict[str, str]:
    """Return the vendor's rules that these cells break, as fields and their mend."""
    reasons: dict[str, dict[str, None]] = {}
    for cell in cells:
        for rule in cell.violations:
            reasons.setdefault(next(iter(rule.fields)), {})[rule.reason] = None
    return {name: "; ".join(said) for name, said in reasons.items()}
