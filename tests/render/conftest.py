"""A real IPython shell whose outputs are caught, as a notebook's frontend would get them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


@pytest.fixture
def outputs(tmp_path: Path) -> Iterator[list[dict[str, Any]]]:
    """What a running IPython shell has published: data, transient, update; newest last."""
    InteractiveShell.clear_instance()
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config, ipython_dir=str(tmp_path / "ipython"))
    make_publisher: Any = CapturingDisplayPublisher
    publisher = make_publisher(shell=shell)
    shell.display_pub = publisher
    yield publisher.outputs
    InteractiveShell.clear_instance()
