"""A quote that is not what the vendor charges."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.client.gateway import Gateway, Heard
from tests.client.harness import Harness, wait_for_video

QUOTED, CHARGED = 25, 30


class WrongQuotes(Gateway):
    """Passes every request on, and answers a quote with another price."""

    def reply(self, heard: Heard) -> httpx.Response:
        """Return the vendor's answer, or the wrong price."""
        if heard.path.endswith("/upscale/") and json.loads(heard.body).get("quote"):
            return httpx.Response(200, json={"quote": True, "cost_credits": QUOTED})
        return super().reply(heard)


@pytest.fixture
def gateway(harness: Harness) -> Iterator[WrongQuotes]:
    """Return a gateway in front of the harness's sandbox."""
    upstream = urlsplit(harness.sandbox.base_url)
    with WrongQuotes(f"{upstream.scheme}://{upstream.netloc}").running() as one:
        yield one


def test_a_charge_that_differs_from_the_quote_is_said(harness: Harness, gateway: WrongQuotes) -> None:
    """The job has what was quoted as its estimate, what was charged as its cost, and one notice with both."""
    client = harness.open(base_url=gateway.url + urlsplit(harness.sandbox.base_url).path)
    boat = wait_for_video(client.create_video("a paper boat", duration=3, quality="360p", seed=1))
    assert client.quote("upscale", boat) == QUOTED
    job = client.upscale(boat)
    wait_for_video(job)
    assert (job.snapshot().estimated_credits, job.cost) == (QUOTED, CHARGED)
    (notice,) = (one for one in job._record().notices if one.kind == "charge_differs_from_quote")
    assert notice.data == {"quoted": QUOTED, "charged": CHARGED}
    shown = job.notices[-1]
    assert str(QUOTED) in shown
    assert str(CHARGED) in shown
