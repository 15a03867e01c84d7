"""Request one video and print its states until this process is killed; the arguments: token, base URL, home."""

import sys
import threading

import pixverse_nb as pv
from pixverse_nb.jobs.job import Job
from tests.client.harness import TIMING, create_job


def main() -> None:
    """Print every state of the job as it is reached, then wait to be killed."""
    token, base_url, home = sys.argv[1:]
    with pv.Client(token=token, base_url=base_url, home=home, timing=TIMING) as client:
        client.subscribe(print_state)
        print_state(create_job(client))
        threading.Event().wait()


def print_state(job: Job) -> None:
    """Print the state of the job."""
    print(job.state, flush=True)  # noqa: T201 - what the test reads


main()
