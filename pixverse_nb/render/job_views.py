"""The card of one job: where it stands, in words, with its clock; the player once the video is there."""

import time
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from pixverse_nb.domain.jobs import Attempt, JobEvent, JobSnapshot, JobState
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import (
    charge_words,
    clock_words,
    cost_words,
    credit_words,
    duration_words,
    elapsed_s,
    job_tone,
    meaning,
    next_step_words,
    parameter_words,
    short_words,
    shortened,
    state_words,
    typical_words,
)
from pixverse_nb.render.player import data_url, facts_html, player_html, player_text, sandbox_badge
from pixverse_nb.render.style import aligned, as_of_html, styled

_DRIFT_S: Final = 2.4  # the period of pvnb-drift in the stylesheet
_PROMPT_SHOWN: Final = 160


def card_html(snapshot: JobSnapshot, *, now: float, pictures: tuple[bytes, ...] = ()) -> str:
    """Return the card of a job at the moment `now` (Unix seconds), or the player where the video is there.

    `pictures` are JPEG thumbnails of the first and the last picture; they travel with every update of a live card, so
    keep them small (160 px).
    """
    if snapshot.video is not None:
        return player_html(snapshot.video, notices=snapshot.notices)
    return styled(card_block(snapshot, now=now, pictures=pictures))


def card_block(snapshot: JobSnapshot, *, now: float, pictures: tuple[bytes, ...] = ()) -> str:
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
        shortened(_sentences(snapshot.warning, meaning(snapshot)), longest=200),
        shortened(_sentences(snapshot.error, charge_words(snapshot), next_step_words(snapshot)), longest=400),
    )
    return redact("\n  ".join(line for line in lines if line))


def _sentences(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)


def _clock(snapshot: JobSnapshot, now: float) -> str:
    elapsed = elapsed_s(snapshot, now=now)
    if snapshot.is_paused and snapshot.finished_at is None:
        return ""  # nothing is waited for, so nothing is counted
    if snapshot.state.is_final or snapshot.is_paused:
        return f"after {duration_words(elapsed)}" if elapsed >= 1 else ""
    return clock_words(elapsed)


def _head(snapshot: JobSnapshot, now: float) -> str:
    # The state is announced by screen readers; the running clock is not, or they would speak every second.
    badge = sandbox_badge() if snapshot.is_sandbox else ""
    usual = typical_words(snapshot, now=now)
    late = "" if snapshot.state.is_final or snapshot.is_paused else as_of_html(now)
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
        ("pvnb-trouble", snapshot.warning),
    )
    return "".join(f'<div class="{name}">{escape(redact(text))}</div>' for name, text in parts if text)


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
        + (f'<div class="pvnb-prompt">{escape(redact(prompt))}</div>' if prompt else "")
        + f'<div class="pvnb-facts" style="font-size:12px;opacity:0.7">{facts_html(facts)}</div>'
        + "".join(f'<div class="pvnb-note">{escape(redact(notice))}</div>' for notice in snapshot.notices)
        + "</div>"
    )


def _pictures(pictures: tuple[bytes, ...]) -> str:
    if not pictures:
        return ""
    names = (
        ("first picture", "last picture")
        if len(pictures) == 2
        else [f"picture {at}" for at in range(1, len(pictures) + 1)]
    )
    return '<div class="pvnb-pictures">' + "".join(map(_picture, pictures, names)) + "</div>"


def _picture(jpeg: bytes, name: str) -> str:
    return f'<img class="pvnb-picture" width="72" alt="{name}" src="{data_url(jpeg, "image/jpeg")}">'


def _sweep(snapshot: JobSnapshot, now: float) -> str:
    """Return the line that moves while the job runs; it says "alive" and no percentage.

    Every update replaces the card, so the animation is started where the last one stood; and it ends by itself after
    some seconds, so that a card left behind by a dead kernel does not go on pretending.
    """
    if snapshot.state is JobState.PLANNED or snapshot.state.is_final or snapshot.is_paused:
        return ""
    phase = f"animation-delay:-{now % _DRIFT_S:.2f}s"
    return f'<div class="pvnb-sweep" aria-hidden="true"><div class="pvnb-runner" style="{phase}"></div></div>'


_HEAD = (
    '<tr><th scope="col">State</th><th scope="col" class="pvnb-number">Time</th>'
    '<th scope="col">Prompt, and what comes next</th><th scope="col">Parameters</th>'
    '<th scope="col" class="pvnb-number">Seed</th><th scope="col">Charged</th>'
    '<th scope="col">Created</th><th scope="col">Ref</th></tr>'
)


def jobs_html(snapshots: Iterable[JobSnapshot], *, now: float) -> str:
    """Return a table of jobs in the order given, at the moment `now` (Unix seconds)."""
    jobs = tuple(snapshots)
    if not jobs:
        return styled('<div class="pvnb pvnb-list"><div class="pvnb-line">No jobs yet.</div></div>')
    rows = "".join(_row(job, now) for job in jobs)
    count = "1 job" if len(jobs) == 1 else f"{len(jobs)} jobs"
    table = f'<table class="pvnb-table" aria-label="{count}"><thead>{_HEAD}</thead><tbody>{rows}</tbody></table>'
    return styled(f'<div class="pvnb pvnb-list">{aligned(table)}</div>')


def jobs_text(snapshots: Iterable[JobSnapshot], *, now: float) -> str:
    """Return jobs as aligned lines of plain text, each with a second line where something comes next."""
    jobs = tuple(snapshots)
    if not jobs:
        return "No jobs yet."
    cells = [
        (
            job.ref,
            short_words(job),
            _time(job, now),
            _when(job, now),
            _CHARGED[job.charged] + (f" {amount}" if (amount := _amount(job)) and job.charged != "no" else ""),
            f"{job.request.quality} {job.request.duration} s",
            f"seed {job.request.seed}",
            shortened(job.request.prompt, longest=48),
        )
        for job in jobs
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines: list[str] = []
    for job, row in zip(jobs, cells, strict=True):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        lines += [f"  {sentence}" for sentence in _coming(job)]
    return redact("\n".join(lines))


_CHARGED: Final = {"no": "not paid", "yes": "paid", "unknown": "may be paid"}


def _coming(job: JobSnapshot) -> tuple[str, ...]:
    """Return what belongs below the facts: earlier paid calls, what stands in the way, what comes next."""
    earlier = job.attempt - 1
    before = ""
    if earlier > 0:
        ones = "the one before was" if earlier == 1 else f"the {earlier} before were"
        before = f"Paid call {job.attempt}; {ones} not accepted and cost nothing."
    said = " ".join(part for part in (job.warning, job.status_detail) if part)
    return tuple(part for part in (before, said) if part)


def _charged(job: JobSnapshot) -> str:
    """Return whether credits went, and how many; what has not ended may still cost its estimate."""
    if job.charged == "no" and job.state.is_final:
        return "no"
    amount = _amount(job)
    return ("not yet" if job.charged == "no" else job.charged) + (f" · {amount}" if amount else "")


def _amount(job: JobSnapshot) -> str:
    """Return the credits, with "~" in front of an estimate; empty where nothing is known."""
    known = job.cost_credits is not None
    cost = job.cost_credits if known else job.estimated_credits
    return "" if cost is None else f"{'' if known else '~'}{cost}"


def _row(job: JobSnapshot, now: float) -> str:
    known = job.cost_credits is not None
    cost = job.cost_credits if known else job.estimated_credits
    credits_title = credit_words(cost, is_estimate=not known, is_sandbox=job.is_sandbox)
    state_title = " ".join(part for part in (f"{state_words(job)}.", job.error, job.warning) if part)
    state = short_words(job) + (" · sandbox" if job.is_sandbox else "")
    prompt = shortened(job.request.prompt, longest=400)
    coming = "".join(f'<div class="pvnb-line">{_safe(sentence)}</div>' for sentence in _coming(job))
    cells = (
        (
            f'<td class="pvnb-at pvnb-{job_tone(job)}" title="{_safe(state_title)}"><span class="pvnb-mark"></span>'
            f"{state}</td>"
        ),
        f'<td class="pvnb-number">{_time(job, now)}</td>',
        f'<td class="pvnb-wide" title="{_safe(prompt)}"><div class="pvnb-clip">{_safe(prompt)}</div>{coming}</td>',
        f'<td class="pvnb-parameters">{_facts(_parameters(job.request))}</td>',
        f'<td class="pvnb-number">{job.request.seed}</td>',
        f'<td class="pvnb-charge" title="{_safe(credits_title)}">{_charged(job)}</td>',
        f"<td>{_when(job, now)}</td>",
        f'<td class="pvnb-ref"><span class="pvnb-mono">{_safe(job.ref)}</span></td>',
    )
    return f"<tr>{''.join(cells)}</tr>"


def _parameters(request: GenerationRequest) -> tuple[str, ...]:
    """Return what differs from row to row; the usual motion and model go without saying."""
    motion = () if request.motion_mode == "normal" else (request.motion_mode,)
    model = () if request.model == "v3.5" else (request.model,)
    return (request.quality, f"{request.duration} s", request.aspect_ratio, *motion, *model)


def _facts(words: Sequence[str]) -> str:
    """Return words on one line, which breaks between them only."""
    return " · ".join(f'<span class="pvnb-fact">{_safe(word)}</span>' for word in words)


def _time(job: JobSnapshot, now: float) -> str:
    elapsed = elapsed_s(job, now=now)
    return duration_words(elapsed) if job.state.is_final else clock_words(elapsed)


def _when(job: JobSnapshot, now: float) -> str:
    """Return the local time of creation: of day for today's jobs, else with the date."""
    created, today = time.localtime(job.created_at), time.localtime(now)
    return time.strftime("%H:%M" if created[:3] == today[:3] else "%Y-%m-%d %H:%M", created)


def _safe(text: str) -> str:
    return escape(redact(text))


_CHARGED_IN_HISTORY = {"no": "not paid", "yes": "paid", "unknown": "it is not known whether it was paid"}


def history_text(job: JobSnapshot, attempts: Sequence[Attempt], events: Sequence[JobEvent]) -> str:
    """Return a job's facts, its paid calls and its events as plain text, oldest first."""
    facts = [
        ("state", state_words(job)),
        ("prompt", job.request.prompt),
        ("parameters", ", ".join((*parameter_words(job.request), f"seed {job.request.seed}"))),
        ("charged", charge_words(job) or _CHARGED_IN_HISTORY[job.charged]),
        ("error", job.error or ""),
        ("trouble", job.warning or ""),
        ("next", job.status_detail),
        *(("notice", notice) for notice in job.notices),
    ]
    lines = [job.ref, *(f"  {name:10}  {text}" for name, text in facts if text), "", "Paid calls"]
    lines += [_call(attempt, is_sandbox=job.is_sandbox) for attempt in attempts] or ["  none left this machine"]
    lines += [
        "",
        "What happened",
        *(f"  {_moment(event.at)}  {event.state.value:11}  {event.text}" for event in events),
    ]
    return redact("\n".join(lines))


def _call(attempt: Attempt, *, is_sandbox: bool) -> str:
    cost = ""
    if attempt.charged != "no" and attempt.credits is not None:
        cost = f" ({credit_words(attempt.credits, is_estimate=attempt.is_estimate, is_sandbox=is_sandbox)})"
    return (
        f"  {attempt.number}  {_moment(attempt.sent_at)}  {_CHARGED_IN_HISTORY[attempt.charged]}{cost}: {attempt.text}"
    )


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
