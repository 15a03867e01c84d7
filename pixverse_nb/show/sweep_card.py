"""The live card of a sweep: how many cells stand where, what it has cost, and when it probably ends.

Never a guess shown as a fact: the end is told only where durations have been seen.
"""

from dataclasses import dataclass
from html import escape
from typing import Final, Literal

from pixverse_nb.privacy import masked
from pixverse_nb.show.style import as_of_html, styled
from pixverse_nb.show.words import clock_words, duration_words

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
    def is_whole(self) -> bool:
        """True where it is over and every cell that is not left out has its video, however it came to its end."""
        return self.is_over and self.done > 0 and self.done == self.total - self.skipped


def sweep_html(progress: SweepProgress, *, now: float) -> str:
    """Return the card as it is at `now` (Unix seconds)."""
    mode = _tone(progress)
    late = "" if progress.is_over else as_of_html(now)
    clock = f'<div class="pvnb-clock">{escape(_clock(progress, now))}{late}</div>' if progress.began_at else ""
    said = "".join(f'<div class="pvnb-trouble">{escape(masked(text))}</div>' for text in _sentences(progress))
    return styled(
        f'<div class="pvnb pvnb-card pvnb-sweepcard {mode}" role="status" aria-live="polite">'
        f'<div class="pvnb-head"><div class="pvnb-state"><span class="pvnb-mark"></span>'
        f"{escape(_words(progress))}</div>{clock}</div>"
        f'<div class="pvnb-line">{escape(masked(progress.title))}</div>{_bar(progress)}'
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
    return masked(
        f"Sweep {progress.title}: {_words(progress).lower()}{clock}\n  {counts} of {progress.total}; "
        f"{_money(progress)}{said}"
    )


def _words(progress: SweepProgress) -> str:
    """Return how it stands in a word; what was stopped with every video there has finished."""
    if progress.is_whole:
        return _MODE_WORDS["done"]
    if progress.mode == "done" and progress.failed:
        return f"Finished, {progress.failed} without a video"
    return _MODE_WORDS[progress.mode]


def _tone(progress: SweepProgress) -> str:
    """Return the class of its colour: green only where nothing is wanting."""
    if progress.is_whole:
        return _MODE_TONES["done"]
    return _MODE_TONES["stopped"] if progress.mode == "done" and progress.failed else _MODE_TONES[progress.mode]


def _sentences(progress: SweepProgress) -> tuple[str, ...]:
    """Return why it stopped, and how a new try is had of what ended without a video."""
    ones = "it" if progress.failed == 1 else "them"
    again = f"sweep.run(retry_failed=True) tries {ones} again; each new try is paid."
    reason = "" if progress.is_whole else progress.reason
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
