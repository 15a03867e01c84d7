"""What the vendor lists, over all accounts: generations and the balance."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from pixverse_nb.backends.base import Backend, Call
from pixverse_nb.domain.remote import Credits, RemoteVideo, RunningJob
from pixverse_nb.errors import AccountPending, APIError, ConfigError, PixVerseError
from pixverse_nb.jobs.protocols import Send

T = TypeVar("T")

_ACCOUNT_REQUIRED: Final = 400  # the answer if several accounts are configured and none is named


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

    # -- internal ------------------------------------------------------------------------------------------------

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
    """Return one balance for several accounts; fields that differ between them are None.

    Of the factors on prices it has the largest one, since nobody knows which account a job will get.
    """
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
        off_peak_factor=_largest([balance.off_peak_factor for balance in balances]),
        preview_factor=_largest([balance.preview_factor for balance in balances]),
    )


def _largest(factors: Sequence[float | None]) -> float | None:
    known = [factor for factor in factors if factor is not None]
    return max(known) if known and len(known) == len(factors) else None


REF_PREFIX: Final = "pv-"  # of every reference that this package makes
PAGE_ROWS: Final = 40  # of one request
_PAGES: Final = 5


def list_recent(send: Send, backend: Backend, email: str | None) -> list[RemoteVideo]:
    """Return the newest generations of an account, at most 200.

    Raises what the transport raises if the first page fails; after a later failure it returns what it has.
    """
    rows: dict[str, RemoteVideo] = {}
    for page in range(_PAGES):
        call = backend.list_videos(account=email, limit=PAGE_ROWS, offset=page * PAGE_ROWS)
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


def read_rows(
    send: Send, backend: Backend, accounts: Iterable[str | None]
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


def ref_of(entry: RunningJob | RemoteVideo) -> str | None:
    """Return the ref of the job that submitted this generation, or None if it has no reference of ours."""
    ref = (entry.reply_ref or "").partition(" ")[0].rpartition(":")[0]
    return ref if ref.startswith(REF_PREFIX) else None


def name_of(entry: RunningJob | RemoteVideo) -> str:
    """Return a name for `client.adopt` without an e-mail: our ref, else the number at the end of the video id."""
    return ref_of(entry) or (entry.video_id or "").rpartition(":")[2]


def find_row(rows: Iterable[RemoteVideo], name: str) -> RemoteVideo | None:
    """Return the generation with this ref, video id or number, or None."""
    return next((row for row in rows if name and name in (ref_of(row), row.video_id, name_of(row), row.number)), None)
