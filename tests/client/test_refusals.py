"""Rejections by the vendor: each kind has its own error and state, with the vendor's text; nothing is charged."""

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import AccountPending, APIError, JobTimeout, Moderated, OutOfCredits, SubscriptionRequired
from pixverse_nb.jobs.job import Job
from tests.backends.sample_replies import ALL_BUSY, MODERATED, NO_SUBSCRIPTION, PLAN_BUSY, account_busy
from tests.client.harness import (
    LONGEST_JOB_S,
    TIMING,
    Harness,
    create_job,
    wait_for_error,
    wait_for_state,
    wait_for_video,
    wait_until,
    warning_kinds,
)

CREATE = "create-frames"


def wait_for_rejection(job: Job) -> APIError:
    """Wait for the rejection of a job, check what holds for each, and return the error."""
    error = wait_for_error(job)
    assert isinstance(error, APIError)
    assert (error.may_have_been_charged, error.ref) == ("no", job.ref)
    assert job.snapshot().charged == "no"
    assert str(job.snapshot().error) in str(error)
    assert error.vendor_text
    assert error.vendor_text in str(error)
    return error


def test_no_credits(harness: Harness) -> None:
    """A 412 raises OutOfCredits; with new credits the same call goes through."""
    harness.control.set_credits()
    client = harness.open()
    job = create_job(client)
    error = wait_for_rejection(job)
    assert isinstance(error, OutOfCredits)
    assert (error.status, job.state) == (412, JobState.REFUSED)
    harness.control.set_credits(daily=100)
    assert wait_for_video(create_job(client)).size_bytes > 0
    assert harness.paid == 1


def test_no_subscription(harness: Harness) -> None:
    """A 402 raises SubscriptionRequired; after renewal the same call goes through."""
    harness.control.settings.subscribed = False
    client = harness.open()
    job = create_job(client)
    error = wait_for_rejection(job)
    assert isinstance(error, SubscriptionRequired)
    assert (error.status, job.state) == (402, JobState.REFUSED)
    assert NO_SUBSCRIPTION in str(error)
    harness.control.settings.subscribed = True
    assert wait_for_video(create_job(client)).size_bytes > 0


def test_a_moderated_prompt(harness: Harness) -> None:
    """A 422 raises Moderated and moves the job to its own state."""
    job = create_job(harness.open(), prompt="[[moderated]]")
    error = wait_for_rejection(job)
    assert isinstance(error, Moderated)
    assert (error.status, job.state) == (422, JobState.MODERATED)
    assert MODERATED in str(error)


def test_a_pending_account_is_not_retried(harness: Harness) -> None:
    """A 596 raises AccountPending after one request, although its number looks like a server error."""
    harness.control.set_pending()
    client = harness.open()
    job = create_job(client)
    error = wait_for_rejection(job)
    assert isinstance(error, AccountPending)
    assert (error.status, job.state) == (596, JobState.REFUSED)
    assert harness.control.requests["files"] + harness.control.requests[CREATE] == 1, harness.control.requests
    harness.control.set_pending(pending=False)
    assert wait_for_video(create_job(client)).size_bytes > 0


def test_a_pending_account_at_the_paid_call(manual_harness: Harness) -> None:
    """A 596 to the paid call proves that nothing was accepted; the call is not repeated."""
    client = manual_harness.open()
    wait_for_state(create_job(client, seed=1), JobState.QUEUED)
    manual_harness.control.set_pending()
    error = wait_for_rejection(create_job(client, seed=2))
    assert isinstance(error, AccountPending)
    assert (manual_harness.paid, manual_harness.control.requests[CREATE]) == (1, 2)


def test_a_rejected_request_has_the_vendors_text(harness: Harness) -> None:
    """A 400 refuses the job, and the error has the vendor's text."""
    harness.control.settings.refuse_combinations = True
    job = create_job(harness.open(), model="v3.5", quality="1080p", duration=8)
    error = wait_for_rejection(job)
    assert (error.status, job.state) == (400, JobState.REFUSED)
    assert "1080p" in str(error.vendor_text)


def test_a_deleted_upload_is_repeated(harness: Harness) -> None:
    """If the vendor no longer has a picture (400), repeating the call uploads it again."""
    client = harness.open()
    wait_for_video(create_job(client, seed=1))
    harness.stop_sandbox()
    harness.restart_sandbox(speed=1000)  # without a folder it has forgotten everything
    assert wait_for_rejection(create_job(client, seed=2)).status == 400
    assert wait_for_video(create_job(client, seed=2)).size_bytes > 0
    assert (harness.paid, harness.control.requests["files"]) == (1, 2)


def test_waiting_jobs_are_refused_after_a_412(manual_harness: Harness) -> None:
    """After a 412, waiting jobs are wait_for_rejection without a paid call of their own being accepted."""
    manual_harness.control.set_credits(daily=20)
    client = manual_harness.open()
    wait_for_state(create_job(client, seed=1), JobState.QUEUED)
    wait_for_rejection(create_job(client, seed=2))
    for seed in range(3, 7):
        wait_for_rejection(create_job(client, seed=seed))
    assert manual_harness.paid == 1


@pytest.mark.parametrize(
    ("kind", "text"),
    [("account", account_busy("s…@e…", 8)), ("all", ALL_BUSY), ("plan", PLAN_BUSY)],
)
def test_a_busy_vendor_is_retried(harness: Harness, kind: str, text: str) -> None:
    """After each kind of 429 the job waits with the vendor's text and is sent again; it is charged once."""
    harness.control.arm("busy", times=2, kind=kind)
    job = create_job(harness.open())
    wait_for_video(job)
    postponed = [event for event in job.events() if event.kind == "call_postponed"]
    assert [event.state for event in postponed] == [JobState.WAITING] * 2
    warnings = [event.data["warning"] for event in postponed]
    assert all((one["kind"], one["data"]["vendor_text"]) == ("Busy", text) for one in warnings)
    assert [(attempt.outcome, attempt.charged) for attempt in job.attempts()] == [
        ("call_postponed", "no"),
        ("call_postponed", "no"),
        ("call_accepted", "yes"),
    ]
    assert (harness.paid, harness.control.requests[CREATE]) == (1, 3)


def test_jobs_wait_for_free_slots(harness: Harness) -> None:
    """Twelve jobs on an account with two slots all finish."""
    (account,) = harness.control.accounts.values()
    account.max_jobs = 2
    harness.control.add_account(account)
    harness.control.settings.generation_s = (10.0, 20.0)
    client = harness.open()
    jobs = [create_job(client, seed=seed) for seed in range(1, 13)]
    for job in jobs:
        wait_for_video(job)
    assert harness.paid == 12


def test_retry_after_is_respected(harness: Harness) -> None:
    """With `Retry-After: 1` the next attempt follows after at least one second."""
    harness.control.arm("busy", retry_after_s=1)
    job = create_job(harness.open())
    wait_for_video(job)
    (refusal,) = [event.at for event in job.events() if event.kind == "call_postponed"]
    sent_again = [event.at for event in job.events() if event.state is JobState.SUBMITTING][-1]
    assert sent_again - refusal >= 1.0


def test_a_busy_vendor_ends_at_the_deadline(harness: Harness) -> None:
    """A vendor that stays busy until `deadline_s` raises JobTimeout without a charge; the job can be resumed."""
    harness.control.arm("busy", times=None)
    client = harness.open()
    job = create_job(client)
    harness.skip_at_obstacle(job, "Busy", TIMING.deadline_s)
    error = wait_for_error(job)
    assert isinstance(error, JobTimeout)
    assert error.may_have_been_charged == "no"
    cause = job._record().error
    assert cause is not None
    assert (cause.kind, cause.data["obstacle"]) == ("JobTimeout", "Busy")
    harness.control.disarm()
    assert wait_for_video(client.job(job.ref)).size_bytes > 0
    assert harness.paid == 1


def test_the_deadline_of_a_charged_job(manual_harness: Harness) -> None:
    """A generation that takes too long raises JobTimeout as charged; `client.job(ref)` resumes it."""
    client = manual_harness.open()
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    manual_harness.skip(TIMING.deadline_s)
    error = wait_for_error(job)
    assert isinstance(error, JobTimeout)
    assert (job.state, error.may_have_been_charged) == (JobState.TIMED_OUT, "yes")
    assert f'client.job("{job.ref}")' in str(error)
    manual_harness.control.advance(LONGEST_JOB_S)
    client.close()
    again = manual_harness.open().job(job.ref)
    assert wait_for_video(again).size_bytes > 0
    assert manual_harness.paid == 1


def test_failed_uploads_are_repeated(harness: Harness) -> None:
    """An upload is repeated after a dropped connection, a 503 and an `err_msg`."""
    harness.control.arm("drop_before", route="files")
    harness.control.arm("error_before", route="files", status=503)
    harness.control.arm("upload_err_msg")
    job = create_job(harness.open())
    assert wait_for_video(job).size_bytes > 0
    assert harness.paid == 1


def test_failing_uploads_postpone_the_job(harness: Harness) -> None:
    """While uploads fail, the job waits uncharged with a warning, and continues by itself."""
    harness.control.arm("error_before", times=None, route="files")
    job = create_job(harness.open())
    wait_until(job, lambda changed: "upload_postponed" in warning_kinds(changed))
    assert job.snapshot().charged == "no"
    harness.control.disarm()
    assert wait_for_video(job).size_bytes > 0
