"""Is the ledger's file whole? What is cheap is looked at on every opening, all of it before its form is changed."""

import os
import sqlite3
import struct
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from pixverse_nb.disk import put_in_place
from pixverse_nb.errors import LedgerError
from pixverse_nb.ledger.forms import form_of

_HEADER_BYTES: Final = 100
_MAGIC: Final = b"SQLite format 3\0"
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_MEND: Final = (
    "Nothing was changed. Copy the file away whole, with its -wal where there is one; then put a backup in its place, "
    "or open an empty home and take in a bundle with client.import_(). `pixverse-nb doctor` lists what the vendor has."
)


def check_length(path: Path) -> None:
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


def keep_copy(db: sqlite3.Connection, path: Path, *, form: int) -> None:
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
            is_older = form_of(copy) == form  # another process may have changed it at this moment
        if is_older:
            put_in_place(part, kept)
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
