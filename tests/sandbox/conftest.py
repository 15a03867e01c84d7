"""Fixtures: a sandbox whose time moves only by hand, and a guest who calls it."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

import pytest

from pixverse_nb.sandbox import Account, Sandbox
from tests.sandbox.guest import Guest, canned_film

Open = Callable[..., AbstractContextManager[Guest]]


@pytest.fixture(scope="session")
def ended() -> list[Future[None]]:
    """The sandboxes that were told to stop."""
    return []


@pytest.fixture(scope="session")
def opened(ended: list[Future[None]]) -> Iterator[Open]:
    """Open sandboxes; each is stopped beside the next test, since a server takes a tenth of a second to end."""
    with ThreadPoolExecutor(16) as pool:

        @contextmanager
        def guest_of(accounts: Iterable[Account | str] | None = None) -> Iterator[Guest]:
            box = Sandbox(speed=0, render=canned_film, accounts=accounts).start()
            guest = Guest(box)
            try:
                with guest.http:
                    yield guest
            finally:
                ended.append(pool.submit(box.stop))

        yield guest_of
    for one in ended:
        one.result()


@pytest.fixture
def alone(ended: list[Future[None]]) -> None:
    """Wait until the sandboxes of earlier tests have stopped: their threads end in the middle of the next test."""
    for one in ended:
        one.result()


@pytest.fixture
def guest(opened: Open) -> Iterator[Guest]:
    """Give a guest of a fresh sandbox with one account."""
    with opened() as one:
        yield one


@pytest.fixture(scope="module")
def steady(opened: Open) -> Iterator[Guest]:
    """Give a guest of one sandbox for all tests of a module; for calls that change nothing."""
    with opened() as one:
        yield one


@pytest.fixture
def pair(opened: Open) -> Iterator[Guest]:
    """Give a guest of a fresh sandbox with two accounts, one@example.com and two@example.com."""
    with opened(["one@example.com", "two@example.com"]) as one:
        yield one
