"""Compares a sweep of 64 jobs on 8 slots with the ideal schedule and with simple loops; times plans of 10,000 cells.

The sandbox runs 10 times faster than real time. Makespans are multiples of the ideal one, in which each of the same
jobs starts at the moment a slot becomes free.
"""

import heapq
import json
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bench.fixtures import PICTURES, copying_renderer, megapixel_pictures
from bench.polling import READS, caller
from pixverse_nb.client import Client
from pixverse_nb.config import Timing
from pixverse_nb.sandbox import Sandbox

SPEED = 10.0
SLOTS = 8
JOBS = 64
CREATE = "create-frames-v3"
CREATES = (CREATE, "create-frames")

# Grids of about 10,000 cells. v5.6 makes at most 10 s, so a sixth of the last one is impossible.
PLANS: dict[str, dict[str, Any]] = {
    "2 models": {"seed": range(1, 5001), "model": ["v5.6", "v6"]},
    "3 models": {"seed": range(1, 3334), "model": ["v5.6", "v6", "pixverse-c1"], "quality": "540p", "duration": 5},
    "3 models, a sixth of the cells impossible": {
        "seed": range(1, 1667),
        "model": ["v5.6", "v6", "pixverse-c1"],
        "duration": [5, 12],
        "quality": "540p",
    },
}
Draw = Callable[[], float]


@dataclass
class Figures:
    """The makespan as a multiple of the ideal one, list requests for each job, rejected calls, and uploads."""

    stretch: float
    requests: float
    refused: int
    uploads: int

    def __str__(self) -> str:
        return (
            f"{self.stretch:.3f} × the ideal schedule, {self.requests:.2f} requests a job, "
            f"{self.refused} × 429, {self.uploads} uploads"
        )


def main() -> None:
    """Print the figures of the sweep and of the simple loops."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        render = copying_renderer(path)
        for name, durations in (("equal, 60 s", equal), ("log-normal, median 55 s", log_normal)):
            print(f"{JOBS} jobs on {SLOTS} slots, {name}:")
            for name_of_run, run in (
                ("sweep", run_sweep),
                ("a pool of 8 threads", run_pool),
                ("a loop that waits after a 429", run_loop),
            ):
                box = Sandbox(speed=SPEED, render=render)
                box.control.settings.queue_s = (0.0, 0.0)
                box.control.settings.generation_s = DrawnRange(durations(random.Random(7)))  # noqa: S311 - a bench
                with box:
                    print(f"  {name_of_run}: {run(box, path)}")
        print("target: at most 1.05 ×, at most 2 requests a job, two uploads in all")
        for name, axes in PLANS.items():
            print(f"plan() of 10,000 cells, {name}: {plan_s(path, axes):.2f} s (target: 1 s)")


def equal(chance: random.Random) -> Draw:
    """Return a minute for every job."""
    del chance
    return lambda: 60.0


def log_normal(chance: random.Random) -> Draw:
    """Return similar times for most jobs, and much longer ones for a few."""
    return lambda: min(240.0, chance.lognormvariate(4.0, 0.35))


class DrawnRange(tuple[float, float]):
    """A (min, max) setting with a new value for every job: the sandbox unpacks it when it accepts a job."""

    def __new__(cls, draw: Draw) -> Self:
        """Return a setting whose values come from `draw`."""
        drawn = super().__new__(cls, (0.0, 0.0))
        drawn.draw = draw
        return drawn

    draw: Draw

    def __iter__(self) -> Iterator[float]:
        seconds = self.draw()
        return iter((seconds, seconds))


def run_sweep(box: Sandbox, folder: Path) -> Figures:
    """Run a sweep. 16 earlier jobs, which are not counted, provide the usual duration."""
    first, last = megapixel_pictures(folder)
    home = Path(tempfile.mkdtemp(dir=folder))
    with Client(box.token, base_url=box.base_url, home=home, timing=Timing().scaled(1 / SPEED)) as client:
        client.sweep(first, last, quality="720p", seed=range(1, 17)).run(quiet=True)
        return measure(
            box, lambda: client.sweep(first, last, quality="720p", seed=range(100, 100 + JOBS)).run(quiet=True)
        )


def run_pool(box: Sandbox, folder: Path) -> Figures:
    """Run one thread for each slot, which polls its own job every 5 seconds."""
    del folder
    api = caller(box)

    def run() -> None:
        frame = upload(api)

        def one(seed: int) -> None:
            video_id = create(api, frame, seed)
            while api("GET", f"/videos/{video_id}", None).get("video_status") != 1:
                wait(5.0)

        with ThreadPoolExecutor(SLOTS) as workers:
            list(workers.map(one, range(JOBS)))

    return measure(box, run)


def run_loop(box: Sandbox, folder: Path) -> Figures:
    """Send until the vendor is busy, wait 10 to 30 seconds and send again; then poll the list every 10 seconds."""
    del folder
    api = caller(box)

    def run() -> None:
        frame = upload(api)
        made = [create(api, frame, seed) for seed in range(JOBS)]
        while True:
            rows = {row["video_id"]: row for row in api("GET", f"/videos/?limit={JOBS}", None)["data"]}
            if all(rows[video_id].get("video_status") == 1 for video_id in made):
                return
            wait(10.0)

    return measure(box, run)


def measure(box: Sandbox, run: Callable[[], object]) -> Figures:
    """Run `run` and compare its requests and its duration with the ideal schedule of the same jobs."""
    before, count, began = box.control.requests.copy(), len(box.control.generations), box.control.now()
    run()
    elapsed = box.control.now() - began
    requests = box.control.requests - before
    jobs = box.control.generations[count:]
    durations = [box.control.due_at(job.video_id) - job.created_at for job in jobs]
    return Figures(
        stretch=elapsed / ideal_s(durations),
        requests=sum(requests[route] for route in READS) / len(jobs),
        refused=sum(requests[route] for route in CREATES) - len(jobs),
        uploads=requests["files"],
    )


def ideal_s(durations: Sequence[float]) -> float:
    """Return the seconds that these jobs take in this order if each starts as soon as a slot is free."""
    slots = [0.0] * SLOTS
    for duration in durations:
        heapq.heapreplace(slots, slots[0] + duration)
    return max(slots)


def plan_s(folder: Path, axes: dict[str, Any]) -> float:
    """Return the seconds that a plan of 10,000 cells takes, with preparing the pictures and asking for the balance."""
    first, last = megapixel_pictures(folder)
    with Sandbox(render=copying_renderer(folder)) as box:
        home = Path(tempfile.mkdtemp(dir=folder))
        with Client(box.token, base_url=box.base_url, home=home, timing=Timing().scaled(0.1)) as client:
            client.sweep(first, last, seed=[1]).plan()
            started = time.perf_counter()
            client.sweep(first, last, most_cells=10_000, **axes).plan()
            return time.perf_counter() - started


def create(api: Callable[..., Any], frame: str, seed: int) -> str:
    """Create one job and return its video id; wait 10 to 30 simulated seconds after each 429."""
    body = json.dumps({"first_frame_path": frame, "last_frame_path": frame, "seed": seed + 1}).encode()
    while True:
        answer = api("POST", f"/videos/{CREATE}", body)
        if "video_id" in answer:
            return str(answer["video_id"])
        wait(random.uniform(10, 30))  # noqa: S311 - jitter


def upload(api: Callable[..., Any]) -> str:
    """Upload one picture and return its path."""
    return str(api("POST", "/files/", (PICTURES / "coffee_wide.jpg").read_bytes())["result"][0]["path"])


def wait(seconds: float) -> None:
    """Wait for some simulated seconds."""
    threading.Event().wait(seconds / SPEED)
