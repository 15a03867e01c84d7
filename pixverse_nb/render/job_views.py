"""Views of a job: its card, and its history as text."""

import time
from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from pixverse_nb.domain.jobs import Attempt, JobEvent, JobSnapshot, JobState
from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import (
    CHARGE_LABELS,
    charge_sentence,
    elapsed_s,
    format_clock,
    format_cost,
    format_credits,
    format_duration,
    format_parameters,
    format_seed,
    job_severity,
    next_step,
    shorten,
    state_explanation,
    state_label,
    typical_duration,
)
from pixverse_nb.render.player import data_url, facts_html, player_html, player_text, sandbox_badge
from pixverse_nb.render.style import html, join, prompt_div, text_div, updated_html, with_stylesheet

_ANIMATION_S: Final = 2.4  # the period of the animation pvnb-activity-bar in the stylesheet
_CARD_PROMPT_LENGTH: Final = 160


# -- card ----------------------------------------------------------------------------------------------------------


def card_html(snapshot: JobSnapshot, *, now: float, thumbnails: Sequence[bytes] = ()) -> Markup:
    """Return the card of a job at `now` (Unix seconds), or the player if the video is finished.

    `thumbnails` are JPEGs of the input images. They are part of every update of a live card, so keep them small
    (160 px).
    """
    if snapshot.video is not None:
        return player_html(snapshot.video, notices=snapshot.notices)
    return with_stylesheet(card_block(snapshot, now=now, thumbnails=thumbnails))


def card_block(snapshot: JobSnapshot, *, now: float, thumbnails: Sequence[bytes] = ()) -> Markup:
    """Return the card without the stylesheet, even if the video is finished."""
    return html(
        '<div class="pvnb pvnb-card pvnb-{}"><div class="pvnb-row">{}<div class="pvnb-body">{}{}{}</div></div>{}</div>',
        job_severity(snapshot),
        _thumbnails(thumbnails),
        _header(snapshot, now),
        _explanation(snapshot),
        _request(snapshot),
        _activity_line(snapshot, now),
    )


def card_text(snapshot: JobSnapshot, *, now: float) -> str:
    """Return the job as one to three lines of plain text."""
    if snapshot.video is not None:
        return player_text(snapshot.video)
    state = state_label(snapshot) + (" (sandbox)" if snapshot.is_sandbox else "")
    usual = typical_duration(snapshot, now=now)
    head = ", ".join(part for part in (state, _card_clock(snapshot, now)) if part) + (f" ({usual})" if usual else "")
    details = (snapshot.warning, state_explanation(snapshot))
    outcome = (snapshot.error, charge_sentence(snapshot), next_step(snapshot))
    lines = (
        f"Job {snapshot.ref}: {head}",
        shorten(" ".join(filter(None, details)), max_length=200),
        shorten(" ".join(filter(None, outcome)), max_length=400),
    )
    return redact("\n  ".join(line for line in lines if line))


def _card_clock(snapshot: JobSnapshot, now: float) -> str:
    elapsed = elapsed_s(snapshot, now=now)
    if snapshot.is_paused and snapshot.finished_at is None:
        return ""  # nothing is in progress
    if snapshot.state.is_final or snapshot.is_paused:
        return f"after {format_duration(elapsed)}" if elapsed >= 1 else ""
    return format_clock(elapsed)


def _header(snapshot: JobSnapshot, now: float) -> Markup:
    # Screen readers announce the state but not the clock, which changes every second.
    clock = (_card_clock(snapshot, now), typical_duration(snapshot, now=now))
    return html(
        '<div class="pvnb-header"><div class="pvnb-state" role="status" aria-live="polite">'
        '<span class="pvnb-dot"></span><strong>{state}</strong></div>{badge}'
        '<span class="pvnb-clock" role="timer" aria-live="off">{clock}{updated}</span></div>',
        state=state_label(snapshot),
        badge=sandbox_badge() if snapshot.is_sandbox else "",
        clock=" · ".join(part for part in clock if part),
        updated="" if snapshot.state.is_final or snapshot.is_paused else updated_html(now),
    )


def _explanation(snapshot: JobSnapshot) -> Markup:
    return join(
        (
            text_div("pvnb-line", state_explanation(snapshot)),
            text_div("pvnb-error", snapshot.error),
            text_div("pvnb-line", charge_sentence(snapshot)),
            text_div("pvnb-next", next_step(snapshot)),
            text_div("pvnb-warning", snapshot.warning),
        )
    )


def _request(snapshot: JobSnapshot) -> Markup:
    request = snapshot.request
    facts = (
        *format_parameters(request),
        format_seed(request),
        format_cost(snapshot, allow_estimate=True),
        f"ref {snapshot.ref}",
    )
    return html(
        '<div class="pvnb-request">{}<div class="pvnb-facts" style="font-size:12px;opacity:0.7">{}</div>{}</div>',
        prompt_div("pvnb-prompt", shorten(request.prompt, max_length=_CARD_PROMPT_LENGTH)),
        facts_html(facts),
        join(text_div("pvnb-note", notice) for notice in snapshot.notices),
    )


def _thumbnails(thumbnails: Sequence[bytes]) -> Markup:
    if not thumbnails:
        return Markup()
    images = (
        html('<img class="pvnb-input" width="72" alt="input {}" src="{}">', number, data_url(jpeg, "image/jpeg"))
        for number, jpeg in enumerate(thumbnails, start=1)
    )
    return html('<div class="pvnb-inputs">{}</div>', join(images))


def _activity_line(snapshot: JobSnapshot, now: float) -> Markup:
    """Return the line that moves while the job is in progress. It shows no percentage, because none is known.

    Every update replaces the card, so the animation starts at the phase that belongs to `now`. It stops after a few
    seconds, so that a card whose kernel has died does not look alive.
    """
    if snapshot.state is JobState.PLANNED or snapshot.state.is_final or snapshot.is_paused:
        return Markup()
    return html(
        '<div class="pvnb-activity" aria-hidden="true">'
        '<div class="pvnb-activity-bar" style="animation-delay:-{:.2f}s"></div></div>',
        now % _ANIMATION_S,
    )


# -- history -------------------------------------------------------------------------------------------------------


def history_text(job: JobSnapshot, attempts: Sequence[Attempt], events: Sequence[JobEvent]) -> str:
    """Return a job's facts, its paid calls and its events as plain text, oldest first."""
    facts = [
        ("state", state_label(job)),
        ("prompt", job.request.prompt),
        ("parameters", ", ".join(filter(None, (*format_parameters(job.request), format_seed(job.request))))),
        ("charged", charge_sentence(job) or CHARGE_LABELS[job.charged]),
        ("error", job.error or ""),
        ("warning", job.warning or ""),
        ("next step", job.status_detail),
        *(("notice", notice) for notice in job.notices),
    ]
    calls = [_attempt_line(attempt, is_sandbox=job.is_sandbox) for attempt in attempts]
    lines = [
        job.ref,
        *(f"  {name:10}  {text}" for name, text in facts if text),
        "",
        "Paid calls",
        *(calls or ["  none sent"]),
        "",
        "Events",
        *(f"  {_timestamp(event.at)}  {event.state.value:11}  {event.text}" for event in events),
    ]
    return redact("\n".join(lines))


def _attempt_line(attempt: Attempt, *, is_sandbox: bool) -> str:
    cost = ""
    if attempt.charged != "no" and attempt.credits is not None:
        cost = f" ({format_credits(attempt.credits, is_estimate=attempt.is_estimate, is_sandbox=is_sandbox)})"
    charge = CHARGE_LABELS[attempt.charged] + cost
    return f"  {attempt.number}  {_timestamp(attempt.sent_at)}  {charge}: {attempt.text}"


def _timestamp(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
