"""Which generation without a reference is a lost call: what a vendor may tidy, and what makes it another one's."""

from dataclasses import replace
from typing import Any

import pytest

from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.domain.remote import RemoteState, RemoteVideo
from pixverse_nb.jobs.reconcile import could_match, matches
from tests.factories import a_record, a_request, some_inputs

PATHS = {"first": "upload/a.png", "last": "upload/b.png"}
SENT_AT = 1_790_000_000.0
HOUR_S = 3600.0
PROMPT = "A slow turn &  back\nto the cup"


def lost() -> JobRecord:
    """A lost call with both pictures at the vendor."""
    return a_record(
        request=a_request(model="v3.5", prompt=PROMPT, quality="720p", motion_mode="normal", seed=42),
        intent_at=SENT_AT,
        inputs=some_inputs("upload/a.png", "upload/b.png"),
    )


def a_row(**changes: Any) -> RemoteVideo:
    """The row of that very call, with `changes`."""
    plain = RemoteVideo(
        video_id="user:1-a@example.com-v:9",
        state=RemoteState.GENERATING,
        created_at=SENT_AT + 1,
        prompt=PROMPT,
        seed=42,
        quality="720p",
        duration=5,
        motion_mode="normal",
        model="v3.5",
        input_paths=PATHS,
    )
    return replace(plain, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"prompt": "A slow turn & back to the cup"},
        {"prompt": "A slow turn &amp;  back\r\nto the cup "},
        {"quality": "720P", "motion_mode": "Normal", "model": "V3.5"},
        {"quality": None, "duration": None, "motion_mode": None, "model": None},
        {"input_paths": {}},
        {"created_at": None},
        {"created_at": SENT_AT - 2 * HOUR_S},
        {"created_at": SENT_AT - 14 * HOUR_S},
        {"created_at": SENT_AT + 14 * HOUR_S},
        {"input_paths": {}, "created_at": SENT_AT - 2 * HOUR_S},
    ],
)
def test_what_is_tidied_or_left_out_is_this_call_all_the_same(changes: dict[str, Any]) -> None:
    """Spaces, capitals and escaped signs may differ, fields may be missing, and a clock may be set."""
    assert matches(a_row(**changes), lost())
    assert could_match(a_row(**changes), lost())


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "Something else"},
        {"quality": "540p"},
        {"model": "v5.6"},
        {"input_paths": {**PATHS, "first": "upload/a_thumb.png"}},
        {"created_at": SENT_AT - 100 * HOUR_S},
        {"input_paths": {"last": PATHS["last"]}, "created_at": SENT_AT - 4 * HOUR_S},
        {"seed": None},
        {"prompt": None},
    ],
)
def test_where_one_thing_differs_nobody_but_a_person_can_tell(changes: dict[str, Any]) -> None:
    """With the same seed one group of facts that differs is no proof that it is another one's, nor that it is this."""
    assert not matches(a_row(**changes), lost())
    assert could_match(a_row(**changes), lost())


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 43},
        {"duration": 8},
        {"seed": None, "prompt": "Something else"},
        {"seed": None, "model": "v5.6"},
        {"model": "v5.6", "input_paths": {**PATHS, "first": "upload/c.png"}},
        {"seed": None, "created_at": SENT_AT - 4 * HOUR_S},
        {"prompt": "Something else", "input_paths": {**PATHS, "first": "upload/c.png"}},
        {"input_paths": {**PATHS, "first": "upload/c.png"}, "created_at": SENT_AT - 4 * HOUR_S},
    ],
)
def test_the_row_of_another_call_does_not_match(changes: dict[str, Any]) -> None:
    """A row with another seed or length, or with two differences, belongs to another call and delays nothing."""
    assert not could_match(a_row(**changes), lost())
    assert not matches(a_row(**changes), lost())


def test_a_row_of_a_request_without_prompt_may_leave_it_out() -> None:
    """If the request has no prompt, a row needs none either."""
    record = replace(lost(), request=a_request(model="v3.5", prompt="", quality="720p", motion_mode="normal", seed=42))
    assert matches(a_row(prompt=None), record)
    assert matches(a_row(prompt=""), record)


def seedless(**changes: Any) -> JobRecord:
    """A lost call for a model that takes no seed."""
    request = a_request(model="kling-o3", seed=None, prompt=PROMPT, **changes)
    return replace(lost(), request=request)


@pytest.mark.parametrize("seed", [None, 42, 1])
def test_a_call_without_a_seed_is_matched_by_its_pictures(seed: int | None) -> None:
    """Without a seed, the prompt and the names of both uploads identify a call; without the names a person decides."""
    row = a_row(model="kling-o3", motion_mode=None, seed=seed)
    assert matches(row, seedless())
    nameless = replace(row, input_paths={})
    assert not matches(nameless, seedless())
    assert could_match(nameless, seedless())


@pytest.mark.parametrize("changes", [{"prompt": "Something else"}, {"duration": 8}])
def test_another_prompt_or_length_tells_a_call_without_a_seed_apart(changes: dict[str, Any]) -> None:
    """Without a seed, another prompt or another length makes it another call's."""
    assert not could_match(a_row(**{"model": "kling-o3", "motion_mode": None, **changes}), seedless())


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "kling-v3"},
        {"quality": "1080p"},
        {"input_paths": {**PATHS, "first": "upload/c.png"}},
        {"created_at": SENT_AT - 20 * HOUR_S},
    ],
)
def test_one_difference_of_a_call_without_a_seed_leaves_it_to_a_person(changes: dict[str, Any]) -> None:
    """Without a seed but with the same prompt, one group of facts that differs proves nothing."""
    row = a_row(**{"model": "kling-o3", "motion_mode": None, **changes})
    assert not matches(row, seedless())
    assert could_match(row, seedless())


def test_a_motion_mode_that_was_not_sent_may_be_reported() -> None:
    """A vendor may report its own value of a field that the model does not take."""
    record = replace(lost(), request=a_request(prompt=PROMPT, quality="720p", seed=42))
    assert record.request.motion_mode is None
    assert matches(a_row(model="v5.6", motion_mode="normal"), record)
