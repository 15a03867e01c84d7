"""Files that are whole or not there, also after a power cut; and what a file holds, by its sha256."""

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_STALE_PART_S: Final = 86_400.0  # no film takes a day


@contextmanager
def atomic_write(target: Path) -> Iterator[Path]:
    """Give a new empty file beside `target`, its owner's alone, to be written; at the end it takes the name `target`.

    Nobody ever sees half of it. Where the block raises, nothing of it stays, and `target` is as it was.
    """
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".pixverse-", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        fsync_replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def fsync_replace(part: Path, target: Path) -> None:
    """Have the contents of `part` on the disk, then rename it to `target`, in the same folder, and sync that too."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(target)
    sync_folder(target.parent)


def remove_stale_parts(home: Path) -> None:
    """Remove the half-written files that killed processes left in a home's folders, once they are a day old."""
    oldest = time.time() - _STALE_PART_S
    for part in (*home.glob("videos/*.part"), *home.glob("pictures/*.part"), *home.glob(".pixverse-*.part")):
        with contextlib.suppress(OSError):  # another process may be faster
            if part.stat().st_mtime < oldest:
                part.unlink()


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system knows how."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sha256_of_file(path: Path) -> str:
    """Return the sha256 of a file's contents (hex); a film is never in memory whole."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
