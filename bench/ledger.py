"""Measure the ledger: an intent, a start with ten thousand finished jobs, a list of fifty, a check for changes.

Each figure is printed beside the same one for an empty ledger, from this run and on this disk.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pixverse_nb.domain.jobs import JobEvent, JobRecord, JobState, StoredVideo
from pixverse_nb.domain.operations import Operation
from pixverse_nb.domain.requests import Input, build_request
from pixverse_nb.ledger.jobs import ExportedJob, Ledger

JOBS = 10_000
RUNS = 9
COMMITS = 300
SERVICE = "http://127.0.0.1:9"
VIDEO_BYTES = 64

READY = """
import time
import pixverse_nb as pv, pixverse_nb.client
start = time.perf_counter()
client = pv.Client(token="user:1-benchbenchbench", base_url="http://127.0.0.1:9", home={home!r})
ready = time.perf_counter()
client.jobs(limit=50)
first = time.perf_counter()
for _ in range(20):
    jobs = client.jobs(limit=50)
print(ready - start, first - ready, (time.perf_counter() - first) / 20)
client.close()
"""


def main() -> None:
    """Print every figure with its target."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:  # on the disk: /tmp may be memory
        full, empty = Path(folder) / "full", Path(folder) / "empty"
        fill(full)
        ledgers = {path: Ledger(path / "ledger.db", service=SERVICE) for path in (empty, full)}
        print(f"the ledger of {JOBS:,} finished jobs has {(full / 'ledger.db').stat().st_size / 1e6:.0f} MB")
        raw = raw_sync_s(Path(folder) / "raw")
        commits = {path: intent_s(ledger) for path, ledger in ledgers.items()}
        print(
            f"an intent, committed and synced: median {ms(commits[empty])} in an empty ledger, {ms(commits[full])} in "
            f"the full one, with a budget {ms(intent_s(ledgers[full], budget=10**9))}; target at most 1 ms. The disk's "
            f"own append and fsync of 4 KiB: {ms(raw)}"
        )
        tick = {path: (tick_s(ledger), open_s(ledger)) for path, ledger in ledgers.items()}
        print(
            "one check by a waiting client (changes; open jobs): "
            f"empty {ms(tick[empty][0])} and {ms(tick[empty][1])}, full {ms(tick[full][0])} and {ms(tick[full][1])}; "
            "target: no growth"
        )
        learn = [timed(lambda: ledgers[full].finished_jobs(limit=200)) for _ in range(RUNS)]
        print(f"learning durations from the newest 200: {ms(statistics.median(learn))}, once")
        for ledger in ledgers.values():
            ledger.close()
        ready = {path: [start_s(path) for _ in range(RUNS)] for path in (empty, full)}
        less, more = (statistics.median(run[0] for run in ready[path]) for path in (empty, full))
        listed, again = (statistics.median(run[at] for run in ready[full]) for at in (1, 2))
        print(
            f"a ready Client: {ms(less)} with an empty ledger, {ms(more)} with the full one: {ms(more - less)} more; "
            "target at most 150 ms"
        )
        print(f"client.jobs(limit=50): {ms(listed)} the first time, then {ms(again)}; target at most 20 ms")


def fill(home: Path) -> None:
    """Create a home with finished jobs and their (very small) files."""
    (home / "videos").mkdir(parents=True)
    ledger = Ledger(home / "ledger.db", service=SERVICE)
    now = time.time()
    jobs = []
    for number in range(JOBS):
        record = finished(number, at=now - JOBS + number)
        (home / "videos" / f"{record.ref}.mp4").write_bytes(bytes(VIDEO_BYTES))
        history = [JobEvent(record.created_at + step, state, kind="created") for step, state in enumerate(JobState)]
        jobs.append(ExportedJob(record, tuple(history[:8])))
    ledger.transfers.import_rows(jobs, (), merge=lambda _, theirs: theirs, at=now, kind="imported", data={})
    ledger.close()


def finished(number: int, *, at: float) -> JobRecord:
    """Return a finished job."""
    ref = f"pv-bench-{number:08}"
    return JobRecord(
        ref=ref,
        service=SERVICE,
        request=build_request(
            Operation.FRAMES,
            [Input("first", f"sha256:{number}"), Input("last", "sha256:last")],
            {"prompt": "a slow dolly in", "seed": number + 1},
        ),
        created_at=at,
        deadline_at=at + 1800,
        state=JobState.DONE,
        attempt=1,
        video_id=f"user:1-pixverse:bench@example.org-video:{number}",
        submitted_at=at + 1,
        last_seen_running_at=at + 55,
        finished_at=at + 60,
        url=f"https://media.example.org/{number}.mp4",
        video=StoredVideo(f"videos/{ref}.mp4", "0" * 64, VIDEO_BYTES, 1280, 720, 5.0),
        charged="yes",
        estimated_credits=60,
    )


def intent_s(ledger: Ledger, *, budget: int | None = None) -> float:
    """Return the median seconds of storing an intent."""
    epoch = ledger.leases.acquire("bench", after=row.epoch if (row := ledger.leases.current()) else 0, has_lock=True)
    fresh = replace(
        finished(JOBS, at=time.time()),
        request=build_request(Operation.FRAMES, [Input("first", "a"), Input("last", "b")], {"seed": 1}),
        video=None,
        video_id=None,
        state=JobState.WAITING,
        charged="no",
        ref=f"pv-intent-{time.time_ns()}",
        budget_credits=budget,
    )
    record, _ = ledger.find_or_add(fresh, reuse=False)
    taken = []
    for _ in range(COMMITS):
        intent = replace(record, state=JobState.SUBMITTING, charged="unknown", attempt=record.attempt + 1)
        start = time.perf_counter()
        stored = ledger.save(intent, at=time.time(), kind="intent_recorded", data={}, epoch=epoch)
        taken.append(time.perf_counter() - start)
        if stored is None:
            raise RuntimeError("the intent was refused")
        record = stored
    ledger.save(
        replace(record, state=JobState.CANCELLED, charged="no"), at=time.time(), kind="cancel_requested", data={}
    )
    return statistics.median(taken)


def tick_s(ledger: Ledger) -> float:
    """Return the median seconds of one check for changes by other processes."""
    mark = ledger.change_mark()

    def check() -> None:
        ledger.data_version()
        ledger.changes_since(mark)

    return statistics.median(timed(check) for _ in range(COMMITS))


def open_s(ledger: Ledger) -> float:
    """Return the median seconds of reading the open jobs, of which there are none."""
    return statistics.median(timed(ledger.open_jobs) for _ in range(COMMITS))


def raw_sync_s(path: Path) -> float:
    """Return the median seconds of appending and syncing 4 KiB, the minimum of a commit."""
    with path.open("wb", buffering=0) as file:
        taken = []
        for _ in range(COMMITS):
            start = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def start_s(home: Path) -> tuple[float, ...]:
    """Return the seconds in a fresh process until the Client is ready, of the first list of 50, and of later ones."""
    printed = subprocess.check_output([sys.executable, "-c", READY.format(home=str(home))], text=True)
    return tuple(float(word) for word in printed.split())


def timed(act: Callable[[], object]) -> float:
    """Return the seconds that `act` takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def ms(seconds: float) -> str:
    """Return the duration in milliseconds, rounded."""
    return f"{seconds * 1e3:.2f} ms" if seconds < 0.01 else f"{seconds * 1e3:.0f} ms"


if __name__ == "__main__":
    main()
