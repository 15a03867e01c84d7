"""The sandbox's table of models against the client's catalogue: two tables from the same pages, written apart."""

from itertools import product

import pytest

from pixverse_nb.domain.catalogue import CATALOGUE, SWITCHES, ModelSpec, Operation
from pixverse_nb.domain.operations import OPERATIONS
from pixverse_nb.domain.requests import Input, build_request
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.sandbox.models import MODELS, VideoModel
from tests.sandbox.api_client import ApiClient

INPUTS = (Input("first", "a"), Input("last", "b"))
BOTH = pytest.mark.parametrize(
    ("spec", "model"),
    [(spec, MODELS[spec.name]) for spec in CATALOGUE.models() if spec.name in MODELS],
    ids=[spec.name for spec in CATALOGUE.models() if spec.name in MODELS],
)
ROUTES = {
    Operation.FRAMES: {"create-frames", "create-frames-v3"},
    Operation.TEXT: {"create"},
    Operation.IMAGE: {"create"},
}


def test_every_model_of_the_catalogue_is_offered() -> None:
    """The sandbox offers each model that the catalogue lists."""
    assert [name for name in CATALOGUE.names if name not in MODELS] == []


@BOTH
def test_both_tables_have_the_same_choices(spec: ModelSpec, model: VideoModel) -> None:
    """Durations, qualities, the default quality and the seed of a model are the same in both tables."""
    assert spec.durations == model.seconds
    assert set(spec.qualities) == set(model.qualities)
    assert spec.default_quality == model.default_quality
    assert spec.takes_seed is model.has_seed


@BOTH
def test_both_tables_have_the_same_ratios(spec: ModelSpec, model: VideoModel) -> None:
    """The aspect ratios of a model are the same in both tables."""
    assert set(spec.aspect_ratios) == set(model.ratios)


@BOTH
def test_both_tables_have_the_same_switches(spec: ModelSpec, model: VideoModel) -> None:
    """The optional fields of a model are the same in both tables; those of create-frames-v3 belong to the route."""
    of_the_route = {"motion_mode", "remove_watermark"} if spec.is_withdrawn else set()
    assert set(spec.switches) == model.switches | of_the_route
    assert set(spec.switches) <= SWITCHES.keys()


@BOTH
@pytest.mark.parametrize("operation", list(ROUTES))
def test_both_tables_have_the_same_routes(spec: ModelSpec, model: VideoModel, operation: Operation) -> None:
    """A model makes an operation in the catalogue if the sandbox's create route takes it."""
    assert (operation in spec.operations) is bool(ROUTES[operation] & model.routes)


@BOTH
def test_both_tables_have_the_same_prices(spec: ModelSpec, model: VideoModel) -> None:
    """Each price that the catalogue knows is what the sandbox charges, for every quality, duration and sound."""
    if spec.price is None:
        return  # the vendor's pages give no price; the sandbox has to invent one
    for quality, seconds in product(spec.qualities, spec.durations):
        for audio in (None, False, *((True,) if "audio" in spec.switches else ())):
            values = {"quality": quality, "duration": seconds, "audio": audio}
            assert CATALOGUE.estimate(spec.name, values) == model.price(values, seconds=seconds)


@BOTH
def test_both_tables_refuse_the_same_combinations(spec: ModelSpec, model: VideoModel) -> None:
    """For every quality and duration: the client refuses a request exactly if the sandbox finds a problem with it."""
    for quality, seconds in product(spec.qualities, spec.durations):
        values = {"quality": quality, "duration": seconds}
        try:
            request = build_request(Operation.FRAMES, INPUTS, {"model": spec.name, **values})
            is_sent = request.params.items() >= values.items()
        except InvalidRequest as error:
            is_sent = error.fields.keys() == {"model"}  # some models make no frames
        assert is_sent is (model.problems(values) == [])


@pytest.mark.parametrize("spec", CATALOGUE.models(Operation.FRAMES), ids=lambda spec: spec.name)
def test_a_default_request_of_each_model_is_accepted(shared_api: ApiClient, spec: ModelSpec) -> None:
    """What the client sends by default for a model between two pictures is accepted, for the estimated credits."""
    params = dict(build_request(Operation.FRAMES, INPUTS, {"model": spec.name}).params)
    route = "create-frames-v3" if spec.is_withdrawn else "create-frames"
    if not spec.is_withdrawn:
        del params["aspect_ratio"]
    answer = shared_api.post_create(route, model=spec.name, **params)
    assert answer.status_code == 200, answer.text
    estimate = CATALOGUE.estimate(spec.name, params)
    assert estimate in (None, answer.json()["cost_credits"])
    shared_api.control.advance(1000)


def test_both_have_the_same_default_models(shared_api: ApiClient) -> None:
    """Without a model, a route uses the model that the client takes for the operation."""
    for route, operation in (("create-frames", Operation.FRAMES), ("create", Operation.IMAGE)):
        video_id = shared_api.create(route, prompt="a wave")
        assert shared_api.row(video_id)["model"] == OPERATIONS[operation].default_model
    shared_api.control.advance(1000)
