"""Run one sweep of 32 cells until this process is killed; the arguments: token, base URL, home."""

import sys

import pixverse_nb as pv
from tests.client.harness import KILLED_TIMING, make_picture


def main() -> None:
    """Run it, and print how many videos are done."""
    token, base_url, home = sys.argv[1:]
    with pv.Client(token=token, base_url=base_url, home=home, timing=KILLED_TIMING) as client:
        sweep = client.sweep(make_picture(0), make_picture(200), quality="360p", seed=range(1, 33)).run(quiet=True)
        print(sweep.progress.done, flush=True)  # noqa: T201 - what the test reads


main()
