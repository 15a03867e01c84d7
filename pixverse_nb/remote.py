"""What the vendor tells of its generations, in our words: frozen values, every field but the state may be missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


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
