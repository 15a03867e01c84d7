"""The progress card of a sweep, as HTML and as plain text."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from markupsafe import Markup

from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import StateSeverity, format_clock, format_duration
from pixverse_nb.render.player import sandbox_badge
from pixverse_nb.render.style import html, join, text_div, updated_html, with_stylesheet

SweepMode = Literal["planned", "running", "paused", "draining", "stopped", "done"]

_END_STEP_S: Final = 5  # an expected end that moves by less is not sent to the page again


@dataclass(frozen=True)
class SweepProgress:
    """A sweep at one moment: the number of cells in each state, and credits.

    `done` cells have their video, `running` cells are submitted or about to be, `waiting` cells are still to be sent,
    `failed` cells ended without a video, `skipped` cells are not run. `expected` is what the cells will have cost in
    the end, None if unknown. `began_at`, `ended_at` and `ends_at` (the expected end, None if unknown) are Unix seconds.
    `reason` says why the sweep stopped or what the user has to do; `reason_kind` is the same for programs: the name of
    an error class, "stop_rule_met", "client_closed", ….
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
    expected: int | None = None
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
    "draining": "Stopping: nothing new is sent",
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
    ("running", "color-mix(in srgb,var(--pvnb-accent) 35%,transparent)"),  # pale: not yet done
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


def sweep_html(progress: SweepProgress, *, now: float, is_fallback: bool = False) -> Markup:
    """Return the card of a sweep at `now` (Unix seconds); `is_fallback`: the copy beside a widget."""
    updated = "" if progress.is_over else updated_html(now)
    clock = html('<div class="pvnb-clock">{}{}</div>', _sweep_clock(progress, now), updated)
    return with_stylesheet(
        html(
            '<div class="pvnb pvnb-card{suffix} pvnb-sweep-card{suffix} pvnb-{severity}" role="status"'
            ' aria-live="polite"><div class="pvnb-header">'
            '<div class="pvnb-state"><span class="pvnb-dot"></span><strong>{label}</strong>'
            '</div>{badge}{clock}</div>{bar}<div class="pvnb-facts">{counts}</div>{sentences}'
            '<div class="pvnb-line">{title}</div><div class="pvnb-facts">{money}</div></div>{note}',
            suffix="-fallback" if is_fallback else "",
            note=_fallback_note(now) if is_fallback else "",
            severity=_sweep_severity(progress),
            label=_mode_label(progress),
            badge=sandbox_badge() if progress.is_sandbox else "",
            clock=clock if progress.began_at else "",
            title=progress.title,
            bar=_bar(progress),
            counts=_counts_html(progress),
            money=_money(progress),
            sentences=join(text_div("pvnb-warning", text) for text in _sweep_sentences(progress)),
        )
    )


def _fallback_note(now: float) -> Markup:
    at = time.strftime("%Y-%m-%d %H:%M", time.localtime(now))
    return html('<div class="pvnb pvnb-note">As of {}. Run the cell again to continue the sweep.</div>', at)


def sweep_text(progress: SweepProgress, *, now: float, what: str = "Sweep ") -> str:
    """Return the card of a sweep as two or more lines of plain text; `what` is in front of its title."""
    clock = f" ({_sweep_clock(progress, now)})" if progress.began_at else ""
    counts = ", ".join(f"{count} {part}" for part, count, _ in _nonzero_parts(progress))
    lines = (
        f"{what}{progress.title}: {_mode_label(progress).lower()}{clock}",
        f"{counts} of {progress.total}; {_money(progress)}",
        *_sweep_sentences(progress),
    )
    return redact("\n  ".join(lines))


def stopped_text(progress: SweepProgress, *, in_notebook: bool) -> str:
    """Return one sentence about a sweep that was interrupted, and what to do to go on."""
    again = "Run the cell again" if in_notebook else "Run the sweep again"
    paid = " (not real credits)" if progress.is_sandbox else " (paid)"
    counts = (
        f"{progress.done} done",
        f"{progress.running} running{paid if progress.running else ''}",
        f"{progress.waiting} not sent",
        *((f"{progress.failed} failed",) if progress.failed else ()),
    )
    return f"Stopped: {', '.join(counts)}. {again} to go on."


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
    """Return what goes on while the sweep does not run, why it stopped, and how to retry the failed cells."""
    sent = ""
    if progress.running and progress.mode in ("paused", "planned"):  # planned: an earlier run has sent them
        sent = (
            "The 1 that was sent goes on." if progress.running == 1 else f"The {progress.running} that were sent go on."
        )
    if progress.mode == "paused":
        sent = f"{sent} Nothing new is sent until Resume.".strip()
    elif sent:
        sent = f"{sent} run() waits for the videos and sends the rest."
    reason = "" if progress.is_complete else progress.reason
    retry = ""
    if progress.is_over and progress.failed:
        them = "it" if progress.failed == 1 else "them"
        retry = f"sweep.run(retry_failed=True) tries {them} again; each attempt is charged."
    return tuple(text for text in (sent, reason, retry) if text)


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
        '<div class="pvnb-progress" role="progressbar" aria-valuemin="0" aria-valuemax="{wanted}"'
        ' aria-valuenow="{done}"'
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
    is_growing = progress.expected is not None and progress.expected > progress.spent and not progress.is_over
    total = f" of about {progress.expected:,}" if is_growing else ""
    spent = f"{about}{progress.spent:,}{total} credits{sandbox}" if progress.spent else "nothing charged so far"
    return spent + (f"; {progress.reused} reused" if progress.reused else "")


def _sweep_clock(progress: SweepProgress, now: float) -> str:
    began_at = progress.began_at or now
    clock = format_clock(max(0.0, (progress.ended_at or now) - began_at))
    if progress.ends_at is None or progress.is_over:
        return clock
    left_s = progress.ends_at - now
    if left_s < 0:
        return f"{clock} · longer than expected"
    return f"{clock} · about {format_duration(left_s)} left" if left_s >= 1 else clock
