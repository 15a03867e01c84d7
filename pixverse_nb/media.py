"""Videos and sounds that a generation starts from: files, finished videos, and generations at the vendor."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from pixverse_nb.atomic_files import atomic_write, sha256_of_file
from pixverse_nb.config import OTHER_HOME
from pixverse_nb.domain.jobs import VideoFile
from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.errors import ConfigError, DownloadError
from pixverse_nb.media_types import VIDEO_SUFFIXES
from pixverse_nb.mp4 import probe_mp4

_STARTS: Final = {  # suffix -> (offset, magic bytes)
    ".mp4": (4, (b"ftyp",)),
    ".mp3": (0, (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")),
    ".wav": (0, (b"RIFF",)),
}

AccountOf = Callable[[str], str | None]  # a video id -> the account that has it, or None if it is not a video id


class UnusableMediaError(Exception):
    """A video or a sound cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Media:
    """One video or sound. `key` identifies its content.

    Either `remote` is the vendor's name for it (of a generation of `account`, or of an upload), or `path` is a local
    file with its `sha256`. `expr` is a Python expression for what was passed. `duration_s` is the length of a
    video in seconds and `lines` its shorter side in pixels, if they are known.
    """

    key: str
    remote: str | None = field(default=None, repr=False)
    account: str | None = field(default=None, repr=False)
    path: Path | None = None
    sha256: str | None = None
    expr: str = ""
    duration_s: float | None = None
    lines: int | None = None

    def store(self, folder: Path) -> None:
        """Copy a local file into `folder` under its hash, so that it can be uploaded after a restart."""
        if self.path is None:
            return
        target = folder / f"{self.sha256}{self.path.suffix.lower()}"
        try:
            if target.is_file() and sha256_of_file(target) == self.sha256:
                return
            folder.mkdir(parents=True, exist_ok=True)
            with atomic_write(target) as part:
                shutil.copyfile(self.path, part)
                if sha256_of_file(part) != self.sha256:
                    raise ConfigError(
                        f"{self.path.name} changed while it was copied. Make the call again when the file is complete. "
                        "Nothing was sent and nothing was charged."
                    )
        except OSError as error:
            raise ConfigError(
                f"{self.path.name} cannot be stored in {folder} ({error.strerror or error}). "
                f"Make it writable, free some space, or {OTHER_HOME}. Nothing was sent and nothing was charged."
            ) from error


def load_media(
    source: Any, *, role: str, suffixes: Sequence[str], account_of: AccountOf, is_uploaded: bool = False
) -> Media:
    """Return a source as Media: a finished Video or Job, a video id, an UploadedFile, or the path of a file.

    `suffixes` are the accepted endings of a file. With `is_uploaded` the file of a finished video is uploaded,
    because the operation takes no video id. Raises UnusableMediaError.
    """
    if isinstance(source, UploadedFile):
        return Media(f"path:{source.path}", remote=source.path, expr=f"pv.UploadedFile({source.path!r})")
    snapshot = getattr(source, "snapshot", None)  # a Job
    if callable(snapshot):
        video = snapshot().video
        if video is None:
            raise UnusableMediaError("is a job without a finished video; wait for job.result() first")
        source = video
    if isinstance(source, VideoFile):
        return _of_file(source.path, suffixes) if is_uploaded else _of_video(source, account_of, role)
    if isinstance(source, str) and account_of(source) is not None:
        if is_uploaded:
            raise UnusableMediaError(f"takes no video id; pass the path of a file of type {', '.join(suffixes)}")
        key = hashlib.sha256(source.encode()).hexdigest()
        return Media(f"video:{key}", remote=source, account=account_of(source), expr=role)
    if isinstance(source, str | os.PathLike):
        try:
            path = Path(os.fsdecode(source)).expanduser()
        except RuntimeError as error:  # the home of a user that is not known
            raise UnusableMediaError(f"is not a usable path ({error})") from error
        return _of_file(path, suffixes)
    raise UnusableMediaError(
        f"must be a Video, a finished job, a video id, or the path of a file, not {type(source).__name__}"
    )


def _of_video(video: VideoFile, account_of: AccountOf, role: str) -> Media:
    account = account_of(video.video_id) if video.video_id else None
    if account is None:
        return _of_file(video.path, tuple(VIDEO_SUFFIXES.values()))
    expr = f"client.job({video.ref!r})" if video.ref else role
    lines = min(video.width, video.height) if video.width and video.height else None
    key, seconds = f"sha256:{video.sha256}", video.duration_s
    return Media(key, remote=video.video_id, account=account, expr=expr, duration_s=seconds, lines=lines)


def _of_file(path: Path, suffixes: Sequence[str]) -> Media:
    suffix = path.suffix.lower()
    if suffix not in suffixes:
        raise UnusableMediaError(f"must be a file of type {', '.join(suffixes)}, not {path.name!r:.80}")
    try:
        with path.open("rb") as file:
            start = file.read(16)
        sha256 = sha256_of_file(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnusableMediaError(f"{path} cannot be read ({reason})") from error
    offset, magics = _STARTS[suffix]
    if not start[offset:].startswith(magics):
        raise UnusableMediaError(f"{path.name} is not a {suffix[1:]} file; export it again as {suffix[1:]}")
    media = Media(f"sha256:{sha256}", path=path, sha256=sha256, expr=repr(str(path)))
    if suffix in VIDEO_SUFFIXES.values():
        with contextlib.suppress(DownloadError):  # the vendor decides whether it can use the file
            info = probe_mp4(path)
            return replace(media, duration_s=info.duration_s, lines=min(info.width, info.height))
    return media
