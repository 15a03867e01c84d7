"""A job in a real kernel, waited for in every way, with cells queued behind it as Run All does."""

from pathlib import Path

import pytest

from tests.kernel.real_kernel import Kernel

PICTURE = Path(__file__).parent.parent.parent / "notebooks" / "pictures" / "chelsea.jpg"
BEGIN = f"""
from pixverse_nb.client import Client
client = Client.sandbox(speed=100)
def begin(seed):
    return client.create_frames({str(PICTURE)!r}, {str(PICTURE)!r}, quality="360p", seed=seed)
"""


@pytest.mark.parametrize("wait", ["job.result()", "await job"])
def test_queued_cells_run_behind_a_waiting_one(kernel: Kernel, wait: str) -> None:
    """Cells queued behind one that waits for a job all run, whether it blocks or awaits."""
    replies = kernel.run_queued(
        [
            BEGIN,
            "job = begin(1)",
            f"video = {wait}",
            "print(job.state)",
            "print(video.path.is_file())",
            "client.close()",
        ]
    )
    assert [(reply.status, reply.error) for reply in replies] == [("ok", "")] * 6
    assert replies[3].stdout + replies[4].stdout == "done\nTrue\n"


def test_the_card_shows_the_player_when_waiting_ends(kernel: Kernel) -> None:
    """Waiting ends only after the job's card has been redrawn, so that an executed notebook keeps the video."""
    count = "from pixverse_nb.render.live import LIVE_UPDATER; print(len(LIVE_UPDATER._views))"
    replies = kernel.run_queued(
        [
            BEGIN,
            "job = begin(9)\njob",
            f"job.result()\n{count}",
            "job = begin(10)\njob",
            f"await job\n{count}",
            "client.close()",
        ]
    )
    assert [(reply.status, reply.error) for reply in replies] == [("ok", "")] * 6
    assert replies[2].stdout + replies[4].stdout == "0\n0\n"


def test_several_jobs_can_be_awaited_at_once(kernel: Kernel) -> None:
    """Jobs started in one cell can be gathered in the next."""
    replies = kernel.run_queued(
        [
            BEGIN,
            "jobs = [begin(seed) for seed in (1, 2)]",
            "import asyncio\nasync def wait(job):\n    return await job",
            "videos = await asyncio.gather(*map(wait, jobs))",
            "print(len({video.sha256 for video in videos}))",
            "client.close()",
        ]
    )
    assert [(reply.status, reply.error) for reply in replies] == [("ok", "")] * 6
    assert replies[4].stdout == "2\n"


def test_jobs_work_with_nested_loops(kernel: Kernel) -> None:
    """After enable_nested_asyncio() a job can be waited for inside asyncio.run(), with result() and with await."""
    replies = kernel.run_queued(
        [
            BEGIN,
            "from pixverse_nb.event_loop import enable_nested_asyncio; enable_nested_asyncio()",
            "import asyncio\nasync def wait(job):\n    return await job",
            "print(asyncio.run(wait(begin(3))).path.suffix)",
            "print(begin(4).result().path.suffix)",
            "print((await begin(5)).path.suffix)",
            "client.close(); print('closed')",
        ]
    )
    assert [(reply.status, reply.error) for reply in replies] == [("ok", "")] * 7
    assert "".join(reply.stdout for reply in replies) == ".mp4\n.mp4\n.mp4\nclosed\n"


def test_the_kernel_stays_unpatched(kernel: Kernel) -> None:
    """Generating a video patches neither asyncio nor the kernel's loop."""
    replies = kernel.run_queued(
        [
            "import asyncio; before = asyncio.run, asyncio.Task, asyncio.Future",
            BEGIN,
            "video = begin(6).result()",
            "print((asyncio.run, asyncio.Task, asyncio.Future) == before, hasattr(asyncio, '_nest_patched'))",
            "client.close()",
        ]
    )
    assert [(reply.status, reply.error) for reply in replies] == [("ok", "")] * 5
    assert replies[3].stdout == "True False\n"


def test_interrupting_a_waiting_cell_stops_the_waiting_only(kernel: Kernel) -> None:
    """Interrupting a cell ends the waiting; the job continues and can be waited for again."""
    kernel.run(BEGIN)
    stopped = kernel.run_and_interrupt("job = begin(8)\nprint('waiting', flush=True)\njob.result()", once="waiting")
    assert stopped.status == "error"
    assert stopped.error.startswith("KeyboardInterrupt")
    assert kernel.run("print(job.result().path.suffix, job.state)").stdout == ".mp4 done\n"


STOPPED = (
    BEGIN.replace("speed=100", "speed=0")
    + """
def wait_a_moment(job, **options):
    try:
        job.result(timeout=0.2, **options)
    except Exception as error:
        print(type(error).__name__)
job = begin(11)
"""
)


def widgets_shown(kernel: Kernel, code: str) -> int:
    """Run a cell and return how many widgets it shows."""
    reply = kernel.run(code)
    assert (reply.status, reply.stdout) == ("ok", "JobTimeout\n" * code.count("wait_a_moment"))
    return sum("application/vnd.jupyter.widget-view+json" in data for data in reply.displays)


def test_waiting_shows_a_card_unless_there_is_one(kernel: Kernel) -> None:
    """A card of the job is shown once in a cell, not again in another, and again in one that is run again."""
    kernel.run(STOPPED)
    assert widgets_shown(kernel, "wait_a_moment(job, quiet=True)") == 0
    assert widgets_shown(kernel, "wait_a_moment(job); wait_a_moment(job)") == 1
    assert widgets_shown(kernel, "wait_a_moment(job)") == 0
    assert widgets_shown(kernel, "job") == 1
    assert widgets_shown(kernel, "1; wait_a_moment(job)") == 0


def test_a_cell_that_is_run_again_shows_its_card_again(kernel: Kernel) -> None:
    """Running a cell again removes its output, so waiting there shows a new one, of the same widget."""
    kernel.run(STOPPED)
    assert [widgets_shown(kernel, "wait_a_moment(job)") for _ in range(3)] == [1, 1, 1]
    count = "print(sum(type(one).__name__ == 'LiveCardWidget' for one in widget._instances.values()))"
    opened = kernel.run(f"from ipywidgets.widgets import widget\n{count}")
    assert opened.stdout == "1\n"
