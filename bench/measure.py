"""Measuring many films: how much faster than they play, by threads, by processes, and on dask clusters of any size.

The ratio to real time is what counts: seconds of film that are measured in one second.
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

from pixverse_nb.measure.video import Clip, measure_all
from pixverse_nb.sandbox.render import render_video, video_size

PICTURES = Path(__file__).parent.parent / "notebooks" / "pictures"
FIRST, LAST = PICTURES / "coffee_wide.jpg", PICTURES / "coffee_close.jpg"
CLIPS, FILMS, SECONDS = 64, 4, 5
FEWER = 24  # for what is only compared
WORKERS = (1, 2, 4)


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        clips = make_clips(Path(folder))
        measure_all(clips[:1])  # so that no figure pays for the imports
        all_clips(clips)
        threads_and_processes(clips[:FEWER])
        clusters(clips[:FEWER])


def all_clips(clips: list[Clip]) -> None:
    """The figure that was asked for: every clip, as `sweep.measure()` does it."""
    before = time.process_time()
    wall = seconds(clips)
    cpu = (time.process_time() - before) / len(clips)
    print(
        f"{len(clips)} clips of {SECONDS} s 540p on {processors()} processors: {speed(clips, wall)}; wanted at least 8"
    )
    print(f"  {wall:.1f} s in all; {cpu:.2f} processor seconds a clip")


def threads_and_processes(clips: list[Clip]) -> None:
    """Why the default is threads: processes are no faster, and must first be started."""
    many = processors()
    with ThreadPoolExecutor(1) as one:
        alone = seconds(clips, one)
    with ThreadPoolExecutor(many) as threads:
        threaded = seconds(clips, threads)
    with ProcessPoolExecutor(many, mp_context=multiprocessing.get_context("spawn")) as processes:
        start = seconds(clips[:many], processes)
        processed = seconds(clips, processes)
    print(f"threads / processes: {threaded / processed:.2f} of the time, {len(clips)} clips on {many} of each")
    print(
        f"  1 thread {speed(clips, alone)}, {many} threads {speed(clips, threaded)}, "
        f"{many} processes {speed(clips, processed)} after {start:.1f} s of starting"
    )


def clusters(clips: list[Clip]) -> None:
    """How it scales over the workers of a cluster on this machine."""
    first = 0.0
    for count in WORKERS:
        wall = on_cluster(clips, count)
        first = first or wall
        note = " (more workers than processors)" if count > processors() else ""
        print(f"dask, {count} worker{'s' * (count > 1)}: {speed(clips, wall)}, {first / wall:.2f} × one worker{note}")


def on_cluster(clips: list[Clip], workers: int) -> float:
    """Seconds on a cluster whose workers have loaded what they need."""
    page = "127.0.0.1:0"
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=page) as cluster,  # type: ignore[no-untyped-call]  # not typed
        Client(cluster) as client,  # type: ignore[no-untyped-call]  # not typed
    ):
        client.run(load)
        return seconds(clips, client)


def load() -> None:
    """Have a worker import what measuring needs."""
    measure_all([])


def make_clips(folder: Path) -> list[Clip]:
    """Render some real films, and copy them until there are enough."""
    width, height = video_size("540p", "16:9")
    for seed in range(FILMS):
        render_video(
            [FIRST.read_bytes(), LAST.read_bytes()],
            folder / f"{seed}.mp4",
            width=width,
            height=height,
            duration_s=SECONDS,
            seed=seed,
            motion_mode="normal",
        )
    for number in range(FILMS, CLIPS):
        shutil.copy(folder / f"{number % FILMS}.mp4", folder / f"{number}.mp4")
    return [Clip(folder / f"{number}.mp4", first=FIRST, last=LAST) for number in range(CLIPS)]


def seconds(clips: list[Clip], executor: Any = None) -> float:
    """How long it takes to measure the clips."""
    before = time.perf_counter()
    for outcome in measure_all(clips, executor=executor):
        outcome.get()
    return time.perf_counter() - before


def speed(clips: list[Clip], wall: float) -> str:
    """Seconds of film a second, in words."""
    return f"{len(clips) * SECONDS / wall:.1f} × real time"


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    main()
