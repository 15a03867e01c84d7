"""The seat's row: one holder at a time, an epoch for each taking, and wishes for a list."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixverse_nb.ledger.accounts import LeaseStore
from pixverse_nb.ledger.jobs import Ledger


@pytest.fixture
def leases(tmp_path: Path) -> Iterator[LeaseStore]:
    """The seat of a new home."""
    ledger = Ledger(tmp_path / "ledger.db", service="s")
    yield ledger.leases
    ledger.close()


def test_a_new_home_has_no_holder(leases: LeaseStore) -> None:
    """Nobody ever sat: there is no row, and no epoch can beat."""
    assert leases.current() is None
    assert leases.renew(1, has_lock=True) is False


def test_each_taking_raises_the_epoch(leases: LeaseStore) -> None:
    """The seat is taken from the epoch that was seen, and the new one is the next number."""
    assert leases.acquire("me", after=0, has_lock=True) == 1
    assert leases.acquire("other", after=1, has_lock=False) == 2
    row = leases.current()
    assert row is not None
    assert (row.epoch, row.owner, row.has_lock) == (2, "other", False)


def test_two_that_reach_for_it_are_one_holder(tmp_path: Path) -> None:
    """Eight processes that saw the same epoch: one takes the seat."""
    ledgers = [Ledger(tmp_path / "ledger.db", service="s") for _ in range(4)]
    start = threading.Barrier(8)
    taken: list[int | None] = []

    def reach(number: int) -> None:
        start.wait()
        taken.append(ledgers[number % 4].leases.acquire(f"p{number}", after=0, has_lock=False))

    threads = [threading.Thread(target=reach, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken, key=str) == [1, *[None] * 7]
    for ledger in ledgers:
        ledger.close()


def test_a_beat_shows_life_under_the_present_epoch_only(leases: LeaseStore) -> None:
    """The holder's beat changes the row; one of an older epoch learns that it is over."""
    leases.acquire("me", after=0, has_lock=True)
    before = leases.current()
    assert leases.renew(1, has_lock=True)
    assert leases.current() != before
    leases.acquire("other", after=1, has_lock=True)
    taken = leases.current()
    assert leases.renew(1, has_lock=True) is False
    assert leases.current() == taken


def test_leaving_frees_the_seat_and_keeps_the_epoch(leases: LeaseStore) -> None:
    """A seat that was left has no owner; the next taking counts on. Who no longer sits frees nothing."""
    leases.acquire("me", after=0, has_lock=True)
    leases.release(1)
    row = leases.current()
    assert row is not None
    assert (row.epoch, row.owner) == (1, "")
    assert leases.acquire("other", after=1, has_lock=True) == 2
    leases.release(1)
    row = leases.current()
    assert row is not None
    assert row.owner == "other"


def test_wishes_for_a_list_are_counted_and_answered(leases: LeaseStore) -> None:
    """Every wish has its number; the holder's answer names the number up to which it has read, under its epoch only."""
    leases.acquire("me", after=0, has_lock=True)
    assert [leases.request_poll(), leases.request_poll()] == [1, 2]
    leases.mark_polls_served(1, 2)
    row = leases.current()
    assert row is not None
    assert (row.polls_requested, row.polls_served) == (2, 2)
    leases.mark_polls_served(7, 9)
    assert leases.current() == row


def test_each_service_has_its_own_seat(tmp_path: Path) -> None:
    """Who acts for the sandbox does not act for the paid service."""
    one, two = (Ledger(tmp_path / "ledger.db", service=name) for name in ("api", "sandbox"))
    one.leases.acquire("me", after=0, has_lock=True)
    assert two.leases.current() is None
    one.close()
    two.close()
