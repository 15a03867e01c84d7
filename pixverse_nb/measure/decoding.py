"""The frames of an mp4, one after the other, each as the decoder gives it: nothing is copied."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pixverse_nb.errors import DownloadError, MeasureError
from pixverse_nb.measure.packages import Pixels, VideoReformatter, av, np
from pixverse_nb.mp4 import probe_mp4

_LEAST_PX: Final = 16
_PLANAR: Final = ("yuv420p", "yuvj420p")  # the second is the first with the full range of levels
_BT709, _UNTAGGED = 1, 2  # the numbers of ITU-T H.273 for the matrix
_BT709_FROM_LINES: Final = (
    720  # where a film names no matrix, Chromium takes BT.601 below this height, BT.709 from it on
)


@dataclass(frozen=True)
class Film:
    """An mp4 that is open: `frames` can be walked through once. `duration_s` in seconds, `fps` in frames a second."""

    frames: Iterator[av.VideoFrame]
    duration_s: float | None
    fps: float | None


@contextmanager
def open_film(path: Path) -> Iterator[Film]:
    """Open the mp4 at `path`; MeasureError, here or while it is walked through, where it is none or not whole."""
    try:
        info = probe_mp4(path)  # a decoder would hide that the end is missing
        with av.open(str(path)) as container:
            stream = container.streams.video[0]  # the check has seen one
            stream.codec_context.thread_count = 1  # as many films are decoded at once as there are processors
            rate = stream.average_rate
            yield Film(
                frames=_frames(container, stream),
                duration_s=info.duration_s,
                fps=float(rate) if rate else None,
            )
    except (DownloadError, av.FFmpegError) as error:
        raise MeasureError(f"{path.name} cannot be read. {_reason(error)}") from error


def planes(frame: av.VideoFrame) -> tuple[Pixels, ...]:
    """Return the frame's luma and its two chromas as views of the decoder's own memory."""
    return tuple(
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in frame.planes
    )


def _frames(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Yield every frame in three planes, of one size, with its matrix named."""
    reformatter = VideoReformatter()
    size: tuple[int, int] | None = None
    for frame in container.decode(stream):
        size = size or _checked(frame)
        if frame.format.name not in _PLANAR or (frame.width, frame.height) != size:
            frame = reformatter.reformat(frame, width=size[0], height=size[1], format="yuv420p")
        if frame.colorspace == _UNTAGGED and frame.height >= _BT709_FROM_LINES:
            frame.colorspace = _BT709
        yield frame
    if size is None:
        raise MeasureError("The film holds no frame that can be decoded. Fetch it again.")


def _checked(frame: av.VideoFrame) -> tuple[int, int]:
    if min(frame.width, frame.height) < _LEAST_PX:
        raise MeasureError(f"A film of {frame.width} × {frame.height} pixels is too small to be measured.")
    return frame.width, frame.height


def _reason(error: Exception) -> str:
    if isinstance(error, DownloadError):
        return str(error)
    return f"Its frames cannot be decoded ({error}). Fetch it again."
