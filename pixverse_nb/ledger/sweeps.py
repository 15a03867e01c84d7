"""Sweeps in the ledger: their cells and costs, ratings and votes, and measurements."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pixverse_nb.domain.job_state import JobState
from pixverse_nb.domain.ratings import PairwiseVote, Rating
from pixverse_nb.errors import Charge
from pixverse_nb.ledger.database import Database
from pixverse_nb.ledger.schema import COST

_AT_ONCE: Final = 500  # SQLite limits the number of parameters of a statement


@dataclass(frozen=True)
class CellRow:
    """One job of a cell, for a plan; `credits` is what it cost or may have cost, 0 if it was not charged."""

    content_key: str
    ref: str
    state: JobState
    charged: Charge
    credits: int
    error_kind: str | None = None


class SweepStore:
    """The sweeps and measurements of one service."""

    def __init__(self, file: Database, *, service: str) -> None:
        self._file = file
        self._service = service

    def register(self, sweep: str, content_keys: Sequence[str], *, title: str, at: float) -> None:
        """Record the cells of a sweep, so that its budget counts them whoever submitted them."""
        with self._file.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO sweeps (service, sweep, at, title) VALUES (?, ?, ?, ?)",
                (self._service, sweep, at, title),
            )
            db.executemany(
                "INSERT OR IGNORE INTO sweep_cells (service, sweep, content_key) VALUES (?, ?, ?)",
                ((self._service, sweep, key) for key in content_keys),
            )

    def rows(self, content_keys: Sequence[str]) -> dict[str, list[CellRow]]:
        """Return the jobs of each cell, newest first; cells without a job are omitted."""
        found: dict[str, list[CellRow]] = {}
        with self._file.reading() as db:
            for at in range(0, len(content_keys), _AT_ONCE):
                for row in self._rows(db, content_keys[at : at + _AT_ONCE]):
                    found.setdefault(row.content_key, []).append(row)
        return found

    def spent(self, content_keys: Sequence[str]) -> int:
        """Return what these cells have cost or may have cost so far, in credits."""
        return sum(row.credits for rows in self.rows(content_keys).values() for row in rows)

    def measurements(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Return the stored measurements of these (sha256 of the video, what it was compared with)."""
        with self._file.reading() as db:
            rows = {
                key: db.execute("SELECT data FROM measurements WHERE sha256 = ? AND against = ?", key).fetchone()
                for key in keys
            }
        return {key: str(row[0]) for key, row in rows.items() if row is not None}

    def add_measurement(self, key: tuple[str, str], text: str, *, at: float) -> None:
        """Store a measurement, so that no video is measured twice."""
        with self._file.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO measurements (sha256, against, at, data) VALUES (?, ?, ?, ?)", (*key, at, text)
            )

    def newest_from(self, source: str, *, place: int) -> tuple[str, float] | None:
        """Return the key and time of the newest job whose input number `place` (from 0) had this Python expression."""
        with self._file.reading() as db:
            row = db.execute(
                f"SELECT json_extract(data, '$.request.inputs[{place}][1]'), created_at FROM jobs"  # noqa: S608 - a number
                f" WHERE service = ? AND json_extract(data, '$.inputs[{place}].source_expr') = ?"
                " ORDER BY created_at DESC LIMIT 1",
                (self._service, source),
            ).fetchone()
        return (str(row[0]), float(row[1])) if row else None

    def _rows(self, db: sqlite3.Connection, content_keys: Sequence[str]) -> Iterator[CellRow]:
        marks = ", ".join("?" * len(content_keys))
        rows = db.execute(
            f"SELECT content_key, ref, state, json_extract(data, '$.charged'), {COST},"  # noqa: S608 - constants and placeholders
            f" json_extract(data, '$.error.kind')"
            f" FROM jobs WHERE service = ? AND content_key IN ({marks}) ORDER BY created_at DESC, rowid DESC",
            (self._service, *content_keys),
        )
        for key, ref, state, charged, cost, kind in rows:
            yield CellRow(key, ref, JobState(state), charged, 0 if charged == "no" else int(cost), kind)


def sweep_spent(db: sqlite3.Connection, service: str, sweep: str, *, except_ref: str) -> int:
    """Return what a registered sweep has cost or may have cost, inside the caller's transaction."""
    (total,) = db.execute(
        f"SELECT coalesce(sum({COST}), 0) FROM sweep_cells JOIN jobs USING (service, content_key)"  # noqa: S608 - a number
        " WHERE service = ? AND sweep = ? AND json_extract(data, '$.charged') != 'no' AND ref != ?",
        (service, sweep, except_ref),
    ).fetchone()
    return int(total)


@dataclass(frozen=True)
class ExportedRatings:
    """The ratings (content key, rating, Unix seconds) and votes of some cells, for an archive."""

    ratings: tuple[tuple[str, Rating, float], ...]
    votes: tuple[PairwiseVote, ...]


NO_RATINGS: Final = ExportedRatings((), ())


class RatingStore:
    """The ratings and pairwise votes of one service, by content key."""

    def __init__(self, file: Database, *, service: str) -> None:
        self._file = file
        self._service = service

    def set_rating(self, content_key: str, rating: Rating, *, at: float) -> None:
        """Store a rating; an empty one removes it."""
        with self._file.transaction() as db:
            if rating.is_empty:
                db.execute("DELETE FROM ratings WHERE service = ? AND content_key = ?", (self._service, content_key))
                return
            db.execute(
                "INSERT OR REPLACE INTO ratings (service, content_key, at, choice, note) VALUES (?, ?, ?, ?, ?)",
                (self._service, content_key, at, rating.choice, rating.note),
            )

    def ratings(self, content_keys: Collection[str]) -> dict[str, Rating]:
        """Return the ratings of these videos; unrated ones are omitted."""
        return {key: rating for key, rating, _ in self._read(content_keys)}

    def add_vote(self, vote: PairwiseVote) -> None:
        """Store one vote."""
        with self._file.transaction() as db:
            _insert_vote(db, self._service, vote)

    def votes(self, content_keys: Collection[str]) -> tuple[PairwiseVote, ...]:
        """Return the votes between these videos, oldest first."""
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT left_key, right_key, result, at, is_blind FROM votes WHERE service = ? ORDER BY at, rowid",
                (self._service,),
            ).fetchall()
        wanted = frozenset(content_keys)
        return tuple(
            PairwiseVote(left, right, result, at, bool(is_blind))
            for left, right, result, at, is_blind in rows
            if left in wanted and right in wanted
        )

    def export_rows(self, content_keys: Collection[str]) -> ExportedRatings:
        """Return the ratings and votes of these videos for an archive."""
        return ExportedRatings(tuple(self._read(content_keys)), self.votes(content_keys))

    def _read(self, content_keys: Collection[str]) -> list[tuple[str, Rating, float]]:
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT content_key, choice, note, at FROM ratings WHERE service = ? ORDER BY content_key",
                (self._service,),
            ).fetchall()
        wanted = frozenset(content_keys)
        return [(key, Rating(choice, note), at) for key, choice, note, at in rows if key in wanted]


def insert_ratings(db: sqlite3.Connection, service: str, imported: ExportedRatings) -> None:
    """Store imported ratings and votes inside the caller's transaction.

    The later of two ratings counts; a vote that is already stored is not stored again.
    """
    for key, rating, at in imported.ratings:
        db.execute(
            "INSERT INTO ratings (service, content_key, at, choice, note) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (service, content_key) DO UPDATE SET at = excluded.at, choice = excluded.choice,"
            " note = excluded.note WHERE excluded.at > at",
            (service, key, at, rating.choice, rating.note),
        )
    for vote in imported.votes:
        row = (service, vote.left, vote.right, vote.result, int(vote.is_blind), vote.at)
        is_known = db.execute(
            "SELECT 1 FROM votes WHERE service = ? AND left_key = ? AND right_key = ? AND result = ? AND is_blind = ?"
            " AND at = ?",
            row,
        ).fetchone()
        if is_known is None:
            _insert_vote(db, service, vote)


def _insert_vote(db: sqlite3.Connection, service: str, vote: PairwiseVote) -> None:
    db.execute(
        "INSERT INTO votes (service, left_key, right_key, result, is_blind, at) VALUES (?, ?, ?, ?, ?, ?)",
        (service, vote.left, vote.right, vote.result, int(vote.is_blind), vote.at),
    )
