"""The TCP connections under the server, so that a fault can hang up or lie about lengths."""

import asyncio
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol


class Connections:
    """The open connections by the peer's address."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self) -> type[H11Protocol]:
        """Return a uvicorn protocol class that notes its connections here."""
        connections = self._open

        class Noted(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
                connections[transport.get_extra_info("peername")] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                connections.pop(self.transport.get_extra_info("peername"), None)
                super().connection_lost(exc)

        return Noted

    def of(self, scope: Scope) -> asyncio.Transport:
        """Return the connection on which a request came."""
        host, port = scope["client"]
        return self._open[host, port]


class HangUp(Response):
    """Not an answer: writes `raw` (nothing, or a head and part of a body) and closes the connection."""

    def __init__(self, connections: Connections, raw: bytes = b"") -> None:
        super().__init__()
        self._connections = connections
        self._raw = raw

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close, and wait until the server knows it, so that it sends nothing of its own."""
        transport = self._connections.of(scope)
        if self._raw:
            transport.write(self._raw)
            transport.close()
        else:
            transport.abort()
        message: Any = {}
        while message.get("type") != "http.disconnect":
            message = await receive()
