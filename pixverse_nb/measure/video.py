"""Measuring whole films: one, or many at once."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pixverse_nb.measure.changes import Changes
from pixverse_nb.measure.compute import DaskClient, Executor, Outcome, run_all
from pixverse_nb.measure.decoding import open_film
from pixverse_nb.measure.fidelity import NEAR, fidelity
from pixverse_nb.measure.metrics import Measurement
from pixverse_nb.measure.packages import av
from pixverse_nb.measure.threads import opencv_on_one_thread


@dataclass(frozen=True)
class Clip:
    """A film to be measured, and the two pictures as they were sent: files, or None where there is none to compare."""

    path: Path
    first: Path | None = None
    last: Path | None = None


def measure_video(path: Path, *, first: Path | None = None, last: Path | None = None) -> Measurement:
    """Return what the mp4 at `path` is like; `METRICS` explains each number.

    `first` and `last` are files of the pictures as they were sent. The film is decoded once, frame by frame; 26 frames
    at most are held at a time. The same files give the same numbers on any number of threads and machines. Raises
    MeasureError where a file is missing, cut short, or not what it should be.

    >>> measure_video(Path("film.mp4"), first=Path("first.png")).first_psnr_db  # doctest: +SKIP
    41.3
    """
    with opencv_on_one_thread():
        return _measured(path, first, last)


def measure_clip(clip: Clip) -> Measurement:
    """Return what one clip is like: `measure_video` as a task of one argument, which any worker can be sent."""
    return measure_video(clip.path, first=clip.first, last=clip.last)


def measure_all(
    clips: Sequence[Clip],
    *,
    executor: Executor | DaskClient | None = None,
    on_done: Callable[[int, Outcome[Measurement]], object] | None = None,
) -> list[Outcome[Measurement]]:
    """Measure every clip and return the outcomes in the same order; a file that cannot be measured stops no other.

    `executor` and `on_done` are those of `compute.run_all`.
    """
    return run_all(measure_clip, clips, executor=executor, on_done=on_done)


def _measured(path: Path, first: Path | None, last: Path | None) -> Measurement:
    changes = Changes()
    start: list[av.VideoFrame] = []
    end: deque[av.VideoFrame] = deque(maxlen=NEAR)
    count = 0
    with open_film(path) as film:
        for frame in film.frames:
            count += 1
            changes.add(frame)
            end.append(frame)
            if count <= NEAR:
                start.append(frame)
        fps = film.fps or 0.0
        duration_s = film.duration_s if film.duration_s is not None else count / fps if fps else 0.0
    at_start = fidelity(start, first)
    at_end = fidelity(list(reversed(end)), last)
    course = changes.course()
    return Measurement(
        first_psnr_db=at_start.psnr_db,
        first_ssim=at_start.ssim,
        first_best_psnr_db=at_start.best_psnr_db,
        first_offset=at_start.offset,
        last_psnr_db=at_end.psnr_db,
        last_ssim=at_end.ssim,
        last_best_psnr_db=at_end.best_psnr_db,
        last_offset=at_end.offset,
        flicker_levels=course.flicker_levels,
        motion_percent=course.motion_percent,
        frozen_share=course.frozen_share,
        cuts=len(course.cut_frames),
        duration_s=duration_s,
        frames=count,
        fps=fps,
        width=end[0].width,
        height=end[0].height,
        cut_frames=course.cut_frames,
        fingerprint=course.fingerprint,
    )
