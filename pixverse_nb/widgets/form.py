"""The form: two picture slots, the controls of `FormFields`, a button that creates the video, and its jobs."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import ipywidgets  # type: ignore[import-untyped]  # it ships no types
from markupsafe import Markup

from pixverse_nb.domain.jobs import JobSnapshot
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.images import nearest_ratio
from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import format_credits
from pixverse_nb.render.style import html
from pixverse_nb.widgets.assets import bundle_css
from pixverse_nb.widgets.comm import BackgroundRunner, error_text
from pixverse_nb.widgets.form_fields import FormFields
from pixverse_nb.widgets.job_list import JobTracker
from pixverse_nb.widgets.messages import as_sentence, missing_image_message, reuse_question
from pixverse_nb.widgets.picker import LoadedImage, Picker
from pixverse_nb.widgets.protocols import JobHandle, VideoClient

_GRID_FIELDS: Final = ("model", "quality", "duration", "aspect_ratio", "fit", "seed", "motion_mode")
_SWITCH_FIELDS: Final = ("audio", "remove_watermark", "preview_mode", "off_peak_mode")
_BUSY_CLASS: Final = "pvnb-form-busy"
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
        self.fields = FormFields(self._refresh, client.catalogue)
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
            _box("switches", *(controls[name] for name in _SWITCH_FIELDS)),
            _box("foot", self._price_line, self.submit_button),
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
        self._question_box.add_class("pvnb-form-confirming")
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
            nearest = nearest_ratio(first.info.width, first.info.height, among=self.fields.ratios) if first else None
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
        is_refused = bool(self.fields.violations())
        price = None if is_refused else self._client.estimate(**values)
        text = format_credits(price, is_estimate=True, is_sandbox=self._client.is_sandbox)
        text = text or ("" if is_refused else "The price of this model is not known.")
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


def _box(name: str, *children: Any) -> Any:
    box = ipywidgets.Box(children)
    box.add_class(f"pvnb-form-{name}")
    return box
