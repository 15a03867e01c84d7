"""The sandbox against its own OpenAPI description: Schemathesis calls every route of a running one."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from pixverse_nb.sandbox.openapi import describe_api
from pixverse_nb.sandbox.requests import IMAGE_TYPES, OTHER_TYPES
from tests.sandbox.api_client import TIMEOUT_S, ApiClient, make_image
from tests.sandbox.conftest import OpenSandbox

API = schemathesis.openapi.from_dict(describe_api("http://127.0.0.1"))
for media_type, extension in (IMAGE_TYPES | OTHER_TYPES).items():
    whole = make_image(f".{extension}") if media_type in IMAGE_TYPES else b"....ftyp"
    schemathesis.openapi.media_type(media_type, st.just(whole) | st.binary(max_size=20).map(whole.__add__) | st.binary())


@pytest.fixture(scope="module")
def called(open_sandbox: OpenSandbox) -> Iterator[ApiClient]:
    """Return a sandbox of which anything may be changed."""
    with open_sandbox() as api:
        yield api


@API.parametrize()
@settings(max_examples=20, derandomize=True, deadline=None)
def test_every_answer_is_as_described(called: ApiClient, case: schemathesis.Case) -> None:
    """Whatever a call contains, its status, media type and body are those of the description, and never a 5xx."""
    case.call_and_validate(
        base_url=called.box.base_url,
        headers=called.auth,
        timeout=TIMEOUT_S,
        checks=[
            not_a_server_error,
            checks.status_code_conformance,
            checks.content_type_conformance,
            checks.response_schema_conformance,
        ],
    )
