"""A recipe: JSON that is read back as it was, and a Python call that makes the same request."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pixverse_nb.domain.operations import OPERATIONS, Operation
from pixverse_nb.domain.recipe import Recipe
from pixverse_nb.domain.requests import Input, build_request
from pixverse_nb.errors import InvalidRequest
from tests.factories import EMAIL, a_request

RECIPE = Recipe.of(a_request(prompt="a cup", email=EMAIL, first="path:upload/1.png"), {})


def changed(**changes: Any) -> str:
    """The JSON of a recipe with `changes`; None removes a field."""
    values = {**json.loads(RECIPE.to_json()), **changes}
    return json.dumps({name: value for name, value in values.items() if value is not None})


def test_it_has_the_request_and_nothing_private() -> None:
    """Operation, model, prompt, seed and parameters are in it; account, input keys and delivery are not."""
    values = json.loads(RECIPE.to_json())
    assert (values["operation"], values["model"], values["inputs"]) == ("frames", "v5.6", ["first", "last"])
    assert values["params"] == dict(a_request(prompt="a cup").params)
    assert not any(word in RECIPE.to_json() for word in ("maria", "upload", "sha256", "email"))


@example("half of a pair: \ud83d", 1)
@example('\0\x1b[31m\x7f "it\'s" \U0001f600\u2028\n', 1)
@example("\U0001f600" * 2048, 1)
@given(st.text(max_size=2048), st.integers(1, 2_147_483_647))
def test_any_prompt_survives(prompt: str, seed: int) -> None:
    """What is read back equals what was written, for any text, half surrogate pairs included."""
    recipe = Recipe(Operation.TEXT, "v6", {"prompt": prompt, "seed": seed})
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert recipe.to_json().encode()


def test_it_is_a_python_call() -> None:
    """The text is the call of the operation's method, with the seed last and options that were not the default."""
    recipe = Recipe.of(a_request(seed=7, prompt="it's"), {"fit": None})
    assert str(recipe) == repr(recipe) == (
        "client.create_frames(first, last, model='v5.6', prompt=\"it's\", duration=5, quality='540p', "
        "aspect_ratio='16:9', fit=None, seed=7)"
    )  # fmt: skip


def test_it_can_be_keyword_arguments() -> None:
    """`**recipe` gives the fields of the same request."""
    request = a_request(prompt="a cup", seed=7, model="v3.5", motion_mode="fast")
    assert a_request(**Recipe.of(request, {})).content_key == request.content_key


class RecordingClient:
    """Accepts any method of a client and keeps its name and arguments."""

    def __getattr__(self, name: str) -> Any:
        return lambda *inputs, **fields: (name, inputs, fields)


@pytest.mark.parametrize("operation", Operation)
def test_every_operation_has_a_call(operation: Operation) -> None:
    """The call of each operation is valid Python and names its inputs."""
    spec = OPERATIONS[operation]
    request = build_request(operation, [Input(role, "x") for role in spec.roles], {"prompt": "a cup"})
    recipe = Recipe.of(request, {})
    name, inputs, fields = eval(str(recipe), {"client": RecordingClient(), **{role: role for role in spec.roles}})  # noqa: S307  the line is ours
    found = [*inputs, *(fields.get(word) for word in ("image", "images"))]
    assert set(spec.roles) <= {one for value in found for one in (value if isinstance(value, list) else [value])}
    assert hasattr(RecordingClient(), name)
    assert fields["prompt"] == "a cup"


def test_a_transition_has_its_links_as_lists() -> None:
    """The prompts and seconds between the pictures are the lists that `create_transition` takes."""
    roles = ("frame_1", "frame_2", "frame_3")
    recipe = Recipe(Operation.TRANSITION, "v5", {"prompt_1_to_2": "rain", "duration_2_to_3": 4}, roles)
    assert dict(recipe) == {"model": "v5", "prompts": ["rain", None], "durations": [None, 4]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "made with love",
        "[1]",
        "{}",
        "[" * 100_000,
        '{"generator": "pixverse_nb"',
        json.dumps({"generator": "another"}),
        changed(recipe=2),
        changed(operation="dance"),
        changed(operation=["frames"]),
        changed(model=None),
        changed(model="v6') or exit('"),
        changed(inputs="first"),
        changed(inputs=["__import__('os')"]),
        changed(inputs=["first"] * 100),
        changed(params=[]),
        changed(params={"seed": [1]}),
        changed(params={"x=1) or exit(": 1}),
        changed(params={"email": EMAIL}),
        RECIPE.to_json().replace("42", "NaN"),
    ],
)
def test_anything_else_is_rejected(text: str) -> None:
    """A foreign comment, a damaged recipe and one that would be code are an InvalidRequest."""
    with pytest.raises(InvalidRequest):
        Recipe.from_json(text)
