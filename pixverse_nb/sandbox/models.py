"""The video models that the sandbox offers: what each one makes, and its price in credits.

This table is written from the vendor's pages, not from the client's catalogue, so that a mistake in either shows.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

FIVE_RATIOS: Final = ("16:9", "9:16", "1:1", "4:3", "3:4")
_TWO_RATIOS: Final = ("16:9", "9:16")
_KLING_RATIOS: Final = (*_TWO_RATIOS, "1:1")
_WITH_480P: Final = ("480p", "720p", "1080p")
_WIDE_RATIOS: Final = (*FIVE_RATIOS, "21:9")
_ALL_RATIOS: Final = (*FIVE_RATIOS, "3:2", "2:3", "21:9")
_ALL: Final = ("360p", "540p", "720p", "1080p")
_CLIP_CREDITS: Final = {"360p": 20, "540p": 30, "720p": 40, "1080p": 80}


@dataclass(frozen=True)
class VideoModel:
    """One model. `credits` is by quality: for one second, or (`per_second=False`) for up to 5 s, twice that above.

    With sound, `audio_credits` counts instead; a quality that is not in it costs the same with sound.
    `routes` are the create routes that take it; `longest_1080p_s` limits 1080p. `switches` are the optional fields that
    it takes.
    """

    name: str
    routes: frozenset[str]
    seconds: tuple[int, ...]
    qualities: tuple[str, ...] = _ALL
    default_quality: str = "720p"
    ratios: tuple[str, ...] = FIVE_RATIOS
    switches: frozenset[str] = frozenset()
    has_seed: bool = True
    credits: Mapping[str, int] = field(default_factory=lambda: _CLIP_CREDITS)
    audio_credits: Mapping[str, int] = field(default_factory=dict)
    per_second: bool = False
    longest_1080p_s: int | None = None

    def problems(self, params: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with the fields of a request for this model."""
        found = []
        if params.get("duration", self.seconds[0]) not in self.seconds:
            found.append(f"Parameter duration {params['duration']} is not supported by {self.name}")
        if params.get("quality", self.default_quality) not in self.qualities:
            found.append(f"Parameter quality {params['quality']} is not supported by {self.name}")
        if params.get("aspect_ratio") not in (None, "", *self.ratios):
            found.append(f"Parameter aspect_ratio {params['aspect_ratio']} is not supported by {self.name}")
        too_long = self.longest_1080p_s is not None and params.get("duration", 0) > self.longest_1080p_s
        if params.get("quality") == "1080p" and too_long:
            found.append(f"Parameter duration {params['duration']} is not supported by {self.name} with 1080p")
        if params.get("seed") is not None and not self.has_seed:
            found.append(f"Parameter seed is not supported by {self.name}")
        found += [
            f"Parameter {name} is not supported by {self.name}"
            for name in SWITCHES
            if params.get(name) not in (None, "", False) and name not in self.switches
        ]
        return found

    def price(self, params: Mapping[str, Any], *, seconds: int) -> int:
        """Return the credits for some seconds; fast motion doubles them, off-peak halves them, a preview costs 0.8."""
        factor: float = seconds if self.per_second else 2 if seconds > 5 else 1
        factor *= 2 if params.get("motion_mode") == "fast" else 1
        factor *= 0.5 if params.get("off_peak_mode") else 1
        factor *= 0.8 if params.get("preview_mode") else 1
        quality = params.get("quality") or self.default_quality
        listed = self.audio_credits.get(quality) if params.get("audio") else None
        return math.ceil((self.credits[quality] if listed is None else listed) * factor)


SWITCHES: Final = ("audio", "multi_shot", "preview_mode", "off_peak_mode", "auto_sound", "sound_effect_prompt")
_OWN: Final = frozenset({"preview_mode", "off_peak_mode", "auto_sound", "sound_effect_prompt"})
_CREATE: Final = frozenset({"create", "create-v4"})
_BOTH: Final = _CREATE | {"create-frames"}
_V3: Final = frozenset({"create-v3", "create-frames-v3"})
_FUSION: Final = frozenset({"create-fusion"})
_EXTEND: Final = frozenset({"extend"})
_TRANSITION: Final = frozenset({"create-transition"})
_V5: Final = VideoModel("v5", _BOTH, tuple(range(1, 11)), default_quality="540p", switches=_OWN, longest_1080p_s=8)
_THIRD_PARTY_CREDITS: Final = {"480p": 10, "720p": 20, "1080p": 40}  # invented: the vendor's page gives no prices

MODELS: Final[Mapping[str, VideoModel]] = {
    model.name: model
    for model in (
        VideoModel("v3.5", _V3, (5, 8), credits={"360p": 30, "540p": 45, "720p": 60, "1080p": 120}),
        VideoModel(
            "v6",
            _BOTH | _EXTEND,
            tuple(range(1, 16)),
            switches=_OWN | {"audio", "multi_shot"},
            credits={"360p": 4, "540p": 6, "720p": 7, "1080p": 14},
            per_second=True,
        ),
        replace(_V5, name="v5.6", routes=_BOTH | _FUSION | _TRANSITION | {"motion-control"}, switches=_OWN | {"audio"}),
        replace(
            _V5,
            name="v5.5",
            routes=_BOTH | _TRANSITION | _EXTEND | {"modify"},
            switches=_OWN | {"audio"},
            audio_credits={"360p": 27, "540p": 40, "720p": 54, "1080p": 107},
        ),
        replace(_V5, routes=_BOTH | _FUSION | _TRANSITION | _EXTEND),
        replace(_V5, name="v5-fast", routes=_CREATE),
        replace(_V5, name="v4.5", seconds=(5, 8)),
        replace(_V5, name="v4", routes=frozenset({"restyle"}), seconds=(5, 8), switches=frozenset({"off_peak_mode"})),
        VideoModel(
            "pixverse-upscale",
            frozenset({"upscale"}),
            (5,),
            ("2160p",),
            default_quality="2160p",
            has_seed=False,
            credits={"2160p": 30},
        ),
        VideoModel(
            "pixverse-c1",
            _BOTH | _FUSION,
            tuple(range(1, 16)),
            ratios=(*FIVE_RATIOS, "3:2", "2:3"),
            switches=_OWN | {"audio"},
            credits={"360p": 6, "540p": 8, "720p": 10, "1080p": 19},
            audio_credits={"360p": 8, "540p": 10, "720p": 13, "1080p": 24},
            per_second=True,
        ),
        *(
            VideoModel(
                name,
                routes,
                seconds,
                qualities,
                has_seed=False,
                credits=_THIRD_PARTY_CREDITS,
                per_second=True,
                ratios=ratios,
                default_quality="720p" if "720p" in qualities else qualities[0],
            )
            for name, routes, seconds, qualities, ratios in (
                ("seedance-2.0", _BOTH | _FUSION, tuple(range(4, 16)), _WITH_480P, _WIDE_RATIOS),
                (
                    "seedance-2.0-fast",
                    _BOTH | _FUSION,
                    tuple(range(4, 16)),
                    ("480p", "720p", "1080p"),
                    _WIDE_RATIOS,
                ),
                (
                    "seedance-2.0-mini",
                    _BOTH | _FUSION,
                    tuple(range(4, 16)),
                    ("480p", "720p", "1080p"),
                    _WIDE_RATIOS,
                ),
                ("kling-o3", _BOTH | _FUSION, tuple(range(3, 16)), ("720p",), _KLING_RATIOS),
                ("kling-v3", _BOTH, tuple(range(3, 16)), ("720p",), _KLING_RATIOS),
                ("veo-3.1-lite", _BOTH, (4, 6, 8), ("720p", "1080p"), _TWO_RATIOS),
                ("veo-3.1-standard", _BOTH, (4, 6, 8), ("720p", "1080p"), _TWO_RATIOS),
                ("veo-3.1-fast", _BOTH, (4, 6, 8), ("720p", "1080p"), _TWO_RATIOS),
                ("grok-imagine", _CREATE | _EXTEND, tuple(range(1, 16)), ("480p", "720p"), _ALL_RATIOS),
                ("sora-2", _CREATE, (4, 8, 12), ("720p",), _TWO_RATIOS),
                ("sora-2-pro", _CREATE, (4, 8, 12), ("1080p",), _TWO_RATIOS),
                ("happyhorse-1.0", _CREATE, tuple(range(3, 16)), ("720p", "1080p"), FIVE_RATIOS),
            )
        ),
    )
}
