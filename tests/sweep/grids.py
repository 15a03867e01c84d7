"""Small sweeps of two plain pictures, and what a test asks of them."""

from typing import Any

from pixverse_nb.client import Client
from pixverse_nb.sweep.sweep import Sweep
from tests.client.harness import PATIENCE_S, picture


def sweep(client: Client, **fields: Any) -> Sweep:
    """Return a sweep of small videos; `fields` change the call."""
    given: dict[str, Any] = {"first": picture(0), "last": picture(200), "quality": "360p", **fields}
    return client.sweep(given.pop("first"), given.pop("last"), **given)


def run(one: Sweep, **options: Any) -> Sweep:
    """Run it quietly and wait."""
    return one.run(quiet=True, timeout=PATIENCE_S, **options)
