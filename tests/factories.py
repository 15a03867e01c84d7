"""Requests, jobs and rows of the vendor's list for the tests of the core."""

from typing import Any

from pixverse_nb.domain.jobs import JobInput, JobRecord
from pixverse_nb.domain.operations import Operation
from pixverse_nb.domain.remote import RemoteState, RemoteVideo
from pixverse_nb.domain.requests import GenerationRequest, Input, build_request

NOW = 1_760_000_000.0
EMAIL = "maria.lopez@example.org"
FIRST_SHA, LAST_SHA = "a" * 64, "b" * 64
TOKEN = "user:1234-r8xNotARealToken5c"


def a_request(*, first: str = "sha256:1", last: str = "sha256:2", **fields: Any) -> GenerationRequest:
    """A valid request with these picture keys and fields."""
    inputs = [Input("first", first), Input("last", last)]
    return build_request(Operation.FRAMES, inputs, {"seed": 42, **fields}, allow_refused=True)


def some_inputs(
    first_remote: str | None = None,
    last_remote: str | None = None,
    *,
    first_sha256: str | None = FIRST_SHA,
    last_sha256: str | None = LAST_SHA,
) -> tuple[JobInput, ...]:
    """Two pictures of a job; the remotes are their upload names."""
    return (
        JobInput("first", first_sha256, first_remote, "first"),
        JobInput("last", last_sha256, last_remote, "last"),
    )


def a_record(**changes: Any) -> JobRecord:
    """A job as it was just asked for, at NOW, with half an hour until its deadline; with `changes`."""
    fields: dict[str, Any] = {
        "ref": "pv-cell-0001",
        "service": "https://api.example.org",
        "request": a_request(),
        "created_at": NOW,
        "deadline_at": NOW + 1800,
        "owner": "me",
        "inputs": some_inputs(),
    }
    return JobRecord(**{**fields, **changes})


def a_video_id(number: int = 1) -> str:
    """A vendor's id, with the account's e-mail in it."""
    return f"user:7-pixverse:{EMAIL}-video:{number}"


def a_row(state: RemoteState = RemoteState.GENERATING, **changes: Any) -> RemoteVideo:
    """A row of the vendor's list; a completed one has its address."""
    url = "https://media.example.org/one.mp4" if state is RemoteState.COMPLETED else None
    return RemoteVideo(**{"video_id": a_video_id(), "state": state, "url": url, **changes})
