"""Fixtures: comms that record what widgets send, a fake client, and a picture."""

import io
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import comm
import IPython
import pytest
from comm.base_comm import CommManager
from PIL import Image

from tests.widgets.fakes import FakeClient
from tests.widgets.page import RecordingComm, wait_for_threads


@pytest.fixture(autouse=True)
def recording_comms(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give widgets comms that record their messages, and wait for the widgets' threads at the end of the test."""
    manager = CommManager()
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    monkeypatch.setattr(comm, "get_comm_manager", lambda: manager)
    yield
    wait_for_threads()


@pytest.fixture
def client() -> FakeClient:
    """A fake sandbox client with 1240 credits."""
    return FakeClient()


@pytest.fixture
def run_cell(outputs: list[dict[str, Any]]) -> Callable[..., None]:
    """Return a function that starts a run of a cell: what is shown next is shown by it."""
    shell = IPython.get_ipython()
    numbers = itertools.count(1)

    def start(source: str, *, cell_id: str = "") -> None:
        metadata = {"cellId": cell_id} if cell_id else {}
        request = {"metadata": metadata, "content": {"code": source}}
        shell.get_parent = lambda: request
        shell.execution_count = next(numbers)

    return start


@pytest.fixture
def png() -> bytes:
    """A PNG of 64×48 pixels."""
    return make_png(64, 48)


def make_png(width: int, height: int, colour: Any = "teal") -> bytes:
    """Return a PNG of one colour."""
    sink = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(sink, "PNG")
    return sink.getvalue()
