"""An unexplained debit: the balance fell but no generation is listed, so a person decides and nothing is sent."""

from dataclasses import replace

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.errors import JobFailed, OutcomeUnknown
from pixverse_nb.jobs.job import Job
from tests.client.harness import SETTLING, Harness, failed, finished, order, until

FOR_EVER_S = 10**9


def create_hidden_generation(house: Harness) -> Job:
    """Create a job whose call was charged, whose answer is lost, and whose generation no list shows."""
    house.control.arm("lost_answer")
    house.control.arm("list_lag", lag_s=FOR_EVER_S)
    return order(house.open(timing=SETTLING))


def test_a_debit_without_a_generation_is_a_question(house: Harness) -> None:
    """The job raises OutcomeUnknown with both answers to choose from, and is not sent again."""
    job = create_hidden_generation(house)
    error = failed(job)
    assert isinstance(error, OutcomeUnknown)
    assert (error.ref, error.may_have_been_charged) == (job.ref, "unknown")
    assert job._record().pending_question == Notice("unexplained_debit", {"credits": 45})
    choices = [f'client.job("{job.ref}").resolve(was_charged={answer})' for answer in (True, False)]
    assert all(choice in str(error) for choice in choices)
    assert all(choice in str(job.snapshot().suggested_action) for choice in choices)
    assert job.state is JobState.UNKNOWN
    assert house.paid == 1


def test_resolving_as_not_charged_sends_again(house: Harness) -> None:
    """After `resolve(was_charged=False)` the call is sent again, and the answer is in the history."""
    job = create_hidden_generation(house)
    failed(job)
    job.resolve(was_charged=False)
    assert finished(job).size_bytes > 0
    (answer,) = [event for event in job.events() if event.kind == "resolved_by_user"]
    assert not answer.data.get("was_charged")
    assert [(attempt.outcome, attempt.charged) for attempt in job.attempts()] == [
        ("resolved_by_user", "no"),
        ("call_accepted", "yes"),
    ]
    assert house.paid == 2


def test_resolving_as_charged_ends_the_job(house: Harness) -> None:
    """After `resolve(was_charged=True)` the job has failed as charged, and nothing is sent."""
    job = create_hidden_generation(house)
    failed(job)
    job.resolve(was_charged=True)
    error = failed(job)
    assert isinstance(error, JobFailed)
    assert error.may_have_been_charged == "yes"
    assert job._record().error == Notice("resolved_as_charged")
    assert house.paid == 1


def test_a_question_ends_when_the_generation_appears(house: Harness) -> None:
    """If the generation is listed later, the question ends and the video is downloaded."""
    job = create_hidden_generation(house)
    failed(job)
    house.control.advance(FOR_EVER_S)
    until(job, lambda changed: changed.state is JobState.DONE)
    assert finished(job).size_bytes > 0
    assert house.paid == 1


def test_resolve_without_a_question_does_nothing(house: Harness) -> None:
    """`resolve()` on a job without a question changes nothing."""
    job = order(house.open())
    job.resolve(was_charged=False)
    assert finished(job).size_bytes > 0
    assert house.paid == 1


def test_an_unchanged_balance_raises_no_question(house: Harness) -> None:
    """If nothing was debited, the lost call is proved absent and sent again."""
    house.control.arm("drop_before", route="create*")
    job = order(house.open(timing=SETTLING))
    assert finished(job).size_bytes > 0
    assert house.paid == 1


def test_an_unavailable_balance_raises_no_question(house: Harness) -> None:
    """If the balance is unavailable, the lists alone decide."""
    house.control.arm("error_before", times=None, route="features", status=500)
    house.control.arm("drop_before", route="create*")
    job = order(house.open(timing=replace(SETTLING, settle_s=0.3)))
    assert finished(job).size_bytes > 0
    assert house.paid == 1
