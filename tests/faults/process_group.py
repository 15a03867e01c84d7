"""Several workers on one home, each a real process: started, watched, stopped, woken up and killed from a test."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from tests.faults import worker
from tests.faults.ledger_checks import Habits
from tests.faults.matrix import Audit, audit
from tests.faults.vendor import Account, Vendor
from tests.faults.worker import Errand

PATIENCE_S: Final = 90.0


class Member:
    """One worker; what it says is read line by line."""

    def __init__(self, errand: Errand) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(worker.__file__)), errand.as_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def says(self, line: str) -> None:
        """Wait until it says this line."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        assert ready, f"the worker does not say {line!r}"
        said = self.process.stdout.readline().strip()
        if said != line:
            self.process.kill()
            raise AssertionError(f"the worker says {said!r} in place of {line!r}: {self._last_words()}")

    def stands_still(self) -> None:
        """Wait until it is stopped (SIGSTOP)."""
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def stop(self) -> None:
        """Let it stand still, as Ctrl-Z does."""
        self.process.send_signal(signal.SIGSTOP)
        self.stands_still()

    def wake(self) -> None:
        """Let a stopped worker go on."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as nothing else does."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def ends(self) -> None:
        """Let it go home, and wait for that: it has all its videos."""
        said, complained = self.process.communicate("\n", timeout=PATIENCE_S)
        assert self.process.returncode == 0, complained[-4000:]
        assert said.split()[-1:] in ([], ["done"]), said

    def _last_words(self) -> str:
        return self.process.communicate(timeout=PATIENCE_S)[1][-4000:]


class Family:
    """One home and one account, and every worker started there."""

    def __init__(self, account: Account, home: Path, timing: Any) -> None:
        self.account = account
        self.home = home
        self._timing = timing
        self._members: list[Member] = []

    def start(self, *seeds: int, **fields: Any) -> Member:
        """Start a worker that asks for these seeds."""
        errand = Errand(base_url=self.account.base_url, home=str(self.home), seeds=seeds, timing=asdict(self._timing))
        member = Member(replace(errand, **{"pictures": 0, **fields}))
        self._members.append(member)
        return member

    def audit(self, *, requests: int) -> Audit:
        """Compare the vendor's books with the ledger and the files."""
        return audit(self.account, self.home, requests=requests)

    def is_well(self, *, requests: int) -> None:
        """Everything asked for is paid once, known and there."""
        found = self.audit(requests=requests)
        assert (found.extra_payments, found.lost, found.uncollected, found.leaks) == (0, 0, 0, 0), found
        assert found.generations == requests, found

    def end(self) -> None:
        """Kill whoever is still there."""
        for member in self._members:
            if member.process.poll() is None:
                member.kill()
            for stream in (member.process.stdin, member.process.stdout, member.process.stderr):
                if stream is not None:
                    stream.close()


@contextmanager
def family(folder: Path, timing: Any, habits: Habits | None = None) -> Iterator[Family]:
    """Give a family with a vendor of its own, and see it off."""
    with Vendor() as vendor:
        one = Family(vendor.account("home", habits), folder / "home", timing)
        try:
            yield one
        finally:
            one.end()
