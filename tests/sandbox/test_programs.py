"""The conversations of programs that users of the vendor have published: each one ends with its videos.

A program's waiting is the sandbox's clock: nothing here sleeps.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.api_client import CANNED_VIDEO, ApiClient, make_image
from tests.sandbox.test_webhooks import Receiver, receiver

__all__ = ["receiver"]

PAUSE_S = 15.0  # between two polls of such a program
MOST_POLLS = 80  # after which it gives up
EMAIL = "sandbox@example.com"

IsReady = Callable[[dict[str, Any]], bool]


def upload(api: ApiClient, path: str) -> str:
    """Upload a JPEG as its raw bytes and return its path at the vendor."""
    answer = api.call("POST", path, content=make_image(".jpg"), headers={"Content-Type": "image/jpeg"})
    return str(answer.json()["result"][0]["path"])


def create(api: ApiClient, route: str, body: dict[str, Any]) -> str:
    """Send a create call, after a 429 again when some time has passed, and return the id of the video."""
    for _ in range(MOST_POLLS):
        answer = api.call("POST", f"/videos/{route}", json=body)
        if answer.status_code != 429:
            assert answer.status_code == 200, answer.text
            return str(answer.json()["video_id"])
        api.control.advance(2 * PAUSE_S)
    raise AssertionError("the sandbox stayed busy")


def poll(api: ApiClient, video_id: str, is_ready: IsReady) -> str:
    """Ask for one video by its raw id until it is ready, taking 404 for "in progress"; return its address."""
    for _ in range(MOST_POLLS):
        answer = api.call("GET", f"/videos/{video_id}")
        if answer.status_code == 200 and is_ready(answer.json()):
            return str(answer.json()["url"])
        assert answer.status_code in (200, 404)
        api.control.advance(PAUSE_S)
    raise AssertionError("the video never became ready")


READY: list[IsReady] = [
    lambda row: bool(row["video_status_final"]) and row["video_status_name"] == "COMPLETED" and bool(row["url"]),
    lambda row: row["video_status"] == 1 and row["output_width"] > 0 and bool(row["url"]),
]


@pytest.mark.parametrize("is_ready", READY, ids=["final", "width"])
def test_a_batch_that_polls_by_id(api: ApiClient, is_ready: IsReady) -> None:
    """More prompts than slots, with and without a picture, sent one by one after each 429, then polled in order."""
    assert EMAIL in api.call("GET", "/accounts", headers={"Accept": "application/json"}).json()
    first = upload(api, f"/files/?email={EMAIL}")
    texts = [{"prompt": f"rain {number}", "aspect_ratio": "9:16"} for number in range(8)]
    pictures = [{"prompt": f"snow {number}", "first_frame_path": first} for number in range(4)]
    shared = {"model": "v6", "email": EMAIL, "duration": 5, "quality": "720p", "audio": True, "multi_shot": False}
    ids = [create(api, "create", {**shared, **prompt}) for prompt in (*texts, *pictures)]
    assert len(set(ids)) == 12
    for video_id in ids:
        assert api.http.get(poll(api, video_id, is_ready)).content == CANNED_VIDEO


def test_a_demo_that_waits_for_webhooks(api: ApiClient, receiver: Receiver) -> None:
    """Each job is found again by the reference in its webhook, and its address is downloaded without the token."""
    path = upload(api, "/files")
    bodies: dict[str, dict[str, Any]] = {
        "video-0": {"prompt": "a hedgehog in an astronaut's suit"},
        "video-1": {"prompt": "smiling and blinking", "first_frame_path": path},
    }
    shared = {"model": "v6", "duration": 5, "quality": "720p", "replyUrl": receiver.url}
    for reference, body in bodies.items():
        create(api, "create", {**shared, **body, "replyRef": reference})
    for _ in range(MOST_POLLS):
        done = {body["replyRef"]: body for body in receiver.bodies if body["video_status_final"]}
        if len(done) == len(bodies):
            break
        api.control.advance(PAUSE_S)
    assert done.keys() == bodies.keys()
    assert [body["video_status_name"] for body in done.values()] == ["COMPLETED"] * 2
    assert all(api.http.get(body["url"]).content == CANNED_VIDEO for body in done.values())
    assert api.control.leaked_credentials == []


@pytest.mark.parametrize("route", ["create-v4", "create"])
def test_an_animation_of_a_picture_that_another_program_made(api: ApiClient, receiver: Receiver, route: str) -> None:
    """A picture of an image generator or a face swap is uploaded, animated and collected by its webhook."""
    body = {
        "model": "v5.6",
        "prompt": "smiling and blinking",
        "duration": 5,
        "quality": "720p",
        "first_frame_path": upload(api, f"/files?email={EMAIL}"),
        "email": EMAIL,
        "replyUrl": receiver.url,
        "replyRef": "imagine-0-button-U1",
    }
    video_id = create(api, route, body)
    for _ in range(MOST_POLLS):
        if any(row["video_status_name"] == "COMPLETED" for row in receiver.bodies):
            break
        api.control.advance(PAUSE_S)
    last = receiver.bodies[-1]
    assert (last["video_id"], last["replyRef"]) == (video_id, "imagine-0-button-U1")
    assert api.http.get(last["url"]).content == CANNED_VIDEO
