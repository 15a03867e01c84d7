"""Join finished videos into one mp4, free of charge and without the doubled frame at each seam."""

import os
from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path

from pixverse_nb.atomic_files import atomic_write
from pixverse_nb.domain.arguments import as_path, file_errors, listed, public_function
from pixverse_nb.domain.jobs import VideoFile
from pixverse_nb.domain.validation import Flag, validate
from pixverse_nb.errors import FileExists, InvalidRequest
from pixverse_nb.redaction import redact
from pixverse_nb.render.display import mime_bundle
from pixverse_nb.render.formatting import format_duration
from pixverse_nb.render.player import VideoSource, as_video_file, player_html, player_text, video_file


@dataclass(frozen=True, repr=False)
class Joined(os.PathLike[str]):
    """Several videos in one mp4 at `path`. It can be used as a path, and a notebook shows it as a player.

    `duration_s` is in seconds. `seams` has a score for each joint: the PSNR in dB, over 8-bit RGB, between the last
    frame of one video and the first of the next, 0…100 (100: equal). Above about 30 dB no jump is visible.
    Of all `frames`, `re_encoded_frames` were encoded again and the others copied unchanged. `re_encoded` is True if
    that is every frame, because the videos were encoded differently.
    """

    path: Path
    duration_s: float
    seams: tuple[float, ...]
    frames: int
    re_encoded_frames: int

    @property
    def re_encoded(self) -> bool:
        """Whether every frame was encoded again."""
        return self.re_encoded_frames == self.frames

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"<Joined {redact(str(self.path))}: {format_duration(self.duration_s)}. {self._facts()}>"

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        file, facts = video_file(self.path), self._facts()
        return dict(mime_bundle(player_html(file, notices=(facts,)), f"{player_text(file)}\n  {facts}"))

    def _facts(self) -> str:
        scores = ", ".join(f"{score:.1f} dB" for score in self.seams)
        count = self.re_encoded_frames
        encoded = f"{count} of {self.frames} frames encoded again" if count else "no frame encoded again"
        return f"Seams: {scores} · {encoded}" if scores else encoded.capitalize()


@public_function
def join(videos: Iterable[VideoSource], path: str | os.PathLike[str], *, overwrite: bool = False) -> Joined:
    """Join videos, jobs or mp4 files in this order into one mp4 at `path`. Nothing is sent or charged.

    Each video should start with the picture on which the one before it ends: of the two equal frames at each seam one
    is left out, so three videos of 120 frames give 358. Frames are copied as they are if the videos were encoded alike;
    only the few that refer to a left-out frame are encoded again. Otherwise everything is encoded again, with x264 at
    CRF 14. Sound is kept, in step with the picture. The file is written atomically.

    Raises InvalidRequest if there is no video, or if the videos differ in size; MeasureError if one is missing, damaged
    or cannot be decoded; FileExists if `path` exists and `overwrite` is False. Needs `pixverse-nb[sweep]`.

    >>> pv.join(["one.mp4", "two.mp4"], "story.mp4").seams  # doctest: +SKIP
    (43.1,)
    """
    is_list = isinstance(videos, Iterable) and not isinstance(videos, str | bytes)
    sources = listed(videos, name="videos") if is_list else []
    target = as_path(path)
    wrong = validate({"overwrite": Flag()}, {"overwrite": overwrite})[1]
    if not sources:
        wrong["videos"] = "must be a list of at least one video, job or mp4 file"
    paths = []
    for number, source in enumerate(sources):
        try:
            paths.append(_path_of(source, name=f"videos[{number}]"))
        except InvalidRequest as error:
            wrong |= error.fields
    if target.suffix.lower() != ".mp4":
        wrong["path"] = f"must end in .mp4, not {target.name!r:.80}"
    if wrong:
        raise InvalidRequest(wrong, sends=False)
    if target.exists() and not overwrite:
        raise FileExists(f"{target} exists: choose another name, or pass overwrite=True.")
    from pixverse_nb.metrics.join import join_videos

    with file_errors(target, "written"):
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(target, is_shared=True) as part:
            facts = join_videos(paths, part)
    duration_s = video_file(target).duration_s or 0.0
    return Joined(target, duration_s, facts.seams, facts.frames, facts.re_encoded_frames)


def _path_of(source: object, *, name: str) -> Path:
    """Return the path of one video; what is wrong with a file of the caller's is found when it is read."""
    if isinstance(source, str | os.PathLike) and not isinstance(source, VideoFile):
        return as_path(source, name=name)
    return as_video_file(source, name=name).path
