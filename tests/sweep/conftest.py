"""Fixtures: a client on a real sandbox, and a sweep that has been run."""

import pytest

from pixverse_nb.client import Client
from pixverse_nb.sweep.sweep import Sweep
from tests.client.conftest import build_harness, client, harness, manual_harness, persistent_harness
from tests.client.harness import Harness
from tests.sweep.small_sweeps import run, small_sweep

__all__ = ["build_harness", "client", "finished_sweep", "harness", "manual_harness", "persistent_harness"]


@pytest.fixture
def finished_sweep(client: Client, harness: Harness) -> Sweep:
    """A sweep of eight cells: five finished, one failed, two refused by the vendor's documentation and skipped."""
    harness.control.arm("failed")
    axes = {"seed": [1, 2], "quality": ["540p", "1080p"], "duration": [5, 10]}
    return run(small_sweep(client, **axes, skip_refused=True))
