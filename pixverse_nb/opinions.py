"""What a person says of videos: a verdict on one, and which of two is the better; values only."""

from dataclasses import dataclass
from typing import Literal

Choice = Literal["", "winner", "rejected"]
DuelResult = Literal["left", "right", "tie"]


@dataclass(frozen=True)
class Verdict:
    """What was said of one video: chosen as `"winner"`, `"rejected"`, or neither (""), and a `note` in free words."""

    choice: Choice = ""
    note: str = ""

    @property
    def is_empty(self) -> bool:
        """True where nothing is said."""
        return not self.choice and not self.note


@dataclass(frozen=True)
class Duel:
    """One judgement between two videos, named by their keys; `is_blind` where the labels were hidden.

    `at` is Unix seconds. `result` says which one is better, or "tie".
    """

    left: str
    right: str
    result: DuelResult
    at: float
    is_blind: bool = True
