"""Tests of `sweep.views`: tiles, galleries, comparisons and ratings."""

import gc
import re
import threading
import weakref
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.ratings import PairwiseVote, Rating
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.metrics.definitions import DIVERSITY
from pixverse_nb.render.tiles import tile_json
from pixverse_nb.sweep.sweep import Sweep
from tests.client.harness import LONGEST_JOB_S, WAIT_LIMIT_S, Harness, create_job, wait_for_state
from tests.factories import NOW
from tests.sweep.small_sweeps import run, small_sweep


def wait_for_galleries() -> None:
    """Wait until no gallery is being updated."""
    for thread in [thread for thread in threading.enumerate() if thread.name == "pixverse-nb-gallery"]:
        thread.join(WAIT_LIMIT_S)
        assert not thread.is_alive()


def labels(comparison: Any) -> list[str]:
    """Return the labels of a comparison in order."""
    return [video["label"] for video in comparison.videos]


def numbers(text: str) -> list[int]:
    """Return the numbers in a text."""
    return [int(number) for number in re.findall(r"\d+", text)]


def test_there_is_a_tile_for_each_cell(manual_harness: Harness) -> None:
    """Before the run tiles are planned or refused; afterwards those with a video have a poster."""
    client = manual_harness.open()
    axes: dict[str, Any] = {"seed": 1, "quality": ["540p", "1080p"], "duration": [5, 10]}
    sweep = small_sweep(client, **axes, skip_refused=True)
    assert [tile.state for tile in sweep.tiles()] == [JobState.PLANNED] * 3 + [JobState.REFUSED]
    assert sweep.tiles()[3].detail == sweep.cells[3].violations[0].reason
    sweep.start()
    manual_harness.wait_for_accepted(3)
    manual_harness.control.advance(LONGEST_JOB_S)
    sweep.wait(WAIT_LIMIT_S)
    tiles = sweep.tiles()
    assert [tile.state for tile in tiles] == [JobState.DONE] * 3 + [JobState.REFUSED]
    assert tiles[1].caption == "540p · 10 s"
    assert tiles[1].axes == {"quality": "540p", "duration": 10}
    assert tiles[0].poster is not None


def test_a_measured_tile_has_every_metric(client: Client) -> None:
    """After `measure()` the tiles have the metrics, the diversity included, each with its unit."""
    sweep = run(small_sweep(client, seed=[1, 2, 3]))
    assert sweep.tiles()[0].metrics == {}
    sweep.measure()
    frame = sweep.to_frame()
    for tile, diversity in zip(sweep.tiles(), frame.diversity_levels, strict=True):
        assert tile.metrics["diversity_levels"] == diversity
        assert f"{DIVERSITY.label} ({DIVERSITY.unit})" in tile_json(tile)["metrics"]


def test_ratings_of_a_gallery_are_saved(client: Client) -> None:
    """A rating is in the ledger, in the next gallery and in the table."""
    sweep = run(small_sweep(client, seed=[1, 2, 3]))
    rating = Rating("winner", "the steam")
    sweep.gallery().rate(sweep.cells[1].key, rating)
    again = small_sweep(client, seed=[1, 2, 3])
    assert again.ratings == {"seed 2": rating}
    assert again.gallery().ratings == {sweep.cells[1].key: rating}
    assert list(again.to_frame().choice) == ["", "winner", ""]


def test_a_gallery_fills_while_the_sweep_runs(manual_harness: Harness) -> None:
    """The tiles follow the jobs to their last state."""
    sweep = small_sweep(manual_harness.open(), seed=[1, 2]).start()
    manual_harness.wait_for_accepted(2)
    gallery = sweep.gallery()
    assert {tile.state for tile in gallery.tiles} <= {JobState.SUBMITTING, JobState.QUEUED, JobState.GENERATING}
    manual_harness.control.advance(LONGEST_JOB_S)
    sweep.wait(WAIT_LIMIT_S)
    wait_for_galleries()
    assert {tile.state for tile in gallery.tiles} == {JobState.DONE}


def test_an_idle_gallery_has_no_thread(manual_harness: Harness) -> None:
    """A gallery that was opened before the run has no thread until something changes, and fills then."""
    sweep = small_sweep(manual_harness.open(), seed=[1, 2])
    gallery = sweep.gallery()
    wait_for_galleries()
    sweep.start()
    manual_harness.wait_for_accepted(2)
    manual_harness.control.advance(LONGEST_JOB_S)
    sweep.wait(WAIT_LIMIT_S)
    wait_for_galleries()
    assert {tile.state for tile in gallery.tiles} == {JobState.DONE}


def test_a_closed_gallery_is_released(manual_harness: Harness) -> None:
    """Neither a closed gallery nor its sweep stays in memory or subscribed."""
    client = manual_harness.open()
    before = len(client._session.subscribers)
    galleries = [small_sweep(client, seed=[1, 2]).gallery() for _ in range(3)]
    wait_for_galleries()
    references = [weakref.ref(gallery) for gallery in galleries]
    for gallery in galleries:
        gallery.close()
    del galleries, gallery
    gc.collect()
    assert [reference() for reference in references] == [None] * 3
    wait_for_state(create_job(client, seed=1), JobState.QUEUED)
    assert len(client._session.subscribers) == before


def test_votes_make_a_ranking(client: Client) -> None:
    """The ranking follows from the votes in the ledger, in another sweep of the same cells too."""
    sweep = run(small_sweep(client, seed=[1, 2, 3]))
    keys = [cell.key for cell in sweep.cells]
    for left, right in ((2, 0), (2, 1), (0, 1)):
        client._ledger.ratings.add_vote(PairwiseVote(keys[left], keys[right], "left", NOW))
    ranking = small_sweep(client, seed=[1, 2, 3]).ranking()
    assert [entry.key for entry in ranking] == [keys[2], keys[0], keys[1]]
    assert [entry.caption for entry in ranking] == ["seed 3", "seed 1", "seed 2"]
    assert keys[0] not in repr(ranking)


def test_a_vote_in_a_comparison_is_saved(client: Client) -> None:
    """A vote in a blind comparison changes the ranking."""
    sweep = run(small_sweep(client, seed=[1, 2]))
    first, second = (cell.key for cell in sweep.cells)
    sweep.compare(blind=True).vote(second, first, "left")
    assert [entry.key for entry in sweep.ranking()] == [second, first]


@pytest.fixture
def with_failure(client: Client, harness: Harness) -> tuple[Sweep, int]:
    """A sweep of three cells one of which failed, and the number of that cell."""
    harness.control.arm("failed")
    sweep = run(small_sweep(client, seed=[1, 2, 3]))
    (failed,) = [cell.number for cell, tile in zip(sweep.cells, sweep.tiles(), strict=True) if tile.video is None]
    return sweep, failed


def test_a_cell_without_a_video_cannot_be_a_winner(with_failure: tuple[Sweep, int]) -> None:
    """Choosing it as the winner is an error; rejecting it with a note is not."""
    sweep, failed = with_failure
    with pytest.raises(InvalidRequest) as caught:
        sweep.rate(failed, "winner")
    assert set(caught.value.fields) == {"choice"}
    assert sweep.ratings == {}
    sweep.rate(failed, "rejected", note="the vendor failed")
    assert sweep.ratings == {sweep.cells[failed - 1].caption: Rating("rejected", "the vendor failed")}


def test_a_comparison_shows_the_winners_or_the_first_videos(client: Client) -> None:
    """By default it shows two or more winners, else the first nine that are not rejected; blind, all of these."""
    sweep = run(small_sweep(client, seed=range(1, 12)))
    assert len(labels(sweep.compare())) == 9
    sweep.rate("seed 1", "rejected")
    assert labels(sweep.compare())[0] == "seed 2"
    sweep.rate("seed 4", "winner")
    sweep.rate("seed 7", "winner")
    assert labels(sweep.compare()) == ["seed 4", "seed 7"]
    assert labels(sweep.compare(3, "seed 5")) == ["seed 3", "seed 5"]
    assert labels(sweep.compare(blind=True)) == [""] * 10


def test_a_comparison_names_the_cells_that_it_leaves_out(with_failure: tuple[Sweep, int]) -> None:
    """The note counts and lists the requested cells without a video, in the widget, in text and in saved HTML."""
    sweep, failed = with_failure
    comparison = sweep.compare(1, 2, 3)
    assert len(labels(comparison)) == 2
    assert numbers(comparison.note) == [1, 3, failed]
    assert comparison.note in repr(comparison)
    assert comparison.note in comparison._repr_mimebundle_()[0]["text/html"]
    assert sweep.compare().note == ""
    with pytest.raises(InvalidRequest) as caught:
        sweep.compare(failed, 1 + failed % 3)
    assert numbers(caught.value.fields["which"]) == [1, 2, failed]


def test_a_comparison_needs_two_videos(client: Client) -> None:
    """Without two videos it is an error that lists the requested cells, at most twelve."""
    sweep = small_sweep(client, seed=range(1, 16))
    for which, expected in (
        ((), []),
        ((1, 2, 3, 4), [4, 4, 1, 2, 3, 4]),
        (sweep.cells, [15, 15, *range(1, 13), 3]),
    ):
        with pytest.raises(InvalidRequest) as caught:
            sweep.compare(*which)
        assert numbers(caught.value.fields["which"]) == expected


def test_a_timeline_has_a_line_for_each_job(finished_sweep: Sweep) -> None:
    """The timeline of a sweep has the events of each cell with a job, under the caption of the cell."""
    timeline = finished_sweep.plot_timeline()
    captions = [cell.caption for cell in finished_sweep.cells if not cell.violations]
    assert [caption for caption, _ in timeline.rows] == captions
    ends = [events[-1].state for _, events in timeline.rows]
    assert sorted(ends) == [JobState.DONE] * 5 + [JobState.FAILED]


def test_a_timeline_needs_a_job(client: Client) -> None:
    """Before the first run there is nothing to show, which is an error."""
    with pytest.raises(InvalidRequest) as caught:
        small_sweep(client, seed=[1]).plot_timeline()
    assert set(caught.value.fields) == {"cells"}
