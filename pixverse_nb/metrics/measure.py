"""Measure videos: fidelity to their pictures, change over time, and how much several videos differ."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pixverse_nb.errors import MeasureError
from pixverse_nb.metrics.definitions import IDENTICAL_DB, Measurement
from pixverse_nb.metrics.executors import DaskClient, Executor, TaskResult, run_all
from pixverse_nb.metrics.frames import (
    Image,
    ImageOps,
    NDArray,
    Pixels,
    VideoReader,
    VideoReformatter,
    av,
    cv2,
    frame_planes,
    np,
    printable_name,
    single_threaded_opencv,
    structural_similarity,
)

NEARBY_FRAMES: Final = 12  # at either end, among which the closest one is searched: half a second
FINGERPRINT_MOMENTS: Final = 8
FINGERPRINT_SIDE_PX: Final = 32

_EQUAL_DB: Final = 0.1  # a smaller difference depends on how a still scene was encoded
_SMALL_WIDTH_PX: Final = 320
_FROZEN_LEVELS: Final = 0.001 * 256  # freezedetect's default noise: 0.001 of the range of 8 bits
_CUT_MIN_CHANGE: Final = 15.0  # AdaptiveDetector's minimum content value …
_CUT_RATIO: Final = 3.0  # … and its minimum ratio to the neighbouring steps,
_CUT_NEIGHBOURS: Final = 2  # of which this many on either side count
_FULL_RANGE: Final = 2  # FFmpeg's number for levels 0…255; otherwise they are 16…235


@dataclass(frozen=True)
class MeasureTask:
    """A video to measure, and the files of the two pictures as they were sent (None: do not compare)."""

    path: Path
    first: Path | None = None
    last: Path | None = None


def measure_video(path: Path, *, first: Path | None = None, last: Path | None = None) -> Measurement:
    """Return the metrics of the mp4 at `path`; `METRICS` explains each number.

    `first` and `last` are the files of the pictures as they were sent. The video is decoded once, frame by frame, and
    at most 26 frames are held in memory. The same files give the same numbers on any number of threads and machines.
    Raises MeasureError if a file is missing, incomplete or not of the expected kind.

    >>> measure_video(Path("video.mp4"), first=Path("first.png")).first_psnr_db  # doctest: +SKIP
    41.3
    """
    with single_threaded_opencv():
        return _measure(path, first, last)


def run_measure_task(task: MeasureTask) -> Measurement:
    """Call `measure_video` with the fields of `task`: a function of one argument, as executors need it."""
    return measure_video(task.path, first=task.first, last=task.last)


def measure_all(
    tasks: Sequence[MeasureTask],
    *,
    executor: Executor | DaskClient | None = None,
    on_done: Callable[[int, TaskResult[Measurement]], object] | None = None,
) -> list[TaskResult[Measurement]]:
    """Measure every video and return the results in the same order. A failed task does not stop the others.

    `executor` and `on_done` are those of `executors.run_all`.
    """
    return run_all(run_measure_task, tasks, executor=executor, on_done=on_done)


def _measure(path: Path, first: Path | None, last: Path | None) -> Measurement:
    analyzer = TemporalAnalyzer()
    start: list[av.VideoFrame] = []
    end: deque[av.VideoFrame] = deque(maxlen=NEARBY_FRAMES)
    count = 0
    with VideoReader(path) as video:
        for frame in video:
            count += 1
            analyzer.add(frame)
            end.append(frame)
            if count <= NEARBY_FRAMES:
                start.append(frame)
        fps = video.fps or 0.0
        duration_s = video.duration_s if video.duration_s is not None else count / fps if fps else 0.0
    start_fidelity = compute_fidelity(start, first)
    end_fidelity = compute_fidelity(list(reversed(end)), last)
    stats = analyzer.stats()
    return Measurement(
        first_psnr_db=start_fidelity.psnr_db,
        first_ssim=start_fidelity.ssim,
        first_best_psnr_db=start_fidelity.best_psnr_db,
        first_offset=start_fidelity.offset,
        last_psnr_db=end_fidelity.psnr_db,
        last_ssim=end_fidelity.ssim,
        last_best_psnr_db=end_fidelity.best_psnr_db,
        last_offset=end_fidelity.offset,
        flicker_levels=stats.flicker_levels,
        motion_percent=stats.motion_percent,
        frozen_share=stats.frozen_share,
        cuts=len(stats.cut_frames),
        duration_s=duration_s,
        frames=count,
        fps=fps,
        width=end[0].width,
        height=end[0].height,
        cut_frames=stats.cut_frames,
        fingerprint=stats.fingerprint,
    )


# -- fidelity --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fidelity:
    """How close one end of a video comes to its picture: PSNR over 8-bit RGB and SSIM over 8-bit luma.

    `psnr_db` and `ssim` are of the frame at the end. `best_psnr_db` is the highest PSNR among the nearby frames, and
    `offset` counts frames from the end (0: the end itself) to the first one within 0.1 dB of it. All are None without a
    picture.
    """

    psnr_db: float | None = None
    ssim: float | None = None
    best_psnr_db: float | None = None
    offset: int | None = None


def compute_fidelity(frames: Sequence[av.VideoFrame], picture: Path | None) -> Fidelity:
    """Compare frames, ordered from one end of the video inwards, with the picture of that end.

    The picture is scaled to the video's size with a Lanczos filter; if the shapes differ, it is cropped around its
    centre. Raises MeasureError if it cannot be read.
    """
    if picture is None:
        return Fidelity()
    target = _read_picture(picture, width=frames[0].width, height=frames[0].height)
    reformatter = VideoReformatter()
    images = [_to_pixels(reformatter.reformat(frame, format="rgb24").to_ndarray()) for frame in frames]
    psnrs = [min(IDENTICAL_DB, float(cv2.PSNR(image, target))) for image in images]
    best = max(psnrs)
    offset = next(number for number, psnr in enumerate(psnrs) if psnr >= best - _EQUAL_DB)
    return Fidelity(psnr_db=psnrs[0], ssim=_ssim(images[0], target), best_psnr_db=best, offset=offset)


def _read_picture(path: Path, *, width: int, height: int) -> Pixels:
    """Return the picture as an array of height × width × RGB."""
    try:
        with Image.open(path) as picture:
            fitted = ImageOps.fit(picture.convert("RGB"), (width, height), Image.Resampling.LANCZOS)
    except (OSError, Image.DecompressionBombError, ValueError, SyntaxError) as error:  # Pillow raises all four
        raise MeasureError(
            f"The picture {printable_name(path)} cannot be read ({error}), so the video cannot be compared with it."
        ) from error
    return np.asarray(fitted, np.uint8)


def _ssim(one: Pixels, other: Pixels) -> float:
    """Return the SSIM of two RGB images as its authors compute it: over luma, with a Gaussian window."""
    luma = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (one, other))
    window: Any = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(structural_similarity(*luma, data_range=255, **window))  # type: ignore[no-untyped-call]  # not typed


# -- change over time ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TemporalStats:
    """The metrics of change over a whole video; see `METRICS` for each number."""

    flicker_levels: float | None
    motion_percent: float | None
    frozen_share: float | None
    cut_frames: tuple[int, ...]
    fingerprint: bytes


class TemporalAnalyzer:
    """Computes flicker, motion, frozen steps and cuts. Call `add` with each frame in turn, then `stats`.

    It keeps the previous frame, and 1 KiB of each frame for the fingerprint.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._previous: _FrameFeatures | None = None
        # One value for each frame.
        self._brightness: list[float] = []  # 0…255
        self._thumbnails: list[Pixels] = []
        # One value for each step from frame to frame.
        self._differences: list[float] = []  # in levels
        self._content_changes: list[float] = []
        self._motions: list[float] = []  # in percent of the width

    def add(self, frame: av.VideoFrame) -> None:
        """Analyse the next frame."""
        features = _FrameFeatures.from_frame(frame, self._reformatter)
        self._brightness.append(features.brightness)
        side = FINGERPRINT_SIDE_PX
        self._thumbnails.append(_to_pixels(cv2.resize(features.grey, (side, side), interpolation=cv2.INTER_AREA)))
        if self._previous is not None:
            self._differences.append(_mean_difference(self._previous.planes, features.planes))
            self._content_changes.append(float(np.mean(cv2.mean(cv2.absdiff(self._previous.hsv, features.hsv))[:3])))
            self._motions.append(self._motion_percent(self._previous.grey, features.grey))
        self._previous = features

    def stats(self) -> TemporalStats:
        """Return the statistics of all frames so far."""
        cuts = find_cuts(self._content_changes)
        motions = [motion for step, motion in enumerate(self._motions) if step + 1 not in cuts]
        motion_percent = float(np.mean(motions)) if motions else None
        frozen = [difference <= _FROZEN_LEVELS for difference in self._differences]
        return TemporalStats(
            flicker_levels=compute_flicker(self._brightness, cuts),
            # The flow of a video that is only a few pixels high is not a number.
            motion_percent=motion_percent if motion_percent is not None and np.isfinite(motion_percent) else None,
            frozen_share=sum(frozen) / len(frozen) if frozen else None,
            cut_frames=cuts,
            fingerprint=_make_fingerprint(self._thumbnails),
        )

    def _motion_percent(self, previous: Pixels, current: Pixels) -> float:
        flow = self._flow.calc(previous, current, np.zeros((*current.shape, 2), np.float32))
        length = float(np.mean(cv2.magnitude(flow[..., 0], flow[..., 1])))
        return length / int(current.shape[1]) * 100


@dataclass(frozen=True)
class _FrameFeatures:
    """What is compared between frames: the frame's own planes, and small images of it."""

    frame: av.VideoFrame  # owns the memory of the planes
    planes: tuple[Pixels, ...]
    brightness: float
    grey: Pixels
    hsv: Pixels

    @classmethod
    def from_frame(cls, frame: av.VideoFrame, reformatter: VideoReformatter) -> "_FrameFeatures":
        planes = frame_planes(frame)
        width = min(_SMALL_WIDTH_PX, frame.width)
        height = max(16, round(frame.height * width / frame.width))
        small = reformatter.reformat(frame, width=width, height=height, format="bgr24", interpolation="AREA")
        bgr = small.to_ndarray()
        return cls(
            frame=frame,
            planes=planes,
            brightness=_mean_brightness(planes[0], is_full_range=frame.color_range == _FULL_RANGE),
            grey=_to_pixels(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)),
            hsv=_to_pixels(cv2.cvtColor(bgr, cv2.COLOR_BGR2HSV)),
        )


def compute_flicker(brightness: Sequence[float], cuts: Sequence[int] = ()) -> float | None:
    """Return the mean difference between the brightness of a frame and the average of its two neighbours.

    `cuts` are the numbers of frames that begin a new scene; no frame is compared across a cut. None if no frame has two
    neighbours in its scene.
    """
    frames = [at for at in range(1, len(brightness) - 1) if at not in cuts and at + 1 not in cuts]
    if not frames:
        return None
    return float(np.mean([abs(brightness[at] - (brightness[at - 1] + brightness[at + 1]) / 2) for at in frames]))


def find_cuts(content_changes: Sequence[float]) -> tuple[int, ...]:
    """Return the numbers of the frames that begin a new scene, given the change of content at each step."""

    def is_cut(step: int) -> bool:
        neighbours = [
            content_changes[other]
            for other in range(max(0, step - _CUT_NEIGHBOURS), min(len(content_changes), step + _CUT_NEIGHBOURS + 1))
            if other != step
        ]
        change = content_changes[step]
        return change >= _CUT_MIN_CHANGE and change * len(neighbours) >= _CUT_RATIO * sum(neighbours)

    return tuple(step + 1 for step in range(len(content_changes)) if is_cut(step))


def _mean_brightness(luma: Pixels, *, is_full_range: bool) -> float:
    mean = float(cv2.mean(luma)[0])
    return mean if is_full_range else (mean - 16) * 255 / 219


def _mean_difference(previous: Sequence[Pixels], current: Sequence[Pixels]) -> float:
    differences = [cv2.norm(one, other, cv2.NORM_L1) for one, other in zip(previous, current, strict=True)]
    return float(sum(differences)) / sum(plane.size for plane in current)


def _make_fingerprint(thumbnails: Sequence[Pixels]) -> bytes:
    moments = np.linspace(0, len(thumbnails) - 1, FINGERPRINT_MOMENTS).round().astype(int)
    return b"".join(thumbnails[moment].tobytes() for moment in moments)


def _to_pixels(image: object) -> Pixels:
    return np.asarray(image, np.uint8)


# -- diversity -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Diversity:
    """The distances between videos, in grey levels (0…255, 0 is identical), as `definitions.DIVERSITY` defines them.

    `matrix` has the distance of each pair, and `mean` the mean distance of each video to all others. A video without a
    fingerprint is NaN in the matrix and None in `mean`; so is the mean of a single video.
    """

    matrix: NDArray[np.float64]
    mean: tuple[float | None, ...]


def compute_diversity(fingerprints: Sequence[bytes | None]) -> Diversity:
    """Compare videos by their `Measurement.fingerprint` (None for a video without one).

    >>> compute_diversity([bytes(8192), bytes([30]) * 8192, None]).mean
    (30.0, 30.0, None)
    """
    known = [number for number, fingerprint in enumerate(fingerprints) if fingerprint]
    matrix = np.full((len(fingerprints), len(fingerprints)), np.nan)
    if known:
        vectors = np.stack([np.frombuffer(fingerprints[number] or b"", np.uint8) for number in known])
        matrix[np.ix_(known, known)] = _pairwise_distances(vectors.astype(np.float32))
    mean: list[float | None] = [None] * len(fingerprints)
    if len(known) > 1:
        for number in known:
            mean[number] = float(np.nansum(matrix[number]) / (len(known) - 1))
    return Diversity(matrix=matrix, mean=tuple(mean))


def _pairwise_distances(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the root mean square difference of every pair of rows."""
    distances = np.empty((len(vectors), len(vectors)))
    for row, vector in enumerate(vectors):
        distances[row] = np.sqrt(np.mean((vectors - vector) ** 2, axis=1, dtype=np.float64))
    return distances
