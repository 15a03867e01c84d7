"""The sandbox's film: a real H.264 video that starts on one picture and ends on another."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from pixverse_nb.sandbox.label import Label
from pixverse_nb.sandbox.path import path_of
from pixverse_nb.sandbox.picture import FilmError, Picture, read_picture
from pixverse_nb.sandbox.warp import Between

__all__ = ["FilmError", "film_size", "render_film"]

_SHORTER_SIDE = {"360p": 360, "540p": 540, "720p": 720, "1080p": 1080}
_AHEAD = 6  # frames drawn before the encoder asks for them
_FINE = 14  # x264's quantiser, 0…51; 22 gives about the quality of the frames between
_BT709, _LIMITED = 1, 1  # the numbers of ITU-T H.273


def film_size(quality: str, aspect_ratio: str) -> tuple[int, int]:
    """Width and height in pixels: the quality names the shorter side, as "720p" and "16:9" give 1280 × 720."""
    try:
        shorter = _SHORTER_SIDE[quality]
        across, down = (int(part) for part in aspect_ratio.split(":"))
        longer = round(shorter * max(across, down) / min(across, down) / 2) * 2
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise FilmError(f"There is no film of quality {quality!r} and aspect ratio {aspect_ratio!r}.") from error
    return (longer, shorter) if across >= down else (shorter, longer)


def render_film(
    first: bytes,
    last: bytes,
    out_path: Path,
    *,
    width: int,
    height: int,
    duration_s: float,
    seed: int,
    motion_mode: str,
    fps: int = 24,
    label: str = "SANDBOX",
    drift: float = 1.0,
) -> None:
    """Write an mp4 of `duration_s` seconds that leads from the first encoded picture to the last.

    `width` and `height` are even. The seed chooses the way (the same seed gives the same film); `motion_mode` is
    "normal" or "fast"; `drift` scales how far the camera wanders on its way, 0 for not at all. Raises FilmError for
    bytes that are no picture and for a size that cannot be. A file that could not be finished is removed.
    """
    if min(width, height) < 16 or width % 2 or height % 2:
        raise FilmError(f"A film cannot be {width} × {height} pixels: both must be even and at least 16.")
    path = path_of(seed=seed, motion_mode=motion_mode, drift=drift)
    between = Between(
        read_picture(first, width=width, height=height, which="first"),
        read_picture(last, width=width, height=height, which="last"),
        front=path.front,
    )
    mark = Label(label, width=width, height=height)
    count = max(2, round(duration_s * fps))

    def draw(index: int) -> av.VideoFrame:
        frame = av.VideoFrame(width, height, "nv12")
        planes = _planes(frame)
        between.draw(path.at(index / (count - 1)), planes)
        mark.put_on(planes)
        frame.pts, frame.time_base = index, Fraction(1, fps)
        return frame

    try:
        with ThreadPoolExecutor(1, thread_name_prefix="film") as pencil:
            frames = _drawn_ahead(pencil, draw, count)
            _encode(frames, out_path, width=width, height=height, fps=fps, last=count - 1)
    except BaseException:
        out_path.unlink(missing_ok=True)
        raise


def _planes(frame: av.VideoFrame) -> Picture:
    """The frame's own memory, so that drawing into it copies nothing."""
    y, uv = (np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size) for plane in frame.planes)
    return Picture(y=y[:, : frame.width], uv=uv[:, : frame.width].reshape(frame.height // 2, frame.width // 2, 2))


def _drawn_ahead(
    pencil: ThreadPoolExecutor, draw: Callable[[int], av.VideoFrame], count: int
) -> Iterator[av.VideoFrame]:
    waiting: deque[Future[av.VideoFrame]] = deque()
    for index in range(count):
        waiting.append(pencil.submit(draw, index))
        if len(waiting) > _AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _encode(frames: Iterator[av.VideoFrame], out_path: Path, *, width: int, height: int, fps: int, last: int) -> None:
    options = {
        "preset": "veryfast",
        "crf": "22",
        "g": str(2 * fps),
        # The first and the last frame are the person's own pictures: these two are coded finely. Without the macroblock
        # tree: in x264 core 165 its result, at widths like 320, changed with what the memory had held before.
        "x264-params": f"mbtree=0:zones=0,0,q={_FINE}/{last},{last},q={_FINE}",
    }
    with av.open(str(out_path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "nv12"
        codec = stream.codec_context
        codec.thread_count, codec.thread_type = 2, "FRAME"  # a fixed number: it shows in the bytes
        codec.color_primaries = codec.color_trc = codec.colorspace = _BT709
        codec.color_range = _LIMITED
        for frame in frames:
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
