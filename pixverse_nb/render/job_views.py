"""Views of a job: its card, and its history as text."""

import time
from collections.abc import Sequence
from typing import Any, Final

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
_LONGEST_PERCENT: Final = 97.0  # a bar that is full would say that the video is there
_NOT_SUBMITTED: Final = frozenset({JobState.PLANNED, JobState.UPLOADING, JobState.WAITING})


# -- card ----------------------------------------------------------------------------------------------------------


def card_html(
    snapshot: JobSnapshot, *, now: float, thumbnails: Sequence[bytes] = (), is_fallback: bool = False
) -> Markup:
    """Return the card of a job at `now` (Unix seconds), or the player if the video is finished.

    `thumbnails` are JPEGs of the input images. They are part of every update of a live card, so keep them small
    (160 px). `is_fallback`: the copy beside a widget, which is seen only without a kernel; it has no thumbnails.
    """
    if snapshot.video is not None:
        return player_html(snapshot.video, notices=snapshot.notices)
    if is_fallback:
        return with_stylesheet(join((card_block(snapshot, now=now, is_fallback=True), _fallback_note(snapshot, now))))
    return with_stylesheet(card_block(snapshot, now=now, thumbnails=thumbnails))


def card_state(snapshot: JobSnapshot, *, now: float) -> dict[str, Any]:
    """Return the texts and numbers of a job's card for a widget, which moves the clock and the bar itself.

    Times are Unix seconds.
    """
    request = snapshot.request
    is_stopped = snapshot.state.is_final or snapshot.is_paused
    facts = (
        *format_parameters(request),
        format_seed(request),
        format_cost(snapshot, allow_estimate=True),
        f"ref {snapshot.ref}",
    )
    can_cancel = not snapshot.state.is_final and snapshot.state is not JobState.DOWNLOADING
    can_resume = snapshot.can_resume and snapshot.charged == "yes"  # otherwise its call may be sent, which is paid
    texts = {
        "label": state_label(snapshot),
        "explanation": state_explanation(snapshot),
        "error": snapshot.error or "",
        "charge": charge_sentence(snapshot),
        "next": next_step(snapshot),
        "warning": snapshot.warning or "",
        "title": shorten(request.prompt, max_length=_CARD_PROMPT_LENGTH),
        "facts": " · ".join(fact for fact in facts if fact),
        "notices": "\n".join(snapshot.notices),
        "clock_text": _card_clock(snapshot, now) if is_stopped else "",
        "cancel_question": cancel_explanation(snapshot) if can_cancel else "",
        "resume_label": "" if not can_resume else "Wait again" if snapshot.state.is_final else "Try again",
    }
    return {
        **{name: redact(text) for name, text in texts.items()},
        "kind": "job",
        "state": snapshot.state.value,
        "severity": job_severity(snapshot),
        "is_sandbox": snapshot.is_sandbox,
        "is_over": snapshot.state.is_final,
        "has_video": snapshot.video is not None,
        "began_at": snapshot.created_at if snapshot.submitted_at is None else snapshot.submitted_at,
        "is_clock_stopped": is_stopped,
        "typical_s": None if snapshot.submitted_at is None or is_stopped else snapshot.typical_s,
        "actions": [*(["resume"] if can_resume else []), *(["cancel"] if can_cancel else [])],
    }


def cancel_explanation(snapshot: JobSnapshot) -> str:
    """Return what cancelling this job stops, and what it does not stop."""
    if snapshot.state in _NOT_SUBMITTED:
        return "Nothing has been charged yet. Cancelling stops the job before the paid call."
    money = "No real credits are spent in the sandbox." if snapshot.is_sandbox else "Its credits are not refunded."
    return (
        "Cancelling stops waiting for the video here and stops the API's tracking. "
        f"PixVerse may still generate the video. {money}"
    )


def card_block(
    snapshot: JobSnapshot, *, now: float, thumbnails: Sequence[bytes] = (), is_fallback: bool = False
) -> Markup:
    """Return the card without the stylesheet, even if the video is finished."""
    return html(
        '<div class="pvnb pvnb-card{} pvnb-{}"><div class="pvnb-row">{}'
        '<div class="pvnb-body">{}{}{}</div></div>{}</div>',
        "-fallback" if is_fallback else "",
        job_severity(snapshot),
        _thumbnails(thumbnails),
        _header(snapshot, now),
        _explanation(snapshot),
        _request(snapshot),
        _activity_line(snapshot, now),
    )


def _fallback_note(snapshot: JobSnapshot, now: float) -> Markup:
    """Return how old the copy is, and how to see the job as it is now."""
    at = time.strftime("%Y-%m-%d %H:%M", time.localtime(now))
    return html(
        '<div class="pvnb pvnb-note">As of {}. Run the cell again, or see <span class="pvnb-mono">client.job({})</span>'
        ".</div>",
        at,
        repr(snapshot.ref),
    )


def card_text(snapshot: JobSnapshot, *, now: float) -> str:
    """Return the job as one to three lines of plain text, with its price and its notices."""
    notices = shorten(" ".join(snapshot.notices), max_length=400)
    if snapshot.video is not None:
        return player_text(snapshot.video) + (f"\n  {redact(notices)}" if notices else "")
    details = (snapshot.warning, state_explanation(snapshot))
    outcome = (snapshot.error, charge_sentence(snapshot), next_step(snapshot))
    lines = (
        _head_line(snapshot, now),
        " ".join(filter(None, (shorten(" ".join(filter(None, details)), max_length=200), notices))),
        shorten(" ".join(filter(None, outcome)), max_length=400),
    )
    return redact("\n  ".join(line for line in lines if line))


def waiting_text(snapshot: JobSnapshot, *, now: float) -> str:
    """Return what a script prints about a job that it waits for: a line with its price, and one for each notice."""
    return redact("\n  ".join((_head_line(snapshot, now), *snapshot.notices)))


def _head_line(snapshot: JobSnapshot, now: float) -> str:
    state = state_label(snapshot) + (" (sandbox)" if snapshot.is_sandbox else "")
    usual = typical_duration(snapshot, now=now)
    head = ", ".join(part for part in (state, _card_clock(snapshot, now)) if part) + (f" ({usual})" if usual else "")
    cost = "" if charge_sentence(snapshot) else format_cost(snapshot, allow_estimate=True)
    return f"Job {snapshot.ref}: {head}" + (f" · {cost}" if cost else "")


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
    """Return the bar of a job in progress: how much of the usual time has passed, if that is known, and movement.

    Every update replaces the card, so the animation starts at the phase that belongs to `now`. It stops after a few
    seconds, so that a card whose kernel has died does not look alive.
    """
    if snapshot.state is JobState.PLANNED or snapshot.state.is_final or snapshot.is_paused:
        return Markup()
    share = Markup()
    if snapshot.typical_s and snapshot.submitted_at is not None:
        percent = min(100 * elapsed_s(snapshot, now=now) / snapshot.typical_s, _LONGEST_PERCENT)
        share = html('<div class="pvnb-activity-share" style="width:{:.1f}%"></div>', percent)
    return html(
        '<div class="pvnb-activity" aria-hidden="true">{}'
        '<div class="pvnb-activity-bar" style="animation-delay:-{:.2f}s"></div></div>',
        share,
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
