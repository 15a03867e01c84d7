"""Look at a home that can only be read: print what each call returns, or the name of its error, as JSON."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))
import pixverse_nb as pv
from pixverse_nb.sweep.sweep import Sweep
from tests.client.harness import TIMING, create_job
from tests.sweep.small_sweeps import run, small_sweep

token, base_url, home = sys.argv[1:4]


def measured(sweep: Sweep) -> int:
    """Return how many videos can be measured."""
    return len(sweep.measure())


with pv.Client(token, base_url=base_url, home=home, timing=replace(TIMING, poll_s=1)) as client:
    looks: dict[str, Callable[[], object]] = {
        "jobs": lambda: {job.ref: job.state.value for job in client.jobs()},
        "events": lambda: [len(client.job(job.ref).events()) > 0 for job in client.jobs()],
        "results": lambda: [job.result(timeout=60).path.is_file() for job in client.jobs() if job.state == "done"],
        "open result": lambda: [job.result(timeout=60).path for job in client.jobs() if job.state != "done"],
        "uploads": lambda: len(client.uploads()),
        "doctor": lambda: {finding.name: finding.kind for finding in client.doctor(offline=True)},
        "verify": lambda: client.verify().missing == (),
        "export": lambda: client.export(sys.argv[4], overwrite=True).jobs,
        "same call": lambda: create_job(client).ref,
        "finished sweep": lambda: run(small_sweep(client, seed=[7])).progress.done,
        "table": lambda: len(small_sweep(client, seed=[7]).rows()),
        "measured": lambda: measured(small_sweep(client, seed=[7])),
        "new call": lambda: create_job(client, seed=8).ref,
        "same call again": lambda: create_job(client, reuse=False).ref,
        "new sweep": lambda: run(small_sweep(client, seed=[7, 8])).progress.done,
        "reconcile": lambda: len(client.reconcile()),
        "repair": lambda: client.verify(repair=True).missing == (),
        "rate": lambda: small_sweep(client, seed=[7]).rate(1, "winner"),
    }
    found: dict[str, object] = {}
    for name, look in looks.items():
        try:
            found[name] = look()
        except Exception as error:  # noqa: BLE001 - the test inspects it
            found[name] = type(error).__name__
sys.stdout.write(f"{json.dumps(found)}\n")
