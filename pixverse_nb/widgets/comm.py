"""Dispatcher: takes work out of widget callbacks, so that none of them waits, and none of their errors vanish.

Which thread and loop a widget callback runs on differs between kernels, and what it raises or prints is lost. So a
callback only hands a function over; it runs on a daemon thread of its own, and its end is always told.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pixverse_nb.redaction import redact


class BackgroundRunner:
    """Runs handed-over work; `report` gets the error of whatever fails.

    >>> told = []
    >>> thread = Dispatcher(told.append).run_in_thread(lambda: 1 / 0)
    >>> thread.join()
    >>> told
    [ZeroDivisionError('division by zero')]
    """

    def __init__(self, report: Callable[[Exception], None]) -> None:
        self._report = report
        self._once = threading.Lock()

    def run_in_thread(self, work: Callable[[], object]) -> threading.Thread:
        """Start `work` on its own thread and return that thread."""
        thread = threading.Thread(target=self._run, args=(work,), name="pixverse-nb-form", daemon=True)
        thread.start()
        return thread

    def run_exclusive(self, work: Callable[[], object]) -> threading.Thread | None:
        """As `run_in_thread`; while earlier such work still runs, return None and do nothing: two clicks, one act."""
        if not self._once.acquire(blocking=False):
            return None

        def run_and_release() -> None:
            try:
                work()
            finally:
                self._once.release()

        return self.run_in_thread(run_and_release)

    def run_guarded(self, act: Callable[[], object]) -> None:
        """Run `act` here and now, and report its error instead of losing it."""
        self._run(act)

    def _run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - a thread or callback ends here; what is not reported would vanish
            self._report(error)


def error_text(error: BaseException) -> str:
    """Return the error as a sentence for a form: masked, at most 600 characters, never empty."""
    text = str(error).strip() or type(error).__name__
    if type(error).__module__ == "builtins":
        text = f"{type(error).__name__}: {text}"
    return redact(text)[:600]


PAUSE_S: Final = 0.1


def _pause() -> None:
    time.sleep(PAUSE_S)  # on a thread of its own, and nothing has to wake it: what comes meanwhile is the next batch


class Batcher:
    """Hands keys to `deliver`: the first at once, all that come during the following `pause` as one batch.

    `add` may be called from any thread and returns at once; `deliver` runs on a thread of the `dispatcher`, never
    twice at a time. A key that comes several times in one batch is in it once.

    >>> told = []
    >>> batches = Batches(told.append, Dispatcher(print), pause=lambda: None)
    >>> batches.add(["a", "b"]).join()
    >>> told
    [['a', 'b']]
    """

    def __init__(
        self,
        deliver: Callable[[Sequence[str]], object],
        dispatcher: BackgroundRunner,
        *,
        pause: Callable[[], object] = _pause,
    ) -> None:
        self._deliver = deliver
        self._dispatcher = dispatcher
        self._pause = pause
        self._lock = threading.Lock()
        self._waiting: dict[str, None] = {}  # in the order in which they came
        self._runner: threading.Thread | None = None

    def add(self, keys: Iterable[str]) -> threading.Thread:
        """Take these keys along, and return the thread that delivers them."""
        with self._lock:
            self._waiting.update(dict.fromkeys(keys))
            if self._runner is None:
                self._runner = self._dispatcher.run_in_thread(self._run)
            return self._runner

    def _run(self) -> None:
        while keys := self._next():
            self._dispatcher.run_guarded(lambda: self._deliver(keys))
            self._pause()

    def _next(self) -> list[str]:
        with self._lock:
            keys = list(self._waiting)
            self._waiting.clear()
            if not keys:
                self._runner = None
            return keys


PIECE_BYTES: Final = 512 * 1024
IN_FLIGHT: Final = 3  # pieces that the page has not answered
_MOST_ASKINGS: Final = 256  # pages that went away never say so: the oldest askings are forgotten
_ID_MAX: Final = 200

Send = Callable[[dict[str, object], list[bytes]], object]


@dataclass
class _Asking:
    """One film on its way to one page."""

    key: str
    id: str
    path: Path
    size: int
    next_offset: int = 0
    unanswered: set[int] = field(default_factory=set)


class FileStreamer:
    """Serves films to the page of one widget; `send(content, buffers)` is the widget's own.

    Files are read on threads of the `dispatcher`, one piece at a time, so a callback never waits for a disk.

    >>> supply = Supply(print, Dispatcher(print))
    >>> supply.take({"kind": "of something else"})
    False
    """

    def __init__(self, send: Send, dispatcher: BackgroundRunner) -> None:
        self._send = send
        self._dispatcher = dispatcher
        self._lock = threading.Lock()  # pieces leave in order, whichever thread sends them
        self._films: Mapping[str, Path] = {}
        self._askings: dict[str, _Asking] = {}

    def offer(self, films: Mapping[str, Path]) -> None:
        """From now on serve these mp4s, by key, and no others."""
        self._films = dict(films)

    def take(self, message: object) -> bool:
        """Act on a message of the page; tell whether it was one of this conversation. Returns at once."""
        if not isinstance(message, Mapping) or message.get("kind") not in ("request", "ack", "cancel"):
            return False
        key, name, offset = message.get("key"), message.get("id"), message.get("offset")
        if not isinstance(key, str) or not isinstance(name, str) or not 0 < len(name) <= _ID_MAX:
            return True
        match message["kind"]:
            case "request":
                self._dispatcher.run_in_thread(lambda: self._begin(key, name))
            case "ack" if isinstance(offset, int):
                self._dispatcher.run_in_thread(lambda: self._go_on(name, offset))
            case "cancel":
                with self._lock:
                    self._askings.pop(name, None)
        return True

    def _begin(self, key: str, name: str) -> None:
        path = self._films.get(key)
        if path is None:
            self._refuse(key, name, "This video is not among those shown here. Run the cell again.")
            return
        size = path.stat().st_size if path.is_file() else 0
        if not size:
            self._refuse(key, name, _missing(path))
            return
        asking = _Asking(key=key, id=name, path=path, size=size)
        with self._lock:
            self._askings[name] = asking
            while len(self._askings) > _MOST_ASKINGS:
                del self._askings[next(iter(self._askings))]
            for _ in range(IN_FLIGHT):
                self._send_piece(asking)

    def _go_on(self, name: str, offset: int) -> None:
        with self._lock:
            asking = self._askings.get(name)
            if asking is None or offset not in asking.unanswered:
                return  # of an older asking, or said twice
            asking.unanswered.remove(offset)
            self._send_piece(asking)
            if not asking.unanswered:
                self._askings.pop(name, None)

    def _send_piece(self, asking: _Asking) -> None:
        """Send the next piece, if there is one left; the caller holds the lock."""
        offset = asking.next_offset
        if offset >= asking.size:
            return
        wanted = min(PIECE_BYTES, asking.size - offset)
        try:
            with asking.path.open("rb") as stream:
                stream.seek(offset)
                piece = stream.read(wanted)
        except OSError:
            piece = b""
        if len(piece) < wanted:
            self._askings.pop(asking.id, None)
            asking.next_offset = asking.size  # nothing more of it
            self._refuse(asking.key, asking.id, _missing(asking.path))
            return
        asking.next_offset += wanted
        asking.unanswered.add(offset)
        content = {"kind": "chunk", "key": asking.key, "id": asking.id, "offset": offset, "size": asking.size}
        self._send(content, [piece])

    def _refuse(self, key: str, name: str, why: str) -> None:
        self._send({"kind": "unavailable", "key": key, "id": name, "reason": why}, [])


def _missing(path: Path) -> str:
    return redact(f"The file {path.name} is not there any more, or was changed. Put it back and run the cell again.")
