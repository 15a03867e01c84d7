"""The sandbox's HTTP side as one Starlette application."""

from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from pixverse_nb.sandbox import api, slots
from pixverse_nb.sandbox.door import door_routes
from pixverse_nb.sandbox.gate import Desk, Handler, gated, refusal
from pixverse_nb.sandbox.media_host import serve_media
from pixverse_nb.sandbox.orders import Refused
from pixverse_nb.sandbox.page import page_html

BASE_PATH: Final = "/v2/pixverse"

# name (as in control.requests and in faults), method, path, handler
ROUTES: Final[tuple[tuple[str, str, str, Handler], ...]] = (
    ("files", "POST", "/files", api.upload),
    *((name, "POST", f"/videos/{name}", handler) for name, handler in api.CREATES.items()),
    ("videos", "GET", "/videos", api.list_videos),
    ("video", "GET", "/videos/{video_id}", api.get_video),
    ("video-delete", "DELETE", "/videos/{video_id}", api.delete_video),
    ("scheduler", "GET", "/scheduler", slots.scheduler),
    ("scheduler-available", "GET", "/scheduler/available", slots.scheduler_available),
    ("scheduler-delete", "DELETE", "/scheduler/{video_id}", slots.scheduler_delete),
    ("features", "GET", "/features", api.features),
    ("accounts", "GET", "/accounts", slots.accounts),
    ("account", "GET", "/accounts/{email}", slots.account),
    ("account-post", "POST", "/accounts/{email}", slots.account_post),
    ("account-delete", "DELETE", "/accounts/{email}", slots.account_delete),
)


def build_app(desk: Desk, *, control_key: str) -> Starlette:
    """Return the application that answers for `desk`."""
    routes = [
        Route(f"{BASE_PATH}{path}{slash}", gated(desk, name, handler), methods=[method])
        for name, method, path, handler in ROUTES
        for slash in ("", "/")
    ]

    async def media(request: Request) -> Response:
        return await serve_media(desk, request)

    async def page(request: Request) -> Response:
        base_url = f"{desk.stage.origin}{BASE_PATH}"
        return HTMLResponse(page_html(base_url, [(method, path) for _, method, path, _ in ROUTES]))

    async def in_json(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return refusal(Refused(status, error.detail if isinstance(error, HTTPException) else "Internal server error"))

    app = Starlette(
        routes=[
            *routes,
            Route("/media/{path:path}", media),
            Route("/", page),
            *door_routes(desk, control_key),
        ],
        exception_handlers={HTTPException: in_json},
    )
    app.router.redirect_slashes = False
    return app
