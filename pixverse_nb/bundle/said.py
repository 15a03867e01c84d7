"""What people said of the videos, as rows of a bundle: written and read back, every word of it checked."""

from collections.abc import Mapping
from typing import Any, get_args

from pixverse_nb.ledger import TravellingOpinions
from pixverse_nb.opinions import Choice, Duel, DuelResult, Verdict


def rows_of_opinions(opinions: TravellingOpinions) -> dict[str, Any]:
    """Return verdicts and duels as JSON values."""
    return {
        "verdicts": [[cell, verdict.choice, verdict.note, at] for cell, verdict, at in opinions.verdicts],
        "duels": [[duel.left, duel.right, duel.result, duel.at, duel.is_blind] for duel in opinions.duels],
    }


def opinions_of_rows(rows: Mapping[str, Any]) -> TravellingOpinions:
    """Return what `rows_of_opinions` wrote, nothing from an older bundle; ValueError where it is damaged."""
    verdicts = tuple(
        (str(cell), _verdict(choice, note), float(at)) for cell, choice, note, at in rows.get("verdicts", ())
    )
    duels = tuple(
        _duel(str(left), str(right), result, float(at), is_blind=bool(blind))
        for left, right, result, at, blind in rows.get("duels", ())
    )
    return TravellingOpinions(verdicts, duels)


def _verdict(choice: Any, note: Any) -> Verdict:
    if choice not in get_args(Choice):
        raise ValueError(f"a verdict that is none: {choice!r:.40}")
    return Verdict(choice, str(note))


def _duel(left: str, right: str, result: Any, at: float, *, is_blind: bool) -> Duel:
    if result not in get_args(DuelResult):
        raise ValueError(f"a judgement that is none: {result!r:.40}")
    return Duel(left, right, result, at, is_blind)
