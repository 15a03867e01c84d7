"""Run a sweep as a cell does and be interrupted twice while the client's thread is busy.

The arguments are the token, the base URL and the home. Prints a line when it has been interrupted, and at the end the
number of videos.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pixverse_nb as pv
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.jobs.job import Job
from tests.client.harness import TIMING, WAIT_LIMIT_S, make_picture

SLOTS = 8


def main() -> None:
    """Run twelve cells, of which eight are accepted when the interrupts come."""
    token, base_url, home = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background process may have been told to ignore it
    with pv.Client(token=token, base_url=base_url, home=home, timing=replace(TIMING, deadline_s=600.0)) as client:
        is_busy, is_released, has_ended = threading.Event(), threading.Event(), threading.Event()
        accepted: set[str] = set()

        def block_at_the_last(job: Job) -> None:
            if job.state is JobState.QUEUED:
                accepted.add(job.ref)
            if len(accepted) == SLOTS and not is_busy.is_set():
                is_busy.set()
                is_released.wait(WAIT_LIMIT_S)  # on the client's thread, which does nothing else meanwhile

        client.subscribe(block_at_the_last)
        sweep = client.sweep(make_picture(0), make_picture(200), quality="360p", seed=range(1, 13))
        sender = threading.Thread(target=interrupt_twice, args=(threading.get_ident(), is_busy, has_ended), daemon=True)
        sender.start()
        try:
            sweep.run(quiet=True)
        except KeyboardInterrupt:
            has_ended.set()
        sender.join(WAIT_LIMIT_S)
        is_released.set()
        print("interrupted", flush=True)  # noqa: T201 - what the test reads
        sys.stdin.readline()
        sweep.wait(WAIT_LIMIT_S, quiet=True)
        print(len(sweep.videos))  # noqa: T201


def interrupt_twice(thread: int, is_busy: threading.Event, has_ended: threading.Event) -> None:
    """Send SIGINT when the thread waits for the sweep, and again when it waits for the stop to be taken."""
    is_busy.wait(WAIT_LIMIT_S)
    interrupt_in("_wait_visibly", thread, until=lambda: "_stop_sending" in names_on_the_stack(thread))
    interrupt_in("_stop_sending", thread, until=has_ended.is_set)


def interrupt_in(function: str, thread: int, *, until: Callable[[], bool]) -> None:
    """Send SIGINT when the thread waits inside `function`; again if Python lost it in a finaliser."""
    resend_at = 0.0
    while not until():
        if function in names_on_the_stack(thread) and time.monotonic() >= resend_at:
            signal.pthread_kill(thread, signal.SIGINT)
            resend_at = time.monotonic() + 5.0
        time.sleep(0.005)  # nothing tells when a thread has begun to wait


def names_on_the_stack(thread: int) -> list[str]:
    """Return the functions that a thread is in if its innermost one is a wait, else nothing."""
    frame = sys._current_frames()[thread]
    names = []
    while frame is not None and frame.f_back is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names if names[:1] == ["wait"] else []


main()
