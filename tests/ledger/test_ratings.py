"""Ratings, votes and measurements in the ledger."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pixverse_nb.domain.ratings import PairwiseVote, Rating
from pixverse_nb.ledger.jobs import Ledger
from tests.factories import NOW


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the ledger."""
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    ledger = Ledger(path, service="s")
    yield ledger
    ledger.close()


def test_the_latest_rating_counts(ledger: Ledger) -> None:
    """A video has one rating, the latest; an empty one removes it; other videos are omitted."""
    ledger.ratings.set_rating("a", Rating("winner"), at=NOW)
    ledger.ratings.set_rating("a", Rating("rejected", "the cup melts"), at=NOW + 1)
    ledger.ratings.set_rating("b", Rating("", "look again"), at=NOW)
    assert ledger.ratings.ratings(["a"]) == {"a": Rating("rejected", "the cup melts")}
    ledger.ratings.set_rating("a", Rating(), at=NOW + 2)
    assert ledger.ratings.ratings(["a", "b"]) == {"b": Rating("", "look again")}


def test_votes_are_returned_oldest_first(ledger: Ledger) -> None:
    """Votes between two of the given videos are returned, oldest first; votes with another video are omitted."""
    votes = [
        PairwiseVote("a", "b", "left", NOW + 2),
        PairwiseVote("b", "c", "tie", NOW + 1, is_blind=False),
        PairwiseVote("a", "x", "left", NOW),
    ]
    for vote in votes:
        ledger.ratings.add_vote(vote)
    assert ledger.ratings.votes(["a", "b", "c"]) == (votes[1], votes[0])


def test_each_service_has_its_own_ratings(ledger: Ledger, path: Path) -> None:
    """Ratings of the sandbox's videos do not apply to paid ones."""
    ledger.ratings.set_rating("a", Rating("winner"), at=NOW)
    ledger.ratings.add_vote(PairwiseVote("a", "b", "left", NOW))
    other = Ledger(path, service="other")
    assert other.ratings.ratings(["a"]) == {}
    assert other.ratings.votes(["a", "b"]) == ()
    other.close()


def test_a_measurement_is_stored_by_video_and_pictures(ledger: Ledger) -> None:
    """A new measurement of the same video and pictures replaces the old one; another key is another measurement."""
    ledger.sweeps.add_measurement(("video", "pictures v1"), "0.9", at=NOW)
    ledger.sweeps.add_measurement(("video", "pictures v1"), "0.8", at=NOW)
    asked = [("video", "pictures v1"), ("video", "pictures v2")]
    assert ledger.sweeps.measurements(asked) == {("video", "pictures v1"): "0.8"}


def test_ratings_can_be_exported_and_imported(ledger: Ledger, tmp_path: Path) -> None:
    """The later of two ratings counts, a vote is not imported twice, and only the given videos are exported."""
    ledger.ratings.set_rating("a", Rating("winner"), at=NOW + 5)
    ledger.ratings.set_rating("b", Rating("rejected"), at=NOW)
    ledger.ratings.set_rating("x", Rating("winner"), at=NOW)
    vote = PairwiseVote("a", "b", "left", NOW)
    ledger.ratings.add_vote(vote)
    other = Ledger(tmp_path / "other.db", service="s")
    other.ratings.set_rating("a", Rating("rejected"), at=NOW)
    other.ratings.set_rating("b", Rating("", "later"), at=NOW + 9)
    for _ in range(2):
        ratings = ledger.ratings.export_rows(["a", "b"])
        other.transfers.import_rows((), (), ratings, merge=lambda _, theirs: theirs, at=NOW, kind="imported", data={})
    assert other.ratings.ratings(["a", "b", "x"]) == {"a": Rating("winner"), "b": Rating("", "later")}
    assert other.ratings.votes(["a", "b"]) == (vote,)
    other.close()
