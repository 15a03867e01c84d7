"""The SQLite file of the ledger: durable, atomic transactions; every failure is a LedgerError."""

import sqlite3
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from pixverse_nb.errors import LedgerError
from pixverse_nb.ledger.database import Database
from pixverse_nb.ledger.schema import SCHEMA_VERSION

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of a ledger whose folder does not exist yet."""
    return tmp_path / "home" / "ledger.db"


def add(database: Database, account: str) -> None:
    """Write one row."""
    with database.transaction() as db:
        db.execute("INSERT INTO balances (service, account, at, credits) VALUES ('s', ?, 1.0, 1)", (account,))


def accounts(database: Database) -> list[str]:
    """Read all rows."""
    with database.reading() as db:
        return [row[0] for row in db.execute("SELECT account FROM balances ORDER BY rowid")]


def test_the_folder_is_created(path: Path) -> None:
    """Opening creates the home folder if it does not exist."""
    Database(path).close()
    assert path.is_file()


def test_every_commit_is_synced(path: Path) -> None:
    """The file uses WAL, synchronous=FULL and foreign keys, so a commit survives a crash."""
    database = Database(path)
    with database.reading() as db:
        found = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")]
    database.close()
    assert found == ["wal", 2, 1]


def test_a_transaction_is_atomic(path: Path) -> None:
    """An exception inside a transaction rolls all of it back, and the file stays usable."""
    database = Database(path)

    def fail() -> None:
        with database.transaction() as db:
            db.execute("INSERT INTO balances (service, account, at, credits) VALUES ('s', 'half', 1.0, 1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert accounts(database) == []
    add(database, "whole")
    assert accounts(database) == ["whole"]
    database.close()


def test_a_full_disk_changes_nothing(path: Path) -> None:
    """A full disk raises LedgerError; earlier rows stay, and writing works again once there is space."""
    database = Database(path)
    add(database, "before")
    with database.reading() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LedgerError):
        add(database, "x" * 100_000)
    assert accounts(database) == ["before"]
    with database.reading() as db:
        db.execute("PRAGMA max_page_count = 100000")
    add(database, "after")
    assert accounts(database) == ["before", "after"]
    database.close()


def test_two_connections_see_each_others_writes(path: Path) -> None:
    """Two connections to one ledger read each other's writes, and `data_version` shows that there are some."""
    one, two = Database(path), Database(path)
    before = two.data_version()
    assert two.data_version() == before
    add(one, "from one")
    assert two.data_version() != before
    assert accounts(two) == ["from one"]
    own = two.data_version()
    add(two, "from two")
    assert two.data_version() == own
    one.close()
    two.close()


def test_threads_can_share_a_connection(path: Path) -> None:
    """Twelve threads write through one connection, and no write is lost."""
    database = Database(path)
    threads = [threading.Thread(target=add, args=(database, f"{number}")) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(accounts(database), key=int) == [f"{number}" for number in range(12)]
    database.close()


OPEN_WHEN_TOLD = """
import sys
from pathlib import Path
from pixverse_nb.ledger.database import Database
print("ready", flush=True)
sys.stdin.read()
database = Database(Path(sys.argv[1]))
with database.transaction() as db:
    db.execute("INSERT INTO balances (service, account, at, credits) VALUES ('s', ?, 1.0, 1)", (sys.argv[2],))
database.close()
"""


def test_processes_can_create_the_file_at_the_same_moment(path: Path) -> None:
    """Four processes that open a new home at once all succeed, and no write is lost."""
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", OPEN_WHEN_TOLD, str(path), str(number)],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
            for number in range(4)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
        assert [process.wait(timeout=180) for process in processes] == [0] * 4
    database = Database(path)
    assert sorted(accounts(database)) == ["0", "1", "2", "3"]
    database.close()


def test_a_file_without_tables_is_set_up(path: Path) -> None:
    """A process that was killed while it created the file leaves one without tables; the next one sets it up."""
    path.parent.mkdir()
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.close()
    assert path.stat().st_size > 0
    database = Database(path)
    add(database, "first")
    assert accounts(database) == ["first"]
    database.close()


@pytest.mark.parametrize("obstacle", ["folder", "file as parent", "other content", "cut short"])
def test_a_file_that_cannot_be_opened_raises(path: Path, obstacle: str) -> None:
    """A folder at its path, a file at its folder's path, and a damaged file raise LedgerError."""
    if obstacle == "folder":
        path.mkdir(parents=True)
    elif obstacle == "file as parent":
        path.parent.write_text("a file")
    elif obstacle == "other content":
        path.parent.mkdir()
        path.write_bytes(b"not a ledger, and longer than a header " * 100)
    else:
        Database(path).close()
        path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(LedgerError):
        Database(path)


def test_a_newer_schema_is_not_opened(path: Path) -> None:
    """A ledger of a newer version raises LedgerError, and not a byte of it changes."""
    Database(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()
    before = path.read_bytes()
    with pytest.raises(LedgerError, match=str(SCHEMA_VERSION + 1)):
        Database(path)
    assert path.read_bytes() == before


def test_a_closed_connection_raises(path: Path) -> None:
    """Reads and writes after `close()` raise LedgerError; closing twice is harmless."""
    database = Database(path)
    database.close()
    with pytest.raises(LedgerError, match="closed"):
        accounts(database)
    with pytest.raises(LedgerError, match="closed"):
        add(database, "late")
    database.close()
