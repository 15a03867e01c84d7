"""Writing files atomically, so that they are complete or absent even after a power cut; the sha256 of files."""

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_STALE_PART_S: Final = 86_400.0  # no download takes a day


@contextmanager
def atomic_write(target: Path) -> Iterator[Path]:
    """Yield a new empty file beside `target`, accessible to its owner only; rename it to `target` at the end.

    Nobody sees a partial file. If the block raises, the new file is removed and `target` stays as it was.
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
    """Sync `part` to disk, rename it to `target` in the same folder, and sync the folder."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(target)
    sync_folder(target.parent)


def remove_stale_parts(home: Path) -> None:
    """Remove the partial files that killed processes left in a home's folders, once they are a day old."""
    oldest = time.time() - _STALE_PART_S
    for part in (*home.glob("videos/*.part"), *home.glob("pictures/*.part"), *home.glob(".pixverse-*.part")):
        with contextlib.suppress(OSError):  # another process may be faster
            if part.stat().st_mtime < oldest:
                part.unlink()


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder to disk, if the system can."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sha256_of_file(path: Path) -> str:
    """Return the sha256 of a file's contents (hex) without loading the whole file into memory."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
