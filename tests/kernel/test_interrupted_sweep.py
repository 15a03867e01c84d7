"""A sweep in a real kernel whose cell is interrupted: nothing more is paid for, and the cell can be run again."""

import re
from pathlib import Path

import pytest

from tests.kernel.real_kernel import Kernel

PICTURE = Path(__file__).parent.parent.parent / "notebooks" / "pictures" / "chelsea.jpg"
BEGIN = f"""
from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
client = Client.sandbox(speed=0)
sweep = client.sweep({str(PICTURE)!r}, {str(PICTURE)!r}, quality="360p", seed=range(1, 21))
def watch(accepted):
    def tell():
        if sum(job.state in (JobState.QUEUED, JobState.GENERATING) for job in sweep.jobs) >= accepted:
            print("accepted", flush=True)
    sweep.subscribe(tell)
"""
WAITS = {"run": "sweep.run()", "await": "await sweep", "gather": "import asyncio\nawait asyncio.gather(sweep)"}
COUNTS = """
now = sweep.progress
print(now.done, now.running, now.waiting, client.sandbox_control.balance())
"""


def counts(kernel: Kernel) -> list[int]:
    """The videos that are done, running and not sent, and the balance."""
    return [int(number) for number in kernel.run(COUNTS).stdout.split()]


@pytest.mark.parametrize("wait", [pytest.param(code, id=name) for name, code in WAITS.items()])
def test_an_interrupt_sends_nothing_more(kernel: Kernel, wait: str) -> None:
    """The eight that run are counted in the first line; free slots stay free; the same cell goes on to the end."""
    assert kernel.run(BEGIN).status == "ok"
    stopped = kernel.run_and_interrupt(f"watch(8)\n{wait}", once="accepted")
    assert stopped.status == "error"
    assert [int(number) for number in re.findall(r"\d+", stopped.stderr.splitlines()[0])] == [0, 8, 12]
    _, running, waiting, balance = counts(kernel)
    assert (running, waiting) == (8, 12)

    kernel.run("client.sandbox_control.advance(600)\nsweep.wait(60, quiet=True)")
    assert counts(kernel) == [8, 0, 12, balance]

    kernel.run("client.sandbox_control.speed = 500.0")
    assert kernel.run(wait).status == "ok"
    done, running, waiting, rest = counts(kernel)
    assert (done, running, waiting) == (20, 0, 0)
    assert rest < balance


def test_a_sweep_is_shown_as_often_as_it_is_displayed(kernel: Kernel) -> None:
    """Each `display(sweep)` of a cell shows it; as the result of a cell that has run it, it is not shown twice."""
    kernel.run(BEGIN + "client.sandbox_control.speed = 500.0\nsweep.run(quiet=True)")
    assert [data.get("text/plain") == "" for data in kernel.run("display(sweep)\ndisplay(sweep)").displays] == [
        False
    ] * 2
    assert [len(kernel.run(code).displays) for code in ("sweep.run()", "_ = sweep.run()")] == [1, 1]
