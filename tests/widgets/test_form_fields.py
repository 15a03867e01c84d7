"""The form's controls, against the request model."""

from typing import Any

import pytest

from pixverse_nb.domain.catalogue import CONSTRAINTS, DEFAULT_MODEL, PROMPT_MAX, SEED_MAX, model_spec
from pixverse_nb.widgets.form import Fields
from tests.factories import a_request
from tests.widgets.page import change, press, text_of

RULES: Any = model_spec(DEFAULT_MODEL).fields


@pytest.fixture
def fields() -> Fields:
    """The controls as they open."""
    opened: list[Fields] = []

    def refresh() -> None:
        for each in opened:
            each.refresh(nearest=None)

    opened.append(Fields(refresh))
    return opened[0]


def shown(fields: Fields, name: str) -> str:
    """Return the HTML at a field."""
    return text_of(fields.controls[name])


def test_the_controls_offer_what_the_model_allows() -> None:
    """Every choice of the request model is there, in its order, and the model's default is the one that is on."""
    fields = Fields(lambda: None)
    for name in ("quality", "duration", "motion_mode"):
        rule = RULES[name]
        assert tuple(fields.choices[name].values) == rule.values
        assert fields.choices[name].value == rule.default
    ratios = RULES["aspect_ratio"].values
    assert tuple(fields.choices["aspect_ratio"].values) == (None, *ratios)


def test_the_opening_values_make_a_valid_request(fields: Fields) -> None:
    """What the form says before anybody touches it is accepted as it is."""
    values = fields.values()
    assert fields.problems() == {}
    assert values["seed"] is None
    del values["fit"]
    a_request(**{**values, "seed": 1, "aspect_ratio": "16:9"})


@pytest.mark.parametrize("rule", CONSTRAINTS, ids=lambda rule: "+".join(map(str, rule.fields.values())))
def test_what_is_refused_together_is_barred_with_the_reason(fields: Fields, rule: Any) -> None:
    """With one half of a refused pair chosen, the other half is barred and names the rule; both ways round."""
    (one, one_value), (other, other_value) = rule.fields.items()
    for name, value, barred, barred_value in (
        (one, one_value, other, other_value),
        (other, other_value, one, one_value),
    ):
        before = fields.choices[name].value
        fields.choices[name].value = value
        choice = fields.choices[barred]
        reason = choice.reasons[list(choice.values).index(barred_value)]
        assert reason.lower() == rule.reason.partition(":")[0] + "."
        assert choice.value != barred_value
        fields.choices[name].value = before
    assert all(not any(choice.reasons) for choice in fields.choices.values())


def test_a_refused_pair_set_by_code_is_named_at_both_fields_and_not_rewritten(fields: Fields) -> None:
    """Both fields of the pair are wrong, both values stay, and the words go when one of them is changed."""
    fields.choices["quality"].value = "1080p"
    fields.choices["duration"].value = 8
    wrong = fields.problems()
    assert set(wrong) == {"quality", "duration"}
    assert fields.show_problems(wrong) == {}
    assert "1080p" in fields.choices["duration"].message
    assert (fields.values()["quality"], fields.values()["duration"]) == ("1080p", 8)
    fields.choices["duration"].value = 5
    assert fields.choices["quality"].message == fields.choices["duration"].message == ""


def test_the_prompt_is_counted_as_it_is_typed(fields: Fields) -> None:
    """The counter follows every change up to 2048; beyond, it is marked and the field says by how much."""
    change(fields.prompt, value="x" * PROMPT_MAX)
    assert "2048 / 2048" in shown(fields, "prompt")
    assert fields.problems() == {}
    change(fields.prompt, value="x" * (PROMPT_MAX + 3))
    assert 'data-tone="bad">2051 / 2048' in shown(fields, "prompt")
    assert fields.problems() == {"prompt": "The prompt is 3 characters too long; at most 2048 are taken."}


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "abc", str(SEED_MAX + 1), "٣", "1e3"])
def test_a_seed_that_is_none_is_named(fields: Fields, text: str) -> None:
    """Anything but a whole number from 1 to 2147483647 is wrong, in words at the field."""
    change(fields.seed, value=text)
    fields.show_problems(fields.problems())
    assert "A whole number from 1 to 2147483647" in shown(fields, "seed")
    change(fields.seed, value="12")
    assert shown(fields, "seed") == ""


@pytest.mark.parametrize(("text", "seed"), [("", None), ("  ", None), ("1", 1), (f" {SEED_MAX} ", SEED_MAX)])
def test_a_seed_is_a_number_or_random(fields: Fields, text: str, seed: int | None) -> None:
    """An empty field lets the seed be drawn; a number is that number."""
    change(fields.seed, value=text)
    assert fields.values()["seed"] == seed
    assert fields.problems() == {}


def test_the_dice_draw_a_seed_that_can_be_taken_back(fields: Fields) -> None:
    """The dice put a valid seed into the field; the cross, there only then, makes it random again."""
    assert fields.no_seed.layout.display == "none"
    press(fields.dice)
    assert 1 <= fields.values()["seed"] <= SEED_MAX
    assert fields.no_seed.layout.display == ""
    press(fields.no_seed)
    assert fields.values()["seed"] is None


def test_words_of_fields_that_are_elsewhere_are_given_back(fields: Fields) -> None:
    """What concerns no control here is returned, so that it can be said somewhere else."""
    assert fields.show_problems({"email": "unknown", "prompt": "too <long>"}) == {"email": "unknown"}
    assert "too &lt;long&gt;" in shown(fields, "prompt")


@pytest.mark.parametrize(
    ("fit", "words"),
    [("cover", "Cut to 4:3: the bright part is sent."), ("contain", "4:3 with black bars"), (None, "Sent untouched")],
)
def test_the_fit_says_what_it_does(fit: str | None, words: str) -> None:
    """Each way to bring a picture to the ratio says so, with the ratio of the first picture where it is automatic."""
    fields = Fields(lambda: None)
    fields.choices["fit"].value = fit
    fields.refresh(nearest="4:3", fitting=True)
    assert words in fields.choices["fit"].hint
    assert fields.choices["aspect_ratio"].names[0] == "Auto: 4:3"


@pytest.mark.parametrize(("fit", "words"), [("cover", "Nothing to cut"), ("contain", "Nothing to pad")])
def test_the_fit_says_where_it_does_nothing(fit: str, words: str) -> None:
    """Where both pictures have the ratio nothing is said to be cut; before they are there, no part is called bright."""
    fields = Fields(lambda: None)
    fields.choices["fit"].value = fit
    fields.refresh(nearest="4:3", fitting=False)
    assert fields.choices["fit"].hint == f"{words}: both are 4:3."
    fields.refresh(nearest="4:3", fitting=None)
    assert "bright" not in fields.choices["fit"].hint
