"""The service that a client uses: a vendor with a token, or the embedded sandbox."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pixverse_nb.backends.base import Backend
from pixverse_nb.backends.useapi import UseapiBackend
from pixverse_nb.config import TOKEN_PAGE, Timing, find_base_url, find_home, find_token
from pixverse_nb.errors import ConfigError
from pixverse_nb.jobs.protocols import Transport
from pixverse_nb.redaction import Secret
from pixverse_nb.render.display import mime_bundle, show_bundle
from pixverse_nb.render.style import html

SANDBOX: Final = "sandbox"  # the service's name in the ledger: never mixed with paid videos
SANDBOX_SPEED: Final = 10.0
SPEED_MAX: Final = 10_000


@dataclass(frozen=True)
class Connection:
    """One service: its `name` in the ledger, its address and token, its timing, its backend, and the home folder.

    `box` is the running sandbox, None for a vendor.
    """

    name: str
    base_url: str
    token: Secret
    timing: Timing
    home: Path
    backend: Backend = field(default_factory=UseapiBackend)
    box: Any = field(default=None, repr=False)

    def connect(self) -> Transport:
        """Return the transport; loading it takes a tenth of a second."""
        from pixverse_nb.backends.http import HttpTransport

        return HttpTransport(self.backend, self.base_url, self.token, self.timing)

    @contextmanager
    def stopped_on_error(self) -> Iterator[None]:
        """Stop the sandbox, if it is one, when the body raises: nobody else would."""
        try:
            yield
        except BaseException:
            if self.box is not None:
                self.box.stop()
            raise


def resolve_connection(
    token: Secret | None,
    *,
    base_url: str | None,
    backend: Backend | None = None,
    home: str | os.PathLike[str] | None,
    timing: Timing | None,
) -> Connection:
    """Return the vendor if there is a token, otherwise start the sandbox and say so.

    Raises ConfigError if a base URL was given but there is no token.
    """
    secret = find_token(token)
    if secret is not None:
        vendor = backend or UseapiBackend()
        url = find_base_url(base_url or (vendor.base_url if backend is not None else None))
        return Connection(
            name=url, base_url=url, token=secret, timing=timing or Timing(), home=find_home(home), backend=vendor
        )
    if base_url or os.environ.get("PIXVERSE_NB_BASE_URL"):
        raise ConfigError(
            "No token was found for this base_url. Pass token=…, or set USEAPI_TOKEN. "
            f"A useapi.net token comes from {TOKEN_PAGE}."
        )
    service = start_sandbox(find_home(home) / SANDBOX, speed=SANDBOX_SPEED, timing=timing)
    text = (
        "No token was found, so this client runs on the embedded sandbox: real videos, nothing is paid, nothing leaves "
        f"this machine. For real ones set USEAPI_TOKEN (a token comes from {TOKEN_PAGE})."
    )
    _say(text)
    return service


def start_sandbox(home: Path, *, speed: float, timing: Timing | None) -> Connection:
    """Start the embedded sandbox and return it as a service; ConfigError where its packages are missing."""
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0 <= speed <= SPEED_MAX:
        raise ConfigError(f"speed must be a number from 0 (time stands still) to {SPEED_MAX}, not {speed!r:.40}")
    try:
        from pixverse_nb.sandbox import Sandbox
    except ImportError as error:
        raise ConfigError(
            f"The embedded sandbox needs more packages ({error.name} is missing): pip install 'pixverse-nb[sandbox]'. "
            f"With a token from {TOKEN_PAGE} in USEAPI_TOKEN none of them is needed."
        ) from error
    box = Sandbox(speed=speed, folder=home / "world").start()
    return Connection(
        name=SANDBOX,
        base_url=box.base_url,
        token=Secret(box.token),
        timing=timing or sandbox_timing(speed),
        home=home,
        box=box,
    )


def sandbox_timing(speed: float) -> Timing:
    """Return the protocol at the sandbox's pace; only what waits for the vendor is scaled, not the deadline.

    Where time stands still (0) it is the usual pace: that of whoever moves it by hand is not known.
    """
    plain = Timing()
    scaled = plain.scaled(1 / (speed or SANDBOX_SPEED))
    return Timing(
        poll_s=scaled.poll_s,
        busy_wait_s=scaled.busy_wait_s,
        settle_s=scaled.settle_s,
        answer_timeout_s=plain.answer_timeout_s,
        deadline_s=plain.deadline_s,
        typical_s=scaled.typical_s,
        retry_s=scaled.retry_s,
    )


def warn_network_filesystem(kind: str, home: Path) -> None:
    """Say what a home on a network file system of this kind means."""
    text = (
        f"The home folder {home} lies on a network file system ({kind}). The ledger works there without its "
        "write-ahead log, more slowly, and locks may not be reliable: open this home from one machine at a time, or "
        "choose a local one."
    )
    _say(text)


def _say(text: str) -> None:
    show_bundle(mime_bundle(html("<p>{}</p>", text), text))
