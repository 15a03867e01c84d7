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
from tests.client.conftest import BuildHarness
from tests.client.harness import (
    LONGEST_JOB_S,
    TIMING,
    WAIT_LIMIT_S,
    Harness,
    create_job,
    wait_for_state,
    wait_for_video,
)
from tests.sweep.grids import run, sweep
from tests.sweep.test_run import until


def one_slot(harness: Harness) -> None:
    """Leave the account one slot."""
    (account,) = harness.control.accounts.values()
    account.max_jobs = 1
    harness.control.add_account(account)


def test_the_same_line_with_a_stop_rule_pays_nothing_more(client: Client, harness: Harness) -> None:
    """Where it is enough already, running again asks the rule first and sends nothing."""
    one_slot(harness)
    for _ in range(3):
        one = run(sweep(client, seed=range(1, 30)), stop_when=lambda one: len(one.videos) >= 2)
        assert one.progress.reason == "stop_when said that it is enough."
    assert harness.paid <= 3


def test_stopping_leaves_the_jobs_of_others_alone(manual_harness: Harness) -> None:
    """A job that somebody else asked for is let go of, not cancelled; it is sent and ends as ever."""
    one_slot(manual_harness)
    client = manual_harness.open()
    create_job(client, seed=99)
    manual_harness.wait_for_accepted(1)
    mine = create_job(client, seed=1)
    wait_for_state(mine, JobState.WAITING)
    one = sweep(client, seed=[1, 2]).start()
    until(one, lambda now: len(now.jobs) >= 1)
    one.stop()
    one.wait(WAIT_LIMIT_S)
    assert mine.state is JobState.WAITING
    manual_harness.control.advance(LONGEST_JOB_S)
    manual_harness.wait_for_accepted(2)
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(mine).size_bytes > 0


def test_a_paid_job_is_not_taken_back_by_who_sees_it_late(build_harness: BuildHarness, tmp_path: Any) -> None:
    """A kernel that follows takes a job for unsent which the other has sent meanwhile: stopping does not cancel it."""
    with build_harness(tmp_path, speed=0, accounts=[Account("one@example.com", max_jobs=1)]) as harness:
        slow = replace(TIMING, poll_s=20.0)
        owner, follower = harness.open(timing=slow), harness.open(timing=slow)
        create_job(owner, seed=99)
        harness.wait_for_accepted(1)
        one = sweep(follower, seed=[1]).start()
        until(one, lambda now: bool(now.jobs))
        job = owner.job(one.jobs[0].ref)
        wait_for_state(job, JobState.WAITING)
        harness.control.advance(LONGEST_JOB_S)
        owner.reconcile()
        harness.wait_for_accepted(2)
        wait_for_state(job, JobState.QUEUED)
        one.stop()
        one.wait(WAIT_LIMIT_S)
        owner.reconcile()
        assert job.state in (JobState.QUEUED, JobState.GENERATING)


def test_run_goes_on_after_a_pause_and_after_a_stop(manual_harness: Harness) -> None:
    """`start()` joins the run that is held up and lets it go on; options that come too late are refused by name."""
    one_slot(manual_harness)
    one = sweep(manual_harness.open(), seed=[1, 2, 3]).start()
    manual_harness.wait_for_accepted(1)
    for act, accepted in ((one.pause, 2), (one.stop, 3)):
        act()
        one.start()
        assert one.progress.mode == "running"
        manual_harness.control.advance(LONGEST_JOB_S)
        manual_harness.wait_for_accepted(accepted)
    with pytest.raises(InvalidRequest) as caught:
        one.start(retry_failed=True)
    assert set(caught.value.fields) == {"retry_failed"}
    manual_harness.control.advance(LONGEST_JOB_S)
    assert one.wait(WAIT_LIMIT_S).progress.done == 3


async def awaited(one: Sweep) -> None:
    """Await a sweep, as a cell does."""
    await one


def test_awaiting_goes_on_after_a_stop(client: Client, harness: Harness) -> None:
    """`await sweep` does as `run()`: it makes what a stopped run has left, and where all is made it begins nothing."""
    one_slot(harness)
    one = sweep(client, seed=range(1, 8)).start()
    harness.wait_for_accepted(1)
    one.stop()
    one.wait(WAIT_LIMIT_S)
    assert one.progress.mode == "stopped"
    begun_at = [one.progress.began_at]
    for _ in range(2):
        asyncio.run(awaited(one))
        assert (one.progress.done, one.progress.mode) == (7, "done")
        begun_at.append(one.progress.began_at)
    assert begun_at[0] != begun_at[1] == begun_at[2]


def test_awaiting_keeps_the_rule_that_has_stopped_it(client: Client, harness: Harness) -> None:
    """What `stop_when` called enough stays enough for who awaits; `run()` without a rule makes the rest."""
    one_slot(harness)
    one = run(sweep(client, seed=range(1, 8)), stop_when=lambda now: len(now.videos) >= 2)
    paid = harness.paid
    asyncio.run(awaited(one))
    assert (one.progress.mode, harness.paid) == ("stopped", paid)
    run(one)
    assert (one.progress.mode, harness.paid) == ("done", 7)


def test_who_awaits_the_end_of_a_stopped_run_does_not_begin_it_again(manual_harness: Harness) -> None:
    """Also where it has ended before the waiting begins: `stop()` was to pay nothing more."""
    one_slot(manual_harness)
    one = sweep(manual_harness.open(), seed=[1, 2]).start()
    manual_harness.wait_for_accepted(1)
    one.stop()
    manual_harness.control.advance(LONGEST_JOB_S)
    until(one, lambda now: now.progress.is_over)
    asyncio.run(awaited(one))
    assert (one.progress.mode, manual_harness.paid) == ("stopped", 1)


def test_a_stopped_sweep_is_over_when_what_runs_has_ended(manual_harness: Harness) -> None:
    """While jobs are still being made it says that it is ending, so that cards and galleries follow to the end."""
    one = sweep(manual_harness.open(), seed=range(1, 12)).start()
    manual_harness.wait_for_accepted(8)
    one.stop()
    assert (one.progress.mode, one.progress.is_over) == ("draining", False)
    manual_harness.control.advance(LONGEST_JOB_S)
    one.wait(WAIT_LIMIT_S)
    assert (one.progress.mode, one.progress.done, one.progress.waiting) == ("stopped", 8, 3)


def test_a_closed_client_ends_the_run(manual_harness: Harness) -> None:
    """Nothing stays "running": the mode says that it stopped and the reason why, and repr never raises."""
    client = manual_harness.open()
    one = sweep(client, seed=[1, 2]).start()
    manual_harness.wait_for_accepted(2)
    client.close()
    assert one.progress.mode == "stopped"
    assert "The Client was closed" in one.progress.reason
    with pytest.raises(ConfigError, match="The same line goes on with it"):
        one.wait(WAIT_LIMIT_S)
    assert repr(sweep(manual_harness.open(), seed=[1]))
    late = sweep(client := manual_harness.open(), seed=[9])
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


def test_cells_that_were_not_sent_in_time_are_said(manual_harness: Harness) -> None:
    """A deadline that passes before a slot is free: nothing is paid, it is no success, and the same line goes on."""
    one_slot(manual_harness)
    client = manual_harness.open()
    create_job(client, seed=99)
    manual_harness.wait_for_accepted(1)
    one = sweep(client, seed=[1], deadline_s=0.3).start()
    one.wait(WAIT_LIMIT_S)
    assert (one.progress.mode, one.progress.waiting, manual_harness.paid) == ("stopped", 1, 1)
    assert "the same line goes on" in one.progress.reason


def test_what_happens_to_a_cell_after_the_run_is_known(manual_harness: Harness) -> None:
    """A sweep that is held hears of its cells as long as it lives, whoever moves them."""
    client = manual_harness.open()
    one, watching = sweep(client, seed=[1]), sweep(client, seed=[1])
    assert watching.progress.done == 0
    one.start()
    manual_harness.wait_for_accepted(1)
    until(one, lambda now: now.jobs and now.jobs[0].state is JobState.QUEUED)
    one.jobs[0].cancel()
    one.wait(WAIT_LIMIT_S)
    one.jobs[0].resume()
    manual_harness.control.advance(LONGEST_JOB_S)
    wait_for_video(one.jobs[0])
    assert (one.progress.done, one.progress.failed, len(one.videos)) == (1, 0, 1)
    assert (watching.progress.done, len(watching.videos)) == (1, 1)
    held = len(client._subscribers)
    del one, watching
    gc.collect()
    wait_for_state(create_job(client, seed=5), JobState.QUEUED)
    assert len(client._subscribers) < held, "a sweep that nobody holds is not told of anything any more"


def test_every_try_of_a_cell_counts_as_spent(manual_harness: Harness) -> None:
    """Progress, plan and budget count the same: a failed try that may have been charged, and the next one."""
    client = manual_harness.open()
    one = sweep(client, seed=[1]).start()
    manual_harness.wait_for_accepted(1)
    manual_harness.control.fail(manual_harness.control.generations[0].video_id)
    manual_harness.control.advance(LONGEST_JOB_S)
    one.wait(WAIT_LIMIT_S)
    again = sweep(client, seed=[1]).start(retry_failed=True)
    manual_harness.wait_for_accepted(2)
    manual_harness.control.advance(LONGEST_JOB_S)
    again.wait(WAIT_LIMIT_S)
    assert again.progress.spent == again.plan().spent == 90


def test_a_full_plan_is_not_stormed(build_harness: BuildHarness, tmp_path: Any) -> None:
    """Where the plan runs three of the eight jobs configured, the first eight calls teach it: no ninth is made."""
    with build_harness(tmp_path, speed=0, accounts=[Account("one@example.com", max_jobs=8, plan_jobs=3)]) as harness:
        client = harness.open(timing=replace(TIMING, busy_wait_s=(60.0, 60.0)))
        one = sweep(client, seed=range(1, 25)).start()
        until(one, lambda now: sum(job.snapshot().warning is not None for job in now.jobs) == 5)
        assert client._engine.accounts.capacity(None) == 3
        assert (harness.paid, harness.control.requests["create-frames-v3"]) == (3, 8)


def test_cells_wait_their_turn_before_they_are_asked_for(manual_harness: Harness) -> None:
    """On a full account only as many cells become jobs as slots are known, and one more: their deadlines do not run."""
    manual_harness.control.arm("busy", times=None)
    client = manual_harness.open(timing=replace(TIMING, busy_wait_s=(60.0, 60.0)))
    one = sweep(client, seed=range(1, 30)).start()
    until(one, lambda now: any("not accepted" in event.text for job in now.jobs for event in job.events()))
    assert len(one.jobs) <= 9
    manual_harness.control.disarm()


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


def test_secrets_stay_out_of_a_sweeps_inside(build_harness: BuildHarness, tmp_path: Any) -> None:
    """A verbose traceback prints what a frame holds: neither the client's parts nor its slots name an account."""
    with build_harness(tmp_path, accounts=["one@example.com", "two@example.com"]) as harness:
        client = harness.open(email="one@example.com")
        one = run(sweep(client, seed=[1, 2]))
        assert "one@example.com" not in repr(one._bench)
        assert "@example.com" not in repr(client._engine.accounts._limiter)
