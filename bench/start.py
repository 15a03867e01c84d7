"""What a person waits for first: the import, a ready Client, and `create_frames` coming back."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.stage import canned_renderer, megapixel_pictures
from pixverse_nb.sandbox import Sandbox
from pixverse_nb.session import Client
from pixverse_nb.settings import Timing

RUNS = 15
CALLS = 200

READY = """
import time; start = time.perf_counter()
import pixverse_nb as pv
client = pv.Client(token="user:1-benchbenchbench", base_url="http://127.0.0.1:9", home={home!r})
print(time.perf_counter() - start)
"""


def main() -> None:
    """Print the three figures."""
    bare, ours = [], []
    for _ in range(RUNS):
        bare.append(process_s("pass"))
        ours.append(process_s("import pixverse_nb"))
    extra = [b - a for a, b in zip(bare, ours, strict=True)]
    print(f"import pixverse_nb: {ms(extra)} over a bare interpreter ({ms(bare)}); wanted at most 30 ms")
    with tempfile.TemporaryDirectory() as folder:
        ready = [float(subprocess.check_output([sys.executable, "-c", READY.format(home=folder)])) for _ in range(RUNS)]
        print(f"a ready Client, imports included: {ms(ready)}; wanted at most 200 ms")
        create_times(Path(folder))


def create_times(folder: Path) -> None:
    """Print how long `create_frames` takes while the server answers late."""
    first, last = megapixel_pictures(folder)
    with Sandbox(speed=20, render=canned_renderer(folder)) as box:
        box.control.arm("late_answer", times=None, route="create-frames-v3", delay_s=3.0)
        with Client(box.token, base_url=box.base_url, home=folder / "home", timing=Timing().scaled(0.05)) as client:
            start = time.perf_counter()
            client.create_frames(first, last, seed=1)
            decoding_s = time.perf_counter() - start
            taken = []
            for seed in range(2, CALLS + 2):
                start = time.perf_counter()
                client.create_frames(first, last, seed=seed)
                taken.append(time.perf_counter() - start)
    taken.sort()
    p99 = taken[int(len(taken) * 0.99) - 1]
    print(
        f"create_frames with prepared pictures of 1 MP: median {statistics.median(taken) * 1e3:.1f} ms, "
        f"p99 {p99 * 1e3:.1f} ms of {CALLS} calls, while the server takes 3 s; wanted p99 at most 20 ms. "
        f"The first call, which decodes both and opens the door: {decoding_s * 1e3:.0f} ms"
    )


def process_s(code: str) -> float:
    """Return the seconds that a fresh interpreter takes for `code`."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def ms(seconds: list[float]) -> str:
    """Return the median in milliseconds."""
    return f"{statistics.median(seconds) * 1e3:.0f} ms"


if __name__ == "__main__":
    main()
