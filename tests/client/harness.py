"""One sandbox, one home folder and the clients on them: what every test of the whole core starts from."""

import io
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from PIL import Image

from pixverse_nb.client import Client
from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.jobs.job import Job
from pixverse_nb.sandbox import Control, Sandbox
from pixverse_nb.sandbox.simulation import RenderTask
from pixverse_nb.video import Video

# Two hundred times faster than life, but an answer may take its time: a busy machine is no fault of the vendor's.
TIMING: Final = replace(Timing().scaled(0.005), answer_timeout_s=30.0, deadline_s=120.0)
# For what is proved absent: the proof waits for answer_timeout_s + settle_s.
SETTLING: Final = replace(TIMING, answer_timeout_s=1.5, settle_s=0.5)
PATIENCE_S: Final = 30.0  # no test waits so long: it is there to fail in place of hanging
A_JOB_S: Final = 200.0  # virtual seconds in which every job of the sandbox ends


class Harness:
    """A sandbox, a home folder, and the clients opened on both; `close()` closes the clients.

    `folder` is where the sandbox keeps its jobs and files, None where it forgets them with its end.
    """

    def __init__(self, box: Sandbox, home: Path, *, folder: Path | None = None) -> None:
        self.box = box
        self.home = home
        self.folder = folder
        self._clients: list[Client] = []

    @property
    def control(self) -> Control:
        """The control of the sandbox."""
        return self.box.control

    @property
    def paid(self) -> int:
        """How many generations the sandbox has accepted."""
        return len(self.control.generations)

    def open(self, *, home: Path | None = None, timing: Timing = TIMING, **options: Any) -> Client:
        """Open a client on this sandbox and home."""
        given = {"token": self.box.token, "base_url": self.box.base_url, **options}
        client = Client(home=home or self.home, timing=timing, **given)
        self._clients.append(client)
        return client

    def accepts(self, count: int) -> None:
        """Wait until the sandbox has accepted `count` generations, which no client needs to know of yet."""
        ends_at = time.monotonic() + PATIENCE_S
        while self.paid < count:
            assert time.monotonic() < ends_at, f"{self.paid} of {count} generations were accepted"
            time.sleep(0.005)  # nothing tells when a call has arrived at the other side

    def go_away(self) -> None:
        """Stop the sandbox: nobody answers at its address."""
        self.box.stop()

    def come_back(self, *, speed: float) -> None:
        """Start it again at the same address, with what its folder has kept."""
        before = self.box
        self.box = Sandbox(
            port=before.port, token=before.token, speed=speed, folder=self.folder, render=canned_film
        ).start()

    def close(self) -> None:
        """Close every client."""
        for client in self._clients:
            client.close()


@contextmanager
def running(script: str, house: Harness) -> Iterator[subprocess.Popen[str]]:
    """Run one of `scripts/` on `house` in a process of its own, with this very package; it is killed at the end."""
    root = Path(__file__).parents[2]
    command = [sys.executable, str(Path(__file__).parent / "scripts" / script)]
    with subprocess.Popen(
        [*command, house.box.token, house.box.base_url, str(house.home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def order(client: Client, **fields: Any) -> Job:
    """Ask for a small video of two plain pictures; `fields` change the call."""
    given: dict[str, Any] = {"first": picture(0), "last": picture(200), "quality": "360p", "seed": 7, **fields}
    return client.create_frames(given.pop("first"), given.pop("last"), **given)


def fill(client: Client) -> list[Job]:
    """Ask for as many videos as run at once, with the seeds 1 to 8, and wait until the vendor has them all."""
    jobs = [order(client, seed=seed) for seed in range(1, 9)]
    for job in jobs:
        reached(job, JobState.QUEUED)
    return jobs


def finished(job: Job) -> Video:
    """Wait for the video of `job`."""
    return job.result(timeout=PATIENCE_S)


def failed(job: Job) -> Exception:
    """Wait for the end of a job that ends without a video, and return its error."""
    try:
        video = finished(job)
    except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
        return error
    raise AssertionError(f"the job has ended well: {video!r}")


def until(job: Job, holds: Callable[[Job], object]) -> None:
    """Wait until `holds(job)`; it is asked again at every change of the job."""
    held = threading.Event()

    def look(changed: Job) -> None:
        if holds(changed):
            held.set()

    unsubscribe = job.subscribe(look)
    try:
        look(job)
        assert held.wait(PATIENCE_S), f"the job never came there: {job!r}"
    finally:
        unsubscribe()


def reached(job: Job, state: JobState) -> None:
    """Wait until the job is in `state`."""
    until(job, lambda changed: changed.state is state)


def states(job: Job) -> list[str]:
    """Return the states that the job went through, in order, each named once in a row."""
    names = [event.state.value for event in job.events()]
    return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]


def kinds(job: Job) -> list[str]:
    """Return the kinds of the job's events, oldest first."""
    return [event.kind for event in job.events()]


def warning_kinds(job: Job) -> list[str]:
    """Return the kinds of the warnings in the job's events, oldest first."""
    return [event.data["warning"]["kind"] for event in job.events() if "warning" in event.data]


def warning(job: Job) -> Notice | None:
    """Return the job's current obstacle, or None."""
    return job._record().warning


def is_proved_absent(job: Job) -> bool:
    """Return whether two lists proved that a lost call of the job was never accepted."""
    return any(event.kind == "missing_from_poll" and event.state is JobState.WAITING for event in job.events())


@cache
def picture(shade: int = 0, *, width: int = 32, height: int = 18) -> bytes:
    """Return a small PNG; another `shade` (0…255) is another picture."""
    pixels = np.full((height, width, 3), (shade, 90, 160), np.uint8)
    sink = io.BytesIO()
    Image.fromarray(pixels).save(sink, "PNG")
    return sink.getvalue()


def canned_film(task: RenderTask, out_path: Path) -> None:
    """Stand in for the sandbox's renderer, without its cost."""
    out_path.write_bytes(small_video(task.seed))


def small_video(seed: int) -> bytes:
    """Return a small real mp4 that is different for every seed."""
    mark = str(seed).encode()
    return _film() + struct.pack(">I4s", 8 + len(mark), b"free") + mark


@cache
def _film() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as film:
            stream = film.add_stream("libx264", rate=24)
            stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
            for number in range(6):
                film.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((36, 64, 3), number * 20, np.uint8))))
            film.mux(stream.encode())
        return path.read_bytes()
