"""The request and the other values: what is valid, what is the same video, and what their reprs keep to themselves."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_nb.domain import requests
from pixverse_nb.domain.jobs import FINAL_STATES, JobState
from pixverse_nb.domain.remote import AccountCapacity, Capacity, Credits, RemoteState, RemoteVideo, RunningJob
from pixverse_nb.domain.requests import (
    ASPECT_RATIOS,
    CONSTRAINTS,
    DURATIONS,
    MOTION_MODES,
    PROMPT_MAX,
    QUALITIES,
    REPLY_MAX,
    REPLY_REF_MAX,
    SEED_MAX,
    FramesRequest,
    build_request,
    violations,
)
from pixverse_nb.errors import InvalidRequest
from tests.factories import EMAIL, a_request, a_video_id

PLAIN: dict[str, Any] = {"first": "a", "last": "b", "seed": 1}


def wrong_fields(**changes: Any) -> dict[str, str]:
    """Return the fields that are wrong in the plain request with `changes`."""
    with pytest.raises(InvalidRequest) as caught:
        build_request({**PLAIN, **changes})
    return caught.value.fields


def test_the_defaults_are_the_vendors() -> None:
    """With two pictures and a seed alone the vendor's own defaults are asked for."""
    request = build_request(PLAIN)
    assert (request.model, request.duration, request.quality) == ("v3.5", 5, "720p")
    assert (request.motion_mode, request.aspect_ratio, request.remove_watermark) == ("normal", "16:9", True)
    assert (request.prompt, request.email, request.reply_url, request.max_jobs) == ("", None, None, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("duration", value) for value in DURATIONS),
        *(("quality", value) for value in QUALITIES),
        *(("motion_mode", value) for value in MOTION_MODES),
        *(("aspect_ratio", value) for value in ASPECT_RATIOS),
        ("seed", 1),
        ("seed", SEED_MAX),
        ("prompt", "x" * PROMPT_MAX),
        ("max_jobs", 8),
        ("model", "v4.5"),
        ("remove_watermark", False),
        ("reply_ref", "r" * REPLY_REF_MAX),
        ("reply_url", "https://example.org/hook"),
    ],
)
def test_every_documented_value_is_taken(name: str, value: object) -> None:
    """Each choice of the vendor's page, and each end of a range, is valid."""
    assert getattr(build_request({**PLAIN, name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("duration", 6),
        ("duration", "5"),
        ("duration", True),
        ("duration", None),
        ("quality", "4k"),
        ("quality", 720),
        ("motion_mode", "slow"),
        ("aspect_ratio", "21:9"),
        ("seed", 0),
        ("seed", SEED_MAX + 1),
        ("seed", 1.0),
        ("seed", "7"),
        ("seed", True),
        ("prompt", "x" * (PROMPT_MAX + 1)),
        ("prompt", 7),
        ("max_jobs", 0),
        ("max_jobs", 9),
        ("model", "3.5"),
        ("remove_watermark", 1),
        ("remove_watermark", "yes"),
        ("reply_ref", "r" * (REPLY_REF_MAX + 1)),
        ("reply_url", "ftp://example.org"),
        ("reply_url", "https://example.org/" + "x" * REPLY_MAX),
        ("colour", "red"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: object) -> None:
    """A value outside the vendor's page is refused under its own name, whatever else is right."""
    assert wrong_fields(**{name: value}).keys() == {name}


def test_every_wrong_field_is_named_at_once() -> None:
    """Three mistakes make one error with three names, and each mend tells what was given."""
    wrong = wrong_fields(duration=6, quality="4k", seed=0)
    assert wrong.keys() == {"duration", "quality", "seed"}
    assert wrong["duration"] == "must be 5 or 8 (seconds, a whole number), not 6"
    assert "not '4k'" in wrong["quality"]


def test_a_long_text_is_counted_not_repeated() -> None:
    """The mend of a text that is too long names its length and does not print it."""
    assert wrong_fields(prompt="x" * 3000)["prompt"] == "must be a text of at most 2048 characters; this one has 3000"


def test_what_was_given_is_masked() -> None:
    """An address in a wrong field is not printed."""
    assert "maria" not in wrong_fields(quality=EMAIL)["quality"]


def test_the_vendors_room_for_a_reference_holds_both() -> None:
    """The longest reference of a person and our own in front of it fit into the vendor's 1024 characters."""
    assert REPLY_REF_MAX + len("pv-0123456789ab-01234567:9999 ") <= REPLY_MAX


@pytest.mark.parametrize(
    "values",
    [
        {"motion_mode": "fast", "duration": 8},
        {"quality": "1080p", "duration": 8},
        {"quality": "1080p", "motion_mode": "fast"},
    ],
)
def test_refused_combinations_are_named_before_sending(values: dict[str, object]) -> None:
    """A combination that PixVerse refuses is refused here, under both fields, with the rule and the way round it."""
    wrong = wrong_fields(**values)
    assert wrong.keys() == values.keys()
    assert all("allow_refused=True" in mend for mend in wrong.values())
    assert len(violations(values)) == 1


def test_three_rules_at_once() -> None:
    """1080p, fast and 8 s break all three rules, and all are told."""
    values = {"quality": "1080p", "motion_mode": "fast", "duration": 8}
    assert violations(values) == CONSTRAINTS
    assert wrong_fields(**values).keys() == values.keys()


def test_a_refused_combination_can_be_insisted_on() -> None:
    """allow_refused=True lets the vendor decide, and nothing is rewritten silently."""
    request = build_request({**PLAIN, "quality": "1080p", "duration": 8}, allow_refused=True)
    assert (request.quality, request.duration) == ("1080p", 8)


def test_insisting_does_not_excuse_a_wrong_value() -> None:
    """allow_refused=True is about combinations only."""
    with pytest.raises(InvalidRequest):
        build_request({**PLAIN, "duration": 7}, allow_refused=True)


def test_a_request_is_frozen() -> None:
    """A request cannot be changed after it was checked."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        a_request().seed = 7  # type: ignore[misc]  # the fact tested


LOOKS = {
    "first": "c",
    "last": "c",
    "prompt": "hello",
    "model": "v4",
    "duration": 8,
    "quality": "360p",
    "motion_mode": "fast",
    "aspect_ratio": "1:1",
    "seed": 7,
    "remove_watermark": False,
}
WAYS = {"email": EMAIL, "reply_url": "https://example.org/hook", "reply_ref": "mine", "max_jobs": 3}


def test_each_field_is_a_look_or_a_way() -> None:
    """Every field of the request either makes another video or only another way to the same one."""
    assert LOOKS.keys() | WAYS.keys() == {field.name for field in dataclasses.fields(FramesRequest)}


@pytest.mark.parametrize("name", LOOKS)
def test_what_changes_the_video_changes_the_cell(name: str) -> None:
    """Each field that decides the look makes another cell, so that nothing is given back for something else."""
    assert a_request(**{name: LOOKS[name]}).cell != a_request().content_key


@pytest.mark.parametrize("name", WAYS)
def test_the_way_does_not_change_the_cell(name: str) -> None:
    """Account, callback, reference and slots make no other video: the same call finds the same job."""
    assert a_request(**{name: WAYS[name]}).cell == a_request().content_key
    assert a_request(**{name: WAYS[name]}).seedless_key == a_request().seedless_key


def test_the_call_key_leaves_out_the_seed_alone() -> None:
    """A call that lets the seed be drawn is the same call whatever was drawn, and no other field is forgotten."""
    assert a_request(seed=1).seedless_key == a_request(seed=2).seedless_key
    for name in LOOKS.keys() - {"seed"}:
        assert a_request(**{name: LOOKS[name]}).seedless_key != a_request().seedless_key


def test_the_cell_is_the_same_in_every_process() -> None:
    """The cell stands in ledgers for years: its value is fixed."""
    assert a_request().content_key == "ad2515dcaa67bf00ebd07e6bc2adc25db35d4cb201f29417f5ca97fbf88e1af4"


@given(prompt=st.text(max_size=PROMPT_MAX), seed=st.integers(1, SEED_MAX), quality=st.sampled_from(QUALITIES))
def test_a_request_survives_json(prompt: str, seed: int, quality: str) -> None:
    """What is written as JSON reads back as the same request with the same cell."""
    request = a_request(prompt=prompt, seed=seed, quality=quality)
    again = FramesRequest(**dataclasses.asdict(request))
    assert again == request
    assert again.cell == request.cell


def test_the_repr_hides_the_account() -> None:
    """Neither the e-mail of the account nor one in the prompt is printed."""
    shown = f"{a_request(email=EMAIL, prompt=f'for {EMAIL}')!r} {a_request(email=EMAIL)}"
    assert "maria" not in shown
    assert "seed=42" in shown


def test_no_value_prints_an_account() -> None:
    """The reprs of rows, jobs and slots leave out the vendor's id and the e-mail."""
    shown = repr(
        [
            RemoteVideo(a_video_id(), RemoteState.QUEUED, raw={"video_id": a_video_id()}),
            RunningJob(a_video_id()),
            AccountCapacity(EMAIL, 5, 1, 4),
            Credits(1, 2, 3, raw={"nick_name": EMAIL}),
        ]
    )
    assert "maria" not in shown


def test_all_values_are_frozen() -> None:
    """Every dataclass of the module is frozen."""
    found = [one for one in vars(requests).values() if isinstance(one, type) and dataclasses.is_dataclass(one)]
    assert found
    assert [one.__name__ for one in found if not one.__dataclass_params__.frozen] == []  # type: ignore[attr-defined]  # typeshed leaves it out


def test_the_last_six_states_are_final() -> None:
    """A job goes no further from exactly these six states."""
    assert {state.value for state in FINAL_STATES} == {
        "done",
        "failed",
        "moderated",
        "refused",
        "cancelled",
        "timed_out",
    }
    assert [state for state in JobState if state.is_final] == list(JobState)[-6:]


def test_a_balance_is_daily_and_monthly_and_package() -> None:
    """All credits that can be spent are the sum of the three kinds."""
    assert Credits(daily=1, monthly=20, package=300).total == 321


def test_capacity_is_summed_over_accounts() -> None:
    """Free slots are those that the vendor names, not the difference of two other figures."""
    both = Capacity((AccountCapacity("a", 5, 1, 2), AccountCapacity("b", 8, 0, 8)))
    assert (both.available, both.max_jobs) == (10, 13)


def test_what_our_ledger_keeps_is_not_judged_again() -> None:
    """The same request comes back without loading the judge; where fields are missing or strange it is judged anew."""
    made = a_request(seed=7, prompt="a cup")
    kept = dict(vars(made))
    again = FramesRequest.from_trusted(kept)
    assert (again, again.cell) == (made, made.cell)
    older = {name: value for name, value in kept.items() if name != "max_jobs"}
    assert FramesRequest.from_trusted(older) == made
    with pytest.raises(InvalidRequest, match="quality"):
        FramesRequest.from_trusted({**older, "quality": "999p"})
