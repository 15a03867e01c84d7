"""Read the frames of an mp4 with PyAV. The optional packages of all metrics are imported here too.

The other modules of this package import av, cv2, numpy and Pillow from this one, so that a missing package is always a
ConfigError that says what to install.
"""

import io
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self, get_args

from pixverse_nb.errors import ConfigError, DownloadError, MeasureError
from pixverse_nb.mp4 import probe_mp4

try:
    import av
    import cv2
    import numpy as np
    from av.video.reformatter import VideoReformatter
    from numpy.typing import NDArray
    from PIL import Image, ImageDraw, ImageFont, ImageOps
    from skimage.metrics import structural_similarity
except ModuleNotFoundError as error:
    raise ConfigError(
        f"Measuring videos needs a package that is not installed ({error.name}). Run: pip install 'pixverse-nb[sweep]'"
    ) from error

__all__ = [
    "MOMENTS",
    "Image",
    "ImageDraw",
    "ImageFont",
    "ImageOps",
    "Moment",
    "NDArray",
    "Pixels",
    "Sound",
    "StillsRequest",
    "VideoReader",
    "VideoReformatter",
    "av",
    "cv2",
    "frame_planes",
    "np",
    "printable_name",
    "read_frame",
    "read_still_jpeg",
    "read_stills",
    "single_threaded_opencv",
    "structural_similarity",
]

Pixels = NDArray[np.uint8]
Sound = NDArray[np.float32]
Moment = Literal["first", "middle", "last"]
MOMENTS: Final[tuple[str, ...]] = get_args(Moment)

_MIN_SIDE_PX: Final = 16
_JPEG_QUALITY: Final = 82
_PLANAR_FORMATS: Final = ("yuv420p", "yuvj420p")  # the second one is the first with full-range levels
# Colour matrices by their numbers in ITU-T H.273.
_BT709, _UNSPECIFIED = 1, 2
_CONVERTIBLE_MATRICES: Final = frozenset({0, 1, 2, 4, 5, 6, 7, 9})  # FFmpeg refuses to convert frames with others
_BT709_MIN_HEIGHT: Final = 720  # for a video without a matrix, Chromium assumes BT.709 from this height, BT.601 below
_OPENCV_WAIT_S: Final = 1.0
_SAME_TIME_S: Final = 1e-6  # a time that was computed from a frame number may be a little too early


class VideoReader:
    """An open mp4, whose frames can be iterated over once.

    `duration_s` (seconds) and `fps` (average frames per second) are None if the file does not state them. Raises
    MeasureError, on opening or while reading, if the file is missing, incomplete or cannot be decoded.

    >>> with VideoReader(Path("video.mp4")) as video:  # doctest: +SKIP
    ...     sizes = [(frame.width, frame.height) for frame in video]
    """

    def __init__(self, path: Path) -> None:
        self._name = printable_name(path)
        try:
            info = probe_mp4(path)  # a decoder would not notice that the end is missing
            # FFmpeg takes the part of a relative path before a colon for a protocol, so the path must be absolute.
            self._container = av.open(str(path.absolute()), metadata_errors="replace")
        except (DownloadError, av.FFmpegError) as error:
            raise self.unreadable(error) from error
        self._codec = info.codec
        stream = self._container.streams.best("video")  # the first one may be a cover image
        if not isinstance(stream, av.VideoStream):
            raise MeasureError(f"{self._name} has no video track. Choose another file.")
        self.stream = stream
        if context := stream.codec_context:  # None if FFmpeg has no decoder for it; decoding then raises
            context.thread_count = 1  # the caller decodes as many videos at once as there are processors
        self.duration_s = info.duration_s
        self.fps = float(stream.average_rate) if stream.average_rate else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[av.VideoFrame]:
        """Yield every frame as planar YUV 4:2:0 of one size, with its colour matrix set. Nothing is copied if possible.

        Raises MeasureError for a video under 16 pixels a side.
        """
        reformatter = VideoReformatter()
        size: tuple[int, int] | None = None
        for frame in self._decode():
            size = size or self._check_size(frame)
            if frame.format.name not in _PLANAR_FORMATS or (frame.width, frame.height) != size:
                frame = reformatter.reformat(frame, width=size[0], height=size[1], format="yuv420p")
            yield _with_matrix(frame)

    def frame_at(self, seconds: float) -> av.VideoFrame:
        """Return the first frame at or after this time, or the last frame of a shorter video."""
        try:
            self._container.seek(int(seconds * av.time_base))  # to the key frame before it
        except av.FFmpegError as error:
            raise self.unreadable(error) from error
        frames = self._decode()
        found = next(frames)
        while found.time is not None and found.time < seconds and (following := next(frames, None)) is not None:
            found = following
        return _with_matrix(found)

    def shown_at(self, seconds: float) -> av.VideoFrame:
        """Return the frame on display at this time: the last one that starts at or before it, or else the first."""
        try:
            self._container.seek(int(seconds * av.time_base))  # to the key frame before it
        except av.FFmpegError as error:
            raise self.unreadable(error) from error
        frames = self._decode()
        found = next(frames)
        for frame in frames:
            if frame.time is not None and frame.time > seconds + _SAME_TIME_S:
                break
            found = frame
        return _with_matrix(found)

    def read_packets(self) -> "list[av.Packet[av.VideoStream]]":
        """Return the compressed frames in decoding order."""
        try:
            return [packet for packet in self._container.demux(self.stream) if packet.size]
        except av.FFmpegError as error:
            raise self.unreadable(error) from error

    def decode_packets(self, packets: "Iterable[av.Packet[av.VideoStream]]") -> Iterator[av.VideoFrame]:
        """Yield the frames of these packets, of which the first is a key frame, in the order of display."""
        context = self.stream.codec_context
        context.flush_buffers()
        try:
            for packet in (*packets, None):
                yield from context.decode(packet)
        except av.FFmpegError as error:
            raise self.unreadable(error) from error

    def read_sound(self, rate: int) -> Iterator[Sound]:
        """Yield the sound track as arrays of 2 × samples at this rate; nothing if there is none."""
        if not self._container.streams.audio:
            return
        resampler = av.AudioResampler("fltp", "stereo", rate)
        try:
            self._container.seek(0)
            for frame in (*self._container.decode(audio=0), None):
                for part in resampler.resample(frame):
                    yield np.asarray(part.to_ndarray(), np.float32)
        except av.FFmpegError as error:
            raise self.unreadable(error) from error

    @property
    def sound_rate(self) -> int | None:
        """Samples per second of the sound track, or None if there is none."""
        return self._container.streams.audio[0].rate if self._container.streams.audio else None

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Yield the decoder's own frames, at least one."""
        is_empty = True
        try:
            for frame in self._container.decode(self.stream):
                is_empty = False
                if frame.colorspace not in _CONVERTIBLE_MATRICES:
                    frame.colorspace = _UNSPECIFIED
                yield frame
        except av.FFmpegError as error:
            raise self.unreadable(error) from error
        if is_empty:
            raise MeasureError(f"{self._name} has no frame that can be decoded. Download it again.")

    def _check_size(self, frame: av.VideoFrame) -> tuple[int, int]:
        if min(frame.width, frame.height) < _MIN_SIDE_PX:
            raise MeasureError(
                f"{self._name} has {frame.width} × {frame.height} pixels. "
                f"Videos under {_MIN_SIDE_PX} × {_MIN_SIDE_PX} pixels cannot be measured."
            )
        return frame.width, frame.height

    def unreadable(self, error: Exception) -> MeasureError:
        """Return the error that says why this video cannot be read."""
        if isinstance(error, av.error.DecoderNotFoundError):
            reason = f"There is no decoder for its codec ({self._codec!r}). Convert it to H.264."
        elif isinstance(error, DownloadError):
            reason = str(error)
        else:
            reason = f"Its frames cannot be decoded ({error}). Download it again."
        return MeasureError(f"{self._name} cannot be read. {reason}")


def printable_name(path: Path) -> str:
    """Return the file's name for a message, with "?" for what a terminal cannot show."""
    return "".join(character if character.isprintable() else "?" for character in path.name)


def frame_planes(frame: av.VideoFrame) -> tuple[Pixels, ...]:
    """Return the luma and the two chroma planes of a frame as views of the decoder's own memory."""
    return tuple(
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in frame.planes
    )


@dataclass(frozen=True)
class StillsRequest:
    """Which frames of a video to read, scaled to fit into `width` × `height` pixels."""

    path: Path
    moments: tuple[Moment, ...]
    width: int
    height: int


def read_stills(request: StillsRequest) -> tuple[Pixels, ...]:
    """Return the requested frames as arrays of height × width × RGB, in the order of `moments`.

    The middle frame is the one on display when half of the duration has passed. Raises MeasureError if the video cannot
    be read.
    """
    with VideoReader(request.path) as video:
        frames = _frames_at(video, request.moments)
    reformatter = VideoReformatter()
    return tuple(_scale(frames[moment], request, reformatter) for moment in request.moments)


def read_still_jpeg(path: Path, *, position: float = 0.5, longest_px: int = 480) -> bytes:
    """Return one frame of a video as a JPEG whose longer side has at most `longest_px` pixels.

    `position` is a share of the duration, 0 to 1. The default is the middle, because videos of the same two pictures
    differ most there. Raises MeasureError if the video cannot be read.
    """
    with VideoReader(path) as video:
        frame = video.frame_at(position * (video.duration_s or 0.0))
    image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]  # PyAV does not annotate it
    image.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS, reducing_gap=2.0)
    sink = io.BytesIO()
    image.save(sink, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return sink.getvalue()


def read_frame(path: Path, at: float | Moment) -> Image.Image:
    """Return one frame of a video, upright, as RGB: the one on display at `at` seconds, or the first, middle or last.

    Raises MeasureError if the video cannot be read.
    """
    with VideoReader(path) as video:
        end = video.duration_s or 0.0
        seconds = {"first": 0.0, "middle": end / 2, "last": end}[at] if isinstance(at, str) else at
        frame = video.shown_at(seconds)
    image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]  # PyAV does not annotate it
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image


@contextmanager
def single_threaded_opencv() -> Iterator[None]:
    """Keep OpenCV on the calling thread inside the block, in this and in all other threads.

    OpenCV has one thread count for the whole process, so the first thread to enter sets it to 1 and the last one to
    leave restores it. Small images gain nothing from more threads: waiting for each other costs a seventh more
    processor time. Raises ConfigError in a forked process in which OpenCV cannot work.
    """
    _opencv_threads.acquire()
    try:
        yield
    finally:
        _opencv_threads.release()


class _OpenCVThreads:
    """OpenCV's thread count: 1 while someone needs it, and without threads that a fork would leave behind.

    OpenCV keeps a pool of threads. A forked process inherits the pool but not the threads, and setting the count to 1
    then waits for them for ever. So once this module is imported, the pool is stopped before each fork. A process that
    was forked earlier sets the count in another thread and goes on: OpenCV has stored it by then, and does not use the
    pool any more.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._usual_count = 1
        self._count_before_fork = 1
        self._prepared_pid: int | None = None
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._before_fork, after_in_parent=self._after_fork, after_in_child=self._after_fork
            )

    def acquire(self) -> None:
        with self._lock:
            self._prepare_process()
            if self._users == 0:
                self._usual_count = cv2.getNumThreads()
                cv2.setNumThreads(1)
            self._users += 1

    def release(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                cv2.setNumThreads(self._usual_count)

    def _prepare_process(self) -> None:
        """Once in each process, make sure that setting the count to 1 returns, or raise ConfigError."""
        if self._prepared_pid == os.getpid():
            return
        usual_count = cv2.getNumThreads()
        attempt = threading.Thread(target=cv2.setNumThreads, args=(1,), daemon=True)
        attempt.start()
        attempt.join(_OPENCV_WAIT_S)
        if not attempt.is_alive():
            cv2.setNumThreads(usual_count)
        elif cv2.getNumThreads() != 1:
            raise ConfigError(
                "OpenCV cannot be used in this process, because it was forked from a process with OpenCV threads. "
                "Start the workers with multiprocessing.get_context('spawn')."
            )
        self._prepared_pid = os.getpid()

    def _before_fork(self) -> None:
        self._lock.acquire()  # held by another thread, it would stay locked in the child
        self._count_before_fork = cv2.getNumThreads()
        cv2.setNumThreads(1)

    def _after_fork(self) -> None:
        cv2.setNumThreads(self._count_before_fork)
        self._lock.release()


_opencv_threads: Final = _OpenCVThreads()


def _with_matrix(frame: av.VideoFrame) -> av.VideoFrame:
    """Set the colour matrix that players assume if the frame has none."""
    if frame.colorspace == _UNSPECIFIED and frame.height >= _BT709_MIN_HEIGHT:
        frame.colorspace = _BT709
    return frame


def _frames_at(video: VideoReader, moments: Sequence[Moment]) -> dict[Moment, av.VideoFrame]:
    half_s = (video.duration_s or 0.0) / 2
    found: dict[Moment, av.VideoFrame] = {}
    for frame in video:
        found.setdefault("first", frame)
        if "middle" not in found or (frame.time or 0.0) <= half_s:
            found["middle"] = frame
        found["last"] = frame
        if "last" not in moments and (frame.time or 0.0) > half_s:
            break
    return found


def _scale(frame: av.VideoFrame, request: StillsRequest, reformatter: VideoReformatter) -> Pixels:
    scale = min(request.width / frame.width, request.height / frame.height)
    width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
    interpolation = "AREA" if scale < 1 else "BICUBIC"
    scaled = reformatter.reformat(frame, width=width, height=height, format="rgb24", interpolation=interpolation)
    return np.asarray(scaled.to_ndarray(), np.uint8)
