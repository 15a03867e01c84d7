"""`Client(models=…)`: rows that are added or corrected, and what is refused in them."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from pixverse_nb.domain.catalogue import CATALOGUE, Constraint, ModelSpec, Operation, Price
from pixverse_nb.domain.custom_models import catalogue_with
from pixverse_nb.errors import ConfigError

NEW: dict[str, Any] = {"operations": ["frames"], "durations": [6, 12], "qualities": ["720p", "1080p"]}
COLUMNS = [item.name for item in fields(ModelSpec) if item.name not in ("name", "is_listed")]


def spec_of(name: str, row: Any) -> ModelSpec:
    """The row of a model in the catalogue that has this row more."""
    return catalogue_with({name: row}, prices={}).spec(name)


def columns_of(spec: ModelSpec) -> dict[str, Any]:
    """The columns of a row, without the name."""
    return {column: getattr(spec, column) for column in COLUMNS}


def test_without_rows_it_is_the_catalogue() -> None:
    """None and an empty mapping change no row."""
    nothings: list[Any] = [None, {}]
    for nothing in nothings:
        assert catalogue_with(nothing, prices={}).models() == CATALOGUE.models()


def test_prices_are_corrected() -> None:
    """The prices are corrections on top of the rows, built-in and added."""
    catalogue = catalogue_with({"v9": {**NEW, "price": {"credits": {"720p": 40}}}}, prices={"720p": 25})
    assert catalogue.estimate("v9", {"quality": "720p", "duration": 12}) == 50
    assert catalogue.estimate("v5.6", {"quality": "720p", "duration": 5}) == 25
    assert catalogue.estimate("v5.6", {"quality": "540p", "duration": 5}) == 30


def test_a_new_model_has_the_columns_that_were_given() -> None:
    """A new row takes its defaults from the first choices, makes no assumption about seed, price and switches."""
    spec = spec_of("v9", NEW)
    assert columns_of(spec) == {
        "operations": (Operation.FRAMES,),
        "durations": (6, 12),
        "qualities": ("720p", "1080p"),
        "default_quality": "720p",
        "default_duration": 6,
        "aspect_ratios": CATALOGUE.spec("v6").aspect_ratios,
        "switches": (),
        "takes_seed": False,
        "price": None,
        "plan": "",
        "constraints": (),
        "source": spec.source,
        "date": "",
        "is_withdrawn": False,
    }
    assert spec.is_listed
    assert spec.source


def test_a_new_model_is_in_the_table() -> None:
    """A new row comes after the built-in ones, and belongs to its operations."""
    catalogue = catalogue_with({"v9": NEW}, prices={})
    assert catalogue.names == (*CATALOGUE.names, "v9")
    assert catalogue.models("frames")[-1].name == "v9"
    assert "v9" not in [spec.name for spec in catalogue.models("text")]
    assert "v9" not in CATALOGUE.names


def test_a_known_row_is_corrected() -> None:
    """A correction changes the columns that it names, keeps the others, and leaves the built-in catalogue alone."""
    known = columns_of(CATALOGUE.spec("v5.6"))
    catalogue = catalogue_with({"v5.6": {"durations": (5, 20), "default_quality": "720p"}}, prices={})
    assert columns_of(catalogue.spec("v5.6")) == {**known, "durations": (5, 20), "default_quality": "720p"}
    assert catalogue.names == CATALOGUE.names
    assert columns_of(CATALOGUE.spec("v5.6")) == known


def test_a_row_may_be_a_model_spec() -> None:
    """A ModelSpec is used as it is, under the name that it is given."""
    row = ModelSpec(
        "whatever",
        (Operation.FRAMES, Operation.TEXT),
        (4,),
        ("720p",),
        "720p",
        default_duration=4,
        switches=("audio",),
        price=Price({"720p": 3}, per_second=True),
        constraints=(Constraint({"audio": (True,)}, "no audio"),),
    )
    spec = spec_of("v9", row)
    assert spec.name == "v9"
    assert columns_of(spec) == columns_of(row)


@pytest.mark.parametrize("name", CATALOGUE.names)
def test_every_built_in_row_is_accepted(name: str) -> None:
    """Each row of the catalogue passes the checks for rows of users, as a ModelSpec and as columns."""
    known = CATALOGUE.spec(name)
    for row in (known, columns_of(known)):
        assert columns_of(spec_of(name, row)) == columns_of(known)
        assert columns_of(spec_of("v9", row)) == columns_of(known)


def test_values_of_other_libraries_are_taken() -> None:
    """numpy's arrays and numbers, enums and generators become tuples of plain values."""
    spec = spec_of(
        "v9",
        {
            "operations": iter([Operation.FRAMES]),
            "durations": np.arange(4, 7),
            "qualities": np.array(["720p"]),
            "default_duration": np.int64(5),
            "switches": np.array(["audio"]),
            "takes_seed": np.bool_(True),
            "price": {"credits": {"720p": np.int64(7)}, "per_second": np.bool_(True)},
        },
    )
    assert (spec.durations, spec.qualities, spec.switches) == ((4, 5, 6), ("720p",), ("audio",))
    assert (spec.default_duration, spec.takes_seed) == (5, True)
    assert {type(one) for one in (*spec.durations, spec.default_duration)} == {int}
    assert spec.price == Price({"720p": 7}, per_second=True)
    assert type(spec.price.credits["720p"]) is int


@pytest.mark.parametrize("nothing", [(), [], np.array([])], ids=["tuple", "list", "array"])
def test_a_model_may_have_no_switch(nothing: Any) -> None:
    """An empty list takes every switch away."""
    assert spec_of("v5.6", {"switches": nothing}).switches == ()


def each(column: str, *values: Any) -> list[tuple[str, Any]]:
    """Pair a column with each of these values."""
    return [(column, value) for value in values]


AUDIO: dict[str, Any] = {"audio": (True,)}
WRONG_FIELDS: list[Any] = [{"colour": ("red",)}, {"quality": "720p"}, {"duration": 5}, {"audio": ()}, {}, None]
WRONG_CONSTRAINTS: list[Any] = [
    *(7, None, "none", [{"fields": {}}], Constraint(AUDIO, "x")),
    *([Constraint(wrong, "x")] for wrong in WRONG_FIELDS),
    *([Constraint(AUDIO, reason)] for reason in (None, 7)),  # type: ignore[arg-type]  # the fact tested
    [Constraint(AUDIO, "x", is_refused="no")],  # type: ignore[arg-type]  # the same
]
NO_PLANS: list[Any] = [None, 7, ["Pro"]]
NO_SOURCES: list[Any] = [None, 7]
WRONG: list[tuple[str, Any]] = [
    *each("operations", "frames", [], ["film"], 7, None, {"frames": 1}, [None]),
    *each("durations", 5, [], ["5"], [0], [-1], [5.5], [True], None, "5", {5: 1}),
    *each("qualities", "720p", [], [720], [""], None, 7),
    *each("default_quality", "900p", 720, None, ["720p"], ""),
    *each("default_duration", 70, "6", None, 6.0, True),
    *each("aspect_ratios", "16:9", [], ["wide"], ["16:0"], ["16"], [1.78], ["16:9:1"], None),
    *each("switches", "audio", ["colour"], [7], 7, None, {"audio": True}),
    *each("takes_seed", 1, "yes", None, []),
    *each(
        "price",
            40, "40", [], {"720p": 40}, {"credits": 40}, {"credits": None}, {"credits": {"720p": -1}},
            {"credits": {"720p": "40"}}, {"credits": {"720": 40}}, {"credits": {"720p": 4.5}},
            {"credits": {"720p": True}},
            {"credits": {"720p": 40}, "per_second": "no"}, {"credits": {"720p": 40}, "per_minute": True},
            Price(40), Price({"720p": 4.5}),  # type: ignore[arg-type, dict-item]  # the fact tested
    ),
    *each("plan", *NO_PLANS),
    *each("constraints", *WRONG_CONSTRAINTS),
    *each("source", *NO_SOURCES),
    *each("date", None, 2026, 2026.06),
    *each("is_withdrawn", 1, "no", None),
]  # fmt: skip


@pytest.mark.parametrize(("column", "value"), WRONG, ids=repr)
def test_a_malformed_column_is_named(column: str, value: Any) -> None:
    """A column that cannot be used raises ConfigError that names the model and the column; nothing else is raised."""
    with pytest.raises(ConfigError, match=rf"'v9'.*{column}"):
        catalogue_with({"v9": {**NEW, column: value}}, prices={})
    with pytest.raises(ConfigError, match=rf"'v5\.6'.*{column}"):
        catalogue_with({"v5.6": {column: value}}, prices={})


def test_every_column_is_wrong_once() -> None:
    """The examples above cover every column of the table."""
    assert {column for column, _ in WRONG} == set(COLUMNS)


@pytest.mark.parametrize(("column", "value"), WRONG, ids=repr)
def test_a_malformed_model_spec_is_named_too(column: str, value: Any) -> None:
    """A ModelSpec is checked like a mapping: its columns can hold anything."""
    row = replace(CATALOGUE.spec("v5.6"), **{column: value})
    with pytest.raises(ConfigError, match=rf"'v9'.*{column}"):
        catalogue_with({"v9": row}, prices={})


@pytest.mark.parametrize("missing", ["operations", "durations", "qualities"])
def test_a_new_model_needs_three_columns(missing: str) -> None:
    """Operations, durations and qualities of a new model must be given; the one that is missing is named."""
    row = {column: value for column, value in NEW.items() if column != missing}
    with pytest.raises(ConfigError, match=missing):
        catalogue_with({"v9": row}, prices={})


@pytest.mark.parametrize("column", ["name", "is_listed", "duration", "colour", 7])
def test_an_unknown_column_is_named(column: Any) -> None:
    """A column that does not exist raises ConfigError that names it, and the nearest one."""
    with pytest.raises(ConfigError, match=f"'{column}'"):
        catalogue_with({"v5.6": {column: 5}}, prices={})


@pytest.mark.parametrize("name", ["", ".5", "v 9", "v9\n", "x" * 61, 9, None])
def test_an_unusable_name_is_refused(name: Any) -> None:
    """A name that no model can have raises ConfigError."""
    with pytest.raises(ConfigError):
        catalogue_with({name: NEW}, prices={})


@pytest.mark.parametrize("models", [[NEW], "v9", 7, {"v9": None}, {"v9": "v6"}, {"v9": [NEW]}, {"v9"}], ids=repr)
def test_something_else_than_a_mapping_is_refused(models: Any) -> None:
    """Models that are no mapping of names to rows raise ConfigError."""
    with pytest.raises(ConfigError):
        catalogue_with(models, prices={})
