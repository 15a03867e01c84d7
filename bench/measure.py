"""Speed of measuring many videos on threads, on processes and on dask clusters.

The figure is the ratio to real time: seconds of video that are measured in one second.
"""

import multiprocessing
import os
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from distributed import Client, LocalCluster

from pixverse_nb.metrics.measure import MeasureTask, measure_all
from pixverse_nb.sandbox.render import render_video, video_size

PICTURES = Path(__file__).parent.parent / "notebooks" / "pictures"
FIRST, LAST = PICTURES / "coffee_wide.jpg", PICTURES / "coffee_close.jpg"
TASKS, VIDEOS, SECONDS = 64, 4, 5
FEWER = 24  # for comparisons
WORKERS = (1, 2, 4)


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        tasks = make_tasks(Path(folder))
        measure_all(tasks[:1])  # so that no figure includes the imports
        all_tasks(tasks)
        threads_and_processes(tasks[:FEWER])
        clusters(tasks[:FEWER])


def all_tasks(tasks: list[MeasureTask]) -> None:
    """The main figure: all videos, measured as `sweep.measure()` does it."""
    before = time.process_time()
    wall = seconds(tasks)
    cpu = (time.process_time() - before) / len(tasks)
    print(
        f"{len(tasks)} videos of {SECONDS} s 540p on {processors()} processors: {speed(tasks, wall)}; wanted at least 8"
    )
    print(f"  {wall:.1f} s in all; {cpu:.2f} processor seconds per video")


def threads_and_processes(tasks: list[MeasureTask]) -> None:
    """Compare threads, which are the default, with processes, which must be started first."""
    many = processors()
    with ThreadPoolExecutor(1) as one:
        alone = seconds(tasks, one)
    with ThreadPoolExecutor(many) as threads:
        threaded = seconds(tasks, threads)
    with ProcessPoolExecutor(many, mp_context=multiprocessing.get_context("spawn")) as processes:
        start = seconds(tasks[:many], processes)
        processed = seconds(tasks, processes)
    print(f"threads / processes: {threaded / processed:.2f} of the time, {len(tasks)} videos on {many} of each")
    print(
        f"  1 thread {speed(tasks, alone)}, {many} threads {speed(tasks, threaded)}, "
        f"{many} processes {speed(tasks, processed)} after {start:.1f} s of starting"
    )


def clusters(tasks: list[MeasureTask]) -> None:
    """Print how the speed grows with the workers of a cluster on this machine."""
    first = 0.0
    for count in WORKERS:
        wall = on_cluster(tasks, count)
        first = first or wall
        note = " (more workers than processors)" if count > processors() else ""
        print(f"dask, {count} worker{'s' * (count > 1)}: {speed(tasks, wall)}, {first / wall:.2f} × one worker{note}")


def on_cluster(tasks: list[MeasureTask], workers: int) -> float:
    """Return the seconds on a cluster whose workers have imported the packages."""
    dashboard_address = "127.0.0.1:0"
    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=dashboard_address
        ) as cluster,  # type: ignore[no-untyped-call]  # not typed
        Client(cluster) as client,  # type: ignore[no-untyped-call]  # not typed
    ):
        client.run(load)
        return seconds(tasks, client)


def load() -> None:
    """Import the packages in a worker."""
    measure_all([])


def make_tasks(folder: Path) -> list[MeasureTask]:
    """Render some real videos, and copy them until there are enough."""
    width, height = video_size("540p", "16:9")
    for seed in range(VIDEOS):
        render_video(
            [FIRST.read_bytes(), LAST.read_bytes()],
            folder / f"{seed}.mp4",
            width=width,
            height=height,
            duration_s=SECONDS,
            seed=seed,
            motion_mode="normal",
        )
    for number in range(VIDEOS, TASKS):
        shutil.copy(folder / f"{number % VIDEOS}.mp4", folder / f"{number}.mp4")
    return [MeasureTask(folder / f"{number}.mp4", first=FIRST, last=LAST) for number in range(TASKS)]


def seconds(tasks: list[MeasureTask], executor: Any = None) -> float:
    """Return the seconds that measuring takes."""
    before = time.perf_counter()
    for result in measure_all(tasks, executor=executor):
        result.get()
    return time.perf_counter() - before


def speed(tasks: list[MeasureTask], wall: float) -> str:
    """Return the ratio to real time as text."""
    return f"{len(tasks) * SECONDS / wall:.1f} × real time"


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    main()
