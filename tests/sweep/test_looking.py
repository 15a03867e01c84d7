"""Looking and judging: tiles, what is said of them, and how it stays."""

import gc
import threading
import weakref
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.ratings import PairwiseVote, Rating
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.render.tiles import NO_WINNER, tile_json
from tests.client.harness import LONGEST_JOB_S, WAIT_LIMIT_S, Harness, create_job, wait_for_state
from tests.factories import NOW
from tests.sweep.grids import run, sweep


def galleries_rest() -> None:
    """Wait until no gallery is being brought up to date."""
    for thread in [thread for thread in threading.enumerate() if thread.name == "pixverse-nb-gallery"]:
        thread.join(WAIT_LIMIT_S)
        assert not thread.is_alive()


def test_a_tile_for_each_cell_as_it_stands(manual_harness: Harness) -> None:
    """Not asked for, refused by the documents, on its way: each is said in words."""
    client = manual_harness.open()
    grid: dict[str, Any] = {"seed": 1, "motion_mode": ["normal", "fast"], "duration": [5, 8], "skip_refused": True}
    one = sweep(client, **grid)
    assert [tile.line[:20] for tile in one.tiles()] == ["Not asked for yet."] * 3 + ["fast motion is made "]
    one.start()
    manual_harness.wait_for_accepted(3)
    manual_harness.control.advance(LONGEST_JOB_S)
    one.wait(WAIT_LIMIT_S)
    tiles = one.tiles()
    assert [tile.state for tile in tiles] == [JobState.DONE] * 3 + [JobState.REFUSED]
    assert tiles[1].caption == "normal · 8 s"
    assert tiles[1].axes == {"motion_mode": "normal", "duration": 8}
    assert tiles[0].poster is not None


def test_a_measured_tile_has_every_metric(client: Client) -> None:
    """After `measure()` a gallery can be sorted by what was measured, the diversity among it, each under its unit."""
    one = run(sweep(client, seed=[1, 2, 3]))
    assert one.tiles()[0].metrics == {}
    one.measure()
    frame = one.to_frame()
    for tile, far in zip(one.tiles(), frame.diversity_levels, strict=True):
        assert tile.metrics["diversity_levels"] == far
        assert "Diversity (grey levels)" in tile_json(tile)["metrics"]


def test_what_is_said_in_a_gallery_stays(client: Client) -> None:
    """A verdict in the page is in the ledger, in the next gallery, and in the table."""
    one = run(sweep(client, seed=[1, 2, 3]))
    gallery = one.gallery()
    gallery.judge(one.cells[1].key, Rating("winner", "the steam"))
    again = sweep(client, seed=[1, 2, 3])
    assert again.verdicts == {"seed 2": Rating("winner", "the steam")}
    assert again.gallery().verdicts == {one.cells[1].key: Rating("winner", "the steam")}
    assert list(again.to_frame().choice) == ["", "winner", ""]


def test_a_gallery_fills_while_the_sweep_runs(manual_harness: Harness) -> None:
    """Its tiles follow the jobs without anybody asking, and the last state is shown."""
    one = sweep(manual_harness.open(), seed=[1, 2]).start()
    manual_harness.wait_for_accepted(2)
    gallery = one.gallery()
    assert {tile.state for tile in gallery.tiles} <= {JobState.SUBMITTING, JobState.QUEUED, JobState.GENERATING}
    manual_harness.control.advance(LONGEST_JOB_S)
    one.wait(WAIT_LIMIT_S)
    galleries_rest()
    assert {tile.state for tile in gallery.tiles} == {JobState.DONE}


def test_a_gallery_works_only_while_something_changes(manual_harness: Harness) -> None:
    """Nobody works for one that rests; it fills nevertheless when its sweep is begun later."""
    client = manual_harness.open()
    one = sweep(client, seed=[1, 2])
    gallery = one.gallery()
    galleries_rest()
    one.start()
    manual_harness.wait_for_accepted(2)
    manual_harness.control.advance(LONGEST_JOB_S)
    one.wait(WAIT_LIMIT_S)
    galleries_rest()
    assert {tile.state for tile in gallery.tiles} == {JobState.DONE}


def test_a_closed_gallery_is_forgotten(manual_harness: Harness) -> None:
    """Neither it nor its sweep is held or told of anything, though the sweep never came to its end."""
    client = manual_harness.open()
    before = len(client._subscribers)
    galleries = [sweep(client, seed=[1, 2]).gallery() for _ in range(3)]
    galleries_rest()
    known = [weakref.ref(gallery) for gallery in galleries]
    for gallery in galleries:
        gallery.close()
    del galleries, gallery
    gc.collect()
    assert [gallery() for gallery in known] == [None] * 3
    wait_for_state(create_job(client, seed=1), JobState.QUEUED)
    assert len(client._subscribers) == before


def test_judgements_make_a_ranking_that_stays(client: Client) -> None:
    """Duels go into the ledger; the standing of the cells follows from them, in another sweep of the same cells too."""
    one = run(sweep(client, seed=[1, 2, 3]))
    keys = [cell.key for cell in one.cells]
    ledger = client._ledger.ratings
    for left, right in ((2, 0), (2, 1), (0, 1)):
        ledger.add_vote(PairwiseVote(keys[left], keys[right], "left", NOW))
    assert [standing.key for standing in sweep(client, seed=[1, 2, 3]).ranking()] == [keys[2], keys[0], keys[1]]


def test_a_cell_without_a_video_is_no_winner(client: Client, harness: Harness) -> None:
    """Choosing it is an error that names the cell; rejecting it and a note are not."""
    harness.control.arm("failed")
    one = run(sweep(client, seed=[1, 2]))
    (failed,) = [tile.caption for tile in one.tiles() if tile.state is JobState.FAILED]
    with pytest.raises(InvalidRequest, match=rf"\({failed}\) {NO_WINNER}"):
        one.judge(failed, "winner")
    assert one.verdicts == {}
    one.judge(failed, "rejected", note="the vendor failed")
    assert one.verdicts == {failed: Rating("rejected", "the vendor failed")}


def shown(comparison: Any) -> list[str]:
    """Return the labels of a comparison in order."""
    return [film["label"] for film in comparison.films]


def test_a_comparison_shows_the_winners_else_the_first(client: Client) -> None:
    """Two winners are compared with each other; without them what was not rejected, nine at most; blind, all of it."""
    one = run(sweep(client, seed=range(1, 12)))
    assert len(shown(one.compare())) == 9
    one.judge("seed 1", "rejected")
    assert shown(one.compare())[0] == "seed 2"
    one.judge("seed 4", "winner")
    one.judge("seed 7", "winner")
    assert shown(one.compare()) == ["seed 4", "seed 7"]
    assert shown(one.compare(3, "seed 5")) == ["seed 3", "seed 5"]
    assert shown(one.compare(blind=True)) == [""] * 10


def test_a_comparison_says_which_cells_it_leaves_out(client: Client, harness: Harness) -> None:
    """Of the cells that are asked for those without a video are counted and named, in the page, in text and stills."""
    harness.control.arm("failed")
    one = run(sweep(client, seed=[1, 2, 3]))
    (failed,) = [cell.number for cell in one.cells if not one._video(cell)]
    seen = one.compare(1, 2, 3)
    assert len(shown(seen)) == 2
    told = f"1 of 3 has no video: cell {failed}"
    assert seen.note == told
    assert told in repr(seen)
    assert told in seen._repr_mimebundle_()[0]["text/html"]
    assert one.compare().note == ""
    with pytest.raises(InvalidRequest) as caught:
        one.compare(failed, 1 + failed % 3)
    assert caught.value.fields["which"] == (
        f"one video is there, and two are needed to compare; 1 of 2 has no video: cell {failed}"
    )


def test_a_judgement_of_the_page_is_kept(client: Client) -> None:
    """What is judged in a blind comparison goes into the ledger by itself."""
    one = run(sweep(client, seed=[1, 2]))
    first, second = (cell.key for cell in one.cells)
    one.compare(blind=True).judge(second, first, "left")
    assert [standing.key for standing in one.ranking()] == [second, first]


def test_nothing_to_compare_is_an_error(client: Client) -> None:
    """Before two videos are there a comparison says so, and says it of the cells that are asked for."""
    one = sweep(client, seed=range(1, 16))
    with pytest.raises(InvalidRequest, match=r"no video is there, and two are needed to compare$"):
        one.compare()
    with pytest.raises(InvalidRequest, match=r"4 of 4 have no video: cells 1, 2, 3, 4$"):
        one.compare(1, 2, 3, 4)
    with pytest.raises(InvalidRequest, match=r"15 of 15 have no video: cells 1, .*, 12 and 3 more$"):
        one.compare(*one.cells)
