"""From a row of the vendor's list to a job that is paid and waits for its video."""

from typing import Any

import pytest

from pixverse_nb.backends.useapi import UseapiBackend
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.operations import Operation
from pixverse_nb.domain.remote import RemoteState, RemoteVideo, RunningJob
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.jobs.adoption import record_from_row
from pixverse_nb.jobs.remote_videos import find_row, name_of, ref_of

ID = "user:7-pixverse:maria@example.org-video:42"
FULL: dict[str, Any] = {
    "video_id": ID,
    "state": RemoteState.COMPLETED,
    "created_at": 1000.0,
    "reply_ref": "pv-abc-1:2 mine",
    "prompt": "a cup",
    "seed": 5,
    "quality": "540p",
    "duration": 8,
    "motion_mode": "normal",
    "model": "v3.5",
    "aspect_ratio": "1:1",
    "input_paths": {"first": "upload/1.png", "last": "upload/2.png"},
}


def row(**changes: Any) -> RemoteVideo:
    """A row that tells everything, with `changes`."""
    return RemoteVideo(**{**FULL, **changes})


def test_a_full_row_becomes_a_paid_job() -> None:
    """All that was asked for is kept; the job is paid, is waited for, and bears the ref that it was sent with."""
    record = record_from_row(row(), backend=UseapiBackend(), service="s", owner="me", now=2000.0, deadline_s=60.0)
    assert (record.ref, record.state, record.charged, record.video_id) == ("pv-abc-1", JobState.GENERATING, "yes", ID)
    request = record.request
    assert (request.prompt, request.seed, request.quality, request.duration, request.aspect_ratio) == (
        "a cup", 5, "540p", 8, "1:1",
    )  # fmt: skip
    assert (record.created_at, record.deadline_at, record.account) == (1000.0, 2060.0, "maria@example.org")
    assert record.notices == (Notice("adopted", {"is_partial": False}),)
    assert record.remotes == {"first": "upload/1.png", "last": "upload/2.png"}


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": None},
        {"aspect_ratio": None, "quality": None},
        {"quality": "4K", "duration": 7, "model": "", "motion_mode": "wild", "seed": 0},
    ],
)
def test_what_a_row_does_not_tell_is_said(changes: dict[str, Any]) -> None:
    """Missing and strange values give the usual ones, and a notice; never an error."""
    record = record_from_row(
        row(**changes), backend=UseapiBackend(), service="s", owner="me", now=2000.0, deadline_s=60.0
    )
    assert record.notices == (Notice("adopted", {"is_partial": True}),)
    assert record.request.prompt == "a cup"


def test_refused_combinations_and_long_prompts_are_adopted_too() -> None:
    """What exists was accepted once, whatever the rules say now."""
    record = record_from_row(
        row(quality="1080p", prompt="x" * 5000, reply_ref=None),
        backend=UseapiBackend(),
        service="s",
        owner="me",
        now=2000.0,
        deadline_s=60.0,
    )
    assert (record.request.quality, record.request.duration) == ("1080p", 8)
    assert record.ref.startswith("pv-")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"operation": Operation.UPSCALE}, Operation.UPSCALE),
        ({"operation": Operation.LIPSYNC, "prompt": "x" * 2048}, Operation.LIPSYNC),
        ({}, Operation.FRAMES),
        ({"input_paths": {"first": "upload/1.png"}}, Operation.IMAGE),
        ({"input_paths": {}}, Operation.TEXT),
        ({"input_paths": {}, "prompt": None}, Operation.IMAGE),
        ({"operation": Operation.MODIFY, "prompt": " "}, Operation.IMAGE),
    ],
)
def test_a_row_keeps_its_operation(changes: dict[str, Any], expected: Operation) -> None:
    """What the vendor says counts, else the pictures; a text without a prompt is none. It survives the ledger."""
    record = record_from_row(
        row(**changes), backend=UseapiBackend(), service="s", owner="me", now=2000.0, deadline_s=60.0
    )
    assert record.request.operation is expected
    assert GenerationRequest.from_json(record.request.to_json()) == record.request
    assert JobRecord.from_json(record.to_json()) == record


def test_an_unreported_seed_stays_unknown() -> None:
    """A seed is not made up: the recipe of an adopted video must not name one that gives another video."""
    record = record_from_row(
        row(seed=None), backend=UseapiBackend(), service="s", owner="me", now=2000.0, deadline_s=60.0
    )
    assert record.request.seed is None


def test_a_generation_is_found_by_each_of_its_names() -> None:
    """By its ref, its whole id or the number at its end; not by an empty name or a part of one."""
    rows = [row(video_id=ID.replace("42", "41"), reply_ref=None), row()]
    assert all(find_row(rows, name) is rows[1] for name in ("pv-abc-1", ID, "42"))
    assert all(find_row(rows, name) is None for name in ("", "4", "pv-abc", "pv-abc-1:2"))


def test_a_name_holds_no_email() -> None:
    """The name for `adopt` is our ref, else the number; a reference of another program is not ours."""
    assert name_of(row()) == "pv-abc-1"
    assert name_of(row(reply_ref="theirs:1")) == "42"
    assert ref_of(RunningJob(ID, "theirs:1")) is None
    assert name_of(RunningJob(None, None)) == ""
