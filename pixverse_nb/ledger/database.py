"""The SQLite file of the ledger: opening, checking, transactions, and what its errors mean."""

import os
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from pixverse_nb.atomic_files import fsync_replace
from pixverse_nb.config import OTHER_HOME
from pixverse_nb.errors import LedgerError
from pixverse_nb.ledger.schema import APPLICATION_ID, MIGRATIONS, migrate, schema_version

_NETWORK: Final = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs",
     "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "smb2", "smb3", "smbfs"}
)  # fmt: skip
_WITH_STABLE_INODES: Final = frozenset({"btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"})
_MOUNTS: Final = Path("/proc/self/mountinfo")


def network_file_system(folder: Path, *, mounts: str | None = None) -> str | None:
    """Return the kind of the network file system that holds `folder` ("nfs4", "cifs", …), or None for a local disk.

    `mounts` is the text of Linux's /proc/self/mountinfo (None: read it). On other systems only a Windows share (two
    leading backslashes) is recognised.
    """
    if os.fspath(folder).startswith("\\\\"):
        return "smb"
    kind = _file_system_of(folder, mounts)
    return kind if kind in _NETWORK else None


def has_stable_inodes(folder: Path, *, mounts: str | None = None) -> bool:
    """Return whether a file on the file system of `folder` keeps its inode number.

    Only Linux's own file systems are known to; a network, FUSE or a host's folder may renumber.
    """
    return _file_system_of(folder, mounts) in _WITH_STABLE_INODES


def _file_system_of(folder: Path, mounts: str | None) -> str | None:
    if mounts is None:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace") if _MOUNTS.exists() else ""
    resolved = folder.resolve()
    best, kind = -1, None
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        fields, kinds = left.split(" "), right.split(" ")
        if len(fields) < 5 or not kinds[0]:
            continue
        point = Path(fields[4].replace("\\040", " "))
        if resolved.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), kinds[0]
    return kind


_SETUP_TRIES: Final = 9
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_FIX: Final = (
    "Nothing was changed. Back up ledger.db and, if present, ledger.db-wal; then restore an earlier copy, or open an "
    "empty home and import an archive with client.import_(). `pixverse-nb doctor` lists what the vendor has."
)


def check_not_emptied(path: Path) -> None:
    """Raise LedgerError if the file exists without content, although there are videos or a write-ahead log beside it.

    SQLite would take it for a new file and delete the log, with the last commits in it.
    """
    log_bytes = _size_bytes(_log_of(path))  # first: another process that sets up a new file writes to it last
    is_empty = path.is_file() and not _size_bytes(path)
    if is_empty and (log_bytes or any((path.parent / "videos").glob("*.mp4"))):
        raise LedgerError(f"The ledger {path} is empty, but it has had jobs. {_FIX}")


def check_not_truncated(db: sqlite3.Connection, path: Path) -> None:
    """Raise LedgerError if the file is shorter than its pages.

    SQLite notices that whole pages are missing, but not that the last one is incomplete.
    """
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = db.execute("PRAGMA page_size").fetchone()
    if _size_bytes(_log_of(path)):
        return  # the missing pages may be in the log
    size_bytes = _size_bytes(path)
    if size_bytes < pages * page_bytes:
        raise LedgerError(
            f"The ledger {path} is cut short: {size_bytes:,} of {pages * page_bytes:,} bytes exist. {_FIX}"
        )


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def backup_before_migration(db: sqlite3.Connection, path: Path, *, version: int) -> None:
    """Check a file of an older version and copy it to `ledger.db.v1.bak` before it is migrated.

    Raises LedgerError if it is damaged. An existing copy is kept.
    """
    damage = [str(row[0]) for row in db.execute("PRAGMA quick_check(1)")]
    if damage != ["ok"]:
        raise LedgerError(f"The ledger {path} is damaged ({damage[0]}). {_FIX}")
    kept = path.with_name(f"{path.name}.v{version}.bak")
    if kept.exists():
        return
    part = path.with_name(f"{kept.name}.{os.getpid()}.part")
    try:
        with closing(sqlite3.connect(part)) as copy:
            db.backup(copy)
            is_older = schema_version(copy) == version  # another process may be migrating it now
        if is_older:
            fsync_replace(part, kept)
    except OSError as error:
        raise LedgerError(
            f"The ledger could not be copied to {kept} before its migration ({error.strerror or error}). Nothing was "
            "changed; fix the problem, then run the call again."
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def error_message(error: sqlite3.Error, path: Path) -> str:
    """Return what an SQLite error means for a person, with a suggested fix."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary result code
    if code in _DAMAGED:
        return f"The ledger {path} is damaged ({error}). {_FIX}"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return (
            f"The ledger {path} is locked by another process ({error}). Nothing was sent after this point; close the "
            "program that has it open, then run the call again."
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return f"The ledger {path} cannot be written ({error}). Make it and its folder writable, or {OTHER_HOME}."
    if code == sqlite3.SQLITE_FULL:
        return (
            f"The ledger {path} cannot be written ({error}). Nothing was sent after this point; free some disk space, "
            "then run the call again."
        )
    return (
        f"The ledger {path} cannot be used ({error}). Nothing was sent after this point; check the disk and the file, "
        "then run the call again."
    )


def can_only_read(path: Path) -> bool:
    """Return whether a file exists that can only be read, or in whose folder nothing can be written."""
    return path.is_file() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def connect_for_reading(path: Path, *, scratch: str) -> sqlite3.Connection:
    """Return a connection that does not write to the folder of `path`.

    SQLite reads a file with a write-ahead log there only while another process has it open. Otherwise a copy in the
    folder `scratch` is read: the file and its log, in which the last commits may be.
    """
    try:
        db = _connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            schema_version(db)
        except sqlite3.Error:
            db.close()
            raise
    except sqlite3.OperationalError:
        copy = Path(scratch, path.name)
        shutil.copyfile(path, copy)
        if _size_bytes(_log_of(path)):
            shutil.copyfile(_log_of(path), _log_of(copy))
        db = _connect(copy)
    return db


def _connect(database: str | Path, *, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(database, timeout=30, isolation_level=None, check_same_thread=False, uri=uri)


class Database:
    """`ledger.db`, usable from any thread; a failed transaction changes nothing and raises LedgerError.

    On a read-only disk, in a folder of somebody else, or if that is asked for, `is_read_only` is True and every
    transaction raises.
    """

    def __init__(self, path: Path, *, migrations: Sequence[str] = MIGRATIONS, is_read_only: bool = False) -> None:
        self._path = path
        self._migrations = migrations
        self.network = network_file_system(path.parent)  # the kind of the file system, or None for a local disk
        self._lock = threading.RLock()
        self._is_closed = False
        self.is_read_only = is_read_only or can_only_read(path)
        self._scratch = tempfile.TemporaryDirectory(prefix="pixverse-nb-") if self.is_read_only else None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            check_not_emptied(path)
            self._db = connect_for_reading(path, scratch=self._scratch.name) if self._scratch else _connect(path)
        except (OSError, sqlite3.Error) as error:
            if self._scratch is not None:
                self._scratch.cleanup()
            reason = getattr(error, "strerror", None) or error
            raise LedgerError(
                f"The ledger {path} cannot be opened ({reason}). Make its folder writable, or {OTHER_HOME}."
            ) from error
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; later calls raise LedgerError."""
        with self._lock:
            self._is_closed = True
            self._db.close()
            if self._scratch is not None:
                self._scratch.cleanup()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection for reads."""
        with self._lock, self._translated():
            yield self._db

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection for writes that are all on disk afterwards, or not at all."""
        self.check_writable()
        with self._lock, self._translated():
            self._check_file_in_place()
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection for several reads of the same moment."""
        with self._lock, self._translated():
            self._db.execute("BEGIN")
            try:
                yield self._db
            finally:
                self._db.execute("ROLLBACK")

    def check_writable(self) -> None:
        """Raise LedgerError if this home can only be read."""
        if self.is_read_only:
            raise LedgerError(
                f"The home {self._path.parent} can only be read, so nothing was sent and nothing was charged. Make the "
                f"folder writable, or {OTHER_HOME}."
            )

    def data_version(self) -> int:
        """Return a number that changes when another connection has written; costs next to nothing."""
        with self.reading() as db:
            return int(db.execute("PRAGMA data_version").fetchone()[0])

    def is_in_place(self) -> bool:
        """Return whether this is still what opening the path gives: not closed, deleted, replaced or read-only."""
        if self._is_closed or self.is_read_only or can_only_read(self._path):
            return False
        try:
            return self._is_same_file()
        except OSError:
            return False

    def _check_file_in_place(self) -> None:
        """Raise LedgerError if the file was deleted or replaced: writes to it would be lost with the process."""
        try:
            is_same = self._is_same_file()
        except FileNotFoundError:
            is_same = False
        except OSError:
            return  # the write will raise
        if not is_same:
            raise LedgerError(
                f"The ledger {self._path} was deleted, moved or replaced while this Client had it open, so nothing can "
                "be recorded and nothing is sent. Restore it, or close this Client and make a new one."
            )

    def _is_same_file(self) -> bool:
        return _file_id(self._path) == self._file_id or not self._has_stable_inodes

    def _prepare(self) -> None:
        with self._translated():
            newest = len(self._migrations)
            found = schema_version(self._db)  # SQLite raises here if the file is damaged
            check_not_truncated(self._db, self._path)
            self._check_application()
            if found > newest:
                raise LedgerError(
                    f"The ledger {self._path} was written by a newer pixverse_nb (schema version {found}; this one "
                    f"supports {newest}). Update pixverse_nb; nothing was changed."
                )
            if self.is_read_only:
                if found < newest:
                    raise LedgerError(
                        f"The ledger {self._path} can only be read, but it was written by an older pixverse_nb. Open "
                        "it once where it can be written, or copy the home to another folder."
                    )
                return
            self._set_journal_mode()
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            if 0 < found < newest:
                backup_before_migration(self._db, self._path, version=found)
        self._file_id = _file_id(self._path)
        self._has_stable_inodes = has_stable_inodes(self._path.parent)
        if found < newest:
            with self.transaction() as db:
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                migrate(db, self._migrations)

    def _set_journal_mode(self) -> None:
        # a write-ahead log needs shared memory, which a network file system does not give
        mode = "DELETE" if self.network else "WAL"
        for tries_left in reversed(range(_SETUP_TRIES)):
            try:
                self._db.execute(f"PRAGMA journal_mode = {mode}")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or not tries_left:
                    raise
                # a transaction waits for another process that sets up the file now; the pragma does not
                self._db.execute("BEGIN IMMEDIATE")
                self._db.execute("ROLLBACK")
            else:
                return

    def _check_application(self) -> None:
        """Raise LedgerError for an SQLite file of another program."""
        (tables,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        # a file without tables is new: a process that sets it up now, or was killed meanwhile, has only set its mode
        if tables and application != APPLICATION_ID:
            raise LedgerError(f"{self._path} is the SQLite file of another program, not a ledger. {_FIX}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if self._is_closed:
                raise LedgerError(
                    f"The Client of the ledger {self._path} is closed. Make a new one; it knows every job."
                ) from error
            raise LedgerError(error_message(error, self._path)) from error


def _file_id(path: Path) -> tuple[int, int]:
    """Return what distinguishes a file from another one of the same name."""
    found = path.stat()
    return found.st_dev, found.st_ino
