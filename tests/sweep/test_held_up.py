"""A sweep that is held up: by a person, by the vendor, by a closed client; what was not sent is never paid or lost."""

import asyncio
import gc
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
from tests.sweep.grids import run, sweep
from tests.sweep.test_run import until


def one_slot(house: Harness) -> None:
    """Leave the account one slot."""
    (account,) = house.control.accounts.values()
    account.max_jobs = 1
    house.control.add_account(account)


def test_the_same_line_with_a_stop_rule_pays_nothing_more(client: Client, house: Harness) -> None:
    """Where it is enough already, running again asks the rule first and sends nothing."""
    one_slot(house)
    for _ in range(3):
        one = run(sweep(client, seed=range(1, 30)), stop_when=lambda one: len(one.videos) >= 2)
        assert one.progress.reason == "stop_when said that it is enough."
    assert house.paid <= 3


def test_stopping_leaves_the_jobs_of_others_alone(still: Harness) -> None:
    """A job that somebody else asked for is let go of, not cancelled; it is sent and ends as ever."""
    one_slot(still)
    client = still.open()
    order(client, seed=99)
    still.accepts(1)
    mine = order(client, seed=1)
    reached(mine, JobState.WAITING)
    one = sweep(client, seed=[1, 2]).start()
    until(one, lambda now: len(now.jobs) >= 1)
    one.stop()
    one.wait(PATIENCE_S)
    assert mine.state is JobState.WAITING
    still.control.advance(A_JOB_S)
    still.accepts(2)
    still.control.advance(A_JOB_S)
    assert finished(mine).size_bytes > 0


def test_a_paid_job_is_not_taken_back_by_who_sees_it_late(built: Build, tmp_path: Any) -> None:
    """A kernel that follows takes a job for unsent which the other has sent meanwhile: stopping does not cancel it."""
    with built(tmp_path, speed=0, accounts=[Account("one@example.com", max_jobs=1)]) as house:
        slow = replace(TIMING, poll_s=20.0)
        owner, follower = house.open(timing=slow), house.open(timing=slow)
        order(owner, seed=99)
        house.accepts(1)
        one = sweep(follower, seed=[1]).start()
        until(one, lambda now: bool(now.jobs))
        job = owner.job(one.jobs[0].ref)
        reached(job, JobState.WAITING)
        house.control.advance(A_JOB_S)
        owner.reconcile()
        house.accepts(2)
        reached(job, JobState.QUEUED)
        one.stop()
        one.wait(PATIENCE_S)
        owner.reconcile()
        assert job.state in (JobState.QUEUED, JobState.GENERATING)


def test_run_goes_on_after_a_pause_and_after_a_stop(still: Harness) -> None:
    """`start()` joins the run that is held up and lets it go on; options that come too late are refused by name."""
    one_slot(still)
    one = sweep(still.open(), seed=[1, 2, 3]).start()
    still.accepts(1)
    for act, accepted in ((one.pause, 2), (one.stop, 3)):
        act()
        one.start()
        assert one.progress.mode == "running"
        still.control.advance(A_JOB_S)
        still.accepts(accepted)
    with pytest.raises(InvalidRequest) as caught:
        one.start(retry_failed=True)
    assert set(caught.value.fields) == {"retry_failed"}
    still.control.advance(A_JOB_S)
    assert one.wait(PATIENCE_S).progress.done == 3


async def awaited(one: Sweep) -> None:
    """Await a sweep, as a cell does."""
    await one


def test_awaiting_goes_on_after_a_stop(client: Client, house: Harness) -> None:
    """`await sweep` does as `run()`: it makes what a stopped run has left, and where all is made it begins nothing."""
    one_slot(house)
    one = sweep(client, seed=range(1, 8)).start()
    house.accepts(1)
    one.stop()
    one.wait(PATIENCE_S)
    assert one.progress.mode == "stopped"
    begun_at = [one.progress.began_at]
    for _ in range(2):
        asyncio.run(awaited(one))
        assert (one.progress.done, one.progress.mode) == (7, "done")
        begun_at.append(one.progress.began_at)
    assert begun_at[0] != begun_at[1] == begun_at[2]


def test_awaiting_keeps_the_rule_that_has_stopped_it(client: Client, house: Harness) -> None:
    """What `stop_when` called enough stays enough for who awaits; `run()` without a rule makes the rest."""
    one_slot(house)
    one = run(sweep(client, seed=range(1, 8)), stop_when=lambda now: len(now.videos) >= 2)
    paid = house.paid
    asyncio.run(awaited(one))
    assert (one.progress.mode, house.paid) == ("stopped", paid)
    run(one)
    assert (one.progress.mode, house.paid) == ("done", 7)


def test_who_awaits_the_end_of_a_stopped_run_does_not_begin_it_again(still: Harness) -> None:
    """Also where it has ended before the waiting begins: `stop()` was to pay nothing more."""
    one_slot(still)
    one = sweep(still.open(), seed=[1, 2]).start()
    still.accepts(1)
    one.stop()
    still.control.advance(A_JOB_S)
    until(one, lambda now: now.progress.is_over)
    asyncio.run(awaited(one))
    assert (one.progress.mode, still.paid) == ("stopped", 1)


def test_a_stopped_sweep_is_over_when_what_runs_has_ended(still: Harness) -> None:
    """While jobs are still being made it says that it is ending, so that cards and galleries follow to the end."""
    one = sweep(still.open(), seed=range(1, 12)).start()
    still.accepts(8)
    one.stop()
    assert (one.progress.mode, one.progress.is_over) == ("draining", False)
    still.control.advance(A_JOB_S)
    one.wait(PATIENCE_S)
    assert (one.progress.mode, one.progress.done, one.progress.waiting) == ("stopped", 8, 3)


def test_a_closed_client_ends_the_run(still: Harness) -> None:
    """Nothing stays "running": the mode says that it stopped and the reason why, and repr never raises."""
    client = still.open()
    one = sweep(client, seed=[1, 2]).start()
    still.accepts(2)
    client.close()
    assert one.progress.mode == "stopped"
    assert "The Client was closed" in one.progress.reason
    with pytest.raises(ConfigError, match="The same line goes on with it"):
        one.wait(PATIENCE_S)
    assert repr(sweep(still.open(), seed=[1]))
    late = sweep(client := still.open(), seed=[9])
    client.close()
    assert repr(late) == "<Sweep>"


def test_a_subscriber_that_fails_ends_nothing(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """Its trouble is written down; the run goes on to its end."""

    def broken() -> None:
        raise RuntimeError("not my day")

    one = sweep(client, seed=[1, 2])
    one.subscribe(broken)
    assert run(one).progress.mode == "done"
    assert "a subscriber of a sweep failed" in caplog.text


def test_a_rule_that_waits_for_its_own_sweep_is_told_so(client: Client) -> None:
    """`stop_when` that calls `wait()` would never end: ConfigError, raised by run()."""
    with pytest.raises(ConfigError, match="in stop_when"):
        run(sweep(client, seed=range(1, 20)), stop_when=lambda one: one.wait())


def test_cells_that_were_not_sent_in_time_are_said(still: Harness) -> None:
    """A deadline that passes before a slot is free: nothing is paid, it is no success, and the same line goes on."""
    one_slot(still)
    client = still.open()
    order(client, seed=99)
    still.accepts(1)
    one = sweep(client, seed=[1], deadline_s=0.3).start()
    one.wait(PATIENCE_S)
    assert (one.progress.mode, one.progress.waiting, still.paid) == ("stopped", 1, 1)
    assert "the same line goes on" in one.progress.reason


def test_what_happens_to_a_cell_after_the_run_is_known(still: Harness) -> None:
    """A sweep that is held hears of its cells as long as it lives, whoever moves them."""
    client = still.open()
    one, watching = sweep(client, seed=[1]), sweep(client, seed=[1])
    assert watching.progress.done == 0
    one.start()
    still.accepts(1)
    until(one, lambda now: now.jobs and now.jobs[0].state is JobState.QUEUED)
    one.jobs[0].cancel()
    one.wait(PATIENCE_S)
    one.jobs[0].resume()
    still.control.advance(A_JOB_S)
    finished(one.jobs[0])
    assert (one.progress.done, one.progress.failed, len(one.videos)) == (1, 0, 1)
    assert (watching.progress.done, len(watching.videos)) == (1, 1)
    held = len(client._subscribers)
    del one, watching
    gc.collect()
    reached(order(client, seed=5), JobState.QUEUED)
    assert len(client._subscribers) < held, "a sweep that nobody holds is not told of anything any more"


def test_every_try_of_a_cell_counts_as_spent(still: Harness) -> None:
    """Progress, plan and budget count the same: a failed try that may have been charged, and the next one."""
    client = still.open()
    one = sweep(client, seed=[1]).start()
    still.accepts(1)
    still.control.fail(still.control.generations[0].video_id)
    still.control.advance(A_JOB_S)
    one.wait(PATIENCE_S)
    again = sweep(client, seed=[1]).start(retry_failed=True)
    still.accepts(2)
    still.control.advance(A_JOB_S)
    again.wait(PATIENCE_S)
    assert again.progress.spent == again.plan().spent == 90


def test_a_full_plan_is_not_stormed(built: Build, tmp_path: Any) -> None:
    """Where the plan runs three of the eight jobs configured, the first eight calls teach it: no ninth is made."""
    with built(tmp_path, speed=0, accounts=[Account("one@example.com", max_jobs=8, plan_jobs=3)]) as house:
        client = house.open(timing=replace(TIMING, busy_wait_s=(60.0, 60.0)))
        one = sweep(client, seed=range(1, 25)).start()
        until(one, lambda now: sum(job.snapshot().warning is not None for job in now.jobs) == 5)
        assert client._engine.accounts.capacity(None) == 3
        assert (house.paid, house.control.requests["create-frames-v3"]) == (3, 8)


def test_cells_wait_their_turn_before_they_are_asked_for(still: Harness) -> None:
    """On a full account only as many cells become jobs as slots are known, and one more: their deadlines do not run."""
    still.control.arm("busy", times=None)
    client = still.open(timing=replace(TIMING, busy_wait_s=(60.0, 60.0)))
    one = sweep(client, seed=range(1, 30)).start()
    until(one, lambda now: any("not accepted" in event.text for job in now.jobs for event in job.events()))
    assert len(one.jobs) <= 9
    still.control.disarm()


def test_captions_name_one_cell_each(client: Client) -> None:
    """Two long prompts that begin alike are told apart, and a verdict is on one cell."""
    start = "a slow dolly towards the cup in the morning light of a very long summer "
    one = run(sweep(client, seed=1, prompt=[f"{start} day", f"{start} night"]))
    assert len({cell.caption for cell in one.cells}) == 2
    one.judge(1, "winner")
    assert len(one.winners) == 1


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"deadline_s": "60"}, "deadline_s"),
        ({"deadline_s": -5}, "deadline_s"),
        ({"deadline_s": float("nan")}, "deadline_s"),
        ({"title": 5}, "title"),
        ({"skip_refused": "no"}, "skip_refused"),
        ({"cells": 5}, "cells"),
        ({"cells": [{1: 2}]}, "cells[0].1"),
    ],
)
def test_what_cannot_be_is_named(client: Client, asked: dict[str, Any], field: str) -> None:
    """Wrong rules and cells are an InvalidRequest by their name, before anything is prepared."""
    with pytest.raises(InvalidRequest) as caught:
        sweep(client, **asked)
    assert set(caught.value.fields) == {field}


def test_secrets_stay_out_of_a_sweeps_inside(built: Build, tmp_path: Any) -> None:
    """A verbose traceback prints what a frame holds: neither the client's parts nor its slots name an account."""
    with built(tmp_path, accounts=["one@example.com", "two@example.com"]) as house:
        client = house.open(email="one@example.com")
        one = run(sweep(client, seed=[1, 2]))
        assert "one@example.com" not in repr(one._bench)
        assert "@example.com" not in repr(client._engine.accounts._limiter)
