"""The ledger's file: one connection, short transactions, and every sqlite3 error translated at this border."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixverse_nb.errors import LedgerError
from pixverse_nb.ledger.forms import SCHEMA_VERSION, bring_up, form_of
from pixverse_nb.ledger.place import has_steady_numbers, network_file_system
from pixverse_nb.ledger.wholeness import check_length, keep_copy, sentence


class LedgerFile:
    """`ledger.db`, opened for any thread; a failed transaction changes nothing and raises LedgerError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.network = network_file_system(path.parent)  # its kind, or None on a local disk
        self._lock = threading.RLock()
        self._is_closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            check_length(path)
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(
                f"The ledger {path} cannot be opened ({error}). Check the folder and its rights."
            ) from error
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file; whoever asks afterwards is told so."""
        with self._lock:
            self._is_closed = True
            self._db.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection for reads."""
        with self._lock, self._translated():
            yield self._db

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection for writes that happen together and are on the disk afterwards, or not at all."""
        with self._lock, self._translated():
            self._check_place()
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def outside_version(self) -> int:
        """Return a number that changes when another connection has written; costs next to nothing."""
        with self.reading() as db:
            return int(db.execute("PRAGMA data_version").fetchone()[0])

    def _check_place(self) -> None:
        """What is written into a file without a name, or with another one, is gone with the process: paid jobs too."""
        try:
            found = _identity(self._path)
        except FileNotFoundError:
            found = None
        except OSError:
            return  # the write itself will tell
        if found is None or (found != self._identity and self._is_numbered):
            raise LedgerError(
                f"The ledger {self._path} was deleted, moved or replaced while this Client had it open, so nothing can "
                "be written down and nothing is sent. Put it back, or close this Client and make a new one."
            )

    def _prepare(self) -> None:
        with self._translated():
            found = form_of(self._db)
            if found > SCHEMA_VERSION:
                raise LedgerError(
                    f"The ledger {self._path} was written by a newer pixverse_nb (form {found}, this one knows "
                    f"{SCHEMA_VERSION}). Update pixverse_nb; nothing was changed."
                )
            # a write-ahead log needs shared memory, which a network file system does not give
            self._db.execute(f"PRAGMA journal_mode = {'DELETE' if self.network else 'WAL'}")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            if 0 < found < SCHEMA_VERSION:
                keep_copy(self._db, self._path, form=found)
        self._identity = _identity(self._path)
        self._is_numbered = has_steady_numbers(self._path.parent)
        if found < SCHEMA_VERSION:
            with self.transaction() as db:
                bring_up(db)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if self._is_closed:
                raise LedgerError(
                    f"The Client of the ledger {self._path} is closed. Make a new one; it knows every job."
                ) from error
            raise LedgerError(sentence(error, self._path)) from error


def _identity(path: Path) -> tuple[int, int]:
    """Return what tells a file from another one of the same name."""
    found = path.stat()
    return found.st_dev, found.st_ino
