"""Find a Chromium for the browser tests, or install one.

`python scripts/find_browser.py` prints the path of a Chromium or Chrome that starts; with `--install` it installs one
if there is none: as root on Debian or Ubuntu from the distribution's packages, otherwise Playwright's own build. If
that fails, it prints one sentence and exits with status 1. The variable CHROMIUM names a browser to use instead.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ELSEWHERE = (Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),)
NOT_FOUND = (
    "The browser tests need Chromium or Chrome; none was found, and installing one failed. Install one "
    "(Debian and Ubuntu: apt-get install chromium chromium-driver) or name it: CHROMIUM=/path/to/chrome make test"
)


@dataclass(frozen=True)
class Step:
    """One way to install a browser: the message to print, and the commands to run in order."""

    message: str
    commands: tuple[tuple[str, ...], ...]


def candidates(
    environ: Mapping[str, str], which: Callable[[str], str | None] = shutil.which, elsewhere: Sequence[Path] = ELSEWHERE
) -> Iterator[str]:
    """Yield the paths of possible browsers, best first; only the one in CHROMIUM if that is set."""
    named = environ.get("CHROMIUM")
    if named:
        yield which(named) or named
        return
    for name in NAMES:
        path = which(name)
        if path:
            yield path
    yield from (str(path) for path in elsewhere if path.is_file())
    own = playwright_browser()
    if own is not None:
        yield own


def playwright_browser() -> str | None:
    """Return the path of the Chromium that `playwright install` has installed, or None."""
    code = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    path = asked.stdout.strip()
    return path if asked.returncode == 0 and path and Path(path).is_file() else None


def starts(path: str) -> bool:
    """Return whether `path` is a browser that prints its version; Ubuntu's package may be a stub that does not."""
    try:
        asked = subprocess.run(
            [path, "--version"], capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0 and ("Chrom" in asked.stdout)


def find_browser(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the path of a Chromium or Chrome that starts, or None."""
    return next((path for path in candidates(environ) if starts(path)), None)


def steps(*, is_root: bool, has_apt: bool) -> tuple[Step, ...]:
    """Return the ways to install a browser on this kind of machine, in the order to try them."""
    playwright = (sys.executable, "-m", "playwright", "install")
    with_apt = (
        Step(
            "Installing Chromium and its driver from the distribution's packages ...",
            (
                ("apt-get", "-qq", "update"),
                ("apt-get", "-qq", "-y", "--no-install-recommends", "install", "chromium", "chromium-driver"),
            ),
        ),
        Step("Installing Playwright's own Chromium and what it needs ...", ((*playwright, "--with-deps", "chromium"),)),
    )
    alone = Step("Installing Playwright's own Chromium ...", ((*playwright, "chromium"),))
    return with_apt if is_root and has_apt else (alone,)


def run_step(step: Step) -> None:
    """Run the commands of `step` until one fails, and print the output of that one."""
    print(step.message, flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in step.commands:
        try:
            done = subprocess.run(
                command, env=quiet, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
        except OSError as error:
            print(f"{command[0]}: {error}", file=sys.stderr)
            return
        if done.returncode != 0:
            print(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}", file=sys.stderr)
            return


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the browser's path and return 0, or print what to install and return 1."""
    parser = argparse.ArgumentParser(description="Find a Chromium for the browser tests, or install one.")
    parser.add_argument("--install", action="store_true", help="install one if there is none")
    options = parser.parse_args(arguments)
    found = find_browser()
    if found is None and options.install and not os.environ.get("CHROMIUM"):
        is_root = hasattr(os, "geteuid") and os.geteuid() == 0
        for step in steps(is_root=is_root, has_apt=shutil.which("apt-get") is not None):
            run_step(step)
            found = find_browser()
            if found is not None:
                break
    if found is None:
        print(NOT_FOUND, file=sys.stderr)
        return 1
    print(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
