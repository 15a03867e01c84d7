"""Transfer: a file put together again from the pieces that a browser sends.

The browser is a stranger to the kernel: it may be an older page, a second view, or broken. So every message is
checked, nothing is kept before it is needed, and what makes no sense ends the transfer with a sentence.
"""

from collections.abc import Mapping
from typing import Final

PICTURE_MAX_BYTES: Final = 100_000_000
PIECE_MAX_BYTES: Final = 1024 * 1024
NAME_MAX: Final = 200


class TransferRefused(Exception):
    """The file is not taken; the text says why, in words for the person."""


class ChunkedUpload:
    """One file on its way: `id` from the browser, `name`, `size` in bytes, and what has arrived so far.

    >>> transfer = Transfer.begin({"id": "a1", "name": "cat.png", "size": 4, "type": "image/png"})
    >>> transfer.take(0, b"PN"), transfer.take(2, b"G!"), transfer.data
    (2, 4, b'PNG!')
    """

    def __init__(self, *, id: str, name: str, size: int) -> None:  # noqa: A002 - the message's own word
        self.id = id
        self.name = name
        self.size = size
        self._pieces = bytearray()

    @classmethod
    def begin(cls, message: Mapping[str, object]) -> "ChunkedUpload":
        """Return the transfer that a "begin" message announces, or raise TransferRefused."""
        given, name, size = message.get("id"), message.get("name"), message.get("size")
        if not isinstance(given, str) or not 0 < len(given) <= NAME_MAX:
            raise TransferRefused("The page sent something that this version does not understand. Reload the page.")
        shown = short_name(name)
        if type(size) is not int or size < 0:
            raise TransferRefused(f"{shown}: the browser does not say how large it is. Pick it again.")
        if size == 0:
            raise TransferRefused(f"{shown} is empty (0 bytes).")
        if size > PICTURE_MAX_BYTES:
            raise TransferRefused(
                f"{shown} has {size / 1e6:.0f} MB; at most {PICTURE_MAX_BYTES // 1_000_000} MB are taken here. "
                "Pick a smaller copy: nothing above 2048 px a side is sent on anyway."
            )
        media_type = message.get("type")
        if isinstance(media_type, str) and media_type and not media_type.startswith("image/"):
            raise TransferRefused(f"{shown} is not a picture ({media_type[:60]}). Pick a PNG, JPEG, WebP or GIF file.")
        return cls(id=given, name=shown, size=size)

    @property
    def received(self) -> int:
        """Bytes that have arrived."""
        return len(self._pieces)

    @property
    def is_complete(self) -> bool:
        """True once every byte is there."""
        return self.received == self.size

    @property
    def data(self) -> bytes:
        """What has arrived, in order."""
        return bytes(self._pieces)

    def take(self, offset: object, piece: bytes | memoryview) -> int:
        """Append the piece that starts at `offset` and return the bytes received; a repeated piece changes nothing.

        Raises TransferRefused for a gap, for a piece above 1 MiB, and for bytes beyond the announced size.
        """
        size = memoryview(piece).nbytes
        if type(offset) is not int or offset < 0 or size == 0:
            raise TransferRefused(f"{self.name}: a piece came broken. Pick the picture again.")
        if offset < self.received:
            return self.received
        if offset > self.received or size > PIECE_MAX_BYTES or offset + size > self.size:
            raise TransferRefused(f"{self.name} did not arrive whole. Pick the picture again.")
        self._pieces += piece
        return self.received


def short_name(name: object) -> str:
    """Return a file name for people: no folders, no control signs, at most 200 characters; "picture" without one."""
    text = "".join(sign for sign in name if sign.isprintable()) if isinstance(name, str) else ""
    return text.replace("\\", "/").rsplit("/", 1)[-1][:NAME_MAX] or "picture"
