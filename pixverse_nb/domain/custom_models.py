"""The rows that a user adds to the catalogue or corrects, with `Client(models=…)`: checks and converts every column."""

from collections.abc import Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from typing import Any, Final

from pixverse_nb.domain.catalogue import (
    CATALOGUE,
    MODEL_NAME,
    SWITCHES,
    Catalogue,
    Constraint,
    ModelSpec,
    Operation,
    Price,
)
from pixverse_nb.domain.operations import PARAM_NAMES, QUALITY
from pixverse_nb.domain.validation import plain
from pixverse_nb.errors import ConfigError

Models = Mapping[str, ModelSpec | Mapping[str, Any]]


def catalogue_with(models: Models | None, *, prices: Mapping[str, int]) -> Catalogue:
    """Return the catalogue with more or corrected rows, and with corrected prices (credits for 5 s by quality).

    Each value is a ModelSpec, or a mapping of the columns that differ from the known row; a new model needs
    `operations`, `durations` and `qualities`. Raises ConfigError naming the model and the column.
    """
    if models is None:
        return Catalogue(CATALOGUE.models(), corrections=prices)
    if not isinstance(models, Mapping):
        raise ConfigError(f"models must map each model's name to its row, not {type(models).__name__}.")
    rows = {spec.name: spec for spec in CATALOGUE.models()}
    rows |= {str(name): _row(name, row) for name, row in models.items()}
    return Catalogue(rows.values(), corrections=prices)


def _row(name: object, row: object) -> ModelSpec:
    if not isinstance(name, str) or not MODEL_NAME.accepts(name):
        raise ConfigError(f"models: {name!r:.60} must be {MODEL_NAME}.")
    columns = {item.name for item in fields(ModelSpec)} - {"name", "is_listed"}
    if isinstance(row, ModelSpec):
        given: dict[str, Any] = {column: getattr(row, column) for column in columns}
    elif isinstance(row, Mapping):
        given = {str(column): value for column, value in row.items()}
    else:
        raise ConfigError(f"models[{name!r}] must be a ModelSpec or a mapping of columns, not {row!r:.60}.")
    for column in given:
        if column not in columns:
            near = get_close_matches(column, columns, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the columns are {', '.join(sorted(columns))}"
            raise ConfigError(f"models[{name!r}]: {column!r} is not a column; {hint}")
    known = CATALOGUE.spec(name)
    if not known.is_listed:
        missing = [column for column in ("operations", "durations", "qualities") if column not in given]
        if missing:
            raise ConfigError(f"models[{name!r}]: {', '.join(missing)} must be given for a new model.")
        known = ModelSpec(name, (), (), (), "", takes_seed=False, source="Client(models=…)", date="")
    return _checked_row(known, given)


def _checked_row(known: ModelSpec, given: Mapping[str, Any]) -> ModelSpec:
    """Return the known row with these columns. Raises ConfigError naming the first one that cannot be used."""
    name, columns = known.name, dict[str, Any]()
    for column, value in given.items():
        convert = _COLUMNS[column]
        try:
            columns[column] = convert(value)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"models[{name!r}]: {column} is not usable ({error}), it is {value!r:.60}.") from None
    spec = replace(known, **columns)
    if spec.default_quality not in spec.qualities and "default_quality" not in given:
        spec = replace(spec, default_quality=spec.qualities[0])
    if spec.default_duration not in spec.durations and "default_duration" not in given:
        spec = replace(spec, default_duration=spec.durations[0])
    wrong = [one for one in spec.price.credits if one not in spec.qualities] if spec.price is not None else []
    wrong = [quality for quality in wrong if not QUALITY.accepts(quality)]
    if wrong:
        raise ConfigError(f"models[{name!r}]: price has {wrong[0]!r:.40}, which must be {QUALITY}.")
    for column, value, choices in (
        ("default_quality", spec.default_quality, spec.qualities),
        ("default_duration", spec.default_duration, spec.durations),
    ):
        if value not in choices:
            raise ConfigError(f"models[{name!r}]: {column} {value!r} must be one of {', '.join(map(str, choices))}.")
    return spec


def _texts(value: Any, *, may_be_empty: bool = False) -> tuple[str, ...]:
    texts = _items(value, may_be_empty=may_be_empty)
    if not all(isinstance(one, str) and one for one in texts):
        raise ValueError("not a list of texts")
    return texts


def _items(value: Any, *, may_be_empty: bool = False) -> tuple[Any, ...]:
    if isinstance(value, str | bytes | Mapping):
        raise TypeError("not a list")
    items = tuple(map(plain, value))
    if not items and not may_be_empty:
        raise ValueError("empty")
    return items


def _whole_seconds(value: Any) -> tuple[int, ...]:
    seconds = _items(value)
    if not all(type(one) is int and one > 0 for one in seconds):
        raise ValueError("not a list of whole seconds")
    return seconds


def _ratios(value: Any) -> tuple[str, ...]:
    ratios = _texts(value)
    for ratio in ratios:
        across, _, down = ratio.partition(":")
        if not (across.isdecimal() and down.isdecimal() and int(across) and int(down)):
            raise ValueError("not a list of ratios such as 16:9")
    return ratios


def _switch_names(value: Any) -> tuple[str, ...]:
    names = _texts(value, may_be_empty=True)
    unknown = [name for name in names if name not in SWITCHES]
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; known: {', '.join(SWITCHES)}")
    return names


def _price(value: Any) -> Price | None:
    if value is None:
        return None
    if isinstance(value, Price):
        price = value
    elif isinstance(value, Mapping) and "credits" in value and not set(value) - _PRICE_NAMES:
        price = Price(**value)
    else:
        raise TypeError("not a mapping such as {'credits': {'720p': 40}} with per_second and audio_credits as options")
    per_second = _flag(price.per_second)
    return Price(_credits(price.credits), per_second=per_second, audio_credits=_credits(price.audio_credits))


def _credits(value: Any) -> dict[str, int]:
    if not isinstance(value, Mapping):
        raise TypeError("credits must map each quality to a number")
    credits_ = {str(quality): plain(amount) for quality, amount in value.items()}
    if not all(type(amount) is int and amount >= 0 for amount in credits_.values()):
        raise ValueError("credits must be whole numbers of at least 0")
    return credits_


def _constraints(value: Any) -> tuple[Constraint, ...]:
    return tuple(map(_constraint, _items(value, may_be_empty=True)))


def _constraint(value: Any) -> Constraint:
    if not isinstance(value, Constraint):
        raise TypeError("not a list of Constraint")
    if not isinstance(value.fields, Mapping) or not value.fields:
        raise ValueError("fields must map each field to the values that are ruled out together")
    if unknown := [str(name) for name in value.fields if name not in PARAM_NAMES]:
        raise ValueError(f"unknown fields: {', '.join(unknown)}")
    ruled_out = {name: _items(values) for name, values in value.fields.items()}
    return Constraint(ruled_out, _text(value.reason), is_refused=_flag(value.is_refused))


def _flag(value: Any) -> bool:
    value = plain(value)
    if not isinstance(value, bool):
        raise TypeError("neither True nor False")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _number(value: Any) -> int:
    value = plain(value)
    if type(value) is not int:
        raise TypeError("not a whole number")
    return int(value)


_PRICE_NAMES: Final = frozenset({"credits", "per_second", "audio_credits"})

# How each column of a row from `Client(models=…)` is checked and converted.
_COLUMNS: Final[Mapping[str, Any]] = {
    "operations": lambda value: tuple(map(Operation, _items(value))),
    "durations": _whole_seconds,
    "qualities": _texts,
    "default_quality": _text,
    "default_duration": _number,
    "aspect_ratios": _ratios,
    "switches": _switch_names,
    "takes_seed": _flag,
    "price": _price,
    "plan": _text,
    "constraints": _constraints,
    "source": _text,
    "date": _text,
    "is_withdrawn": _flag,
}
