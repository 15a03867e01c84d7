"""Widgets with a page at the other end, and a slow or scripted maker behind them."""

import io
from collections.abc import Iterator
from typing import Any

import comm
import pytest
from comm.base_comm import CommManager
from PIL import Image

from tests.widgets.fakes import FakeClient
from tests.widgets.page import HeardComm, settle


@pytest.fixture(autouse=True)
def kernel_comms(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the widgets comms whose other end the test holds; their threads end with the test."""
    manager = CommManager()
    monkeypatch.setattr(comm, "create_comm", HeardComm)
    monkeypatch.setattr(comm, "get_comm_manager", lambda: manager)
    yield
    settle()


@pytest.fixture
def maker() -> FakeClient:
    """A sandbox with 1240 credits."""
    return FakeClient()


@pytest.fixture
def png() -> bytes:
    """A picture of 64×48 pixels."""
    return a_png(64, 48)


def a_png(width: int, height: int, colour: Any = "teal") -> bytes:
    """Return a PNG file of one colour."""
    sink = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(sink, "PNG")
    return sink.getvalue()
