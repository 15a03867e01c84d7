"""One job's whole life in a terminal: what was asked for, each paid call, and everything that happened."""

import time
from collections.abc import Sequence

from pixverse_nb.models import Attempt, JobEvent, JobSnapshot
from pixverse_nb.privacy import masked
from pixverse_nb.show.words import charge_words, credit_words, parameter_words, state_words

_CHARGED = {"no": "not paid", "yes": "paid", "unknown": "it is not known whether it was paid"}


def history_text(job: JobSnapshot, attempts: Sequence[Attempt], events: Sequence[JobEvent]) -> str:
    """Return a job's facts, its paid calls and its events as plain text, oldest first."""
    facts = [
        ("state", state_words(job)),
        ("prompt", job.request.prompt),
        ("parameters", ", ".join((*parameter_words(job.request), f"seed {job.request.seed}"))),
        ("charged", charge_words(job) or _CHARGED[job.charged]),
        ("error", job.error or ""),
        ("trouble", job.trouble or ""),
        ("next", job.coming),
        *(("notice", notice) for notice in job.notices),
    ]
    lines = [job.ref, *(f"  {name:10}  {text}" for name, text in facts if text), "", "Paid calls"]
    lines += [_call(attempt, is_sandbox=job.is_sandbox) for attempt in attempts] or ["  none left this machine"]
    lines += [
        "",
        "What happened",
        *(f"  {_moment(event.at)}  {event.state.value:11}  {event.text}" for event in events),
    ]
    return masked("\n".join(lines))


def _call(attempt: Attempt, *, is_sandbox: bool) -> str:
    cost = ""
    if attempt.charged != "no" and attempt.credits is not None:
        cost = f" ({credit_words(attempt.credits, is_estimate=attempt.is_estimate, is_sandbox=is_sandbox)})"
    return f"  {attempt.number}  {_moment(attempt.sent_at)}  {_CHARGED[attempt.charged]}{cost}: {attempt.text}"


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
