"""The card of one job: where it stands, in words, with its clock; the player once the video is there."""

from html import escape
from typing import Final

from pixverse_nb.models import JobSnapshot, JobState
from pixverse_nb.privacy import masked
from pixverse_nb.show.player import data_url, facts_html, player_html, player_text, sandbox_badge
from pixverse_nb.show.style import as_of_html, styled
from pixverse_nb.show.words import (
    charge_words,
    clock_words,
    cost_words,
    duration_words,
    elapsed_s,
    job_tone,
    meaning,
    next_step_words,
    parameter_words,
    shortened,
    state_words,
    typical_words,
)

_DRIFT_S: Final = 2.4  # the period of pvnb-drift in the stylesheet
_PROMPT_SHOWN: Final = 160


def card_html(snapshot: JobSnapshot, *, now: float, pictures: tuple[bytes, bytes] | None = None) -> str:
    """Return the card of a job at the moment `now` (Unix seconds), or the player where the video is there.

    `pictures` are JPEG thumbnails of the first and the last picture; they travel with every update of a live card, so
    keep them small (160 px).
    """
    if snapshot.video is not None:
        return player_html(snapshot.video, notices=snapshot.notices)
    return styled(card_block(snapshot, now=now, pictures=pictures))


def card_block(snapshot: JobSnapshot, *, now: float, pictures: tuple[bytes, bytes] | None = None) -> str:
    """Return the card alone, without the stylesheet and whether or not there is a video."""
    body = "".join((_head(snapshot, now), _explanation(snapshot), _about(snapshot)))
    return (
        f'<div class="pvnb pvnb-card pvnb-{job_tone(snapshot)}"><div class="pvnb-row">'
        f'{_pictures(pictures)}<div class="pvnb-body">{body}</div></div>{_sweep(snapshot, now)}</div>'
    )


def card_text(snapshot: JobSnapshot, *, now: float) -> str:
    """Return the job in one to three lines of plain text."""
    if snapshot.video is not None:
        return player_text(snapshot.video)
    state = state_words(snapshot) + (" (sandbox)" if snapshot.is_sandbox else "")
    clock = _clock(snapshot, now)
    head = f"{state}, {clock}" if clock else state
    usual = typical_words(snapshot, now=now)
    lines = (
        f"Job {snapshot.ref}: {head}{f' ({usual})' if usual else ''}",
        shortened(_sentences(snapshot.trouble, meaning(snapshot)), longest=200),
        shortened(_sentences(snapshot.error, charge_words(snapshot), next_step_words(snapshot)), longest=400),
    )
    return masked("\n  ".join(line for line in lines if line))


def _sentences(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)


def _clock(snapshot: JobSnapshot, now: float) -> str:
    elapsed = elapsed_s(snapshot, now=now)
    if snapshot.rests and snapshot.finished_at is None:
        return ""  # nothing is waited for, so nothing is counted
    if snapshot.state.is_final or snapshot.rests:
        return f"after {duration_words(elapsed)}" if elapsed >= 1 else ""
    return clock_words(elapsed)


def _head(snapshot: JobSnapshot, now: float) -> str:
    # The state is announced by screen readers; the running clock is not, or they would speak every second.
    badge = sandbox_badge() if snapshot.is_sandbox else ""
    usual = typical_words(snapshot, now=now)
    late = "" if snapshot.state.is_final or snapshot.rests else as_of_html(now)
    return (
        '<div class="pvnb-head"><div class="pvnb-state" role="status" aria-live="polite">'
        f'<span class="pvnb-mark"></span><strong>{state_words(snapshot)}</strong></div>{badge}'
        f'<span class="pvnb-clock" role="timer" aria-live="off">'
        f"{' · '.join(part for part in (_clock(snapshot, now), usual) if part)}{late}</span></div>"
    )


def _explanation(snapshot: JobSnapshot) -> str:
    parts = (
        ("pvnb-line", meaning(snapshot)),
        ("pvnb-error", snapshot.error),
        ("pvnb-line", charge_words(snapshot)),
        ("pvnb-next", next_step_words(snapshot)),
        ("pvnb-trouble", snapshot.trouble),
    )
    return "".join(f'<div class="{name}">{escape(masked(text))}</div>' for name, text in parts if text)


def _about(snapshot: JobSnapshot) -> str:
    request = snapshot.request
    facts = (
        *parameter_words(request),
        f"seed {request.seed}",
        cost_words(snapshot, may_estimate=True),
        f"ref {snapshot.ref}",
    )
    prompt = shortened(request.prompt, longest=_PROMPT_SHOWN)
    return (
        '<div class="pvnb-about">'
        + (f'<div class="pvnb-prompt">{escape(masked(prompt))}</div>' if prompt else "")
        + f'<div class="pvnb-facts" style="font-size:12px;opacity:0.7">{facts_html(facts)}</div>'
        + "".join(f'<div class="pvnb-note">{escape(masked(notice))}</div>' for notice in snapshot.notices)
        + "</div>"
    )


def _pictures(pictures: tuple[bytes, bytes] | None) -> str:
    if pictures is None:
        return ""
    first, last = pictures
    return '<div class="pvnb-pictures">' + _picture(first, "first picture") + _picture(last, "last picture") + "</div>"


def _picture(jpeg: bytes, name: str) -> str:
    return f'<img class="pvnb-picture" width="72" alt="{name}" src="{data_url(jpeg, "image/jpeg")}">'


def _sweep(snapshot: JobSnapshot, now: float) -> str:
    """Return the line that moves while the job runs; it says "alive" and no percentage.

    Every update replaces the card, so the animation is started where the last one stood; and it ends by itself after
    some seconds, so that a card left behind by a dead kernel does not go on pretending.
    """
    if snapshot.state is JobState.PLANNED or snapshot.state.is_final or snapshot.rests:
        return ""
    phase = f"animation-delay:-{now % _DRIFT_S:.2f}s"
    return f'<div class="pvnb-sweep" aria-hidden="true"><div class="pvnb-runner" style="{phase}"></div></div>'
