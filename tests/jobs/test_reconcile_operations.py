"""Which row is the lost call of an operation with one picture, several, a video, or none."""

from collections.abc import Mapping
from typing import Any

import pytest

from pixverse_nb.domain.jobs import JobInput, JobRecord
from pixverse_nb.domain.operations import Operation
from pixverse_nb.domain.remote import RemoteState, RemoteVideo
from pixverse_nb.domain.requests import Input, build_request
from pixverse_nb.jobs.reconcile import could_match, matches
from tests.factories import a_record, a_video_id

SENT_AT = 1_790_000_000.0
SOURCE = {"source_video": a_video_id(7)}
PICTURES = {f"frame_{at}": f"upload/{at}.png" for at in (1, 2, 3)}


def lost(operation: Operation, remotes: Mapping[str, str], **fields: Any) -> JobRecord:
    """A lost call whose inputs are at the vendor."""
    request = build_request(operation, [Input(role, f"sha256:{role}") for role in remotes], fields)
    inputs = tuple(JobInput(role, None, remote, role) for role, remote in remotes.items())
    return a_record(request=request, inputs=inputs, intent_at=SENT_AT)


def a_row(record: JobRecord, **changes: Any) -> RemoteVideo:
    """The row of that call without a reference, with `changes`."""
    request = record.request
    shown: dict[str, Any] = {
        "created_at": SENT_AT + 1,
        "prompt": request.prompt,
        "seed": request.seed,
        "quality": request.quality,
        "duration": request.duration,
        "model": request.model,
        **changes,
    }
    return RemoteVideo(video_id="user:1-pixverse:a@example.com-video:9", state=RemoteState.GENERATING, **shown)


TEXT = lost(Operation.TEXT, {}, prompt="a boat", seed=42)
SEEDLESS_TEXT = lost(Operation.TEXT, {}, prompt="a boat", model="veo-3.1-fast", duration=8)
SEEDLESS_IMAGE = lost(Operation.IMAGE, {"first": "upload/1.png"}, prompt="a boat", model="sora-2", duration=4)
TRANSITION = lost(Operation.TRANSITION, PICTURES, seed=42)
FUSION = lost(Operation.FUSION, PICTURES, prompt="@image1", seed=42)
EXTEND = lost(Operation.EXTEND, SOURCE, seed=42)
UPSCALE = lost(Operation.UPSCALE, SOURCE)
FILE_UPSCALE = lost(Operation.UPSCALE, {"source_video": "upload/v.mp4"})
RESTYLE = lost(Operation.RESTYLE, SOURCE, restyle_id=5, seed=42)
LIP_SYNC = lost(Operation.LIPSYNC, {**SOURCE, "audio": "upload/a.mp3"})


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        (TEXT, {}),
        (TRANSITION, {}),
        (TRANSITION, {"input_paths": {"first": "upload/1.png", "last": "upload/3.png"}}),
        (TRANSITION, {"input_paths": {"first": "upload/1.png"}}),
        (FUSION, {"input_paths": {"first": "upload/2.png"}}),
        (EXTEND, {"source_number": 7}),
        (EXTEND, {"input_paths": {"first": "upload/last-frame-of-the-source.png"}}),
        (EXTEND, {"prompt": "the prompt of the source"}),
        (RESTYLE, {"prompt": "in the style of clay", "quality": "540p", "duration": 5}),
        (UPSCALE, {"source_number": 7, "seed": 5}),
        (UPSCALE, {"source_number": 7, "prompt": "the prompt of the source", "model": "v6", "duration": 5}),
        (SEEDLESS_IMAGE, {"input_paths": {"first": "upload/1.png"}, "seed": 5}),
    ],
)
def test_the_row_is_the_lost_call(record: JobRecord, changes: dict[str, Any]) -> None:
    """The row is the call, whatever the vendor shows of the source video."""
    assert matches(a_row(record, **changes), record)
    assert could_match(a_row(record, **changes), record)


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        (TEXT, {"input_paths": {"first": "upload/x.png"}}),
        (TRANSITION, {"input_paths": {"first": "upload/x.png"}}),
        (TRANSITION, {"input_paths": {"first": "upload/1.png", "last": "upload/2.png"}}),
        (FUSION, {"input_paths": {"first": "upload/x.png"}}),
        (EXTEND, {"source_number": 8}),
        (SEEDLESS_TEXT, {}),
        (SEEDLESS_TEXT, {"seed": 5}),
        (SEEDLESS_TEXT, {"quality": "1080p"}),
        (SEEDLESS_IMAGE, {}),
        (SEEDLESS_IMAGE, {"input_paths": {"first": "upload/x.png"}}),
        (UPSCALE, {}),
        (UPSCALE, {"seed": 5, "prompt": "the prompt of the source", "model": "v6"}),
        (UPSCALE, {"source_number": 7, "quality": "540p"}),
        (FILE_UPSCALE, {}),
        (FILE_UPSCALE, {"source_number": 7}),
        (LIP_SYNC, {}),
        (LIP_SYNC, {"source_number": 7}),
        (LIP_SYNC, {"prompt": "the prompt of the source", "model": "v6"}),
    ],
)
def test_only_a_person_can_tell(record: JobRecord, changes: dict[str, Any]) -> None:
    """The row may be the call and may be another one: it is neither taken nor overlooked."""
    assert not matches(a_row(record, **changes), record)
    assert could_match(a_row(record, **changes), record)


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        (TEXT, {"seed": 43}),
        (TEXT, {"duration": 8}),
        (TEXT, {"prompt": "another boat", "input_paths": {"first": "upload/x.png"}}),
        (SEEDLESS_TEXT, {"prompt": "another boat"}),
        (SEEDLESS_IMAGE, {"prompt": "another boat", "input_paths": {"first": "upload/x.png"}}),
        (UPSCALE, {"quality": "540p"}),
        (UPSCALE, {"source_number": 8}),
        (EXTEND, {"source_number": 8, "created_at": SENT_AT - 4 * 3600}),
        (LIP_SYNC, {"source_number": 8}),
    ],
)
def test_another_call_is_told_apart(record: JobRecord, changes: dict[str, Any]) -> None:
    """A row of another call holds nothing up."""
    assert not matches(a_row(record, **changes), record)
    assert not could_match(a_row(record, **changes), record)
