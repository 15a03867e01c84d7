"""The webhook server, tested with raw sockets: what it accepts, and what it refuses."""

import asyncio
import logging
import socket
import struct
import subprocess
import sys
from collections.abc import Awaitable, Callable

import pytest

from pixverse_nb.errors import ConfigError
from pixverse_nb.jobs.webhooks import ServerLimits, WebhookServer

PATIENCE_S = 60.0  # never reached: a test fails instead of hanging
BODY = b'{"replyRef": "pv-1:1"}'


class Endpoint:
    """A server on a free port, and the bodies that it accepted."""

    def __init__(self, limits: ServerLimits | None = None) -> None:
        self.bodies: list[bytes] = []
        self.port = 0
        self.server = WebhookServer(lambda body, _: self.bodies.append(body), limits=limits)

    @property
    def path(self) -> str:
        """The secret path."""
        return "/" + self.server.url(None).rpartition("/")[2]

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def send(self, *pieces: bytes) -> bytes:
        """Send raw bytes on a new connection and return everything that is answered until it closes."""
        reader, writer = await self.dial()
        return await exchange(reader, writer, *pieces)

    def post(self, body: bytes, *headers: str, path: str | None = None, method: str = "POST") -> bytes:
        """Return the bytes of an ordinary request."""
        has_length = any(header.startswith(("transfer-encoding", "content-length")) for header in headers)
        length = [] if has_length else [f"content-length: {len(body)}"]
        lines = [f"{method} {self.path if path is None else path} HTTP/1.1", "host: here", *length, *headers]
        return "\r\n".join([*lines, "", ""]).encode() + body


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *pieces: bytes) -> bytes:
    """Send, and read until the connection ends; a reset counts as an end."""
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def with_endpoint(visit: Callable[[Endpoint], Awaitable[None]], limits: ServerLimits | None = None) -> list[bytes]:
    """Run `visit` on an open endpoint and return the bodies that it accepted."""

    async def main() -> list[bytes]:
        endpoint = Endpoint(limits)
        endpoint.port = await endpoint.server.open("127.0.0.1", 0)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await visit(endpoint)
        finally:
            await endpoint.server.aclose()
        return endpoint.bodies

    return asyncio.run(main())


def status(answer: bytes) -> int:
    """Return the status of an HTTP answer."""
    return int(answer.split(b" ")[1])


@pytest.mark.parametrize("body", [b"", b"\xff\xfe\x00", b"not json", b"[" * 60_000, BODY], ids=len)
def test_any_body_on_the_secret_path_is_accepted(body: bytes) -> None:
    """A POST on the secret path is answered 200 and its body passed on unread, whatever it contains."""

    async def visit(endpoint: Endpoint) -> None:
        assert status(await endpoint.send(endpoint.post(body))) == 200

    assert with_endpoint(visit) == [body]


def test_every_framing_is_accepted() -> None:
    """A body in pieces, in chunks or after `100-continue` is accepted, as is a path with a prefix and a query."""

    async def visit(endpoint: Endpoint) -> None:
        whole = endpoint.post(BODY)
        assert status(await endpoint.send(*(whole[at : at + 9] for at in range(0, len(whole), 9)))) == 200
        chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
        assert status(await endpoint.send(endpoint.post(chunks, "transfer-encoding: chunked"))) == 200
        assert status(await endpoint.send(endpoint.post(BODY, path=f"/tunnel{endpoint.path}?a=b"))) == 200
        reader, writer = await endpoint.dial()
        writer.write(endpoint.post(BODY, "expect: 100-continue")[: -len(BODY)])
        assert status(await reader.readuntil(b"\r\n\r\n")) == 100
        assert status(await exchange(reader, writer, BODY)) == 200

    assert with_endpoint(visit) == [BODY] * 4


def test_everything_else_is_not_found() -> None:
    """Another path or another method is answered 404, and its body is dropped."""

    async def visit(endpoint: Endpoint) -> None:
        for path in ("/", endpoint.path[:-1], endpoint.path + "x", endpoint.path + "/", "/%00"):
            assert status(await endpoint.send(endpoint.post(BODY, path=path))) == 404
        for method in ("GET", "PUT", "HEAD", "post"):
            assert status(await endpoint.send(endpoint.post(BODY, method=method))) == 404

    assert with_endpoint(visit) == []


def test_a_large_body_is_refused() -> None:
    """One byte above the limit is answered 413 or cut off, announced or not; a body of the limit is accepted."""
    limit = ServerLimits().body_bytes

    async def visit(endpoint: Endpoint) -> None:
        assert status(await endpoint.send(endpoint.post(b"", f"content-length: {10**12}"))) == 413
        assert status(await endpoint.send(endpoint.post(b" " * (limit + 1))[:200])) == 413
        endless = endpoint.post(b"", "transfer-encoding: chunked")
        answer = await endpoint.send(endless, *[b"4000\r\n" + b" " * 0x4000 + b"\r\n"] * 8, b"0\r\n\r\n")
        assert answer == b"" or status(answer) == 413  # unread bytes may reset the connection before the answer
        assert status(await endpoint.send(endpoint.post(b" " * limit))) == 200

    assert with_endpoint(visit) == [b" " * limit]


@pytest.mark.parametrize(
    "head",
    [
        b"\x16\x03\x01\x00\xff hello\r\n\r\n",
        b"POST\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: " + b"9" * 5000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 40_000 + b"\r\n\r\n",
        b"POST /" + b"a" * 40_000,
    ],
    ids=lambda head: head[:24].decode("latin-1") + str(len(head)),
)
def test_invalid_http_is_refused(
    head: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Invalid or endless heads are answered 4xx or cut off, without a word in a log; the next caller is served."""
    caplog.set_level(logging.DEBUG)

    async def visit(endpoint: Endpoint) -> None:
        answer = await endpoint.send(head)
        is_short = len(head) < 1000  # unread bytes may reset the connection before the answer
        assert (answer == b"" and not is_short) or status(answer) >= 400
        assert status(await endpoint.send(endpoint.post(BODY))) == 200

    assert with_endpoint(visit) == [BODY]
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []
    assert capfd.readouterr() == ("", "")


def test_an_upgrade_is_not_followed() -> None:
    """A request to switch to WebSocket is answered as the plain request that it also is."""

    async def visit(endpoint: Endpoint) -> None:
        upgrade = endpoint.post(BODY, "connection: upgrade", "upgrade: websocket")
        assert status(await endpoint.send(upgrade)) == 200

    assert with_endpoint(visit) == [BODY]


def test_a_caller_that_disconnects_leaves_nothing() -> None:
    """A connection closed or reset inside the head or the body passes nothing on and disturbs nobody."""

    async def visit(endpoint: Endpoint) -> None:
        for part in (0, 20, -1):
            for is_reset in (False, True):
                _, writer = await endpoint.dial()
                writer.write(endpoint.post(BODY)[:part])
                await writer.drain()
                if is_reset:
                    plain: socket.socket = writer.get_extra_info("socket")
                    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    writer.transport.abort()
                writer.close()
        assert status(await endpoint.send(endpoint.post(BODY))) == 200

    assert with_endpoint(visit) == [BODY]


def test_a_slow_caller_is_cut_off() -> None:
    """A caller that sends nothing, or not the whole request, is cut off when the time for one exchange is over."""

    async def visit(endpoint: Endpoint) -> None:
        silent = await endpoint.dial()
        half = await endpoint.dial()
        half[1].write(endpoint.post(BODY)[:-1])
        assert await exchange(*silent) == b""
        assert await exchange(*half) == b""
        while not await endpoint.send(endpoint.post(BODY)):  # a busy machine may cut off a complete call too
            pass

    assert set(with_endpoint(visit, ServerLimits(exchange_s=1.0))) == {BODY}


def test_slow_callers_do_not_delay_others() -> None:
    """While other connections are silent, a complete call is answered."""

    async def visit(endpoint: Endpoint) -> None:
        silent = [await endpoint.dial() for _ in range(5)]
        assert status(await endpoint.send(endpoint.post(BODY))) == 200
        for _, writer in silent:
            writer.close()

    assert with_endpoint(visit, ServerLimits(exchange_s=PATIENCE_S)) == [BODY]


def test_connections_above_the_limit_are_closed_at_once() -> None:
    """A connection above the limit is closed unheard; when an older one has ended, the next is served."""

    async def visit(endpoint: Endpoint) -> None:
        held = [await endpoint.dial() for _ in range(3)]
        assert await endpoint.send(endpoint.post(BODY)) == b""
        assert status(await exchange(*held.pop(), endpoint.post(BODY))) == 200
        assert status(await endpoint.send(endpoint.post(BODY))) == 200
        for _, writer in held:
            writer.close()

    assert with_endpoint(visit, ServerLimits(connections=3, exchange_s=PATIENCE_S)) == [BODY] * 2


def test_a_connection_carries_one_call() -> None:
    """A second request on the same connection is ignored."""

    async def visit(endpoint: Endpoint) -> None:
        answer = await endpoint.send(endpoint.post(BODY) * 2)
        assert answer.count(b"HTTP/1.1") <= 1  # unread bytes may reset the connection before the answer

    assert with_endpoint(visit) == [BODY]


def test_closing_ends_every_connection() -> None:
    """After `aclose()` open connections are closed and new ones refused."""

    async def main() -> None:
        endpoint = Endpoint(ServerLimits(exchange_s=1000.0))
        endpoint.port = await endpoint.server.open("127.0.0.1", 0)
        silent = await endpoint.dial()
        half = await endpoint.dial()
        half[1].write(endpoint.post(BODY)[:-1])
        await endpoint.send(endpoint.post(BODY))
        await endpoint.server.aclose()
        async with asyncio.timeout(PATIENCE_S):
            assert [await exchange(*silent), await exchange(*half)] == [b"", b""]
        with pytest.raises(ConnectionError):
            await endpoint.dial()

    asyncio.run(main())


def test_each_server_has_its_own_path() -> None:
    """The path is long and random, does not appear in the repr, and is appended to a public address."""
    first, second = (WebhookServer(lambda *_: None) for _ in range(2))
    path = first.url("https://tunnel.example/x/").removeprefix("https://tunnel.example/x/")
    assert len(path) >= 32
    assert "/" not in path
    assert path not in second.url(None)
    assert path not in repr(first)


def test_an_unusable_address_is_a_config_error() -> None:
    """A port in use, a port above 65535 and the address of another machine raise ConfigError."""

    async def visit(endpoint: Endpoint) -> None:
        for host, port in (("127.0.0.1", endpoint.port), ("127.0.0.1", 70000), ("192.0.2.1", 0)):
            with pytest.raises(ConfigError, match="port=0"):
                await WebhookServer(lambda *_: None).open(host, port)

    with_endpoint(visit)


def test_the_server_is_imported_only_to_listen() -> None:
    """A client that does not listen never loads uvicorn."""
    code = "import sys, pixverse_nb.client, pixverse_nb.jobs.webhooks; print('uvicorn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
