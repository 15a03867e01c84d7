"""What happens to every API call before and after its handler: counting, faults, authorization, error answers."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from pixverse_nb.sandbox.requests import QUOTING_OPERATIONS, ApiError
from pixverse_nb.sandbox.simulation import ALL_BUSY, PLAN_BUSY, Simulator, account_busy

PROXY_PAGE = (
    "<html><head><title>{0} Bad Gateway</title></head><body><center><h1>{0} Bad Gateway</h1></center></body></html>"
)


class ConnectionTracker:
    """The open TCP connections by the client's address, so that a fault can close one or send raw bytes on it."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol_class(self) -> type[H11Protocol]:
        """Return a uvicorn protocol class that registers its connections here."""
        connections = self._open

        class TrackedProtocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
                connections[transport.get_extra_info("peername")] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                connections.pop(self.transport.get_extra_info("peername"), None)
                super().connection_lost(exc)

        return TrackedProtocol

    def transport_of(self, scope: Scope) -> asyncio.Transport:
        """Return the connection on which a request arrived."""
        host, port = scope["client"]
        return self._open[host, port]


class HangUpResponse(Response):
    """Writes `raw` (nothing, or a head and part of a body) and closes the connection instead of answering."""

    def __init__(self, connections: ConnectionTracker, raw: bytes = b"") -> None:
        super().__init__()
        self._connections = connections
        self._raw = raw

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the connection, and wait until uvicorn has noticed, so that it does not send an error of its own."""
        transport = self._connections.transport_of(scope)
        if self._raw:
            transport.write(self._raw)
            transport.close()
        else:
            transport.abort()
        message: Any = {}
        while message.get("type") != "http.disconnect":
            message = await receive()


@dataclass
class AppState:
    """What the handlers share, and what is counted for audits."""

    simulator: Simulator
    token: str
    connections: ConnectionTracker = field(default_factory=ConnectionTracker)
    request_counts: Counter[str] = field(default_factory=Counter)
    leaked_credentials: list[str] = field(default_factory=list)
    delayed_calls: set[asyncio.Task[None]] = field(default_factory=set)

    def trigger_fault(self, fault: str, route: str) -> dict[str, Any] | None:
        """Return the options of `fault` if it fires for this call to `route`, otherwise None."""
        with self.simulator.lock:
            return self.simulator.faults.trigger(fault, route)


@dataclass(frozen=True)
class ApiCall:
    """One call to an API route. `route` is the route's name, `params` holds the values of its declared fields.

    `counts_as` is the name under which it is counted and gets its faults, if that is another one.
    """

    app: AppState
    route: str
    request: Request
    params: Mapping[str, Any] = field(default_factory=dict)
    counts_as: str = ""

    @property
    def simulator(self) -> Simulator:
        """The simulator behind the API."""
        return self.app.simulator

    def trigger_fault(self, fault: str) -> dict[str, Any] | None:
        """Return the options of `fault` if it fires for this call, otherwise None."""
        return self.app.trigger_fault(fault, self.counts_as or self.route)

    async def read_body(self) -> Mapping[str, Any]:
        """Return the fields of a JSON or multipart body; raise ApiError(400) if it is neither."""
        try:
            body = await self._parse_body()
            json.dumps(body, ensure_ascii=False).encode()  # fails on half a surrogate pair, which no answer can contain
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise ApiError(400, "The body must be a JSON object or multipart/form-data")
        return body

    async def _parse_body(self) -> Any:
        media_type = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "multipart/form-data":
            return json.loads(await self.request.body())
        async with self.request.form() as form:
            if any(isinstance(value, UploadFile) for value in form.values()):
                raise ApiError(400, "Files are sent to POST /files, as raw bytes")
            return dict(form)


@dataclass(frozen=True)
class ApiReply:
    """A handler's answer: the HTTP status, the JSON body (None for 204), and the address of a redirect."""

    status: int
    body: Any
    location: str | None = None


QUOTE: Final = "quote"  # the name of a call that asks only for the price

Handler = Callable[[ApiCall], Awaitable[ApiReply]]


def with_auth_and_faults(app: AppState, route: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Return a Starlette endpoint that runs `handler` for calls to `route`, with authorization and armed faults."""

    async def endpoint(request: Request) -> Response:
        call = ApiCall(app, route, request)
        if route in QUOTING_OPERATIONS and await _is_quote(call):
            call = ApiCall(app, route, request, counts_as=QUOTE)
        with app.simulator.lock:
            app.request_counts[call.counts_as or route] += 1
        early = await _apply_early_faults(call, handler)
        if early is not None:
            return early
        try:
            reply = await _execute(call, handler)
        except ApiError as error:
            return error_response(error)
        return await _respond(call, reply)

    return endpoint


def error_response(error: ApiError) -> Response:
    """Return `error` in the vendor's form."""
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    return JSONResponse({"error": error.message, "code": error.status}, error.status, headers)


async def _is_quote(call: ApiCall) -> bool:
    """Return whether a call asks only for the price, which makes and costs nothing."""
    try:
        return (await call.read_body()).get("quote") in (True, "true")
    except ApiError:
        return False


async def _execute(call: ApiCall, handler: Handler) -> ApiReply:
    if call.request.headers.get("authorization") != f"Bearer {call.app.token}":
        raise ApiError(401, "Unauthorized")
    if not call.simulator.state.settings.subscribed:
        raise ApiError(402, "Account has no subscription or subscription expired")
    call.simulator.load_changes()
    call.simulator.step()
    reply = await handler(call)
    call.simulator.step()
    call.simulator.notify_changed()
    return reply


async def _apply_early_faults(call: ApiCall, handler: Handler) -> Response | None:
    """Apply the faults that fire before the request is handled; return the answer if there is one already."""
    if call.trigger_fault("drop_before") is not None:
        return HangUpResponse(call.app.connections)
    if (lag := call.trigger_fault("accept_lag")) is not None:
        await call.request.body()  # it cannot be read once the connection is closed
        task = asyncio.ensure_future(_execute_later(call, handler, lag["lag_s"]))
        call.app.delayed_calls.add(task)
        task.add_done_callback(call.app.delayed_calls.discard)
        return HangUpResponse(call.app.connections)
    if (failure := call.trigger_fault("error_before")) is not None:
        return _server_error(failure["status"])
    if (busy := call.trigger_fault("busy")) is not None:
        return error_response(ApiError(429, _busy_message(call, busy["kind"]), retry_after_s=busy["retry_after_s"]))
    if (gone := call.trigger_fault("account_gone")) is not None:
        with call.simulator.lock:
            accounts = call.simulator.state.accounts
            accounts.pop(gone["email"] or next(iter(accounts), ""), None)
    if (page := call.trigger_fault("html_error")) is not None:
        if page["accepted"]:
            await _execute_silently(call, handler)
        return HTMLResponse(PROXY_PAGE.format(page["status"]), page["status"])
    return None


async def _respond(call: ApiCall, reply: ApiReply) -> Response:
    """Return `reply`, or what the faults that fire after the handler make of it."""
    if call.trigger_fault("lost_answer") is not None:
        return HangUpResponse(call.app.connections)
    if (failure := call.trigger_fault("error_after")) is not None:
        return _server_error(failure["status"])
    if (late := call.trigger_fault("late_answer")) is not None:
        await call.simulator.sleep(late["delay_s"])
    headers = {"Location": reply.location} if reply.location is not None else None
    return Response(status_code=204) if reply.status == 204 else JSONResponse(reply.body, reply.status, headers)


async def _execute_later(call: ApiCall, handler: Handler, lag_s: float) -> None:
    await call.simulator.sleep(lag_s)
    if not call.simulator.is_closed:
        await _execute_silently(call, handler)


async def _execute_silently(call: ApiCall, handler: Handler) -> None:
    """Execute the call and discard its answer."""
    try:
        await _execute(call, handler)
    except ApiError:
        return


def _server_error(status: int) -> Response:
    return error_response(ApiError(status, "Internal server error"))


def _busy_message(call: ApiCall, kind: str) -> str:
    account = next(iter(call.simulator.state.accounts.values()), None)
    messages = {
        "plan": PLAN_BUSY,
        "all": ALL_BUSY,
        "account": account_busy(account.email if account else "", account.max_jobs if account else 0),
    }
    return messages[kind]
