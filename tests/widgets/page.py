"""The browser's end of the widgets' comms: hears what the kernel sends, and sends what a page would."""

import threading
from collections.abc import Iterable, Mapping
from typing import Any

import ipywidgets  # type: ignore[import-untyped]  # it ships no types
from comm.base_comm import BaseComm

PATIENCE_S = 30.0  # no test waits so long: it is there to fail in place of hanging


class HeardComm(BaseComm):
    """A comm whose messages to the page are kept in `heard`, as (message type, data, buffers)."""

    def __init__(self, *args: Any, **details: Any) -> None:
        self.heard: list[tuple[str, Mapping[str, Any], list[bytes]]] = []
        super().__init__(*args, **details)

    def publish_msg(
        self,
        msg_type: str,
        data: Any = None,
        metadata: Any = None,
        buffers: Any = None,
        **keys: Any,
    ) -> None:
        """Keep the message."""
        self.heard.append((msg_type, data or {}, [bytes(buffer) for buffer in buffers or ()]))


def say(widget: Any, content: object, *buffers: bytes) -> None:
    """Send a custom message from the page to `widget`, as the kernel would get it."""
    data = {"method": "custom", "content": content}
    views = [memoryview(buffer) for buffer in buffers]
    widget.comm.handle_msg({"content": {"data": data}, "buffers": views})


def change(widget: Any, **state: Any) -> None:
    """Change traits from the page."""
    data = {"method": "update", "state": state, "buffer_paths": []}
    widget.comm.handle_msg({"content": {"data": data}, "buffers": []})


def press(button: Any) -> None:
    """Press a button of ipywidgets."""
    say(button, {"event": "click"})


def heard(widget: Any, kind: str) -> list[tuple[Mapping[str, Any], list[bytes]]]:
    """Return the custom messages of one kind that `widget` has sent to the page, oldest first."""
    return [
        (data["content"], buffers)
        for _, data, buffers in widget.comm.heard
        if data.get("method") == "custom" and data["content"].get("kind") == kind
    ]


def upload(slot: Any, data: bytes, *, id: str = "u1", name: str = "cat.png", piece_bytes: int = 512 * 1024) -> None:  # noqa: A002
    """Send a file into a picture slot as its page does."""
    say(slot, {"kind": "begin", "id": id, "name": name, "size": len(data), "type": "image/png"})
    for offset in range(0, len(data), piece_bytes):
        say(slot, {"kind": "chunk", "id": id, "offset": offset}, data[offset : offset + piece_bytes])


def settle() -> None:
    """Wait until all work that was handed over has ended."""
    while threads := [thread for thread in threading.enumerate() if thread.name == "pixverse-nb-form"]:
        for thread in threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def below(widget: Any) -> Iterable[Any]:
    """Yield `widget` and every widget inside of it."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from below(child)


def text_of(widget: Any) -> str:
    """Return all the HTML that a widget shows now, hidden boxes left out."""
    if widget.layout.display == "none":
        return ""
    own = widget.value if isinstance(widget, ipywidgets.HTML) else ""
    return own + "".join(text_of(child) for child in getattr(widget, "children", ()))
