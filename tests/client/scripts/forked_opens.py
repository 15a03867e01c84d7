"""Open a client, fork, and open one with the same settings in the child; the arguments: token, base URL, home."""

import os
import sys

import pixverse_nb as pv
from tests.client.harness import TIMING, create_job, wait_for_video


def main() -> None:
    """Print "done" once in the child and once in the parent, each after a video of its own client."""
    token, base_url, home = sys.argv[1:]
    client = pv.Client(token=token, base_url=base_url, home=home, timing=TIMING)
    client.credits()
    child = os.fork()
    if child == 0:
        wait_for_video(create_job(pv.Client(token=token, base_url=base_url, home=home, timing=TIMING)))
        print("done", flush=True)  # noqa: T201 - what the test reads
        os._exit(0)
    os.waitpid(child, 0)
    wait_for_video(create_job(client))
    print("done")  # noqa: T201
    client.close()


main()
