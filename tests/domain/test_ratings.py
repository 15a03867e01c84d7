"""The ranking from pairwise votes: known answers, and properties that hold for any votes."""

import math
from collections import Counter
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixverse_nb.domain.ratings import PRIOR_VOTES, PairwiseVote, RankEntry, VoteResult, next_pair, rank

KEYS = ["a", "b", "c", "d", "e"]
NO_DEADLINE = settings(deadline=None)  # a busy machine may be slow
MIRROR: dict[VoteResult, VoteResult] = {"left": "right", "right": "left", "tie": "tie"}
PAIRS = st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)).filter(lambda pair: pair[0] != pair[1])
VOTES = st.lists(
    st.tuples(PAIRS, st.sampled_from(list(MIRROR))).map(lambda told: PairwiseVote(*told[0], result=told[1], at=0.0)),
    max_size=25,
)


def beats(winner: str, loser: str) -> PairwiseVote:
    """A vote for the left video."""
    return PairwiseVote(winner, loser, "left", 0.0)


def by_key(entries: tuple[RankEntry, ...]) -> dict[str, RankEntry]:
    """The entries by key."""
    return {entry.key: entry for entry in entries}


def test_two_videos_have_a_known_answer() -> None:
    """With two videos, the expected wins at the computed strength equal the actual wins plus the prior's half."""
    for times in (1, 3, 10):
        first, second = rank([beats("a", "b")] * times, ["a", "b"])
        strength = 10 ** (first.score / 400)
        expected = times * strength / (strength + 1 / strength) + PRIOR_VOTES * strength / (strength + 1)
        assert expected == pytest.approx(times + PRIOR_VOTES / 2, abs=1e-6)
        assert second.score == pytest.approx(-first.score, abs=1e-4)


def test_many_votes_give_elo_points() -> None:
    """640 of 1,000 votes for one video put about 100 points between the two, as on Elo's scale."""
    first, second = rank([beats("a", "b")] * 640 + [beats("b", "a")] * 360, ["a", "b"])
    assert first.score - second.score == pytest.approx(100, abs=1)


def test_wins_losses_and_ties_are_counted() -> None:
    """Each vote counts once for each of its videos."""
    told = [beats("a", "b"), PairwiseVote("a", "b", "right", 0.0), beats("a", "c"), PairwiseVote("b", "c", "tie", 0.0)]
    counts = {key: (at.wins, at.losses, at.ties, at.votes) for key, at in by_key(rank(told, ["a", "b", "c"])).items()}
    assert counts == {"a": (2, 1, 0, 3), "b": (1, 1, 1, 3), "c": (0, 1, 1, 2)}


def test_a_video_that_never_lost_has_a_finite_score() -> None:
    """A hundred wins without a loss give a large but finite score; a video without votes has 0."""
    entries = by_key(rank([beats("a", "b")] * 100, ["a", "b", "c"]))
    assert 200 < entries["a"].score < 2000
    assert entries["c"].score == pytest.approx(0, abs=1e-6)


def test_groups_that_never_met_are_still_ranked() -> None:
    """Groups without a common opponent are ranked on one scale around 0."""
    assert [at.key for at in rank([beats("a", "b"), beats("c", "d"), beats("c", "d")], ["a", "b", "c", "d"])] == list(
        "cabd"
    )


def test_no_votes_keep_the_order() -> None:
    """Without votes all scores are 0 and the order is kept; without keys the ranking is empty."""
    assert [(at.key, at.score) for at in rank([], ["b", "a"])] == [("b", 0.0), ("a", 0.0)]
    assert rank([beats("a", "b")], []) == ()


def test_invalid_votes_are_ignored() -> None:
    """A vote with an unknown video, or of a video against itself, is ignored."""
    told = [beats("a", "x"), beats("b", "b")]
    assert rank(told, ["a", "b"]) == rank([], ["a", "b"])


@NO_DEADLINE
@given(VOTES)
def test_names_and_sides_do_not_matter(votes: list[PairwiseVote]) -> None:
    """Renaming the videos or exchanging left and right does not change the scores."""
    names = dict(zip(KEYS, ["z", "y", "x", "w", "v"], strict=True))
    renamed = [PairwiseVote(names[vote.left], names[vote.right], vote.result, 0.0) for vote in votes]
    mirrored = [PairwiseVote(vote.right, vote.left, MIRROR[vote.result], 0.0) for vote in votes]
    plain = by_key(rank(votes, KEYS))
    for key, other in by_key(rank(renamed, [names[key] for key in KEYS])).items():
        (old,) = (name for name in KEYS if names[name] == key)
        assert other.score == pytest.approx(plain[old].score, abs=1e-4)
    for key, other in by_key(rank(mirrored, KEYS)).items():
        assert other.score == pytest.approx(plain[key].score, abs=1e-4)


@NO_DEADLINE
@given(st.permutations(KEYS), st.integers(1, 4), st.booleans())
def test_a_chain_of_dominance_is_the_order(order: list[str], times: int, every_pair: bool) -> None:
    """If each video beats all later ones, or only the next one, the ranking is that order."""
    pairs = list(combinations(order, 2)) if every_pair else list(pairwise(order))
    entries = rank([beats(*pair) for pair in pairs] * times, KEYS)
    assert [at.key for at in entries] == order
    assert all(one.score > other.score for one, other in pairwise(entries))


@NO_DEADLINE
@given(VOTES, PAIRS)
def test_one_more_win_never_harms(votes: list[PairwiseVote], pair: tuple[str, str]) -> None:
    """One more vote for a video raises its score and lowers the other's."""
    before, after = by_key(rank(votes, KEYS)), by_key(rank([*votes, beats(*pair)], KEYS))
    assert after[pair[0]].score > before[pair[0]].score
    assert after[pair[1]].score < before[pair[1]].score


@NO_DEADLINE
@given(VOTES)
def test_scores_are_finite_and_sorted(votes: list[PairwiseVote]) -> None:
    """Every key appears once with a finite score, best first, and videos without votes come last."""
    entries = rank(votes, KEYS)
    assert sorted(at.key for at in entries) == KEYS
    assert all(math.isfinite(at.score) for at in entries)
    voted = [at for at in entries if at.votes]
    assert entries[: len(voted)] == tuple(voted)
    assert all(one.score >= other.score - 1e-6 for one, other in pairwise(voted))


def test_equal_videos_share_a_place() -> None:
    """Two equal videos are both first, the next one is third, and videos without votes have no place."""
    told = [beats("b", "c"), beats("d", "c"), PairwiseVote("b", "d", "tie", 0.0)]
    assert [(at.key, at.place) for at in rank(told, KEYS)] == [
        ("b", 1),
        ("d", 1),
        ("c", 3),
        ("a", None),
        ("e", None),
    ]


@NO_DEADLINE
@given(VOTES, st.integers())
def test_the_next_pair_has_the_fewest_votes(votes: list[PairwiseVote], seed: int) -> None:
    """No other pair has fewer votes, and the same arguments give the same pair on the same sides."""
    pair = next_pair(votes, KEYS, seed=seed)
    assert pair is not None
    met = Counter(frozenset((vote.left, vote.right)) for vote in votes)
    assert met[frozenset(pair)] == min(met[frozenset(two)] for two in combinations(KEYS, 2))
    assert pair == next_pair(votes, KEYS, seed=seed)


def test_every_pair_comes_once_before_any_comes_twice() -> None:
    """The first ten votes on five videos cover the ten pairs, and the first three cover every video."""
    votes: list[PairwiseVote] = []
    for _ in range(10):
        pair = next_pair(votes, KEYS, seed=3)
        assert pair is not None
        votes.append(PairwiseVote(*pair, "tie", 0.0))
    assert {frozenset((vote.left, vote.right)) for vote in votes} == {frozenset(two) for two in combinations(KEYS, 2)}
    assert {key for vote in votes[:3] for key in (vote.left, vote.right)} == set(KEYS)


def test_close_scores_come_first() -> None:
    """Among pairs with equally many votes, the one with the closest scores is next."""
    told = [beats("a", "b"), beats("c", "d")]
    for seed in range(12):
        assert set(next_pair(told, ["a", "b", "c", "d"], seed=seed) or ()) in ({"a", "c"}, {"b", "d"})


def test_seeds_draw_pairs_and_sides() -> None:
    """Over many seeds every pair is drawn first, with each video on either side."""
    drawn = {next_pair([], ["a", "b", "c"], seed=seed) for seed in range(60)}
    assert drawn == {(one, other) for one in "abc" for other in "abc" if one != other}


@pytest.mark.parametrize("keys", [[], ["a"], ["a", "a"]])
def test_one_video_is_no_pair(keys: list[str]) -> None:
    """With fewer than two videos there is no pair."""
    assert next_pair([], keys) is None
