"""A small receiver for the vendor's callbacks: an unguessable path on a socket of ours, and a word to who polls.

It answers 200 to a POST on its path and 404 to everything else, whatever the body says, and tells only what the body
names. What is heard here is a hint to ask the vendor's list now, never a fact. So a forged, repeated or late one can
cost a list at most, and what is huge, slow or broken costs its sender the connection.
"""

import asyncio
import ipaddress
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import h11

from pixverse_nb.errors import ConfigError
from pixverse_nb.wire.callback import Named, read_callback

_PIECE: Final = 16 * 1024
_NOT_OURS: Final = 404
_TOO_LARGE: Final = 413


@dataclass(frozen=True)
class Limits:
    """What one caller may take: `body_bytes` of body, `head_bytes` of head, `exchange_s` for the whole exchange.

    At most `connections` are open at the same time; one more is closed at once.
    """

    body_bytes: int = 64 * 1024
    head_bytes: int = 16 * 1024
    exchange_s: float = 5.0
    connections: int = 16


class Receiver:
    """Hears POSTs on one secret path and calls `heard` with what each one names. It lives on one event loop."""

    def __init__(self, heard: Callable[[Named], object], *, limits: Limits | None = None) -> None:
        self._heard = heard
        self._limits = limits or Limits()
        self._secret = secrets.token_urlsafe(24)
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self.host = ""
        self.port = 0
        self.accepted = 0  # POSTs on the right path, whatever they said

    async def open(self, host: str, port: int) -> None:
        """Begin to listen; `port` 0 takes a free one. Raises ConfigError where the place cannot be had."""
        try:
            self._server = await asyncio.start_server(self._serve, host, port, limit=_PIECE, backlog=32)
        except (OSError, OverflowError) as error:  # a name that is none, a taken port, one above 65535
            reason = getattr(error, "strerror", None) or error
            text = f"Nothing can listen on {host} port {port} ({reason}). port=0 takes a free one."
            raise ConfigError(text) from None
        self.host, self.port = self._server.sockets[0].getsockname()[:2]

    async def aclose(self) -> None:
        """End the listening and every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def url(self, public_url: str | None) -> str:
        """Return the whole address to be called, below `public_url` where another host passes it on to here."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        root = public_url.rstrip("/") if public_url else f"http://{host}:{self.port}"
        return f"{root}/{self._secret}"

    # -- inside --------------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._serving) >= self._limits.connections:
            writer.transport.abort()
            return
        self._serving.add(task)
        body: bytes | None = None
        try:
            async with asyncio.timeout(self._limits.exchange_s):
                body = await self._exchange(reader, writer)
        except (TimeoutError, OSError):  # too slow, or gone
            writer.transport.abort()
        finally:
            writer.close()
            self._serving.discard(task)
        if body is not None:
            self.accepted += 1
            self._heard(read_callback(body))

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        """Hear one request and answer it; return its body where it was a POST on our path, else None."""
        wire = h11.Connection(h11.SERVER, max_incomplete_event_size=self._limits.head_bytes)
        try:
            status, body = await self._hear(wire, reader, writer)
        except h11.RemoteProtocolError as error:
            status, body = error.error_status_hint, None
        if wire.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            head = h11.Response(status_code=status, headers=[("Content-Length", "0"), ("Connection", "close")])
            writer.write(wire.send(head) or b"")
            writer.write(wire.send(h11.EndOfMessage()) or b"")
            await writer.drain()
        return body if status == 200 else None

    async def _hear(
        self, wire: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[int, bytes]:
        """Return the status that the request deserves, and its body where that is wanted."""
        pieces: list[bytes] = []
        size = 0
        while True:
            event = wire.next_event()
            if event is h11.NEED_DATA:
                if wire.they_are_waiting_for_100_continue:
                    writer.write(wire.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
                wire.receive_data(await reader.read(_PIECE))
            elif isinstance(event, h11.Request):
                if not self._is_ours(event):
                    return _NOT_OURS, b""
                if _announced(event) > self._limits.body_bytes:
                    return _TOO_LARGE, b""
            elif isinstance(event, h11.Data):
                size += len(event.data)
                if size > self._limits.body_bytes:
                    return _TOO_LARGE, b""
                pieces.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                return 200, b"".join(pieces)
            else:  # closed before a whole request came
                raise ConnectionResetError

    def _is_ours(self, request: h11.Request) -> bool:
        path = request.target.partition(b"?")[0].rpartition(b"/")[2]
        return request.method == b"POST" and secrets.compare_digest(path, self._secret.encode())


def _announced(request: h11.Request) -> int:
    """Return the length that the head announces, 0 where it names none; h11 has checked that it is a number."""
    return next((int(value) for name, value in request.headers if name == b"content-length"), 0)


def is_on_this_machine(url: str) -> bool:
    """Tell whether an address leads to this machine, by number or as localhost."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
