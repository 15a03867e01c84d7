"""Where a worker is killed: moments that Python, SQLite and httpcore report anyway, so that the package needs no hook.

Python's audit events report connections and renames, SQLite's trace callback every statement, and httpcore's log every
step of a request.
"""

import contextlib
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
    "INSERT INTO jobs": "job",
    "INSERT OR REPLACE INTO uploads": "upload",
    "UPDATE jobs SET state = 'submitting'": "intent",
    "UPDATE jobs SET state = 'unknown'": "unknown",
    "UPDATE jobs SET state = 'queued'": "accepted",
    "UPDATE jobs SET state = 'generating'": "generating",
    "UPDATE jobs SET state = 'downloading'": "downloading",
    "UPDATE jobs SET state = 'done'": "done",
}
_WIRE: Final = {
    "connect_tcp.complete": "connected",
    "send_request_headers.started": "before_first_byte",
    "send_request_headers.complete": "headers_sent",
    "send_request_body.complete": "body_sent",
    "receive_response_headers.complete": "response_started",
    "receive_response_body.complete": "response_complete",
}
TRAPS: Final = (
    *(f"{name}_{step}" for name in _WRITES.values() for step in ("committing", "committed")),
    "before_connect",
    *_WIRE.values(),
    "before_rename",
)

_is_post: contextvars.ContextVar[bool] = contextvars.ContextVar("is_post", default=False)


def kill_self() -> None:
    """End this process with SIGKILL."""
    os.kill(os.getpid(), signal.SIGKILL)


class KillPoint:
    """Acts when this process reaches a moment for the `count`-th time."""

    def __init__(self, moment: str, count: int, act: Callable[[], object] = kill_self) -> None:
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
        """Watch from now on, for the rest of this process."""
        sys.addaudithook(self._on_audit)
        handler = _LogHandler(self._on_log)
        for name in ("httpcore.connection", "httpcore.http11"):
            logger = logging.getLogger(name)
            logger.setLevel(logging.DEBUG)
            logger.propagate = False
            logger.addHandler(handler)

    # -- what tells ----------------------------------------------------------------------------------------------

    def _on_audit(self, event: str, args: tuple[Any, ...]) -> None:
        if self._opened is not None:
            opened, self._opened = self._opened, None
            with contextlib.suppress(sqlite3.ProgrammingError):  # it is closed again: a file that is not our ledger
                opened.set_trace_callback(self._on_statement)
        if event == "sqlite3.connect/handle":
            self._opened = args[0]  # not ready yet; it is when the next event comes
        elif event == "socket.connect":
            if self._has_intent:
                self._reached("before_connect")
        elif event == "os.rename" and str(args[1]).endswith(".mp4"):
            self._reached("before_rename")

    def _on_statement(self, statement: str) -> None:
        if self._committing:
            written, self._committing = self._committing, ""
            self._reached(f"{written}_committed")
        if statement.startswith("BEGIN"):
            self._writing = ""
        elif statement == "COMMIT" and self._writing:
            self._committing = self._writing
            self._has_intent = self._has_intent or self._writing == "intent"
            self._reached(f"{self._writing}_committing")
        else:
            self._writing = next(
                (name for start, name in _WRITES.items() if statement.startswith(start)), self._writing
            )

    def _on_log(self, message: str) -> None:
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


class _LogHandler(logging.Handler):
    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(record.getMessage())
