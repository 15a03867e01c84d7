"""How much memory 200 open jobs take above the bare kernel's Python."""

import subprocess
import sys
import tempfile
from pathlib import Path

from bench.fixtures import copying_renderer, megapixel_pictures
from pixverse_nb.sandbox import Sandbox

JOBS = 200

CODE = """
import resource, sys
import IPython, ipykernel.ipkernel  # what a bare kernel holds
def rss_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6
bare = rss_mb()
import pixverse_nb as pv
client = pv.Client(token={token!r}, base_url={url!r}, home={home!r}, timing=pv.Timing().scaled(0.05))
jobs = [client.create_frames({first!r}, {last!r}, seed=seed) for seed in range(1, {jobs} + 1)]
client.reconcile()
print(rss_mb() - bare, sum(not job.state.is_final for job in jobs))
client.close()
"""


def main() -> None:
    """Print the figure."""
    if not Path("/proc/self/statm").exists():
        print("memory: measured on Linux only")
        return
    with tempfile.TemporaryDirectory() as folder:
        first, last = megapixel_pictures(Path(folder))
        with Sandbox(speed=1, render=copying_renderer(Path(folder))) as box:
            code = CODE.format(
                token=box.token,
                url=box.base_url,
                home=str(Path(folder) / "home"),
                first=str(first),
                last=str(last),
                jobs=JOBS,
            )
            answer = subprocess.check_output([sys.executable, "-c", code], text=True)
    megabytes, still_open = answer.split()
    print(f"{float(megabytes):.0f} MB above the bare kernel for {still_open} open jobs; wanted at most 60 MB")


if __name__ == "__main__":
    main()
