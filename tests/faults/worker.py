"""A process that requests its videos and waits for them: the same script again after every kill.

As a script it takes its task as JSON, prints its progress line by line, and exits with 0 when every video is there.
"""

import importlib
import io
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from PIL import Image

import pixverse_nb as pv
from pixverse_nb.client import Client
from pixverse_nb.config import Timing
from pixverse_nb.jobs.job import Job
from pixverse_nb.sweep.sweep import Sweep
from tests.faults.kill_points import KillPoint, kill_self
from tests.faults.mutants import MUTANTS

importlib.import_module("pixverse_nb.client")  # a forked worker need not import it then
SEED: Final = 7
MODELS: Final = ("v6", "pixverse-c1")  # of a sweep
RETURNS_AFTER_S: Final = 120.0  # longer than any worker waits; fails instead of hanging


@dataclass(frozen=True)
class WorkerTask:
    """What a worker does, as plain values.

    `trap` is the moment and count at which it is killed; with `stop_at_trap` it is stopped there instead, and with
    `fill_disk` every write fails from then on. `pages` is how many pages the ledger may still grow, `pictures` how many
    different first pictures there are (0: the vendor has them already). `clock_s` shifts the wall clock of the process
    at its start, `clock_signal_s` at every SIGUSR1. The seeds take turns with the `operations`: "frames", "text",
    "extend", "upscale", "chain", which extends a text video and upscales the extension, or "sweep", which is a text
    over the `MODELS`. `user` is the number in the token.
    """

    base_url: str
    home: str
    seeds: tuple[int, ...]
    timing: Mapping[str, Any] = field(default_factory=dict)
    trap: tuple[str, int] | None = None
    stop_at_trap: bool = False
    pictures: int = 3
    mutant: str = ""
    clock_s: float = 0.0
    clock_signal_s: float = 0.0
    fill_disk: bool = False
    pages: int | None = None
    operations: tuple[str, ...] = ("frames",)
    user: int = 7

    def as_json(self) -> str:
        """Return it as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> "WorkerTask":
        """Return it from one line."""
        fields = json.loads(line)
        trap = fields.pop("trap")
        seeds, operations = tuple(fields.pop("seeds")), tuple(fields.pop("operations"))
        return cls(seeds=seeds, operations=operations, trap=tuple(trap) if trap else None, **fields)

    def operation(self, seed: int) -> str:
        """Return what is requested with a seed."""
        return self.operations[seed % len(self.operations)]

    @property
    def requests(self) -> int:
        """How many videos are requested in all."""
        counts = {"chain": 3, "sweep": len(MODELS)}
        return sum(counts.get(self.operation(seed), 1) for seed in self.seeds)


def run(task: WorkerTask, report: Callable[[str], None]) -> None:
    """Carry out the task."""
    if task.clock_s or task.clock_signal_s:
        _WallClock(task.clock_s).set(on_signal_s=task.clock_signal_s)
    if task.trap is not None:
        KillPoint(*task.trap, act=_stop if task.stop_at_trap else _fill if task.fill_disk else kill_self).set()
    waits: dict[str, Any] = {name: _as_tuple(value) for name, value in task.timing.items()}
    timing = Timing(**waits)
    with Client(
        token=f"user:{task.user}-{os.getpid()}", base_url=task.base_url, home=task.home, timing=timing
    ) as client:
        if task.mutant:
            MUTANTS[task.mutant](client)
        if task.pages is not None:
            _allow_pages(client, task.pages)
        if task.fill_disk or task.pages is not None:
            for seed in task.seeds:
                report(_run_one(client, task, seed))
            return
        sweeps = [_sweep(client, seed).start() for seed in task.seeds if task.operation(seed) == "sweep"]
        jobs = {seed: _start(client, task, seed) for seed in task.seeds if task.operation(seed) != "sweep"}
        report("requested")
        for sweep in sweeps:
            sweep.wait(RETURNS_AFTER_S)
        for job in jobs.values():
            job.result(RETURNS_AFTER_S)
        starts = [job.result() for seed, job in jobs.items() if task.operation(seed) == "chain"]
        longer = [client.extend(video, quality="360p", seed=SEED) for video in starts]
        larger = [client.upscale(job.result(RETURNS_AFTER_S)) for job in longer]
        for job in larger:
            job.result(RETURNS_AFTER_S)
        report("done")


def _sweep(client: Client, seed: int) -> Sweep:
    return client.sweep(prompt=f"rain {seed}", model=MODELS, quality="360p", seed=seed)


def _start(client: Client, task: WorkerTask, seed: int) -> Job:
    source = f"user:7-pixverse:videos@example.org-video:{10**6 + seed}"  # made elsewhere
    match task.operation(seed):
        case "text" | "chain":
            return client.create_video(f"boat {seed}", quality="360p", seed=seed)
        case "extend":
            return client.extend(source, quality="360p", seed=seed)
        case "upscale":
            return client.upscale(source)
    return client.create_frames(*_pictures(task, seed), quality="360p", seed=seed)


def _run_one(client: Client, task: WorkerTask, seed: int) -> str:
    """Return "done", or the name of the error class."""
    try:
        client.create_frames(*_pictures(task, seed), quality="360p", seed=seed).result(RETURNS_AFTER_S)
    except pv.PixVerseError as error:
        return type(error).__name__
    return "done"


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value  # JSON knows no tuples


def _pictures(task: WorkerTask, seed: int) -> tuple[Any, Any]:
    if not task.pictures:
        return pv.UploadedFile(path="upload/one.png"), pv.UploadedFile(path="upload/two.png")
    return _picture(seed % task.pictures), _picture(200)


def _picture(shade: int) -> bytes:
    """Return a small PNG without the slow imports of the other tests' helpers."""
    sink = io.BytesIO()
    Image.new("RGB", (32, 18), (shade, 90, 160)).save(sink, "PNG")
    return sink.getvalue()


def _fill() -> None:
    """Let every file write fail from now on; Python ignores SIGXFSZ, so the writer gets an error."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def _allow_pages(client: Client, pages: int) -> None:
    with client._ledger._file.reading() as db:
        (count,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {count + pages}")


def _stop() -> None:
    """Stop at this very instruction.

    The signal goes to this thread: one to the process may be taken by another thread, and this one would run on for a
    moment, perhaps into a transaction of the ledger.
    """
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


class _WallClock:
    """The wall clock of this process, shifted by `shift_s` at once and further at every SIGUSR1."""

    def __init__(self, shift_s: float) -> None:
        self._shift_s = shift_s
        self._time = time.time

    def set(self, *, on_signal_s: float) -> None:
        """Replace the process's own clock."""

        def step(*_: object) -> None:
            self._shift_s += on_signal_s

        signal.signal(signal.SIGUSR1, step)
        time.time = lambda: self._time() + self._shift_s


if __name__ == "__main__":
    run(WorkerTask.from_json(sys.argv[1]), lambda text: print(text, flush=True))  # noqa: T201 - what the test reads
