"""Rows of the vendor's list: no quirk of a row ends a job wrongly or too early."""

import threading

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.remote import RemoteState
from pixverse_nb.errors import JobFailed, JobModerated
from tests.client.harness import A_JOB_S, PATIENCE_S, Harness, failed, finished, order, reached, states, until, warning


def test_queued_and_final_is_still_queued(still: Harness) -> None:
    """A QUEUED row with `video_status_final: true` leaves the job queued."""
    client = still.open()
    job = order(client)
    reached(job, JobState.QUEUED)
    (row,) = client.videos()
    assert (row.raw["video_status"], row.raw["video_status_final"]) == (5, True)
    client.reconcile()
    assert job.state is JobState.QUEUED


def test_a_url_on_a_running_row_is_not_downloaded(still: Harness) -> None:
    """A row that is generating and already has a url is not downloaded."""
    client = still.open()
    job = order(client)
    reached(job, JobState.QUEUED)
    still.control.advance(20)
    reached(job, JobState.GENERATING)
    (row,) = client.videos()
    assert row.state is RemoteState.GENERATING
    assert row.url
    client.reconcile()
    assert job.state is JobState.GENERATING
    assert still.control.requests["media"] == 0


def test_a_finished_row_of_width_0_is_downloaded(still: Harness) -> None:
    """A finished v3.5 row with width 0 is downloaded."""
    client = still.open()
    job = order(client)
    reached(job, JobState.QUEUED)
    still.control.advance(A_JOB_S)
    finished(job)
    (row,) = client.videos()
    assert (row.raw["video_status"], row.raw["output_width"]) == (1, 0)


def test_an_undocumented_status_is_a_warning(still: Harness) -> None:
    """An undocumented status becomes a warning, and the job continues when it has passed."""
    fault = still.control.arm("unknown_status", times=None, status=17)
    job = order(still.open())
    until(job, lambda changed: warning(changed) == Notice("unknown_status", {"status": "17"}))
    assert not job.state.is_final
    still.control.disarm(fault.id)
    still.control.advance(A_JOB_S)
    assert finished(job).size_bytes > 0


def test_a_finished_row_with_an_error_code_is_a_failure(house: Harness) -> None:
    """COMPLETED with `errCode` raises JobFailed with the code; nothing is downloaded."""
    house.control.arm("error_code", code=500063)
    job = order(house.open())
    error = failed(job)
    assert isinstance(error, JobFailed)
    assert "500063" in str(error)
    assert error.job is job
    assert house.control.requests["media"] == 0


def test_a_failed_generation_raises_job_failed(house: Harness) -> None:
    """FAILED raises JobFailed, and whether it was charged is unknown."""
    house.control.arm("failed")
    job = order(house.open())
    error = failed(job)
    assert isinstance(error, JobFailed)
    assert (job.state, error.may_have_been_charged) == (JobState.FAILED, "unknown")
    assert job.snapshot().suggested_action


def test_a_moderated_generation_raises_job_moderated(house: Harness) -> None:
    """MODERATED raises JobModerated, and the credits are refunded."""
    house.control.arm("moderated")
    before = house.control.balance()
    job = order(house.open())
    error = failed(job)
    assert isinstance(error, JobModerated)
    assert (job.state, error.may_have_been_charged) == (JobState.MODERATED, "no")
    assert house.control.balance() == before


def test_a_job_that_is_not_listed_yet_continues(house: Harness) -> None:
    """An accepted job that is not listed for a while continues."""
    house.control.arm("list_lag", lag_s=600)
    job = order(house.open())
    assert finished(job).size_bytes > 0
    assert states(job)[-2:] == ["downloading", "done"]
    assert house.control.requests["video"] > 0


def test_an_unordered_list_with_missing_fields_is_matched(house: Harness) -> None:
    """Rows in any order and without names, times and prompts are matched with their jobs."""
    house.control.arm("list_shuffled", times=None)
    gaps = ["video_status_final", "video_status_name", "created_at", "prompt", "seed"]
    house.control.arm("missing_fields", times=None, fields=gaps)
    client = house.open()
    jobs = [order(client, seed=seed) for seed in range(1, 6)]
    videos = [finished(job) for job in jobs]
    for job, video in zip(jobs, videos, strict=True):
        assert video.path.read_bytes().endswith(str(job.request.seed).encode())


def test_the_queue_position_is_shown(still: Harness) -> None:
    """If the vendor reports a queue position, the job shows it."""
    still.control.settings.parallel = 1
    client = still.open()
    first = order(client, seed=1)
    reached(first, JobState.QUEUED)
    second = order(client, seed=2)
    reached(second, JobState.QUEUED)
    third = order(client, seed=3)
    until(third, lambda job: job.snapshot().queue_position is not None)
    assert third.snapshot().queue_position == 2


@pytest.mark.parametrize("count", [1, 8])
def test_one_poll_serves_all_jobs(still: Harness, count: int) -> None:
    """One poll of the list serves all open jobs."""
    client = still.open()
    jobs = [order(client, seed=seed) for seed in range(1, count + 1)]
    for job in jobs:
        reached(job, JobState.QUEUED)
    client.reconcile()
    before = still.control.requests["videos"]
    done = threading.Event()
    client.subscribe(lambda job: done.set() if all(one.state.is_final for one in jobs) else None)
    still.control.advance(A_JOB_S)
    assert done.wait(PATIENCE_S)
    for job in jobs:
        finished(job)
    assert still.control.requests["videos"] - before <= 2
    assert still.control.requests["video"] == 0
