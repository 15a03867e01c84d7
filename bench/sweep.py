"""A sweep of 64 jobs on 8 slots against the ideal schedule, beside loops as people write them; a plan of 10,000 cells.

Life at 10 times its speed. Makespans are given as multiples of the ideal one: the same jobs, each begun at the very
moment a slot is free.
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

from bench.polling import READS, caller
from bench.stage import PICTURES, canned_renderer, megapixel_pictures
from pixverse_nb.client import Client
from pixverse_nb.config import Timing
from pixverse_nb.sandbox import Sandbox

SPEED = 10.0
SLOTS = 8
JOBS = 64
CREATE = "create-frames-v3"

Draw = Callable[[], float]


@dataclass
class Figures:
    """How long it took against the ideal schedule, what it asked for, and how often it was turned away."""

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
    """Print ours and theirs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        render = canned_renderer(path)
        for name, durations in (("equal, 60 s", equal), ("log-normal, median 55 s", log_normal)):
            print(f"{JOBS} jobs on {SLOTS} slots, {name}:")
            for whose, run in (("ours", ours), ("a pool of 8 threads", pool), ("a loop that waits after a 429", loop)):
                box = Sandbox(speed=SPEED, render=render)
                box.control.settings.queue_s = (0.0, 0.0)
                box.control.settings.generation_s = LiveView(durations(random.Random(7)))  # noqa: S311 - a bench
                with box:
                    print(f"  {whose}: {run(box, path)}")
        print("wanted: at most 1.05 ×, at most 1.2 requests a job, two uploads in all")
        print(f"plan() of 10,000 cells: {plan_s(path):.2f} s (wanted: 1 s)")


def equal(chance: random.Random) -> Draw:
    """Every job takes a minute."""
    del chance
    return lambda: 60.0


def log_normal(chance: random.Random) -> Draw:
    """Most jobs take about as long, a few much longer."""
    return lambda: min(240.0, chance.lognormvariate(4.0, 0.35))


class LiveView(tuple[float, float]):
    """A least and a most that are drawn anew for every job: the sandbox unpacks them when it accepts one."""

    def __new__(cls, draw: Draw) -> Self:
        """Return one that draws by `draw`."""
        drawn = super().__new__(cls, (0.0, 0.0))
        drawn.draw = draw
        return drawn

    draw: Draw

    def __iter__(self) -> Iterator[float]:
        seconds = self.draw()
        return iter((seconds, seconds))


def ours(box: Sandbox, folder: Path) -> Figures:
    """Run a sweep; 16 jobs before it teach how long they take, and are not counted."""
    first, last = megapixel_pictures(folder)
    home = Path(tempfile.mkdtemp(dir=folder))
    with Client(box.token, base_url=box.base_url, home=home, timing=Timing().scaled(1 / SPEED)) as client:
        client.sweep(first, last, seed=range(1, 17)).run(quiet=True)
        return measured(box, lambda: client.sweep(first, last, seed=range(100, 100 + JOBS)).run(quiet=True))


def pool(box: Sandbox, folder: Path) -> Figures:
    """A worker for each slot, each asking for its own job every 5 seconds."""
    del folder
    api = caller(box)

    def run() -> None:
        frame = upload(api)

        def one(seed: int) -> None:
            video_id = created(api, frame, seed)
            while api("GET", f"/videos/{video_id}", None).get("video_status") != 1:
                rest(5.0)

        with ThreadPoolExecutor(SLOTS) as workers:
            list(workers.map(one, range(JOBS)))

    return measured(box, run)


def loop(box: Sandbox, folder: Path) -> Figures:
    """Send until the vendor is busy, wait 10 to 30 seconds, send again; then ask for the list every 10 seconds."""
    del folder
    api = caller(box)

    def run() -> None:
        frame = upload(api)
        made = [created(api, frame, seed) for seed in range(JOBS)]
        while True:
            rows = {row["video_id"]: row for row in api("GET", f"/videos/?limit={JOBS}", None)["data"]}
            if all(rows[video_id].get("video_status") == 1 for video_id in made):
                return
            rest(10.0)

    return measured(box, run)


def measured(box: Sandbox, run: Callable[[], object]) -> Figures:
    """Run it and compare what was asked and how long it took with the ideal schedule of the same jobs."""
    before, count, began = box.control.requests.copy(), len(box.control.generations), box.control.now()
    run()
    took = box.control.now() - began
    asked = box.control.requests - before
    jobs = box.control.generations[count:]
    durations = [box.control.due_at(job.video_id) - job.created_at for job in jobs]
    return Figures(
        stretch=took / ideal_s(durations),
        requests=sum(asked[route] for route in READS) / len(jobs),
        refused=asked[CREATE] - len(jobs),
        uploads=asked["files"],
    )


def ideal_s(durations: Sequence[float]) -> float:
    """Return how long these jobs take in this order when each begins the moment a slot is free."""
    slots = [0.0] * SLOTS
    for duration in durations:
        heapq.heapreplace(slots, slots[0] + duration)
    return max(slots)


def plan_s(folder: Path) -> float:
    """Return how long a plan of 10,000 cells takes, the pictures prepared and its questions to the vendor included."""
    first, last = megapixel_pictures(folder)
    with Sandbox(render=canned_renderer(folder)) as box:
        home = Path(tempfile.mkdtemp(dir=folder))
        with Client(box.token, base_url=box.base_url, home=home, timing=Timing().scaled(0.1)) as client:
            client.sweep(first, last, seed=[1]).plan()
            started = time.perf_counter()
            grid: dict[str, Any] = {"seed": range(1, 5001), "motion_mode": ["normal", "fast"]}
            client.sweep(first, last, most_cells=10_000, **grid).plan()
            return time.perf_counter() - started


def created(api: Callable[..., Any], frame: str, seed: int) -> str:
    """Create one job, waiting 10 to 30 seconds of life after each 429."""
    body = json.dumps({"first_frame_path": frame, "last_frame_path": frame, "seed": seed + 1}).encode()
    while True:
        answer = api("POST", f"/videos/{CREATE}", body)
        if "video_id" in answer:
            return str(answer["video_id"])
        rest(random.uniform(10, 30))  # noqa: S311 - jitter


def upload(api: Callable[..., Any]) -> str:
    """Upload one picture and return its path."""
    return str(api("POST", "/files/", (PICTURES / "coffee_wide.jpg").read_bytes())["result"][0]["path"])


def rest(seconds: float) -> None:
    """Wait for seconds of life."""
    threading.Event().wait(seconds / SPEED)
