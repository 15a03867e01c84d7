"""`client.estimate()`: for every operation what the plan of a sweep says and the sandbox charges; discounts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.operations import Operation
from pixverse_nb.errors import BudgetReached, InvalidRequest
from tests.client.harness import Harness, create_job, wait_for_error, wait_for_video
from tests.client.operation_calls import CALLS, FIRST, SECOND, THIRD, Sources, make_sources

CHEAPER = [
    ({"off_peak_mode": True}, 0.5),
    ({"preview_mode": True}, 0.8),
    ({"off_peak_mode": True, "preview_mode": True}, 0.4),
    ({"off_peak_mode": False, "preview_mode": None}, 1),
]
FIELDS: dict[Operation, dict[str, Any]] = {
    Operation.FRAMES: {"model": "v6", "duration": 7, "quality": "540p", "audio": True},
    Operation.TEXT: {"duration": 2, "quality": "360p", "prompt": "rain"},
    Operation.IMAGE: {"model": "v5.6", "duration": 8, "quality": "360p"},
    Operation.TRANSITION: {"durations": [2, 3], "prompts": ["x", "y"], "quality": "540p"},
    Operation.EXTEND: {"model": "v5", "duration": 9, "quality": "720p"},
    Operation.UPSCALE: {},
    Operation.RESTYLE: {"restyle_id": 1002},
    Operation.MODIFY: {"prompt": "snow", "quality": "360p"},
    Operation.FUSION: {"prompt": "@image1", "duration": 3, "quality": "360p", "audio": True},
    Operation.LIPSYNC: {"prompt": "Hello", "speaker_id": "1"},
    Operation.MOTION: {"quality": "360p"},
}


@pytest.fixture
def sources(client: Client, tmp_path: Path) -> Sources:
    """Return what the calls start from."""
    return make_sources(client, tmp_path)


def given_sources(operation: Operation, sources: Sources) -> dict[str, Any]:
    """Return the pictures and the video of a call, as `sweep` takes them."""
    match operation:
        case Operation.FRAMES:
            return {"first": FIRST, "last": SECOND}
        case Operation.TEXT:
            return {}
        case Operation.IMAGE:
            return {"first": FIRST}
        case Operation.TRANSITION:
            return {"images": [FIRST, SECOND, THIRD]}
        case Operation.FUSION:
            return {"images": [FIRST, SECOND]}
        case Operation.MOTION:
            return {"first": FIRST, "video": sources.film}
    return {"video": sources.boat}


@pytest.mark.parametrize("operation", list(Operation))
@pytest.mark.parametrize("prices", [None, {"360p": 25, "540p": 33}])
def test_an_estimate_is_that_of_the_plan(
    harness: Harness, sources: Sources, operation: Operation, prices: dict[str, int] | None
) -> None:
    """For each operation a sweep of one cell has the same price, also with corrected prices."""
    client = harness.open(prices=prices)
    given, fields = given_sources(operation, sources), FIELDS[operation]
    plan = client.sweep(**given, operation=operation, **fields).plan()
    kept = {name: one for name, one in given.items() if name in ("video", "images")}
    assert client.estimate(operation, **kept, **fields) == plan.credits
    assert harness.paid == 1  # the source


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.operation)
def test_an_estimate_is_that_of_the_job(client: Client, sources: Sources, call: Any) -> None:
    """The fields of a job, with the video and as many pictures as it has, have the estimate of the job."""
    request = call.start(client, sources).request
    count = sum(item.role.startswith("frame_") for item in request.inputs)
    images = [FIRST] * count if request.operation in (Operation.TRANSITION, Operation.FUSION) else None
    video: Any = None
    if any(item.role == "source_video" for item in request.inputs):
        video = sources.film if request.operation is Operation.MOTION else sources.boat
    found = client.estimate(request.operation, video, images=images, model=request.model, **request.params)
    assert found == call.estimate


def test_an_estimate_of_an_upscale_is_the_quote(client: Client, sources: Sources) -> None:
    """The price list has the vendor's price for a video of this length; without the video the price is not known."""
    assert client.estimate("upscale", sources.boat) == client.quote("upscale", sources.boat)
    assert client.estimate("upscale") is None


def test_a_transition_has_a_link_for_each_duration(client: Client) -> None:
    """The number of pictures follows from `images`, or else from the lists; two are the least."""
    assert client.estimate("transition", quality="540p") == client.estimate("frames", quality="540p") == 30
    assert client.estimate("transition", quality="540p", durations=[5, 5]) == 60
    assert client.estimate("transition", quality="540p", images=["a", "b", "c"]) == 60
    assert client.estimate("transition", quality="540p", images=["a", "b", "c"], durations=[2, 3]) == 30


def test_names_of_methods_are_operations(client: Client) -> None:
    """The names of the client's methods are accepted where they differ from those of the operations."""
    assert client.estimate("create_frames") == client.estimate() == 30
    assert client.estimate("create_fusion", duration=2) == client.estimate("fusion", duration=2)


@pytest.mark.parametrize(
    ("operation", "fields", "names"),
    [
        ("dance", {}, {"operation"}),
        ("extend", {"duration": 99}, {"duration"}),
        ("extend", {"images": [FIRST, SECOND]}, {"images"}),
        ("transition", {"images": [FIRST]}, {"images"}),
        ("transition", {"durations": [99, 2]}, {"durations[0]"}),
        ("transition", {"images": [FIRST, SECOND], "durations": [2, 2]}, {"durations"}),
        ("frames", {"video": "film.mp4"}, {"video"}),
        ("upscale", {"video": "missing.mp4"}, {"video"}),
        ("text", {"qualty": "360p"}, {"qualty"}),
        ("text", {"image": FIRST}, {"image"}),
        ("image", {"last": FIRST}, {"last"}),
        ("extend", {"first": FIRST, "last": SECOND}, {"first", "last"}),
        ("frames", {"model": "c1"}, {"model"}),
    ],
)
def test_a_wrong_field_is_named(client: Client, operation: str, fields: dict[str, Any], names: set[str]) -> None:
    """An estimate takes the arguments of the method and names those that are wrong."""
    with pytest.raises(InvalidRequest) as caught:
        client.estimate(operation, **fields)
    assert caught.value.fields.keys() == names


@pytest.mark.parametrize(("modes", "factor"), CHEAPER)
@pytest.mark.parametrize("model", ["v5.6", "v6", "pixverse-c1"])
def test_cheaper_modes_have_the_accounts_factors(
    client: Client, modes: dict[str, Any], factor: float, model: str
) -> None:
    """The estimate, the plan and the charge are the price times the factors of the account, rounded up."""
    full = client.estimate(model=model, quality="360p")
    assert full is not None
    price = client.estimate(model=model, quality="360p", **modes)
    assert price == -int(-full * factor // 1)
    plan = client.sweep(FIRST, SECOND, model=model, quality="360p", seed=7, **modes).plan()
    assert (plan.credits, plan.is_limit) == (price, False)
    job = create_job(client, model=model, **modes)
    wait_for_video(job)
    assert (job.snapshot().estimated_credits, job.snapshot().cost_credits) == (price, price)
    assert not job.snapshot().estimate_is_limit


def test_the_factors_are_asked_for_once_and_only_if_needed(harness: Harness) -> None:
    """An estimate without a cheaper mode asks nothing; only the first one with it reads the account."""
    client = harness.open()
    client.estimate(quality="360p")
    assert client.price_factors == {}
    assert harness.control.requests["features"] == 0
    for _ in range(3):
        assert client.estimate(quality="360p", off_peak_mode=True) == 10
    assert client.price_factors["off_peak_mode"] == 0.5
    assert harness.control.requests["features"] == 1


def test_a_budget_counts_the_cheaper_price(harness: Harness) -> None:
    """A job learns the discount before its paid call, so that the budget is checked with the lower price."""
    client = harness.open(budget_credits=15)
    job = create_job(client, off_peak_mode=True)
    assert wait_for_video(job).cost_credits == 10
    assert [event.data["credits"] for event in job.events() if event.kind == "price_discounted"] == [10]
    assert isinstance(wait_for_error(create_job(client, seed=8)), BudgetReached)


def test_without_a_factor_the_full_price_is_a_limit(manual_harness: Harness) -> None:
    """If the vendor cannot be asked, the estimate of a cheaper mode is the full price, marked as a limit."""
    client = manual_harness.open()
    manual_harness.stop_sandbox()
    assert client.estimate(quality="360p", off_peak_mode=True) == 20
    plan = client.sweep(FIRST, SECOND, quality="360p", seed=[1, 2], off_peak_mode=[True, False]).plan()
    assert (plan.credits, plan.is_limit, plan.table().is_limit) == (80, True, True)
    assert not client.sweep(FIRST, SECOND, quality="360p", seed=[1, 2]).plan().is_limit
    job = create_job(client, off_peak_mode=True)
    assert (job.snapshot().estimated_credits, job.snapshot().estimate_is_limit) == (20, True)
    assert not create_job(client, seed=8).snapshot().estimate_is_limit


def test_another_account_has_other_factors(harness: Harness) -> None:
    """The factors of the client's account do not hold for a job of another one: its full price is a limit."""
    (account, *_) = harness.open().capacity().accounts
    client = harness.open(email=account.account)
    assert client.estimate(quality="360p", off_peak_mode=True) == 10
    assert client.estimate(quality="360p", off_peak_mode=True, email=account.account) == 10
    assert client.estimate(quality="360p", off_peak_mode=True, email="bob@example.com") == 20


def test_an_unlisted_model_may_have_a_price(harness: Harness) -> None:
    """A model that is not in the catalogue has the prices of this client, if they hold for it, else none."""
    assert harness.open(prices={"540p": 33}).estimate(model="nova-9", quality="540p") == 33
    assert harness.open().estimate(model="nova-9", quality="540p") is None


def test_durations_may_be_an_array(client: Client) -> None:
    """They count the links of a transition like a list."""
    seconds = [5, 5, 5]
    assert client.estimate("transition", durations=np.array(seconds)) == client.estimate(
        "transition", durations=seconds
    )
