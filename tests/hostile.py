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
class Heard:
    """One request as it came: nothing decoded, header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = field(repr=False)


@dataclass
class Caller:
    """One connection, with what its caller has said so far."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: "Hostile"
    heads: list[bytes] = field(default_factory=list)

    async def await_head(self) -> None:
        """Wait for the head of the next request."""
        self.heads.append(await self.reader.readuntil(b"\r\n\r\n"))

    async def hear_headers(self) -> Heard:
        """Read the head of a request and leave its body in the socket."""
        if not self.heads:
            await self.await_head()
        head = self.heads.pop().decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        heard = Heard(method, target, headers, b"")
        self.server.requests.append(heard)
        return heard

    async def hear(self) -> Heard:
        """Read a whole request."""
        heard = await self.hear_headers()
        heard.body = await self.reader.readexactly(int(heard.headers.get("content-length", 0)))
        return heard

    async def say(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Cut the connection with a reset: what was not read yet is lost on both sides."""
        plain: socket.socket = self.writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Act = Callable[[Caller], Awaitable[None]]


def answer(status: int, body: object = b"", **headers: str) -> Act:
    """Hear a request and answer it; `body` is bytes, or anything that becomes JSON; `_` in a header's name is `-`."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def act(caller: Caller) -> None:
        await caller.hear()
        await caller.say(head(status, **{"content_length": str(len(data)), **headers}) + data)

    return act


def raw(*pieces: bytes) -> Act:
    """Hear a request, send these bytes, and close."""

    async def act(caller: Caller) -> None:
        await caller.hear()
        for piece in pieces:
            await caller.say(piece)
        caller.writer.close()

    return act


def head(status: int, **headers: str) -> bytes:
    """Return the head of an answer."""
    lines = [f"HTTP/1.1 {status} Said", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


async def reset_unread(caller: Caller) -> None:
    """Cut the connection before a byte of the request is read."""
    caller.reset()


async def reset_after_head(caller: Caller) -> None:
    """Cut the connection when the head of the request is read."""
    await caller.hear_headers()
    caller.reset()


async def reset_after_request(caller: Caller) -> None:
    """Cut the connection when the whole request is read."""
    await caller.hear()
    caller.reset()


async def close_after_request(caller: Caller) -> None:
    """Close politely, without a word, when the whole request is read."""
    await caller.hear()
    caller.writer.close()


async def cut_in_the_head(caller: Caller) -> None:
    """Close in the middle of the answer's head."""
    await caller.hear()
    await caller.say(b"HTTP/1.1 200 OK\r\ncontent-le")
    caller.writer.close()


async def cut_in_the_body(caller: Caller) -> None:
    """Close in the middle of the answer's body."""
    await caller.hear()
    await caller.say(head(200, content_length="1000") + b'{"video_id": "user:')
    caller.writer.close()


async def reset_in_the_body(caller: Caller) -> None:
    """Reset in the middle of the answer's body."""
    await caller.hear()
    await caller.say(head(200, content_length="1000") + b'{"video_id": "user:')
    caller.reset()


async def say_nonsense(caller: Caller) -> None:
    """Answer in no protocol at all."""
    await caller.hear()
    await caller.say(b"\x16\x03\x01\x00\xffhello there\r\n\r\n")
    caller.writer.close()


async def stay_silent(caller: Caller) -> None:
    """Hear the request and never answer."""
    await caller.hear()
    caller.server.heard_one.set()
    await caller.server.closing.wait()


async def never_end(caller: Caller) -> None:
    """Send a byte now and then for ever, so that no single read takes too long."""
    await caller.hear()
    await caller.say(head(200))
    while not caller.server.closing.is_set():
        await caller.say(b" ")
        try:
            async with asyncio.timeout(0.02):
                await caller.server.closing.wait()
        except TimeoutError:
            continue


class Hostile:
    """Serves one act after the other, the last one for ever; each act is for one request.

    A connection is kept for the next act where the act did not end it.
    """

    def __init__(self, *acts: Act, context: ssl.SSLContext | None = None) -> None:
        self._acts = list(acts)
        self._context = context
        self.requests: list[Heard] = []
        self.connections = 0
        self.closing = asyncio.Event()
        self.heard_one = asyncio.Event()
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
        caller = Caller(reader, writer, self)
        try:
            while not writer.is_closing():
                act = self._acts.pop(0) if len(self._acts) > 1 else self._acts[0]
                await act(caller)
                await caller.await_head()  # the next act is chosen when something is asked, on whichever connection
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
