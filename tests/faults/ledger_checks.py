"""One account of the hostile vendor: every generation that it accepted, and what it shows of each.

Nothing here comes from a client: charges, slots and videos are counted at the vendor.
"""

import json
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
class VendorBehavior:
    """How badly a vendor behaves: probabilities (0…1) of each failure, and lags in seconds (least, most).

    `faults` are those of a create: see `vendor.FAULTS`. `time_error_s` is how far `created_at` may be off, either way.
    """

    faults: Mapping[str, float] = field(default_factory=dict)
    making_s: tuple[float, float] = (0.1, 0.3)
    accept_lag_s: tuple[float, float] = (0.0, 0.0)
    list_lag_s: tuple[float, float] = (0.0, 0.0)
    late_s: float = 0.0
    read_failure_rate: float = 0.0  # lists, the scheduler, single rows and videos: 500, no answer, or half of one
    no_ref_rate: float = 0.0
    time_error_rate: float = 0.0
    time_error_s: float = 3600.0
    reports_balance: bool = False


@dataclass(frozen=True)
class Generation:
    """One accepted create, and so one charge; times are seconds of the vendor's own clock."""

    number: int
    body: Mapping[str, Any] = field(repr=False)
    at: float
    due_at: float
    listed_at: float
    created_at: str
    has_reply_ref: bool

    @property
    def video_id(self) -> str:
        """The vendor's id."""
        return f"user:7-pixverse:videos@example.org-video:{self.number}"

    @property
    def seed(self) -> int:
        """The seed, which identifies a request of frames within a matrix; the number if it was sent without one."""
        return int(self.body.get("seed", self.number))

    @property
    def identity(self) -> str:
        """Identifies the request within a matrix: everything that was sent but our reference."""
        return json.dumps({name: value for name, value in self.body.items() if name != "replyRef"}, sort_keys=True)

    @property
    def content(self) -> bytes:
        """The video's bytes, which no other generation has."""
        mark = str(self.number).encode()
        return _base_video() + struct.pack(">I4s", 8 + len(mark), b"free") + mark


class AccountState:
    """One account: accepts, lists, and counts."""

    def __init__(self, behavior: VendorBehavior, *, seed: int) -> None:
        self.behavior = behavior
        self.chance = random.Random(seed)  # noqa: S311 - chance, not secrecy
        self.generations: list[Generation] = []
        self.creates = 0  # how many paid calls arrived, accepted or not
        self.uploads = 0
        self.triggered: Counter[str] = Counter()
        self.leaks: list[str] = []  # what came to the media host with a credential
        self.senders: list[int] = []  # the process behind each generation

    def draw_fault(self) -> str:
        """Return the fault of the next create, "" for none."""
        names = [*self.behavior.faults, ""]
        weights = [*self.behavior.faults.values(), max(0.0, 1 - sum(self.behavior.faults.values()))]
        name = self.chance.choices(names, weights)[0]
        self.triggered[name] += 1
        return name

    def accept(
        self, body: Mapping[str, Any], *, now: float, promised_at: float, wall: float, sender: int
    ) -> Generation:
        """Accept a create, which charges it. Its lag in the lists counts from `promised_at`."""
        behavior, chance = self.behavior, self.chance
        lie_s = chance.choice((-1, 1)) * behavior.time_error_s if chance.random() < behavior.time_error_rate else 0.0
        generation = Generation(
            number=len(self.generations) + 1,
            body=body,
            at=now,
            due_at=now + chance.uniform(*behavior.making_s),
            listed_at=promised_at + chance.uniform(*behavior.list_lag_s),
            created_at=datetime.fromtimestamp(int(wall + lie_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            has_reply_ref=chance.random() >= behavior.no_ref_rate,
        )
        self.generations.append(generation)
        self.senders.append(sender)
        return generation

    def finish(self, *, now: float) -> None:
        """Finish every running generation."""
        self.generations = [replace(generation, due_at=min(generation.due_at, now)) for generation in self.generations]

    def rows(self, *, now: float, limit: int, offset: int) -> list[dict[str, Any]]:
        """Return a page of the list, newest first."""
        shown = [generation for generation in reversed(self.generations) if generation.listed_at <= now]
        return [self.row(generation, now=now) for generation in shown[offset : offset + limit]]

    def row(self, generation: Generation, *, now: float) -> dict[str, Any]:
        """Return the row of a generation: queued ones look final, and running ones already have a url."""
        share = (now - generation.at) / (generation.due_at - generation.at)
        status = 1 if share >= 1 else 10 if share > 0.4 else 5
        row: dict[str, Any] = {
            "video_id": generation.video_id,
            "video_status": status,
            "video_status_final": status != 10,
            "created_at": generation.created_at,
            "url": f"{{media}}/{generation.number}.mp4" if status != 5 else "",
            "seed": generation.seed,
            "prompt": generation.body.get("prompt", ""),
            "model": generation.body.get("model"),
            "quality": generation.body["quality"],
            "duration": generation.body.get("duration", 5),
            "first_frame": generation.body.get("first_frame_path", ""),
            "last_frame": generation.body.get("last_frame_path", ""),
            "original_video_id": int(generation.body.get("video_id", ":0").rpartition(":")[2]),
            "lip_sync": None,
        }
        return row | ({"replyRef": generation.body["replyRef"]} if generation.has_reply_ref else {})

    def running(self, *, now: float) -> list[dict[str, Any]]:
        """Return the scheduler's entries, which lag like the list."""
        return [
            {"video_id": generation.video_id, "replyRef": generation.body["replyRef"]}
            for generation in self.generations
            if generation.listed_at <= now < generation.due_at
        ]

    # -- the audit -----------------------------------------------------------------------------------------------

    @property
    def payments(self) -> Counter[str]:
        """How often each request was charged, by its identity."""
        return Counter(generation.identity for generation in self.generations)

    @property
    def extra(self) -> int:
        """How many charges were duplicates."""
        return sum(count - 1 for count in self.payments.values())

    @property
    def max_running(self) -> int:
        """How many slots were in use at the busiest moment."""
        ends = [(generation.due_at, -1) for generation in self.generations]
        steps = sorted(ends + [(generation.at, 1) for generation in self.generations])
        level = most = 0
        for _, step in steps:
            level += step
            most = max(most, level)
        return most


@cache
def _base_video() -> bytes:
    return small_video(0)
