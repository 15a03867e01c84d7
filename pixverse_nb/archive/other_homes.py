"""What other homes of this machine have already paid for: found before a call is paid again, and taken if wanted."""

import tempfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pixverse_nb import archive
from pixverse_nb.config import Clock, Timing
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.domain.notices import Notice
from pixverse_nb.errors import LedgerError
from pixverse_nb.ledger.home_register import HomeRegister
from pixverse_nb.ledger.jobs import PAID_ELSEWHERE, Ledger


@dataclass(frozen=True)
class OtherHomes:
    """The other homes of this machine, as seen from one home. `version` is that of the package.

    `is_sandbox`: all of them are of the sandbox, where no credits are real.
    """

    register: HomeRegister
    ledger: Ledger
    home: Path
    timing: Timing
    now: Clock
    version: str
    is_sandbox: bool

    def registered(self, content_keys: Iterable[str]) -> set[str]:
        """Return which of these requests, by their content keys, another home may have paid for."""
        return self.register.registered(content_keys)

    def find(self, draft: JobRecord) -> Notice | None:
        """Return which other home has paid, or may have paid, for the same call; None if there is none."""
        found = self.register.find(draft)
        if found is None:
            return None
        home, record = found
        return Notice(
            PAID_ELSEWHERE,
            {
                "home": str(home),
                "ref": record.ref,
                "at": record.submitted_at or record.created_at,
                "credits": record.credits,
                "is_certain": record.charged == "yes",
                "is_sandbox": self.is_sandbox,
            },
        )

    def take(self, draft: JobRecord) -> bool:
        """Copy the job that another home has paid for, with its video and pictures; return whether there is one.

        The other home is not changed. An open job is waited for from here too. Raises LedgerError if it cannot be
        copied; nothing has been sent and nothing has been charged then.
        """
        found = self.register.find(draft)
        if found is None:
            return False
        home, record = found
        try:
            self._copy(record, home)
        except OSError as error:
            raise LedgerError(
                f"The job {record.ref} of the home {home} cannot be copied to {self.home} ({error.strerror or error}). "
                "Nothing was sent and nothing was charged."
            ) from error
        return True

    def _copy(self, record: JobRecord, home: Path) -> None:
        now = self.now()
        deadline_at = now + self.timing.job_deadline_s(is_off_peak=record.request.is_off_peak)
        with (
            tempfile.TemporaryDirectory(prefix="pixverse-nb-") as folder,
            closing(Ledger(home / "ledger.db", service=self.ledger.service, is_read_only=True)) as theirs,
        ):
            path = Path(folder, "job.zip")
            archive.export_archive(
                path, ledger=theirs, home=home, refs=[record.ref], version=self.version, overwrite=True
            )
            archive.import_archive(path, ledger=self.ledger, home=self.home, at=now, deadline_at=deadline_at)
