"""Renders the sandbox's videos: real H.264 mp4s that start on one image and end on another, with a watermark."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from pixverse_nb.sandbox.interpolate import (
    Interpolator,
    Nv12Image,
    Pixels,
    RenderError,
    decode_image,
    draw_camera_path,
    to_nv12,
)

_SHORTER_SIDES: Final = {"360p": 360, "480p": 480, "540p": 540, "720p": 720, "1080p": 1080, "2160p": 2160}
_FRAMES_AHEAD: Final = 6  # drawn before the encoder asks for them
_LARGE_PX: Final = 1080  # above this, encoding takes too long for a sandbox
_END_QUANTISER: Final = 14  # of x264, 0…51; 22 gives about the quality of the other frames
_BT709, _LIMITED = 1, 1  # the numbers of ITU-T H.273

_TITLE_LENGTH: Final = 60  # characters
_SUPERSAMPLING: Final = 8  # the watermark is drawn so many times larger and averaged, for smooth edges at every size
_DARK, _DARK_COVER, _WHITE_COVER = 18, 0.52, 0.94


def video_size(quality: str, aspect_ratio: str) -> tuple[int, int]:
    """Return width and height in pixels. The quality is the shorter side: "720p" with "16:9" gives 1280 × 720.

    Raises RenderError for an unknown quality or a malformed ratio.
    """
    try:
        shorter = _SHORTER_SIDES[quality]
        across, down = (int(part) for part in aspect_ratio.split(":"))
        longer = round(shorter * max(across, down) / min(across, down) / 2) * 2
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise RenderError(f"There is no video of quality {quality!r} and aspect ratio {aspect_ratio!r}.") from error
    return (longer, shorter) if across >= down else (shorter, longer)


def aspect_ratio_of(image: bytes) -> str:
    """Return the ratio of an encoded image as "1280:720", at most 21:9 either way; raises RenderError if unreadable."""
    pixels = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise RenderError("An input is not an image.")
    height, width = pixels.shape[:2]
    return f"{min(width, height * 21 // 9)}:{min(height, width * 21 // 9)}"


def render_video(  # noqa: PLR0913 - one for each field of the API
    images: Sequence[bytes],
    out_path: Path,
    *,
    width: int,
    height: int,
    duration_s: float,
    seed: int,
    motion_mode: str,
    fps: int = 24,
    watermark: str = "SANDBOX",
    title: str = "",
    drift: float = 1.0,
) -> None:
    """Write an mp4 of `duration_s` seconds that goes through the encoded `images` at even intervals.

    A single image is start and end; without any, two gradients that the seed decides are used. `width` and `height`
    are even. `title` moves across the frames. `motion_mode` is "normal" or "fast"; `drift` scales how far the camera
    wanders (0: not at all). The same arguments give the same bytes. Raises RenderError for a wrong size and for bytes
    that are not an image. An unfinished file is removed.
    """
    if min(width, height) < 16 or width % 2 or height % 2:
        raise RenderError(f"A video cannot be {width} × {height} pixels: both must be even and at least 16.")
    encoded = list(images) or [_gradient_png(seed), _gradient_png(seed + 1)]
    stops = [decode_image(one, width=width, height=height, input_index=i) for i, one in enumerate(encoded)]
    path = draw_camera_path(seed=seed, motion_mode=motion_mode, drift=drift)
    parts = [Interpolator(a, b, front=path.front) for a, b in pairwise(stops if len(stops) > 1 else stops * 2)]
    mark = Watermark(watermark, width=width, height=height)
    type_ = MovingTitle(title, width=width, height=height) if title.strip() else None
    count = max(2, round(duration_s * fps))

    def draw(index: int) -> av.VideoFrame:
        frame = av.VideoFrame(width, height, "nv12")
        planes = _planes_of(frame)
        time = index / (count - 1) * len(parts)
        part = min(int(time), len(parts) - 1)
        parts[part].draw(path.at(time - part), planes)
        if type_ is not None:
            type_.draw_on(planes, index / (count - 1))
        mark.draw_on(planes)
        frame.pts, frame.time_base = index, Fraction(1, fps)
        return frame

    try:
        with ThreadPoolExecutor(1, thread_name_prefix="sandbox-draw") as pool:
            frames = _draw_ahead(pool, draw, count)
            encode(frames, out_path, width=width, height=height, fps=fps, last=count - 1)
    except BaseException:
        out_path.unlink(missing_ok=True)
        raise


def _gradient_png(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(30, 226, (2, 3))
    across, down = np.meshgrid(np.linspace(0, 1, 640), np.linspace(0, 1, 640))
    mix = (across * rng.random() + down * rng.random())[..., None] / 2
    ok, png = cv2.imencode(".png", (one * (1 - mix) + other * mix).astype(np.uint8))
    if not ok:
        raise RenderError("OpenCV could not write a PNG.")
    return bytes(png)


def _planes_of(frame: av.VideoFrame) -> Nv12Image:
    """Return views of the frame's own memory, so that drawing into it copies nothing."""
    y, uv = (np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size) for plane in frame.planes)
    return Nv12Image(y=y[:, : frame.width], uv=uv[:, : frame.width].reshape(frame.height // 2, frame.width // 2, 2))


def _draw_ahead(pool: ThreadPoolExecutor, draw: Callable[[int], av.VideoFrame], count: int) -> Iterator[av.VideoFrame]:
    waiting: deque[Future[av.VideoFrame]] = deque()
    for index in range(count):
        waiting.append(pool.submit(draw, index))
        if len(waiting) > _FRAMES_AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def encode(frames: Iterator[av.VideoFrame], out_path: Path, *, width: int, height: int, fps: int, last: int) -> None:
    options = {
        "preset": "veryfast" if min(width, height) <= _LARGE_PX else "ultrafast",
        "crf": "22",
        "g": str(2 * fps),
        # The first and the last frame are the user's own images, so these two are encoded finely. mbtree is off because
        # with x264 core 165, at widths like 320, its result depended on the previous contents of the memory.
        "x264-params": f"mbtree=0:zones=0,0,q={_END_QUANTISER}/{last},{last},q={_END_QUANTISER}",
    }
    with av.open(str(out_path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "nv12"
        codec = stream.codec_context
        codec.thread_count, codec.thread_type = 2, "FRAME"  # a fixed number, because it changes the bytes
        codec.color_primaries = codec.color_trc = codec.colorspace = _BT709
        codec.color_range = _LIMITED
        for frame in frames:
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


class MovingTitle:
    """White type that moves from the left to the right edge while the video plays, or to its own end if it is wider."""

    def __init__(self, text: str, *, width: int, height: int) -> None:
        plain = "".join(letter if " " <= letter <= "~" else "?" for letter in " ".join(text.split())[:_TITLE_LENGTH])
        letters = _draw_letters(plain, height_px=max(20, height // 8))
        size = (letters.shape[1] // _SUPERSAMPLING // 2 * 2, letters.shape[0] // _SUPERSAMPLING // 2 * 2)
        self._cover = cv2.resize(letters, size, interpolation=cv2.INTER_AREA)
        self._top = (height - size[1]) // 4 * 2
        self._room = width - size[0]

    def draw_on(self, frame: Nv12Image, time: float) -> None:
        """Draw the type on the frame, in place; `time` is 0 at the start and 1 at the end."""
        left = round(self._room * time / 2) * 2
        first, last = max(0, -left), min(self._cover.shape[1], frame.y.shape[1] - left)
        cover = self._cover[:, first:last]
        y = frame.y[self._top : self._top + cover.shape[0], left + first : left + last]
        y[...] = np.rint(y * (1 - cover) + 235 * cover)
        small = cover[::2, ::2, None]
        rows = slice(self._top // 2, self._top // 2 + small.shape[0])
        uv = frame.uv[rows, (left + first) // 2 : (left + first) // 2 + small.shape[1]]
        uv[...] = np.rint(uv * (1 - small) + 128 * small)


@dataclass(frozen=True)
class WatermarkBox:
    """A rectangle in pixels; all four numbers are even."""

    left: int
    top: int
    width: int
    height: int


class Watermark:
    """A translucent dark pill with white letters in the lower right corner, for frames of one size."""

    def __init__(self, text: str, *, width: int, height: int) -> None:
        letters = _draw_letters(text, height_px=_pill_height(width, height))
        self.box = _box_of(letters, width, height)
        colour, cover = _draw_pill(letters, self.box)
        planes = to_nv12(colour)
        small = cv2.resize(cover, (self.box.width // 2, self.box.height // 2), interpolation=cv2.INTER_AREA)[..., None]
        self._y_keep, self._y_add = 1 - cover, planes.y * cover
        self._uv_keep, self._uv_add = 1 - small, planes.uv * small

    def draw_on(self, frame: Nv12Image) -> None:
        """Draw the watermark on the frame, in place."""
        box = self.box
        y = frame.y[box.top : box.top + box.height, box.left : box.left + box.width]
        uv = frame.uv[box.top // 2 : (box.top + box.height) // 2, box.left // 2 : (box.left + box.width) // 2]
        y[...] = np.rint(y * self._y_keep + self._y_add)
        uv[...] = np.rint(uv * self._uv_keep + self._uv_add)


def watermark_box(text: str, *, width: int, height: int) -> WatermarkBox:
    """Return the rectangle that the watermark covers in a video of `width` × `height` pixels."""
    return _box_of(_draw_letters(text, height_px=_pill_height(width, height)), width, height)


def _pill_height(width: int, height: int) -> int:
    return max(14, round(min(width, height) * 0.044 / 2) * 2)


def _draw_letters(text: str, *, height_px: int) -> NDArray[np.float32]:
    """Return the opacity (0…1) of the letters with the pill's padding, `_SUPERSAMPLING` times larger."""
    pill = height_px * _SUPERSAMPLING
    font, stroke = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(pill * 0.062))
    (_, cap_height), _ = cv2.getTextSize("H", font, 1.0, 1)
    size = pill * 0.40 / cap_height
    widths = [cv2.getTextSize(letter, font, size, stroke)[0][0] for letter in text]
    space = round(pill * 0.05)
    padding = round(pill * 0.44)
    canvas = np.zeros((pill, 2 * padding + sum(widths) + space * (len(text) - 1)), np.uint8)
    x, baseline = padding, round(pill * 0.70)
    for letter, width in zip(text, widths, strict=True):
        cv2.putText(canvas, letter, (x, baseline), font, size, 255, stroke, cv2.LINE_AA)
        x += width + space
    return (canvas / 255).astype(np.float32)


def _box_of(letters: NDArray[np.float32], width: int, height: int) -> WatermarkBox:
    def even(length: float) -> int:
        return round(length / 2) * 2

    margin = max(6, even(min(width, height) * 0.03))
    box_width = min(even(letters.shape[1] / _SUPERSAMPLING), width // 2 * 2 - 2 * margin)
    box_height = min(even(letters.shape[0] / _SUPERSAMPLING), height // 2 * 2 - 2 * margin)
    return WatermarkBox(width - margin - box_width, height - margin - box_height, box_width, box_height)


def _draw_pill(letters: NDArray[np.float32], box: WatermarkBox) -> tuple[Pixels, NDArray[np.float32]]:
    """Return the colour of the pill's pixels (BGR) and their opacity, 0…1."""
    height, width = letters.shape
    pill = np.zeros((height, width), np.uint8)
    r = height // 2
    cv2.rectangle(pill, (r, 0), (width - r - 1, height - 1), 255, -1)
    cv2.circle(pill, (r, r), r, 255, -1, cv2.LINE_AA)
    cv2.circle(pill, (width - r - 1, r), r, 255, -1, cv2.LINE_AA)
    white = letters * _WHITE_COVER
    dark = (1 - white) * (pill / 255) * _DARK_COVER
    size = (box.width, box.height)
    cover = cv2.resize(white + dark, size, interpolation=cv2.INTER_AREA)
    light = cv2.resize(white * 255 + dark * _DARK, size, interpolation=cv2.INTER_AREA)
    grey = np.clip(np.rint(light / np.maximum(cover, 1e-3)), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2), cover.astype(np.float32)
