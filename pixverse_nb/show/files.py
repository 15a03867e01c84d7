"""Any mp4 on disk as a VideoFile, so that what this package did not make can be shown too."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pixverse_nb.models import VideoFile
from pixverse_nb.mp4 import probe_mp4


def video_file(path: str | os.PathLike[str]) -> VideoFile:
    """Return what the player needs to know about the mp4 at `path`; raises DownloadError where it is not one."""
    place = Path(path).expanduser()
    info = probe_mp4(place)
    return VideoFile(
        path=place,
        sha256=info.sha256,
        size_bytes=info.size_bytes,
        width=info.width,
        height=info.height,
        duration_s=info.duration_s,
    )


def film_keys(files: Iterable[VideoFile]) -> list[str]:
    """Return the sha256 of each file as its name; the same film a second time has a name of its own."""
    seen: Counter[str] = Counter()
    keys = []
    for file in files:
        seen[file.sha256] += 1
        keys.append(file.sha256 if seen[file.sha256] == 1 else f"{file.sha256}-{seen[file.sha256]}")
    return keys
