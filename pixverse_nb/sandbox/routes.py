"""The routes of the PixVerse API v2, as useapi.net documents them.

A route is one function with `api_route`, which also declares its query and body fields; their values are in
`call.params`. Every entry of `requests.OPERATIONS` is served by `create` under its name.
"""

import asyncio
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from pixverse_nb.sandbox.middleware import ApiCall, ApiReply, Handler
from pixverse_nb.sandbox.requests import (
    IMAGE_TYPES,
    OPERATIONS,
    OTHER_TYPES,
    RESTYLES,
    VOICES,
    ApiError,
    RequestField,
    check_image,
    create_fields,
    integer_field,
    parse_create,
    parse_fields,
    parse_media_type,
    text_field,
)
from pixverse_nb.sandbox.serializers import (
    account_configuration,
    account_features,
    media_url,
    scheduler_entry,
    upload_entry,
    video_row,
)
from pixverse_nb.sandbox.simulation import accept_request, price_of
from pixverse_nb.sandbox.state import FAILED, MODERATED, QUEUED, Account, GenerationJob

UPLOAD_MAX_BYTES: Final = 64_000_000  # the vendor accepts 5 GB; the sandbox keeps the body in memory


@dataclass(frozen=True)
class ApiRoute:
    """One route; `name` is its key in `control.requests` and what the `route` of a fault matches.

    `query` and `body` are the fields that it takes.
    """

    name: str
    method: str
    path: str
    handler: Handler
    description: str
    query: tuple[RequestField, ...] = ()
    body: tuple[RequestField, ...] = ()


ROUTES: Final[list[ApiRoute]] = []


def api_route(
    name: str,
    method: str,
    path: str,
    *,
    query: tuple[RequestField, ...] = (),
    body: tuple[RequestField, ...] = (),
) -> Callable[[Handler], Handler]:
    """Register the decorated handler for `method` and `path` (below the base path, without a trailing slash).

    The values of the `query` and `body` fields are put into `call.params`; an invalid one is answered with 400.
    """

    def register(handler: Handler) -> Handler:
        async def parse_and_handle(call: ApiCall) -> ApiReply:
            params = parse_fields(query, call.request.query_params)
            if body:
                params |= parse_fields(body, await call.read_body())
            return await handler(replace(call, params=params))

        taken = create_fields(name) if name in OPERATIONS else body
        ROUTES.append(ApiRoute(name, method, path, parse_and_handle, handler.__doc__ or "", query, taken))
        return handler

    return register


_EMAIL: Final = text_field("email")
_LIMIT: Final = integer_field("limit", range(1, 1001), "1…1000", default=40)
_OFFSET: Final = integer_field("offset", range(10**9 + 1), f"0…{10**9}", default=0)


@api_route("files", "POST", "/files", query=(_EMAIL,))
async def upload_file(call: ApiCall) -> ApiReply:
    """Store the raw bytes of the body."""
    media_type = parse_media_type(call.request.headers.get("content-type"))
    data = await call.request.body()
    simulator = call.simulator
    if not data or len(data) > UPLOAD_MAX_BYTES:
        raise ApiError(400, f"The body must be the raw bytes of the file, 1…{UPLOAD_MAX_BYTES} of them")
    with simulator.lock:
        simulator.state.ready_account(call.params["email"])
    if media_type in IMAGE_TYPES:
        max_side_px = simulator.state.settings.picture_side_max
        await asyncio.to_thread(check_image, data, media_type, max_side_px=max_side_px)
    if (failure := call.trigger_fault("upload_err_msg")) is not None:
        return ApiReply(200, {"result": [{"id": 0, "url": "", "path": "", "size": 0, "err_msg": failure["text"]}]})
    extension = IMAGE_TYPES.get(media_type) or OTHER_TYPES[media_type]
    with simulator.lock:
        upload = simulator.state.add_upload(
            email=call.params["email"], media_type=media_type, extension=extension, size_bytes=len(data)
        )
        (simulator.folder / upload.path).write_bytes(data)
    if media_type not in IMAGE_TYPES:
        return ApiReply(200, {"path": upload.path, "url": media_url(simulator.origin, upload.path)})
    return ApiReply(200, {"result": [upload_entry(upload, origin=simulator.origin)]})


async def create(call: ApiCall) -> ApiReply:
    """Start the generation that the route is named after. This is the call that costs credits."""
    simulator = call.simulator
    settings = simulator.state.settings
    if call.route == "create-frames-v3" and settings.frames_v3 != "served":
        return _withdrawn(call, settings.frames_v3)
    request = parse_create(call.route, await call.read_body(), refuse_combinations=settings.refuse_combinations)
    if request.params.get("quote"):
        with simulator.lock:
            return ApiReply(200, {"quote": True, "cost_credits": price_of(simulator.state, request)})
    without_id = call.trigger_fault("no_video_id")
    if without_id is not None and not without_id["accepted"]:
        return ApiReply(200, {})
    with simulator.lock:
        job = accept_request(simulator.state, request, now=simulator.clock.now(), stamp=simulator.clock.stamp())
        _apply_job_faults(call, job)
    answer: dict[str, Any] = {} if without_id is not None else {"video_id": job.video_id}
    if settings.cost_credits:
        answer["cost_credits"] = job.cost
    return ApiReply(200, answer)


def _withdrawn(call: ApiCall, answer: str) -> ApiReply:
    """Return what a withdrawn route answers: 404, or a redirect to create-frames."""
    if answer == "moved":
        path = call.request.url.path.replace("create-frames-v3", "create-frames")
        return ApiReply(308, {"error": "Moved Permanently"}, location=path)
    raise ApiError(404, "Not Found")


for _operation in OPERATIONS:
    api_route(_operation, "POST", f"/videos/{_operation}")(create)


@api_route("videos", "GET", "/videos", query=(_EMAIL, _LIMIT, text_field("offset")))
async def list_videos(call: ApiCall) -> ApiReply:
    """List the jobs of an account, newest first. `offset` is a number or the video_id of the first row."""
    simulator = call.simulator
    with simulator.lock:
        account = simulator.state.ready_account(call.params["email"])
        jobs = simulator.state.listed_jobs(account.email, now=simulator.clock.now())
        start = _page_start(call, jobs)
        rows = [_row(call, job) for job in jobs[start : start + call.params["limit"]]]
    return ApiReply(200, {"data": _apply_row_faults(call, rows)})


@api_route("restyles", "GET", "/videos/restyles", query=(_EMAIL, _LIMIT, _OFFSET))
async def list_restyles(call: ApiCall) -> ApiReply:
    """List the styles of POST /videos/restyle."""
    rows = [{"restyle_id": number, "restyle_name": name} for number, name in RESTYLES.items()]
    return ApiReply(200, {"data": _page(call, rows)})


@api_route("voices", "GET", "/videos/voices", query=(_EMAIL, _LIMIT, _OFFSET))
async def list_voices(call: ApiCall) -> ApiReply:
    """List the speakers of POST /videos/lipsync."""
    return ApiReply(200, {"data": _page(call, [{"speaker_id": name, "name": name.title()} for name in VOICES])})


@api_route("effects", "GET", "/videos/effects", query=(_EMAIL, _LIMIT, _OFFSET))
async def list_effects(call: ApiCall) -> ApiReply:
    """List the templates; the sandbox has none."""
    return ApiReply(200, {"data": []})


@api_route("video", "GET", "/videos/{video_id}")
async def get_video(call: ApiCall) -> ApiReply:
    """Return the row of a finished job; 404 while it is queued or generating."""
    video_id = _path_video_id(call)
    with call.simulator.lock:
        job = call.simulator.state.find_job(video_id)
        if job is None or job.is_open:
            raise ApiError(404, f"Unable to locate {video_id}")
        call.simulator.state.ready_account(job.email)
        row = _row(call, job)
    return ApiReply(200, _apply_row_faults(call, [row])[0])


@api_route("video-delete", "DELETE", "/videos/{video_id}")
async def delete_video(call: ApiCall) -> ApiReply:
    """Delete the row. A generation that is running continues and stays charged."""
    video_id = _path_video_id(call)
    with call.simulator.lock:
        job = call.simulator.state.find_job(video_id)
        if job is None:
            raise ApiError(404, f"Unable to locate {video_id}")
        job.deleted = True
        call.simulator.state.version += 1
    return ApiReply(200, {"video_id": video_id})


@api_route("scheduler", "GET", "/scheduler")
async def list_running(call: ApiCall) -> ApiReply:
    """List the jobs that useapi tracks."""
    with call.simulator.lock:
        return ApiReply(200, _running_entries(call))


@api_route("scheduler-available", "GET", "/scheduler/available")
async def list_capacity(call: ApiCall) -> ApiReply:
    """List the tracked jobs and the free slots of every account."""
    with call.simulator.lock:
        state = call.simulator.state
        available = [
            {
                "email": account.email,
                "maxJobs": account.max_jobs,
                "executing": state.count_tracked(account.email),
                "available": state.free_slots(account),
            }
            for account in state.accounts.values()
        ]
        return ApiReply(200, {"executing": _running_entries(call), "available": available})


@api_route("scheduler-delete", "DELETE", "/scheduler/{video_id}")
async def stop_tracking(call: ApiCall) -> ApiReply:
    """Free the job's slot and stop its webhooks. The generation continues and stays charged."""
    video_id = _path_video_id(call)
    simulator = call.simulator
    with simulator.lock:
        job = simulator.state.find_job(video_id)
        if job is None or not job.is_open or not job.tracked:
            raise ApiError(404, f"Unable to locate running {video_id}")
        job.tracked = False
        simulator.state.version += 1
        return ApiReply(200, scheduler_entry(job, simulator.state.settings, now=simulator.clock.now()))


@api_route("features", "GET", "/features", query=(_EMAIL,))
async def get_features(call: ApiCall) -> ApiReply:
    """Return the plan and the credits of an account."""
    with call.simulator.lock:
        return ApiReply(200, account_features(call.simulator.state.ready_account(call.params["email"])))


@api_route("accounts", "GET", "/accounts")
async def list_accounts(call: ApiCall) -> ApiReply:
    """Return every configured account by e-mail."""
    with call.simulator.lock:
        accounts = call.simulator.state.accounts
        if not accounts:
            raise ApiError(404, "Configuration not found")
        return ApiReply(200, {email: account_configuration(account) for email, account in accounts.items()})


@api_route("account", "GET", "/accounts/{email}")
async def get_account(call: ApiCall) -> ApiReply:
    """Return one account."""
    with call.simulator.lock:
        return ApiReply(200, account_configuration(_path_account(call)))


@api_route(
    "account-post",
    "POST",
    "/accounts/{email}",
    body=(
        text_field("email", required=True),
        text_field("password", required=True),
        integer_field("maxJobs", range(1, 9), "1…8", default=8),
    ),
)
async def post_account(call: ApiCall) -> ApiReply:
    """Configure an account and clear its pending 596. The password is checked for presence and not stored."""
    email = call.params["email"]
    if email != call.request.path_params["email"]:
        raise ApiError(400, "Parameter email must be the e-mail of the path")
    with call.simulator.lock:
        state = call.simulator.state
        known = state.accounts.get(email) or Account(email)
        state.add_account(replace(known, max_jobs=call.params["maxJobs"], pending=False))
        return ApiReply(201, account_configuration(state.accounts[email]))


@api_route("account-delete", "DELETE", "/accounts/{email}")
async def delete_account(call: ApiCall) -> ApiReply:
    """Remove an account."""
    with call.simulator.lock:
        del call.simulator.state.accounts[_path_account(call).email]
        call.simulator.state.version += 1
        return ApiReply(204, None)


def _page(call: ApiCall, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    start = call.params["offset"]
    return rows[start : start + call.params["limit"]]


def _path_video_id(call: ApiCall) -> str:
    """Return the video id of the path; ApiError(400) if its : or @ is percent-encoded, as the vendor requires."""
    if re.search(rb"%(3a|40)", call.request.scope["raw_path"].lower()):
        raise ApiError(400, "Invalid video_id")
    return str(call.request.path_params["video_id"])


def _path_account(call: ApiCall) -> Account:
    account = call.simulator.state.accounts.get(call.request.path_params["email"])
    if account is None:
        raise ApiError(404, "Configuration not found")
    return account


def _page_start(call: ApiCall, jobs: list[GenerationJob]) -> int:
    for index, job in enumerate(jobs):
        if job.video_id == call.params["offset"]:
            return index
    return int(parse_fields([_OFFSET], call.params)["offset"])


def _row(call: ApiCall, job: GenerationJob) -> dict[str, Any]:
    state = call.simulator.state
    return video_row(
        job,
        state.settings,
        origin=call.simulator.origin,
        now=call.simulator.clock.now(),
        queue_position=state.queue_position(job) if job.status == QUEUED else 0,
    )


def _running_entries(call: ApiCall) -> list[dict[str, Any]]:
    now, state = call.simulator.clock.now(), call.simulator.state
    jobs = [job for job in state.open_jobs.values() if job.tracked and job.listed_at <= now]
    return [scheduler_entry(job, state.settings, now=now) for job in jobs]


def _apply_job_faults(call: ApiCall, job: GenerationJob) -> None:
    """Apply the faults that change what becomes of a new job."""
    if call.trigger_fault("failed") is not None:
        job.outcome = FAILED
    if call.trigger_fault("moderated") is not None:
        job.outcome = MODERATED
    if call.trigger_fault("moderated_placeholder") is not None:
        job.outcome, job.has_placeholder = MODERATED, True
    if call.trigger_fault("stuck") is not None:
        job.stuck = True
    if (error := call.trigger_fault("error_code")) is not None:
        job.error_code = error["code"]
    if (lag := call.trigger_fault("list_lag")) is not None:
        job.listed_at += lag["lag_s"]


def _apply_row_faults(call: ApiCall, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Apply the faults that change what rows show."""
    if (unknown := call.trigger_fault("unknown_status")) is not None:
        for row in rows:
            if row["video_status"] in (5, 9, 10):
                row |= {"video_status": unknown["status"], "video_status_name": unknown["name"]}
    if (missing := call.trigger_fault("missing_fields")) is not None:
        rows = [{name: value for name, value in row.items() if name not in missing["fields"]} for row in rows]
    if (changed := call.trigger_fault("changed_fields")) is not None:
        rows = [row | {name: value for name, value in changed["values"].items() if name in row} for row in rows]
    if call.trigger_fault("list_shuffled") is not None:
        random.Random(len(rows)).shuffle(rows)  # noqa: S311 - not used for security
    return rows
