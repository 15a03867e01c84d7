"""The sandbox against its own OpenAPI description: Schemathesis calls every route of a running one."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from pixverse_nb.sandbox import Account
from pixverse_nb.sandbox.openapi import describe_api
from pixverse_nb.sandbox.requests import IMAGE_TYPES, OPERATIONS, OTHER_TYPES
from tests.sandbox.api_client import TIMEOUT_S, ApiClient, make_image
from tests.sandbox.conftest import OpenSandbox

EMAIL = "sandbox@example.com"
CONFIG = schemathesis.Config.from_dict(
    {
        "generation": {"deterministic": True, "max-examples": 20},
        "phases": {"coverage": {"generation": {"mode": "positive"}}},  # 5,000 more calls are refused like others
    }
)
API = schemathesis.openapi.from_dict(describe_api("http://127.0.0.1"), config=CONFIG)
for media_type, extension in (IMAGE_TYPES | OTHER_TYPES).items():
    content = make_image(f".{extension}") if media_type in IMAGE_TYPES else b"....ftyp"
    schemathesis.openapi.media_type(media_type, st.just(content) | st.binary())


@pytest.fixture(scope="module")
def called(open_sandbox: OpenSandbox) -> Iterator[tuple[ApiClient, dict[str, Any]]]:
    """Return a sandbox of which anything may be changed, and inputs for its create routes that exist."""
    account = Account(EMAIL, max_jobs=10**6, plan_jobs=10**6, credits={"daily": 0, "monthly": 10**9, "package": 0})
    with open_sandbox([account]) as api:
        upload = api.call("POST", "/files", content=make_image(), headers={"Content-Type": "image/png"})
        image = upload.json()["result"][0]
        inputs = [one for operation in OPERATIONS.values() for one in operation.inputs]
        known = {one.name: image["id"] if one.by_id else image["path"] for one in inputs}
        known |= {"video_id": api.create("create", prompt="a boat"), "email": EMAIL}
        api.control.advance(300)
        yield api, known


@API.parametrize()
def test_every_answer_is_as_described(called: tuple[ApiClient, dict[str, Any]], case: schemathesis.Case[Any]) -> None:
    """Whatever a call contains, its status, media type and body are those of the description, and never a 5xx."""
    api, known = called
    if isinstance(case.body, dict):
        case.body = {name: known.get(name, value) if value else value for name, value in case.body.items()}
    answer = case.call_and_validate(
        base_url=api.box.base_url,
        headers=api.auth,
        timeout=TIMEOUT_S,
        proxies={"no_proxy": "127.0.0.1"},  # whatever the environment says
        checks=[
            not_a_server_error,
            checks.status_code_conformance,
            checks.content_type_conformance,
            checks.response_schema_conformance,
        ],
    )
    if answer.status_code == 200:
        api.control.advance(300)


def test_the_description_is_served_without_a_token(shared_api: ApiClient) -> None:
    """GET /openapi.json returns the description with the sandbox's own address."""
    answer = shared_api.http.get(f"{shared_api.box.base_url.removesuffix('/v2/pixverse')}/openapi.json")
    assert answer.json() == describe_api(shared_api.box.base_url)
    assert shared_api.box.token not in answer.text
