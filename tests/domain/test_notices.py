"""Notices: kind and data, and their JSON."""

import json

import pytest

from pixverse_nb.domain.notices import Notice


@pytest.mark.parametrize("notice", [Notice("padded"), Notice("padded", {"width": 640, "ratio": "16:9", "exact": None})])
def test_a_notice_survives_json(notice: Notice) -> None:
    """A notice that is written as JSON and read back is the same, and hashable."""
    again = Notice.from_json(json.loads(json.dumps(notice.to_json())))
    assert again == notice
    assert hash(again) == hash(notice)
