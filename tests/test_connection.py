"""Which service a client talks to, and what is said of it in a notebook."""

from pathlib import Path
from typing import Any

from pixverse_nb.connection import warn_network_filesystem
from tests.render.conftest import outputs

__all__ = ["outputs"]  # a fixture


def test_a_home_with_a_strange_name_is_shown_as_text(outputs: list[dict[str, Any]]) -> None:
    """What is said of a home on a network holds its path, and no HTML of it."""
    warn_network_filesystem("nfs", Path("/data/<img src=x onerror=alert(1)>"))
    shown = outputs[-1]["data"]
    assert "<img" not in shown["text/html"]
    assert "&lt;img src=x" in shown["text/html"]
    assert "/data/<img src=x onerror=alert(1)>" in shown["text/plain"]
