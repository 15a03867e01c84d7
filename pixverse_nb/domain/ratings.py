"""Ratings of single videos, votes between two videos, and the ranking that follows from the votes."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Final, Literal

Choice = Literal["", "winner", "rejected"]
VoteResult = Literal["left", "right", "tie"]


@dataclass(frozen=True)
class Rating:
    """A person's rating of one video: `choice` is "winner", "rejected" or "" (neither); `note` is free text."""

    choice: Choice = ""
    note: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is neither a choice nor a note."""
        return not self.choice and not self.note


@dataclass(frozen=True)
class PairwiseVote:
    """A person's vote between two videos, given by their keys: `result` is the better side, or "tie".

    `at` is in Unix seconds. `is_blind` means that the labels were hidden.
    """

    left: str
    right: str
    result: VoteResult
    at: float
    is_blind: bool = True


# Each video starts with one tie against a virtual video of strength 1. Without it, a video that never lost would have
# infinite strength, and groups that never met could not be compared.
PRIOR_VOTES: Final = 1.0
POINTS_PER_E: Final = 400 / math.log(10)  # Elo's scale: 400 points are odds of ten to one
_CLOSE_ENOUGH: Final = 1e-10
_MOST_ROUNDS: Final = 10_000


@dataclass(frozen=True)
class RankEntry:
    """One video in the ranking: its `place`, its `score` in Elo points, and the votes that it won, lost or tied.

    Places count from 1. Videos whose scores round to the same point share a place; a video without votes has none.

    Scores have no bounds; 0 is a video without votes. If two scores differ by d points, the better video is expected to
    win 1 / (1 + 10^(-d/400)) of the votes: 64 % for 100 points, 91 % for 400. `caption` says which video it is.
    """

    key: str = field(repr=False)
    score: float
    wins: int
    losses: int
    ties: int
    place: int | None = None
    caption: str = ""

    @property
    def votes(self) -> int:
        """The number of votes that the video was part of."""
        return self.wins + self.losses + self.ties


def rank(
    votes: Iterable[PairwiseVote], keys: Sequence[str], *, captions: Mapping[str, str] | None = None
) -> tuple[RankEntry, ...]:
    """Return an entry for each of `keys`, best first; equal entries keep the order of `keys`. `captions` are by key.

    Videos without votes come last. Votes with an unknown key, or of a video against itself, are ignored.

    >>> first, second = rank([PairwiseVote("a", "b", "right", at=0.0)], ["a", "b"])
    >>> first.key, round(first.score), round(second.score)
    ('b', 131, -131)
    """
    counted = _valid(votes, keys)
    scores = _scores(counted, keys)
    wins: Counter[str] = Counter()
    losses: Counter[str] = Counter()
    ties: Counter[str] = Counter()
    for vote in counted:
        if vote.result == "tie":
            ties.update((vote.left, vote.right))
        else:
            pair = (vote.left, vote.right) if vote.result == "left" else (vote.right, vote.left)
            wins[pair[0]] += 1
            losses[pair[1]] += 1
    captions = captions or {}
    standings = [
        RankEntry(key, scores[key], wins[key], losses[key], ties[key], caption=captions.get(key, ""))
        for key in dict.fromkeys(keys)
    ]
    return _placed(sorted(standings, key=lambda standing: (not standing.votes, -round(standing.score, 3))))


def next_pair(votes: Iterable[PairwiseVote], keys: Sequence[str], *, seed: int = 0) -> tuple[str, str] | None:
    """Return the two videos to vote on next, as (left, right), or None if there are fewer than two.

    It is the pair with the fewest votes; among those, the pair whose videos have the fewest votes; among those, the
    pair with the closest scores, where a vote tells most. Remaining ties and the sides are drawn at random; the same
    `seed`, keys and votes give the same pair.

    >>> next_pair([], ["a"]) is None
    True
    """
    counted = _valid(votes, keys)
    scores = _scores(counted, keys)
    met = Counter(frozenset((vote.left, vote.right)) for vote in counted)
    seen = Counter(key for vote in counted for key in (vote.left, vote.right))

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
    """Return the entries, which must be sorted best first, with their places."""
    points = [round(standing.score) for standing in standings]
    return tuple(
        replace(standing, place=points.index(own) + 1) if standing.votes else standing
        for standing, own in zip(standings, points, strict=True)
    )


def _valid(votes: Iterable[PairwiseVote], keys: Sequence[str]) -> list[PairwiseVote]:
    known = set(keys)
    return [vote for vote in votes if vote.left != vote.right and {vote.left, vote.right} <= known]


def _scores(votes: Sequence[PairwiseVote], keys: Sequence[str]) -> Mapping[str, float]:
    """Return the score of each key in Elo points."""
    won = dict.fromkeys(keys, PRIOR_VOTES / 2)
    rivals: dict[str, Counter[str]] = {key: Counter() for key in keys}
    for vote in votes:
        share = {"left": 1.0, "right": 0.0, "tie": 0.5}[vote.result]
        won[vote.left] += share
        won[vote.right] += 1 - share
        rivals[vote.left][vote.right] += 1
        rivals[vote.right][vote.left] += 1
    strengths = dict.fromkeys(keys, 1.0)
    for _ in range(_MOST_ROUNDS):
        better = {key: _strength(key, won[key], rivals[key], strengths) for key in strengths}
        change = max((abs(math.log(better[key] / strengths[key])) for key in strengths), default=0.0)
        strengths = better
        if change < _CLOSE_ENOUGH:
            break
    return {key: POINTS_PER_E * math.log(strength) for key, strength in strengths.items()}


def _strength(key: str, won: float, rivals: Mapping[str, int], strengths: Mapping[str, float]) -> float:
    """Return the strength at which `won` is the expected number of wins against the current strengths of the others."""
    own = strengths[key]
    against = (count / (own + strengths[rival]) for rival, count in rivals.items())
    return won / (PRIOR_VOTES / (own + 1) + sum(against))


def _draw(*given: object) -> int:
    """Return a pseudo-random number that depends only on `given`, the same on every machine."""
    return int.from_bytes(hashlib.sha256(repr(given).encode()).digest()[:8], "big")
