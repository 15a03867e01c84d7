"""What the vendor does behind its API: accepting jobs, generating videos, sending webhooks, as virtual time passes."""

import asyncio
import json
import secrets
import tempfile
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pixverse_nb.sandbox.clock import Clock
from pixverse_nb.sandbox.faults import FaultInjector
from pixverse_nb.sandbox.requests import OPERATIONS, RATIO_OPERATIONS, SEED_MAX, SOURCE, ApiError, CreateRequest
from pixverse_nb.sandbox.serializers import video_row
from pixverse_nb.sandbox.state import (
    COMPLETED,
    FAILED,
    GENERATING,
    MODERATED,
    QUEUED,
    Account,
    GenerationJob,
    LogEntry,
    ServerState,
    draw_durations,
    pending_error,
)
from pixverse_nb.sandbox.storage import StateStore
from pixverse_nb.sandbox.webhooks import send_webhook

PROMPT_REFUSED: Final = "[[moderated]]"  # in a prompt: 422 at once
PROMPT_MODERATED: Final = "[[moderated-later]]"  # accepted, then MODERATED with a refund
PROMPT_FAILED: Final = "[[failed]]"  # accepted, then FAILED
PROMPT_STUCK: Final = "[[stuck]]"  # accepted, then GENERATING until released
ALL_BUSY: Final = "All configured accounts are running at maximum capacity."
PLAN_BUSY: Final = "Reached the limit for concurrent generations."

_REPORTS_AT: Final = (1 / 3, 2 / 3)  # parts of the generation time after which progress webhooks are sent


def account_busy(email: str, slots: int) -> str:
    """Return the vendor's message of a 429 for one account."""
    return f"Account {email} is busy executing {slots} tasks."


def _check_height(request: CreateRequest) -> None:
    source = request.source
    if request.operation == "upscale" and source is not None and (source.height or 0) >= int(request.quality[:-1]):
        raise ApiError(400, f"The video is already {request.quality}")


def accept_request(state: ServerState, request: CreateRequest, *, now: float, stamp: float) -> GenerationJob:
    """Accept `request`, charge its account and return the new job.

    Raises ApiError in the vendor's order of checks: input files (400), account (404, 596), slots (429), moderation
    (422), plan limit (429), credits (412).
    """
    request = state.resolve_inputs(request)
    _check_height(request)
    account = _choose_account(state, request)
    if PROMPT_REFUSED in request.prompt:
        raise ApiError(422, "Your prompt has triggered our AI moderator, please re-enter your prompt")
    if not request.is_off_peak and state.count_running(account.email) >= account.plan_jobs:
        raise _busy_error(state, PLAN_BUSY)
    cost = OPERATIONS[request.operation].price(request, state.settings.prices)
    if account.balance < cost:
        raise ApiError(412, "All Credits have been used up. Please upgrade your membership or purchase credits.")
    job = _create_job(state, request, account, cost, now=now, stamp=stamp)
    state.put_job(job)
    return job


def price_of(state: ServerState, request: CreateRequest) -> int:
    """Return what `accept_request` would charge. Raises ApiError(400) for a wrong input file."""
    request = state.resolve_inputs(request)
    _check_height(request)
    return OPERATIONS[request.operation].price(request, state.settings.prices)


def _choose_account(state: ServerState, request: CreateRequest) -> Account:
    """Return the named account, the only one, or a random one with a free slot."""
    if request.email is not None or len(state.accounts) < 2:
        candidates = [state.ready_account(request.email)]
    else:
        candidates = [account for account in state.accounts.values() if not account.pending]
        if not candidates:
            raise pending_error("of every account")
    if request.is_off_peak:  # it occupies no slot
        return state.rng.choice(candidates)
    free = [one for one in candidates if state.count_tracked(one.email) < (request.max_jobs or one.max_jobs)]
    if not free and request.email is not None:
        raise _busy_error(state, account_busy(request.email, request.max_jobs or candidates[0].max_jobs))
    if not free:
        raise _busy_error(state, ALL_BUSY)
    return state.rng.choice(free)


def _busy_error(state: ServerState, message: str) -> ApiError:
    return ApiError(429, message, retry_after_s=state.settings.retry_after_s)


def _create_job(
    state: ServerState, request: CreateRequest, account: Account, cost: int, *, now: float, stamp: float
) -> GenerationJob:
    number = state.next_number()
    seed = request.params.get("seed") or state.rng.randint(1, SEED_MAX)
    queue_s, generation_s = draw_durations(request, seed, state.settings)
    outcomes = ((PROMPT_MODERATED, MODERATED), (PROMPT_FAILED, FAILED))
    return GenerationJob(
        number=number,
        video_id=f"user:{state.user}-pixverse:{account.email}-video:{number}",
        email=account.email,
        account_number=account.number,
        request=request,
        seed=seed,
        cost=cost,
        charged=account.spend(cost),
        file_id=str(uuid.uuid4()),
        created_at=now,
        created_stamp=stamp,
        listed_at=now,
        starts_at=now + queue_s,
        due_at=now + queue_s + generation_s,
        outcome=next((outcome for marker, outcome in outcomes if marker in request.prompt), COMPLETED),
        stuck=PROMPT_STUCK in request.prompt,
        tracked=not request.is_off_peak,
    )


@dataclass(frozen=True)
class StartRendering:
    """The video of `job` has to be rendered now."""

    job: GenerationJob


@dataclass(frozen=True)
class SendReport:
    """A webhook about `job` has to be sent now."""

    job: GenerationJob


def apply_due_changes(state: ServerState, now: float) -> list[StartRendering | SendReport]:
    """Change the state of every job to what it is at the virtual time `now`; return what has to be done outside.

    A job becomes COMPLETED when it is due and its video has been rendered.
    """
    actions: list[StartRendering | SendReport] = []
    for job in list(state.open_jobs.values()):
        before = (job.status, job.reports_sent)
        if job.status == QUEUED and now >= job.starts_at and _can_start(state, job):
            _start_generating(state, job, now)
        if job.status == GENERATING:
            if job.outcome == COMPLETED and not job.render_started and not job.is_rendered:
                job.render_started = True
                actions.append(StartRendering(job))
            if now >= job.due_at and not job.stuck and (job.is_rendered or job.outcome != COMPLETED):
                finish_job(state, job, job.outcome)
        job.reports_sent = max(job.reports_sent, _count_due_reports(job, now))
        if before != (job.status, job.reports_sent):
            state.version += 1
            if job.tracked and job.request.reply_url:
                actions.append(SendReport(job))
    return actions


def finish_job(state: ServerState, job: GenerationJob, status: str) -> None:
    """Give an open `job` its final `status`, with a refund if it was moderated. Does nothing if it is not open."""
    if state.open_jobs.pop(job.number, None) is None:
        return
    job.status = status
    account = state.accounts.get(job.email)
    if account is not None and (status == MODERATED or (status == FAILED and state.settings.refund_failed)):
        account.refund(job.charged)
    state.version += 1


def moderate_finished_job(state: ServerState, job: GenerationJob) -> None:
    """Make a completed `job` MODERATED, with a refund; its video is no longer served."""
    job.status = MODERATED
    account = state.accounts.get(job.email)
    if account is not None:
        account.refund(job.charged)
    state.version += 1


def next_change_at(state: ServerState, now: float) -> float | None:
    """Return the virtual time of the next change after `now`, or None if no job is open."""
    times = (time for job in state.open_jobs.values() for time in (job.starts_at, job.due_at, *_report_times(job)))
    return min((time for time in times if time > now), default=None)


def _start_generating(state: ServerState, job: GenerationJob, now: float) -> None:
    job.status = GENERATING
    if state.settings.parallel is not None:  # the job may have waited for others
        job.starts_at, job.due_at = now, now + job.due_at - job.starts_at


def _can_start(state: ServerState, job: GenerationJob) -> bool:
    limit = state.settings.parallel
    running = sum(one.status == GENERATING and one.email == job.email for one in state.open_jobs.values())
    return limit is None or running < limit


def _report_times(job: GenerationJob) -> tuple[float, ...]:
    return tuple(job.starts_at + part * (job.due_at - job.starts_at) for part in _REPORTS_AT)


def _count_due_reports(job: GenerationJob, now: float) -> int:
    """Return how many progress webhooks are due by `now`: one while queued, then one at a third and at two thirds."""
    return 1 if job.status == QUEUED else 1 + sum(now >= time for time in _report_times(job))


@dataclass(frozen=True)
class RenderTask:
    """What a video is made from. `inputs` holds the contents of the input files by role, in the operation's order."""

    request: CreateRequest
    inputs: dict[str, bytes]
    width: int
    height: int
    seed: int


Renderer = Callable[[RenderTask, Path], None]
"""Writes an mp4 for a task to a path. It is called on a worker thread."""


def _quality_of(request: CreateRequest) -> str:
    """Return the quality of a video: as requested, else that of its source."""
    is_copy = request.source is not None and "quality" not in request.params
    height = request.source.height if is_copy and request.source is not None else None
    return f"{height}p" if height is not None else request.quality


def render_task(task: RenderTask, out_path: Path) -> None:
    """Render the video of `task`.

    Pictures give a morph from each one to the next, and a prompt alone moving type over a gradient. A source video is
    copied with another size or look; `extend` goes on from its last frame.
    """
    from pixverse_nb.sandbox.render import render_video  # loads the encoder, which a server may never need
    from pixverse_nb.sandbox.transform import LOOKS, read_last_frame, transform_video

    request, inputs = task.request, task.inputs
    if request.operation in LOOKS:
        transform_video(inputs[SOURCE], out_path, width=task.width, height=task.height, look=LOOKS[request.operation])
        return
    pictures = [content for role, content in inputs.items() if role.startswith(("first", "last", "frame"))]
    if request.operation == "extend":
        pictures = [read_last_frame(inputs[SOURCE])]
    render_video(
        pictures,
        out_path,
        width=task.width,
        height=task.height,
        duration_s=request.duration_s,
        seed=task.seed,
        motion_mode=request.motion_mode,
        title="" if pictures else request.prompt,
    )


class Simulator:
    """Runs a `ServerState` on an event loop. `lock` guards the state and the faults; hold it only briefly."""

    def __init__(self, state: ServerState, clock: Clock, *, folder: Path | None, render: Renderer | None) -> None:
        self.state = state
        self.clock = clock
        self.faults = FaultInjector()
        self.lock = threading.RLock()
        self.origin = ""
        self.log: list[LogEntry] = []
        self.folder = folder or Path()
        self.is_closed = False
        self._render = render or render_task
        self._store = StateStore(folder) if folder is not None else None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._saved_version = -1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._renderings: dict[int, asyncio.Task[None]] = {}
        self._webhooks: set[asyncio.Task[None]] = set()
        self._render_pool = ThreadPoolExecutor(2, thread_name_prefix="sandbox-render")
        self._webhook_pool = ThreadPoolExecutor(1, thread_name_prefix="sandbox-webhook")

    # from any thread

    def open(self, origin: str) -> None:
        """Create the folders and load the stored state. `origin` is the server's URL without a path."""
        self.origin = origin
        if self._store is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="pixverse-sandbox-")
            self.folder = Path(self._temporary.name)
        else:
            saved_at = self._store.load(self.state)
            self.clock.advance(max(0.0, (saved_at or 0.0) - self.clock.now()))
        for name in ("upload", "videos"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def wake(self) -> None:
        """Make `run` look at the clock and the state again."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.notify_changed)

    def run_until_idle(self, *, timeout_s: float = 120.0) -> None:
        """Return when everything due is done, with videos rendered and webhooks sent. Not for the loop's thread."""
        if self._loop is None or self.is_closed:
            return
        self.wake()
        asyncio.run_coroutine_threadsafe(self._run_until_idle(), self._loop).result(timeout_s)

    # on the event loop

    async def run(self) -> None:
        """Apply changes as they become due, until `close`."""
        self._loop = asyncio.get_running_loop()
        while not self.is_closed:
            self.step()
            with self.lock:
                next_at = next_change_at(self.state, self.clock.now())
            await self._sleep(next_at)

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of virtual time, or when the simulator closes."""
        until = self.clock.now() + seconds
        while self.clock.now() < until and not self.is_closed:
            await self._sleep(until)

    def step(self) -> None:
        """Apply the changes that are due now and save the state."""
        with self.lock:
            for action in apply_due_changes(self.state, self.clock.now()):
                if isinstance(action, StartRendering):
                    self._start_rendering(action.job)
                else:
                    self._start_webhook(action.job)
            self._save()

    def load_changes(self) -> None:
        """Load what other sandboxes on the same folder have saved, and catch up if their clocks are ahead."""
        if self._store is not None:
            with self.lock:
                self._store.load_changes(self.state)
                newest = max((job.created_at for job in self.state.jobs.values()), default=0.0)
                self.clock.advance(max(0.0, newest - self.clock.now()))

    async def close(self) -> None:
        """Stop: delayed answers are sent at once, videos being rendered are finished, everything else is dropped."""
        self.is_closed = True
        self.notify_changed()
        with self.lock:
            self._save()
        tasks = [*self._renderings.values(), *self._webhooks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # here and not on another thread: at the end of the interpreter none can be started
        self._render_pool.shutdown(cancel_futures=True)
        self._webhook_pool.shutdown(cancel_futures=True)
        if self._temporary is not None:
            self._temporary.cleanup()

    def find_file(self, path: str) -> Path | None:
        """Return the file that the media host serves at `path`, or None."""
        if path in self.state.uploads:
            return self.folder / path
        for job in self.state.jobs.values():
            if job.video_path == path and job.status == COMPLETED:
                return self._video_file(job)
        return None

    def notify_changed(self) -> None:
        """Make `run` look at the clock and the state again."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _save(self) -> None:
        if self._store is not None and self._saved_version != self.state.version:
            self._store.save(self.state, now=self.clock.now())
            self._saved_version = self.state.version

    async def _sleep(self, until: float | None) -> None:
        changed = self._changed
        try:
            await asyncio.wait_for(changed.wait(), None if until is None else self.clock.real_wait_s(until))
        except TimeoutError:
            return

    async def _run_until_idle(self) -> None:
        while True:
            self.step()
            now = self.clock.now()
            due = [task for number, task in self._renderings.items() if self.state.jobs[number].due_at <= now]
            pending = [*due, *self._webhooks]
            if not pending:
                return
            await asyncio.wait(pending)

    def _start_rendering(self, job: GenerationJob) -> None:
        if self._loop is not None and job.number not in self._renderings:
            self._renderings[job.number] = self._loop.create_task(self._render_job(job))

    async def _render_job(self, job: GenerationJob) -> None:
        try:
            job.size = await asyncio.wrap_future(self._render_pool.submit(self._render_file, job))
            with self.lock:
                job.is_rendered = True
                self.state.version += 1
        except Exception as error:  # noqa: BLE001 - the end of a worker: any error of a renderer fails only its job
            if self._is_interpreter_ending():
                return
            with self.lock:
                self.log.append(LogEntry("render_failed", f"job {job.number}: {type(error).__name__}: {error}"))
                finish_job(self.state, job, FAILED)
        finally:
            self._renderings.pop(job.number, None)
        self.step()

    def _is_interpreter_ending(self) -> bool:
        """Return whether threads can no longer be started. The job then stays open for the next start."""
        try:
            self._render_pool.submit(int)
        except RuntimeError:
            return True
        return False

    def _render_file(self, job: GenerationJob) -> tuple[int, int]:
        """Render the video of `job` on a worker thread and return its size. The file appears only when complete."""
        from pixverse_nb.sandbox.render import aspect_ratio_of, video_size
        from pixverse_nb.sandbox.transform import read_last_frame

        request = job.request
        inputs = {role: (self.folder / path).read_bytes() for role, path in request.input_paths.items()}
        ratio = request.params.get("aspect_ratio", "16:9")
        if inputs and request.operation not in RATIO_OPERATIONS:
            is_video = next(iter(inputs)) == SOURCE
            first = next(iter(inputs.values()))  # it sets the ratio
            ratio = aspect_ratio_of(read_last_frame(first) if is_video else first)
        width, height = video_size(_quality_of(request), ratio)
        target = self._video_file(job)
        part = target.with_suffix(f".{secrets.token_hex(4)}.part.mp4")  # another sandbox may render the same job
        self._render(RenderTask(request, inputs, width=width, height=height, seed=job.seed), part)
        part.replace(target)
        return width, height

    def _video_file(self, job: GenerationJob) -> Path:
        return self.folder / job.stored_path

    def _start_webhook(self, job: GenerationJob) -> None:
        url = job.request.reply_url
        if self._loop is None or url is None:
            return
        row = video_row(job, self.state.settings, origin=self.origin, now=self.clock.now(), in_webhook=True)
        body = json.dumps({"response": row} if self.state.settings.callback_wrapped else row).encode()
        task = self._loop.create_task(self._send_webhook(url, body))
        self._webhooks.add(task)
        task.add_done_callback(self._webhooks.discard)

    async def _send_webhook(self, url: str, body: bytes) -> None:
        try:
            sending = self._webhook_pool.submit(send_webhook, url, body)
        except RuntimeError:  # the interpreter is ending
            return
        problem = await asyncio.wrap_future(sending)
        if problem is not None:
            with self.lock:
                self.log.append(problem)
