"""Retry paces: a busy vendor or a failing media host is neither hammered nor given up."""

import time
from dataclasses import replace
from itertools import pairwise

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import DownloadError, JobTimeout
from tests.client.harness import (
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


@pytest.mark.parametrize("named", [0, -5, 0.001])
def test_a_tiny_retry_after_is_limited(harness: Harness, named: float) -> None:
    """After a 429 with a tiny `Retry-After`, a tenth of the usual wait is kept."""
    harness.control.arm("busy", times=3, retry_after_s=named)
    job = create_job(harness.open(timing=replace(TIMING, busy_wait_s=(1.0, 2.0))))
    wait_for_video(job)
    sent = [event.at for event in job.events() if event.kind == "intent_recorded"]
    assert len(sent) == 4
    assert min(later - earlier for earlier, later in pairwise(sent)) >= 0.1


@pytest.mark.parametrize("named", [99_999_999, 1e300])
def test_a_huge_retry_after_is_limited(harness: Harness, named: float) -> None:
    """A 429 with a `Retry-After` of years delays neither its job nor the others for good."""
    harness.control.arm("busy", retry_after_s=named)
    client = harness.open(timing=replace(TIMING, busy_wait_s=(0.01, 0.02)))
    jobs = [create_job(client, seed=seed) for seed in (1, 2)]
    for job in jobs:
        assert job.ref in str(client.jobs())
        wait_for_video(job)
    assert harness.paid == 2


def test_a_late_media_host_is_retried(harness: Harness) -> None:
    """A media host that lacks the file at first is retried automatically."""
    harness.control.arm("media_status", times=8)
    job = create_job(harness.open())
    wait_for_video(job)
    assert "download_retried" in warning_kinds(job)
    assert harness.paid == 1


def test_a_blocked_download_is_retried_by_the_next_client(harness: Harness) -> None:
    """A blocked download is retried by the next client, without a charge."""
    harness.control.arm("media_status", times=None)
    first = harness.open(timing=replace(TIMING, busy_wait_s=(0.001, 0.002)))
    job = create_job(first)
    assert isinstance(wait_for_error(job), DownloadError)
    first.close()
    harness.control.disarm()
    (again,) = harness.open().jobs()
    wait_until(again, lambda changed: changed.state is JobState.DONE)
    assert harness.paid == 1


def test_a_rejected_upload_reports_its_reason(harness: Harness) -> None:
    """An upload that is rejected until the deadline raises JobTimeout with the vendor's reason."""
    reason = "too dark (7)"
    harness.control.arm("upload_err_msg", times=None, text=reason)
    job = create_job(harness.open())
    harness.skip_at_obstacle(job, "upload_postponed", TIMING.deadline_s)
    error = wait_for_error(job)
    assert isinstance(error, JobTimeout)
    cause = job._record().error
    assert cause is not None
    assert (cause.kind, cause.data["obstacle"]) == ("JobTimeout", "upload_postponed")
    assert reason in str(cause.data["detail"])
    assert reason in str(error)
    assert harness.paid == 0


@pytest.mark.parametrize("is_pinned", [False, True])
def test_calls_never_exceed_the_slots(manual_harness: Harness, is_pinned: bool) -> None:
    """With two slots the third job waits unsent, also with a pinned account and after a restart."""
    (account,) = manual_harness.control.accounts.values()
    manual_harness.control.add_account(replace(account, max_jobs=2))
    email = account.email if is_pinned else None
    first = manual_harness.open(email=email)
    jobs = [create_job(first, seed=seed) for seed in range(1, 5)]
    manual_harness.wait_for_accepted(2)
    for job in jobs:
        wait_until(job, lambda changed: changed.state in (JobState.QUEUED, JobState.WAITING))
    first.close()
    again = manual_harness.open(email=email)
    for seed in range(1, 5):
        create_job(again, seed=seed)
    manual_harness.control.advance(200)
    manual_harness.wait_for_accepted(4)
    assert manual_harness.control.requests[CREATE] == manual_harness.paid == 4


def test_another_accounts_list_proves_nothing(harness: Harness) -> None:
    """The list of another account does not prove that a call was never accepted."""
    (account,) = harness.control.accounts.values()
    harness.control.arm("lost_answer")
    harness.control.arm("list_lag", lag_s=10**9)
    client = harness.open()
    job = create_job(client)
    wait_for_state(job, JobState.UNKNOWN)
    harness.control.add_account("other@example.org")
    harness.control.remove_account(account.email)
    harness.pass_settle_window(job)
    for _ in range(3):
        client.reconcile()
    assert job.state is JobState.UNKNOWN
    client.close()
    harness.skip(TIMING.deadline_s)
    (job,) = harness.open().jobs()
    error = wait_for_error(job)
    assert isinstance(error, JobTimeout)
    assert error.may_have_been_charged == "unknown"
    assert harness.paid == 1


def test_a_job_after_a_clock_step_has_its_full_deadline(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job created after the wall clock was set back has its full deadline, and one charge."""
    client = harness.open(timing=replace(TIMING, deadline_s=60.0))
    wall = time.time
    monkeypatch.setattr(time, "time", lambda: wall() - 7200.0)
    wait_for_video(create_job(client))
    assert harness.paid == 1
