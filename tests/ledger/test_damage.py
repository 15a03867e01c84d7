"""A damaged, short or older ledger: one clear sentence with its mend, nothing overwritten, nothing half changed."""

import json
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pixverse_nb.errors import LedgerError
from pixverse_nb.ledger import SCHEMA_VERSION, Ledger
from pixverse_nb.ledger.schema import MIGRATIONS
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


def older(path: Path, form: int) -> None:
    """Write a ledger of an earlier form with one job, as that version did."""
    path.parent.mkdir(exist_ok=True)
    db = sqlite3.connect(path)
    for step in MIGRATIONS[:form]:
        db.executescript(step)
    record = a_record(version=1, service="s")
    request = record.request
    row = (
        record.ref,
        "s",
        request.content_key,
        request.seedless_key,
        0,
        "planned",
        None,
        1.0,
        1,
        json.dumps(record.to_json()),
    )
    db.execute("INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    db.execute(f"PRAGMA user_version = {form}")
    db.commit()
    db.close()


def shape(path: Path) -> tuple[int, list[tuple[str, str]]]:
    """Return the form of a file and its tables and indexes."""
    db = sqlite3.connect(path)
    found = db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()
    (form,) = db.execute("PRAGMA user_version").fetchone()
    db.close()
    return form, found


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
    """Whatever page is damaged, the ledger works as before or stops with one sentence that names file and mend."""
    whole = path.read_bytes()
    chance = random.Random(seed)  # noqa: S311 - damage needs no secrecy
    for _ in range(5):
        at = chance.randrange(0, len(whole) - 64)
        path.write_bytes(whole[:at] + chance.randbytes(64) + whole[at + 64 :])
        try:
            read_all(path)
        except LedgerError as error:
            said = str(error)
            assert "ledger" in said
            assert any(mend in said for mend in ("Copy", "newer pixverse_nb", "run the same line again"))


def test_a_broken_page_is_said_and_left_alone(path: Path) -> None:
    """A page of rubbish stops the reading with the mend, and the file keeps every byte that can still be saved."""
    whole = path.read_bytes()
    pages = len(whole) // 4096
    damaged = whole[: 4096 * 2] + b"\xff" * 4096 * (pages - 4) + whole[4096 * (pages - 2) :]
    path.write_bytes(damaged)
    with pytest.raises(LedgerError, match=r"ledger\.db is damaged .* Copy the file away whole"):
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
def test_a_row_that_makes_no_sense_is_said(path: Path, change: str) -> None:
    """A row that was changed by hand is a sentence, not a stack of Python."""
    db = sqlite3.connect(path)
    db.execute(change)
    db.commit()
    db.close()
    with pytest.raises(LedgerError, match=r"row in ledger\.db cannot be read"):
        read_all(path)


@pytest.mark.parametrize("kept", [0.9, 0.5, 0.02])
def test_a_file_that_was_cut_short_is_not_opened(path: Path, kept: float) -> None:
    """A copy that broke off is noticed at once, with the figures, and is not written to."""
    whole = path.read_bytes()
    short = whole[: int(len(whole) * kept)]
    path.write_bytes(short)
    with pytest.raises(LedgerError, match=f"cut short: {len(short):,} of {len(whole):,} bytes"):
        Ledger(path, service="s")
    assert path.read_bytes() == short


def test_an_empty_file_beside_videos_is_not_begun_anew(tmp_path: Path) -> None:
    """A ledger of no bytes beside paid videos has lost its contents: it is not taken for a new one."""
    path = tmp_path / "ledger.db"
    path.touch()
    Ledger(path, service="s").close()
    path.write_bytes(b"")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "pv-1.mp4").touch()
    with pytest.raises(LedgerError, match="is empty, although there are videos"):
        Ledger(path, service="s")
    assert path.read_bytes() == b""


@pytest.mark.parametrize("rubbish", [b"this is no ledger " * 500, b"\0" * 9000, b"SQLite format 3\0"])
def test_what_is_no_ledger_is_left_alone(tmp_path: Path, rubbish: bytes) -> None:
    """A file of another kind in its place is said to be none, and not a byte of it is changed."""
    path = tmp_path / "ledger.db"
    path.write_bytes(rubbish)
    with pytest.raises(LedgerError, match="is no ledger"):
        Ledger(path, service="s")
    assert path.read_bytes() == rubbish


@pytest.mark.parametrize("form", range(1, SCHEMA_VERSION))
def test_an_older_form_is_copied_before_it_changes(tmp_path: Path, form: int) -> None:
    """The ledger of an earlier version lies beside as it was, once, whole; the new one has its job."""
    path = tmp_path / "ledger.db"
    older(path, form)
    before = shape(path)
    assert read_all(path) == 1
    kept = tmp_path / f"ledger.db.form-{form}.bak"
    assert shape(kept) == before
    assert shape(path)[0] == SCHEMA_VERSION
    stamp = kept.stat().st_mtime_ns
    assert read_all(path) == 1
    assert kept.stat().st_mtime_ns == stamp
    assert sorted(one.name for one in tmp_path.glob("*.part*")) == []


def test_a_damaged_older_form_is_not_changed(tmp_path: Path) -> None:
    """All of an older ledger is checked before it is brought up; a damaged one stays as it is."""
    path = tmp_path / "ledger.db"
    older(path, 1)
    whole = path.read_bytes()
    damaged = whole[:4096] + b"\xff" * 4096 + whole[8192:]
    path.write_bytes(damaged)
    with pytest.raises(LedgerError, match="is damaged"):
        Ledger(path, service="s")
    assert shape(path)[0] == 1


KILLED = """
import os, signal, sqlite3, sys
from pixverse_nb.ledger import forms
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
def die(statement):
    if sys.argv[2] in statement:
        os.kill(os.getpid(), signal.SIGKILL)
db.set_trace_callback(die)
db.execute("BEGIN IMMEDIATE")
forms.migrate(db)
db.execute("COMMIT")
"""


@pytest.mark.parametrize("at", ["CREATE TABLE seats", "CREATE INDEX balances_by_time", "user_version =", "COMMIT"])
def test_killed_while_it_is_brought_up(tmp_path: Path, at: str) -> None:
    """SIGKILL at any step leaves the older form whole; the next opening brings it up with its job."""
    path = tmp_path / "ledger.db"
    older(path, 1)
    before = shape(path)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), at], cwd=ROOT, check=False)
    assert done.returncode == -9
    assert shape(path) == before
    assert read_all(path) == 1
    assert shape(path)[0] == SCHEMA_VERSION


def test_many_jobs_are_not_read_for_the_few_that_are_open(path: Path) -> None:
    """The questions that are asked again and again are answered from an index, whatever the ledger holds."""
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
    wanted = {"jobs_by_state", "jobs_by_time", "jobs_by_cell", "sqlite_autoindex_jobs_1"}
    assert {next((name for name in wanted if name in plan), query) for query, plan in plans} <= wanted
    assert any("jobs_by_state (service=? AND state=?)" in plan for query, plan in plans if "IN ('" in query)
