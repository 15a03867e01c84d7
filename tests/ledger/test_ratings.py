"""Verdicts, duels and measurements: kept by what they speak of, and given back for what is asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pixverse_nb.domain.ratings import PairwiseVote, Rating
from pixverse_nb.ledger.jobs import Ledger
from tests.factories import NOW


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The ledger's file."""
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    """Give an empty ledger."""
    ledger = Ledger(path, service="s")
    yield ledger
    ledger.close()


def test_the_last_verdict_counts(ledger: Ledger) -> None:
    """A cell has one verdict, the newest; an empty one takes it back; other cells are left out."""
    ledger.ratings.set_rating("a", Rating("winner"), at=NOW)
    ledger.ratings.set_rating("a", Rating("rejected", "the cup melts"), at=NOW + 1)
    ledger.ratings.set_rating("b", Rating("", "look again"), at=NOW)
    assert ledger.ratings.ratings(["a"]) == {"a": Rating("rejected", "the cup melts")}
    ledger.ratings.set_rating("a", Rating(), at=NOW + 2)
    assert ledger.ratings.ratings(["a", "b"]) == {"b": Rating("", "look again")}


def test_duels_are_given_back_in_order(ledger: Ledger) -> None:
    """Every judgement between two of the cells that are asked for, oldest first; one with a stranger is left out."""
    duels = [
        PairwiseVote("a", "b", "left", NOW + 2),
        PairwiseVote("b", "c", "tie", NOW + 1, is_blind=False),
        PairwiseVote("a", "x", "left", NOW),
    ]
    for duel in duels:
        ledger.ratings.add_vote(duel)
    assert ledger.ratings.votes(["a", "b", "c"]) == (duels[1], duels[0])


def test_what_is_said_belongs_to_its_service(ledger: Ledger, path: Path) -> None:
    """What is said of the sandbox's videos is not said of paid ones."""
    ledger.ratings.set_rating("a", Rating("winner"), at=NOW)
    ledger.ratings.add_vote(PairwiseVote("a", "b", "left", NOW))
    other = Ledger(path, service="other")
    assert other.ratings.ratings(["a"]) == {}
    assert other.ratings.votes(["a", "b"]) == ()
    other.close()


def test_a_measurement_is_found_by_film_and_pictures(ledger: Ledger) -> None:
    """The same film against other pictures, or measured in another way, is another measurement."""
    ledger.sweeps.add_measurement(("film", "pictures v1"), "0.9", at=NOW)
    ledger.sweeps.add_measurement(("film", "pictures v1"), "0.8", at=NOW)
    asked = [("film", "pictures v1"), ("film", "pictures v2")]
    assert ledger.sweeps.measurements(asked) == {("film", "pictures v1"): "0.8"}


def test_what_was_said_can_travel(ledger: Ledger, tmp_path: Path) -> None:
    """Of two verdicts the later one counts; a duel that is known is not counted twice; other cells stay at home."""
    ledger.ratings.set_rating("a", Rating("winner"), at=NOW + 5)
    ledger.ratings.set_rating("b", Rating("rejected"), at=NOW)
    ledger.ratings.set_rating("x", Rating("winner"), at=NOW)
    duel = PairwiseVote("a", "b", "left", NOW)
    ledger.ratings.add_vote(duel)
    other = Ledger(tmp_path / "other.db", service="s")
    other.ratings.set_rating("a", Rating("rejected"), at=NOW)
    other.ratings.set_rating("b", Rating("", "later"), at=NOW + 9)
    for _ in range(2):
        ratings = ledger.ratings.export_rows(["a", "b"])
        other.transfers.import_rows((), (), ratings, merge=lambda _, theirs: theirs, at=NOW, kind="imported", data={})
    assert other.ratings.ratings(["a", "b", "x"]) == {"a": Rating("winner"), "b": Rating("", "later")}
    assert other.ratings.votes(["a", "b"]) == (duel,)
    other.close()
