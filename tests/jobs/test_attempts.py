"""The paid calls of a job, read from its history."""

from dataclasses import replace
from typing import Any

from pixverse_nb.domain.jobs import Attempt, JobEvent, JobRecord, JobState
from pixverse_nb.domain.requests import FramesRequest
from pixverse_nb.errors import Charge
from pixverse_nb.jobs.results import attempts_from_events
from tests.client.harness import SETTLING, Harness, finished, order

JOB = JobRecord(
    ref="pv-1", service="s", request=FramesRequest(first="a", last="b", seed=1), created_at=0.0, deadline_at=1800.0
)


def told(*states: str, attempt: int, charged: Charge = "yes", **changes: Any) -> tuple[Attempt, ...]:
    """Return the attempts of a history that went through `states`, a second each."""
    events = [JobEvent(float(at), JobState(state), text=f"event {at}") for at, state in enumerate(states)]
    return attempts_from_events(replace(JOB, attempt=attempt, charged=charged, **changes), events)


def test_a_job_that_was_never_sent_has_none() -> None:
    """Without a paid call there is no attempt."""
    assert told("planned", "uploading", "waiting", attempt=0, charged="no") == ()


def test_each_call_has_its_moment_and_its_end() -> None:
    """Two calls that were put off and one that was accepted: only the last one may have cost anything."""
    one, two, three = told(
        "planned", "waiting", "submitting", "waiting", "submitting", "unknown", "waiting", "submitting", "queued",
        attempt=3, cost_credits=45,
    )  # fmt: skip
    assert [(call.number, call.sent_at, call.text) for call in (one, two, three)] == [
        (1, 2.0, "event 3"), (2, 4.0, "event 6"), (3, 7.0, "event 8"),
    ]  # fmt: skip
    assert [(call.charged, call.credits) for call in (one, two, three)] == [("no", 0), ("no", 0), ("yes", 45)]
    assert three.reply_ref == "pv-1:3"


def test_a_call_under_way_may_have_cost_its_estimate() -> None:
    """While nothing is known of the last call its estimate is told as one."""
    (call,) = told("waiting", "submitting", "submitting", attempt=1, charged="unknown", estimated_credits=60)
    assert (call.charged, call.credits, call.is_estimate) == ("unknown", 60, True)
    assert call.text == "its answer is waited for"


def test_an_adopted_job_shows_no_call_that_nobody_saw() -> None:
    """A generation taken from the vendor's list has a paid call, but its leaving was not seen here."""
    assert told("generating", "downloading", "done", attempt=1) == ()
    assert [call.number for call in told("waiting", "submitting", "queued", attempt=2)] == [2]


def test_a_real_job_tells_of_its_lost_call(house: Harness) -> None:
    """The first call never arrives, its absence is proved, the second is accepted: two attempts, one of them paid."""
    house.control.arm("drop_before", times=1, route="create*")
    job = order(house.open(timing=SETTLING))
    finished(job)
    lost, paid = job.attempts()
    assert (lost.charged, lost.credits, "never accepted" in lost.text) == ("no", 0, True)
    assert (paid.charged, paid.credits, paid.is_estimate) == ("yes", 45, False)
    assert house.paid == 1
