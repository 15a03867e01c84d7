"""Jobs laid into lanes: as few as ran at once, and no two at the same time in one."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pixverse_nb.sweep.packing import packed

SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)).map(lambda it: (float(it[0]), float(sum(it)))))


def test_a_lane_is_free_at_the_moment_its_job_ends() -> None:
    """The next one begins in the first lane that is free."""
    assert packed([(0, 5), (1, 3), (3, 4), (5, 6)]) == [0, 1, 1, 0]


@given(spans=SPANS)
def test_lanes_never_overlap_and_are_as_few_as_can_be(spans: list[tuple[float, float]]) -> None:
    """In each lane one job ends before the next begins; their number is that of the fullest moment."""
    lanes = packed(spans)
    for lane in set(lanes):
        mine = sorted(span for span, own in zip(spans, lanes, strict=True) if own == lane)
        assert all(before[1] <= after[0] for before, after in pairwise(mine))
    fullest = max((sum(begin <= at < end for begin, end in spans) for at, _ in spans), default=0)
    assert len(set(lanes)) == fullest
