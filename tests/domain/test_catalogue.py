"""The catalogue: the entry of each model, its defaults and its rules between fields."""

import pytest

from pixverse_nb.domain.catalogue import CONSTRAINTS, DEFAULT_MODEL, MODEL_NAME, model_spec

BROKEN_RULES = [
    {"motion_mode": "fast", "duration": 8},
    {"quality": "1080p", "duration": 8},
    {"quality": "1080p", "motion_mode": "fast"},
]


@pytest.mark.parametrize("values", BROKEN_RULES)
def test_each_rule_is_violated_alone(values: dict[str, object]) -> None:
    """Each documented combination violates exactly one constraint, and it names these fields."""
    (constraint,) = model_spec(DEFAULT_MODEL).violations(values)
    assert constraint.fields == values


def test_all_rules_are_violated_at_once() -> None:
    """1080p, fast motion and 8 s together violate all three constraints."""
    values = {"quality": "1080p", "motion_mode": "fast", "duration": 8}
    assert model_spec(DEFAULT_MODEL).violations(values) == CONSTRAINTS


def test_the_defaults_violate_nothing() -> None:
    """Every default is accepted by its own rule, and together they violate no constraint."""
    spec = model_spec(DEFAULT_MODEL)
    defaults = {name: spec.default(name) for name in spec.fields if name != "seed"}
    assert [name for name, value in defaults.items() if not spec.fields[name].accepts(value)] == []
    assert spec.violations(defaults) == ()
    assert spec.default("no_such_field") is None


def test_a_later_model_has_normal_motion_only() -> None:
    """A model without an entry has the fields of v3.5, but only normal motion."""
    later = model_spec("v4.5")
    assert later.fields.keys() == model_spec(DEFAULT_MODEL).fields.keys()
    assert later.fields["motion_mode"].accepts("normal")
    assert not later.fields["motion_mode"].accepts("fast")


@pytest.mark.parametrize(("name", "is_valid"), [("v3.5", True), ("v5", True), ("3.5", False), ("v4.5\n", False)])
def test_a_model_name_is_a_version(name: str, is_valid: bool) -> None:
    """A model name is the letter v and a version."""
    assert MODEL_NAME.accepts(name) is is_valid
