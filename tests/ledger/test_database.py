"""The ledger's file: synced, short transactions, whole or not at all, and every failure a sentence with its mend."""

import sqlite3
import threading
from pathlib import Path

import pytest

from pixverse_nb.errors import LedgerError
from pixverse_nb.ledger.database import Database
from pixverse_nb.ledger.schema import SCHEMA_VERSION


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger is to be, in a folder that is not there yet."""
    return tmp_path / "home" / "ledger.db"


def add(file: Database, account: str) -> None:
    """Write one row."""
    with file.transaction() as db:
        db.execute("INSERT INTO balances (service, account, at, credits) VALUES ('s', ?, 1.0, 1)", (account,))


def accounts(file: Database) -> list[str]:
    """Read all rows."""
    with file.reading() as db:
        return [row[0] for row in db.execute("SELECT account FROM balances ORDER BY rowid")]


def test_the_folder_is_made(path: Path) -> None:
    """A home that is not there yet is made."""
    Database(path).close()
    assert path.is_file()


def test_every_commit_is_synced(path: Path) -> None:
    """The file is in WAL mode with synchronous=FULL and foreign keys on, so that a commit survives a crash."""
    file = Database(path)
    with file.reading() as db:
        found = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")]
    file.close()
    assert found == ["wal", 2, 1]


def test_a_transaction_is_whole_or_nothing(path: Path) -> None:
    """What is raised inside a transaction undoes all of it, and the file stays usable."""
    file = Database(path)

    def fail() -> None:
        with file.transaction() as db:
            db.execute("INSERT INTO balances (service, account, at, credits) VALUES ('s', 'half', 1.0, 1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert accounts(file) == []
    add(file, "whole")
    assert accounts(file) == ["whole"]
    file.close()


def test_a_full_disk_is_said_and_changes_nothing(path: Path) -> None:
    """When the disk takes no more, a LedgerError says so; what was stored stays, and with space it goes on."""
    file = Database(path)
    add(file, "before")
    with file.reading() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LedgerError):
        add(file, "x" * 100_000)
    assert accounts(file) == ["before"]
    with file.reading() as db:
        db.execute("PRAGMA max_page_count = 100000")
    add(file, "after")
    assert accounts(file) == ["before", "after"]
    file.close()


def test_several_files_see_each_other(path: Path) -> None:
    """Two openings of one ledger, as two kernels have them, read each other's writes and know when there are some."""
    one, two = Database(path), Database(path)
    quiet = two.data_version()
    assert two.data_version() == quiet
    add(one, "from one")
    assert two.data_version() != quiet
    assert accounts(two) == ["from one"]
    own = two.data_version()
    add(two, "from two")
    assert two.data_version() == own
    one.close()
    two.close()


def test_many_threads_may_use_it(path: Path) -> None:
    """One opening serves any number of threads, and none of their writes is lost."""
    file = Database(path)
    threads = [threading.Thread(target=add, args=(file, f"{number}")) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(accounts(file), key=int) == [f"{number}" for number in range(12)]
    file.close()


@pytest.mark.parametrize("kind", ["a folder", "a file above", "garbage", "cut short"])
def test_what_cannot_be_opened_is_said(path: Path, kind: str) -> None:
    """A folder in its place, a file in place of the folder, or a damaged file: LedgerError, naming the ledger."""
    if kind == "a folder":
        path.mkdir(parents=True)
    elif kind == "a file above":
        path.parent.write_text("a file")
    elif kind == "garbage":
        path.parent.mkdir()
        path.write_bytes(b"this is no ledger, and long enough to be looked at " * 100)
    else:
        Database(path).close()
        path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(LedgerError, match="ledger"):
        Database(path)


def test_a_newer_form_is_left_alone(path: Path) -> None:
    """A ledger of a newer version is refused with the mend, and not a byte of it is changed."""
    Database(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="newer pixverse_nb"):
        Database(path)
    assert path.read_bytes() == before


def test_a_closed_file_says_so(path: Path) -> None:
    """Whoever asks after the closing is told that the Client is closed, not about SQLite."""
    file = Database(path)
    file.close()
    with pytest.raises(LedgerError, match="closed"):
        accounts(file)
    with pytest.raises(LedgerError, match="closed"):
        add(file, "late")
    file.close()
