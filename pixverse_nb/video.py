"""A finished video as people hold it: a path to use anywhere, a player where it stands last in a cell."""

import os
import shutil
from collections.abc import Container
from dataclasses import dataclass, fields
from pathlib import Path

from pixverse_nb.atomic_files import atomic_write, sha256_of_file
from pixverse_nb.domain.jobs import VideoFile
from pixverse_nb.redaction import redact
from pixverse_nb.render.display import bundle_of
from pixverse_nb.render.player import player_html, player_text, video_file


@dataclass(frozen=True, repr=False)
class Video(VideoFile, os.PathLike[str]):
    """A finished video on disk; usable wherever a path is, and shown as a player in a notebook.

    >>> video = Video.from_path("holiday.mp4")  # doctest: +SKIP
    >>> video.save("best/")  # doctest: +SKIP
    """

    @classmethod
    def of(cls, file: VideoFile) -> "Video":
        """Return `file` as a Video."""
        return cls(**{field.name: getattr(file, field.name) for field in fields(VideoFile)})

    @classmethod
    def from_path(cls, path: str | os.PathLike[str]) -> "Video":
        """Return any mp4 on disk as a Video; raises DownloadError where it is not one."""
        return cls.of(video_file(path))

    def __fspath__(self) -> str:
        return str(self.path)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Copy the mp4 to `path`, a file or a folder ("best/", or one that exists), and return where it is now.

        The copy appears whole or not at all. The same file in place already is left alone; a different one raises
        FileExistsError unless `overwrite` is True. A video whose own file is gone raises FileNotFoundError.
        """
        if not self.path.is_file():
            again = f"client.job({self.ref!r}).result() fetches it again" if self.ref else "put it back first"
            raise FileNotFoundError(f"The video file {self.path} is not there any more: {again}.")
        asked = Path(path).expanduser()
        is_folder = asked.is_dir() or os.fspath(path).endswith(("/", os.sep))
        target = asked / self.path.name if is_folder else asked
        if target.exists():
            if sha256_of_file(target) == sha256_of_file(self.path):
                return target
            if not overwrite:
                raise FileExistsError(f"{target} is another file: choose another name, or pass overwrite=True.")
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(target) as part:
            shutil.copyfile(self.path, part)
        shutil.copymode(self.path, target)  # afterwards: who may only read a file cannot sync it
        return target

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        bundle = bundle_of(player_html(self), player_text(self))
        return {
            kind: content
            for kind, content in bundle.items()
            if (include is None or kind in include) and (exclude is None or kind not in exclude)
        }

    def __repr__(self) -> str:
        size = f"{self.width}×{self.height}" if self.width and self.height else ""
        length = f"{self.duration_s:.1f} s" if self.duration_s else ""
        seed = f"seed {self.request.seed}" if self.request else ""
        facts = ", ".join(fact for fact in (size, length, seed, "sandbox" if self.is_sandbox else "") if fact)
        return redact(f"Video({str(self.path)!r}{f', {facts}' if facts else ''})")
