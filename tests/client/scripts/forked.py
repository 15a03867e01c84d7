"""Open a client, fork, and use it in the child; the arguments: token, base URL, home."""

import os
import sys

import pixverse_nb as pv
from tests.client.harness import TIMING, create_job, wait_for_video


def main() -> None:
    """Print the error that the child gets, then "done" if the parent's client still works."""
    token, base_url, home = sys.argv[1:]
    with pv.Client(token=token, base_url=base_url, home=home, timing=TIMING) as client:
        client.credits()
        child = os.fork()
        if child == 0:
            try:
                client.credits()
            except pv.ConfigError as error:
                print(type(error).__name__, flush=True)  # noqa: T201 - what the test reads
            os._exit(0)
        os.waitpid(child, 0)
        wait_for_video(create_job(client))
        print("done")  # noqa: T201


main()
