"""A free question that names no account, answered for all of them where the vendor wants one named."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol, TypeVar

from pixverse_nb.backends import useapi
from pixverse_nb.backends.base import Call
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.remote import Credits, RemoteVideo, RunningJob
from pixverse_nb.domain.requests import PROMPT_MAX, FramesRequest, build_request
from pixverse_nb.errors import AccountPending, APIError, InvalidRequest, PixVerseError
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.redaction import redact

T = TypeVar("T")

_WANTS_A_NAME: Final = 400  # where several accounts are configured


class Ask(Protocol):
    """Whoever brings a free question to the vendor."""

    def __call__(self, call: Call[T], /) -> T:
        """Return the answer, or raise what the client raises."""


class AllAccounts:
    """The account `email`, or every account of the token where it is None, as one."""

    def __init__(self, ask: Ask, *, email: str | None) -> None:
        self._ask = ask
        self._email = email  # kept here: a verbose traceback prints what a function was given

    def credits(self) -> Credits:
        """Return the balance; of several accounts their sum."""
        return _sum_of(self._answers(lambda email: useapi.get_credits(email=email)))

    def videos(self, *, limit: int, offset: int) -> list[RemoteVideo]:
        """Return `limit` generations from `offset` on, the newest of all accounts first."""
        asked = self._pages(limit, offset)
        if len(asked) < 2:
            return [row for page in asked for row in page]
        earlier = [page for at in range(0, offset, max(limit, 1)) for page in self._pages(limit, at)]
        rows = {row.video_id or id(row): row for page in (*earlier, *asked) for row in page}
        newest_first = sorted(rows.values(), key=lambda row: row.created_at or 0.0, reverse=True)
        return newest_first[offset : offset + limit]

    # -- inside --------------------------------------------------------------------------------------------------

    def _pages(self, limit: int, offset: int) -> list[tuple[RemoteVideo, ...]]:
        return self._answers(lambda email: useapi.list_videos(email=email, limit=limit, offset=offset))

    def _answers(self, question: Callable[[str | None], Call[T]]) -> list[T]:
        """Return each account's answer; one that waits for its owner (596) is left out, unless they all do."""
        try:
            return [self._ask(question(self._email))]
        except APIError as error:
            if self._email is not None or error.status != _WANTS_A_NAME:
                raise
        answers: list[T] = []
        pending: AccountPending | None = None
        for call in [question(email) for email in self._ask(useapi.list_accounts())]:
            try:
                answers.append(self._ask(call))
            except AccountPending as error:
                pending = error
        if pending is not None and not answers:
            raise pending
        return answers


def _sum_of(balances: Sequence[Credits]) -> Credits:
    """Return one balance for several; what they do not agree on is not told."""
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


OURS: Final = "pv-"  # how every reference of this package begins
_PAGE: Final = 40
_PAGES: Final = 5


def list_recent(ask: Ask, email: str | None) -> list[RemoteVideo]:
    """Return the newest generations of an account, at most two hundred.

    Raises what the client raises where none can be read; what was read before a failure is returned.
    """
    rows: dict[str, RemoteVideo] = {}
    for page in range(_PAGES):
        try:
            found = ask(useapi.list_videos(email=email, limit=_PAGE, offset=page * _PAGE))
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
    """Return the ref of the job that sent this generation, or None where it bears no reference of ours."""
    ref = (entry.reply_ref or "").partition(" ")[0].rpartition(":")[0]
    return ref if ref.startswith(OURS) else None


def name_of(entry: RunningJob | RemoteVideo) -> str:
    """Return a name for `client.adopt` that holds no e-mail: our ref, else the number at the end of the video id."""
    return ref_of(entry) or (entry.video_id or "").rpartition(":")[2]


def find_row(rows: Iterable[RemoteVideo], name: str) -> RemoteVideo | None:
    """Return the generation with this ref, video id or number, or None."""
    return next((row for row in rows if name and name in (ref_of(row), row.video_id, name_of(row), _number(row))), None)


def find_or_adopt(name: str, engine: Engine, *, ask: Ask, email: str | None) -> tuple[JobRecord, bool]:
    """Return the job of a ref, video id or number and False, or the one just made from the vendor's row and True.

    `email` is the account to look at, None for all of the token. Raises InvalidRequest where none shows it, and what
    the client raises where it may stand in a list that cannot be read.
    """
    ledger = engine.ledger
    known = ledger.load(name) or ledger.load_by_video(name)
    if known is not None:
        return known, False
    accounts = {email: None} if email is not None else ask(useapi.list_accounts())
    rows, unread = _rows_of(accounts, ask)
    row = find_row(_with_refs(ask, rows), name)
    if row is None and unread is not None:
        raise unread
    if row is None:
        raise InvalidRequest({"ref": f"the newest rows of the vendor's list do not show {redact(name)!r}"})
    known = ledger.load_by_video(row.video_id or "")
    if known is not None:
        return known, False
    if ledger.load(ref_of(row) or "") is not None:
        row = replace(row, reply_ref=None)  # a second generation of one job is a job of its own
    draft = adopted(
        row, service=ledger.service, owner=engine.owner, now=engine.now(), deadline_s=engine.timing.deadline_s
    )
    return ledger.find_or_add(draft, reuse=False)


def take_in(engine: Engine, record: JobRecord) -> None:
    """Have an adopted job driven, and the vendor's list looked at for it soon; on the engine's loop."""
    engine.adopt(record, is_asked=True)
    engine.poll_soon()


def adopted(row: RemoteVideo, *, service: str, owner: str, now: float, deadline_s: float) -> JobRecord:
    """Return the job of a generation that exists already: it is paid, and waits for its video.

    What the row does not tell is filled with the usual values, and a notice says so. The pictures are known by their
    names at the vendor only, so a later `create_frames` with the same files does not find this job.
    """
    request, is_guessed = _request(row)
    rest = "; the vendor does not tell all of its parameters." if is_guessed else "."
    return JobRecord(
        ref=ref_of(row) or f"{OURS}{request.cell[:12]}-{secrets.token_hex(4)}",
        service=service,
        request=request,
        created_at=row.created_at or now,
        deadline_at=now + deadline_s,
        state=JobState.GENERATING,
        owner=owner,
        account=useapi.account_of(row.video_id or ""),
        attempt=1,
        first_path=row.first_path,
        last_path=row.last_path,
        video_id=row.video_id,
        submitted_at=row.created_at,
        charged="yes",
        cost_credits=row.cost_credits,
        notices=(f"Taken from the vendor's list{rest}",),
        source_exprs=(f"pv.UploadedFile({row.first_path!r})", f"pv.UploadedFile({row.last_path!r})"),
    )


def _rows_of(accounts: Iterable[str | None], ask: Ask) -> tuple[list[RemoteVideo], PixVerseError | None]:
    """Return the newest rows of all accounts that can be read, and why another one cannot."""
    rows: list[RemoteVideo] = []
    unread: PixVerseError | None = None
    for account in accounts:
        try:
            rows += list_recent(ask, account)
        except PixVerseError as error:
            unread = error
    return rows, unread


def _with_refs(ask: Ask, rows: Iterable[RemoteVideo]) -> Iterator[RemoteVideo]:
    """Yield the rows with the references that the scheduler tells of what runs; rows need not echo them."""
    try:
        running = {entry.video_id: entry.reply_ref for entry in ask(useapi.list_running())}
    except APIError:
        running = {}
    for row in rows:
        yield replace(row, reply_ref=row.reply_ref or running.get(row.video_id))


def _number(row: RemoteVideo) -> str:
    return (row.video_id or "").rpartition(":")[2]


def _request(row: RemoteVideo) -> tuple[FramesRequest, bool]:
    """Return what was asked for, as far as the row tells, and whether anything had to be guessed."""
    told: dict[str, Any] = {
        "seed": row.seed,
        "quality": row.quality,
        "duration": row.duration,
        "motion_mode": row.motion_mode,
        "model": row.model,
        "aspect_ratio": row.aspect_ratio,
        "prompt": (row.prompt or "")[:PROMPT_MAX],
    }
    values = {name: value for name, value in told.items() if value is not None}
    values |= {"first": f"path:{row.first_path}", "last": f"path:{row.last_path}"}
    is_guessed = len(values) < len(told) + 2
    while True:
        try:
            return build_request({"seed": 1, **values}, allow_refused=True), is_guessed
        except InvalidRequest as error:  # a value of another time or route
            is_guessed = True
            values = {name: value for name, value in values.items() if name not in error.fields}
