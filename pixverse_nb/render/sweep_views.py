"""What was measured, as a small table: the metrics that say how good a video is, one row a video."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Final, Literal

from pixverse_nb.metrics.definitions import METRICS, Measurement, Metric
from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import clock_words, duration_words, shortened
from pixverse_nb.render.style import aligned, as_of_html, styled

# The others say how a film is made up, and are alike in most sweeps.
_NAMES: Final = (
    "first_psnr_db",
    "first_ssim",
    "last_psnr_db",
    "last_ssim",
    "flicker_levels",
    "motion_percent",
    "frozen_share",
    "cuts",
)
_METRICS_SHOWN: Final = tuple(metric for name in _NAMES for metric in METRICS if metric.name == name)
_ROWS_SHOWN: Final = 40
_CAPTION_SHOWN: Final = 60
_ALL: Final = "sweep.to_frame() has every metric."


def measured_html(measured: Mapping[str, Measurement]) -> str:
    """Return the measurements by caption as a table; what a metric is stands in the title of its column."""
    heads = "".join(_head(metric) for metric in _METRICS_SHOWN)
    shown = list(measured.items())[:_ROWS_SHOWN]
    rows = "".join(_row(caption, measurement) for caption, measurement in shown)
    table = (
        f'<table class="pvnb-table" aria-label="{_count(measured)}"><thead><tr><th scope="col">Video</th>{heads}</tr>'
        f"</thead><tbody>{rows}</tbody></table>"
    )
    note = f'<div class="pvnb-note">{escape(_sum(measured))}</div>'
    return styled(f'<div class="pvnb pvnb-list pvnb-measured">{aligned(table) if shown else ""}{note}</div>')


def measured_text(measured: Mapping[str, Measurement]) -> str:
    """Return the same as aligned lines of plain text."""
    rows = [("", *(metric.label for metric in _METRICS_SHOWN))]
    rows += [
        (_caption(caption), *(_number(getattr(measurement, metric.name)) for metric in _METRICS_SHOWN))
        for caption, measurement in list(measured.items())[:_ROWS_SHOWN]
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
    return "\n".join([*(line.rstrip() for line in lines if measured), _sum(measured)])


def _head(metric: Metric) -> str:
    unit = f'<div class="pvnb-unit">{escape(metric.unit)}</div>' if metric.unit else ""
    return f'<th scope="col" class="pvnb-number" title="{escape(metric.meaning)}">{escape(metric.label)}{unit}</th>'


def _row(caption: str, measurement: Measurement) -> str:
    cells = "".join(
        f'<td class="pvnb-number">{_number(getattr(measurement, metric.name))}</td>' for metric in _METRICS_SHOWN
    )
    return f'<tr><th scope="row">{escape(_caption(caption))}</th>{cells}</tr>'


def _caption(caption: str) -> str:
    return redact(shortened(caption, longest=_CAPTION_SHOWN))


def _number(value: float | None) -> str:
    """Return a number as people read it, or a dash where there is nothing to measure."""
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.3f}" if abs(value) < 1 else f"{value:.1f}"


def _sum(measured: Mapping[str, Measurement]) -> str:
    more = len(measured) - _ROWS_SHOWN
    rest = f" … and {more} more like these." if more > 0 else ""
    return f"{_count(measured)} measured.{rest} {_ALL}"


def _count(measured: Mapping[str, Measurement]) -> str:
    return f"{len(measured)} {'video' if len(measured) == 1 else 'videos'}"


_LINES_SHOWN: Final = 40  # more rows hide what matters; the DataFrame has them all
_WORDS: Final = {
    "new": "new",
    "here": "already here",
    "open": "on the way",
    "failed": "failed before",
    "refused": "refused by the vendor",
}
_TONES: Final = {
    "new": "pvnb-run",
    "here": "pvnb-good",
    "open": "pvnb-wait",
    "failed": "pvnb-warn",
    "refused": "pvnb-bad",
}


@dataclass(frozen=True)
class PlanRow:
    """One cell: its number, what sets it apart, how it stands and why, what it may cost in credits, its job."""

    number: int
    caption: str
    state: str
    why: str = ""
    credits: int | None = None
    ref: str = ""


@dataclass(frozen=True)
class PlanTable:
    """The plan in values: counts by state, credits, and the expected time in seconds (None where not known)."""

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
    lines: tuple[PlanRow, ...] = field(default=(), repr=False)


def plan_html(sheet: PlanTable) -> str:
    """Return the plan as HTML: the sums above, then one row for each cell."""
    marks = "".join(
        f'<span class="pvnb-fact {_TONES[name]}" style="margin-right:14px"><span class="pvnb-mark"></span>'
        f"{count} {escape(_WORDS[name])}</span>"
        for name, count in sheet.counts
        if count
    )
    warnings = "".join(f'<div class="pvnb-trouble">{escape(text)}</div>' for text in _warnings(sheet))
    notices = "".join(f'<div class="pvnb-note">{escape(redact(text))}</div>' for text in sheet.notices)
    picked = _picked(sheet)
    has_jobs = any(line.ref for line in picked)
    rows = "".join(_plan_row(line, has_jobs=has_jobs) for line in picked)
    more = len(sheet.lines) - len(picked)
    rest = f'<div class="pvnb-note">… and {more} more like these. sweep.to_frame() has them all.</div>' if more else ""
    job = '<th scope="col">Job</th>' if has_jobs else ""
    head = (
        '<tr><th scope="col" class="pvnb-number">Cell</th><th scope="col">What differs</th><th scope="col">Stands</th>'
        f'<th scope="col" class="pvnb-number">Credits</th>{job}</tr>'
    )
    return styled(
        f'<div class="pvnb pvnb-list pvnb-plan"><div class="pvnb-state">{escape(redact(sheet.title))}</div>'
        f'<div class="pvnb-line">{marks}</div><div class="pvnb-line">{escape(" ".join(_sums(sheet)))}</div>'
        f'{warnings}{notices}<table class="pvnb-table" style="margin-top:10px"><thead>{aligned(head)}</thead>'
        f"<tbody>{aligned(rows)}</tbody></table>{rest}</div>"
    )


def plan_text(sheet: PlanTable) -> str:
    """Return the plan as lines of plain text."""
    marks = ", ".join(f"{count} {_WORDS[name]}" for name, count in sheet.counts if count)
    lines = [
        f"{line.number:>4}  {line.caption}  [{_WORDS[line.state]}{': ' + line.why if line.why else ''}]"
        for line in _picked(sheet)
    ]
    more = len(sheet.lines) - len(lines)
    tail = [f"      … and {more} more"] if more else []
    return redact(
        "\n".join(
            [
                sheet.title,
                f"  {marks}",
                *(f"  {text}" for text in (*_sums(sheet), *_warnings(sheet), *sheet.notices)),
                *lines,
                *tail,
            ]
        )
    )


def _sums(sheet: PlanTable) -> list[str]:
    """Return what it costs and how long it takes, in sentences."""
    counts = dict(sheet.counts)
    new = counts.get("new", 0)
    videos = "1 video" if new == 1 else f"{new} videos"
    if not new:
        cost = "Nothing new is paid."
    elif sheet.credits is None:
        cost = f"{videos} to pay; the price list does not know what they cost."
    else:
        free = " (sandbox: no real credits)" if sheet.is_sandbox else ""
        cost = f"About {sheet.credits:,} credits for {videos}{free}."
    money = [cost]
    if sheet.spent:
        money.append(f"Paid for these cells so far: {sheet.spent:,}.")
    if sheet.budget is not None:
        money.append(f"Budget: {sheet.budget:,}.")
    if sheet.balance is not None:
        money.append(f"Balance: {sheet.balance:,}.")
    if sheet.expected_s:
        slots = "1 slot" if sheet.slots == 1 else f"{sheet.slots} slots"
        money.append(f"About {duration_words(sheet.expected_s)} with {slots}.")
    return money


def _warnings(sheet: PlanTable) -> list[str]:
    counts = dict(sheet.counts)
    told = []
    if sheet.credits is not None and sheet.balance is not None and sheet.credits > sheet.balance:
        told.append(
            "The balance does not reach for all of it: the sweep stops where the credits end, and resumes after."
        )
    if sheet.credits is not None and sheet.budget is not None and sheet.spent + sheet.credits > sheet.budget:
        told.append("The budget does not reach for all of it: the sweep stops before the call that would exceed it.")
    if refused := counts.get("refused", 0):
        cells, them = ("1 cell", "it") if refused == 1 else (f"{refused} cells", "them")
        told.append(
            f"The vendor's documents refuse {cells}, which this sweep leaves out."
            if sheet.skips_refused
            else f"The vendor's documents refuse {cells}, so run() raises InvalidRequest: skip_refused=True leaves "
            f"{them} out, allow_refused=True sends {them} all the same."
        )
    return told


def _picked(sheet: PlanTable) -> tuple[PlanRow, ...]:
    """Return the rows that are shown: all of a small sweep; of a large one first what needs a look."""
    if len(sheet.lines) <= _LINES_SHOWN:
        return sheet.lines
    troubled = [line for line in sheet.lines if line.why][: _LINES_SHOWN // 2]
    plain = [line for line in sheet.lines if not line.why][: _LINES_SHOWN - len(troubled)]
    return tuple(sorted([*troubled, *plain], key=lambda line: line.number))


def _plan_row(line: PlanRow, *, has_jobs: bool) -> str:
    why = f'<div class="pvnb-line" style="font-size:12px">{escape(redact(line.why))}</div>' if line.why else ""
    job = f'<td><span class="pvnb-mono">{escape(line.ref)}</span></td>' if has_jobs else ""
    price = "" if line.credits is None else f"{line.credits}"
    return (
        f'<tr class="{_TONES[line.state]}"><td class="pvnb-number">{line.number}</td>'
        f'<td class="pvnb-flow">{escape(redact(line.caption))}</td>'
        f'<td class="pvnb-flow"><span class="pvnb-mark"></span>{escape(_WORDS[line.state])}{why}</td>'
        f'<td class="pvnb-number">{price}</td>{job}</tr>'
    )


Mode = Literal["planned", "running", "paused", "draining", "stopped", "done"]

_MODE_WORDS: Final = {
    "planned": "Not started",
    "running": "Running",
    "paused": "Paused",
    "draining": "Ending: nothing new is sent",
    "stopped": "Stopped",
    "done": "Finished",
}
_MODE_TONES: Final = {
    "planned": "pvnb-off",
    "running": "pvnb-run",
    "paused": "pvnb-wait",
    "draining": "pvnb-wait",
    "stopped": "pvnb-warn",
    "done": "pvnb-good",
}
# In the order in which they stand on the bar; each is told apart by word and number too.
_PARTS: Final = (
    ("done", "done", "var(--pvnb-good)"),
    ("running", "being made", "var(--pvnb-accent)"),
    ("waiting", "waiting", "var(--pvnb-line)"),
    ("failed", "without a video", "var(--pvnb-bad)"),
)


@dataclass(frozen=True)
class SweepProgress:
    """A sweep at one moment: its cells by where they stand, and its money in credits.

    `done` have their video, `running` are with the vendor or on their way to it, `waiting` are still to be sent,
    `failed` ended without a video, `skipped` are left out. `began_at` and `ends_at` are Unix seconds; `ends_at` is an
    expectation, None where nothing is known. `reason` says why it stopped or what only a person can do.
    """

    title: str
    mode: Mode
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
    is_sandbox: bool = False

    @property
    def is_over(self) -> bool:
        """True where nothing moves by itself any more."""
        return self.mode in ("done", "stopped")

    @property
    def is_intact(self) -> bool:
        """True where it is over and every cell that is not left out has its video, however it came to its end."""
        return self.is_over and self.done > 0 and self.done == self.total - self.skipped


def sweep_html(progress: SweepProgress, *, now: float) -> str:
    """Return the card as it is at `now` (Unix seconds)."""
    mode = _tone(progress)
    late = "" if progress.is_over else as_of_html(now)
    clock = f'<div class="pvnb-clock">{escape(_clock(progress, now))}{late}</div>' if progress.began_at else ""
    said = "".join(f'<div class="pvnb-trouble">{escape(redact(text))}</div>' for text in _sentences(progress))
    return styled(
        f'<div class="pvnb pvnb-card pvnb-sweepcard {mode}" role="status" aria-live="polite">'
        f'<div class="pvnb-head"><div class="pvnb-state"><span class="pvnb-mark"></span>'
        f"{escape(_words(progress))}</div>{clock}</div>"
        f'<div class="pvnb-line">{escape(redact(progress.title))}</div>{_bar(progress)}'
        f'<div class="pvnb-facts">{_counts(progress)}</div>'
        f'<div class="pvnb-facts">{escape(_money(progress))}</div>{said}</div>'
    )


def sweep_text(progress: SweepProgress, *, now: float) -> str:
    """Return the card as two lines of plain text."""
    counts = ", ".join(
        f"{getattr(progress, name)} {words}" for name, words, _ in _PARTS if getattr(progress, name) or name == "done"
    )
    clock = f" ({_clock(progress, now)})" if progress.began_at else ""
    said = "".join(f"\n  {text}" for text in _sentences(progress))
    return redact(
        f"Sweep {progress.title}: {_words(progress).lower()}{clock}\n  {counts} of {progress.total}; "
        f"{_money(progress)}{said}"
    )


def _words(progress: SweepProgress) -> str:
    """Return how it stands in a word; what was stopped with every video there has finished."""
    if progress.is_intact:
        return _MODE_WORDS["done"]
    if progress.mode == "done" and progress.failed:
        return f"Finished, {progress.failed} without a video"
    return _MODE_WORDS[progress.mode]


def _tone(progress: SweepProgress) -> str:
    """Return the class of its colour: green only where nothing is wanting."""
    if progress.is_intact:
        return _MODE_TONES["done"]
    return _MODE_TONES["stopped"] if progress.mode == "done" and progress.failed else _MODE_TONES[progress.mode]


def _sentences(progress: SweepProgress) -> tuple[str, ...]:
    """Return why it stopped, and how a new try is had of what ended without a video."""
    ones = "it" if progress.failed == 1 else "them"
    again = f"sweep.run(retry_failed=True) tries {ones} again; each new try is paid."
    reason = "" if progress.is_intact else progress.reason
    return tuple(text for text in (reason, again if progress.is_over and progress.failed else "") if text)


def _bar(progress: SweepProgress) -> str:
    """Return the bar: each part as wide as its share, with a plain style that an untrusted page keeps.

    What is left out has no part in it: a sweep that has ended fills its bar.
    """
    wanted = progress.total - progress.skipped
    share = 100 / max(1, wanted)
    parts = "".join(
        f'<span style="display:inline-block;height:8px;width:{share * count:.2f}%;background:{colour}"></span>'
        for name, _, colour in _PARTS
        if (count := getattr(progress, name))
    )
    label = f"{progress.done} of {wanted} done"
    return (
        f'<div role="progressbar" aria-valuemin="0" aria-valuemax="{wanted}" aria-valuenow="{progress.done}"'
        f' aria-label="{label}" style="height:8px;margin:10px 0 8px;border-radius:4px;overflow:hidden;line-height:0;'
        f'font-size:0;white-space:nowrap;background:var(--pvnb-wash)">{parts}</div>'
    )


def _counts(progress: SweepProgress) -> str:
    shown = []
    for name, words, colour in _PARTS:
        count = getattr(progress, name)
        if count or name == "done":
            box = f"display:inline-block;width:8px;height:8px;margin-right:6px;border-radius:2px;background:{colour}"
            dot = f'<span style="{box}"></span>'
            shown.append(f'<span class="pvnb-fact" style="margin-right:14px">{dot}{count} {words}</span>')
    if progress.skipped:
        shown.append(f'<span class="pvnb-fact">{progress.skipped} left out</span>')
    return "".join(shown)


def _money(progress: SweepProgress) -> str:
    about = "about " if progress.is_estimate else ""
    free = " in the sandbox: nothing real is paid" if progress.is_sandbox else ""
    paid = f"{about}{progress.spent:,} credits{free}" if progress.spent else "nothing paid so far"
    before = f"; {progress.reused} were here before" if progress.reused else ""
    return f"{paid}{before}"


def _clock(progress: SweepProgress, now: float) -> str:
    began = progress.began_at or now
    clock = clock_words(max(0.0, (progress.ended_at or now) - began))
    if progress.ends_at is None or progress.is_over:
        return clock
    left_s = progress.ends_at - now
    return f"{clock} · about {duration_words(left_s)} left" if left_s >= 1 else clock
