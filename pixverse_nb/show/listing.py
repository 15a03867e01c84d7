"""Many jobs as one table, newest first as they come."""

import time
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from pixverse_nb.models import FramesRequest, JobSnapshot
from pixverse_nb.privacy import masked
from pixverse_nb.show.style import aligned, styled
from pixverse_nb.show.words import (
    clock_words,
    credit_words,
    duration_words,
    elapsed_s,
    job_tone,
    short_words,
    shortened,
    state_words,
)

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
    return masked("\n".join(lines))


_CHARGED: Final = {"no": "not paid", "yes": "paid", "unknown": "may be paid"}


def _coming(job: JobSnapshot) -> tuple[str, ...]:
    """Return what belongs below the facts: earlier paid calls, what stands in the way, what comes next."""
    earlier = job.attempt - 1
    before = ""
    if earlier > 0:
        ones = "the one before was" if earlier == 1 else f"the {earlier} before were"
        before = f"Paid call {job.attempt}; {ones} not accepted and cost nothing."
    said = " ".join(part for part in (job.trouble, job.coming) if part)
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
    state_title = " ".join(part for part in (f"{state_words(job)}.", job.error, job.trouble) if part)
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


def _parameters(request: FramesRequest) -> tuple[str, ...]:
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
    return escape(masked(text))
