"""Fixtures: a client on a real sandbox that renders canned videos, and access to what is behind it."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from pixverse_nb.client import Client
from pixverse_nb.sandbox import Account, Sandbox
from tests.client.harness import Harness, write_canned_video

FAST = 1000.0  # a job of a minute takes a sixteenth of a second
BuildHarness = Callable[..., AbstractContextManager[Harness]]


@pytest.fixture(scope="session")
def build_harness() -> Iterator[BuildHarness]:
    """Return a context manager that builds a harness.

    Each sandbox is stopped in the background of the next test, since a server takes a tenth of a second to stop.
    """
    ended: list[Future[None]] = []
    with ThreadPoolExecutor(4) as pool:

        @contextmanager
        def harness_at(
            home: Path,
            *,
            speed: float = FAST,
            accounts: Iterable[Account | str] | None = None,
            folder: Path | None = None,
        ) -> Iterator[Harness]:
            sandbox = Sandbox(speed=speed, render=write_canned_video, accounts=accounts, folder=folder).start()
            harness = Harness(sandbox, home, folder=folder)
            try:
                yield harness
            finally:
                harness.close()
                ended.append(pool.submit(harness.sandbox.stop))

        yield harness_at
    for one in ended:
        one.result()


@pytest.fixture
def harness(build_harness: BuildHarness, tmp_path: Path) -> Iterator[Harness]:
    """Return a harness whose sandbox generates a video at once."""
    with build_harness(tmp_path / "home") as one:
        yield one


@pytest.fixture
def manual_harness(build_harness: BuildHarness, tmp_path: Path) -> Iterator[Harness]:
    """Return a harness whose sandbox moves only by `control.advance`, so that a job stays in its state."""
    with build_harness(tmp_path / "home", speed=0) as one:
        yield one


@pytest.fixture
def persistent_harness(build_harness: BuildHarness, tmp_path: Path) -> Iterator[Harness]:
    """Return a manual harness whose sandbox keeps its jobs and can be stopped and restarted."""
    with build_harness(tmp_path / "home", speed=0, folder=tmp_path / "world") as one:
        yield one


@pytest.fixture
def client(harness: Harness) -> Client:
    """Return a client of `harness`."""
    return harness.open()
