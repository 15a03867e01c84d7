"""The private event-loop thread that does all network work, and nested event loops in notebooks.

The notebook's own loop may be running, busy, patched or gone, so the client runs on a loop of its own. Cells,
callbacks, scripts and other loops hand work to it and wait in their own way; no loop is ever nested.
"""

import asyncio
import concurrent.futures
import importlib
import inspect
import math
import os
import re
import sys
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pixverse_nb.errors import ConfigError, show_interrupt_folded

T = TypeVar("T")

# On Windows Ctrl+C does not interrupt a wait without a limit, so there it is made of short ones.
_SLICE_S: Final = 0.2 if os.name == "nt" else threading.TIMEOUT_MAX
_AWAIT_SLICE_S: Final = 0.25


@dataclass
class _LoopState:
    """What the thread shares with its `EventLoopThread`, which it must not keep alive."""

    pid: int = field(default_factory=os.getpid)
    lock: threading.Lock = field(default_factory=threading.Lock)
    loop: asyncio.AbstractEventLoop | None = None
    thread: threading.Thread | None = None
    is_closed: bool = False
    last_work: Callable[[], Coroutine[Any, Any, None]] | None = None


class EventLoopThread:
    """A daemon thread with an event loop, started on first use and ended by `close()`, or when nobody holds it."""

    def __init__(self, name: str = "pixverse-nb") -> None:
        self._name = name
        self._state = _LoopState()

    def submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run `work` on the loop and return its future at once."""
        try:
            loop = self._running_loop()
        except BaseException:
            work.close()
            raise
        return asyncio.run_coroutine_threadsafe(work, loop)

    def call(self, work: Coroutine[Any, Any, T], *, timeout_s: float | None = None) -> T:
        """Run `work` on the loop and return its result; an interrupt or a timeout (in seconds) cancels the work."""
        if self.is_current:
            work.close()
            raise ConfigError("A subscriber's callback cannot make blocking calls. Use `await`, or another thread.")
        future = self.submit(work)
        try:
            wait_for_future(future, timeout_s)
            return future.result(0)
        except BaseException:
            future.cancel()
            raise

    def run(self, act: Callable[[], T]) -> T:
        """Call `act` on the loop and return its result, as `call` does; on the loop's own thread, call it directly."""
        if self.is_current:
            return act()

        async def call() -> T:
            return act()

        return self.call(call())

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Run `callback` on the loop soon, without waiting for it."""
        self._running_loop().call_soon_threadsafe(callback)

    def on_close(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `work` last when the loop closes, unless it never started."""
        self._state.last_work = work

    def on_release(self, work: Callable[[], object]) -> None:
        """Close the loop and then run `work`, in the background, once nobody holds this object any more.

        Neither `work` nor what runs on the loop may hold it for ever. At the end of the process nothing is run.
        """
        weakref.finalize(self, _close_in_background, self._state, work).atexit = False

    @property
    def is_current(self) -> bool:
        """True on the loop's own thread, which must not wait for the loop."""
        return threading.current_thread() is self._state.thread

    def close(self) -> None:
        """Cancel running work and end the thread; further calls do nothing."""
        _close_loop(self._state)

    def close_in_background(self, work: Callable[[], object]) -> None:
        """Close the loop from its own thread, and run `work` on another one when it has ended."""
        self.close()
        _close_in_background(self._state, work)

    @property
    def is_closed(self) -> bool:
        """True once `close()` has been called."""
        return self._state.is_closed

    def check_open(self) -> None:
        """Raise ConfigError if the loop is closed or belongs to another process."""
        self.check_process()
        if self.is_closed:
            raise ConfigError("This Client is closed. Create a new one; it finds every job in the ledger.")

    def check_process(self) -> None:
        """Raise ConfigError in a forked child process, where the thread does not exist and waiting would never end."""
        if os.getpid() != self._state.pid:
            raise ConfigError("A Client cannot be used in a forked process. Create a new one there.")

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        state = self._state
        with state.lock:
            self.check_open()
            if state.loop is None:
                # not asyncio.run or new_event_loop: the notebook may have patched them or set a loop policy
                state.loop = asyncio.SelectorEventLoop() if os.name != "nt" else asyncio.new_event_loop()
                state.thread = threading.Thread(
                    target=_run_loop, args=(state, state.loop), name=self._name, daemon=True
                )
                state.thread.start()
            return state.loop


def _close_loop(state: _LoopState) -> None:
    with state.lock:
        is_first, state.is_closed = not state.is_closed, True
        loop, thread = state.loop, state.thread
    if loop is None or thread is None or os.getpid() != state.pid:
        return
    if is_first:  # a second stop would interrupt the work of `on_close`
        loop.call_soon_threadsafe(loop.stop)
    if threading.current_thread() is not thread:
        thread.join()


def _close_in_background(state: _LoopState, work: Callable[[], object]) -> None:
    """Close the loop, then run `work`. The garbage collector calls this on any thread, also on the loop's own."""

    def close() -> None:
        _close_loop(state)
        work()

    if os.getpid() == state.pid:  # a forked child has neither the thread nor its files
        threading.Thread(target=close, name="pixverse-nb closing", daemon=True).start()


def _run_loop(state: _LoopState, loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        _cancel_all(loop)
        if state.last_work is not None:
            loop.run_until_complete(state.last_work())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        loop.close()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel every task, including those that start meanwhile, and return when all have ended.

    A task is cancelled only after it has started: an anyio task that is cancelled before its first step leaves behind a
    coroutine that was never awaited, which is a warning.
    """
    cancelled: set[asyncio.Task[Any]] = set()
    while remaining := asyncio.all_tasks(loop):
        started = {task for task in remaining if _has_started(task)}
        for task in started - cancelled:
            task.cancel()
        cancelled |= started
        if remaining == started:
            loop.run_until_complete(asyncio.wait(remaining, return_when=asyncio.FIRST_COMPLETED))
        else:
            loop.run_until_complete(asyncio.sleep(0))


def _has_started(task: asyncio.Task[Any]) -> bool:
    coroutine = task.get_coro()
    return not inspect.iscoroutine(coroutine) or inspect.getcoroutinestate(coroutine) != inspect.CORO_CREATED


def wait_for_future(
    future: concurrent.futures.Future[Any], timeout_s: float | None, *, slice_s: float = _SLICE_S
) -> bool:
    """Wait at most `timeout_s` seconds (None: no limit) for a future and return whether it is done.

    An interrupt is noticed every `slice_s` seconds.
    """
    ends_at = math.inf if timeout_s is None else time.monotonic() + timeout_s
    try:
        while not future.done() and (left_s := ends_at - time.monotonic()) > 0:
            concurrent.futures.wait([future], min(slice_s, left_s))
    except KeyboardInterrupt as interrupt:
        show_interrupt_folded(interrupt)
        raise
    return future.done()


async def await_future(future: concurrent.futures.Future[T]) -> T:
    """Wait for a future on the caller's asyncio loop. Raises ConfigError on any other kind of loop (trio, curio).

    A kernel notices an interrupt only when its loop wakes up, so the wait is made of short ones.
    """
    try:
        await await_end(future)
    except asyncio.CancelledError as interrupt:  # a cell that awaits is interrupted by cancelling it
        future.cancel()
        show_interrupt_folded(interrupt)
        raise
    return future.result(0)


async def await_end(future: concurrent.futures.Future[Any]) -> None:
    """Wait until a future is done, as `await_future` does, but neither cancel it nor raise its error."""
    wrapped = asyncio.wrap_future(future, loop=check_asyncio())
    while not wrapped.done():
        await asyncio.wait([wrapped], timeout=_AWAIT_SLICE_S)
    if not wrapped.cancelled():
        wrapped.exception()  # marks it as retrieved


def check_asyncio() -> asyncio.AbstractEventLoop:
    """Return the caller's asyncio loop. Raises ConfigError on any other kind of loop (trio, curio)."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigError(
            "`await` works with asyncio only. On another event loop call job.result() or sweep.run() in a thread, in "
            "trio: await trio.to_thread.run_sync(job.result)"
        ) from None


# -- nested event loops ----------------------------------------------------------------------------------------------

LOSSY_IPYKERNEL: Final = (7, 1)  # since then nest_asyncio loses queued cells
SAFE_NEST_ASYNCIO2: Final = (1, 7, 3)


@dataclass(frozen=True)
class AsyncioEnvironment:
    """What decides which patch is safe: the installed versions, and the patch that is already applied.

    `ipykernel` is None if this process is not a Jupyter kernel; `applied` is "nest_asyncio", "nest_asyncio2" or None.
    """

    ipykernel: str | None
    nest_asyncio2: str | None
    nest_asyncio: str | None
    applied: str | None = None


def enable_nested_asyncio() -> None:
    """Make `asyncio.run()` and `run_until_complete()` work inside a cell; ConfigError if that is not safe.

    It patches asyncio for the whole process, which cannot be undone, so this package never calls it itself. It uses
    nest_asyncio2 (1.7.3 or newer) if that is installed, otherwise nest_asyncio if no queued cell can be lost. Calling
    it again does nothing. `job.result()` and `await job` work without it.

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
            f"The event loop of this process cannot be nested ({error}). Use `await` instead of `asyncio.run()`."
        ) from error


def choose_patch(environment: AsyncioEnvironment) -> str | None:
    """Return the module to apply, or None if one is applied already; ConfigError if neither is safe."""
    kernel = environment.ipykernel
    is_lossy = kernel is not None and _version_numbers(kernel) >= LOSSY_IPYKERNEL
    version2 = environment.nest_asyncio2
    has_safe = version2 is not None and _version_numbers(version2) >= SAFE_NEST_ASYNCIO2
    install = "" if has_safe else 'Install it: %pip install "nest-asyncio2>=1.7.3". '
    if environment.applied is not None:
        if is_lossy and not (environment.applied == "nest_asyncio2" and has_safe):
            raise ConfigError(
                f"Your code or another package has already applied {environment.applied}. With ipykernel {kernel} it "
                f"loses the cells that are queued, and it cannot be undone. {install}Restart the kernel, remove that "
                "apply() and call pv.enable_nested_asyncio() first."
            )
        return None
    if has_safe:
        return "nest_asyncio2"
    if is_lossy:
        raise ConfigError(
            f"With ipykernel {kernel} nest_asyncio loses the cells that are queued, so asyncio was not patched. "
            f"{install}Then restart the kernel; or use `await` instead of `asyncio.run()`."
        )
    if environment.nest_asyncio is not None:
        return "nest_asyncio"
    raise ConfigError(f"Neither nest_asyncio2 nor nest_asyncio is installed. {install}".rstrip())


def detect_environment() -> AsyncioEnvironment:
    """Return the versions and patches of this process."""
    return AsyncioEnvironment(
        ipykernel=_version("ipykernel") if _is_kernel() else None,
        nest_asyncio2=_version("nest-asyncio2"),
        nest_asyncio=_version("nest-asyncio"),
        applied=_applied(),
    )


def _is_kernel() -> bool:
    kernelapp: Any = sys.modules.get("ipykernel.kernelapp")  # every kernel has imported it
    return kernelapp is not None and bool(kernelapp.IPKernelApp.initialized())


def _version(distribution: str) -> str | None:
    import importlib.metadata  # slow, and only nested loops need it

    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _applied() -> str | None:
    """Return which package has patched asyncio: both set an attribute on it."""
    if not hasattr(asyncio, "_nest_patched"):
        return None
    return "nest_asyncio2" if hasattr(asyncio, "_nest_asyncio2") else "nest_asyncio"


def _version_numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: "7.4.0rc1" gives (7, 4, 0)."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()
