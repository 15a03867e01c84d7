"""Which service a client talks to: the vendor with a token, or the embedded sandbox.

The only module outside `backends/` that names a vendor.
"""

import hashlib
import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pixverse_nb.backends.base import Backend
from pixverse_nb.backends.useapi import UseapiBackend
from pixverse_nb.config import OTHER_HOME, Timing, find_home, read_env
from pixverse_nb.domain.validation import as_float, is_blank, safe_repr
from pixverse_nb.errors import ConfigError
from pixverse_nb.jobs.protocols import Transport
from pixverse_nb.ledger.database import can_only_read
from pixverse_nb.redaction import Secret
from pixverse_nb.render.display import show_message

_DEFAULT_BACKEND: Final = UseapiBackend()  # one for all, so that clients with equal settings have equal connections
DEFAULT_BASE_URL: Final = UseapiBackend.base_url
TOKEN_VARIABLE: Final = "USEAPI_TOKEN"  # noqa: S105  a variable's name, not a token
BASE_URL_VARIABLE: Final = "PIXVERSE_NB_BASE_URL"
SETTING_PREFIXES: Final = ("USEAPI_", "PIXVERSE_")  # of every variable that this package reads
TOKEN_PAGE: Final = "https://useapi.net/docs/start-here/setup-useapi"  # noqa: S105  an address, not a token
SANDBOX: Final = "sandbox"  # the service's name in the ledger, so that its jobs never mix with charged ones
SANDBOX_SPEED: Final = 10.0
SPEED_MAX: Final = 10_000
_USER: Final = re.compile(r"user:\d+(?=-)")  # the part of a token that names its user


@dataclass(frozen=True)
class Connection:
    """A service: its `name` in the ledger, its address, token and pace, the folder for its jobs, and its API.

    `speed` is that of the embedded sandbox, or None for a vendor. `started()` adds `box`, the running sandbox, with its
    address and token.
    """

    name: str
    base_url: str
    token: Secret
    timing: Timing
    home: Path
    backend: Backend = _DEFAULT_BACKEND
    speed: float | None = None
    box: Any = field(default=None, repr=False)

    @property
    def is_sandbox(self) -> bool:
        """Whether this is the embedded sandbox."""
        return self.speed is not None

    @property
    def payer(self) -> str:
        """Whose account pays: a hash that is too short to find the token from it.

        It is the same for every token of one useapi.net user, so that a new token goes on with the jobs of the old one.
        """
        user = _USER.match(self.token.reveal())
        payer = user.group() if user is not None else self.token.reveal()
        return hashlib.sha256(f"{self.name}\0{payer}".encode()).hexdigest()[:12]

    def started(self) -> "Connection":
        """Return this service, ready for requests: the sandbox is started. Raises ConfigError if it cannot be."""
        if self.speed is None:
            return self
        box = _start_sandbox(self.home, speed=self.speed)
        return replace(self, base_url=box.base_url, token=Secret(box.token), box=box)

    def connect(self) -> Transport:
        """Return a new transport; the import takes a tenth of a second."""
        from pixverse_nb.backends.http import HttpTransport

        return HttpTransport(self.backend, self.base_url, self.token, self.timing)


def resolve_connection(
    token: Secret | None,
    *,
    base_url: str | None,
    backend: Backend | None = None,
    home: str | PathLike[str] | None,
    timing: Timing | None,
) -> Connection:
    """Return the vendor if a token is found; otherwise the embedded sandbox, and say so.

    Raises ConfigError if a base URL or a backend is chosen but no token for it is found.
    """
    if backend is not None and (isinstance(backend, type) or not callable(getattr(backend, "submit", None))):
        raise ConfigError(f"backend must be an object of a Backend class, not {safe_repr(backend):.60}.")
    vendor = _DEFAULT_BACKEND if backend is None else backend
    is_default_url = is_blank(base_url)
    secret = find_token(token, backend=vendor)
    if secret is not None:
        url = find_base_url(vendor.base_url if is_default_url and backend is not None else base_url)
        timing = Timing() if timing is None else timing
        return Connection(name=url, base_url=url, token=secret, timing=timing, home=find_home(home), backend=vendor)
    if not is_default_url or backend is not None or read_env(BASE_URL_VARIABLE):
        chosen = f"the backend {vendor.name}" if backend is not None else "this base_url"
        variable = token_variable_of(vendor)
        fix = f"Pass token=… or set {variable}." if variable else "Pass it as token=."
        raise ConfigError(f"No token was found for {chosen}. {fix}{_advice(vendor)}")
    sandbox = sandbox_connection(find_home(home) / SANDBOX, speed=SANDBOX_SPEED, timing=timing)
    _import_sandbox()  # before a message says that it runs
    show_message(
        "No token was found, so this client runs on the embedded sandbox: it makes real videos on this machine, free "
        f"of charge. To use your account, set {TOKEN_VARIABLE} ({TOKEN_PAGE} says how to get a token)."
    )
    return sandbox


def find_token(given: str | Secret | None, *, backend: Backend | None = None) -> Secret | None:
    """Return the token of a backend (default: useapi.net), or None.

    From the argument, the environment, the keyring or Colab's secrets, in this order. Only a token that belongs to the
    backend is returned: no vendor gets the token of another one.
    """
    vendor = backend or _DEFAULT_BACKEND
    variable = token_variable_of(vendor)
    sources: list[Callable[[], str | None]] = [lambda: given.reveal() if isinstance(given, Secret) else given]
    if variable is not None:
        sources.append(lambda: read_env(variable))
    if _is_default(vendor):
        sources.append(_keyring_token)
    if variable is not None:
        sources.append(lambda: _colab_token(variable))
    for source in sources:
        token = Secret((source() or "").strip())
        if token:
            _check_token(token, vendor)
            return token
    return None


def token_variable_of(backend: Backend) -> str | None:
    """Return the environment variable with the token of a backend, or None if it must be passed."""
    return TOKEN_VARIABLE if _is_default(backend) else backend.token_variable


def _is_default(backend: Backend) -> bool:
    return isinstance(backend, UseapiBackend)


def _advice(backend: Backend) -> str:
    return f" {TOKEN_PAGE} says how to get a useapi.net token." if _is_default(backend) else ""


def _check_token(token: Secret, backend: Backend) -> None:
    # never assign the plain text to a variable: a verbose traceback would print it
    if not _is_sendable(token.reveal()):
        form = " It is not a useapi.net token (user:<number>-<string>)." if _is_default(backend) else ""
        fix = f"Copy the complete token again.{_advice(backend)}"
        raise ConfigError(f"The token contains a space or an unusual character.{form} {fix}")


def _is_sendable(value: str) -> bool:
    return value.isascii() and value.isprintable() and not any(character.isspace() for character in value)


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


def _colab_token(name: str) -> str | None:
    """Return the secret `name` of a Colab notebook; None if there is none, or if the person does not allow it."""
    userdata = _optional("google.colab.userdata")
    if userdata is None:
        return None
    try:
        return str(userdata.get(name))
    except (userdata.SecretNotFoundError, userdata.NotebookAccessError, userdata.TimeoutException):
        return None


def _optional(name: str) -> Any:
    """Return the optional module `name`, or None if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


# this machine, host names without a domain (such as containers), and private networks
_LOCAL_HOST: Final = re.compile(
    r"(?!\d|0x)[a-z0-9_-]+|[a-z0-9_.-]+\.(local|localhost|internal)|(127|10)(\.\d+){3}|192\.168(\.\d+){2}|172\.(1[6-9]|2\d|3[01])(\.\d+){2}|::1",
    re.ASCII,
)


def find_base_url(given: str | None) -> str:
    """Return the API's base URL without a trailing slash: the argument, the environment's, or the vendor's.

    Raises ConfigError unless it is https, or http within the local network (elsewhere, others could read the token).
    """
    if given is not None and not isinstance(given, str):
        raise ConfigError(f"base_url must be an address, not {safe_repr(given):.60}.")
    url = ((given or "").strip() or read_env(BASE_URL_VARIABLE) or DEFAULT_BASE_URL).rstrip("/")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise ConfigError(f"base_url is not a valid address: {url[:60]!r}. Check {BASE_URL_VARIABLE}.") from None
    is_secure = parts.scheme == "https" and bool(host)
    is_local = parts.scheme == "http" and bool(_LOCAL_HOST.fullmatch(host))
    if not (is_secure or is_local) or not _is_sendable(url):
        raise ConfigError(
            f"base_url must start with https:// (or http:// for a local server) and name a host, not {url[:60]!r}."
        )
    return url


def sandbox_connection(home: Path, *, speed: float, timing: Timing | None) -> Connection:
    """Return the embedded sandbox, not started yet. Raises ConfigError if `speed` is out of range."""
    given, speed = speed, as_float(speed)
    if not 0 <= speed <= SPEED_MAX:
        raise ConfigError(
            f"speed must be a number from 0 (time stands still) to {SPEED_MAX}, not {safe_repr(given):.40}"
        )
    return Connection(
        name=SANDBOX,
        base_url="",
        token=Secret(""),
        timing=sandbox_timing(speed) if timing is None else timing,
        home=home,
        speed=speed,
    )


def _import_sandbox() -> Any:
    """Return the class of the sandbox. Raises ConfigError if its packages are not installed."""
    try:
        from pixverse_nb.sandbox import Sandbox
    except ImportError as error:
        raise ConfigError(
            f"The embedded sandbox needs a package that is not installed ({error.name}): "
            f"pip install 'pixverse-nb[sandbox]'. With a token in {TOKEN_VARIABLE} the sandbox is not needed."
        ) from error
    return Sandbox


def _start_sandbox(home: Path, *, speed: float) -> Any:
    sandbox = _import_sandbox()
    folder = None if can_only_read(home / "ledger.db") else home / "world"
    try:
        return sandbox(speed=speed, folder=folder).start()
    except OSError as error:
        raise ConfigError(
            f"The sandbox cannot use {home} ({error.strerror or error}). Make the folder writable, or {OTHER_HOME}."
        ) from error


def sandbox_timing(speed: float) -> Timing:
    """Return the default timing at the sandbox's pace. Only waits for the vendor are scaled, not the deadline.

    At speed 0 the pace is that of `SANDBOX_SPEED`, because the clock is moved by hand.
    """
    plain = Timing()
    scaled = plain.scaled(1 / (speed or SANDBOX_SPEED))
    return Timing(
        poll_s=scaled.poll_s,
        busy_wait_s=scaled.busy_wait_s,
        settle_s=scaled.settle_s,
        answer_timeout_s=plain.answer_timeout_s,
        deadline_s=plain.deadline_s,
        off_peak_deadline_s=plain.off_peak_deadline_s,
        typical_s=scaled.typical_s,
        retry_s=scaled.retry_s,
    )


def warn_network_filesystem(kind: str, home: Path) -> None:
    """Warn that the home folder is on a network file system of this kind."""
    show_message(
        f"The home folder {home} is on a network file system ({kind}). The ledger works there without its write-ahead "
        "log, which is slower, and file locks may not be reliable. Use this home from one machine at a time, or choose "
        "a folder on a local disk."
    )


def warn_read_only(home: Path) -> None:
    """Say that the jobs of the home folder can be looked at, but that no video can be made."""
    show_message(
        f"The home folder {home} can only be read: its jobs and videos can be shown, but no video can be made."
    )


def warn_other_token(home: Path) -> None:
    """Say that a client with another token of the same user is open on the same home, so that either sends for both."""
    show_message(
        f"Another Client with another token of the same user is open on the home {home}. While one of the two has open "
        "jobs, it also makes the paid calls of the other one, with its own token. Close the other Client with close()."
    )
