"""The ledger is deleted or moved away while a client is open: nothing is sent blindly, nothing charged is lost."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.errors import ConfigError, LedgerError
from pixverse_nb.jobs.events import WarningRaised
from pixverse_nb.ledger.jobs import Ledger
from tests.client.harness import (
    LONGEST_JOB_S,
    TIMING,
    Harness,
    create_job,
    event_kinds,
    fill_slots,
    wait_for_error,
    wait_for_state,
    wait_for_video,
)


def move_ledger(home: Path, to: Path) -> None:
    """Move the ledger's files to another folder."""
    to.mkdir(exist_ok=True)
    for file in home.glob("ledger.db*"):
        file.rename(to / file.name)


def test_a_deleted_home_stops_paid_calls(harness: Harness) -> None:
    """After the home is deleted, the open client raises LedgerError before it sends; a new client starts afresh."""
    client = harness.open()
    wait_for_video(create_job(client))
    shutil.rmtree(harness.home)
    with pytest.raises(LedgerError):
        create_job(client, seed=8)
    assert harness.paid == 1
    again = harness.open()
    wait_for_video(create_job(again, seed=8))
    assert [job.request.seed for job in again.jobs()] == [8]
    assert harness.paid == 2


def test_a_waiting_job_is_not_sent_without_the_ledger(manual_harness: Harness) -> None:
    """A job whose turn comes after the ledger is gone is not sent."""
    client = manual_harness.open()
    running = fill_slots(client)
    waiting = create_job(client, seed=9)
    wait_for_state(waiting, JobState.WAITING)
    move_ledger(manual_harness.home, manual_harness.home.parent / "away")
    manual_harness.control.advance(LONGEST_JOB_S)
    assert isinstance(wait_for_error(waiting), LedgerError)
    assert manual_harness.paid == len(running)


def test_events_are_written_when_the_ledger_is_back(manual_harness: Harness) -> None:
    """A job that ends while the ledger is away has its video at once; its events are written later."""
    client = manual_harness.open()
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    move_ledger(manual_harness.home, manual_harness.home.parent / "away")
    manual_harness.control.advance(LONGEST_JOB_S)
    video = wait_for_video(job)
    assert wait_for_video(job).sha256 == video.sha256
    move_ledger(manual_harness.home.parent / "away", manual_harness.home)
    again = manual_harness.open().job(job.ref)
    wait_for_state(again, JobState.DONE)
    assert wait_for_video(again).sha256 == video.sha256
    assert event_kinds(again)[-1] == "downloaded"
    assert manual_harness.paid == 1


def test_events_are_written_on_close(manual_harness: Harness) -> None:
    """Closing a client writes pending events if the ledger is back."""
    client = manual_harness.open(timing=replace(TIMING, poll_s=60.0))
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    move_ledger(manual_harness.home, manual_harness.home.parent / "away")
    job.cancel()
    move_ledger(manual_harness.home.parent / "away", manual_harness.home)
    client.close()
    assert manual_harness.open().jobs()[0].state is JobState.CANCELLED


def test_a_deleted_row_affects_only_its_job(manual_harness: Harness) -> None:
    """If a job's row is deleted, its handle raises ConfigError and other jobs continue."""
    client = manual_harness.open()
    gone, other = create_job(client, seed=1), create_job(client, seed=2)
    for job in (gone, other):
        wait_for_state(job, JobState.QUEUED)
    with sqlite3.connect(manual_harness.home / "ledger.db") as db:
        db.execute("DELETE FROM events WHERE ref = ?", (gone.ref,))
        db.execute("DELETE FROM jobs WHERE ref = ?", (gone.ref,))
    db.close()
    with pytest.raises(ConfigError, match=gone.ref):
        gone.cancel()
    assert client.credits().total > 0
    manual_harness.control.advance(LONGEST_JOB_S)
    wait_for_video(other)
    assert manual_harness.paid == 2


def test_a_job_is_cancelled_while_the_ledger_is_away(harness: Harness) -> None:
    """The handle of a job that nothing runs shows the cancelling at once; it is written later."""
    harness.stop_sandbox()
    with harness.open() as client:
        wait_for_state(create_job(client), JobState.WAITING)
    (job,) = harness.open().jobs()
    move_ledger(harness.home, harness.home.parent / "away")
    assert job.cancel()
    assert job.state is JobState.CANCELLED
    move_ledger(harness.home.parent / "away", harness.home)
    job._loop.run(job._engine._writes.flush)
    assert harness.open().jobs()[0].state is JobState.CANCELLED


def test_another_process_goes_on_while_the_ledger_is_away(manual_harness: Harness) -> None:
    """If what another process wrote replaces an event that could not be written, whoever waits is told."""
    client = manual_harness.open(timing=replace(TIMING, poll_s=60.0))
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    waiter, engine, away = job._waiter(), job._engine, manual_harness.home.parent / "away"
    warning = Notice("poll_offline", {"detail": ""})

    def meet() -> None:  # on the event loop, which reads nothing before this is over
        move_ledger(manual_harness.home, away)
        before = job._record()
        engine.apply(before, WarningRaised(engine.now(), warning))
        with closing(Ledger(away / "ledger.db", service=engine.service, payer=engine.ledger.payer)) as ledger:
            stopped = replace(before, blocked=True, error=warning)
            assert ledger.save(stopped, at=engine.now(), kind="warning_raised", data={}) is not None
        move_ledger(away, manual_harness.home)
        engine._writes.flush()

    job._loop.run(meet)
    assert waiter.done()
    assert waiter.result().blocked
