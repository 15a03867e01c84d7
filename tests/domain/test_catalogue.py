"""The catalogue: the row of each model, its defaults, its rules between fields, its price and its notices."""

from dataclasses import replace
from typing import Any

import pytest

from pixverse_nb.domain.catalogue import (
    ALL_ASPECT_RATIOS,
    CATALOGUE,
    DEFAULT_MODEL,
    MODEL_NAME,
    SEED_MAX,
    SWITCHES,
    V35_LIMITS,
    Catalogue,
    Constraint,
    ModelSpec,
    Operation,
    Price,
)
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.operations import OPERATIONS, PARAM_NAMES
from pixverse_nb.domain.validation import REQUIRED
from pixverse_nb.errors import InvalidRequest

ROWS = CATALOGUE.models()
EACH_ROW = pytest.mark.parametrize("spec", ROWS, ids=lambda spec: spec.name)
V5_MODELS = ("v5", "v5.5", "v5.6", "v5-fast")
OLDER_RULES = [
    {"motion_mode": "fast", "duration": 8},
    {"quality": "1080p", "duration": 8},
    {"quality": "1080p", "motion_mode": "fast"},
]


# -- every row is consistent -----------------------------------------------------------------------------------------


@EACH_ROW
def test_the_defaults_of_a_row_are_valid(spec: ModelSpec) -> None:
    """For each operation, every default is accepted by its own rule and together they violate and doubt nothing."""
    for operation in spec.operations:
        rules = spec.fields(operation)
        defaults = {name: rule.default for name, rule in rules.items() if rule.default is not REQUIRED}
        assert [name for name, value in defaults.items() if not rules[name].accepts(value)] == []
        assert spec.violations(defaults) == ()
        assert spec.notices(operation, defaults) == ()
        assert spec.default("no_such_field", operation) is None


@EACH_ROW
def test_the_columns_of_a_row_fit_together(spec: ModelSpec) -> None:
    """The defaults are among the choices, the choices are known and named once, and the row has source and date."""
    assert spec.default_quality in spec.qualities
    assert spec.default_duration in spec.durations
    assert list(spec.durations) == sorted(set(spec.durations))
    assert min(spec.durations) > 0
    for choices in (spec.operations, spec.qualities, spec.aspect_ratios, spec.switches):
        assert len(set(choices)) == len(choices)
    assert spec.operations
    assert set(spec.qualities) <= {"360p", "480p", "540p", "720p", "1080p", "2160p"}
    assert set(spec.aspect_ratios) <= set(ALL_ASPECT_RATIOS)
    assert set(spec.switches) <= set(SWITCHES)
    assert MODEL_NAME.accepts(spec.name)
    assert spec.is_listed
    assert spec.source
    year, _, month = spec.date.partition("-")
    assert 2024 <= int(year) <= 2026
    assert 1 <= int(month) <= 12


@EACH_ROW
def test_every_switch_of_a_row_is_a_field_of_one_of_its_operations(spec: ModelSpec) -> None:
    """A switch that no operation of the model takes would never be sent."""
    taken = {name for operation in spec.operations for name in spec.fields(operation)}
    assert set(spec.switches) <= taken <= set(PARAM_NAMES)


@EACH_ROW
def test_a_price_covers_every_quality_or_is_unknown(spec: ModelSpec) -> None:
    """A row has a price above 0 for each of its qualities and no other, or no price at all."""
    if spec.price is not None:
        assert set(spec.price.credits) == set(spec.qualities)
        assert min(spec.price.credits.values()) > 0


@EACH_ROW
def test_an_estimate_exists_for_every_choice_or_for_none(spec: ModelSpec) -> None:
    """The estimate of every quality and duration of a row is a whole number above 0, or None if it has no price."""
    for quality in spec.qualities:
        for duration in spec.durations:
            credits_ = CATALOGUE.estimate(spec.name, {"quality": quality, "duration": duration})
            assert credits_ is None if spec.price is None else type(credits_) is int and credits_ > 0


@EACH_ROW
def test_a_constraint_is_about_values_of_its_row(spec: ModelSpec) -> None:
    """Each constraint rules out values that the fields of the model accept: it can be violated."""
    for constraint in spec.constraints:
        assert len(constraint.fields) > 1
        rules = [spec.fields(operation) for operation in spec.operations]
        assert any(
            all(name in fields and all(map(fields[name].accepts, values)) for name, values in constraint.fields.items())
            for fields in rules
        )


@EACH_ROW
def test_a_seed_is_a_field_of_the_models_that_take_one(spec: ModelSpec) -> None:
    """A model with a seed takes 1…2147483647 where the route has a seed; a model without one has no such field."""
    for operation in spec.operations:
        rule = spec.fields(operation).get("seed")
        assert (rule is not None) is (spec.takes_seed and "seed" in OPERATIONS[operation].model_fields)
        if rule is not None:
            assert (rule.accepts(0), rule.accepts(1), rule.accepts(SEED_MAX), rule.accepts(SEED_MAX + 1)) == (
                False, True, True, False,
            )  # fmt: skip


def test_every_name_is_there_once() -> None:
    """No two rows have the same name, even in other capitals."""
    names = [spec.name.casefold() for spec in ROWS]
    assert sorted(set(names)) == sorted(names)
    assert CATALOGUE.names == tuple(spec.name for spec in ROWS)


@pytest.mark.parametrize(("operation", "name"), [(one, made.default_model) for one, made in OPERATIONS.items()])
def test_the_default_model_of_an_operation_makes_it(operation: Operation, name: str) -> None:
    """The default model of each operation is in the table, makes that operation, and is still offered."""
    assert operation in CATALOGUE.spec(name).operations
    assert not CATALOGUE.spec(name).is_withdrawn


def test_the_default_model_is_the_vendors() -> None:
    """Without a model, create-frames uses v5.6 with 540p and 5 s, for 30 credits."""
    spec = CATALOGUE.spec(DEFAULT_MODEL)
    assert (spec.name, spec.default_quality, spec.default_duration) == ("v5.6", "540p", 5)
    assert CATALOGUE.estimate(spec.name, {"quality": "540p", "duration": 5}) == 30


# -- what can be looked up -------------------------------------------------------------------------------------------


def test_the_rows_of_an_operation() -> None:
    """`models` returns the rows that make an operation, given by member or by name; None returns all."""
    assert [spec.name for spec in CATALOGUE.models("frames")] == [
        "v5.6", "v6", "pixverse-c1", "v5.5", "v5",
        "seedance-2.0", "seedance-2.0-fast", "seedance-2.0-mini", "kling-o3", "kling-v3",
        "veo-3.1-lite", "veo-3.1-standard", "veo-3.1-fast", "v3.5",
    ]  # fmt: skip
    assert CATALOGUE.models(Operation.FRAMES) == CATALOGUE.models("frames")
    assert CATALOGUE.models(None) == ROWS
    assert "v3.5" not in [spec.name for spec in CATALOGUE.models("text")]


@pytest.mark.parametrize("operation", ["film", "", 7, "FRAMES"])
def test_an_unknown_operation_is_an_invalid_request(operation: Any) -> None:
    """An operation that does not exist raises InvalidRequest that names it."""
    with pytest.raises(InvalidRequest, match=repr(operation)):
        CATALOGUE.models(operation)


def test_the_models_that_take_a_field() -> None:
    """`names_with` returns the models that take a field for that operation."""
    assert CATALOGUE.names_with("motion_mode", Operation.FRAMES) == ("v3.5",)
    assert CATALOGUE.names_with("audio", Operation.FRAMES) == ("v5.6", "v6", "pixverse-c1", "v5.5")
    assert CATALOGUE.names_with("multi_shot", Operation.TEXT) == ("v6",)
    assert CATALOGUE.names_with("multi_shot", Operation.FRAMES) == ()


@EACH_ROW
def test_an_alternative_is_another_model_that_is_offered(spec: ModelSpec) -> None:
    """The alternatives to a model make the same operation, are not withdrawn, and never are the model itself."""
    for operation in spec.operations:
        others = CATALOGUE.alternatives(spec.name, operation)
        assert others or operation is not Operation.FRAMES
        assert spec.name not in others
        assert "v3.5" not in others
        assert all(operation in CATALOGUE.spec(name).operations for name in others)


@pytest.mark.parametrize(
    ("name", "is_valid"),
    [("v3.5", True), ("v5-fast", True), ("kling-o3", True), ("Wan_3:x", True), ("3.5", True), ("v4.5\n", False),
     ("", False), (".5", False), ("v 5", False), ("a" * 60, True), ("a" * 61, False), (5.6, False)],
)  # fmt: skip
def test_what_a_model_name_can_be(name: object, is_valid: bool) -> None:
    """A model name is at most 60 letters, digits and . _ : -, and starts with a letter or a digit."""
    assert MODEL_NAME.accepts(name) is is_valid


# -- combinations and notices ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", V5_MODELS)
def test_1080p_has_at_most_8_seconds_with_v5(name: str) -> None:
    """Of all the choices of v5 to v5.6, only 1080p with 9 or 10 s violates a constraint, and it names both fields."""
    spec = CATALOGUE.spec(name)
    choices = [{"quality": quality, "duration": seconds} for quality in spec.qualities for seconds in spec.durations]
    refused = [values for values in choices if spec.violations(values)]
    assert refused == [{"quality": "1080p", "duration": seconds} for seconds in (9, 10)]
    assert all(set(one.fields) == {"quality", "duration"} for values in refused for one in spec.violations(values))


@pytest.mark.parametrize("values", OLDER_RULES)
def test_each_older_rule_is_a_notice_alone(values: dict[str, object]) -> None:
    """Each combination that only PixVerse's older documents rule out violates nothing and gets one notice."""
    spec = CATALOGUE.spec("v3.5")
    (limit,) = [one for one in V35_LIMITS if one.applies(values)]
    assert limit.fields == {name: (value,) for name, value in values.items()}
    assert spec.violations(values) == ()
    assert spec.notices(Operation.FRAMES, values) == (Notice("documented_limit", {"reason": limit.reason}),)


def test_all_older_rules_are_notices_at_once() -> None:
    """1080p, fast motion and 8 s together get all three notices."""
    values = {"quality": "1080p", "motion_mode": "fast", "duration": 8}
    notices = CATALOGUE.spec("v3.5").notices(Operation.FRAMES, values)
    assert [one.data["reason"] for one in notices] == [limit.reason for limit in V35_LIMITS]
    assert CATALOGUE.spec("v3.5").violations(values) == ()


def test_a_refused_combination_that_is_sent_all_the_same_has_a_notice() -> None:
    """The notices of a request include the constraint that it violates."""
    values = {"quality": "1080p", "duration": 10}
    spec = CATALOGUE.spec("v5.6")
    (violated,) = spec.violations(values)
    assert spec.notices(Operation.FRAMES, values) == (Notice("documented_limit", {"reason": violated.reason}),)


def test_an_operation_that_the_model_does_not_make_has_a_notice() -> None:
    """Frames with a model that makes none are noticed, with both names."""
    notices = CATALOGUE.spec("v5-fast").notices(Operation.FRAMES, {"quality": "540p", "duration": 5})
    assert notices == (Notice("undocumented_operation", {"model": "v5-fast", "operation": "frames"}),)


def test_a_constraint_needs_all_of_its_values() -> None:
    """A constraint applies if every field has one of its values; a field that is missing has none."""
    constraint = Constraint({"quality": ("1080p",), "duration": (9, 10)}, "too long")
    assert constraint.applies({"quality": "1080p", "duration": 10, "seed": 1})
    assert not constraint.applies({"quality": "1080p", "duration": 8})
    assert not constraint.applies({"duration": 10})
    assert not constraint.applies({})


# -- a model without a row -------------------------------------------------------------------------------------------


def test_a_model_without_a_row_is_not_checked() -> None:
    """An unlisted model takes every field, has no constraint and no price, and says so in a notice."""
    spec = CATALOGUE.spec("kling-4.0")
    assert (spec.name, spec.is_listed, spec.constraints, spec.price) == ("kling-4.0", False, (), None)
    assert spec.operations == tuple(Operation)
    shared = {"prompt", "duration", "quality", "aspect_ratio", "seed"}
    assert spec.fields(Operation.TEXT).keys() == {*shared, *SWITCHES} <= set(PARAM_NAMES)
    assert spec.violations({"quality": "1080p", "duration": 60, "motion_mode": "fast"}) == ()
    assert spec.notices(Operation.FRAMES, {}) == (Notice("unlisted_model", {"model": "kling-4.0"}),)
    assert CATALOGUE.estimate("kling-4.0", {"quality": "720p", "duration": 5}) is None


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("c1", "pixverse-c1"),
        ("V6", "v6"),
        ("v35", "v3.5"),
        ("pixverse-v6", "v6"),
        ("seedance-2", "seedance-2.0"),
        ("sora2", "sora-2"),
        ("veo-3.1", "veo-3.1-lite"),
        ("v4.5", ""),
        ("nova", ""),
        ("", ""),
    ],
)
def test_the_name_that_was_meant(name: str, near: str) -> None:
    """A name that is nearly one of the table suggests it in its notice; another one suggests nothing."""
    assert CATALOGUE.nearest(name) == near
    (notice,) = CATALOGUE.notices(name, Operation.FRAMES, {})
    assert notice.data == {"model": name, **({"near": near} if near else {})}


def test_a_name_of_the_clients_own_rows_is_suggested() -> None:
    """The rows that a client adds are names too."""
    catalogue = Catalogue([*CATALOGUE.models(), replace(CATALOGUE.spec("v6"), name="kling-9")])
    assert catalogue.nearest("Kling 9") == "kling-9"


def test_a_model_without_a_row_is_not_in_the_table() -> None:
    """Looking an unlisted model up does not add it, and gives the same row each time."""
    catalogue = Catalogue()
    assert catalogue.spec("kling-4.0") is catalogue.spec("kling-4.0")
    assert "kling-4.0" not in catalogue.names
    assert catalogue.models() == ROWS


# -- prices ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "values", "credits_"),
    [
        *(("v5.6", {"quality": quality, "duration": 5}, credits_)
          for quality, credits_ in (("360p", 20), ("540p", 30), ("720p", 40), ("1080p", 80))),
        *(("v5.6", {"quality": "540p", "duration": seconds}, credits_)
          for seconds, credits_ in ((1, 30), (5, 30), (6, 60), (8, 60), (10, 60))),
        ("v5.5", {"quality": "1080p", "duration": 8}, 160),
        ("v5", {"quality": "720p", "duration": 5}, 40),
        *(("v6", {"quality": quality, "duration": 5}, credits_)
          for quality, credits_ in (("360p", 20), ("540p", 30), ("720p", 35), ("1080p", 70))),
        ("v6", {"quality": "1080p", "duration": 15}, 210),
        ("v6", {"quality": "720p", "duration": 1}, 7),
        ("pixverse-c1", {"quality": "720p", "duration": 5}, 50),
        ("v3.5", {"quality": "360p", "duration": 5}, 30),
        ("v3.5", {"quality": "540p", "duration": 5, "motion_mode": "normal"}, 45),
        ("v3.5", {"quality": "720p", "duration": 5}, 60),
        ("v3.5", {"quality": "1080p", "duration": 5}, 120),
        ("v3.5", {"quality": "720p", "duration": 8}, 120),
        ("v3.5", {"quality": "720p", "duration": 5, "motion_mode": "fast"}, 120),
        ("v3.5", {"quality": "720p", "duration": 8, "motion_mode": "fast"}, 240),
        ("kling-o3", {"quality": "720p", "duration": 5}, None),
        ("v5.6", {"quality": "2160p", "duration": 5}, None),
        ("v5.6", {"quality": "540p"}, None),
        ("v5.6", {}, None),
    ],
)  # fmt: skip
def test_estimates(model: str, values: dict[str, object], credits_: int | None) -> None:
    """Per second, or for 5 s and twice that above; fast motion doubles; None if any part is not known."""
    assert CATALOGUE.estimate(model, values) == credits_


@pytest.mark.parametrize(
    ("model", "values", "credits_"),
    [
        ("v5.6", {"quality": "540p", "duration": 5}, 25),
        ("v5.6", {"quality": "540p", "duration": 8}, 50),
        ("v3.5", {"quality": "540p", "duration": 5, "motion_mode": "fast"}, 50),
        ("v6", {"quality": "540p", "duration": 10}, 50),
        ("v6", {"quality": "540p", "duration": 1}, 5),
        ("kling-4.0", {"quality": "540p", "duration": 5}, 25),
        ("v5.6", {"quality": "720p", "duration": 5}, 40),
        ("v6", {"quality": "720p", "duration": 10}, 70),
    ],
)
def test_corrected_estimates(model: str, values: dict[str, object], credits_: int) -> None:
    """A corrected price replaces that of 5 s for every model, scaled by the seconds; other qualities keep theirs."""
    assert Catalogue(corrections={"540p": 25}).estimate(model, values) == credits_


def test_a_correction_may_be_free_of_charge() -> None:
    """A price of 0 is a price, not a missing one."""
    assert Price({"540p": 30}).estimate({"quality": "540p", "duration": 5}, {"540p": 0}) == 0


@pytest.mark.parametrize(
    ("modes", "factors", "credits_"),
    [
        ({}, {"off_peak_mode": 0.5}, 30),
        ({"off_peak_mode": True}, {"off_peak_mode": 0.7}, 21),
        ({"off_peak_mode": True}, {"off_peak_mode": 0.55}, 17),
        ({"off_peak_mode": False, "preview_mode": True}, {"off_peak_mode": 0.5, "preview_mode": 0.8}, 24),
        ({"off_peak_mode": True, "preview_mode": True}, {"off_peak_mode": 0.5, "preview_mode": 0.8}, 12),
        ({"off_peak_mode": True, "preview_mode": True}, {"off_peak_mode": 0.5}, 30),
        ({"off_peak_mode": True}, {}, 30),
    ],
)
def test_cheaper_modes(modes: dict[str, bool], factors: dict[str, float], credits_: int) -> None:
    """Each mode multiplies the price, rounded up; while a factor is not known, the full price is the limit."""
    values = {"quality": "540p", "duration": 5, **modes}
    assert CATALOGUE.estimate("v5.6", values, factors=factors) == credits_
