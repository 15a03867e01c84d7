"""The way from the first picture to the last: when the change happens, and how the camera wanders meanwhile."""

import cmath
import math
import random
from dataclasses import dataclass

__all__ = ["Path", "Pose", "path_of"]


@dataclass(frozen=True)
class Pose:
    """One moment of the way."""

    progress: float
    """0 is the first picture, 1 is the last."""
    turn: complex
    """What the camera multiplies the plane by, around the middle of the frame: below 1 in size is closer."""
    shift: complex
    """Where the camera looks, from the middle of the frame, in parts of the frame's shorter side."""


@dataclass(frozen=True)
class Path:
    """A way that one seed stands for; it begins and ends with the camera at rest in the middle."""

    front: complex
    """The direction, of size 1, from which an unlike last picture comes in."""
    lean: float
    hold: float
    reach: complex
    bow: float
    zoom: float
    roll: float

    def at(self, time: float) -> Pose:
        """The moment at `time`, 0…1."""
        inner = min(1.0, max(0.0, (time - self.hold) / (1 - 2 * self.hold)))
        progress = _ease(inner**self.lean)
        away = math.sin(math.pi * time) ** 2
        sway = math.sin(2 * math.pi * time) * away
        return Pose(
            progress=progress,
            turn=cmath.rect(1 / (1 + self.zoom * away), self.roll * away),
            shift=self.reach * complex(away, self.bow * sway),
        )


def path_of(*, seed: int, motion_mode: str, drift: float) -> Path:
    """The way of a seed: the same seed gives the same way; "fast" wanders twice as far and changes in less time.

    `drift` scales the wandering: 1 as usual, 0 none.
    """
    dice = random.Random(seed)  # noqa: S311 - a camera's way, not a secret
    fast = motion_mode == "fast"
    far = drift * (2.0 if fast else 1.0)
    direction = dice.uniform(-math.pi, math.pi)
    reach, bow = far * dice.uniform(0.012, 0.024), dice.choice([-1, 1]) * dice.uniform(0.4, 0.9)
    roll = far * math.radians(dice.uniform(-0.8, 0.8))
    return Path(
        front=cmath.rect(1, dice.uniform(-math.pi, math.pi)),
        lean=math.exp(dice.uniform(-0.34, 0.34)),
        hold=0.2 if fast else dice.uniform(0.0, 0.06),
        reach=cmath.rect(reach, direction),
        bow=bow,
        # Closer by at least what the shift and the roll would show of the world outside of the frame.
        zoom=2 * reach * abs(complex(1, bow)) + 1.9 * abs(roll) + far * dice.uniform(0.0, 0.04),
        roll=roll,
    )


def _ease(time: float) -> float:
    return time * time * (3 - 2 * time)
