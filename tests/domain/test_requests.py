"""Requests: which values are valid, which requests mean the same video, JSON, and what their repr hides."""

import dataclasses
import functools
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
    CATALOGUE,
    PROMPT_MAX,
    SEED_MAX,
    Catalogue,
    ModelSpec,
    Operation,
)
from pixverse_nb.domain.operations import OPERATIONS, PARAM_NAMES
from pixverse_nb.domain.requests import (
    DELIVERY_FIELDS,
    REPLY_MAX,
    REPLY_REF_MAX,
    Delivery,
    GenerationRequest,
    Input,
    build_request,
    check_request,
    operation_request,
)
from pixverse_nb.errors import InvalidRequest
from tests.factories import EMAIL, a_request

INPUTS = (Input("first", "a"), Input("last", "b"))
frames_request = functools.partial(build_request, Operation.FRAMES, roles=("first", "last"))


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
    """A request with two pictures and a seed has the vendor's own defaults, and no switch that was not given."""
    request = plain_request()
    assert (request.operation, request.model, request.inputs) == (Operation.FRAMES, "v5.6", INPUTS)
    assert request.params == {"prompt": "", "duration": 5, "quality": "540p", "aspect_ratio": "16:9", "seed": 1}
    assert request.delivery == Delivery(None, None, None, None)


def test_the_defaults_of_the_first_model_are_those_of_its_page() -> None:
    """v3.5 has the defaults of the page of create-frames-v3, its two switches included."""
    assert plain_request(model="v3.5").params == {
        "prompt": "",
        "duration": 5,
        "quality": "720p",
        "motion_mode": "normal",
        "aspect_ratio": "16:9",
        "seed": 1,
        "remove_watermark": True,
    }


@pytest.mark.parametrize("name", ["model", *PARAM_NAMES, *DELIVERY_FIELDS])
def test_none_is_a_field_that_is_not_given(name: str) -> None:
    """A field that is None is the same request as one without it, even if the model does not take the field."""
    nothing: dict[str, Any] = {name: None}
    assert plain_request(**nothing) == frames_request(INPUTS, {} if name == "seed" else {"seed": 1})


def test_a_default_of_the_caller_comes_before_the_models() -> None:
    """`defaults` fill the fields that are not given, and are ignored for a field that the model does not take."""
    defaults = {"aspect_ratio": "9:16", "seed": 7, "motion_mode": "fast"}
    request = frames_request(INPUTS, {"aspect_ratio": None}, defaults=defaults)
    assert (request.aspect_ratio, request.seed, request.motion_mode) == ("9:16", 7, None)
    assert frames_request(INPUTS, {"aspect_ratio": "1:1", "seed": 8}, defaults=defaults).aspect_ratio == "1:1"
    assert frames_request(INPUTS, {"model": "kling-o3"}, defaults=defaults).seed is None


def test_the_properties_are_the_parameters() -> None:
    """The properties return the parameters of the same name, or None if the request has none."""
    request = plain_request(prompt="A cat", model="v3.5")
    names = ("prompt", "duration", "quality", "motion_mode", "aspect_ratio", "seed", "remove_watermark")
    assert {name: getattr(request, name) for name in names} == request.params
    empty = GenerationRequest(Operation.UPSCALE, "v3.5", (), {})
    assert {name: getattr(empty, name) for name in names} == {**dict.fromkeys(names), "prompt": ""}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("duration", value) for value in range(1, 11)),
        *(("quality", value) for value in ("360p", "540p", "720p", "1080p")),
        *(("aspect_ratio", value) for value in ASPECT_RATIOS),
        ("seed", 1),
        ("seed", SEED_MAX),
        ("prompt", "x" * PROMPT_MAX),
        ("max_jobs", 8),
        *(("model", spec.name) for spec in CATALOGUE.models(Operation.FRAMES) if spec.takes_seed),
        ("model", "kling-4.0"),
        ("audio", True),
        ("audio", False),
        ("preview_mode", True),
        ("off_peak_mode", True),
        ("auto_sound", True),
        ("sound_effect_prompt", "x" * PROMPT_MAX),
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
        *(("duration", value) for value in (5, 8)),
        *(("quality", value) for value in ("360p", "540p", "720p", "1080p")),
        *(("motion_mode", value) for value in ("normal", "fast")),
        *(("aspect_ratio", value) for value in ASPECT_RATIOS),
        ("remove_watermark", False),
    ],
)
def test_every_value_of_the_first_page_is_accepted(name: str, value: Any) -> None:
    """Each choice on the page of create-frames-v3 is valid with v3.5."""
    assert value_of(plain_request(model="v3.5", **{name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("duration", 0),
        ("duration", 11),
        ("duration", "5"),
        ("duration", True),
        ("duration", np.array([5, 8])),
        ("quality", "4k"),
        ("quality", 720),
        ("motion_mode", "normal"),
        ("remove_watermark", False),
        ("multi_shot", True),
        ("aspect_ratio", "21:9"),
        ("audio", 1),
        ("audio", "yes"),
        ("off_peak_mode", 0),
        ("sound_effect_prompt", "x" * (PROMPT_MAX + 1)),
        ("seed", 0),
        ("seed", SEED_MAX + 1),
        ("seed", 1.0),
        ("seed", "7"),
        ("seed", True),
        ("prompt", "x" * (PROMPT_MAX + 1)),
        ("prompt", 7),
        ("max_jobs", 0),
        ("max_jobs", 9),
        ("model", ".5"),
        ("model", "v5.6\n"),
        ("model", ""),
        ("model", "x" * 61),
        ("model", 5.6),
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


@pytest.mark.parametrize(
    ("prompt", "kinds"),
    [("@image2 in the rain", []), ("two boats", ["no_picture_named"]), ("@image", ["no_picture_named"])],
)
@pytest.mark.parametrize("model", ["pixverse-c1", "not-in-the-table"])
def test_a_fusion_that_names_no_picture_is_doubtful(prompt: str, kinds: list[str], model: str) -> None:
    """A notice says if the prompt of a fusion names none of its pictures."""
    inputs = [Input("frame_1", "a"), Input("frame_2", "b")]
    request = operation_request(Operation.FUSION, inputs, {"prompt": prompt, "model": model})
    notices = CATALOGUE.spec(model).notices(request.operation, request.params)
    assert [notice.kind for notice in notices if notice.kind != "unlisted_model"] == kinds


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("duration", 6),
        ("duration", 10),
        ("motion_mode", "slow"),
        ("remove_watermark", 1),
        ("remove_watermark", "yes"),
        ("audio", True),
        ("off_peak_mode", False),
        ("aspect_ratio", "3:2"),
    ],
)
def test_a_wrong_value_of_the_first_page_is_named(name: str, value: object) -> None:
    """A value that the page of create-frames-v3 does not allow is refused under its own name with v3.5."""
    assert wrong_fields(model="v3.5", **{name: value}).keys() == {name}


def _wrong_for(spec: ModelSpec) -> dict[str, object]:
    """Return a wrong value for every field of frames with this model, and each field that it does not take."""
    rules = spec.fields(Operation.FRAMES)
    values: dict[str, object] = {name: "x" * 9000 for name in PARAM_NAMES if name in rules}
    given = {"motion_mode": "normal", "remove_watermark": False}
    return values | {name: given.get(name, True) for name in PARAM_NAMES if name not in rules}


def test_the_removal_of_the_watermark_is_accepted_with_every_model() -> None:
    """If the route has no such field, True is the default and is not sent; any other value is refused."""
    assert "remove_watermark" not in frames_request(INPUTS, {"remove_watermark": True}).params
    assert frames_request(INPUTS, {"model": "v3.5", "remove_watermark": True}).params["remove_watermark"] is True
    for value in (False, 1, "yes"):
        assert wrong_fields(remove_watermark=value).keys() == {"remove_watermark"}


@pytest.mark.parametrize("name", CATALOGUE.names)
def test_every_wrong_field_is_named_at_once_with_each_model(name: str) -> None:
    """Whatever the model: one error names every field with a wrong value and every field that it does not take."""
    with pytest.raises(InvalidRequest) as caught:
        frames_request(INPUTS, {"model": name, **_wrong_for(CATALOGUE.spec(name))}, allow_refused=True)
    assert caught.value.fields.keys() == set(PARAM_NAMES)


@pytest.mark.parametrize("name", CATALOGUE.names)
def test_every_wrong_field_is_named_alone_with_each_model(name: str) -> None:
    """Whatever the model: one wrong field is the only one in the error."""
    spec = CATALOGUE.spec(name)
    for field, value in _wrong_for(spec).items():
        with pytest.raises(InvalidRequest) as caught:
            frames_request(INPUTS, {"model": name, field: value}, allow_refused=True)
        assert caught.value.fields.keys() == {field}


@pytest.mark.parametrize("operation", list(Operation))
def test_a_listed_model_makes_only_its_operations(operation: Operation) -> None:
    """Another operation is refused with a model that makes it, and sent with a notice if the caller says so."""
    inputs = [Input(role, "a") for role in OPERATIONS[operation].roles]
    prompt = {"prompt": "a boat"} if OPERATIONS[operation].needs_prompt else {}
    makers = [spec.name for spec in CATALOGUE.models(operation)]
    for name in (*CATALOGUE.names, "not-in-the-table"):
        fields = {"model": name, **prompt}
        is_made = name in makers or name not in CATALOGUE.names
        request = build_request(operation, inputs, fields, allow_refused=True)
        kinds = [notice.kind for notice in CATALOGUE.notices(name, operation, request.params)]
        assert ("undocumented_operation" in kinds) is not is_made
        if is_made:
            assert build_request(operation, inputs, fields) == request
            continue
        with pytest.raises(InvalidRequest) as caught:
            build_request(operation, inputs, fields)
        assert caught.value.fields.keys() == {"model"}
        assert any(repr(maker) in caught.value.fields["model"] for maker in makers)


def test_a_field_of_another_model_names_a_model_that_takes_it() -> None:
    """The problem of a field that the model does not take names both models."""
    problem = wrong_fields(motion_mode="fast")["motion_mode"]
    assert "v5.6" in problem
    assert "'v3.5'" in problem


def test_a_model_without_a_row_takes_every_field_as_it_is() -> None:
    """An unlisted model is sent with every field that was given and without any other switch."""
    values: dict[str, Any] = {
        "duration": 45,
        "quality": "2160p",
        "aspect_ratio": "21:9",
        "motion_mode": "fast",
        "audio": True,
    }
    request = plain_request(model="kling-4.0", **values)
    assert request.params == {"prompt": "", "seed": 1, **values}
    assert frames_request(INPUTS, {"model": "kling-4.0"}).params.keys() == {
        "prompt", "duration", "quality", "aspect_ratio",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [("duration", 0), ("duration", 61), ("quality", "good"), ("seed", 0), ("motion_mode", "slow"), ("colour", "red")],
)
def test_a_model_without_a_row_does_not_take_nonsense(name: str, value: object) -> None:
    """A value that no model could take is refused for an unlisted model too."""
    assert wrong_fields(model="kling-4.0", **{name: value}).keys() == {name}


def test_a_catalogue_of_the_caller_is_used() -> None:
    """`catalogue` replaces the built-in rows, and the model that is not in it is unlisted."""
    only = Catalogue([ModelSpec("v9", (Operation.FRAMES,), (3,), ("900p",), "900p", default_duration=3)])
    assert frames_request(INPUTS, {"model": "v9"}, catalogue=only).duration == 3
    with pytest.raises(InvalidRequest) as caught:
        frames_request(INPUTS, {"model": "v9", "duration": 5, "audio": True}, catalogue=only)
    assert caught.value.fields.keys() == {"duration", "audio"}
    assert frames_request(INPUTS, {"model": "v6", "duration": 50}, catalogue=only).duration == 50


def test_every_wrong_field_is_named_at_once() -> None:
    """Several mistakes give one error that names each field and shows what was given."""
    wrong = wrong_fields(duration=11, quality="4k", seed=0, max_jobs=9, colour="red", model=".5", motion_mode="fast")
    assert wrong.keys() == {"duration", "quality", "seed", "max_jobs", "colour", "model", "motion_mode"}
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


def test_a_request_draws_no_seed() -> None:
    """A request without a seed has none; the caller draws one."""
    assert frames_request(INPUTS, {}).seed is None
    assert "seed" not in frames_request(INPUTS, {}).params


class Seconds(Enum):
    """An enum of durations."""

    LONG = 8


def test_equivalent_scalars_make_the_same_request() -> None:
    """Numpy numbers, enum members and Decimals make the same request as the plain values, and it can be JSON."""
    wanted = plain_request(model="v3.5", seed=7, duration=8, remove_watermark=False, max_jobs=2)
    for seconds in (np.int64(8), Seconds.LONG, Decimal(8)):
        request = plain_request(
            model=np.str_("v3.5"),
            seed=np.int64(7),
            duration=seconds,
            remove_watermark=np.bool_(False),
            max_jobs=Decimal(2),
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
        {"quality": "1080p", "duration": 9},
        {"quality": "1080p", "duration": 10},
        {"quality": np.str_("1080p"), "duration": Decimal(10)},
        {"quality": np.str_("1080p"), "duration": np.int16(9)},
    ],
)
def test_refused_combinations_are_named_before_sending(values: dict[str, object]) -> None:
    """A combination that PixVerse rejects is refused under each of its fields, with the argument that permits it."""
    for model in ("v5", "v5.5", "v5.6"):
        wrong = wrong_fields(model=model, **values)
        assert wrong.keys() == values.keys()
        assert all("allow_refused=True" in problem for problem in wrong.values())


@pytest.mark.parametrize(
    "values",
    [
        {"motion_mode": "fast", "duration": 8},
        {"quality": "1080p", "duration": 8},
        {"quality": "1080p", "motion_mode": "fast"},
        {"quality": "1080p", "motion_mode": "fast", "duration": 8},
    ],
)
def test_a_combination_that_only_older_documents_rule_out_is_valid(values: dict[str, Any]) -> None:
    """The page of create-frames-v3 states no rule on combinations, so none of them is refused."""
    request = plain_request(model="v3.5", **values)
    assert {name: request.params[name] for name in values} == values


def test_allow_refused_permits_a_combination() -> None:
    """allow_refused=True leaves the decision to the vendor and changes no value."""
    request = plain_request(quality="1080p", duration=10, allow_refused=True)
    assert (request.quality, request.duration) == ("1080p", 10)


def test_allow_refused_does_not_permit_a_wrong_value() -> None:
    """allow_refused=True applies to combinations only."""
    with pytest.raises(InvalidRequest):
        plain_request(duration=11, allow_refused=True)


# -- identity --------------------------------------------------------------------------------------------------------


def test_a_request_is_frozen() -> None:
    """A request cannot be changed after it was validated."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        a_request().model = "v4"  # type: ignore[misc]  # the fact tested


CONTENT: dict[str, Any] = {
    "first": "c",
    "last": "c",
    "prompt": "hello",
    "model": "v9",
    "duration": 8,
    "quality": "360p",
    "motion_mode": "fast",
    "aspect_ratio": "1:1",
    "seed": 7,
    "remove_watermark": False,
    "audio": True,
    "preview_mode": True,
    "off_peak_mode": True,
    "auto_sound": True,
    "sound_effect_prompt": "rain",
}
DELIVERY: dict[str, Any] = {"email": EMAIL, "reply_url": "https://example.org/hook", "reply_ref": "mine", "max_jobs": 3}


def unlisted_request(**fields: Any) -> GenerationRequest:
    """A request for a model that takes every field, because it is not in the catalogue."""
    return a_request(**{"model": "v8", **fields})


def test_these_are_all_fields() -> None:
    """The examples of these tests cover every parameter and every field of the delivery."""
    assert CONTENT.keys() == {"first", "last", "model", *CATALOGUE.spec("v8").fields(Operation.FRAMES)}
    assert DELIVERY.keys() == DELIVERY_FIELDS.keys() == {item.name for item in dataclasses.fields(Delivery)}


@pytest.mark.parametrize("name", CONTENT)
def test_what_changes_the_video_changes_the_key(name: str) -> None:
    """Each field that affects the video changes the content key, so that no other video is reused for it."""
    assert unlisted_request(**{name: CONTENT[name]}).content_key != unlisted_request().content_key


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
        assert unlisted_request(**{name: CONTENT[name]}).seedless_key != unlisted_request().seedless_key


def test_the_order_of_the_inputs_and_the_operation_count() -> None:
    """Swapped pictures and another operation are other videos."""
    request = a_request()
    swapped = dataclasses.replace(request, inputs=request.inputs[::-1])
    other = dataclasses.replace(request, operation=Operation.TRANSITION)
    assert len({one.content_key for one in (request, swapped, other)}) == 3


def test_the_content_key_never_changes() -> None:
    """Ledgers keep content keys for years, so the key of a request is a fixed value."""
    assert a_request(model="v3.5").content_key == "51015734cb0cbda42f4248a73d1139ec4bb25cb64f7a8c871ba7c76cda31f50d"


# -- JSON and repr ---------------------------------------------------------------------------------------------------


@given(prompt=st.text(max_size=PROMPT_MAX), seed=st.integers(1, SEED_MAX), quality=st.sampled_from(["360p", "1080p"]))
def test_a_request_survives_json(prompt: str, seed: int, quality: str) -> None:
    """A request that is written as JSON and read back is the same, with the same key, checked or not."""
    request = a_request(prompt=prompt, seed=seed, quality=quality, **DELIVERY)
    read = GenerationRequest.from_json(json.loads(json.dumps(request.to_json())))
    for again in (read, check_request(read)):
        assert again == request
        assert hash(again) == hash(request)
        assert again.content_key == request.content_key


def test_a_refused_combination_survives_json() -> None:
    """A request that was made with allow_refused=True can be read back."""
    request = plain_request(quality="1080p", duration=10, allow_refused=True)
    assert check_request(GenerationRequest.from_json(request.to_json())) == request


def test_any_operation_survives_json() -> None:
    """A request of another operation, with other inputs, can be read back."""
    request = build_request(Operation.IMAGE, [Input("image", "sha256:1")], {"seed": 3, "model": "v5"})
    assert check_request(GenerationRequest.from_json(json.loads(json.dumps(request.to_json())))) == request


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("params", {"quality": "8k"}),
        ("params", {"duration": "5"}),
        ("params", {"mood": 1}),
        ("delivery", {"max_jobs": 99}),
    ],
)
def test_json_from_elsewhere_is_validated(part: str, change: dict[str, object]) -> None:
    """A request from a file with an invalid field is refused by name."""
    values = a_request().to_json()
    values[part] = {**values[part], **change}
    with pytest.raises(InvalidRequest) as caught:
        check_request(GenerationRequest.from_json(values))
    assert caught.value.fields.keys() == change.keys()


@pytest.mark.parametrize(
    ("model", "change"),
    [
        ("v5", {"motion_mode": "normal", "remove_watermark": True}),
        ("v6", {"motion_mode": "normal", "remove_watermark": False}),
        ("v5.6", {"duration": 20, "quality": "900p"}),
        ("kling-o3", {"seed": 7}),
    ],
)
def test_json_of_other_rows_is_read(model: str, change: dict[str, Any]) -> None:
    """A request that was made with the rows of an earlier version, or of a user, is read as it was."""
    values = a_request().to_json()
    values |= {"model": model, "params": {**values["params"], **change}}
    assert check_request(GenerationRequest.from_json(values)).to_json() == values


def test_the_repr_hides_the_account() -> None:
    """The repr shows the parameters, but neither the account nor an e-mail address in the prompt."""
    shown = f"{a_request(email=EMAIL, prompt=f'for {EMAIL}')!r} {a_request(email=EMAIL)} {Delivery(email=EMAIL)!r}"
    assert "maria" not in shown
    assert "seed=42" in shown
