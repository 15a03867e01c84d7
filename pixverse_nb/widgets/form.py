"""The form: one widget with picture slots, the fields of a request, a button that creates the video, and its jobs.

Everything that the form shows travels as custom messages, which no notebook stores. The only trait is the empty form,
so that it is on screen before the kernel has answered. See `frontend/src/form.js` for the messages.
"""

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import anywidget
import traitlets

from pixverse_nb import samples
from pixverse_nb.domain.catalogue import Operation, price_factor
from pixverse_nb.domain.jobs import JobSnapshot
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.operations import TRANSITION_MAX
from pixverse_nb.errors import ConfigError, InvalidRequest
from pixverse_nb.images import nearest_ratio
from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import format_credits
from pixverse_nb.widgets.assets import bundle_css, bundle_js
from pixverse_nb.widgets.comm import BackgroundRunner, answer_while_busy, error_text
from pixverse_nb.widgets.form_fields import FormFields, operation_for
from pixverse_nb.widgets.job_actions import JobActions
from pixverse_nb.widgets.job_list import JobTracker
from pixverse_nb.widgets.messages import (
    LAST_CLEARED,
    PRESSED_EARLY,
    as_sentence,
    missing_image_message,
    operation_title,
    paid_elsewhere_question,
    reuse_question,
    unknown_price_question,
)
from pixverse_nb.widgets.picker import LoadedImage, PictureSlot
from pixverse_nb.widgets.presets import MAX_PRESETS, Presets, SavedSettings, clean_name
from pixverse_nb.widgets.protocols import JobHandle, VideoClient

T = TypeVar("T")

_MAX_ID_LENGTH: Final = 200
_MAX_VIEWS: Final = 64
_NAMED: Final = "name:"
_CREATES: Final = ("submit", "generate_again")
_MAY_PAY: Final = frozenset({*_CREATES, "show_existing", "pay", "retry"})


@dataclass(frozen=True)
class FormValues:
    """The content of the form when a button was pressed. Later changes do not affect it."""

    operation: Operation
    roles: tuple[str, ...]  # of the slots with the pictures
    images: tuple[LoadedImage, ...]
    fields: Mapping[str, Any]
    settings: Mapping[str, Any]  # to be offered as the last used ones
    has_price: bool  # False: it is not known
    seconds: tuple[int | None, ...] = ()


class Form(anywidget.AnyWidget):
    """The form for `client`. `on_video` gets the snapshot of every job of this form that has its video.

    >>> from pixverse_nb.client import Client                                      # doctest: +SKIP
    >>> Form(Client.sandbox(), on_video=lambda snapshot: print(snapshot.video))      # doctest: +SKIP
    """

    _esm = bundle_js("form")
    _css = bundle_css("form")

    initial = traitlets.Dict().tag(sync=True)  # the empty form; what people enter is never in a trait

    def __init__(self, client: VideoClient, *, on_video: Callable[[JobSnapshot], object] = lambda _: None) -> None:
        self._client = client
        self._lock = threading.RLock()  # messages, threads and readers: one at a time
        self._is_started = False
        self._is_ready = False  # messages can be sent
        self._balance: int | None = None
        self._balance_text = ""
        self._status = {"text": "", "tone": "plain"}
        # About a job of this home, a call that another home has paid for, or (None) a price that is not known.
        self._pending_question: tuple[JobHandle | Notice | None, FormValues] | None = None
        self._is_busy = False
        self._pressed_early = False  # the button, while a picture was loading
        self._sent: dict[str, Any] = {}
        self._received: dict[str, int] = {}  # the highest number of a message of each view
        self._runner = BackgroundRunner(self._show_error)
        self.slots = [self._new_slot("first"), self._new_slot("last")]
        self.fields = FormFields(client.catalogue)
        self._presets = Presets(client.home)
        self._saved = SavedSettings()
        self._chosen: tuple[str, Mapping[str, Any]] = ("", {})  # the saved settings that were taken up, as they are now
        self.tracker = JobTracker(
            client,
            self._runner,
            send=self._send_message,
            on_rows=self._push,
            on_video=on_video,
            on_balance_changed=self._update_balance,
        )
        self._actions = JobActions(
            client,
            self._runner,
            send=self._send_message,
            track=self.tracker.track,
            fill=self._fill_from,
            use_picture=self._continue_from,
        )
        super().__init__(initial=self._sections())
        answer_while_busy(self)
        self._is_ready = True
        self.on_msg(self._on_message)

    @property
    def first(self) -> PictureSlot:
        """The slot of the first picture."""
        return self.slots[0]

    @property
    def last(self) -> PictureSlot:
        """The slot of the last picture."""
        return self.slots[-1]

    def start(self) -> None:
        """Follow the jobs that run, and ask for the balance. The form does so when it is shown; once is enough."""
        with self._lock:
            if self._is_started:
                return
            self._is_started = True
        self._runner.run_in_thread(self.tracker.start)
        self._runner.run_in_thread(self._update_balance)

    def close(self) -> None:
        """Remove the form from the page and stop following its jobs. The jobs themselves continue."""
        self.tracker.stop()
        self._is_ready = False
        super().close()
        self.layout.close()  # a widget of its own, which ipywidgets keeps

    # ---- messages of the page ----

    def _on_message(self, _widget: object, message: object, buffers: Sequence[memoryview]) -> None:
        if isinstance(message, Mapping):
            self._runner.run_guarded(lambda: self._handle_message(message, buffers))

    def _handle_message(self, message: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        if "slot" in message:
            slot = self._slot(message["slot"])
            if slot is not None:
                slot.handle_message(message, buffers)
            return
        is_of_jobs = message.get("part") == "jobs"
        if not is_of_jobs and self.tracker.handle_stream(message):  # a ping is answered there too
            return
        with self._lock:  # a message is compared and handled before the next one, which may come on another thread
            is_late, has_gap = self._compare_number(message)
            if is_late or has_gap:
                self._sent = {}  # the page gets everything, so that it shows what is here
            kind = str(message.get("kind"))
            if is_late and (kind in _MAY_PAY or (not is_of_jobs and kind != "hello")):
                pass  # what the page has sent since may contradict it
            elif is_of_jobs:
                job = self.tracker.job(message.get("ref"))
                self.tracker.handle_message(message)
                if job is not None:
                    self._actions.handle_message(message, job)
            elif has_gap and kind in _CREATES:
                self._set_status("The connection was interrupted. Check the values, then press again.", tone="bad")
            elif kind in self._handlers:
                self._handlers[kind](message)
            else:
                return  # from another version of the page
            self._push(message)

    def _compare_number(self, message: Mapping[str, Any]) -> tuple[bool, bool]:
        """Return whether a message comes twice or after a newer one of its view, and whether one before it is missing.

        A front end may deliver a message twice, late or never. After that, what the page shows may differ from what is
        here. The caller holds the lock.
        """
        view, number = str(message.get("view"))[:_MAX_ID_LENGTH], message.get("number")
        if type(number) is not int:
            return False, False
        newest = self._received.pop(view, 0)  # a page counts from 1
        self._received[view] = max(number, newest)
        while len(self._received) > _MAX_VIEWS:
            del self._received[next(iter(self._received))]
        return number <= newest, number > newest + 1

    @property
    def _handlers(self) -> Mapping[str, Callable[[Mapping[str, Any]], object]]:
        """What each message of the page does; the caller holds the lock."""
        return {
            "hello": lambda _: self._greet(),
            "set": lambda message: self._set(str(message.get("name")), message.get("value")),
            "draw_seed": lambda _: self._draw_seed(),
            "swap": lambda _: self.slots[0].swap_with(self.slots[-1]),
            "add_slot": lambda _: self._add_slot(),
            "remove_slot": lambda message: self._remove_slot(message.get("role")),
            "use_samples": lambda _: self._use_samples(),
            "submit": lambda _: self._submit(),
            "show_existing": lambda _: self._show_existing(),
            "generate_again": lambda _: self._generate_again(),
            "close_question": lambda _: self._close_question(),
            "use_preset": lambda message: self._use_preset(str(message.get("key"))),
            "save_preset": lambda message: self._save_preset(clean_name(message.get("name")), self.fields.settings()),
            "delete_preset": lambda message: self._delete_preset(str(message.get("key"))),
        }

    def _greet(self) -> None:
        """Send everything to a page that has just been drawn."""
        self._sent = {}
        self._runner.run_in_thread(self._send_thumbnails)
        self._runner.run_in_thread(self._show_presets)
        self.start()

    def _send_thumbnails(self) -> None:
        with self._lock:
            for slot in self.slots:
                slot.send_thumbnail()

    def _send_message(self, content: dict[str, object], buffers: list[bytes]) -> None:
        if self._is_ready:
            self.send(content, buffers)

    def _push(self, answered: Mapping[str, Any] | None = None) -> None:
        """Send what has changed; in answer to a message also its view and number, so that the page can wait for it."""
        with self._lock:
            sections = self._sections()
            sent = self._sent
            changed = {name: value for name, value in sections.items() if name not in sent or sent[name] != value}
            self._sent = sections
            if answered is not None:
                changed |= {"view": str(answered.get("view"))[:_MAX_ID_LENGTH], "number": answered.get("number")}
            if changed:
                self._send_message({"kind": "state", **changed}, [])

    # ---- display ----

    def _sections(self) -> dict[str, Any]:
        """Return everything that the page shows, in the parts that are sent when they change."""
        values = self.fields
        filled = self._filled
        question = self._pending_question
        return {
            "service": {"is_sandbox": self._client.is_sandbox, "balance": self._balance_text},
            "slots": [slot.to_json() for slot in self.slots],
            "seconds": values.seconds(len(self.slots)) if len(self.slots) > 2 else [],
            "fields": values.describe(auto_ratio=self._auto_ratio, is_reshaped=self._is_reshaped),
            "texts": values.texts(),
            "presets": self._describe_presets(),
            "action": {**self._price(), "title": operation_title(values.operation, len(filled)), "busy": self._is_busy},
            "status": dict(self._status),
            "question": self._question(*question) if question else None,
            "jobs": self.tracker.to_json(),
        }

    @property
    def _filled(self) -> list[PictureSlot]:
        """The slots that have a picture, or are about to, or could not read theirs."""
        return [slot for slot in self.slots if slot.state != "empty"]

    @property
    def _auto_ratio(self) -> str | None:
        """The ratio that "Auto" stands for: the nearest to the first picture's; None without a picture."""
        image = next((slot.image for slot in self.slots if slot.image is not None), None)
        return nearest_ratio(image.info.width, image.info.height, among=self.fields.ratios) if image else None

    @property
    def _is_reshaped(self) -> bool | None:
        """Whether any picture is cropped or padded for the ratio; None if that is not known yet."""
        ratio, fit = self.fields["aspect_ratio"] or self._auto_ratio, self.fields["fit"]
        images = [slot.image for slot in self.slots]
        known = [image.preview_fit(aspect_ratio=ratio, fit=fit)[0] for image in images if image and ratio]
        return True if True in known else None if len(known) < len(images) else False

    def _refresh(self) -> None:
        """Update what depends on the pictures and values, and clear the messages about earlier ones."""
        with self._lock:
            self.fields.set_operation(operation_for(len(self._filled)))
            ratio, fit = self.fields["aspect_ratio"] or self._auto_ratio or "", self.fields["fit"]
            for slot in self.slots:
                slot.ratio, slot.fit = ratio, fit or ""
                warning = slot.image.preview_fit(aspect_ratio=ratio, fit=fit)[1] if slot.image and ratio else ""
                slot.caution = as_sentence(warning) if warning else ""
            self._pending_question = None
            self._set_status("")

    def _price_fields(self) -> dict[str, Any]:
        values = self.fields.price_fields()
        if self.fields.operation is Operation.TRANSITION:
            values["durations"] = self.fields.seconds(len(self._filled))
        return values

    def _price(self) -> dict[str, Any]:
        """Return the line with the price, and whether it is more than the balance."""
        if self.fields.violations():
            return {"price": "", "is_short": False}
        values = self._price_fields()
        price = self._client.estimate(self.fields.operation, **values)
        is_limit = price_factor(values, self._client.price_factors) is None
        text = format_credits(price, is_estimate=True, is_sandbox=self._client.is_sandbox, is_limit=is_limit)
        text = text or "The price of this model is not known."
        is_short = price is not None and self._balance is not None and price > self._balance
        return {"price": text[:1].upper() + text[1:], "is_short": is_short}

    def _question(self, about: JobHandle | Notice | None, values: FormValues) -> dict[str, str]:
        """Return the question before a call that may pay again, or whose price is not known, and its answers."""
        is_sandbox = self._client.is_sandbox
        if about is None:
            text = unknown_price_question(self._balance)
            return {"text": text, "existing": "", "again": "Create it anyway", "close": "Not now"}
        if isinstance(about, Notice):
            text = paid_elsewhere_question(about, is_sandbox=is_sandbox)
            again = "Generate again" if is_sandbox else "Pay again"
            return {"text": text, "existing": "Show that video", "again": again, "close": "Cancel"}
        text = reuse_question(about.snapshot(), draws_seed=values.fields.get("seed") is None)
        again = "Generate again" if is_sandbox else "Pay and generate again"
        return {"text": text, "existing": "Show it", "again": again, "close": "Cancel"}

    def _update_balance(self) -> None:
        balance = self._client.credits()
        plan = f" · {balance.plan}" if balance.plan else ""
        text = format_credits(balance.total, is_estimate=False, is_sandbox=self._client.is_sandbox)
        with self._lock:
            self._balance = balance.total
            self._balance_text = f"Balance: {text}{plan}"
            self._push()

    def _show_problems(self, problems: Mapping[str, str]) -> None:
        """Show each problem at its field. Problems of fields without a control go to the status line."""
        with self._lock:
            texts = {name: redact(as_sentence(problem)) for name, problem in problems.items()}
            for slot in self.slots:
                slot.message = texts.pop(slot.role, slot.message if slot.state == "failed" else "")
            others = self.fields.show_problems(texts)
            status = " ".join(f"{name}: {text}" for name, text in others.items())
            self._set_status(status or "Nothing was sent. Fix the marked fields." if problems else "", tone="bad")
            self._push()
            if problems:
                self._send_message({"kind": "focus_problem"}, [])

    def _set_status(self, text: str, *, tone: str = "plain") -> None:
        self._status = {"text": text, "tone": tone}

    def _show_status(self, text: str, *, tone: str = "plain") -> None:
        with self._lock:
            self._set_status(text, tone=tone)
            self._push()

    def _show_error(self, error: Exception) -> None:
        self._show_status(error_text(error), tone="bad")

    # ---- fields and pictures; the caller holds the lock ----

    def _set(self, name: str, value: object) -> None:
        self.fields.set_value(name, value)
        self._refresh()

    def _draw_seed(self) -> None:
        self.fields.draw_seed()
        self._refresh()

    def _new_slot(self, role: str) -> PictureSlot:
        return PictureSlot(
            role,
            send=self._send_message,
            on_change=self._on_slot_changed,
            lock=self._lock,
            fetch_url=self._client.fetch_picture,
        )

    def _on_slot_changed(self, is_other_picture: bool) -> None:
        if is_other_picture:
            self._refresh()
        if self._pressed_early and not any(slot.is_busy for slot in self.slots):
            self._pressed_early = False
            if all(slot.state != "failed" for slot in self.slots):
                self._set_status(PRESSED_EARLY)  # the message at the slot has just disappeared
        self._push()

    def _slot(self, role: object) -> PictureSlot | None:
        return next((slot for slot in self.slots if slot.role == role), None)

    def _use_samples(self) -> None:
        self.first.load(samples.first)
        self.last.load(samples.last)

    def _add_slot(self) -> None:
        if len(self.slots) < TRANSITION_MAX:
            taken = {slot.role for slot in self.slots}
            names = (f"picture_{number}" for number in range(3, TRANSITION_MAX + 1))
            self.slots.append(self._new_slot(next(name for name in names if name not in taken)))

    def _remove_slot(self, role: object) -> None:
        slot = self._slot(role)
        if slot is not None and len(self.slots) > 2:
            slot.clear()
            self.slots.remove(slot)
            self._refresh()

    def _fill_from(self, job: JobHandle) -> None:
        """Fill the form with the values and the pictures of a job. Nothing is sent."""
        request = job.snapshot().request
        roles = [item.role for item in request.inputs]
        files = self._client.input_files(job.ref) if roles else {}
        values = {**request.params, "model": request.model, "seed": str(request.seed or "")}
        with self._lock:
            while len(self.slots) > max(2, len(roles)):
                self._remove_slot(self.slots[-1].role)
            while len(self.slots) < len(roles):
                self._add_slot()
            for slot in self.slots:
                slot.clear()
            for slot, role in zip(self.slots, roles, strict=False):
                slot.load(files[role], name=role)
            self._refresh()
            links = {f"seconds_{at}": values.get(f"duration_{at}_to_{at + 1}") for at in range(1, len(roles))}
            self.fields.fill({**values, **links})
            self._refresh()
            self._push()

    def _continue_from(self, image: object, name: str) -> None:
        """Start from the last frame of a video. The last picture, which is like that frame, gives way."""
        self.first.load(image, name=name).join()
        with self._lock:
            while len(self.slots) > 2:
                self._remove_slot(self.slots[-1].role)
            had_last = self.last.state != "empty"
            self.last.clear()
            self._refresh()
            self.last.caution = LAST_CLEARED if had_last else ""
            self._push()
            self._send_message({"kind": "focus_slot", "role": self.last.role}, [])

    # ---- saved settings; the key is "last", or "name:" and the name ----

    def _show_presets(self) -> None:
        """Read what is saved; a damaged file is a notice, unless the status line says something else."""
        saved = self._presets.read()
        with self._lock:
            self._saved = saved
            if saved.unreadable and not self._status["text"]:
                files = "1 file" if saved.unreadable == 1 else f"{saved.unreadable} files"
                self._set_status(f"{files} of saved settings cannot be read.")
            self._push()

    def _describe_presets(self) -> dict[str, Any]:
        key, values = self._chosen
        options = [["last", "Last used"]] if self._saved.last is not None else []
        options += [[f"{_NAMED}{name}", name] for name in self._saved.named]
        is_kept = [key] in [option[:1] for option in options] and values == self.fields.settings()
        return {"options": options, "chosen": key if is_kept else "", "can_save": self._presets.can_save}

    def _use_preset(self, key: str) -> None:
        """Take up saved settings."""

        def use() -> None:
            saved = self._presets.read()
            values = saved.last if key == "last" else saved.named.get(key.removeprefix(_NAMED))
            with self._lock:
                self._saved = saved
                if values is None:
                    self._set_status("These settings have been deleted.")
                else:
                    self._apply_preset(key, values)
                self._push()

        self._runner.run_in_thread(use)

    def _apply_preset(self, key: str, values: Mapping[str, Any]) -> None:
        known = self.fields.settings()
        wanted = {name: value for name, value in values.items() if name in known}
        self.fields.fill(wanted)
        self._refresh()
        settings = self.fields.settings()
        self._chosen = (key, settings)
        if any(settings[name] != value for name, value in wanted.items()):
            self._set_status("Some of these settings are not available any more and were left out.")

    def _save_preset(self, name: str, settings: Mapping[str, Any]) -> None:
        def save() -> str:
            earlier = self._presets.read().named
            if not name:
                raise ConfigError("The settings need a name.")
            if len(earlier) >= MAX_PRESETS and name not in earlier:
                raise ConfigError(f"At most {MAX_PRESETS} settings can be saved. Delete some first.")
            self._presets.save(name, settings)
            return f"Replaced the settings “{name}”." if name in earlier else f"Saved the settings as “{name}”."

        self._runner.run_in_thread(lambda: self._change_presets(save, (f"{_NAMED}{name}", settings)))

    def _delete_preset(self, key: str) -> None:
        def delete() -> str:
            name = key.removeprefix(_NAMED)
            self._presets.delete(name)
            return f"Deleted the settings “{name}”."

        if key.startswith(_NAMED):
            self._runner.run_in_thread(lambda: self._change_presets(delete, ("", {})))

    def _change_presets(self, change: Callable[[], str], chosen: tuple[str, Mapping[str, Any]]) -> None:
        text = change()
        saved = self._presets.read()
        with self._lock:
            self._saved, self._chosen = saved, chosen
            self._show_status(text)

    def _keep_as_last(self, settings: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):  # a video counts more than its settings
            self._presets.save_last(settings)
        saved = self._presets.read()
        with self._lock:
            self._saved = saved

    # ---- creating a video ----

    def _submit(self) -> None:
        filled = self._filled
        self._pressed_early = any(slot.is_busy for slot in filled)
        problems = {slot.role: missing_image_message(slot.state, slot.message) for slot in filled}
        problems = {**{role: text for role, text in problems.items() if text}, **self.fields.problems()}
        self._show_problems(problems)
        images = tuple(slot.image for slot in filled if slot.image is not None)
        if problems or len(images) < len(filled):
            return
        seconds = self.fields.seconds(len(images)) if self.fields.operation is Operation.TRANSITION else []
        roles = tuple(slot.role for slot in filled)
        fields, settings = self.fields.call_fields(), self.fields.settings()
        has_price = self._client.estimate(self.fields.operation, **self._price_fields()) is not None
        values = FormValues(self.fields.operation, roles, images, fields, settings, has_price, tuple(seconds))
        self._run_exclusive(lambda: self._ask_or_create(values))

    def _generate_again(self) -> None:
        if self._pending_question is not None:
            about, values = self._pending_question
            if isinstance(about, Notice) and not values.has_price:
                self._ask(None, values)
                return
            is_about_own = about is not None and not isinstance(about, Notice)
            self._run_exclusive(lambda: self._create(values, reuse=not is_about_own))

    def _close_question(self) -> None:
        self._pending_question = None

    def _show_existing(self) -> None:
        question, self._pending_question = self._pending_question, None
        if question is None:
            return
        about, values = question
        if isinstance(about, Notice):
            self._run_exclusive(lambda: self._take(values))
        elif about is not None:
            self._runner.run_in_thread(lambda: self._show_job(about))

    def _take(self, values: FormValues) -> None:
        """Show the video that another home has paid for. Nothing is charged."""
        self._show_status("Copying the video…")
        job = self._look_up(self._client.take_paid, values)
        if job is None:
            self._show_status("The other home does not have this video any more. Nothing was charged.", tone="bad")
            return
        self._show_status("")
        self._show_job(job)

    def _look_up(self, method: Callable[..., T], values: FormValues) -> T:
        """Return what a method of the client that charges nothing says about the call."""
        seconds = {"durations": list(values.seconds)} if any(values.seconds) else {}
        return method(values.operation, [image.content for image in values.images], **values.fields, **seconds)

    def _show_job(self, job: JobHandle) -> None:
        self.tracker.track(job, scroll_to=True)
        if job.snapshot().can_resume:
            self.tracker.resume(job)

    def _run_exclusive(self, work: Callable[[], object]) -> None:
        """Run `work` in a thread, unless earlier work is running: a double click pays once."""

        def run_busy() -> None:
            self._set_busy(True)
            try:
                work()
            finally:
                self._set_busy(False)

        self._runner.run_exclusive(run_busy)

    def _set_busy(self, is_busy: bool) -> None:
        with self._lock:
            self._is_busy = is_busy
            self._push()

    def _ask_or_create(self, values: FormValues) -> None:
        about: JobHandle | Notice | None = None
        self._withdraw_question("Checking for an existing video…")
        try:
            if values.operation is Operation.FRAMES:
                about = self._client.find_paid(*(image.content for image in values.images), **values.fields)
            about = about or self._look_up(self._client.paid_elsewhere, values)
        except InvalidRequest as error:
            self._show_problems(_by_role(error.fields, values.roles))
            return
        if about is None and values.has_price:
            self._create(values, reuse=True)
        else:
            self._ask(about, values)

    def _ask(self, about: JobHandle | Notice | None, values: FormValues) -> None:
        with self._lock:
            self._set_status("")
            self._pending_question = (about, values)
            self._push()

    def _create(self, values: FormValues, *, reuse: bool) -> None:
        self._withdraw_question("Preparing the pictures…" if values.images else "Sending…")
        try:
            job = self._call(values, reuse=reuse)
        except InvalidRequest as error:
            self._show_problems(_by_role(error.fields, values.roles))
            return
        if reuse and values.operation is not Operation.FRAMES and job.snapshot().reused:
            self._ask(job, values)  # nothing was charged: the client has returned an earlier job
            return
        self._keep_as_last(values.settings)
        self._show_status("")
        self.tracker.track(job)

    def _call(self, values: FormValues, *, reuse: bool) -> JobHandle:
        """Make the call of the operation. **This spends credits**, unless an earlier job is reused."""
        contents = [image.content for image in values.images]
        match values.operation:
            case Operation.FRAMES:
                return self._client.create_frames(*contents, **values.fields, reuse=reuse)
            case Operation.TRANSITION:
                seconds = list(values.seconds) if any(values.seconds) else None
                return self._client.create_transition(contents, durations=seconds, **values.fields, reuse=reuse)
            case Operation.IMAGE:
                return self._client.create_video(image=contents[0], **values.fields, reuse=reuse)
            case _:
                return self._client.create_video(**values.fields, reuse=reuse)

    def _withdraw_question(self, status: str) -> None:
        with self._lock:
            self._pending_question = None
            self._set_status(status)
            self._push()


def _by_role(problems: Mapping[str, str], roles: Sequence[str]) -> dict[str, str]:
    """Return the problems of a call by the slots and fields of the form: its arguments have other names."""
    names = {"image": roles[0] if roles else "", **{f"images[{at}]": role for at, role in enumerate(roles)}}
    names |= dict(zip(("first", "last"), roles, strict=False))
    return {names.get(name, name): text for name, text in problems.items()}
