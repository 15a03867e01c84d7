"""Reading frames: colours, formats, stills, OpenCV's threads, and missing packages."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from threading import Barrier
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image

from pixverse_nb.errors import MeasureError
from pixverse_nb.metrics.frames import (
    Moment,
    StillsRequest,
    VideoReader,
    frame_planes,
    read_still_jpeg,
    read_stills,
    single_threaded_opencv,
)
from pixverse_nb.metrics.measure import measure_video
from tests.metrics.videos import grey_frame, scene, write_video

ROOT = Path(__file__).parents[2]
BT601, BT709 = (0.299, 0.114), (0.2126, 0.0722)
ORANGE = (220, 90, 30)


# -- frames ----------------------------------------------------------------------------------------------------------


def orange_levels(matrix: tuple[float, float]) -> tuple[int, int, int]:
    """Return luma and chromas of orange in the levels 16…240, by ITU-R BT.601 or BT.709."""
    red, green, blue = (value / 255 for value in ORANGE)
    red_weight, blue_weight = matrix
    luma = red_weight * red + (1 - red_weight - blue_weight) * green + blue_weight * blue
    cb, cr = (blue - luma) / (2 * (1 - blue_weight)), (red - luma) / (2 * (1 - red_weight))
    return round(16 + 219 * luma), round(128 + 224 * cb), round(128 + 224 * cr)


def write_planes(path: Path, levels: tuple[int, int, int], *, height: int, matrix: int | None) -> Path:
    """Write a video whose planes have these levels, with this number of a colour matrix, or none."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=24, options={"crf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, height, "yuv420p"
        if matrix is not None:
            stream.codec_context.colorspace = matrix
        frame = av.VideoFrame(64, height, "yuv420p")
        for plane, level in zip(frame.planes, levels, strict=True):
            plane.update(bytes([level]) * plane.buffer_size)
        frame.pts, frame.time_base = 0, Fraction(1, 24)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("height", "number", "matrix"),
    [
        (540, 1, BT709),
        (540, 6, BT601),
        (720, 6, BT601),
        (540, None, BT601),
        (720, None, BT709),
        (540, 3, BT601),  # a reserved number, which FFmpeg refuses to convert
        (720, 14, BT709),  # ICtCp, which it refuses too
    ],
)
def test_colours_follow_the_matrix(
    tmp_path: Path, height: int, number: int | None, matrix: tuple[float, float]
) -> None:
    """The stated matrix is used; without one, BT.601 below 720 lines and BT.709 from there, as players do."""
    path = write_planes(tmp_path / "video.mp4", orange_levels(matrix), height=height, matrix=number)
    with VideoReader(path) as video:
        (frame,) = video
    assert frame.to_ndarray(format="rgb24").mean(axis=(0, 1)) == pytest.approx(ORANGE, abs=3)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_every_format_becomes_three_planes_of_bytes(tmp_path: Path, pixel_format: str) -> None:
    """Videos of other formats are converted to yuv420p."""
    with av.open(str(tmp_path / "video.mp4"), "w") as container:
        stream: Any = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 36, pixel_format
        frame = av.VideoFrame.from_ndarray(np.full((36, 64, 3), 128, np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with VideoReader(tmp_path / "video.mp4") as video:
        (frame,) = video
    luma, *chromas = frame_planes(frame)
    assert luma.shape == (36, 64)
    assert [chroma.shape for chroma in chromas] == [(18, 32), (18, 32)]
    assert luma.mean() == pytest.approx(126, abs=2)


def test_a_video_has_its_rate_and_duration(tmp_path: Path) -> None:
    """Frames per second and seconds come from the mp4."""
    path = write_planes(tmp_path / "video.mp4", (90, 90, 90), height=36, matrix=None)
    with VideoReader(path) as video:
        assert video.fps == 24
        assert video.duration_s == pytest.approx(1 / 24, abs=0.001)


def test_a_tiny_video_is_rejected(tmp_path: Path) -> None:
    """A video under 16 pixels a side is a MeasureError that names its size."""
    path = write_planes(tmp_path / "video.mp4", (90, 90, 90), height=8, matrix=None)
    with VideoReader(path) as video, pytest.raises(MeasureError, match="64 × 8"):
        next(iter(video))


def test_a_colon_in_a_relative_path_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose name looks like an address to FFmpeg is opened."""
    write_video(tmp_path / "video.mp4", [grey_frame(90)] * 2).rename(tmp_path / "take:2.mp4")
    monkeypatch.chdir(tmp_path)
    assert measure_video(Path("take:2.mp4")).frames == 2
    assert read_still_jpeg(Path("take:2.mp4"))


def test_a_title_in_another_encoding_is_ignored(tmp_path: Path) -> None:
    """A video whose metadata is not UTF-8 can be read."""
    path = tmp_path / "video.mp4"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "ABCD"
        stream: Any = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((36, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    path.write_bytes(path.read_bytes().replace(b"ABCD", b"caf\xe9"))
    assert measure_video(path).frames == 1


def test_a_cover_image_is_not_the_video(tmp_path: Path) -> None:
    """If the file has a cover image before its video track, the video is measured."""
    path = tmp_path / "video.mp4"
    cover = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(cover, "JPEG")
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        picture: Any = container.add_stream("mjpeg", rate=1)
        picture.width, picture.height, picture.pix_fmt = 64, 64, "yuvj420p"
        picture.disposition = Disposition.attached_pic
        packet = av.Packet(cover.getvalue())
        packet.stream, packet.pts, packet.dts = picture, 0, 0
        container.mux(packet)
        for level in (0, 90, 180):
            frame = av.VideoFrame.from_ndarray(grey_frame(level, width=64, height=36), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    track, metadata = data.index(b"trak") - 4, data.rindex(b"udta") - 4
    end = metadata + int.from_bytes(data[metadata : metadata + 4])
    path.write_bytes(data[:track] + data[metadata:end] + data[track:metadata] + data[end:])
    assert measure_video(path).frames == 3
    assert jpeg_brightness(read_still_jpeg(path, position=1.0)) == pytest.approx(180, abs=6)


@pytest.mark.parametrize("name", ["take\n2.mp4", os.fsdecode(b"caf\xe9.mp4")])
def test_a_message_can_be_printed_whatever_the_name(tmp_path: Path, name: str) -> None:
    """A file name with control characters or in another encoding does not make the message unprintable."""
    path = write_video(tmp_path / "video.mp4", [grey_frame(90)] * 2).rename(tmp_path / name)
    assert measure_video(path).frames == 2
    path.write_bytes(b"")
    with pytest.raises(MeasureError) as caught:
        measure_video(path)
    assert str(caught.value).isprintable()
    assert str(caught.value).encode()


def test_an_unknown_codec_is_not_called_damaged(tmp_path: Path) -> None:
    """A complete video without a decoder is a MeasureError that names the codec and suggests another one."""
    path = write_video(tmp_path / "video.mp4", [grey_frame(90)] * 2)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    for read in (measure_video, read_still_jpeg):
        with pytest.raises(MeasureError, match="zzzz") as caught:
            read(path)
        assert "H.264" in str(caught.value)
        assert "Download" not in str(caught.value)


# -- stills ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "levels"), [(1, (0, 0, 0)), (2, (0, 10, 10)), (3, (0, 10, 20)), (8, (0, 40, 70)), (9, (0, 40, 80))]
)
def test_first_middle_and_last_frame(tmp_path: Path, count: int, levels: tuple[int, ...]) -> None:
    """The middle frame is the one on display when half of the duration has passed."""
    path = write_video(tmp_path / "video.mp4", [grey_frame(10 * number) for number in range(count)])
    stills = read_stills(StillsRequest(path, ("first", "middle", "last"), 64, 36))
    assert [still.mean() for still in stills] == pytest.approx(levels, abs=2)


@pytest.mark.parametrize(
    ("moments", "levels"), [(("first",), [0]), (("middle", "first"), [40, 0]), (("last", "middle"), [80, 40])]
)
def test_stills_come_in_the_requested_order(tmp_path: Path, moments: tuple[Moment, ...], levels: list[int]) -> None:
    """Only the requested frames are returned, in the order of the request."""
    path = write_video(tmp_path / "video.mp4", [grey_frame(10 * number) for number in range(9)])
    stills = read_stills(StillsRequest(path, moments, 64, 36))
    assert [still.mean() for still in stills] == pytest.approx(levels, abs=2)


@pytest.mark.parametrize(
    ("box", "size"), [((160, 160), (90, 160)), ((400, 90), (90, 160)), ((640, 640), (360, 640)), ((3, 90), (2, 3))]
)
def test_stills_fit_into_the_box(tmp_path: Path, box: tuple[int, int], size: tuple[int, int]) -> None:
    """A still is as large as the box allows in its own shape, even if that is larger than the video."""
    path = write_video(tmp_path / "video.mp4", [grey_frame(9)])
    (still,) = read_stills(StillsRequest(path, ("first",), *box))
    assert still.shape == (*size, 3)


def test_a_missing_video_has_no_stills(tmp_path: Path) -> None:
    """A video that does not exist is a MeasureError that names it."""
    with pytest.raises(MeasureError, match=r"gone\.mp4"):
        read_stills(StillsRequest(tmp_path / "gone.mp4", ("first",), 64, 36))


def jpeg_brightness(jpeg: bytes) -> int:
    """Return the mean brightness of a JPEG, 0…255."""
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.format == "JPEG"
        return image.convert("L").resize((1, 1)).tobytes()[0]


def test_a_still_is_the_frame_at_its_position(tmp_path: Path) -> None:
    """In a video that brightens by 9 levels a frame, the frame at a share of the duration is found."""
    path = write_video(tmp_path / "video.mp4", [grey_frame(9 * number) for number in range(24)])
    assert jpeg_brightness(read_still_jpeg(path, position=0.0)) == pytest.approx(0, abs=4)
    assert jpeg_brightness(read_still_jpeg(path)) == pytest.approx(12 * 9, abs=6)
    assert jpeg_brightness(read_still_jpeg(path, position=1.0)) == pytest.approx(23 * 9, abs=6)


def test_a_still_jpeg_is_scaled_down_only(tmp_path: Path) -> None:
    """The longer side has at most the given number of pixels, and a smaller video is not enlarged."""
    path = write_video(tmp_path / "video.mp4", [grey_frame(90)])
    for longest_px, size in ((160, (160, 90)), (640, (320, 180))):
        with Image.open(io.BytesIO(read_still_jpeg(path, longest_px=longest_px))) as image:
            assert image.size == size


def test_an_unreadable_video_has_no_still_jpeg(tmp_path: Path) -> None:
    """A missing file and an incomplete video are a MeasureError that names the file."""
    incomplete = write_video(tmp_path / "incomplete.mp4", [scene(1)] * 4)
    incomplete.write_bytes(incomplete.read_bytes()[:-200])
    for path in (tmp_path / "gone.mp4", incomplete):
        with pytest.raises(MeasureError, match=path.name):
            read_still_jpeg(path)


# -- OpenCV's threads ------------------------------------------------------------------------------------------------


@pytest.fixture
def three_opencv_threads() -> Iterator[None]:
    """Let OpenCV use three threads during the test."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    yield
    cv2.setNumThreads(before)


@pytest.mark.usefixtures("three_opencv_threads")
def test_opencv_has_one_thread_inside_the_block() -> None:
    """The thread count is 1 inside the block and restored afterwards, even after an error."""

    def count_and_fail(counts: list[int]) -> None:
        with single_threaded_opencv():
            counts.append(cv2.getNumThreads())
            raise ZeroDivisionError

    counts: list[int] = []
    with pytest.raises(ZeroDivisionError):
        count_and_fail(counts)
    assert (counts, cv2.getNumThreads()) == ([1], 3)


@pytest.mark.usefixtures("three_opencv_threads")
def test_the_last_thread_to_leave_restores_the_count() -> None:
    """OpenCV stays on one thread while any thread is inside the block."""
    both_inside, first_left = Barrier(2, timeout=60), Barrier(2, timeout=60)

    def leave_first() -> None:
        with single_threaded_opencv():
            both_inside.wait()
        first_left.wait()

    with ThreadPoolExecutor(1) as pool:
        leaving = pool.submit(leave_first)
        with single_threaded_opencv():
            both_inside.wait()
            first_left.wait()
            assert cv2.getNumThreads() == 1
        leaving.result()
    assert cv2.getNumThreads() == 3


@pytest.mark.usefixtures("three_opencv_threads")
def test_a_video_is_measured_on_one_thread(tmp_path: Path) -> None:
    """OpenCV has one thread while a video is read, here a named pipe that is still empty."""
    os.mkfifo(tmp_path / "video.mp4")
    with ThreadPoolExecutor(1) as pool:
        measuring = pool.submit(measure_video, tmp_path / "video.mp4")
        with (tmp_path / "video.mp4").open("wb"):  # returns when the other side has opened the pipe
            assert cv2.getNumThreads() == 1
        assert isinstance(measuring.exception(), MeasureError)
    assert cv2.getNumThreads() == 3


START_POOL = """
import cv2, numpy as np
cv2.setNumThreads(3)
image = np.random.default_rng(1).integers(0, 255, (1080, 1920, 3), np.uint8)
cv2.resize(cv2.GaussianBlur(image, (0, 0), 5), None, fx=2, fy=2, interpolation=cv2.INTER_LANCZOS4)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_process_forked_after_the_import_measures(tmp_path: Path) -> None:
    """A forked worker gives the same numbers, although OpenCV had threads in its parent, which keeps its own count."""
    path = write_video(tmp_path / "video.mp4", [scene(1), scene(2), scene(3)])
    code = f"""{START_POOL}
import os
from pathlib import Path
from pixverse_nb.metrics.measure import measure_video
path = Path({str(path)!r})
if os.fork() == 0:
    print(measure_video(path).frames, cv2.getNumThreads(), flush=True)
    os._exit(0)
os.wait()
print(measure_video(path).frames, cv2.getNumThreads())
"""
    assert run_script(code) == ["3 3", "3 3"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_process_forked_before_the_import_measures(tmp_path: Path) -> None:
    """A worker that was forked with OpenCV's threads, before this package could stop them, does not wait for them."""
    path = write_video(tmp_path / "video.mp4", [scene(1), scene(2), scene(3)])
    code = f"""{START_POOL}
import os
from pathlib import Path
if os.fork() == 0:
    from pixverse_nb.metrics.measure import measure_video
    for _ in range(2):
        print(measure_video(Path({str(path)!r})).frames, flush=True)
    os._exit(0)
os.wait()
"""
    assert run_script(code) == ["3", "3"]


def run_script(code: str) -> list[str]:
    """Run a script in a new process and return its lines."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=180)
    return done.stdout.splitlines()


# -- optional packages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["av", "cv2", "PIL", "skimage"])
@pytest.mark.parametrize("module", ["frames", "measure", "contact_sheet"])
def test_a_missing_package_is_a_config_error(module: str, missing: str) -> None:
    """Importing a module says in one line which package is missing and what to install."""
    code = f"""
import importlib, sys
sys.modules[{missing!r}] = None
from pixverse_nb.errors import ConfigError
try:
    importlib.import_module("pixverse_nb.metrics.{module}")
except ConfigError as error:
    print(error)
"""
    (line,) = run_script(code)
    assert missing in line
    assert "pixverse-nb[sweep]" in line
