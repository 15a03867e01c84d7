"""The examination from outside a notebook: settings from the environment, the ledger as it lies there, no Client.

A Client would take up the open jobs of the home; here nothing is moved.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from pixverse_nb.doctor.findings import Examination, Finding, Mark
from pixverse_nb.doctor.visit import Patient, examine
from pixverse_nb.errors import ConfigError, LedgerError
from pixverse_nb.jobs.adoption import Ask
from pixverse_nb.ledger import Ledger
from pixverse_nb.portal import Portal
from pixverse_nb.privacy import Secret
from pixverse_nb.service import Service
from pixverse_nb.settings import DEFAULT_BASE_URL, TOKEN_PAGE, Timing, find_base_url, find_email, find_token
from pixverse_nb.wire.call import Call

T = TypeVar("T")

_TIMING: Final = Timing(answer_timeout_s=20.0, retry_s=(0.2, 1.0))  # somebody waits in front of a terminal
_ATTEMPTS: Final = 2


def examine_home(home: Path, *, is_offline: bool) -> Examination:
    """Examine `home` with the token, account and address that the environment names.

    With `is_offline`, or without a token, the vendor is not asked.
    """
    wrong: list[Finding] = []
    base_url, token = DEFAULT_BASE_URL, None
    try:
        base_url = find_base_url(None)
    except ConfigError as error:
        wrong.append(Finding("address", str(error), Mark.WRONG, "Mend PIXVERSE_NB_BASE_URL, or unset it."))
    try:
        token = find_token(None)
    except ConfigError as error:
        wrong.append(Finding("token", str(error), Mark.WRONG, f"Copy the whole token from {TOKEN_PAGE}"))
    if token is None and base_url != DEFAULT_BASE_URL and not wrong:
        text = f"none, and {base_url} wants one"
        mend = "Set USEAPI_TOKEN, or unset PIXVERSE_NB_BASE_URL: then the sandbox is used."
        wrong.append(Finding("token", text, Mark.WRONG, mend))
    access = "found; not tried" if token else "none: the sandbox is used, nothing is paid"
    with ExitStack() as stack:
        ledger: Ledger | None = None
        if (home / "ledger.db").is_file():
            try:
                ledger = stack.enter_context(_opened(home / "ledger.db", service=base_url))
            except LedgerError as error:
                wrong.append(Finding("ledger", "cannot be opened", Mark.WRONG, str(error)))
        ask: Ask | None = None
        if token is not None and not wrong and not is_offline:
            ask = stack.enter_context(_asking(base_url, token, home))
        patient = Patient(home, base_url, ledger, ask, email=find_email(None), access=access)
        examination = examine(patient, now=time.time())
    named = {finding.name for finding in wrong}
    return Examination((*(one for one in examination if one.name not in named), *wrong))


@contextmanager
def _opened(path: Path, *, service: str) -> Iterator[Ledger]:
    ledger = Ledger(path, service=service)
    try:
        yield ledger
    finally:
        ledger.close()


@contextmanager
def _asking(base_url: str, token: Secret, home: Path) -> Iterator[Ask]:
    """Give a way to ask the vendor, on a thread of its own."""
    portal = Portal()
    client = Service(name=base_url, base_url=base_url, token=token, timing=_TIMING, home=home).connect()

    def ask(call: Call[T], /) -> T:
        async def answered() -> Any:
            return await client.send(call, attempts=_ATTEMPTS)

        answer: T = portal.call(answered())
        return answer

    portal.post_last(client.aclose)
    try:
        yield ask
    finally:
        portal.close()
