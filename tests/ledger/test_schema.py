"""The schema and its migration: an older ledger keeps its jobs, or is not changed at all."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pixverse_nb.errors import LedgerError
from pixverse_nb.ledger.database import Database
from pixverse_nb.ledger.jobs import Ledger
from pixverse_nb.ledger.schema import MIGRATIONS, SCHEMA_VERSION, schema_version
from tests.factories import a_record

ROOT = Path(__file__).parent.parent.parent
NEXT = "CREATE TABLE notes (ref TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;\nALTER TABLE jobs ADD COLUMN note TEXT;"
NEWER = (*MIGRATIONS, NEXT)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed ledger of the current schema with one job."""
    where = tmp_path / "ledger.db"
    ledger = Ledger(where, service="s")
    ledger.find_or_add(a_record(), reuse=False)
    ledger.close()
    return where


def schema(path: Path) -> tuple[int, list[str]]:
    """The version of a file and its tables and indexes."""
    db = sqlite3.connect(path)
    names = [str(name) for (name,) in db.execute("SELECT name FROM sqlite_master ORDER BY name")]
    version = schema_version(db)
    db.close()
    return version, names


def refs(path: Path) -> list[str]:
    """The jobs of a file."""
    db = sqlite3.connect(path)
    found = [str(ref) for (ref,) in db.execute("SELECT ref FROM jobs")]
    db.close()
    return found


def test_a_new_ledger_has_the_current_version(path: Path) -> None:
    """A new file has the newest schema."""
    assert schema(path)[0] == SCHEMA_VERSION


def test_an_older_file_is_migrated_once_and_copied_before(path: Path) -> None:
    """A migration keeps the jobs and leaves a copy of the older file; a second opening changes nothing."""
    before = schema(path)
    for _ in range(2):
        Database(path, migrations=NEWER).close()
    version, names = schema(path)
    assert (version, "notes" in names, refs(path)) == (len(NEWER), True, [a_record().ref])
    copy = path.with_name(f"ledger.db.v{SCHEMA_VERSION}.bak")
    assert (schema(copy), refs(copy)) == (before, [a_record().ref])
    assert sorted(path.parent.glob("*.part*")) == []


def test_a_newer_file_is_left_unchanged(path: Path) -> None:
    """A ledger of a newer version is not opened."""
    Database(path, migrations=NEWER).close()
    before = path.read_bytes()
    with pytest.raises(LedgerError):
        Ledger(path, service="s")
    assert path.read_bytes() == before


def test_a_damaged_file_is_not_migrated(path: Path) -> None:
    """A file is checked completely before its migration."""
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * 4096 + whole[8192:])
    with pytest.raises(LedgerError):
        Database(path, migrations=NEWER)
    assert schema(path)[0] == SCHEMA_VERSION


KILLED = """
import os, signal, sqlite3, sys
from pixverse_nb.ledger.schema import migrate
from tests.ledger.test_schema import NEWER
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
def die(statement):
    if sys.argv[2] in statement:
        os.kill(os.getpid(), signal.SIGKILL)
db.set_trace_callback(die)
db.execute("BEGIN IMMEDIATE")
migrate(db, NEWER)
db.execute("COMMIT")
"""


@pytest.mark.parametrize("at", ["CREATE TABLE notes", "ALTER TABLE", "user_version =", "COMMIT"])
def test_a_kill_during_the_migration_changes_nothing(path: Path, at: str) -> None:
    """SIGKILL at any step leaves the older schema; the next opening migrates it with its job."""
    before = schema(path)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), at], cwd=ROOT, check=False)
    assert done.returncode == -9
    assert schema(path) == before
    Database(path, migrations=NEWER).close()
    assert (schema(path)[0], refs(path)) == (len(NEWER), [a_record().ref])
