"""The form: two picture slots, one control for each field of a request, a button that creates the video, and its jobs.

The controls are made from the catalogue's table of the default model.
"""

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from pixverse_nb.domain.jobs import JobSnapshot
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.images import nearest_ratio
from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import format_credits
from pixverse_nb.render.style import html
from pixverse_nb.widgets.assets import bundle_css
from pixverse_nb.widgets.choice import SegmentedControl
from pixverse_nb.widgets.comm import BackgroundRunner, error_text
from pixverse_nb.widgets.job_list import JobTracker
from pixverse_nb.widgets.messages import as_sentence, missing_image_message, reuse_question
from pixverse_nb.widgets.picker import LoadedImage, Picker
from pixverse_nb.widgets.protocols import JobHandle, VideoClient

_FITS: Final[Mapping[str, str | None]] = MappingProxyType({"Crop": "cover", "Pad": "contain", "As is": None})
_CONSTRAINED: Final = frozenset(name for constraint in CONSTRAINTS for name in constraint.fields)
_GRID_FIELDS: Final = ("quality", "duration", "motion_mode", "aspect_ratio", "fit", "seed")
_PRICE_FIELDS: Final = ("quality", "duration", "motion_mode")
_BUSY_CLASS: Final = "pvnb-form-at-work"
_CSS: Final = Markup(bundle_css("form"))  # noqa: S704 - our own stylesheet


@dataclass(frozen=True)
class FormValues:
    """The content of the form when a button was pressed. Later changes do not affect it."""

    first: LoadedImage
    last: LoadedImage
    fields: Mapping[str, Any]


class Form(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The form for `client`. `on_video` gets the snapshot of every job of this form that has its video.

    >>> from pixverse_nb.client import Client                                      # doctest: +SKIP
    >>> Form(Client.sandbox(), on_video=lambda snapshot: print(snapshot.video))      # doctest: +SKIP
    """

    def __init__(self, client: VideoClient, *, on_video: Callable[[JobSnapshot], object] = lambda _: None) -> None:
        self._client = client
        self._lock = threading.RLock()  # callbacks and readers run on different threads
        self._balance: int | None = None
        self._pending_question: tuple[JobHandle, FormValues] | None = None
        self._runner = BackgroundRunner(self._show_error)
        self.first = Picker(role="first", label="First picture", fetch_url=client.fetch_picture)
        self.last = Picker(role="last", label="Last picture", fetch_url=client.fetch_picture)
        self._pickers = {"first": self.first, "last": self.last}
        self.fields = FormFields(self._refresh)
        self.tracker = JobTracker(client, self._runner, on_video=on_video, on_balance_changed=self._update_balance)
        self.swap_button = ipywidgets.Button(tooltip="Swap the two pictures")
        self.submit_button = ipywidgets.Button(description="Create video", button_style="")
        self.show_button = ipywidgets.Button(description="Show it")
        again = "Generate again" if client.is_sandbox else "Pay and generate again"
        self.generate_again_button = ipywidgets.Button(description=again)
        self._balance_line = ipywidgets.HTML()
        self._price_line = ipywidgets.HTML()
        self._status_line = ipywidgets.HTML()
        self._question_text = ipywidgets.HTML()
        answers = ipywidgets.HBox([self.show_button, self.generate_again_button])
        self._question_box = ipywidgets.VBox([self._question_text, answers])
        super().__init__(self._rows())
        self._add_style_classes()
        self._connect_callbacks()
        self._refresh()
        self._runner.run_in_thread(self.tracker.track_open_jobs)
        self._runner.run_in_thread(self._update_balance)

    def close(self) -> None:
        """Remove the form from the page and stop following its jobs. The jobs themselves continue."""
        self.tracker.stop()
        super().close()

    # ---- layout ----

    def _rows(self) -> list[Any]:
        badge = Markup('<span class="pvnb-form-badge">Sandbox: nothing is charged</span>')
        title = html(
            '<style>{}</style><div class="pvnb-form-title">Two pictures, one video{}</div>',
            _CSS,
            badge if self._client.is_sandbox else "",
        )
        controls = self.fields.controls
        return [
            _box("head", ipywidgets.HTML(str(title)), self._balance_line),
            _box("pictures", self.first, self.swap_button, self.last),
            controls["prompt"],
            _box("grid", *(controls[name] for name in _GRID_FIELDS)),
            _box("foot", controls["remove_watermark"], self._price_line, self.submit_button),
            self._question_box,
            self._status_line,
            self.tracker.job_list,
        ]

    def _add_style_classes(self) -> None:
        for name, control in self.fields.controls.items():
            control.add_class(f"pvnb-form-{name.replace('_', '-')}")
        self.swap_button.add_class("pvnb-form-icon")
        self.swap_button.add_class("pvnb-form-icon-swap")
        self.submit_button.add_class("pvnb-form-submit")
        self._question_box.add_class("pvnb-form-asking")
        for button in (self.show_button, self.generate_again_button):
            button.add_class("pvnb-form-answer")
        self.show_button.add_class("pvnb-form-answer-main")
        self.add_class("pvnb-ui")
        self.add_class("pvnb-form")

    def _connect_callbacks(self) -> None:
        self.first.on_change(self._refresh)
        self.last.on_change(self._refresh)
        self.swap_button.on_click(lambda _: self._runner.run_guarded(lambda: self.first.swap_with(self.last)))
        self.submit_button.on_click(lambda _: self._runner.run_guarded(self._submit))
        self.show_button.on_click(lambda _: self._runner.run_guarded(self._show_existing))
        self.generate_again_button.on_click(lambda _: self._runner.run_guarded(self._generate_again))

    # ---- display ----

    def _refresh(self) -> None:
        """Update what depends on the values: the preview of the crop, the disabled options and the price."""
        with self._lock:
            first = self.first.image
            nearest = nearest_ratio(first.info.width, first.info.height) if first else None
            values = self.fields.values()
            ratio = values["aspect_ratio"] or nearest or ""
            for picker in self._pickers.values():
                picker.ratio, picker.fit = ratio, values["fit"] or ""
            is_reshaped = self._preview_fit(ratio, values["fit"])
            self.fields.refresh(auto_ratio=nearest, is_reshaped=is_reshaped)
            self._withdraw_question()
            self._show_status("")
            self._update_price(values)

    def _preview_fit(self, ratio: str, fit: str | None) -> bool | None:
        """Show each slot's warning and return whether any picture is cropped or padded; None if not yet known."""
        effects = []
        for picker in self._pickers.values():
            image = picker.image
            is_reshaped, warning = image.preview_fit(aspect_ratio=ratio, fit=fit) if image and ratio else (None, "")
            picker.caution = as_sentence(warning) if warning else ""
            effects.append(is_reshaped)
        return True if True in effects else None if None in effects else False

    def _update_price(self, values: Mapping[str, Any]) -> None:
        priced = {name: values[name] for name in _PRICE_FIELDS}
        price = None if model_spec(DEFAULT_MODEL).violations(priced) else self._client.estimate(**priced)
        text = format_credits(price, is_estimate=True, is_sandbox=self._client.is_sandbox)
        is_short = price is not None and self._balance is not None and price > self._balance
        warning = Markup(' <span data-tone="bad">The balance may not be enough.</span>') if is_short else ""
        line = html('<div class="pvnb-form-cost">{}{}</div>', text[:1].upper() + text[1:], warning)
        self._price_line.value = str(line)

    def _update_balance(self) -> None:
        balance = self._client.credits()
        self._balance = balance.total
        plan = f" · {balance.plan}" if balance.plan else ""
        text = format_credits(balance.total, is_estimate=False, is_sandbox=self._client.is_sandbox)
        self._balance_line.value = str(html('<div class="pvnb-form-balance">Balance: {}{}</div>', text, plan))
        with self._lock:
            self._update_price(self.fields.values())

    def _show_problems(self, problems: Mapping[str, str]) -> None:
        """Show each problem at its field. Problems of fields without a control go to the status line."""
        texts = {name: redact(as_sentence(problem)) for name, problem in problems.items()}
        for role, picker in self._pickers.items():
            picker.message = texts.get(role, picker.message if picker.state == "failed" else "")
        others = self.fields.show_problems({name: text for name, text in texts.items() if name not in self._pickers})
        status = " ".join(f"{name}: {text}" for name, text in others.items())
        self._show_status(status or "Nothing was sent. Fix the marked fields." if texts else "", tone="bad")

    def _show_status(self, text: str, *, tone: str = "plain") -> None:
        role = "alert" if tone == "bad" else "status"
        line = html('<div class="pvnb-form-status" role="{}" data-tone="{}">{}</div>', role, tone, text)
        self._status_line.value = str(line) if text else ""

    def _show_error(self, error: Exception) -> None:
        self._show_status(error_text(error), tone="bad")

    # ---- creating a video ----

    def _submit(self) -> None:
        problems = {**self._missing_images(), **self.fields.problems()}
        self._show_problems(problems)
        first, last = self.first.image, self.last.image
        if problems or first is None or last is None:
            return
        values = FormValues(first, last, self.fields.values())
        self._run_exclusive(lambda: self._ask_or_create(values))

    def _generate_again(self) -> None:
        if self._pending_question is not None:
            values = self._pending_question[1]
            self._run_exclusive(lambda: self._create(values, reuse=False))
            self.submit_button.focus()  # the focused button disappears with the question

    def _show_existing(self) -> None:
        question = self._pending_question
        self._withdraw_question()
        self.submit_button.focus()
        if question is not None:
            job, _ = question
            if job.snapshot().can_resume:
                job.resume()
            self.tracker.track(job, scroll_to=True)

    def _run_exclusive(self, work: Callable[[], object]) -> None:
        """Run `work` in a thread, unless earlier work is running: a double click pays once.

        The button only looks disabled, because a button that is disabled loses the keyboard focus to the page.
        """

        def run_busy() -> None:
            self.submit_button.add_class(_BUSY_CLASS)
            try:
                work()
            finally:
                self.submit_button.remove_class(_BUSY_CLASS)

        self._runner.run_exclusive(run_busy)

    def _ask_or_create(self, values: FormValues) -> None:
        self._withdraw_question()
        self._show_status("Checking for an existing video…")
        try:
            existing = self._client.find_paid(values.first.content, values.last.content, **values.fields)
        except InvalidRequest as error:
            self._show_problems(error.fields)
            return
        if existing is None:
            self._create(values, reuse=True)
            return
        self._show_status("")
        self._pending_question = (existing, values)
        question = reuse_question(existing.snapshot(), draws_seed=values.fields["seed"] is None)
        self._question_text.value = str(html('<div role="status">{}</div>', question))
        self._question_box.layout.display = ""

    def _create(self, values: FormValues, *, reuse: bool) -> None:
        self._withdraw_question()
        self._show_status("Preparing the pictures…")
        try:
            job = self._client.create_frames(values.first.content, values.last.content, **values.fields, reuse=reuse)
        except InvalidRequest as error:
            self._show_problems(error.fields)
            return
        self._show_status("")
        self.tracker.track(job)

    def _withdraw_question(self) -> None:
        self._pending_question = None
        self._question_box.layout.display = "none"

    def _missing_images(self) -> dict[str, str]:
        messages = {role: missing_image_message(slot.state, slot.message) for role, slot in self._pickers.items()}
        return {role: message for role, message in messages.items() if message}


class FormFields:
    """The controls for all fields except the pictures, by field name in `controls`.

    `on_change` is called after every change of a value, on the thread that the widgets use.
    """

    def __init__(self, on_change: Callable[[], object]) -> None:
        self._on_change = on_change
        default = {name: rule.default for name, rule in model_spec(DEFAULT_MODEL).fields.items()}
        self.choices: dict[str, SegmentedControl] = {
            "quality": SegmentedControl(
                label="Quality", options={name: name for name in QUALITIES}, value=default["quality"]
            ),
            "duration": SegmentedControl(
                label="Duration", options={f"{seconds} s": seconds for seconds in DURATIONS}, value=default["duration"]
            ),
            "motion_mode": SegmentedControl(
                label="Motion",
                options={mode.capitalize(): mode for mode in MOTION_MODES},
                value=default["motion_mode"],
            ),
            "aspect_ratio": SegmentedControl(
                label="Aspect ratio", options={"Auto": None, **{ratio: ratio for ratio in ASPECT_RATIOS}}, value=None
            ),
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
        self.remove_watermark = ipywidgets.Checkbox(
            description="Remove the watermark", value=default["remove_watermark"], indent=False
        )
        self._messages = {name: ipywidgets.HTML() for name in ("prompt", "seed", "remove_watermark")}
        self.controls: dict[str, Any] = {**self.choices, **self._other_controls()}
        self._connect_callbacks()
        self.refresh(auto_ratio=None)

    def values(self) -> dict[str, Any]:
        """Return the fields for `create_frames`. `seed` is a number, None, or the text if it is not a number."""
        seed = self.seed.value.strip()
        return {
            "prompt": self.prompt.value.strip(),
            **{name: choice.value for name, choice in self.choices.items()},
            "seed": (int(seed) if seed.isascii() and seed.isdigit() else seed) if seed else None,
            "remove_watermark": self.remove_watermark.value,
        }

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
        for constraint in model_spec(DEFAULT_MODEL).violations(values):
            for name in constraint.fields:
                problems.setdefault(name, f"PixVerse rejects this: {constraint.reason}.")
        return problems

    def show_problems(self, problems: Mapping[str, str]) -> dict[str, str]:
        """Show each message at its field, and return the messages of fields without a control here."""
        for name, choice in self.choices.items():
            choice.message = problems.get(name, "")
        for name, message in self._messages.items():
            message.value = _message_html(problems.get(name, ""))
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
        for name in _CONSTRAINED:
            self.choices[name].disable(_disabled_options(name, self.choices[name], values))
        self.choices["aspect_ratio"].names = [f"Auto: {auto_ratio}" if auto_ratio else "Auto", *ASPECT_RATIOS]
        ratio = values["aspect_ratio"] or auto_ratio
        self.choices["fit"].hint = _fit_hint(values["fit"], ratio, is_reshaped=is_reshaped)
        self.clear_seed_button.layout.display = "" if self.seed.value.strip() else "none"

    def _other_controls(self) -> dict[str, Any]:
        """Return the controls made of ipywidgets, each with its message below."""
        for button, icon in ((self.draw_seed_button, "dice"), (self.clear_seed_button, "undo")):
            button.add_class("pvnb-form-icon")
            button.add_class(f"pvnb-form-icon-{icon}")
        prompt = ipywidgets.VBox([self.prompt, self._prompt_length])
        prompt.add_class("pvnb-form-counted")
        seed = ipywidgets.HBox([self.seed, self.clear_seed_button, self.draw_seed_button])
        inputs = {"prompt": prompt, "seed": seed, "remove_watermark": self.remove_watermark}
        return {name: _field_box(widget, self._messages[name]) for name, widget in inputs.items()}

    def _connect_callbacks(self) -> None:
        for name, choice in self.choices.items():
            choice.observe(lambda _, name=name: self._on_value_changed(name), "index")
        self.prompt.observe(lambda _: self._on_value_changed("prompt"), "value")
        self.seed.observe(lambda _: self._on_value_changed("seed"), "value")
        self.remove_watermark.observe(lambda _: self._on_value_changed("remove_watermark"), "value")
        self.draw_seed_button.on_click(lambda _: self._set_seed(str(random.randint(1, SEED_MAX))))  # noqa: S311 - no secret
        self.clear_seed_button.on_click(lambda _: self._set_seed(""))

    def _set_seed(self, text: str) -> None:
        self.seed.value = text

    def _on_value_changed(self, name: str) -> None:
        """Remove the message of a changed field; the message of a constraint is removed from all of its fields."""
        for field_name in _CONSTRAINED if name in _CONSTRAINED else {name}:
            if field_name in self.choices:
                self.choices[field_name].message = ""
            else:
                self._messages[field_name].value = ""
        self._on_change()


def _disabled_options(name: str, choice: SegmentedControl, values: Mapping[str, object]) -> dict[object, str]:
    """Return the options of field `name` that the vendor rejects together with the other values, and why."""
    disabled: dict[object, str] = {}
    for value in choice.values:
        violations = model_spec(DEFAULT_MODEL).violations({**values, name: value})
        reasons = [constraint.reason for constraint in violations if name in constraint.fields]
        if reasons:
            summary = reasons[0].partition(":")[0]
            disabled[value] = f"{summary[:1].upper()}{summary[1:]}."
    return disabled


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
            return "Sent unchanged. PixVerse does not document what it does with other shapes."


def _field_box(widget: Any, message: Any) -> Any:
    box = ipywidgets.VBox([widget, message])
    box.add_class("pvnb-form-field")
    return box


def _message_html(text: str) -> str:
    return str(html('<div class="pvnb-form-message" role="alert">{}</div>', text)) if text else ""


def _box(name: str, *children: Any) -> Any:
    box = ipywidgets.Box(children)
    box.add_class(f"pvnb-form-{name}")
    return box
