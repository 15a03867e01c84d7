"""An unexplained debit: the balance fell but no generation is listed, so a person decides and nothing is sent."""

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.errors import JobFailed, OutcomeUnknown
from pixverse_nb.jobs.job import Job
from tests.client.harness import Harness, create_job, wait_for_error, wait_for_video, wait_until

FOR_EVER_S = 10**9


def create_hidden_generation(harness: Harness) -> Job:
    """Create a job whose call was charged, whose answer is lost, and whose generation no list shows."""
    harness.control.arm("lost_answer")
    harness.control.arm("list_lag", lag_s=FOR_EVER_S)
    job = create_job(harness.open())
    harness.pass_settle_window(job)
    return job


def test_a_debit_without_a_generation_is_a_question(harness: Harness) -> None:
    """The job raises OutcomeUnknown with both answers to choose from, and is not sent again."""
    job = create_hidden_generation(harness)
    error = wait_for_error(job)
    assert isinstance(error, OutcomeUnknown)
    assert (error.ref, error.may_have_been_charged) == (job.ref, "unknown")
    assert job._record().pending_question == Notice("unexplained_debit", {"credits": 20})
    choices = [f'client.job("{job.ref}").resolve(was_charged={answer})' for answer in (True, False)]
    assert all(choice in str(error) for choice in choices)
    assert all(choice in str(job.snapshot().suggested_action) for choice in choices)
    assert job.state is JobState.UNKNOWN
    assert harness.paid == 1


def test_resolving_as_not_charged_sends_again(harness: Harness) -> None:
    """After `resolve(was_charged=False)` the call is sent again, and the answer is in the history."""
    job = create_hidden_generation(harness)
    wait_for_error(job)
    job.resolve(was_charged=False)
    assert wait_for_video(job).size_bytes > 0
    (answer,) = [event for event in job.events() if event.kind == "resolved_by_user"]
    assert not answer.data.get("was_charged")
    assert [(attempt.outcome, attempt.charged) for attempt in job.attempts()] == [
        ("resolved_by_user", "no"),
        ("call_accepted", "yes"),
    ]
    assert harness.paid == 2


def test_resolving_as_charged_ends_the_job(harness: Harness) -> None:
    """After `resolve(was_charged=True)` the job has failed as charged, and nothing is sent."""
    job = create_hidden_generation(harness)
    wait_for_error(job)
    job.resolve(was_charged=True)
    error = wait_for_error(job)
    assert isinstance(error, JobFailed)
    assert error.may_have_been_charged == "yes"
    assert job._record().error == Notice("resolved_as_charged")
    assert harness.paid == 1


def test_a_question_ends_when_the_generation_appears(harness: Harness) -> None:
    """If the generation is listed later, the question ends and the video is downloaded."""
    job = create_hidden_generation(harness)
    wait_for_error(job)
    harness.control.advance(FOR_EVER_S)
    wait_until(job, lambda changed: changed.state is JobState.DONE)
    assert wait_for_video(job).size_bytes > 0
    assert harness.paid == 1


def test_resolve_without_a_question_does_nothing(harness: Harness) -> None:
    """`resolve()` on a job without a question changes nothing."""
    job = create_job(harness.open())
    job.resolve(was_charged=False)
    assert wait_for_video(job).size_bytes > 0
    assert harness.paid == 1


def test_an_unchanged_balance_raises_no_question(harness: Harness) -> None:
    """If nothing was debited, the lost call is proved absent and sent again."""
    harness.control.arm("drop_before", route="create*")
    job = create_job(harness.open())
    harness.pass_settle_window(job)
    assert wait_for_video(job).size_bytes > 0
    assert harness.paid == 1


def test_an_unavailable_balance_raises_no_question(harness: Harness) -> None:
    """If the balance is unavailable, the lists alone decide."""
    harness.control.arm("error_before", times=None, route="features", status=500)
    harness.control.arm("drop_before", route="create*")
    job = create_job(harness.open())
    harness.pass_settle_window(job)
    assert wait_for_video(job).size_bytes > 0
    assert harness.paid == 1
