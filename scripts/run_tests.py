"""Run the type checker and every test in parts, one for each processor at a time; the longest part starts first.

`python scripts/run_tests.py` prints the report of each part when it finishes, and exits with status 1 if one failed.
Options are passed to each pytest: `python scripts/run_tests.py -x`.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
# Each part is one process, so the tests of one part never run at the same time.
PATHS = {
    "pages": ("tests/browser", "tests/kernel", "tests/test_notebooks.py", "tests/test_docs.py"),
    "faults": ("tests/faults",),
}


@dataclass(frozen=True)
class PartResult:
    """The result of one part."""

    name: str
    status: int
    output: str
    took_s: float


def commands(options: Sequence[str] = ()) -> dict[str, list[str]]:
    """Return the command of each part by its name; every test is in exactly one part."""
    elsewhere = [f"--ignore={path}" for paths in PATHS.values() for path in paths]
    wanted = {"pages": [*PATHS["pages"]], "rest": ["tests", *elsewhere], "faults": [*PATHS["faults"]]}
    pytest = [sys.executable, "-m", "pytest", "--color=no", *options]
    tests = {name: [*pytest, "-o", f"cache_dir=.pytest_cache/{name}", *paths] for name, paths in wanted.items()}
    return {**tests, "types": [sys.executable, "-m", "mypy"]}


def run_parts(parts: Mapping[str, Sequence[str]]) -> int:
    """Run the commands, as many at a time as there are processors, and return 0 if all succeeded, else 1.

    The output of each is printed when it ends. More at a time would make a browser so slow that tests fail.
    """
    ended: list[PartResult] = []
    with ThreadPoolExecutor(max(2, os.cpu_count() or 1)) as pool:
        for future in as_completed([pool.submit(_run, name, command) for name, command in parts.items()]):
            part = future.result()
            ended.append(part)
            print(f"---- {part.name} ----\n{part.output.rstrip()}\n", flush=True)
    for part in ended:
        print(f"{part.name}: {'FAILED' if part.status else 'passed'} in {part.took_s:.0f} s")
    return int(any(part.status for part in ended))


def _run(name: str, command: Sequence[str]) -> PartResult:
    started_at = time.monotonic()
    # a file, not a pipe: a process that is left behind would keep a pipe open
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False
        )
        took_s = time.monotonic() - started_at
        output.seek(0)
        return PartResult(name, done.returncode, output.read().decode(errors="replace"), took_s)


if __name__ == "__main__":
    sys.exit(run_parts(commands(sys.argv[1:])))
