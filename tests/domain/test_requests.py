"""Requests: which values are valid, which requests mean the same video, JSON, and what their repr hides."""

import dataclasses
import json
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_nb.domain.catalogue import (
    ASPECT_RATIOS,
    DURATIONS,
    MOTION_MODES,
    PROMPT_MAX,
    QUALITIES,
    SEED_MAX,
    Operation,
    model_spec,
)
from pixverse_nb.domain.requests import (
    DELIVERY_FIELDS,
    REPLY_MAX,
    REPLY_REF_MAX,
    Delivery,
    GenerationRequest,
    Input,
    build_request,
    frames_request,
)
from pixverse_nb.errors import InvalidRequest
from tests.factories import EMAIL, a_request

INPUTS = (Input("first", "a"), Input("last", "b"))


def plain_request(*, allow_refused: bool = False, **fields: Any) -> GenerationRequest:
    """A request for two pictures with seed 1 and these fields."""
    return frames_request(INPUTS, {"seed": 1, **fields}, allow_refused=allow_refused)


def wrong_fields(**fields: Any) -> dict[str, str]:
    """The fields that are wrong in the plain request with these fields."""
    with pytest.raises(InvalidRequest) as caught:
        plain_request(**fields)
    return caught.value.fields


def value_of(request: GenerationRequest, name: str) -> object:
    """The value of a field, wherever the request holds it."""
    everything = {"model": request.model, **request.params, **dataclasses.asdict(request.delivery)}
    return everything[name]


def test_the_defaults_are_the_vendors() -> None:
    """A request with two pictures and a seed has the vendor's own defaults."""
    request = plain_request()
    assert (request.operation, request.model, request.inputs) == (Operation.FRAMES, "v3.5", INPUTS)
    assert request.params == {
        "prompt": "",
        "duration": 5,
        "quality": "720p",
        "motion_mode": "normal",
        "aspect_ratio": "16:9",
        "seed": 1,
        "remove_watermark": True,
    }
    assert request.delivery == Delivery(None, None, None, None)


def test_the_properties_are_the_parameters() -> None:
    """The properties return the parameters of the same name, or None if the request has none."""
    request = plain_request(prompt="A cat")
    names = ("prompt", "duration", "quality", "motion_mode", "aspect_ratio", "seed", "remove_watermark")
    assert {name: getattr(request, name) for name in names} == request.params
    empty = GenerationRequest(Operation.UPSCALE, "v3.5", (), {})
    assert {name: getattr(empty, name) for name in names} == {**dict.fromkeys(names), "prompt": ""}


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
        ("email", EMAIL),
    ],
)
def test_every_documented_value_is_accepted(name: str, value: Any) -> None:
    """Each choice on the vendor's page and both ends of each range are valid."""
    assert value_of(plain_request(**{name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("duration", 6),
        ("duration", "5"),
        ("duration", True),
        ("duration", None),
        ("duration", np.array([5, 8])),
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
        ("model", "v3.5\n"),
        ("model", None),
        ("remove_watermark", 1),
        ("remove_watermark", "yes"),
        ("reply_ref", "r" * (REPLY_REF_MAX + 1)),
        ("reply_url", "ftp://example.org"),
        ("reply_url", "https://example.org/a b"),
        ("reply_url", "https://example.org/" + "x" * REPLY_MAX),
        ("colour", "red"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: object) -> None:
    """A value that the vendor's page does not allow is refused under its own name, and no other field is."""
    assert wrong_fields(**{name: value}).keys() == {name}


def test_every_wrong_field_is_named_at_once() -> None:
    """Several mistakes give one error that names each field and shows what was given."""
    wrong = wrong_fields(duration=6, quality="4k", seed=0, max_jobs=9, colour="red", model="3.5")
    assert wrong.keys() == {"duration", "quality", "seed", "max_jobs", "colour", "model"}
    assert "'4k'" in wrong["quality"]


def test_an_unknown_field_gets_a_suggestion() -> None:
    """A misspelt field is reported with the field that was probably meant."""
    assert "'quality'" in wrong_fields(qualty="720p")["qualty"]
    assert "'max_jobs'" in wrong_fields(maxjobs=2)["maxjobs"]


def test_what_was_given_is_redacted() -> None:
    """The problem of a wrong field does not print an e-mail address."""
    assert "maria" not in wrong_fields(quality=EMAIL)["quality"]


def test_a_long_value_is_cut() -> None:
    """The problem of a wrong field stays short whatever was given, and an address at the cut is still redacted."""
    for length in range(200, 260):
        problem = wrong_fields(quality="x" * length + f" {EMAIL} " + "y" * 5000)["quality"]
        assert len(problem) <= 300
        assert "maria" not in problem


@pytest.mark.parametrize("roles", [(), ("first",), ("last",), ("frame_1",)])
def test_both_pictures_are_required(roles: tuple[str, ...]) -> None:
    """A frames request without its first or last picture names the missing one."""
    with pytest.raises(InvalidRequest) as caught:
        frames_request([Input(role, "a") for role in roles], {"seed": 1})
    assert caught.value.fields.keys() == {"first", "last"} - set(roles)


def test_a_seed_is_required() -> None:
    """A request without a seed is invalid; the caller draws one."""
    with pytest.raises(InvalidRequest) as caught:
        frames_request(INPUTS, {})
    assert caught.value.fields.keys() == {"seed"}


class Seconds(Enum):
    """An enum of durations."""

    LONG = 8


def test_equivalent_scalars_make_the_same_request() -> None:
    """Numpy numbers, enum members and Decimals make the same request as the plain values, and it can be JSON."""
    wanted = plain_request(seed=7, duration=8, remove_watermark=False, max_jobs=2)
    for seconds in (np.int64(8), Seconds.LONG, Decimal(8)):
        request = plain_request(
            seed=np.int64(7), duration=seconds, remove_watermark=np.bool_(False), max_jobs=Decimal(2)
        )
        assert request == wanted
        assert json.dumps(request.to_json()) == json.dumps(wanted.to_json())


def test_the_vendors_limit_for_a_reference_holds_both() -> None:
    """The longest reference of a user and our own in front of it fit into the vendor's 1024 characters."""
    assert REPLY_REF_MAX + len("pv-0123456789ab-01234567:9999 ") <= REPLY_MAX


# -- combinations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        {"motion_mode": "fast", "duration": 8},
        {"quality": "1080p", "duration": 8},
        {"quality": "1080p", "motion_mode": "fast"},
        {"quality": "1080p", "motion_mode": "fast", "duration": 8},
        {"quality": np.str_("1080p"), "duration": Seconds.LONG},
    ],
)
def test_refused_combinations_are_named_before_sending(values: dict[str, object]) -> None:
    """A combination that PixVerse rejects is refused under each of its fields, with the argument that permits it."""
    wrong = wrong_fields(**values)
    assert wrong.keys() == values.keys()
    assert all("allow_refused=True" in problem for problem in wrong.values())


def test_allow_refused_permits_a_combination() -> None:
    """allow_refused=True leaves the decision to the vendor and changes no value."""
    request = plain_request(quality="1080p", duration=8, allow_refused=True)
    assert (request.quality, request.duration) == ("1080p", 8)


def test_allow_refused_does_not_permit_a_wrong_value() -> None:
    """allow_refused=True applies to combinations only."""
    with pytest.raises(InvalidRequest):
        plain_request(duration=7, allow_refused=True)


# -- identity --------------------------------------------------------------------------------------------------------


def test_a_request_is_frozen() -> None:
    """A request cannot be changed after it was validated."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        a_request().model = "v4"  # type: ignore[misc]  # the fact tested


CONTENT: dict[str, Any] = {
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
DELIVERY: dict[str, Any] = {"email": EMAIL, "reply_url": "https://example.org/hook", "reply_ref": "mine", "max_jobs": 3}


def test_these_are_all_fields() -> None:
    """The examples of these tests cover every parameter and every field of the delivery."""
    assert CONTENT.keys() == {"first", "last", "model", *model_spec("v3.5").fields}
    assert DELIVERY.keys() == DELIVERY_FIELDS.keys() == {item.name for item in dataclasses.fields(Delivery)}


@pytest.mark.parametrize("name", CONTENT)
def test_what_changes_the_video_changes_the_key(name: str) -> None:
    """Each field that affects the video changes the content key, so that no other video is reused for it."""
    assert a_request(**{name: CONTENT[name]}).content_key != a_request().content_key


@pytest.mark.parametrize("name", DELIVERY)
def test_the_delivery_does_not_change_the_key(name: str) -> None:
    """Account, callback, reference and slots do not change the keys: the same call finds the same job."""
    changed = a_request(**{name: DELIVERY[name]})
    assert changed != a_request()
    assert changed.content_key == a_request().content_key
    assert changed.seedless_key == a_request().seedless_key


def test_the_seedless_key_leaves_out_the_seed_alone() -> None:
    """The seedless key is the same for every seed, and every other field changes it."""
    assert a_request(seed=1).seedless_key == a_request(seed=2).seedless_key
    for name in CONTENT.keys() - {"seed"}:
        assert a_request(**{name: CONTENT[name]}).seedless_key != a_request().seedless_key


def test_the_order_of_the_inputs_and_the_operation_count() -> None:
    """Swapped pictures and another operation are other videos."""
    request = a_request()
    swapped = dataclasses.replace(request, inputs=request.inputs[::-1])
    other = dataclasses.replace(request, operation=Operation.TRANSITION)
    assert len({one.content_key for one in (request, swapped, other)}) == 3


def test_the_content_key_never_changes() -> None:
    """Ledgers keep content keys for years, so the key of a request is a fixed value."""
    assert a_request().content_key == "51015734cb0cbda42f4248a73d1139ec4bb25cb64f7a8c871ba7c76cda31f50d"


# -- JSON and repr ---------------------------------------------------------------------------------------------------


@given(prompt=st.text(max_size=PROMPT_MAX), seed=st.integers(1, SEED_MAX), quality=st.sampled_from(QUALITIES))
def test_a_request_survives_json(prompt: str, seed: int, quality: str) -> None:
    """A request that is written as JSON and read back is the same, with the same key, trusted or not."""
    request = a_request(prompt=prompt, seed=seed, quality=quality, **DELIVERY)
    for is_trusted in (True, False):
        again = GenerationRequest.from_json(json.loads(json.dumps(request.to_json())), is_trusted=is_trusted)
        assert again == request
        assert hash(again) == hash(request)
        assert again.content_key == request.content_key


def test_a_refused_combination_survives_json() -> None:
    """A request that was made with allow_refused=True can be read back."""
    request = plain_request(quality="1080p", duration=8, allow_refused=True)
    assert GenerationRequest.from_json(request.to_json()) == request


def test_any_operation_survives_json() -> None:
    """A request of another operation, with other inputs, can be read back."""
    request = build_request(Operation.IMAGE, [Input("image", "sha256:1")], {"seed": 3, "model": "v4"})
    assert GenerationRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


@pytest.mark.parametrize(
    ("part", "change"), [("params", {"quality": "999p"}), ("params", {"mood": 1}), ("delivery", {"max_jobs": 99})]
)
def test_json_from_elsewhere_is_validated(part: str, change: dict[str, object]) -> None:
    """A stored request with an invalid field is refused by name, unless it is trusted."""
    values = a_request().to_json()
    values[part] = {**values[part], **change}
    with pytest.raises(InvalidRequest) as caught:
        GenerationRequest.from_json(values)
    assert caught.value.fields.keys() == change.keys()


def test_the_repr_hides_the_account() -> None:
    """The repr shows the parameters, but neither the account nor an e-mail address in the prompt."""
    shown = f"{a_request(email=EMAIL, prompt=f'for {EMAIL}')!r} {a_request(email=EMAIL)} {Delivery(email=EMAIL)!r}"
    assert "maria" not in shown
    assert "seed=42" in shown
