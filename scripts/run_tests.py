"""Run the type checker and every test, in parts beside each other: most of them wait for a page, a kernel or a clock.

`python scripts/run_tests.py` prints what each part has said when it ends, and ends with status 1 where one has failed.
Options go to each pytest: `python scripts/run_tests.py -x`.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
# What waits for something else each; a part is one process, so what is in one part never runs at the same time.
PLACES = {
    "pages": ("tests/browser", "tests/kernel", "tests/test_notebooks.py", "tests/test_docs.py"),
    "faults": ("tests/faults",),
}


@dataclass(frozen=True)
class Ended:
    """How one part ended."""

    name: str
    status: int
    said: str
    took_s: float


def commands(options: Sequence[str] = ()) -> dict[str, list[str]]:
    """Return the command of each part, by its name; every test is in exactly one of them."""
    elsewhere = [f"--ignore={place}" for places in PLACES.values() for place in places]
    wanted = {**{name: list(places) for name, places in PLACES.items()}, "rest": ["tests", *elsewhere]}
    pytest = [sys.executable, "-m", "pytest", "--color=no", *options]
    tests = {name: [*pytest, "-o", f"cache_dir=.pytest_cache/{name}", *places] for name, places in wanted.items()}
    return {**tests, "types": [sys.executable, "-m", "mypy"]}


def run_parts(parts: Mapping[str, Sequence[str]]) -> int:
    """Run all commands at once, print what each says when it ends, and return 0 where all ended well, else 1."""
    ended: list[Ended] = []
    with ThreadPoolExecutor(len(parts)) as pool:
        for future in as_completed([pool.submit(_run, name, command) for name, command in parts.items()]):
            part = future.result()
            ended.append(part)
            print(f"---- {part.name} ----\n{part.said.rstrip()}\n", flush=True)
    for part in ended:
        print(f"{part.name}: {'FAILED' if part.status else 'passed'} in {part.took_s:.0f} s")
    return int(any(part.status for part in ended))


def _run(name: str, command: Sequence[str]) -> Ended:
    begun = time.monotonic()
    # a file, not a pipe: a pipe ends when the last process that holds it does, which may be one that was left behind
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, check=False
        )
        took_s = time.monotonic() - begun
        said.seek(0)
        return Ended(name, done.returncode, said.read().decode(errors="replace"), took_s)


if __name__ == "__main__":
    sys.exit(run_parts(commands(sys.argv[1:])))
