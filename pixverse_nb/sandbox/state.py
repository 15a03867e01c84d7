"""The state of the sandbox: settings, accounts, uploads and generation jobs. No I/O."""

import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from pixverse_nb.sandbox.requests import ApiError, CreateRequest, InputFile

CREDIT_POOLS: Final = ("daily", "monthly", "package")  # in the order in which they are spent

QUEUED: Final = "QUEUED"
GENERATING: Final = "GENERATING"
COMPLETED: Final = "COMPLETED"
FAILED: Final = "FAILED"
MODERATED: Final = "MODERATED"
FINAL_STATUSES: Final = frozenset({COMPLETED, FAILED, MODERATED})

_DURATION_FACTORS: Final = {"360p": 0.7, "480p": 0.8, "540p": 0.85, "720p": 1.0, "1080p": 1.4}


@dataclass
class SandboxSettings:
    """How this sandbox behaves where the vendor's documentation is silent. Set the attributes at any time.

    Each default is the most likely reading of the documentation.

    subscribed              False: every call answers 402
    cost_credits            answers to create calls contain `cost_credits`
    reply_ref_in_rows       rows of GET /videos contain `replyRef`
    reply_ref_in_scheduler  entries of GET /scheduler contain `replyUrl` and `replyRef`
    scheduler_id            how entries of GET /scheduler name the job: "video_id", "videoId", or "id" (with `type`)
    queued_is_final         the documented quirk: `video_status_final` is true in a QUEUED row
    refuse_combinations     400 for fast + 8 s, 1080p + 8 s and 1080p + fast, as on the official platform; off by
                            default, because useapi.net states no such rule and its own example is 1080p with 8 s
    callback_wrapped        webhooks contain the row under `response` instead of at the top level
    refund_failed           a FAILED job is refunded (a MODERATED one always is)
    retry_after_s           the Retry-After header of every 429, in seconds; None omits it
    queue_s, generation_s   (minimum, maximum) virtual seconds that a 5 s job in 720p is queued and generated
    parallel                number of jobs of one account that are generated at once; the others stay QUEUED. None: all
    picture_side_max        longest side of an uploaded image, in pixels
    prices                  credits by quality that replace those of every model (for 5 s, or per second)
    frames_v3               what create-frames-v3 answers: "served", "gone" (404) or "moved" (308 to create-frames)
    """

    subscribed: bool = True
    cost_credits: bool = True
    reply_ref_in_rows: bool = False
    reply_ref_in_scheduler: bool = True
    scheduler_id: str = "video_id"
    queued_is_final: bool = True
    refuse_combinations: bool = False
    callback_wrapped: bool = False
    refund_failed: bool = False
    retry_after_s: int | None = None
    queue_s: tuple[float, float] = (1.0, 3.0)
    generation_s: tuple[float, float] = (40.0, 70.0)
    parallel: int | None = None
    picture_side_max: int = 2048
    prices: dict[str, int] = field(default_factory=dict)
    frames_v3: str = "served"


@dataclass
class Account:
    """A PixVerse account that the sandbox's token can use.

    `max_jobs` is useapi's number of slots (1…8), `plan_jobs` the number of jobs that the PixVerse plan runs at once.
    While `pending` is set, every call for the account answers 596; POST /accounts/<email> clears it.
    """

    email: str
    max_jobs: int = 8
    plan_jobs: int = 8
    plan_name: str = "Sandbox"
    can_remove_watermark: bool = True
    pending: bool = False
    number: int = 0
    credits: dict[str, int] = field(default_factory=lambda: {"daily": 60, "monthly": 30_000, "package": 0})

    @property
    def balance(self) -> int:
        """The sum of all credits."""
        return sum(self.credits.values())

    def spend(self, amount: int) -> dict[str, int]:
        """Take `amount` credits from daily, then monthly, then package; return how many came from each."""
        taken: dict[str, int] = {}
        for pool in CREDIT_POOLS:
            taken[pool] = min(self.credits[pool], amount)
            self.credits[pool] -= taken[pool]
            amount -= taken[pool]
        return taken

    def refund(self, taken: dict[str, int]) -> None:
        """Return credits that `spend` took to the pools they came from."""
        for pool, amount in taken.items():
            self.credits[pool] += amount


@dataclass(frozen=True)
class StoredUpload:
    """An uploaded file: `path` is its name on the media host, `id` its img_id."""

    id: int
    path: str
    media_type: str
    size_bytes: int
    email: str


@dataclass
class GenerationJob:
    """One accepted create call. Times are virtual Unix seconds; `created_stamp` is the time that rows show."""

    number: int
    video_id: str
    email: str
    account_number: int
    request: CreateRequest
    seed: int
    cost: int
    charged: dict[str, int]
    file_id: str
    created_at: float
    created_stamp: float
    listed_at: float
    starts_at: float
    due_at: float
    outcome: str = COMPLETED
    status: str = QUEUED
    tracked: bool = True
    deleted: bool = False
    stuck: bool = False
    is_rendered: bool = False
    size: tuple[int, int] = (0, 0)
    error_code: int | None = None
    has_placeholder: bool = False  # its row says completed although it was moderated
    reports_sent: int = 0
    render_started: bool = field(default=False, compare=False)  # in this process; not stored

    @property
    def is_open(self) -> bool:
        """Whether the job is queued or generating."""
        return self.status not in FINAL_STATUSES

    @property
    def stored_path(self) -> str:
        """Where the video is, relative to the sandbox's folder."""
        return f"videos/{self.file_id}.mp4"

    @property
    def video_path(self) -> str:
        """The path of the video on the media host."""
        return f"pixverse/mp4/media/web/{self.file_id}_seed0.mp4"


@dataclass(frozen=True)
class GenerationRecord:
    """An accepted create call, for audits. It remains when the video or its account is deleted."""

    video_id: str
    route: str
    email: str
    reply_ref: str | None
    cost: int
    seed: int
    prompt: str
    created_at: float


@dataclass(frozen=True)
class LogEntry:
    """Something that went wrong in the background.

    `kind` is webhook_refused (its URL is not plain http to this machine), webhook_failed (no connection),
    webhook_rejected (an error status) or render_failed.
    """

    kind: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"


class ServerState:
    """Everything the sandbox remembers. Methods are quick; callers hold the `lock` of the `Simulator`."""

    def __init__(self, accounts: Iterable[Account], *, user: str = "1001", first_number: int = 200_001) -> None:
        self.user = user
        self.settings = SandboxSettings()
        self.accounts: dict[str, Account] = {}
        self.uploads: dict[str, StoredUpload] = {}
        self.jobs: dict[int, GenerationJob] = {}
        self.open_jobs: dict[int, GenerationJob] = {}  # those of `jobs` that are queued or generating, oldest first
        self.version = 0  # increases with every change that has to be stored
        self._first_number = first_number
        self.rng = random.Random(first_number)  # noqa: S311 - not used for security
        for account in accounts:
            self.add_account(account)

    def add_account(self, account: Account) -> None:
        """Add `account`, or replace the one with the same e-mail."""
        known = self.accounts.get(account.email)
        number = known.number if known else 9001 + len(self.accounts)
        self.accounts[account.email] = replace(account, number=account.number or number)
        self.version += 1

    def account(self, email: str | None) -> Account:
        """Return the account of `email`, or the only one if `email` is None; raise ApiError(400 or 404) otherwise."""
        if not self.accounts:
            raise ApiError(404, "Configuration not found")
        if email is None:
            if len(self.accounts) > 1:
                raise ApiError(400, "Parameter email is required when you have multiple accounts configured")
            return next(iter(self.accounts.values()))
        if email not in self.accounts:
            raise ApiError(404, f"Configuration not found for {email}")
        return self.accounts[email]

    def ready_account(self, email: str | None) -> Account:
        """Return the same as `account`, but raise ApiError(596) if that account is pending."""
        account = self.account(email)
        if account.pending:
            raise pending_error(account.email)
        return account

    def count_tracked(self, email: str) -> int:
        """Return the number of jobs of `email` that occupy one of useapi's slots."""
        return sum(job.email == email and job.tracked for job in self.open_jobs.values())

    def count_running(self, email: str) -> int:
        """Return the number of jobs of `email` that occupy a slot at PixVerse, tracked by useapi or not."""
        return sum(job.email == email and not job.request.is_off_peak for job in self.open_jobs.values())

    def free_slots(self, account: Account) -> int:
        """Return how many more jobs `account` can take."""
        free = account.max_jobs - self.count_tracked(account.email)
        return max(0, min(free, account.plan_jobs - self.count_running(account.email)))

    def add_upload(self, *, email: str | None, media_type: str, extension: str, size_bytes: int) -> StoredUpload:
        """Register a file and return it with its new path and id."""
        account = self.ready_account(email)
        path = f"upload/{uuid.uuid4()}.{extension}"
        number = max((one.id for one in self.uploads.values()), default=123_455) + 1
        upload = StoredUpload(number, path, media_type, size_bytes, account.email)
        self.uploads[path] = upload
        self.version += 1
        return upload

    def resolve_inputs(self, request: CreateRequest) -> CreateRequest:
        """Return `request` with the path of every input file; raise ApiError(400) for one that was not uploaded.

        A video is only in its own account: a request that names none gets the account of its source video.
        """
        owners = [self._owner_of(one) for one in request.inputs if one.video_id is not None]
        email = request.email or next(iter(owners), None)
        for one in request.inputs:
            if one.video_id is not None and self._owner_of(one) != email:
                raise ApiError(400, f"Parameter {one.field} is not the id of a completed video")
        return replace(request, email=email, inputs=tuple(self._resolve(one) for one in request.inputs))

    def _owner_of(self, file: InputFile) -> str | None:
        job = self.find_job(file.video_id or "")
        return job.email if job is not None else None

    def _resolve(self, file: InputFile) -> InputFile:
        if file.video_id is not None:
            return self._resolve_video(file, file.video_id)
        if file.upload_id is None:
            if file.path not in self.uploads:
                raise ApiError(400, f"Parameter {file.field} is not the path of an upload")
            return file
        for upload in self.uploads.values():
            if upload.id == file.upload_id:
                return replace(file, path=upload.path)
        raise ApiError(400, f"Parameter {file.field} is not the id of an upload")

    def _resolve_video(self, file: InputFile, video_id: str) -> InputFile:
        job = self.find_job(video_id)
        if job is None or job.status != COMPLETED:
            raise ApiError(400, f"Parameter {file.field} is not the id of a completed video")
        return replace(file, path=job.stored_path, seconds=job.request.duration_s, height=min(job.size))

    def put_job(self, job: GenerationJob) -> None:
        """Add `job`, or replace the one with its number."""
        self.jobs[job.number] = job
        self.open_jobs.pop(job.number, None)
        if job.is_open:
            self.open_jobs[job.number] = job
        self.version += 1

    def next_number(self) -> int:
        """Return the number of the next job, which is the last part of its video id."""
        return max(self.jobs, default=self._first_number - 1) + 1

    @property
    def generations(self) -> list[GenerationRecord]:
        """Every accepted create call, oldest first."""
        return [
            GenerationRecord(
                video_id=job.video_id,
                route=job.request.operation,
                email=job.email,
                reply_ref=job.request.reply_ref,
                cost=job.cost,
                seed=job.seed,
                prompt=job.request.prompt,
                created_at=job.created_at,
            )
            for job in self.jobs.values()
        ]

    def find_job(self, video_id: str) -> GenerationJob | None:
        """Return the job with this full video id, or None if there is none or it was deleted."""
        number = video_id.rpartition(":")[2]
        job = self.jobs.get(int(number)) if number.isascii() and number.isdigit() and len(number) < 13 else None
        return job if job is not None and job.video_id == video_id and not job.deleted else None

    def listed_jobs(self, email: str, *, now: float) -> list[GenerationJob]:
        """Return the jobs of `email` that GET /videos shows, newest first."""
        shown = [job for job in self.jobs.values() if job.email == email and not job.deleted and job.listed_at <= now]
        return sorted(shown, key=lambda job: job.number, reverse=True)

    def queue_position(self, job: GenerationJob) -> int:
        """Return how many queued jobs of the same account come before `job`."""
        return sum(
            one.status == QUEUED and one.email == job.email and one.number < job.number
            for one in self.open_jobs.values()
        )


def draw_durations(request: CreateRequest, seed: int, settings: SandboxSettings) -> tuple[float, float]:
    """Return the virtual seconds that a job is queued and generated; the same seed gives the same durations."""
    rng = random.Random(f"{seed} {request.quality} {request.duration_s}")  # noqa: S311 - not used for security
    factor = _DURATION_FACTORS.get(request.quality, 1.0) * (1.5 if request.duration_s > 5 else 1.0)
    return rng.uniform(*settings.queue_s), rng.uniform(*settings.generation_s) * factor


def pending_error(email: str) -> ApiError:
    """Return the 596 error of a pending account."""
    return ApiError(
        596,
        "Your PixVerse account has pending error. Please address this issue at "
        f"https://useapi.net/docs/api-pixverse-v2/post-pixverse-accounts-email {email} before making any new API "
        "calls.",
    )
