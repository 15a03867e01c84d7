"""The whole examination: everything local, and the vendor where it may be asked."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pixverse_nb.doctor.books import look_at_books, video_bytes_of
from pixverse_nb.doctor.findings import Examination, Finding, Mark
from pixverse_nb.doctor.machine import VIDEO_BYTES, look_at_home, look_at_machine
from pixverse_nb.doctor.vendor import look_at_vendor
from pixverse_nb.errors import LedgerError
from pixverse_nb.jobs.adoption import Ask
from pixverse_nb.ledger import Ledger
from pixverse_nb.settings import DEFAULT_BASE_URL


@dataclass(frozen=True)
class Patient:
    """What is examined: a home folder, the service it works with, and its ledger (None: there is none yet).

    `ask` brings questions to the vendor; None asks nothing, and `access` then says what is known of the token.
    """

    home: Path
    base_url: str
    ledger: Ledger | None
    ask: Ask | None
    email: str | None = None
    access: str = "not tried"
    is_sandbox: bool = False


def examine(patient: Patient, *, now: float) -> Examination:
    """Return every finding at the moment `now` (Unix seconds). Never raises for what is wrong: that is a finding."""
    findings = list(look_at_machine())
    video_bytes: int | None = None
    if patient.ledger is not None:
        with suppress(LedgerError):  # told below
            video_bytes = video_bytes_of(patient.ledger)
    findings += look_at_home(patient.home, video_bytes=video_bytes or VIDEO_BYTES)
    findings += _books(patient)
    findings.append(_service(patient))
    findings += _vendor(patient, now)
    return Examination(tuple(findings))


def _books(patient: Patient) -> Iterator[Finding]:
    ledger = patient.ledger
    if ledger is not None:
        yield from _told(lambda: look_at_books(ledger, patient.home))
    elif not (patient.home / "ledger.db").exists():
        yield Finding("ledger", "none yet: it is made with the first job")


def _service(patient: Patient) -> Finding:
    if patient.is_sandbox:
        return Finding("service", "the embedded sandbox: nothing is paid")
    return Finding("service", "the vendor's" if patient.base_url == DEFAULT_BASE_URL else patient.base_url)


def _vendor(patient: Patient, now: float) -> Iterator[Finding]:
    ask = patient.ask
    if ask is None:
        yield Finding("token", patient.access)
        return
    yield from _told(lambda: look_at_vendor(ask, patient.ledger, email=patient.email, now=now))


def _told(look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield what `look` yields, and a ledger that cannot be used as a finding of its own."""
    try:
        yield from look()
    except LedgerError as error:
        yield Finding("ledger", "cannot be used", Mark.WRONG, str(error))
