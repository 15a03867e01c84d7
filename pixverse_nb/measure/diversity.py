"""How different films are from one another: distances between the small fingerprints that measuring leaves."""

from collections.abc import Sequence
from dataclasses import dataclass

from pixverse_nb.measure.packages import NDArray, np


@dataclass(frozen=True)
class Diversity:
    """`matrix` holds the distance of each film to each other; `mean` each one's mean distance to all others.

    Distances are in grey levels, 0…255, as `metrics.DIVERSITY` defines them; 0 is the same. A film without a
    fingerprint is not a number in the matrix and None in `mean`, and so is a film that has no other beside it.
    """

    matrix: NDArray[np.float64]
    mean: tuple[float | None, ...]


def diversity(fingerprints: Sequence[bytes | None]) -> Diversity:
    """Return how different films are by their `Measurement.fingerprint`, in the order given; None for a film without.

    >>> diversity([bytes(8192), bytes([30]) * 8192, None]).mean
    (30.0, 30.0, None)
    """
    known = [number for number, mark in enumerate(fingerprints) if mark]
    matrix = np.full((len(fingerprints), len(fingerprints)), np.nan)
    if known:
        marks = np.stack([np.frombuffer(fingerprints[number] or b"", np.uint8) for number in known])
        matrix[np.ix_(known, known)] = _distances(marks.astype(np.float32))
    mean: list[float | None] = [None] * len(fingerprints)
    if len(known) > 1:
        for number in known:
            mean[number] = float(np.nansum(matrix[number]) / (len(known) - 1))
    return Diversity(matrix=matrix, mean=tuple(mean))


def _distances(marks: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the root of the mean squared difference of every pair of rows."""
    found = np.empty((len(marks), len(marks)))
    for row, mark in enumerate(marks):
        found[row] = np.sqrt(np.mean((marks - mark) ** 2, axis=1, dtype=np.float64))
    return found
