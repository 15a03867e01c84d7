"""Fixtures: a fresh real kernel, or several."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from tests.kernel.real_kernel import PATIENCE_S, Kernel, StartKernel
from tests.surroundings import private_environment


@pytest.fixture
def start_kernel(tmp_path: Path) -> Iterator[StartKernel]:
    """Start kernels of this environment in a folder of their own; `env` adds environment variables."""
    with ExitStack() as stack:

        def start(env: Mapping[str, str] | None = None) -> Kernel:
            manager = KernelManager(kernel_name="python3")
            manager.start_kernel(
                cwd=str(tmp_path), env={**private_environment(tmp_path), **(env or {})}, stdin=subprocess.DEVNULL
            )
            stack.callback(manager.shutdown_kernel, now=True)
            client = manager.client()
            client.start_channels()
            stack.callback(client.stop_channels)
            client.wait_for_ready(timeout=PATIENCE_S)
            return Kernel(manager, client)

        yield start


@pytest.fixture
def kernel(start_kernel: StartKernel) -> Kernel:
    """A fresh kernel."""
    return start_kernel()
