"""OpenCV's own threads while films are measured."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import cv2
import pytest

from pixverse_nb.errors import MeasureError
from pixverse_nb.measure.threads import opencv_on_one_thread
from pixverse_nb.measure.video import measure_video


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    """Let OpenCV have three threads, and in the end as many as before."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    yield
    cv2.setNumThreads(before)


def fail_inside(seen: list[int]) -> None:
    """Note OpenCV's number of threads inside, and leave by an error."""
    with opencv_on_one_thread():
        seen.append(cv2.getNumThreads())
        raise ZeroDivisionError


def test_one_thread_inside_and_as_before_outside() -> None:
    """Inside OpenCV has one thread; afterwards, though it was an error, the person's own number holds again."""
    seen: list[int] = []
    with pytest.raises(ZeroDivisionError):
        fail_inside(seen)
    assert (seen, cv2.getNumThreads()) == ([1], 3)


def test_who_leaves_last_sets_it_back() -> None:
    """While any film is still measured, OpenCV stays on one thread."""
    everyone_in, first_out = Barrier(2, timeout=30), Barrier(2, timeout=30)

    def leave_first() -> None:
        with opencv_on_one_thread():
            everyone_in.wait()
        first_out.wait()

    with ThreadPoolExecutor(1) as pool:
        leaving = pool.submit(leave_first)
        with opencv_on_one_thread():
            everyone_in.wait()
            first_out.wait()
            assert cv2.getNumThreads() == 1
        leaving.result()
    assert cv2.getNumThreads() == 3


def test_a_film_is_measured_on_one_thread(tmp_path: Path) -> None:
    """While a film is looked at, a named pipe here that nobody has written to, OpenCV has one thread."""
    os.mkfifo(tmp_path / "film.mp4")
    with ThreadPoolExecutor(1) as pool:
        measuring = pool.submit(measure_video, tmp_path / "film.mp4")
        with (tmp_path / "film.mp4").open("wb"):  # comes back when the other side has opened it to read
            assert cv2.getNumThreads() == 1
        assert isinstance(measuring.exception(), MeasureError)
    assert cv2.getNumThreads() == 3
