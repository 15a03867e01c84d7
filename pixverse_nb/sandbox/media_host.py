"""The media host: films and uploads under /media/<path with %2F>, with Range, and without any credential."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from pixverse_nb.sandbox.connections import HangUp
from pixverse_nb.sandbox.gate import Desk

ROUTE: Final = "media"
_TYPES: Final = {"mp4": "video/mp4", "png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
_GARBAGE: Final = b"this is not a film\n" * 4000


async def serve_media(desk: Desk, request: Request) -> Response:
    """Answer one request; a credential on it is refused and counted in `desk.leaks`."""
    with desk.stage.lock:
        desk.requests[ROUTE] += 1
    for name in ("authorization", "cookie", "api-key"):
        if name in request.headers:
            desk.leaks.append(f"{name} was sent to the media host")
            return PlainTextResponse(f"a credential ({name}) was sent to the media host", 400)
    if desk.strike("drop_before", ROUTE) is not None:
        return HangUp(desk.connections)
    if (status := desk.strike("media_status", ROUTE)) is not None:
        return PlainTextResponse("refused", status["status"])
    desk.stage.step()
    raw = request.scope["raw_path"].decode("ascii").removeprefix("/media/")
    with desk.stage.lock:
        file = None if "/" in raw else desk.stage.file(unquote(raw))
    if file is None:
        return PlainTextResponse("not found", 404)
    data = await asyncio.to_thread(file.read_bytes)
    if desk.strike("garbage_media", ROUTE) is not None:
        data = _GARBAGE
    kind = _TYPES.get(file.suffix.removeprefix("."), "application/octet-stream")
    return _struck(desk, data, kind) or _ranged(desk, request, data, kind)


def _struck(desk: Desk, data: bytes, kind: str) -> Response | None:
    """Return the answer of a fault that lies about the length, or None."""
    if (cut := desk.strike("truncated_media", ROUTE)) is not None:
        return HangUp(desk.connections, _raw(len(data), kind) + data[: int(len(data) * cut["fraction"])])
    if (lie := desk.strike("wrong_length", ROUTE)) is not None:
        return HangUp(desk.connections, _raw(max(0, len(data) + lie["delta"]), kind) + data)
    return None


def _raw(length: int, kind: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    return head.encode("ascii")


def _ranged(desk: Desk, request: Request, data: bytes, kind: str) -> Response:
    """Return the whole file, or the range that was asked for (206), or 416."""
    etag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
    headers = {"Accept-Ranges": "bytes", "ETag": etag, "Cache-Control": "max-age=3600"}
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
    if asked is None or not any(asked.groups()) or request.headers.get("if-range", etag) != etag:
        return _body(desk, data, 200, headers, kind)
    size = len(data)
    first, last = asked.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start >= size or start > end:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    return _body(desk, data[start : end + 1], 206, {**headers, "Content-Range": f"bytes {start}-{end}/{size}"}, kind)


def _body(desk: Desk, data: bytes, status: int, headers: dict[str, str], kind: str) -> Response:
    slow = desk.strike("slow_media", ROUTE)
    if slow is None:
        return Response(data, status, headers, kind)
    step = len(data) // 10 + 1

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), step):
            await desk.stage.wait_for(slow["delay_s"] / 10)
            yield data[start : start + step]

    return StreamingResponse(pieces(), status, {**headers, "Content-Length": str(len(data))}, kind)
