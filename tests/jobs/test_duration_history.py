"""What finished jobs teach of durations: read once, from any thread, and never in the way of the watching."""

import sqlite3
from dataclasses import replace
from pathlib import Path

from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.jobs.poll_schedule import DurationHistory
from pixverse_nb.ledger.jobs import Ledger
from tests.factories import NOW, a_record, a_request


def history_of(ledger: Ledger) -> DurationHistory:
    """The durations in a ledger."""
    return DurationHistory(lambda limit: ledger.finished_jobs(limit=limit), Timing())


def taught(path: Path) -> Ledger:
    """A ledger with one finished job that took a minute and a half."""
    ledger = Ledger(path, service="s")
    done = a_record(service="s", state=JobState.DONE, submitted_at=NOW, intent_at=NOW, finished_at=NOW + 90)
    ledger.find_or_add(done, reuse=False)
    return ledger


def test_a_finished_job_teaches(tmp_path: Path) -> None:
    """The typical time of a kind is what its jobs took; another kind is guessed."""
    lessons = history_of(taught(tmp_path / "ledger.db"))
    assert lessons.expectation(a_request()).samples[0].most_s == 90
    assert lessons.expectation(a_request(quality="360p")).samples == ()


def test_what_began_by_another_clock_teaches_nothing(tmp_path: Path) -> None:
    """A generation that was adopted began by the vendor's clock and may have ended long before it was looked at."""
    lessons = history_of(taught(tmp_path / "ledger.db"))
    before = lessons.expectation(a_request()).samples
    lessons.record(a_record(state=JobState.DOWNLOADING, submitted_at=NOW - 7200, finished_at=NOW))
    assert lessons.expectation(a_request()).samples == before


def test_a_row_that_cannot_be_read_is_no_hindrance(tmp_path: Path) -> None:
    """With a damaged row in the ledger nothing is known, which is said as such; what ends from then on is learnt."""
    ledger = taught(tmp_path / "ledger.db")
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        db.execute("UPDATE jobs SET data = json_set(data, '$.state', 'lost')")
    db.close()
    lessons = history_of(ledger)
    assert lessons.expectation(a_request()).samples == ()
    lessons.record(replace(a_record(state=JobState.DOWNLOADING), submitted_at=NOW, intent_at=NOW, finished_at=NOW + 70))
    assert lessons.expectation(a_request()).samples[0].most_s == 70
