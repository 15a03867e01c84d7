"""A finished video: usable as a path, and shown as a player in a notebook."""

import contextlib
import math
import os
import shutil
import warnings
from collections.abc import Container
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pixverse_nb import images
from pixverse_nb.atomic_files import atomic_write, sha256_of_file
from pixverse_nb.domain.arguments import as_path, checked, file_errors, public_class, public_function
from pixverse_nb.domain.columns import columns, utc_time
from pixverse_nb.domain.jobs import VideoFile
from pixverse_nb.domain.recipe import Recipe
from pixverse_nb.domain.validation import Flag, plain, safe_repr
from pixverse_nb.errors import DownloadError, FileExists, FileMissing, InvalidCall, InvalidRequest, MeasureError
from pixverse_nb.mp4 import EditedMp4, read_comment, with_comment
from pixverse_nb.redaction import redact
from pixverse_nb.render.display import mime_bundle
from pixverse_nb.render.player import VideoSource, as_video_file, player_html, player_text, show

_OTHER_KINDS: Final = frozenset({".avi", ".gif", ".jpeg", ".jpg", ".mkv", ".mov", ".png", ".webm", ".webp"})


@columns(
    *("ref", "prompt", "seed", "model", "quality", "duration_s", "width", "height", "cost_credits"),
    *("cost_is_estimate", "finished_at", "size_bytes", "path", "sha256", "is_sandbox"),
)
@public_class(hides=("of",))
@dataclass(frozen=True, repr=False)
class Video(VideoFile, os.PathLike[str]):
    """A finished video on disk. It can be used as a path, and a notebook shows it as a player.

    `path` is the file, `url` the vendor's address, which may expire. `width` and `height` are in pixels, `duration_s`
    is in seconds, `size_bytes` in bytes, `made_at` in Unix seconds (`finished_at`: the same as a datetime),
    `cost_credits` in credits; what is not known is None. `ref` is that of the job. `pd.DataFrame(videos)` has a column
    for each fact, without the account and without the bytes.

    >>> video = Video.from_path("holiday.mp4")  # doctest: +SKIP
    >>> video.save("best/")  # doctest: +SKIP
    """

    @classmethod
    def of(cls, file: VideoFile) -> "Video":
        """Return `file` as a Video."""
        return cls(**{field.name: getattr(file, field.name) for field in fields(VideoFile)})

    @classmethod
    def from_path(cls, path: str | os.PathLike[str]) -> "Video":
        """Return any mp4 file as a Video. Raises InvalidRequest if it is not an mp4 file."""
        return cls.of(as_video_file(path, name="path"))

    def __fspath__(self) -> str:
        return str(self.path)

    @property
    def prompt(self) -> str | None:
        """The prompt; None if there was none, or if it is not known how the video was made."""
        return self.request.prompt if self.request is not None else None

    @property
    def seed(self) -> int | None:
        """The seed; None if it is not known."""
        return self.request.seed if self.request is not None else None

    @property
    def model(self) -> str | None:
        """The model; None if it is not known."""
        return self.request.model if self.request is not None else None

    @property
    def quality(self) -> str | None:
        """The quality that was asked for, such as "540p"; None if it is not known."""
        return self.request.quality if self.request is not None else None

    @property
    def finished_at(self) -> datetime | None:
        """When the video was finished, in UTC; None if it is not known."""
        return utc_time(self.made_at)

    def show(self) -> None:
        """Show the player as an output of the running cell; a terminal or a script prints the facts."""
        show(self)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Copy the mp4 to `path` and return where the copy is.

        `path` is a file name, or a folder: one that exists, or any path that ends in a slash ("best/"). The copy has
        the recipe in its comment, which `pv.recipe` reads: operation, model, prompt, seed and parameters, but no
        account, no pictures and no paths. If the recipe cannot be added, a warning says so and the copy is plain.

        Raises InvalidCall for the suffix of another kind of file, such as .gif: the copy is always an mp4.

        The copy is written atomically. If the target already is this video, it is left alone. If it has other content,
        FileExists is raised unless `overwrite` is True. Raises FileMissing if the video itself is missing, FileError if
        the copy cannot be written.
        """
        if not self.path.is_file():
            raise FileMissing(f"The video file {self.path} is missing: {self._how_to_restore}.")
        overwrite = checked({"overwrite": overwrite}, {"overwrite": Flag()})["overwrite"]
        requested = as_path(path)
        with file_errors(requested, "written"):
            is_folder = requested.is_dir() or os.fspath(path).endswith(("/", os.sep))
            if not is_folder and requested.suffix.lower() in _OTHER_KINDS:
                problem = f"the copy is an mp4, so its name cannot end in {requested.suffix}: use .mp4"
                raise InvalidCall({"path": problem}, sends=False)
            return self._save(requested / self.path.name if is_folder else requested, overwrite=overwrite)

    @property
    def _how_to_restore(self) -> str:
        return f"client.job({self.ref!r}).result() downloads it again" if self.ref else "put it back first"

    def _save(self, target: Path, *, overwrite: bool) -> Path:
        if target.exists() and target.samefile(self.path):
            return target
        edited = self._with_recipe()
        if target.exists():
            found = sha256_of_file(target)
            if edited is not None and found == edited.sha256:
                return target
            if found == sha256_of_file(self.path) and not (edited and overwrite):
                return target
            if not overwrite:
                raise FileExists(f"{target} exists and has other content: choose another name, or pass overwrite=True.")
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(target) as part:
            if edited is None:
                shutil.copyfile(self.path, part)
            else:
                with part.open("wb") as copy:
                    copy.writelines(edited.chunks())
        with contextlib.suppress(OSError):  # some network shares refuse chmod
            shutil.copymode(self.path, target)  # last, because a read-only file could not be synced
        return target

    def _with_recipe(self) -> EditedMp4 | None:
        """Return this file with its recipe in it, or None if there is no recipe or no place for it."""
        if self.request is None:
            return None
        try:
            return with_comment(self.path, Recipe.of(self.request, self.call_options).to_json())
        except DownloadError as error:
            warnings.warn(f"The copy is saved without its recipe. {error}", stacklevel=5)
            return None

    def first_frame(self) -> "images.PILImage":
        """Return the first frame as a PIL image (RGB, upright), which can be passed to the next call.

        Raises MeasureError if the file is missing, incomplete or cannot be decoded. Needs `pixverse-nb[sweep]`.
        """
        return self._read_frame("first")

    def last_frame(self) -> "images.PILImage":
        """Return the last frame; everything else is as in `first_frame`.

        >>> client.create_frames(video.last_frame(), "next.jpg")  # doctest: +SKIP
        """
        return self._read_frame("last")

    def frame(self, t: float) -> "images.PILImage":
        """Return the frame on display `t` seconds after the start; everything else is as in `first_frame`.

        `t` is 0 to the duration of the video; raises InvalidRequest outside of that.
        """
        seconds = plain(t)
        longest = self.duration_s
        is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not is_number or not 0 <= seconds <= (math.inf if longest is None else longest):
            end = "" if longest is None else f" to {longest:g}"
            raise InvalidRequest(
                {"t": f"must be a time in the video, 0{end} seconds, not {safe_repr(t):.40}"}, sends=False
            )
        return self._read_frame(float(seconds))

    def _read_frame(self, at: Any) -> "images.PILImage":
        from pixverse_nb.metrics.frames import read_frame

        if not self.path.is_file():
            raise MeasureError(f"The video file {self.path} is missing: {self._how_to_restore}.")
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


@public_function
def recipe(video: VideoSource) -> Recipe:
    """Return how a video was generated: a Video, a job, or an mp4 file that `Video.save` wrote.

    It displays as the Python call that generates the video again, and can be used as its keyword arguments. A file is
    only read, never executed. Raises InvalidRequest if it has no recipe or cannot be read.

    >>> recipe("coffee.mp4")  # doctest: +SKIP
    client.create_frames(first, last, model='v5.6', prompt='steam rises', duration=5, quality='540p', seed=7)
    """
    file = video if isinstance(video, str | os.PathLike) and not isinstance(video, VideoFile) else as_video_file(video)
    if isinstance(file, VideoFile) and file.request is not None:
        return Recipe.of(file.request, file.call_options)
    path = file.path if isinstance(file, VideoFile) else as_path(file, name="video")
    try:
        comment = read_comment(path)
        if comment is not None:
            return Recipe.from_json(comment)
        problem = "it has no recipe: only a copy that video.save() has written has one"
    except InvalidRequest as error:
        problem = f"its comment {error.fields['text']}"
    except DownloadError as error:
        problem = str(error)
    raise InvalidRequest({"video": f"{redact(str(path))!r}: {problem}"}, sends=False)
