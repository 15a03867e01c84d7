"""Small sweeps of two plain pictures, and what a test asks of them."""

from typing import Any

from pixverse_nb.client import Client
from pixverse_nb.sweep.sweep import Sweep
from tests.client.harness import WAIT_LIMIT_S, make_picture


def sweep(client: Client, **fields: Any) -> Sweep:
    """Return a sweep of small videos; `fields` change the call."""
    given: dict[str, Any] = {"first": make_picture(0), "last": make_picture(200), "quality": "360p", **fields}
    return client.sweep(given.pop("first"), given.pop("last"), **given)


def run(one: Sweep, **options: Any) -> Sweep:
    """Run it quietly and wait."""
    return one.run(quiet=True, timeout=WAIT_LIMIT_S, **options)
