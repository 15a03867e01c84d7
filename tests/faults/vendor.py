"""A hostile vendor: a real HTTP server in its own thread, which outlives every killed process.

Each account (`vendor.account("name")`) has its own base URL, state and behavior. The token of a caller ends in its
process id (`user:7-<pid>`), so that the vendor can kill or stop the caller at a chosen moment of the conversation.
`vendor.account("name@8")` is the account of user 8 at the base URL of "name"; without it, all users share one.
"""

import asyncio
import json
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from tests.faults.failpoints import Failpoints
from tests.faults.ledger_checks import BALANCE, PRICE, AccountState, Generation, VendorBehavior

FAULTS: Final = {
    "cut_before": "cuts the connection without looking at the call",
    "cut_after": "carries the call out and cuts the connection",
    "half": "carries the call out and cuts the connection in the middle of the answer",
    "late": "carries the call out and answers after `late_s`",
    "accept_lag": "cuts the connection and carries the call out `accept_lag_s` later",
    "error_before": "answers 500 without looking at the call",
    "error_after": "carries the call out and answers 500",
    "no_id": "carries the call out and answers 200 without an id",
    "busy": "answers 429",
    "never": "carries the call out and never answers",
}

TICK_S: Final = 0.02


class CutError(Exception):
    """The connection ends here."""


@dataclass
class Account:
    """One account at the vendor: its base URL, its state, and where its callers are killed."""

    base_url: str
    state: AccountState
    moments: Failpoints = field(default_factory=Failpoints)


class Vendor:
    """Serves all accounts from one thread; a context manager."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="hostile vendor")
        self._up = threading.Event()
        self._closing = asyncio.Event()
        self._looked_at = time.monotonic()
        self.earliest_arrival = self._looked_at  # nothing received now arrived before this
        self._server: asyncio.Server | None = None
        self.root = ""

    def account(self, name: str, behavior: VendorBehavior | None = None, *, seed: int = 1) -> Account:
        """Open an account."""
        account = Account(f"{self.root}/{name}", AccountState(behavior or VendorBehavior(), seed=seed))
        self._accounts[name] = account
        return account

    def __enter__(self) -> Self:
        self._thread.start()
        self._up.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    # -- the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        connections: set[asyncio.Task[None]] = set()

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = self._loop.create_task(self._handle_connection(reader, writer))
            connections.add(task)
            task.add_done_callback(connections.discard)

        self._server = await asyncio.start_server(begin, "127.0.0.1", 0)
        self.root = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self._tick()
        self._up.set()
        await self._closing.wait()
        self._server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def _tick(self) -> None:
        """Record regularly that this thread runs: if a busy machine delays it, its lags count from before the delay.

        They would be longer than promised otherwise, and the settle window depends on the promise.
        """
        self.earliest_arrival, self._looked_at = self._looked_at, time.monotonic()
        self.call_later(TICK_S, self._tick)

    async def _handle_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.rstrip().split("\r\n")
                method, target, _ = first.split(" ")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                parts = urlsplit(target)
                _, name, path = parts.path.split("/", 2)
                query = {key: values[0] for key, values in parse_qs(parts.query).items()}
                user = headers.get("authorization", "").partition(":")[2].partition("-")[0]
                account = self._accounts.get(f"{name}@{user}") or self._accounts[name]
                await _Exchange(self, account, writer, headers).answer(method, path, query, body)
        except (CutError, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def wait(self, seconds: float) -> None:
        """Wait for some seconds, or until the vendor closes."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return

    def call_later(self, seconds: float, act: Callable[[], object]) -> None:
        """Do something after some seconds."""
        self._loop.call_later(seconds, act)


@dataclass
class _Exchange:
    """One request and its answer."""

    vendor: Vendor
    account: Account
    writer: asyncio.StreamWriter
    headers: dict[str, str]

    async def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> None:
        """Answer, or fail to."""
        state, moments = self.account.state, self.account.moments
        if path.startswith("media/"):
            await self._media(int(path.removeprefix("media/").removesuffix(".mp4")))
        elif method == "POST" and path == "files/":
            moments.reached("upload_received", self._caller())
            state.uploads += 1
            await self._reply(200, {"result": [{"id": state.uploads, "path": f"upload/{zlib.crc32(body):x}.png"}]})
        elif method == "POST" and path.startswith("videos/"):
            fields = json.loads(body)
            if fields.get("quote"):  # answers the price and makes nothing
                await self._reply(200, {"quote": True, "cost_credits": PRICE})
            else:
                await self._create(fields)
        elif path == "accounts":
            await self._reply(200, {"videos@example.org": {"maxJobs": 8}})
        elif path == "features/" and state.behavior.reports_balance:
            left = BALANCE - PRICE * len(state.generations)
            await self._reply(200, {"credit_daily": 0, "credit_monthly": left, "credit_package": 0})
        else:
            await self._read(path, query)

    async def _create(self, body: dict[str, Any]) -> None:
        state, moments, caller = self.account.state, self.account.moments, self._caller()
        state.creates += 1
        moments.reached("create_received", caller)
        fault = state.draw_fault()
        if fault == "cut_before":
            raise CutError
        if fault == "accept_lag":
            promised_at = self.vendor.earliest_arrival + state.chance.uniform(*state.behavior.accept_lag_s)
            left_s = promised_at - time.monotonic()
            self.vendor.call_later(left_s, lambda: self._accept(body, caller, promised_at=promised_at))
            raise CutError
        if fault == "error_before":
            await self._reply(500, {"error": "Internal error"})
            return
        if fault == "busy":
            await self._reply(429, {"error": "Reached the limit for concurrent generations."})
            return
        generation = self._accept(body, caller, promised_at=self.vendor.earliest_arrival)
        moments.reached("create_accepted", caller)
        if fault == "cut_after":
            raise CutError
        if fault in ("late", "never"):
            await self.vendor.wait(state.behavior.late_s if fault == "late" else 3600.0)
        if fault == "error_after":
            await self._reply(500, {"error": "Internal error"})
            return
        if fault == "no_id":
            await self._reply(200, {"status": "ok"})
            return
        await self._reply(
            200, {"video_id": generation.video_id}, half_at="create_half_answered", is_half=fault == "half"
        )
        moments.reached("create_answered", caller)

    def _accept(self, body: dict[str, Any], caller: int, *, promised_at: float) -> Generation:
        now, wall = time.monotonic(), time.time()
        generation = self.account.state.accept(body, now=now, promised_at=promised_at, wall=wall, sender=caller)
        self.account.moments.accepted()
        return generation

    async def _read(self, path: str, query: dict[str, str]) -> None:
        state, caller = self.account.state, self._caller()
        if path == "videos/":
            self.account.moments.reached("list_requested", caller)
        # earlier requests are handled first, so that lags stay below what was promised
        await self.vendor.wait(0.02)
        is_half = False
        if state.chance.random() < state.behavior.read_failure_rate:
            how = state.chance.choice(("cut", "half", "error"))
            if how == "cut":
                raise CutError
            if how == "error":
                await self._reply(500, {"error": "Internal error"})
                return
            is_half = True
        now = time.monotonic()
        if path == "videos/":
            rows = state.rows(now=now, limit=int(query.get("limit", 40)), offset=int(query.get("offset", 0)))
            await self._reply(200, {"data": rows}, half_at="list_half_answered", is_half=is_half)
        elif path == "scheduler/":
            await self._reply(200, state.running(now=now), is_half=is_half)
        else:
            generation = next((one for one in state.generations if path == f"videos/{one.video_id}"), None)
            if generation is None or now < generation.due_at:
                await self._reply(404, {"error": "Not found"})
            else:
                await self._reply(200, state.row(generation, now=now), is_half=is_half)

    async def _media(self, number: int) -> None:
        state, moments = self.account.state, self.account.moments
        state.leaks.extend(name for name in ("authorization", "cookie") if name in self.headers)
        is_half = state.chance.random() < state.behavior.read_failure_rate
        content = state.generations[number - 1].content
        half_at = "video_half_sent"
        await self._send(200, content, "video/mp4", half_at=half_at, is_half=is_half, caller=moments.last_caller)

    async def _reply(self, status: int, body: object, *, half_at: str = "", is_half: bool = False) -> None:
        text = json.dumps(body).replace("{media}", f"{self.account.base_url}/media")
        kind = "application/json"
        await self._send(status, text.encode(), kind, half_at=half_at, is_half=is_half, caller=self._caller())

    async def _send(
        self, status: int, data: bytes, kind: str, *, half_at: str = "", is_half: bool = False, caller: int
    ) -> None:
        head = f"HTTP/1.1 {status} Said\r\ncontent-type: {kind}\r\ncontent-length: {len(data)}\r\n\r\n".encode()
        middle = len(data) // 2
        self.writer.write(head + data[:middle])
        await self.writer.drain()
        if half_at:
            self.account.moments.reached(half_at, caller)
        if is_half:
            raise CutError
        self.writer.write(data[middle:])
        await self.writer.drain()

    def _caller(self) -> int:
        return int(self.headers["authorization"].rpartition("-")[2])
