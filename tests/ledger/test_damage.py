"""A damaged or truncated ledger raises LedgerError, and the file stays as it is."""

import contextlib
import random
import sqlite3
from pathlib import Path

import pytest

from pixverse_nb.errors import LedgerError
from pixverse_nb.ledger.jobs import Ledger
from tests.factories import a_record, a_request

JOBS = 60


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of a closed ledger with some jobs, without a write-ahead log."""
    path = tmp_path / "home" / "ledger.db"
    ledger = Ledger(path, service="s")
    for number in range(JOBS):
        ledger.find_or_add(a_record(ref=f"pv-{number}", request=a_request(seed=number + 1)), reuse=False)
    ledger.close()
    return path


def read_all(path: Path) -> int:
    """Open a ledger and read everything in it; return the number of jobs."""
    ledger = Ledger(path, service="s")
    try:
        jobs = ledger.jobs(limit=JOBS + 9)
        ledger.open_jobs()
        for job in jobs:
            ledger.events(job.ref)
        ledger.uploads()
        return len(jobs)
    finally:
        ledger.close()


@pytest.mark.parametrize("seed", range(12))
def test_damaged_bytes_are_harmless_or_raise(path: Path, seed: int) -> None:
    """Whichever page is damaged, the ledger works as before or raises LedgerError."""
    whole = path.read_bytes()
    randomness = random.Random(seed)  # noqa: S311 - not for security
    for _ in range(5):
        at = randomness.randrange(0, len(whole) - 64)
        path.write_bytes(whole[:at] + randomness.randbytes(64) + whole[at + 64 :])
        with contextlib.suppress(LedgerError):
            read_all(path)


def test_damaged_pages_raise_and_are_kept(path: Path) -> None:
    """Damaged pages raise LedgerError, and the file keeps every byte."""
    whole = path.read_bytes()
    pages = len(whole) // 4096
    damaged = whole[: 4096 * 2] + b"\xff" * 4096 * (pages - 4) + whole[4096 * (pages - 2) :]
    path.write_bytes(damaged)
    with pytest.raises(LedgerError, match=r"ledger\.db"):
        read_all(path)
    assert path.read_bytes() == damaged


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE jobs SET data = json_set(data, '$.state', 'enchanted') WHERE ref = 'pv-3'",
        "UPDATE jobs SET data = json_remove(data, '$.request') WHERE ref = 'pv-3'",
        "UPDATE jobs SET data = '[]' WHERE ref = 'pv-3'",
        "UPDATE events SET state = 'enchanted' WHERE ref = 'pv-3'",
        "INSERT INTO uploads VALUES ('s', '', 'aa', 1.0, '{}')",
    ],
)
def test_an_invalid_row_raises(path: Path, change: str) -> None:
    """A row that was edited badly raises LedgerError."""
    db = sqlite3.connect(path)
    db.execute(change)
    db.commit()
    db.close()
    with pytest.raises(LedgerError):
        read_all(path)


@pytest.mark.parametrize("missing_bytes", [1, 100, 4095, 4096, 5000, 200_000])
def test_a_truncated_file_is_not_opened(path: Path, missing_bytes: int) -> None:
    """A truncated file raises LedgerError and is not written to, even if only a part of the last page is missing."""
    whole = path.read_bytes()
    path.write_bytes(whole[:-missing_bytes])
    with pytest.raises(LedgerError):
        Ledger(path, service="s")
    assert path.read_bytes() == whole[:-missing_bytes]


def test_a_file_whose_last_pages_are_in_the_log_is_opened(path: Path) -> None:
    """After a crash the newest commits are in the write-ahead log only: the ledger opens with all its jobs."""
    ledger = Ledger(path, service="s")
    with ledger._file.reading() as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
    for number in range(JOBS):
        ledger.find_or_add(a_record(ref=f"pv-more-{number}", request=a_request(seed=number + 1)), reuse=False)
    crashed = path.with_name("crashed.db")
    for suffix in ("", "-wal"):
        crashed.with_name(f"crashed.db{suffix}").write_bytes(path.with_name(f"ledger.db{suffix}").read_bytes())
    ledger.close()
    again = Ledger(crashed, service="s")
    assert again.count() == 2 * JOBS
    again.close()


def test_an_emptied_file_beside_videos_is_not_set_up_again(tmp_path: Path) -> None:
    """An empty file is a new ledger, unless there are videos: then it has lost its contents."""
    path = tmp_path / "ledger.db"
    path.touch()
    Ledger(path, service="s").close()
    path.write_bytes(b"")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "pv-1.mp4").touch()
    with pytest.raises(LedgerError):
        Ledger(path, service="s")
    assert path.read_bytes() == b""


def test_the_log_of_an_emptied_file_is_kept(path: Path) -> None:
    """The write-ahead log of an emptied file may hold the last commits: opening does not delete it."""
    ledger = Ledger(path, service="s")
    ledger.find_or_add(a_record(), reuse=False)
    log = path.with_name("ledger.db-wal")
    commits = log.read_bytes()
    ledger.close()
    path.write_bytes(b"")
    log.write_bytes(commits)
    with pytest.raises(LedgerError):
        Ledger(path, service="s")
    assert log.read_bytes() == commits


@pytest.mark.parametrize("content", [b"this is no ledger " * 500, b"\0" * 9000, b"SQLite format 3\0"])
def test_another_file_is_not_opened(tmp_path: Path, content: bytes) -> None:
    """Another file in its place is not opened, and not a byte of it changes."""
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    with pytest.raises(LedgerError):
        Ledger(path, service="s")
    assert path.read_bytes() == content


def test_frequent_queries_use_an_index(path: Path) -> None:
    """Frequent queries use an index, however large the ledger is."""
    ledger = Ledger(path, service="s")
    queries: list[str] = []
    with ledger._file.reading() as db:
        db.set_trace_callback(queries.append)
    ledger.open_jobs()
    ledger.changes_since(ledger.change_mark())
    ledger.finished_jobs(limit=9)
    ledger.jobs(limit=9)
    ledger.find_reusable(a_record())
    ledger.spent_credits()
    ledger.sweeps.rows(["1", "2"])
    with ledger._file.reading() as db:
        db.set_trace_callback(None)
        plans = [
            (query, str(row[3]))
            for query in queries
            for row in db.execute(f"EXPLAIN QUERY PLAN {query}")
            if " jobs " in f"{row[3]} "
        ]
    ledger.close()
    wanted = {"jobs_by_state", "jobs_by_time", "jobs_by_content", "sqlite_autoindex_jobs_1"}
    assert {next((name for name in wanted if name in plan), query) for query, plan in plans} <= wanted
    assert any("jobs_by_state (service=? AND state=?)" in plan for query, plan in plans if "IN ('" in query)


def test_the_database_of_another_program_is_not_opened(tmp_path: Path) -> None:
    """An SQLite file without the ledger's application id is not opened."""
    path = tmp_path / "ledger.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE recipes (name TEXT)")
    db.commit()
    db.close()
    before = path.read_bytes()
    with pytest.raises(LedgerError):
        Ledger(path, service="s")
    assert path.read_bytes() == before
