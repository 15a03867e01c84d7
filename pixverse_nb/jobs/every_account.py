"""A free question that names no account, answered for all of them where the vendor wants one named."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from pixverse_nb.errors import AccountPending, APIError
from pixverse_nb.jobs.adoption import Ask
from pixverse_nb.models import Credits
from pixverse_nb.remote import RemoteVideo
from pixverse_nb.wire import useapi
from pixverse_nb.wire.call import Call

T = TypeVar("T")

_WANTS_A_NAME: Final = 400  # where several accounts are configured


class EveryAccount:
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
