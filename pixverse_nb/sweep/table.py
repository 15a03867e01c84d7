"""A sweep as a pandas DataFrame, and as a file of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pixverse_nb.errors import ConfigError, InvalidRequest

try:
    import pandas as pd  # type: ignore[import-untyped]  # it ships no types
except ModuleNotFoundError as error:
    raise ConfigError(
        f"A sweep's table needs pandas ({error.name} is missing): pip install 'pixverse-nb[sweep]'."
    ) from error

_MOMENTS: Final = ("asked_at", "submitted_at", "finished_at")
_WHOLE: Final = ("credits", "first_offset", "last_offset", "cuts", "frames", "width", "height")


def frame_of(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the rows as a DataFrame, indexed by the number of the cell; moments become UTC timestamps."""
    frame = pd.DataFrame(list(rows))
    for name in _MOMENTS:
        frame[name] = pd.to_datetime(frame[name].astype("float64"), unit="s", utc=True)
    for name in frame.columns:
        if name in _WHOLE:
            frame[name] = frame[name].astype("Int64")  # whole numbers that may be missing
        elif frame[name].isna().all():
            frame[name] = frame[name].astype("float64")  # not yet measured is a number that is missing
    return frame.set_index("cell")


def save_frame(frame: pd.DataFrame, path: Path) -> Path:
    """Write the table to a .csv or .parquet file and return its path."""
    match path.suffix.lower():
        case ".csv":
            path.parent.mkdir(parents=True, exist_ok=True)
            frame.to_csv(path)
        case ".parquet":
            path.parent.mkdir(parents=True, exist_ok=True)
            frame.to_parquet(path)
        case other:
            raise InvalidRequest({"path": f"must end in .csv or .parquet, not {other or 'nothing'!r}"}, sends=False)
    return path
