"""The sandbox's world: accounts, uploads and generations, and the rules between them; no I/O, time handed in."""

import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from pixverse_nb.sandbox.accounts import Account
from pixverse_nb.sandbox.orders import Order, Refused
from pixverse_nb.sandbox.switches import Switches
from pixverse_nb.sandbox.work import COMPLETED, FAILED, GENERATING, MODERATED, QUEUED, Work, life_of

MARK_REFUSED: Final = "[[moderated]]"  # in a prompt: 422 at once
MARK_MODERATED: Final = "[[moderated-later]]"  # accepted, then MODERATED and refunded
MARK_FAILED: Final = "[[failed]]"  # accepted, then FAILED
MARK_STUCK: Final = "[[stuck]]"  # accepted, then GENERATING for ever
_REPORTS_AT: Final = (1 / 3, 2 / 3)  # of the generation, when progress callbacks go out


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


@dataclass(frozen=True)
class StartFilm:
    """The film of this job is to be rendered now."""

    number: int


@dataclass(frozen=True)
class Report:
    """A callback about this job is to be sent now."""

    number: int


class World:
    """All state. Every method is quick and pure but for this state; the caller holds the lock."""

    def __init__(self, accounts: Iterable[Account], *, user: str = "1001", chance_seed: int = 1) -> None:
        self.user = user
        self.switches = Switches()
        self.accounts: dict[str, Account] = {}
        self.uploads: dict[str, Upload] = {}
        self.works: dict[int, Work] = {}
        self.generations: list[Generation] = []
        self.changes = 0
        self._chance = random.Random(chance_seed)  # noqa: S311 - chance, not secrecy
        for account in accounts:
            self.add_account(account)

    # accounts

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
            raise _pending(account.email)
        return account

    def running(self, email: str) -> list[Work]:
        """Return the jobs of `email` that hold one of useapi's slots."""
        return [work for work in self.open_works() if work.email == email and work.tracked]

    def open_works(self) -> list[Work]:
        """Return the jobs that are queued or being made, oldest first."""
        return [work for work in self.works.values() if work.is_open]

    def available(self, account: Account) -> int:
        """Return how many jobs `account` may still take."""
        upstream = sum(work.email == account.email for work in self.open_works())
        return max(0, min(account.max_jobs - len(self.running(account.email)), account.plan_jobs - upstream))

    # uploads

    def add_upload(self, *, email: str | None, media_type: str, extension: str, size_bytes: int) -> Upload:
        """Note a stored file and return it."""
        account = self.ready_account(email)
        path = f"upload/{uuid.uuid4()}.{extension}"
        upload = Upload(123_456 + len(self.uploads), path, media_type, size_bytes, account.email)
        self.uploads[path] = upload
        self.changes += 1
        return upload

    # generations

    def create(self, order: Order, *, now: float, stamp: float) -> Work:
        """Accept `order` and take its credits, or raise Refused; in the order in which the vendor looks."""
        order = self._with_pictures(order)
        account = self._account_for(order)
        if MARK_REFUSED in order.prompt:
            raise Refused(422, "Your prompt has triggered our AI moderator, please re-enter your prompt")
        if sum(work.email == account.email for work in self.open_works()) >= account.plan_jobs:
            raise Refused(429, "Reached the limit for concurrent generations.", retry_after_s=self._retry_after_s)
        cost = order.price(self.switches.prices)
        if account.balance < cost:
            raise Refused(412, "All Credits have been used up. Please upgrade your membership or purchase credits.")
        work = self._accepted(order, account, cost, now=now, stamp=stamp)
        self.works[work.number] = work
        self.generations.append(
            Generation(
                work.video_id,
                order.route,
                account.email,
                order.reply_ref,
                cost,
                work.seed,
                order.prompt,
                work.created_at,
            )
        )
        self.changes += 1
        return work

    @property
    def _retry_after_s(self) -> int | None:
        return self.switches.retry_after_s

    def _with_pictures(self, order: Order) -> Order:
        for name, path in (("first_frame_path", order.first_path), ("last_frame_path", order.last_path)):
            if path is not None and path not in self.uploads:
                raise Refused(400, f"Parameter {name} is not the path of an upload")
        if order.img_id is not None:
            named = [upload.path for upload in self.uploads.values() if upload.id == order.img_id]
            if not named:
                raise Refused(400, "Parameter img_id is not the id of an upload")
            return replace(order, first_path=order.first_path or named[0])
        return order

    def _account_for(self, order: Order) -> Account:
        if order.email is not None or len(self.accounts) < 2:
            account = self.ready_account(order.email)
            slots = order.max_jobs or account.max_jobs
            if len(self.running(account.email)) >= slots:
                raise Refused(
                    429,
                    f"Account {account.email} is busy executing {slots} tasks."
                    if order.email
                    else "All configured accounts are running at maximum capacity.",
                    retry_after_s=self._retry_after_s,
                )
            return account
        ready = [account for account in self.accounts.values() if not account.pending]
        if not ready:
            raise _pending("of every account")
        free = [one for one in ready if len(self.running(one.email)) < (order.max_jobs or one.max_jobs)]
        if not free:
            text = "All configured accounts are running at maximum capacity."
            raise Refused(429, text, retry_after_s=self._retry_after_s)
        return self._chance.choice(free)

    def _accepted(self, order: Order, account: Account, cost: int, *, now: float, stamp: float) -> Work:
        number = len(self.generations) + 200_001
        seed = order.seed or self._chance.randint(1, 2_147_483_647)
        wait_s, make_s = life_of(order, seed, self.switches)
        outcome = MODERATED if MARK_MODERATED in order.prompt else FAILED if MARK_FAILED in order.prompt else COMPLETED
        return Work(
            number=number,
            video_id=f"user:{self.user}-pixverse:{account.email}-video:{number}",
            email=account.email,
            account_number=account.number,
            order=order,
            seed=seed,
            cost=cost,
            paid=account.spend(cost),
            film=str(uuid.uuid4()),
            created_at=now,
            created_stamp=stamp,
            listed_at=now,
            starts_at=now + wait_s,
            due_at=now + wait_s + make_s,
            outcome=outcome,
            stuck=MARK_STUCK in order.prompt,
        )

    def find(self, video_id: str) -> Work | None:
        """Return the job of a full video id, deleted ones left out."""
        number = video_id.rpartition(":")[2]
        work = self.works.get(int(number)) if number.isascii() and number.isdigit() and len(number) < 13 else None
        return work if work is not None and work.video_id == video_id and not work.deleted else None

    def listed(self, email: str, *, now: float) -> list[Work]:
        """Return the rows of `email`, newest first, without those that the list does not show yet."""
        shown = [one for one in self.works.values() if one.email == email and not one.deleted and one.listed_at <= now]
        return shown[::-1]

    def ahead_of(self, work: Work) -> int:
        """Return how many queued jobs of its account stand before `work`."""
        return sum(
            one.status == QUEUED and one.email == work.email and one.number < work.number for one in self.open_works()
        )

    # time

    def step(self, now: float) -> list[StartFilm | Report]:
        """Let everything happen that is due by `now`; return what is to be done outside."""
        done: list[StartFilm | Report] = []
        for work in self.open_works():
            before = (work.status, work.reports)
            if work.status == QUEUED and now >= work.starts_at and self._has_room(work):
                if self.switches.parallel is not None:
                    work.starts_at, work.due_at = now, now + work.due_at - work.starts_at
                work.status = GENERATING
            if work.status == GENERATING:
                if not work.film_begun and not work.film_ready and work.outcome == COMPLETED:
                    work.film_begun = True
                    done.append(StartFilm(work.number))
                if now >= work.due_at and not work.stuck and (work.film_ready or work.outcome != COMPLETED):
                    self.end(work, work.outcome)
            work.reports = max(work.reports, self._reports_due(work, now))
            if before != (work.status, work.reports):
                self.changes += 1
                if work.tracked and work.order.reply_url:
                    done.append(Report(work.number))
        return done

    def _has_room(self, work: Work) -> bool:
        most = self.switches.parallel
        made = sum(one.status == GENERATING and one.email == work.email for one in self.open_works())
        return most is None or made < most

    @staticmethod
    def _reports_due(work: Work, now: float) -> int:
        """Return how many progress callbacks are due: one in the queue, then at a third and two thirds."""
        if work.status == QUEUED:
            return 1
        length = work.due_at - work.starts_at
        return 1 + sum(now >= work.starts_at + part * length for part in _REPORTS_AT)

    def end(self, work: Work, status: str) -> None:
        """End `work` with a final `status`; a moderated one gets its credits back."""
        work.status = status
        if status == MODERATED or (status == FAILED and self.switches.refund_failed):
            account = self.accounts.get(work.email)
            if account is not None:
                account.give_back(work.paid)
        self.changes += 1

    def next_due(self, now: float) -> float | None:
        """Return the virtual time of the next thing to happen, or None where nothing is on the way."""
        times = []
        for work in self.open_works():
            length = work.due_at - work.starts_at
            times += [work.starts_at, work.due_at, *(work.starts_at + part * length for part in _REPORTS_AT)]
        return min((time for time in times if time > now), default=None)


def _pending(email: str) -> Refused:
    return Refused(
        596,
        "Your PixVerse account has pending error. Please address this issue at "
        f"https://useapi.net/docs/api-pixverse-v2/post-pixverse-accounts-email {email} before making any new API "
        "calls.",
    )
