"""Open a client, fork, and use it in the child; the arguments: token, base URL, home."""

import os
import sys

import pixverse_nb as pv
from tests.client.harness import TIMING, finished, order


def main() -> None:
    """Print what the child gets, then that the parent's client is as good as before."""
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
        finished(order(client))
        print("done")  # noqa: T201


main()
