"""What the election of the leader does while the ledger cannot be read or written."""

import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.errors import LedgerError
from pixverse_nb.jobs.leader import LeaderElection, LeaderLease, is_led
from pixverse_nb.ledger.accounts import LeaseRow
from pixverse_nb.ledger.jobs import Ledger
from tests.factories import a_record

TIMING = Timing().scaled(0.001)
LIMIT_S = 60.0  # longer than any test waits; fails instead of hanging


class Work:
    """What an election tells its engine: there is work for some ticks."""

    def __init__(self, ticks: int) -> None:
        self.ticks = ticks
        self.ended = asyncio.Event()

    def has_open_work(self) -> bool:
        """Return whether ticks are left."""
        self.ticks -= 1
        if self.ticks < 0:
            self.ended.set()
        return self.ticks >= 0

    def is_watched(self) -> bool:
        """Return False: nobody watches."""
        return False

    def on_elected(self) -> None:
        """Do nothing."""

    def on_deposed(self) -> None:
        """Do nothing."""

    def on_previous_leader_gone(self) -> None:
        """Do nothing."""

    def announce_requested(self) -> None:
        """Do nothing."""

    def refresh(self) -> None:
        """Do nothing."""

    def on_external_change(self, record: JobRecord) -> None:
        """Do nothing."""

    def on_tick(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("ticks", [1, 20])
def test_a_lasting_problem_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture, ticks: int) -> None:
    """If no lease can be written, the log has one warning, however often it is tried again."""
    path = tmp_path / "ledger.db"

    async def compete(ledger: Ledger) -> None:
        work = Work(ticks)
        lease = LeaderLease(ledger.leases, lock=tmp_path / "lock", owner="one", stale_s=60.0, now=lambda: 0.0)
        election = LeaderElection(work, ledger=ledger, lease=lease, timing=TIMING)
        path.rename(tmp_path / "away.db")
        election.wake()
        await asyncio.wait_for(work.ended.wait(), LIMIT_S)

    with closing(Ledger(path, service="test")) as ledger, caplog.at_level(logging.DEBUG, "pixverse_nb"):
        asyncio.run(compete(ledger))
    levels = [record.levelno for record in caplog.records if record.name == "pixverse_nb"]
    assert levels.count(logging.WARNING) == 1
    assert len(levels) == ticks + 1


class Interrupted(Work):
    """An engine whose ledger cannot be read for a moment: each call fails the first time. `told` has the others."""

    def __init__(self) -> None:
        super().__init__(ticks=0)
        self.failed: set[str] = set()
        self.told: list[str] = []

    def has_open_work(self) -> bool:
        """Return True until both have been told."""
        return not {"elected", "changed"} <= set(self.told)

    def on_elected(self) -> None:
        """Fail once."""
        self._tell("elected")

    def on_external_change(self, record: JobRecord) -> None:
        """Fail once."""
        self._tell("changed")

    def on_tick(self) -> None:
        """End when both have been told, or after many ticks."""
        self.ticks += 1
        if not self.has_open_work() or self.ticks == 50:
            self.ended.set()

    def _tell(self, what: str) -> None:
        if what not in self.failed:
            self.failed.add(what)
            raise LedgerError("disk I/O error")
        self.told.append(what)


def make_election(work: Work, ledger: Ledger, folder: Path) -> LeaderElection:
    """Return the election of a process."""
    lease = LeaderLease(ledger.leases, lock=folder / "lock", owner="one", stale_s=60.0, now=lambda: 0.0)
    return LeaderElection(work, ledger=ledger, lease=lease, timing=TIMING)


def test_what_fails_is_told_again(tmp_path: Path) -> None:
    """An engine that could not read its ledger is told again that it leads, and of the change of another process."""
    work = Interrupted()

    async def compete(ledger: Ledger, other: Ledger) -> None:
        make_election(work, ledger, tmp_path).wake()
        other.find_or_add(a_record(), reuse=False)
        await asyncio.wait_for(work.ended.wait(), LIMIT_S)

    path = tmp_path / "ledger.db"
    with closing(Ledger(path, service="test")) as ledger, closing(Ledger(path, service="test")) as other:
        asyncio.run(compete(ledger, other))
    assert work.told == ["elected", "changed"]


class Viewer(Work):
    """An engine that somebody watches and that has nothing to do, until another process has made a job."""

    def __init__(self) -> None:
        super().__init__(ticks=0)

    def has_open_work(self) -> bool:
        """Return False: no job is open here."""
        return False

    def is_watched(self) -> bool:
        """Return whether the change has not been reported yet."""
        return not self.ended.is_set()

    def on_external_change(self, record: JobRecord) -> None:
        """Note that the change has been reported."""
        self.ended.set()


def test_watching_takes_no_lease(tmp_path: Path) -> None:
    """A process that only watches is told of changes, and never becomes the leader."""
    work = Viewer()

    async def watch(ledger: Ledger, other: Ledger) -> None:
        election = make_election(work, ledger, tmp_path)
        election.watch()
        assert election.is_idle
        other.find_or_add(a_record(), reuse=False)
        await asyncio.wait_for(work.ended.wait(), LIMIT_S)
        assert election.epoch is None

    path = tmp_path / "ledger.db"
    with closing(Ledger(path, service="test")) as ledger, closing(Ledger(path, service="test")) as other:
        asyncio.run(watch(ledger, other))
        assert ledger.leases.current() is None


def test_the_ledger_cannot_be_read_when_work_begins(tmp_path: Path) -> None:
    """The election begins all the same, and takes the lease."""
    path = tmp_path / "ledger.db"
    work = Work(ticks=3)

    async def compete(ledger: Ledger) -> int | None:
        election = make_election(work, ledger, tmp_path)
        with closing(sqlite3.connect(path)) as db:
            db.execute("ALTER TABLE events RENAME TO away")
            election.wake()
            db.execute("ALTER TABLE away RENAME TO events")
        epoch = election.epoch
        await asyncio.wait_for(work.ended.wait(), LIMIT_S)
        return epoch

    with closing(Ledger(path, service="test")) as ledger:
        assert asyncio.run(compete(ledger)) == 1


@pytest.mark.parametrize(
    ("owner", "has_lock", "is_stale", "expected"),
    [("", False, False, False), ("a", False, False, True), ("a", False, True, False), ("a", True, False, False)],
)
def test_a_process_leads_while_its_lock_or_its_renewals_say_so(
    tmp_path: Path, owner: str, has_lock: bool, is_stale: bool, expected: bool
) -> None:
    """Without a lock only the renewals count: a process that was killed is not waited for without end."""
    row = LeaseRow(epoch=1, owner=owner, has_lock=has_lock, renewals=3, polls_requested=0, polls_served=0)
    assert is_led(row, tmp_path / "leader.lock", is_stale=is_stale) is expected
    assert not is_led(None, tmp_path / "leader.lock", is_stale=is_stale)
