"""One film is measured on one thread: OpenCV's own threads rest meanwhile, for as many films run at once as may."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pixverse_nb.measure.packages import cv2

_lock = threading.Lock()
_inside = 0
_before = 1


@contextmanager
def opencv_on_one_thread() -> Iterator[None]:
    """Keep OpenCV on the calling thread, here and in every other thread that is inside; then as it was before.

    Its number of threads is one for the whole process, so who comes first sets it and who leaves last sets it back.
    Small pictures gain nothing by more threads: waiting for each other costs a seventh more processor time.
    """
    global _inside, _before
    with _lock:
        if _inside == 0:
            _before = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                cv2.setNumThreads(_before)
