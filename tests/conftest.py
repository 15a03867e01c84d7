"""What holds for every test."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# Neither an example nor the drawing of one is timed: a busy machine may hold up any of them.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

LAST = ("kernel", "browser")  # Playwright leaves an event loop running in the main thread, so it comes at the end


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the quick tests first, then real kernels, then the real browser."""
    here = Path(__file__).parent

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(here).parts[0]
        return LAST.index(folder) + 1 if folder in LAST else 0

    items.sort(key=rank)


@pytest.fixture(autouse=True, scope="session")
def no_settings_of_the_person() -> None:
    """Take the person's own token, account, server and home out of the environment: no test may reach them."""
    for name in [name for name in os.environ if name.startswith(("USEAPI", "PIXVERSE"))]:
        del os.environ[name]
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"


@pytest.fixture(autouse=True)
def own_register(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[None]:
    """Give each test a register of homes of its own: never the person's, and none that another test has filled."""
    name = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]
    os.environ["PIXVERSE_NB_DATA"] = str(tmp_path_factory.getbasetemp() / "registers" / name)
    yield
    del os.environ["PIXVERSE_NB_DATA"]
