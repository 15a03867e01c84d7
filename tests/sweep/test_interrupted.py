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
from tests.client.conftest import Build
from tests.client.harness import A_JOB_S, PATIENCE_S, TIMING, Harness, finished, order, reached
from tests.sweep.small_sweeps import limit_to_one_slot, run, small_sweep, wait_until


async def wait_for(sweep: Sweep) -> None:
    """Await a sweep as a notebook cell does."""
    await sweep


def test_a_stop_rule_is_checked_before_anything_is_sent(client: Client, house: Harness) -> None:
    """If the rule is met by the existing videos, running again sends nothing."""
    limit_to_one_slot(house)
    for _ in range(3):
        sweep = run(small_sweep(client, seed=range(1, 30)), stop_when=lambda now: len(now.videos) >= 2)
        assert sweep.progress.reason_kind == "stop_rule_met"
    assert house.paid <= 3


def test_stop_does_not_cancel_jobs_that_were_requested_elsewhere(still: Harness) -> None:
    """A job that another call requested is only detached; it is sent and finishes."""
    limit_to_one_slot(still)
    client = still.open()
    order(client, seed=99)
    still.accepts(1)
    mine = order(client, seed=1)
    reached(mine, JobState.WAITING)
    sweep = small_sweep(client, seed=[1, 2]).start()
    wait_until(sweep, lambda now: len(now.jobs) >= 1)
    sweep.stop()
    sweep.wait(PATIENCE_S)
    assert mine.state is JobState.WAITING
    still.control.advance(A_JOB_S)
    still.accepts(2)
    still.control.advance(A_JOB_S)
    assert finished(mine).size_bytes > 0


def test_stop_does_not_cancel_a_job_that_another_process_has_sent(built: Build, tmp_path: Any) -> None:
    """A follower whose view is out of date takes a sent job for unsent; stopping its sweep does not cancel the job."""
    with built(tmp_path, speed=0, accounts=[Account("one@example.com", max_jobs=1)]) as house:
        slow = replace(TIMING, poll_s=20.0)
        leader, follower = house.open(timing=slow), house.open(timing=slow)
        order(leader, seed=99)
        house.accepts(1)
        sweep = small_sweep(follower, seed=[1]).start()
        wait_until(sweep, lambda now: bool(now.jobs))
        job = leader.job(sweep.jobs[0].ref)
        reached(job, JobState.WAITING)
        house.control.advance(A_JOB_S)
        leader.reconcile()
        house.accepts(2)
        reached(job, JobState.QUEUED)
        sweep.stop()
        sweep.wait(PATIENCE_S)
        leader.reconcile()
        assert job.state in (JobState.QUEUED, JobState.GENERATING)


def test_start_resumes_a_paused_or_stopping_run(still: Harness) -> None:
    """`start()` joins the run in progress; options that can no longer apply are an error that names them."""
    limit_to_one_slot(still)
    sweep = small_sweep(still.open(), seed=[1, 2, 3]).start()
    still.accepts(1)
    for act, accepted in ((sweep.pause, 2), (sweep.stop, 3)):
        act()
        sweep.start()
        assert sweep.progress.mode == "running"
        still.control.advance(A_JOB_S)
        still.accepts(accepted)
    with pytest.raises(InvalidRequest) as caught:
        sweep.start(retry_failed=True)
    assert set(caught.value.fields) == {"retry_failed"}
    still.control.advance(A_JOB_S)
    assert sweep.wait(PATIENCE_S).progress.done == 3


def test_await_continues_a_stopped_sweep(client: Client, house: Harness) -> None:
    """`await sweep` generates what a stopped run has left, and starts nothing if all videos exist."""
    limit_to_one_slot(house)
    sweep = small_sweep(client, seed=range(1, 8)).start()
    house.accepts(1)
    sweep.stop()
    sweep.wait(PATIENCE_S)
    assert sweep.progress.mode == "stopped"
    began_at = [sweep.progress.began_at]
    for _ in range(2):
        asyncio.run(wait_for(sweep))
        assert (sweep.progress.done, sweep.progress.mode) == (7, "done")
        began_at.append(sweep.progress.began_at)
    assert began_at[0] != began_at[1] == began_at[2]


def test_await_keeps_the_stop_rule(client: Client, house: Harness) -> None:
    """After `stop_when` has ended a run, `await` sends nothing more; `run()` without a rule generates the rest."""
    limit_to_one_slot(house)
    sweep = run(small_sweep(client, seed=range(1, 8)), stop_when=lambda now: len(now.videos) >= 2)
    paid = house.paid
    asyncio.run(wait_for(sweep))
    assert (sweep.progress.mode, house.paid) == ("stopped", paid)
    run(sweep)
    assert (sweep.progress.mode, house.paid) == ("done", 7)


def test_awaiting_the_end_of_a_stopped_run_does_not_restart_it(still: Harness) -> None:
    """The first `await` after `stop()` returns without charging anything, even if the run has ended by then."""
    limit_to_one_slot(still)
    sweep = small_sweep(still.open(), seed=[1, 2]).start()
    still.accepts(1)
    sweep.stop()
    still.control.advance(A_JOB_S)
    wait_until(sweep, lambda now: now.progress.is_over)
    asyncio.run(wait_for(sweep))
    assert (sweep.progress.mode, still.paid) == ("stopped", 1)


def test_a_stopped_sweep_is_over_when_its_jobs_have_ended(still: Harness) -> None:
    """While submitted jobs are running the mode is "draining", so that cards and galleries follow them to the end."""
    sweep = small_sweep(still.open(), seed=range(1, 12)).start()
    still.accepts(8)
    sweep.stop()
    assert (sweep.progress.mode, sweep.progress.is_over) == ("draining", False)
    still.control.advance(A_JOB_S)
    sweep.wait(PATIENCE_S)
    assert (sweep.progress.mode, sweep.progress.done, sweep.progress.waiting) == ("stopped", 8, 3)


def test_closing_the_client_ends_the_run(still: Harness) -> None:
    """The mode is "stopped" with the reason, `wait()` raises ConfigError, and `repr` never raises."""
    client = still.open()
    sweep = small_sweep(client, seed=[1, 2]).start()
    still.accepts(2)
    client.close()
    assert (sweep.progress.mode, sweep.progress.reason_kind) == ("stopped", "client_closed")
    with pytest.raises(ConfigError):
        sweep.wait(PATIENCE_S)
    late = small_sweep(client := still.open(), seed=[9])
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


def test_cells_that_time_out_unsent_stop_the_run(still: Harness) -> None:
    """If a deadline passes before a slot is free, nothing is charged and the run ends as "stopped"."""
    limit_to_one_slot(still)
    client = still.open()
    order(client, seed=99)
    still.accepts(1)
    sweep = small_sweep(client, seed=[1], deadline_s=0.3).start()
    sweep.wait(PATIENCE_S)
    assert (sweep.progress.mode, sweep.progress.waiting, still.paid) == ("stopped", 1, 1)
    assert sweep.progress.reason_kind == "cells_not_sent_in_time"


def test_a_sweep_follows_its_cells_after_the_run(still: Harness) -> None:
    """Every sweep with a cell is updated as long as somebody holds it, whoever changes the cell's job."""
    client = still.open()
    sweep, other = small_sweep(client, seed=[1]), small_sweep(client, seed=[1])
    assert other.progress.done == 0
    sweep.start()
    still.accepts(1)
    wait_until(sweep, lambda now: now.jobs and now.jobs[0].state is JobState.QUEUED)
    sweep.jobs[0].cancel()
    sweep.wait(PATIENCE_S)
    sweep.jobs[0].resume()
    still.control.advance(A_JOB_S)
    finished(sweep.jobs[0])
    assert (sweep.progress.done, sweep.progress.failed, len(sweep.videos)) == (1, 0, 1)
    assert (other.progress.done, len(other.videos)) == (1, 1)
    subscribed = len(client._subscribers)
    del sweep, other
    gc.collect()
    reached(order(client, seed=5), JobState.QUEUED)
    assert len(client._subscribers) < subscribed  # sweeps that nobody holds have unsubscribed


def test_every_attempt_counts_as_spent(still: Harness) -> None:
    """Progress and plan count a failed attempt that may have been charged as well as the next one."""
    client = still.open()
    sweep = small_sweep(client, seed=[1]).start()
    still.accepts(1)
    still.control.fail(still.control.generations[0].video_id)
    still.control.advance(A_JOB_S)
    sweep.wait(PATIENCE_S)
    again = small_sweep(client, seed=[1]).start(retry_failed=True)
    still.accepts(2)
    still.control.advance(A_JOB_S)
    again.wait(PATIENCE_S)
    assert again.progress.spent == again.plan().spent == 90


def test_the_vendors_real_limit_is_learned(built: Build, tmp_path: Any) -> None:
    """If the vendor runs three of the eight configured jobs, the first eight calls show it and no ninth is sent."""
    with built(tmp_path, speed=0, accounts=[Account("one@example.com", max_jobs=8, plan_jobs=3)]) as house:
        client = house.open(timing=replace(TIMING, busy_wait_s=(60.0, 60.0)))
        sweep = small_sweep(client, seed=range(1, 25)).start()
        wait_until(sweep, lambda now: sum(job.snapshot().warning is not None for job in now.jobs) == 5)
        assert client._engine.accounts.capacity(None) == 3
        assert (house.paid, house.control.requests["create-frames-v3"]) == (3, 8)


def test_cells_get_a_job_only_when_a_slot_is_expected(still: Harness) -> None:
    """On a busy account at most one job more than the slots is created: the deadlines of the others do not start."""
    still.control.arm("busy", times=None)
    client = still.open(timing=replace(TIMING, busy_wait_s=(60.0, 60.0)))
    sweep = small_sweep(client, seed=range(1, 30)).start()
    wait_until(sweep, lambda now: any(event.kind == "call_postponed" for job in now.jobs for event in job.events()))
    assert len(sweep.jobs) <= 9
    still.control.disarm()


def test_a_sweep_shows_no_account_in_tracebacks(built: Build, tmp_path: Any) -> None:
    """Verbose tracebacks print local variables; the `repr` of the parts of a sweep and a client has no e-mail."""
    with built(tmp_path, accounts=["one@example.com", "two@example.com"]) as house:
        client = house.open(email="one@example.com")
        sweep = run(small_sweep(client, seed=[1, 2]))
        assert "one@example.com" not in repr(sweep._context)
        assert "@example.com" not in repr(client._engine.accounts._limiter)
