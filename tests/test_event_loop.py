"""The event-loop thread (started once, used from anywhere, closed cleanly), and nested event loops in notebooks."""

import asyncio
import concurrent.futures
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from pixverse_nb.errors import ConfigError
from pixverse_nb.event_loop import (
    AsyncioEnvironment,
    EventLoopThread,
    await_future,
    choose_patch,
    wait_for_future,
)

PATIENCE_S = 60.0  # never reached: a test fails instead of hanging


@pytest.fixture
def loop() -> Iterator[EventLoopThread]:
    """Give an event-loop thread that is closed after the test."""
    one = EventLoopThread("test-loop")
    yield one
    one.close()


async def where() -> str:
    """Return the name of the thread on which this runs."""
    return threading.current_thread().name


async def for_ever() -> None:
    """Never end."""
    await asyncio.Event().wait()


def alive() -> list[str]:
    """Return the names of the threads that are running."""
    return [thread.name for thread in threading.enumerate() if thread.name == "test-loop"]


def test_it_starts_with_the_first_work(loop: EventLoopThread) -> None:
    """Creating it starts nothing; the first work starts its daemon thread."""
    assert alive() == []
    assert loop.call(where()) == "test-loop"
    assert alive() == ["test-loop"]
    assert next(thread for thread in threading.enumerate() if thread.name == "test-loop").daemon


def test_a_wait_in_slices_ends_as_one_wait_does() -> None:
    """However short its slices are, a wait ends when the future is done or its own time is over, not before."""
    done: concurrent.futures.Future[int] = concurrent.futures.Future()
    assert not wait_for_future(done, 0.0)
    assert not wait_for_future(done, 0.05, slice_s=0.001)
    threading.Timer(0.05, lambda: done.set_result(7)).start()
    assert wait_for_future(done, None, slice_s=0.001)
    assert done.result(0) == 7


def test_a_timeout_error_of_the_work_is_raised(loop: EventLoopThread) -> None:
    """A TimeoutError of the work is raised as it is; the wait has a timeout of its own."""

    async def late() -> None:
        raise TimeoutError(7)

    with pytest.raises(TimeoutError) as caught:
        loop.call(late())
    assert caught.value.args == (7,)
    with pytest.raises(TimeoutError):
        loop.call(for_ever(), timeout_s=0.01)


def test_all_work_runs_on_one_loop(loop: EventLoopThread) -> None:
    """Work from many threads runs on the same loop."""

    async def loop_id() -> int:
        return id(asyncio.get_running_loop())

    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(loop.call(loop_id()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert alive() == ["test-loop"]


def test_errors_reach_the_caller(loop: EventLoopThread) -> None:
    """An error of the work is raised in the calling thread."""

    async def fail() -> None:
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        loop.call(fail())


def test_it_works_inside_a_running_loop(loop: EventLoopThread) -> None:
    """It works while the cell's own loop is running, without nesting."""

    async def cell() -> str:
        return loop.call(where()) + await asyncio.wrap_future(loop.submit(where()))

    assert asyncio.run(cell()) == "test-loop" * 2


def test_a_timeout_cancels_the_work(loop: EventLoopThread) -> None:
    """When the time for a call is over, its work is cancelled."""
    started, ended = threading.Event(), threading.Event()

    async def wait() -> None:
        started.set()
        try:
            await for_ever()
        finally:
            ended.set()

    for timeout_s in (0.01, 1.0, PATIENCE_S):  # a busy machine may not start the work in the shorter ones
        with pytest.raises(TimeoutError):
            loop.call(wait(), timeout_s=timeout_s)
        if started.is_set():
            break
    assert ended.wait(PATIENCE_S)


def test_its_own_thread_must_not_wait(loop: EventLoopThread) -> None:
    """A blocking call from the loop's own thread would never end; it raises ConfigError."""

    async def inside() -> bool:
        with pytest.raises(ConfigError):
            loop.call(where())
        return loop.is_current

    assert loop.call(inside()) is True
    assert loop.is_current is False


def test_callbacks_run_in_order(loop: EventLoopThread) -> None:
    """Callbacks run on the loop in order, before work that is submitted later."""
    done: list[int] = []
    for number in range(20):
        loop.call_soon(lambda number=number: done.append(number))  # type: ignore[misc]  # a default that binds
    assert loop.call(where()) == "test-loop"
    assert done == list(range(20))


def test_closing_cancels_and_then_runs_the_last_work(loop: EventLoopThread) -> None:
    """Closing cancels running work, runs the work of `on_close`, and ends the thread."""
    steps: list[str] = []
    started = threading.Event()

    async def wait() -> None:
        started.set()
        try:
            await for_ever()
        finally:
            steps.append("cancelled")

    async def last() -> None:
        await asyncio.wait_for(asyncio.to_thread(lambda: None), PATIENCE_S)
        steps.append("last work")

    loop.on_close(last)
    waiting = loop.submit(wait())
    assert started.wait(PATIENCE_S)
    loop.close()
    assert steps == ["cancelled", "last work"]
    assert waiting.cancelled()
    assert alive() == []


def test_closing_an_unused_loop_does_nothing(loop: EventLoopThread) -> None:
    """Without a started thread the work of `on_close` does not run; closing again does nothing."""
    steps: list[str] = []

    async def last() -> None:
        steps.append("last work")

    loop.on_close(last)
    for _ in range(3):
        loop.close()
    assert steps == []


def test_several_may_close_at_once(loop: EventLoopThread) -> None:
    """Threads that close the same loop all return when it has ended, and the last work runs once."""
    steps: list[str] = []

    async def last() -> None:
        await asyncio.to_thread(lambda: None)
        steps.append("last work")

    loop.on_close(last)
    loop.call(where())
    threads = [threading.Thread(target=loop.close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert steps == ["last work"]
    assert alive() == []


def test_its_own_thread_can_close_it(loop: EventLoopThread) -> None:
    """A callback can close the loop without deadlock."""
    closed = threading.Event()

    def act() -> None:
        loop.close()
        closed.set()

    loop.call_soon(act)
    assert closed.wait(PATIENCE_S)
    loop.close()
    assert alive() == []


def test_a_closed_loop_refuses_work(loop: EventLoopThread) -> None:
    """After closing every method raises ConfigError, and no coroutine is left unawaited."""
    loop.call(where())
    loop.close()
    for use in (lambda: loop.call(where()), lambda: loop.submit(where()), lambda: loop.call_soon(lambda: None)):
        with pytest.raises(ConfigError):
            use()


def in_the_child(loop: EventLoopThread) -> int:
    """Use a parent's loop in a forked process; return 0 if that raises ConfigError."""
    try:
        loop.call(where(), timeout_s=PATIENCE_S)
    except ConfigError:
        loop.close()
        return 0
    return 1


def test_a_forked_process_cannot_use_it(loop: EventLoopThread) -> None:
    """In a forked process, which lacks the thread, work raises ConfigError instead of hanging; closing does nothing."""
    loop.call(where())
    context = multiprocessing.get_context("fork")
    child = context.Process(target=lambda: os._exit(in_the_child(loop)))
    child.start()
    child.join(PATIENCE_S)
    assert child.exitcode == 0
    assert loop.call(where()) == "test-loop"


def test_a_future_can_be_awaited() -> None:
    """A future of the thread can be awaited on any asyncio loop."""
    future: concurrent.futures.Future[int] = concurrent.futures.Future()
    future.set_result(7)
    assert asyncio.run(await_future(future)) == 7


def test_other_event_loops_are_refused() -> None:
    """Awaiting without a running asyncio loop, as under trio, raises ConfigError."""
    with pytest.raises(ConfigError):
        await_future(concurrent.futures.Future()).send(None)


# -- nested event loops ----------------------------------------------------------------------------------------------

NESTED = """
import asyncio
from pixverse_nb.event_loop import enable_nested_asyncio
async def five():
    await asyncio.sleep(0)
    return 5
async def main():
    enable_nested_asyncio()
    print(asyncio.run(five()), asyncio.run(five()))
{before}
asyncio.run(main())
"""


@pytest.mark.parametrize("ipykernel", [None, "6.31.0", "7.0.1", "7.1.0", "7.4.0"])
def test_nest_asyncio2_is_preferred(ipykernel: str | None) -> None:
    """nest_asyncio2 1.7.3 or newer is chosen, whatever the kernel."""
    assert choose_patch(AsyncioEnvironment(ipykernel, "1.7.3", "1.6.0")) == "nest_asyncio2"


@pytest.mark.parametrize("ipykernel", [None, "6.31.0", "7.0.1"])
@pytest.mark.parametrize("nest_asyncio2", [None, "1.7.2"])
def test_nest_asyncio_is_chosen_if_no_cell_can_be_lost(ipykernel: str | None, nest_asyncio2: str | None) -> None:
    """Outside kernels and before ipykernel 7.1 nest_asyncio is safe."""
    assert choose_patch(AsyncioEnvironment(ipykernel, nest_asyncio2, "1.6.0")) == "nest_asyncio"


@pytest.mark.parametrize("ipykernel", ["7.1.0", "7.4.0", "8.0.0a1", "10.0"])
@pytest.mark.parametrize("nest_asyncio2", [None, "1.7.2"])
def test_a_lossy_kernel_is_refused(ipykernel: str, nest_asyncio2: str | None) -> None:
    """Since ipykernel 7.1, without a safe nest_asyncio2, the error names the version and what to install."""
    with pytest.raises(ConfigError, match=rf"ipykernel {ipykernel} .*nest-asyncio2>=1\.7\.3"):
        choose_patch(AsyncioEnvironment(ipykernel, nest_asyncio2, "1.6.0"))


def test_a_missing_package_is_named() -> None:
    """Without either package the error says what to install."""
    with pytest.raises(ConfigError, match=r"nest-asyncio2>=1\.7\.3"):
        choose_patch(AsyncioEnvironment(None, None, None))


@pytest.mark.parametrize(("applied", "nest_asyncio2"), [("nest_asyncio", "1.7.4"), ("nest_asyncio2", "1.7.2")])
def test_an_unsafe_patch_of_others_is_named(applied: str, nest_asyncio2: str) -> None:
    """An unsafe patch that is already applied cannot be undone; the error names it."""
    with pytest.raises(ConfigError, match=rf"\b{applied}\b"):
        choose_patch(AsyncioEnvironment("7.4.0", nest_asyncio2, "1.6.0", applied=applied))


@pytest.mark.parametrize(
    ("applied", "ipykernel"), [("nest_asyncio", None), ("nest_asyncio", "6.31.0"), ("nest_asyncio2", "7.4.0")]
)
def test_a_safe_patch_is_left_alone(applied: str, ipykernel: str | None) -> None:
    """If a safe patch is already applied, nothing more is applied."""
    assert choose_patch(AsyncioEnvironment(ipykernel, "1.7.4", "1.6.0", applied=applied)) is None


@pytest.mark.parametrize("before", ["", "import nest_asyncio; nest_asyncio.apply()"])
def test_a_script_can_nest_afterwards(before: str) -> None:
    """Afterwards asyncio.run() works inside a running loop, also if nest_asyncio was applied before."""
    done = subprocess.run(
        [sys.executable, "-c", NESTED.format(before=before)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("5 5\n", "")


def test_a_loop_that_cannot_be_patched_is_a_config_error() -> None:
    """A loop of another type (such as uvloop) raises ConfigError."""
    code = """
import asyncio
from pixverse_nb.errors import ConfigError
from pixverse_nb.event_loop import enable_nested_asyncio
class Foreign(asyncio.AbstractEventLoop):
    def close(self): pass
asyncio.set_event_loop(Foreign())
try:
    enable_nested_asyncio()
except ConfigError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "refused\n", done.stderr
