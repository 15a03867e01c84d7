"""The ranking from judgements of two: known answers, and what must hold whatever was judged."""

import math
from collections import Counter
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixverse_nb.domain.ratings import PRIOR_DUELS, DuelResult, PairwiseVote, RankEntry, next_pair, rank

KEYS = ["a", "b", "c", "d", "e"]
AT_LEISURE = settings(deadline=None)  # a busy machine is no fault of the ranking
MIRROR: dict[DuelResult, DuelResult] = {"left": "right", "right": "left", "tie": "tie"}
PAIRS = st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)).filter(lambda pair: pair[0] != pair[1])
DUELS = st.lists(
    st.tuples(PAIRS, st.sampled_from(list(MIRROR))).map(lambda told: PairwiseVote(*told[0], result=told[1], at=0.0)),
    max_size=25,
)


def beats(winner: str, loser: str) -> PairwiseVote:
    """A judgement for the left one."""
    return PairwiseVote(winner, loser, "left", 0.0)


def by_key(standings: tuple[RankEntry, ...]) -> dict[str, RankEntry]:
    """The standings by key."""
    return {standing.key: standing for standing in standings}


def test_two_videos_have_a_known_answer() -> None:
    """Of two videos the wins that one has, the prior's half included, are those that its strength makes one expect."""
    for times in (1, 3, 10):
        first, second = rank([beats("a", "b")] * times, ["a", "b"])
        strength = 10 ** (first.score / 400)
        expected = times * strength / (strength + 1 / strength) + PRIOR_DUELS * strength / (strength + 1)
        assert expected == pytest.approx(times + PRIOR_DUELS / 2, abs=1e-6)
        assert second.score == pytest.approx(-first.score, abs=1e-4)


def test_much_evidence_gives_the_shares_that_were_judged() -> None:
    """Of 1,000 judgements 640 for one: about 100 points between them, as Elo's scale says."""
    first, second = rank([beats("a", "b")] * 640 + [beats("b", "a")] * 360, ["a", "b"])
    assert first.score - second.score == pytest.approx(100, abs=1)


def test_wins_losses_and_ties_are_counted() -> None:
    """Each side of each judgement is counted where it belongs."""
    told = [beats("a", "b"), PairwiseVote("a", "b", "right", 0.0), beats("a", "c"), PairwiseVote("b", "c", "tie", 0.0)]
    counts = {key: (at.wins, at.losses, at.ties, at.duels) for key, at in by_key(rank(told, ["a", "b", "c"])).items()}
    assert counts == {"a": (2, 1, 0, 3), "b": (1, 1, 1, 3), "c": (0, 1, 1, 2)}


def test_who_never_lost_stays_finite_and_who_never_met_stays_at_zero() -> None:
    """A hundred wins without a loss make a large score, not an infinite one; a video without a duel has 0."""
    standings = by_key(rank([beats("a", "b")] * 100, ["a", "b", "c"]))
    assert 200 < standings["a"].score < 2000
    assert standings["c"].score == pytest.approx(0, abs=1e-6)


def test_two_groups_that_never_met_are_ranked_all_the_same() -> None:
    """Groups without a common opponent are laid beside each other around 0."""
    assert [at.key for at in rank([beats("a", "b"), beats("c", "d"), beats("c", "d")], ["a", "b", "c", "d"])] == list(
        "cabd"
    )


def test_nothing_judged_keeps_the_order() -> None:
    """Without a judgement all are equal and stand as they were given; without keys there is nothing."""
    assert [(at.key, at.score) for at in rank([], ["b", "a"])] == [("b", 0.0), ("a", 0.0)]
    assert rank([beats("a", "b")], []) == ()


def test_what_does_not_belong_is_passed_over() -> None:
    """A duel with an unknown video, or of a video with itself, changes nothing."""
    told = [beats("a", "x"), beats("b", "b")]
    assert rank(told, ["a", "b"]) == rank([], ["a", "b"])


@AT_LEISURE
@given(DUELS)
def test_names_and_sides_do_not_matter(duels: list[PairwiseVote]) -> None:
    """Other names for the videos give the same scores, and so do the judgements with left and right exchanged."""
    names = dict(zip(KEYS, ["z", "y", "x", "w", "v"], strict=True))
    renamed = [PairwiseVote(names[duel.left], names[duel.right], duel.result, 0.0) for duel in duels]
    mirrored = [PairwiseVote(duel.right, duel.left, MIRROR[duel.result], 0.0) for duel in duels]
    plain = by_key(rank(duels, KEYS))
    for key, other in by_key(rank(renamed, [names[key] for key in KEYS])).items():
        (old,) = (name for name in KEYS if names[name] == key)
        assert other.score == pytest.approx(plain[old].score, abs=1e-4)
    for key, other in by_key(rank(mirrored, KEYS)).items():
        assert other.score == pytest.approx(plain[key].score, abs=1e-4)


@AT_LEISURE
@given(st.permutations(KEYS), st.integers(1, 4), st.booleans())
def test_a_chain_of_dominance_is_the_order(order: list[str], times: int, is_intact: bool) -> None:
    """Where each video beats those after it, all of them or only the next one, the ranking is that order."""
    pairs = list(combinations(order, 2)) if is_intact else list(pairwise(order))
    standings = rank([beats(*pair) for pair in pairs] * times, KEYS)
    assert [at.key for at in standings] == order
    assert all(one.score > other.score for one, other in pairwise(standings))


@AT_LEISURE
@given(DUELS, PAIRS)
def test_one_more_win_never_harms(duels: list[PairwiseVote], pair: tuple[str, str]) -> None:
    """A further judgement for a video raises its score and lowers the other's."""
    before, after = by_key(rank(duels, KEYS)), by_key(rank([*duels, beats(*pair)], KEYS))
    assert after[pair[0]].score > before[pair[0]].score
    assert after[pair[1]].score < before[pair[1]].score


@AT_LEISURE
@given(DUELS)
def test_scores_are_finite_and_sorted(duels: list[PairwiseVote]) -> None:
    """Every key stands in the ranking once, with a finite score, the best first and what nobody judged last."""
    standings = rank(duels, KEYS)
    assert sorted(at.key for at in standings) == KEYS
    assert all(math.isfinite(at.score) for at in standings)
    validate_fields = [at for at in standings if at.duels]
    assert standings[: len(validate_fields)] == tuple(validate_fields)
    assert all(one.score >= other.score - 1e-6 for one, other in pairwise(validate_fields))


def test_equal_ones_share_a_place_and_the_unjudged_have_none() -> None:
    """Two that won and lost alike are both first, the next one is third, and what nobody judged stands apart."""
    told = [beats("b", "c"), beats("d", "c"), PairwiseVote("b", "d", "tie", 0.0)]
    assert [(at.key, at.place) for at in rank(told, KEYS)] == [
        ("b", 1),
        ("d", 1),
        ("c", 3),
        ("a", None),
        ("e", None),
    ]


@AT_LEISURE
@given(DUELS, st.integers())
def test_the_next_pair_is_one_that_was_judged_least(duels: list[PairwiseVote], seed: int) -> None:
    """No other pair was judged less often, and asking again gives the same pair on the same sides."""
    pair = next_pair(duels, KEYS, seed=seed)
    assert pair is not None
    met = Counter(frozenset((duel.left, duel.right)) for duel in duels)
    assert met[frozenset(pair)] == min(met[frozenset(two)] for two in combinations(KEYS, 2))
    assert pair == next_pair(duels, KEYS, seed=seed)


def test_every_pair_comes_once_before_any_comes_twice() -> None:
    """Ten judgements of five videos are the ten pairs; after five of them every video was seen at least once."""
    duels: list[PairwiseVote] = []
    for _ in range(10):
        pair = next_pair(duels, KEYS, seed=3)
        assert pair is not None
        duels.append(PairwiseVote(*pair, "tie", 0.0))
    assert {frozenset((duel.left, duel.right)) for duel in duels} == {frozenset(two) for two in combinations(KEYS, 2)}
    assert {key for duel in duels[:3] for key in (duel.left, duel.right)} == set(KEYS)


def test_close_ones_are_judged_first() -> None:
    """Of pairs that were judged as often, the one with the closest scores is next."""
    told = [beats("a", "b"), beats("c", "d")]
    for seed in range(12):
        assert set(next_pair(told, ["a", "b", "c", "d"], seed=seed) or ()) in ({"a", "c"}, {"b", "d"})


def test_seeds_draw_pairs_and_sides() -> None:
    """Of many seeds every pair is drawn first by some, and each video stands left for some and right for others."""
    drawn = {next_pair([], ["a", "b", "c"], seed=seed) for seed in range(60)}
    assert drawn == {(one, other) for one in "abc" for other in "abc" if one != other}


@pytest.mark.parametrize("keys", [[], ["a"], ["a", "a"]])
def test_one_video_makes_no_pair(keys: list[str]) -> None:
    """With fewer than two videos there is nothing to judge."""
    assert next_pair([], keys) is None
