"""Off-peak jobs, and the route that the vendor has withdrawn."""

import httpx
import pytest

from pixverse_nb.sandbox import Account
from tests.sandbox.api_client import ApiClient

EMAIL = "sandbox@example.com"


def limit_slots(api: ApiClient, slots: int) -> None:
    """Give the only account this many slots, at useapi and at PixVerse."""
    api.control.add_account(Account(EMAIL, max_jobs=slots, plan_jobs=slots))


def scheduled(api: ApiClient) -> list[str]:
    """Return the ids of the jobs in the scheduler."""
    return [entry["video_id"] for entry in api.call("GET", "/scheduler/").json()]


def test_an_off_peak_job_holds_no_slot(api: ApiClient) -> None:
    """Off-peak jobs are accepted though every slot is taken, and leave the slots to others."""
    limit_slots(api, 1)
    off_peak = [api.create("create-frames", off_peak_mode=True) for _ in range(3)]
    normal = api.create("create-frames")
    assert api.post_create("create-frames").status_code == 429
    assert api.post_create("create-frames", off_peak_mode=True, email=EMAIL).status_code == 200
    (slots,) = api.call("GET", "/scheduler/available/").json()["available"]
    assert slots["available"] == 0
    assert {api.row(one)["off_peak"] for one in off_peak} == {1}
    assert api.row(normal)["off_peak"] == 0


def test_an_off_peak_job_is_listed_but_not_scheduled(api: ApiClient) -> None:
    """The list has an off-peak job with off_peak 1; the scheduler and the free slots do not know it."""
    video_id = api.create("create-frames", off_peak_mode=True)
    normal = api.create("create-frames")
    assert api.row(video_id)["off_peak"] == 1
    assert scheduled(api) == [normal]
    (slots,) = api.call("GET", "/scheduler/available/").json()["available"]
    assert slots["available"] == 7


def test_an_off_peak_job_is_completed(api: ApiClient) -> None:
    """An off-peak job ends like any other."""
    video_id = api.create("create-frames", off_peak_mode=True)
    api.control.advance(1000)
    assert api.row(video_id)["video_status"] == 1
    assert api.get_video(video_id).status_code == 200


def test_the_discounts_are_in_the_features(api: ApiClient) -> None:
    """GET /features has the factors that off-peak and preview jobs are charged with."""
    features = api.call("GET", "/features/").json()
    normal = api.post_create("create-frames", quality="1080p").json()["cost_credits"]
    for name, factor in (("off_peak_mode", "off_peak_discount"), ("preview_mode", "preview_mode_discount")):
        cost = api.post_create("create-frames", quality="1080p", **{name: True}).json()["cost_credits"]
        assert cost == features[factor] * normal


@pytest.mark.parametrize(("answer", "status"), [("gone", 404), ("moved", 308)])
def test_a_withdrawn_route_accepts_nothing(api: ApiClient, answer: str, status: int) -> None:
    """If the setting withdraws create-frames-v3 it answers 404 or 308; nothing is accepted or charged."""
    api.control.settings.frames_v3 = answer
    before = api.control.balance()
    reply = api.post_create("create-frames-v3")
    assert reply.status_code == status
    assert (api.control.generations, api.control.balance()) == ([], before)
    assert api.post_create("create-frames").status_code == 200


def test_a_moved_route_names_the_new_one(api: ApiClient) -> None:
    """The redirect of create-frames-v3 leads to create-frames; a client that follows it pays there."""
    api.control.settings.frames_v3 = "moved"
    reply = api.post_create("create-frames-v3")
    new_place = httpx.URL(api.box.base_url).join(reply.headers["location"])
    assert str(new_place) == f"{api.box.base_url}/videos/create-frames"
    followed = api.http.post(new_place, json=api.create_body(), headers=api.auth)
    assert followed.status_code == 200
