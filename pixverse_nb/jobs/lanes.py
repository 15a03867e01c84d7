"""How many jobs each account may run at once: what it is told to take, what a 429 taught, and when to try one more.

Pure but for its own memory: counts and moments in, a word out. A 429 lowers the limit to what runs; a job of ours that
ends makes room at once, without another try at the door; after the pause one more is tried, and while that is
accepted the limit rises again. So a full account sees one refused call in a pause, not one for each waiting job.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MOST_AT_ONCE: Final = 8  # what one account runs at most, by the vendor's page of maxJobs

Account = str | None  # None: the token reaches one account, or the vendor chooses


@dataclass
class Lane:
    """One account: it takes `limit` jobs at once as far as is known, never more than `told`."""

    told: int = MOST_AT_ONCE
    limit: int = MOST_AT_ONCE
    cools_until: float = 0.0


@dataclass
class Lanes:
    """The lanes of all accounts; one that was never heard of takes what the vendor allows at most."""

    _lanes: dict[Account, Lane] = field(default_factory=dict, repr=False)  # its keys are e-mails

    def told(self, account: Account, max_jobs: int) -> None:
        """The account is configured for `max_jobs` at once."""
        lane = self._lane(account)
        most = min(MOST_AT_ONCE, max(1, max_jobs))
        if most != lane.told:
            lane.told = lane.limit = most

    def free(self, account: Account, *, taken: int, available: int, tries_again_at: float) -> None:
        """The account says that `available` more may run beside the `taken` ones of ours: others may use it too."""
        lane = self._lane(account)
        if taken + available < lane.limit:
            lane.limit, lane.cools_until = taken + available, max(lane.cools_until, tries_again_at)

    def was_full(self, account: Account, *, taken: int, tries_again_at: float) -> None:
        """A call was refused because every slot is in use, while `taken` others of ours ran."""
        lane = self._lane(account)
        lane.limit = min(lane.limit, taken)
        lane.cools_until = max(lane.cools_until, tries_again_at)

    def was_accepted(self, account: Account, *, taken: int) -> None:
        """A call was accepted, so that `taken` of ours run now."""
        lane = self._lane(account)
        lane.limit = min(lane.told, max(lane.limit, taken))

    def forgive(self) -> None:
        """Let one more than the limit be tried everywhere at once: a person asks again."""
        for lane in self._lanes.values():
            lane.cools_until = 0.0

    def may_send(self, account: Account, *, taken: int, now: float, most: int | None = None) -> bool:
        """Tell whether one more call may leave while `taken` of ours run; `most` is the request's own limit."""
        lane = self._lane(account)
        one_more = int(now >= lane.cools_until)
        return taken < min(lane.told, lane.limit + one_more, most or MOST_AT_ONCE)

    def tries_again_at(self, account: Account) -> float:
        """Return the moment from which one more than the limit may be tried."""
        return self._lane(account).cools_until

    def room(self, account: Account) -> int:
        """Return how many jobs the account takes at once, as far as is known; at least one, so that work goes on."""
        return max(1, self._lane(account).limit)

    def roomiest(self, taken: Mapping[Account, int]) -> Account:
        """Return the account of `taken` (the jobs of ours on each) that has most room left, the first of equals."""
        return max(taken, key=lambda account: self._lane(account).limit - taken[account])

    def _lane(self, account: Account) -> Lane:
        return self._lanes.setdefault(account, Lane())
