"""Waiting for a job: in a script, in a running loop, in threads, with a timeout, and cancelled."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import ConfigError, DownloadError, JobCancelled, JobTimeout
from pixverse_nb.jobs.job import Job
from tests.client.harness import (
    LONGEST_JOB_S,
    TIMING,
    WAIT_LIMIT_S,
    Harness,
    create_job,
    event_kinds,
    run_script,
    wait_for_error,
    wait_for_state,
    wait_for_video,
    wait_until,
)


def test_await_does_not_block_the_loop(manual_harness: Harness) -> None:
    """`await job` returns the video while other coroutines run: here the one that finishes its generation."""
    job = create_job(manual_harness.open(), deadline_s=WAIT_LIMIT_S)
    wait_for_state(job, JobState.QUEUED)

    async def finish() -> None:
        await asyncio.sleep(0)
        manual_harness.control.advance(LONGEST_JOB_S)

    async def cell() -> int:
        size, _ = await asyncio.gather(_awaited(job), finish())
        return size

    assert asyncio.run(cell()) > 0


async def _awaited(job: Job) -> int:
    return (await job).size_bytes


def test_result_works_inside_a_running_loop(client: Client) -> None:
    """`result()` works in a thread whose event loop is running, as in a notebook cell."""

    async def cell() -> int:
        return wait_for_video(create_job(client)).size_bytes

    assert asyncio.run(cell()) > 0


def test_several_jobs_are_awaited_together(client: Client, harness: Harness) -> None:
    """`asyncio.gather` over jobs returns a different video for each."""

    async def cell() -> list[str]:
        jobs = [create_job(client, seed=seed) for seed in (1, 2, 3)]
        return [video.sha256 for video in await asyncio.gather(*jobs)]

    assert len(set(asyncio.run(cell()))) == 3
    assert harness.paid == 3


def test_many_threads_wait_for_one_job(client: Client, harness: Harness) -> None:
    """All waiting threads get the video of the same generation."""
    job = create_job(client)
    with ThreadPoolExecutor(6) as pool:
        videos = list(pool.map(lambda _: wait_for_video(job), range(6)))
    assert len({video.sha256 for video in videos}) == 1
    assert harness.paid == 1


def test_cancelling_an_await_leaves_the_job(manual_harness: Harness) -> None:
    """Cancelling the waiting coroutine does not affect the job; a note says how to continue, and IPython shows no frame
    of ours.
    """
    job = create_job(manual_harness.open())

    async def cell() -> None:
        waiting = asyncio.ensure_future(_awaited(job))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await waiting
        assert job.ref in "".join(caught.value.__notes__)
        shown = "\n".join(caught.value._render_traceback_())  # type: ignore[attr-defined]  # IPython calls it
        assert "test_waiting.py" in shown
        assert not any(file in shown for file in ("job.py", "event_loop.py", "tasks.py"))

    asyncio.run(cell())
    wait_for_state(job, JobState.QUEUED)
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(job).size_bytes > 0


def test_a_timeout_ends_the_waiting_only(manual_harness: Harness) -> None:
    """`result(timeout=…)` raises JobTimeout with the ref; the job continues."""
    job = create_job(manual_harness.open())
    wait_for_state(job, JobState.QUEUED)
    with pytest.raises(JobTimeout) as caught:
        job.result(timeout=0)
    assert isinstance(caught.value, TimeoutError)
    assert (caught.value.ref, caught.value.may_have_been_charged) == (job.ref, "yes")
    assert caught.value.job is job
    assert f'client.job("{job.ref}")' in str(caught.value)
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(job).size_bytes > 0


def test_waiting_in_another_process_ends_when_the_job_stops(harness: Harness) -> None:
    """A process that learns only when it becomes the leader that a job has stopped tells those who wait for it."""
    harness.control.arm("media_status", times=None)
    leader = harness.open(timing=replace(TIMING, busy_wait_s=(0.001, 0.002)))
    follower = harness.open(timing=replace(TIMING, poll_s=100.0))  # it looks once a second
    job = create_job(leader)
    assert isinstance(wait_for_error(follower.job(job.ref)), DownloadError)
    assert harness.paid == 1


def test_an_interrupt_ends_the_waiting_only(manual_harness: Harness) -> None:
    """An interrupt in `result()` adds a note on how to continue; the job continues."""
    with run_script("interrupted.py", manual_harness) as script:
        assert script.stdin is not None
        assert script.stdout is not None
        note = script.stdout.readline()
        manual_harness.control.advance(LONGEST_JOB_S)
        script.stdin.write("go on\n")
        script.stdin.flush()
        rest = script.stdout.read()
        assert script.wait(WAIT_LIMIT_S) == 0
    assert note.startswith("queued: ")
    assert all(call in note for call in ('client.job("', ".result()", "job.cancel()"))
    assert rest == "done\n"
    assert manual_harness.paid == 1


def test_a_subscriber_is_called_until_it_unsubscribes(manual_harness: Harness) -> None:
    """A subscriber is called at each change on the client's thread, until it unsubscribes."""
    client = manual_harness.open()
    heard: list[tuple[Job, JobState, str]] = []
    sent = threading.Event()

    def note(job: Job) -> None:
        heard.append((job, job.state, threading.current_thread().name))
        if job.state is JobState.QUEUED:
            sent.set()

    job = create_job(client)
    leave = job.subscribe(note)
    note(job)
    assert sent.wait(WAIT_LIMIT_S)
    leave()
    leave()
    client._loop.run(lambda: None)  # a call that had begun has ended
    before = len(heard)
    manual_harness.control.advance(LONGEST_JOB_S)
    wait_for_video(job)
    assert len(heard) == before
    assert all(one is job for one, _, _ in heard)
    assert {thread for _, _, thread in heard[1:]} <= {"pixverse-nb"}


def test_a_client_subscriber_is_called_for_every_job(client: Client) -> None:
    """A subscriber of the client is called for every job until it unsubscribes."""
    ended: set[str] = set()
    leave = client.subscribe(lambda job: ended.add(job.ref) if job.state is JobState.DONE else None)
    jobs = [create_job(client, seed=seed) for seed in (1, 2)]
    for job in jobs:
        wait_for_video(job)
    leave()
    wait_for_video(create_job(client, seed=3))
    assert ended == {job.ref for job in jobs}


def test_a_raising_subscriber_is_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """A subscriber that raises is logged and affects neither the job nor other subscribers."""
    heard = threading.Event()

    def broken(job: Job) -> None:
        raise RuntimeError("a mistake in somebody's callback")

    client.subscribe(broken)
    client.subscribe(lambda job: heard.set() if job.state is JobState.DONE else None)
    job = create_job(client)
    job.subscribe(broken)
    wait_for_video(job)
    assert heard.is_set()  # subscribers are told before who waits is woken
    assert job.ref in caplog.text
    assert "RuntimeError" in caplog.text


def test_result_in_a_subscriber_raises(client: Client) -> None:
    """`result()` in a subscriber raises ConfigError instead of deadlocking."""
    errors: list[ConfigError] = []
    done = threading.Event()

    def wait_there(job: Job) -> None:
        if job.state is JobState.QUEUED:
            try:
                job.result()
            except ConfigError as error:
                errors.append(error)
            done.set()

    client.subscribe(wait_there)
    wait_for_video(create_job(client))
    assert done.wait(WAIT_LIMIT_S)
    assert "await job" in str(errors[0])


def test_cancelling_an_unsent_job_charges_nothing(harness: Harness) -> None:
    """A job that is cancelled while it waits for a slot is never charged."""
    harness.control.arm("busy", times=None, retry_after_s=60)
    job = create_job(harness.open())
    wait_until(job, lambda waiting: "call_postponed" in event_kinds(waiting))
    assert job.cancel() is True
    error = wait_for_error(job)
    assert isinstance(error, JobCancelled)
    assert error.may_have_been_charged == "no"
    assert harness.paid == 0
    assert job.cancel() is False


def test_cancelling_a_sent_job_leaves_it_charged(manual_harness: Harness) -> None:
    """A job that is cancelled after it was sent stays charged, and the error names `resume()`."""
    job = create_job(manual_harness.open())
    wait_for_state(job, JobState.QUEUED)
    assert job.cancel() is True
    error = wait_for_error(job)
    assert isinstance(error, JobCancelled)
    assert error.may_have_been_charged == "yes"
    assert f'client.job("{job.ref}").resume()' in str(error)
    assert f'client.job("{job.ref}").resume()' in str(job.snapshot().suggested_action)


def test_a_cancelled_job_is_resumed(manual_harness: Harness) -> None:
    """`resume()` of a cancelled job continues its generation without a second charge."""
    job = create_job(manual_harness.open())
    wait_for_state(job, JobState.QUEUED)
    job.cancel()
    job.resume()
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(job).size_bytes > 0
    assert job.error is None
    assert manual_harness.paid == 1
    assert "resumed" in event_kinds(job)


def test_a_finished_job_is_not_cancelled(client: Client) -> None:
    """`cancel()` of a finished job returns False and changes nothing."""
    job = create_job(client)
    wait_for_video(job)
    assert job.cancel() is False
    assert job.state is JobState.DONE


@pytest.mark.parametrize(("options", "lines"), [({}, 1), ({"quiet": True}, 0)])
def test_a_script_is_told_once_what_is_waited_for(
    manual_harness: Harness, capsys: pytest.CaptureFixture[str], options: dict[str, bool], lines: int
) -> None:
    """Waiting writes one line on standard error, however often it is waited for; with `quiet=True` none."""
    job = create_job(manual_harness.open())
    manual_harness.wait_for_accepted(1)
    for _ in range(3):
        with pytest.raises(JobTimeout):
            job.result(timeout=0.01, **options)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == shown.err.count(job.ref) == lines


def test_a_script_sees_the_price_and_each_notice_once(harness: Harness, capsys: pytest.CaptureFixture[str]) -> None:
    """The line has the estimate; the notices known then follow, and the one about the charge at the end."""
    client = harness.open(prices={"360p": 10})
    job = create_job(client, model="v6", duration=5)
    wait_for_video(job)
    assert [notice.kind for notice in job._record().notices] == ["charge_differs_from_estimate"]
    capsys.readouterr()
    job = create_job(client, model="v4.5")
    job.result()
    job.result()
    lines = capsys.readouterr().err.splitlines()
    (notice, differs) = job.notices
    assert "10 credits" in lines[0]
    assert [sum(text in line for line in lines) for text in (notice, differs)] == [1, 1]
