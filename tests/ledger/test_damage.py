"""A damaged or shortened ledger: one clear error, and the file is left as it is."""

import random
import sqlite3
from pathlib import Path

import pytest

from pixverse_nb.errors import LedgerError
from pixverse_nb.ledger.jobs import Ledger
from tests.factories import a_record, a_request

ROOT = Path(__file__).parent.parent.parent
JOBS = 60


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed ledger of some jobs, all of it in the one file."""
    where = tmp_path / "home" / "ledger.db"
    filled(where)
    return where


def filled(path: Path) -> None:
    """Write a ledger with jobs."""
    ledger = Ledger(path, service="s")
    for number in range(JOBS):
        ledger.find_or_add(a_record(ref=f"pv-{number}", request=a_request(seed=number + 1)), reuse=False)
    ledger.close()


def read_all(path: Path) -> int:
    """Open a ledger, read all there is and write one job; return how many jobs there were."""
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
def test_flipped_bytes_never_surprise(path: Path, seed: int) -> None:
    """Whichever page is damaged, the ledger works as before or raises LedgerError."""
    whole = path.read_bytes()
    chance = random.Random(seed)  # noqa: S311 - damage needs no secrecy
    for _ in range(5):
        at = chance.randrange(0, len(whole) - 64)
        path.write_bytes(whole[:at] + chance.randbytes(64) + whole[at + 64 :])
        try:
            read_all(path)
        except LedgerError as error:
            assert "ledger" in str(error)


def test_a_broken_page_is_said_and_left_alone(path: Path) -> None:
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
def test_a_senseless_row_raises(path: Path, change: str) -> None:
    """A row that was edited badly raises LedgerError."""
    db = sqlite3.connect(path)
    db.execute(change)
    db.commit()
    db.close()
    with pytest.raises(LedgerError):
        read_all(path)


@pytest.mark.parametrize("kept", [0.9, 0.5, 0.02])
def test_a_file_that_was_cut_short_is_not_opened(path: Path, kept: float) -> None:
    """A file that was cut short is noticed at once and not written to."""
    whole = path.read_bytes()
    short = whole[: int(len(whole) * kept)]
    path.write_bytes(short)
    with pytest.raises(LedgerError):
        Ledger(path, service="s")
    assert path.read_bytes() == short


def test_an_empty_file_beside_videos_is_not_begun_anew(tmp_path: Path) -> None:
    """An empty ledger beside videos has lost its contents: it is not taken for a new one."""
    path = tmp_path / "ledger.db"
    path.touch()
    Ledger(path, service="s").close()
    path.write_bytes(b"")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "pv-1.mp4").touch()
    with pytest.raises(LedgerError):
        Ledger(path, service="s")
    assert path.read_bytes() == b""


@pytest.mark.parametrize("rubbish", [b"this is no ledger " * 500, b"\0" * 9000, b"SQLite format 3\0"])
def test_another_file_is_left_alone(tmp_path: Path, rubbish: bytes) -> None:
    """Another file in its place is not opened, and not a byte of it changes."""
    path = tmp_path / "ledger.db"
    path.write_bytes(rubbish)
    with pytest.raises(LedgerError):
        Ledger(path, service="s")
    assert path.read_bytes() == rubbish


def test_many_jobs_are_not_read_for_the_few_that_are_open(path: Path) -> None:
    """Frequent queries use an index, however large the ledger is."""
    ledger = Ledger(path, service="s")
    asked: list[str] = []
    with ledger._file.reading() as db:
        db.set_trace_callback(asked.append)
    ledger.open_jobs()
    ledger.changes_since(ledger.change_mark())
    ledger.durations_of(limit=9)
    ledger.jobs(limit=9)
    ledger.find_reusable(a_record())
    ledger.spent_credits()
    ledger.sweeps.rows(["1", "2"])
    with ledger._file.reading() as db:
        db.set_trace_callback(None)
        plans = [
            (query, str(row[3]))
            for query in asked
            for row in db.execute(f"EXPLAIN QUERY PLAN {query}")
            if " jobs " in f"{row[3]} "
        ]
    ledger.close()
    wanted = {"jobs_by_state", "jobs_by_time", "jobs_by_content", "sqlite_autoindex_jobs_1"}
    assert {next((name for name in wanted if name in plan), query) for query, plan in plans} <= wanted
    assert any("jobs_by_state (service=? AND state=?)" in plan for query, plan in plans if "IN ('" in query)


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
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
