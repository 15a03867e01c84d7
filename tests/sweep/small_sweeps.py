"""Small sweeps of two plain pictures for tests."""

import threading
from collections.abc import Callable
from typing import Any

from pixverse_nb.client import Client
from pixverse_nb.sweep.sweep import Sweep
from tests.client.harness import WAIT_LIMIT_S, Harness, make_picture


def small_sweep(client: Client, **fields: Any) -> Sweep:
    """Return a sweep of small videos; `fields` change the call."""
    given: dict[str, Any] = {"first": make_picture(0), "last": make_picture(200), "quality": "360p", **fields}
    return client.sweep(given.pop("first"), given.pop("last"), **given)


def run(sweep: Sweep, **options: Any) -> Sweep:
    """Run a sweep without a card and wait for its end."""
    return sweep.run(quiet=True, timeout=WAIT_LIMIT_S, **options)


def wait_until(sweep: Sweep, condition: Callable[[Sweep], object]) -> None:
    """Wait until `condition(sweep)` is true; it is checked at every change."""
    is_met = threading.Event()

    def check() -> None:
        if condition(sweep):
            is_met.set()

    unsubscribe = sweep.subscribe(check)
    try:
        check()
        assert is_met.wait(WAIT_LIMIT_S), f"the condition was not met: {sweep!r}"
    finally:
        unsubscribe()


def limit_to_one_slot(harness: Harness) -> None:
    """Reduce the sandbox's only account to one slot."""
    (account,) = harness.control.accounts.values()
    account.max_jobs = 1
    harness.control.add_account(account)
