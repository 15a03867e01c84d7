"""The ledger is deleted or moved away while a client is open: nothing is sent blindly, nothing charged is lost."""

import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import ConfigError, LedgerError
from tests.client.harness import A_JOB_S, TIMING, Harness, failed, fill, finished, kinds, order, reached


def move_ledger(home: Path, to: Path) -> None:
    """Move the ledger's files to another folder."""
    to.mkdir(exist_ok=True)
    for file in home.glob("ledger.db*"):
        file.rename(to / file.name)


def test_a_deleted_home_stops_paid_calls(house: Harness) -> None:
    """After the home is deleted, the open client raises LedgerError before it sends; a new client starts afresh."""
    client = house.open()
    finished(order(client))
    shutil.rmtree(house.home)
    with pytest.raises(LedgerError):
        order(client, seed=8)
    assert house.paid == 1
    again = house.open()
    finished(order(again, seed=8))
    assert [job.request.seed for job in again.jobs()] == [8]
    assert house.paid == 2


def test_a_waiting_job_is_not_sent_without_the_ledger(still: Harness) -> None:
    """A job whose turn comes after the ledger is gone is not sent."""
    client = still.open()
    running = fill(client)
    waiting = order(client, seed=9)
    reached(waiting, JobState.WAITING)
    move_ledger(still.home, still.home.parent / "away")
    still.control.advance(A_JOB_S)
    assert isinstance(failed(waiting), LedgerError)
    assert still.paid == len(running)


def test_events_are_written_when_the_ledger_is_back(still: Harness) -> None:
    """A job that ends while the ledger is away has its video at once; its events are written later."""
    client = still.open()
    job = order(client)
    reached(job, JobState.QUEUED)
    move_ledger(still.home, still.home.parent / "away")
    still.control.advance(A_JOB_S)
    video = finished(job)
    assert finished(job).sha256 == video.sha256
    move_ledger(still.home.parent / "away", still.home)
    again = still.open().job(job.ref)
    reached(again, JobState.DONE)
    assert finished(again).sha256 == video.sha256
    assert kinds(again)[-1] == "downloaded"
    assert still.paid == 1


def test_events_are_written_on_close(still: Harness) -> None:
    """Closing a client writes pending events if the ledger is back."""
    client = still.open(timing=replace(TIMING, poll_s=60.0))
    job = order(client)
    reached(job, JobState.QUEUED)
    move_ledger(still.home, still.home.parent / "away")
    job.cancel()
    move_ledger(still.home.parent / "away", still.home)
    client.close()
    assert still.open().jobs()[0].state is JobState.CANCELLED


def test_a_deleted_row_affects_only_its_job(still: Harness) -> None:
    """If a job's row is deleted, its handle raises ConfigError and other jobs continue."""
    client = still.open()
    gone, other = order(client, seed=1), order(client, seed=2)
    for job in (gone, other):
        reached(job, JobState.QUEUED)
    with sqlite3.connect(still.home / "ledger.db") as db:
        db.execute("DELETE FROM events WHERE ref = ?", (gone.ref,))
        db.execute("DELETE FROM jobs WHERE ref = ?", (gone.ref,))
    db.close()
    with pytest.raises(ConfigError, match=gone.ref):
        gone.cancel()
    assert client.credits().total > 0
    still.control.advance(A_JOB_S)
    finished(other)
    assert still.paid == 2
