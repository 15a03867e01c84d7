"""Replies of the vendor as its pages and clients show them, with every quirk; the e-mail is an example's."""

import json
from collections.abc import Mapping
from typing import Any

from pixverse_nb.backends.base import Reply

EMAIL = "maria.lopez@example.org"
VIDEO_ID = f"user:7-pixverse:{EMAIL}-video:340000001"

# The vendor's error texts, word for word.
NO_SUBSCRIPTION = "Account has no subscription or subscription expired"
NO_CONFIGURATION = "Configuration not found"
NO_CREDITS = "All Credits have been used up. Please upgrade your membership or purchase credits."
MODERATED = "Your prompt has triggered our AI moderator, please re-enter your prompt"
ALL_BUSY = "All configured accounts are running at maximum capacity."
PLAN_BUSY = "Reached the limit for concurrent generations."
PENDING = "Your PixVerse account has pending error. Please address this issue before making any new API calls."


def account_busy(email: str, jobs: int) -> str:
    """Return the vendor's text for an account that executes `jobs` jobs."""
    return f"Account {email} is busy executing {jobs} tasks."


def not_running(video_id: str) -> str:
    """Return the vendor's text for a job that its scheduler does not have."""
    return f"Unable to locate running {video_id}"


UPLOAD: dict[str, Any] = {
    "result": [
        {
            "id": 123456,
            "url": "https://media.pixverse.ai/upload%2F6d1a7f0e-2f6b-4b9e-9a55-1f5e0c1f6a11.jpeg",
            "path": "upload/6d1a7f0e-2f6b-4b9e-9a55-1f5e0c1f6a11.jpeg",
            "size": 112233,
            "name": "6d1a7f0e.jpeg",
            "category": 0,
            "err_msg": "",
        }
    ]
}

# The row as the page prints it: status 10 and a url all the same, output_width 0, an aspect ratio of "".
ROW: dict[str, Any] = {
    "video_id": VIDEO_ID,
    "video_status": 10,
    "video_status_name": "GENERATING",
    "video_status_final": False,
    "account_id": 300000000,
    "created_at": "2024-11-11T12:34:56Z",
    "first_frame": "https://media.pixverse.ai/upload%2Ffirst.jpeg",
    "last_frame": "upload/last.png",
    "output_width": 0,
    "output_height": 0,
    "original_video_id": 0,
    "upscaled": 0,
    "prompt": "A cat, quickly",
    "model": "v3.5",
    "negative_prompt": "",
    "quality": "720p",
    "motion_mode": "normal",
    "asset_id": 0,
    "seed": 1234567890,
    "likes": 0,
    "queue_data": {"queue_time": 0, "queue_count": 0},
    "video_duration": 5,
    "extended": 0,
    "lip_sync": {},
    "url": "https://media.pixverse.ai/pixverse%2Fmp4%2Fmedia%2Fweb%2F9f0e_seed0.mp4",
    "img_id": 0,
    "img_url": "",
    "duration": 5,
    "remove_watermark": 1,
    "nick_name": "maria",
    "avatar": "",
    "aspect_ratio": "",
    "camera_movement": "",
    "style": "",
    "workflow_tag": "",
    "customer_paths": {"customer_img_path": ""},
    "off_peak": 0,
}

FEATURES: dict[str, Any] = {
    "plan_name": "Standard",
    "credit_daily": 30,
    "credit_monthly": 1200,
    "credit_package": 0,
    "gen_simultaneously": 3,
    "allow_fast_mode": 1,
    "remove_watermark": 1,
}

SCHEDULER: list[dict[str, Any]] = [
    {"video_id": VIDEO_ID, "started": "2024-11-11T12:34:56Z", "elapsed": "03:57", "replyUrl": "", "replyRef": "pv-1:1"},
    {"id": VIDEO_ID.replace("340000001", "2"), "type": "video", "elapsed": "00:10", "replyRef": None},
    {"videoId": VIDEO_ID.replace("340000001", "3"), "elapsed": "00:02"},
]

AVAILABLE: dict[str, Any] = {
    "executing": [],
    "available": [
        {"email": EMAIL, "maxJobs": 5, "executing": 0, "available": 5},
        {"email": "two@example.org", "maxJobs": 8, "executing": 2, "available": 3},
    ],
}

ACCOUNTS: dict[str, Any] = {
    EMAIL: {
        "email": EMAIL,
        "jwt": {"exp": 1740000000, "token": "abc…secured…cde"},
        "maxJobs": 8,
        "password": "…secured…",
    }
}

HTML = b"<html><head><title>502 Bad Gateway</title></head><body>cloud</body></html>"


def reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """An answer with `value` as its body: bytes as they are, anything else as JSON."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Reply(status, headers or {}, body)


def row(**changes: Any) -> dict[str, Any]:
    """The page's row, with `changes`; a change to `...` takes the field out."""
    return {name: value for name, value in {**ROW, **changes}.items() if value is not ...}
