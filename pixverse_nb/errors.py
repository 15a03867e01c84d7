"""Every error that this package raises, as one tree. Each message says what happened, then what to do.

PixVerseError
├── ConfigError                     no token, a bad setting
├── InvalidRequest (ValueError)     wrong fields, all named in .fields; nothing was sent
│   ├── InvalidImage                a picture cannot be used; .fields names which one
│   ├── InvalidCall (TypeError)     an argument is unknown, missing or one too many
│   └── UnknownItem (LookupError)   no such cell or tile; an IndexError and a KeyError too
├── APIError                        the vendor answered with an error; .status and .reply hold it
│   ├── EndpointGone    404 410 3xx a paid call that the vendor no longer offers; nothing was accepted
│   ├── Unauthorized         401    the token is missing or wrong
│   ├── SubscriptionRequired 402    the API subscription is missing or has ended
│   ├── NotFound             404    unknown, or still processing
│   ├── OutOfCredits         412    the PixVerse account has no credits left
│   ├── Moderated            422    the vendor's moderator refused the request
│   ├── Busy                 429    every slot is taken; .retry_after_s if the vendor gave one
│   ├── AccountPending       596    the account needs its owner; never retried
│   └── ServerError          5xx    the vendor's server failed
├── NoAnswer                        the connection failed; .sent is whether the request was sent
├── OutcomeUnknown                  a paid call may or may not have been accepted; being reconciled
├── JobError                        a job ended without a video; .job is the handle
│   ├── JobFailed
│   ├── JobModerated
│   ├── JobTimeout (TimeoutError)
│   └── JobCancelled
├── DownloadError                   the finished video could not be downloaded or stored
├── FileError (OSError)             a file cannot be read or written
│   ├── FileExists (FileExistsError)        the target exists and overwrite is False
│   └── FileMissing (FileNotFoundError)     there is no such file
├── MeasureError                    a video or picture cannot be measured: missing, incomplete or of another kind
├── LedgerError                     the ledger file cannot be used
└── BudgetReached                   the next paid call would exceed budget_credits; it was not made
"""

import copy
from collections.abc import Mapping
from typing import Any, Literal, NoReturn, TypeVar

from pixverse_nb.redaction import printable, redact
from pixverse_nb.tracebacks import render_traceback

__all__ = [
    "APIError",
    "AccountPending",
    "BudgetReached",
    "Busy",
    "ConfigError",
    "DownloadError",
    "EndpointGone",
    "FileError",
    "FileExists",
    "FileMissing",
    "InvalidCall",
    "InvalidImage",
    "InvalidRequest",
    "JobCancelled",
    "JobError",
    "JobFailed",
    "JobModerated",
    "JobTimeout",
    "LedgerError",
    "MeasureError",
    "Moderated",
    "NoAnswer",
    "NotFound",
    "OutOfCredits",
    "OutcomeUnknown",
    "PixVerseError",
    "ServerError",
    "SubscriptionRequired",
    "Unauthorized",
    "UnknownItem",
]

Charge = Literal["no", "unknown", "yes"]


class PixVerseError(Exception):
    """The root of everything this package raises.

    `ref` is the reference of the job concerned and `account` the redacted account (None if there is none);
    `may_have_been_charged` is "no", "unknown" or "yes".
    """

    def __init__(
        self,
        message: str,
        *,
        ref: str | None = None,
        account: str | None = None,
        may_have_been_charged: Charge = "no",
    ) -> None:
        super().__init__(printable(message))
        self.ref = ref
        self.account = account
        self.may_have_been_charged: Charge = may_have_been_charged

    def __reduce__(self) -> tuple[Any, ...]:
        # not the default, which calls the class with the message only
        return _restore, (type(self), self.args), dict(vars(self))

    def _render_traceback_(self) -> list[str]:
        # IPython shows these lines: the message first, without the frames of this package; `%tb` shows all
        return _redacted_traceback(self)


def show_interrupt_folded(interrupt: BaseException) -> None:
    """Let IPython show an interrupt of one of our calls as it shows a PixVerseError; notes are part of its message."""
    interrupt._render_traceback_ = lambda: _redacted_traceback(interrupt)  # type: ignore[attr-defined]


def _redacted_traceback(error: BaseException) -> list[str]:
    """Return the lines for IPython without secrets: a line of the user's code may contain a token."""
    text = "\n".join(render_traceback(error))
    return "\x1b".join(map(redact, text.split("\x1b"))).split("\n")  # redact would remove the colours


_Error = TypeVar("_Error", bound=PixVerseError)


def _restore(kind: type[_Error], args: tuple[object, ...]) -> _Error:
    """Return an error without its attributes, which pickle and copy set afterwards."""
    error = kind.__new__(kind)
    error.args = args
    return error


def refuse_pickling(handle: object, instead: str) -> NoReturn:
    """Raise ConfigError, because `handle` belongs to a thread and files of this process."""
    raise ConfigError(f"A {type(handle).__name__} cannot be pickled or copied. Pass {instead}.")


class ConfigError(PixVerseError):
    """A setting is missing or cannot be used; nothing was sent."""


class InvalidRequest(PixVerseError, ValueError):
    """One or more fields are wrong; `fields` maps each one to the problem and its fix. Nothing was sent.

    Pass `sends=False` for a call that never sends anything: its message then does not mention charges.
    """

    def __init__(self, fields: Mapping[str, str], *, ref: str | None = None, sends: bool = True) -> None:
        self.fields = dict(fields)
        count, noun = len(self.fields), "field" if sends else "argument"
        wrong = f"{count} {noun} is wrong" if count == 1 else f"{count} {noun}s are wrong"
        money = "; nothing was sent and nothing was charged" if sends else ""
        lines = "\n".join(f"  {name}: {problem}" for name, problem in self.fields.items())
        super().__init__(f"{wrong}{money}.\n{lines}", ref=ref)


class InvalidImage(InvalidRequest):
    """A picture cannot be used; `fields` has the role of each one ("first", "last"). Nothing was sent."""


class InvalidCall(InvalidRequest, TypeError):
    """An argument is unknown, missing or one too many; `fields` names it and the closest known name."""


class UnknownItem(InvalidRequest, IndexError, KeyError):
    """There is no such cell, tile or column; the message names the closest one."""

    __str__ = Exception.__str__  # KeyError's own shows the repr


class APIError(PixVerseError):
    """The vendor answered with an error.

    `status` is the HTTP status, `reply` the decoded body (a dict, or the text of a body that is not JSON), and
    `vendor_text` the vendor's own explanation, redacted ("" if it gave none).
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        reply: Any = None,
        vendor_text: str | None = None,
        ref: str | None = None,
        account: str | None = None,
        may_have_been_charged: Charge = "no",
    ) -> None:
        super().__init__(message, ref=ref, account=account, may_have_been_charged=may_have_been_charged)
        self.status = status
        self.reply = reply
        self.vendor_text = vendor_text


class EndpointGone(APIError):
    """404, 405, 410 or a redirect in answer to a paid call: the vendor does not offer the call, or no longer does.

    Nothing was accepted and nothing was charged. A redirect is never followed. Another model may work.
    """


class Unauthorized(APIError):
    """401: the token is missing or wrong."""


class SubscriptionRequired(APIError):
    """402: the API subscription is missing or has ended."""


class NotFound(APIError):
    """404: the vendor does not know the id, or the generation is still processing."""


class OutOfCredits(APIError):
    """412: the PixVerse account has no credits left."""


class Moderated(APIError):
    """422: the vendor's moderator rejected the prompt; nothing was charged."""


class Busy(APIError):
    """429: every slot is taken; `retry_after_s` is the vendor's Retry-After in seconds, or None."""

    def __init__(self, message: str, *, retry_after_s: float | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after_s = retry_after_s


class AccountPending(APIError):
    """596: the PixVerse account needs its owner (the password was changed, or it is on hold). Never retried."""


class ServerError(APIError):
    """5xx: the vendor's server failed; `retry_after_s` as for Busy."""

    def __init__(self, message: str, *, retry_after_s: float | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after_s = retry_after_s


class NoAnswer(PixVerseError):
    """The connection failed; `sent` is False only if no byte of the request was sent."""

    def __init__(self, message: str, *, sent: bool, **details: Any) -> None:
        super().__init__(message, **details)
        self.sent = sent


class OutcomeUnknown(PixVerseError):
    """A paid call may or may not have been accepted; it is never repeated automatically."""


class JobError(PixVerseError):
    """A job ended without a video; `job` is its handle (None after pickling; `client.job(error.ref)` finds the job)."""

    def __init__(self, message: str, *, job: Any = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.job = job
        if self.ref is None:
            self.ref = getattr(job, "ref", None)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args), {**vars(self), "job": None}  # a handle stays in its process

    def __copy__(self) -> "JobError":
        error = _restore(type(self), self.args)
        vars(error).update(vars(self))
        return error

    def __deepcopy__(self, memo: dict[int, Any]) -> "JobError":
        return copy.copy(self)


class JobFailed(JobError):
    """The vendor reports that the generation failed, or rejected it permanently."""


class JobModerated(JobError):
    """The vendor's moderator stopped the generation; PixVerse says that it refunds the credits."""


class JobTimeout(JobError, TimeoutError):
    """The time ran out before the video was ready; `client.job(ref)` still finds the job."""


class JobCancelled(JobError):
    """The job was cancelled by the user."""


class DownloadError(PixVerseError):
    """The finished video could not be downloaded or stored; the job can be resumed."""


class FileError(PixVerseError, OSError):
    """A file cannot be read or written: no permission, a full disk, a folder in its place."""


class FileExists(FileError, FileExistsError):
    """The target exists; choose another name, or pass overwrite=True."""


class FileMissing(FileError, FileNotFoundError):
    """There is no such file."""


class MeasureError(PixVerseError):
    """A video or a picture on disk cannot be measured: it is missing, incomplete, or not of the expected kind."""


class BudgetReached(PixVerseError):
    """The next paid call would exceed `budget_credits`; it was not made."""


class LedgerError(PixVerseError):
    """The ledger file cannot be used (newer version, damaged, disk full)."""
