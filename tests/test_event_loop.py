"""The private thread with its loop: one, ours alone, entered from anywhere, ended cleanly."""

import asyncio
import concurrent.futures
import multiprocessing
import os
import threading
from collections.abc import Iterator

import pytest

from pixverse_nb.errors import ConfigError
from pixverse_nb.event_loop import EventLoopThread, wait_for_future

PATIENCE_S = 60.0  # no test waits so long: it is there to fail in place of hanging


@pytest.fixture
def portal() -> Iterator[EventLoopThread]:
    """A portal that is closed in the end."""
    one = EventLoopThread("test-portal")
    yield one
    one.close()


async def where() -> str:
    """Tell on which thread this runs."""
    return threading.current_thread().name


async def for_ever() -> None:
    """Never end."""
    await asyncio.Event().wait()


def alive() -> list[str]:
    """The names of the portals' threads."""
    return [thread.name for thread in threading.enumerate() if thread.name == "test-portal"]


def test_it_starts_with_the_first_work(portal: EventLoopThread) -> None:
    """Making a portal starts nothing; its thread comes with the first work, as a daemon."""
    assert alive() == []
    assert portal.call(where()) == "test-portal"
    assert alive() == ["test-portal"]
    assert next(thread for thread in threading.enumerate() if thread.name == "test-portal").daemon


def test_a_wait_in_slices_ends_as_one_wait_does() -> None:
    """However short the slices are, it ends when the future is done, or when its own time is over; not before."""
    done: concurrent.futures.Future[int] = concurrent.futures.Future()
    assert not wait_for_future(done, 0.0)
    assert not wait_for_future(done, 0.05, slice_s=0.001)
    threading.Timer(0.05, lambda: done.set_result(7)).start()
    assert wait_for_future(done, None, slice_s=0.001)
    assert done.result(0) == 7


def test_a_timeout_of_the_work_is_no_end_of_the_waiting(portal: EventLoopThread) -> None:
    """What the work raises is raised, also where it is a TimeoutError itself; the waiting has its own."""

    async def late() -> None:
        raise TimeoutError("of the work")

    with pytest.raises(TimeoutError, match="of the work"):
        portal.call(late())
    with pytest.raises(TimeoutError):
        portal.call(for_ever(), timeout_s=0.01)


def test_all_work_meets_on_one_loop(portal: EventLoopThread) -> None:
    """Work from many threads runs on the same thread and loop."""

    async def loop() -> int:
        return id(asyncio.get_running_loop())

    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(portal.call(loop()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert alive() == ["test-portal"]


def test_errors_come_to_who_called(portal: EventLoopThread) -> None:
    """What the work raises is raised to the caller."""

    async def fail() -> None:
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        portal.call(fail())


def test_it_works_inside_a_running_loop(portal: EventLoopThread) -> None:
    """A cell's own loop may be running: the portal's is another one, and nothing is nested."""

    async def cell() -> str:
        return portal.call(where()) + await asyncio.wrap_future(portal.submit(where()))

    assert asyncio.run(cell()) == "test-portal" * 2


def test_a_waiting_that_ends_ends_the_work(portal: EventLoopThread) -> None:
    """When the time given to a call is over, its work is cancelled on the loop."""
    ended = threading.Event()

    async def wait() -> None:
        try:
            await for_ever()
        finally:
            ended.set()

    with pytest.raises(TimeoutError):
        portal.call(wait(), timeout_s=0.01)
    assert ended.wait(PATIENCE_S)


def test_its_own_thread_cannot_wait_for_itself(portal: EventLoopThread) -> None:
    """A call from the portal's own thread would never end: it is refused with the way out."""

    async def inside() -> bool:
        with pytest.raises(ConfigError, match="await"):
            portal.call(where())
        return portal.is_current

    assert portal.call(inside()) is True
    assert portal.is_current is False


def test_posted_acts_run_in_order(portal: EventLoopThread) -> None:
    """What is posted runs on the loop, one after the other, before what is called afterwards."""
    done: list[int] = []
    for number in range(20):
        portal.call_soon(lambda number=number: done.append(number))  # type: ignore[misc]  # a default that binds
    assert portal.call(where()) == "test-portal"
    assert done == list(range(20))


def test_closing_cancels_then_does_the_last_work(portal: EventLoopThread) -> None:
    """At the end what runs is cancelled, then the last work is done, then the thread is gone."""
    told: list[str] = []
    started = threading.Event()

    async def wait() -> None:
        started.set()
        try:
            await for_ever()
        finally:
            told.append("cancelled")

    async def last() -> None:
        await asyncio.wait_for(asyncio.to_thread(lambda: None), PATIENCE_S)
        told.append("last work")

    portal.on_close(last)
    waiting = portal.submit(wait())
    assert started.wait(PATIENCE_S)
    portal.close()
    assert told == ["cancelled", "last work"]
    assert waiting.cancelled()
    assert alive() == []


def test_closing_twice_or_without_a_start_is_nothing(portal: EventLoopThread) -> None:
    """A portal that never ran has no last work, and every further close is silent."""
    told: list[str] = []

    async def last() -> None:
        told.append("last work")

    portal.on_close(last)
    for _ in range(3):
        portal.close()
    assert told == []


def test_several_may_close_at_once(portal: EventLoopThread) -> None:
    """Two threads that close the same portal both return when it has ended, and the last work is done once."""
    told: list[str] = []

    async def last() -> None:
        await asyncio.to_thread(lambda: None)
        told.append("last work")

    portal.on_close(last)
    portal.call(where())
    threads = [threading.Thread(target=portal.close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert told == ["last work"]
    assert alive() == []


def test_it_can_be_closed_from_its_own_thread(portal: EventLoopThread) -> None:
    """A callback that closes the client does not wait for itself."""
    closed = threading.Event()

    def act() -> None:
        portal.close()
        closed.set()

    portal.call_soon(act)
    assert closed.wait(PATIENCE_S)
    portal.close()
    assert alive() == []


def test_a_closed_portal_says_so(portal: EventLoopThread) -> None:
    """After the end every door is a ConfigError with the way on, and no coroutine is left unawaited."""
    portal.call(where())
    portal.close()
    for door in (lambda: portal.call(where()), lambda: portal.submit(where()), lambda: portal.call_soon(lambda: None)):
        with pytest.raises(ConfigError, match="closed"):
            door()


def in_the_child(portal: EventLoopThread) -> int:
    """Use a portal of the parent in a forked process: 0 where it is refused."""
    try:
        portal.call(where(), timeout_s=PATIENCE_S)
    except ConfigError as error:
        portal.close()
        return 0 if "fork" in str(error) else 2
    return 1


def test_it_does_not_survive_a_fork(portal: EventLoopThread) -> None:
    """In a forked process the thread is gone: the portal says so in place of hanging, and closing it is silent."""
    portal.call(where())
    context = multiprocessing.get_context("fork")
    child = context.Process(target=lambda: os._exit(in_the_child(portal)))
    child.start()
    child.join(PATIENCE_S)
    assert child.exitcode == 0
    assert portal.call(where()) == "test-portal"
