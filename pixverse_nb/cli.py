"""The command line: `pixverse-nb demo | sandbox | jobs | doctor`.

Every failure is one sentence on stderr and status 1 (2 for a wrong command line), never a traceback. Status 130 after
Ctrl+C.
"""

import argparse
import importlib.metadata
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

from pixverse_nb.config import Timing, find_home
from pixverse_nb.connection import SANDBOX, SPEED_MAX, find_base_url
from pixverse_nb.doctor.run import check_home
from pixverse_nb.errors import ConfigError, PixVerseError
from pixverse_nb.jobs.history import read_history, read_jobs
from pixverse_nb.redaction import redact
from pixverse_nb.render.job_views import history_text, jobs_text

MOST_JOBS: Final = 10_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command (`arguments`, or this process's own) and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except PixVerseError as error:
        return _complain(str(error))
    except BrokenPipeError:  # the reader of our output has gone: `pixverse-nb jobs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:
        return _complain(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    except KeyboardInterrupt:
        return 130


def run_demo_command(options: argparse.Namespace) -> int:
    """Make one video from two pictures in the sandbox, and say where it is."""
    notebook = (options.notebook or find_notebook(Path.cwd())).absolute()
    if not notebook.is_file():
        raise ConfigError(f"{notebook} is not there.")
    if os.environ.get("USEAPI_TOKEN"):
        _say("USEAPI_TOKEN is set; the demo does not use it. It runs in the sandbox, and nothing is paid.")
    _say(f"Running {notebook.name} against the embedded sandbox (about half a minute) ...")
    made = run_demo(notebook, options.folder.absolute())
    _say("Done: two pictures in, one video out.")
    for name, path in (("video", made.video), ("page", made.page), ("notebook", made.notebook)):
        _say(f"  {name:9} {_short(path)}")
    _say("Go on by hand: make lab")
    return 0


def run_sandbox(options: argparse.Namespace) -> int:
    """Serve the emulator until Ctrl+C or SIGTERM."""
    try:
        from pixverse_nb.sandbox.server import Sandbox, serve
    except ImportError as error:
        raise ConfigError(
            f'The sandbox needs packages that are not installed ({error.name}): pip install "pixverse-nb[sandbox]"'
        ) from error
    over = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        over.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)

    def announce(box: Sandbox) -> None:
        _say("The sandbox is up. It makes real videos and costs nothing.")
        _say(f"  base URL     {box.base_url}")
        _say(f"  token        {box.token if options.token is None else 'the one you gave'}")
        _say(f"  control key  {box.control_key} (header X-Sandbox-Control on /_sandbox/...)")
        _say(f"  speed        {options.speed:g} times life")
        _say("Ctrl+C ends it.")

    serve(options.port, options.token, options.speed, options.folder, on_ready=announce, until=over)
    _say("The sandbox has ended.")
    return 0


def run_jobs(options: argparse.Namespace) -> int:
    """List the jobs that the ledger knows, newest first, or one with its whole history; reads only.

    So it never stands in a notebook's way. What is open goes on where a Client has the home open.
    """
    home, now = find_home(options.home), time.time()
    # whether a Client waits at another pace than the usual one is not in the ledger; the sandbox's is never told
    places: tuple[tuple[Path, str, Timing | None], ...] = (
        (home, find_base_url(None), Timing()),
        (home, SANDBOX, None),
        (home / SANDBOX, SANDBOX, None),
    )
    if options.ref is None:
        jobs = [
            job
            for place, service, timing in places
            for job in read_jobs(place, service=service, timing=timing, now=now, limit=options.limit)
        ]
        jobs.sort(key=lambda job: job.created_at, reverse=True)
        _say(jobs_text(jobs[: options.limit], now=now))
        return 0
    for place, service, timing in places:
        found = read_history(place, options.ref, service=service, timing=timing, now=now)
        if found is not None:
            _say(history_text(found.snapshot, found.attempts, found.events))
            return 0
    raise ConfigError(f"No job {options.ref!r} in {home}: `pixverse-nb jobs` lists those there are.")


def run_doctor(options: argparse.Namespace) -> int:
    """Say what is well and what is not, each with its mend; status 1 where anything is to be looked at or mended."""
    examination = check_home(find_home(options.home), is_offline=options.offline)
    _say(str(examination))
    return 0 if examination.is_ok else 1


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="pixverse-nb", description="Two pictures in, one video out: PixVerse in notebooks.")
    parser.add_argument("--version", action="version", version=importlib.metadata.version("pixverse-nb"))
    commands: Any = parser.add_subparsers(title="commands", required=True, metavar="demo | sandbox | jobs | doctor")

    shown = commands.add_parser("demo", help="make one video in the sandbox and show where it is")
    shown.add_argument("--notebook", type=Path, help="the notebook to run (default: notebooks/01_first_video.ipynb)")
    shown.add_argument("--folder", type=Path, default=Path("demo"), help="where the results go (default: demo)")
    shown.set_defaults(run=run_demo_command)

    sandbox = commands.add_parser("sandbox", help="serve the emulator alone, for any client")
    sandbox.add_argument("--port", type=_port, default=0, help="the port on 127.0.0.1 (default: a free one)")
    sandbox.add_argument("--token", type=_token, help="the token to accept (default: a random one, printed)")
    sandbox.add_argument(
        "--speed", type=_speed, default=1.0, help="how much faster than life (default: 1; 0: stands still)"
    )
    sandbox.add_argument("--folder", type=Path, help="keeps jobs and files over a restart (default: a temporary one)")
    sandbox.set_defaults(run=run_sandbox)

    jobs = commands.add_parser("jobs", help="list the jobs that the ledger knows, or one with its history")
    jobs.add_argument("ref", nargs="?", help="one job, by its ref (or video id): everything that happened to it")
    jobs.add_argument("--home", type=Path, help="the home folder (default: PIXVERSE_NB_HOME or ./pixverse)")
    jobs.add_argument("--limit", type=_count, default=50, help="how many, at most (default: 50)")
    jobs.set_defaults(run=run_jobs)

    doctor = commands.add_parser("doctor", help="examine this machine, the home, the token and the accounts")
    doctor.add_argument("--home", type=Path, help="the home folder (default: PIXVERSE_NB_HOME or ./pixverse)")
    doctor.add_argument("--offline", action="store_true", help="ask the vendor nothing")
    doctor.set_defaults(run=run_doctor)
    return parser


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"must be 0…65535, not {text!r}")
    return number


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_JOBS):
        raise argparse.ArgumentTypeError(f"must be 1…{MOST_JOBS}, not {text!r}")
    return int(text)


def _speed(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= SPEED_MAX:
        raise argparse.ArgumentTypeError(f"must be 0…{SPEED_MAX}, not {text!r}")
    return number


def _token(text: str) -> str:
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise argparse.ArgumentTypeError("must be a word of plain letters, digits and signs")  # not echoed: a secret
    return text


def _short(path: Path) -> str:
    """Return `path` as seen from here where it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _say(text: str) -> None:
    print(text, flush=True)


def _complain(text: str) -> int:
    print(f"pixverse-nb: {redact(text)}", file=sys.stderr)
    return 1


NOTEBOOK: Final = "01_first_video.ipynb"
MARK: Final = ".made-by-pixverse-nb-demo"
CELL_TIMEOUT_S: Final = 600
SETTINGS: Final = ("USEAPI_", "PIXVERSE_")

# The page of nbconvert without what it would load from other hosts.
PAGE: Final = """{% extends 'lab/index.html.j2' %}
{% block html_head_js %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block jupyter_widgets %}{% endblock %}
"""


@dataclass(frozen=True)
class Demo:
    """Where the demonstration left its three files."""

    notebook: Path
    page: Path
    video: Path


def run_demo(notebook: Path, folder: Path, *, environ: Mapping[str, str] = os.environ) -> Demo:
    """Run `notebook` in `folder` and return what was made; what an earlier demonstration left there is replaced.

    ConfigError where the notebook, or a package that runs it, is missing, or where `folder` holds something else;
    PixVerseError where a cell fails.
    """
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError, CellTimeoutError
    except ImportError as error:
        raise ConfigError(
            f"The demo needs JupyterLab's packages, and {error.name} is not installed: "
            'pip install "pixverse-nb[sandbox,lab]"'
        ) from error
    _lay_out(notebook, folder)
    content: Any = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        content,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        store_widget_state=False,  # it would write typed secrets into the file
        extra_arguments=["--log-level=ERROR"],  # what a kernel warns of at its start is not about the demo
        resources={"metadata": {"path": str(folder)}},
    )
    executed = folder / notebook.name
    try:
        client.execute(env=kernel_environment(environ, folder))
    except CellExecutionError as error:
        raise PixVerseError(f"A cell of the demo failed with {error.ename}: {error.evalue} (see {executed})") from error
    except CellTimeoutError as error:
        raise PixVerseError(
            f"A cell of the demo did not end within {CELL_TIMEOUT_S} seconds (see {executed})"
        ) from error
    finally:
        nbformat.write(content, executed)  # type: ignore[no-untyped-call]
    page = executed.with_suffix(".html")
    page.write_text(page_of(content, title="Two pictures in, one video out"), encoding="utf-8")
    return Demo(notebook=executed, page=page, video=_take_video(folder))


def find_notebook(start: Path) -> Path:
    """Return the demo's notebook: in `start`, in notebooks/ there, or beside this installation; else ConfigError."""
    places = (start, start / "notebooks", Path(__file__).parent.parent / "notebooks")
    found = next((place / NOTEBOOK for place in places if (place / NOTEBOOK).is_file()), None)
    if found is None:
        raise ConfigError(
            f"{NOTEBOOK} was not found here nor in notebooks/: call this inside a copy of the repository, "
            "or name it: pixverse-nb demo --notebook PATH"
        )
    return found


def kernel_environment(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return `environ` without any setting of this package or token of a person's, and with a home in `folder`."""
    kept = {name: value for name, value in environ.items() if not name.startswith(SETTINGS)}
    return {
        **kept,
        "PIXVERSE_NB_HOME": str(folder / "pixverse"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "IPYTHONDIR": str(folder / ".ipython"),
    }


def page_of(notebook: Any, *, title: str) -> str:
    """Return an executed notebook as one HTML page that asks no other host for anything."""
    from nbconvert import HTMLExporter

    exporter: Any = HTMLExporter(raw_template=PAGE)  # type: ignore[no-untyped-call]
    html, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": title}})
    return str(html)


def _lay_out(notebook: Path, folder: Path) -> None:
    """Make `folder` ready, with the pictures beside the notebook."""
    mark = folder / MARK
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; choose another place: pixverse-nb demo --folder PATH")
    if folder.is_dir() and any(folder.iterdir()) and not mark.exists():
        raise ConfigError(
            f"{folder} holds something that is not of the demo and is left alone; choose another place: "
            "pixverse-nb demo --folder PATH"
        )
    folder.mkdir(parents=True, exist_ok=True)
    mark.touch()
    for made in ("pixverse", "pictures", ".ipython"):
        shutil.rmtree(folder / made, ignore_errors=True)
    if (notebook.parent / "pictures").is_dir():
        shutil.copytree(notebook.parent / "pictures", folder / "pictures")


def _take_video(folder: Path) -> Path:
    """Copy the newest video of the demo's home to a place where it is found at once."""
    made = sorted((folder / "pixverse").rglob("*.mp4"), key=lambda path: path.stat().st_mtime_ns)
    if not made:
        raise PixVerseError(f"The demo ran to its end but left no video in {folder / 'pixverse'}")
    return Path(shutil.copy(made[-1], folder / "first_video.mp4"))
