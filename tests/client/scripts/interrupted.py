"""Wait for a job as a cell does, be interrupted, and wait again; the arguments: token, base URL, home."""

import signal
import sys
import threading
from dataclasses import replace

import pixverse_nb as pv
from pixverse_nb.domain.jobs import JobState
from tests.client.harness import TIMING, create_job, wait_for_state


def main() -> None:
    """Print the note of the interrupt, then the final state of the job."""
    token, base_url, home = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background process may have been told to ignore it
    with pv.Client(token=token, base_url=base_url, home=home, timing=replace(TIMING, deadline_s=600.0)) as client:
        job = create_job(client)
        wait_for_state(job, JobState.QUEUED)
        caught = threading.Event()
        threading.Thread(target=interrupt_the_waiting, args=(threading.get_ident(), caught), daemon=True).start()
        try:
            job.result()
        except KeyboardInterrupt as interrupt:
            caught.set()
            print(f"{job.state}: {' '.join(interrupt.__notes__)}", flush=True)  # noqa: T201 - what the test reads
        sys.stdin.readline()
        job.result()
        print(job.state)  # noqa: T201


def interrupt_the_waiting(thread: int, caught: threading.Event) -> None:
    """Send SIGINT when the main thread waits inside `result()`; again if Python lost it in a finaliser."""
    while not caught.wait(0.005):  # nothing tells when a thread has begun to wait
        if "result" in names_on_the_stack(thread):
            signal.pthread_kill(thread, signal.SIGINT)
            caught.wait(5.0)


def names_on_the_stack(thread: int) -> list[str]:
    """Return the functions that a thread is in if its innermost one is a wait, else nothing."""
    frame = sys._current_frames()[thread]
    names = []
    while frame is not None and frame.f_back is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names if names[:1] == ["wait"] else []


main()
