"""Fields: the form's controls for everything but the pictures, drawn from the request model."""

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
from pixverse_nb.widgets.choice import Choice
from pixverse_nb.widgets.comm import BackgroundRunner, error_text
from pixverse_nb.widgets.job_list import JobTracker
from pixverse_nb.widgets.messages import missing_words, reuse_question, sentence
from pixverse_nb.widgets.picker import LoadedImage, Picker
from pixverse_nb.widgets.protocols import JobHandle, VideoClient

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


_AT_WORK: Final = "pvnb-form-at-work"
_CSS: Final = Markup(bundle_css("form"))  # noqa: S704  our own stylesheet


@dataclass(frozen=True)
class FormValues:
    """What was in the form when the button was pressed; later changes do not reach it."""

    first: LoadedImage
    last: LoadedImage
    fields: Mapping[str, Any]


class Form(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The form on a `maker`; `on_video` is told the snapshot of every job of this form that has its video.

    >>> from pixverse_nb.client import Client                                      # doctest: +SKIP
    >>> Form(Client.sandbox(), on_video=lambda snapshot: print(snapshot.video))      # doctest: +SKIP
    """

    def __init__(self, maker: VideoClient, *, on_video: Callable[[JobSnapshot], object] = lambda _: None) -> None:
        self._maker = maker
        self._drawing = threading.RLock()  # callbacks and readers come on different threads
        self._balance: int | None = None
        self._dispatcher = BackgroundRunner(self._report)
        self.first = Picker(which="first", label="First picture", fetch=maker.fetch_picture)
        self.last = Picker(which="last", label="Last picture", fetch=maker.fetch_picture)
        self._slots = {"first": self.first, "last": self.last}
        self.fields = Fields(self._refresh)
        self.swap = ipywidgets.Button(tooltip="Swap the two pictures")
        self.submit = ipywidgets.Button(description="Create video", button_style="")
        self.show_it = ipywidgets.Button(description="Show it")
        self.pay_again = ipywidgets.Button(description="Make again" if maker.is_sandbox else "Pay again")
        self.following = JobTracker(maker, self._dispatcher, on_video=on_video, on_spent=self._ask_balance)
        self._balance_line = ipywidgets.HTML()
        self._cost = ipywidgets.HTML()
        self._status = ipywidgets.HTML()
        self._question = ipywidgets.HTML()
        self._asking = ipywidgets.VBox([self._question, ipywidgets.HBox([self.show_it, self.pay_again])])
        self._found: tuple[JobHandle, FormValues] | None = None
        super().__init__(self._laid_out())
        self._wire()
        self._refresh()
        self._dispatcher.run_in_thread(self.following.take_up_open)
        self._dispatcher.run_in_thread(self._ask_balance)

    def close(self) -> None:
        """Take the form off the page and stop following jobs; the jobs themselves go on."""
        self.following.stop()
        super().close()

    # ---- the page ----

    def _laid_out(self) -> list[Any]:
        badge = Markup('<span class="pvnb-form-badge">Sandbox – nothing is paid</span>')
        title = html(
            '<style>{}</style><div class="pvnb-form-title">Two pictures, one video{}</div>',
            _CSS,
            badge if self._maker.is_sandbox else "",
        )
        head = ipywidgets.HTML(str(title))
        controls = self.fields.controls
        rows = [
            _box("head", head, self._balance_line),
            _box("pictures", self.first, self.swap, self.last),
            controls["prompt"],
            _box("grid", *(controls[name] for name in _GRID)),
            _box("foot", controls["remove_watermark"], self._cost, self.submit),
            self._asking,
            self._status,
            self.following.progress,
        ]
        for name, control in controls.items():
            control.add_class(f"pvnb-form-{name.replace('_', '-')}")
        self.swap.add_class("pvnb-form-icon")
        self.swap.add_class("pvnb-form-icon-swap")
        self.submit.add_class("pvnb-form-submit")
        self._asking.add_class("pvnb-form-asking")
        for answer in (self.show_it, self.pay_again):
            answer.add_class("pvnb-form-answer")
        self.show_it.add_class("pvnb-form-answer-main")
        self.add_class("pvnb-ui")
        self.add_class("pvnb-form")
        return rows

    def _wire(self) -> None:
        self.first.on_change(self._refresh)
        self.last.on_change(self._refresh)
        self.swap.on_click(lambda _: self._dispatcher.run_guarded(lambda: self.first.swap_with(self.last)))
        self.submit.on_click(lambda _: self._dispatcher.run_guarded(self._submit))
        self.show_it.on_click(lambda _: self._dispatcher.run_guarded(self._show_paid))
        self.pay_again.on_click(lambda _: self._dispatcher.run_guarded(self._submit_again))

    def _refresh(self) -> None:
        """Draw what follows from the values: the preview of the crop, barred options, the price."""
        with self._drawing:
            held = self.first.held
            nearest = nearest_ratio(held.picture.width, held.picture.height) if held else None
            values = self.fields.values()
            ratio = values["aspect_ratio"] or nearest or ""
            for slot in self._slots.values():
                slot.ratio, slot.fit = ratio, values["fit"] or ""
            self.fields.refresh(nearest=nearest, fitting=self._preview(ratio, values["fit"]))
            self._withdraw_question()
            self._say("")
            self._draw_cost(values)

    def _preview(self, ratio: str, fit: str | None) -> bool | None:
        """Say at the slots what the ratio does to their pictures; tell whether it cuts or pads any, None: not known."""
        changes = []
        for slot in self._slots.values():
            is_changed, caution = slot.held.fitted(aspect_ratio=ratio, fit=fit) if slot.held and ratio else (None, "")
            slot.caution = sentence(caution) if caution else ""
            changes.append(is_changed)
        return True if True in changes else None if None in changes else False

    def _draw_cost(self, values: Mapping[str, Any]) -> None:
        asked = {name: values[name] for name in ("quality", "duration", "motion_mode")}
        price = None if model_spec(DEFAULT_MODEL).violations(asked) else self._maker.estimate(**asked)
        words = format_credits(price, is_estimate=True, is_sandbox=self._maker.is_sandbox)
        short = price is not None and self._balance is not None and price > self._balance
        lack = Markup(' <span data-tone="bad">The balance may not be enough.</span>') if short else ""
        self._cost.value = str(html('<div class="pvnb-form-cost">{}{}</div>', words[:1].upper() + words[1:], lack))

    def _ask_balance(self) -> None:
        balance = self._maker.credits()
        self._balance = balance.total
        plan = f" · {balance.plan}" if balance.plan else ""
        words = format_credits(balance.total, is_estimate=False, is_sandbox=self._maker.is_sandbox)
        self._balance_line.value = str(html('<div class="pvnb-form-balance">Balance: {}{}</div>', words, plan))
        with self._drawing:
            self._draw_cost(self.fields.values())

    def _say(self, text: str, *, tone: str = "plain") -> None:
        role = "alert" if tone == "bad" else "status"
        line = html('<div class="pvnb-form-status" role="{}" data-tone="{}">{}</div>', role, tone, text)
        self._status.value = str(line) if text else ""

    def _report(self, error: Exception) -> None:
        self._say(error_text(error), tone="bad")

    # ---- making a video; what `_begin` is given runs on a thread of the dispatcher ----

    def _submit(self) -> None:
        wrong = {**self._missing_pictures(), **self.fields.problems()}
        self._show_problems(wrong)
        first, last = self.first.held, self.last.held
        if wrong or first is None or last is None:
            return
        asked = FormValues(first, last, self.fields.values())
        self._begin(lambda: self._ask_or_create(asked))

    def _submit_again(self) -> None:
        if self._found is not None:
            asked = self._found[1]
            self._begin(lambda: self._create(asked, reuse=False))
            self.submit.focus()  # the question goes, and its buttons with it

    def _begin(self, work: Callable[[], object]) -> None:
        """Run `work` unless such work is running: two clicks pay once.

        The button only looks as if it were off: one that is disabled loses the keyboard's focus to the page.
        """

        def work_and_free() -> None:
            self.submit.add_class(_AT_WORK)
            try:
                work()
            finally:
                self.submit.remove_class(_AT_WORK)

        self._dispatcher.run_exclusive(work_and_free)

    def _ask_or_create(self, asked: FormValues) -> None:
        self._withdraw_question()
        self._say("Looking whether this video is already there…")
        try:
            found = self._maker.find_paid(asked.first.content, asked.last.content, **asked.fields)
        except InvalidRequest as error:
            self._show_problems(error.fields)
            return
        if found is None:
            self._create(asked, reuse=True)
            return
        self._say("")
        self._found = (found, asked)
        question = reuse_question(found.snapshot(), draws_seed=asked.fields["seed"] is None)
        self._question.value = str(html('<div role="status">{}</div>', question))
        self._asking.layout.display = ""

    def _create(self, asked: FormValues, *, reuse: bool) -> None:
        self._withdraw_question()
        self._say("Preparing the pictures…")
        try:
            task = self._maker.create_frames(asked.first.content, asked.last.content, **asked.fields, reuse=reuse)
        except InvalidRequest as error:
            self._show_problems(error.fields)
            return
        self._say("")
        self.following.take_up(task)

    def _show_paid(self) -> None:
        found = self._found
        self._withdraw_question()
        self.submit.focus()
        if found is not None:
            if found[0].snapshot().can_resume:
                found[0].resume()
            self.following.take_up(found[0], points=True)

    def _withdraw_question(self) -> None:
        self._found = None
        self._asking.layout.display = "none"

    def _missing_pictures(self) -> dict[str, str]:
        asked = {which: missing_words(slot.state, slot.message) for which, slot in self._slots.items()}
        return {which: words for which, words in asked.items() if words}

    def _show_problems(self, wrong: Mapping[str, str]) -> None:
        """Put each sentence at its field, and those of fields that are not here into the status line."""
        wrong = {name: redact(sentence(why)) for name, why in wrong.items()}
        for which, slot in self._slots.items():
            slot.message = wrong.get(which, slot.message if slot.state == "failed" else "")
        rest = self.fields.show_problems({name: why for name, why in wrong.items() if name not in self._slots})
        elsewhere = " ".join(f"{name}: {why}" for name, why in rest.items())
        self._say(elsewhere or "Nothing was sent: see the marked fields." if wrong else "", tone="bad")


_GRID: Final = ("quality", "duration", "motion_mode", "aspect_ratio", "fit", "seed")


def _box(name: str, *children: Any) -> Any:
    box = ipywidgets.Box(children)
    box.add_class(f"pvnb-form-{name}")
    return box
