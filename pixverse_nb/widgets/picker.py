"""Picker: a slot for one picture, filled by a click, a drop, Ctrl+V, a path or an address."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from pixverse_nb.errors import InvalidImage
from pixverse_nb.images import Which
from pixverse_nb.widgets.assets import bundle_css, bundle_js
from pixverse_nb.widgets.dispatch import BackgroundRunner, error_text
from pixverse_nb.widgets.held import LoadedImage, read_held, source_of
from pixverse_nb.widgets.transfer import ChunkedUpload, TransferRefused, short_name
from pixverse_nb.widgets.words import sentence

_ADDRESS_MAX: Final = 4096


class Picker(anywidget.AnyWidget):
    """One picture slot; `held` is what lies in it, `on_change` tells when that changes.

    `which` names it in errors; `fetch(url)` gets the bytes of an http(s) address, on a thread of the slot's own.

    The bytes arrive as custom messages in chunks (see `frontend/src/picker.js`) and stay in the kernel: traits are
    written into saved notebooks, so they contain only what anybody may read there.

    >>> slot = Picker(which="first", label="First picture")
    >>> slot.state
    'empty'
    """

    _esm = bundle_js("picker")
    _css = bundle_css("picker")

    label = traitlets.Unicode("Picture").tag(sync=True)
    state = traitlets.Enum(["empty", "receiving", "reading", "ready", "failed"], "empty").tag(sync=True)
    name = traitlets.Unicode("").tag(sync=True)
    width = traitlets.Int(0).tag(sync=True)  # pixels, as it stands upright
    height = traitlets.Int(0).tag(sync=True)
    size = traitlets.Int(0).tag(sync=True)  # bytes of what was given; 0 where it was no file
    notices = traitlets.List(traitlets.Unicode()).tag(sync=True)
    caution = traitlets.Unicode("").tag(sync=True)  # what the ratio does to the picture that makes the video worse
    message = traitlets.Unicode("").tag(sync=True)  # what is wrong, in words
    ratio = traitlets.Unicode("").tag(sync=True)  # "16:9": the shape that will be sent, for the preview
    fit = traitlets.Unicode("").tag(sync=True)  # "cover", "contain", or "" for as it is

    def __init__(self, *, which: Which = "first", fetch: Callable[[str], bytes] | None = None, **traits: Any) -> None:
        super().__init__(**traits)
        self._which: Which = which
        self._fetch = fetch
        self._lock = threading.RLock()  # messages and readers come on different threads
        self._dispatcher = BackgroundRunner(self._report)
        self._serial = 0  # of the newest pick; what an older one brings is dropped
        self._transfer: ChunkedUpload | None = None
        self._held: LoadedImage | None = None
        self._watchers: list[Callable[[], object]] = []
        self.on_msg(self._take_message)

    @property
    def held(self) -> LoadedImage | None:
        """The picture in the slot; None while there is none."""
        return self._held

    def on_change(self, act: Callable[[], object]) -> None:
        """Call `act()` whenever another picture, or none, lies in the slot (on any thread)."""
        self._watchers.append(act)

    def pick(self, source: object, *, name: str | None = None) -> threading.Thread:
        """Put `source` (path, URL, bytes, PIL image, numpy array) into the slot; it is read on the returned thread."""
        shown = short_name(name or (str(source) if isinstance(source, str | Path) else None))
        with self._lock:
            self._transfer = None
            return self._read(source, name=shown)

    def clear(self) -> None:
        """Empty the slot."""
        with self._lock:
            self._transfer = None
            self._serial += 1
            self._empty("")

    def swap_with(self, other: "Picker") -> None:
        """Exchange the pictures of two slots; a slot that is still receiving or reading is left alone."""
        ordered = sorted((self, other), key=id)
        with ordered[0]._lock, ordered[1]._lock:
            if {self.state, other.state} & {"receiving", "reading"}:
                return
            mine, theirs = self._held, other._held
            self._put(theirs)
            other._put(mine)

    # ---- messages of the browser ----

    def _take_message(self, _widget: object, message: object, buffers: Sequence[memoryview]) -> None:
        self._dispatcher.run_guarded(lambda: self._act_on(message, buffers))

    def _act_on(self, message: object, buffers: Sequence[memoryview]) -> None:
        if not isinstance(message, Mapping):
            return
        with self._lock:
            match message.get("kind"):
                case "hello":
                    self._send_thumbnail()
                case "begin":
                    self._begin(message)
                case "chunk":
                    self._take_piece(message, buffers)
                case "abort":
                    self._abort(message)
                case "address":
                    self._take_address(message.get("text"))
                case "clear":
                    self.clear()
                case _:
                    pass  # of a newer or a foreign page

    def _begin(self, message: Mapping[str, object]) -> None:
        self._serial += 1
        self._transfer = None
        try:
            transfer = ChunkedUpload.begin(message)
        except TransferRefused as refusal:
            self._empty(str(refusal), id=message.get("id"))
            return
        self._hold(None)
        self._transfer = transfer
        self.message = ""
        self.name, self.size = transfer.name, transfer.size
        self.state = "receiving"
        self._acknowledge(transfer)

    def _take_piece(self, message: Mapping[str, object], buffers: Sequence[memoryview]) -> None:
        transfer = self._transfer
        if transfer is None or message.get("id") != transfer.id:
            return  # of an upload that was replaced or cleared
        try:
            transfer.take(message.get("offset"), buffers[0] if buffers else b"")
        except TransferRefused as refusal:
            self._transfer = None
            self._empty(str(refusal), id=transfer.id)
            return
        if transfer.is_complete:
            self._transfer = None
            self._read(transfer.data, name=transfer.name, id=transfer.id)
        self._acknowledge(transfer)

    def _acknowledge(self, transfer: ChunkedUpload) -> None:
        self.send({"kind": "ack", "id": transfer.id, "received": transfer.received, "size": transfer.size})

    def _abort(self, message: Mapping[str, object]) -> None:
        transfer = self._transfer
        if transfer is None or message.get("id") != transfer.id:
            return
        self._transfer = None
        if message.get("reason") == "unreadable":
            text = f"{transfer.name} cannot be read any more: it was moved or changed. Pick it again."
            self._empty(text, id=transfer.id)
        else:
            self._empty("", id=transfer.id)

    def _take_address(self, text: object) -> None:
        if isinstance(text, str) and (source := source_of(text[:_ADDRESS_MAX])):
            self.pick(source)

    # ---- reading ----

    def _read(self, source: object, *, name: str, id: str | None = None) -> threading.Thread:  # noqa: A002  as above
        self._serial += 1
        serial = self._serial
        self._hold(None)
        self.message, self.name, self.state = "", name, "reading"
        known_as = id or f"kernel-{serial}"
        return self._dispatcher.run_in_thread(lambda: self._settle(source, serial=serial, id=known_as, name=name))

    def _settle(self, source: object, *, serial: int, id: str, name: str) -> None:  # noqa: A002  as above
        """Decode `source` and take it into the slot, unless another picture was picked meanwhile."""
        held, why = None, ""
        try:
            held = read_held(source, which=self._which, id=id, name=name, fetch=self._fetch)
        except InvalidImage as error:
            why = error.fields.get(self._which, str(error))
        except Exception as error:  # noqa: BLE001  the thread ends here; the slot says what happened
            why = error_text(error)
        with self._lock:
            if serial != self._serial:
                return
            if held is None:
                self._empty(sentence(why), id=id)
            else:
                self._hold(held)
                self.message, self.state = "", "ready"  # what was said of one still on its way is over
                self._send_thumbnail()

    # ---- what lies in the slot; the caller holds the lock ----

    def _hold(self, held: LoadedImage | None) -> None:
        is_other, self._held = held is not self._held, held
        self.width, self.height = (held.picture.width, held.picture.height) if held else (0, 0)
        self.size = held.size_bytes if held else 0
        self.notices = list(held.notices) if held else []
        self.name = held.name if held else ""
        for act in list(self._watchers) if is_other else ():
            self._dispatcher.run_guarded(act)

    def _empty(self, why: str, *, id: object = None) -> None:  # noqa: A002  the message's own word
        """Leave the slot without a picture: because of `why`, or cleared; `id` is the upload that it is about."""
        self._hold(None)
        self.message = why
        self.state = "failed" if why else "empty"
        self.send({"kind": "cleared", "id": id})

    def _put(self, held: LoadedImage | None) -> None:
        """Take what lay in another slot."""
        self._serial += 1
        if held is None:
            self._empty("")
            return
        self._hold(held)
        self.message, self.state = "", "ready"
        self._send_thumbnail()

    def _send_thumbnail(self) -> None:
        if self._held is not None:
            self.send({"kind": "picture", "id": self._held.id}, [self._held.jpeg])

    def _report(self, error: Exception) -> None:
        self.message = error_text(error)
        self.state = "failed"
