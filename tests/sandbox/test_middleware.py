"""What applies to every API route: the token, the subscription, request counts and body formats."""

from typing import Any

import pytest

from tests.backends.sample_replies import NO_SUBSCRIPTION
from tests.sandbox.api_client import ApiClient


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
def test_every_route_needs_the_token(shared_api: ApiClient, method: str, path: str, header: str | None) -> None:
    """Without the right token every route returns 401."""
    headers = {} if header is None else {"Authorization": header}
    answer = shared_api.http.request(method, shared_api.box.base_url + path, headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized", "code": 401})


def test_missing_subscription_is_402(api: ApiClient) -> None:
    """Without a subscription every call returns 402 with the vendor's message."""
    api.control.settings.subscribed = False
    answer = api.call("GET", "/accounts")
    assert answer.status_code == 402
    assert answer.json()["error"] == NO_SUBSCRIPTION


def test_requests_are_counted_by_route(api: ApiClient) -> None:
    """`control.requests` counts every call by route name, including refused ones."""
    api.rows()
    api.call("GET", "/videos/")
    api.call("GET", "/features", headers={"Authorization": "wrong"})
    assert api.control.requests == {"videos": 2, "features": 1}


@pytest.mark.parametrize(
    "sent",
    [{"content": b"not json"}, {"json": [1]}, {"data": {"prompt": "x"}}, {"files": {"first": ("a.png", b"bytes")}}],
)
def test_other_bodies_are_refused(shared_api: ApiClient, sent: dict[str, Any]) -> None:
    """A body that is neither a JSON object nor multipart fields returns 400 with the vendor's error body."""
    answer = shared_api.call("POST", "/videos/create-frames-v3", **sent)
    assert (answer.status_code, answer.json()["code"]) == (400, 400)


def test_broken_multipart_is_refused(shared_api: ApiClient) -> None:
    """A multipart body without a boundary returns 400 with the vendor's error body."""
    kind = {"Content-Type": "multipart/form-data"}
    answer = shared_api.call("POST", "/videos/create-frames-v3", content=b"--x\r\n", headers=kind)
    assert (answer.status_code, answer.json()["code"]) == (400, 400)
