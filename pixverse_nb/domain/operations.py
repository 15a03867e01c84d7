"""The operations: what each one starts from, which fields it takes, and its default model.

Source: the vendor's pages, June 2026. The values that a field takes depend on the model: see `catalogue`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

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


SOURCE_VIDEO: Final = "source_video"  # the role of a video that another one is made from
AUDIO: Final = "audio"  # the role of a sound
PROMPT_MAX: Final = 2048  # of most operations; text and one picture take _LONG_PROMPT_MAX
TRANSITION_MAX: Final = 7  # pictures
LINK_DEFAULT_S: Final = 5  # what the vendor takes from one picture of a transition to the next if it is not given
FUSION_MAX: Final = 9  # pictures
PICTURE_NAME: Final = re.compile(r"@image(?P<number>\d{1,4})")  # in the prompt of a fusion
QUALITY: Final = Text(8, pattern=r"\d{3,4}p", what="a quality such as 720p,")
_LONG_PROMPT_MAX: Final = 5000
_SPOKEN_MAX: Final = 200

# The fields that only some models take, each with its rule.
SWITCHES: Final[Mapping[str, Rule]] = {
    "motion_mode": OneOf(("normal", "fast"), default="normal"),
    "remove_watermark": Flag(default=True),
    "audio": Flag(default=None),
    "multi_shot": Flag(default=None),
    "preview_mode": Flag(default=None),
    "off_peak_mode": Flag(default=None),
    "auto_sound": Flag(default=None),
    "sound_effect_prompt": Text(PROMPT_MAX, default=None),
}
CHEAPER_MODES: Final = ("off_peak_mode", "preview_mode")  # switches that multiply the price by a factor of the account
_ALL_SWITCHES: Final = frozenset(SWITCHES)
_SINGLE_SHOT: Final = _ALL_SWITCHES - {"multi_shot"}
_MODEL_FIELDS: Final = ("duration", "quality", "aspect_ratio", "seed")


@dataclass(frozen=True)
class OperationSpec:
    """One operation.

    `roles` are the inputs that it needs. `model_fields` are the fields whose values depend on the model ("duration",
    "quality", "aspect_ratio", "seed"), `switches` those of `SWITCHES` that its route takes if the model does, and
    `fields` its own ones. `default_fit` is how its pictures are framed (None: sent as they are). An aspect ratio that
    the route does not take decides how the pictures are cropped.
    """

    default_model: str
    roles: tuple[str, ...] = ()
    default_fit: str | None = "cover"
    prompt_max: int = PROMPT_MAX
    needs_prompt: bool = False
    model_fields: tuple[str, ...] = _MODEL_FIELDS
    switches: frozenset[str] = _SINGLE_SHOT
    fields: Mapping[str, Rule] = field(default_factory=dict)

    @property
    def prompt(self) -> Rule:
        """The rule of the prompt."""
        if self.needs_prompt:
            return Text(self.prompt_max, pattern=r"(?s).*\S.*", what="a text that is not blank,")
        return Text(self.prompt_max, default="")


def link_fields(count: int = TRANSITION_MAX) -> dict[str, Rule]:
    """Return the rules of the prompt and the seconds between each picture of a transition and the next."""
    rules: dict[str, Rule] = {}
    for number in range(1, count):
        link = f"{number}_to_{number + 1}"
        rules[f"prompt_{link}"] = Text(PROMPT_MAX, default=None)
        rules[f"duration_{link}"] = Integer(1, 8, default=None, note=" (seconds)")
    return rules


OPERATIONS: Final[Mapping[Operation, OperationSpec]] = MappingProxyType(
    {
        Operation.FRAMES: OperationSpec("v5.6", ("first", "last")),
        Operation.TEXT: OperationSpec("v6", prompt_max=_LONG_PROMPT_MAX, needs_prompt=True, switches=_ALL_SWITCHES),
        Operation.IMAGE: OperationSpec("v6", ("first",), prompt_max=_LONG_PROMPT_MAX, switches=_ALL_SWITCHES),
        Operation.TRANSITION: OperationSpec(
            "v5",
            ("frame_1", "frame_2"),
            model_fields=("quality", "aspect_ratio", "seed"),
            switches=frozenset({"audio", "off_peak_mode"}),
            fields=link_fields(),
        ),
        Operation.EXTEND: OperationSpec(
            "v6",
            (SOURCE_VIDEO,),
            model_fields=("duration", "quality", "seed"),
            switches=frozenset({"audio", "off_peak_mode"}),
        ),
        Operation.UPSCALE: OperationSpec(
            "pixverse-upscale", (SOURCE_VIDEO,), model_fields=("quality",), switches=frozenset()
        ),
        Operation.RESTYLE: OperationSpec(
            "v4",
            (SOURCE_VIDEO,),
            model_fields=("seed",),
            switches=frozenset({"off_peak_mode"}),
            fields={"restyle_id": Integer(1, 10**12, default=None, note=", one of client.restyles()")},
        ),
        Operation.MODIFY: OperationSpec(
            "v5.5",
            (SOURCE_VIDEO,),
            needs_prompt=True,
            model_fields=("seed",),
            switches=frozenset({"off_peak_mode"}),
            fields={"quality": OneOf(("360p", "540p", "720p"), default="540p")},
        ),
        Operation.FUSION: OperationSpec(
            "pixverse-c1",
            ("frame_1",),
            default_fit=None,
            needs_prompt=True,
            switches=frozenset({"audio", "off_peak_mode"}),
        ),
        Operation.LIPSYNC: OperationSpec(
            "v5",
            (SOURCE_VIDEO,),
            prompt_max=_SPOKEN_MAX,
            model_fields=(),
            switches=frozenset(),
            fields={"speaker_id": Text(120, default=None, what="a speaker's id")},
        ),
        Operation.MOTION: OperationSpec(
            "v5.6",
            ("frame_1", SOURCE_VIDEO),
            default_fit=None,
            model_fields=("quality", "seed"),
            switches=frozenset(),
        ),
    }
)
_own_fields: Final = [name for spec in OPERATIONS.values() for name in spec.fields]
PARAM_NAMES: Final = tuple(dict.fromkeys(("prompt", *_MODEL_FIELDS, *SWITCHES, *_own_fields)))  # of any operation
UNDOCUMENTED_PRICES: Final = (Operation.RESTYLE, Operation.MODIFY, Operation.LIPSYNC, Operation.MOTION)
