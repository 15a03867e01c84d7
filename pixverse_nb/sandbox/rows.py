"""How the vendor shows a generation: the row of GET /videos, the entry of GET /scheduler."""

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from pixverse_nb.sandbox.switches import Switches
from pixverse_nb.sandbox.work import COMPLETED, FAILED, MODERATED, QUEUED, Work

_STATUS: Final = {COMPLETED: 1, QUEUED: 5, MODERATED: 7, FAILED: 8}


def media_url(origin: str, path: str) -> str:
    """Return where `path` is served: its slashes stand as %2F, as on the vendor's media host."""
    return f"{origin}/media/{quote(path, safe='')}"


def row_of(
    work: Work, switches: Switches, *, origin: str, now: float, ahead: int = 0, in_callback: bool = False
) -> dict[str, Any]:
    """Return the vendor's row of `work`; `ahead` counts the jobs before it in the queue."""
    order = work.order
    frames = [media_url(origin, path) if path else "" for path in (order.first_path, order.last_path)]
    shows_size = work.status == COMPLETED and order.model != "v3.5"
    status = _STATUS.get(work.status, 9 if work.number % 3 == 0 else 10)
    row: dict[str, Any] = {
        "video_id": work.video_id,
        "video_status": status,
        "video_status_name": work.status,
        "video_status_final": not work.is_open
        or (work.status == QUEUED and switches.queued_is_final and not in_callback),
        "account_id": work.account_number,
        "created_at": iso(work.created_stamp),
        "first_frame": frames[0],
        "last_frame": frames[1],
        "output_width": work.size[0] if shows_size else 0,
        "output_height": work.size[1] if shows_size else 0,
        "original_video_id": 0,
        "upscaled": 0,
        "prompt": order.prompt,
        "model": order.model,
        "negative_prompt": order.negative_prompt,
        "quality": order.quality,
        "motion_mode": order.motion_mode,
        "asset_id": work.number * 7 + 100_000,
        "seed": work.seed,
        "likes": 0,
        "queue_data": {"queue_time": 0, "queue_count": 0},
        "video_duration": order.duration,
        "extended": 0,
        "lip_sync": {},
        "url": media_url(origin, work.film_path) if work.status != QUEUED else "",
        "img_id": order.img_id or 0,
        "img_url": frames[0],
        "duration": order.duration,
        "remove_watermark": int(order.remove_watermark),
        "nick_name": "sandbox",
        "avatar": "",
        "aspect_ratio": order.aspect_ratio if order.route != "create-frames" else "",
        "camera_movement": "",
        "style": "",
        "template_id": 0,
        "template_name": "",
        "workflow_tag": "",
        "customer_paths": {
            "customer_img_path": order.first_path or "",
            "customer_img_url": frames[0],
            "customer_video_path": work.film_path,
            "customer_video_url": media_url(origin, work.film_path),
        },
        "off_peak": 0,
    }
    if work.status == QUEUED:
        row["queue_data"] = {"queue_time": max(0, round(work.starts_at - now)), "queue_count": ahead}
    if work.error_code is not None and not work.is_open:
        row["errCode"] = work.error_code
    if in_callback or switches.reply_ref_in_rows:
        row["replyRef"] = order.reply_ref or ""
    return row


def running_of(work: Work, switches: Switches, *, now: float) -> dict[str, Any]:
    """Return the entry of `work` in GET /scheduler."""
    minutes, seconds = divmod(max(0, int(now - work.created_at)), 60)
    entry: dict[str, Any] = (
        {"id": work.video_id, "type": "video"} if switches.scheduler_uses_id else {"video_id": work.video_id}
    )
    entry |= {"started": iso(work.created_stamp), "elapsed": f"{minutes:02d}:{seconds:02d}"}
    if switches.reply_ref_in_scheduler:
        entry |= {"replyUrl": work.order.reply_url or "", "replyRef": work.order.reply_ref or ""}
    return entry


def iso(stamp: float) -> str:
    """Return Unix seconds as the vendor writes them, such as 2024-11-11T12:34:56Z."""
    return datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
