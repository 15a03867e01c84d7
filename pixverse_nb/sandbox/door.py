"""The control door over HTTP, for a sandbox in another process: see `faults` for the paths of the faults.

Beside the faults: `GET /_sandbox/state` (speed, now, armed faults, request counts, generations, leaks, notes) and
`POST /_sandbox/clock` {"speed": 50} and/or {"advance": 60} (seconds), `POST /_sandbox/switches` {"<name>": value},
`POST /_sandbox/credits` {"email": null, "daily": 0, "monthly": 100, "package": 0}.
"""

import asyncio
import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pixverse_nb.sandbox.control import Control
from pixverse_nb.sandbox.gate import Desk

HEADER = "X-Sandbox-Control"


def door_routes(desk: Desk, key: str) -> list[Route]:
    """Return the routes of the door; a call without the key in its header gets a 404."""
    control = Control(desk)

    def guarded(act: Callable[[Control, dict[str, Any], Request], Any]) -> Any:
        async def endpoint(request: Request) -> Response:
            if not secrets.compare_digest(request.headers.get(HEADER, "").encode(), key.encode()):
                return JSONResponse({"error": "Not found", "code": 404}, 404)
            try:
                body = json.loads(await request.body() or b"{}")
                # on a worker thread, because `advance` waits for this loop
                return JSONResponse(await asyncio.to_thread(act, control, body, request))
            except (TypeError, ValueError, KeyError) as error:
                return JSONResponse({"error": str(error), "code": 400}, 400)

        return endpoint

    return [
        Route("/_sandbox/faults", guarded(_arm), methods=["POST"]),
        Route("/_sandbox/faults", guarded(_armed), methods=["GET"]),
        Route("/_sandbox/faults", guarded(_disarm), methods=["DELETE"]),
        Route("/_sandbox/faults/{fault_id:int}", guarded(_disarm), methods=["DELETE"]),
        Route("/_sandbox/clock", guarded(_clock), methods=["POST"]),
        Route("/_sandbox/switches", guarded(_switch), methods=["POST"]),
        Route("/_sandbox/credits", guarded(_credits), methods=["POST"]),
        Route("/_sandbox/state", guarded(_state), methods=["GET"]),
    ]


def _arm(control: Control, body: dict[str, Any], _: Request) -> Any:
    return asdict(control.arm(body.pop("fault"), **body))


def _armed(control: Control, _body: dict[str, Any], _: Request) -> Any:
    return [asdict(one) for one in control.faults]


def _disarm(control: Control, _body: dict[str, Any], request: Request) -> Any:
    control.disarm(request.path_params.get("fault_id"))
    return _armed(control, {}, request)


def _clock(control: Control, body: dict[str, Any], _: Request) -> Any:
    if "speed" in body:
        control.speed = float(body["speed"])
    if "advance" in body:
        control.advance(float(body["advance"]))
    return {"speed": control.speed, "now": control.now()}


def _switch(control: Control, body: dict[str, Any], _: Request) -> Any:
    known = {one.name for one in fields(control.switches)}
    if strange := sorted(body.keys() - known):
        raise ValueError(f"there is no switch {', '.join(strange)}; there are {', '.join(sorted(known))}")
    for name, value in body.items():
        setattr(control.switches, name, tuple(value) if isinstance(value, list) else value)
    return asdict(control.switches)


def _credits(control: Control, body: dict[str, Any], _: Request) -> Any:
    email = body.pop("email", None)
    control.set_credits(email, **body)
    return {"balance": control.balance(email)}


def _state(control: Control, _body: dict[str, Any], _: Request) -> Any:
    return {
        "speed": control.speed,
        "now": control.now(),
        "faults": [asdict(one) for one in control.faults],
        "requests": control.requests,
        "generations": [asdict(one) for one in control.generations],
        "leaks": control.leaks,
        "notes": control.notes,
    }
