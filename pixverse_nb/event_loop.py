"""The private thread whose event loop does all network work, and the doors into it.

A notebook's own loop may be running, busy, patched or gone; this one is ours alone. Cells, callbacks, scripts and
other loops hand work in and wait for it in their own way, so the core exists once and no loop is ever nested.
"""

import asyncio
import concurrent.futures
import importlib
import importlib.metadata
import inspect
import math
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pixverse_nb.errors import ConfigError

T = TypeVar("T")

# Windows does not interrupt a wait without an end: there it is made of short ones.
_SLICE_S: Final = 0.2 if os.name == "nt" else threading.TIMEOUT_MAX


def wait_for_future(
    future: concurrent.futures.Future[Any], timeout_s: float | None, *, slice_s: float = _SLICE_S
) -> bool:
    """Wait until a future is done, at most `timeout_s` seconds (None: for ever), and tell whether it is.

    Every `slice_s` seconds an interrupt is let in.
    """
    ends_at = math.inf if timeout_s is None else time.monotonic() + timeout_s
    while not future.done() and (left_s := ends_at - time.monotonic()) > 0:
        concurrent.futures.wait([future], min(slice_s, left_s))
    return future.done()


class EventLoopThread:
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
            wait_for_future(future, timeout_s)
            return future.result(0)
        except BaseException:
            future.cancel()
            raise

    def call_soon(self, act: Callable[[], object]) -> None:
        """Run `act` soon on the portal's loop; nothing is returned."""
        self._running_loop().call_soon_threadsafe(act)

    def on_close(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
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


LOSSY_IPYKERNEL: Final = (7, 1)  # from here on nest_asyncio loses queued cells
SAFE_NEST_ASYNCIO2: Final = (1, 7, 3)


@dataclass(frozen=True)
class AsyncioEnvironment:
    """What decides which patch is safe: installed versions, and what has already patched asyncio.

    `ipykernel` is None where this process is no Jupyter kernel; `applied` is "nest_asyncio", "nest_asyncio2" or None.
    """

    ipykernel: str | None
    nest_asyncio2: str | None
    nest_asyncio: str | None
    applied: str | None = None


def enable_nested_asyncio() -> None:
    """Let `asyncio.run()` and `run_until_complete()` work inside a cell, or raise ConfigError where that is not safe.

    Never called by us: it patches asyncio for the whole process and cannot be taken back. Takes nest_asyncio2
    (1.7.3 or newer) where it is installed, else nest_asyncio where no queued cell can get lost. Calling it again does
    nothing. `job.result()` and `await job` work without it.

    >>> import pixverse_nb as pv
    >>> pv.enable_nested_asyncio()  # doctest: +SKIP
    """
    patch = choose_patch(detect_environment())
    if patch is None:
        return
    apply: Callable[[], None] = importlib.import_module(patch).apply
    try:
        apply()
    except ValueError as error:  # "Can't patch loop of type …": uvloop and the like
        raise ConfigError(
            f"This process runs on an event loop that cannot be nested ({error}). "
            "Write `await` in place of `asyncio.run()`."
        ) from error


def choose_patch(around: AsyncioEnvironment) -> str | None:
    """Return the module to apply, or None where one is applied already; ConfigError where neither is safe."""
    lossy = around.ipykernel is not None and _numbers(around.ipykernel) >= LOSSY_IPYKERNEL
    good2 = around.nest_asyncio2 is not None and _numbers(around.nest_asyncio2) >= SAFE_NEST_ASYNCIO2
    if around.applied is not None:
        if lossy and not (around.applied == "nest_asyncio2" and good2):
            raise ConfigError(
                f"{around.applied} has already been applied in this kernel, by your code or by another package. On "
                f"ipykernel {around.ipykernel} the cells queued behind it would get lost, and it cannot be taken back. "
                f"{_mend_install(good2)}Restart the kernel, leave that apply() out and call pv.enable_nested_asyncio() "
                "first."
            )
        return None
    if good2:
        return "nest_asyncio2"
    if lossy:
        raise ConfigError(
            f"On ipykernel {around.ipykernel} nest_asyncio loses the cells that are queued behind it, so asyncio was "
            f"not patched. {_mend_install(good2)}Then restart the kernel; or write `await` in place of `asyncio.run()`."
        )
    if around.nest_asyncio is not None:
        return "nest_asyncio"
    raise ConfigError(f"Neither nest_asyncio2 nor nest_asyncio is installed. {_mend_install(good2)}".rstrip())


def detect_environment() -> AsyncioEnvironment:
    """Return the facts of this process."""
    return AsyncioEnvironment(
        ipykernel=_version("ipykernel") if _is_kernel() else None,
        nest_asyncio2=_version("nest-asyncio2"),
        nest_asyncio=_version("nest-asyncio"),
        applied=_applied(),
    )


def _mend_install(good2: bool) -> str:
    return "" if good2 else 'Install it: %pip install "nest-asyncio2>=1.7.3". '


def _is_kernel() -> bool:
    kernelapp: Any = sys.modules.get("ipykernel.kernelapp")  # a kernel has it loaded; never loaded by us
    return kernelapp is not None and bool(kernelapp.IPKernelApp.initialized())


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _applied() -> str | None:
    """Read the mark that both packages leave on asyncio."""
    if not hasattr(asyncio, "_nest_patched"):
        return None
    return "nest_asyncio2" if hasattr(asyncio, "_nest_asyncio2") else "nest_asyncio"


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers at the head of a version, in order: "7.4.0rc1" is (7, 4, 0)."""
    head = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in head[0].split(".")) if head else ()
