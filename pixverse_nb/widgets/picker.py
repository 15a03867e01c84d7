"""The picture slot of the form: its state, the upload that fills it from the browser, and the image that was loaded.

Messages from a browser are not trusted: the page may be an old version, a second view, or broken. Every message is
checked, and one that makes no sense ends the upload with an error in the slot.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pixverse_nb.atomic_files import sha256_of_file
from pixverse_nb.errors import InvalidImage
from pixverse_nb.images import ImageInfo, is_url, read_image, thumbnail
from pixverse_nb.images.decode import decode
from pixverse_nb.images.framing import framing_for
from pixverse_nb.jobs.messages import describe_notice
from pixverse_nb.widgets.comm import BackgroundRunner, Send, error_text
from pixverse_nb.widgets.messages import as_sentence

MAX_UPLOAD_BYTES: Final = 100_000_000
MAX_CHUNK_BYTES: Final = 1024 * 1024
MAX_NAME_LENGTH: Final = 200
THUMBNAIL_PX: Final = 640
_MAX_ADDRESS_LENGTH: Final = 4096
_MAX_BEGUN: Final = 32

SlotState = Literal["empty", "receiving", "reading", "ready", "failed"]


class PictureSlot:
    """One picture slot. `image` is the loaded picture, or None.

    `role` ("first", "last", …) names the slot in errors. `send(content, buffers)` sends a message to the pages, and
    `on_change(is_other_picture)` is called, with `lock` held, after everything that changes `to_json()`.
    `fetch_url(url)` returns the bytes at an http(s) address and runs on a background thread.

    The page sends files as custom messages in chunks (see `frontend/src/picker.js`). The bytes stay in the kernel.

    >>> slot = PictureSlot("first", send=print, on_change=lambda _: None)
    >>> slot.state
    'empty'
    """

    def __init__(
        self,
        role: str,
        *,
        send: Send,
        on_change: Callable[[bool], object],
        lock: AbstractContextManager[bool] | None = None,
        fetch_url: Callable[[str], bytes] | None = None,
    ) -> None:
        self.role = role
        self.state: SlotState = "empty"
        self.name = ""
        self.message = ""  # the problem with this slot, or ""
        self.caution = ""  # a warning about what the aspect ratio does to the picture
        self.ratio = ""  # "16:9": the shape of the upload, for the preview
        self.fit = ""  # "cover", "contain", or "" for the unchanged picture
        self.size_bytes = 0
        self._send = send
        self._on_change = on_change
        self._fetch_url = fetch_url
        # Messages come on one thread, and pictures that were read on others.
        self._lock: AbstractContextManager[bool] = lock or threading.RLock()
        self._runner = BackgroundRunner(self._show_error)
        self._latest_request = 0  # a result of an older request is dropped
        self._upload: ChunkedUpload | None = None
        self._begun: deque[object] = deque(maxlen=_MAX_BEGUN)  # the ids of the latest uploads
        self._image: LoadedImage | None = None
        self._earlier: LoadedImage | None = None  # comes back if the picture that replaces it cannot be used

    @property
    def image(self) -> "LoadedImage | None":
        """The picture in the slot, or None."""
        return self._image

    @property
    def is_busy(self) -> bool:
        """Whether a picture is being received or read."""
        return self.state in ("receiving", "reading")

    def to_json(self) -> dict[str, object]:
        """Return what the page shows; no bytes."""
        image = self._image
        return {
            "id": self.role,
            "state": self.state,
            "name": self.name,
            "width": image.info.width if image else 0,
            "height": image.info.height if image else 0,
            "size": self.size_bytes,
            "notices": list(image.notices) if image else [],
            "caution": self.caution,
            "message": self.message,
            "ratio": self.ratio,
            "fit": self.fit,
            "upload": self._upload.id if self._upload else "",
        }

    def load(self, source: object, *, name: str | None = None) -> threading.Thread:
        """Load `source` (path, URL, bytes, PIL image, numpy array) on the returned thread."""
        shown_name = clean_name(name or (str(source) if isinstance(source, str | Path) else None))
        with self._lock:
            self._upload = None
            return self._start_loading(source, name=shown_name)

    def clear(self) -> None:
        """Empty the slot."""
        with self._lock:
            self._upload = self._earlier = self._image = None
            self._latest_request += 1
            self._set_empty("")

    def swap_with(self, other: "PictureSlot") -> None:
        """Exchange the pictures of two slots of one form. Does nothing while one of them waits for a picture."""
        with self._lock:
            if self.is_busy or other.is_busy:
                return
            mine, theirs = self._image, other._image
            self._replace_image(theirs)
            other._replace_image(mine)

    # ---- messages of the page ----

    def handle_message(self, message: Mapping[str, object], buffers: Sequence[memoryview]) -> None:
        """Handle a message of a page; one that makes no sense is ignored. Never raises."""
        self._runner.run_guarded(lambda: self._handle_message(message, buffers))

    def send_thumbnail(self) -> None:
        """Send the thumbnail of the picture, if there is one, to the pages."""
        if self._image is not None:
            self._send({"kind": "picture", "slot": self.role, "id": self._image.id}, [self._image.jpeg])

    def _handle_message(self, message: Mapping[str, object], buffers: Sequence[memoryview]) -> None:
        with self._lock:
            match message.get("kind"):
                case "hello":
                    self.send_thumbnail()
                case "begin":
                    self._begin_upload(message)
                case "chunk":
                    self._receive_chunk(message, buffers)
                case "abort":
                    self._abort_upload(message)
                case "resume":
                    self._resume_upload(message)
                case "stalled":
                    self._end_stalled_upload(message)
                case "address":
                    self._load_address(message.get("text"))
                case "clear":
                    self.clear()
                case _:
                    pass  # from another version of the page

    def _begin_upload(self, message: Mapping[str, object]) -> None:
        self._latest_request += 1
        self._upload = None
        self._begun.append(message.get("id"))
        try:
            upload = ChunkedUpload.begin(message)
        except UploadRejected as error:
            self._set_empty(str(error), upload_id=message.get("id"))
            return
        self._upload = upload
        self._set_aside()
        self.message = ""
        self.name, self.size_bytes = upload.name, upload.size
        self.state = "receiving"
        self._acknowledge(upload)
        self._on_change(True)

    def _receive_chunk(self, message: Mapping[str, object], buffers: Sequence[memoryview]) -> None:
        upload = self._upload
        if upload is None or message.get("id") != upload.id:
            return  # part of an upload that was replaced or cleared
        try:
            upload.add_chunk(message.get("offset"), buffers[0] if buffers else b"")
        except UploadRejected as error:
            self._upload = None
            self._set_empty(str(error), upload_id=upload.id)
            return
        if upload.is_complete:
            self._upload = None
            self._start_loading(upload.data, name=upload.name, upload_id=upload.id)
        self._acknowledge(upload)

    def _resume_upload(self, message: Mapping[str, object]) -> None:
        """Tell the sender where to continue: a chunk may have been lost in a short break of the connection."""
        upload, upload_id = self._upload, message.get("id")
        if upload is not None and upload_id == upload.id:
            self._acknowledge(upload, is_resumed=True)
        elif upload_id not in self._begun:
            self._send({"kind": "restart", "slot": self.role, "id": upload_id}, [])  # "begin" was lost
        elif self._image is None or upload_id != self._image.id:
            self._send_cleared(upload_id)
        else:  # the last acknowledgement was lost
            size = self._image.size_bytes
            self._send({"kind": "ack", "slot": self.role, "id": upload_id, "received": size, "size": size}, [])

    def _end_stalled_upload(self, message: Mapping[str, object]) -> None:
        """End an upload whose page is gone: another page saw no byte arrive for a while."""
        upload = self._upload
        if upload is None or message.get("id") != upload.id:
            return
        if message.get("received") != upload.received:
            self._acknowledge(upload)  # more has arrived than that page knew
            return
        self._upload = None
        self._set_empty(f"The upload of {upload.name} was interrupted. Choose the picture again.", upload_id=upload.id)

    def _acknowledge(self, upload: "ChunkedUpload", *, is_resumed: bool = False) -> None:
        content = {"kind": "ack", "slot": self.role, "id": upload.id, "received": upload.received, "size": upload.size}
        self._send({**content, "is_resumed": True} if is_resumed else content, [])

    def _abort_upload(self, message: Mapping[str, object]) -> None:
        upload = self._upload
        if upload is None or message.get("id") != upload.id:
            return
        self._upload = None
        is_unreadable = message.get("reason") == "unreadable"
        problem = f"{upload.name} cannot be read: it was moved or modified. Choose it again." if is_unreadable else ""
        self._set_empty(problem, upload_id=upload.id)

    def _load_address(self, text: object) -> None:
        if isinstance(text, str) and (address := parse_address(text[:_MAX_ADDRESS_LENGTH])):
            self.load(address)

    # ---- loading ----

    def _start_loading(self, source: object, *, name: str, upload_id: str | None = None) -> threading.Thread:
        self._latest_request += 1
        request = self._latest_request
        self._set_aside()
        self.message, self.name, self.state, self.size_bytes = "", name, "reading", 0
        self._on_change(True)
        image_id = upload_id or f"kernel-{request}"
        return self._runner.run_in_thread(lambda: self._load(source, request=request, image_id=image_id, name=name))

    def _load(self, source: object, *, request: int, image_id: str, name: str) -> None:
        """Load `source` and put it into the slot, unless a newer request was made in the meantime."""
        image, problem = None, ""
        try:
            image = load_image(source, role=self.role, id=image_id, name=name, fetch_url=self._fetch_url)
        except InvalidImage as error:
            problem = error.fields.get(self.role, str(error))
        except Exception as error:  # noqa: BLE001 - the thread ends here; the slot shows the error
            problem = error_text(error)
        with self._lock:
            if request != self._latest_request:
                return
            if image is None:
                self._set_empty(as_sentence(problem), upload_id=image_id)
            else:
                self._set_ready(image)

    # ---- the content of the slot; the caller holds the lock ----

    def _replace_image(self, image: "LoadedImage | None") -> None:
        self._latest_request += 1
        if image is None:
            self._image = None
            self._set_empty("")
        else:
            self._set_ready(image)

    def _set_aside(self) -> None:
        """Take the picture out of the slot, but keep it until another one has been loaded."""
        self._earlier = self._image or self._earlier
        self._image = None

    def _set_ready(self, image: "LoadedImage", *, problem: str = "") -> None:
        self._image, self._earlier = image, None
        self.name, self.size_bytes = image.name, image.size_bytes
        self.message, self.state = problem, "ready"  # the form may have set a message while the picture was loading
        self._on_change(True)
        self.send_thumbnail()

    def _set_empty(self, problem: str, *, upload_id: object = None) -> None:
        """Show that there is no new picture because of `problem`, or because it was cleared; an earlier one comes back.

        `upload_id` names the page's upload.
        """
        self._send_cleared(upload_id)
        earlier = self._image or self._earlier
        if earlier is not None:
            self._set_ready(earlier, problem=problem)
            return
        self.name, self.size_bytes, self.caution = "", 0, ""
        self.message = problem
        self.state = "failed" if problem else "empty"
        self._on_change(True)

    def _send_cleared(self, upload_id: object) -> None:
        self._send({"kind": "cleared", "slot": self.role, "id": upload_id}, [])

    def _show_error(self, error: Exception) -> None:
        with self._lock:
            self.message = error_text(error)
            self.state = "failed"
            self._on_change(False)


@dataclass(frozen=True)
class LoadedImage:
    """A picture that was read and can be used.

    `id` tells the pages which picture a thumbnail belongs to. `name` is for people, `jpeg` is the thumbnail,
    `notices` say what was changed in the picture, and `path` is where it was loaded from, if it was a path.
    """

    id: str
    name: str
    info: ImageInfo = field(repr=False)
    jpeg: bytes = field(repr=False)
    notices: tuple[str, ...] = ()
    path: Path | None = None

    @property
    def size_bytes(self) -> int:
        """The size of the file, or 0 for an image object."""
        return len(self.info.source.data or b"")

    def preview_fit(self, *, aspect_ratio: str, fit: str | None) -> tuple[bool, str]:
        """Return whether the picture is cropped or padded for the ratio, and a warning about the result, or ""."""
        width, height = self.info.width, self.info.height
        framing = framing_for(width, height, aspect_ratio=aspect_ratio, fit=fit)
        is_cropped, is_padded = framing.box != (0, 0, width, height), framing.canvas != framing.inner
        warnings = (describe_notice(notice) for notice in framing.notices if notice.kind == "small_after_crop")
        return is_cropped or is_padded, next(warnings, "")

    @property
    def content(self) -> Any:
        """The picture to pass to `create_frames`: a path, bytes or an image object.

        A path stays a path, so that the job can show the Python call that repeats it. If the file has changed since
        it was loaded, this is what was loaded.
        """
        source = self.info.source
        if self.path is not None and _has_digest(self.path, source.sha256):
            return self.path
        return source.image if source.data is None else source.data


def load_image(
    source: object,
    *,
    role: str,
    id: str,  # noqa: A002 - the name in the page's messages
    name: str,
    fetch_url: Callable[[str], bytes] | None = None,
) -> LoadedImage:
    """Load anything that `create_frames` accepts as a picture; `fetch_url(url)` returns the bytes at an address.

    Decodes the whole picture, so that damage is found now. Raises InvalidImage, and whatever `fetch_url` raises.
    """
    data = fetch_url(source) if fetch_url and isinstance(source, str) and is_url(source) else source
    info = read_image(data, role=role)
    jpeg = thumbnail(info.source, longest_px=THUMBNAIL_PX, role=role)
    # Only the notices about the picture itself: the slot previews the crop, and the job reports it.
    _, notices = decode(info, at_least=(THUMBNAIL_PX, THUMBNAIL_PX))
    return LoadedImage(id, name, info, jpeg, tuple(map(describe_notice, notices)), _path_of(source))


def parse_address(text: str) -> str:
    """Return the path or URL in what a person typed or pasted: without quotes, and a file URL as its path.

    >>> parse_address(' "my picture.jpg" ')
    'my picture.jpg'
    """
    address = text.strip()
    if len(address) > 1 and address[0] == address[-1] and address[0] in "\"'":
        address = address[1:-1].strip()
    parts = urlsplit(address) if address.lower().startswith("file:") else None
    if parts is None or parts.netloc not in ("", "localhost"):
        return address
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


class UploadRejected(Exception):
    """The file cannot be uploaded; the text tells the user why."""


class ChunkedUpload:
    """One file that the browser sends in chunks. `id` and `name` come from the browser, `size` is in bytes.

    >>> upload = ChunkedUpload.begin({"id": "a1", "name": "cat.png", "size": 4, "type": "image/png"})
    >>> upload.add_chunk(0, b"PN"), upload.add_chunk(2, b"G!"), upload.data
    (2, 4, b'PNG!')
    """

    def __init__(self, *, id: str, name: str, size: int) -> None:  # noqa: A002 - the name in the page's messages
        self.id = id
        self.name = name
        self.size = size
        self._buffer = bytearray()

    @classmethod
    def begin(cls, message: Mapping[str, object]) -> "ChunkedUpload":
        """Return the upload that a "begin" message announces. Raises UploadRejected if it cannot be accepted."""
        upload_id, size, media_type = message.get("id"), message.get("size"), message.get("type")
        if not isinstance(upload_id, str) or not 0 < len(upload_id) <= MAX_NAME_LENGTH:
            raise UploadRejected("The page sent a message that this version does not understand. Reload the page.")
        name = clean_name(message.get("name"))
        if type(size) is not int or size < 0:
            raise UploadRejected(f"{name}: the browser did not report the file size. Choose it again.")
        if size == 0:
            raise UploadRejected(f"{name} is empty (0 bytes).")
        if size > MAX_UPLOAD_BYTES:
            raise UploadRejected(
                f"{name} has {size / 1e6:.0f} MB; the limit is {MAX_UPLOAD_BYTES // 1_000_000} MB. "
                "Choose a smaller copy: pictures are sent with at most 2048 px a side."
            )
        if isinstance(media_type, str) and media_type and not media_type.startswith("image/"):
            raise UploadRejected(f"{name} is not a picture ({media_type[:60]}). Choose a PNG, JPEG, WebP or GIF file.")
        return cls(id=upload_id, name=name, size=size)

    @property
    def received(self) -> int:
        """The number of bytes received."""
        return len(self._buffer)

    @property
    def is_complete(self) -> bool:
        """True if all bytes have been received."""
        return self.received == self.size

    @property
    def data(self) -> bytes:
        """The bytes received so far."""
        return bytes(self._buffer)

    def add_chunk(self, offset: object, chunk: bytes | memoryview) -> int:
        """Append the chunk that starts at `offset` and return the bytes received. A repeated chunk changes nothing.

        Raises UploadRejected for a gap, for a chunk above 1 MiB, and for bytes beyond the announced size.
        """
        size = memoryview(chunk).nbytes
        if type(offset) is not int or offset < 0 or size == 0:
            raise UploadRejected(f"{self.name}: a part of the file arrived damaged. Choose the picture again.")
        if offset < self.received:
            return self.received
        if offset > self.received or size > MAX_CHUNK_BYTES or offset + size > self.size:
            raise UploadRejected(f"{self.name} did not arrive completely. Choose the picture again.")
        self._buffer += chunk
        return self.received


def clean_name(name: object) -> str:
    """Return a file name for display: no folders or control characters, at most 200 characters, or "picture"."""
    text = "".join(char for char in name if char.isprintable()) if isinstance(name, str) else ""
    return text.replace("\\", "/").rsplit("/", 1)[-1][:MAX_NAME_LENGTH] or "picture"
