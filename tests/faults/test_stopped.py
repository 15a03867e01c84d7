"""A process is stopped (SIGSTOP) during a paid call and resumes after another has taken over."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.kill_points import KillPoint
from tests.faults.matrix import TIMING
from tests.faults.process_group import WorkerGroup, worker_group

SHORT = replace(TIMING, settle_s=0.5)
BEFORE_FINAL_CHECK = ("intent_committed", "before_connect", "connected")
AFTER_FINAL_CHECK = ("before_first_byte", "headers_sent", "body_sent", "response_started", "response_complete")


def stop_and_take_over(one: WorkerGroup, moment: str) -> None:
    """Stop a worker at the moment, let another become the leader, resume the first; both get the video."""
    stopped = one.start(1, trap=(moment, 1), stop_at_trap=True)
    stopped.wait_for_line("requested")
    stopped.wait_until_stopped()
    other = one.start(1, 2)
    other.wait_for_line("requested")
    one.account.moments.wait_for_accepted(1)  # seed 2: the other worker is the leader now
    stopped.wake()
    other.wait_for_line("done")
    stopped.wait_for_line("done")
    other.finish_process()
    stopped.finish_process()


@pytest.mark.parametrize("moment", [*BEFORE_FINAL_CHECK, *AFTER_FINAL_CHECK])
def test_resumed_after_another_has_taken_over(tmp_path: Path, moment: str) -> None:
    """Wherever it was stopped, the worker neither sends late nor causes a second charge, and both get the video."""
    assert KillPoint(moment, 1)
    with worker_group(tmp_path, SHORT) as one:
        stop_and_take_over(one, moment)
        one.assert_consistent(requests=2)


def test_stopped_between_the_final_check_and_the_first_byte(tmp_path: Path) -> None:
    """While a stopped process may still send, nothing proves its call absent; then it sends once."""
    with worker_group(tmp_path, SHORT) as one:
        stopped = one.start(1, trap=("before_first_byte", 1), stop_at_trap=True)
        stopped.wait_for_line("requested")
        stopped.wait_until_stopped()
        other = one.start(1, *range(2, 30))
        other.wait_for_line("requested")
        one.account.moments.wait_for_accepted(28)  # many settle windows later
        stopped.wake()
        other.wait_for_line("done")
        stopped.wait_for_line("done")
        one.assert_consistent(requests=29)


def test_killed_while_stopped(tmp_path: Path) -> None:
    """After a stopped process is killed, its call is proved absent and sent once by the other."""
    with worker_group(tmp_path, SHORT) as one:
        stopped = one.start(1, trap=("before_first_byte", 1), stop_at_trap=True)
        stopped.wait_for_line("requested")
        stopped.wait_until_stopped()
        other = one.start(1, 2)
        other.wait_for_line("requested")
        one.account.moments.wait_for_accepted(1)
        stopped.kill()
        other.wait_for_line("done")
        other.finish_process()
        one.assert_consistent(requests=2)
