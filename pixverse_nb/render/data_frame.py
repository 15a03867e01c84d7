"""Rows of plain values as a pandas DataFrame. The only module that imports pandas, which is optional."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pixverse_nb.errors import ConfigError


def data_frame(
    rows: Sequence[Mapping[str, Any]],
    *,
    columns: Sequence[str] | None = None,
    index: str,
    timestamps: Collection[str] = (),
    whole_numbers: Collection[str] = (),
) -> Any:
    """Return the rows as a DataFrame with the column `index` as its index.

    Columns without any value (None or "" in all rows) come last. The columns in `timestamps` have Unix seconds and
    become UTC timestamps. Those in `whole_numbers` stay integers if values are missing. `columns` are needed if there
    may be no row. Raises ConfigError if pandas is not installed.
    """
    try:
        import pandas as pd  # type: ignore[import-untyped]  # it ships no types
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"A table needs pandas ({error.name} is missing): pip install 'pixverse-nb[sweep]'."
        ) from error
    frame = pd.DataFrame(list(rows), columns=columns)
    for name in frame.columns:
        if name in timestamps:
            frame[name] = pd.to_datetime(frame[name].astype("float64"), unit="s", utc=True)
        elif name in whole_numbers:
            frame[name] = frame[name].astype("Int64")
        elif frame[name].isna().all():
            frame[name] = frame[name].astype("float64")  # metrics before they are measured
    filled = [name for name in frame.columns if any(row.get(name) not in (None, "") for row in rows)]
    return frame[[*filled, *frame.columns.difference(filled, sort=False)]].set_index(index)
