"""The catalogue of models: the fields that each one takes, their ranges and defaults, and the rules between them.

Source: useapi.net's page "POST videos/create-frames-v3" and PixVerse's documents of the v3.5 era (2024-12 to 2025-04).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pixverse_nb.domain.validation import Flag, Integer, OneOf, Rule, Text


class Operation(StrEnum):
    """What a generation does with its inputs."""

    FRAMES = "frames"
    TEXT = "text"
    IMAGE = "image"
    TRANSITION = "transition"
    EXTEND = "extend"
    UPSCALE = "upscale"
    RESTYLE = "restyle"
    MODIFY = "modify"
    FUSION = "fusion"
    LIPSYNC = "lipsync"
    MOTION = "motion"


DURATIONS: Final = (5, 8)
QUALITIES: Final = ("360p", "540p", "720p", "1080p")
MOTION_MODES: Final = ("normal", "fast")
ASPECT_RATIOS: Final = ("16:9", "9:16", "1:1", "4:3", "3:4")
DEFAULT_MODEL: Final = "v3.5"
MODEL_NAME: Final = Text(40, default=DEFAULT_MODEL, pattern=r"v\d+(\.\d+)?", what="a model name such as v3.5,")
PROMPT_MAX: Final = 2048
SEED_MAX: Final = 2_147_483_647


@dataclass(frozen=True)
class Constraint:
    """A combination of values that the vendor rejects, and a reason that includes the fix."""

    fields: Mapping[str, object]
    reason: str

    def applies(self, values: Mapping[str, object]) -> bool:
        """Return whether `values` (field name to value) contain the whole combination."""
        return all(values.get(name) == value for name, value in self.fields.items())


@dataclass(frozen=True)
class ModelSpec:
    """The fields of one model with their rules, and the combinations of values that the vendor rejects."""

    name: str
    fields: Mapping[str, Rule]
    constraints: tuple[Constraint, ...] = ()

    def violations(self, values: Mapping[str, object]) -> tuple[Constraint, ...]:
        """Return every constraint that `values` (field name to value) violate."""
        return tuple(constraint for constraint in self.constraints if constraint.applies(values))

    def default(self, name: str) -> Any:
        """Return the default of a field, or None if the model has no such field."""
        rule = self.fields.get(name)
        return None if rule is None else rule.default


_FRAMES_FIELDS: Final[Mapping[str, Rule]] = {
    "prompt": Text(PROMPT_MAX, default=""),
    "duration": OneOf(DURATIONS, default=5, note=" (seconds)"),
    "quality": OneOf(QUALITIES, default="720p"),
    "motion_mode": OneOf(MOTION_MODES, default="normal"),
    "aspect_ratio": OneOf(ASPECT_RATIOS, default="16:9", note=", or None to use the ratio of the first picture"),
    "seed": Integer(1, SEED_MAX, note=", or None for a random seed"),
    "remove_watermark": Flag(default=True),
}

# From PixVerse's own documents of the v3.5 era; useapi.net's page states no such rules.
CONSTRAINTS: Final = (
    Constraint(
        {"motion_mode": "fast", "duration": 8},
        "fast motion is only available for 5 s videos: choose duration=5 or motion_mode='normal'",
    ),
    Constraint(
        {"quality": "1080p", "duration": 8},
        "1080p is only available for 5 s videos: choose duration=5 or quality='720p'",
    ),
    Constraint(
        {"quality": "1080p", "motion_mode": "fast"},
        "1080p is not available with fast motion: choose motion_mode='normal' or quality='720p'",
    ),
)


def model_spec(model: str) -> ModelSpec:
    """Return the entry of a model. A model without one gets the fields of v3.5, with normal motion only."""
    if model == DEFAULT_MODEL:
        return ModelSpec(model, _FRAMES_FIELDS, CONSTRAINTS)
    only_normal = OneOf(("normal",), default="normal", note=f" with model {model}")
    return ModelSpec(model, {**_FRAMES_FIELDS, "motion_mode": only_normal}, CONSTRAINTS)
