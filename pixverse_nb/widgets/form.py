"""Form: two pictures and the parameters, what they will cost, one button, and the jobs below it."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import ipywidgets  # type: ignore[import-untyped]  # it ships no types
from markupsafe import Markup

from pixverse_nb.domain.catalogue import DEFAULT_MODEL, model_spec
from pixverse_nb.domain.jobs import JobSnapshot
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.images import nearest_ratio
from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import format_credits
from pixverse_nb.render.style import html
from pixverse_nb.widgets.assets import bundle_css
from pixverse_nb.widgets.dispatch import BackgroundRunner, error_text
from pixverse_nb.widgets.fields import Fields
from pixverse_nb.widgets.following import JobTracker
from pixverse_nb.widgets.held import LoadedImage
from pixverse_nb.widgets.picker import Picker
from pixverse_nb.widgets.ports import JobHandle, VideoClient
from pixverse_nb.widgets.words import missing_words, reuse_question, sentence

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
