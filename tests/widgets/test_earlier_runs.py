"""Cells that are run again: the views of the run before are closed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.widgets.compare import compare
from pixverse_nb.widgets.gallery import gallery
from tests.render.conftest import outputs
from tests.render.factories import an_mp4

__all__ = ["outputs"]  # a fixture

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two small mp4 files."""
    folder = tmp_path_factory.mktemp("videos")
    return [an_mp4(folder / "one.mp4"), an_mp4(folder / "two.mp4")]


@pytest.mark.parametrize("make", [gallery, compare])
def test_running_a_cell_again_leaves_one_view(
    make: Callable[..., Any], videos: list[Path], run_cell: Callable[..., None]
) -> None:
    """Of five runs of a cell one gallery or comparison is left, and its layout with it."""
    kept = []
    for _ in range(5):
        run_cell("pv.gallery(videos)", cell_id="c1")
        kept.append(make(videos))
        kept[-1]._ipython_display_()
    assert [view.comm is None for view in kept] == [True, True, True, True, False]
    assert [view.layout.comm is None for view in kept] == [True, True, True, True, False]


@pytest.mark.parametrize("make", [gallery, compare])
def test_views_of_other_cells_and_of_one_run_stay(
    make: Callable[..., Any], videos: list[Path], run_cell: Callable[..., None]
) -> None:
    """Two views of one run, a view that another cell shows, and one that was never shown live on."""
    first, second, hidden = make(videos), make(videos), make(videos)
    run_cell("a", cell_id="c2")
    first._ipython_display_()
    second._ipython_display_()
    run_cell("first", cell_id="c3")
    first._ipython_display_()
    run_cell("a", cell_id="c2")
    make(videos)._ipython_display_()
    assert [view.comm is None for view in (first, second, hidden)] == [False, True, False]


@pytest.mark.parametrize("make", [gallery, compare])
def test_a_closed_view_shows_its_still_images(
    make: Callable[..., Any], videos: list[Path], outputs: list[dict[str, Any]]
) -> None:
    """No page can find the widget any more, so the output names none."""
    closed = make(videos)
    closed.close()
    closed._ipython_display_()
    assert [WIDGET in output["data"] for output in outputs] == [False]
    assert outputs[0]["data"]["text/html"].count("<img") <= 2
