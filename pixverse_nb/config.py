"""Settings: every wait in one place (`Timing`), the price list (`Prices`), and where a token comes from."""

import importlib
import ipaddress
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from pixverse_nb.domain.catalogue import DEFAULT_MODEL, model_spec
from pixverse_nb.domain.requests import DELIVERY_FIELDS, GenerationRequest
from pixverse_nb.domain.validation import unknown_fields
from pixverse_nb.errors import ConfigError, InvalidRequest
from pixverse_nb.redaction import Secret

DEFAULT_BASE_URL: Final = "https://api.useapi.net/v2/pixverse"
TOKEN_PAGE: Final = "https://useapi.net/docs/start-here/setup-useapi"  # noqa: S105 - an address, not a token

_MAY_BE_ZERO: Final = frozenset({"busy_wait_s", "settle_s", "retry_s"})


@dataclass(frozen=True)
class Timing:
    """Every wait, in seconds. `scaled(0.01)` is the same protocol a hundred times faster, for tests.

    poll_s            the shortest interval of the shared list poll
    busy_wait_s       shortest and longest wait after a 429
    settle_s          how long after a lost answer a generation may still appear in the vendor's list; must exceed the
                      vendor's delays in accepting and listing it
    answer_timeout_s  how long one answer may take
    deadline_s        how long a job may take from its creation
    typical_s         the assumed time from submission to completion, until real durations are known
    retry_s           first and longest wait before a failed read is repeated
    """

    poll_s: float = 3.0
    busy_wait_s: tuple[float, float] = (10.0, 30.0)
    settle_s: float = 180.0
    answer_timeout_s: float = 60.0
    deadline_s: float = 1800.0
    typical_s: float = 60.0
    retry_s: tuple[float, float] = (0.5, 20.0)

    def __post_init__(self) -> None:
        """Raise ConfigError for an unusable value. With `settle_s=nan`, any list would count as proof of absence."""
        for item in fields(self):
            value = getattr(self, item.name)
            waits = value if isinstance(value, tuple) else (value,)
            least = 0.0 if item.name in _MAY_BE_ZERO else sys.float_info.min
            if not all(least <= wait <= sys.float_info.max for wait in waits) or list(waits) != sorted(waits):
                raise ConfigError(
                    f"Timing.{item.name} must be {'non-negative' if least == 0 else 'positive'} seconds"
                    f"{' with min <= max' if isinstance(value, tuple) else ''}, not {value!r}"
                )

    def scaled(self, factor: float) -> "Timing":
        """Return a copy with every wait multiplied by `factor` (> 0)."""
        if not factor > 0:
            raise ConfigError(f"the factor of Timing.scaled must be positive, not {factor!r}")
        least, most = self.busy_wait_s
        first, longest = self.retry_s
        return replace(
            self,
            poll_s=self.poll_s * factor,
            busy_wait_s=(least * factor, most * factor),
            settle_s=self.settle_s * factor,
            answer_timeout_s=self.answer_timeout_s * factor,
            deadline_s=self.deadline_s * factor,
            typical_s=self.typical_s * factor,
            retry_s=(first * factor, longest * factor),
        )


_V35_5S: Final = MappingProxyType({"360p": 45, "540p": 45, "720p": 60, "1080p": 120})

# this machine, host names without a domain (such as containers), and private networks
_LOCAL_HOST: Final = re.compile(
    r"(?!\d|0x)[a-z0-9_-]+|[a-z0-9_.-]+\.(local|localhost|internal)|(127|10)(\.\d+){3}|192\.168(\.\d+){2}|172\.(1[6-9]|2\d|3[01])(\.\d+){2}|::1",
    re.ASCII,
)

_CALL_FIELDS: Final = (
    "model",
    *model_spec(DEFAULT_MODEL).fields,
    *DELIVERY_FIELDS,
    "fit",
    "deadline_s",
    "reuse",
    "allow_refused",
)


@dataclass(frozen=True)
class Prices:
    """A price list in credits, for estimates. `base` maps a quality to the price of 5 s with normal motion.

    8 s costs twice as much, and so does fast motion. The default is the official platform's list for v3.5. Your plan
    may have other prices: `Client(prices=Prices({"540p": 30, ...}))`. A price that the vendor reports takes precedence.

    >>> Prices({"540p": 30}).estimate_for(quality="540p", duration=8, motion_mode="normal")
    60
    """

    base: Mapping[str, int] = field(default_factory=lambda: _V35_5S)

    def estimate(self, request: GenerationRequest) -> int | None:
        """Return the estimated credits for `request`, or None if its quality is not listed."""
        return self.estimate_for(
            quality=request.quality or "", duration=request.duration or 0, motion_mode=request.motion_mode or ""
        )

    def estimate_for(self, *, quality: str, duration: int, motion_mode: str, **others: Any) -> int | None:
        """Return the estimated credits for these three fields, or None if the quality is not listed.

        Other arguments of `create_frames` are accepted and ignored; anything else raises InvalidRequest.
        """
        if wrong := unknown_fields(others, _CALL_FIELDS):
            raise InvalidRequest(wrong)
        base = self.base.get(quality)
        if base is None:
            return None
        return base * (2 if duration == 8 else 1) * (2 if motion_mode == "fast" else 1)


def find_token(given: str | Secret | None) -> Secret | None:
    """Return the token from the argument, USEAPI_TOKEN, the keyring or Colab's secrets, in this order, or None."""
    sources: tuple[Callable[[], str | None], ...] = (
        lambda: given.reveal() if isinstance(given, Secret) else given,
        lambda: os.environ.get("USEAPI_TOKEN"),
        _keyring_token,
        _colab_token,
    )
    for source in sources:
        token = Secret((source() or "").strip())
        if token:
            _check_token(token)
            return token
    return None


def _check_token(token: Secret) -> None:
    # never assign the plain text to a variable: a verbose traceback would print it
    if not _is_sendable(token.reveal()):
        raise ConfigError(
            "The token contains a space or an unusual character, so it is not a useapi.net token "
            f"(user:<number>-<string>). Copy the complete token again from {TOKEN_PAGE}."
        )


def _is_sendable(value: str) -> bool:
    return value.isascii() and value.isprintable() and not any(sign.isspace() for sign in value)


def _keyring_token() -> str | None:
    """Return the password of service "useapi.net", user "token", if the optional keyring package has it."""
    keyring = _optional("keyring")
    if keyring is None:
        return None
    try:
        value = keyring.get_password("useapi.net", "token")
    except keyring.errors.KeyringError:  # no usable keyring on this machine
        return None
    return str(value) if value else None


def _colab_token() -> str | None:
    userdata = _optional("google.colab.userdata")
    if userdata is None:
        return None
    try:
        return str(userdata.get("USEAPI_TOKEN"))
    except (userdata.SecretNotFoundError, userdata.NotebookAccessError):
        return None


def _optional(name: str) -> Any:
    """Return the optional module `name`, or None if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def find_home(given: str | os.PathLike[str] | None) -> Path:
    """Return the folder for the ledger and the videos: the argument, PIXVERSE_NB_HOME, or ./pixverse."""
    return Path(given or os.environ.get("PIXVERSE_NB_HOME") or "pixverse").expanduser().absolute()


def find_base_url(given: str | None) -> str:
    """Return the API's base URL, without a trailing slash: the argument, PIXVERSE_NB_BASE_URL, or the vendor's."""
    url = (given or os.environ.get("PIXVERSE_NB_BASE_URL") or DEFAULT_BASE_URL).rstrip("/")
    if not url.startswith("https://") and not _is_local_http(url):
        raise ConfigError(f"base_url must start with https:// (or http:// for a local server), not {url[:40]!r}")
    return url


def _is_local_http(url: str) -> bool:
    """Return whether an address is plain http within the local network; anywhere else, others could read the token."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme == "http" and bool(_LOCAL_HOST.fullmatch(host))


def is_loopback(url: str) -> bool:
    """Return whether an address leads to this machine: localhost or a loopback number."""
    try:
        host = urlsplit(url).hostname or ""
        return host.removesuffix(".") == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def find_email(given: str | None) -> str | None:
    """Return the account's e-mail: the argument, PIXVERSE_EMAIL, or None for any account."""
    return given or os.environ.get("PIXVERSE_EMAIL") or None


Clock = Callable[[], float]  # Unix seconds


def boot_clock() -> Clock:
    """Return a clock that starts at the current time and then follows the time since boot.

    If somebody sets the wall clock forward by an hour, the settle time of a lost answer would seem to be over, and the
    video could be paid for twice. Nobody can set the time since boot, and unlike `time.monotonic` on most systems it
    continues while a laptop sleeps.
    """
    wall, start = time.time(), _boot_time()
    return lambda: wall + (_boot_time() - start)


def _boot_time() -> float:
    if hasattr(time, "CLOCK_BOOTTIME"):  # Linux
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_UPTIME_RAW"):  # macOS: CLOCK_MONOTONIC includes sleep, time.monotonic() does not
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()
