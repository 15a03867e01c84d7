"""A process that stands still in the middle of a paid call (SIGSTOP) and wakes up when another one has taken over."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.kill_points import Trap
from tests.faults.matrix import TIMING
from tests.faults.process_group import Family, family

SHORT = replace(TIMING, settle_s=0.5)
BEFORE_THE_LAST_LOOK = ("the intent is written", "before the connection", "connected")
AFTER_IT = ("before the first byte", "the head is sent", "all is sent", "the answer begins", "the answer is there")


def taken_over(one: Family, moment: str) -> None:
    """A worker stops at the moment; another takes the seat; then the first one wakes up, and both get the video."""
    sleeper = one.start(1, trap=(moment, 1), stops=True)
    sleeper.says("asked")
    sleeper.stands_still()
    other = one.start(1, 2)
    other.says("asked")
    one.account.moments.await_accepted(1)  # of seed 2: the other one has taken the seat, and its beats go on
    sleeper.wake()
    other.says("done")
    sleeper.says("done")
    other.ends()
    sleeper.ends()


@pytest.mark.parametrize("moment", [*BEFORE_THE_LAST_LOOK, *AFTER_IT])
def test_woken_up_after_another_has_taken_over(tmp_path: Path, moment: str) -> None:
    """Wherever it stood still, it neither sends late nor is paid for twice, and both processes get the video."""
    assert Trap(moment, 1)
    with family(tmp_path, SHORT) as one:
        taken_over(one, moment)
        one.is_well(requests=2)


def test_asleep_between_the_last_look_and_the_first_byte(tmp_path: Path) -> None:
    """While the sleeper may still send, nothing proves its call absent, however long it sleeps; then it sends once."""
    with family(tmp_path, SHORT) as one:
        sleeper = one.start(1, trap=("before the first byte", 1), stops=True)
        sleeper.says("asked")
        sleeper.stands_still()
        other = one.start(1, *range(2, 30))
        other.says("asked")
        one.account.moments.await_accepted(28)  # many settle windows later
        sleeper.wake()
        other.says("done")
        sleeper.says("done")
        one.is_well(requests=29)


def test_killed_in_its_sleep(tmp_path: Path) -> None:
    """A sleeper that is killed sends no more: its call is proved absent then, and sent by the other one, once."""
    with family(tmp_path, SHORT) as one:
        sleeper = one.start(1, trap=("before the first byte", 1), stops=True)
        sleeper.says("asked")
        sleeper.stands_still()
        other = one.start(1, 2)
        other.says("asked")
        one.account.moments.await_accepted(1)
        sleeper.kill()
        other.says("done")
        other.ends()
        one.is_well(requests=2)
