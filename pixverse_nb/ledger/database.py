"""Where the home folder lies: SQLite's WAL needs memory that all processes share, which no network gives."""

import os
import sqlite3
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from pixverse_nb.atomic_files import fsync_replace
from pixverse_nb.errors import LedgerError
from pixverse_nb.ledger.schema import SCHEMA_VERSION, migrate, schema_version

_NETWORK: Final = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs",
     "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "smb2", "smb3", "smbfs"}
)  # fmt: skip
_NUMBERED: Final = frozenset({"btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"})
_MOUNTS: Final = Path("/proc/self/mountinfo")


def network_file_system(folder: Path, *, mounts: str | None = None) -> str | None:
    """Return the kind of the network file system that holds `folder` ("nfs4", "cifs", …), or None for a local disk.

    `mounts` is the text of Linux's /proc/self/mountinfo (read where None). Other systems have no such list: there only
    a Windows share (two backslashes in front) is recognised.
    """
    if os.fspath(folder).startswith("\\\\"):
        return "smb"
    kind = _kind_of(folder, mounts)
    return kind if kind in _NETWORK else None


def has_stable_inodes(folder: Path, *, mounts: str | None = None) -> bool:
    """Tell whether a file on the file system of `folder` keeps its number (inode) as long as it is there.

    Known of Linux's own ones only; what is made elsewhere (a network, FUSE, a host's folder) may number anew.
    """
    return _kind_of(folder, mounts) in _NUMBERED


def _kind_of(folder: Path, mounts: str | None) -> str | None:
    if mounts is None:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace") if _MOUNTS.exists() else ""
    place = folder.resolve()
    best, kind = -1, None
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        fields, kinds = left.split(" "), right.split(" ")
        if len(fields) < 5 or not kinds[0]:
            continue
        point = Path(fields[4].replace("\\040", " "))
        if place.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), kinds[0]
    return kind


_HEADER_BYTES: Final = 100
_MAGIC: Final = b"SQLite format 3\0"
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_MEND: Final = (
    "Nothing was changed. Copy the file away whole, with its -wal where there is one; then put a backup in its place, "
    "or open an empty home and take in a bundle with client.import_(). `pixverse-nb doctor` lists what the vendor has."
)


def check_not_truncated(path: Path) -> None:
    """Raise LedgerError where the file was cut short: SQLite would find that out late, or begin anew over an empty one.

    Costs one read of 100 bytes. With a write-ahead log beside it the file may be shorter than it says, rightly.
    """
    if not path.is_file() or _size(path.with_name(f"{path.name}-wal")):
        return
    size = _size(path)
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if not header:
        if any((path.parent / "videos").glob("*.mp4")):
            raise LedgerError(f"The ledger {path} is empty, although there are videos beside it. {_MEND}")
        return
    if not header.startswith(_MAGIC) or len(header) < _HEADER_BYTES:
        raise LedgerError(f"{path} is no ledger: it was overwritten by something else, or cut short. {_MEND}")
    (page_bytes,) = struct.unpack(">H", header[16:18])
    changes, pages = struct.unpack(">II", header[24:32])
    (valid_for,) = struct.unpack(">I", header[92:96])
    whole = pages * (65536 if page_bytes == 1 else page_bytes)
    if changes == valid_for and size < whole:
        raise LedgerError(f"The ledger {path} was cut short: {size:,} of {whole:,} bytes are there. {_MEND}")


def backup_before_migration(db: sqlite3.Connection, path: Path, *, form: int) -> None:
    """Check all of a file of an older form and keep a copy of it beside, as `ledger.db.form-1.bak`, before it changes.

    Raises LedgerError where it is damaged. A copy that is there already is left alone.
    """
    damage = [str(row[0]) for row in db.execute("PRAGMA quick_check(1)")]
    if damage != ["ok"]:
        raise LedgerError(f"The ledger {path} is damaged ({damage[0]}). {_MEND}")
    kept = path.with_name(f"{path.name}.form-{form}.bak")
    if kept.exists():
        return
    part = path.with_name(f"{kept.name}.{os.getpid()}.part")
    try:
        with closing(sqlite3.connect(part)) as copy:
            db.backup(copy)
            is_older = schema_version(copy) == form  # another process may have changed it at this moment
        if is_older:
            fsync_replace(part, kept)
    except OSError as error:
        raise LedgerError(
            f"No copy of the ledger could be kept at {kept} before it is brought to the newest form "
            f"({error.strerror or error}). Nothing was changed; free some disk space, then run the same line again."
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def sentence(error: sqlite3.Error, path: Path) -> str:
    """Return what an error of SQLite means for a person: what, where, and the mend."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the kind, the rest its details
    if code in _DAMAGED:
        return f"The ledger {path} is damaged ({error}). {_MEND}"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return (
            f"The ledger {path} is held by another process ({error}). Nothing was sent after this point; close what "
            "has it open, then run the same line again."
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return f"The ledger {path} cannot be written ({error}). Check the rights of the file and of its folder."
    return (
        f"The ledger {path} cannot be used ({error}). Nothing was sent after this point; "
        "free disk space or check the file, then run the same line again."
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


class Database:
    """`ledger.db`, opened for any thread; a failed transaction changes nothing and raises LedgerError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.network = network_file_system(path.parent)  # its kind, or None on a local disk
        self._lock = threading.RLock()
        self._is_closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            check_not_truncated(path)
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

    def data_version(self) -> int:
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
            found = schema_version(self._db)
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
                backup_before_migration(self._db, self._path, form=found)
        self._identity = _identity(self._path)
        self._is_numbered = has_stable_inodes(self._path.parent)
        if found < SCHEMA_VERSION:
            with self.transaction() as db:
                migrate(db)

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
