"""One generation, from its acceptance to its end."""

import random
from dataclasses import dataclass, field
from typing import Final

from pixverse_nb.sandbox.orders import Order
from pixverse_nb.sandbox.switches import Switches

QUEUED: Final = "QUEUED"
GENERATING: Final = "GENERATING"
COMPLETED: Final = "COMPLETED"
FAILED: Final = "FAILED"
MODERATED: Final = "MODERATED"
FINAL: Final = frozenset({COMPLETED, FAILED, MODERATED})
_PACE: Final = {"360p": 0.7, "540p": 0.85, "720p": 1.0, "1080p": 1.4}


@dataclass
class Work:
    """One accepted create call. Times are virtual Unix seconds, `created_stamp` is what rows show."""

    number: int
    video_id: str
    email: str
    account_number: int
    order: Order
    seed: int
    cost: int
    paid: dict[str, int]
    film: str
    created_at: float
    created_stamp: float
    listed_at: float
    starts_at: float
    due_at: float
    outcome: str = COMPLETED
    status: str = QUEUED
    tracked: bool = True
    deleted: bool = False
    stuck: bool = False
    film_ready: bool = False
    size: tuple[int, int] = (0, 0)
    error_code: int | None = None
    reports: int = 0
    film_begun: bool = field(default=False, compare=False)  # of this run only, never stored

    @property
    def is_open(self) -> bool:
        """True while the job is queued or being made."""
        return self.status not in FINAL

    @property
    def film_path(self) -> str:
        """The path of the film on the media host."""
        return f"pixverse/mp4/media/web/{self.film}_seed0.mp4"


def life_of(order: Order, seed: int, switches: Switches) -> tuple[float, float]:
    """Return the virtual seconds that the job waits in the queue and is being made; the seed decides."""
    draw = random.Random(f"{seed} {order.quality} {order.duration}")  # noqa: S311 - chance, not secrecy
    longer = _PACE[order.quality] * (1.5 if order.duration > 5 else 1.0)
    return draw.uniform(*switches.queue_s), draw.uniform(*switches.generation_s) * longer
