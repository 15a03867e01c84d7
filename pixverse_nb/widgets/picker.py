"""Transfer: a file put together again from the pieces that a browser sends.

The browser is a stranger to the kernel: it may be an older page, a second view, or broken. So every message is
checked, nothing is kept before it is needed, and what makes no sense ends the transfer with a sentence.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

import anywidget
import traitlets

from pixverse_nb.atomic_files import sha256_of_file
from pixverse_nb.errors import InvalidImage
from pixverse_nb.images import ImageInfo, is_url, read_image, thumbnail
from pixverse_nb.images.decode import decode
from pixverse_nb.images.framing import framing_for
from pixverse_nb.jobs.messages import describe_notice
from pixverse_nb.widgets.assets import bundle_css, bundle_js
from pixverse_nb.widgets.comm import BackgroundRunner, error_text
from pixverse_nb.widgets.messages import sentence

PICTURE_MAX_BYTES: Final = 100_000_000
PIECE_MAX_BYTES: Final = 1024 * 1024
NAME_MAX: Final = 200


class TransferRefused(Exception):
    """The file is not taken; the text says why, in words for the person."""


class ChunkedUpload:
    """One file on its way: `id` from the browser, `name`, `size` in bytes, and what has arrived so far.

    >>> transfer = Transfer.begin({"id": "a1", "name": "cat.png", "size": 4, "type": "image/png"})
    >>> transfer.take(0, b"PN"), transfer.take(2, b"G!"), transfer.data
    (2, 4, b'PNG!')
    """

    def __init__(self, *, id: str, name: str, size: int) -> None:  # noqa: A002 - the message's own word
        self.id = id
        self.name = name
        self.size = size
        self._pieces = bytearray()

    @classmethod
    def begin(cls, message: Mapping[str, object]) -> "ChunkedUpload":
        """Return the transfer that a "begin" message announces, or raise TransferRefused."""
        given, name, size = message.get("id"), message.get("name"), message.get("size")
        if not isinstance(given, str) or not 0 < len(given) <= NAME_MAX:
            raise TransferRefused("The page sent something that this version does not understand. Reload the page.")
        shown = short_name(name)
        if type(size) is not int or size < 0:
            raise TransferRefused(f"{shown}: the browser does not say how large it is. Pick it again.")
        if size == 0:
            raise TransferRefused(f"{shown} is empty (0 bytes).")
        if size > PICTURE_MAX_BYTES:
            raise TransferRefused(
                f"{shown} has {size / 1e6:.0f} MB; at most {PICTURE_MAX_BYTES // 1_000_000} MB are taken here. "
                "Pick a smaller copy: nothing above 2048 px a side is sent on anyway."
            )
        media_type = message.get("type")
        if isinstance(media_type, str) and media_type and not media_type.startswith("image/"):
            raise TransferRefused(f"{shown} is not a picture ({media_type[:60]}). Pick a PNG, JPEG, WebP or GIF file.")
        return cls(id=given, name=shown, size=size)

    @property
    def received(self) -> int:
        """Bytes that have arrived."""
        return len(self._pieces)

    @property
    def is_complete(self) -> bool:
        """True once every byte is there."""
        return self.received == self.size

    @property
    def data(self) -> bytes:
        """What has arrived, in order."""
        return bytes(self._pieces)

    def take(self, offset: object, piece: bytes | memoryview) -> int:
        """Append the piece that starts at `offset` and return the bytes received; a repeated piece changes nothing.

        Raises TransferRefused for a gap, for a piece above 1 MiB, and for bytes beyond the announced size.
        """
        size = memoryview(piece).nbytes
        if type(offset) is not int or offset < 0 or size == 0:
            raise TransferRefused(f"{self.name}: a piece came broken. Pick the picture again.")
        if offset < self.received:
            return self.received
        if offset > self.received or size > PIECE_MAX_BYTES or offset + size > self.size:
            raise TransferRefused(f"{self.name} did not arrive whole. Pick the picture again.")
        self._pieces += piece
        return self.received


def short_name(name: object) -> str:
    """Return a file name for people: no folders, no control signs, at most 200 characters; "picture" without one."""
    text = "".join(sign for sign in name if sign.isprintable()) if isinstance(name, str) else ""
    return text.replace("\\", "/").rsplit("/", 1)[-1][:NAME_MAX] or "picture"


THUMBNAIL_PX: Final = 640


@dataclass(frozen=True)
class LoadedImage:
    """A picture that can be used: `name` as people call it, `jpeg` its thumbnail, `notices` what was changed in it.

    `id` tells the pages which picture a thumbnail belongs to; `path` is where it was taken from, if from a path.
    """

    id: str
    name: str
    picture: ImageInfo = field(repr=False)
    jpeg: bytes = field(repr=False)
    notices: tuple[str, ...] = ()
    path: Path | None = None

    @property
    def size_bytes(self) -> int:
        """The length of the file; 0 for pixels that never were one."""
        return len(self.picture.source.data or b"")

    def fitted(self, *, aspect_ratio: str, fit: str | None) -> tuple[bool, str]:
        """Tell whether the picture is cut or padded for the ratio, and warn about the effect; "" if neither."""
        width, height = self.picture.width, self.picture.height
        framing = framing_for(width, height, aspect_ratio=aspect_ratio, fit=fit)
        is_cut = framing.box != (0, 0, width, height)
        cautions = (notice for notice in framing.notices if notice.kind == "small_after_crop")
        return is_cut or framing.canvas != framing.inner, next(map(describe_notice, cautions), "")

    @property
    def content(self) -> Any:
        """What to hand to `create_frames`.

        A path stays a path, so that the line of Python that makes the video again can name it, unless its file has
        changed since; everything else is the file as bytes, or the pixels.
        """
        source = self.picture.source
        if self.path is not None and _has_digest(self.path, source.sha256):
            return self.path
        return source.image if source.data is None else source.data


def read_held(
    source: object,
    *,
    which: str,
    id: str,  # noqa: A002  the message's own word
    name: str,
    fetch: Callable[[str], bytes] | None = None,
) -> LoadedImage:
    """Return the picture in `source` (all that `create_frames` takes); `fetch(url)` gets the bytes of an address.

    Decodes the whole picture, so that a damaged one is found now. Raises InvalidImage, and what `fetch` raises.
    """
    data = fetch(source) if fetch and isinstance(source, str) and is_url(source) else source
    picture = read_image(data, role=which)
    jpeg = thumbnail(picture.source, longest_px=THUMBNAIL_PX, role=which)
    # Only what happens to the picture itself: what the crop does to it is shown in the slot and told by the job.
    _, notices = decode(picture, at_least=(THUMBNAIL_PX, THUMBNAIL_PX))
    return LoadedImage(id, name, picture, jpeg, tuple(map(describe_notice, notices)), _path_of(source))


def source_of(typed: str) -> str:
    """Return the path or the address in what a person typed or pasted: out of its quotes, a file address as its path.

    >>> source_of(' "my picture.jpg" ')
    'my picture.jpg'
    """
    text = typed.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    parts = urlsplit(text) if text.lower().startswith("file:") else None
    if parts is None or parts.netloc not in ("", "localhost"):
        return text
    return url2pathname(parts.path)


def _path_of(source: object) -> Path | None:
    if isinstance(source, Path):
        return source
    return Path(source).expanduser() if isinstance(source, str) and not is_url(source) else None


def _has_digest(path: Path, sha256: str) -> bool:
    try:
        return sha256_of_file(path) == sha256
    except OSError:
        return False


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

    def __init__(self, *, which: str = "first", fetch: Callable[[str], bytes] | None = None, **traits: Any) -> None:
        super().__init__(**traits)
        self._which = which
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
