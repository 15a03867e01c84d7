"""The books of one account at the hostile vendor: every generation that it ever accepted, and what it shows of each.

Nothing here is a client's word: payments, slots and films are counted where they are sold.
"""

import random
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from tests.client.harness import small_video

PRICE: Final = 45  # credits of each generation
BALANCE: Final = 10**6


@dataclass(frozen=True)
class Habits:
    """How badly a vendor behaves: chances (0…1) of each bad habit, lags in seconds (least, most).

    `faults` are those of a create: see `vendor.Vendor`. `lies_s` is how far `created_at` may be off, either way.
    """

    faults: Mapping[str, float] = field(default_factory=dict)
    making_s: tuple[float, float] = (0.1, 0.3)
    accept_lag_s: tuple[float, float] = (0.0, 0.0)
    list_lag_s: tuple[float, float] = (0.0, 0.0)
    late_s: float = 0.0
    read_fails: float = 0.0  # lists, the scheduler, single rows and films: 500, no answer, or half of one
    no_ref: float = 0.0
    lies: float = 0.0
    lies_s: float = 3600.0
    tells_balance: bool = False


@dataclass(frozen=True)
class Generation:
    """One accepted create, and so one payment; times are seconds of the vendor's own clock."""

    number: int
    body: Mapping[str, Any] = field(repr=False)
    at: float
    due_at: float
    listed_at: float
    created_at: str
    names_ref: bool

    @property
    def video_id(self) -> str:
        """What the vendor calls it."""
        return f"user:7-pixverse:films@example.org-video:{self.number}"

    @property
    def seed(self) -> int:
        """What tells the requests of a matrix apart."""
        return int(self.body["seed"])

    @property
    def film(self) -> bytes:
        """The film, which no other generation has."""
        mark = str(self.number).encode()
        return _plain_film() + struct.pack(">I4s", 8 + len(mark), b"free") + mark


class Books:
    """One account: accepts, lists, and counts."""

    def __init__(self, habits: Habits, *, seed: int) -> None:
        self.habits = habits
        self.chance = random.Random(seed)  # noqa: S311 - chance, not secrecy
        self.generations: list[Generation] = []
        self.creates = 0  # how many paid calls were heard, accepted or not
        self.uploads = 0
        self.struck: Counter[str] = Counter()
        self.leaks: list[str] = []  # what came to the media host with a credential
        self.senders: list[int] = []  # the process behind each generation

    def draw_fault(self) -> str:
        """Return the fault of the next create, "" for none."""
        names = [*self.habits.faults, ""]
        weights = [*self.habits.faults.values(), max(0.0, 1 - sum(self.habits.faults.values()))]
        name = self.chance.choices(names, weights)[0]
        self.struck[name] += 1
        return name

    def accept(
        self, body: Mapping[str, Any], *, now: float, promised_at: float, wall: float, sender: int
    ) -> Generation:
        """Take a create on: this is the payment. Its lag in the lists counts from `promised_at`."""
        habits, chance = self.habits, self.chance
        lie_s = chance.choice((-1, 1)) * habits.lies_s if chance.random() < habits.lies else 0.0
        made = Generation(
            number=len(self.generations) + 1,
            body=body,
            at=now,
            due_at=now + chance.uniform(*habits.making_s),
            listed_at=promised_at + chance.uniform(*habits.list_lag_s),
            created_at=datetime.fromtimestamp(int(wall + lie_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            names_ref=chance.random() >= habits.no_ref,
        )
        self.generations.append(made)
        self.senders.append(sender)
        return made

    def finish(self, *, now: float) -> None:
        """End every generation that is being made."""
        self.generations = [replace(made, due_at=min(made.due_at, now)) for made in self.generations]

    def rows(self, *, now: float, limit: int, offset: int) -> list[dict[str, Any]]:
        """Return a page of the list, newest first."""
        shown = [made for made in reversed(self.generations) if made.listed_at <= now]
        return [self.row(made, now=now) for made in shown[offset : offset + limit]]

    def row(self, made: Generation, *, now: float) -> dict[str, Any]:
        """Return what the vendor shows of a generation: queued looks final, and running ones have a url already."""
        share = (now - made.at) / (made.due_at - made.at)
        status = 1 if share >= 1 else 10 if share > 0.4 else 5
        row: dict[str, Any] = {
            "video_id": made.video_id,
            "video_status": status,
            "video_status_final": status != 10,
            "created_at": made.created_at,
            "url": f"{{media}}/{made.number}.mp4" if status != 5 else "",
            "seed": made.seed,
            "prompt": made.body.get("prompt", ""),
            "quality": made.body["quality"],
            "duration": made.body["duration"],
            "first_frame": made.body["first_frame_path"],
            "last_frame": made.body["last_frame_path"],
            "lip_sync": None,
        }
        return row | ({"replyRef": made.body["replyRef"]} if made.names_ref else {})

    def running(self, *, now: float) -> list[dict[str, Any]]:
        """Return the scheduler's entries: they lag as the list does."""
        return [
            {"video_id": made.video_id, "replyRef": made.body["replyRef"]}
            for made in self.generations
            if made.listed_at <= now < made.due_at
        ]

    # -- the audit -----------------------------------------------------------------------------------------------

    @property
    def payments(self) -> Counter[int]:
        """How often each request was paid, by its seed."""
        return Counter(made.seed for made in self.generations)

    @property
    def extra(self) -> int:
        """How many payments were one too many."""
        return sum(count - 1 for count in self.payments.values())

    @property
    def most_at_once(self) -> int:
        """How many slots were taken at the busiest moment."""
        ends = [(made.due_at, -1) for made in self.generations]
        steps = sorted(ends + [(made.at, 1) for made in self.generations])
        level = most = 0
        for _, step in steps:
            level += step
            most = max(most, level)
        return most


@cache
def _plain_film() -> bytes:
    return small_video(0)
