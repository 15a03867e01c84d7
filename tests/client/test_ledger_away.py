"""A ledger that is deleted, moved or emptied under an open client: nothing is sent blindly, nothing paid is lost."""

import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import ConfigError, LedgerError
from tests.client.harness import A_JOB_S, TIMING, Harness, failed, fill, finished, order, reached


def moved(home: Path, to: Path) -> None:
    """Take the ledger's files to another folder."""
    to.mkdir(exist_ok=True)
    for file in home.glob("ledger.db*"):
        file.rename(to / file.name)


def test_a_deleted_home_pays_for_nothing(house: Harness) -> None:
    """`rm -rf pixverse` to begin afresh: the open client refuses before it sends, and a new one begins afresh."""
    client = house.open()
    finished(order(client))
    shutil.rmtree(house.home)
    with pytest.raises(LedgerError, match=r"deleted, moved or replaced.*make a new one"):
        order(client, seed=8)
    assert house.paid == 1
    again = house.open()
    finished(order(again, seed=8))
    assert [job.request.seed for job in again.jobs()] == [8]
    assert house.paid == 2


def test_a_job_that_waits_is_not_sent_without_its_ledger(still: Harness) -> None:
    """A job that was asked for before, and whose turn comes after the ledger has gone, is not sent."""
    client = still.open()
    running = fill(client)
    waiting = order(client, seed=9)
    reached(waiting, JobState.WAITING)
    moved(still.home, still.home.parent / "away")
    still.control.advance(A_JOB_S)
    assert isinstance(failed(waiting), LedgerError)
    assert still.paid == len(running)


def test_what_happened_meanwhile_is_written_when_the_ledger_is_back(still: Harness) -> None:
    """A job that ends while its ledger cannot be written has its video at once, and the ledger knows it later."""
    client = still.open()
    job = order(client)
    reached(job, JobState.QUEUED)
    moved(still.home, still.home.parent / "away")
    still.control.advance(A_JOB_S)
    video = finished(job)
    assert finished(job).sha256 == video.sha256
    moved(still.home.parent / "away", still.home)
    again = still.open().job(job.ref)
    reached(again, JobState.DONE)
    assert finished(again).sha256 == video.sha256
    assert "downloaded, checked and stored" in [event.text for event in again.events()]
    assert still.paid == 1


def test_what_happened_meanwhile_is_written_at_the_end(still: Harness) -> None:
    """A client that is closed just when the ledger is back writes down what it knows first."""
    client = still.open(timing=replace(TIMING, poll_s=60.0))
    job = order(client)
    reached(job, JobState.QUEUED)
    moved(still.home, still.home.parent / "away")
    job.cancel()
    moved(still.home.parent / "away", still.home)
    client.close()
    assert still.open().jobs()[0].state is JobState.CANCELLED


def test_a_row_that_somebody_removed_stops_nothing_else(still: Harness) -> None:
    """Where a job's row is gone the client goes on: the job can be cancelled, others run, and the vendor is asked."""
    client = still.open()
    gone, other = order(client, seed=1), order(client, seed=2)
    for job in (gone, other):
        reached(job, JobState.QUEUED)
    with sqlite3.connect(still.home / "ledger.db") as db:
        db.execute("DELETE FROM events WHERE ref = ?", (gone.ref,))
        db.execute("DELETE FROM jobs WHERE ref = ?", (gone.ref,))
    db.close()
    with pytest.raises(ConfigError, match="has no job"):
        gone.cancel()
    assert client.credits().total > 0
    still.control.advance(A_JOB_S)
    finished(other)
    assert still.paid == 2
