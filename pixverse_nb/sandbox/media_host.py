"""The media host: videos and uploads under /media/<path with %2F>, with Range requests and without credentials."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from pixverse_nb.sandbox.middleware import AppState, HangUpResponse

ROUTE: Final = "media"
_MEDIA_TYPES: Final = {
    "mp4": "video/mp4",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
}
_GARBAGE: Final = b"this is not a video\n" * 4000


async def serve_media(app: AppState, request: Request) -> Response:
    """Answer one request. A credential in it is refused with 400 and noted in `app.leaked_credentials`."""
    with app.simulator.lock:
        app.request_counts[ROUTE] += 1
    for name in ("authorization", "cookie", "api-key"):
        if name in request.headers:
            app.leaked_credentials.append(name)
            return PlainTextResponse(f"a credential ({name}) was sent to the media host", 400)
    if app.trigger_fault("drop_before", ROUTE) is not None:
        return HangUpResponse(app.connections)
    if (refused := app.trigger_fault("media_status", ROUTE)) is not None:
        return PlainTextResponse("refused", refused["status"])
    app.simulator.step()
    path = request.scope["raw_path"].decode("ascii").removeprefix("/media/")
    with app.simulator.lock:
        file = None if "/" in path else app.simulator.find_file(unquote(path))
    if file is None:
        return PlainTextResponse("not found", 404)
    data = await asyncio.to_thread(file.read_bytes)
    if app.trigger_fault("garbage_media", ROUTE) is not None:
        data = _GARBAGE
    media_type = _MEDIA_TYPES.get(file.suffix.removeprefix("."), "application/octet-stream")
    return _wrong_length_response(app, data, media_type) or _range_response(app, request, data, media_type)


def _wrong_length_response(app: AppState, data: bytes, media_type: str) -> Response | None:
    """Return the answer of a fault that announces a wrong length, or None."""
    if (cut := app.trigger_fault("truncated_media", ROUTE)) is not None:
        head = _raw_head(len(data), media_type)
        return HangUpResponse(app.connections, head + data[: int(len(data) * cut["fraction"])])
    if (wrong := app.trigger_fault("wrong_length", ROUTE)) is not None:
        head = _raw_head(max(0, len(data) + wrong["delta"]), media_type)
        return HangUpResponse(app.connections, head + data)
    return None


def _raw_head(length: int, media_type: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    return head.encode("ascii")


def _range_response(app: AppState, request: Request, data: bytes, media_type: str) -> Response:
    """Return the whole file, the requested range (206), or 416 if it is outside the file."""
    etag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
    headers = {"Accept-Ranges": "bytes", "ETag": etag, "Cache-Control": "max-age=3600"}
    requested = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", request.headers.get("range", ""))
    if requested is None or not any(requested.groups()) or request.headers.get("if-range", etag) != etag:
        return _body_response(app, data, 200, headers, media_type)
    size = len(data)
    first, last = requested.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start >= size or start > end:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return _body_response(app, data[start : end + 1], 206, headers, media_type)


def _body_response(app: AppState, data: bytes, status: int, headers: dict[str, str], media_type: str) -> Response:
    slow = app.trigger_fault("slow_media", ROUTE)
    if slow is None:
        return Response(data, status, headers, media_type)
    piece_bytes = len(data) // 10 + 1

    async def send_slowly() -> AsyncIterator[bytes]:
        for start in range(0, len(data), piece_bytes):
            await app.simulator.sleep(slow["delay_s"] / 10)
            yield data[start : start + piece_bytes]

    return StreamingResponse(send_slowly(), status, {**headers, "Content-Length": str(len(data))}, media_type)
