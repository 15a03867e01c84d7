"""How many list requests a finished job costs, and how late its end is known: ours beside plain loops, in one run.

Life at 10 times its speed: a job of 60 s takes 6 s. Delays are given in seconds of life.
"""

import json
import statistics
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.fixtures import copying_renderer, megapixel_pictures
from pixverse_nb.client import Client
from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.sandbox import Sandbox

SPEED = 10.0
AT_ONCE = 8
JOBS = 32
READS = ("videos", "video", "scheduler")


@dataclass
class Figures:
    """Requests for each job, and the delays from completion to knowing, in seconds of life."""

    requests: float
    delays_s: list[float]

    def __str__(self) -> str:
        worst = max(self.delays_s)
        return f"{self.requests:.2f} requests a job, delay {statistics.mean(self.delays_s):.1f} s (worst {worst:.1f} s)"


def main() -> None:
    """Print ours and the plain loops."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        for spread in ((60.0, 60.0), (55.0, 65.0), (40.0, 70.0)):
            print(f"jobs of {spread[0]:.0f} to {spread[1]:.0f} s:")
            with sandbox(path, spread) as box:
                print(f"  ours, {AT_ONCE} at a time: {ours(box, path, at_once=AT_ONCE, jobs=JOBS)}")
            with sandbox(path, spread) as box:
                print(f"  ours, one alone:  {ours(box, path, at_once=1, jobs=6)}")
        print("jobs of 170 to 190 s, one alone:")
        for name, taught, jobs in (("the first of its kind", 0, 1), ("once three are known", 3, 4)):
            with sandbox(path, (170.0, 190.0)) as box:
                print(f"  ours, {name}: {ours(box, path, at_once=1, jobs=jobs, taught=taught)}")
        for gap_s in (10.0, 5.0):
            with sandbox(path, (170.0, 190.0)) as box:
                print(f"  a loop that asks every {gap_s:g} s: {plain_loop(box, gap_s)}")
        print("wanted: at most 10 requests once three are known, and the first no worse than a plain loop")
        for gap_s in (10.0, 3.0, 0.3):
            with sandbox(path, (55.0, 65.0)) as box:
                print(f"a loop for each job of 55 to 65 s that asks every {gap_s:g} s: {plain_loop(box, gap_s)}")
    print(f"wanted: at most 1.2 requests a job with {AT_ONCE} at a time, at most 6 alone, mean delay at most 2.5 s")


def sandbox(folder: Path, spread: tuple[float, float]) -> Sandbox:
    """Return a sandbox whose jobs take `spread` seconds of life and never queue."""
    box = Sandbox(speed=SPEED, render=copying_renderer(folder))
    box.control.settings.queue_s = (0.0, 0.0)
    box.control.settings.generation_s = spread
    return box


def ours(box: Sandbox, folder: Path, *, at_once: int, jobs: int, taught: int | None = None) -> Figures:
    """Run `jobs` jobs, `at_once` at a time, after `taught` others (None: one wave), which are not counted."""
    first, last = megapixel_pictures(folder)
    home = Path(tempfile.mkdtemp(dir=folder))
    known: dict[str, float] = {}
    slots = threading.Semaphore(at_once)

    with Client(box.token, base_url=box.base_url, home=home, timing=Timing().scaled(1 / SPEED)) as client:

        def note(job: object) -> None:
            state, video_id = getattr(job, "state", None), getattr(job, "video_id", None)
            if state is JobState.DOWNLOADING and video_id is not None:
                known.setdefault(video_id, box.control.now())
                slots.release()

        client.subscribe(note)

        def run(seeds: Iterable[int]) -> None:
            made = []
            for seed in seeds:
                slots.acquire()
                made.append(client.create_frames(first, last, seed=seed, quality="720p"))  # factor 1 of the time
            for job in made:
                job.result(120, quiet=True)

        run(range(1, (at_once if taught is None else taught) + 1))
        known.clear()
        before = box.control.requests.copy()
        run(range(100, 100 + jobs))
        asked = box.control.requests - before
    polls = sum(asked[route] for route in READS)
    return Figures(polls / jobs, [now - due(box, video_id) for video_id, now in known.items()])


def plain_loop(box: Sandbox, gap_s: float) -> Figures:
    """Eight jobs, each asked for by its own loop every `gap_s` seconds of life, as the vendor's examples do."""
    api = caller(box)
    picture = (Path(__file__).parent.parent / "notebooks/pictures/coffee_wide.jpg").read_bytes()
    path = api("POST", "/files/", picture)["result"][0]["path"]
    known: dict[str, float] = {}

    def one(seed: int) -> None:
        body = json.dumps({"first_frame_path": path, "last_frame_path": path, "seed": seed}).encode()
        video_id = api("POST", "/videos/create-frames-v3", body)["video_id"]
        while True:
            threading.Event().wait(gap_s / SPEED)
            row = api("GET", f"/videos/{video_id}", None)
            if row.get("video_status") == 1:
                known[video_id] = box.control.now()
                return

    before = box.control.requests.copy()
    threads = [threading.Thread(target=one, args=(seed,)) for seed in range(1, AT_ONCE + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asked = box.control.requests - before
    polls = sum(asked[route] for route in READS)
    return Figures(polls / AT_ONCE, [now - due(box, video_id) for video_id, now in known.items()])


def caller(box: Sandbox) -> Callable[[str, str, bytes | None], Any]:
    """Return a plain function that calls the sandbox and gives the decoded answer."""

    def call(method: str, path: str, body: bytes | None) -> Any:
        kind = "image/jpeg" if path.startswith("/files") else "application/json"
        headers = {"Authorization": f"Bearer {box.token}", "Content-Type": kind}
        request = urllib.request.Request(box.base_url + path, body, headers, method=method)  # noqa: S310 - loopback
        try:
            with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return {"status": error.code}

    return call


def due(box: Sandbox, video_id: str) -> float:
    """Return when the sandbox finished this generation, in its clock."""
    return box.control.due_at(video_id)


if __name__ == "__main__":
    started = time.perf_counter()
    main()
    print(f"({time.perf_counter() - started:.0f} s)")
