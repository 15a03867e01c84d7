"""Several workers on one home, each a real process: started, watched, stopped, resumed and killed from a test."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from pixverse_nb.ledger.jobs import Ledger
from tests.faults import worker
from tests.faults.ledger_checks import VendorBehavior
from tests.faults.matrix import Audit, audit
from tests.faults.vendor import Account, Vendor
from tests.faults.worker import WorkerTask

PATIENCE_S: Final = 90.0


class WorkerProcess:
    """One worker; its output is read line by line."""

    def __init__(self, task: WorkerTask) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", str(Path(worker.__file__)), task.as_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for_line(self, line: str) -> None:
        """Wait until it prints this line."""
        printed = self._read_line(line)
        if printed != line:
            self.process.kill()
            raise AssertionError(f"the worker printed {printed!r} instead of {line!r}: {self._stderr_tail()}")

    def _read_line(self, expected: str) -> str:
        """Read byte by byte: `select` does not see lines that a buffered read has already taken."""
        assert self.process.stdout is not None
        read = b""
        while not read.endswith(b"\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
            if not ready:
                self.process.send_signal(signal.SIGABRT)  # faulthandler prints where every thread is
                raise AssertionError(f"the worker does not print {expected!r}: {self._stderr_tail()}")
            byte = os.read(self.process.stdout.fileno(), 1)
            if not byte:
                break
            read += byte
        return read.decode().strip()

    def wait_until_stopped(self) -> None:
        """Wait until it is stopped (SIGSTOP)."""
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def stop(self) -> None:
        """Stop it, as Ctrl-Z does."""
        self.process.send_signal(signal.SIGSTOP)
        self.wait_until_stopped()

    def wake(self) -> None:
        """Let a stopped worker continue."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def finish_process(self) -> None:
        """Let it exit, and wait for that: it has all its videos."""
        output, errors = self.process.communicate("\n", timeout=PATIENCE_S)
        assert self.process.returncode == 0, errors[-4000:]
        assert output.split()[-1:] in ([], ["done"]), output

    def _stderr_tail(self) -> str:
        return self.process.communicate(timeout=PATIENCE_S)[1][-4000:]


class WorkerGroup:
    """One home, one account, and every worker started there."""

    def __init__(self, account: Account, home: Path, timing: Any) -> None:
        self.account = account
        self.home = home
        self._timing = timing
        self._workers: list[WorkerProcess] = []

    def start(self, *seeds: int, **fields: Any) -> WorkerProcess:
        """Start a worker that requests these seeds."""
        task = WorkerTask(base_url=self.account.base_url, home=str(self.home), seeds=seeds, timing=asdict(self._timing))
        proc = WorkerProcess(replace(task, **{"pictures": 0, **fields}))
        self._workers.append(proc)
        return proc

    def audit(self, *, requests: int) -> Audit:
        """Compare the vendor's account with the ledger and the files."""
        return audit(self.account, self.home, requests=requests)

    def assert_consistent(self, *, requests: int) -> None:
        """Assert that everything requested is charged once, in the ledger, and on disk."""
        found = self.audit(requests=requests)
        assert (found.extra_payments, found.lost, found.uncollected, found.leaks) == (0, 0, 0, 0), found
        assert found.generations == requests, found

    def jobs_text(self) -> str:
        """Return what the ledger and the vendor have at this moment, to explain a failed test."""
        ledger = Ledger(self.home / "ledger.db", service=self.account.base_url, is_read_only=True)
        with closing(ledger):
            jobs = [str(record) for record in ledger.jobs(limit=10)]
        return "\n".join([*jobs, *map(str, self.account.state.generations)])

    def end(self) -> None:
        """Kill the workers that are still running."""
        for proc in self._workers:
            if proc.process.poll() is None:
                proc.kill()
            for stream in (proc.process.stdin, proc.process.stdout, proc.process.stderr):
                if stream is not None:
                    stream.close()


@contextmanager
def worker_group(folder: Path, timing: Any, behavior: VendorBehavior | None = None) -> Iterator[WorkerGroup]:
    """Return a group with its own vendor, and end it afterwards."""
    with Vendor() as vendor:
        one = WorkerGroup(vendor.account("home", behavior), folder / "home", timing)
        try:
            yield one
        except AssertionError as error:
            error.add_note(one.jobs_text())
            raise
        finally:
            one.end()
