"""The vendor's routes for uploads and videos, as useapi.net's pages of the PixVerse API v2 describe them."""

import asyncio
import json
import random
import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.datastructures import UploadFile
from starlette.requests import Request

from pixverse_nb.sandbox import intake
from pixverse_nb.sandbox.gate import Desk, Handler, Reply
from pixverse_nb.sandbox.orders import Refused, read_order
from pixverse_nb.sandbox.rows import media_url, row_of
from pixverse_nb.sandbox.uploads import OTHER_KINDS, PICTURES, check_picture, media_type
from pixverse_nb.sandbox.work import FAILED, MODERATED, QUEUED, Work

UPLOAD_MAX_BYTES: Final = 64_000_000  # the vendor takes 5 GB; here everything is held in memory


async def read_body(request: Request) -> Mapping[str, Any]:
    """Return the fields of a JSON or multipart body; Refused(400) where it is neither."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with request.form() as form:
            if any(isinstance(value, UploadFile) for value in form.values()):
                raise Refused(400, "Files are sent to POST /files, as raw bytes")
            return dict(form)
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(400, "The body must be a JSON object or multipart/form-data")
    return body


def raw_id(request: Request) -> str:
    """Return the video id of the path; Refused(400) where : or @ came percent-encoded."""
    if re.search(rb"%(3a|40)", request.scope["raw_path"].lower()):
        raise Refused(400, "Invalid video_id")
    return str(request.path_params["video_id"])


async def upload(desk: Desk, route: str, request: Request) -> Reply:
    """POST /files"""
    kind = media_type(request.headers.get("content-type"))
    data = await request.body()
    stage = desk.stage
    if not data or len(data) > UPLOAD_MAX_BYTES:
        raise Refused(400, f"The body must be the raw bytes of the file, 1…{UPLOAD_MAX_BYTES} of them")
    email = request.query_params.get("email") or None
    with stage.lock:
        stage.world.ready_account(email)
    if kind in PICTURES:
        side_max = stage.world.switches.picture_side_max
        await asyncio.to_thread(check_picture, data, kind, side_max=side_max)
    if (struck := desk.strike("upload_err_msg", route)) is not None:
        return Reply(200, {"result": [{"id": 0, "url": "", "path": "", "size": 0, "err_msg": struck["text"]}]})
    extension = PICTURES.get(kind) or OTHER_KINDS[kind]
    with stage.lock:
        stored = stage.world.add_upload(email=email, media_type=kind, extension=extension, size_bytes=len(data))
        (stage.folder / stored.path).write_bytes(data)
    url = media_url(stage.origin, stored.path)
    if kind not in PICTURES:
        return Reply(200, {"path": stored.path, "url": url})
    entry = {
        "id": stored.id,
        "url": url,
        "path": stored.path,
        "size": stored.size_bytes,
        "name": stored.path.rpartition("/")[2],
        "category": 0,
        "err_msg": "",
    }
    return Reply(200, {"result": [entry]})


async def create(desk: Desk, route: str, request: Request) -> Reply:
    """POST /videos/create…: the paid call"""
    stage = desk.stage
    body = await read_body(request)
    order = read_order(route, body, refuse_combinations=stage.world.switches.refuse_combinations)
    silent = desk.strike("no_video_id", route)
    if silent is not None and not silent["accepted"]:
        return Reply(200, {})
    with stage.lock:
        work = intake.accept(stage.world, order, now=stage.clock.now(), stamp=stage.clock.stamp())
        _mark(desk, route, work)
    answer: dict[str, Any] = {} if silent is not None else {"video_id": work.video_id}
    if stage.world.switches.cost_credits:
        answer["cost_credits"] = work.cost
    return Reply(200, answer)


def _mark(desk: Desk, route: str, work: Work) -> None:
    """Let the faults strike that the job carries with it."""
    if desk.strike("failed", route) is not None:
        work.outcome = FAILED
    if desk.strike("moderated", route) is not None:
        work.outcome = MODERATED
    if desk.strike("stuck", route) is not None:
        work.stuck = True
    if (error := desk.strike("error_code", route)) is not None:
        work.error_code = error["code"]
    if (lag := desk.strike("list_lag", route)) is not None:
        work.listed_at += lag["lag_s"]


def _row(desk: Desk, route: str, work: Work) -> dict[str, Any]:
    stage = desk.stage
    ahead = stage.world.ahead_of(work) if work.status == QUEUED else 0
    return row_of(work, stage.world.switches, origin=stage.origin, now=stage.clock.now(), ahead=ahead)


def _distorted(desk: Desk, route: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let the faults strike that show rows otherwise than they are."""
    if (strange := desk.strike("unknown_status", route)) is not None:
        for row in rows:
            if row["video_status"] in (5, 9, 10):
                row |= {"video_status": strange["status"], "video_status_name": strange["name"]}
    if (missing := desk.strike("missing_fields", route)) is not None:
        rows = [{name: value for name, value in row.items() if name not in missing["fields"]} for row in rows]
    if (changed := desk.strike("changed_fields", route)) is not None:
        rows = [row | {name: value for name, value in changed["values"].items() if name in row} for row in rows]
    if desk.strike("list_shuffled", route) is not None:
        random.Random(len(rows)).shuffle(rows)  # noqa: S311 - chance, not secrecy
    return rows


async def list_videos(desk: Desk, route: str, request: Request) -> Reply:
    """GET /videos/"""
    stage = desk.stage
    limit = _whole(request, "limit", default=40, least=1, most=1000)
    with stage.lock:
        account = stage.world.ready_account(request.query_params.get("email") or None)
        works = stage.world.listed(account.email, now=stage.clock.now())
        start = _start(request, works)
        rows = [_row(desk, route, work) for work in works[start : start + limit]]
    return Reply(200, {"data": _distorted(desk, route, rows)})


def _start(request: Request, works: list[Work]) -> int:
    """Return where the page starts: `offset` is a number, or the video id of its first row."""
    named = [place for place, work in enumerate(works) if work.video_id == request.query_params.get("offset")]
    return named[0] if named else _whole(request, "offset", default=0, least=0, most=10**9)


def _whole(request: Request, name: str, *, default: int, least: int, most: int) -> int:
    value = request.query_params.get(name, "")
    if not value:
        return default
    if not re.fullmatch(r"\d{1,10}", value, re.ASCII) or not least <= int(value) <= most:
        raise Refused(400, f"Parameter {name} must be {least}…{most}")
    return int(value)


async def get_video(desk: Desk, route: str, request: Request) -> Reply:
    """GET /videos/<video_id>: 404 also while it is being made"""
    video_id = raw_id(request)
    with desk.stage.lock:
        work = desk.stage.world.find(video_id)
        if work is None or work.is_open:
            raise Refused(404, f"Unable to locate {video_id}")
        desk.stage.world.ready_account(work.email)
        row = _row(desk, route, work)
    return Reply(200, _distorted(desk, route, [row])[0])


async def delete_video(desk: Desk, route: str, request: Request) -> Reply:
    """DELETE /videos/<video_id>: the row goes, a running generation goes on and stays paid"""
    video_id = raw_id(request)
    with desk.stage.lock:
        work = desk.stage.world.find(video_id)
        if work is None:
            raise Refused(404, f"Unable to locate {video_id}")
        work.deleted = True
        desk.stage.world.changes += 1
    return Reply(200, {"video_id": video_id})


async def features(desk: Desk, route: str, request: Request) -> Reply:
    """GET /features/"""
    with desk.stage.lock:
        return Reply(200, desk.stage.world.ready_account(request.query_params.get("email") or None).features())


CREATES: Final[Mapping[str, Handler]] = dict.fromkeys(
    ("create-frames-v3", "create-frames", "create-v3", "create-v4", "create"), create
)
