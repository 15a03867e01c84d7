"""Rejections by the vendor: each kind has its own error and state, with the vendor's text; nothing is charged."""

from dataclasses import replace

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import AccountPending, APIError, JobTimeout, Moderated, OutOfCredits, SubscriptionRequired
from pixverse_nb.jobs.job import Job
from tests.client.harness import A_JOB_S, TIMING, Harness, failed, finished, order, reached, until, warning_kinds

CREATE = "create-frames-v3"


def wait_for_rejection(job: Job) -> APIError:
    """Wait for the rejection of a job, check what holds for each, and return the error."""
    error = failed(job)
    assert isinstance(error, APIError)
    assert (error.may_have_been_charged, error.ref) == ("no", job.ref)
    assert job.snapshot().charged == "no"
    assert str(job.snapshot().error) in str(error)
    assert error.vendor_text
    assert error.vendor_text in str(error)
    return error


def test_no_credits(house: Harness) -> None:
    """A 412 raises OutOfCredits; with new credits the same call goes through."""
    house.control.set_credits()
    client = house.open()
    job = order(client)
    error = wait_for_rejection(job)
    assert isinstance(error, OutOfCredits)
    assert (error.status, job.state) == (412, JobState.REFUSED)
    house.control.set_credits(daily=100)
    assert finished(order(client)).size_bytes > 0
    assert house.paid == 1


def test_no_subscription(house: Harness) -> None:
    """A 402 raises SubscriptionRequired; after renewal the same call goes through."""
    house.control.settings.subscribed = False
    client = house.open()
    job = order(client)
    error = wait_for_rejection(job)
    assert isinstance(error, SubscriptionRequired)
    assert (error.status, job.state) == (402, JobState.REFUSED)
    assert "subscription" in str(error)
    house.control.settings.subscribed = True
    assert finished(order(client)).size_bytes > 0


def test_a_moderated_prompt(house: Harness) -> None:
    """A 422 raises Moderated and moves the job to its own state."""
    job = order(house.open(), prompt="[[moderated]]")
    error = wait_for_rejection(job)
    assert isinstance(error, Moderated)
    assert (error.status, job.state) == (422, JobState.MODERATED)
    assert "prompt" in str(error)


def test_a_pending_account_is_not_retried(house: Harness) -> None:
    """A 596 raises AccountPending after one request, although its number looks like a server error."""
    house.control.set_pending()
    client = house.open()
    job = order(client)
    error = wait_for_rejection(job)
    assert isinstance(error, AccountPending)
    assert (error.status, job.state) == (596, JobState.REFUSED)
    assert house.control.requests["files"] + house.control.requests[CREATE] == 1, house.control.requests
    house.control.set_pending(pending=False)
    assert finished(order(client)).size_bytes > 0


def test_a_pending_account_at_the_paid_call(still: Harness) -> None:
    """A 596 to the paid call proves that nothing was accepted; the call is not repeated."""
    client = still.open()
    reached(order(client, seed=1), JobState.QUEUED)
    still.control.set_pending()
    error = wait_for_rejection(order(client, seed=2))
    assert isinstance(error, AccountPending)
    assert (still.paid, still.control.requests[CREATE]) == (1, 2)


def test_a_rejected_request_has_the_vendors_text(house: Harness) -> None:
    """A 400 refuses the job, and the error has the vendor's text."""
    house.control.settings.refuse_combinations = True
    job = order(house.open(), quality="1080p", duration=8, allow_refused=True)
    error = wait_for_rejection(job)
    assert (error.status, job.state) == (400, JobState.REFUSED)
    assert "1080p" in str(error.vendor_text)


def test_a_deleted_upload_is_repeated(house: Harness) -> None:
    """If the vendor no longer has a picture (400), repeating the call uploads it again."""
    client = house.open()
    finished(order(client, seed=1))
    house.go_away()
    house.come_back(speed=1000)  # without a folder it has forgotten everything
    assert wait_for_rejection(order(client, seed=2)).status == 400
    assert finished(order(client, seed=2)).size_bytes > 0
    assert (house.paid, house.control.requests["files"]) == (1, 2)


def test_waiting_jobs_are_refused_after_a_412(still: Harness) -> None:
    """After a 412, waiting jobs are wait_for_rejection without a paid call of their own being accepted."""
    still.control.set_credits(daily=45)
    client = still.open()
    reached(order(client, seed=1), JobState.QUEUED)
    wait_for_rejection(order(client, seed=2))
    for seed in range(3, 7):
        wait_for_rejection(order(client, seed=seed))
    assert still.paid == 1


@pytest.mark.parametrize(
    ("kind", "word"),
    [("account", "busy"), ("all", "capacity"), ("plan", "concurrent")],
)
def test_a_busy_vendor_is_retried(house: Harness, kind: str, word: str) -> None:
    """After each kind of 429 the job waits with the vendor's text and is sent again; it is charged once."""
    house.control.arm("busy", times=2, kind=kind)
    job = order(house.open())
    finished(job)
    postponed = [event for event in job.events() if event.kind == "call_postponed"]
    assert [event.state for event in postponed] == [JobState.WAITING] * 2
    warnings = [event.data["warning"] for event in postponed]
    assert all(one["kind"] == "Busy" and word in one["data"]["vendor_text"] for one in warnings)
    assert [(attempt.outcome, attempt.charged) for attempt in job.attempts()] == [
        ("call_postponed", "no"),
        ("call_postponed", "no"),
        ("call_accepted", "yes"),
    ]
    assert (house.paid, house.control.requests[CREATE]) == (1, 3)


def test_jobs_wait_for_free_slots(house: Harness) -> None:
    """Twelve jobs on an account with two slots all finish."""
    (account,) = house.control.accounts.values()
    account.max_jobs = 2
    house.control.add_account(account)
    house.control.settings.generation_s = (10.0, 20.0)
    client = house.open()
    jobs = [order(client, seed=seed) for seed in range(1, 13)]
    for job in jobs:
        finished(job)
    assert house.paid == 12


def test_retry_after_is_respected(house: Harness) -> None:
    """With `Retry-After: 1` the next attempt follows after at least one second."""
    house.control.arm("busy", retry_after_s=1)
    job = order(house.open())
    finished(job)
    (refusal,) = [event.at for event in job.events() if event.kind == "call_postponed"]
    sent_again = [event.at for event in job.events() if event.state is JobState.SUBMITTING][-1]
    assert sent_again - refusal >= 1.0


def test_a_busy_vendor_ends_at_the_deadline(house: Harness) -> None:
    """A vendor that stays busy until `deadline_s` raises JobTimeout without a charge; the job can be resumed."""
    house.control.arm("busy", times=None)
    client = house.open()
    job = order(client, deadline_s=0.5)
    error = failed(job)
    assert isinstance(error, JobTimeout)
    assert error.may_have_been_charged == "no"
    cause = job._record().error
    assert cause is not None
    assert (cause.kind, cause.data["obstacle"]) == ("JobTimeout", "Busy")
    house.control.disarm()
    assert finished(client.job(job.ref)).size_bytes > 0
    assert house.paid == 1


def test_the_deadline_of_a_charged_job(still: Harness) -> None:
    """A generation that takes too long raises JobTimeout as charged; `client.job(ref)` resumes it."""
    client = still.open(timing=replace(TIMING, deadline_s=3.0))
    job = order(client)
    error = failed(job)
    assert isinstance(error, JobTimeout)
    assert (job.state, error.may_have_been_charged) == (JobState.TIMED_OUT, "yes")
    assert f'client.job("{job.ref}")' in str(error)
    still.control.advance(A_JOB_S)
    client.close()
    again = still.open().job(job.ref)
    assert finished(again).size_bytes > 0
    assert still.paid == 1


def test_failed_uploads_are_repeated(house: Harness) -> None:
    """An upload is repeated after a dropped connection, a 503 and an `err_msg`."""
    house.control.arm("drop_before", route="files")
    house.control.arm("error_before", route="files", status=503)
    house.control.arm("upload_err_msg")
    job = order(house.open())
    assert finished(job).size_bytes > 0
    assert house.paid == 1


def test_failing_uploads_postpone_the_job(house: Harness) -> None:
    """While uploads fail, the job waits uncharged with a warning, and continues by itself."""
    house.control.arm("error_before", times=None, route="files")
    job = order(house.open())
    until(job, lambda changed: "upload_postponed" in warning_kinds(changed))
    assert job.snapshot().charged == "no"
    house.control.disarm()
    assert finished(job).size_bytes > 0
