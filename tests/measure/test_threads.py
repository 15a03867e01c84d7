"""OpenCV's own threads while films are measured."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import cv2
import pytest

from pixverse_nb.measure.threads import opencv_on_one_thread


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
