"""Two and three processes on one home that request the same at the same time; the leader is killed, or closes."""

import time
from dataclasses import replace
from pathlib import Path

from tests.faults.failpoints import kill
from tests.faults.ledger_checks import VendorBehavior
from tests.faults.matrix import HOSTILE, SLOTS, TIMING
from tests.faults.process_group import PATIENCE_S, worker_group

NEVER_FINISHES = VendorBehavior(making_s=(1e6, 1e6))


def test_three_processes_with_overlapping_requests(tmp_path: Path) -> None:
    """Three processes with overlapping requests at a hostile vendor get every video, each charged once."""
    with worker_group(tmp_path, TIMING, HOSTILE) as one:
        processes = [one.start(*range(start, start + 12), pictures=5) for start in (1, 4, 7)]
        for process in processes:
            process.wait_for_line("requested")
        for process in processes:
            process.wait_for_line("done")
            process.finish_process()
        one.assert_consistent(requests=18)
        assert one.audit(requests=18).max_running <= SLOTS


def test_the_leader_is_killed(tmp_path: Path) -> None:
    """After SIGKILL of the leader another process takes over, and running calls are not charged again."""
    with worker_group(tmp_path, TIMING, HOSTILE) as one:
        killed: list[int] = []

        def kill_leader(caller: int) -> None:
            killed.append(caller)
            kill(caller)

        one.account.moments.act_at("create_accepted", 5, kill_leader)
        processes = [one.start(*range(1, 21), pictures=5) for _ in range(3)]
        assert one.account.moments.triggered.wait(PATIENCE_S)
        for process in processes:
            if process.process.pid not in killed:
                process.wait_for_line("requested")
                process.wait_for_line("done")
                process.finish_process()
        one.assert_consistent(requests=20)
        assert len(set(one.account.state.senders)) > 1


def test_the_leader_sends_for_the_others(tmp_path: Path) -> None:
    """The leader sends what a second process requests, and both get their video."""
    with worker_group(tmp_path, TIMING, NEVER_FINISHES) as one:
        leader = one.start(1)
        leader.wait_for_line("requested")
        one.account.moments.wait_for_accepted(1)
        other = one.start(2)
        other.wait_for_line("requested")
        one.account.moments.wait_for_accepted(2)
        one.account.state.finish(now=time.monotonic())
        for process in (leader, other):
            process.wait_for_line("done")
            process.finish_process()
        assert one.account.state.senders == [leader.process.pid] * 2
        one.assert_consistent(requests=2)


def test_the_leader_closes(tmp_path: Path) -> None:
    """When the leader closes, the remaining process becomes the leader and finishes the rest."""
    with worker_group(tmp_path, replace(TIMING, poll_s=0.05), NEVER_FINISHES) as one:
        leader = one.start(1)
        leader.wait_for_line("requested")
        one.account.moments.wait_for_accepted(1)
        other = one.start(1, *range(2, 12))
        other.wait_for_line("requested")
        one.account.moments.wait_for_accepted(SLOTS)
        one.account.state.finish(now=time.monotonic())
        leader.wait_for_line("done")
        leader.finish_process()
        one.account.moments.wait_for_accepted(11)
        one.account.state.finish(now=time.monotonic())
        other.wait_for_line("done")
        other.finish_process()
        one.assert_consistent(requests=11)
        assert one.audit(requests=11).max_running <= SLOTS
