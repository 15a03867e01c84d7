"""The vendor's no: each kind is its own error and state, in the vendor's words, with what to do next; never paid."""

from dataclasses import replace
from typing import Any

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import AccountPending, APIError, JobTimeout, Moderated, OutOfCredits, SubscriptionRequired
from pixverse_nb.jobs.job import Job
from tests.client.harness import A_JOB_S, TIMING, Harness, failed, finished, history, order, reached, until

CREATE = "create-frames-v3"


def refused(job: Job) -> APIError:
    """Wait for the refusal of a job and return it; what holds for every refusal is checked."""
    error = failed(job)
    assert isinstance(error, APIError)
    assert (error.may_have_been_charged, error.ref) == ("no", job.ref)
    assert job.snapshot().charged == "no"
    assert str(job.snapshot().error) in str(error)
    return error


def test_no_credits(house: Harness) -> None:
    """412: OutOfCredits, refused; after buying some the same line goes through."""
    house.control.set_credits()
    client = house.open()
    job = order(client)
    error = refused(job)
    assert isinstance(error, OutOfCredits)
    assert (error.status, job.state) == (412, JobState.REFUSED)
    assert "All Credits have been used up." in str(error)
    assert "run the same line again" in str(error)
    house.control.set_credits(daily=100)
    assert finished(order(client)).size_bytes > 0
    assert house.paid == 1


def test_no_subscription(house: Harness) -> None:
    """402: SubscriptionRequired, refused, with what to renew; afterwards the same line goes through."""
    house.control.settings.subscribed = False
    client = house.open()
    job = order(client)
    error = refused(job)
    assert isinstance(error, SubscriptionRequired)
    assert (error.status, job.state) == (402, JobState.REFUSED)
    assert "Account has no subscription or subscription expired" in str(error)
    assert "Renew the useapi.net subscription" in str(error)
    house.control.settings.subscribed = True
    assert finished(order(client)).size_bytes > 0


def test_a_moderated_prompt(house: Harness) -> None:
    """422: Moderated, a state of its own; the next step is another prompt."""
    job = order(house.open(), prompt="[[moderated]]")
    error = refused(job)
    assert isinstance(error, Moderated)
    assert (error.status, job.state) == (422, JobState.MODERATED)
    assert "Your prompt has triggered our AI moderator" in str(error)
    assert "Change the prompt" in str(error)


def test_an_account_that_waits_for_its_owner(house: Harness) -> None:
    """596: AccountPending, asked once and never again, though its number looks like a failing server's."""
    house.control.set_pending()
    client = house.open()
    job = order(client)
    error = refused(job)
    assert isinstance(error, AccountPending)
    assert (error.status, job.state) == (596, JobState.REFUSED)
    assert "Your PixVerse account has pending error." in str(error)
    assert house.control.requests["files"] + house.control.requests[CREATE] == 1, house.control.requests
    house.control.set_pending(pending=False)
    assert finished(order(client)).size_bytes > 0


def test_an_account_that_waits_at_the_paid_call(still: Harness) -> None:
    """596 to the paid call itself: proof that nothing was accepted; one call, no repetition."""
    client = still.open()
    reached(order(client, seed=1), JobState.QUEUED)
    still.control.set_pending()
    error = refused(order(client, seed=2))
    assert isinstance(error, AccountPending)
    assert (still.paid, still.control.requests[CREATE]) == (1, 2)


def test_a_refused_request_shows_the_vendors_words(house: Harness) -> None:
    """400: the vendor's sentence stands in the error, and the job is refused."""
    house.control.settings.refuse_combinations = True
    job = order(house.open(), quality="1080p", duration=8, allow_refused=True)
    error = refused(job)
    assert (error.status, job.state) == (400, JobState.REFUSED)
    assert "quality 1080p is not supported with duration 8" in str(error)


def test_an_upload_that_is_gone_is_made_anew(house: Harness) -> None:
    """Where the vendor no longer knows a picture (400), the same call uploads it again and goes through."""
    client = house.open()
    finished(order(client, seed=1))
    house.go_away()
    house.come_back(speed=1000)  # without a folder it has forgotten everything
    assert refused(order(client, seed=2)).status == 400
    assert finished(order(client, seed=2)).size_bytes > 0
    assert (house.paid, house.control.requests["files"]) == (1, 2)


def test_the_rest_is_not_sent_once_the_account_has_stopped(still: Harness) -> None:
    """After a 412 the jobs that wait are refused without a call of their own; asking again tries again."""
    still.control.set_credits(daily=45)
    client = still.open()
    reached(order(client, seed=1), JobState.QUEUED)
    refused(order(client, seed=2))
    for seed in range(3, 7):
        refused(order(client, seed=seed))
    assert still.paid == 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("account", "is busy executing 8 tasks."),
        ("all", "All configured accounts are running at maximum capacity."),
        ("plan", "Reached the limit for concurrent generations."),
    ],
)
def test_busy_waits_and_goes_on(house: Harness, kind: str, words: str) -> None:
    """Each of the 429s: the job waits, says so in the vendor's words, and is sent when there is room; paid once."""
    house.control.arm("busy", times=2, kind=kind)
    job = order(house.open())
    heard: list[Any] = []
    job.subscribe(lambda changed: heard.append(changed.snapshot()))
    finished(job)
    waiting = [shown for shown in heard if words in (shown.warning or "")]
    assert waiting
    assert waiting[0].state is JobState.WAITING
    assert waiting[0].charged == "no"
    assert (house.paid, house.control.requests[CREATE]) == (1, 3)


def test_real_slots_are_waited_for(house: Harness) -> None:
    """Twelve jobs on an account with two slots all come through, with never more than two at once."""
    (account,) = house.control.accounts.values()
    account.max_jobs = 2
    house.control.add_account(account)
    house.control.settings.generation_s = (10.0, 20.0)
    client = house.open()
    jobs = [order(client, seed=seed) for seed in range(1, 13)]
    for job in jobs:
        finished(job)
    assert house.paid == 12


def test_the_pace_that_the_vendor_names_is_kept(house: Harness) -> None:
    """With `Retry-After: 1` the next try comes after that second, not after our own shorter wait."""
    house.control.arm("busy", retry_after_s=1)
    job = order(house.open())
    finished(job)
    (refusal,) = [event.at for event in job.events() if "not accepted" in event.text]
    sent_again = [event.at for event in job.events() if event.state is JobState.SUBMITTING][-1]
    assert sent_again - refusal >= 1.0


def test_busy_for_ever_ends_at_the_deadline(house: Harness) -> None:
    """A vendor that stays busy until `deadline_s`: JobTimeout, nothing paid, and the job can be sent later."""
    house.control.arm("busy", times=None)
    client = house.open()
    job = order(client, deadline_s=0.5)
    error = failed(job)
    assert isinstance(error, JobTimeout)
    assert error.may_have_been_charged == "no"
    assert "It was not sent in time; nothing was paid." in str(error)
    house.control.disarm()
    assert finished(client.job(job.ref)).size_bytes > 0
    assert house.paid == 1


def test_a_deadline_ends_the_wait_for_a_paid_video(still: Harness) -> None:
    """A generation that takes too long: JobTimeout says that it is paid; `client.job` takes it up again."""
    client = still.open(timing=replace(TIMING, deadline_s=3.0))
    job = order(client)
    error = failed(job)
    assert isinstance(error, JobTimeout)
    assert (job.state, error.may_have_been_charged) == (JobState.TIMED_OUT, "yes")
    assert f'client.job("{job.ref}") takes it up again. Nothing is paid again.' in str(error)
    still.control.advance(A_JOB_S)
    client.close()
    again = still.open().job(job.ref)
    assert finished(again).size_bytes > 0
    assert still.paid == 1


def test_uploads_are_repeated_where_they_fail(house: Harness) -> None:
    """An upload is free: a dropped connection, a 503 and an `err_msg` are tried again until it is there."""
    house.control.arm("drop_before", route="files")
    house.control.arm("error_before", route="files", status=503)
    house.control.arm("upload_err_msg")
    job = order(house.open())
    assert finished(job).size_bytes > 0
    assert house.paid == 1


def test_uploads_wait_for_a_vendor_that_is_away(house: Harness) -> None:
    """While no upload gets through the job waits and says so; nothing is paid until it goes on by itself."""
    house.control.arm("error_before", times=None, route="files")
    job = order(house.open())
    until(job, lambda changed: "The pictures are uploaded when the vendor can be reached" in history(changed))
    assert job.snapshot().charged == "no"
    house.control.disarm()
    assert finished(job).size_bytes > 0
