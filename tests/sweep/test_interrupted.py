"""Sweeps that are interrupted by a person, the vendor or a closed client: nothing unsent is charged or lost."""

import asyncio
import gc
import logging
from dataclasses import replace
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import ConfigError, InvalidRequest
from pixverse_nb.sandbox import Account
from pixverse_nb.sweep.sweep import Sweep
from tests.client.conftest import BuildHarness
from tests.client.harness import (
    LONGEST_JOB_S,
    TIMING,
    WAIT_LIMIT_S,
    Harness,
    create_job,
    run_script,
    wait_for_state,
    wait_for_video,
)
from tests.sweep.small_sweeps import limit_to_one_slot, run, small_sweep, wait_until


async def wait_for(sweep: Sweep) -> None:
    """Await a sweep as a notebook cell does."""
    await sweep


def test_a_stop_rule_is_checked_before_anything_is_sent(client: Client, harness: Harness) -> None:
    """If the rule is met by the existing videos, running again sends nothing."""
    limit_to_one_slot(harness)
    paid = []
    for _ in range(3):
        sweep = run(small_sweep(client, seed=range(1, 30)), stop_when=lambda now: len(now.videos) >= 2)
        assert sweep.progress.reason_kind == "stop_rule_met"
        paid.append(harness.paid)
    assert len(set(paid)) == 1


def test_a_second_interrupt_does_not_withdraw_the_stop(manual_harness: Harness) -> None:
    """However often a person interrupts `run()`, and however busy the client is, nothing more is sent."""
    with run_script("interrupted_twice.py", manual_harness) as script:
        assert script.stdin is not None
        assert script.stdout is not None
        assert script.stdout.readline() == "interrupted\n"
        manual_harness.control.advance(LONGEST_JOB_S)
        script.stdin.write("go on\n")
        script.stdin.flush()
        assert script.stdout.read() == "8\n"
        assert script.wait(WAIT_LIMIT_S) == 0
    assert manual_harness.paid == 8


def test_stop_does_not_cancel_jobs_that_were_requested_elsewhere(manual_harness: Harness) -> None:
    """A job that another call requested is only detached; it is sent and finishes."""
    limit_to_one_slot(manual_harness)
    client = manual_harness.open()
    create_job(client, seed=99)
    manual_harness.wait_for_accepted(1)
    mine = create_job(client, seed=1)
    wait_for_state(mine, JobState.WAITING)
    sweep = small_sweep(client, seed=[1, 2]).start()
    wait_until(sweep, lambda now: len(now.jobs) >= 1)
    sweep.stop()
    sweep.wait(WAIT_LIMIT_S)
    assert mine.state is JobState.WAITING
    manual_harness.control.advance(LONGEST_JOB_S)
    manual_harness.wait_for_accepted(2)
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(mine).size_bytes > 0


def test_stop_does_not_cancel_a_job_that_another_process_has_sent(build_harness: BuildHarness, tmp_path: Any) -> None:
    """A follower whose view is out of date takes a sent job for unsent; stopping its sweep does not cancel the job."""
    with build_harness(tmp_path, speed=0, accounts=[Account("one@example.com", max_jobs=1)]) as harness:
        slow = replace(TIMING, poll_s=20.0)
        leader, follower = harness.open(timing=slow), harness.open(timing=slow)
        create_job(leader, seed=99)
        harness.wait_for_accepted(1)
        sweep = small_sweep(follower, seed=[1]).start()
        wait_until(sweep, lambda now: bool(now.jobs))
        job = leader.job(sweep.jobs[0].ref)
        wait_for_state(job, JobState.WAITING)
        harness.control.advance(LONGEST_JOB_S)
        leader.reconcile()
        harness.wait_for_accepted(2)
        wait_for_state(job, JobState.QUEUED)
        sweep.stop()
        sweep.wait(WAIT_LIMIT_S)
        leader.reconcile()
        assert job.state in (JobState.QUEUED, JobState.GENERATING)


def test_start_resumes_a_paused_or_stopping_run(manual_harness: Harness) -> None:
    """`start()` joins the run in progress; options that can no longer apply are an error that names them."""
    limit_to_one_slot(manual_harness)
    sweep = small_sweep(manual_harness.open(), seed=[1, 2, 3]).start()
    manual_harness.wait_for_accepted(1)
    for act, accepted in ((sweep.pause, 2), (sweep.stop, 3)):
        act()
        sweep.start()
        assert sweep.progress.mode == "running"
        manual_harness.control.advance(LONGEST_JOB_S)
        manual_harness.wait_for_accepted(accepted)
    with pytest.raises(InvalidRequest) as caught:
        sweep.start(retry_failed=True)
    assert set(caught.value.fields) == {"retry_failed"}
    manual_harness.control.advance(LONGEST_JOB_S)
    assert sweep.wait(WAIT_LIMIT_S).progress.done == 3


def test_await_continues_a_stopped_sweep(client: Client, harness: Harness) -> None:
    """`await sweep` generates what a stopped run has left, and starts nothing if all videos exist."""
    limit_to_one_slot(harness)
    sweep = small_sweep(client, seed=range(1, 8)).start()
    harness.wait_for_accepted(1)
    sweep.stop()
    sweep.wait(WAIT_LIMIT_S)
    assert sweep.progress.mode == "stopped"
    began_at = [sweep.progress.began_at]
    for _ in range(2):
        asyncio.run(wait_for(sweep))
        assert (sweep.progress.done, sweep.progress.mode) == (7, "done")
        began_at.append(sweep.progress.began_at)
    assert began_at[0] != began_at[1] == began_at[2]


def test_await_keeps_the_stop_rule(client: Client, harness: Harness) -> None:
    """After `stop_when` has ended a run, `await` sends nothing more; `run()` without a rule generates the rest."""
    limit_to_one_slot(harness)
    sweep = run(small_sweep(client, seed=range(1, 8)), stop_when=lambda now: len(now.videos) >= 2)
    paid = harness.paid
    asyncio.run(wait_for(sweep))
    assert (sweep.progress.mode, harness.paid) == ("stopped", paid)
    run(sweep)
    assert (sweep.progress.mode, harness.paid) == ("done", 7)


def test_awaiting_the_end_of_a_stopped_run_does_not_restart_it(manual_harness: Harness) -> None:
    """The first `await` after `stop()` returns without charging anything, even if the run has ended by then."""
    limit_to_one_slot(manual_harness)
    sweep = small_sweep(manual_harness.open(), seed=[1, 2]).start()
    manual_harness.wait_for_accepted(1)
    sweep.stop()
    manual_harness.control.advance(LONGEST_JOB_S)
    wait_until(sweep, lambda now: now.progress.is_over)
    asyncio.run(wait_for(sweep))
    assert (sweep.progress.mode, manual_harness.paid) == ("stopped", 1)


def test_a_stopped_sweep_is_over_when_its_jobs_have_ended(manual_harness: Harness) -> None:
    """While submitted jobs are running the mode is "draining", so that cards and galleries follow them to the end."""
    sweep = small_sweep(manual_harness.open(), seed=range(1, 12)).start()
    manual_harness.wait_for_accepted(8)
    sweep.stop()
    assert (sweep.progress.mode, sweep.progress.is_over) == ("draining", False)
    manual_harness.control.advance(LONGEST_JOB_S)
    sweep.wait(WAIT_LIMIT_S)
    assert (sweep.progress.mode, sweep.progress.done, sweep.progress.waiting) == ("stopped", 8, 3)


def test_closing_the_client_ends_the_run(manual_harness: Harness) -> None:
    """The mode is "stopped" with the reason, `wait()` raises ConfigError, and `repr` never raises."""
    client = manual_harness.open()
    sweep = small_sweep(client, seed=[1, 2]).start()
    manual_harness.wait_for_accepted(2)
    client.close()
    assert (sweep.progress.mode, sweep.progress.reason_kind) == ("stopped", "client_closed")
    with pytest.raises(ConfigError):
        sweep.wait(WAIT_LIMIT_S)
    late = small_sweep(client := manual_harness.open(), seed=[9])
    client.close()
    assert repr(late) == "<Sweep>"


def test_a_subscriber_that_raises_does_not_end_the_run(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """The error is logged, and the run continues to its end."""

    def broken() -> None:
        raise RuntimeError

    sweep = small_sweep(client, seed=[1, 2])
    sweep.subscribe(broken)
    assert run(sweep).progress.mode == "done"
    logged = [record for record in caplog.records if record.levelno == logging.WARNING and record.exc_info is not None]
    assert {record.exc_info[0] for record in logged if record.exc_info} == {RuntimeError}


def test_a_stop_rule_cannot_wait_for_its_own_sweep(client: Client) -> None:
    """`wait()` in `stop_when` would deadlock; it raises ConfigError, which `run()` passes on."""
    with pytest.raises(ConfigError):
        run(small_sweep(client, seed=range(1, 20)), stop_when=lambda now: now.wait())


def test_cells_that_time_out_unsent_stop_the_run(manual_harness: Harness) -> None:
    """If a deadline passes before a slot is free, nothing is charged and the run ends as "stopped"."""
    limit_to_one_slot(manual_harness)
    client = manual_harness.open()
    create_job(client, seed=99)
    manual_harness.wait_for_accepted(1)
    sweep = small_sweep(client, seed=[1], deadline_s=0.3).start()
    sweep.wait(WAIT_LIMIT_S)
    assert (sweep.progress.mode, sweep.progress.waiting, manual_harness.paid) == ("stopped", 1, 1)
    assert sweep.progress.reason_kind == "cells_not_sent_in_time"


def test_a_sweep_follows_its_cells_after_the_run(manual_harness: Harness) -> None:
    """Every sweep with a cell is updated as long as somebody holds it, whoever changes the cell's job."""
    client = manual_harness.open()
    sweep, other = small_sweep(client, seed=[1]), small_sweep(client, seed=[1])
    assert other.progress.done == 0
    sweep.start()
    manual_harness.wait_for_accepted(1)
    wait_until(sweep, lambda now: now.jobs and now.jobs[0].state is JobState.QUEUED)
    sweep.jobs[0].cancel()
    sweep.wait(WAIT_LIMIT_S)
    sweep.jobs[0].resume()
    manual_harness.control.advance(LONGEST_JOB_S)
    wait_for_video(sweep.jobs[0])
    assert (sweep.progress.done, sweep.progress.failed, len(sweep.videos)) == (1, 0, 1)
    assert (other.progress.done, len(other.videos)) == (1, 1)
    subscribed = len(client._session.subscribers)
    del sweep, other
    gc.collect()
    wait_for_state(create_job(client, seed=5), JobState.QUEUED)
    assert len(client._session.subscribers) < subscribed  # sweeps that nobody holds have unsubscribed


def test_every_attempt_counts_as_spent(manual_harness: Harness) -> None:
    """Progress and plan count a failed attempt that may have been charged as well as the next one."""
    client = manual_harness.open()
    sweep = small_sweep(client, seed=[1]).start()
    manual_harness.wait_for_accepted(1)
    manual_harness.control.fail(manual_harness.control.generations[0].video_id)
    manual_harness.control.advance(LONGEST_JOB_S)
    sweep.wait(WAIT_LIMIT_S)
    again = small_sweep(client, seed=[1]).start(retry_failed=True)
    manual_harness.wait_for_accepted(2)
    manual_harness.control.advance(LONGEST_JOB_S)
    again.wait(WAIT_LIMIT_S)
    assert again.progress.spent == again.plan().spent == 40


def test_the_vendors_real_limit_is_learned(build_harness: BuildHarness, tmp_path: Any) -> None:
    """If the vendor runs three of the eight configured jobs, the first eight calls show it and no ninth is sent."""
    with build_harness(tmp_path, speed=0, accounts=[Account("one@example.com", max_jobs=8, plan_jobs=3)]) as harness:
        client = harness.open(timing=replace(TIMING, busy_wait_s=(60.0, 60.0)))
        sweep = small_sweep(client, seed=range(1, 25)).start()
        wait_until(sweep, lambda now: sum(job.snapshot().warning is not None for job in now.jobs) == 5)
        assert client._engine.accounts.capacity(None) == 3
        assert (harness.paid, harness.control.requests["create-frames"]) == (3, 8)


def test_cells_get_a_job_only_when_a_slot_is_expected(manual_harness: Harness) -> None:
    """On a busy account at most one job more than the slots is created: the deadlines of the others do not start."""
    manual_harness.control.arm("busy", times=None)
    client = manual_harness.open(timing=replace(TIMING, busy_wait_s=(60.0, 60.0)))
    sweep = small_sweep(client, seed=range(1, 30)).start()
    wait_until(sweep, lambda now: any(event.kind == "call_postponed" for job in now.jobs for event in job.events()))
    assert len(sweep.jobs) <= 9
    manual_harness.control.disarm()


def test_a_sweep_shows_no_account_in_tracebacks(build_harness: BuildHarness, tmp_path: Any) -> None:
    """Verbose tracebacks print local variables; the `repr` of the parts of a sweep and a client has no e-mail."""
    with build_harness(tmp_path, accounts=["one@example.com", "two@example.com"]) as harness:
        client = harness.open(email="one@example.com")
        sweep = run(small_sweep(client, seed=[1, 2]))
        assert "one@example.com" not in repr(sweep._context)
        assert "@example.com" not in repr(client._engine.accounts._limiter)


def test_a_sweep_awaited_outside_asyncio_pays_nothing(client: Client, harness: Harness) -> None:
    """`await sweep` on another event loop, such as trio's, raises ConfigError before a cell is paid."""
    sweep = small_sweep(client, seed=[1, 2])
    with pytest.raises(ConfigError):
        sweep.__await__().send(None)
    assert list(sweep.jobs) == []
    assert harness.paid == 0


def test_the_same_cell_can_be_run_again_with_its_options(manual_harness: Harness) -> None:
    """While a stopped run still waits for what it has sent, a new one with options starts and goes on to the end."""
    limit_to_one_slot(manual_harness)
    sweep = small_sweep(manual_harness.open(), seed=[1, 2]).start()
    manual_harness.wait_for_accepted(1)
    sweep.stop()
    sweep.start(retry_failed=True, stop_when=lambda now: False)
    for accepted in (1, 2):
        manual_harness.wait_for_accepted(accepted)
        manual_harness.control.advance(LONGEST_JOB_S)
    ended = sweep.wait(WAIT_LIMIT_S).progress
    assert (ended.done, ended.mode) == (2, "done")
    assert manual_harness.paid == 2


def test_cancelling_the_await_before_the_start_sends_nothing(manual_harness: Harness) -> None:
    """An await that is cancelled while the sweep is being started leaves no run that goes on."""
    sweep = small_sweep(manual_harness.open(), seed=[1, 2, 3])

    async def cell() -> None:
        waiting = asyncio.ensure_future(wait_for(sweep))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(cell())
    sweep.wait(WAIT_LIMIT_S)
    assert manual_harness.paid == 0


async def await_until_accepted(sweep: Sweep, harness: Harness, count: int) -> BaseException:
    """Await a sweep, cancel that once the vendor has accepted `count` jobs, and return what the waiting raised."""
    waiting = asyncio.ensure_future(wait_for(sweep))
    await asyncio.to_thread(harness.wait_for_accepted, count)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await waiting
    return caught.value


def test_awaiting_again_continues_an_interrupted_sweep(manual_harness: Harness) -> None:
    """While the stopped run still waits for what it has sent, the next `await` sends the rest, each cell once."""
    limit_to_one_slot(manual_harness)
    sweep = small_sweep(manual_harness.open(), seed=[1, 2, 3])
    asyncio.run(await_until_accepted(sweep, manual_harness, 1))
    assert sweep.progress.mode == "draining"
    asyncio.run(await_until_accepted(sweep, manual_harness, 1))  # stopped once more
    assert sweep.progress.mode == "draining"

    async def cell() -> None:
        waiting = asyncio.ensure_future(wait_for(sweep))
        for accepted in (1, 2, 3):
            await asyncio.to_thread(manual_harness.wait_for_accepted, accepted)
            manual_harness.control.advance(LONGEST_JOB_S)
        await waiting

    asyncio.run(cell())
    assert (sweep.progress.done, sweep.progress.mode, manual_harness.paid) == (3, "done", 3)


def test_an_interrupted_await_is_folded(manual_harness: Harness) -> None:
    """IPython shows no frame of ours and of asyncio below the cell that awaits the sweep."""
    sweep = small_sweep(manual_harness.open(), seed=[1])
    interrupt = asyncio.run(await_until_accepted(sweep, manual_harness, 1))
    shown = "\n".join(interrupt._render_traceback_())  # type: ignore[attr-defined]
    assert "test_interrupted.py" in shown
    assert not any(file in shown for file in ("sweep.py", "event_loop.py", "tasks.py"))
