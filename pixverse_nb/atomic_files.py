"""Write files atomically: under their name they are complete or absent, also after a power failure."""

import contextlib
import errno
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
def atomic_write(target: Path, *, is_shared: bool = False) -> Iterator[Path]:
    """Yield a new empty file beside `target` and rename it to `target` at the end.

    Only its owner can read it unless `is_shared`. If the block raises, it is removed and `target` is unchanged.
    """
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".pixverse-", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        if is_shared:
            with contextlib.suppress(OSError):  # some network shares refuse chmod
                part.chmod(0o644)
        fsync_replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def fsync_replace(part: Path, target: Path) -> None:
    """Sync the contents of `part` to the disk, rename it to `target` in the same folder, and sync that folder.

    Raises OSError if the contents cannot be written. A file system that does not support fsync is not an error.
    """
    with part.open("rb+") as file:
        fsync_file(file.fileno())
    part.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder to the disk, if the system can.

    Network shares and virtual machines' folders refuse this. The files themselves are complete by then, so a refusal
    must not make a finished write look like a failure.
    """
    if not hasattr(os, "O_DIRECTORY"):
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


_UNSUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})


def fsync_file(handle: int) -> None:
    """Sync a file; only real write errors (EIO, ENOSPC, EDQUOT, …) raise."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise


def remove_stale_parts(home: Path) -> None:
    """Remove partial files that killed processes left in a home's folders at least a day ago."""
    oldest = time.time() - _STALE_PART_S
    for part in (*home.glob("videos/*.part"), *home.glob("pictures/*.part"), *home.glob(".pixverse-*.part")):
        with contextlib.suppress(OSError):  # another process may be faster
            if part.stat().st_mtime < oldest:
                part.unlink()


def sha256_of_file(path: Path) -> str:
    """Return the sha256 of a file's contents (hex), without reading it into memory as a whole."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
