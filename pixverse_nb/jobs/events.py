"""What can happen to a job, as values: each event carries the data of its moment (`at` in Unix seconds)."""

from dataclasses import dataclass, field

from pixverse_nb.domain.jobs import StoredVideo
from pixverse_nb.domain.remote import RemoteVideo


@dataclass(frozen=True)
class UploadStarted:
    at: float


@dataclass(frozen=True)
class PicturesUploaded:
    at: float
    first_path: str
    last_path: str
    account: str | None


@dataclass(frozen=True)
class AccountSwitched:
    """Another account has room for a job that waits; its pictures go there first."""

    at: float
    account: str


@dataclass(frozen=True)
class IntentRecorded:
    """The paid call is about to leave; written and synced before its first byte."""

    at: float
    send_deadline: float
    owner: str


@dataclass(frozen=True)
class CallAccepted:
    at: float
    video_id: str
    account: str | None
    cost_credits: int | None


@dataclass(frozen=True)
class CallRefused:
    """The vendor's no to this request or this account; proof that nothing was charged.

    `attempt` is the paid call that was answered, None where it did not come to one.
    """

    at: float
    kind: str
    text: str
    is_moderation: bool = False
    attempt: int | None = None


@dataclass(frozen=True)
class CallPostponed:
    """Proof that nothing was accepted, and hope for a later try: busy (429), no network, too late to send.

    `attempt` as in CallRefused.
    """

    at: float
    retry_at: float
    text: str
    attempt: int | None = None


@dataclass(frozen=True)
class ResponseLost:
    """Nobody knows whether the paid call was accepted.

    `latest_send_by` bounds the moment until which the one who sent it may still do so, where that is another process.
    """

    at: float
    reason: str
    latest_send_by: float | None = None


@dataclass(frozen=True)
class ListedInPoll:
    """A list begun at `listed_at` showed this job's generation."""

    at: float
    listed_at: float
    row: RemoteVideo
    account: str | None = None


@dataclass(frozen=True)
class MissingFromPoll:
    """A whole list begun at `listed_at` did not show this job's generation."""

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
    """The list shows a generation with this call's seed that differs in part: only a person can say whose it is."""

    at: float
    video_id: str = field(repr=False)


@dataclass(frozen=True)
class ResolvedByUser:
    """A person says whether the lost call was paid."""

    at: float
    was_charged: bool


@dataclass(frozen=True)
class Downloaded:
    at: float
    video: StoredVideo


@dataclass(frozen=True)
class FileLost:
    """A video that was here once is gone or altered, and the vendor gives it no more."""

    at: float
    text: str


@dataclass(frozen=True)
class WarningRaised:
    """Something stands in the way (no network, disk full); `parks` where only a person can mend it."""

    at: float
    text: str
    parks: bool = False
    kind: str = "DownloadError"


@dataclass(frozen=True)
class DeadlinePassed:
    at: float


@dataclass(frozen=True)
class CancelAsked:
    """Somebody gives the job up; with `only_unsent` it is left alone where its paid call may have left."""

    at: float
    only_unsent: bool = False


@dataclass(frozen=True)
class Resumed:
    """Somebody asks for the job again, here: it is ours now, with a new deadline, under the budget of who asks."""

    at: float
    owner: str
    deadline_at: float
    budget_credits: int | None = None


Event = (
    UploadStarted
    | PicturesUploaded
    | AccountSwitched
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
    | CancelAsked
    | Resumed
)
