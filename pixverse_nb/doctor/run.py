"""Run every check: on this machine always, and at the vendor if that is wanted and possible."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from pixverse_nb.backends.base import Backend, Call
from pixverse_nb.config import Timing, find_email
from pixverse_nb.connection import (
    BASE_URL_VARIABLE,
    DEFAULT_BASE_URL,
    SANDBOX,
    TOKEN_PAGE,
    TOKEN_VARIABLE,
    Connection,
    find_base_url,
    find_token,
)
from pixverse_nb.doctor.checks import check_folder, check_ledger, check_machine, check_register, check_vendor
from pixverse_nb.doctor.live import check_live
from pixverse_nb.doctor.report import Finding, Report, Severity
from pixverse_nb.domain.catalogue import CATALOGUE, Catalogue
from pixverse_nb.errors import ConfigError, LedgerError
from pixverse_nb.event_loop import EventLoopThread
from pixverse_nb.jobs.download import LARGE_VIDEO_BYTES
from pixverse_nb.jobs.protocols import Send
from pixverse_nb.ledger.jobs import Ledger
from pixverse_nb.redaction import Secret

T = TypeVar("T")

_TIMING: Final = Timing(answer_timeout_s=20.0, retry_s=(0.2, 1.0))  # somebody is waiting
_ATTEMPTS: Final = 2


@dataclass(frozen=True)
class Target:
    """What to check: a home folder, the service that it uses, and its ledger (None if there is none yet).

    `send` sends a free call to the vendor; if it is None nothing is sent, and `token_status` is all that is reported.
    `is_live` adds the checklist of `check_live`, with the prices of `catalogue`.
    """

    home: Path
    base_url: str
    ledger: Ledger | None
    send: Send | None
    backend: Backend
    email: str | None = None
    token_status: str = "not tried"  # noqa: S105  a text, not a token
    is_sandbox: bool = False
    is_live: bool = False
    catalogue: Catalogue = CATALOGUE


def check_home(home: Path, *, is_offline: bool, is_live: bool = False) -> Report:
    """Check a home folder with the token, address and account from the environment.

    The vendor is not contacted if `is_offline` is set or there is no token. Without a token the sandbox is used, so its
    folder is checked, unless the home has jobs of the vendor. `is_live` adds the checklist of what only a live account
    can tell.
    """
    problems: list[Finding] = []
    base_url, token = DEFAULT_BASE_URL, None
    try:
        base_url = find_base_url(None)
    except ConfigError as error:
        fix = f"Correct {BASE_URL_VARIABLE}, or unset it."
        problems.append(Finding("address", str(error), Severity.ERROR, fix, kind="invalid"))
    try:
        token = find_token(None)
    except ConfigError as error:
        fix = f"Copy the complete token from {TOKEN_PAGE}."
        problems.append(Finding("token", str(error), Severity.ERROR, fix, kind="invalid"))
    email: str | None = None
    try:
        email = find_email(None)
    except ConfigError as error:
        problems.append(Finding("account", str(error), Severity.ERROR, "Correct or unset it.", kind="invalid"))
    if token is None and base_url != DEFAULT_BASE_URL and not problems:
        fix = f"Set {TOKEN_VARIABLE}, or unset {BASE_URL_VARIABLE} to use the sandbox."
        problems.append(Finding("token", f"missing; {base_url} needs one", Severity.ERROR, fix, kind="missing"))
    has_ledger = (home / "ledger.db").is_file()
    is_sandbox = token is None and base_url == DEFAULT_BASE_URL and not problems and not has_ledger
    if is_sandbox:
        home = home / SANDBOX
        has_ledger = (home / "ledger.db").is_file()
    with ExitStack() as stack:
        ledger: Ledger | None = None
        if has_ledger:
            try:
                service = SANDBOX if is_sandbox else base_url
                ledger = stack.enter_context(closing(Ledger(home / "ledger.db", service=service)))
            except LedgerError as error:
                problems.append(Finding("ledger", "cannot be opened", Severity.ERROR, str(error), kind="unusable"))
        connection = Connection(base_url, base_url, token or Secret(""), _TIMING, home)
        send: Send | None = None
        if token is not None and not problems and not is_offline:
            send = stack.enter_context(_sender(connection))
        target = Target(
            home,
            base_url,
            ledger,
            send,
            connection.backend,
            email=email,
            token_status="found; not tried" if token else "none: the sandbox is used, free of charge",
            is_sandbox=is_sandbox,
            is_live=is_live,
        )
        report = run_checks(target, now=time.time())
    replaced = {problem.name for problem in problems}
    return Report((*(finding for finding in report if finding.name not in replaced), *problems))


@contextmanager
def _sender(connection: Connection) -> Iterator[Send]:
    """Open a way to send calls, on a thread of its own."""
    loop = EventLoopThread()
    transport = connection.connect()

    def send(call: Call[T], /) -> T:
        async def exchange() -> Any:
            return await transport.send(call, attempts=_ATTEMPTS)

        answer: T = loop.call(exchange())
        return answer

    loop.on_close(transport.aclose)
    with closing(loop):
        yield send


def run_checks(target: Target, *, now: float) -> Report:
    """Return every finding at the time `now` (Unix seconds). Problems are findings, never exceptions."""
    findings = list(check_machine(needs_sandbox=target.is_sandbox))
    video_bytes: int | None = None
    if target.ledger is not None:
        with suppress(LedgerError):  # check_ledger reports it
            video_bytes = _mean_video_bytes(target.ledger)
    findings += check_folder(target.home, video_bytes=video_bytes or LARGE_VIDEO_BYTES)
    findings += check_register()
    findings += _check_network()
    findings += _check_ledger(target)
    findings.append(_check_service(target))
    findings += _check_vendor(target, now)
    return Report(tuple(findings))


def _mean_video_bytes(ledger: Ledger) -> int | None:
    """Return the mean size of the newest videos, or None if there are none."""
    sizes = [record.video.size_bytes for record in ledger.finished_jobs(limit=50) if record.video is not None]
    return sum(sizes) // len(sizes) if sizes else None


def _check_ledger(target: Target) -> Iterator[Finding]:
    ledger = target.ledger
    if ledger is not None:
        yield from _guarded(lambda: check_ledger(ledger, target.home))
    elif not (target.home / "ledger.db").exists():
        yield Finding("ledger", "none yet: the first job creates it", kind="none")


def _check_network() -> Iterator[Finding]:
    from pixverse_nb.backends.http import check_network_variables  # takes a tenth of a second

    try:
        check_network_variables()
    except ConfigError as error:
        yield Finding("network", str(error), Severity.ERROR, "Correct or unset the variable.", kind="invalid")


def _check_service(target: Target) -> Finding:
    if target.is_sandbox:
        return Finding("service", "the embedded sandbox, free of charge", kind="sandbox")
    is_default = target.base_url == DEFAULT_BASE_URL
    return Finding(
        "service", "the vendor's" if is_default else target.base_url, kind="default" if is_default else "other"
    )


def _check_vendor(target: Target, now: float) -> Iterator[Finding]:
    send = target.send
    if send is None:
        yield Finding("token", target.token_status, kind="untried")
        if target.is_live:
            fix = f"Set {TOKEN_VARIABLE}, and correct what else is reported here."
            yield Finding("live", "nothing was sent", Severity.WARNING, fix, kind="untried")
        return
    yield from _guarded(
        lambda: check_vendor(
            send,
            target.backend,
            target.ledger,
            email=target.email,
            now=now,
            base_url=target.base_url,
            catalogue=target.catalogue,
        )
    )
    if target.is_live:
        yield from _guarded(
            lambda: check_live(send, target.backend, target.ledger, target.catalogue, email=target.email)
        )


def _guarded(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield the findings of a check, and an unusable ledger as one more finding."""
    try:
        yield from check()
    except LedgerError as error:
        yield Finding("ledger", "cannot be used", Severity.ERROR, str(error), kind="unusable")
