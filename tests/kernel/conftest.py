"""Fixtures: one or several fresh real kernels."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.real_kernel import Kernel, StartKernel, kernels


@pytest.fixture
def start_kernel(tmp_path: Path) -> Iterator[StartKernel]:
    """Start kernels of this environment in their own folder; `env` adds environment variables."""
    with kernels(tmp_path) as start:
        yield start


@pytest.fixture
def kernel(start_kernel: StartKernel) -> Kernel:
    """Return a fresh kernel."""
    return start_kernel()
