"""What a person says of videos: a verdict on one, and which of two is the better; values only."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final, Literal

Choice = Literal["", "winner", "rejected"]
DuelResult = Literal["left", "right", "tie"]


@dataclass(frozen=True)
class Rating:
    """What was said of one video: chosen as `"winner"`, `"rejected"`, or neither (""), and a `note` in free words."""

    choice: Choice = ""
    note: str = ""

    @property
    def is_empty(self) -> bool:
        """True where nothing is said."""
        return not self.choice and not self.note


@dataclass(frozen=True)
class PairwiseVote:
    """One judgement between two videos, named by their keys; `is_blind` where the labels were hidden.

    `at` is Unix seconds. `result` says which one is better, or "tie".
    """

    left: str
    right: str
    result: DuelResult
    at: float
    is_blind: bool = True


# Each video is taken to have tied once with a video of strength 1. Without it one that never lost would be infinitely
# strong, and two groups that never met could not be compared at all.
PRIOR_DUELS: Final = 1.0
POINTS_PER_E: Final = 400 / math.log(10)  # Elo's scale: 400 points more are ten to one
_CLOSE_ENOUGH: Final = 1e-10
_MOST_ROUNDS: Final = 10_000


@dataclass(frozen=True)
class RankEntry:
    """Where one video stands: its `place`, its `score` in Elo points, and what was said of it in how many `duels`.

    Places count from 1; videos whose scores are the same to the point share one, and a video that nobody judged has
    none (None).

    A score is without bounds; 0 is a video of which nothing is known, and of two videos whose scores are d points apart
    the better one is expected to be preferred in 1 / (1 + 10^(-d/400)) of all judgements: 64 % at 100, 91 % at 400.
    """

    key: str
    score: float
    wins: int
    losses: int
    ties: int
    place: int | None = None

    @property
    def duels(self) -> int:
        """How many judgements the video was in."""
        return self.wins + self.losses + self.ties


def rank(duels: Iterable[PairwiseVote], keys: Sequence[str]) -> tuple[RankEntry, ...]:
    """Return the standing of every one of `keys`, the best first; equal ones stay in the order of `keys`.

    Those that nobody judged stand last, without a place.

    Duels with a key that is not among `keys`, or of a video with itself, are passed over.

    >>> first, second = rank([Duel("a", "b", "right", at=0.0)], ["a", "b"])
    >>> first.key, round(first.score), round(second.score)
    ('b', 131, -131)
    """
    counted = _valid(duels, keys)
    scores = _scores(counted, keys)
    wins: Counter[str] = Counter()
    losses: Counter[str] = Counter()
    ties: Counter[str] = Counter()
    for duel in counted:
        if duel.result == "tie":
            ties.update((duel.left, duel.right))
        else:
            pair = (duel.left, duel.right) if duel.result == "left" else (duel.right, duel.left)
            wins[pair[0]] += 1
            losses[pair[1]] += 1
    standings = [RankEntry(key, scores[key], wins[key], losses[key], ties[key]) for key in dict.fromkeys(keys)]
    return _placed(sorted(standings, key=lambda standing: (not standing.duels, -round(standing.score, 3))))


def next_pair(duels: Iterable[PairwiseVote], keys: Sequence[str], *, seed: int = 0) -> tuple[str, str] | None:
    """Return the two videos to judge next, as (left, right), or None where there are fewer than two.

    It is a pair that was judged least often; of those one whose videos were judged least; of those the one with the
    closest scores, from which a judgement teaches most. What is equal then, and which one stands left, is drawn: the
    same draw for the same `seed`, keys and duels.

    >>> next_pair([], ["a"]) is None
    True
    """
    counted = _valid(duels, keys)
    scores = _scores(counted, keys)
    met = Counter(frozenset((duel.left, duel.right)) for duel in counted)
    seen = Counter(key for duel in counted for key in (duel.left, duel.right))

    def need(pair: tuple[str, str]) -> tuple[float, ...]:
        one, other = pair
        return met[frozenset(pair)], seen[one] + seen[other], round(abs(scores[one] - scores[other]), 3)

    pairs = sorted(combinations(sorted(set(keys)), 2))
    if not pairs:
        return None
    most = min(need(pair) for pair in pairs)
    equal = [pair for pair in pairs if need(pair) == most]
    drawn = _draw(seed, len(counted), *sorted(set(keys)))
    one, other = equal[(drawn >> 1) % len(equal)]
    return (one, other) if drawn & 1 else (other, one)


def _placed(standings: Sequence[RankEntry]) -> tuple[RankEntry, ...]:
    """Return the standings, the best of which come first, with their places."""
    points = [round(standing.score) for standing in standings]
    return tuple(
        replace(standing, place=points.index(own) + 1) if standing.duels else standing
        for standing, own in zip(standings, points, strict=True)
    )


def _valid(duels: Iterable[PairwiseVote], keys: Sequence[str]) -> list[PairwiseVote]:
    known = set(keys)
    return [duel for duel in duels if duel.left != duel.right and {duel.left, duel.right} <= known]


def _scores(duels: Sequence[PairwiseVote], keys: Sequence[str]) -> Mapping[str, float]:
    """Return the strength of each key on Elo's scale."""
    won = dict.fromkeys(keys, PRIOR_DUELS / 2)
    rivals: dict[str, Counter[str]] = {key: Counter() for key in keys}
    for duel in duels:
        share = {"left": 1.0, "right": 0.0, "tie": 0.5}[duel.result]
        won[duel.left] += share
        won[duel.right] += 1 - share
        rivals[duel.left][duel.right] += 1
        rivals[duel.right][duel.left] += 1
    strengths = dict.fromkeys(keys, 1.0)
    for _ in range(_MOST_ROUNDS):
        better = {key: _strength(key, won[key], rivals[key], strengths) for key in strengths}
        change = max((abs(math.log(better[key] / strengths[key])) for key in strengths), default=0.0)
        strengths = better
        if change < _CLOSE_ENOUGH:
            break
    return {key: POINTS_PER_E * math.log(strength) for key, strength in strengths.items()}


def _strength(key: str, won: float, rivals: Mapping[str, int], strengths: Mapping[str, float]) -> float:
    """Return the strength under which `won` is what one expects, the others being as strong as they seem now."""
    own = strengths[key]
    against = (count / (own + strengths[rival]) for rival, count in rivals.items())
    return won / (PRIOR_DUELS / (own + 1) + sum(against))


def _draw(*given: object) -> int:
    """Return a number drawn from what is given, the same one on every machine."""
    return int.from_bytes(hashlib.sha256(repr(given).encode()).digest()[:8], "big")
