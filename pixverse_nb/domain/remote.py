"""The values that people and modules hand to each other. All are frozen; a change is a new value.

The words are ours (`duration`, `motion_mode`); the vendor's JSON names (`video_status`, `first_frame_path`) stay
inside `wire/`. Ranges and choices are those of useapi.net's page "POST videos/create-frames-v3".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True)
class UploadedFile:
    """A picture that the vendor already holds; usable wherever a picture is asked for.

    `path` is the vendor's `upload/<uuid>.<ext>`, `id` its `img_id`, `size_bytes` the bytes sent.
    """

    path: str
    id: int | None = None
    url: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Credits:
    """The balance of the PixVerse account, in credits. `total` is daily + monthly + package."""

    daily: int
    monthly: int
    package: int
    plan: str | None = None
    can_remove_watermark: bool | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def total(self) -> int:
        """All credits that can be spent."""
        return self.daily + self.monthly + self.package


@dataclass(frozen=True)
class AccountCapacity:
    """How many jobs one account runs and may still take. Do not assume available = max_jobs - executing."""

    account: str = field(repr=False)
    max_jobs: int = 0
    executing: int = 0
    available: int = 0


@dataclass(frozen=True)
class Capacity:
    """The slots of every account that the token reaches."""

    accounts: tuple[AccountCapacity, ...]

    @property
    def available(self) -> int:
        """Free slots over all accounts."""
        return sum(account.available for account in self.accounts)

    @property
    def max_jobs(self) -> int:
        """Slots over all accounts."""
        return sum(account.max_jobs for account in self.accounts)


class RemoteState(StrEnum):
    """What the vendor says of a generation. UNRECOGNISED is a number nobody has documented: wait, never a success."""

    QUEUED = "queued"
    GENERATING = "generating"
    COMPLETED = "completed"
    FAILED = "failed"
    MODERATED = "moderated"
    UNRECOGNISED = "unrecognised"


@dataclass(frozen=True)
class RemoteVideo:
    """One generation as the vendor lists it; every field but `state` may be missing.

    `created_at` is Unix seconds, `queue_position` counts from 1, `status` is the vendor's status as it
    came, to be shown, and `raw` its whole row.
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
    first_path: str | None = None
    last_path: str | None = None
    queue_position: int | None = None
    cost_credits: int | None = None
    status: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class RunningJob:
    """One job that useapi.net tracks just now (its scheduler's entry)."""

    video_id: str | None = field(repr=False)
    reply_ref: str | None = None
