"""Ask for one video and say how far it is, until somebody kills this process; the arguments: token, base URL, home."""

import sys
import threading

import pixverse_nb as pv
from pixverse_nb.jobs.job import Job
from tests.client.harness import SETTLING, order


def main() -> None:
    """Print every state of the job as it is reached, then wait to be killed."""
    token, base_url, home = sys.argv[1:]
    with pv.Client(token=token, base_url=base_url, home=home, timing=SETTLING) as client:
        client.subscribe(tell)
        tell(order(client))
        threading.Event().wait()


def tell(job: Job) -> None:
    """Print where the job stands."""
    print(job.state, flush=True)  # noqa: T201 - what the test reads


main()
