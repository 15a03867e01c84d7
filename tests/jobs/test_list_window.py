"""How far back a page of the vendor's list reaches: only a list that is whole proves that a call was never accepted."""

from collections.abc import Sequence

import pytest

from pixverse_nb.domain.remote import RemoteState, RemoteVideo
from pixverse_nb.jobs.poller import list_window

ZERO_DATE = -62_135_596_800.0  # 0001-01-01, the zero value of some languages


def a_page(*times: float | None) -> list[RemoteVideo]:
    """A page of rows made at these times."""
    return [
        RemoteVideo(video_id=str(number), state=RemoteState.GENERATING, created_at=at)
        for number, at in enumerate(times)
    ]


@pytest.mark.parametrize(
    ("times", "reach"),
    [
        ([900.0, 800.0, 700.0, 600.0], 700.0),
        ([900.0, 800.0, ZERO_DATE], 800.0),
        ([ZERO_DATE, 900.0, 800.0], 800.0),
        ([900.0], 900.0),
        ([900.0, None, None], None),
        ([None], None),
        ([], None),
    ],
)
def test_most_rows_tell_how_far_a_page_reaches(times: Sequence[float | None], reach: float | None) -> None:
    """One row with a senseless time does not make a list look whole; rows without times tell nothing."""
    assert list_window(a_page(*times)) == reach
