"""Which slot each job ran in: a picture of the capacity, made from beginnings and ends alone."""

import heapq
from collections.abc import Sequence

Span = tuple[float, float]


def packed(spans: Sequence[Span]) -> list[int]:
    """Return for each span (beginning, end) the number of the first lane, from 0, that was free when it began.

    As few lanes as ran at once at most; a lane is free again at the very moment its span ends.

    >>> packed([(0, 5), (1, 3), (3, 4), (5, 6)])
    [0, 1, 1, 0]
    """
    lanes = [0] * len(spans)
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    count = 0
    for number in sorted(range(len(spans)), key=lambda number: spans[number]):
        begin, end = spans[number]
        while busy and busy[0][0] <= begin:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            lane = heapq.heappop(free)
        else:
            lane, count = count, count + 1
        lanes[number] = lane
        heapq.heappush(busy, (end, lane))
    return lanes
