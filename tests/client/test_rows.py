"""Rows of the vendor's list: no quirk of a row ends a job wrongly or too early."""

from dataclasses import replace

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.remote import RemoteState
from pixverse_nb.errors import JobFailed, JobModerated
from tests.client.harness import (
    LONGEST_JOB_S,
    TIMING,
    Harness,
    create_job,
    current_warning,
    state_names,
    wait_for_error,
    wait_for_state,
    wait_for_video,
    wait_until,
)


def test_queued_and_final_is_still_queued(manual_harness: Harness) -> None:
    """A QUEUED row with `video_status_final: true` leaves the job queued."""
    client = manual_harness.open()
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    (row,) = client.videos()
    assert (row.raw["video_status"], row.raw["video_status_final"]) == (5, True)
    client.reconcile()
    assert job.state is JobState.QUEUED


def test_a_url_on_a_running_row_is_not_downloaded(manual_harness: Harness) -> None:
    """A row that is generating and already has a url is not downloaded."""
    client = manual_harness.open()
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    manual_harness.control.advance(20)
    wait_for_state(job, JobState.GENERATING)
    (row,) = client.videos()
    assert row.state is RemoteState.GENERATING
    assert row.url
    client.reconcile()
    assert job.state is JobState.GENERATING
    assert manual_harness.control.requests["media"] == 0


def test_a_finished_row_of_width_0_is_downloaded(manual_harness: Harness) -> None:
    """A finished v3.5 row with width 0 is downloaded."""
    client = manual_harness.open()
    job = create_job(client, model="v3.5")
    wait_for_state(job, JobState.QUEUED)
    manual_harness.control.advance(LONGEST_JOB_S)
    wait_for_video(job)
    (row,) = client.videos()
    assert (row.raw["video_status"], row.raw["output_width"]) == (1, 0)


def test_an_undocumented_status_is_a_warning(manual_harness: Harness) -> None:
    """An undocumented status becomes a warning, and the job continues when it has passed."""
    fault = manual_harness.control.arm("unknown_status", times=None, status=17)
    job = create_job(manual_harness.open())
    wait_until(job, lambda changed: current_warning(changed) == Notice("unknown_status", {"status": "17"}))
    assert not job.state.is_final
    manual_harness.control.disarm(fault.id)
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(job).size_bytes > 0


def test_a_finished_row_with_an_error_code_is_a_failure(harness: Harness) -> None:
    """COMPLETED with `errCode` raises JobFailed with the code; nothing is downloaded."""
    harness.control.arm("error_code", code=500063)
    job = create_job(harness.open())
    error = wait_for_error(job)
    assert isinstance(error, JobFailed)
    assert "500063" in str(error)
    assert error.job is job
    assert harness.control.requests["media"] == 0


def test_a_failed_generation_raises_job_failed(harness: Harness) -> None:
    """FAILED raises JobFailed, and whether it was charged is unknown."""
    harness.control.arm("failed")
    job = create_job(harness.open())
    error = wait_for_error(job)
    assert isinstance(error, JobFailed)
    assert (job.state, error.may_have_been_charged) == (JobState.FAILED, "unknown")
    assert job.snapshot().suggested_action


def test_a_moderated_generation_raises_job_moderated(harness: Harness) -> None:
    """MODERATED raises JobModerated, and the credits are refunded."""
    harness.control.arm("moderated")
    before = harness.control.balance()
    job = create_job(harness.open())
    error = wait_for_error(job)
    assert isinstance(error, JobModerated)
    assert (job.state, error.may_have_been_charged) == (JobState.MODERATED, "no")
    assert harness.control.balance() == before


def test_a_job_that_is_not_listed_yet_continues(harness: Harness) -> None:
    """An accepted job that is not listed for a while continues."""
    harness.control.arm("list_lag", lag_s=600)
    job = create_job(harness.open())
    assert wait_for_video(job).size_bytes > 0
    assert state_names(job)[-2:] == ["downloading", "done"]
    assert harness.control.requests["video"] > 0


def test_an_unordered_list_with_missing_fields_is_matched(harness: Harness) -> None:
    """Rows in any order and without names, times and prompts are matched with their jobs."""
    harness.control.arm("list_shuffled", times=None)
    gaps = ["video_status_final", "video_status_name", "created_at", "prompt", "seed"]
    harness.control.arm("missing_fields", times=None, fields=gaps)
    client = harness.open()
    jobs = [create_job(client, seed=seed) for seed in range(1, 6)]
    videos = [wait_for_video(job) for job in jobs]
    for job, video in zip(jobs, videos, strict=True):
        assert video.path.read_bytes().endswith(str(job.request.seed).encode())


def test_the_queue_position_is_shown(manual_harness: Harness) -> None:
    """If the vendor reports a queue position, the job shows it."""
    manual_harness.control.settings.parallel = 1
    client = manual_harness.open()
    first = create_job(client, seed=1)
    wait_for_state(first, JobState.QUEUED)
    second = create_job(client, seed=2)
    wait_for_state(second, JobState.QUEUED)
    third = create_job(client, seed=3)
    wait_until(third, lambda job: job.snapshot().queue_position is not None)
    assert third.snapshot().queue_position == 2


@pytest.mark.parametrize("count", [1, 8])
def test_one_poll_serves_all_jobs(manual_harness: Harness, count: int) -> None:
    """One poll of the list serves all open jobs."""
    client = manual_harness.open(timing=replace(TIMING, poll_s=1e6))  # it polls when it is told to
    jobs = [create_job(client, seed=seed) for seed in range(1, count + 1)]
    for job in jobs:
        wait_for_state(job, JobState.QUEUED)
    manual_harness.control.advance(LONGEST_JOB_S)
    client.reconcile()
    for job in jobs:
        wait_for_video(job)
    assert manual_harness.control.requests["videos"] == 1
    assert manual_harness.control.requests["video"] == 0
