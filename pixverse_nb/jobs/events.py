"""What can happen to a job: each event carries the data of its moment (`at` in Unix seconds).

The ledger stores an event as its kind and its data; texts are made when it is shown (`jobs.messages`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from pixverse_nb.domain.jobs import JobRecord, StoredVideo
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.remote import RemoteVideo


@dataclass(frozen=True)
class UploadStarted:
    """The inputs are being uploaded."""

    at: float


@dataclass(frozen=True)
class InputsUploaded:
    """The vendor has every input: `remotes` are the upload names by role."""

    at: float
    remotes: Mapping[str, str]
    account: str | None = field(repr=False)


@dataclass(frozen=True)
class AccountSwitched:
    """Another account has a free slot; the inputs are uploaded there first."""

    at: float
    account: str = field(repr=False)


@dataclass(frozen=True)
class PriceQuoted:
    """The vendor stated the price of the paid call before it is sent: its estimate from now on."""

    at: float
    credits: int


@dataclass(frozen=True)
class PriceDiscounted:
    """The account's factors for the cheaper modes are known: its estimate from now on is the price with them."""

    at: float
    credits: int


@dataclass(frozen=True)
class IntentRecorded:
    """The paid call is about to be sent; stored and synced before its first byte.

    `repeats_attempt` sends the same attempt again, which is safe only if the backend de-duplicates by its key. `payer`
    is that of the process; a job of another payer is not sent.
    """

    at: float
    send_deadline: float
    owner: str
    repeats_attempt: bool = False
    payer: str = ""


@dataclass(frozen=True)
class CallAccepted:
    """The paid call was accepted and charged. `is_quote`: it was a question for the price, which made the video."""

    at: float
    video_id: str = field(repr=False)
    account: str | None = field(repr=False)
    cost_credits: int | None
    is_quote: bool = False


@dataclass(frozen=True)
class CallRefused:
    """The request or the account was rejected: proof that nothing was charged.

    `error.kind` is the name of the error class. `attempt` is the paid call that was answered, None if it was not made.
    """

    at: float
    error: Notice
    attempt: int | None = None


@dataclass(frozen=True)
class CallPostponed:
    """Proof that nothing was accepted, but a later attempt may be (429, no network, too late to send).

    `attempt` as in CallRefused.
    """

    at: float
    retry_at: float
    warning: Notice
    attempt: int | None = None


@dataclass(frozen=True)
class ResponseLost:
    """It is unknown whether the paid call was accepted.

    `reason` is "no_answer", "quote_lost", "no_video_id", "http_status", "sender_gone", "not_recorded" or
    "internal_error". `latest_send_deadline` limits how late another process may still send it. `retry_at` is set if the
    same attempt may be sent again.
    """

    at: float
    reason: str
    detail: str = ""
    latest_send_deadline: float | None = None
    retry_at: float | None = None


@dataclass(frozen=True)
class ListedInPoll:
    """A list that started at `listed_at` shows this job's generation."""

    at: float
    listed_at: float
    row: RemoteVideo
    account: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class MissingFromPoll:
    """A complete list that started at `listed_at` does not show this job's generation."""

    at: float
    listed_at: float
    settle_s: float


@dataclass(frozen=True)
class UnexplainedDebit:
    """The balance fell by `credits` that no listed generation explains: only a person can say what happened."""

    at: float
    credits: int


@dataclass(frozen=True)
class AmbiguousMatch:
    """The list shows a generation with this call's seed that differs otherwise: only a person can match them."""

    at: float
    video_id: str = field(repr=False)


@dataclass(frozen=True)
class ResolvedByUser:
    """A person said whether the lost call was charged."""

    at: float
    was_charged: bool


@dataclass(frozen=True)
class Downloaded:
    """The video is on disk and checked."""

    at: float
    video: StoredVideo


@dataclass(frozen=True)
class FileLost:
    """A video that was here is missing or modified and can no longer be downloaded; `error` has the details."""

    at: float
    error: Notice


@dataclass(frozen=True)
class WarningRaised:
    """An obstacle (no network, disk full); if it `blocks`, only a person can remove it."""

    at: float
    warning: Notice
    blocks: bool = False


@dataclass(frozen=True)
class DeadlinePassed:
    """The job's deadline passed."""

    at: float


@dataclass(frozen=True)
class CancelRequested:
    """Somebody cancels the job; with `only_unsent` it is left alone if its paid call may have been sent."""

    at: float
    only_unsent: bool = False


@dataclass(frozen=True)
class Withdrawn:
    """Another home has paid for the same call: this one is cancelled, or not sent again if its answer is lost."""

    at: float


@dataclass(frozen=True)
class RefundChecked:
    """The balance was compared: `credits` came back (0: none yet), or that cannot be known (None)."""

    at: float
    credits: int | None


@dataclass(frozen=True)
class Resumed:
    """Somebody asks for the job again: this process owns it now, with a new deadline, under the caller's budget.

    `payer` is that of the caller if the job is another payer's and becomes the caller's, else "".
    """

    at: float
    owner: str
    deadline_at: float
    budget_credits: int | None = None
    payer: str = ""


Event = (
    UploadStarted
    | InputsUploaded
    | AccountSwitched
    | PriceQuoted
    | PriceDiscounted
    | IntentRecorded
    | CallAccepted
    | CallRefused
    | CallPostponed
    | ResponseLost
    | ListedInPoll
    | MissingFromPoll
    | UnexplainedDebit
    | AmbiguousMatch
    | ResolvedByUser
    | Downloaded
    | FileLost
    | WarningRaised
    | DeadlinePassed
    | CancelRequested
    | Withdrawn
    | RefundChecked
    | Resumed
)

# Not stored with an event: it is in the record, or too large, or names the account.
_NOT_STORED: Final = frozenset({"at", "row", "video", "remotes", "account", "video_id", "owner"})


def kind_of(event: Event) -> str:
    """Return the event's kind as it is stored: "call_accepted" for CallAccepted."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()


def data_of(event: Event, after: JobRecord) -> dict[str, Any]:
    """Return the data (JSON values) that the ledger stores with an event; `after` is the job after it."""
    data = {
        item.name: value.to_json() if isinstance(value, Notice) else value
        for item in fields(event)
        if item.name not in _NOT_STORED and (value := getattr(event, item.name)) not in (None, "", False)
    }
    if isinstance(event, IntentRecorded):
        data["attempt"] = after.attempt
    if isinstance(event, DeadlinePassed | CancelRequested):
        data["charged"] = after.charged
    return data
