"""One sandbox, one home folder and the clients on them: the basis of every test of the whole client."""

import gc
import io
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final
from unittest import mock

import av
import numpy as np
from PIL import Image

from pixverse_nb.client import Client
from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.errors import JobTimeout
from pixverse_nb.jobs.job import Job
from pixverse_nb.sandbox import Control, Sandbox
from pixverse_nb.sandbox.simulation import RenderTask
from pixverse_nb.video import Video

# 200 times faster than the real service, except for the timeouts: a busy machine is not the vendor's fault. A proof of
# absence waits for answer_timeout_s + settle_s: `Harness.pass_settle_window` sets the clock forward by that.
TIMING: Final = replace(Timing().scaled(0.005), answer_timeout_s=30.0, deadline_s=300.0)
# For processes that are killed: the next one has to wait in real time for the proof that a call was not accepted.
KILLED_TIMING: Final = replace(TIMING, answer_timeout_s=4.0, settle_s=1.0)
WAIT_LIMIT_S: Final = 60.0  # longer than any test waits; fails instead of hanging
LONGEST_JOB_S: Final = 200.0  # sandbox seconds after which every job has ended


class Harness:
    """A sandbox, a home folder, and the clients opened on both; `close()` closes the clients.

    `folder` is where the sandbox keeps its jobs and files, None if it forgets them when it stops.
    """

    def __init__(self, sandbox: Sandbox, home: Path, *, folder: Path | None = None) -> None:
        self.sandbox = sandbox
        self.home = home
        self.folder = folder
        self._clients: list[Client] = []
        self._machine = MachineClock()

    @property
    def control(self) -> Control:
        """The settings and counters of the sandbox."""
        return self.sandbox.control

    @property
    def paid(self) -> int:
        """How many generations the sandbox has accepted."""
        return len(self.control.generations)

    def open(self, *, home: Path | None = None, timing: Timing = TIMING, **options: Any) -> Client:
        """Open a client on this sandbox and home, as another process would: it shares nothing with the others.

        Only clients of one class share what they have open.
        """
        given = {"token": self.sandbox.token, "base_url": self.sandbox.base_url, **options}
        client: Client = type("ClientOfAnotherProcess", (Client,), {})(home=home or self.home, timing=timing, **given)
        self._clients.append(client)
        return client

    def wait_for_accepted(self, count: int) -> None:
        """Wait until the sandbox has accepted `count` generations, even if no client has been told yet."""
        ends_at = time.monotonic() + WAIT_LIMIT_S
        while self.paid < count:
            assert time.monotonic() < ends_at, f"{self.paid} of {count} generations were accepted"
            time.sleep(0.005)  # nothing reports when a call has arrived

    def skip(self, seconds: float) -> None:
        """Set the clocks of this process forward, as if the machine had slept; the sandbox's own clock stays."""
        self._machine.skip(seconds)

    def skip_at_obstacle(self, job: Job, kind: str, seconds: float) -> None:
        """Skip time at the next change of a job that waits with this warning, before its client does anything else."""
        is_skipped = threading.Event()

        def check(changed: Job) -> None:
            warning = current_warning(changed)
            if changed.state is JobState.WAITING and warning and warning.kind == kind and not is_skipped.is_set():
                self.skip(seconds)
                is_skipped.set()

        unsubscribe = job.subscribe(check)
        assert is_skipped.wait(WAIT_LIMIT_S), f"it never waited because of {kind}: {job!r}"
        unsubscribe()

    def pass_settle_window(self, job: Job) -> None:
        """Wait until the answer to the job's paid call is lost, then skip the time in which nothing proves absence."""
        wait_for_state(job, JobState.UNKNOWN)
        self.skip(TIMING.answer_timeout_s + TIMING.settle_s)

    def stop_sandbox(self) -> None:
        """Stop the sandbox: nothing answers at its address."""
        self.sandbox.stop()

    def restart_sandbox(self, *, speed: float) -> None:
        """Start the sandbox again at the same address, with what its folder has kept."""
        before = self.sandbox
        self.sandbox = Sandbox(
            port=before.port, token=before.token, speed=speed, folder=self.folder, render=write_canned_video
        ).start()

    def close(self) -> None:
        """Close every client."""
        for client in self._clients:
            client.close()
        self._machine.restore()


class MachineClock:
    """The machine's wall clock and its time since boot, from which clients take their time (`config.boot_clock`).

    What waits for a number of seconds, as asyncio does, is not affected.
    """

    def __init__(self) -> None:
        self._skipped_s = 0.0
        self._patches = ExitStack()

    def skip(self, seconds: float) -> None:
        """Set the clocks forward for everything in this process that reads them."""
        if self._skipped_s == 0.0:
            wall, boot = time.time, time.clock_gettime
            for name, read in (
                ("time", lambda: wall() + self._skipped_s),
                ("clock_gettime", lambda which: boot(which) + self._skipped_s),
            ):
                self._patches.enter_context(mock.patch.object(time, name, read))
        self._skipped_s += seconds

    def restore(self) -> None:
        """Set the clocks back."""
        self._patches.close()
        self._skipped_s = 0.0


def client_threads() -> set[threading.Thread]:
    """Return the running threads of clients and embedded sandboxes."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("pixverse")}


def wait_until_released(held: set[threading.Thread]) -> None:
    """Collect what nobody holds and wait until its threads have ended; those in `held` may go on."""
    ends_at = time.monotonic() + WAIT_LIMIT_S
    while left := client_threads() - held:
        assert time.monotonic() < ends_at, f"still running: {left}"
        gc.collect()  # a thread may have held something until now
        for thread in left:
            thread.join(0.1)


@contextmanager
def run_script(script: str, harness: Harness) -> Iterator[subprocess.Popen[str]]:
    """Run one of `scripts/` in a process of its own, with this very package; it is killed at the end."""
    root = Path(__file__).parents[2]
    command = [sys.executable, str(Path(__file__).parent / "scripts" / script)]
    with subprocess.Popen(
        [*command, harness.sandbox.token, harness.sandbox.base_url, str(harness.home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def create_job(client: Client, **fields: Any) -> Job:
    """Request a small video of two plain pictures; `fields` change the call."""
    given: dict[str, Any] = {
        "first": make_picture(0),
        "last": make_picture(200),
        "quality": "360p",
        "seed": 7,
        **fields,
    }
    return client.create_frames(given.pop("first"), given.pop("last"), **given)


def fill_slots(client: Client) -> list[Job]:
    """Request as many videos as run at once, with the seeds 1 to 8, and wait until all are queued."""
    jobs = [create_job(client, seed=seed) for seed in range(1, 9)]
    for job in jobs:
        wait_for_state(job, JobState.QUEUED)
    return jobs


def wait_for_video(job: Job) -> Video:
    """Wait for the video of `job`."""
    return job.result(timeout=WAIT_LIMIT_S)


def wait_for_error(job: Job) -> Exception:
    """Wait for a job that ends without a video, and return its error."""
    try:
        video = wait_for_video(job)
    except JobTimeout as error:
        assert job.state is JobState.TIMED_OUT, f"it has not ended: {job!r}"  # only the waiting has
        return error
    except Exception as error:  # noqa: BLE001 - the test inspects it
        return error
    raise AssertionError(f"the job has ended well: {video!r}")


def wait_until(job: Job, holds: Callable[[Job], object]) -> None:
    """Wait until `holds(job)`, which is checked at every change of the job."""
    is_reached = threading.Event()

    def check(changed: Job) -> None:
        if holds(changed):
            is_reached.set()

    unsubscribe = job.subscribe(check)
    try:
        check(job)
        assert is_reached.wait(WAIT_LIMIT_S), f"the condition never held: {job!r}"
    finally:
        unsubscribe()


def wait_for_state(job: Job, state: JobState) -> None:
    """Wait until the job is in `state`."""
    wait_until(job, lambda changed: changed.state is state)


def state_names(job: Job) -> list[str]:
    """Return the states of the job in order, without repetitions."""
    names = [event.state.value for event in job.events()]
    return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]


def event_kinds(job: Job) -> list[str]:
    """Return the kinds of the job's events, oldest first."""
    return [event.kind for event in job.events()]


def warning_kinds(job: Job) -> list[str]:
    """Return the kinds of the warnings in the job's events, oldest first."""
    return [event.data["warning"]["kind"] for event in job.events() if "warning" in event.data]


def current_warning(job: Job) -> Notice | None:
    """Return the job's current obstacle, or None."""
    return job._record().warning


def is_proved_absent(job: Job) -> bool:
    """Return whether two lists proved that a lost call of the job was never accepted."""
    return any(event.kind == "missing_from_poll" and event.state is JobState.WAITING for event in job.events())


@cache
def make_picture(shade: int = 0, *, width: int = 32, height: int = 18) -> bytes:
    """Return a small PNG; another `shade` (0…255) is another picture."""
    pixels = np.full((height, width, 3), (shade, 90, 160), np.uint8)
    sink = io.BytesIO()
    Image.fromarray(pixels).save(sink, "PNG")
    return sink.getvalue()


def write_canned_video(task: RenderTask, out_path: Path) -> None:
    """Replace the sandbox's renderer, without its cost."""
    out_path.write_bytes(small_video(task.seed))


def small_video(seed: int) -> bytes:
    """Return a small real mp4 that is different for every seed."""
    mark = str(seed).encode()
    return _video_bytes() + struct.pack(">I4s", 8 + len(mark), b"free") + mark


@cache
def _video_bytes() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
            stream = container.add_stream("libx264", rate=24)
            stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
            for number in range(6):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((36, 64, 3), number * 20, np.uint8))))
            container.mux(stream.encode())
        return path.read_bytes()
