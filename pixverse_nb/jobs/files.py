"""Are the videos of finished jobs on the disk as they were recorded? Looked at cheaply, or by their sha256."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pixverse_nb.disk import sha256_of_file
from pixverse_nb.record import JobRecord, StoredVideo


@dataclass(frozen=True)
class Verification:
    """What became of the videos: refs of those whose file is missing or altered, and what a repair did.

    `fetched` names the jobs whose video was fetched again, `lost` those that the vendor has no more.
    """

    checked: int
    missing: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()
    fetched: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """True where every video is on the disk as it was recorded, now that a repair is over."""
        return set(self.missing) | set(self.altered) <= set(self.fetched)

    def __str__(self) -> str:
        parts = [f"{self.checked} video{'' if self.checked == 1 else 's'} checked"]
        for refs, word in (
            (self.missing, "missing"),
            (self.altered, "altered"),
            (self.fetched, "fetched again"),
            (self.lost, "not to be had again"),
        ):
            if refs:
                parts.append(f"{len(refs)} {word} ({', '.join(refs[:3])}{', …' if len(refs) > 3 else ''})")
        return ", ".join(parts) if len(parts) > 1 else f"{parts[0]}, all whole"

    __repr__ = __str__


def look_at(video: StoredVideo, *, home: Path) -> tuple[int, ...] | None:
    """Return what changes with every writing of the file (inode, size, time), or None where it is not there."""
    try:
        facts = (home / video.name).stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def is_size_right(path: Path, size_bytes: int) -> bool:
    """Tell whether the file is there with its size; costs one look at the folder."""
    return _size(path) == size_bytes


def is_whole(record: JobRecord, *, home: Path) -> bool:
    """Tell whether the video of a finished job is there, byte for byte; reads the whole file."""
    video = record.video
    if video is None or not is_size_right(home / video.name, video.size_bytes):
        return False
    try:
        return sha256_of_file(home / video.name) == video.sha256
    except OSError:
        return False


def examine(records: Iterable[JobRecord], *, home: Path) -> Verification:
    """Look at the videos of finished jobs, several at a time, and say which are missing or altered."""
    finished = [record for record in records if record.video is not None]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        good = list(pool.map(lambda record: is_whole(record, home=home), finished))
    bad = [record for record, is_ok in zip(finished, good, strict=True) if not is_ok]
    missing = {record.ref for record in bad if record.video and _size(home / record.video.name) is None}
    return Verification(
        checked=len(finished),
        missing=tuple(record.ref for record in bad if record.ref in missing),
        altered=tuple(record.ref for record in bad if record.ref not in missing),
    )


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
