"""A job ends where the engine does not expect it: after its record was read, or in another process."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.jobs.job import Job
from tests.client.harness import (
    LONGEST_JOB_S,
    WAIT_LIMIT_S,
    Harness,
    create_job,
    fill_slots,
    wait_for_state,
    wait_for_video,
)
from tests.sweep.small_sweeps import limit_to_one_slot, run, small_sweep

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


def test_a_job_that_another_process_has_made_since(manual_harness: Harness) -> None:
    """A client that was opened before hears of its end: whoever watches the job is told, and `result()` returns."""
    early, client = manual_harness.open(), manual_harness.open()
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    same = early.job(job.ref)
    has_ended = threading.Event()
    same.subscribe(lambda changed: has_ended.set() if changed.done else None)
    manual_harness.control.advance(LONGEST_JOB_S)
    video = wait_for_video(same)
    assert has_ended.wait(WAIT_LIMIT_S)
    assert video.sha256 == wait_for_video(job).sha256
    assert manual_harness.paid == 1


def test_waiting_for_a_job_that_another_process_has_resumed(manual_harness: Harness) -> None:
    """A handle from before the job went on elsewhere: whoever waits with it is told of the end."""
    client = manual_harness.open()
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    job.cancel()
    same = manual_harness.open().job(job.ref)
    assert same.state is JobState.CANCELLED
    job.resume()
    wait_for_state(job, JobState.GENERATING)
    wait = same._waiter()
    assert not wait.done()
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait.result(WAIT_LIMIT_S).state is JobState.DONE
    assert manual_harness.paid == 1


def test_a_new_leader_tells_what_the_last_one_has_written(manual_harness: Harness) -> None:
    """What a leader writes just before it ends reaches those who watch the job in the process that takes over."""
    leader, follower = manual_harness.open(), manual_harness.open()
    job = create_job(leader)
    wait_for_state(job, JobState.QUEUED)
    same = follower.job(job.ref)
    same._loop.run(lambda: same._engine.follow(same._record(), is_requested=True))
    heard: list[JobState] = []
    same.subscribe(lambda changed: heard.append(changed.state))

    def end_meanwhile() -> None:  # on the follower's loop, which reads nothing before this is over
        job.cancel()
        job.resume()
        leader.close()
        same._engine._election._compete()

    same._loop.run(end_meanwhile)
    assert same._engine.is_leader
    assert heard[:1] == [JobState.GENERATING]


def test_a_wish_is_written_while_the_leader_changes(manual_harness: Harness) -> None:
    """A new leader sends a job that another process wants, even if it reads that before it follows the others."""
    follower, leader = manual_harness.open(), manual_harness.open()
    running = fill_slots(follower)
    job = create_job(follower, seed=9)
    wait_for_state(job, JobState.WAITING)
    create_job(leader, seed=10)
    old, new = job._engine, leader._engine

    def take_over() -> None:
        old._election._lease.release()
        assert new._election._lease.try_acquire()
        old.announce_requested()

    def lead() -> None:
        assert new.find_open(job.ref) is None
        job._loop.run(take_over)
        new._election._compete()
        new._election._follow()
        assert not new.is_paused(job._record())

    leader._loop.run(lead)
    manual_harness.control.advance(LONGEST_JOB_S)
    wait_for_video(running[0])
    wait_for_state(job, JobState.QUEUED)


def test_a_job_ends_while_a_sweep_reads_its_cells(manual_harness: Harness) -> None:
    """The sweep knows of the end, whether it comes before the sweep follows its jobs or after."""
    client = manual_harness.open()
    job = create_job(client, seed=1)
    wait_for_state(job, JobState.QUEUED)
    old = job._record()
    sweep = small_sweep(client, seed=[1, 2])
    context = sweep._context

    def subscribe(callback: Callable[[Job], object]) -> Callable[[], None]:
        manual_harness.control.advance(LONGEST_JOB_S)
        wait_for_video(job)
        return context.subscribe(callback)

    sweep._context = replace(context, subscribe=subscribe)
    assert sweep.progress.done == 1
    sweep._cell_jobs._set_record(sweep[0].key, old)  # as a reading that began before the end does after it
    assert sweep.progress.done == 1


def test_a_subscriber_hears_of_the_jobs_of_another_process(manual_harness: Harness) -> None:
    """Although its own client has nothing to do: it hears of the end, and runs nothing itself."""
    viewer, client = manual_harness.open(), manual_harness.open()
    has_begun, has_ended = threading.Event(), threading.Event()
    viewer.subscribe(lambda job: (has_ended if job.done else has_begun).set())
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    assert has_begun.wait(WAIT_LIMIT_S)
    manual_harness.control.advance(LONGEST_JOB_S)
    wait_for_video(job)
    assert has_ended.wait(WAIT_LIMIT_S)
    assert viewer._engine.open_records == ()
    assert viewer.requests_sent == 0
    assert manual_harness.paid == 1


def test_a_subscriber_of_a_job_that_another_process_has_not_sent_yet(harness: Harness) -> None:
    """It is told what that process does with the job, and its own process does not send it."""
    harness.stop_sandbox()
    job = create_job(harness.open())
    wait_for_state(job, JobState.WAITING)
    (same,) = harness.open().jobs()
    has_ended = threading.Event()
    same.subscribe(lambda changed: has_ended.set() if changed.done else None)
    job._loop.run(job._engine.announce_requested)  # writes
    assert same.is_paused
    job.cancel()
    assert has_ended.wait(WAIT_LIMIT_S)
    assert same.state is JobState.CANCELLED


def test_a_gallery_shows_the_videos_of_another_process(harness: Harness) -> None:
    """It fills while the same sweep runs in another process, also with the cells that begin later."""
    limit_to_one_slot(harness)
    gallery = small_sweep(harness.open(), seed=[1, 2, 3]).gallery()
    is_full = threading.Event()
    gallery.observe(lambda _: is_full.set() if all(tile.video for tile in gallery.tiles) else None, names="rows")
    run(small_sweep(harness.open(), seed=[1, 2, 3]))
    assert is_full.wait(WAIT_LIMIT_S), gallery.tiles
    assert harness.paid == 3
