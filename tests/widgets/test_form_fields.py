"""The fields of the form, compared with the catalogue."""

import re
from dataclasses import replace
from typing import Any

import pytest

from pixverse_nb.domain.catalogue import (
    CATALOGUE,
    DEFAULT_MODEL,
    PROMPT_MAX,
    SEED_MAX,
    SWITCHES,
    Catalogue,
    Constraint,
    ModelSpec,
    Operation,
)
from pixverse_nb.domain.custom_models import catalogue_with
from pixverse_nb.widgets.form_fields import FORM_OPERATIONS, FormFields, makes, operation_for
from tests.factories import a_request

MODELS = CATALOGUE.models(Operation.FRAMES)
CHOICES = ("quality", "motion_mode", "aspect_ratio", "fit")
REFUSED = [(spec, one) for spec in MODELS for one in spec.constraints if one.is_refused]


def make_fields(catalogue: Catalogue = CATALOGUE, operation: Operation = Operation.FRAMES) -> FormFields:
    """Return the fields with their initial values, for two pictures."""
    fields = FormFields(catalogue)
    fields.set_operation(operation)
    return fields


@pytest.fixture
def fields() -> FormFields:
    """The fields with their initial values, for two pictures."""
    return make_fields()


def choose_model(fields: FormFields, name: str) -> ModelSpec:
    """Choose a model as the page does, and return its row."""
    fields.set_value("model", name)
    return fields.spec


def shown(fields: FormFields, name: str) -> dict[str, Any]:
    """Return what the page shows of a field."""
    field: dict[str, Any] = fields.describe()[name]
    return field


def visible_names(fields: FormFields) -> set[str]:
    """Return the names of the fields that are shown."""
    return {name for name, field in fields.describe().items() if not field["is_hidden"]}


# ---- the models ----


def test_the_models_of_the_form_can_be_chosen(fields: FormFields) -> None:
    """The list has the catalogue's models for text and pictures in its order, and the default is selected."""
    made = [spec.name for spec in CATALOGUE.models() if set(FORM_OPERATIONS) & set(spec.operations)]
    assert shown(fields, "model")["values"] == made
    assert {spec.name for spec in MODELS} < set(made)
    assert fields.call_fields()["model"] == DEFAULT_MODEL


def test_each_model_is_listed_with_its_price(fields: FormFields) -> None:
    """A label has the price at the model's defaults; models without a price share one text, which has no number."""
    field = shown(fields, "model")
    labels = {name: label.removeprefix(name) for label, name in zip(field["names"], field["values"], strict=True)}
    listed = {spec.name for spec in MODELS}
    priced = {spec.name for spec in MODELS if spec.price is not None}
    for name in priced:
        rules = CATALOGUE.spec(name).fields(Operation.FRAMES)
        price = CATALOGUE.estimate(name, {field: rule.default for field, rule in rules.items()})
        assert {str(price), str(rules["quality"].default)} <= set(re.findall(r"\w+", labels[name]))
    assert not any(character.isdigit() for name in listed - priced for character in labels[name])


def test_a_model_that_does_not_fit_the_pictures_is_marked(fields: FormFields) -> None:
    """Its label differs from the same label with the right pictures, and choosing it is a problem at the field."""
    for operation, name in ((Operation.TEXT, "v3.5"), (Operation.FRAMES, "v5-fast"), (Operation.TRANSITION, "v6")):
        assert not makes(CATALOGUE.spec(name), operation)
        right = next(one for one in FORM_OPERATIONS if makes(CATALOGUE.spec(name), one))
        labels = []
        for each in (right, operation):
            fields.set_operation(each)
            choose_model(fields, name)
            described = shown(fields, "model")
            labels.append(described["names"][described["values"].index(name)])
            assert ("model" in fields.problems()) is (each is operation)
            assert bool(described["hint"]) is (each is operation)
        assert labels[0] != labels[1]
        fields.set_operation(Operation.FRAMES)


def test_a_transition_takes_its_model_and_gives_the_earlier_one_back(fields: FormFields) -> None:
    """With a third picture the only model that makes it is chosen; with two pictures the earlier one is back."""
    choose_model(fields, "v6")
    fields.set_operation(Operation.TRANSITION)
    assert fields.call_fields()["model"] == "v5"
    assert "duration" not in fields.call_fields()
    assert fields.problems() == {}
    fields.set_operation(Operation.FRAMES)
    assert fields.call_fields()["model"] == "v6"


@pytest.mark.parametrize(
    ("count", "operation"),
    [(0, Operation.TEXT), (1, Operation.IMAGE), (2, Operation.FRAMES), (3, Operation.TRANSITION)],
)
def test_the_pictures_decide_the_operation(count: int, operation: Operation) -> None:
    """No picture is text to video, one is image to video, two are frames, more are a transition."""
    assert operation_for(count) is operation


def test_text_needs_a_prompt_and_takes_a_long_one() -> None:
    """Without pictures an empty prompt is a problem; the limit is that of the operation; there is no framing."""
    fields = make_fields(operation=Operation.TEXT)
    assert fields.problems().keys() == {"prompt"}
    fields.set_value("prompt", "x" * (PROMPT_MAX + 1))
    assert fields.problems() == {}
    assert "fit" not in fields.call_fields()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "v99"),
        ("model", None),
        ("duration", True),
        ("duration", "5"),
        ("quality", "8k"),
        ("fit", "stretch"),
        ("audio", 1),
        ("prompt", None),
        ("seconds_1", 9),
        ("seconds_7", 5),
        ("seconds", []),
        ("email", "x"),
    ],
)
def test_a_value_that_a_field_cannot_have_is_ignored(fields: FormFields, name: str, value: object) -> None:
    """Whatever a page sends, the call stays possible."""
    before = fields.call_fields()
    fields.set_value(name, value)
    assert fields.call_fields() == before
    assert fields.seconds(7) == [None] * 6


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.name)
def test_the_controls_offer_the_values_of_the_model(fields: FormFields, spec: ModelSpec) -> None:
    """The values of each control are the model's in their order, and the selected ones are among them."""
    choose_model(fields, spec.name)
    values = fields.call_fields()
    described = fields.describe()
    assert tuple(described["quality"]["values"]) == spec.qualities
    assert tuple(described["duration"]["values"]) == spec.durations
    assert tuple(described["aspect_ratio"]["values"]) == (None, *spec.aspect_ratios)
    assert all(len(described[name]["names"]) == len(described[name]["reasons"]) for name in CHOICES)
    assert values["quality"] in spec.qualities
    assert values["duration"] in spec.durations


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.name)
def test_only_the_fields_of_the_model_are_shown(fields: FormFields, spec: ModelSpec) -> None:
    """A field that the model does not take is hidden, and is not in the call."""
    choose_model(fields, spec.name)
    rules = spec.fields(Operation.FRAMES)
    always = {"prompt", "model", "duration", "quality", "aspect_ratio", "fit"}
    assert visible_names(fields) == always | (rules.keys() & fields.describe().keys())
    assert fields.call_fields().keys() == visible_names(fields)


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.name)
def test_every_model_starts_with_a_valid_request(fields: FormFields, spec: ModelSpec) -> None:
    """With nothing but another model the form has no problems, and its values are accepted as a request."""
    choose_model(fields, spec.name)
    values = fields.call_fields()
    assert fields.problems() == {}
    del values["fit"]
    seed = 1 if spec.takes_seed else None
    assert a_request(**{**values, "seed": seed, "aspect_ratio": "16:9"}).model == spec.name


def test_valid_values_survive_another_model(fields: FormFields) -> None:
    """A value that the next model has stays selected; another one becomes the model's default."""
    choose_model(fields, "pixverse-c1")
    fields.set_value("quality", "1080p")
    fields.set_value("aspect_ratio", "3:2")
    fields.set_value("duration", 8)
    fields.set_value("prompt", "rain")
    fields.set_value("seed", "7")
    choose_model(fields, "v6")
    after = fields.call_fields()
    assert [after[name] for name in ("quality", "duration", "prompt", "seed")] == ["1080p", 8, "rain", 7]
    assert after["aspect_ratio"] is None
    spec = choose_model(fields, "kling-o3")
    after = fields.call_fields()
    assert [after[name] for name in ("quality", "duration", "prompt")] == [spec.default_quality, 8, "rain"]
    assert "seed" not in after


def test_a_hidden_field_keeps_its_value(fields: FormFields) -> None:
    """A checkbox and the seed have their values again when a model that takes them is chosen again."""
    fields.set_value("seed", "7")
    fields.set_value("audio", True)
    choose_model(fields, "v3.5")
    assert "audio" not in fields.call_fields()
    fields.set_value("remove_watermark", False)
    choose_model(fields, "kling-o3")
    choose_model(fields, "v3.5")
    assert fields.call_fields()["remove_watermark"] is False
    choose_model(fields, DEFAULT_MODEL)
    assert (fields.call_fields()["audio"], fields.call_fields()["seed"]) == (True, 7)


def test_a_checkbox_is_sent_only_if_it_differs(fields: FormFields) -> None:
    """Audio, preview and off-peak are None unless ticked; the watermark is removed unless that is unticked."""
    assert {fields.call_fields()[name] for name in ("audio", "preview_mode", "off_peak_mode")} == {None}
    for name in ("audio", "preview_mode", "off_peak_mode"):
        fields.set_value(name, True)
        assert fields.call_fields()[name] is True
    choose_model(fields, "v3.5")
    assert fields.call_fields()["remove_watermark"] is True


def test_a_model_of_the_user_can_be_chosen() -> None:
    """A row from `Client(models=…)` is listed, with its own values, fields and no seed."""
    row = {
        "operations": ["frames"],
        "durations": [2, 3],
        "qualities": ["480p"],
        "switches": ["audio", "motion_mode"],
        "aspect_ratios": ["21:9"],
    }
    fields = make_fields(catalogue_with({"new-1": row}, prices={}))
    choose_model(fields, "new-1")
    values = fields.call_fields()
    assert (values["model"], values["quality"], values["duration"]) == ("new-1", "480p", 2)
    assert shown(fields, "aspect_ratio")["values"] == [None, "21:9"]
    assert {"audio", "motion_mode"} <= visible_names(fields)
    assert "seed" not in visible_names(fields)


def test_the_default_model_can_be_corrected_away() -> None:
    """If the default model makes no video from two pictures any more, the first one that does is selected."""
    fields = make_fields(catalogue_with({DEFAULT_MODEL: {"operations": ["text"]}}, prices={}))
    assert fields.call_fields()["model"] == next(spec.name for spec in MODELS if spec.name != DEFAULT_MODEL)
    assert fields.problems() == {}


# ---- combinations ----


@pytest.mark.parametrize(("spec", "rule"), REFUSED, ids=lambda value: getattr(value, "name", ""))
def test_a_rejected_option_is_disabled_with_the_reason(fields: FormFields, spec: ModelSpec, rule: Constraint) -> None:
    """With each of the seconds that rule out a quality, its button is disabled with the reason, and is not chosen."""
    choose_model(fields, spec.name)
    (refused,) = rule.fields["quality"]
    for seconds in spec.durations:
        fields.set_value("duration", seconds)
        quality = shown(fields, "quality")
        reason = quality["reasons"][quality["values"].index(refused)]
        assert bool(reason) is (seconds in rule.fields["duration"])
        assert reason.lower() in ("", rule.reason.partition(":")[0] + ".")
        assert fields["quality"] != refused


@pytest.mark.parametrize("seconds", [9, 10])
def test_a_rejected_pair_is_marked_at_once(fields: FormFields, seconds: int) -> None:
    """Both fields keep their values and have a message before anything is sent; changing one removes both messages."""
    fields.set_value("quality", "1080p")
    fields.set_value("duration", seconds)
    assert shown(fields, "quality")["message"]
    assert shown(fields, "duration")["message"]
    assert fields.problems().keys() == {"quality", "duration"}
    assert (fields.call_fields()["quality"], fields.call_fields()["duration"]) == ("1080p", seconds)
    fields.set_value("duration", 8)
    assert shown(fields, "quality")["message"] == shown(fields, "duration")["message"] == ""
    assert fields.problems() == {}


def test_a_pair_that_the_next_model_rejects_is_marked(fields: FormFields) -> None:
    """Values that only the earlier model allows are kept and marked; with that model they are valid again."""
    choose_model(fields, "v6")
    fields.set_value("quality", "1080p")
    fields.set_value("duration", 10)
    assert fields.problems() == {}
    choose_model(fields, DEFAULT_MODEL)
    assert (fields.call_fields()["quality"], fields.call_fields()["duration"]) == ("1080p", 10)
    assert shown(fields, "quality")["message"]
    choose_model(fields, "v6")
    assert shown(fields, "quality")["message"] == shown(fields, "duration")["message"] == ""
    assert not any(shown(fields, "quality")["reasons"])


def test_a_doubtful_pair_is_neither_disabled_nor_a_problem(fields: FormFields) -> None:
    """The combinations that only the older documents of v3.5 rule out can be chosen."""
    spec = choose_model(fields, "v3.5")
    assert spec.constraints
    for rule in spec.constraints:
        for name, values in rule.fields.items():
            fields.set_value(name, values[0])
        assert fields.problems() == {}
        assert not any(any(shown(fields, name)["reasons"]) for name in CHOICES)


def test_a_rule_about_a_field_without_a_control_is_harmless() -> None:
    """A custom rule may name a field that the form does not show."""
    rule = Constraint({"quality": ("1080p",), "auto_sound": (True,)}, "no sound in 1080p: choose quality='720p'")
    spec = CATALOGUE.spec("v6")
    fields = make_fields(catalogue_with({"v6": replace(spec, constraints=(rule,))}, prices={}))
    choose_model(fields, "v6")
    fields.set_value("quality", "1080p")
    assert fields.problems() == {}


def test_a_rule_between_two_choices_disables_both_ways() -> None:
    """A custom rule between quality and motion disables each option while the other is selected."""
    rule = Constraint({"quality": ("360p",), "motion_mode": ("fast",)}, "no fast motion in 360p: choose 'normal'")
    fields = make_fields(catalogue_with({"v3.5": {"constraints": [rule]}}, prices={}))
    choose_model(fields, "v3.5")
    fields.set_value("motion_mode", "fast")
    assert [bool(reason) for reason in shown(fields, "quality")["reasons"]] == [True, False, False, False]
    fields.set_value("motion_mode", "normal")
    fields.set_value("quality", "360p")
    assert [bool(reason) for reason in shown(fields, "motion_mode")["reasons"]] == [False, True]
    choose_model(fields, DEFAULT_MODEL)
    assert not any(any(shown(fields, name)["reasons"]) for name in CHOICES)


# ---- the other fields ----


def test_the_checkboxes_are_switches_of_the_catalogue(fields: FormFields) -> None:
    """Each checkbox is a switch that some model takes."""
    switches = {name for name, field in fields.describe().items() if "tooltip" in field}
    assert switches < SWITCHES.keys()
    operations = (Operation.FRAMES, Operation.TEXT)
    assert all(any(CATALOGUE.names_with(name, one) for one in operations) for name in switches)


def test_the_prompt_length_is_counted(fields: FormFields) -> None:
    """The counter follows every change; beyond the limit it is marked, and the problem gives the excess."""
    fields.set_value("prompt", "x" * PROMPT_MAX)
    assert shown(fields, "prompt")["count"] == shown(fields, "prompt")["limit"] == PROMPT_MAX
    assert fields.problems() == {}
    fields.set_value("prompt", "x" * (PROMPT_MAX + 3))
    problems = fields.problems()
    assert problems.keys() == {"prompt"}
    assert "3 characters" in problems["prompt"]


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "abc", str(SEED_MAX + 1), "٣", "1e3"])
def test_an_invalid_seed_is_a_problem(fields: FormFields, text: str) -> None:
    """Anything but a whole number from 1 to 2147483647 is a problem, shown at the field until it is changed."""
    fields.set_value("seed", text)
    fields.show_problems(fields.problems())
    assert str(SEED_MAX) in shown(fields, "seed")["message"]
    fields.set_value("seed", "12")
    assert shown(fields, "seed")["message"] == ""


@pytest.mark.parametrize(("text", "seed"), [("", None), ("  ", None), ("1", 1), (f" {SEED_MAX} ", SEED_MAX)])
def test_an_empty_seed_is_random(fields: FormFields, text: str, seed: int | None) -> None:
    """An empty field means a random seed, and a number is that seed."""
    fields.set_value("seed", text)
    assert fields.call_fields()["seed"] == seed
    assert fields.problems() == {}


def test_a_drawn_seed_can_be_cleared(fields: FormFields) -> None:
    """One button draws a valid seed; the other, visible only then, makes the seed random again."""
    assert not shown(fields, "seed")["is_set"]
    fields.draw_seed()
    assert 1 <= fields.call_fields()["seed"] <= SEED_MAX
    assert shown(fields, "seed")["is_set"]
    fields.set_value("seed", "")
    assert fields.call_fields()["seed"] is None


def test_problems_of_unknown_fields_are_returned(fields: FormFields) -> None:
    """A problem without a control is returned, and the others are shown at their fields."""
    assert fields.show_problems({"email": "unknown", "prompt": "a<b"}) == {"email": "unknown"}
    assert shown(fields, "prompt")["message"] == "a<b"


def test_the_hint_describes_each_fit() -> None:
    """Crop, pad and "as is" have different hints; crop and pad name the ratio, also if it is automatic."""
    fields = make_fields()
    hints = []
    for fit in ("cover", "contain", None):
        fields.set_value("fit", fit)
        described = fields.describe(auto_ratio="4:3", is_reshaped=True)
        hints.append(described["fit"]["hint"])
        assert "4:3" in described["aspect_ratio"]["names"][0]
    assert len(set(hints)) == 3
    assert ["4:3" in hint for hint in hints] == [True, True, False]


@pytest.mark.parametrize("fit", ["cover", "contain"])
def test_the_hint_depends_on_the_pictures(fit: str) -> None:
    """If both pictures have the ratio, the hint differs; before they are loaded, it mentions no bright part."""
    fields = make_fields()
    fields.set_value("fit", fit)
    hints = [
        fields.describe(auto_ratio="4:3", is_reshaped=is_reshaped)["fit"]["hint"] for is_reshaped in (True, False, None)
    ]
    assert hints[0] != hints[1] != hints[2]
    assert "bright" not in hints[2]
