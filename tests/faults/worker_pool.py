"""Starts workers quickly: a process that has imported everything forks each of them.

As a script it reads one task per line, forks, and prints the worker's exit status. Each worker is a process of its own
and is killed as such; only the second for its imports is saved.
"""

import os
import select
import subprocess
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.faults.worker import WorkerTask, run

PATIENCE_S: Final = 300.0


class WorkerPool:
    """One parent process; `send` starts a worker and returns its exit status."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def __enter__(self) -> Self:
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process as process:
            if kind is not None:
                process.kill()

    def send(self, task: WorkerTask) -> int:
        """Let a worker carry out the task; return 0, or minus the signal that killed it.

        Raises AssertionError with the end of its log if it ended otherwise.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(task.as_json() + "\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE_S)
        assert ready, f"a worker hangs: {task}"
        status = int(self._process.stdout.readline())
        assert status <= 0, f"a worker failed: {self._log.read_text()[-4000:]}"
        return status


def _serve() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os._exit(_work(WorkerTask.from_json(line)))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - what the parent reads


def _work(task: WorkerTask) -> int:
    try:
        run(task, lambda _: None)
    except BaseException:  # noqa: BLE001 - where a process ends: the log has it
        traceback.print_exc()
        sys.stderr.flush()
        return 1
    return 0


if __name__ == "__main__":
    _serve()
