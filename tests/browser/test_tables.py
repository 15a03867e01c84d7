"""Tables in a narrow cell: nothing is outside the view."""

import pytest
from playwright.sync_api import Page, expect

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.render.job_views import jobs_html
from tests.render.factories import NOW, a_request, a_snapshot

JOBS = [
    a_snapshot(JobState.DONE, ref="pv-438fcf71e2db-563fd3fc", charged="yes", cost_credits=90, is_sandbox=True),
    a_snapshot(
        JobState.UNKNOWN, ref="pv-6b53fefa0df3-ccfd0730", charged="unknown", status_detail="The list tells. " * 9
    ),
    a_snapshot(JobState.WAITING, ref="pv-b6955b05aa7c-a60e639d", request=a_request(model="v3.5", motion_mode="fast")),
]


@pytest.mark.parametrize("width", [560, 620, 700, 830, 960, 1080])
def test_the_jobs_fit_their_cell(page: Page, width: int) -> None:
    """From 560 px on every column is fully visible; in a wide cell a ref fits on one line."""
    page.set_content(f'<div style="width:{width}px">{jobs_html(JOBS, now=NOW)}</div>')
    table = page.locator(".pvnb-list")
    expect(table.locator("tbody tr")).to_have_count(3)
    assert table.evaluate("list => list.scrollWidth - list.clientWidth") <= 0
    if width > 900:
        ref = table.locator("td .pvnb-mono").first
        assert ref.evaluate("ref => ref.getClientRects().length") == 1
