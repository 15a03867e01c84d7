"""POST /videos/create…: what is accepted, and every field that is not."""

import re
from typing import Any

import pytest

from pixverse_nb.sandbox import Sandbox
from tests.sandbox.guest import Guest, picture


def test_create_answers_id_and_cost(guest: Guest) -> None:
    """The answer holds the video_id in the vendor's form, and the credits."""
    answer = guest.post().json()
    assert re.fullmatch(r"user:1001-pixverse:sandbox@example\.com-video:\d+", answer.pop("video_id"))
    assert answer == {"cost_credits": 60}


def test_user_number_is_that_of_the_token() -> None:
    """The number in a token of the vendor's form stands in every video_id."""
    with Sandbox(speed=0, token="user:77-abcdefgh") as box:
        one = Guest(box)
        with one.http:
            assert one.create().startswith("user:77-pixverse:")


def test_cost_can_be_left_out(guest: Guest) -> None:
    """Older answers have no cost_credits: a switch leaves it out."""
    guest.control.switches.cost_credits = False
    assert set(guest.post().json()) == {"video_id"}


def test_row_holds_the_defaults(guest: Guest) -> None:
    """What the call leaves out takes the documented defaults, and a seed is drawn."""
    row = guest.row(guest.create())
    assert (row["model"], row["duration"], row["quality"]) == ("v3.5", 5, "720p")
    assert (row["motion_mode"], row["aspect_ratio"], row["remove_watermark"]) == ("normal", "16:9", 1)
    assert 1 <= row["seed"] <= 2147483647


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
def test_values_may_be_text(guest: Guest, form: str) -> None:
    """JSON, JSON with text values and multipart mean the same."""
    body = guest.frames(**FIELDS)
    texts = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in body.items()}
    sent: dict[str, Any] = {
        "json": {"json": body},
        "json of texts": {"json": texts},
        "multipart": {"files": {name: (None, value) for name, value in texts.items()}},
    }[form]
    answer = guest.call("POST", "/videos/create-frames-v3", **sent)
    row = guest.row(answer.json()["video_id"])
    assert (row["duration"], row["seed"], row["remove_watermark"]) == (5, 42, 0)
    assert (row["prompt"], row["quality"], row["motion_mode"], row["aspect_ratio"]) == ("a cat", "540p", "fast", "3:4")
    assert guest.control.generations[0].reply_ref == "mine"


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
def test_wrong_field_is_named(steady: Guest, field: str, value: Any) -> None:
    """A wrong field is a 400 that names it; nothing is accepted or paid."""
    before = steady.control.balance()
    answer = steady.post(**{field: value})
    assert (answer.status_code, answer.json()["code"]) == (400, 400)
    assert field in answer.json()["error"]
    assert (steady.control.generations, steady.control.balance()) == ([], before)


def test_every_wrong_field_is_named(steady: Guest) -> None:
    """Several wrong fields are named in one answer."""
    error = steady.post(seed=0, quality="4k").json()["error"]
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
def test_refused_combinations(guest: Guest, fields: dict[str, Any]) -> None:
    """The three combinations of the v3.5 era are taken as useapi.net takes them, until the switch refuses them."""
    assert guest.post(**fields).status_code == 200
    guest.control.switches.refuse_combinations = True
    assert guest.post(**fields).status_code == 400


@pytest.mark.parametrize(
    "sent",
    [{"content": b"not json"}, {"json": [1]}, {"data": {"prompt": "x"}}, {"files": {"first": ("a.png", b"bytes")}}],
)
def test_strange_bodies_are_refused(steady: Guest, sent: dict[str, Any]) -> None:
    """A body that is neither a JSON object nor fields in multipart is a 400 in the vendor's form."""
    answer = steady.call("POST", "/videos/create-frames-v3", **sent)
    assert (answer.status_code, answer.json()["code"]) == (400, 400)


def test_broken_multipart_is_refused(steady: Guest) -> None:
    """A multipart body without its boundary is a 400 in the vendor's form."""
    kind = {"Content-Type": "multipart/form-data"}
    answer = steady.call("POST", "/videos/create-frames-v3", content=b"--x\r\n", headers=kind)
    assert (answer.status_code, answer.json()["code"]) == (400, 400)


def test_newer_frames_route_takes_newer_models(guest: Guest) -> None:
    """create-frames takes a later model; its row has no aspect ratio and, once done, a width."""
    video_id = guest.create("create-frames", model="v5", motion_mode="whatever")
    assert (guest.row(video_id)["aspect_ratio"], guest.row(video_id)["output_width"]) == ("", 0)
    guest.control.advance(200)
    row = guest.row(video_id)
    assert (row["video_status"], row["output_width"], row["output_height"]) == (1, 1280, 720)


def test_text_alone_makes_a_video(guest: Guest) -> None:
    """create-v4 and create take a prompt without any frame, or one frame without a prompt."""
    path = guest.upload()
    for route in ("create-v4", "create"):
        guest.create(route, first_frame_path=None, last_frame_path=None, prompt="a wave")
        guest.create(route, first_frame_path=path, last_frame_path=None)
        nothing = guest.post(route, first_frame_path=None, last_frame_path=None)
        assert (nothing.status_code, "prompt" in nothing.json()["error"]) == (400, True)
    guest.control.advance(200)
    assert {row["video_status"] for row in guest.rows()} == {1}


def test_v3_route_takes_an_image_by_id(guest: Guest) -> None:
    """create-v3 wants a prompt and may name an upload by its id."""
    sent = guest.call("POST", "/files", content=picture(), headers={"Content-Type": "image/png"}).json()["result"][0]
    assert guest.post("create-v3", img_id=sent["id"]).status_code == 400
    assert guest.post("create-v3", img_id=1, prompt="x").status_code == 400
    video_id = guest.create("create-v3", img_id=sent["id"], prompt="x")
    assert guest.row(video_id)["first_frame"] == sent["url"]


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic x", ""])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/files/"),
        ("POST", "/videos/create-frames-v3"),
        ("GET", "/videos/"),
        ("GET", "/videos/user:1-pixverse:a@b.c-video:1"),
        ("DELETE", "/videos/user:1-pixverse:a@b.c-video:1"),
        ("GET", "/scheduler/"),
        ("GET", "/scheduler/available"),
        ("DELETE", "/scheduler/user:1-pixverse:a@b.c-video:1"),
        ("GET", "/features/"),
        ("GET", "/accounts"),
        ("POST", "/accounts/a@b.c"),
        ("GET", "/accounts/a@b.c"),
        ("DELETE", "/accounts/a@b.c"),
    ],
)
def test_every_route_wants_the_token(steady: Guest, method: str, path: str, header: str | None) -> None:
    """Without the right token every route answers 401 Unauthorized."""
    headers = {} if header is None else {"Authorization": header}
    answer = steady.http.request(method, steady.box.base_url + path, headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized", "code": 401})


def test_ended_subscription_is_402(guest: Guest) -> None:
    """With the subscription switched off every call answers 402 with the vendor's words."""
    guest.control.switches.subscribed = False
    answer = guest.call("GET", "/accounts")
    assert answer.status_code == 402
    assert answer.json()["error"] == "Account has no subscription or subscription expired"


def test_unknown_routes_answer_in_json(steady: Guest) -> None:
    """A path or a method that is not served answers with the vendor's error body."""
    assert steady.call("GET", "/nothing").json() == {"error": "Not Found", "code": 404}
    assert steady.call("PUT", "/videos/").json()["code"] == 405
