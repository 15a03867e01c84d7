"""Views of a sweep: its plan, its progress card and its measurements, as HTML and as plain text."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from markupsafe import Markup

from pixverse_nb.metrics.definitions import METRICS, Measurement, Metric
from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import StateSeverity, format_clock, format_duration, shorten
from pixverse_nb.render.style import header_cell, html, join, table_cell, text_div, updated_html, with_stylesheet

SweepMode = Literal["planned", "running", "paused", "draining", "stopped", "done"]

_MAX_ROWS: Final = 40  # of a plan or of measurements; `sweep.to_frame()` has them all
_CAPTION_LENGTH: Final = 60
_END_STEP_S: Final = 5  # an expected end that moves by less is not sent to the page again


# -- plan ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlanRow:
    """One cell of a plan: its number, what sets it apart, its state with the reason, its cost in credits, its job."""

    number: int
    caption: str
    state: str
    reason: str = ""
    credits: int | None = None
    ref: str = ""


@dataclass(frozen=True)
class PlanTable:
    """A plan as values: cells by state, credits, and the expected time in seconds (None if unknown)."""

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
    notices: tuple[str, ...] = ()
    rows: tuple[PlanRow, ...] = field(default=(), repr=False)


_PLAN_LABELS: Final[Mapping[str, str]] = {
    "new": "new",
    "done": "already finished",
    "open": "in progress",
    "failed": "failed before",
    "refused": "refused by PixVerse",
}
_PLAN_SEVERITIES: Final[Mapping[str, StateSeverity]] = {
    "new": "run",
    "done": "good",
    "open": "wait",
    "failed": "warn",
    "refused": "bad",
}


def plan_html(plan: PlanTable) -> Markup:
    """Return the plan as HTML: the totals, then one row for each cell."""
    rows = _selected_rows(plan)
    has_jobs = any(row.ref for row in rows)
    counts = join(
        html(
            '<span class="pvnb-fact pvnb-{}" style="margin-right:14px"><span class="pvnb-dot"></span>{} {}</span>',
            _PLAN_SEVERITIES[state],
            count,
            _PLAN_LABELS[state],
        )
        for state, count in plan.counts
        if count
    )
    head = (
        header_cell("Cell", "pvnb-number"),
        header_cell("Parameters"),
        header_cell("Status"),
        header_cell("Credits", "pvnb-number"),
        header_cell("Job") if has_jobs else "",
    )
    return with_stylesheet(
        html(
            '<div class="pvnb pvnb-list pvnb-plan"><div class="pvnb-state">{title}</div>'
            '<div class="pvnb-line">{counts}</div><div class="pvnb-line">{totals}</div>{warnings}{notices}'
            '<table class="pvnb-table" style="margin-top:10px"><thead><tr>{head}</tr></thead>'
            "<tbody>{rows}</tbody></table>{rest}</div>",
            title=plan.title,
            counts=counts,
            totals=" ".join(_totals(plan)),
            warnings=join(text_div("pvnb-warning", text) for text in _warnings(plan)),
            notices=join(text_div("pvnb-note", text) for text in plan.notices),
            head=join(head),
            rows=join(_plan_row(row, has_jobs=has_jobs) for row in rows),
            rest=text_div("pvnb-note", _not_shown(len(plan.rows) - len(rows))),
        )
    )


def plan_text(plan: PlanTable) -> str:
    """Return the plan as lines of plain text."""
    rows = _selected_rows(plan)
    lines = [plan.title, "  " + ", ".join(f"{count} {_PLAN_LABELS[state]}" for state, count in plan.counts if count)]
    lines += [f"  {text}" for text in (*_totals(plan), *_warnings(plan), *plan.notices)]
    for row in rows:
        reason = f": {row.reason}" if row.reason else ""
        lines.append(f"{row.number:>4}  {row.caption}  [{_PLAN_LABELS[row.state]}{reason}]")
    if rest := _not_shown(len(plan.rows) - len(rows)):
        lines.append(f"      {rest}")
    return redact("\n".join(lines))


def _plan_row(row: PlanRow, *, has_jobs: bool) -> Markup:
    reason = html('<div class="pvnb-line" style="font-size:12px">{}</div>', row.reason) if row.reason else ""
    cells = (
        table_cell(row.number, "pvnb-number"),
        table_cell(row.caption, "pvnb-wrap"),
        table_cell(html('<span class="pvnb-dot"></span>{}{}', _PLAN_LABELS[row.state], reason), "pvnb-wrap"),
        table_cell("" if row.credits is None else row.credits, "pvnb-number"),
        table_cell(html('<span class="pvnb-mono">{}</span>', row.ref)) if has_jobs else "",
    )
    return html('<tr class="pvnb-{}">{}</tr>', _PLAN_SEVERITIES[row.state], join(cells))


def _totals(plan: PlanTable) -> list[str]:
    """Return sentences about cost and time."""
    new = dict(plan.counts).get("new", 0)
    videos = _count_videos(new)
    if not new:
        cost = "Nothing new to pay for."
    elif plan.credits is None:
        cost = f"{videos} to pay for, at an unknown price."
    else:
        sandbox = " (sandbox: no real credits)" if plan.is_sandbox else ""
        cost = f"About {plan.credits:,} credits for {videos}{sandbox}."
    totals = [cost]
    if plan.spent:
        totals.append(f"Spent on these cells so far: {plan.spent:,}.")
    if plan.budget is not None:
        totals.append(f"Budget: {plan.budget:,}.")
    if plan.balance is not None:
        totals.append(f"Balance: {plan.balance:,}.")
    if plan.expected_s:
        slots = "1 slot" if plan.slots == 1 else f"{plan.slots} slots"
        totals.append(f"About {format_duration(plan.expected_s)} with {slots}.")
    return totals


def _warnings(plan: PlanTable) -> list[str]:
    warnings = []
    if plan.credits is not None and plan.balance is not None and plan.credits > plan.balance:
        warnings.append(
            "The balance does not cover all cells: the sweep stops when the credits run out and can be resumed later."
        )
    if plan.credits is not None and plan.budget is not None and plan.spent + plan.credits > plan.budget:
        warnings.append("The budget does not cover all cells: the sweep stops before the request that would exceed it.")
    if refused := dict(plan.counts).get("refused", 0):
        cells, them = ("1 cell", "it") if refused == 1 else (f"{refused} cells", "them")
        documented = f"According to its documentation, PixVerse refuses {cells}"
        warnings.append(
            f"{documented}; this sweep skips {them}."
            if plan.skips_refused
            else f"{documented}, so run() raises InvalidRequest. Pass skip_refused=True to skip {them}, or "
            f"allow_refused=True to send {them} anyway."
        )
    return warnings


def _selected_rows(plan: PlanTable) -> tuple[PlanRow, ...]:
    """Return the rows to show: all of a small plan; of a large plan first those with a reason."""
    if len(plan.rows) <= _MAX_ROWS:
        return plan.rows
    with_reason = [row for row in plan.rows if row.reason][: _MAX_ROWS // 2]
    others = [row for row in plan.rows if not row.reason][: _MAX_ROWS - len(with_reason)]
    return tuple(sorted([*with_reason, *others], key=lambda row: row.number))


def _not_shown(count: int) -> str:
    return f"… and {count} more. sweep.to_frame() has them all." if count > 0 else ""


# -- progress ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SweepProgress:
    """A sweep at one moment: the number of cells in each state, and credits.

    `done` cells have their video, `running` cells are submitted or about to be, `waiting` cells are still to be sent,
    `failed` cells ended without a video, `skipped` cells are not run. `began_at`, `ended_at` and `ends_at` (the
    expected end, None if unknown) are Unix seconds. `reason` says why the sweep stopped or what the user has to do;
    `reason_kind` is the same for programs: the name of an error class, "stop_rule_met", "client_closed", ….
    """

    title: str
    mode: SweepMode
    total: int
    done: int = 0
    running: int = 0
    waiting: int = 0
    failed: int = 0
    skipped: int = 0
    reused: int = 0
    spent: int = 0
    is_estimate: bool = True
    began_at: float | None = None
    ended_at: float | None = None
    ends_at: float | None = None
    reason: str = ""
    reason_kind: str = ""
    is_sandbox: bool = False

    @property
    def is_over(self) -> bool:
        """Whether the sweep has finished or was stopped."""
        return self.mode in ("done", "stopped")

    @property
    def is_complete(self) -> bool:
        """Whether the sweep is over and every cell that was not skipped has its video."""
        return self.is_over and self.done > 0 and self.done == self.total - self.skipped


_MODE_LABELS: Final[Mapping[SweepMode, str]] = {
    "planned": "Not started",
    "running": "Running",
    "paused": "Paused",
    "draining": "Finishing: nothing new is sent",
    "stopped": "Stopped",
    "done": "Finished",
}
_MODE_SEVERITIES: Final[Mapping[SweepMode, StateSeverity]] = {
    "planned": "off",
    "running": "run",
    "paused": "wait",
    "draining": "wait",
    "stopped": "warn",
    "done": "good",
}
# In the order of the bar: the field of SweepProgress, and its colour.
_PARTS: Final = (
    ("done", "var(--pvnb-good)"),
    ("running", "var(--pvnb-accent)"),
    ("waiting", "var(--pvnb-line)"),
    ("failed", "var(--pvnb-bad)"),
)


def sweep_state(progress: SweepProgress, *, now: float) -> dict[str, Any]:
    """Return the texts and numbers of a sweep's card for a widget, which moves the clock itself."""
    texts = {
        "label": _mode_label(progress),
        "title": progress.title,
        "facts": _money(progress),
        "warning": " ".join(_sweep_sentences(progress)),
        "clock_text": _sweep_clock(progress, now) if progress.began_at and progress.is_over else "",
    }
    pausing = {"running": ["pause", "stop"], "draining": ["resume"], "paused": ["resume", "stop"]}
    return {
        **{name: redact(text) for name, text in texts.items()},
        "kind": "sweep",
        "state": progress.mode,
        "severity": _sweep_severity(progress),
        "is_sandbox": progress.is_sandbox,
        "is_over": progress.is_over,
        "parts": [[name, getattr(progress, name)] for name, _ in _PARTS],
        "wanted": progress.total - progress.skipped,
        "done": progress.done,
        "began_at": progress.began_at,
        "is_clock_stopped": progress.is_over or progress.began_at is None,
        "ends_at": None if progress.ends_at is None else round(progress.ends_at / _END_STEP_S) * _END_STEP_S,
        "actions": pausing.get(progress.mode, []),
    }


def sweep_html(progress: SweepProgress, *, now: float, is_kept: bool = False) -> Markup:
    """Return the card of a sweep at `now` (Unix seconds); `is_kept`: the copy that is seen only without a kernel."""
    updated = "" if progress.is_over else updated_html(now)
    clock = html('<div class="pvnb-clock">{}{}</div>', _sweep_clock(progress, now), updated)
    return with_stylesheet(
        html(
            '<div class="pvnb pvnb-card{kept} pvnb-sweep-card{kept} pvnb-{severity}" role="status" aria-live="polite">'
            '<div class="pvnb-header"><div class="pvnb-state"><span class="pvnb-dot"></span>{label}</div>{clock}</div>'
            '<div class="pvnb-line">{title}</div>{bar}<div class="pvnb-facts">{counts}</div>'
            '<div class="pvnb-facts">{money}</div>{sentences}</div>{note}',
            kept="-kept" if is_kept else "",
            note=_kept_note(now) if is_kept else "",
            severity=_sweep_severity(progress),
            label=_mode_label(progress),
            clock=clock if progress.began_at else "",
            title=progress.title,
            bar=_bar(progress),
            counts=_counts_html(progress),
            money=_money(progress),
            sentences=join(text_div("pvnb-warning", text) for text in _sweep_sentences(progress)),
        )
    )


def _kept_note(now: float) -> Markup:
    at = time.strftime("%Y-%m-%d %H:%M", time.localtime(now))
    return html('<div class="pvnb pvnb-note">As of {}. Run the cell again to continue the sweep.</div>', at)


def sweep_text(progress: SweepProgress, *, now: float) -> str:
    """Return the card of a sweep as two or more lines of plain text."""
    clock = f" ({_sweep_clock(progress, now)})" if progress.began_at else ""
    counts = ", ".join(f"{count} {part}" for part, count, _ in _nonzero_parts(progress))
    lines = (
        f"Sweep {progress.title}: {_mode_label(progress).lower()}{clock}",
        f"{counts} of {progress.total}; {_money(progress)}",
        *_sweep_sentences(progress),
    )
    return redact("\n  ".join(lines))


def stopped_text(progress: SweepProgress) -> str:
    """Return one sentence about a sweep that was interrupted, and what to do to go on."""
    paid = " (not real credits)" if progress.is_sandbox else " (paid)"
    counts = (
        f"{progress.done} done",
        f"{progress.running} running{paid if progress.running else ''}",
        f"{progress.waiting} not sent",
        *((f"{progress.failed} failed",) if progress.failed else ()),
    )
    return f"Stopped: {', '.join(counts)}. Run the cell again to go on."


def _mode_label(progress: SweepProgress) -> str:
    if progress.is_complete:
        return _MODE_LABELS["done"]
    if progress.mode == "done" and progress.failed:
        return f"Finished, {progress.failed} failed"
    return _MODE_LABELS[progress.mode]


def _sweep_severity(progress: SweepProgress) -> StateSeverity:
    """Return the severity of the card: a finished sweep is "good" only if no video is missing."""
    if progress.is_complete:
        return "good"
    return "warn" if progress.mode == "done" and progress.failed else _MODE_SEVERITIES[progress.mode]


def _sweep_sentences(progress: SweepProgress) -> tuple[str, ...]:
    """Return why the sweep stopped, and how to retry the failed cells."""
    reason = "" if progress.is_complete else progress.reason
    retry = ""
    if progress.is_over and progress.failed:
        them = "it" if progress.failed == 1 else "them"
        retry = f"sweep.run(retry_failed=True) tries {them} again; each attempt is charged."
    return tuple(text for text in (reason, retry) if text)


def _nonzero_parts(progress: SweepProgress) -> list[tuple[str, int, str]]:
    """Return name, count and colour of each part that is not empty; "done" is always included."""
    counts = [(part, getattr(progress, part), colour) for part, colour in _PARTS]
    return [(part, count, colour) for part, count, colour in counts if count or part == "done"]


def _bar(progress: SweepProgress) -> Markup:
    """Return the progress bar; its inline styles survive in an untrusted notebook. Skipped cells are not part of it."""
    wanted = progress.total - progress.skipped
    share = 100 / max(1, wanted)
    parts = join(
        html('<span style="display:inline-block;height:8px;width:{:.2f}%;background:{}"></span>', share * count, colour)
        for _, count, colour in _nonzero_parts(progress)
    )
    return html(
        '<div role="progressbar" aria-valuemin="0" aria-valuemax="{wanted}" aria-valuenow="{done}"'
        ' aria-label="{done} of {wanted} done" style="height:8px;margin:10px 0 8px;border-radius:4px;overflow:hidden;'
        'line-height:0;font-size:0;white-space:nowrap;background:var(--pvnb-wash)">{parts}</div>',
        wanted=wanted,
        done=progress.done,
        parts=parts,
    )


def _counts_html(progress: SweepProgress) -> Markup:
    counts = [
        html(
            '<span class="pvnb-fact" style="margin-right:14px"><span style="display:inline-block;width:8px;height:8px;'
            'margin-right:6px;border-radius:2px;background:{}"></span>{} {}</span>',
            colour,
            count,
            part,
        )
        for part, count, colour in _nonzero_parts(progress)
    ]
    if progress.skipped:
        counts.append(html('<span class="pvnb-fact">{} skipped</span>', progress.skipped))
    return join(counts)


def _money(progress: SweepProgress) -> str:
    about = "about " if progress.is_estimate else ""
    sandbox = " in the sandbox (not real)" if progress.is_sandbox else ""
    spent = f"{about}{progress.spent:,} credits{sandbox}" if progress.spent else "nothing charged so far"
    return spent + (f"; {progress.reused} reused" if progress.reused else "")


def _sweep_clock(progress: SweepProgress, now: float) -> str:
    began_at = progress.began_at or now
    clock = format_clock(max(0.0, (progress.ended_at or now) - began_at))
    if progress.ends_at is None or progress.is_over:
        return clock
    left_s = progress.ends_at - now
    return f"{clock} · about {format_duration(left_s)} left" if left_s >= 1 else clock


# -- measurements --------------------------------------------------------------------------------------------------

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


def measured_html(measured: Mapping[str, Measurement]) -> Markup:
    """Return measurements by caption as a table; the tooltip of a column says what the metric means."""
    rows = [_measurement_row(caption, measurement) for caption, measurement in list(measured.items())[:_MAX_ROWS]]
    table = html(
        '<table class="pvnb-table" aria-label="{}"><thead><tr>{}{}</tr></thead><tbody>{}</tbody></table>',
        _count_videos(len(measured)),
        header_cell("Video"),
        join(_metric_head(metric) for metric in _SHOWN_METRICS),
        join(rows),
    )
    return with_stylesheet(
        html(
            '<div class="pvnb pvnb-list pvnb-metrics">{}{}</div>',
            table if rows else "",
            text_div("pvnb-note", _measured_summary(measured)),
        )
    )


def measured_text(measured: Mapping[str, Measurement]) -> str:
    """Return measurements by caption as aligned lines of plain text."""
    if not measured:
        return _measured_summary(measured)
    rows = [("", *(metric.label for metric in _SHOWN_METRICS))]
    rows += [
        (_short_caption(caption), *_numbers(measurement)) for caption, measurement in list(measured.items())[:_MAX_ROWS]
    ]
    first_width, *widths = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines = [
        "  ".join([caption.ljust(first_width), *map(str.rjust, numbers, widths)]).rstrip() for caption, *numbers in rows
    ]
    return "\n".join([*lines, _measured_summary(measured)])


def _metric_head(metric: Metric) -> Markup:
    label = html("{}{}", metric.label, text_div("pvnb-unit", metric.unit))
    return header_cell(label, "pvnb-number", title=metric.meaning)


def _measurement_row(caption: str, measurement: Measurement) -> Markup:
    numbers = join(table_cell(number, "pvnb-number") for number in _numbers(measurement))
    return html("<tr>{}{}</tr>", header_cell(_short_caption(caption), scope="row"), numbers)


def _short_caption(caption: str) -> str:
    return redact(shorten(caption, max_length=_CAPTION_LENGTH))  # before columns are aligned


def _numbers(measurement: Measurement) -> Sequence[str]:
    return [_format_number(getattr(measurement, metric.name)) for metric in _SHOWN_METRICS]


def _format_number(value: float | None) -> str:
    """Return a number with a sensible precision, or a dash if there is none."""
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.3f}" if abs(value) < 1 else f"{value:.1f}"


def _measured_summary(measured: Mapping[str, Measurement]) -> str:
    more = len(measured) - _MAX_ROWS
    rest = f" … and {more} more." if more > 0 else ""
    return f"{_count_videos(len(measured))} measured.{rest} sweep.to_frame() has every metric."


def _count_videos(count: int) -> str:
    return f"{count} {'video' if count == 1 else 'videos'}"
