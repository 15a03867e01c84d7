"""The controls of the form, compared with the catalogue."""

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
from pixverse_nb.widgets.form_fields import FormFields
from tests.factories import a_request
from tests.widgets.page import click, set_traits, visible_html

MODELS = CATALOGUE.models(Operation.FRAMES)
REFUSED = [(spec, one) for spec in MODELS for one in spec.constraints if one.is_refused]


def make_fields(catalogue: Catalogue = CATALOGUE) -> FormFields:
    """Return the controls with their initial values; they refresh themselves on every change."""
    created: list[FormFields] = []

    def refresh() -> None:
        for each in created:
            each.refresh(auto_ratio=None)

    created.append(FormFields(refresh, catalogue))
    return created[0]


@pytest.fixture
def fields() -> FormFields:
    """The controls with their initial values."""
    return make_fields()


def choose_model(fields: FormFields, name: str) -> ModelSpec:
    """Choose a model as the page does, and return its row."""
    names = [value for _, value in fields.model.options]
    set_traits(fields.model, index=names.index(name))
    return fields.spec


def field_html(fields: FormFields, name: str) -> str:
    """Return the HTML that is displayed at a field."""
    return visible_html(fields.controls[name])


def visible_names(fields: FormFields) -> set[str]:
    """Return the names of the controls that are shown."""
    return {name for name, control in fields.controls.items() if control.layout.display != "none"}


# ---- the models ----


def test_the_models_that_make_frames_can_be_chosen(fields: FormFields) -> None:
    """The list has the catalogue's models for two pictures in its order, and the default is selected."""
    assert [value for _, value in fields.model.options] == [spec.name for spec in MODELS]
    assert fields.values()["model"] == DEFAULT_MODEL


def test_each_model_is_listed_with_its_price(fields: FormFields) -> None:
    """A label has the price at the model's defaults; models without a price share one text, which has no number."""
    labels = {name: label.removeprefix(name) for label, name in fields.model.options}
    priced = {spec.name for spec in MODELS if spec.price is not None}
    for name in priced:
        rules = CATALOGUE.spec(name).fields(Operation.FRAMES)
        price = CATALOGUE.estimate(name, {field: rule.default for field, rule in rules.items()})
        assert str(price) in labels[name]
    assert not any(character.isdigit() for name in labels.keys() - priced for character in labels[name])


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.name)
def test_the_controls_offer_the_values_of_the_model(fields: FormFields, spec: ModelSpec) -> None:
    """The values of each control are the model's in their order, and the selected ones are among them."""
    choose_model(fields, spec.name)
    values = fields.values()
    assert tuple(fields.choices["quality"].values) == spec.qualities
    assert tuple(value for _, value in fields.duration.options) == spec.durations
    assert tuple(fields.choices["aspect_ratio"].values) == (None, *spec.aspect_ratios)
    assert len(fields.choices["aspect_ratio"].names) == len(fields.choices["aspect_ratio"].reasons)
    assert values["quality"] in spec.qualities
    assert values["duration"] in spec.durations


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.name)
def test_only_the_fields_of_the_model_are_shown(fields: FormFields, spec: ModelSpec) -> None:
    """A field that the model does not take is hidden, and its value is None."""
    choose_model(fields, spec.name)
    rules = spec.fields(Operation.FRAMES)
    always = {"prompt", "model", "duration", "quality", "aspect_ratio", "fit"}
    assert visible_names(fields) == always | (rules.keys() & fields.controls.keys())
    hidden = fields.controls.keys() - visible_names(fields)
    assert {name: fields.values()[name] for name in hidden} == dict.fromkeys(hidden)


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.name)
def test_every_model_starts_with_a_valid_request(fields: FormFields, spec: ModelSpec) -> None:
    """With nothing but another model the form has no problems, and its values are accepted as a request."""
    choose_model(fields, spec.name)
    values = fields.values()
    assert fields.problems() == {}
    del values["fit"]
    seed = 1 if spec.takes_seed else None
    assert a_request(**{**values, "seed": seed, "aspect_ratio": "16:9"}).model == spec.name


def test_valid_values_survive_another_model(fields: FormFields) -> None:
    """A value that the next model has stays selected; another one becomes the model's default."""
    choose_model(fields, "pixverse-c1")
    fields.choices["quality"].value = "1080p"
    fields.choices["aspect_ratio"].value = "3:2"
    fields.duration.value = 8
    set_traits(fields.prompt, value="rain")
    set_traits(fields.seed, value="7")
    choose_model(fields, "v6")
    after = fields.values()
    assert [after[name] for name in ("quality", "duration", "prompt", "seed")] == ["1080p", 8, "rain", 7]
    assert after["aspect_ratio"] is None
    spec = choose_model(fields, "kling-o3")
    after = fields.values()
    assert [after[name] for name in ("quality", "duration", "prompt", "seed")] == [
        spec.default_quality,
        8,
        "rain",
        None,
    ]


def test_a_hidden_field_keeps_its_value(fields: FormFields) -> None:
    """A checkbox and the seed have their values again when a model that takes them is chosen again."""
    set_traits(fields.seed, value="7")
    set_traits(fields.switches["audio"], value=True)
    choose_model(fields, "v3.5")
    assert fields.values()["audio"] is None
    set_traits(fields.switches["remove_watermark"], value=False)
    choose_model(fields, "kling-o3")
    choose_model(fields, "v3.5")
    assert fields.values()["remove_watermark"] is False
    choose_model(fields, DEFAULT_MODEL)
    assert (fields.values()["audio"], fields.values()["seed"]) == (True, 7)


def test_a_checkbox_is_sent_only_if_it_differs(fields: FormFields) -> None:
    """Audio, preview and off-peak are None unless ticked; the watermark is removed unless that is unticked."""
    assert {fields.values()[name] for name in ("audio", "preview_mode", "off_peak_mode")} == {None}
    for name in ("audio", "preview_mode", "off_peak_mode"):
        set_traits(fields.switches[name], value=True)
        assert fields.values()[name] is True
    choose_model(fields, "v3.5")
    assert fields.values()["remove_watermark"] is True


def test_a_change_of_the_model_is_one_change() -> None:
    """The form is told once, when all values fit the new model."""
    seen: list[tuple[Any, ...]] = []
    form = FormFields(lambda: seen.append((form.values()["quality"], form.values()["duration"])))
    form.choices["quality"].value = "1080p"
    form.duration.value = 10
    del seen[:]
    choose_model(form, "veo-3.1-fast")
    assert seen == [("1080p", 4)]


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
    values = fields.values()
    assert (values["model"], values["quality"], values["duration"]) == ("new-1", "480p", 2)
    assert fields.choices["aspect_ratio"].values == (None, "21:9")
    assert {"audio", "motion_mode"} <= visible_names(fields)
    assert "seed" not in visible_names(fields)


def test_the_default_model_can_be_corrected_away() -> None:
    """If the default model makes no video from two pictures any more, the first one that does is selected."""
    fields = make_fields(catalogue_with({DEFAULT_MODEL: {"operations": ["text"]}}, prices={}))
    assert fields.values()["model"] == next(spec.name for spec in MODELS if spec.name != DEFAULT_MODEL)
    assert fields.problems() == {}


# ---- combinations ----


def set_value(fields: FormFields, name: str, value: object) -> None:
    """Set a value in Python."""
    control: Any = fields.choices.get(name, fields.duration)
    control.value = value


@pytest.mark.parametrize(("spec", "rule"), REFUSED, ids=lambda value: getattr(value, "name", ""))
def test_a_rejected_option_is_disabled_with_the_reason(fields: FormFields, spec: ModelSpec, rule: Constraint) -> None:
    """With each of the seconds that rule out a quality, its button is disabled with the reason, and is not chosen."""
    choose_model(fields, spec.name)
    quality = fields.choices["quality"]
    (refused,) = rule.fields["quality"]
    for seconds in spec.durations:
        set_value(fields, "duration", seconds)
        reason = quality.reasons[list(quality.values).index(refused)]
        assert bool(reason) is (seconds in rule.fields["duration"])
        assert reason.lower() in ("", rule.reason.partition(":")[0] + ".")
        assert quality.value != refused


@pytest.mark.parametrize("seconds", [9, 10])
def test_a_rejected_pair_is_marked_at_once(fields: FormFields, seconds: int) -> None:
    """Both fields keep their values and have a message before anything is sent; changing one removes both messages."""
    set_value(fields, "quality", "1080p")
    set_traits(fields.duration, index=[value for _, value in fields.duration.options].index(seconds))
    assert fields.choices["quality"].message
    assert 'role="alert"' in field_html(fields, "duration")
    assert fields.problems().keys() == {"quality", "duration"}
    assert (fields.values()["quality"], fields.values()["duration"]) == ("1080p", seconds)
    set_value(fields, "duration", 8)
    assert fields.choices["quality"].message == field_html(fields, "duration") == ""
    assert fields.problems() == {}


def test_a_pair_that_the_next_model_rejects_is_marked(fields: FormFields) -> None:
    """Values that only the earlier model allows are kept and marked; with that model they are valid again."""
    choose_model(fields, "v6")
    set_value(fields, "quality", "1080p")
    set_value(fields, "duration", 10)
    assert fields.problems() == {}
    choose_model(fields, DEFAULT_MODEL)
    assert (fields.values()["quality"], fields.values()["duration"]) == ("1080p", 10)
    assert fields.choices["quality"].message
    choose_model(fields, "v6")
    assert fields.choices["quality"].message == field_html(fields, "duration") == ""
    assert not any(fields.choices["quality"].reasons)


def test_a_doubtful_pair_is_neither_disabled_nor_a_problem(fields: FormFields) -> None:
    """The combinations that only the older documents of v3.5 rule out can be chosen."""
    spec = choose_model(fields, "v3.5")
    assert spec.constraints
    for rule in spec.constraints:
        for name, values in rule.fields.items():
            set_value(fields, name, values[0])
        assert fields.problems() == {}
        assert not any(any(choice.reasons) for choice in fields.choices.values())


def test_a_rule_about_a_field_without_a_control_is_harmless() -> None:
    """A custom rule may name a field that the form does not show."""
    rule = Constraint({"quality": ("1080p",), "auto_sound": (True,)}, "no sound in 1080p: choose quality='720p'")
    spec = CATALOGUE.spec("v6")
    fields = make_fields(catalogue_with({"v6": replace(spec, constraints=(rule,))}, prices={}))
    choose_model(fields, "v6")
    set_value(fields, "quality", "1080p")
    assert fields.problems() == {}


def test_a_rule_between_two_choices_disables_both_ways() -> None:
    """A custom rule between quality and motion disables each option while the other is selected."""
    rule = Constraint({"quality": ("360p",), "motion_mode": ("fast",)}, "no fast motion in 360p: choose 'normal'")
    fields = make_fields(catalogue_with({"v3.5": {"constraints": [rule]}}, prices={}))
    choose_model(fields, "v3.5")
    set_value(fields, "motion_mode", "fast")
    assert [bool(reason) for reason in fields.choices["quality"].reasons] == [True, False, False, False]
    set_value(fields, "motion_mode", "normal")
    set_value(fields, "quality", "360p")
    assert [bool(reason) for reason in fields.choices["motion_mode"].reasons] == [False, True]
    choose_model(fields, DEFAULT_MODEL)
    assert not any(any(choice.reasons) for choice in fields.choices.values())


# ---- the other fields ----


def test_the_checkboxes_are_switches_of_the_catalogue(fields: FormFields) -> None:
    """Each checkbox is a switch that some model takes."""
    assert fields.switches.keys() <= SWITCHES.keys()
    assert all(CATALOGUE.names_with(name, Operation.FRAMES) for name in fields.switches)


def test_the_prompt_length_is_counted(fields: FormFields) -> None:
    """The counter follows every change; beyond the limit it is marked, and the problem gives the excess."""
    set_traits(fields.prompt, value="x" * PROMPT_MAX)
    assert f"{PROMPT_MAX} / {PROMPT_MAX}" in field_html(fields, "prompt")
    assert 'data-tone="bad"' not in field_html(fields, "prompt")
    assert fields.problems() == {}
    set_traits(fields.prompt, value="x" * (PROMPT_MAX + 3))
    assert 'data-tone="bad"' in field_html(fields, "prompt")
    problems = fields.problems()
    assert problems.keys() == {"prompt"}
    assert "3 characters" in problems["prompt"]


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "abc", str(SEED_MAX + 1), "٣", "1e3"])
def test_an_invalid_seed_is_a_problem(fields: FormFields, text: str) -> None:
    """Anything but a whole number from 1 to 2147483647 is a problem, shown at the field until it is changed."""
    set_traits(fields.seed, value=text)
    fields.show_problems(fields.problems())
    assert str(SEED_MAX) in field_html(fields, "seed")
    set_traits(fields.seed, value="12")
    assert field_html(fields, "seed") == ""


@pytest.mark.parametrize(("text", "seed"), [("", None), ("  ", None), ("1", 1), (f" {SEED_MAX} ", SEED_MAX)])
def test_an_empty_seed_is_random(fields: FormFields, text: str, seed: int | None) -> None:
    """An empty field means a random seed, and a number is that seed."""
    set_traits(fields.seed, value=text)
    assert fields.values()["seed"] == seed
    assert fields.problems() == {}


def test_a_drawn_seed_can_be_cleared(fields: FormFields) -> None:
    """One button draws a valid seed; the other, visible only then, makes the seed random again."""
    assert fields.clear_seed_button.layout.display == "none"
    click(fields.draw_seed_button)
    assert 1 <= fields.values()["seed"] <= SEED_MAX
    assert fields.clear_seed_button.layout.display == ""
    click(fields.clear_seed_button)
    assert fields.values()["seed"] is None


def test_problems_of_unknown_fields_are_returned(fields: FormFields) -> None:
    """A problem without a control is returned, and the others are shown escaped at their fields."""
    assert fields.show_problems({"email": "unknown", "prompt": "a<b"}) == {"email": "unknown"}
    assert "a&lt;b" in field_html(fields, "prompt")


def test_the_hint_describes_each_fit() -> None:
    """Crop, pad and "as is" have different hints; crop and pad name the ratio, also if it is automatic."""
    fields = FormFields(lambda: None)
    hints = []
    for fit in ("cover", "contain", None):
        fields.choices["fit"].value = fit
        fields.refresh(auto_ratio="4:3", is_reshaped=True)
        hints.append(fields.choices["fit"].hint)
        assert fields.choices["aspect_ratio"].names[0] == "Auto: 4:3"
    assert len(set(hints)) == 3
    assert ["4:3" in hint for hint in hints] == [True, True, False]


@pytest.mark.parametrize("fit", ["cover", "contain"])
def test_the_hint_depends_on_the_pictures(fit: str) -> None:
    """If both pictures have the ratio, the hint differs; before they are loaded, it mentions no bright part."""
    fields = FormFields(lambda: None)
    fields.choices["fit"].value = fit
    hints = []
    for is_reshaped in (True, False, None):
        fields.refresh(auto_ratio="4:3", is_reshaped=is_reshaped)
        hints.append(fields.choices["fit"].hint)
    assert hints[0] != hints[1] != hints[2]
    assert "bright" not in hints[2]
