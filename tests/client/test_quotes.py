"""A quote that is not what the vendor charges, and one whose answer is lost."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from pixverse_nb.errors import ServerError
from tests.client.gateway import Gateway, Heard
from tests.client.harness import Harness, is_proved_absent, wait_for_video

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


class LostQuotes(Gateway):
    """Answers 502 to a question for a price; with `ignores_quotes` the vendor has made the video by then."""

    def reply(self, heard: Heard) -> httpx.Response:
        """Return the vendor's answer, or an error in place of it."""
        is_quote = heard.path.endswith("/upscale/") and json.loads(heard.body).get("quote")
        if not is_quote:
            return super().reply(heard)
        if self.ignores_quotes:
            super().reply(heard)
        return httpx.Response(502)


@pytest.mark.parametrize("is_asked_first", [False, True])
@pytest.mark.parametrize("is_made", [False, True])
def test_a_lost_quote_is_never_followed_by_a_second_payment(
    harness: Harness, *, is_asked_first: bool, is_made: bool
) -> None:
    """The vendor's list shows whether a video was made for the price; only if it was not, the paid call is sent."""
    with LostQuotes(harness.sandbox.base_url).running() as gateway:
        gateway.ignores_quotes = is_made
        client = harness.open(base_url=gateway.url)
        boat = wait_for_video(client.create_video("a paper boat", duration=3, quality="360p", seed=1))
        if is_asked_first:
            with pytest.raises(ServerError) as caught:
                client.quote("upscale", boat)
            assert caught.value.may_have_been_charged == "unknown"
        job = client.upscale(boat)
        if not is_made:
            harness.pass_settle_window(job)
        wait_for_video(job)
        assert harness.paid == 2
        assert is_proved_absent(job) is not is_made
        asked = [heard for heard in gateway.heard if b'"quote"' in heard.body and b"true" in heard.body]
        assert len(asked) == 1
        client.close()
