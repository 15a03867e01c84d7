"""The JSON objects in the vendor's answers: rows of videos, scheduler entries, accounts and uploads."""

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from pixverse_nb.sandbox.state import (
    COMPLETED,
    FAILED,
    MODERATED,
    QUEUED,
    Account,
    GenerationJob,
    SandboxSettings,
    StoredUpload,
)

_STATUS_NUMBERS: Final = {COMPLETED: 1, QUEUED: 5, MODERATED: 7, FAILED: 8}

_PLACEHOLDER: Final = "pixverse/mp4/media/default.mp4"


def media_url(origin: str, path: str) -> str:
    """Return the URL of `path` on the media host. Its slashes are encoded as %2F, as the vendor's are."""
    return f"{origin}/media/{quote(path, safe='')}"


def video_row(
    job: GenerationJob,
    settings: SandboxSettings,
    *,
    origin: str,
    now: float,
    queue_position: int = 0,
    in_webhook: bool = False,
) -> dict[str, Any]:
    """Return the row of `job` in GET /videos, or the body of its webhook."""
    request, params = job.request, job.request.params
    paths = request.input_paths
    first, last = (media_url(origin, paths[role]) if role in paths else "" for role in ("first", "last"))
    model = params.get("model", "")
    shows_size = job.status == COMPLETED and model != "v3.5"
    row: dict[str, Any] = {
        "video_id": job.video_id,
        "video_status": _STATUS_NUMBERS.get(job.status, 9 if job.number % 3 == 0 else 10),
        "video_status_name": job.status,
        "video_status_final": not job.is_open or (job.status == QUEUED and settings.queued_is_final and not in_webhook),
        "account_id": job.account_number,
        "created_at": format_time(job.created_stamp),
        "first_frame": first,
        "last_frame": last,
        "output_width": job.size[0] if shows_size else 0,
        "output_height": job.size[1] if shows_size else 0,
        "original_video_id": _number_of(request.source.video_id if request.source else None),
        "upscaled": int(request.operation == "upscale"),
        "prompt": request.prompt,
        "model": model,
        "negative_prompt": params.get("negative_prompt", ""),
        "quality": request.quality,
        "motion_mode": request.motion_mode,
        "asset_id": job.number * 7 + 100_000,
        "seed": job.seed,
        "likes": 0,
        "queue_data": {"queue_time": 0, "queue_count": 0},
        "video_duration": request.duration_s,
        "extended": int(request.operation == "extend"),
        "lip_sync": {},
        "url": media_url(origin, job.video_path) if job.status != QUEUED else "",
        "img_id": next((one.upload_id for one in request.inputs if one.upload_id is not None), 0),
        "img_url": first,
        "duration": request.duration_s,
        "remove_watermark": int(params.get("remove_watermark", True)),
        "nick_name": "sandbox",
        "avatar": "",
        "aspect_ratio": params.get("aspect_ratio", ""),
        "camera_movement": "",
        "style": "",
        "template_id": 0,
        "template_name": "",
        "workflow_tag": "",
        "customer_paths": {
            "customer_img_path": paths.get("first", ""),
            "customer_img_url": first,
            "customer_video_path": job.video_path,
            "customer_video_url": media_url(origin, job.video_path),
        },
        "off_peak": int(request.is_off_peak),
    }
    if job.status == QUEUED:
        row["queue_data"] = {"queue_time": max(0, round(job.starts_at - now)), "queue_count": queue_position}
    if job.has_placeholder and not job.is_open:
        row |= {"video_status": 1, "video_status_name": COMPLETED, "url": media_url(origin, _PLACEHOLDER), "size": 0}
    if job.error_code is not None and not job.is_open:
        row["errCode"] = job.error_code
    if in_webhook or settings.reply_ref_in_rows:
        row["replyRef"] = request.reply_ref or ""
    return row


def _number_of(video_id: str | None) -> int:
    """Return the number at the end of a video id; 0 if there is none."""
    return int(video_id.rpartition(":")[2]) if video_id else 0


def scheduler_entry(job: GenerationJob, settings: SandboxSettings, *, now: float) -> dict[str, Any]:
    """Return the entry of `job` in GET /scheduler."""
    minutes, seconds = divmod(max(0, int(now - job.created_at)), 60)
    entry: dict[str, Any] = {settings.scheduler_id: job.video_id}
    if settings.scheduler_id == "id":
        entry["type"] = "video"
    entry |= {"started": format_time(job.created_stamp), "elapsed": f"{minutes:02d}:{seconds:02d}"}
    if settings.reply_ref_in_scheduler:
        entry |= {"replyUrl": job.request.reply_url or "", "replyRef": job.request.reply_ref or ""}
    return entry


def account_features(account: Account) -> dict[str, object]:
    """Return the body of GET /features."""
    return {
        "plan_name": account.plan_name,
        "plan_type": 1,
        "credit_daily": account.credits["daily"],
        "credit_daily_gift": account.credits["daily"],
        "credit_monthly": account.credits["monthly"],
        "credit_package": account.credits["package"],
        "gen_simultaneously": account.plan_jobs,
        "allow_fast_mode": 1,
        "batch_generation": 1,
        "off_peak": 1,
        "off_peak_discount": 0.5,
        "preview_mode": 1,
        "preview_mode_discount": 0.8,
        "private_generation": 1,
        "remove_watermark": int(account.can_remove_watermark),
        "qualities": ["360p", "540p", "720p", "1080p"],
        "renew_flag": 0,
    }


def account_configuration(account: Account) -> dict[str, object]:
    """Return the entry of `account` in GET /accounts, with its secrets redacted."""
    return {
        "email": account.email,
        "jwt": {"accountId": account.number, "username": "sandbox", "token": "abc…secured…cde"},
        "maxJobs": account.max_jobs,
        "password": "…secured…",
    }


def upload_entry(upload: StoredUpload, *, origin: str) -> dict[str, object]:
    """Return the `result` entry of POST /files for an image."""
    return {
        "id": upload.id,
        "url": media_url(origin, upload.path),
        "path": upload.path,
        "size": upload.size_bytes,
        "name": upload.path.rpartition("/")[2],
        "category": 0,
        "err_msg": "",
    }


def format_time(stamp: float) -> str:
    """Return Unix seconds in the vendor's format, such as 2024-11-11T12:34:56Z."""
    return datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
