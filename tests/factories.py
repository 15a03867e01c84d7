"""Requests, jobs and rows of the vendor's list for the tests of the core."""

from typing import Any

from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.domain.remote import RemoteState, RemoteVideo
from pixverse_nb.domain.requests import FramesRequest

NOW = 1_760_000_000.0
EMAIL = "maria.lopez@example.org"
FIRST_SHA, LAST_SHA = "a" * 64, "b" * 64
TOKEN = "user:1234-r8xNotARealToken5c"


def a_request(**changes: Any) -> FramesRequest:
    """A valid request, with `changes`."""
    return FramesRequest(**{"first": "sha256:1", "last": "sha256:2", "seed": 42, **changes})


def a_record(**changes: Any) -> JobRecord:
    """A job as it was just asked for, at NOW, with half an hour of time; with `changes`."""
    fields: dict[str, Any] = {
        "ref": "pv-cell-0001",
        "service": "https://api.example.org",
        "request": a_request(),
        "created_at": NOW,
        "deadline_at": NOW + 1800,
        "owner": "me",
        "first_sha": FIRST_SHA,
        "last_sha": LAST_SHA,
    }
    return JobRecord(**{**fields, **changes})


def a_video_id(number: int = 1) -> str:
    """A vendor's id, with the account's e-mail in it."""
    return f"user:7-pixverse:{EMAIL}-video:{number}"


def a_row(state: RemoteState = RemoteState.GENERATING, **changes: Any) -> RemoteVideo:
    """A row of the vendor's list; a completed one has its address."""
    url = "https://media.example.org/one.mp4" if state is RemoteState.COMPLETED else None
    return RemoteVideo(**{"video_id": a_video_id(), "state": state, "url": url, **changes})
