"""The sandbox as a Starlette application: API, description, media host, index page, and control over HTTP.

Control, for a sandbox in another process, is under /_sandbox and needs the header `X-Sandbox-Control: <key>`. The
faults are described in `faults`; the other calls are:

    GET  /_sandbox/state     speed, time, armed faults, request counts, generations, leaked credentials, log
    POST /_sandbox/clock     {"speed": 50} and/or {"advance": 60} (seconds)
    POST /_sandbox/settings  {"<name>": value}: attributes of `SandboxSettings`
    POST /_sandbox/credits   {"email": null, "daily": 0, "monthly": 100, "package": 0}
"""

import asyncio
import html
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from pixverse_nb.sandbox.control import Control
from pixverse_nb.sandbox.faults import ArmedFault
from pixverse_nb.sandbox.media_host import serve_media
from pixverse_nb.sandbox.middleware import AppState, error_response, with_auth_and_faults
from pixverse_nb.sandbox.openapi import describe_api
from pixverse_nb.sandbox.requests import ApiError
from pixverse_nb.sandbox.routes import ROUTES

BASE_PATH: Final = "/v2/pixverse"
CONTROL_HEADER: Final = "X-Sandbox-Control"

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>PixVerse sandbox</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
body {{ max-width: 44rem; margin: 3rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse }} td {{ padding: .15rem 1rem .15rem 0 }} code {{ font-size: .9em }}
</style></head><body>
<h1>PixVerse sandbox</h1>
<p>This is a local emulator of <code>api.useapi.net/v2/pixverse</code>. It takes two pictures and makes a video between
them. It costs nothing and sends nothing to other machines.</p>
<p>Base URL: <code>{base_url}</code>. Every call needs <code>Authorization: Bearer &lt;token&gt;</code>; the token was
shown to the person who started the sandbox.</p>
<table>{rows}</table>
<p>Videos and uploads are served under <code>/media/</code> without a token. <a href="/openapi.json">openapi.json</a>
describes every route and its fields.</p>
</body></html>
"""


def build_app(state: AppState, *, control_key: str) -> Starlette:
    """Return the application; `control_key` is the key that calls under /_sandbox must send."""
    api = [
        Route(f"{BASE_PATH}{route.path}{slash}", with_auth_and_faults(state, route.name, route.handler),
              methods=[route.method])
        for route in ROUTES
        for slash in ("", "/")
    ]  # fmt: skip

    async def media(request: Request) -> Response:
        return await serve_media(state, request)

    async def index(request: Request) -> Response:
        return HTMLResponse(_index_page(f"{state.simulator.origin}{BASE_PATH}"))

    async def description(request: Request) -> Response:
        return JSONResponse(describe_api(f"{state.simulator.origin}{BASE_PATH}"))

    async def error_as_json(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return error_response(ApiError(error.status_code, error.detail))
        return error_response(ApiError(500, "Internal server error"))

    app = Starlette(
        routes=[
            *api,
            Route("/media/{path:path}", media),
            Route("/", index),
            Route("/openapi.json", description),
            *_control_routes(state, control_key),
        ],
        exception_handlers={HTTPException: error_as_json},
    )
    app.router.redirect_slashes = False
    return app


def _index_page(base_url: str) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(route.method)}</td><td><code>{html.escape(route.path)}</code></td></tr>"
        for route in ROUTES
    )
    return _PAGE.format(base_url=html.escape(base_url), rows=rows)


Action = Callable[[Control, dict[str, Any], Request], Any]


def _control_routes(state: AppState, key: str) -> list[Route]:
    control = Control(state)

    def guarded(action: Action) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if not secrets.compare_digest(request.headers.get(CONTROL_HEADER, "").encode(), key.encode()):
                return JSONResponse({"error": "Not found", "code": 404}, 404)
            try:
                body = json.loads(await request.body() or b"{}")
                if not isinstance(body, dict):
                    raise ValueError("the body must be a JSON object")
                # in a thread, because `advance` waits for this event loop
                return JSONResponse(await asyncio.to_thread(action, control, body, request))
            except (ApiError, TypeError, ValueError, KeyError, RecursionError) as error:
                return JSONResponse({"error": str(error), "code": 400}, 400)

        return endpoint

    return [
        Route("/_sandbox/faults", guarded(_arm), methods=["POST"]),
        Route("/_sandbox/faults", guarded(_list_faults), methods=["GET"]),
        Route("/_sandbox/faults", guarded(_disarm), methods=["DELETE"]),
        Route("/_sandbox/faults/{fault_id:int}", guarded(_disarm), methods=["DELETE"]),
        Route("/_sandbox/clock", guarded(_set_clock), methods=["POST"]),
        Route("/_sandbox/settings", guarded(_change_settings), methods=["POST"]),
        Route("/_sandbox/credits", guarded(_set_credits), methods=["POST"]),
        Route("/_sandbox/state", guarded(_get_state), methods=["GET"]),
    ]


def _fault_json(fault: ArmedFault) -> dict[str, Any]:
    values = asdict(fault)
    values["struck"] = values.pop("times_fired")
    return values


def _arm(control: Control, body: dict[str, Any], _: Request) -> Any:
    return _fault_json(control.arm(body.pop("fault"), **body))


def _list_faults(control: Control, _body: dict[str, Any], _: Request) -> Any:
    return [_fault_json(one) for one in control.faults]


def _disarm(control: Control, _body: dict[str, Any], request: Request) -> Any:
    control.disarm(request.path_params.get("fault_id"))
    return _list_faults(control, {}, request)


def _set_clock(control: Control, body: dict[str, Any], _: Request) -> Any:
    if "speed" in body:
        control.speed = float(body["speed"])
    if "advance" in body:
        control.advance(float(body["advance"]))
    return {"speed": control.speed, "now": control.now()}


def _change_settings(control: Control, body: dict[str, Any], _: Request) -> Any:
    known = {one.name for one in fields(control.settings)}
    if unknown := sorted(body.keys() - known):
        raise ValueError(f"unknown setting {', '.join(unknown)}; the settings are {', '.join(sorted(known))}")
    for name, value in body.items():
        setattr(control.settings, name, tuple(value) if isinstance(value, list) else value)
    return asdict(control.settings)


def _set_credits(control: Control, body: dict[str, Any], _: Request) -> Any:
    email = body.pop("email", None)
    control.set_credits(email, **body)
    return {"balance": control.balance(email)}


def _get_state(control: Control, _body: dict[str, Any], request: Request) -> Any:
    return {
        "speed": control.speed,
        "now": control.now(),
        "faults": _list_faults(control, {}, request),
        "requests": control.requests,
        "generations": [asdict(one) for one in control.generations],
        "leaks": control.leaked_credentials,
        "notes": [str(entry) for entry in control.log],
    }
