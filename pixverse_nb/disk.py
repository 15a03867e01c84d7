"""Files that are whole or not there, also after a power cut; and what a file holds, by its sha256."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """Give a new empty file beside `target`, its owner's alone, to be written; at the end it takes the name `target`.

    Nobody ever sees half of it. Where the block raises, nothing of it stays, and `target` is as it was.
    """
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".pixverse-", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        put_in_place(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def put_in_place(part: Path, target: Path) -> None:
    """Have the contents of `part` on the disk, then rename it to `target`, in the same folder, and sync that too."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(target)
    sync_folder(target.parent)


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
