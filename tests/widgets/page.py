"""The page's end of the widgets' comms: records what the kernel sends, and sends what a page would send."""

import threading
from collections.abc import Mapping
from typing import Any

from comm.base_comm import BaseComm

from pixverse_nb.widgets.comm import THREAD_NAME

TIMEOUT_S = 60.0  # no test waits so long: a test that hangs fails after this time


class RecordingComm(BaseComm):
    """A comm that keeps the messages to the page in `sent`, as (message type, data, buffers)."""

    def __init__(self, *args: Any, **details: Any) -> None:
        self.sent: list[tuple[str, Mapping[str, Any], list[bytes]]] = []
        super().__init__(*args, **details)

    def publish_msg(
        self,
        msg_type: str,
        data: Any = None,
        metadata: Any = None,
        buffers: Any = None,
        **keys: Any,
    ) -> None:
        """Record the message."""
        self.sent.append((msg_type, data or {}, [bytes(buffer) for buffer in buffers or ()]))


def send_message(widget: Any, content: object, *buffers: bytes) -> None:
    """Send a custom message from the page to `widget`."""
    data = {"method": "custom", "content": content}
    views = [memoryview(buffer) for buffer in buffers]
    widget.comm.handle_msg({"content": {"data": data}, "buffers": views})


def set_traits(widget: Any, **state: Any) -> None:
    """Change traits from the page."""
    data = {"method": "update", "state": state, "buffer_paths": []}
    widget.comm.handle_msg({"content": {"data": data}, "buffers": []})


def messages_of(widget: Any, kind: str) -> list[tuple[Mapping[str, Any], list[bytes]]]:
    """Return the custom messages of one kind that `widget` has sent to the page, oldest first."""
    return [
        (data["content"], buffers)
        for _, data, buffers in widget.comm.sent
        if data.get("method") == "custom" and data["content"].get("kind") == kind
    ]


def upload(
    form: Any,
    slot: str,
    data: bytes,
    *,
    id: str = "u1",  # noqa: A002 - the name in the messages
    name: str = "cat.png",
    chunk_bytes: int = 512 * 1024,
) -> None:
    """Upload a file into a picture slot of the form as its page does."""
    begin = {"kind": "begin", "slot": slot, "id": id, "name": name, "size": len(data), "type": "image/png"}
    send_message(form, begin)
    for offset in range(0, len(data), chunk_bytes):
        chunk = {"kind": "chunk", "slot": slot, "id": id, "offset": offset}
        send_message(form, chunk, data[offset : offset + chunk_bytes])


def wait_for_threads() -> None:
    """Wait until all background work of the widgets has ended."""
    while threads := [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]:
        for thread in threads:
            thread.join(TIMEOUT_S)
            assert not thread.is_alive()
