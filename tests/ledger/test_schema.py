"""The forms of the file: an older ledger is brought up with all that is in it."""

import sqlite3
from pathlib import Path

import pytest

from pixverse_nb.ledger import Ledger
from pixverse_nb.ledger.schema import MIGRATIONS, SCHEMA_VERSION
from tests.factories import a_record


def shape(path: Path) -> list[tuple[str, str]]:
    """Return the tables and indexes of a file with their SQL."""
    db = sqlite3.connect(path)
    found = db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()
    assert db.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
    db.close()
    return found


@pytest.mark.parametrize("form", range(1, SCHEMA_VERSION))
def test_an_older_form_is_brought_up(tmp_path: Path, form: int) -> None:
    """A ledger of an earlier version keeps its jobs and gets the tables of today, once."""
    fresh, old = tmp_path / "fresh.db", tmp_path / "old.db"
    ledger = Ledger(fresh, service="s")
    ledger.close()
    db = sqlite3.connect(old)
    for step in MIGRATIONS[:form]:
        db.executescript(step)
    db.execute(f"PRAGMA user_version = {form}")
    db.commit()
    db.close()
    for _ in range(2):
        ledger = Ledger(old, service="s")
        kept, _ = ledger.find_or_add(a_record(), reuse=True)
        assert [record.ref for record in ledger.jobs(limit=9)] == [kept.ref]
        ledger.close()
    assert shape(old) == shape(fresh)
