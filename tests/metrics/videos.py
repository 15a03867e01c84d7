"""Videos of known content, and an executor that runs each task at once."""

import struct
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pixverse_nb.sandbox.render import render_video

Pixels = NDArray[np.uint8]
Item = TypeVar("Item")
Value = TypeVar("Value")

PICTURES = Path(__file__).parents[2] / "notebooks" / "pictures"
WIDE, CLOSE = PICTURES / "coffee_wide.jpg", PICTURES / "coffee_close.jpg"
WIDTH, HEIGHT = 320, 180


class SerialExecutor:
    """The simplest executor: `submit` runs the task."""

    def submit(self, task: Callable[[Item], Value], item: Item, /) -> Future[Value]:
        """Run the task and return a finished future."""
        future: Future[Value] = Future()
        try:
            future.set_result(task(item))
        except Exception as error:  # noqa: BLE001 - any error of the task belongs to the future
            future.set_exception(error)
        return future


def write_video(path: Path, frames: Iterable[Pixels], *, fps: int = 24, crf: int = 0, **stream: Any) -> Path:
    """Write RGB frames as H.264; with crf=0 the yuv420p planes are kept exactly."""
    with av.open(str(path), "w", format="mp4") as container:
        out: Any = None
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            if out is None:
                out = container.add_stream("libx264", rate=fps, options={"crf": str(crf), "preset": "ultrafast"})
                out.width, out.height, out.pix_fmt = frame.width, frame.height, "yuv420p"
                for name, value in stream.items():
                    setattr(out.codec_context, name, value)
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(out.encode(frame))
        container.mux(out.encode(None))
    return path


def turn(path: Path) -> Path:
    """Mark a video as stored on its side: a player turns it clockwise by 90°."""
    upright = (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    turned = (0, 0x10000, 0, -0x10000, 0, 0, 180 << 16, 0, 0x40000000)
    data = path.read_bytes()
    at = data.index(struct.pack(">9i", *upright), data.index(b"tkhd"))
    path.write_bytes(data[:at] + struct.pack(">9i", *turned) + data[at + 36 :])
    return path


def decode_frames(path: Path) -> list[Pixels]:
    """Return every frame as RGB, with the simplest use of the decoder."""
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]


def save_png(path: Path, pixels: Pixels) -> Path:
    """Write an image without loss."""
    Image.fromarray(pixels).save(path)
    return path


def grey_frame(level: int, *, width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """Return a frame of one grey level, 0…255."""
    return np.full((height, width, 3), level, np.uint8)


def photo(*, width: int = WIDTH, height: int = HEIGHT, name: str = "coffee_wide.jpg") -> Pixels:
    """Return one of the repository's photographs at this size."""
    with Image.open(PICTURES / name) as picture:
        return np.asarray(picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS), np.uint8)


def scene(seed: int, *, width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """Return a soft coloured cloud, different for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.uint8)


def render_sandbox_video(
    path: Path, *, seed: int = 7, width: int = WIDTH, height: int = HEIGHT, duration_s: float = 1
) -> Path:
    """Render a video as the sandbox does, from one photograph of the coffee to the other."""
    render_video(
        [WIDE.read_bytes(), CLOSE.read_bytes()],
        path,
        width=width,
        height=height,
        duration_s=duration_s,
        seed=seed,
        motion_mode="normal",
    )
    return path
