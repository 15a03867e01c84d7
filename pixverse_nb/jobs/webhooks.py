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
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import h11

from pixverse_nb.backends.base import CallbackIds
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.domain.requests import REPLY_MAX
from pixverse_nb.errors import ConfigError, LedgerError
from pixverse_nb.event_loop import EventLoopThread
from pixverse_nb.jobs import transitions
from pixverse_nb.jobs.engine import Engine

_PIECE: Final = 16 * 1024
_NOT_OURS: Final = 404
_TOO_LARGE: Final = 413


@dataclass(frozen=True)
class ServerLimits:
    """What one caller may take: `body_bytes` of body, `head_bytes` of head, `exchange_s` for the whole exchange.

    At most `connections` are open at the same time; one more is closed at once.
    """

    body_bytes: int = 64 * 1024
    head_bytes: int = 16 * 1024
    exchange_s: float = 5.0
    connections: int = 16


class WebhookServer:
    """Hears POSTs on one secret path and calls `heard` with what each one names. It lives on one event loop."""

    def __init__(self, heard: Callable[[bytes], object], *, limits: ServerLimits | None = None) -> None:
        self._heard = heard
        self._limits = limits or ServerLimits()
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
            self._heard(body)

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
                if _content_length(event) > self._limits.body_bytes:
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


def _content_length(request: h11.Request) -> int:
    """Return the length that the head announces, 0 where it names none; h11 has checked that it is a number."""
    return next((int(value) for name, value in request.headers if name == b"content-length"), 0)


def is_on_this_machine(url: str) -> bool:
    """Tell whether an address leads to this machine, by number or as localhost."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_SECRET_LENGTH: Final = 64  # room for the secret path below a public address


class WebhookListener:
    """An open receiver of callbacks; a context manager, and `close()` ends it.

    `url` is what the vendor is to call. It holds a secret: whoever knows it can make this client ask the vendor's list
    (at most once in `poll_s`), and nothing else. What a callback says is never believed, only looked up.

    >>> with client.listen(8080, public_url="https://my-tunnel.example") as listener:  # doctest: +SKIP
    ...     client.create_frames("a.jpg", "b.jpg").result()
    """

    def __init__(self, engine: Engine, portal: EventLoopThread, *, public_url: str | None, vendor_url: str) -> None:
        if public_url is not None and not _is_address(public_url):
            raise ConfigError(
                f"public_url must be an http(s) address of at most {REPLY_MAX - _SECRET_LENGTH} characters, "
                f"not {public_url[:60]!r}"
            )
        pass  # an HTTP parser: loaded by who listens

        self._engine = engine
        self._portal = portal
        self._public_url = public_url
        self._hints = PollTrigger(engine)
        self._receiver = WebhookServer(self._heard)
        self._can_be_reached = public_url is not None or is_on_this_machine(vendor_url)
        self.is_closed = False
        self.hints = 0  # callbacks that named an open job of ours

    def open(self, host: str, port: int) -> Self:
        """Begin to listen; ConfigError where the place cannot be had."""
        self._portal.call(self._receiver.open(host, port))
        return self

    @property
    def url(self) -> str:
        """The address to be called, its secret path included."""
        return self._receiver.url(self._public_url)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._receiver.port

    @property
    def reply_url(self) -> str | None:
        """What `create_frames` sends where no `reply_url` is given: `url`, or None where the vendor cannot reach it."""
        return self.url if self._can_be_reached and not self.is_closed else None

    @property
    def heard(self) -> int:
        """How many callbacks came on the secret path, forged ones included."""
        return self._receiver.accepted

    @property
    def polls(self) -> int:
        """How many times the vendor's list was asked for because of a callback."""
        return self._engine.hinted_polls

    def close(self) -> None:
        """End the listening; the jobs go on, and their ends are found in the vendor's list."""
        if not self.is_closed and not self._portal.is_closed:
            self._portal.call(self.aclose())

    async def aclose(self) -> None:
        """As `close`, on the client's thread."""
        self.is_closed = True
        await self._receiver.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        where = "closed" if self.is_closed else f"on {self._receiver.host} port {self.port}"
        return f"<Listener {where}: {self.heard} callbacks heard, {self.hints} about open jobs, {self.polls} lists>"

    def _heard(self, body: bytes) -> None:
        named = self._engine.backend.parse_callback(body)
        if named and self._hints.take(named):
            self.hints += 1


def _is_address(url: str) -> bool:
    is_plain = url.isascii() and url.isprintable() and " " not in url
    return url.startswith(("https://", "http://")) and is_plain and len(url) <= REPLY_MAX - _SECRET_LENGTH


class PollTrigger:
    """Turns names into early looks at the list, never denser than `poll_s`; lives on the engine's loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._passing: asyncio.Task[None] | None = None

    def take(self, named: CallbackIds) -> bool:
        """Look soon where `named` is a job that waits for the list; tell whether it is."""
        open_jobs = [record for record in self._engine.open_records if transitions.needs_polling(record)]
        if not any(_is_named(record, named) for record in open_jobs):
            return False
        if self._engine.is_leader:
            self._engine.poll_soon()
        elif self._passing is None:
            self._passing = asyncio.get_running_loop().create_task(self._pass_on())
        return True

    async def _pass_on(self) -> None:
        """Ask the process that holds the seat, at most once in `poll_s`."""
        try:
            await self._engine.poll_now()
            await asyncio.sleep(self._engine.timing.poll_s)
        except LedgerError:
            return  # a hint only: the rhythm goes on
        finally:
            self._passing = None


def _is_named(record: JobRecord, named: CallbackIds) -> bool:
    return record.video_id in named.video_ids or any(map(record.owns_reply_ref, named.reply_refs))
