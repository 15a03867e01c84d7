"""Control over HTTP, the index page, and answers to unknown paths."""

from typing import Any

import httpx
import pytest

from tests.sandbox.api_client import ApiClient


def call_control(api: ApiClient, method: str, path: str, body: Any = None, *, key: str | None = None) -> httpx.Response:
    """Call a control endpoint with its key."""
    origin = api.box.base_url.removesuffix("/v2/pixverse")
    headers = {"X-Sandbox-Control": api.box.control_key if key is None else key}
    return api.http.request(method, f"{origin}/_sandbox/{path}", json=body, headers=headers)


@pytest.mark.parametrize("key", ["", "wrong"])
def test_control_needs_the_key(shared_api: ApiClient, key: str) -> None:
    """Without the key the control endpoints return 404, even with the token, and change nothing."""
    assert call_control(shared_api, "POST", "faults", {"fault": "busy"}, key=key).status_code == 404
    assert call_control(shared_api, "GET", "state", key=key).status_code == 404
    assert shared_api.control.faults == []


def test_faults_over_http(api: ApiClient) -> None:
    """Faults can be armed, listed and disarmed over HTTP."""
    armed = call_control(api, "POST", "faults", {"fault": "busy", "times": 2, "kind": "all"}).json()
    assert api.post_create().status_code == 429
    assert [one["left"] for one in call_control(api, "GET", "faults").json()] == [1]
    assert call_control(api, "DELETE", f"faults/{armed['id']}").json() == []
    assert api.post_create().status_code == 200
    call_control(api, "POST", "faults", {"fault": "busy"})
    assert call_control(api, "DELETE", "faults").json() == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"fault": "flood"}),
        ("faults", {}),
        ("faults", {"fault": "busy", "wrong": 1}),
        ("settings", {"wrong": 1}),
        ("clock", {"speed": -1}),
        ("credits", {"weekly": 1}),
        ("credits", {"email": "nobody@example.com"}),
    ],
)
def test_invalid_control_calls_are_refused(shared_api: ApiClient, path: str, body: dict[str, Any]) -> None:
    """An unknown name or value returns 400."""
    answer = call_control(shared_api, "POST", path, body)
    assert (answer.status_code, answer.json()["code"]) == (400, 400)


def test_clock_settings_and_credits_over_http(api: ApiClient) -> None:
    """The clock, the settings and credits can be set over HTTP; `advance` answers when everything due is done."""
    video_id = api.create()
    call_control(api, "POST", "clock", {"advance": 80})
    assert api.row(video_id)["video_status"] == 1
    assert call_control(api, "POST", "clock", {"speed": 7}).json()["speed"] == 7
    assert call_control(api, "POST", "settings", {"subscribed": False, "queue_s": [4, 5]}).json()["queue_s"] == [4, 5]
    assert api.call("GET", "/videos/").status_code == 402
    assert call_control(api, "POST", "credits", {"daily": 5}).json() == {"balance": 5}


@pytest.mark.parametrize("content", [b"5", b"null", b'"clock"', b"[]", b"[" * 10**5, b"\xff", b'{"monthly": "many"}'])
@pytest.mark.parametrize("place", ["faults", "settings", "credits"])
def test_a_control_body_that_makes_no_sense_is_refused(shared_api: ApiClient, place: str, content: bytes) -> None:
    """A body that is no JSON object, or has the wrong values, is answered with 400."""
    url = f"{shared_api.box.base_url.removesuffix('/v2/pixverse')}/_sandbox/{place}"
    answer = shared_api.http.post(url, content=content, headers={"X-Sandbox-Control": shared_api.box.control_key})
    assert answer.status_code == 400


def test_state_over_http(api: ApiClient) -> None:
    """The state contains requests, generations, armed faults, leaks and notes, but no secret."""
    api.create(replyRef="mine")
    call_control(api, "POST", "faults", {"fault": "busy"})
    answer = call_control(api, "GET", "state")
    assert set(answer.json()) == {"speed", "now", "faults", "requests", "generations", "leaks", "notes"}
    (fault,) = answer.json()["faults"]
    assert set(fault) == {"id", "fault", "route", "left", "probability", "options", "struck"}
    assert answer.json()["requests"] == {"files": 1, "create-frames-v3": 1}
    assert [one["reply_ref"] for one in answer.json()["generations"]] == ["mine"]
    assert api.box.token not in answer.text
    assert api.box.control_key not in answer.text


def test_index_page(shared_api: ApiClient) -> None:
    """The index page lists the routes and contains no token and nothing from other hosts."""
    answer = shared_api.http.get(shared_api.box.base_url.removesuffix("v2/pixverse"))
    assert answer.headers["content-type"].startswith("text/html")
    assert "/videos/create-frames-v3" in answer.text
    assert "costs nothing" in answer.text
    assert shared_api.box.token not in answer.text
    assert "https://" not in answer.text


def test_unknown_routes_answer_json(shared_api: ApiClient) -> None:
    """An unknown path or method is answered with the vendor's error body."""
    assert shared_api.call("GET", "/nothing").json() == {"error": "Not Found", "code": 404}
    assert shared_api.call("PUT", "/videos/").json()["code"] == 405
