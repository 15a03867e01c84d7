"""The controls of the form, compared with the catalogue."""

from typing import Any

import pytest

from pixverse_nb.domain.catalogue import CONSTRAINTS, DEFAULT_MODEL, PROMPT_MAX, SEED_MAX, model_spec
from pixverse_nb.widgets.form import FormFields
from tests.factories import a_request
from tests.widgets.page import click, set_traits, visible_html

RULES: Any = model_spec(DEFAULT_MODEL).fields


@pytest.fixture
def fields() -> FormFields:
    """The controls with their initial values; they refresh themselves on every change."""
    created: list[FormFields] = []

    def refresh() -> None:
        for each in created:
            each.refresh(auto_ratio=None)

    created.append(FormFields(refresh))
    return created[0]


def field_html(fields: FormFields, name: str) -> str:
    """Return the HTML that is displayed at a field."""
    return visible_html(fields.controls[name])


def test_the_controls_offer_the_values_of_the_catalogue() -> None:
    """Each control has the model's values in their order, and the default is selected."""
    fields = FormFields(lambda: None)
    for name in ("quality", "duration", "motion_mode"):
        rule = RULES[name]
        assert tuple(fields.choices[name].values) == rule.values
        assert fields.choices[name].value == rule.default
    ratios = RULES["aspect_ratio"].values
    assert tuple(fields.choices["aspect_ratio"].values) == (None, *ratios)


def test_the_initial_values_are_a_valid_request(fields: FormFields) -> None:
    """The untouched form has no problems, and its values are accepted as a request."""
    values = fields.values()
    assert fields.problems() == {}
    assert values["seed"] is None
    del values["fit"]
    a_request(**{**values, "seed": 1, "aspect_ratio": "16:9"})


@pytest.mark.parametrize("rule", CONSTRAINTS, ids=lambda rule: "+".join(map(str, rule.fields.values())))
def test_rejected_combinations_are_disabled_with_the_reason(fields: FormFields, rule: Any) -> None:
    """If one value of a rejected pair is selected, the other is disabled with the reason, in both directions."""
    (one, one_value), (other, other_value) = rule.fields.items()
    for name, value, disabled, disabled_value in (
        (one, one_value, other, other_value),
        (other, other_value, one, one_value),
    ):
        before = fields.choices[name].value
        fields.choices[name].value = value
        choice = fields.choices[disabled]
        reason = choice.reasons[list(choice.values).index(disabled_value)]
        assert reason.lower() == rule.reason.partition(":")[0] + "."
        assert choice.value != disabled_value
        fields.choices[name].value = before
    assert all(not any(choice.reasons) for choice in fields.choices.values())


def test_a_rejected_pair_set_in_python_is_a_problem_of_both_fields(fields: FormFields) -> None:
    """Both fields have a problem and keep their values; changing one field removes both messages."""
    fields.choices["quality"].value = "1080p"
    fields.choices["duration"].value = 8
    problems = fields.problems()
    assert set(problems) == {"quality", "duration"}
    assert fields.show_problems(problems) == {}
    assert "1080p" in fields.choices["duration"].message
    assert (fields.values()["quality"], fields.values()["duration"]) == ("1080p", 8)
    fields.choices["duration"].value = 5
    assert fields.choices["quality"].message == fields.choices["duration"].message == ""


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
