"""Communication between a widget and its page: threads for callbacks, batches of changes, and streams of files.

Kernels run widget callbacks on different threads and loops, and lose what a callback raises or prints. So callbacks
return at once, the work runs on daemon threads, and its errors are reported.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pixverse_nb.redaction import redact

THREAD_NAME: Final = "pixverse-nb-widget"
BATCH_INTERVAL_S: Final = 0.1
CHUNK_BYTES: Final = 512 * 1024
MAX_UNACKNOWLEDGED: Final = 3  # chunks of one stream
_MAX_STREAMS: Final = 256  # a page that closes never says so: the oldest streams are dropped
_MAX_ID_LENGTH: Final = 200
_MAX_ERROR_LENGTH: Final = 600

Send = Callable[[dict[str, object], list[bytes]], object]


def answer_ping(message: object, send: Send) -> bool:
    """Answer a page that asks whether its kernel still runs, and return True; return False for any other message."""
    if not isinstance(message, Mapping) or message.get("kind") != "ping":
        return False
    send({"kind": "pong"}, [])
    return True


def answer_while_busy(widget: Any) -> None:
    """Let the callbacks of `widget` run while a cell keeps the kernel busy, if the kernel can do that.

    JupyterLab sends messages of widgets to a subshell. ipykernel 7.4 sends them on to where the widget's own last
    message came from: that is the busy cell, or a subshell that has ended since, and then they are lost. Older
    versions, and those that have no such routing, are not affected.
    """
    comm = getattr(widget, "comm", None)
    if comm is not None and hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = None


class BackgroundRunner:
    """Runs functions on daemon threads and passes their errors to `on_error`.

    >>> errors = []
    >>> thread = BackgroundRunner(errors.append).run_in_thread(lambda: 1 / 0)
    >>> thread.join()
    >>> errors
    [ZeroDivisionError('division by zero')]
    """

    def __init__(self, on_error: Callable[[Exception], object]) -> None:
        self._on_error = on_error
        self._exclusive = threading.Lock()

    def run_in_thread(self, work: Callable[[], object]) -> threading.Thread:
        """Start `work` on a new thread and return the thread."""
        thread = threading.Thread(target=self.run_guarded, args=(work,), name=THREAD_NAME, daemon=True)
        thread.start()
        return thread

    def run_exclusive(self, work: Callable[[], object]) -> threading.Thread | None:
        """Like `run_in_thread`, but return None and do nothing while earlier exclusive work runs (a double click)."""
        if not self._exclusive.acquire(blocking=False):
            return None

        def run_and_release() -> None:
            try:
                work()
            finally:
                self._exclusive.release()

        return self.run_in_thread(run_and_release)

    def run_guarded(self, work: Callable[[], object]) -> None:
        """Run `work` on the current thread and report its error."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - a thread or callback ends here; an unreported error would be lost
            self._on_error(error)


def error_text(error: BaseException) -> str:
    """Return the error as text for a page: redacted, at most 600 characters, never empty."""
    text = str(error).strip() or type(error).__name__
    if type(error).__module__ == "builtins":
        text = f"{type(error).__name__}: {text}"
    return redact(text)[:_MAX_ERROR_LENGTH]


def _wait_for_next_batch() -> None:
    time.sleep(BATCH_INTERVAL_S)  # on a thread of its own; keys that are added meanwhile go into the next batch


class Batcher:
    """Passes keys to `deliver`: the first key at once, then all keys that were added during each `pause` together.

    `add` can be called from any thread and returns at once. `deliver` runs on a thread of `runner`, one call at a
    time, and gets each key once.

    >>> batches = []
    >>> batcher = Batcher(batches.append, BackgroundRunner(print), pause=lambda: None)
    >>> batcher.add(["a", "b"]).join()
    >>> batches
    [['a', 'b']]
    """

    def __init__(
        self,
        deliver: Callable[[Sequence[str]], object],
        runner: BackgroundRunner,
        *,
        pause: Callable[[], object] = _wait_for_next_batch,
    ) -> None:
        self._deliver = deliver
        self._runner = runner
        self._pause = pause
        self._lock = threading.Lock()
        self._pending: dict[str, None] = {}  # an ordered set
        self._thread: threading.Thread | None = None

    def add(self, keys: Iterable[str]) -> threading.Thread:
        """Add keys to the next batch and return the thread that delivers them."""
        with self._lock:
            self._pending.update(dict.fromkeys(keys))
            if self._thread is None:
                self._thread = self._runner.run_in_thread(self._deliver_all)
            return self._thread

    def _deliver_all(self) -> None:
        while keys := self._next_batch():
            self._runner.run_guarded(lambda: self._deliver(keys))
            self._pause()

    def _next_batch(self) -> list[str]:
        with self._lock:
            keys = list(self._pending)
            self._pending.clear()
            if not keys:
                self._thread = None
            return keys


class FileStreamer:
    """Streams video files to a widget's page, which requests them by key; `send` is the widget's own `send`.

    A page sends "request" (from an offset in bytes, so that a lost connection costs little), "ack" for each chunk,
    "cancel", and "ping", which is answered at once. Files are read on threads of `runner`, one chunk at a
    time, so that a callback never waits for a disk.

    >>> streamer = FileStreamer(print, BackgroundRunner(print))
    >>> streamer.handle_message({"kind": "vote"})
    False
    """

    def __init__(self, send: Send, runner: BackgroundRunner) -> None:
        self._send = send
        self._runner = runner
        self._lock = threading.Lock()  # keeps the chunks in order, whichever thread sends them
        self._files: Mapping[str, Path] = {}
        self._streams: dict[str, _Stream] = {}

    def set_files(self, files: Mapping[str, Path]) -> None:
        """Serve these files, by key, and no others."""
        self._files = dict(files)

    def handle_message(self, message: object) -> bool:
        """Handle a message of the page and return True, or return False if it is not about a stream."""
        if answer_ping(message, self._send):
            return True
        if not isinstance(message, Mapping) or message.get("kind") not in ("request", "ack", "cancel"):
            return False
        key, stream_id, offset = message.get("key"), message.get("id"), message.get("offset")
        if not isinstance(key, str) or not isinstance(stream_id, str) or not 0 < len(stream_id) <= _MAX_ID_LENGTH:
            return True
        match message["kind"]:
            case "request":
                start = offset if isinstance(offset, int) else 0
                self._runner.run_in_thread(lambda: self._start(key, stream_id, start))
            case "ack" if isinstance(offset, int):
                self._runner.run_in_thread(lambda: self._on_ack(stream_id, offset))
            case "cancel":
                with self._lock:
                    self._streams.pop(stream_id, None)
        return True

    def _start(self, key: str, stream_id: str, offset: int) -> None:
        path = self._files.get(key)
        if path is None:
            self._send_unavailable(key, stream_id, "This video is not part of this widget. Run the cell again.")
            return
        size = path.stat().st_size if path.is_file() else 0
        if not size:
            self._send_unavailable(key, stream_id, _missing_file_message(path))
            return
        stream = _Stream(key=key, id=stream_id, path=path, size=size, next_offset=offset if 0 < offset < size else 0)
        with self._lock:
            self._streams[stream_id] = stream
            while len(self._streams) > _MAX_STREAMS:
                del self._streams[next(iter(self._streams))]
            for _ in range(MAX_UNACKNOWLEDGED):
                self._send_chunk(stream)

    def _on_ack(self, stream_id: str, offset: int) -> None:
        with self._lock:
            stream = self._streams.get(stream_id)
            if stream is None or offset not in stream.unacknowledged:
                return  # a dropped stream, or a repeated acknowledgement
            stream.unacknowledged.remove(offset)
            self._send_chunk(stream)
            if not stream.unacknowledged:
                self._streams.pop(stream_id, None)

    def _send_chunk(self, stream: "_Stream") -> None:
        """Send the next chunk, if there is one. The caller holds the lock."""
        offset = stream.next_offset
        if offset >= stream.size:
            return
        length = min(CHUNK_BYTES, stream.size - offset)
        try:
            with stream.path.open("rb") as file:
                file.seek(offset)
                chunk = file.read(length)
        except OSError:
            chunk = b""
        if len(chunk) < length:
            self._streams.pop(stream.id, None)
            stream.next_offset = stream.size  # `_start` may still hold this stream: send nothing more
            self._send_unavailable(stream.key, stream.id, _missing_file_message(stream.path))
            return
        stream.next_offset += length
        stream.unacknowledged.add(offset)
        content = {"kind": "chunk", "key": stream.key, "id": stream.id, "offset": offset, "size": stream.size}
        self._send(content, [chunk])

    def _send_unavailable(self, key: str, stream_id: str, reason: str) -> None:
        self._send({"kind": "unavailable", "key": key, "id": stream_id, "reason": reason}, [])


@dataclass
class _Stream:
    """The state of one file on its way to one page."""

    key: str
    id: str
    path: Path
    size: int
    next_offset: int = 0
    unacknowledged: set[int] = field(default_factory=set)


def _missing_file_message(path: Path) -> str:
    return redact(f"The file {path.name} is missing or was modified. Put it back and run the cell again.")
