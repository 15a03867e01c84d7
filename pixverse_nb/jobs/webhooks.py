"""Receive the vendor's webhooks on an unguessable path, and poll early when one names an open job.

The server answers 200 to any POST on its path and 404 to everything else. The content of a webhook is never trusted, so
a forged, repeated or late one causes at most one poll.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Self

from pixverse_nb.backends.base import CallbackIds
from pixverse_nb.config import is_loopback
from pixverse_nb.domain.requests import REPLY_MAX
from pixverse_nb.errors import ConfigError, LedgerError
from pixverse_nb.event_loop import EventLoopThread
from pixverse_nb.jobs import transitions
from pixverse_nb.jobs.engine import Engine

_PUBLIC_URL: Final = re.compile(rf"https?://[!-~]{{1,{REPLY_MAX - 72}}}")  # the secret path follows
_RESPONSE_HEADERS: Final = [(b"content-length", b"0"), (b"connection", b"close")]


class WebhookListener(AbstractContextManager["WebhookListener"]):
    """An open receiver of webhooks; a context manager that `close()` also ends.

    `url` is the address for the vendor. It contains a secret: anyone who has it can trigger polls (at most one in
    `poll_s`), nothing else. `received` counts the POSTs on it, `matched` those that named an open job.

    >>> with client.listen_webhooks(8080, public_url="https://my-tunnel.example"):  # doctest: +SKIP
    ...     client.create_frames("a.jpg", "b.jpg").result()
    """

    def __init__(self, engine: Engine, loop: EventLoopThread, *, public_url: str | None, vendor_url: str) -> None:
        if public_url is not None and not _PUBLIC_URL.fullmatch(public_url):
            raise ConfigError(f"public_url must be an http(s) address of at most {REPLY_MAX - 64} characters.")
        self._engine = engine
        self._loop = loop
        self._public_url = public_url
        self._trigger = PollTrigger(engine)
        self._server = WebhookServer(self._on_body)
        self._is_reachable = public_url is not None or is_loopback(vendor_url)
        self.is_closed = False
        self.port = 0
        self.received = 0
        self.matched = 0

    def open(self, host: str, port: int) -> Self:
        """Start listening. Raises ConfigError if the address is in use or does not exist."""
        self.port = self._loop.call(self._server.open(host, port))
        return self

    @property
    def url(self) -> str:
        """The address for the vendor, including the secret path."""
        return self._server.url(self._public_url)

    @property
    def reply_url(self) -> str | None:
        """The default `reply_url` of new jobs: `url`, or None if the vendor cannot reach it."""
        return self.url if self._is_reachable and not self.is_closed else None

    @property
    def polls(self) -> int:
        """The number of polls that webhooks have triggered."""
        return self._engine.webhook_polls

    def close(self) -> None:
        """Stop listening. The jobs continue; regular polling finds their results."""
        if not self.is_closed and not self._loop.is_closed:
            self._loop.call(self.aclose())

    async def aclose(self) -> None:
        """Do what `close()` does, from the client's own thread."""
        self.is_closed = True
        await self._server.aclose()

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        where = "closed" if self.is_closed else f"on port {self.port}"
        return f"<WebhookListener {where}: {self.received} received, {self.matched} matched, {self.polls} polls>"

    def _on_body(self, body: bytes, headers: Mapping[str, str]) -> None:
        self.received += 1
        backend = self._engine.backend
        if backend.signed_callbacks and not backend.verify_callback(body, headers):
            return
        ids = backend.parse_callback(body)
        self.matched += bool(ids) and self._trigger.poll_for(ids)


class PollTrigger:
    """Requests early polls for the open jobs that a webhook names; used on the engine's loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._forwarding: asyncio.Task[None] | None = None

    def poll_for(self, ids: CallbackIds) -> bool:
        """Poll soon if `ids` name a job that waits for a poll, at most once in `poll_s`; return whether they do."""
        waiting = [record for record in self._engine.open_records if transitions.needs_polling(record)]
        is_ours = any(record.owns_reply_ref(ref) for record in waiting for ref in ids.reply_refs)
        if not is_ours and ids.video_ids.isdisjoint(record.video_id for record in waiting):
            return False
        if self._engine.is_leader:
            self._engine.poll_soon()
        elif self._forwarding is None:
            self._forwarding = asyncio.get_running_loop().create_task(self._forward())
        return True

    async def _forward(self) -> None:
        """Ask the leading process to poll."""
        try:
            await self._engine.poll_now()
            await asyncio.sleep(self._engine.timing.poll_s)
        except LedgerError:
            return  # regular polling continues
        finally:
            self._forwarding = None


@dataclass(frozen=True)
class ServerLimits:
    """The limits of one HTTP exchange (bytes of its body, seconds in all) and of simultaneous connections."""

    body_bytes: int = 64 * 1024
    exchange_s: float = 5.0
    connections: int = 16


class WebhookServer:
    """An HTTP server that passes every POST on its secret path to `on_body`; belongs to one event loop.

    `on_body` gets the body and the headers, whose names are in lower case.
    """

    def __init__(
        self, on_body: Callable[[bytes, Mapping[str, str]], object], *, limits: ServerLimits | None = None
    ) -> None:
        self._on_body = on_body
        self._limits = limits or ServerLimits()
        self._secret = secrets.token_urlsafe(24)
        self._server: Any = None
        self._state: Any = None  # uvicorn's: the open connections and the requests in progress
        self._address = ""

    async def open(self, host: str, port: int) -> int:
        """Start listening and return the port (0 takes a free one). Raises ConfigError if that is impossible."""
        from uvicorn import Config  # takes 50 ms, and few programs listen
        from uvicorn.protocols.http.h11_impl import H11Protocol
        from uvicorn.server import ServerState

        server, limits = self, self._limits

        class LimitedProtocol(H11Protocol):
            """uvicorn's HTTP/1.1 protocol with one deadline for the whole exchange and no log."""

            def __init__(self, config: Config, state: ServerState) -> None:
                super().__init__(config, state, {})
                self.app = server._receive
                self.logger = logging.Logger("pixverse_nb.webhooks", logging.CRITICAL)  # anyone may send nonsense
                self.access_log = False

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
                super().connection_made(transport)
                self._deadline = self.loop.call_later(limits.exchange_s, transport.abort)
                if len(self.connections) > limits.connections:
                    transport.abort()

            def connection_lost(self, exc: Exception | None) -> None:
                self._deadline.cancel()
                super().connection_lost(exc)

        config = Config(self._receive, lifespan="off", ws="none", log_config=None, proxy_headers=False)
        self._state = state = ServerState()
        try:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: LimitedProtocol(config, state), host, port, backlog=32)
        except (OSError, OverflowError) as error:  # an unknown name, a port in use, a port above 65535
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(f"Cannot listen on {host} port {port} ({reason}). port=0 takes a free port.") from None
        taken: int = self._server.sockets[0].getsockname()[1]
        self._address = f"http://{f'[{host}]' if ':' in host else host}:{taken}"
        return taken

    async def aclose(self) -> None:
        """Stop listening and close every connection."""
        if self._server is not None:
            self._server.close()
            for connection in tuple(self._state.connections):
                connection.transport.abort()
            await asyncio.gather(*self._state.tasks, return_exceptions=True)

    def url(self, public_url: str | None) -> str:
        """Return the full address: on this machine, or below `public_url` if a tunnel or proxy forwards to it."""
        root = public_url.rstrip("/") if public_url else self._address
        return f"{root}/{self._secret}"

    async def _receive(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request: the ASGI application."""
        status, body = 404, b""
        path = scope["raw_path"].rpartition(b"/")[2]
        if scope["method"] == "POST" and secrets.compare_digest(path, self._secret.encode()):
            announced = int(dict(scope["headers"]).get(b"content-length", 0))
            status = 413 if announced > self._limits.body_bytes else 200
        has_more = status == 200
        while has_more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            has_more = message["more_body"]
            if len(body) > self._limits.body_bytes:
                status, has_more = 413, False
        await send({"type": "http.response.start", "status": status, "headers": _RESPONSE_HEADERS})
        await send({"type": "http.response.body"})
        if status == 200:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            asyncio.get_running_loop().call_soon(self._on_body, body, headers)
