"""The sandbox as a running server on this machine's loopback address."""

import asyncio
import contextlib
import os
import re
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn

from pixverse_nb.sandbox.accounts import Account
from pixverse_nb.sandbox.app import BASE_PATH, build_app
from pixverse_nb.sandbox.clock import Clock
from pixverse_nb.sandbox.connections import Connections
from pixverse_nb.sandbox.control import Control
from pixverse_nb.sandbox.gate import Desk
from pixverse_nb.sandbox.stage import Renderer, Stage
from pixverse_nb.sandbox.world import World

HOST = "127.0.0.1"
DEFAULT_ACCOUNT = "sandbox@example.com"


class Sandbox:
    """A local PixVerse service: a real HTTP server that follows the vendor's API and makes real films.

    `port` 0 takes a free one; `token` None makes a random one; `speed` is how many times faster than life it runs
    (0: time moves only by `control.advance`); `folder` keeps jobs and files over a restart and may be shared (None: a
    temporary one);
    `accounts` are `Account`s or e-mails; `render` replaces the film maker (`stage.Renderer`), for tests.

    >>> with Sandbox(speed=50) as box:                      # doctest: +SKIP
    ...     print(box.base_url)
    http://127.0.0.1:40123/v2/pixverse
    """

    def __init__(
        self,
        port: int = 0,
        token: str | None = None,
        speed: float = 1.0,
        folder: str | os.PathLike[str] | None = None,
        accounts: Iterable[Account | str] | None = None,
        render: Renderer | None = None,
    ) -> None:
        self.token = token or f"user:1001-{secrets.token_urlsafe(18)}"
        self.control_key = secrets.token_urlsafe(18)
        self._port = port
        user = re.match(r"user:(\d+)-", self.token)
        given = (DEFAULT_ACCOUNT,) if accounts is None else accounts
        world = World(
            [Account(one) if isinstance(one, str) else one for one in given],
            user=user[1] if user else "1001",
            first_number=secrets.randbelow(800_000_000) + 100_000_000,  # never that of another sandbox's job
        )
        home = Path(folder) if folder is not None else None
        self._stage = Stage(world, Clock(speed=speed), folder=home, render=render)
        self._connections = Connections()
        self._desk = Desk(self._stage, self.token, self._connections)
        self.control = Control(self._desk)
        self._thread: threading.Thread | None = None
        self._server: _Server | None = None

    def start(self) -> Self:
        """Start serving on a thread of its own and return when it answers; OSError where the port is taken."""
        if self._thread is not None:
            return self
        if self._stage.closed:
            raise RuntimeError("a sandbox that was stopped is not started again: make another one")
        # the protocol is named because asyncio sets TCP_NODELAY only then; without it each answer takes 40 ms
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if os.name == "posix":  # elsewhere it lets two servers take one port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((HOST, self._port))
        except OSError:
            listener.close()
            raise
        self._port = listener.getsockname()[1]
        self._stage.open(f"http://{HOST}:{self._port}")
        config = uvicorn.Config(
            build_app(self._desk, control_key=self.control_key),
            http=self._connections.protocol(),
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(
            target=asyncio.run, args=(self._serve(self._server, listener),), name="pixverse-sandbox", daemon=True
        )
        self._thread.start()
        self._server.ready.wait()
        if not self._server.started:
            self._thread.join()
            raise RuntimeError("the sandbox's server did not start")
        return self

    def stop(self) -> None:
        """Stop serving and return when everything is closed; a second call does nothing."""
        if self._thread is not None and self._server is not None:
            self._stage.closed = True
            self._stage.wake()
            self._server.end()
            self._thread.join()
            self._thread = None

    async def _serve(self, server: "_Server", listener: socket.socket) -> None:
        moving = asyncio.create_task(self._stage.run())
        try:
            await server.serve(sockets=[listener])
        finally:
            server.ready.set()
            for task in self._desk.late:
                task.cancel()
            await self._stage.close()
            await moving

    @property
    def base_url(self) -> str:
        """The base URL for clients; known once started."""
        return f"{self._stage.origin}{BASE_PATH}"

    @property
    def port(self) -> int:
        """The port; known once started."""
        return self._port

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"Sandbox({self.base_url if self._stage.origin else 'not started'})"


class _Server(uvicorn.Server):
    """A uvicorn server that tells when it answers and can be ended from another thread."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._ended = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def end(self) -> None:
        """Stop serving, from any thread."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._ended.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """As uvicorn's, but it ends at once and not at its next tick."""
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), 0.1)


def serve(
    port: int = 0,
    token: str | None = None,
    speed: float = 1.0,
    folder: str | os.PathLike[str] | None = None,
    *,
    on_ready: Callable[[Sandbox], None] | None = None,
    until: threading.Event | None = None,
) -> None:
    """Serve until Ctrl+C, SIGTERM, or until `until` is set; `on_ready(box)` is called once, when it answers.

    Prints nothing. The arguments are those of `Sandbox`; OSError where the port is taken.
    """
    ended = until or threading.Event()
    with Sandbox(port=port, token=token, speed=speed, folder=folder) as box, _on_sigterm(ended):
        if on_ready is not None:
            on_ready(box)
        with contextlib.suppress(KeyboardInterrupt):
            ended.wait()


@contextlib.contextmanager
def _on_sigterm(ended: threading.Event) -> Iterator[None]:
    """Let SIGTERM set `ended`, so that temporary folders are cleared; on other than the main thread, do nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
