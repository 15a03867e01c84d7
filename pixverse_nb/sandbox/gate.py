"""The way of every vendor call: counted, perhaps struck by a fault, its token checked, answered as the vendor does."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from pixverse_nb.sandbox.connections import Connections, HangUp
from pixverse_nb.sandbox.orders import Refused
from pixverse_nb.sandbox.stage import Stage

PROXY_PAGE = (
    "<html><head><title>{0} Bad Gateway</title></head><body><center><h1>{0} Bad Gateway</h1></center></body></html>"
)


@dataclass(frozen=True)
class Reply:
    """What a handler answers: a status and a JSON body."""

    status: int
    body: Any


@dataclass
class Desk:
    """Everything a handler may use, and what is counted for audits."""

    stage: Stage
    token: str
    connections: Connections
    requests: Counter[str] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)
    late: set[asyncio.Task[None]] = field(default_factory=set)

    def strike(self, fault: str, route: str) -> dict[str, Any] | None:
        """Return the options of `fault` if it strikes this call of `route`."""
        with self.stage.lock:
            return self.stage.faults.strike(fault, route)


Handler = Callable[[Desk, str, Request], Awaitable[Reply]]


def gated(desk: Desk, route: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that brings calls of `route` to `handler`."""

    async def endpoint(request: Request) -> Response:
        with desk.stage.lock:
            desk.requests[route] += 1
        struck = await _before(desk, route, handler, request)
        if struck is not None:
            return struck
        try:
            reply = await _handled(desk, route, handler, request)
        except Refused as refused:
            return refusal(refused)
        return await _after(desk, route, reply)

    return endpoint


def refusal(refused: Refused) -> Response:
    """Return the vendor's error body for `refused`."""
    headers = {} if refused.retry_after_s is None else {"Retry-After": str(refused.retry_after_s)}
    return JSONResponse({"error": refused.text, "code": refused.status}, refused.status, headers)


def _check_access(desk: Desk, request: Request) -> None:
    if request.headers.get("authorization") != f"Bearer {desk.token}":
        raise Refused(401, "Unauthorized")
    if not desk.stage.world.switches.subscribed:
        raise Refused(402, "Account has no subscription or subscription expired")


async def _handled(desk: Desk, route: str, handler: Handler, request: Request) -> Reply:
    _check_access(desk, request)
    desk.stage.refresh()
    desk.stage.step()
    reply = await handler(desk, route, request)
    desk.stage.step()
    desk.stage.announce()
    return reply


async def _before(desk: Desk, route: str, handler: Handler, request: Request) -> Response | None:
    """Let the faults strike that come before the call is looked at."""
    if desk.strike("drop_before", route) is not None:
        return HangUp(desk.connections)
    if (late := desk.strike("accept_lag", route)) is not None:
        await request.body()
        task = asyncio.ensure_future(_accept_later(desk, route, handler, request, late["lag_s"]))
        desk.late.add(task)
        task.add_done_callback(desk.late.discard)
        return HangUp(desk.connections)
    if (error := desk.strike("error_before", route)) is not None:
        return _server_error(error["status"])
    if (busy := desk.strike("busy", route)) is not None:
        return refusal(Refused(429, _busy_text(desk, busy["kind"]), retry_after_s=busy["retry_after_s"]))
    if (gone := desk.strike("account_gone", route)) is not None:
        with desk.stage.lock:
            accounts = desk.stage.world.accounts
            accounts.pop(gone["email"] or next(iter(accounts), ""), None)
    if (page := desk.strike("html_error", route)) is not None:
        if page["accepted"]:
            await _quietly(desk, route, handler, request)
        return HTMLResponse(PROXY_PAGE.format(page["status"]), page["status"])
    return None


async def _after(desk: Desk, route: str, reply: Reply) -> Response:
    """Let the faults strike that come after the call was carried out, else answer."""
    if desk.strike("lost_answer", route) is not None:
        return HangUp(desk.connections)
    if (error := desk.strike("error_after", route)) is not None:
        return _server_error(error["status"])
    if (late := desk.strike("late_answer", route)) is not None:
        await desk.stage.wait_for(late["delay_s"])
    return JSONResponse(reply.body, reply.status) if reply.status != 204 else Response(status_code=204)


async def _accept_later(desk: Desk, route: str, handler: Handler, request: Request, lag_s: float) -> None:
    await desk.stage.wait_for(lag_s)
    if not desk.stage.closed:
        await _quietly(desk, route, handler, request)


async def _quietly(desk: Desk, route: str, handler: Handler, request: Request) -> None:
    """Carry the call out, and let nobody hear the answer."""
    try:
        await _handled(desk, route, handler, request)
    except Refused:
        return


def _server_error(status: int) -> Response:
    return JSONResponse({"error": "Internal server error", "code": status}, status)


def _busy_text(desk: Desk, kind: str) -> str:
    account = next(iter(desk.stage.world.accounts.values()), None)
    texts: Mapping[str, str] = {
        "plan": "Reached the limit for concurrent generations.",
        "all": "All configured accounts are running at maximum capacity.",
        "account": f"Account {account.email if account else ''} is busy executing "
        f"{account.max_jobs if account else 0} tasks.",
    }
    return texts[kind]
