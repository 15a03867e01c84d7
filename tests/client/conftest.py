"""Fixtures: a client on a real sandbox whose films cost nothing, and what a test needs to see behind it."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from pixverse_nb.client import Client
from pixverse_nb.sandbox import Account, Sandbox
from tests.client.harness import Harness, canned_film

FAST = 1000.0  # a job of a minute takes a sixteenth of a second
Build = Callable[..., AbstractContextManager[Harness]]


@pytest.fixture(scope="session")
def built() -> Iterator[Build]:
    """Build houses; each sandbox is stopped beside the next test, since a server takes a tenth of a second to end."""
    ended: list[Future[None]] = []
    with ThreadPoolExecutor(4) as pool:

        @contextmanager
        def house_at(
            home: Path,
            *,
            speed: float = FAST,
            accounts: Iterable[Account | str] | None = None,
            folder: Path | None = None,
        ) -> Iterator[Harness]:
            box = Sandbox(speed=speed, render=canned_film, accounts=accounts, folder=folder).start()
            house = Harness(box, home, folder=folder)
            try:
                yield house
            finally:
                house.close()
                ended.append(pool.submit(house.box.stop))

        yield house_at
    for one in ended:
        one.result()


@pytest.fixture
def house(built: Build, tmp_path: Path) -> Iterator[Harness]:
    """Give a house whose sandbox makes a video in a moment."""
    with built(tmp_path / "home") as one:
        yield one


@pytest.fixture
def still(built: Build, tmp_path: Path) -> Iterator[Harness]:
    """Give a house whose sandbox moves only by `control.advance`, so that a job stays where it is."""
    with built(tmp_path / "home", speed=0) as one:
        yield one


@pytest.fixture
def lasting(built: Build, tmp_path: Path) -> Iterator[Harness]:
    """Give a house as `still`, whose sandbox keeps its jobs and can go away and come back."""
    with built(tmp_path / "home", speed=0, folder=tmp_path / "world") as one:
        yield one


@pytest.fixture
def client(house: Harness) -> Client:
    """Give a client of `house`."""
    return house.open()
