"""A finished video: usable as a path, and shown as a player in a notebook."""

import contextlib
import math
import os
import shutil
from collections.abc import Container
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pixverse_nb.atomic_files import atomic_write, sha256_of_file
from pixverse_nb.domain.jobs import VideoFile
from pixverse_nb.domain.validation import plain
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.images import PILImage
from pixverse_nb.redaction import redact
from pixverse_nb.render.display import mime_bundle
from pixverse_nb.render.player import player_html, player_text, video_file


@dataclass(frozen=True, repr=False)
class Video(VideoFile, os.PathLike[str]):
    """A finished video on disk. It can be used as a path, and a notebook shows it as a player.

    >>> video = Video.from_path("holiday.mp4")  # doctest: +SKIP
    >>> video.save("best/")  # doctest: +SKIP
    """

    @classmethod
    def of(cls, file: VideoFile) -> "Video":
        """Return `file` as a Video."""
        return cls(**{field.name: getattr(file, field.name) for field in fields(VideoFile)})

    @classmethod
    def from_path(cls, path: str | os.PathLike[str]) -> "Video":
        """Return any mp4 file as a Video. Raises DownloadError if it is not an mp4 file."""
        return cls.of(video_file(path))

    def __fspath__(self) -> str:
        return str(self.path)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Copy the mp4 to `path` and return where the copy is.

        `path` is a file name, or a folder: one that exists, or any path that ends in a slash ("best/"). The copy is
        written atomically. If the target already has the same content, it is left alone. If it has other content,
        FileExistsError is raised unless `overwrite` is True. Raises FileNotFoundError if the video itself is missing.
        """
        if not self.path.is_file():
            fix = f"client.job({self.ref!r}).result() downloads it again" if self.ref else "put it back first"
            raise FileNotFoundError(f"The video file {self.path} is missing: {fix}.")
        requested = Path(path).expanduser()
        is_folder = requested.is_dir() or os.fspath(path).endswith(("/", os.sep))
        target = requested / self.path.name if is_folder else requested
        if target.exists():
            if sha256_of_file(target) == sha256_of_file(self.path):
                return target
            if not overwrite:
                raise FileExistsError(
                    f"{target} exists and has other content: choose another name, or pass overwrite=True."
                )
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(target) as part:
            shutil.copyfile(self.path, part)
        with contextlib.suppress(OSError):  # some network shares refuse chmod
            shutil.copymode(self.path, target)  # last, because a read-only file could not be synced
        return target

    def first_frame(self) -> PILImage:
        """Return the first frame as a PIL image (RGB, upright), which can be passed to the next call.

        Raises MeasureError if the file is missing, incomplete or cannot be decoded. Needs `pixverse-nb[sweep]`.
        """
        return self._read_frame("first")

    def last_frame(self) -> PILImage:
        """Return the last frame; everything else is as in `first_frame`.

        >>> client.create_frames(video.last_frame(), "next.jpg")  # doctest: +SKIP
        """
        return self._read_frame("last")

    def frame(self, t: float) -> PILImage:
        """Return the frame on display `t` seconds after the start; everything else is as in `first_frame`.

        `t` is 0 to the duration of the video; raises InvalidRequest outside of that.
        """
        seconds = plain(t)
        longest = self.duration_s
        is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not is_number or not 0 <= seconds <= (math.inf if longest is None else longest):
            end = "" if longest is None else f" to {longest:g}"
            raise InvalidRequest({"t": f"must be a time in the video, 0{end} seconds, not {t!r:.40}"}, sends=False)
        return self._read_frame(float(seconds))

    def _read_frame(self, at: Any) -> PILImage:
        from pixverse_nb.metrics.frames import read_frame

        return read_frame(self.path, at)

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        bundle = mime_bundle(player_html(self), player_text(self))
        return {
            media_type: content
            for media_type, content in bundle.items()
            if (include is None or media_type in include) and (exclude is None or media_type not in exclude)
        }

    def __repr__(self) -> str:
        size = f"{self.width}×{self.height}" if self.width and self.height else ""
        length = f"{self.duration_s:.1f} s" if self.duration_s else ""
        seed = f"seed {self.request.seed}" if self.request else ""
        facts = ", ".join(fact for fact in (size, length, seed, "sandbox" if self.is_sandbox else "") if fact)
        return redact(f"Video({str(self.path)!r}{f', {facts}' if facts else ''})")
