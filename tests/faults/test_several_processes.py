"""Two and three processes on one home that ask for the same at the same time; the one that sends dies, or closes."""

import time
from dataclasses import replace
from pathlib import Path

from tests.faults.failpoints import kill
from tests.faults.ledger_checks import Habits
from tests.faults.matrix import HOSTILE, SLOTS, TIMING
from tests.faults.process_group import PATIENCE_S, family

ENDLESS = Habits(making_s=(1e6, 1e6))


def test_three_that_ask_for_the_same(tmp_path: Path) -> None:
    """Overlapping wishes, a hostile vendor: each is paid once, and every process gets every video that it asked for."""
    with family(tmp_path, TIMING, HOSTILE) as one:
        members = [one.start(*range(start, start + 12), pictures=5) for start in (1, 4, 7)]
        for member in members:
            member.says("asked")
        for member in members:
            member.says("done")
            member.ends()
        one.is_well(requests=18)
        assert one.audit(requests=18).most_at_once <= SLOTS


def test_the_one_that_sends_is_killed(tmp_path: Path) -> None:
    """kill -9 of the seat's holder in the middle: another takes over, and what was under way is not paid again."""
    with family(tmp_path, TIMING, HOSTILE) as one:
        killed: list[int] = []

        def kill_the_holder(caller: int) -> None:
            killed.append(caller)
            kill(caller)

        one.account.moments.act_at("a create is accepted", 5, kill_the_holder)
        members = [one.start(*range(1, 21), pictures=5) for _ in range(3)]
        assert one.account.moments.struck.wait(PATIENCE_S)
        for member in members:
            if member.process.pid not in killed:
                member.says("asked")
                member.says("done")
                member.ends()
        one.is_well(requests=20)
        assert len(set(one.account.books.senders)) > 1


def test_the_holder_sends_for_the_others(tmp_path: Path) -> None:
    """What a second kernel asks for is sent by the first one, which holds the seat; both get their video."""
    with family(tmp_path, TIMING, ENDLESS) as one:
        holder = one.start(1)
        holder.says("asked")
        one.account.moments.await_accepted(1)
        other = one.start(2)
        other.says("asked")
        one.account.moments.await_accepted(2)
        one.account.books.finish(now=time.monotonic())
        for member in (holder, other):
            member.says("done")
            member.ends()
        assert one.account.books.senders == [holder.process.pid] * 2
        one.is_well(requests=2)


def test_the_holder_closes(tmp_path: Path) -> None:
    """The holder goes home with its own video; who is left takes the seat and waits for the rest."""
    with family(tmp_path, replace(TIMING, poll_s=0.05), ENDLESS) as one:
        holder = one.start(1)
        holder.says("asked")
        one.account.moments.await_accepted(1)
        other = one.start(1, *range(2, 12))
        other.says("asked")
        one.account.moments.await_accepted(SLOTS)
        one.account.books.finish(now=time.monotonic())
        holder.says("done")
        holder.ends()
        one.account.moments.await_accepted(11)
        one.account.books.finish(now=time.monotonic())
        other.says("done")
        other.ends()
        one.is_well(requests=11)
        assert one.audit(requests=11).most_at_once <= SLOTS
