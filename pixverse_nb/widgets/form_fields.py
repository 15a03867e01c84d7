"""The fields of the form as plain values: which ones a model takes for an operation, their options and problems.

Nothing here knows about widgets. The page sends one value at a time to `FormFields.set_value`, and
`FormFields.describe` returns what the page shows.
"""

import random
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from pixverse_nb.domain.catalogue import (
    CATALOGUE,
    DEFAULT_MODEL,
    SEED_MAX,
    SWITCHES,
    Catalogue,
    Constraint,
    ModelSpec,
    Operation,
)
from pixverse_nb.domain.operations import OPERATIONS, TRANSITION_MAX
from pixverse_nb.domain.validation import Rule
from pixverse_nb.widgets.messages import model_limit

FORM_OPERATIONS: Final = (Operation.FRAMES, Operation.IMAGE, Operation.TEXT, Operation.TRANSITION)
LINK_SECONDS: Final = tuple(range(1, 9))  # from one picture of a transition to the next

_FITS: Final[Mapping[str, str | None]] = MappingProxyType({"Crop": "cover", "Pad": "contain", "As is": None})
_CHOICES: Final[Mapping[str, str]] = MappingProxyType(
    {"quality": "Quality", "motion_mode": "Motion", "aspect_ratio": "Aspect ratio", "fit": "Fit to the ratio"}
)
_SWITCHES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {  # field: label and tooltip
        "audio": ("Audio", "Generate sound"),
        "multi_shot": ("Several shots", "Cut between several shots"),
        "remove_watermark": ("Remove the watermark", "Needs a PixVerse plan that includes it"),
        "preview_mode": ("Preview", "Cheaper and of lower quality"),
        "off_peak_mode": ("Off-peak", "Cheaper; may take up to 24 hours"),
    }
)
FIELD_NAMES: Final = ("prompt", "model", "duration", *_CHOICES, "seed", *_SWITCHES)


def operation_for(picture_count: int) -> Operation:
    """Return what the form makes of this many pictures: text, one picture, two pictures, or a transition."""
    if picture_count == 0:
        return Operation.TEXT
    if picture_count == 1:
        return Operation.IMAGE
    return Operation.FRAMES if picture_count == 2 else Operation.TRANSITION


class FormFields:
    """The values of all fields but the pictures, and the messages at them.

    A value that the chosen model does not take is kept, so that it is back when a model that takes it is chosen.

    >>> fields = FormFields()
    >>> fields.set_value("model", "v6")
    >>> fields.call_fields()["quality"]
    '540p'
    """

    def __init__(self, catalogue: Catalogue = CATALOGUE) -> None:
        self._catalogue = catalogue
        names = [spec.name for spec in catalogue.models(Operation.FRAMES)] or [spec.name for spec in self._models]
        self._operation = Operation.TEXT
        self._replaced_model = ""  # the model that was chosen before a transition needed another one
        self._values: dict[str, Any] = {
            "prompt": "",
            "model": DEFAULT_MODEL if DEFAULT_MODEL in names else names[0],
            "seed": "",
            "duration": None,
            "quality": None,
            "motion_mode": "normal",
            "aspect_ratio": None,
            "fit": "cover",
            "seconds": [None] * (TRANSITION_MAX - 1),
            **{name: SWITCHES[name].default is True for name in _SWITCHES},
        }
        self._messages: dict[str, str] = {}
        self._keep_possible_values()

    # ---- what is chosen ----

    @property
    def operation(self) -> Operation:
        """What the form makes of its pictures."""
        return self._operation

    @property
    def spec(self) -> ModelSpec:
        """The catalogue's row of the chosen model."""
        return self._catalogue.spec(self._values["model"])

    @property
    def ratios(self) -> Sequence[str]:
        """The aspect ratios of the chosen model."""
        return self.spec.aspect_ratios

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def set_operation(self, operation: Operation) -> None:
        """Change the operation. A model that cannot make a transition is replaced until the operation is another."""
        if operation is self._operation:
            return
        self._operation = operation
        default = OPERATIONS[operation].default_model
        if operation is Operation.TRANSITION:
            if not makes(self.spec, operation) and default in self._catalogue.names:
                self._replaced_model, self._values["model"] = self._values["model"], default
        elif self._replaced_model:
            self._values["model"], self._replaced_model = self._replaced_model, ""
        self._messages = {}
        self._keep_possible_values()

    def set_value(self, name: str, value: Any) -> None:
        """Set a field to what the page sent. A value that the field cannot have is ignored."""
        if not self._is_possible(name, value):
            return
        if name.startswith("seconds_"):
            self._values["seconds"][int(name.removeprefix("seconds_")) - 1] = value
            return
        self._values[name] = value
        if name == "model":
            self._replaced_model = ""
            self._keep_possible_values()
            self._messages = self._rejected_combinations()
            return
        constrained = self._constrained
        rejected = self._rejected_combinations()
        for field in constrained if name in constrained else {name}:
            self._messages[field] = rejected.get(field, "")

    def settings(self) -> dict[str, Any]:
        """Return what can be saved and given to `fill` again: every value but the prompt. A wrong seed is left out."""
        seconds = {f"seconds_{number}": value for number, value in enumerate(self._values["seconds"], 1)}
        values = {name: self._values[name] for name in FIELD_NAMES if name != "prompt"}
        seed = values["seed"].strip()
        is_seed = seed.isascii() and seed.isdigit() and len(seed) <= len(str(SEED_MAX))
        return {**values, **seconds, "seed": seed if is_seed else ""}

    def fill(self, values: Mapping[str, Any]) -> None:
        """Set several fields, the model first; those that are missing stay."""
        for name in ("model", *(name for name in values if name != "model")):
            if name in values:
                self.set_value(name, values[name])

    def draw_seed(self) -> None:
        """Set a random seed."""
        self.set_value("seed", str(random.randint(1, SEED_MAX)))  # noqa: S311 - no secret

    # ---- the call ----

    def call_fields(self) -> dict[str, Any]:
        """Return the keyword arguments of the call: those fields that the model takes for the operation.

        `seed` is a number, None, or the text if it is not a number.
        """
        rules = self._rules
        values = {name: self._value(name, rules) for name in FIELD_NAMES if name in rules or name == "model"}
        if self._operation is not Operation.TEXT:
            values["fit"] = self._values["fit"]
        return values

    def seconds(self, picture_count: int) -> list[int | None]:
        """Return the seconds from each picture of a transition to the next; None leaves it to the vendor."""
        return list(self._values["seconds"][: picture_count - 1])

    def price_fields(self) -> dict[str, Any]:
        """Return those fields of the call that may affect the price."""
        return {name: value for name, value in self.call_fields().items() if name not in ("prompt", "seed")}

    def violations(self) -> tuple[Constraint, ...]:
        """Return the combinations of the current values that the vendor refuses."""
        return self.spec.violations(self.call_fields())

    # ---- problems ----

    def problems(self) -> dict[str, str]:
        """Return the problems that can be found without calling the client: field name to message."""
        values = self.call_fields()
        problems = {}
        made = OPERATIONS[self._effective_operation]
        excess = len(values["prompt"]) - made.prompt_max
        if excess > 0:
            characters = "1 character" if excess == 1 else f"{excess} characters"
            problems["prompt"] = f"The prompt is {characters} too long; the limit is {made.prompt_max}."
        elif self._operation is Operation.TEXT and not values["prompt"]:
            problems["prompt"] = "Describe the video, or choose a picture."
        seed = values.get("seed")
        if seed is not None and not (type(seed) is int and 1 <= seed <= SEED_MAX):
            problems["seed"] = f"Enter a whole number from 1 to {SEED_MAX}, or nothing for a random seed."
        if not makes(self.spec, self._operation):
            problems["model"] = model_limit(self.spec)
        return {**self._rejected_combinations(), **problems}

    def show_problems(self, problems: Mapping[str, str]) -> dict[str, str]:
        """Show each message at its field, and return the messages of fields that are not shown."""
        shown = {name for name in FIELD_NAMES if not self._is_hidden(name)}
        self._messages = {name: text for name, text in problems.items() if name in shown}
        return {name: text for name, text in problems.items() if name not in shown}

    # ---- for the page ----

    def describe(self, *, auto_ratio: str | None = None, is_reshaped: bool | None = None) -> dict[str, Any]:
        """Return each field as JSON: its options, the selected one, hint, message, and whether it is hidden.

        `auto_ratio` is the ratio that "Auto" stands for: the nearest to the first picture's. `is_reshaped` says whether
        any picture is cropped or padded for the ratio; None if that is not known yet.
        """
        values = self._values
        limit = OPERATIONS[self._effective_operation].prompt_max
        fields: dict[str, dict[str, Any]] = {
            "prompt": {"count": len(values["prompt"].strip()), "limit": limit},
            "model": {
                "names": [self._model_label(spec) for spec in self._models],
                "values": [spec.name for spec in self._models],
                "value": values["model"],
                "hint": "" if makes(self.spec, self._operation) else model_limit(self.spec),
            },
            "duration": {
                "names": [f"{length} s" for length in self.spec.durations],
                "values": list(self.spec.durations),
                "value": values["duration"],
            },
            "seed": {"is_set": bool(values["seed"].strip())},
        }
        fields |= {name: self._describe_choice(name, auto_ratio) for name in _CHOICES}
        ratio = values["aspect_ratio"] or auto_ratio
        fields["fit"]["hint"] = (
            "" if self._operation is Operation.TEXT else _fit_hint(values["fit"], ratio, is_reshaped=is_reshaped)
        )
        for name, (label, tooltip) in _SWITCHES.items():
            fields[name] = {"label": label, "tooltip": tooltip, "value": bool(values[name])}
        for name, field in fields.items():
            field["message"] = self._messages.get(name, "")
            field["is_hidden"] = self._is_hidden(name)
        return fields

    def texts(self) -> dict[str, str]:
        """Return what is typed: the prompt and the seed."""
        return {"prompt": self._values["prompt"], "seed": self._values["seed"]}

    # ---- inside ----

    @property
    def _models(self) -> tuple[ModelSpec, ...]:
        """The models that make any operation of the form."""
        return tuple(spec for spec in self._catalogue.models() if set(FORM_OPERATIONS) & set(spec.operations))

    @property
    def _effective_operation(self) -> Operation:
        """The operation, or the first that the model makes if it does not make this one."""
        if self._operation in self.spec.operations:
            return self._operation
        return next(one for one in FORM_OPERATIONS if one in self.spec.operations)

    @property
    def _rules(self) -> Mapping[str, Rule]:
        return self.spec.fields(self._effective_operation)

    def _value(self, name: str, rules: Mapping[str, Rule]) -> Any:
        value = self._values[name]
        if name == "prompt":
            return value.strip()
        if name == "seed":
            seed = value.strip()
            return (int(seed) if seed.isascii() and seed.isdigit() else seed) if seed else None
        is_default = name in _SWITCHES and rules[name].default is None and not value
        return None if is_default else value

    def _is_hidden(self, name: str) -> bool:
        return name not in self._rules and name not in ("model", "fit")

    def _is_possible(self, name: str, value: Any) -> bool:
        match name:
            case "prompt" | "seed":
                return isinstance(value, str)
            case "model":
                return value in [spec.name for spec in self._models]
            case "duration":
                return type(value) is int and value in self.spec.durations
            case _ if name in _CHOICES:
                return value in self._options(name).values()
            case _ if name in _SWITCHES:
                return isinstance(value, bool)
        is_link = name in [f"seconds_{number}" for number in range(1, TRANSITION_MAX)]
        return is_link and (value is None or (type(value) is int and value in LINK_SECONDS))

    def _keep_possible_values(self) -> None:
        """Keep the values that the model has; the others become its defaults."""
        spec = self.spec
        values = self._values
        if values["duration"] not in spec.durations:
            values["duration"] = spec.default_duration
        if values["quality"] not in spec.qualities:
            values["quality"] = spec.default_quality
        if values["aspect_ratio"] not in spec.aspect_ratios:
            values["aspect_ratio"] = None

    def _options(self, name: str) -> dict[str, str | None]:
        match name:
            case "quality":
                return {quality: quality for quality in self.spec.qualities}
            case "motion_mode":
                return {"Normal": "normal", "Fast": "fast"}
            case "aspect_ratio":
                return {"Auto": None, **{ratio: ratio for ratio in self.spec.aspect_ratios}}
            case _:
                return dict(_FITS)

    def _describe_choice(self, name: str, auto_ratio: str | None) -> dict[str, Any]:
        options = self._options(name)
        names, values = list(options), list(options.values())
        if name == "aspect_ratio":
            auto = self.ratios[0] if self._operation is Operation.TEXT else auto_ratio
            names[0] = f"Auto: {auto}" if auto else "Auto"
        reasons = self._reasons(name, values)
        return {
            "label": _CHOICES[name],
            "names": names,
            "values": values,
            "index": values.index(self._values[name]),
            "reasons": reasons,
            "hint": "",
        }

    def _reasons(self, name: str, options: Sequence[object]) -> list[str]:
        """Return for each option why the vendor refuses it together with the other values, or ""."""
        values = self.call_fields()
        reasons = []
        for option in options:
            violations = self.spec.violations({**values, name: option})
            found = [constraint.reason for constraint in violations if name in constraint.fields]
            summary = found[0].partition(":")[0] if found else ""
            reasons.append(f"{summary[:1].upper()}{summary[1:]}." if found else "")
        return reasons

    @property
    def _constrained(self) -> set[str]:
        """The fields that occur in the chosen model's constraints."""
        names = {name for constraint in self.spec.constraints if constraint.is_refused for name in constraint.fields}
        return names & set(FIELD_NAMES)

    def _rejected_combinations(self) -> dict[str, str]:
        """Return a message for each field of a combination that the vendor rejects."""
        violations = self.violations()
        return {name: f"The vendor rejects this: {one.reason}." for one in reversed(violations) for name in one.fields}

    def _model_label(self, spec: ModelSpec) -> str:
        operation = next(one for one in (self._operation, *FORM_OPERATIONS) if one in spec.operations)
        values = {name: rule.default for name, rule in spec.fields(operation).items()}
        values.setdefault("duration", spec.default_duration)
        price = self._catalogue.estimate(spec.name, values)
        usual = f"{spec.default_duration} s in {values.get('quality', spec.default_quality)}"
        facts = [f"{price} credits for {usual}" if price is not None else "price unknown"]
        facts += [] if makes(spec, self._operation) else [_PICTURES_TAKEN[self._operation]]
        facts += [f"{spec.plan} plan"] if spec.plan else []
        facts += ["withdrawn"] if spec.is_withdrawn else []
        return f"{spec.name} · {', '.join(facts)}"


_PICTURES_TAKEN: Final[Mapping[Operation, str]] = MappingProxyType(
    {
        Operation.TEXT: "not without pictures",
        Operation.IMAGE: "not with one picture",
        Operation.FRAMES: "not with two pictures",
        Operation.TRANSITION: "not with so many pictures",
    }
)


def makes(spec: ModelSpec, operation: Operation) -> bool:
    """Return whether the model makes an operation of the form; only one makes transitions of more than 2 pictures."""
    if operation is Operation.TRANSITION and spec.is_listed:
        return spec.name == OPERATIONS[operation].default_model
    return operation in spec.operations


def _fit_hint(fit: str | None, ratio: str | None, *, is_reshaped: bool | None) -> str:
    shape = ratio or "the ratio of the first picture"
    match fit:
        case "cover" | "contain" if is_reshaped is False:
            return f"No {'cropping' if fit == 'cover' else 'padding'} needed: the pictures are {shape}."
        case "cover":
            return f"Cropped to {shape}" + (": only the bright part is sent." if is_reshaped else ".")
        case "contain":
            return f"Padded to {shape} with black bars."
        case _:
            return "Sent unchanged. The vendor does not document what it does with other shapes."
