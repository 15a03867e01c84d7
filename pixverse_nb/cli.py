"""The command line: `pixverse-nb demo | sandbox | jobs | doctor`.

Failures are one sentence on stderr and exit status 1 (2 for invalid arguments), never a traceback. After Ctrl+C the
status is 130.
"""

import argparse
import contextlib
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

from pixverse_nb import __version__
from pixverse_nb.config import Timing, find_home, read_env
from pixverse_nb.connection import SANDBOX, SPEED_MAX, TOKEN_VARIABLE
from pixverse_nb.demo import execute_demo, find_notebook
from pixverse_nb.doctor.run import check_home
from pixverse_nb.domain.jobs import JobSnapshot
from pixverse_nb.errors import ConfigError, PixVerseError
from pixverse_nb.jobs.history import read_history, read_jobs, read_services
from pixverse_nb.redaction import printable, redact
from pixverse_nb.render.job_tables import JobRow, jobs_table
from pixverse_nb.render.job_views import history_text

JOBS_MAX: Final = 10_000
_HOME_HELP: Final = "the home folder (default: PIXVERSE_NB_HOME, or the nearest pixverse folder at or above this one)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command (`arguments`, or those of this process) and return the exit status."""
    _use_any_encoding()
    try:
        options = _parser().parse_args(arguments)
        return int(options.run(options))
    except PixVerseError as error:
        return _fail(str(error))
    except BrokenPipeError:  # the reader of our output has gone: `pixverse-nb jobs | head`
        with contextlib.suppress(OSError, ValueError, AttributeError):  # Python flushes stdout once more at its exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    except KeyboardInterrupt:
        return 130


def _use_any_encoding() -> None:
    """Replace characters that the encoding of a standard stream lacks, instead of failing on them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(OSError, ValueError):  # closed by whoever started this process
                stream.reconfigure(errors="replace")


# -- commands --------------------------------------------------------------------------------------------------------


def run_sandbox(options: argparse.Namespace) -> int:
    """Serve the emulator until Ctrl+C or SIGTERM."""
    try:
        from pixverse_nb.sandbox.server import Sandbox, serve
    except ImportError as error:
        raise ConfigError(
            f'The sandbox needs a package that is not installed ({error.name}): pip install "pixverse-nb[sandbox]"'
        ) from error
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)

    def announce(box: Sandbox) -> None:
        _print("The sandbox is running. It makes real videos, free of charge.")
        _print(f"  base URL     {box.base_url}")
        _print(f"  token        {box.token if options.token is None else 'as given'}")
        _print(f"  control key  {box.control_key} (header X-Sandbox-Control on /_sandbox/...)")
        _print(f"  speed        {options.speed:g} times real time")
        _print("Press Ctrl+C to stop it.")

    serve(options.port, options.token, options.speed, options.folder, on_ready=announce, until=ended)
    _print("The sandbox has stopped.")
    return 0


def run_jobs(options: argparse.Namespace) -> int:
    """List the jobs in the ledger, newest first, or show one with its history.

    This only reads, so it can run beside a notebook. Open jobs continue when a Client opens their home.
    """
    home, now = find_home(options.home), time.time()
    services = [(folder, service) for folder in (home, home / SANDBOX) for service in read_services(folder)]
    text = _jobs_text(services, options.limit, now) if options.ref is None else _job_text(services, options.ref, now)
    if text is None:
        raise ConfigError(f"No job {options.ref!r} in {home}. Run `pixverse-nb jobs` to list the jobs.")
    _print(text)
    return 0


def _jobs_text(services: Sequence[tuple[Path, str]], limit: int, now: float) -> str:
    """Return the table of the newest `limit` jobs of all services, each given by its home folder and name."""
    jobs: list[JobSnapshot] = []
    for home, service in services:
        jobs += read_jobs(home, service=service, now=now, limit=limit, **_read_options(service))
    jobs.sort(key=lambda job: job.created_at, reverse=True)
    return jobs_table([JobRow(job) for job in jobs[:limit]], now=now).text()


def _job_text(services: Sequence[tuple[Path, str]], ref: str, now: float) -> str | None:
    """Return the history of the job with this ref or video id, or None if no service has it."""
    for home, service in services:
        found = read_history(home, ref, service=service, now=now, **_read_options(service))
        if found is not None:
            return history_text(found.snapshot, found.attempts, found.events)
    return None


def _read_options(service: str) -> dict[str, Any]:
    # The ledger does not record the timing of a Client. The default is assumed; the sandbox's depends on its speed.
    is_sandbox = service == SANDBOX
    return {"is_sandbox": is_sandbox, "timing": None if is_sandbox else Timing()}


def run_doctor(options: argparse.Namespace) -> int:
    """Print every finding of the doctor; the exit status is 1 if there is a warning or an error."""
    report = check_home(find_home(options.home), is_offline=options.offline, is_live=options.live)
    _print(str(report))
    return 0 if report.is_ok else 1


def run_demo(options: argparse.Namespace) -> int:
    """Make one video from two pictures in the sandbox, and print where it is."""
    notebook = (options.notebook or find_notebook(Path.cwd())).absolute()
    if not notebook.is_file():
        raise ConfigError(f"Notebook not found: {notebook}")
    if read_env(TOKEN_VARIABLE):
        _print(f"The demo does not use the token in {TOKEN_VARIABLE}. It runs in the sandbox, free of charge.")
    _print(f"Running {notebook.name} in the embedded sandbox (about half a minute) ...")
    demo = execute_demo(notebook, options.folder.absolute())
    _print("Done: two pictures in, one video out.")
    for name, path in (("video", demo.video), ("page", demo.page), ("notebook", demo.notebook)):
        _print(f"  {name:9} {_short(path)}")
    _print("To go on in JupyterLab: make lab")
    return 0


def _short(path: Path) -> str:
    """Return a path relative to the current folder if it is inside."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _print(text: str) -> None:
    """Print lines without control characters; a process without standard output prints nothing."""
    if sys.stdout is not None and not sys.stdout.closed:
        print(printable(text), flush=True)


def _fail(message: str) -> int:
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):  # closed: the exit status remains
            print(f"pixverse-nb: {printable(redact(message))}", file=sys.stderr)
    return 1


# -- arguments -------------------------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="pixverse-nb", description="Two pictures in, one video out: PixVerse in notebooks.")
    parser.add_argument("--version", action="version", version=__version__)
    commands: Any = parser.add_subparsers(title="commands", required=True, metavar="demo | sandbox | jobs | doctor")

    demo = commands.add_parser("demo", help="make one video in the sandbox and print where it is")
    demo.add_argument("--notebook", type=Path, help="the notebook to run (default: notebooks/01_first_video.ipynb)")
    demo.add_argument("--folder", type=Path, default=Path("demo"), help="the folder for the results (default: demo)")
    demo.set_defaults(run=run_demo)

    sandbox = commands.add_parser("sandbox", help="serve the emulator alone, for any client")
    sandbox.add_argument("--port", type=_port, default=0, help="the port on 127.0.0.1 (default: a free one)")
    sandbox.add_argument("--token", type=_token, help="the token to accept (default: a random one, printed)")
    sandbox.add_argument(
        "--speed", type=_speed, default=1.0, help="speed relative to real time (default: 1; 0: time stands still)"
    )
    sandbox.add_argument(
        "--folder", type=Path, help="keep jobs and files here across restarts (default: a temporary folder)"
    )
    sandbox.set_defaults(run=run_sandbox)

    jobs = commands.add_parser("jobs", help="list the jobs in the ledger, or show one with its history")
    jobs.add_argument("ref", nargs="?", help="the ref or video id of one job, to show its history")
    jobs.add_argument("--home", type=Path, help=_HOME_HELP)
    jobs.add_argument("--limit", type=_limit, default=50, help="the largest number of jobs to list (default: 50)")
    jobs.set_defaults(run=run_jobs)

    doctor = commands.add_parser("doctor", help="check this machine, the home folder, the token and the accounts")
    doctor.add_argument("--home", type=Path, help=_HOME_HELP)
    reach = doctor.add_mutually_exclusive_group()
    reach.add_argument("--offline", action="store_true", help="do not contact the vendor")
    reach.add_argument(
        "--live", action="store_true", help="also list what only a live account can tell, with free calls only"
    )
    doctor.set_defaults(run=run_doctor)
    return parser


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"must be 0…65535, not {text!r}")
    return number


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= JOBS_MAX):
        raise argparse.ArgumentTypeError(f"must be 1…{JOBS_MAX}, not {text!r}")
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
        raise argparse.ArgumentTypeError("must be ASCII characters without spaces")  # the value is secret
    return text
