"""The private thread whose event loop does all network work, and the doors into it.

A notebook's own loop may be running, busy, patched or gone; this one is ours alone. Cells, callbacks, scripts and
other loops hand work in and wait for it in their own way, so the core exists once and no loop is ever nested.
"""

import asyncio
import concurrent.futures
import inspect
import math
import os
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from pixverse_nb.errors import ConfigError

T = TypeVar("T")

# Windows does not interrupt a wait without an end: there it is made of short ones.
_SLICE_S: Final = 0.2 if os.name == "nt" else threading.TIMEOUT_MAX


def is_done_in(future: concurrent.futures.Future[Any], timeout_s: float | None, *, slice_s: float = _SLICE_S) -> bool:
    """Wait until a future is done, at most `timeout_s` seconds (None: for ever), and tell whether it is.

    Every `slice_s` seconds an interrupt is let in.
    """
    ends_at = math.inf if timeout_s is None else time.monotonic() + timeout_s
    while not future.done() and (left_s := ends_at - time.monotonic()) > 0:
        concurrent.futures.wait([future], min(slice_s, left_s))
    return future.done()


class Portal:
    """One daemon thread with one event loop; started on first use, ended by `close()`."""

    def __init__(self, name: str = "pixverse-nb") -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self._is_closed = False
        self._last_work: Callable[[], Coroutine[Any, Any, None]] | None = None

    def submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run `work` on the portal's loop and return its future at once."""
        try:
            loop = self._running_loop()
        except BaseException:
            work.close()
            raise
        return asyncio.run_coroutine_threadsafe(work, loop)

    def call(self, work: Coroutine[Any, Any, T], *, timeout_s: float | None = None) -> T:
        """Run `work` on the portal's loop and wait for its result; an interrupt ends the waiting and the work."""
        if threading.current_thread() is self._thread:
            work.close()
            raise ConfigError(
                "This was called from pixverse_nb's own thread (a subscriber's callback): use `await` or a thread."
            )
        future = self.submit(work)
        try:
            is_done_in(future, timeout_s)
            return future.result(0)
        except BaseException:
            future.cancel()
            raise

    def post(self, act: Callable[[], object]) -> None:
        """Run `act` soon on the portal's loop; nothing is returned."""
        self._running_loop().call_soon_threadsafe(act)

    def post_last(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have `work` run after everything else when the portal closes; nothing happens where it never started."""
        self._last_work = work

    @property
    def is_current(self) -> bool:
        """True on the portal's own thread, where waiting for the portal would never end."""
        return threading.current_thread() is self._thread

    def close(self) -> None:
        """Cancel what is still running and end the thread; safe to call twice."""
        with self._lock:
            is_first, self._is_closed = not self._is_closed, True
            loop, thread = self._loop, self._thread
        if loop is None or thread is None or os.getpid() != self._pid:
            return
        if is_first:  # a second stop would break the loop's last work off
            loop.call_soon_threadsafe(loop.stop)
        if not self.is_current:
            thread.join()

    @property
    def is_closed(self) -> bool:
        """True from the beginning of `close()` on."""
        return self._is_closed

    def check_open(self) -> None:
        """Raise ConfigError, with the way on, where this portal is closed or belongs to another process."""
        if os.getpid() != self._pid:
            raise ConfigError("A Client does not survive a fork: make a new one in the new process.")
        if self._is_closed:
            raise ConfigError("This Client is closed. Make a new one; its ledger knows every job.")

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            self.check_open()
            if self._loop is None:
                # Straight from asyncio, so that a patched asyncio.run or a loop policy of the notebook does not matter
                self._loop = asyncio.SelectorEventLoop() if os.name != "nt" else asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._run, args=(self._loop,), name=self._name, daemon=True)
                self._thread.start()
            return self._loop

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            _cancel_all(loop)
            if self._last_work is not None:
                loop.run_until_complete(self._last_work())
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            asyncio.set_event_loop(None)
            loop.close()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel every task and return when all have ended, those too that begin meanwhile.

    A task that has not begun is let begin first: anyio's tasks wrap a coroutine, and cancelled before their first step
    they leave it behind never awaited, with a warning.
    """
    told: set[asyncio.Task[Any]] = set()
    while rest := asyncio.all_tasks(loop):
        begun = {task for task in rest if _has_begun(task)}
        for task in begun - told:
            task.cancel()
        told |= begun
        ended = asyncio.wait(rest, return_when=asyncio.FIRST_COMPLETED) if rest == begun else asyncio.sleep(0)
        loop.run_until_complete(ended)


def _has_begun(task: asyncio.Task[Any]) -> bool:
    coroutine = task.get_coro()
    return not inspect.iscoroutine(coroutine) or inspect.getcoroutinestate(coroutine) != inspect.CORO_CREATED
