"""Makes videos from videos: another size (upscale) or another look (restyle, modify), and reads the last frame."""

import io
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from pixverse_nb.sandbox.interpolate import RenderError
from pixverse_nb.sandbox.render import encode

Image = NDArray[np.uint8]  # BGR
Look = Callable[[Image], Image]


def _unchanged(image: Image) -> Image:
    return image


def _flat_colours(image: Image) -> Image:
    return image // 48 * 48 + 24


def _other_hues(image: Image) -> Image:
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(np.uint16) + 60) % 180
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.uint8)


# What each operation does to the frames of its source.
LOOKS: Final[Mapping[str, Look]] = {
    "upscale": _unchanged,
    "lipsync": _unchanged,
    "restyle": _flat_colours,
    "modify": _other_hues,
}


def transform_video(source: bytes, out_path: Path, *, width: int, height: int, look: Look) -> None:
    """Write an mp4 with the frames of `source` in another size and look. Raises RenderError if it is not a video."""
    frames = list(_read_frames(source))
    if not frames:
        raise RenderError("The source is not a video.")

    def draw() -> Iterator[av.VideoFrame]:
        for index, image in enumerate(frames):
            scaled = cv2.resize(look(image), (width, height), interpolation=cv2.INTER_CUBIC)
            pixels: Image = np.ascontiguousarray(scaled, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="bgr24").reformat(format="nv12")
            frame.pts, frame.time_base = index, Fraction(1, _FPS)
            yield frame

    try:
        encode(draw(), out_path, width=width, height=height, fps=_FPS, last=len(frames) - 1)
    except BaseException:
        out_path.unlink(missing_ok=True)
        raise


def read_last_frame(source: bytes) -> bytes:
    """Return the last frame of a video as a PNG. Raises RenderError if it is not a video."""
    newest = deque(_read_frames(source), maxlen=1)
    if not newest:
        raise RenderError("The source is not a video.")
    ok, png = cv2.imencode(".png", newest[0])
    if not ok:
        raise RenderError("OpenCV could not write a PNG.")
    return bytes(png)


_FPS: Final = 24  # of every video that the sandbox makes


def _read_frames(source: bytes) -> Iterator[Image]:
    try:
        with av.open(io.BytesIO(source), "r") as container:
            for frame in container.decode(video=0):
                yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    except (av.FFmpegError, IndexError) as error:
        raise RenderError("The source is not a video.") from error
