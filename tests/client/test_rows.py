"""What the vendor's list shows is read with care: no quirk of a row ends a job wrongly or too early."""

import threading

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.remote import RemoteState
from pixverse_nb.errors import JobFailed, JobModerated
from tests.client.harness import A_JOB_S, PATIENCE_S, Harness, failed, finished, order, reached, states, until


def test_queued_and_final_is_still_queued(still: Harness) -> None:
    """A QUEUED row says `video_status_final: true`, and the job waits all the same."""
    client = still.open()
    job = order(client)
    reached(job, JobState.QUEUED)
    (row,) = client.videos()
    assert (row.raw["video_status"], row.raw["video_status_final"]) == (5, True)
    client.reconcile()
    assert job.state is JobState.QUEUED


def test_an_address_on_a_running_row_is_not_the_end(still: Harness) -> None:
    """A row that still generates has a url and width 0 already; the job is generating, and nothing is downloaded."""
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


def test_a_finished_row_of_width_0_is_the_end(still: Harness) -> None:
    """A finished v3.5 row shows width 0, and the video is fetched."""
    client = still.open()
    job = order(client)
    reached(job, JobState.QUEUED)
    still.control.advance(A_JOB_S)
    finished(job)
    (row,) = client.videos()
    assert (row.raw["video_status"], row.raw["output_width"]) == (1, 0)


def test_a_status_not_documented_is_waited_out(still: Harness) -> None:
    """A number that nobody has documented is shown as trouble, and the job goes on when it has passed."""
    fault = still.control.arm("unknown_status", times=None, status=17)
    job = order(still.open())
    until(job, lambda changed: "17" in (changed.snapshot().warning or ""))
    assert not job.state.is_final
    still.control.disarm(fault.id)
    still.control.advance(A_JOB_S)
    assert finished(job).size_bytes > 0


def test_a_finished_row_with_a_code_is_a_failure(house: Harness) -> None:
    """COMPLETED with `errCode` is JobFailed, with the code; nothing is downloaded."""
    house.control.arm("error_code", code=500063)
    job = order(house.open())
    error = failed(job)
    assert isinstance(error, JobFailed)
    assert "500063" in str(error)
    assert error.job is job
    assert house.control.requests["media"] == 0


def test_a_failed_generation_is_told(house: Harness) -> None:
    """FAILED is JobFailed; whether it was charged is not known, and the same call makes a new try."""
    house.control.arm("failed")
    job = order(house.open())
    error = failed(job)
    assert isinstance(error, JobFailed)
    assert (job.state, error.may_have_been_charged) == (JobState.FAILED, "unknown")
    assert "The same call makes a new, paid try." in str(error)


def test_a_moderated_generation_is_told(house: Harness) -> None:
    """MODERATED is JobModerated; the credits come back, so nothing is charged."""
    house.control.arm("moderated")
    before = house.control.balance()
    job = order(house.open())
    error = failed(job)
    assert isinstance(error, JobModerated)
    assert (job.state, error.may_have_been_charged) == (JobState.MODERATED, "no")
    assert "gives the credits back" in str(error)
    assert house.control.balance() == before


def test_a_job_that_the_list_does_not_show_yet_is_waited_for(house: Harness) -> None:
    """Accepted but not listed for a while (the 404 of its own page tells nothing): the job goes on."""
    house.control.arm("list_lag", lag_s=600)
    job = order(house.open())
    assert finished(job).size_bytes > 0
    assert states(job)[-2:] == ["downloading", "done"]
    assert house.control.requests["video"] > 0


def test_a_disordered_list_with_gaps_is_read(house: Harness) -> None:
    """Rows in any order, without status names, times and prompts, still tell each job its own."""
    house.control.arm("list_shuffled", times=None)
    gaps = ["video_status_final", "video_status_name", "created_at", "prompt", "seed"]
    house.control.arm("missing_fields", times=None, fields=gaps)
    client = house.open()
    jobs = [order(client, seed=seed) for seed in range(1, 6)]
    videos = [finished(job) for job in jobs]
    for job, video in zip(jobs, videos, strict=True):
        assert video.path.read_bytes().endswith(str(job.request.seed).encode())


def test_the_place_in_the_queue_is_shown(still: Harness) -> None:
    """Where the vendor tells how many are before it, the job shows its place."""
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
def test_one_list_serves_all_jobs(still: Harness, count: int) -> None:
    """However many jobs are open, a look at the list is one request."""
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
