"""Two photographs to try things with, as paths: `pv.samples.first` and `pv.samples.last`.

They show one cup of coffee, first from a distance and then from near by, and are in the public domain (CC0; "coffee"
of scikit-image's sample data).

>>> from pixverse_nb import samples
>>> samples.first.name, samples.last.name
('first.jpg', 'last.jpg')
"""

from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent

first: Final = _FOLDER / "first.jpg"
last: Final = _FOLDER / "last.jpg"


def __dir__() -> list[str]:
    """Return what completion offers."""
    return ["first", "last"]
