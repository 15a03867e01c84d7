"""One exchange as a value: a `Call` to be made, the `Reply` to it, and what an outcome means for money."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from pixverse_nb.config import TOKEN_PAGE
from pixverse_nb.errors import (
    AccountPending,
    APIError,
    Busy,
    Moderated,
    NotFound,
    OutOfCredits,
    PixVerseError,
    ServerError,
    SubscriptionRequired,
    Unauthorized,
)
from pixverse_nb.redaction import redact

T = TypeVar("T")


@dataclass(frozen=True)
class Reply:
    """An answer of the vendor: HTTP `status`, lower-case `headers`, and the whole `body`."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the decoded body, or None where it is not JSON (a proxy may answer HTML)."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def retry_after_s(self) -> float | None:
        """The pace the vendor names in seconds, or None; the HTTP-date form is not used by any server here."""
        try:
            pace_s = float(self.headers["retry-after"])
        except (KeyError, ValueError):
            return None
        return max(0.0, pace_s) if math.isfinite(pace_s) else None


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request to be made once: where to, with what, and how its answer is read.

    `path` is sent raw (the vendor refuses a percent-encoded `:` or `@`). `spends=True` marks the calls that cost
    money: nothing repeats them by itself. `read` turns a 2xx reply into a value and raises ValueError where it cannot.
    """

    method: str
    path: str
    read: Callable[[Reply], T]
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)
    content_type: str | None = None
    billable: bool = False

    def __repr__(self) -> str:
        return redact(f"Call({self.method} {self.path}{', spends' if self.billable else ''})")


def read_reply(call: Call[T], reply: Reply) -> T:
    """Return what a 2xx reply says, or raise the error of the tree that stands for it."""
    if not 200 <= reply.status < 300:
        raise error_of(reply)
    try:
        return call.read(reply)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise ServerError(
            f"The vendor answered {reply.status} to {call!r} in a form that cannot be read ({type(error).__name__}). "
            "Try again later; if it stays so, the API has changed.",
            status=reply.status,
            reply=_shown(reply),
        ) from error


_NEXT: Final[Mapping[int, tuple[type[APIError], str]]] = {
    401: (Unauthorized, f"Check the token (USEAPI_TOKEN); it is used whole, and comes from {TOKEN_PAGE}."),
    402: (SubscriptionRequired, "Renew the useapi.net subscription, then go on."),
    404: (NotFound, "It is unknown, deleted, or still being made."),
    412: (OutOfCredits, "Buy credits or wait for the next free ones, then run the same line again."),
    422: (Moderated, "Change the prompt; the same one will be refused again."),
    596: (AccountPending, "Put the PixVerse account right on its useapi.net page, then add it again (POST accounts)."),
}


def error_of(reply: Reply) -> APIError:
    """Return the error that a reply of status 300 or above stands for; its text is the vendor's own, masked."""
    said = _vendor_text(reply)
    details: dict[str, Any] = {"status": reply.status, "reply": _shown(reply)}
    if reply.status in _NEXT:
        kind, mend = _NEXT[reply.status]
        return kind(f"{said} {mend}", **details)
    if reply.status == 429:
        return Busy(f"{said} It is tried again when a slot may be free.", retry_after_s=reply.retry_after_s, **details)
    if reply.status >= 500:
        return ServerError(
            f"{said} The vendor's side failed; try again later.", retry_after_s=reply.retry_after_s, **details
        )
    return APIError(f"{said} The request was refused as it stands.", **details)


def _vendor_text(reply: Reply) -> str:
    decoded = reply.json()
    said = decoded.get("error") if isinstance(decoded, dict) else None
    if isinstance(said, dict):
        said = said.get("message")
    if not isinstance(said, str) or not said.strip():
        return f"The vendor answered HTTP {reply.status} without an explanation."
    text = redact(said.strip())[:500]
    return f"The vendor says ({reply.status}): {text}" + ("" if text.endswith((".", "!", "?")) else ".")


def _shown(reply: Reply) -> Any:
    """Return the body for `.reply`: decoded JSON with e-mails masked, else the start of its text."""
    decoded = reply.json()
    if decoded is None:
        return redact(reply.body.decode("utf-8", "replace"))[:500]  # cut before, half an address would stay readable
    return _masked_json(decoded)


def _masked_json(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(str(key)): _masked_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked_json(item) for item in value]
    return value


@dataclass(frozen=True)
class Accepted:
    """The paid call was accepted: this generation exists and is charged."""

    video_id: str = field(repr=False)
    cost_credits: int | None = None


@dataclass(frozen=True)
class Rejected:
    """Proof that the paid call was not accepted; `error` says why. Nothing was charged."""

    error: PixVerseError


@dataclass(frozen=True)
class Indeterminate:
    """The paid call may or may not have been accepted; `reason` says what happened to its answer."""

    reason: str


PaidOutcome = Accepted | Rejected | Indeterminate

# A 408 and the like come from something between us and the vendor that may have passed the request on.
_AMBIGUOUS_4XX: Final = frozenset({408, 425, 499})


def classify_reply(call: Call[Accepted], reply: Reply) -> PaidOutcome:
    """Return what the reply to a paid call proves: accepted, rejected (4xx and 596), or nothing (all the rest)."""
    if 200 <= reply.status < 300:
        try:
            return call.read(reply)
        except (ValueError, TypeError, KeyError, AttributeError):
            return Indeterminate(f"the vendor answered {reply.status} without a video id")
    refused = (400 <= reply.status < 500 and reply.status not in _AMBIGUOUS_4XX) or reply.status == 596
    if refused:
        return Rejected(error_of(reply))
    return Indeterminate(f"the vendor answered HTTP {reply.status}")
