"""Waiting for a job: in a script, in a running loop, from threads, for a while, and with second thoughts."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import ConfigError, JobCancelled, JobTimeout
from pixverse_nb.jobs.job import Job
from tests.client.harness import A_JOB_S, PATIENCE_S, Harness, failed, finished, history, order, reached, running, until


def test_await_leaves_the_loop_free(client: Client) -> None:
    """`await job` gives the video, and other coroutines run meanwhile."""

    async def cell() -> tuple[int, int]:
        turns = 0
        waiting = asyncio.ensure_future(_awaited(order(client)))
        while not waiting.done():
            turns += 1
            await asyncio.sleep(0)
        return (await waiting), turns

    size, turns = asyncio.run(cell())
    assert size > 0
    assert turns > 10


async def _awaited(job: Job) -> int:
    return (await job).size_bytes


def test_result_works_inside_a_running_loop(client: Client) -> None:
    """As in a notebook's cell: a loop runs in this thread, and `result()` still gives the video."""

    async def cell() -> int:
        return finished(order(client)).size_bytes

    assert asyncio.run(cell()) > 0


def test_several_jobs_are_awaited_together(client: Client, house: Harness) -> None:
    """`asyncio.gather` over jobs gives each its own film."""

    async def cell() -> list[str]:
        jobs = [order(client, seed=seed) for seed in (1, 2, 3)]
        return [video.sha256 for video in await asyncio.gather(*jobs)]

    assert len(set(asyncio.run(cell()))) == 3
    assert house.paid == 3


def test_many_threads_wait_for_one_job(client: Client, house: Harness) -> None:
    """Every waiting thread gets the same video of the one generation."""
    job = order(client)
    with ThreadPoolExecutor(6) as pool:
        videos = list(pool.map(lambda _: finished(job), range(6)))
    assert len({video.sha256 for video in videos}) == 1
    assert house.paid == 1


def test_a_given_up_await_leaves_the_job(still: Harness) -> None:
    """Cancelling the coroutine that waits ends the waiting alone."""
    job = order(still.open())

    async def cell() -> None:
        waiting = asyncio.ensure_future(_awaited(job))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(cell())
    reached(job, JobState.QUEUED)
    still.control.advance(A_JOB_S)
    assert finished(job).size_bytes > 0


def test_a_timeout_ends_the_waiting_only(still: Harness) -> None:
    """`result(timeout=…)` raises JobTimeout, which says how to come back; the job goes on and can be waited for."""
    job = order(still.open())
    reached(job, JobState.QUEUED)
    with pytest.raises(JobTimeout, match="The job goes on") as caught:
        job.result(timeout=0)
    assert isinstance(caught.value, TimeoutError)
    assert (caught.value.ref, caught.value.may_have_been_charged) == (job.ref, "yes")
    assert caught.value.job is job
    assert f'client.job("{job.ref}")' in str(caught.value)
    still.control.advance(A_JOB_S)
    assert finished(job).size_bytes > 0


def test_an_interrupt_ends_the_waiting_only(still: Harness) -> None:
    """Ctrl+C in `result()` says how to come back, and the same job is waited for to its end."""
    with running("interrupted.py", still) as script:
        assert script.stdin is not None
        assert script.stdout is not None
        said = script.stdout.readline()
        still.control.advance(A_JOB_S)
        script.stdin.write("go on\n")
        script.stdin.flush()
        rest = script.stdout.read()
        assert script.wait(PATIENCE_S) == 0
    assert said.startswith("queued: Only the waiting was stopped; the job goes on.")
    assert ".result() waits again, job.cancel() gives it up." in said
    assert rest == "done\n"
    assert still.paid == 1


def test_a_subscriber_hears_every_change_until_it_leaves(still: Harness) -> None:
    """The callback gets the job at each change, on a thread of ours; after unsubscribing it hears nothing."""
    client = still.open()
    heard: list[tuple[Job, JobState, str]] = []
    sent = threading.Event()

    def note(job: Job) -> None:
        heard.append((job, job.state, threading.current_thread().name))
        if job.state is JobState.QUEUED:
            sent.set()

    job = order(client)
    leave = job.subscribe(note)
    note(job)
    assert sent.wait(PATIENCE_S)
    leave()
    leave()
    before = len(heard)
    still.control.advance(A_JOB_S)
    finished(job)
    assert len(heard) == before
    assert all(one is job for one, _, _ in heard)
    assert {thread for _, _, thread in heard[1:]} <= {"pixverse-nb"}


def test_the_client_tells_of_every_job(client: Client) -> None:
    """One callback at the client hears the end of each job, until it leaves."""
    ended: set[str] = set()
    leave = client.subscribe(lambda job: ended.add(job.ref) if job.state is JobState.DONE else None)
    jobs = [order(client, seed=seed) for seed in (1, 2)]
    for job in jobs:
        finished(job)
    leave()
    finished(order(client, seed=3))
    assert ended == {job.ref for job in jobs}


def test_a_broken_subscriber_harms_nobody(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """A callback that raises spoils neither the job nor the other subscribers, and the log tells of it."""
    heard = threading.Event()

    def broken(job: Job) -> None:
        raise RuntimeError("a mistake in somebody's callback")

    client.subscribe(broken)
    client.subscribe(lambda job: heard.set() if job.state is JobState.DONE else None)
    job = order(client)
    job.subscribe(broken)
    finished(job)
    assert heard.is_set()  # subscribers are told before who waits is woken
    assert f"A subscriber of job {job.ref} raised" in caplog.text
    assert "a mistake in somebody's callback" in caplog.text


def test_waiting_in_a_subscriber_is_refused(client: Client) -> None:
    """`result()` on the thread that drives the job would wait for itself: it says so in place of hanging."""
    said: list[str] = []
    done = threading.Event()

    def wait_there(job: Job) -> None:
        if job.state is JobState.QUEUED:
            try:
                job.result()
            except ConfigError as error:
                said.append(str(error))
            done.set()

    client.subscribe(wait_there)
    finished(order(client))
    assert done.wait(PATIENCE_S)
    assert "await job" in said[0]


def test_cancelled_before_it_was_sent_it_is_never_paid(house: Harness) -> None:
    """A job that still waits for a slot is given up without a payment, and its result says so."""
    house.control.arm("busy", times=None, retry_after_s=60)
    job = order(house.open())
    until(job, lambda waiting: "not accepted" in history(waiting))
    assert job.cancel() is True
    error = failed(job)
    assert isinstance(error, JobCancelled)
    assert "Cancelled before it was sent; nothing was paid." in str(error)
    assert error.may_have_been_charged == "no"
    assert house.paid == 0
    assert job.cancel() is False


def test_cancelled_after_it_was_sent_it_stays_paid(still: Harness) -> None:
    """The waiting ends and the vendor's slot is freed; the error says that it is paid and how to go on."""
    job = order(still.open())
    reached(job, JobState.QUEUED)
    assert job.cancel() is True
    error = failed(job)
    assert isinstance(error, JobCancelled)
    assert "it stays paid" in str(error)
    assert error.may_have_been_charged == "yes"
    assert (
        job.snapshot().suggested_action
        == f'client.job("{job.ref}").resume() goes on waiting for it; nothing is paid again.'
    )


def test_a_cancelled_job_is_resumed_without_paying_again(still: Harness) -> None:
    """`resume()` takes the generation up that the vendor makes all the same."""
    job = order(still.open())
    reached(job, JobState.QUEUED)
    job.cancel()
    job.resume()
    still.control.advance(A_JOB_S)
    assert finished(job).size_bytes > 0
    assert job.error is None
    assert still.paid == 1
    assert "taken up again" in history(job)


def test_a_finished_job_is_not_cancelled(client: Client) -> None:
    """Cancelling what is done changes nothing and says so."""
    job = order(client)
    finished(job)
    assert job.cancel() is False
    assert job.state is JobState.DONE
