"""Fields: the form's controls for everything but the pictures, drawn from the request model."""

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import ipywidgets  # type: ignore[import-untyped]  # it ships no types
from markupsafe import Markup

from pixverse_nb.domain.catalogue import (
    ASPECT_RATIOS,
    CONSTRAINTS,
    DEFAULT_MODEL,
    DURATIONS,
    MOTION_MODES,
    PROMPT_MAX,
    QUALITIES,
    SEED_MAX,
    model_spec,
)
from pixverse_nb.render.style import html
from pixverse_nb.widgets.choice import Choice

_FIT_NAMES: Final[Mapping[str, str | None]] = MappingProxyType({"Crop": "cover", "Pad": "contain", "As is": None})
_RULED: Final = frozenset(name for rule in CONSTRAINTS for name in rule.fields)


class Fields:
    """The controls by name (`controls`), what they say (`values()`), and the words at them.

    `on_change` is called after every change of a value, on whatever thread the widgets use.
    """

    def __init__(self, on_change: Callable[[], object]) -> None:
        self._on_change = on_change
        default = {name: rule.default for name, rule in model_spec(DEFAULT_MODEL).fields.items()}
        self.choices: dict[str, Choice] = {
            "quality": Choice(label="Quality", options=_named(QUALITIES), value=default["quality"]),
            "duration": Choice(label="Duration", options={f"{s} s": s for s in DURATIONS}, value=default["duration"]),
            "motion_mode": Choice(
                label="Motion",
                options={mode.capitalize(): mode for mode in MOTION_MODES},
                value=default["motion_mode"],
            ),
            "aspect_ratio": Choice(label="Aspect ratio", options={"Auto": None, **_named(ASPECT_RATIOS)}, value=None),
            "fit": Choice(label="Fit to the ratio", options=_FIT_NAMES, value="cover"),
        }
        self.prompt = ipywidgets.Textarea(
            description="Prompt",
            placeholder="What happens between the two pictures (optional)",
            rows=2,
        )
        self._count = ipywidgets.HTML()
        self.seed = ipywidgets.Text(description="Seed", placeholder="random each time")
        self.dice = ipywidgets.Button(tooltip="Draw a seed and keep it")
        self.no_seed = ipywidgets.Button(tooltip="Back to a random seed each time")
        self.remove_watermark = ipywidgets.Checkbox(
            description="Remove the watermark", value=default["remove_watermark"], indent=False
        )
        self._messages = {name: ipywidgets.HTML() for name in ("prompt", "seed", "remove_watermark")}
        self.controls: dict[str, Any] = {**self.choices, **self._composed()}
        self._watch()
        self.refresh(nearest=None)

    def values(self) -> dict[str, Any]:
        """Return the fields for `create_frames`; `seed` is a number, None, or the text itself where it is no number."""
        seed = self.seed.value.strip()
        return {
            "prompt": self.prompt.value.strip(),
            **{name: choice.value for name, choice in self.choices.items()},
            "seed": (int(seed) if seed.isascii() and seed.isdigit() else seed) if seed else None,
            "remove_watermark": self.remove_watermark.value,
        }

    def problems(self) -> dict[str, str]:
        """Return what can be seen to be wrong without asking anybody: field to sentence."""
        values = self.values()
        wrong = {}
        if len(values["prompt"]) > PROMPT_MAX:
            over = len(values["prompt"]) - PROMPT_MAX
            wrong["prompt"] = f"The prompt is {over} characters too long; at most {PROMPT_MAX} are taken."
        if values["seed"] is not None and not (type(values["seed"]) is int and 1 <= values["seed"] <= SEED_MAX):
            wrong["seed"] = f"A whole number from 1 to {SEED_MAX}, or nothing for a random one."
        for rule in model_spec(DEFAULT_MODEL).violations(values):
            for name in rule.fields:
                wrong.setdefault(name, f"PixVerse refuses this: {rule.reason}.")
        return wrong

    def show_problems(self, wrong: Mapping[str, str]) -> dict[str, str]:
        """Put each sentence at its field, and return those whose field is not here."""
        for name, choice in self.choices.items():
            choice.message = wrong.get(name, "")
        for name, message in self._messages.items():
            message.value = _message(wrong.get(name, ""))
        return {name: why for name, why in wrong.items() if name not in self.controls}

    def refresh(self, *, nearest: str | None, fitting: bool | None = None) -> None:
        """Bring the counter, the barred options and the hints up to date; `nearest` is the first picture's ratio.

        `fitting` tells whether any picture is cut or padded for the ratio; None where that is not known yet.
        """
        values = self.values()
        length = len(values["prompt"])
        tone = Markup(' data-tone="bad"') if length > PROMPT_MAX else ""
        self._count.value = str(html('<div class="pvnb-form-count"{}>{} / {}</div>', tone, length, PROMPT_MAX))
        for name in _RULED:
            self.choices[name].bar(_barred(name, self.choices[name], values))
        ratio = self.choices["aspect_ratio"]
        ratio.names = [f"Auto: {nearest}" if nearest else "Auto", *ASPECT_RATIOS]
        self.choices["fit"].hint = _fit_words(values["fit"], values["aspect_ratio"] or nearest, fitting)
        self.no_seed.layout.display = "" if self.seed.value.strip() else "none"

    def _composed(self) -> dict[str, Any]:
        """Return the fields that are made of ready-made widgets, each with its message below."""
        for button, name in ((self.dice, "dice"), (self.no_seed, "undo")):
            button.add_class("pvnb-form-icon")
            button.add_class(f"pvnb-form-icon-{name}")
        seed = ipywidgets.HBox([self.seed, self.no_seed, self.dice])
        prompt = ipywidgets.VBox([self.prompt, self._count])
        prompt.add_class("pvnb-form-counted")
        bodies = {"prompt": prompt, "seed": seed, "remove_watermark": self.remove_watermark}
        return {name: _field(body, self._messages[name]) for name, body in bodies.items()}

    def _watch(self) -> None:
        for name, choice in self.choices.items():
            choice.observe(lambda _, name=name: self._changed(name), "index")
        self.prompt.observe(lambda _: self._changed("prompt"), "value")
        self.seed.observe(lambda _: self._changed("seed"), "value")
        self.remove_watermark.observe(lambda _: self._changed("remove_watermark"), "value")
        self.dice.on_click(lambda _: self._set_seed(str(random.randint(1, SEED_MAX))))  # noqa: S311 - no secret
        self.no_seed.on_click(lambda _: self._set_seed(""))

    def _set_seed(self, text: str) -> None:
        self.seed.value = text

    def _changed(self, name: str) -> None:
        """Take back the words at a field that was changed; a rule's words stand at all of its fields."""
        for other in _RULED if name in _RULED else {name}:
            if other in self.choices:
                self.choices[other].message = ""
            else:
                self._messages[other].value = ""
        self._on_change()


def _named(values: tuple[str, ...]) -> dict[str, str]:
    return {value: value for value in values}


def _field(body: Any, message: Any) -> Any:
    box = ipywidgets.VBox([body, message])
    box.add_class("pvnb-form-field")
    return box


def _message(text: str) -> str:
    return str(html('<div class="pvnb-form-message" role="alert">{}</div>', text)) if text else ""


def _barred(name: str, choice: Choice, values: Mapping[str, object]) -> dict[object, str]:
    """Return the options of field `name` that the vendor would refuse with the other values, and why."""
    barred: dict[object, str] = {}
    for value in choice.values:
        broken = [rule for rule in model_spec(DEFAULT_MODEL).violations({**values, name: value}) if name in rule.fields]
        if broken:
            reason = broken[0].reason.partition(":")[0]
            barred[value] = f"{reason[:1].upper()}{reason[1:]}."
    return barred


def _fit_words(fit: str | None, ratio: str | None, fitting: bool | None) -> str:
    shape = ratio or "the first picture's ratio"
    match fit:
        case "cover" | "contain" if fitting is False:
            return f"Nothing to {'cut' if fit == 'cover' else 'pad'}: both are {shape}."
        case "cover":
            return f"Cut to {shape}" + (": the bright part is sent." if fitting else ".")
        case "contain":
            return f"Brought to {shape} with black bars."
        case _:
            return "Sent untouched; what PixVerse does with another shape is not documented."
