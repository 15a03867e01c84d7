"""What the jobs of a home have cost, from the ledger alone."""

from collections.abc import Mapping
from typing import Final

from pixverse_nb.domain.spending import SpendingRow
from pixverse_nb.ledger.database import Database
from pixverse_nb.ledger.schema import COST

# A day is a day of this machine's time zone, and that of the paid call.
_GROUPS: Final[Mapping[str, str]] = {
    "day": "date(coalesce(json_extract(data, '$.intent_at'), created_at), 'unixepoch', 'localtime')",
    "model": "json_extract(data, '$.request.model')",
    "operation": "json_extract(data, '$.request.operation')",
    "sweep": "coalesce(sweeps.title, json_extract(data, '$.sweep'), '')",
}
GROUPS: Final = tuple(_GROUPS)

# An accepted call has a video id; only an attempt without one may have cost nothing.
_CHARGED: Final = "iif(json_extract(data, '$.charged') = 'yes' OR video_id IS NOT NULL, cost, 0)"
_IS_OPEN: Final = (
    "(state IN ('failed', 'moderated') AND video_id IS NOT NULL AND json_extract(data, '$.refund_credits') IS NULL)"
    " OR (json_extract(data, '$.charged') = 'unknown' AND video_id IS NULL AND state != 'submitting')"
)
_IS_UNPRICED: Final = (
    "state = 'done' AND json_extract(data, '$.cost_credits') IS NULL"
    " AND json_extract(data, '$.estimated_credits') IS NULL"
)


class SpendingStore:
    """The spending of one service."""

    def __init__(self, file: Database, *, service: str) -> None:
        self._file = file
        self._service = service

    def rows(self, by: str) -> list[SpendingRow]:
        """Return one row for each day (newest first), model, operation or sweep (most expensive first)."""
        order = "grp DESC" if by == "day" else "charged DESC, grp"
        query = f"""
            SELECT {_GROUPS[by]} AS grp, count(*), sum(state = 'done'), sum(estimate), sum({_CHARGED}) AS charged,
                   sum(coalesce(json_extract(data, '$.refund_credits'), 0)), sum(iif({_IS_OPEN}, cost, 0)),
                   sum({_IS_UNPRICED})
            FROM (SELECT *, {COST} AS cost, coalesce(json_extract(data, '$.estimated_credits'), 0) AS estimate
                  FROM jobs WHERE service = ?) AS jobs
            LEFT JOIN sweeps ON sweeps.service = jobs.service AND sweeps.sweep = json_extract(jobs.data, '$.sweep')
            WHERE video_id IS NOT NULL OR json_extract(data, '$.charged') != 'no'
            GROUP BY grp ORDER BY {order}
        """  # noqa: S608 - constants of this module
        with self._file.reading() as db:
            return [SpendingRow(str(group or ""), *numbers) for group, *numbers in db.execute(query, (self._service,))]
