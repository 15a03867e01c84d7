"""Recorded balances, for each account and service."""

from pathlib import Path

from pixverse_nb.ledger.jobs import Ledger
from tests.factories import NOW


def test_the_newest_balance_before_a_moment(tmp_path: Path) -> None:
    """`last` returns the newest balance up to a moment with its time, or None before the first one."""
    ledger = Ledger(tmp_path / "ledger.db", service="s")
    for after, credits_left in ((0, 100), (10, 55), (20, 10)):
        ledger.balances.add(credits_left, account=None, at=NOW + after)
    ledger.balances.add(7, account="two@example.org", at=NOW + 5)
    last = ledger.balances.last
    assert last(account=None, before=NOW - 1) is None
    assert last(account=None, before=NOW + 10) == (NOW + 10, 55)
    assert last(account=None, before=NOW + 99) == (NOW + 20, 10)
    assert last(account="two@example.org", before=NOW + 99) == (NOW + 5, 7)
    assert last(account="three@example.org", before=NOW + 99) is None
    ledger.close()
    other = Ledger(tmp_path / "ledger.db", service="other")
    assert other.balances.last(account=None, before=NOW + 99) is None
    other.close()
