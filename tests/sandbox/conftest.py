"""Fixtures: sandboxes whose time moves only by `control.advance`, and clients for them."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from pixverse_nb.sandbox import Account, Sandbox
from pixverse_nb.sandbox.simulation import Renderer, RenderTask
from tests.sandbox.api_client import ApiClient, write_canned_video

OpenSandbox = Callable[..., AbstractContextManager[ApiClient]]
HeldRenderer = tuple[threading.Event, threading.Event, Renderer]


@pytest.fixture(scope="session")
def stopping() -> list[Future[None]]:
    """Return the sandboxes that have been told to stop."""
    return []


@pytest.fixture(scope="session")
def open_sandbox(stopping: list[Future[None]]) -> Iterator[OpenSandbox]:
    """Return a function that starts a sandbox and stops it during the next test, because stopping takes 0.1 s."""
    with ThreadPoolExecutor(16) as pool:

        @contextmanager
        def client_of(accounts: Iterable[Account | str] | None = None) -> Iterator[ApiClient]:
            box = Sandbox(speed=0, render=write_canned_video, accounts=accounts).start()
            api = ApiClient(box)
            try:
                with api.http:
                    yield api
            finally:
                stopping.append(pool.submit(box.stop))

        yield client_of
    for one in stopping:
        one.result()


@pytest.fixture
def all_stopped(stopping: list[Future[None]]) -> None:
    """Wait until the sandboxes of earlier tests have stopped, because their threads outlive those tests."""
    for one in stopping:
        one.result()


@pytest.fixture
def api(open_sandbox: OpenSandbox) -> Iterator[ApiClient]:
    """Return a client of a new sandbox with one account."""
    with open_sandbox() as one:
        yield one


@pytest.fixture(scope="module")
def shared_api(open_sandbox: OpenSandbox) -> Iterator[ApiClient]:
    """Return a client of one sandbox for all tests of a module, for calls that do not depend on its state."""
    with open_sandbox() as one:
        yield one


@pytest.fixture
def two_accounts(open_sandbox: OpenSandbox) -> Iterator[ApiClient]:
    """Return a client of a new sandbox with the accounts one@example.com and two@example.com."""
    with open_sandbox(["one@example.com", "two@example.com"]) as one:
        yield one


@pytest.fixture
def held_renderer() -> Iterator[HeldRenderer]:
    """Return (started, released, renderer); the renderer sets `started` and then waits for `released`."""
    started, released = threading.Event(), threading.Event()

    def render(task: RenderTask, out_path: Path) -> None:
        started.set()
        released.wait(60)
        write_canned_video(task, out_path)

    yield started, released, render
    released.set()
