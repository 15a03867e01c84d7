"""How often a vendor that is busy, or a media host that is sick, is asked again: neither hammered nor given up."""

import time
from dataclasses import replace
from itertools import pairwise

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import DownloadError, JobTimeout
from tests.client.harness import SETTLING, TIMING, Harness, failed, finished, history, order, reached, until

CREATE = "create-frames-v3"


@pytest.mark.parametrize("named", [0, -5, 0.001])
def test_a_vendor_that_says_at_once_is_not_hammered(house: Harness, named: float) -> None:
    """After a 429 that names no time worth speaking of, a tenth of the usual wait is kept."""
    house.control.arm("busy", times=3, retry_after_s=named)
    job = order(house.open(timing=replace(TIMING, busy_wait_s=(1.0, 2.0))))
    finished(job)
    sent = [event.at for event in job.events() if "is about to leave" in event.text]
    assert len(sent) == 4
    assert min(later - earlier for earlier, later in pairwise(sent)) >= 0.1


@pytest.mark.parametrize("named", [99_999_999, 1e300])
def test_a_senseless_pace_ends_no_work(house: Harness, named: float) -> None:
    """One 429 that names three years holds up neither its job nor the others for good, and is shown like any other."""
    house.control.arm("busy", retry_after_s=named)
    client = house.open(timing=replace(TIMING, busy_wait_s=(0.01, 0.02)))
    jobs = [order(client, seed=seed) for seed in (1, 2)]
    for job in jobs:
        assert job.ref in str(client.jobs())
        finished(job)
    assert house.paid == 2


def test_a_media_host_that_comes_late_is_waited_for(house: Harness) -> None:
    """A host that has no file at first may get it: the paid video is fetched without anybody asking again."""
    house.control.arm("media_status", times=8)
    job = order(house.open())
    finished(job)
    assert "its download is tried again" in history(job)
    assert house.paid == 1


def test_a_download_that_was_given_up_is_tried_at_the_next_start(house: Harness) -> None:
    """What no patience could fetch rests; the next client tries it again by itself, and nothing is paid again."""
    house.control.arm("media_status", times=None)
    first = house.open(timing=replace(TIMING, busy_wait_s=(0.001, 0.002)))
    job = order(first)
    assert isinstance(failed(job), DownloadError)
    first.close()
    house.control.disarm()
    (again,) = house.open().jobs()
    until(again, lambda changed: changed.state is JobState.DONE)
    assert house.paid == 1


def test_an_upload_that_the_vendor_does_not_take_says_why(house: Harness) -> None:
    """An upload that is answered with a reason is tried again, and the reason is told when time is over."""
    house.control.arm("upload_err_msg", times=None, text="picture too dark")
    job = order(house.open(timing=replace(TIMING, deadline_s=1.0)))
    error = failed(job)
    assert isinstance(error, JobTimeout)
    assert "The vendor did not take the picture: picture too dark." in str(error)
    assert house.paid == 0


@pytest.mark.parametrize("is_pinned", [False, True])
def test_an_account_is_never_asked_for_more_than_it_runs(still: Harness, is_pinned: bool) -> None:
    """With two slots the third job waits unsent, also where the account is pinned and after a restart."""
    (account,) = still.control.accounts.values()
    still.control.add_account(replace(account, max_jobs=2))
    email = account.email if is_pinned else None
    first = still.open(email=email)
    jobs = [order(first, seed=seed) for seed in range(1, 5)]
    still.accepts(2)
    for job in jobs:
        until(job, lambda changed: changed.state in (JobState.QUEUED, JobState.WAITING))
    first.close()
    again = still.open(email=email)
    for seed in range(1, 5):
        order(again, seed=seed)
    still.control.advance(200)
    still.accepts(4)
    assert still.control.requests[CREATE] == still.paid == 4


def test_another_accounts_list_proves_nothing(house: Harness) -> None:
    """A call is bound to the one account that was there: its list alone can prove that it was never accepted."""
    (account,) = house.control.accounts.values()
    house.control.arm("lost_answer")
    house.control.arm("list_lag", lag_s=10**9)
    job = order(house.open(timing=replace(SETTLING, deadline_s=4.0)))
    reached(job, JobState.UNKNOWN)
    house.control.add_account("other@example.org")
    house.control.remove_account(account.email)
    error = failed(job)
    assert isinstance(error, JobTimeout)
    assert error.may_have_been_charged == "unknown"
    assert house.paid == 1


def test_what_is_asked_for_after_a_step_of_the_clock_is_made_too(
    house: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that is asked for when the wall clock was set back by hours has its whole time, and one payment."""
    client = house.open(timing=replace(TIMING, deadline_s=60.0))
    wall = time.time
    monkeypatch.setattr(time, "time", lambda: wall() - 7200.0)
    finished(order(client))
    assert house.paid == 1
