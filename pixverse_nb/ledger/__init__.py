"""The ledger: what was requested, paid and received, in `ledger.db` of the home folder; the only user of SQLite.

Every write is synced to disk before the call returns (WAL, synchronous=FULL), because the intent of a paid call must
survive a crash right after it. Several processes may open one ledger: each record has a version, and a write that does
not follow the newest one is rejected, so that two processes never change one job at once.
"""
