"""What a home has spent, summed up by day, model, operation or sweep."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SpendingRow:
    """The jobs of one group whose paid call was sent; money is in credits.

    `videos` of the `jobs` are finished; for `unpriced` of them neither a charge nor an estimate is known. `estimated`
    is what the jobs were expected to cost, `charged` what accepted calls cost (the estimate if the vendor did not say),
    and `refunded` what is known to have come back. `unexplained` is what nobody can tell yet: lost calls, and failed or
    moderated jobs whose credits may have come back.
    """

    group: str
    jobs: int = 0
    videos: int = 0
    estimated: int = 0
    charged: int = 0
    refunded: int = 0
    unexplained: int = 0
    unpriced: int = 0
