"""The control door over HTTP, for a sandbox in another process."""

from typing import Any

import httpx
import pytest

from tests.sandbox.guest import Guest


def knock(guest: Guest, method: str, path: str, body: Any = None, *, key: str | None = None) -> httpx.Response:
    """Call the door with its key."""
    origin = guest.box.base_url.removesuffix("/v2/pixverse")
    headers = {"X-Sandbox-Control": guest.box.control_key if key is None else key}
    return guest.http.request(method, f"{origin}/_sandbox/{path}", json=body, headers=headers)


@pytest.mark.parametrize("key", ["", "wrong"])
def test_door_is_shut_without_its_key(steady: Guest, key: str) -> None:
    """Without the key the door answers 404, the token does not open it, and nothing is armed."""
    assert knock(steady, "POST", "faults", {"fault": "busy"}, key=key).status_code == 404
    assert knock(steady, "GET", "state", key=key).status_code == 404
    assert steady.control.faults == []


def test_faults_through_the_door(guest: Guest) -> None:
    """Faults are armed, listed and disarmed, and they strike."""
    armed = knock(guest, "POST", "faults", {"fault": "busy", "times": 2, "kind": "all"}).json()
    assert guest.post().status_code == 429
    assert [one["left"] for one in knock(guest, "GET", "faults").json()] == [1]
    assert knock(guest, "DELETE", f"faults/{armed['id']}").json() == []
    assert guest.post().status_code == 200
    knock(guest, "POST", "faults", {"fault": "busy"})
    assert knock(guest, "DELETE", "faults").json() == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"fault": "flood"}),
        ("faults", {}),
        ("faults", {"fault": "busy", "wrong": 1}),
        ("switches", {"wrong": 1}),
        ("clock", {"speed": -1}),
        ("credits", {"weekly": 1}),
    ],
)
def test_wrong_wishes_are_refused(steady: Guest, path: str, body: dict[str, Any]) -> None:
    """What the door does not know is a 400 that says so."""
    answer = knock(steady, "POST", path, body)
    assert (answer.status_code, answer.json()["code"]) == (400, 400)


def test_clock_switches_and_credits_through_the_door(guest: Guest) -> None:
    """Time, switches and credits are set from outside; `advance` answers when all that is due has happened."""
    video_id = guest.create()
    knock(guest, "POST", "clock", {"advance": 80})
    assert guest.row(video_id)["video_status"] == 1
    assert knock(guest, "POST", "clock", {"speed": 7}).json()["speed"] == 7
    assert knock(guest, "POST", "switches", {"subscribed": False, "queue_s": [4, 5]}).json()["queue_s"] == [4, 5]
    assert guest.call("GET", "/videos/").status_code == 402
    assert knock(guest, "POST", "credits", {"daily": 5}).json() == {"balance": 5}


def test_state_through_the_door(guest: Guest) -> None:
    """The state shows requests, generations and leaks, and never the token."""
    guest.create(replyRef="mine")
    answer = knock(guest, "GET", "state")
    assert answer.json()["requests"] == {"files": 1, "create-frames-v3": 1}
    assert [one["reply_ref"] for one in answer.json()["generations"]] == ["mine"]
    assert guest.box.token not in answer.text
    assert guest.box.control_key not in answer.text
