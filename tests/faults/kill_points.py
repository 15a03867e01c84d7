"""Where a worker dies: moments that Python, SQLite and httpcore tell anyway, so that the product holds no hook for it.

Python's audit events tell of connections and renames, SQLite's trace callback of every statement, httpcore's log of
every step on the wire.
"""

import contextvars
import logging
import os
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

# Written by the product as one transaction: the statement that tells which one it is.
_WRITES: Final = {
    "INSERT INTO jobs": "the plan",
    "INSERT OR REPLACE INTO uploads": "an upload",
    "UPDATE jobs SET state = 'submitting'": "the intent",
    "UPDATE jobs SET state = 'unknown'": "the doubt",
    "UPDATE jobs SET state = 'queued'": "the acceptance",
    "UPDATE jobs SET state = 'generating'": "the row",
    "UPDATE jobs SET state = 'downloading'": "the end",
    "UPDATE jobs SET state = 'done'": "the film",
}
_WIRE: Final = {
    "connect_tcp.complete": "connected",
    "send_request_headers.started": "before the first byte",
    "send_request_headers.complete": "the head is sent",
    "send_request_body.complete": "all is sent",
    "receive_response_headers.complete": "the answer begins",
    "receive_response_body.complete": "the answer is there",
}
TRAPS: Final = (
    *(f"{written} is {how}" for written in _WRITES.values() for how in ("being written", "written")),
    "before the connection",
    *_WIRE.values(),
    "the film has no name yet",
)

_is_post: contextvars.ContextVar[bool] = contextvars.ContextVar("is_post", default=False)


def die() -> None:
    """End this process as nothing else does."""
    os.kill(os.getpid(), signal.SIGKILL)


class Trap:
    """Acts when this process reaches a moment for the `count`-th time."""

    def __init__(self, moment: str, count: int, act: Callable[[], object] = die) -> None:
        assert moment in TRAPS, f"there is no {moment!r}"
        self._moment = moment
        self._count = count
        self._act = act
        self._seen: Counter[str] = Counter()
        self._has_intent = False
        self._writing = ""
        self._committing = ""
        self._opened: sqlite3.Connection | None = None

    def set(self) -> None:
        """Listen from now on, for the rest of this process."""
        sys.addaudithook(self._audited)
        teller = _Teller(self._logged)
        for name in ("httpcore.connection", "httpcore.http11"):
            logger = logging.getLogger(name)
            logger.setLevel(logging.DEBUG)
            logger.propagate = False
            logger.addHandler(teller)

    # -- what tells ----------------------------------------------------------------------------------------------

    def _audited(self, event: str, args: tuple[Any, ...]) -> None:
        if self._opened is not None:
            self._opened.set_trace_callback(self._stated)
            self._opened = None
        if event == "sqlite3.connect/handle":
            self._opened = args[0]  # not ready yet; it is when the next event comes
        elif event == "socket.connect":
            if self._has_intent:
                self._reached("before the connection")
        elif event == "os.rename" and str(args[1]).endswith(".mp4"):
            self._reached("the film has no name yet")

    def _stated(self, statement: str) -> None:
        if self._committing:
            written, self._committing = self._committing, ""
            self._reached(f"{written} is written")
        if statement.startswith("BEGIN"):
            self._writing = ""
        elif statement == "COMMIT" and self._writing:
            self._committing = self._writing
            self._has_intent = self._has_intent or self._writing == "the intent"
            self._reached(f"{self._writing} is being written")
        else:
            self._writing = next(
                (name for start, name in _WRITES.items() if statement.startswith(start)), self._writing
            )

    def _logged(self, message: str) -> None:
        step, _, details = message.partition(" ")
        if step == "send_request_headers.started":
            _is_post.set("POST" in details)  # of the task that this log is written in
        if step in _WIRE and self._has_intent and (_is_post.get() or step.startswith("connect")):
            self._reached(_WIRE[step])

    def _reached(self, moment: str) -> None:
        if moment == self._moment:
            self._seen[moment] += 1
            if self._seen[moment] == self._count:
                self._act()


class _Teller(logging.Handler):
    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(record.getMessage())
