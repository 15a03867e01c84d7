"""Tables of a sweep: its plan, its measurements and its ranking."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pixverse_nb.domain.ratings import RankEntry
from pixverse_nb.metrics.definitions import METRICS, Measurement
from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import StateSeverity, format_duration, shorten
from pixverse_nb.render.style import html, join
from pixverse_nb.render.table import NOTHING, CellValue, Column, Table, TableCell, code_cell, state_cell
from pixverse_nb.render.tiles import caption_from_values

_MAX_ROWS: Final = 40  # of a list of cells or of measurements; `sweep.to_frame()` has them all
_MAX_COLUMNS: Final = 8  # of a plan as a grid
_CAPTION_LENGTH: Final = 60


# -- plan ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlanRow:
    """One cell of a plan: its number, what sets it apart, its state with the reason, its cost in credits, its job.

    `values` are its values on the axes by name.
    """

    number: int
    caption: str
    state: str
    reason: str = ""
    credits: int | None = None
    ref: str = ""
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class PlanTable:
    """A plan as values: cells by state, credits, and the expected time in seconds (None if unknown).

    `operations` has the number of cells of each operation; if all are "frames", that is not shown. `ends_at` is when it
    would end if it was started now, in Unix seconds (None if unknown). `off_peak` is the number of off-peak cells that
    are to come, `off_peak_s` their expected time. `is_limit`: the credits are the most that the cells cost.
    """

    title: str
    counts: tuple[tuple[str, int], ...]
    credits: int | None
    spent: int
    budget: int | None
    balance: int | None
    slots: int | None
    expected_s: float | None
    skips_refused: bool
    is_sandbox: bool
    ends_at: float | None = None
    is_limit: bool = False
    operations: tuple[tuple[str, int], ...] = ()
    off_peak: int = 0
    off_peak_s: float | None = None
    notices: tuple[str, ...] = ()
    rows: tuple[PlanRow, ...] = field(default=(), repr=False)
    can_skip: bool = True

    @property
    def prices(self) -> list[int | None]:
        """The estimated credits of each new cell; None if unknown."""
        return [row.credits for row in self.rows if row.state == "new"]

    @property
    def least_credits(self) -> int | None:
        """What the new cells cost at least: without those whose price is unknown."""
        return self.credits if self.credits is not None else _sum_known(self.prices)


_PLAN_LABELS: Final[Mapping[str, str]] = {
    "new": "new",
    "done": "already finished",
    "open": "in progress",
    "failed": "failed before",
    "refused": "refused",
}
_GRID_LABELS: Final[Mapping[str, str]] = {
    "new": "new",
    "done": "done",
    "open": "running",
    "failed": "failed",
    "refused": "refused",
}
_PLAN_SEVERITIES: Final[Mapping[str, StateSeverity]] = {
    "new": "run",
    "done": "good",
    "open": "wait",
    "failed": "warn",
    "refused": "bad",
}


def plan_table(plan: PlanTable) -> Table:
    """Return the plan as a table: a grid if the cells have two axes, else a list."""
    counts = join(
        (
            html(
                '<span class="pvnb-nowrap pvnb-{}"><span class="pvnb-dot"></span>{} {}</span>',
                _PLAN_SEVERITIES[state],
                count,
                _PLAN_LABELS[state],
            )
            for state, count in plan.counts
            if count
        ),
        " &nbsp; ",
    )
    columns, rows, total, notes = _plan_grid(plan) or _plan_list(plan)
    return Table(
        plan.title,
        columns,
        tuple(rows),
        total=total,
        lines=tuple(filter(None, (_operations(plan), counts, " ".join(_totals(plan))))),
        warnings=tuple(_warnings(plan)),
        notes=(*notes, *plan.notices),
        is_narrow=True,
    )


_Parts = tuple[tuple[Column, ...], Sequence[Sequence[CellValue]], Sequence[CellValue] | None, Sequence[str]]


def _plan_list(plan: PlanTable) -> _Parts:
    """Return one row for each cell."""
    shown = _selected_rows(plan)
    has_jobs = any(row.ref for row in shown)
    columns = (
        Column("Cell", "number"),
        Column("Parameters"),
        Column("Status"),
        Column("Credits", "number"),
        *((Column("Job", "ref"),) if has_jobs else ()),
    )
    rows = [
        (
            row.number,
            row.caption,
            state_cell(_PLAN_LABELS[row.state], _PLAN_SEVERITIES[row.state], (row.reason,)),
            _credits_cell(row),
            *((code_cell(row.ref) if row.ref else TableCell(),) if has_jobs else ()),
        )
        for row in shown
    ]
    more = len(plan.rows) - len(shown)
    notes = [f"… and {more} more. sweep.to_frame() has them all."] if more else []
    total = ("", "Total", "", _total_of(plan.rows), *(("",) if has_jobs else ()))
    has_total = len(rows) > 1 and any(row.state == "new" for row in plan.rows)
    return columns, rows, total if has_total else None, notes


def _plan_grid(plan: PlanTable) -> _Parts | None:
    """Return a row for each value of one axis and a column for each of the other; None if that is not possible."""
    names = {tuple(row.values) for row in plan.rows}
    if len(names) != 1 or len(axes := next(iter(names))) != 2:
        return None
    labels = [[caption_from_values({axis: row.values[axis]}) or NOTHING for row in plan.rows] for axis in axes]
    if len(set(labels[1])) > _MAX_COLUMNS:
        labels.reverse()
    row_labels, column_labels = (list(dict.fromkeys(axis_labels)) for axis_labels in labels)
    cells = dict(zip(zip(*labels, strict=True), plan.rows, strict=True))
    is_too_large = len(column_labels) > _MAX_COLUMNS or len(row_labels) > _MAX_ROWS
    if is_too_large or len(cells) < len(plan.rows) or len(cells) < 2:
        return None
    reasons = Counter(row.reason for row in plan.rows if row.reason)
    notes = [f"{count} {'cell' if count == 1 else 'cells'}: {reason}." for reason, count in reasons.items()]
    columns = (Column("", "heading"), *map(Column, column_labels))
    rows: list[Sequence[CellValue]] = [
        [row_label, *(_grid_cell(cells.get((row_label, column_label))) for column_label in column_labels)]
        for row_label in row_labels
    ]
    if all(row.state != "new" for row in plan.rows):
        return columns, rows, None, notes  # nothing to add up
    row_totals = [_total_of([row for (label, _), row in cells.items() if label == wanted]) for wanted in row_labels]
    column_totals = [
        _total_of([row for (_, label), row in cells.items() if label == wanted]) for wanted in column_labels
    ]
    rows = [[*row, row_total] for row, row_total in zip(rows, row_totals, strict=True)]
    total = ("Total", *column_totals, _total_of(plan.rows))
    return (*columns, Column("Credits", "number")), rows, total, notes


def _grid_cell(row: PlanRow | None) -> TableCell:
    if row is None:
        return TableCell(NOTHING)
    unpriced = "price unknown" if row.state == "new" else _GRID_LABELS[row.state]
    label = unpriced if row.credits is None else str(row.credits)
    tooltip = " · ".join(filter(None, (f"cell {row.number}", row.caption, row.reason, row.ref)))
    cell = state_cell(label, _PLAN_SEVERITIES[row.state], tooltip=tooltip)
    return TableCell(cell.text, cell.content, order=row.credits, tooltip=tooltip)


def _total_of(rows: Sequence[PlanRow]) -> CellValue:
    """Return the credits of the new cells; at least those that are known, if the price of one is unknown."""
    prices = [row.credits for row in rows if row.state == "new"]
    least = _sum_known(prices)
    if None not in prices:
        return least
    return TableCell("unknown" if least is None else f"at least {least:,}", order=least)


def _sum_known(prices: Sequence[int | None]) -> int | None:
    """Return the sum of the prices that are known; None if there are prices, but none is known."""
    known = [price for price in prices if price is not None]
    return sum(known) if known or not prices else None


def _credits_cell(row: PlanRow) -> CellValue:
    if row.credits is None:
        return TableCell("unknown" if row.state == "new" else "")
    return row.credits


def _operations(plan: PlanTable) -> str:
    """Return what the cells make; empty if that is only the usual operation, from a first to a last picture."""
    names = [name for name, _ in plan.operations]
    if names in ([], ["frames"]):
        return ""
    if len(names) == 1:
        return f"Operation: {names[0]}."
    return f"Operations: {', '.join(f'{count} {name}' for name, count in plan.operations)}."


def _totals(plan: PlanTable) -> list[str]:
    """Return sentences about cost and time."""
    new = dict(plan.counts).get("new", 0)
    videos = _count_videos(new)
    if not new:
        cost = "Nothing new to pay for."
    elif plan.credits is None:
        unknown = plan.prices.count(None)
        cost = (
            f"{videos} to pay for, at an unknown price."
            if plan.least_credits is None
            else f"At least {plan.least_credits:,} credits for {videos}; the price of {unknown} is unknown."
        )
    else:
        sandbox = " (sandbox: no real credits)" if plan.is_sandbox else ""
        about = "At most" if plan.is_limit else "About"
        cost = f"{about} {plan.credits:,} credits for {videos}{sandbox}."
    totals = [cost]
    if plan.spent:
        totals.append(f"Spent on these cells so far: {plan.spent:,}.")
    if plan.budget is not None:
        totals.append(f"Budget: {plan.budget:,}.")
    if plan.balance is not None:
        totals.append(f"Balance: {plan.balance:,}.")
    if plan.expected_s:
        slots = "1 slot" if plan.slots == 1 else f"{plan.slots} slots"
        until = f", until {_clock_time(plan.ends_at, plan.expected_s)}" if plan.ends_at is not None else ""
        totals.append(f"About {format_duration(_rounded(plan.expected_s))} with {slots}{until}.")
    if plan.off_peak:
        usual = f"usually {format_duration(plan.off_peak_s)}, " if plan.off_peak_s else ""
        totals.append(f"Off-peak, without using a slot: {_count_videos(plan.off_peak)}, {usual}at most 24 hours.")
    return totals


def _rounded(seconds: float) -> float:
    """Return an estimate without false precision: whole minutes from two minutes on."""
    return seconds if seconds < 120 else round(seconds / 60) * 60


def _clock_time(at: float, expected_s: float) -> str:
    """Return the local time, with the day if it may be another one."""
    return time.strftime("%H:%M" if expected_s < 12 * 3600 else "%a %H:%M", time.localtime(at))


def _warnings(plan: PlanTable) -> list[str]:
    warnings = []
    least = plan.least_credits
    if least is not None and plan.balance is not None and least > plan.balance:
        warnings.append(
            "The balance does not cover all cells: the sweep stops when the credits run out and can be resumed later."
        )
    if least is not None and plan.budget is not None and plan.spent + least > plan.budget:
        warnings.append("The budget does not cover all cells: the sweep stops before the request that would exceed it.")
    if refused := dict(plan.counts).get("refused", 0):
        cells, them = ("1 cell is", "it") if refused == 1 else (f"{refused} cells are", "them")
        documented = f"{cells} refused for the reasons shown"
        skip = f"skip_refused=True to skip {them}, or " if plan.can_skip else ""
        warnings.append(
            f"{documented}; this sweep skips {them}."
            if plan.skips_refused
            else f"{documented}, so run() raises InvalidRequest. Pass {skip}allow_refused=True to send {them} anyway."
        )
    return warnings


def _selected_rows(plan: PlanTable) -> tuple[PlanRow, ...]:
    """Return the rows to show: all of a small plan; of a large plan first those with a reason."""
    if len(plan.rows) <= _MAX_ROWS:
        return plan.rows
    with_reason = [row for row in plan.rows if row.reason][: _MAX_ROWS // 2]
    others = [row for row in plan.rows if not row.reason][: _MAX_ROWS - len(with_reason)]
    return tuple(sorted([*with_reason, *others], key=lambda row: row.number))


# -- measurements ----------------------------------------------------------------------------------------------------

# The metrics that tell how good a video is. The others describe the file and rarely differ within a sweep.
_SHOWN_METRICS: Final = tuple(
    metric
    for name in (
        "first_psnr_db",
        "first_ssim",
        "last_psnr_db",
        "last_ssim",
        "flicker_levels",
        "motion_percent",
        "frozen_share",
        "cuts",
    )
    for metric in METRICS
    if metric.name == name
)


def measured_table(measured: Mapping[str, Measurement]) -> Table:
    """Return measurements by caption; the tooltip of a column says what the metric means."""
    columns = (
        Column("Video", "heading"),
        *(Column(metric.label, "number", unit=metric.unit, meaning=metric.meaning) for metric in _SHOWN_METRICS),
    )
    rows = tuple(
        (_short(caption), *(getattr(measurement, metric.name) for metric in _SHOWN_METRICS))
        for caption, measurement in list(measured.items())[:_MAX_ROWS]
    )
    more = len(measured) - len(rows)
    rest = f"… and {more} more. " if more else ""
    return Table(
        f"{_count_videos(len(measured))} measured",
        columns,
        rows,
        notes=(f"{rest}sweep.to_frame() has every metric.",) if measured else (),
        is_narrow=True,
    )


# -- ranking ---------------------------------------------------------------------------------------------------------


def ranking_table(entries: Sequence[RankEntry]) -> Table:
    """Return the ranking of some videos, best first."""
    votes = sum(entry.votes for entry in entries) // 2
    count = f"{_count_videos(len(entries))}, {'1 vote' if votes == 1 else f'{votes} votes'}"
    meaning = "Elo points: a video that is 100 points ahead is expected to win 64 % of the votes."
    columns = (
        Column("Place", "number"),
        Column("Video", "heading"),
        Column("Score", "number", meaning=meaning),
        *(Column(title, "number") for title in ("Won", "Lost", "Tied")),
    )
    rows = tuple(
        (
            entry.place,
            _short(entry.caption) or f"{entry.key[:12]}…",
            TableCell(f"{entry.score:+.0f}", order=entry.score) if entry.votes else None,
            entry.wins,
            entry.losses,
            entry.ties,
        )
        for entry in entries
    )
    if not rows:
        return Table("No video is finished yet.")
    hint = () if votes else ("No votes yet: press Vote in a comparison, such as sweep.compare().",)
    return Table(count, columns, rows, notes=hint, is_narrow=True)


def _short(caption: str) -> str:
    return shorten(redact(caption), max_length=_CAPTION_LENGTH)


def _count_videos(count: int) -> str:
    return f"{count} {'video' if count == 1 else 'videos'}"
