"""Running: every slot filled, nothing paid twice, one failure stops no other, and each way to hold it up."""

import asyncio
import threading
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.config import Prices
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import InvalidRequest, JobTimeout
from pixverse_nb.sandbox import Account
from pixverse_nb.sweep.sweep import Sweep
from tests.client.conftest import BuildHarness
from tests.client.harness import LONGEST_JOB_S, SETTLING, WAIT_LIMIT_S, Harness, create_job, wait_for_state
from tests.sweep.grids import run, sweep


def until(one: Sweep, holds: Any) -> None:
    """Wait until `holds(one)`; it is asked at every change."""
    held = threading.Event()

    def look() -> None:
        if holds(one):
            held.set()

    unsubscribe = one.subscribe(look)
    try:
        look()
        assert held.wait(WAIT_LIMIT_S), f"it never came there: {one!r}"
    finally:
        unsubscribe()


def test_every_cell_gets_its_video(client: Client, harness: Harness) -> None:
    """One payment and one file a cell, in the order of the cells; two uploads in all; a second run pays nothing."""
    one = run(sweep(client, seed=range(1, 13)))
    assert (harness.paid, harness.control.requests["files"]) == (12, 2)
    assert [video.request.seed for video in one.videos if video.request] == list(range(1, 13))
    assert len({video.sha256 for video in one.videos}) == 12
    assert (one.progress.mode, one.progress.done, one.progress.spent) == ("done", 12, 12 * 45)
    again = run(sweep(client, seed=range(1, 13)))
    assert (harness.paid, again.progress.reused, again.progress.mode) == (12, 12, "done")


def test_it_can_be_awaited(client: Client, harness: Harness) -> None:
    """`await sweep` begins it where it has not begun, and gives it back."""

    async def wait() -> Sweep:
        return await sweep(client, seed=[1, 2])

    assert len(asyncio.run(wait()).videos) == 2
    assert harness.paid == 2


def test_all_slots_are_filled_and_no_more(build_harness: BuildHarness, tmp_path: Any) -> None:
    """As many run at once as the account takes, the next one follows as soon as one ends, and no call is refused."""
    with build_harness(tmp_path, speed=0, accounts=[Account("one@example.com", max_jobs=3)]) as harness:
        one = sweep(harness.open(), seed=range(1, 8)).start()
        for expected in (3, 6, 7):
            harness.wait_for_accepted(expected)
            assert harness.paid == expected
            harness.control.advance(LONGEST_JOB_S)
        one.wait(WAIT_LIMIT_S)
        assert harness.control.requests["create-frames-v3"] == 7


def test_one_failed_cell_stops_no_other(manual_harness: Harness) -> None:
    """It is counted, the others go on, and only `retry_failed` pays for a new try."""
    client = manual_harness.open()
    one = sweep(client, seed=range(1, 4)).start()
    manual_harness.wait_for_accepted(3)
    manual_harness.control.fail(manual_harness.control.generations[1].video_id)
    manual_harness.control.advance(LONGEST_JOB_S)
    one.wait(WAIT_LIMIT_S)
    assert (one.progress.done, one.progress.failed, one.progress.mode) == (2, 1, "done")
    again = run(sweep(client, seed=range(1, 4)))
    assert (manual_harness.paid, again.progress.failed) == (3, 1)
    retried = sweep(client, seed=range(1, 4)).start(retry_failed=True)
    manual_harness.wait_for_accepted(4)
    manual_harness.control.advance(LONGEST_JOB_S)
    retried.wait(WAIT_LIMIT_S)
    assert (retried.progress.done, manual_harness.paid) == (3, 4)


def test_a_moderated_cell_is_one_cell(client: Client, harness: Harness) -> None:
    """What the moderator stops has no video and stops no other; its credits come back."""
    harness.control.arm("moderated")
    one = run(sweep(client, seed=range(1, 5)))
    assert (one.progress.done, one.progress.failed, harness.paid) == (3, 1, 4)
    assert one.progress.spent == 3 * 45


def test_credits_that_run_out_end_it_in_order(client: Client, harness: Harness) -> None:
    """It stops with the vendor's words, nothing is lost, and the same line goes on when there are credits again."""
    harness.control.set_credits(daily=100, monthly=0, package=0)
    one = run(sweep(client, seed=range(1, 13)))
    assert (one.progress.mode, one.progress.done, harness.paid) == ("stopped", 2, 2)
    assert (one.progress.failed, one.progress.waiting) == (0, 10)
    assert "All Credits have been used up" in one.progress.reason
    harness.control.set_credits(daily=10_000)
    again = run(sweep(client, seed=range(1, 13)))
    assert (again.progress.mode, again.progress.done, harness.paid) == ("done", 12, 12)


def test_a_budget_ends_it_before_the_call_that_would_exceed_it(harness: Harness) -> None:
    """The budget counts what the cells have cost, over restarts too; a higher one goes on."""
    one = run(sweep(harness.open(), seed=range(1, 9), budget_credits=45 * 3 + 44))
    assert (one.progress.mode, harness.paid) == ("stopped", 3)
    assert "the sweep's budget of 179" in one.progress.reason
    harness.close()
    client = harness.open()
    run(sweep(client, seed=range(1, 9), budget_credits=45 * 3 + 44))
    assert harness.paid == 3
    run(sweep(client, seed=range(1, 9), budget_credits=45 * 8))
    assert harness.paid == 8


def test_a_budget_holds_for_a_job_that_was_given_up(harness: Harness) -> None:
    """A job cancelled while its call was unknown, and a cell now, is sent within the sweep's budget only."""
    harness.control.arm("drop_before", route="create*")
    client = harness.open(timing=SETTLING)
    job = create_job(client, seed=1)
    wait_for_state(job, JobState.UNKNOWN)
    job.cancel()
    one = run(sweep(client, seed=[1], budget_credits=44))
    assert one.jobs[0].ref == job.ref
    assert (one.progress.mode, harness.paid) == ("stopped", 0)


def test_a_budget_holds_back_what_has_no_known_price(harness: Harness) -> None:
    """A sweep's budget pays for no cell whose price nobody tells, and says why nothing was sent."""
    one = run(sweep(harness.open(prices=Prices({})), seed=range(1, 4), budget_credits=10_000))
    assert (one.progress.mode, harness.paid) == ("stopped", 0)
    assert "does not tell what this video costs" in one.progress.reason


def test_enough_is_enough(client: Client, harness: Harness) -> None:
    """`stop_when` is asked after each cell that ends; once it says so nothing new is sent, and what runs ends."""
    (account,) = harness.control.accounts.values()
    account.max_jobs = 2
    harness.control.add_account(account)
    one = run(sweep(client, seed=range(1, 30)), stop_when=lambda one: len(one.videos) >= 2)
    assert one.progress.mode == "stopped"
    assert one.progress.reason == "stop_when said that it is enough."
    assert 2 <= len(one.videos) == harness.paid < 29


def test_a_rule_that_fails_ends_it_in_order(client: Client, harness: Harness) -> None:
    """What `stop_when` raises is raised by `run()`, after what was sent has its video."""

    def broken(_: Sweep) -> bool:
        raise LookupError("no such column")

    one = sweep(client, seed=range(1, 30))
    with pytest.raises(LookupError, match="no such column"):
        run(one, stop_when=broken)
    assert one.progress.mode == "stopped"
    assert harness.paid == len(one.videos) < 29


def test_pause_and_resume(manual_harness: Harness) -> None:
    """While it is paused nothing new is sent; resumed, it goes on."""
    (account,) = manual_harness.control.accounts.values()
    account.max_jobs = 1
    manual_harness.control.add_account(account)
    one = sweep(manual_harness.open(), seed=range(1, 4)).start()
    manual_harness.wait_for_accepted(1)
    one.pause()
    manual_harness.control.advance(LONGEST_JOB_S)
    until(one, lambda now: now.progress.done == 1)
    assert (one.progress.mode, manual_harness.paid) == ("paused", 1)
    one.resume()
    for expected in (2, 3):
        manual_harness.wait_for_accepted(expected)
        manual_harness.control.advance(LONGEST_JOB_S)
    one.wait(WAIT_LIMIT_S)
    assert (one.progress.mode, manual_harness.paid) == ("done", 3)


@pytest.mark.parametrize("act", ["drain", "stop"])
def test_drain_and_stop_pay_for_nothing_more(manual_harness: Harness, act: str) -> None:
    """What was sent gets its video, nothing else is sent, and the same line goes on later."""
    client = manual_harness.open()
    one = sweep(client, seed=range(1, 20)).start()
    manual_harness.wait_for_accepted(8)
    getattr(one, act)()
    manual_harness.control.advance(LONGEST_JOB_S)
    one.wait(WAIT_LIMIT_S)
    assert (one.progress.mode, one.progress.done, manual_harness.paid) == ("stopped", 8, 8)
    assert one.progress.waiting == 11
    again = sweep(client, seed=range(1, 20)).start()
    manual_harness.wait_for_accepted(16)
    assert again.progress.reused == 8


def test_a_cancelled_paid_cell_is_taken_up_not_paid_again(manual_harness: Harness) -> None:
    """Somebody cancelled a job after it was paid: running the sweep waits for it again."""
    client = manual_harness.open()
    one = sweep(client, seed=[1]).start()
    manual_harness.wait_for_accepted(1)
    until(one, lambda now: now.jobs[0].state is JobState.QUEUED)
    one.jobs[0].cancel()
    one.wait(WAIT_LIMIT_S)
    assert one.progress.failed == 1
    again = sweep(client, seed=[1]).start()
    manual_harness.control.advance(LONGEST_JOB_S)
    again.wait(WAIT_LIMIT_S)
    assert (manual_harness.paid, again.progress.done) == (1, 1)


def test_an_impatient_waiter_stops_only_the_waiting(manual_harness: Harness) -> None:
    """JobTimeout says how to wait again; a second run joins the first one."""
    one = sweep(manual_harness.open(), seed=[1, 2])
    with pytest.raises(JobTimeout, match=r"sweep.wait\(\) waits again"):
        one.run(quiet=True, timeout=0.01)
    manual_harness.wait_for_accepted(2)
    manual_harness.control.advance(LONGEST_JOB_S)
    assert len(run(one).videos) == 2
    assert manual_harness.paid == 2


def test_two_sweeps_that_overlap_pay_once(client: Client, harness: Harness) -> None:
    """Cells that both ask for are one job, also while both run."""
    one, two = sweep(client, seed=range(1, 9)).start(), sweep(client, seed=range(5, 13)).start()
    one.wait(WAIT_LIMIT_S)
    two.wait(WAIT_LIMIT_S)
    assert harness.paid == 12
    assert {job.ref for job in one.jobs} & {job.ref for job in two.jobs}


def test_two_kernels_run_the_same_sweep_once(harness: Harness) -> None:
    """Two clients on one home that run the same line at the same moment pay for each cell once."""
    runs = [sweep(harness.open(), seed=range(1, 9)).start() for _ in range(2)]
    for one in runs:
        one.wait(WAIT_LIMIT_S)
    assert harness.paid == 8
    assert [len(one.videos) for one in runs] == [8, 8]


def test_a_restart_in_the_middle_goes_on(manual_harness: Harness) -> None:
    """The kernel ends with cells sent, waiting and not asked for; the same line in the next one finishes all, once."""
    first = manual_harness.open()
    sweep(first, seed=range(1, 13)).start()
    manual_harness.wait_for_accepted(8)
    first.close()
    one = sweep(manual_harness.open(), seed=range(1, 13)).start()
    manual_harness.control.advance(LONGEST_JOB_S)
    manual_harness.wait_for_accepted(12)
    manual_harness.control.advance(LONGEST_JOB_S)
    one.wait(WAIT_LIMIT_S)
    assert (manual_harness.paid, len(one.videos), one.progress.mode) == (12, 12, "done")


def test_a_busy_vendor_is_not_stormed(build_harness: BuildHarness, tmp_path: Any) -> None:
    """Where another program uses slots, each 429 holds back one call for the pause, not one for each waiting cell."""
    with build_harness(tmp_path, accounts=[Account("one@example.com", max_jobs=8, plan_jobs=3)]) as harness:
        harness.control.settings.generation_s = (40.0, 70.0)
        one = run(sweep(harness.open(), seed=range(1, 17)))
        assert len(one.videos) == 16
        refused = harness.control.requests["create-frames-v3"] - 16
        assert refused <= 16, "the vendor's own example loop meets 42 for 64 jobs"


def test_a_single_cell_is_found_by_any_name(client: Client) -> None:
    """Number, caption, key, job and video name a cell; a stranger is an error."""
    one = run(sweep(client, seed=[3, 4]))
    job = one.jobs[1]
    for name in (2, "seed 4", one.cells[1].key, job, job.video, one.cells[1]):
        one.judge(name, "winner", note="the steam")
        assert list(one.verdicts) == ["seed 4"]
    assert [video.request.seed for video in one.winners if video.request] == [4]
    with pytest.raises(InvalidRequest, match="no cell of this sweep"):
        one.judge("seed 9", "winner")
    with pytest.raises(InvalidRequest, match="winner, rejected or empty"):
        one.judge(1, "best")
