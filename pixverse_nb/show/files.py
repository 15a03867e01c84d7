"""Any mp4 on disk as a VideoFile, so that the player can show what this package did not make."""

import os
from pathlib import Path

from pixverse_nb.media import check_mp4
from pixverse_nb.models import VideoFile


def video_file(path: str | os.PathLike[str]) -> VideoFile:
    """Return what the player needs to know about the mp4 at `path`; raises DownloadError where it is not one."""
    place = Path(path).expanduser()
    info = check_mp4(place)
    return VideoFile(
        path=place,
        sha256=info.sha256,
        size_bytes=info.size_bytes,
        width=info.width,
        height=info.height,
        duration_s=info.duration_s,
    )
