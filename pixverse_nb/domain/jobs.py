"""A job at one moment: as the ledger stores it (`JobRecord`) and as people see it (`JobSnapshot`, `JobEvent`, …)."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Literal, Self

from pixverse_nb.domain.generation_request import GenerationRequest
from pixverse_nb.domain.job_state import FINAL_STATES as FINAL_STATES
from pixverse_nb.domain.job_state import JobState as JobState
from pixverse_nb.domain.job_state import find_states as find_states
from pixverse_nb.domain.notices import Notice, Value
from pixverse_nb.domain.operations import CHEAPER_MODES
from pixverse_nb.errors import Charge


@dataclass(frozen=True)
class JobEvent:
    """Something that happened to a job: its `kind` and `data`, the time `at` (Unix seconds) and the resulting `state`.

    `text` describes the event in a sentence; it is filled in when the event is shown.
    """

    at: float
    state: JobState
    kind: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True)
class Attempt:
    """One paid call of a job: its `number` from 1, its reference, when it was sent, and its outcome.

    `outcome` is the kind of the event that ended it ("" while it is under way) and `text` the same as a sentence.

    `credits` is what it cost or may have cost (`is_estimate`: not confirmed by the vendor); None if unknown.
    """

    number: int
    reply_ref: str
    sent_at: float
    text: str
    charged: Charge
    credits: int | None
    is_estimate: bool = True
    outcome: str = ""


@dataclass(frozen=True)
class VideoFile:
    """A finished video on disk. `path` is the local mp4; `url` is the vendor's address, which may expire at any time.

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
    request: GenerationRequest | None = None
    ref: str | None = None
    video_id: str | None = field(default=None, repr=False)
    cost_credits: int | None = None
    cost_is_estimate: bool = True
    made_at: float | None = None
    is_sandbox: bool = False
    python: str | None = field(default=None, repr=False)  # the call that generates the video again
    call_options: Mapping[str, Value] = field(default_factory=dict, repr=False, hash=False)  # those of `recipe`
    poster_jpeg: bytes | None = field(default=None, repr=False)


WaitingFor = Literal["slot", "network"]


@dataclass(frozen=True)
class JobSnapshot:
    """Everything about a job at one moment, for cards and lists.

    Times are Unix seconds. `typical_s` is the usual time from submission to completion, learned from earlier jobs
    (None if unknown). `queue_position` counts from 1. `notices`, `warning` (the current obstacle), `error`,
    `suggested_action` and `status_detail` (what happens next) are texts. `estimate_is_limit` means that the estimate is
    the full price of a cheaper mode, whose factor is not known. `refund_credits` is what came back for a job without a
    video (0: nothing yet; None: unknown). `waiting_for` is the obstacle of a job in the
    state WAITING: "slot" after a 429, "network" after a lost connection, None if it is only not sent yet. `is_paused`
    means that an open job waits for a person; `can_resume` that `Job.resume()` continues it, `is_others` that it
    belongs to the token of another user. `attempt` is the number of paid calls so far.
    """

    ref: str
    state: JobState
    request: GenerationRequest
    created_at: float
    submitted_at: float | None = None
    finished_at: float | None = None
    typical_s: float | None = None
    queue_position: int | None = None
    notices: tuple[str, ...] = ()
    warning: str | None = None
    error: str | None = None
    suggested_action: str | None = None
    status_detail: str = ""
    waiting_for: WaitingFor | None = None
    is_paused: bool = False
    can_resume: bool = False
    is_others: bool = False
    attempt: int = 0
    charged: Charge = "no"
    estimated_credits: int | None = None
    estimate_is_limit: bool = False
    cost_credits: int | None = None
    refund_credits: int | None = None
    is_sandbox: bool = False
    reused: bool = False
    video: VideoFile | None = None


MODERATED_AFTERWARDS: Final = "moderated_afterwards"  # the kind of a notice of a finished job
SHA256: Final = re.compile(r"[0-9a-f]{64}")  # identifies a prepared picture or the content of a video


@dataclass(frozen=True)
class StoredVideo:
    """A finished video as the ledger stores it; `name` is the file's path inside the home folder."""

    name: str
    sha256: str
    size_bytes: int
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None


@dataclass(frozen=True)
class JobInput:
    """One input of a job: the prepared file in the home folder (`sha256`) and the vendor's name for it (`remote`).

    Either may be None: not stored here, or not uploaded yet. `source_expr` is a Python expression for what was passed.
    """

    role: str
    sha256: str | None = None
    remote: str | None = field(default=None, repr=False)  # a video id contains the account's e-mail
    source_expr: str = ""


@dataclass(frozen=True, repr=False)
class JobRecord:
    """One job at one moment. Times are Unix seconds; `version` counts the writes and guards against lost updates.

    `owner` is the process that runs the job. `attempt` counts the paid calls: each has its own `reply_ref`, and a new
    one is sent only after proof that the previous one was not accepted. After `send_deadline` the paid call of this
    attempt must not be sent. `missing_poll_starts` holds the start times of complete polls that lack the job: the proof
    of its absence. A `blocked` job waits until a person resumes it.

    `payer` says whose account pays ("" if that is not known): only clients of that user send the job and look for it.
    `attempt_payer` is that of the current attempt's paid call.
    """

    ref: str
    service: str
    request: GenerationRequest
    created_at: float
    deadline_at: float
    state: JobState = JobState.PLANNED
    version: int = 0
    owner: str = ""
    seed_was_drawn: bool = False
    inputs: tuple[JobInput, ...] = ()
    account: str | None = None
    payer: str = ""
    attempt: int = 0
    attempt_payer: str = ""
    intent_at: float | None = None
    send_deadline: float | None = None
    retry_at: float | None = None
    unknown_since: float | None = None
    missing_poll_starts: tuple[float, ...] = ()
    video_id: str | None = None
    submitted_at: float | None = None
    last_seen_running_at: float | None = None
    finished_at: float | None = None
    queue_position: int | None = None
    url: str | None = None
    video: StoredVideo | None = None
    charged: Charge = "no"
    estimated_credits: int | None = None
    # "quote": stated by the vendor for this call; "factors": the price list with the account's factors; "": the list
    estimate_source: str = ""
    full_credits: int | None = None  # the price list, if the estimate has the account's factors
    cost_credits: int | None = None
    # of a failed or moderated job, also if it was moderated after it had finished; None: unknown, 0: nothing yet
    refund_credits: int | None = None
    refund_source: str = ""  # "balance"; "" while unknown
    refund_checked_at: float | None = None
    warning: Notice | None = None  # the current obstacle
    error: Notice | None = None  # `kind` is the name of the error class, or one of jobs.messages
    blocked: bool = False
    budget_credits: int | None = None  # the limit for all jobs in this home folder, this one included
    sweep: str | None = None  # the sweep that created it and whose budget applies
    sweep_budget_credits: int | None = None
    imported: bool = False  # from an archive and possibly unpaid: not sent from here before `Job.resume`
    withdrawn: bool = False  # another home has paid for the same call: not sent before `Job.resume`
    pending_question: Notice | None = None  # only a person can answer it; see `Job.resolve`
    candidate_video_id: str | None = None  # the generation that the question is about
    notices: tuple[Notice, ...] = ()
    fit: str | None = "cover"  # how the pictures were framed
    allow_refused: bool = False

    def __repr__(self) -> str:
        """Show the reference and the state, but neither the account nor the video id."""
        return f"JobRecord({self.ref!r}, {self.state.value!r}, attempt={self.attempt}, version={self.version})"

    @property
    def credits(self) -> int | None:
        """The cost as the vendor reports it, else the estimate; None if neither is known."""
        return self.cost_credits if self.cost_credits is not None else self.estimated_credits

    @property
    def moderated_afterwards_at(self) -> float | None:
        """When the vendor's list first showed the finished video as moderated; None if it did not."""
        found = (notice for notice in self.notices if notice.kind == MODERATED_AFTERWARDS)
        notice = next(found, None)
        return None if notice is None else float(notice.data.get("at") or self.finished_at or self.created_at)

    @property
    def estimate_is_limit(self) -> bool:
        """Whether the estimate is the full price of a cheaper mode, because its factor is not known."""
        is_cheaper = any(self.request.params.get(name) is True for name in CHEAPER_MODES)
        return is_cheaper and self.estimate_source == ""

    @property
    def awaits_resume(self) -> bool:
        """Whether it is not sent before `Job.resume`, whoever asked for it earlier."""
        return self.imported or self.withdrawn

    @property
    def is_uploaded(self) -> bool:
        """Whether the vendor has every input."""
        return all(item.remote is not None for item in self.inputs)

    @property
    def can_upload_again(self) -> bool:
        """Whether every input is stored here and can be uploaded to another account."""
        return all(item.sha256 is not None for item in self.inputs)

    @property
    def remotes(self) -> dict[str, str]:
        """The vendor's name for each uploaded input, by role."""
        return {item.role: item.remote for item in self.inputs if item.remote is not None}

    @property
    def reply_ref(self) -> str:
        """The reference sent with the current attempt: ours, then a space and the user's own, if there is one."""
        ours = f"{self.ref}:{self.attempt}"
        own = self.request.delivery.reply_ref
        return f"{ours} {own}" if own else ours

    def may_share_account(self, other: "JobRecord") -> bool:
        """Return whether both jobs are, or may be, charged to one account."""
        if self.account is not None and other.account is not None:
            return self.account == other.account
        return self.payer == other.payer or "" in (self.payer, other.payer)

    def with_remotes(self, remotes: Mapping[str, str | None]) -> tuple[JobInput, ...]:
        """Return the inputs with these upload names by role; None marks an input as not uploaded."""
        return tuple(replace(item, remote=remotes.get(item.role, item.remote)) for item in self.inputs)

    def owns_reply_ref(self, reply_ref: str | None) -> bool:
        """Return whether a generation with this reference belongs to one of this job's attempts."""
        return bool(reply_ref) and str(reply_ref).partition(" ")[0].rpartition(":")[0] == self.ref

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values["request"] = self.request.to_json()
        values["inputs"] = [dict(vars(item)) for item in self.inputs]
        values["video"] = asdict(self.video) if self.video else None
        values["notices"] = [notice.to_json() for notice in self.notices]
        for name in _NOTICE_FIELDS:
            values[name] = values[name].to_json() if values[name] is not None else None
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the record that `to_json` wrote; unknown fields, which a newer version may add, are ignored."""
        known = {item.name for item in fields(cls)}
        kept = {name: value for name, value in values.items() if name in known}
        kept["request"] = GenerationRequest.from_json(kept["request"])
        kept["state"] = JobState(kept["state"])
        kept["inputs"] = tuple(JobInput(**item) for item in kept.get("inputs", ()))
        kept["video"] = StoredVideo(**kept["video"]) if kept.get("video") else None
        kept["notices"] = tuple(map(Notice.from_json, kept.get("notices", ())))
        kept["missing_poll_starts"] = tuple(kept.get("missing_poll_starts", ()))
        for name in _NOTICE_FIELDS:
            kept[name] = Notice.from_json(kept[name]) if kept.get(name) else None
        return cls(**kept)


_NOTICE_FIELDS: Final = ("warning", "error", "pending_question")
