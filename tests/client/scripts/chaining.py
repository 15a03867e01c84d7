"""Run one chain of 12 videos until this process is killed; the arguments: token, base URL, home."""

import sys

import pixverse_nb as pv
from tests.client.harness import KILLED_TIMING, make_picture


def main() -> None:
    """Run it, and print how many videos are done."""
    token, base_url, home = sys.argv[1:]
    with pv.Client(token=token, base_url=base_url, home=home, timing=KILLED_TIMING) as client:
        pictures = [make_picture(20 * number) for number in range(12)]
        chain = client.chain(pictures, loop=True, quality="360p").run(quiet=True)
        print(len(chain.videos), flush=True)  # noqa: T201 - what the test reads


main()
