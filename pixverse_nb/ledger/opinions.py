"""What people said of the videos: verdicts and duels, kept by cell, so that they outlive a notebook and a sweep."""

from collections.abc import Collection

from pixverse_nb.ledger.file import LedgerFile
from pixverse_nb.opinions import Duel, Verdict


class Opinions:
    """The verdicts and duels of one service."""

    def __init__(self, file: LedgerFile, *, service: str) -> None:
        self._file = file
        self._service = service

    def set_verdict(self, cell: str, verdict: Verdict, *, at: float) -> None:
        """Remember what is said of a cell now; an empty verdict takes back what was said."""
        with self._file.transaction() as db:
            if verdict.is_empty:
                db.execute("DELETE FROM verdicts WHERE service = ? AND cell = ?", (self._service, cell))
                return
            db.execute(
                "INSERT OR REPLACE INTO verdicts (service, cell, at, choice, note) VALUES (?, ?, ?, ?, ?)",
                (self._service, cell, at, verdict.choice, verdict.note),
            )

    def verdicts(self, cells: Collection[str]) -> dict[str, Verdict]:
        """Return what was said of these cells; those of which nothing was said are left out."""
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT cell, choice, note FROM verdicts WHERE service = ? ORDER BY cell", (self._service,)
            ).fetchall()
        wanted = frozenset(cells)
        return {cell: Verdict(choice, note) for cell, choice, note in rows if cell in wanted}

    def add_duel(self, duel: Duel) -> None:
        """Remember one judgement between two cells."""
        with self._file.transaction() as db:
            db.execute(
                "INSERT INTO duels (service, left_cell, right_cell, result, is_blind, at) VALUES (?, ?, ?, ?, ?, ?)",
                (self._service, duel.left, duel.right, duel.result, int(duel.is_blind), duel.at),
            )

    def duels(self, cells: Collection[str]) -> tuple[Duel, ...]:
        """Return the judgements between these cells, oldest first."""
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT left_cell, right_cell, result, at, is_blind FROM duels WHERE service = ? ORDER BY at, rowid",
                (self._service,),
            ).fetchall()
        wanted = frozenset(cells)
        return tuple(
            Duel(left, right, result, at, bool(blind))
            for left, right, result, at, blind in rows
            if left in wanted and right in wanted
        )
