"""The fields of create calls, their prices, and the checks of uploaded images."""

from typing import Any

import pytest

from tests.sandbox.api_client import ApiClient, make_image

FIELDS = {
    "prompt": "a cat",
    "duration": 5,
    "quality": "540p",
    "motion_mode": "fast",
    "aspect_ratio": "3:4",
    "seed": 42,
    "remove_watermark": False,
    "maxJobs": 3,
    "replyRef": "mine",
}


@pytest.mark.parametrize("form", ["json", "json of texts", "multipart"])
def test_values_may_be_text(api: ApiClient, form: str) -> None:
    """JSON, JSON with text values, and multipart have the same meaning."""
    body = api.create_body(**FIELDS)
    texts = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in body.items()}
    sent: dict[str, Any] = {
        "json": {"json": body},
        "json of texts": {"json": texts},
        "multipart": {"files": {name: (None, value) for name, value in texts.items()}},
    }[form]
    answer = api.call("POST", "/videos/create-frames-v3", **sent)
    row = api.row(answer.json()["video_id"])
    assert (row["duration"], row["seed"], row["remove_watermark"]) == (5, 42, 0)
    assert (row["prompt"], row["quality"], row["motion_mode"], row["aspect_ratio"]) == ("a cat", "540p", "fast", "3:4")
    assert api.control.generations[0].reply_ref == "mine"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("first_frame_path", None),
        ("last_frame_path", None),
        ("first_frame_path", "upload/unknown.png"),
        ("last_frame_path", 7),
        ("prompt", "x" * 2049),
        ("prompt", 5),
        ("model", "v9"),
        ("duration", 6),
        ("duration", "5s"),
        ("duration", 5.0),
        ("duration", True),
        ("quality", "480p"),
        ("motion_mode", "slow"),
        ("aspect_ratio", "21:9"),
        ("seed", 0),
        ("seed", 2147483648),
        ("seed", "-1"),
        ("seed", True),
        ("remove_watermark", "maybe"),
        ("replyUrl", "ftp://127.0.0.1/x"),
        ("replyUrl", "http://127.0.0.1/" + "x" * 1024),
        ("replyRef", "x" * 1025),
        ("maxJobs", 0),
        ("maxJobs", 9),
        ("email", 3),
    ],
)
def test_invalid_field_is_named(shared_api: ApiClient, field: str, value: Any) -> None:
    """An invalid field returns 400 and is named; nothing is accepted or charged."""
    before = shared_api.control.balance()
    answer = shared_api.post_create(**{field: value})
    assert (answer.status_code, answer.json()["code"]) == (400, 400)
    assert field in answer.json()["error"]
    assert (shared_api.control.generations, shared_api.control.balance()) == ([], before)


def test_all_invalid_fields_are_named(shared_api: ApiClient) -> None:
    """One answer names all invalid fields."""
    error = shared_api.post_create(seed=0, quality="4k").json()["error"]
    assert "seed" in error
    assert "quality" in error


@pytest.mark.parametrize(
    "fields",
    [
        {"motion_mode": "fast", "duration": 8},
        {"quality": "1080p", "duration": 8},
        {"quality": "1080p", "motion_mode": "fast"},
    ],
)
def test_refused_combinations(api: ApiClient, fields: dict[str, Any]) -> None:
    """The three combinations are accepted, as on useapi.net, unless the setting refuses them."""
    assert api.post_create(**fields).status_code == 200
    api.control.settings.refuse_combinations = True
    assert api.post_create(**fields).status_code == 400


def test_create_frames_takes_newer_models(api: ApiClient) -> None:
    """create-frames takes a newer model; its row has no aspect ratio and, once completed, a width."""
    video_id = api.create("create-frames", model="v5", motion_mode="whatever", aspect_ratio="9:16")
    assert (api.row(video_id)["aspect_ratio"], api.row(video_id)["output_width"]) == ("", 0)
    api.control.advance(200)
    row = api.row(video_id)
    assert (row["video_status"], row["output_width"], row["output_height"]) == (1, 960, 540)


def test_create_frames_has_the_defaults_of_its_page(api: ApiClient) -> None:
    """Without fields, create-frames generates 5 s in 540p with v5.6 for 30 credits."""
    answer = api.post_create("create-frames")
    row = api.row(answer.json()["video_id"])
    assert (row["model"], row["quality"], row["duration"]) == ("v5.6", "540p", 5)
    assert answer.json()["cost_credits"] == 30


@pytest.mark.parametrize(("shape", "size"), [((32, 18), (960, 540)), ((18, 32), (540, 960)), ((20, 20), (540, 540))])
def test_the_first_picture_sets_the_ratio(api: ApiClient, shape: tuple[int, int], size: tuple[int, int]) -> None:
    """A video of create-frames has the ratio of its first picture, whatever the last one has."""
    paths = []
    for width, height in (shape, (40, 10)):
        picture = make_image(width=width, height=height)
        answer = api.call("POST", "/files/", content=picture, headers={"Content-Type": "image/png"})
        paths.append(answer.json()["result"][0]["path"])
    video_id = api.create("create-frames", first_frame_path=paths[0], last_frame_path=paths[1])
    api.control.advance(200)
    row = api.row(video_id)
    assert (row["output_width"], row["output_height"]) == size


@pytest.mark.parametrize(
    ("model", "ratio", "status"),
    [
        ("v6", "3:4", 200),
        ("v6", "21:9", 400),
        ("kling-o3", "1:1", 200),
        ("kling-o3", "4:3", 400),
        ("veo-3.1-fast", "1:1", 400),
        ("seedance-2.0", "21:9", 200),
        ("pixverse-c1", "2:3", 200),
        ("sora-2", "9:16", 200),
    ],
)
def test_create_takes_the_ratios_of_the_model(api: ApiClient, model: str, ratio: str, status: int) -> None:
    """create takes the aspect ratios of its model and names the field otherwise."""
    duration = 4 if model.startswith(("veo", "sora")) else 5
    frames = {"first_frame_path": None, "last_frame_path": None, "prompt": "a wave"}
    answer = api.post_create("create", model=model, aspect_ratio=ratio, duration=duration, **frames)
    assert answer.status_code == status
    assert (status == 400) is ("aspect_ratio" in answer.json().get("error", ""))


def test_prompt_or_frame_is_enough(api: ApiClient) -> None:
    """create-v4 and create take a prompt without a frame, or one frame without a prompt."""
    path = api.upload()
    for route in ("create-v4", "create"):
        api.create(route, first_frame_path=None, last_frame_path=None, prompt="a wave")
        api.create(route, first_frame_path=path, last_frame_path=None)
        neither = api.post_create(route, first_frame_path=None, last_frame_path=None)
        assert (neither.status_code, "prompt" in neither.json()["error"]) == (400, True)
    api.control.advance(200)
    assert {row["video_status"] for row in api.rows()} == {1}


def test_create_v3_takes_an_image_by_id(api: ApiClient) -> None:
    """create-v3 needs a prompt and may name an upload by its id."""
    uploaded = api.call("POST", "/files", content=make_image(), headers={"Content-Type": "image/png"}).json()["result"][
        0
    ]
    assert api.post_create("create-v3", img_id=uploaded["id"]).status_code == 400
    assert api.post_create("create-v3", img_id=1, prompt="x").status_code == 400
    video_id = api.create("create-v3", img_id=uploaded["id"], prompt="x")
    assert api.row(video_id)["first_frame"] == uploaded["url"]


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        ({"quality": "360p"}, 30),
        ({"quality": "540p"}, 45),
        ({"quality": "720p"}, 60),
        ({"quality": "1080p"}, 120),
        ({"quality": "540p", "duration": 8}, 90),
        ({"quality": "720p", "motion_mode": "fast"}, 120),
    ],
)
def test_prices(shared_api: ApiClient, fields: dict[str, object], cost: int) -> None:
    """The price of v3.5 depends on the quality; 8 s and fast motion double it; the answer contains it."""
    before = shared_api.control.balance()
    answer = shared_api.call("POST", "/videos/create-frames-v3", json={**shared_api.create_body(), **fields})
    assert answer.json()["cost_credits"] == before - shared_api.control.balance() == cost


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        ({"quality": "360p"}, 20),
        ({"quality": "1080p", "duration": 8}, 160),
        ({"duration": 10}, 60),
        ({"duration": 1}, 30),
        ({"model": "v6"}, 35),
        ({"model": "v6", "duration": 15, "quality": "1080p"}, 210),
        ({"model": "pixverse-c1", "duration": 3}, 30),
        ({"model": "pixverse-c1", "duration": 3, "audio": True}, 39),
        ({"model": "v5.5", "duration": 10, "audio": True}, 80),
        ({"model": "v5.6", "audio": True}, 30),
        ({"off_peak_mode": True}, 15),
        ({"preview_mode": True}, 24),
        ({"off_peak_mode": "false"}, 30),
    ],
)
def test_prices_of_newer_models(api: ApiClient, fields: dict[str, object], cost: int) -> None:
    """A newer model costs credits for 5 s, twice that for more, or credits for each second; discounts apply."""
    before = api.control.balance()
    answer = api.post_create("create-frames", **fields)
    assert answer.json()["cost_credits"] == before - api.control.balance() == cost


def test_prices_can_be_corrected(api: ApiClient) -> None:
    """The setting replaces the credits of a quality for every model; other qualities keep theirs."""
    api.control.settings.prices = {"540p": 7}
    costs = [
        api.post_create("create-frames", **fields).json()["cost_credits"]
        for fields in (
            {},
            {"duration": 8},
            {"quality": "720p"},
            {"model": "v6", "quality": "540p", "duration": 2},
            {"model": "v5.5", "audio": True},
        )
    ]
    assert costs == [7, 14, 40, 14, 7]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"duration": 11}, "duration"),
        ({"duration": 16, "model": "v6"}, "duration"),
        ({"duration": 5, "model": "veo-3.1-fast"}, "duration"),
        ({"quality": "480p"}, "quality"),
        ({"quality": "1080p", "model": "kling-o3"}, "quality"),
        ({"quality": "1080p", "duration": 9}, "duration"),
        ({"seed": 1, "model": "kling-o3", "quality": "720p"}, "seed"),
        ({"audio": True, "model": "v5"}, "audio"),
        ({"audio": "true", "model": "seedance-2.0"}, "audio"),
        ({"multi_shot": True}, "multi_shot"),
        ({"off_peak_mode": "maybe"}, "off_peak_mode"),
        ({"model": "v3.5"}, "model"),
        ({"model": "v5-fast"}, "model"),
        ({"model": "sora-2"}, "model"),
        ({"model": "v9"}, "model"),
    ],
)
def test_a_field_that_the_model_does_not_take_is_named(
    shared_api: ApiClient, fields: dict[str, Any], named: str
) -> None:
    """create-frames answers 400 and names the field that the model does not take; nothing is charged."""
    before = shared_api.control.balance()
    answer = shared_api.post_create("create-frames", **fields)
    assert answer.status_code == 400
    assert named in answer.json()["error"]
    assert shared_api.control.balance() == before


def test_a_switch_that_is_off_suits_every_model(api: ApiClient) -> None:
    """A model takes the switches that it does not have if they are false, as the vendor's examples send them."""
    fields = {"first_frame_path": None, "last_frame_path": None, "prompt": "a wave", "off_peak_mode": False}
    assert api.post_create("create", model="seedance-2.0", aspect_ratio="16:9", **fields).status_code == 200


@pytest.mark.parametrize(
    ("kind", "data", "named"),
    [
        (None, make_image(), "Content-Type"),
        ("text/plain", make_image(), "Content-Type"),
        ("multipart/form-data; boundary=x", make_image(), "Content-Type"),
        ("image/jpeg", make_image(".png"), "not image/jpeg"),
        ("image/png", make_image()[:-12], "cut off"),
        ("image/png", make_image()[:8] + b"rubbish IEND", "decoded"),
        ("image/webp", b"RIFF1234WAVE", "not image/webp"),
        ("image/png", b"", "raw bytes"),
        ("image/png", make_image(width=2049), "2049x18"),
    ],
)
def test_invalid_upload_is_refused(shared_api: ApiClient, kind: str | None, data: bytes, named: str) -> None:
    """An upload that is not the declared image, is incomplete, or is too large returns 400."""
    before = len(shared_api.box._simulator.state.uploads)
    answer = shared_api.call("POST", "/files/", content=data, headers={"Content-Type": kind} if kind else {})
    assert (answer.status_code, answer.json()["code"]) == (400, 400)
    assert named in answer.json()["error"]
    assert len(shared_api.box._simulator.state.uploads) == before
