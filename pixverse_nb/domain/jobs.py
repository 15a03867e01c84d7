"""The values that people and modules hand to each other. All are frozen; a change is a new value.

The words are ours (`duration`, `motion_mode`); the vendor's JSON names (`video_status`, `first_frame_path`) stay
inside `wire/`. Ranges and choices are those of useapi.net's page "POST videos/create-frames-v3".
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

from pixverse_nb.domain.requests import FramesRequest
from pixverse_nb.errors import Charge


class JobState(StrEnum):
    """Where a job stands. The last six are final."""

    PLANNED = "planned"
    UPLOADING = "uploading"
    SUBMITTING = "submitting"
    WAITING = "waiting"  # the vendor's slots are full; tried again by itself
    UNKNOWN = "unknown"  # the paid call's answer was lost; being settled, never sent again blindly
    QUEUED = "queued"
    GENERATING = "generating"
    DOWNLOADING = "downloading"
    DONE = "done"
    FAILED = "failed"
    MODERATED = "moderated"
    REFUSED = "refused"  # the vendor refused the paid call; nothing was charged
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def is_final(self) -> bool:
        """True where the job goes no further by itself."""
        return self in FINAL_STATES


FINAL_STATES: Final = frozenset(
    {
        JobState.DONE,
        JobState.FAILED,
        JobState.MODERATED,
        JobState.REFUSED,
        JobState.CANCELLED,
        JobState.TIMED_OUT,
    }
)


@dataclass(frozen=True)
class JobEvent:
    """Something that happened to a job at `at` (Unix seconds), and its `state` afterwards.

    `kind` is the snake_case name of the event's class (see `jobs.events`), `data` holds the event's values, and `text`
    is a sentence for people. Code decides on `kind` and `data`, never on `text`.
    """

    at: float
    state: JobState
    kind: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True)
class Attempt:
    """One paid call of a job: its `number` from 1, what it bears as reference, when it left, and what became of it.

    `credits` is what it cost or may have cost (`is_estimate`: the vendor has not told); None where nothing is known.
    """

    number: int
    reply_ref: str
    sent_at: float
    text: str
    charged: Charge
    credits: int | None
    is_estimate: bool = True


@dataclass(frozen=True)
class VideoFile:
    """A finished video on disk. `path` is the local mp4; `url` the vendor's, whose lifetime is not documented.

    `width` and `height` are pixels, `duration_s` seconds, `size_bytes` bytes, `made_at` Unix seconds.
    `poster_jpeg` is a small still for the player before it plays.
    """

    path: Path
    sha256: str
    size_bytes: int
    url: str | None = None
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    request: FramesRequest | None = None
    ref: str | None = None
    video_id: str | None = field(default=None, repr=False)
    cost_credits: int | None = None
    cost_is_estimate: bool = True
    made_at: float | None = None
    is_sandbox: bool = False
    python: str | None = field(default=None, repr=False)  # the one line that makes it again
    poster_jpeg: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class JobSnapshot:
    """Everything about a job at one moment, for cards and lists.

    Times are Unix seconds. `typical_s` is the usual time from submission to completion for such a job, learnt from
    earlier ones; None where nothing is known. `queue_position` counts from 1 where the vendor tells it. `notices`
    and `suggested_action` are sentences for the person; `trouble` says what stands in the way just now (no network, busy),
    `coming` what happens next. `rests` tells of an open job that does not move until a person asks, `can_resume` that
    `Job.resume` goes on with it. `attempt` counts the paid calls so far.
    """

    ref: str
    state: JobState
    request: FramesRequest
    created_at: float
    submitted_at: float | None = None
    finished_at: float | None = None
    typical_s: float | None = None
    queue_position: int | None = None
    notices: tuple[str, ...] = ()
    warning: str | None = None
    error: str | None = None
    suggested_action: str | None = None
    coming: str = ""
    is_paused: bool = False
    can_resume: bool = False
    attempt: int = 0
    charged: Charge = "no"
    estimated_credits: int | None = None
    cost_credits: int | None = None
    is_sandbox: bool = False
    reused: bool = False
    video: VideoFile | None = None


SHA256: Final = re.compile(r"[0-9a-f]{64}")  # what names a prepared picture and a video's content


@dataclass(frozen=True)
class StoredVideo:
    """A finished video as the ledger keeps it; `name` is the file's path below the home folder."""

    name: str
    sha256: str
    size_bytes: int
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None


@dataclass(frozen=True, repr=False)
class JobRecord:
    """One job at one moment. Times are Unix seconds; `version` counts the writes and guards against lost ones.

    `owner` is the process that acts for it. `attempt` counts the paid calls: each has its own `reply_ref`, and a
    new one is made only after proof that the one before was not accepted. `send_deadline` is the moment after which the
    paid call of this attempt must no longer leave. `missing_poll_starts` holds the starts of the lists that prove absence.
    `blocked` means that nothing more is done until a person takes the job up again.
    """

    ref: str
    service: str
    request: FramesRequest
    created_at: float
    deadline_at: float
    state: JobState = JobState.PLANNED
    version: int = 0
    owner: str = ""
    seed_was_drawn: bool = False
    first_sha: str | None = None  # of the prepared pictures, kept in the home folder
    last_sha: str | None = None
    first_path: str | None = None  # the vendor's names of the uploaded pictures
    last_path: str | None = None
    account: str | None = None
    attempt: int = 0
    intent_at: float | None = None
    send_deadline: float | None = None
    retry_at: float | None = None
    unknown_since: float | None = None
    missing_poll_starts: tuple[float, ...] = ()
    video_id: str | None = None
    submitted_at: float | None = None
    last_seen_running_at: float | None = None  # the last list that showed it unfinished
    finished_at: float | None = None
    queue_position: int | None = None
    url: str | None = None
    video: StoredVideo | None = None
    charged: Charge = "no"
    estimated_credits: int | None = None
    cost_credits: int | None = None
    warning: str | None = None
    error_kind: str | None = None
    error: str | None = None
    blocked: bool = False
    budget_credits: int | None = None  # the home may spend as much in all, with this job
    sweep: str | None = None  # the sweep it was asked for by, whose budget it stands under
    sweep_budget_credits: int | None = None
    imported: bool = False  # came in a bundle, not known as paid: not sent from here before `Job.resume`
    pending_question: str | None = None  # what only a person can decide; see `Job.decide`
    candidate_video_id: str | None = None  # the vendor's id of the generation that the question is about
    notices: tuple[str, ...] = ()
    source_exprs: tuple[str, str] = ("first", "last")  # the pictures as a line of Python names them
    fit: str | None = "cover"  # how they were brought to one shape
    allow_refused: bool = False

    def __repr__(self) -> str:
        """Say which job it is and where it stands; the account and the video id stay unsaid."""
        return f"JobRecord({self.ref!r}, {self.state.value!r}, attempt={self.attempt}, version={self.version})"

    @property
    def credits(self) -> int | None:
        """What it cost by the vendor's word, else by the price list; None where neither tells."""
        return self.cost_credits if self.cost_credits is not None else self.estimated_credits

    @property
    def reply_ref(self) -> str:
        """What the current attempt sends as `replyRef`: ours, then a space and the user's own where there is one."""
        ours = f"{self.ref}:{self.attempt}"
        return f"{ours} {self.request.reply_ref}" if self.request.reply_ref else ours

    def owns_reply_ref(self, reply_ref: str | None) -> bool:
        """Tell whether a row with this `replyRef` is one of this job's attempts."""
        return bool(reply_ref) and str(reply_ref).partition(" ")[0].rpartition(":")[0] == self.ref

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values["request"] = dict(vars(self.request))  # flat: `asdict` would copy each text
        values["video"] = asdict(self.video) if self.video else None
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any], *, is_ours: bool = False) -> Self:
        """Return the record that `to_json` gave; fields of a newer minor version are left out.

        What comes from elsewhere is judged anew; what `is_ours`, from this home's ledger, was judged when it was made.
        """
        known = {item.name for item in fields(cls)}
        kept = {name: value for name, value in values.items() if name in known}
        request = kept["request"]
        kept["request"] = FramesRequest.from_trusted(request) if is_ours else FramesRequest(**request)
        kept["state"] = JobState(kept["state"])
        kept["video"] = StoredVideo(**kept["video"]) if kept.get("video") else None
        kept["notices"] = tuple(kept.get("notices", ()))
        kept["source_exprs"] = tuple(kept.get("source_exprs", ("first", "last")))
        kept["missing_poll_starts"] = tuple(kept.get("missing_poll_starts", ()))
        return cls(**kept)
