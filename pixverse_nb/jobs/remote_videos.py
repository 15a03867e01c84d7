"""What the vendor lists: generations and balance over all accounts, and tracking a generation made elsewhere."""

import contextlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol, TypeVar

from pixverse_nb.backends.base import Backend, Call
from pixverse_nb.domain.catalogue import PROMPT_MAX
from pixverse_nb.domain.jobs import JobInput, JobRecord, JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.remote import Credits, RemoteVideo, RunningJob
from pixverse_nb.domain.requests import GenerationRequest, Input, frames_request
from pixverse_nb.errors import AccountPending, APIError, ConfigError, InvalidRequest, PixVerseError
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.redaction import redact

T = TypeVar("T")

_ACCOUNT_REQUIRED: Final = 400  # the answer if several accounts are configured and none is named


class Send(Protocol):
    """A callable that sends a free call."""

    def __call__(self, call: Call[T], /) -> T:
        """Return the value of the call, or raise what the transport raises."""


class AllAccounts:
    """The account `email` (None: every account of the token) as one."""

    def __init__(self, send: Send, backend: Backend, *, email: str | None) -> None:
        self._send = send
        self._backend = backend
        self._email = email  # an attribute, since a verbose traceback prints arguments

    def credits(self) -> Credits:
        """Return the balance, summed over the accounts; ConfigError if the vendor does not report it."""
        return _sum_of(self._answers(lambda email: self._backend.get_credits(account=email)))

    def videos(self, *, limit: int, offset: int) -> list[RemoteVideo]:
        """Return `limit` generations from `offset` on, newest first over all accounts."""
        requested = self._pages(limit, offset)
        if len(requested) < 2:
            return [row for page in requested for row in page]
        earlier = [page for at in range(0, offset, max(limit, 1)) for page in self._pages(limit, at)]
        rows = {row.video_id or id(row): row for page in (*earlier, *requested) for row in page}
        newest_first = sorted(rows.values(), key=lambda row: row.created_at or 0.0, reverse=True)
        return newest_first[offset : offset + limit]

    # -- inside --------------------------------------------------------------------------------------------------

    def _pages(self, limit: int, offset: int) -> list[tuple[RemoteVideo, ...]]:
        return self._answers(lambda email: self._backend.list_videos(account=email, limit=limit, offset=offset))

    def _answers(self, call_for: Callable[[str | None], Call[T] | None]) -> list[T]:
        """Return each account's answer, without the pending ones (596) unless all are pending."""
        call = call_for(self._email)
        if call is None:
            raise ConfigError(f"The service {self._backend.name} does not report this.")
        try:
            return [self._send(call)]
        except APIError as error:
            accounts = self._backend.list_accounts()
            if self._email is not None or error.status != _ACCOUNT_REQUIRED or accounts is None:
                raise
        answers: list[T] = []
        pending: AccountPending | None = None
        emails = self._send(accounts)
        for account_call in filter(None, map(call_for, emails)):
            try:
                answers.append(self._send(account_call))
            except AccountPending as error:
                pending = error
        if pending is not None and not answers:
            raise pending
        return answers


def _sum_of(balances: Sequence[Credits]) -> Credits:
    """Return one balance for several accounts; fields that differ between them are None."""
    if len(balances) == 1:
        return balances[0]
    plans = {balance.plan for balance in balances}
    watermarks = {balance.can_remove_watermark for balance in balances}
    return Credits(
        daily=sum(balance.daily for balance in balances),
        monthly=sum(balance.monthly for balance in balances),
        package=sum(balance.package for balance in balances),
        plan=plans.pop() if len(plans) == 1 else None,
        can_remove_watermark=watermarks.pop() if len(watermarks) == 1 else None,
    )


REF_PREFIX: Final = "pv-"  # of every reference that this package makes
_PAGE: Final = 40
_PAGES: Final = 5


def list_recent(send: Send, backend: Backend, email: str | None) -> list[RemoteVideo]:
    """Return the newest generations of an account, at most 200.

    Raises what the transport raises if the first page fails; after a later failure it returns what it has.
    """
    rows: dict[str, RemoteVideo] = {}
    for page in range(_PAGES):
        call = backend.list_videos(account=email, limit=_PAGE, offset=page * _PAGE)
        if call is None:
            break
        try:
            found = send(call)
        except PixVerseError:
            if not rows:
                raise
            break
        fresh = {row.video_id: row for row in found if row.video_id is not None and row.video_id not in rows}
        rows.update(fresh)
        if not fresh:
            break
    return list(rows.values())


def ref_of(entry: RunningJob | RemoteVideo) -> str | None:
    """Return the ref of the job that submitted this generation, or None if it has no reference of ours."""
    ref = (entry.reply_ref or "").partition(" ")[0].rpartition(":")[0]
    return ref if ref.startswith(REF_PREFIX) else None


def name_of(entry: RunningJob | RemoteVideo) -> str:
    """Return a name for `client.adopt` without an e-mail: our ref, else the number at the end of the video id."""
    return ref_of(entry) or (entry.video_id or "").rpartition(":")[2]


def find_row(rows: Iterable[RemoteVideo], name: str) -> RemoteVideo | None:
    """Return the generation with this ref, video id or number, or None."""
    return next((row for row in rows if name and name in (ref_of(row), row.video_id, name_of(row), _number(row))), None)


def find_or_adopt(name: str, engine: Engine, *, send: Send, email: str | None) -> tuple[JobRecord, bool]:
    """Return the job of a ref, video id or number and whether it was created now from the vendor's list.

    `email` is the account to look at (None: all). Raises InvalidRequest if no list shows it, and what the transport
    raises if a list that may show it cannot be read.
    """
    ledger, backend = engine.ledger, engine.backend
    known = ledger.load(name) or ledger.load_by_video(name)
    if known is not None:
        return known, False
    listing = backend.list_accounts() if email is None else None
    accounts: Iterable[str | None] = [email]
    if listing is not None:
        configured = send(listing)
        accounts = list(configured)
    rows, unread = _rows_of(accounts, send, backend)
    row = find_row(_with_refs(send, backend, rows), name)
    if row is None and unread is not None:
        raise unread
    if row is None:
        raise InvalidRequest({"ref": f"not found among the newest generations of the vendor's list: {redact(name)!r}"})
    known = ledger.load_by_video(row.video_id or "")
    if known is not None:
        return known, False
    if ledger.load(ref_of(row) or "") is not None:
        row = replace(row, reply_ref=None)  # a second generation of one job becomes a job of its own
    draft = adopted(
        row,
        backend=backend,
        service=ledger.service,
        owner=engine.owner,
        now=engine.now(),
        deadline_s=engine.timing.deadline_s,
    )
    return ledger.find_or_add(draft, reuse=False)


def track(engine: Engine, record: JobRecord) -> None:
    """Start an adopted job and poll for it soon; on the engine's loop."""
    engine.follow(record, is_requested=True)
    engine.poll_soon()


def adopted(
    row: RemoteVideo, *, backend: Backend, service: str, owner: str, now: float, deadline_s: float
) -> JobRecord:
    """Return the job of a generation that exists already: it is paid and waits for its video.

    Fields that the row lacks get their defaults, and a notice says so. The inputs are known only by their upload names,
    so a later `create_frames` with the same files does not find this job.
    """
    request, is_guessed = _request(row)
    return JobRecord(
        ref=ref_of(row) or f"{REF_PREFIX}{request.content_key[:12]}-{secrets.token_hex(4)}",
        service=service,
        request=request,
        created_at=row.created_at or now,
        deadline_at=now + deadline_s,
        state=JobState.GENERATING,
        owner=owner,
        account=backend.account_of(row.video_id or ""),
        attempt=1,
        inputs=tuple(
            JobInput(item.role, remote=path, source_expr=f"pv.UploadedFile({path!r})")
            for item in request.inputs
            for path in (row.input_paths.get(item.role),)
        ),
        video_id=row.video_id,
        submitted_at=row.created_at,
        charged="yes",
        cost_credits=row.cost_credits,
        notices=(Notice("adopted", {"is_partial": is_guessed}),),
    )


def _rows_of(
    accounts: Iterable[str | None], send: Send, backend: Backend
) -> tuple[list[RemoteVideo], PixVerseError | None]:
    """Return the newest rows of all accounts that can be read, and the error of one that cannot."""
    rows: list[RemoteVideo] = []
    unread: PixVerseError | None = None
    for account in accounts:
        try:
            rows += list_recent(send, backend, account)
        except PixVerseError as error:
            unread = error
    return rows, unread


def _with_refs(send: Send, backend: Backend, rows: Iterable[RemoteVideo]) -> Iterator[RemoteVideo]:
    """Yield the rows with the references of the running jobs; the list need not echo them."""
    running: dict[str | None, str | None] = {}
    call = backend.list_running()
    if call is not None:
        with contextlib.suppress(APIError):
            running = {entry.video_id: entry.reply_ref for entry in send(call)}
    for row in rows:
        yield replace(row, reply_ref=row.reply_ref or running.get(row.video_id))


def _number(row: RemoteVideo) -> str:
    return (row.video_id or "").rpartition(":")[2]


def _request(row: RemoteVideo) -> tuple[GenerationRequest, bool]:
    """Return the request as far as the row reports it, and whether anything had to be guessed."""
    reported: dict[str, Any] = {
        "seed": row.seed,
        "quality": row.quality,
        "duration": row.duration,
        "motion_mode": row.motion_mode,
        "model": row.model,
        "aspect_ratio": row.aspect_ratio,
        "prompt": (row.prompt or "")[:PROMPT_MAX],
    }
    values = {name: value for name, value in reported.items() if value is not None}
    inputs = [Input(role, f"path:{row.input_paths.get(role)}") for role in ("first", "last")]
    is_guessed = len(values) < len(reported)
    while True:
        try:
            return frames_request(inputs, values, defaults={"seed": 1}, allow_refused=True), is_guessed
        except InvalidRequest as error:  # a value of another time or route
            is_guessed = True
            values = {name: value for name, value in values.items() if name not in error.fields}
