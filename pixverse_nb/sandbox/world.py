"""The sandbox's state: accounts, uploads and generations; no I/O. What may happen to it: `intake` and `life`."""

import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pixverse_nb.sandbox.accounts import Account
from pixverse_nb.sandbox.orders import Refused
from pixverse_nb.sandbox.switches import Switches
from pixverse_nb.sandbox.work import QUEUED, Work


@dataclass(frozen=True)
class Upload:
    """A stored file: `path` is its name on the media host, `id` its img_id."""

    id: int
    path: str
    media_type: str
    size_bytes: int
    email: str


@dataclass(frozen=True)
class Generation:
    """An accepted create call, for audits: it stays when the video, its account or its row is gone."""

    video_id: str
    route: str
    email: str
    reply_ref: str | None
    cost: int
    seed: int
    prompt: str
    created_at: float


class World:
    """All state. Every method is quick; the caller holds the lock of the `Stage` around it."""

    def __init__(self, accounts: Iterable[Account], *, user: str = "1001", first_number: int = 200_001) -> None:
        self.user = user
        self.switches = Switches()
        self.accounts: dict[str, Account] = {}
        self.uploads: dict[str, Upload] = {}
        self.works: dict[int, Work] = {}
        self.open: dict[int, Work] = {}  # those of `works` that are queued or being made, oldest first
        self.changes = 0
        self._first_number = first_number
        self.chance = random.Random(first_number)  # noqa: S311 - chance, not secrecy
        for account in accounts:
            self.add_account(account)

    def add_account(self, account: Account) -> None:
        """Take in `account`, or replace the one with its e-mail."""
        known = self.accounts.get(account.email)
        number = known.number if known else 9001 + len(self.accounts)
        self.accounts[account.email] = replace(account, number=account.number or number)
        self.changes += 1

    def account(self, email: str | None) -> Account:
        """Return the account of `email`, or the only one; Refused(400 or 404) where that is not clear."""
        if not self.accounts:
            raise Refused(404, "Configuration not found")
        if email is None:
            if len(self.accounts) > 1:
                raise Refused(400, "Parameter email is required when you have multiple accounts configured")
            return next(iter(self.accounts.values()))
        if email not in self.accounts:
            raise Refused(404, f"Configuration not found for {email}")
        return self.accounts[email]

    def ready_account(self, email: str | None) -> Account:
        """As `account`, but Refused(596) where its owner has something to mend."""
        account = self.account(email)
        if account.pending:
            raise pending_error(account.email)
        return account

    def tracked(self, email: str) -> int:
        """Return how many jobs of `email` hold one of useapi's slots."""
        return sum(work.email == email and work.tracked for work in self.open.values())

    def upstream(self, email: str) -> int:
        """Return how many jobs of `email` the PixVerse plan counts, those that useapi forgot included."""
        return sum(work.email == email for work in self.open.values())

    def available(self, account: Account) -> int:
        """Return how many jobs `account` may still take."""
        free = account.max_jobs - self.tracked(account.email)
        return max(0, min(free, account.plan_jobs - self.upstream(account.email)))

    def add_upload(self, *, email: str | None, media_type: str, extension: str, size_bytes: int) -> Upload:
        """Note a stored file and return it."""
        account = self.ready_account(email)
        path = f"upload/{uuid.uuid4()}.{extension}"
        upload = Upload(
            max((one.id for one in self.uploads.values()), default=123_455) + 1,
            path,
            media_type,
            size_bytes,
            account.email,
        )
        self.uploads[path] = upload
        self.changes += 1
        return upload

    def add_work(self, work: Work) -> None:
        """Take in a job, or another state of it."""
        self.works[work.number] = work
        self.open.pop(work.number, None)
        if work.is_open:
            self.open[work.number] = work
        self.changes += 1

    def next_number(self) -> int:
        """Return the number of the next job; it stands at the end of its video id."""
        return max(self.works, default=self._first_number - 1) + 1

    @property
    def generations(self) -> list[Generation]:
        """Every create call that was ever accepted, oldest first."""
        return [
            Generation(
                work.video_id,
                work.order.route,
                work.email,
                work.order.reply_ref,
                work.cost,
                work.seed,
                work.order.prompt,
                work.created_at,
            )
            for work in self.works.values()
        ]

    def find(self, video_id: str) -> Work | None:
        """Return the job of a full video id, deleted ones left out."""
        number = video_id.rpartition(":")[2]
        work = self.works.get(int(number)) if number.isascii() and number.isdigit() and len(number) < 13 else None
        return work if work is not None and work.video_id == video_id and not work.deleted else None

    def listed(self, email: str, *, now: float) -> list[Work]:
        """Return the rows of `email`, newest first, without those that the list does not show yet."""
        shown = [one for one in self.works.values() if one.email == email and not one.deleted and one.listed_at <= now]
        return sorted(shown, key=lambda one: one.number, reverse=True)

    def ahead_of(self, work: Work) -> int:
        """Return how many queued jobs of its account stand before `work`."""
        return sum(
            one.status == QUEUED and one.email == work.email and one.number < work.number for one in self.open.values()
        )


def pending_error(email: str) -> Refused:
    """Return the refusal of an account whose owner has something to mend."""
    return Refused(
        596,
        "Your PixVerse account has pending error. Please address this issue at "
        f"https://useapi.net/docs/api-pixverse-v2/post-pixverse-accounts-email {email} before making any new API "
        "calls.",
    )
