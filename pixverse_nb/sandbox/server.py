"""The sandbox as a running server on the loopback address."""

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

from pixverse_nb.sandbox.app import BASE_PATH, build_app
from pixverse_nb.sandbox.clock import Clock
from pixverse_nb.sandbox.control import Control
from pixverse_nb.sandbox.middleware import AppState
from pixverse_nb.sandbox.simulation import Renderer, Simulator
from pixverse_nb.sandbox.state import Account, ServerState

HOST = "127.0.0.1"
DEFAULT_ACCOUNT = "sandbox@example.com"


class Sandbox:
    """A local PixVerse service: an HTTP server that follows the vendor's API and renders real videos.

    `port` 0 takes a free port; `token` None creates a random one. `speed` is virtual seconds per real second; at 0 time
    moves only by `control.advance`. `folder` keeps jobs and files across restarts and may be shared by several
    sandboxes (None: a temporary folder). `accounts` are `Account`s or e-mails. `render` replaces the renderer in tests.

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
        state = ServerState(
            [Account(one) if isinstance(one, str) else one for one in given],
            user=user[1] if user else "1001",
            first_number=secrets.randbelow(800_000_000) + 100_000_000,  # so that two sandboxes share no video_id
        )
        home = Path(folder) if folder is not None else None
        self._simulator = Simulator(state, Clock(speed=speed), folder=home, render=render)
        self._app = AppState(self._simulator, self.token)
        self.control = Control(self._app)
        self._thread: threading.Thread | None = None
        self._server: _Server | None = None

    def start(self) -> Self:
        """Start serving on a separate thread and return once it answers.

        Raises OSError if the port is in use and RuntimeError if this sandbox was stopped before.
        """
        if self._thread is not None:
            return self
        if self._simulator.is_closed:
            raise RuntimeError("a stopped sandbox cannot be started again; create a new Sandbox")
        # IPPROTO_TCP is given because asyncio sets TCP_NODELAY only then; without it each answer takes 40 ms
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if os.name == "posix":  # on Windows it would let two servers share a port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((HOST, self._port))
        except OSError:
            listener.close()
            raise
        self._port = listener.getsockname()[1]
        self._simulator.open(f"http://{HOST}:{self._port}")
        config = uvicorn.Config(
            build_app(self._app, control_key=self.control_key),
            http=self._app.connections.protocol_class(),
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
            target=self._run, args=(self._server, listener), name="pixverse-sandbox", daemon=True
        )
        self._thread.start()
        self._server.ready.wait()
        if not self._server.started:
            self._thread.join()
            raise RuntimeError("the sandbox's server did not start")
        return self

    def stop(self) -> None:
        """Stop serving and return when everything is closed. Does nothing if the sandbox is not running."""
        if self._thread is not None and self._server is not None:
            self._simulator.is_closed = True
            self._simulator.wake()
            self._server.request_exit()
            self._thread.join()
            self._thread = None

    def _run(self, server: "_Server", listener: socket.socket) -> None:
        try:
            asyncio.run(self._serve(server, listener))
        except RuntimeError:
            if threading.main_thread().is_alive():
                raise
            # the interpreter is ending: since Python 3.12 asyncio cannot start the thread that ends its own pool

    async def _serve(self, server: "_Server", listener: socket.socket) -> None:
        simulation = asyncio.create_task(self._simulator.run())
        try:
            await server.serve(sockets=[listener])
        finally:
            server.ready.set()
            for task in self._app.delayed_calls:
                task.cancel()
            await self._simulator.close()
            await simulation

    @property
    def base_url(self) -> str:
        """The base URL for clients, once started."""
        return f"{self._simulator.origin}{BASE_PATH}"

    @property
    def port(self) -> int:
        """The port, once started."""
        return self._port

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"Sandbox({self.base_url if self._simulator.origin else 'not started'})"


class _Server(uvicorn.Server):
    """A uvicorn server that signals when it is ready and can be stopped from another thread."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._exit_requested = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def request_exit(self) -> None:
        """Stop serving, from any thread."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._exit_requested.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Run like uvicorn's loop, but end at once instead of at the next tick."""
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._exit_requested.wait(), 0.1)


def serve(
    port: int = 0,
    token: str | None = None,
    speed: float = 1.0,
    folder: str | os.PathLike[str] | None = None,
    *,
    on_ready: Callable[[Sandbox], None] | None = None,
    until: threading.Event | None = None,
) -> None:
    """Serve until Ctrl+C, SIGTERM, or until `until` is set. `on_ready(box)` is called once the server answers.

    Prints nothing. The other arguments are those of `Sandbox`. Raises OSError if the port is in use.
    """
    ended = until or threading.Event()
    with Sandbox(port=port, token=token, speed=speed, folder=folder) as box, _on_sigterm(ended):
        if on_ready is not None:
            on_ready(box)
        with contextlib.suppress(KeyboardInterrupt):
            ended.wait()


@contextlib.contextmanager
def _on_sigterm(ended: threading.Event) -> Iterator[None]:
    """Make SIGTERM set `ended`, so that temporary folders are removed. Does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
