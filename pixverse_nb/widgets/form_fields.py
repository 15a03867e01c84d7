"""The controls of the form, one for each field of a request. Which ones are shown depends on the chosen model."""

import random
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import ipywidgets  # type: ignore[import-untyped]  # it ships no types
from markupsafe import Markup

from pixverse_nb.domain.catalogue import (
    CATALOGUE,
    DEFAULT_MODEL,
    PROMPT_MAX,
    SEED_MAX,
    SWITCHES,
    Catalogue,
    Constraint,
    ModelSpec,
    Operation,
)
from pixverse_nb.render.style import html
from pixverse_nb.widgets.choice import SegmentedControl

_FITS: Final[Mapping[str, str | None]] = MappingProxyType({"Crop": "cover", "Pad": "contain", "As is": None})
_CHECKBOXES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {  # field: label and tooltip
        "audio": ("Audio", "Generate sound"),
        "remove_watermark": ("Remove the watermark", "Needs a PixVerse plan that includes it"),
        "preview_mode": ("Preview", "Cheaper and of lower quality"),
        "off_peak_mode": ("Off-peak", "Cheaper; may take up to 24 hours"),
    }
)


class FormFields:
    """The controls for all fields except the pictures, by field name in `controls`.

    `on_change` is called after every change of a value, on the thread that the widgets use.
    """

    def __init__(self, on_change: Callable[[], object], catalogue: Catalogue = CATALOGUE) -> None:
        self._on_change = on_change
        self._catalogue = catalogue
        self._is_changing_model = False
        names = [spec.name for spec in catalogue.models(Operation.FRAMES)]
        model = DEFAULT_MODEL if DEFAULT_MODEL in names else names[0]
        self.model = ipywidgets.Dropdown(description="Model", options=_model_options(catalogue), value=model)
        self.duration = ipywidgets.Dropdown(description="Duration")
        self.choices: dict[str, SegmentedControl] = {
            "quality": SegmentedControl(label="Quality", options={"": None}, value=None),
            "motion_mode": SegmentedControl(
                label="Motion", options={"Normal": "normal", "Fast": "fast"}, value="normal"
            ),
            "aspect_ratio": SegmentedControl(label="Aspect ratio", options={"Auto": None}, value=None),
            "fit": SegmentedControl(label="Fit to the ratio", options=_FITS, value="cover"),
        }
        self.prompt = ipywidgets.Textarea(
            description="Prompt",
            placeholder="What happens between the two pictures (optional)",
            rows=2,
        )
        self._prompt_length = ipywidgets.HTML()
        self.seed = ipywidgets.Text(description="Seed", placeholder="random each time")
        self.draw_seed_button = ipywidgets.Button(tooltip="Draw a random seed and keep it")
        self.clear_seed_button = ipywidgets.Button(tooltip="Use a new random seed each time")
        self.switches: dict[str, Any] = {
            name: ipywidgets.Checkbox(
                description=label, tooltip=tooltip, value=SWITCHES[name].default is True, indent=False
            )
            for name, (label, tooltip) in _CHECKBOXES.items()
        }
        self._messages = {name: ipywidgets.HTML() for name in ("model", "duration", "prompt", "seed", *self.switches)}
        self.controls: dict[str, Any] = {**self.choices, **self._other_controls()}
        self._show_model()
        self._connect_callbacks()
        self.refresh(auto_ratio=None)

    @property
    def spec(self) -> ModelSpec:
        """The catalogue's row of the chosen model."""
        return self._catalogue.spec(self.model.value)

    @property
    def ratios(self) -> Sequence[str]:
        """The aspect ratios of the chosen model."""
        return self.spec.aspect_ratios

    def values(self) -> dict[str, Any]:
        """Return the fields for `create_frames`; None for one that the model does not take.

        `seed` is a number, None, or the text if it is not a number.
        """
        rules = self.spec.fields(Operation.FRAMES)
        seed = self.seed.value.strip()
        values: dict[str, Any] = {
            "prompt": self.prompt.value.strip(),
            "model": self.model.value,
            "duration": self.duration.value,
            **{name: choice.value for name, choice in self.choices.items()},
            "seed": (int(seed) if seed.isascii() and seed.isdigit() else seed) if seed else None,
        }
        for name, switch in self.switches.items():
            is_default = name in rules and rules[name].default is None and not switch.value
            values[name] = None if is_default else switch.value
        return {name: value if name in rules or name in ("model", "fit") else None for name, value in values.items()}

    def violations(self) -> tuple[Constraint, ...]:
        """Return the combinations of the current values that the vendor refuses."""
        return self.spec.violations(self.values())

    def problems(self) -> dict[str, str]:
        """Return the problems that can be found without calling the client: field name to message."""
        values = self.values()
        problems = {}
        excess = len(values["prompt"]) - PROMPT_MAX
        if excess > 0:
            characters = "1 character" if excess == 1 else f"{excess} characters"
            problems["prompt"] = f"The prompt is {characters} too long; the limit is {PROMPT_MAX}."
        if values["seed"] is not None and not (type(values["seed"]) is int and 1 <= values["seed"] <= SEED_MAX):
            problems["seed"] = f"Enter a whole number from 1 to {SEED_MAX}, or nothing for a random seed."
        return {**self._rejected_combinations(), **problems}

    def show_problems(self, problems: Mapping[str, str]) -> dict[str, str]:
        """Show each message at its field, and return the messages of fields without a control here."""
        for name in self.controls:
            self._show_message(name, problems.get(name, ""))
        return {name: problem for name, problem in problems.items() if name not in self.controls}

    def refresh(self, *, auto_ratio: str | None, is_reshaped: bool | None = None) -> None:
        """Update the character count, the disabled options and the hints.

        `auto_ratio` is the ratio that "Auto" stands for: the nearest to the first picture's. `is_reshaped` says whether
        any picture is cropped or padded for the ratio; None if that is not known yet.
        """
        values = self.values()
        length = len(values["prompt"])
        tone = Markup(' data-tone="bad"') if length > PROMPT_MAX else ""
        self._prompt_length.value = str(html('<div class="pvnb-form-count"{}>{} / {}</div>', tone, length, PROMPT_MAX))
        for name, choice in self.choices.items():
            choice.disable(self._disabled_options(name, values))
        self.choices["aspect_ratio"].names = [f"Auto: {auto_ratio}" if auto_ratio else "Auto", *self.ratios]
        ratio = values["aspect_ratio"] or auto_ratio
        self.choices["fit"].hint = _fit_hint(values["fit"], ratio, is_reshaped=is_reshaped)
        self.clear_seed_button.layout.display = "" if self.seed.value.strip() else "none"

    @property
    def _constrained(self) -> set[str]:
        """The fields with a control that occur in the chosen model's constraints."""
        names = {name for constraint in self.spec.constraints if constraint.is_refused for name in constraint.fields}
        return names & self.controls.keys()

    def _show_model(self) -> None:
        """Offer the values of the chosen model, and hide the fields that it does not take.

        A value that the model has stays selected; otherwise its default is.
        """
        spec = self.spec
        rules = spec.fields(Operation.FRAMES)
        seconds = self.duration.value
        self.duration.options = [(f"{length} s", length) for length in spec.durations]
        self.duration.value = seconds if seconds in spec.durations else spec.default_duration
        quality, ratio = self.choices["quality"], self.choices["aspect_ratio"]
        quality.set_options({name: name for name in spec.qualities}, default=spec.default_quality)
        ratio.set_options({"Auto": None, **{name: name for name in spec.aspect_ratios}}, default=None)
        for name in ("motion_mode", "seed", *self.switches):
            self.controls[name].layout.display = "" if name in rules else "none"

    def _other_controls(self) -> dict[str, Any]:
        """Return the controls made of ipywidgets, each with its message below."""
        for button, icon in ((self.draw_seed_button, "dice"), (self.clear_seed_button, "undo")):
            button.add_class("pvnb-form-icon")
            button.add_class(f"pvnb-form-icon-{icon}")
        prompt = ipywidgets.VBox([self.prompt, self._prompt_length])
        prompt.add_class("pvnb-form-with-count")
        seed = ipywidgets.HBox([self.seed, self.clear_seed_button, self.draw_seed_button])
        inputs = {"prompt": prompt, "model": self.model, "duration": self.duration, "seed": seed, **self.switches}
        return {name: _field_box(widget, self._messages[name]) for name, widget in inputs.items()}

    def _connect_callbacks(self) -> None:
        for name, choice in self.choices.items():
            choice.observe(lambda _, name=name: self._on_value_changed(name), "index")
        inputs = {"prompt": self.prompt, "seed": self.seed, "duration": self.duration, **self.switches}
        for name, widget in inputs.items():
            widget.observe(lambda _, name=name: self._on_value_changed(name), "value")
        self.model.observe(lambda _: self._on_model_changed(), "value")
        self.draw_seed_button.on_click(lambda _: self._set_seed(str(random.randint(1, SEED_MAX))))  # noqa: S311 - no secret
        self.clear_seed_button.on_click(lambda _: self._set_seed(""))

    def _set_seed(self, text: str) -> None:
        self.seed.value = text

    def _on_model_changed(self) -> None:
        self._is_changing_model = True  # the values change one by one, and in between they do not fit together
        try:
            self._show_model()
        finally:
            self._is_changing_model = False
        self.show_problems(self._rejected_combinations())
        self._on_change()

    def _on_value_changed(self, name: str) -> None:
        """Remove the message of a changed field, and show at once whether the new combination is rejected."""
        if self._is_changing_model:
            return
        constrained = self._constrained
        rejected = self._rejected_combinations()
        for field_name in constrained if name in constrained else {name}:
            self._show_message(field_name, rejected.get(field_name, ""))
        self._on_change()

    def _show_message(self, name: str, message: str) -> None:
        if name in self.choices:
            self.choices[name].message = message
        else:
            self._messages[name].value = _message_html(message)

    def _rejected_combinations(self) -> dict[str, str]:
        """Return a message for each field of a combination that the vendor rejects."""
        violations = self.violations()
        return {name: f"The vendor rejects this: {one.reason}." for one in reversed(violations) for name in one.fields}

    def _disabled_options(self, name: str, values: Mapping[str, object]) -> dict[object, str]:
        """Return the options of a field that the vendor rejects together with the other values, and why."""
        disabled: dict[object, str] = {}
        for value in self.choices[name].values:
            violations = self.spec.violations({**values, name: value})
            reasons = [constraint.reason for constraint in violations if name in constraint.fields]
            if reasons:
                summary = reasons[0].partition(":")[0]
                disabled[value] = f"{summary[:1].upper()}{summary[1:]}."
        return disabled


def _model_options(catalogue: Catalogue) -> list[tuple[str, str]]:
    """Return the label and the name of every model that makes a video from two pictures."""
    return [(_model_label(spec, catalogue), spec.name) for spec in catalogue.models(Operation.FRAMES)]


def _model_label(spec: ModelSpec, catalogue: Catalogue) -> str:
    values = {name: rule.default for name, rule in spec.fields(Operation.FRAMES).items()}
    price = catalogue.estimate(spec.name, values)
    facts = [f"{price} credits for {spec.default_duration} s" if price is not None else "price unknown"]
    facts += [f"{spec.plan} plan"] if spec.plan else []
    facts += ["withdrawn"] if spec.is_withdrawn else []
    return f"{spec.name} · {', '.join(facts)}"


def _fit_hint(fit: str | None, ratio: str | None, *, is_reshaped: bool | None) -> str:
    shape = ratio or "the ratio of the first picture"
    match fit:
        case "cover" | "contain" if is_reshaped is False:
            return f"No {'cropping' if fit == 'cover' else 'padding'} needed: both pictures are {shape}."
        case "cover":
            return f"Cropped to {shape}" + (": only the bright part is sent." if is_reshaped else ".")
        case "contain":
            return f"Padded to {shape} with black bars."
        case _:
            return "Sent unchanged. The vendor does not document what it does with other shapes."


def _field_box(widget: Any, message: Any) -> Any:
    box = ipywidgets.VBox([widget, message])
    box.add_class("pvnb-form-field")
    return box


def _message_html(text: str) -> str:
    return str(html('<div class="pvnb-form-message" role="alert">{}</div>', text)) if text else ""
