"""Try calls in a folder that cannot be written: print what each one returns, or its error, as JSON."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))
from IPython.core.interactiveshell import InteractiveShell

import pixverse_nb as pv
from pixverse_nb.sweep.plots import ContactSheet
from tests.client.harness import TIMING, create_job
from tests.sweep.small_sweeps import run, small_sweep


def in_cell() -> object:
    """Run a `%%pixverse` cell and return its job."""
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "pixverse_nb")
    return shell.run_cell_magic("pixverse", "--seed 7", "a prompt")  # type: ignore[no-untyped-call]


def shown() -> str:
    """Show a video of the folder."""
    pv.show("one.mp4")
    return "shown"


def save_sheet() -> None:
    """Save a contact sheet into the folder."""
    from PIL import Image

    ContactSheet(Image.new("RGB", (8, 6)), None).save("sheet.png")


def notebook_calls() -> dict[str, Callable[[], object]]:
    """Return what a notebook in a read-only folder does."""
    return {
        "sandbox": pv.Client.sandbox,
        "vendor": lambda: pv.Client("user:1-abcdefgh"),
        "no token": pv.Client,
        "form": pv.studio,
        "magic": in_cell,
        "show": shown,
        "gallery": lambda: len(pv.gallery(".").tiles),
        "compare": lambda: type(pv.compare("one.mp4", "two.mp4")).__name__,
        "frame": lambda: pv.Video.from_path("one.mp4").first_frame().mode,
        "save": lambda: pv.Video.from_path("one.mp4").save("three.mp4"),
        "page": lambda: pv.gallery(".").save("page.html"),
        "sheet": save_sheet,
    }


def home_calls(token: str, base_url: str, home: str) -> dict[str, Callable[[], object]]:
    """Return calls on a home: one that is paid, a sweep and the doctor."""
    client = pv.Client(token, base_url=base_url, home=home, timing=TIMING)
    return {
        "call": lambda: create_job(client).result(timeout=60) and "done",
        "sweep": lambda: run(small_sweep(client, seed=[8])).progress.done,
        "doctor": lambda: {finding.name: finding.kind for finding in client.doctor(offline=True)},
    }


def attempt(call: Callable[[], object]) -> Any:
    """Return what a call returns, or its error's class and message."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - the test inspects it
        return [type(error).__name__, str(error)]


what, *arguments = sys.argv[1:]
match what:
    case "notebook":
        calls = notebook_calls()
    case "jobs":
        calls = {"jobs": lambda: [job.ref for job in pv.Client.sandbox().jobs()]}
    case _:
        calls = home_calls(*arguments)
sys.stdout.write(f"{json.dumps({name: attempt(call) for name, call in calls.items()})}\n")
