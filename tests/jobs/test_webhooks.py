"""The receiver of callbacks, met with raw sockets: what it hears, and what nobody can do to it."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable

import pytest

from pixverse_nb.backends.base import CallbackIds
from pixverse_nb.backends.useapi import UseapiBackend
from pixverse_nb.errors import ConfigError
from pixverse_nb.jobs.webhooks import ServerLimits, WebhookServer, is_on_this_machine

parse_callback = UseapiBackend().parse_callback
PATIENCE_S = 60.0  # no test waits so long: it is there to fail in place of hanging
ROW = {"video_id": "user:1-pixverse:a@b.c-video:7", "replyRef": "pv-1:1", "video_status_final": True}


class Place:
    """A receiver on a free port, and what it has heard."""

    def __init__(self, limits: ServerLimits | None) -> None:
        self.named: list[CallbackIds] = []
        self.receiver = WebhookServer(lambda body: self.named.append(parse_callback(body)), limits=limits)

    @property
    def path(self) -> str:
        """The secret path."""
        return "/" + self.receiver.url(None).rpartition("/")[2]

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a plain connection."""
        return await asyncio.open_connection(self.receiver.host, self.receiver.port)

    async def say(self, *pieces: bytes) -> bytes:
        """Send bytes as they are and return everything that comes back until the connection ends."""
        reader, writer = await self.dial()
        return await said_and_heard(reader, writer, *pieces)

    def post(self, body: bytes, *headers: str, path: str | None = None, method: str = "POST") -> bytes:
        """Return the bytes of a plain request."""
        length = [] if any("transfer-encoding" in header for header in headers) else [f"content-length: {len(body)}"]
        lines = [f"{method} {self.path if path is None else path} HTTP/1.1", "host: here", *length, *headers]
        return "\r\n".join([*lines, "", ""]).encode() + body


async def said_and_heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *pieces: bytes) -> bytes:
    """Send, and read to the end; a reset is an end too."""
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def at_a_receiver(visit: Callable[[Place], Awaitable[None]], limits: ServerLimits | None = None) -> list[CallbackIds]:
    """Run `visit` at an open receiver and return what that has heard."""

    async def main() -> list[CallbackIds]:
        place = Place(limits)
        await place.receiver.open("127.0.0.1", 0)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await visit(place)
        finally:
            await place.receiver.aclose()
        return place.named

    return asyncio.run(main())


def status(answer: bytes) -> int:
    """Return the status of an answer."""
    return int(answer.split(b" ")[1])


@pytest.mark.parametrize("body", [ROW, {"response": ROW}])
def test_a_callback_tells_what_it_names(body: object) -> None:
    """A POST on the path is answered 200, and its reference and id are told, at the top level or under `response`."""

    async def visit(place: Place) -> None:
        assert status(await place.say(place.post(json.dumps(body).encode()))) == 200

    assert at_a_receiver(visit) == [CallbackIds(frozenset({"pv-1:1"}), frozenset({str(ROW["video_id"])}))]


def test_it_hears_bodies_in_every_framing() -> None:
    """A body in pieces, one in chunks, one after `100-continue`, and a path with a prefix and a query are heard."""
    body = json.dumps({"replyRef": "r"}).encode()

    async def visit(place: Place) -> None:
        whole = place.post(body)
        assert status(await place.say(*(whole[at : at + 9] for at in range(0, len(whole), 9)))) == 200
        chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        assert status(await place.say(place.post(chunks, "transfer-encoding: chunked"))) == 200
        assert status(await place.say(place.post(body, path=f"/tunnel{place.path}?a=b"))) == 200
        reader, writer = await place.dial()
        writer.write(place.post(body, "expect: 100-continue")[: -len(body)])
        assert status(await reader.readuntil(b"\r\n\r\n")) == 100
        assert status(await said_and_heard(reader, writer, body)) == 200

    assert at_a_receiver(visit) == [CallbackIds(frozenset({"r"}))] * 4


def test_everything_else_is_not_found() -> None:
    """Another path, the root, no secret, another method: 404, and nothing is told."""
    body = json.dumps(ROW).encode()

    async def visit(place: Place) -> None:
        for path in ("/", place.path[:-1], place.path + "x", place.path + "/", "/%00"):
            assert status(await place.say(place.post(body, path=path))) == 404
        for method in ("GET", "PUT", "HEAD", "post"):
            assert status(await place.say(place.post(body, method=method))) == 404

    assert at_a_receiver(visit) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        b"not json",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"9" * 60_000,
        b"[]",
        b'"text"',
        b"null",
        b'{"replyRef": 7, "video_id": ["x"], "response": [1]}',
        b'{"replyRef": "", "response": {"video_id": null}}',
    ],
    ids=lambda body: body[:12].decode("latin-1"),
)
def test_a_body_that_says_nothing_names_nothing(body: bytes) -> None:
    """No JSON, no object, no texts, brackets without end: answered 200 as any other, and nothing is named."""

    async def visit(place: Place) -> None:
        assert status(await place.say(place.post(body))) == 200

    assert at_a_receiver(visit) == [CallbackIds()]
    assert not parse_callback(body)


def test_a_huge_body_is_not_read() -> None:
    """One byte above 64 KiB, announced or in chunks, ends the call before it is read; 64 KiB are heard."""
    most = ServerLimits().body_bytes

    async def visit(place: Place) -> None:
        assert (
            status(await place.say(place.post(b"", f"content-length: {10**12}").replace(b"content-length: 0\r\n", b"")))
            == 413
        )
        assert status(await place.say(place.post(b" " * (most + 1))[:200])) == 413
        endless = place.post(b"", "transfer-encoding: chunked")
        answer = await place.say(endless, *[b"4000\r\n" + b" " * 0x4000 + b"\r\n"] * 8, b"0\r\n\r\n")
        assert answer == b"" or status(answer) == 413  # it hangs up while we speak
        assert status(await place.say(place.post(b" " * most))) == 200

    assert at_a_receiver(visit) == [CallbackIds()]


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
def test_broken_http_is_refused(head: bytes) -> None:
    """What is no request, or has an endless head, is answered 4xx or 5xx or cut off; the next caller is served."""

    async def visit(place: Place) -> None:
        answer = await place.say(head)
        is_short = len(head) < 1000  # what is not read to its end may be reset before the answer is
        assert (answer == b"" and not is_short) or status(answer) >= 400
        assert status(await place.say(place.post(b"{}"))) == 200

    assert at_a_receiver(visit) == [CallbackIds()]


def test_a_caller_that_goes_away_leaves_nothing() -> None:
    """A connection closed or reset in the middle of the head or the body tells nothing and disturbs nobody."""

    async def visit(place: Place) -> None:
        for part in (0, 20, -1):
            for linger in (False, True):
                _, writer = await place.dial()
                writer.write(place.post(b'{"replyRef": "r"}')[:part])
                await writer.drain()
                if linger:
                    plain: socket.socket = writer.get_extra_info("socket")
                    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    writer.transport.abort()
                writer.close()
        assert status(await place.say(place.post(b"{}"))) == 200

    assert at_a_receiver(visit) == [CallbackIds()]


def test_a_slow_caller_is_cut_off() -> None:
    """Who sends a byte now and then, or nothing at all, is cut off when the time of one exchange is over."""

    async def visit(place: Place) -> None:
        silent = await place.dial()
        half = await place.dial()
        half[1].write(place.post(b"{}")[:-1])
        assert await silent[0].read() == b""
        assert await said_and_heard(*half) == b""
        silent[1].close()
        assert status(await place.say(place.post(b"{}"))) == 200

    assert at_a_receiver(visit, ServerLimits(exchange_s=1.0)) == [CallbackIds()]


def test_slow_callers_do_not_hold_up_a_quick_one() -> None:
    """While others say nothing, a whole call is answered."""

    async def visit(place: Place) -> None:
        silent = [await place.dial() for _ in range(5)]
        assert status(await place.say(place.post(b"{}"))) == 200
        for _, writer in silent:
            writer.close()

    assert at_a_receiver(visit, ServerLimits(exchange_s=PATIENCE_S)) == [CallbackIds()]


def test_one_connection_too_many_is_closed_at_once() -> None:
    """Above the most connections a new one is closed unheard; when an old one has ended, the next is served."""

    async def visit(place: Place) -> None:
        held = [await place.dial() for _ in range(3)]
        assert await place.say(place.post(b"{}")) == b""
        answer = await said_and_heard(*held.pop(), place.post(b"{}"))
        assert status(answer) == 200
        assert status(await place.say(place.post(b"{}"))) == 200
        for _, writer in held:
            writer.close()

    assert at_a_receiver(visit, ServerLimits(connections=3, exchange_s=PATIENCE_S)) == [CallbackIds()] * 2


def test_one_connection_is_one_call() -> None:
    """A second request on the same connection is not looked at."""

    async def visit(place: Place) -> None:
        answer = await place.say(place.post(b"{}") * 2)
        assert answer.count(b"HTTP/1.1") <= 1  # the reset for what is unread may overtake the answer

    assert len(at_a_receiver(visit)) == 1


def test_the_end_ends_every_connection() -> None:
    """When the receiver closes, open connections are cut and nobody is taken any more."""

    async def main() -> None:
        place = Place(ServerLimits(exchange_s=1000.0))
        await place.receiver.open("127.0.0.1", 0)
        reader, writer = await place.dial()
        await place.say(place.post(b"{}"))
        await place.receiver.aclose()
        async with asyncio.timeout(PATIENCE_S):
            assert await reader.read() == b""
        writer.close()
        with pytest.raises(OSError, match="Connect"):
            await place.dial()

    asyncio.run(main())


def test_each_receiver_has_its_own_path() -> None:
    """The path cannot be guessed, and stands below a public address where one is given."""
    first, second = (WebhookServer(lambda _: None) for _ in range(2))
    path = first.url("https://tunnel.example/x/").removeprefix("https://tunnel.example/x/")
    assert len(path) >= 32
    assert "/" not in path
    assert path not in second.url(None)
    assert path not in repr(first)


def test_a_place_that_cannot_be_had_is_said() -> None:
    """A taken port and a strange address are a ConfigError with the way on."""

    async def visit(place: Place) -> None:
        for host, port in (("127.0.0.1", place.receiver.port), ("127.0.0.1", 70000), ("192.0.2.1", 0)):
            with pytest.raises(ConfigError, match="port=0 takes a free one"):
                await WebhookServer(lambda _: None).open(host, port)

    at_a_receiver(visit)


def test_this_machine_is_known() -> None:
    """Loopback numbers and localhost are this machine, everything else is not."""
    assert all(is_on_this_machine(f"http://{host}/x") for host in ("127.0.0.1:80", "[::1]", "localhost"))
    assert not any(is_on_this_machine(f"https://{host}/x") for host in ("api.useapi.net", "10.0.0.1", "localhost.x"))
