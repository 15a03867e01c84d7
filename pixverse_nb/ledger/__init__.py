"""The one door to SQLite: what was asked for, paid and received, in `ledger.db` of the home folder.

Every write is synced to the disk before the call returns (WAL, synchronous=FULL), because the intent of a paid call
has to survive a crash that happens right after it. Several processes may open one ledger: each record carries a
version, and a write that does not know the newest one is refused, so that two processes never move one job at once.
"""

from pixverse_nb.ledger.accounts import LeaseRow, LeaseStore
from pixverse_nb.ledger.jobs import ExportedJob, ExportedUpload, Ledger
from pixverse_nb.ledger.schema import SCHEMA_VERSION
from pixverse_nb.ledger.sweeps import CellRow, ExportedRatings

__all__ = [
    "SCHEMA_VERSION",
    "CellRow",
    "Ledger",
    "LeaseRow",
    "LeaseStore",
    "ExportedJob",
    "ExportedRatings",
    "ExportedUpload",
]
