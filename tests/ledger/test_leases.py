"""The lease: one leader at a time, an epoch for each takeover, and requests for polls."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixverse_nb.ledger.accounts import LeaseStore
from pixverse_nb.ledger.jobs import Ledger


@pytest.fixture
def leases(tmp_path: Path) -> Iterator[LeaseStore]:
    """The lease of a new home."""
    ledger = Ledger(tmp_path / "ledger.db", service="s")
    yield ledger.leases
    ledger.close()


def test_a_new_home_has_no_leader(leases: LeaseStore) -> None:
    """A new home has no lease, and none can be renewed."""
    assert leases.current() is None
    assert leases.renew(1, has_lock=True) is False


def test_each_takeover_raises_the_epoch(leases: LeaseStore) -> None:
    """A takeover names the epoch that it saw, and gets the next one."""
    assert leases.acquire("me", after=0, has_lock=True) == 1
    assert leases.acquire("other", after=1, has_lock=False) == 2
    row = leases.current()
    assert row is not None
    assert (row.epoch, row.owner, row.has_lock) == (2, "other", False)


def test_of_eight_processes_one_gets_the_lease(tmp_path: Path) -> None:
    """If eight threads on four connections have seen the same epoch, one of them gets the lease."""
    ledgers = [Ledger(tmp_path / "ledger.db", service="s") for _ in range(4)]
    start = threading.Barrier(8)
    taken: list[int | None] = []

    def acquire(number: int) -> None:
        start.wait()
        taken.append(ledgers[number % 4].leases.acquire(f"p{number}", after=0, has_lock=False))

    threads = [threading.Thread(target=acquire, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken, key=str) == [1, *[None] * 7]
    for ledger in ledgers:
        ledger.close()


def test_only_the_current_epoch_can_renew(leases: LeaseStore) -> None:
    """A renewal changes the lease; one of an older epoch returns False and changes nothing."""
    leases.acquire("me", after=0, has_lock=True)
    before = leases.current()
    assert leases.renew(1, has_lock=True)
    assert leases.current() != before
    leases.acquire("other", after=1, has_lock=True)
    taken = leases.current()
    assert leases.renew(1, has_lock=True) is False
    assert leases.current() == taken


def test_a_release_keeps_the_epoch(leases: LeaseStore) -> None:
    """A released lease keeps its epoch for the next takeover; an old leader cannot release a newer lease."""
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


def test_requests_for_polls_are_counted(leases: LeaseStore) -> None:
    """Each request has a number; only the current leader can mark requests as served."""
    leases.acquire("me", after=0, has_lock=True)
    assert [leases.request_poll(), leases.request_poll()] == [1, 2]
    leases.mark_polls_served(1, 2)
    row = leases.current()
    assert row is not None
    assert (row.polls_requested, row.polls_served) == (2, 2)
    leases.mark_polls_served(7, 9)
    assert leases.current() == row


def test_each_service_has_its_own_lease(tmp_path: Path) -> None:
    """The leader of the sandbox is not the leader of the paid service."""
    one, two = (Ledger(tmp_path / "ledger.db", service=name) for name in ("api", "sandbox"))
    one.leases.acquire("me", after=0, has_lock=True)
    assert two.leases.current() is None
    one.close()
    two.close()
