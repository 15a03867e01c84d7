"""The whole examination: everything local, and the vendor where it may be asked."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from pixverse_nb.backends.base import Backend, Call
from pixverse_nb.backends.useapi import UseapiBackend
from pixverse_nb.config import DEFAULT_BASE_URL, TOKEN_PAGE, Timing, find_base_url, find_email, find_token
from pixverse_nb.connection import Connection
from pixverse_nb.doctor.checks import (
    VIDEO_BYTES,
    look_at_books,
    look_at_home,
    look_at_machine,
    look_at_vendor,
    video_bytes_of,
)
from pixverse_nb.doctor.report import Finding, Report, Severity
from pixverse_nb.errors import ConfigError, LedgerError
from pixverse_nb.event_loop import EventLoopThread
from pixverse_nb.jobs.remote_videos import Send
from pixverse_nb.ledger.jobs import Ledger
from pixverse_nb.redaction import Secret


@dataclass(frozen=True)
class Target:
    """What is examined: a home folder, the service it works with, and its ledger (None: there is none yet).

    `ask` brings questions to the vendor; None asks nothing, and `access` then says what is known of the token.
    """

    home: Path
    base_url: str
    ledger: Ledger | None
    send: Send | None
    backend: Backend = field(default_factory=UseapiBackend)
    email: str | None = None
    access: str = "not tried"
    is_sandbox: bool = False


def examine(patient: Target, *, now: float) -> Report:
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
    return Report(tuple(findings))


def _books(patient: Target) -> Iterator[Finding]:
    ledger = patient.ledger
    if ledger is not None:
        yield from _told(lambda: look_at_books(ledger, patient.home))
    elif not (patient.home / "ledger.db").exists():
        yield Finding("ledger", "none yet: it is made with the first job")


def _service(patient: Target) -> Finding:
    if patient.is_sandbox:
        return Finding("service", "the embedded sandbox: nothing is paid")
    return Finding("service", "the vendor's" if patient.base_url == DEFAULT_BASE_URL else patient.base_url)


def _vendor(patient: Target, now: float) -> Iterator[Finding]:
    ask = patient.send
    if ask is None:
        yield Finding("token", patient.access)
        return
    yield from _told(lambda: look_at_vendor(ask, patient.backend, patient.ledger, email=patient.email, now=now))


def _told(look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield what `look` yields, and a ledger that cannot be used as a finding of its own."""
    try:
        yield from look()
    except LedgerError as error:
        yield Finding("ledger", "cannot be used", Severity.WRONG, str(error))


T = TypeVar("T")

_TIMING: Final = Timing(answer_timeout_s=20.0, retry_s=(0.2, 1.0))  # somebody waits in front of a terminal
_ATTEMPTS: Final = 2


def examine_home(home: Path, *, is_offline: bool) -> Report:
    """Examine `home` with the token, account and address that the environment names.

    With `is_offline`, or without a token, the vendor is not asked.
    """
    wrong: list[Finding] = []
    base_url, token = DEFAULT_BASE_URL, None
    try:
        base_url = find_base_url(None)
    except ConfigError as error:
        wrong.append(Finding("address", str(error), Severity.WRONG, "Mend PIXVERSE_NB_BASE_URL, or unset it."))
    try:
        token = find_token(None)
    except ConfigError as error:
        wrong.append(Finding("token", str(error), Severity.WRONG, f"Copy the whole token from {TOKEN_PAGE}"))
    if token is None and base_url != DEFAULT_BASE_URL and not wrong:
        text = f"none, and {base_url} wants one"
        mend = "Set USEAPI_TOKEN, or unset PIXVERSE_NB_BASE_URL: then the sandbox is used."
        wrong.append(Finding("token", text, Severity.WRONG, mend))
    access = "found; not tried" if token else "none: the sandbox is used, nothing is paid"
    with ExitStack() as stack:
        ledger: Ledger | None = None
        if (home / "ledger.db").is_file():
            try:
                ledger = stack.enter_context(_opened(home / "ledger.db", service=base_url))
            except LedgerError as error:
                wrong.append(Finding("ledger", "cannot be opened", Severity.WRONG, str(error)))
        ask: Send | None = None
        if token is not None and not wrong and not is_offline:
            ask = stack.enter_context(_asking(base_url, token, home))
        patient = Target(home, base_url, ledger, ask, UseapiBackend(), email=find_email(None), access=access)
        examination = examine(patient, now=time.time())
    named = {finding.name for finding in wrong}
    return Report((*(one for one in examination if one.name not in named), *wrong))


@contextmanager
def _opened(path: Path, *, service: str) -> Iterator[Ledger]:
    ledger = Ledger(path, service=service)
    try:
        yield ledger
    finally:
        ledger.close()


@contextmanager
def _asking(base_url: str, token: Secret, home: Path) -> Iterator[Send]:
    """Give a way to ask the vendor, on a thread of its own."""
    portal = EventLoopThread()
    client = Connection(name=base_url, base_url=base_url, token=token, timing=_TIMING, home=home).connect()

    def ask(call: Call[T], /) -> T:
        async def answered() -> Any:
            return await client.send(call, attempts=_ATTEMPTS)

        answer: T = portal.call(answered())
        return answer

    portal.on_close(client.aclose)
    try:
        yield ask
    finally:
        portal.close()
