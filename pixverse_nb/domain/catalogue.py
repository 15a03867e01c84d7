"""The catalogue: one dated table of the models, with what each one makes, which fields it takes, and what it costs.

Validation, the form, `sweep.plan()`, the estimates and `docs/models.md` are drawn from it. To add a model, add a row to
`_MODELS`, or pass it to `Client(models=…)`.

Source: the vendor's pages (June 2026) and PixVerse's price pages; each row has its own source and date.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.operations import CHEAPER_MODES, OPERATIONS, PICTURE_NAME, QUALITY
from pixverse_nb.domain.operations import PARAM_NAMES as PARAM_NAMES
from pixverse_nb.domain.operations import PROMPT_MAX as PROMPT_MAX
from pixverse_nb.domain.operations import SWITCHES as SWITCHES
from pixverse_nb.domain.operations import Operation as Operation
from pixverse_nb.domain.validation import Flag, Integer, OneOf, Rule, Text, plain, safe_repr
from pixverse_nb.errors import InvalidRequest

DEFAULT_MODEL: Final = "v5.6"
MODEL_NAME: Final = Text(
    60, default=DEFAULT_MODEL, pattern=r"[A-Za-z0-9][A-Za-z0-9._:-]*", what="a model name such as v5.6,"
)
SEED_MAX: Final = 2_147_483_647
ASPECT_RATIOS: Final = ("16:9", "9:16", "1:1", "4:3", "3:4")  # of most models
ALL_ASPECT_RATIOS: Final = (*ASPECT_RATIOS, "3:2", "2:3", "21:9")
_SUGGESTED: Final = 3  # models that an error names
_CLOSE: Final = 0.85  # difflib's ratio, so high that v4.5 does not suggest v5.5
_LONGEST_S: Final = 60  # of a model that is not in the table


@dataclass(frozen=True)
class Constraint:
    """A combination of values that a document of the vendor rules out, and a reason that includes the fix.

    `fields` maps each field to the values that together are ruled out. `is_refused` is False if only PixVerse's older
    documents say so and the page of the route does not: such a request is sent, with a notice.
    """

    fields: Mapping[str, tuple[object, ...]]
    reason: str
    is_refused: bool = True

    def applies(self, values: Mapping[str, object]) -> bool:
        """Return whether `values` (field name to value) contain the whole combination."""
        return all(values.get(name) in ruled_out for name, ruled_out in self.fields.items())


def price_factor(values: Mapping[str, object], factors: Mapping[str, float]) -> float | None:
    """Return what the cheaper modes among these fields multiply a price by (1 without one); None if that is not known.

    `factors` are those of the account by field: `Credits.factors`. The vendor's page of GET /features (2026-06) has
    them, as they depend on the plan; others report 0.5…0.7 for off-peak and 0.8 for preview. With both modes both
    factors apply, which is inferred.
    """
    modes = [name for name in CHEAPER_MODES if values.get(name) is True]
    return math.prod(factors[name] for name in modes) if all(name in factors for name in modes) else None


def discounted(full: int, factor: float | None) -> int:
    """Return a price with its factor, rounded up to whole credits; the full price if the factor is None."""
    return full if factor is None else math.ceil(round(full * factor, 6))


@dataclass(frozen=True)
class Price:
    """Credits by quality: for one second, or (`per_second=False`) for up to 5 s; a longer video costs twice as much.

    `audio_credits` replaces them by quality if `audio` is on. Fast motion doubles the price where a model has it.
    Every price is an estimate. Off-peak and preview cost less; by which factor, only the account tells: see
    `price_factor`. While that is not known, their price here is a limit.
    """

    credits: Mapping[str, int]
    per_second: bool = False
    audio_credits: Mapping[str, int] = field(default_factory=dict)
    corrections: Mapping[str, int] = field(default_factory=dict, repr=False)  # of a client: for 5 s, by quality

    def estimate(
        self,
        values: Mapping[str, Any],
        corrections: Mapping[str, int] | None = None,
        factors: Mapping[str, float] = MappingProxyType({}),
    ) -> int | None:
        """Return the credits for these fields, or None if the quality has no price.

        `corrections` replaces the price of 5 s by quality; `factors` are those of `price_factor`.
        """
        quality, seconds = str(values.get("quality")), values.get("duration")
        corrections = corrections or self.corrections
        if not isinstance(seconds, int):
            return None
        if corrections and quality in corrections:
            base = corrections[quality] * seconds / 5 if self.per_second else corrections[quality]
        elif quality in self.credits:
            base = self._listed(quality, audio=values.get("audio")) * (seconds if self.per_second else 1)
        else:
            return None
        is_double = seconds > 5 and not self.per_second
        full = round(base) * (2 if is_double else 1) * (2 if values.get("motion_mode") == "fast" else 1)
        return discounted(full, price_factor(values, factors))

    def _listed(self, quality: str, *, audio: object) -> int:
        return self.audio_credits.get(quality, self.credits[quality]) if audio is True else self.credits[quality]


@dataclass(frozen=True)
class ModelSpec:
    """One row of the catalogue.

    `operations` are those the model makes; `durations` are in seconds. `switches` are names of `SWITCHES`. A model
    without `takes_seed` cannot be repeated exactly. `plan` is the PixVerse plan that it needs ("" for any). `source`
    and `date` (YYYY-MM) say where the row comes from; `is_withdrawn` that the vendor no longer documents its route.
    """

    name: str
    operations: tuple[Operation, ...]
    durations: tuple[int, ...]
    qualities: tuple[str, ...]
    default_quality: str
    default_duration: int = 5
    aspect_ratios: tuple[str, ...] = ASPECT_RATIOS
    switches: tuple[str, ...] = ()
    takes_seed: bool = True
    price: Price | None = None
    plan: str = ""
    constraints: tuple[Constraint, ...] = ()
    source: str = "the vendor's page"
    date: str = "2026-06"
    is_withdrawn: bool = False
    is_listed: bool = field(default=True, repr=False)  # False: not in the catalogue, so nothing is checked

    def __hash__(self) -> int:
        return hash(self.name)  # a price cannot be hashed

    def fields(self, operation: Operation = Operation.FRAMES) -> Mapping[str, Rule]:
        """Return the rule of every field that the model takes for an operation."""
        return _rules(self, operation)

    def violations(self, values: Mapping[str, object]) -> tuple[Constraint, ...]:
        """Return every combination that the vendor refuses and that `values` (field name to value) contain."""
        return tuple(one for one in self.constraints if one.is_refused and one.applies(values))

    def default(self, name: str, operation: Operation = Operation.FRAMES) -> Any:
        """Return the default of a field, or None if the model has no such field."""
        rule = self.fields(operation).get(name)
        return None if rule is None else rule.default

    def notices(self, operation: Operation, values: Mapping[str, object]) -> tuple[Notice, ...]:
        """Return what is doubtful about a request that is sent anyway."""
        found: list[Notice] = []
        prompt = values.get("prompt")
        if operation is Operation.FUSION and prompt and not PICTURE_NAME.search(str(prompt)):
            found.append(Notice("no_picture_named"))
        if not self.is_listed:
            return (*found, Notice("unlisted_model", {"model": self.name}))
        found += [Notice("documented_limit", {"reason": one.reason}) for one in self.constraints if one.applies(values)]
        if operation not in self.operations:
            found.append(Notice("undocumented_operation", {"model": self.name, "operation": operation.value}))
        return tuple(found)


@lru_cache(maxsize=256)
def _rules(spec: ModelSpec, operation: Operation) -> Mapping[str, Rule]:
    made = OPERATIONS[operation]
    rules: dict[str, Rule] = {"prompt": made.prompt}
    by_model = _rules_by_model(spec, operation)
    rules |= {name: by_model[name] for name in made.model_fields if name in by_model}
    rules |= {name: rule for name, rule in SWITCHES.items() if name in spec.switches and name in made.switches}
    if not spec.is_listed:
        rules |= {name: _without_default(rule) for name, rule in rules.items() if name in SWITCHES}
    return MappingProxyType({**rules, **made.fields})


def _rules_by_model(spec: ModelSpec, operation: Operation) -> dict[str, Rule]:
    """Return the rules of the fields whose values depend on the model."""
    note = "" if operation is Operation.TEXT else ", or None to use the ratio of the first picture"
    rules: dict[str, Rule] = {"aspect_ratio": OneOf(spec.aspect_ratios, default=spec.aspect_ratios[0], note=note)}
    if spec.is_listed:
        rules["duration"] = OneOf(spec.durations, default=spec.default_duration, note=f" (seconds) with {spec.name}")
        rules["quality"] = OneOf(spec.qualities, default=spec.default_quality, note=f" with {spec.name}")
    else:
        rules["duration"] = Integer(1, _LONGEST_S, default=spec.default_duration)
        rules["quality"] = replace(QUALITY, default=spec.default_quality)
    if spec.takes_seed:
        rules["seed"] = Integer(1, SEED_MAX, default=None, note=", or None for a random seed")
    return rules


def _without_default(rule: Rule) -> Rule:
    """Return a rule whose field is left out unless it is given: nobody knows whether the model takes it."""
    return replace(rule, default=None) if isinstance(rule, Flag | Text | OneOf) else rule


def _seconds(first: int, last: int) -> tuple[int, ...]:
    return tuple(range(first, last + 1))


_ALL_QUALITIES: Final = ("360p", "540p", "720p", "1080p")
_MAKES_ALL: Final = (Operation.TEXT, Operation.IMAGE, Operation.FRAMES)
_NO_FRAMES: Final = (Operation.TEXT, Operation.IMAGE)
_OWN_SWITCHES: Final = ("preview_mode", "off_peak_mode", "auto_sound", "sound_effect_prompt")
_V5_PRICE: Final = Price({"360p": 20, "540p": 30, "720p": 40, "1080p": 80})
_V5_LIMIT: Final = Constraint(
    {"quality": ("1080p",), "duration": (9, 10)},
    "1080p is available for up to 8 s with this model: choose duration=8 or quality='720p'",
)
_V5: Final = ModelSpec(
    "v5",
    _MAKES_ALL,
    _seconds(1, 10),
    _ALL_QUALITIES,
    "540p",
    switches=_OWN_SWITCHES,
    price=_V5_PRICE,
    constraints=(_V5_LIMIT,),
)
_OTHER_VENDOR: Final = ModelSpec(
    "", _MAKES_ALL, (), (), "720p", takes_seed=False, plan="Pro", switches=()
)  # what models of other vendors have in common

# PixVerse's documents of the v3.5 era rule these out; the page of the route does not, and its own example is 1080p
# with 8 s.
V35_LIMITS: Final = (
    Constraint(
        {"motion_mode": ("fast",), "duration": (8,)},
        "fast motion is only available for 5 s videos: choose duration=5 or motion_mode='normal'",
        is_refused=False,
    ),
    Constraint(
        {"quality": ("1080p",), "duration": (8,)},
        "1080p is only available for 5 s videos: choose duration=5 or quality='720p'",
        is_refused=False,
    ),
    Constraint(
        {"quality": ("1080p",), "motion_mode": ("fast",)},
        "1080p is not available with fast motion: choose motion_mode='normal' or quality='720p'",
        is_refused=False,
    ),
)

_MODELS: Final = (
    replace(
        _V5,
        name="v5.6",
        operations=(*_MAKES_ALL, Operation.TRANSITION, Operation.FUSION, Operation.MOTION),
        switches=("audio", *_OWN_SWITCHES),
    ),
    ModelSpec(
        "v6",
        (*_MAKES_ALL, Operation.EXTEND),
        _seconds(1, 15),
        _ALL_QUALITIES,
        "720p",
        switches=("audio", "multi_shot", *_OWN_SWITCHES),
        price=Price({"360p": 4, "540p": 6, "720p": 7, "1080p": 14}, per_second=True),
    ),
    ModelSpec(
        "pixverse-c1",
        (*_MAKES_ALL, Operation.FUSION),
        _seconds(1, 15),
        _ALL_QUALITIES,
        "720p",
        aspect_ratios=(*ASPECT_RATIOS, "3:2", "2:3"),
        switches=("audio", *_OWN_SWITCHES),
        price=Price(
            {"360p": 6, "540p": 8, "720p": 10, "1080p": 19},
            per_second=True,
            audio_credits={"360p": 8, "540p": 10, "720p": 13, "1080p": 24},
        ),
        source="PixVerse's price list",
    ),
    replace(
        _V5,
        name="v5.5",
        operations=(*_MAKES_ALL, Operation.TRANSITION, Operation.EXTEND, Operation.MODIFY),
        switches=("audio", *_OWN_SWITCHES),
        price=replace(_V5_PRICE, audio_credits={"360p": 27, "540p": 40, "720p": 54, "1080p": 107}),  # a third more
    ),
    replace(
        _V5,
        operations=(*_MAKES_ALL, Operation.TRANSITION, Operation.EXTEND, Operation.FUSION, Operation.LIPSYNC),
    ),
    replace(_V5, name="v5-fast", operations=_NO_FRAMES),
    *(
        replace(
            _OTHER_VENDOR,
            name=name,
            operations=(*_MAKES_ALL, Operation.FUSION),
            durations=_seconds(4, 15),
            qualities=("480p", "720p", "1080p"),
            aspect_ratios=(*ASPECT_RATIOS, "21:9"),
        )
        for name in ("seedance-2.0", "seedance-2.0-fast", "seedance-2.0-mini")
    ),
    *(
        replace(
            _OTHER_VENDOR,
            name=name,
            operations=(*_MAKES_ALL, Operation.FUSION) if name == "kling-o3" else _MAKES_ALL,
            durations=_seconds(3, 15),
            qualities=("720p",),
            aspect_ratios=("16:9", "9:16", "1:1"),
        )
        for name in ("kling-o3", "kling-v3")
    ),
    *(
        replace(
            _OTHER_VENDOR,
            name=name,
            durations=(4, 6, 8),
            default_duration=4,
            qualities=("720p", "1080p"),
            aspect_ratios=("16:9", "9:16"),
        )
        for name in ("veo-3.1-lite", "veo-3.1-standard", "veo-3.1-fast")
    ),
    replace(
        _OTHER_VENDOR,
        name="grok-imagine",
        operations=(*_NO_FRAMES, Operation.EXTEND),
        durations=_seconds(1, 15),
        qualities=("480p", "720p"),
        aspect_ratios=ALL_ASPECT_RATIOS,
    ),
    *(
        replace(
            _OTHER_VENDOR,
            name=name,
            operations=_NO_FRAMES,
            durations=(4, 8, 12),
            default_duration=4,
            qualities=(quality,),
            default_quality=quality,
            aspect_ratios=("16:9", "9:16"),
        )
        for name, quality in (("sora-2", "720p"), ("sora-2-pro", "1080p"))
    ),
    replace(
        _OTHER_VENDOR,
        name="happyhorse-1.0",
        operations=_NO_FRAMES,
        durations=_seconds(3, 15),
        qualities=("720p", "1080p"),
    ),
    replace(
        _V5,
        name="v4",
        operations=(Operation.RESTYLE,),
        durations=(5, 8),
        switches=("off_peak_mode",),
        price=None,
        constraints=(),
    ),
    ModelSpec(
        "pixverse-upscale",
        (Operation.UPSCALE,),
        (5,),
        ("2160p",),
        "2160p",
        takes_seed=False,
        price=Price({"2160p": 30}),
        date="2025-08",
    ),
    ModelSpec(
        "v3.5",
        (Operation.FRAMES,),
        (5, 8),
        _ALL_QUALITIES,
        "720p",
        switches=("motion_mode", "remove_watermark"),
        price=Price({"360p": 30, "540p": 45, "720p": 60, "1080p": 120}),
        constraints=V35_LIMITS,
        date="2025-04",
        is_withdrawn=True,
    ),
)


def _bare(name: str) -> str:
    """Return a name without what people leave out."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _unlisted(name: str) -> ModelSpec:
    return ModelSpec(
        name,
        tuple(Operation),
        _seconds(1, _LONGEST_S),
        _ALL_QUALITIES,
        "720p",
        aspect_ratios=ALL_ASPECT_RATIOS,
        switches=tuple(SWITCHES),
        source="not listed",
        date="",
        is_listed=False,
    )


class Catalogue:
    """The models by name, in the order of the table. `corrections` replaces the price of 5 s by quality.

    >>> CATALOGUE.spec("v6").durations[-1]
    15
    >>> CATALOGUE.estimate("v6", {"quality": "540p", "duration": 10})
    60
    """

    def __init__(
        self, models: Iterable[ModelSpec] = _MODELS, *, corrections: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self._models = {spec.name: spec for spec in models}
        self._unlisted: dict[str, ModelSpec] = {}
        self._corrections = corrections

    def spec(self, name: object) -> ModelSpec:
        """Return the row of a model. A model without one takes every field, and nothing about it is checked."""
        name = name if isinstance(name, str) else safe_repr(name)
        if name in self._models:
            return self._models[name]
        if name not in self._unlisted:
            self._unlisted[name] = _unlisted(name)
        return self._unlisted[name]

    def spec_for(self, fields: Mapping[str, Any], default_model: str = DEFAULT_MODEL) -> ModelSpec:
        """Return the row of the model that a call with these fields names, or of the default model."""
        model = fields.get("model")
        return self.spec(default_model if model is None else plain(model))

    def estimate(
        self,
        model: str,
        values: Mapping[str, Any],
        *,
        is_documented: bool = True,
        factors: Mapping[str, float] = MappingProxyType({}),
    ) -> int | None:
        """Return the estimated credits of a request with these fields, or None if no price is known.

        With `is_documented=False` the table has no price for the operation: only a correction counts. `factors` are
        those of `price_factor`.
        """
        price = (self.spec(model).price if is_documented else None) or Price({})
        return price.estimate(values, self._corrections, factors)

    def priced(self, spec: ModelSpec) -> ModelSpec:
        """Return the row with the corrected prices of this catalogue."""
        if not self._corrections:
            return spec
        return replace(spec, price=replace(spec.price or Price({}), corrections=self._corrections))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the models in the table."""
        return tuple(self._models)

    def models(self, operation: Operation | str | None = None) -> tuple[ModelSpec, ...]:
        """Return the rows of the models that make an operation (None: every row). Raises InvalidRequest."""
        if operation is None:
            return tuple(self._models.values())
        try:
            wanted = Operation(operation) if isinstance(operation, str) else None
        except ValueError:
            wanted = None
        if wanted is None:
            known = ", ".join(Operation)
            problem = f"must be one of {known}, or None, not {safe_repr(operation):.40}"
            raise InvalidRequest({"operation": problem}, sends=False)
        return tuple(spec for spec in self._models.values() if wanted in spec.operations)

    def violations(self, name: str, operation: Operation, values: Mapping[str, object]) -> tuple[Constraint, ...]:
        """Return every combination that the vendor refuses: also an operation that a listed model does not make."""
        spec = self.spec(name)
        found = spec.violations(values)
        if not spec.is_listed or operation in spec.operations:
            return found
        others = self.alternatives(name, operation)
        fix = f": choose model={' or '.join(map(repr, others[:_SUGGESTED]))}" if others else ""
        return (Constraint({"model": (name,)}, f"{name} does not make {operation.value}{fix}"), *found)

    def notices(self, name: str, operation: Operation, values: Mapping[str, object]) -> tuple[Notice, ...]:
        """Return those of the model's row, with the name that may have been meant, and the models to use instead."""
        more = {
            "unlisted_model": {"near": self.nearest(name)},
            "undocumented_operation": {"others": ", ".join(self.alternatives(name, operation)[:_SUGGESTED])},
        }
        return tuple(
            replace(
                notice, data={**notice.data, **{key: text for key, text in more.get(notice.kind, {}).items() if text}}
            )
            for notice in self.spec(name).notices(operation, values)
        )

    def nearest(self, name: str) -> str:
        """Return the model in the table that a name which is not in it probably means; "" if none is close.

        >>> CATALOGUE.nearest("c1"), CATALOGUE.nearest("V6"), CATALOGUE.nearest("v35"), CATALOGUE.nearest("nova")
        ('pixverse-c1', 'v6', 'v3.5', '')
        """
        known = {_bare(one): one for one in self._models}
        name, bare = name.lower(), _bare(name)
        if bare in known:
            return known[bare]
        for one in self._models:  # a part of its name, or its name after the vendor's
            if one.startswith(f"{name}-") or one.endswith(f"-{name}") or name.endswith(f"-{one}"):
                return one
        close = get_close_matches(bare, known, n=1, cutoff=_CLOSE)
        return known[close[0]] if close else ""

    def names_with(self, field_name: str, operation: Operation) -> tuple[str, ...]:
        """Return the models that take a field for an operation."""
        return tuple(spec.name for spec in self.models(operation) if field_name in spec.fields(operation))

    def alternatives(self, model: str, operation: Operation) -> tuple[str, ...]:
        """Return the models to try if the vendor no longer offers `model` for this operation.

        Rows that are not those of the table come first: somebody has added or corrected them.
        """
        others = [spec for spec in self.models(operation) if spec.name != model and not spec.is_withdrawn]
        return tuple(spec.name for spec in sorted(others, key=_MODELS.__contains__))


CATALOGUE: Final = Catalogue()
