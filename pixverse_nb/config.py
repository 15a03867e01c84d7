"""Settings of this machine: every wait (`Timing`), corrected prices (`Prices`), the home folder and the clock."""

import ipaddress
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from pixverse_nb.domain.arguments import is_too_long, public_class
from pixverse_nb.domain.operations import QUALITY
from pixverse_nb.domain.validation import as_float, plain, safe_repr
from pixverse_nb.errors import ConfigError

_MAY_BE_ZERO: Final = frozenset({"busy_wait_s", "settle_s", "retry_s"})


@public_class()
@dataclass(frozen=True)
class Timing:
    """Every wait, in seconds. `scaled(0.01)` is the same protocol a hundred times faster, for tests.

    poll_s            the shortest interval of the shared list poll
    busy_wait_s       shortest and longest wait after a 429
    settle_s          how long after a lost answer a generation may still appear in the vendor's list; must exceed the
                      vendor's delays in accepting and listing it
    answer_timeout_s  how long one answer may take
    deadline_s        how long a job may take from its creation
    off_peak_deadline_s  the same for an off-peak job, which the vendor makes within 24 hours
    typical_s         the assumed time from submission to completion, until real durations are known
    retry_s           first and longest wait before a failed read is repeated
    """

    poll_s: float = 3.0
    busy_wait_s: tuple[float, float] = (10.0, 30.0)
    settle_s: float = 180.0
    answer_timeout_s: float = 60.0
    deadline_s: float = 1800.0
    off_peak_deadline_s: float = 25 * 3600.0
    typical_s: float = 60.0
    retry_s: tuple[float, float] = (0.5, 20.0)

    def __post_init__(self) -> None:
        """Raise ConfigError for an unusable value. With `settle_s=nan`, any list would count as proof of absence."""
        for item in fields(self):
            given, is_range = getattr(self, item.name), isinstance(item.default, tuple)
            waits = tuple(map(as_float, given if is_range and isinstance(given, tuple | list) else (given,)))
            least = 0.0 if item.name in _MAY_BE_ZERO else sys.float_info.min
            is_usable = len(waits) == (2 if is_range else 1) and list(waits) == sorted(waits)
            if not is_usable or not all(least <= wait <= sys.float_info.max for wait in waits):
                raise ConfigError(
                    f"Timing.{item.name} must be {'non-negative' if least == 0 else 'positive'} seconds"
                    f"{' with min <= max' if is_range else ''}, not {safe_repr(given):.80}"
                )
            object.__setattr__(self, item.name, waits if is_range else waits[0])

    def job_deadline_s(self, *, is_off_peak: bool) -> float:
        """Return how long a job may take from its creation."""
        is_off_peak = plain(is_off_peak)
        if not isinstance(is_off_peak, bool):
            raise ConfigError(f"is_off_peak must be True or False, not {safe_repr(is_off_peak):.60}")
        return self.off_peak_deadline_s if is_off_peak else self.deadline_s

    def scaled(self, factor: float) -> "Timing":
        """Return a copy with every wait multiplied by `factor` (> 0)."""
        given, factor = factor, as_float(factor)
        if not factor > 0:
            raise ConfigError(f"the factor of Timing.scaled must be positive, not {safe_repr(given):.80}")
        least, most = self.busy_wait_s
        first, longest = self.retry_s
        return replace(
            self,
            poll_s=self.poll_s * factor,
            busy_wait_s=(least * factor, most * factor),
            settle_s=self.settle_s * factor,
            answer_timeout_s=self.answer_timeout_s * factor,
            deadline_s=self.deadline_s * factor,
            off_peak_deadline_s=self.off_peak_deadline_s * factor,
            typical_s=self.typical_s * factor,
            retry_s=(first * factor, longest * factor),
        )


@public_class()
@dataclass(frozen=True)
class Prices:
    """Corrections to the catalogue's prices, for estimates. `base` maps a quality to the credits for 5 s.

    A model that is priced per second is scaled from that; for the others a longer video and fast motion cost twice as
    much, as in the catalogue. A price that the vendor reports takes precedence over every estimate.

    >>> Client(prices=Prices({"540p": 25})).estimate(quality="540p", duration=8)  # doctest: +SKIP
    50
    """

    base: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def __reduce__(self) -> tuple[type["Prices"], tuple[dict[str, int]]]:
        return type(self), (dict(self.base),)  # a MappingProxyType cannot be pickled

    @classmethod
    def of(cls, given: "Prices | Mapping[str, int] | None") -> "Prices":
        """Return a price list with whole numbers, from a list, a plain mapping, or None (no corrections).

        Raises ConfigError for a key that is no quality such as "720p", and for a price that is not a whole number of
        credits, 0 or more.
        """
        if given is None:
            return cls()
        base = given.base if isinstance(given, Prices) else given
        if not isinstance(base, Mapping):
            raise ConfigError(f"prices must map each quality to its credits, not {safe_repr(base):.80}")
        whole: dict[str, int] = {}
        for quality, price in base.items():
            number = as_float(price)
            if not QUALITY.accepts(plain(quality)):
                raise ConfigError(f"prices: {safe_repr(quality):.40} must be {QUALITY}")
            if not (0 <= number < math.inf and number.is_integer()):
                raise ConfigError(
                    f"the price of {safe_repr(quality):.40} must be a whole number of credits, not "
                    f"{safe_repr(price):.40}"
                )
            whole[str(plain(quality))] = int(number)
        return cls(MappingProxyType(whole))


def read_env(name: str) -> str | None:
    """Return an environment variable without surrounding white space, or None if it is empty or not set.

    Raises ConfigError if a control character remains.
    """
    value = os.environ.get(name, "").strip()
    if any(character < " " or character == "\x7f" for character in value):
        raise ConfigError(f"{name} contains a line end or another control character. Set it again without it.")
    return value or None


def find_home(given: str | os.PathLike[str] | None) -> Path:
    """Return the folder for the ledger and the videos: the argument, PIXVERSE_NB_HOME, or the nearest `pixverse`.

    That is an existing home named `pixverse` in the working directory or in a folder above it, or else ./pixverse.
    Raises ConfigError if it cannot be the path of a folder.
    """
    if given is not None and not isinstance(given, str | os.PathLike):
        raise ConfigError(f"home must be the path of a folder, not {safe_repr(given):.60}.")
    home = given or read_env("PIXVERSE_NB_HOME") or _nearest_home()
    try:
        path = Path(home).expanduser().absolute()
        is_usable = b"\0" not in os.fsencode(path) and not is_too_long(path)
    except (RuntimeError, OSError, ValueError, TypeError):  # ~unknown-user, a lone surrogate, bytes, no current folder
        is_usable = False
    if not is_usable:
        raise ConfigError(
            f"The home folder {os.fspath(home)!r:.200} is not a usable path. Pass home=… or set PIXVERSE_NB_HOME."
        )
    with suppress(OSError):  # no permission: the ledger says so
        if path.is_file():
            raise ConfigError(f"The home {os.fspath(home)!r:.200} is a file. Pass the path of a folder as home=.")
    return path


HOME_NAME: Final = "pixverse"
OTHER_HOME: Final = "choose another folder with home=… or PIXVERSE_NB_HOME"  # the end of a message with a suggested fix


def _nearest_home() -> Path:
    """Return the nearest home at or above the working directory, or where a new one is made.

    A home above must be the user's own: in a shared folder (/tmp) somebody else could have put one there. It must be
    writable too, unless nothing can be written here either: then its jobs can at least be looked at.
    """
    new = Path(HOME_NAME)
    try:
        here, top = Path.cwd(), Path.home()
        must_write = os.access(here, os.W_OK)
        for folder in (here, *here.parents):
            home = folder / HOME_NAME
            if _is_home(home) and (folder == here or _is_own(home, must_write=must_write)):
                return home
            if folder == top:
                break
    except (OSError, RuntimeError):  # no current folder, no home folder of the user, or one that cannot be read
        pass
    return new


def _is_home(folder: Path) -> bool:
    """Return whether a folder contains a ledger, of an account or of the sandbox."""
    return any((folder / name / "ledger.db").is_file() for name in ("", "sandbox"))


def _is_own(folder: Path, *, must_write: bool) -> bool:
    is_mine = not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
    return is_mine and (os.access(folder, os.W_OK) or not must_write)


def is_loopback(url: str) -> bool:
    """Return whether an address leads to this machine: localhost or a loopback number."""
    try:
        host = urlsplit(url).hostname or ""
        return host.removesuffix(".") == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def find_email(given: str | None) -> str | None:
    """Return the account's e-mail: the argument, PIXVERSE_EMAIL, or None for any account."""
    if given is not None and not isinstance(given, str):
        raise ConfigError(f"email must be a text, not {safe_repr(given):.60}.")
    return (given or "").strip() or read_env("PIXVERSE_EMAIL")


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
