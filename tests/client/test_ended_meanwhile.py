"""A job ends between the moment in which its record is read and the moment in which the engine gets that record."""

from collections.abc import Callable

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.jobs.engine import Engine
from tests.client.harness import Harness, create_job, wait_for_state, wait_for_video

USES: dict[str, Callable[[Engine, JobRecord], object]] = {
    "follow": lambda engine, record: engine.follow(record, is_requested=True),
    "cancel": lambda engine, record: engine.cancel(record),
    "withdraw": lambda engine, record: engine.withdraw(record),
}


@pytest.mark.parametrize("use", USES)
def test_an_old_record_of_a_finished_job(client: Client, use: str) -> None:
    """The engine does not take the job up again: it stays finished, its video is there at once, nothing is open."""
    job = create_job(client)
    read: list[JobRecord] = []
    job.subscribe(lambda changed: read.append(changed._record()) if changed.state is JobState.DOWNLOADING else None)
    video = wait_for_video(job)
    job._loop.run(lambda: USES[use](job._engine, read[0]))
    assert job.state is JobState.DONE
    assert job._engine.find_open(job.ref) is None
    assert wait_for_video(job).sha256 == video.sha256
    assert not job._loop.run(job._engine.has_open_work)


def test_two_processes_end_a_job_at_once(manual_harness: Harness) -> None:
    """The process that comes second tells whoever watches the job that it has ended."""
    client = manual_harness.open()
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    same = manual_harness.open().job(job.ref)
    heard: list[JobState] = []
    job.subscribe(lambda changed: heard.append(changed.state))

    def cancel_both() -> None:  # on the first one's loop, which hears of the other's cancelling only after this
        same.cancel()
        job.cancel()

    job._loop.run(cancel_both)
    assert heard[-1:] == [JobState.CANCELLED]
