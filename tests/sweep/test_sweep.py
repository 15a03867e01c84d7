"""Running a sweep: every slot is filled, nothing is charged twice, and one failure does not stop the others."""

import asyncio
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import InvalidRequest, JobTimeout
from pixverse_nb.sandbox import Account
from pixverse_nb.sweep.sweep import Sweep
from tests.client.conftest import BuildHarness
from tests.client.harness import LONGEST_JOB_S, WAIT_LIMIT_S, Harness, create_job, wait_for_state
from tests.sweep.small_sweeps import limit_to_one_slot, run, small_sweep, wait_until


def test_every_cell_gets_its_video(client: Client, harness: Harness) -> None:
    """Each cell is charged once and has its own file; each picture is uploaded once; a second run charges nothing."""
    sweep = run(small_sweep(client, seed=range(1, 13)))
    assert (harness.paid, harness.control.requests["files"]) == (12, 2)
    assert [video.request.seed for video in sweep.videos if video.request] == list(range(1, 13))
    assert len({video.sha256 for video in sweep.videos}) == 12
    assert (sweep.progress.mode, sweep.progress.done, sweep.progress.spent) == ("done", 12, 12 * 20)
    again = run(small_sweep(client, seed=range(1, 13)))
    assert (harness.paid, again.progress.reused, again.progress.mode) == (12, 12, "done")


def test_a_sweep_can_be_awaited(client: Client, harness: Harness) -> None:
    """`await sweep` starts the sweep and returns it when it has ended."""

    async def wait() -> Sweep:
        return await small_sweep(client, seed=[1, 2])

    assert len(asyncio.run(wait()).videos) == 2
    assert harness.paid == 2


def test_all_slots_are_filled(build_harness: BuildHarness, tmp_path: Any) -> None:
    """As many jobs run as the account accepts, the next starts when one ends, and no call is rejected."""
    with build_harness(tmp_path, speed=0, accounts=[Account("one@example.com", max_jobs=3)]) as harness:
        sweep = small_sweep(harness.open(), seed=range(1, 8)).start()
        for expected in (3, 6, 7):
            harness.wait_for_accepted(expected)
            assert harness.paid == expected
            harness.control.advance(LONGEST_JOB_S)
        sweep.wait(WAIT_LIMIT_S)
        assert harness.control.requests["create-frames"] == 7


def test_a_failed_cell_does_not_stop_the_others(manual_harness: Harness) -> None:
    """The others continue, and only `retry_failed` pays for another attempt."""
    client = manual_harness.open()
    sweep = small_sweep(client, seed=range(1, 4)).start()
    manual_harness.wait_for_accepted(3)
    manual_harness.control.fail(manual_harness.control.generations[1].video_id)
    manual_harness.control.advance(LONGEST_JOB_S)
    sweep.wait(WAIT_LIMIT_S)
    assert (sweep.progress.done, sweep.progress.failed, sweep.progress.mode) == (2, 1, "done")
    again = run(small_sweep(client, seed=range(1, 4)))
    assert (manual_harness.paid, again.progress.failed) == (3, 1)
    retried = small_sweep(client, seed=range(1, 4)).start(retry_failed=True)
    manual_harness.wait_for_accepted(4)
    manual_harness.control.advance(LONGEST_JOB_S)
    retried.wait(WAIT_LIMIT_S)
    assert (retried.progress.done, manual_harness.paid) == (3, 4)


def test_a_moderated_cell_does_not_stop_the_others(client: Client, harness: Harness) -> None:
    """A moderated video is refunded and does not stop the other cells."""
    harness.control.arm("moderated")
    sweep = run(small_sweep(client, seed=range(1, 5)))
    assert (sweep.progress.done, sweep.progress.failed, harness.paid) == (3, 1, 4)
    assert sweep.progress.spent == 3 * 20


def test_running_out_of_credits_stops_the_run(client: Client, harness: Harness) -> None:
    """The run stops without losing anything, and the same sweep continues when there are credits again."""
    harness.control.set_credits(daily=50, monthly=0, package=0)
    sweep = run(small_sweep(client, seed=range(1, 13)))
    assert (sweep.progress.mode, sweep.progress.done, harness.paid) == ("stopped", 2, 2)
    assert (sweep.progress.failed, sweep.progress.waiting) == (0, 10)
    assert sweep.progress.reason_kind == "OutOfCredits"
    harness.control.set_credits(daily=10_000)
    again = run(small_sweep(client, seed=range(1, 13)))
    assert (again.progress.mode, again.progress.done, harness.paid) == ("done", 12, 12)


def test_a_budget_stops_the_run_before_it_is_exceeded(harness: Harness) -> None:
    """The budget counts what the cells have cost, over restarts too, and a higher one continues the sweep."""
    sweep = run(small_sweep(harness.open(), seed=range(1, 9), budget_credits=20 * 3 + 19))
    assert (sweep.progress.mode, harness.paid) == ("stopped", 3)
    assert sweep.progress.reason_kind == "BudgetReached"
    assert "79" in sweep.progress.reason
    harness.close()
    client = harness.open()
    run(small_sweep(client, seed=range(1, 9), budget_credits=20 * 3 + 19))
    assert harness.paid == 3
    run(small_sweep(client, seed=range(1, 9), budget_credits=20 * 8))
    assert harness.paid == 8


def test_a_budget_applies_to_a_cancelled_job_with_a_lost_call(harness: Harness) -> None:
    """A cancelled job with a lost call that becomes a cell is sent only within the sweep's budget."""
    harness.control.arm("drop_before", route="create*")
    client = harness.open()
    job = create_job(client, seed=1)
    wait_for_state(job, JobState.UNKNOWN)
    job.cancel()
    sweep = small_sweep(client, seed=[1], budget_credits=19).start()
    harness.pass_settle_window(job)
    sweep.wait(WAIT_LIMIT_S)
    assert sweep.jobs[0].ref == job.ref
    assert (sweep.progress.mode, harness.paid) == ("stopped", 0)


def test_a_budget_stops_cells_of_unknown_price(harness: Harness) -> None:
    """With a budget, a cell of unknown price is not sent."""
    sweep = run(small_sweep(harness.open(), model="v4.5", seed=range(1, 4), budget_credits=10_000))
    assert (sweep.progress.mode, harness.paid) == ("stopped", 0)
    assert sweep.progress.reason_kind == "BudgetReached"


def test_a_stop_rule_ends_the_run(client: Client, harness: Harness) -> None:
    """Once `stop_when` returns true nothing new is submitted, and the running jobs finish."""
    (account,) = harness.control.accounts.values()
    account.max_jobs = 2
    harness.control.add_account(account)
    sweep = run(small_sweep(client, seed=range(1, 30)), stop_when=lambda now: len(now.videos) >= 2)
    assert sweep.progress.mode == "stopped"
    assert sweep.progress.reason_kind == "stop_rule_met"
    assert 2 <= len(sweep.videos) == harness.paid < 29


def test_a_stop_rule_that_raises_ends_the_run(client: Client, harness: Harness) -> None:
    """`run()` raises what `stop_when` raised, after the submitted jobs have finished."""

    def broken(_: Sweep) -> bool:
        raise LookupError("no such column")

    sweep = small_sweep(client, seed=range(1, 30))
    with pytest.raises(LookupError):
        run(sweep, stop_when=broken)
    assert sweep.progress.mode == "stopped"
    assert harness.paid == len(sweep.videos) < 29


def test_pause_and_resume(manual_harness: Harness) -> None:
    """A paused sweep submits nothing new; a resumed one continues."""
    limit_to_one_slot(manual_harness)
    sweep = small_sweep(manual_harness.open(), seed=range(1, 4)).start()
    manual_harness.wait_for_accepted(1)
    sweep.pause()
    manual_harness.control.advance(LONGEST_JOB_S)
    wait_until(sweep, lambda now: now.progress.done == 1)
    assert (sweep.progress.mode, manual_harness.paid) == ("paused", 1)
    sweep.resume()
    for expected in (2, 3):
        manual_harness.wait_for_accepted(expected)
        manual_harness.control.advance(LONGEST_JOB_S)
    sweep.wait(WAIT_LIMIT_S)
    assert (sweep.progress.mode, manual_harness.paid) == ("done", 3)


@pytest.mark.parametrize("act", ["drain", "stop"])
def test_drain_and_stop_submit_nothing_more(manual_harness: Harness, act: str) -> None:
    """Submitted jobs finish, nothing else is submitted, and the same sweep continues later, at the same total."""
    client = manual_harness.open()
    sweep = small_sweep(client, seed=range(1, 20))
    planned = sweep.plan().credits
    sweep.start()
    manual_harness.wait_for_accepted(8)
    getattr(sweep, act)()
    manual_harness.control.advance(LONGEST_JOB_S)
    sweep.wait(WAIT_LIMIT_S)
    assert (sweep.progress.mode, sweep.progress.done, manual_harness.paid) == ("stopped", 8, 8)
    assert sweep.progress.waiting == 11
    again = small_sweep(client, seed=range(1, 20)).start()
    manual_harness.wait_for_accepted(16)
    assert again.progress.reused == 8
    assert again.progress.expected == sweep.progress.expected == planned


def test_a_cancelled_charged_cell_is_resumed(manual_harness: Harness) -> None:
    """If a job was cancelled after it was charged, the next run waits for it again."""
    client = manual_harness.open()
    sweep = small_sweep(client, seed=[1]).start()
    manual_harness.wait_for_accepted(1)
    wait_until(sweep, lambda now: now.jobs[0].state is JobState.QUEUED)
    sweep.jobs[0].cancel()
    sweep.wait(WAIT_LIMIT_S)
    assert sweep.progress.failed == 1
    again = small_sweep(client, seed=[1]).start()
    manual_harness.control.advance(LONGEST_JOB_S)
    again.wait(WAIT_LIMIT_S)
    assert (manual_harness.paid, again.progress.done) == (1, 1)


def test_a_timeout_ends_only_the_waiting(manual_harness: Harness) -> None:
    """A timeout raises JobTimeout and does not stop the sweep; a second run joins the first."""
    sweep = small_sweep(manual_harness.open(), seed=[1, 2])
    with pytest.raises(JobTimeout):
        sweep.run(quiet=True, timeout=0.01)
    manual_harness.wait_for_accepted(2)
    manual_harness.control.advance(LONGEST_JOB_S)
    assert len(run(sweep).videos) == 2
    assert manual_harness.paid == 2


def test_overlapping_sweeps_are_charged_once(client: Client, harness: Harness) -> None:
    """Cells that two running sweeps share are one job."""
    sweeps = [small_sweep(client, seed=seeds).start() for seeds in (range(1, 9), range(5, 13))]
    for sweep in sweeps:
        sweep.wait(WAIT_LIMIT_S)
    assert harness.paid == 12
    refs = [{job.ref for job in sweep.jobs} for sweep in sweeps]
    assert len(refs[0] & refs[1]) == 4


def test_two_clients_are_charged_once(harness: Harness) -> None:
    """Two clients on one home that run the same sweep at the same time are charged once for each cell."""
    sweeps = [small_sweep(harness.open(), seed=range(1, 9)).start() for _ in range(2)]
    for sweep in sweeps:
        sweep.wait(WAIT_LIMIT_S)
    assert harness.paid == 8
    assert [len(sweep.videos) for sweep in sweeps] == [8, 8]


def test_a_restarted_client_continues_the_sweep(manual_harness: Harness) -> None:
    """After a restart the same sweep finishes the submitted, the waiting and the new cells, each charged once."""
    first = manual_harness.open()
    small_sweep(first, seed=range(1, 13)).start()
    manual_harness.wait_for_accepted(8)
    first.close()
    sweep = small_sweep(manual_harness.open(), seed=range(1, 13)).start()
    manual_harness.control.advance(LONGEST_JOB_S)
    manual_harness.wait_for_accepted(12)
    manual_harness.control.advance(LONGEST_JOB_S)
    sweep.wait(WAIT_LIMIT_S)
    assert (manual_harness.paid, len(sweep.videos), sweep.progress.mode) == (12, 12, "done")


def test_a_busy_vendor_is_not_flooded(build_harness: BuildHarness, tmp_path: Any) -> None:
    """If fewer slots are free than configured, a 429 holds back all waiting cells; each does not cause its own."""
    with build_harness(tmp_path, accounts=[Account("one@example.com", max_jobs=8, plan_jobs=3)]) as harness:
        harness.control.settings.generation_s = (40.0, 70.0)
        sweep = run(small_sweep(harness.open(), seed=range(1, 17)))
        assert len(sweep.videos) == 16
        refused = harness.control.requests["create-frames"] - 16
        assert refused <= 16  # the vendor's own example loop gets 42 for 64 jobs


def test_a_cell_is_found_by_any_of_its_names(client: Client) -> None:
    """A cell is found by number, caption, key, job, video or itself; anything else is an error."""
    sweep = run(small_sweep(client, seed=[3, 4]))
    job = sweep.jobs[1]
    for name in (2, "seed 4", sweep.cells[1].key, job, job.video, sweep.cells[1]):
        sweep.rate(name, "winner", note="the steam")
        assert list(sweep.ratings) == ["seed 4"]
    assert [video.request.seed for video in sweep.winners if video.request] == [4]
    for which, choice, field in (("seed 9", "winner", "which"), (1, "best", "choice")):
        with pytest.raises(InvalidRequest) as caught:
            sweep.rate(which, choice)
        assert set(caught.value.fields) == {field}


def test_a_sweep_says_that_the_network_is_gone(persistent_harness: Harness) -> None:
    """While the vendor is unreachable, a sweep that runs names that as its reason, and it continues by itself."""
    client = persistent_harness.open()
    not_run = small_sweep(client, seed=[1, 2])
    sweep = small_sweep(client, seed=[1, 2]).start()
    sent = {JobState.QUEUED, JobState.GENERATING}  # no call is on its way
    wait_until(sweep, lambda one: len(one.jobs) == 2 and {job.state for job in one.jobs} <= sent)
    assert sweep.progress.reason_kind == ""
    persistent_harness.stop_sandbox()
    wait_until(sweep, lambda one: one.progress.reason_kind == "offline")
    assert not_run.progress.reason_kind == ""
    persistent_harness.restart_sandbox(speed=1000)
    sweep.wait(WAIT_LIMIT_S)
    assert (sweep.progress.done, sweep.progress.reason_kind) == (2, "")
    assert persistent_harness.paid == 2
