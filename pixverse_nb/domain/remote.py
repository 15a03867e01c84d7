"""What a vendor reports: generations, running jobs, uploads, balance and slots, as frozen values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from pixverse_nb.domain.columns import columns
from pixverse_nb.domain.operations import CHEAPER_MODES, Operation


@dataclass(frozen=True)
class UploadedFile:
    """A picture that the vendor already has. It can be passed wherever a picture is expected.

    `path` is the vendor's `upload/<uuid>.<ext>`, `id` its `img_id`, `size_bytes` the bytes sent.
    """

    path: str
    id: int | None = None
    url: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None


@columns("daily", "monthly", "package", "total", "plan", "can_remove_watermark", "off_peak_factor", "preview_factor")
@dataclass(frozen=True)
class Credits:
    """The balance of the PixVerse account, in credits. `total` is daily + monthly + package.

    `off_peak_factor` and `preview_factor` are what these modes multiply a price by; None if not reported.
    """

    daily: int
    monthly: int
    package: int
    plan: str | None = None
    can_remove_watermark: bool | None = None
    off_peak_factor: float | None = None
    preview_factor: float | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    def __eq__(self, other: object) -> bool:
        # not that of a dataclass, because a balance that displays as a table is of a subclass
        return asdict(self) == asdict(other) if isinstance(other, Credits) else NotImplemented

    @property
    def total(self) -> int:
        """All credits that can be spent."""
        return self.daily + self.monthly + self.package

    @property
    def factors(self) -> Mapping[str, float]:
        """What `off_peak_mode` and `preview_mode` multiply a price by, without those that are not reported."""
        known = zip(CHEAPER_MODES, (self.off_peak_factor, self.preview_factor), strict=True)
        return {name: factor for name, factor in known if factor is not None}


@columns("max_jobs", "executing", "available")
@dataclass(frozen=True)
class AccountCapacity:
    """How many jobs one account is running and can still take. `available` may differ from max_jobs - executing."""

    account: str = field(repr=False)
    max_jobs: int = 0
    executing: int = 0
    available: int = 0


@dataclass(frozen=True)
class Capacity:
    """The slots of every account behind the token."""

    accounts: tuple[AccountCapacity, ...]

    def __eq__(self, other: object) -> bool:
        return self.accounts == other.accounts if isinstance(other, Capacity) else NotImplemented

    @property
    def available(self) -> int:
        """The free slots of all accounts."""
        return sum(account.available for account in self.accounts)

    @property
    def max_jobs(self) -> int:
        """The slots of all accounts, free or not."""
        return sum(account.max_jobs for account in self.accounts)


class RemoteState(StrEnum):
    """The state of a generation at the vendor. UNRECOGNISED is an undocumented status: keep waiting."""

    QUEUED = "queued"
    GENERATING = "generating"
    COMPLETED = "completed"
    FAILED = "failed"
    MODERATED = "moderated"
    UNRECOGNISED = "unrecognised"


@dataclass(frozen=True)
class NamedId:
    """One entry of a vendor's list, such as a style or a speaker."""

    id: str
    name: str


@columns(
    *("number", "state", "operation", "model", "prompt", "seed", "quality", "duration", "aspect_ratio", "motion_mode"),
    *("created_at", "queue_position", "cost_credits", "status", "error", "reply_ref"),
)
@dataclass(frozen=True)
class RemoteVideo:
    """One generation as the vendor lists it; every field but `state` may be missing.

    `created_at` is in Unix seconds, `duration` in seconds; `queue_position` counts from 1. `status` is the vendor's own
    status, for display only; `raw` is the whole row. `operation` is None if the row does not show it, and
    otherwise the likeliest one: some operations look alike.
    """

    video_id: str | None = field(repr=False)
    state: RemoteState
    url: str | None = None
    error: str | None = None
    created_at: float | None = None
    reply_ref: str | None = None
    prompt: str | None = None
    seed: int | None = None
    quality: str | None = None
    duration: int | None = None
    motion_mode: str | None = None
    model: str | None = None
    aspect_ratio: str | None = None
    input_paths: Mapping[str, str] = field(default_factory=dict)  # upload names by role, if the vendor lists them
    operation: Operation | None = None
    switches: Mapping[str, bool] = field(default_factory=dict)  # fields of the request that are on or off
    source_number: int | None = None  # the number at the end of the id of the video that this one is made from
    queue_position: int | None = None
    cost_credits: int | None = None
    status: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def number(self) -> str:
        """The number at the end of the video id, which `client.adopt` takes; the id itself has the account's e-mail."""
        return (self.video_id or "").rpartition(":")[2]


@dataclass(frozen=True)
class RunningJob:
    """One job that the vendor is tracking now, with the reference it was sent with."""

    video_id: str | None = field(repr=False)
    reply_ref: str | None = None
