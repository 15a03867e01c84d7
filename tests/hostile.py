"""A vendor on loopback that breaks the rules of HTTP on purpose: raw sockets, so that every byte is under control."""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass
class RawRequest:
    """One request as it came: nothing decoded, header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = field(repr=False)


@dataclass
class Connection:
    """One connection, with what its connection has said so far."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: "Hostile"
    heads: list[bytes] = field(default_factory=list)

    async def await_head(self) -> None:
        """Wait for the head of the next request."""
        self.heads.append(await self.reader.readuntil(b"\r\n\r\n"))

    async def read_head(self) -> RawRequest:
        """Read the head of a request and leave its body in the socket."""
        if not self.heads:
            await self.await_head()
        head = self.heads.pop().decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        request = RawRequest(method, target, headers, b"")
        self.server.requests.append(request)
        return request

    async def read_request(self) -> RawRequest:
        """Read a whole request."""
        request = await self.read_head()
        request.body = await self.reader.readexactly(int(request.headers.get("content-length", 0)))
        return request

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Cut the connection with a reset: what was not read yet is lost on both sides."""
        plain: socket.socket = self.writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Act = Callable[[Connection], Awaitable[None]]


def answer(status: int, body: object = b"", **headers: str) -> Act:
    """Read a request and answer it; `body` is bytes, or anything that becomes JSON; `_` in a header's name is `-`."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def act(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(head(status, **{"content_length": str(len(data)), **headers}) + data)

    return act


def raw(*pieces: bytes) -> Act:
    """Read a request, send these bytes, and close."""

    async def act(connection: Connection) -> None:
        await connection.read_request()
        for piece in pieces:
            await connection.send(piece)
        connection.writer.close()

    return act


def head(status: int, **headers: str) -> bytes:
    """Return the head of an answer."""
    lines = [f"HTTP/1.1 {status} Reason", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


async def reset_unread(connection: Connection) -> None:
    """Cut the connection before a byte of the request is read."""
    connection.reset()


async def reset_after_head(connection: Connection) -> None:
    """Cut the connection when the head of the request is read."""
    await connection.read_head()
    connection.reset()


async def reset_after_request(connection: Connection) -> None:
    """Cut the connection when the whole request is read."""
    await connection.read_request()
    connection.reset()


async def close_after_request(connection: Connection) -> None:
    """Close without an answer when the whole request is read."""
    await connection.read_request()
    connection.writer.close()


async def cut_in_the_head(connection: Connection) -> None:
    """Close in the middle of the answer's head."""
    await connection.read_request()
    await connection.send(b"HTTP/1.1 200 OK\r\ncontent-le")
    connection.writer.close()


async def cut_in_the_body(connection: Connection) -> None:
    """Close in the middle of the answer's body."""
    await connection.read_request()
    await connection.send(head(200, content_length="1000") + b'{"video_id": "user:')
    connection.writer.close()


async def reset_in_the_body(connection: Connection) -> None:
    """Reset in the middle of the answer's body."""
    await connection.read_request()
    await connection.send(head(200, content_length="1000") + b'{"video_id": "user:')
    connection.reset()


async def send_nonsense(connection: Connection) -> None:
    """Answer with bytes of another protocol."""
    await connection.read_request()
    await connection.send(b"\x16\x03\x01\x00\xffhello there\r\n\r\n")
    connection.writer.close()


async def never_answer(connection: Connection) -> None:
    """Read the request and never answer."""
    await connection.read_request()
    connection.server.has_request.set()
    await connection.server.closing.wait()


async def never_end(connection: Connection) -> None:
    """Send a byte now and then without end, so that no single read takes too long."""
    await connection.read_request()
    await connection.send(head(200))
    while not connection.server.closing.is_set():
        await connection.send(b" ")
        try:
            async with asyncio.timeout(0.02):
                await connection.server.closing.wait()
        except TimeoutError:
            continue


class Hostile:
    """Serves one act after the other, the last one again and again; each act is for one request.

    A connection is kept for the next act where the act did not end it.
    """

    def __init__(self, *acts: Act, context: ssl.SSLContext | None = None) -> None:
        self._acts = list(acts)
        self._context = context
        self.requests: list[RawRequest] = []
        self.connections = 0
        self.closing = asyncio.Event()
        self.has_request = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.url = f"{'https' if self._context else 'http'}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self.closing.set()
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = Connection(reader, writer, self)
        try:
            while not writer.is_closing():
                act = self._acts.pop(0) if len(self._acts) > 1 else self._acts[0]
                await act(connection)
                await connection.await_head()  # the next act is chosen when something is asked, on whichever connection
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)


def closed_port() -> str:
    """Return the address of a port on which nobody listens."""
    with socket.socket() as plain:
        plain.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{plain.getsockname()[1]}"
