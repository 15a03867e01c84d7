"""The rendered videos, decoded again and compared with the input images."""

import errno
import os
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pixverse_nb.sandbox.interpolate import RenderError
from pixverse_nb.sandbox.render import render_video, video_size, watermark_box

PICTURES = Path(__file__).parents[2] / "notebooks" / "pictures"
WIDE, CLOSE = (PICTURES / "coffee_wide.jpg").read_bytes(), (PICTURES / "coffee_close.jpg").read_bytes()
CAT, ASTRONAUT = (PICTURES / "chelsea.jpg").read_bytes(), (PICTURES / "astronaut.jpg").read_bytes()
WIDTH, HEIGHT = 320, 180

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Decoded:
    """The frames and properties of an mp4."""

    path: Path
    frames: NDArray[np.uint8]
    """Number × height × width × blue, green, red."""
    duration_s: float
    rate: float
    pixel_format: str
    codec: str
    streams: int
    colour: tuple[int, int, int, int]
    """Range, matrix, primaries, transfer, as the numbers of ITU-T H.273; range 1 is limited."""


Render = Callable[..., Decoded]


@pytest.fixture(scope="module")
def render(tmp_path_factory: pytest.TempPathFactory) -> Render:
    """Return a function that renders and decodes a video, each video once."""
    folder = tmp_path_factory.mktemp("videos")
    rendered: dict[Any, Decoded] = {}

    def render_once(*images: bytes, **change: Any) -> Decoded:
        options = {"width": WIDTH, "height": HEIGHT, "duration_s": 1, "seed": 7, "motion_mode": "normal", **change}
        key = (*map(hash, images), *sorted(options.items()))
        if key not in rendered:
            path = folder / f"{len(rendered)}.mp4"
            render_video(images, path, **options)
            rendered[key] = decode(path)
        return rendered[key]

    return render_once


def decode(path: Path) -> Decoded:
    """Decode an mp4 as a player would."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = np.stack([frame.to_ndarray(format="bgr24") for frame in container.decode(stream)]).astype(np.uint8)
        codec = stream.codec_context
        assert container.duration is not None
        assert stream.average_rate is not None
        return Decoded(
            path=path,
            frames=frames,
            duration_s=container.duration / av.time_base,
            rate=float(stream.average_rate),
            pixel_format=str(codec.pix_fmt),
            codec=codec.name,
            streams=len(container.streams),
            colour=(codec.color_range, codec.colorspace, codec.color_primaries, codec.color_trc),
        )


def expected_frame(encoded: bytes, width: int = WIDTH, height: int = HEIGHT) -> Frame:
    """Return the middle of an image at the video's size."""
    pixels = np.asarray(cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR))
    scale = max(width / pixels.shape[1], height / pixels.shape[0])
    keep_x, keep_y = round(width / scale), round(height / scale)
    left, top = (pixels.shape[1] - keep_x) // 2, (pixels.shape[0] - keep_y) // 2
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    cut = cv2.resize(pixels[top : top + keep_y, left : left + keep_x], (width, height), interpolation=way)
    return np.asarray(cut, np.uint8)


def psnr(frame: Frame, true: Frame, watermark: str = "SANDBOX") -> float:
    """Return the peak signal-to-noise ratio of the brightness in dB, without the watermark."""
    height, width = true.shape[:2]
    error = (cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY).astype(np.float64) - cv2.cvtColor(true, cv2.COLOR_BGR2GRAY)) ** 2
    box = watermark_box(watermark, width=width, height=height)
    error[box.top : box.top + box.height, box.left : box.left + box.width] = np.nan
    return float(10 * np.log10(255**2 / np.nanmean(error)))


def png(pixels: NDArray[Any]) -> bytes:
    """Return a PNG of these pixels."""
    return cv2.imencode(".png", pixels)[1].tobytes()


def plain(blue: int, green: int, red: int) -> bytes:
    """Return an image of one colour."""
    return png(np.full((HEIGHT, WIDTH, 3), (blue, green, red), np.uint8))


@pytest.mark.parametrize(
    ("quality", "aspect_ratio", "size"),
    [
        ("360p", "16:9", (640, 360)),
        ("540p", "16:9", (960, 540)),
        ("720p", "16:9", (1280, 720)),
        ("1080p", "16:9", (1920, 1080)),
        ("480p", "16:9", (854, 480)),
        ("360p", "9:16", (360, 640)),
        ("720p", "3:2", (1080, 720)),
        ("720p", "21:9", (1680, 720)),
        ("720p", "9:16", (720, 1280)),
        ("540p", "1:1", (540, 540)),
        ("720p", "1:1", (720, 720)),
        ("720p", "4:3", (960, 720)),
        ("1080p", "3:4", (1080, 1440)),
    ],
)
def test_quality_names_the_shorter_side(quality: str, aspect_ratio: str, size: tuple[int, int]) -> None:
    """The quality is the shorter side, and the ratio gives the longer one."""
    assert video_size(quality, aspect_ratio) == size


@pytest.mark.parametrize(("quality", "aspect_ratio"), [("420p", "16:9"), ("720p", "wide"), ("720p", "16:0"), ("", "")])
def test_unknown_sizes_are_refused(quality: str, aspect_ratio: str) -> None:
    """An unknown quality or ratio raises RenderError."""
    with pytest.raises(RenderError):
        video_size(quality, aspect_ratio)


@pytest.mark.parametrize("aspect_ratio", ["16:9", "9:16", "1:1", "4:3", "3:4"])
def test_frames_have_the_requested_size(render: Render, aspect_ratio: str) -> None:
    """Every frame has the requested size, even if the images have another ratio."""
    width, height = (side // 2 for side in video_size("360p", aspect_ratio))
    shape = (width // 2 * 2, height // 2 * 2)
    video = render(CAT, ASTRONAUT, width=shape[0], height=shape[1], duration_s=0.25)
    assert video.frames.shape == (6, shape[1], shape[0], 3)
    assert psnr(video.frames[0], expected_frame(CAT, *shape)) > 35
    assert psnr(video.frames[-1], expected_frame(ASTRONAUT, *shape)) > 35


@pytest.mark.parametrize(("width", "height"), [(202, 114), (34, 18), (16, 64)])
def test_unusual_sizes(render: Render, width: int, height: int) -> None:
    """Sizes that are not multiples of 16, or smaller than the watermark, work."""
    video = render(plain(90, 120, 200), plain(40, 200, 90), width=width, height=height, duration_s=0.25)
    assert video.frames.shape == (6, height, width, 3)
    assert abs(video.frames[0, 2, 2].astype(int) - (90, 120, 200)).max() <= 4


@pytest.mark.parametrize(("duration_s", "frames"), [(5, 120), (8, 192)])
def test_duration_is_exact(render: Render, duration_s: int, frames: int) -> None:
    """Five seconds are 120 frames and eight are 192, at 24 per second, and the container says the same."""
    video = render(WIDE, CLOSE, width=96, height=54, duration_s=duration_s)
    assert (len(video.frames), video.rate, video.duration_s) == (frames, 24, duration_s)


def test_codec(render: Render) -> None:
    """The file has one stream, H.264 in yuv420p, which browsers can play."""
    video = render(WIDE, CLOSE)
    assert (video.codec, video.pixel_format, video.streams) == ("h264", "yuv420p", 1)


def test_index_is_before_the_frames(render: Render) -> None:
    """The index is before the frames, so that a player can start before the file is complete."""
    data = render(WIDE, CLOSE).path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_colour_space_is_declared(render: Render) -> None:
    """The stream declares limited range and BT.709."""
    assert render(WIDE, CLOSE).colour == (1, 1, 1, 1)


@pytest.mark.parametrize(
    "colour", [(200, 60, 30), (40, 40, 210), (60, 190, 70), (128, 128, 128), (10, 10, 10), (245,) * 3]
)
def test_colours_are_preserved(render: Render, colour: tuple[int, int, int]) -> None:
    """A decoder returns the image's own colours, dark, bright or saturated."""
    video = render(plain(*colour), plain(*colour), duration_s=0.25)
    assert abs(video.frames[0, :120].mean((0, 1)) - colour).max() < 3


@pytest.mark.parametrize("motion_mode", ["normal", "fast"])
@pytest.mark.parametrize("pair", [(WIDE, CLOSE), (CAT, ASTRONAUT)], ids=["one scene", "two scenes"])
def test_starts_and_ends_with_the_images(render: Render, pair: tuple[bytes, bytes], motion_mode: str) -> None:
    """The first decoded frame is the first image, and the last is the last."""
    video = render(*pair, motion_mode=motion_mode)
    assert psnr(video.frames[0], expected_frame(pair[0])) > 35
    assert psnr(video.frames[-1], expected_frame(pair[1])) > 35


def test_camera_moves_instead_of_dissolving(render: Render) -> None:
    """Half-way between two framings of one photograph is the framing between them, not a dissolve."""
    wide = render(WIDE, CLOSE, duration_s=2, drift=0.0)
    # CLOSE is WIDE enlarged 1.533 times around a fixed point.
    half = (1 / 1.5332) ** 0.5
    still = np.array([326.56, 137.26]) / (1.5332 - 1) * WIDTH / 960
    place = np.array([[half, 0, still[0] * (1 - half)], [0, half, still[1] * (1 - half)]])
    way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    true = np.asarray(cv2.warpAffine(expected_frame(WIDE), place, (WIDTH, HEIGHT), flags=way), np.uint8)
    dissolve = np.asarray(cv2.addWeighted(expected_frame(WIDE), 0.5, expected_frame(CLOSE), 0.5, 0), np.uint8)
    best = max(psnr(frame, true) for frame in wide.frames)
    assert best > psnr(dissolve, true) + 13


def test_watermark_is_in_its_corner(render: Render) -> None:
    """The watermark changes the lower right corner and nothing else."""
    grey = plain(128, 128, 128)
    shift = render(grey, grey, duration_s=0.25).frames[3].astype(int) - 128
    box = watermark_box("SANDBOX", width=WIDTH, height=HEIGHT)
    assert box.left > WIDTH * 0.7
    assert box.top > HEIGHT * 0.8
    inside = shift[box.top : box.top + box.height, box.left : box.left + box.width]
    assert inside.min() < -40
    assert inside.max() > 60
    shift[box.top - 2 : box.top + box.height + 2, box.left - 2 : box.left + box.width + 2] = 0
    assert abs(shift).max() <= 3


@pytest.mark.parametrize("level", [0, 255], ids=["black", "white"])
def test_watermark_is_legible(render: Render, level: int) -> None:
    """The letters of the watermark contrast with black and with white."""
    ground = plain(level, level, level)
    frame = render(ground, ground, width=640, height=360, duration_s=0.25).frames[0]
    box = watermark_box("SANDBOX", width=640, height=360)
    inside = frame[box.top : box.top + box.height, box.left : box.left + box.width].mean(axis=2)
    middle = inside[box.height // 3 : -box.height // 3]
    assert np.percentile(middle, 95) - np.percentile(middle, 40) > 70


def test_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """The same images, options and seed give the same bytes, whatever the memory contained before."""
    videos = set()
    for turn in range(6):
        out = tmp_path / f"{turn}.mp4"
        render_video([WIDE, CLOSE], out, width=WIDTH, height=HEIGHT, duration_s=1, seed=7, motion_mode="normal")
        videos.add(out.read_bytes())
        litter = [np.full(size, 37 * turn, np.uint8) for size in range(1000, 200000, 7001)]
        del litter[turn % 2 :: 2]
    assert len(videos) == 1


@pytest.mark.parametrize("pair", [(WIDE, CLOSE), (CAT, ASTRONAUT)], ids=["one scene", "two scenes"])
def test_seeds_differ(render: Render, pair: tuple[bytes, bytes]) -> None:
    """No two of four seeds give middle frames that look alike."""
    middles = [render(*pair, seed=seed).frames[12] for seed in (1, 2, 3, 2147483647)]
    likeness = [psnr(a, b) for index, a in enumerate(middles) for b in middles[:index]]
    assert max(likeness) < 30


def test_fast_moves_more(render: Render) -> None:
    """The largest change between two frames is clearly larger in the fast mode, for every seed."""

    def briskness(seed: int, motion_mode: str) -> float:
        frames = render(WIDE, CLOSE, seed=seed, motion_mode=motion_mode).frames.astype(np.float32)
        return float(np.abs(np.diff(frames, axis=0)).mean((1, 2, 3)).max())

    assert all(briskness(seed, "fast") > 1.2 * briskness(seed, "normal") for seed in (1, 2, 3))


def test_fast_wanders_farther(render: Render) -> None:
    """Between an image and itself only the camera wanders, and it goes farther in the fast mode."""

    def farthest(seed: int, motion_mode: str) -> float:
        frames = render(WIDE, WIDE, duration_s=0.5, seed=seed, motion_mode=motion_mode).frames
        return min(psnr(frame, expected_frame(WIDE)) for frame in frames)

    assert all(farthest(seed, "fast") < farthest(seed, "normal") - 1 for seed in (1, 2, 3))


@pytest.mark.parametrize("kind", [".png", ".jpg", ".webp", ".gif"])
def test_image_formats(render: Render, kind: str) -> None:
    """PNG, JPEG, WebP and GIF are decoded."""
    pixels = np.full((HEIGHT, WIDTH, 3), (90, 120, 200), np.uint8)
    video = render(cv2.imencode(kind, pixels)[1].tobytes(), CLOSE, duration_s=0.25)
    assert abs(video.frames[0, :100].mean((0, 1)) - (90, 120, 200)).max() < 5


def test_transparent_parts_are_white(render: Render) -> None:
    """Transparent parts of an image become white."""
    clear = png(np.zeros((HEIGHT, WIDTH, 4), np.uint8))
    assert render(clear, CLOSE, duration_s=0.25).frames[0, :100].min() > 250


@pytest.mark.parametrize("broken", [b"", b"no picture", WIDE[:200], b"\x89PNG\r\n\x1a\n"])
def test_invalid_image_is_named(broken: bytes, tmp_path: Path) -> None:
    """The error says which image cannot be decoded, and no file is left."""
    fields: dict[str, Any] = {"width": 64, "height": 36, "duration_s": 0.25, "seed": 1, "motion_mode": "normal"}
    out = tmp_path / "video.mp4"
    with pytest.raises(RenderError) as caught:
        render_video([broken, CLOSE], out, **fields)
    assert caught.value.input_index == 0
    with pytest.raises(RenderError) as caught:
        render_video([CLOSE, broken], out, **fields)
    assert caught.value.input_index == 1
    assert not out.exists()


@pytest.mark.parametrize(("width", "height"), [(33, 64), (64, 33), (14, 64), (64, 0)])
def test_impossible_sizes_are_refused(width: int, height: int, tmp_path: Path) -> None:
    """An odd or tiny size raises RenderError and leaves no file."""
    out = tmp_path / "video.mp4"
    with pytest.raises(RenderError):
        render_video([WIDE, CLOSE], out, width=width, height=height, duration_s=0.25, seed=1, motion_mode="normal")
    assert not out.exists()


def test_full_disk_leaves_no_file(tmp_path: Path) -> None:
    """If the file cannot grow, the system's error is raised and the unfinished file is removed."""
    out = tmp_path / "video.mp4"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
            render_video([WIDE, CLOSE], out, width=WIDTH, height=HEIGHT, duration_s=1, seed=1, motion_mode="normal")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not out.exists()


def test_several_images_are_passed_in_order(render: Render) -> None:
    """A video of three images starts with the first, has the second in the middle, and ends with the third."""
    video = render(WIDE, CAT, ASTRONAUT, duration_s=2.125, drift=0.0)
    frames = (video.frames[0], video.frames[len(video.frames) // 2], video.frames[-1])
    pairs = zip(frames, (WIDE, CAT, ASTRONAUT), strict=True)
    assert min(psnr(one, expected_frame(image)) for one, image in pairs) > 30


def test_one_image_is_start_and_end(render: Render) -> None:
    """A video of one image starts and ends with it."""
    video = render(CAT, duration_s=0.5)
    assert min(psnr(video.frames[i], expected_frame(CAT)) for i in (0, -1)) > 35


def test_no_image_gives_a_gradient(render: Render) -> None:
    """Without an image the seed decides the colours."""
    one, other = (render(seed=seed, duration_s=0.5).frames[0] for seed in (1, 2))
    assert psnr(one, other) < 30
