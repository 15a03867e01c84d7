"""The `Backend` protocol: a vendor's API as functions from requests to `Call` values and from replies to values.

There is no I/O here: `HttpTransport` sends the calls, and `jobs` decides when.
"""

import json
import math
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, Protocol, TypeVar

from pixverse_nb.domain.remote import Capacity, Credits, NamedId, RemoteVideo, RunningJob, UploadedFile
from pixverse_nb.domain.requests import Delivery, GenerationRequest
from pixverse_nb.errors import (
    AccountPending,
    APIError,
    Busy,
    ConfigError,
    EndpointGone,
    Moderated,
    NoAnswer,
    NotFound,
    OutOfCredits,
    PixVerseError,
    ServerError,
    SubscriptionRequired,
    Unauthorized,
)
from pixverse_nb.redaction import Secret, redact

T = TypeVar("T")

# What `Call.parse` may raise on a reply of an unexpected shape.
_UNREADABLE: Final = (ValueError, TypeError, LookupError, AttributeError)


@dataclass(frozen=True)
class Reply:
    """A vendor's answer: HTTP `status`, lower-case `headers`, and the whole `body`."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the decoded body, or None if it is not JSON (a proxy may answer HTML)."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def retry_after_s(self) -> float | None:
        """The Retry-After header in seconds, or None. No known server uses its date form."""
        try:
            wait_s = float(self.headers["retry-after"])
        except (KeyError, ValueError):
            return None
        return max(0.0, wait_s) if math.isfinite(wait_s) else None


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request to a vendor's API and how its answer is parsed.

    `path` is sent raw (one vendor rejects a percent-encoded `:` or `@`). `billable=True` marks the calls that cost
    money: nothing repeats them automatically. `parse` turns a 2xx reply into a value; it raises ValueError if the reply
    cannot be understood, or an APIError if the reply reports an error.
    """

    method: str
    path: str
    parse: Callable[[Reply], T]
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)
    content_type: str | None = None
    billable: bool = False

    def __repr__(self) -> str:
        return redact(f"Call({self.method} {self.path}{', billable' if self.billable else ''})")


@dataclass(frozen=True)
class Accepted:
    """The paid call was accepted: this generation exists and is charged."""

    video_id: str = field(repr=False)
    cost_credits: int | None = None


class VideoMade(ConfigError):
    """The vendor was asked for a price and made the video instead: `made` is its generation, which is charged."""

    def __init__(self, made: Accepted) -> None:
        number = made.video_id.rpartition(":")[2]  # the part before it names the account
        super().__init__(
            f"The vendor was asked for a price and made the video instead: generation {number}, which it may have "
            f'charged. The paid call is not sent. client.adopt("{number}") returns the job of that video.',
            may_have_been_charged="yes",
        )
        self.made = made


@dataclass(frozen=True)
class Rejected:
    """Proof that the paid call was not accepted and nothing was charged; `error` says why."""

    error: PixVerseError


@dataclass(frozen=True)
class Indeterminate:
    """The paid call may or may not have been accepted.

    `reason` is "no_answer", "no_video_id" or "http_status"; `detail` is for display.
    """

    reason: str
    detail: str = ""


PaidOutcome = Accepted | Rejected | Indeterminate


@dataclass(frozen=True)
class CallbackIds:
    """The references and video ids named in the body of a callback."""

    reply_refs: frozenset[str] = frozenset()
    video_ids: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.reply_refs or self.video_ids)


class Backend(Protocol):
    """One vendor's API. Subclass it and implement `headers`, `upload`, `submit` and `get_video`.

    The flags declare what differs between vendors. A method that returns None means that the vendor has no such call.
    """

    name: str
    base_url: str
    lists_jobs: bool = True  # `list_videos` shows every generation, so a missing one was never accepted
    dedupes_by_key: bool = (
        False  # a repeated `reply_ref` never generates a second video, so a lost call may be sent again
    )
    quotes: bool = False  # the vendor states the price of a request before it is sent
    no_accounts_text: str = ""  # what the vendor says in a 404 if a token has no accounts
    signed_callbacks: bool = False  # callbacks are signed: one that `verify_callback` rejects is ignored
    token_variable: str | None = None  # the environment variable, or secret in Colab, with the token of this vendor
    max_jobs: int = 8  # the most that one account runs at once; source: the documentation of maxJobs
    seed_min: int = 1  # a smaller seed raises InvalidRequest
    prompt_required: bool = False  # an empty prompt raises InvalidRequest

    def headers(self, token: Secret, call: Call[Any]) -> Mapping[str, str]:
        """Return the headers that authenticate a call."""

    def upload(self, data: bytes, *, media_type: str, account: str | None) -> Call[UploadedFile]:
        """Return the call that uploads the bytes of one input; free of charge."""

    def submit(
        self, request: GenerationRequest, *, inputs: Mapping[str, str], reply_ref: str, account: str | None
    ) -> Call[Accepted]:
        """Return the call that starts a generation: **spends credits**. `inputs` maps each role to its upload name."""

    def quote(self, request: GenerationRequest, *, inputs: Mapping[str, str], account: str | None) -> Call[int] | None:
        """Return the call that asks for the price of a request in credits; free of charge."""
        return None

    def get_video(self, video_id: str) -> Call[RemoteVideo]:
        """Return the call that reads one generation."""

    def list_videos(self, *, account: str | None, limit: int, offset: int = 0) -> Call[tuple[RemoteVideo, ...]] | None:
        """Return the call that lists the generations of one account, newest first, running ones included."""
        return None

    def list_running(self) -> Call[tuple[RunningJob, ...]] | None:
        """Return the call that lists the jobs the vendor is tracking now."""
        return None

    def stop_tracking(self, video_id: str) -> Call[None] | None:
        """Return the call that ends the vendor's tracking of a job; the job may still run and be charged."""
        return None

    def list_accounts(self) -> Call[Mapping[str, int | None]] | None:
        """Return the call that lists the accounts behind the token with their number of slots (None if unknown)."""
        return None

    def get_capacity(self) -> Call[Capacity] | None:
        """Return the call that reads how many slots of each account are free."""
        return None

    def get_credits(self, *, account: str | None) -> Call[Credits] | None:
        """Return the call that reads the balance of an account."""
        return None

    def list_restyles(self, *, account: str | None) -> Call[list[NamedId]] | None:
        """Return the call that lists the styles for the operation "restyle"."""
        return None

    def list_voices(self, *, account: str | None) -> Call[list[NamedId]] | None:
        """Return the call that lists the speakers for the operation "lipsync"."""
        return None

    def account_of(self, video_id: str) -> str | None:
        """Return the account named in a video id, or None."""
        return None

    def verify_callback(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Return whether the signature of a callback is right; `headers` have lower-case names.

        Used if `signed_callbacks` is set.
        """
        return False

    def parse_callback(self, body: bytes) -> CallbackIds:
        """Return the ids named in the body of a callback; empty if it cannot be understood."""
        return CallbackIds()


def curl_line(backend: Backend, request: GenerationRequest) -> str:
    """Return the paid call of a request as a curl command, without secrets: no token, account, upload or callback.

    The shell fills in the token from its variable; a person replaces each input, which is in capitals.
    """
    inputs = {item.role: f"ID_OF_{item.role.upper()}" for item in request.inputs}
    call = backend.submit(replace(request, delivery=Delivery()), inputs=inputs, reply_ref="", account=None)
    body = {name: value for name, value in (call.body or {}).items() if value != ""}
    headers = backend.headers(Secret(f"${backend.token_variable or 'USEAPI_TOKEN'}"), call)
    shown = [f'-H "{name}: {value}"' for name, value in headers.items()]
    data = shlex.quote(json.dumps(body, ensure_ascii=False))
    parts = [f"curl -X {call.method} {shlex.quote(backend.base_url + call.path)}", *shown]
    return " \\\n  ".join((*parts, "-H 'Content-Type: application/json'", f"-d {data}"))


def read_reply(call: Call[T], reply: Reply) -> T:
    """Return the value of a 2xx reply, or raise the error that the reply stands for."""
    if not 200 <= reply.status < 300:
        raise error_from_reply(reply)
    try:
        return call.parse(reply)
    except _UNREADABLE as error:
        body = _redacted_body(reply)
        content = "other JSON" if isinstance(body, dict | list) else "no JSON"
        raise ServerError(
            f"The answer to {call.method} {redact(call.path)} is not one of the API (HTTP {reply.status}, {content}): "
            "base_url may be wrong, a proxy or a login page may have answered, or the API has changed. "
            "client.doctor() checks the address.",
            status=reply.status,
            reply=body,
        ) from error


# In answer to a paid call: the vendor does not offer it. A redirect is not followed, because that could pay twice.
_GONE: Final = frozenset({404, 405, 410})
# A proxy between us and the vendor can send these after it has passed the request on.
_AMBIGUOUS_4XX: Final = frozenset({408, 425, 499})


def classify_reply(call: Call[Accepted], reply: Reply) -> PaidOutcome:
    """Return what the reply to a paid call proves: accepted, rejected, or neither.

    3xx, 4xx (except 408, 425 and 499) and 596 are rejections, and so is a 2xx in which `call.parse` finds an APIError
    other than ServerError. A 2xx that cannot be parsed and any other status prove nothing.
    """
    if 200 <= reply.status < 300:
        try:
            return call.parse(reply)
        except ServerError as error:
            return Indeterminate("http_status", str(error))
        except APIError as error:
            return Rejected(error)
        except _UNREADABLE:
            return Indeterminate("no_video_id", str(reply.status))
    if 300 <= reply.status < 400 or reply.status in _GONE:
        return Rejected(_endpoint_gone(call, reply))
    is_rejection = (400 <= reply.status < 500 and reply.status not in _AMBIGUOUS_4XX) or reply.status == 596
    if is_rejection:
        return Rejected(error_from_reply(reply))
    return Indeterminate("http_status", f"HTTP {reply.status}")


def may_be_carried_out(error: APIError | NoAnswer) -> bool:
    """Return whether a call that ended with this error may have been carried out: its answer is lost."""
    if isinstance(error, NoAnswer):
        return error.sent
    return error.status in _AMBIGUOUS_4XX or (error.status >= 500 and error.status != 596)


_BY_STATUS: Final[Mapping[int, tuple[type[APIError], str]]] = {
    401: (Unauthorized, "Check that the token (USEAPI_TOKEN) is complete and still valid."),
    402: (SubscriptionRequired, "Renew the API subscription, then run the call again."),
    404: (NotFound, "It is unknown, deleted, or still processing."),
    412: (OutOfCredits, "Buy credits or wait until new ones are granted, then run the call again."),
    422: (Moderated, "Change the prompt; the same one will be rejected again."),
    596: (
        AccountPending,
        "Sign in to the PixVerse account and fix the problem, then add the account to the API provider again.",
    ),
}


def api_error(
    status: int, vendor_text: str, *, reply: Any = None, retry_after_s: float | None = None, **details: Any
) -> APIError:
    """Return the error for an HTTP `status` of 300 or above; `vendor_text` is the vendor's explanation, or ""."""
    text = f"The vendor answered HTTP {status} without an explanation."
    if vendor_text:
        text = f"The vendor says ({status}): {vendor_text}" + ("" if vendor_text.endswith((".", "!", "?")) else ".")
    details |= {"status": status, "reply": reply, "vendor_text": vendor_text}
    if status in _BY_STATUS:
        kind, advice = _BY_STATUS[status]
        return kind(f"{text} {advice}", **details)
    if status == 429:
        return Busy(f"{text} Try again when a slot is free.", retry_after_s=retry_after_s, **details)
    if status >= 500:
        return ServerError(
            f"{text} The vendor's server failed; try again later.", retry_after_s=retry_after_s, **details
        )
    return APIError(f"{text} Correct the request; the same one would be rejected again.", **details)


def error_from_reply(reply: Reply) -> APIError:
    """Return the error that a reply of status 300 or above stands for, with account names redacted."""
    return api_error(reply.status, _vendor_text(reply), reply=_redacted_body(reply), retry_after_s=reply.retry_after_s)


def _endpoint_gone(call: Call[Any], reply: Reply) -> EndpointGone:
    """Return the error for a paid call that the vendor does not offer; `vendor_text` has the new address, if any."""
    location = redact(reply.headers.get("location", ""))[:200]
    text = f"moved to {location}" if location else _vendor_text(reply)
    reason = f"HTTP {reply.status}: {text}" if text else f"HTTP {reply.status}"
    return EndpointGone(
        f"The vendor does not offer {call.path} ({reason}). Nothing was accepted and nothing was charged.",
        status=reply.status,
        reply=_redacted_body(reply),
        vendor_text=text,
    )


def _vendor_text(reply: Reply) -> str:
    decoded = reply.json()
    text = decoded.get("error") if isinstance(decoded, dict) else None
    if isinstance(text, dict):
        text = text.get("message")
    return redact(text.strip())[:500] if isinstance(text, str) else ""


def _redacted_body(reply: Reply) -> Any:
    """Return the body for `APIError.reply`: redacted JSON, or the start of its text."""
    decoded = reply.json()
    if decoded is None:
        return redact(reply.body.decode("utf-8", "replace"))[
            :500
        ]  # redact before cutting: half an address would not be recognised
    return _redacted_json(decoded)


def _redacted_json(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(str(key)): _redacted_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_redacted_json(item) for item in value]
    return value
