"""Jobs, videos and sweeps behave as Python objects do: sequences, rows of a table, arguments of each other."""

import dataclasses
from pathlib import Path

import pytest

from pixverse_nb.client import Client
from pixverse_nb.errors import FileExists, InvalidCall, InvalidRequest, PixVerseError, UnknownItem
from pixverse_nb.widgets.gallery import gallery
from tests.client.harness import create_job, wait_for_video
from tests.sweep.small_sweeps import run, small_sweep


def test_a_sweep_is_a_sequence_of_its_cells(client: Client) -> None:
    """Length, places, slices, captions and iteration; a table works before the first run."""
    sweep = small_sweep(client, seed=[1, 2, 3])
    assert len(sweep) == 3
    assert [cell.seed for cell in sweep] == [1, 2, 3]
    assert sweep[-1] is sweep["seed 3"]
    assert len(sweep[:2]) == 2
    assert len(sweep.to_frame()) == 3
    with pytest.raises(UnknownItem):
        sweep["sed 3"]
    with pytest.raises(IndexError):
        sweep[3]
    assert [cell.video is not None for cell in run(sweep)] == [True] * 3


def test_a_job_and_its_video_are_accepted_and_private(client: Client, tmp_path: Path) -> None:
    """A job stands for its ref and its video; a row of either has no account in it."""
    job = create_job(client).wait()
    video = wait_for_video(job)
    assert (job.done, job.progress, job.seed, video.seed) == (True, 1.0, 7, 7)
    assert client.job(job) is job
    assert client.export(tmp_path / "a.zip", [job]).jobs == 1
    with pytest.raises(FileExists):
        client.export(tmp_path / "a.zip", [job])
    assert len(gallery([job, video]).tiles) == 2
    assert len(client.jobs(state="done").to_frame()) == 1
    assert client.jobs(state="failed").to_frame().empty
    texts = [repr(empty) for empty in (client.jobs(state="failed"), client.adopt_all(), client.reconcile())]
    assert len(set(texts)) == 3, "each says what there is none of"
    assert "video_id" not in dataclasses.asdict(video)


def test_a_misspelled_argument_is_named(client: Client) -> None:
    """An unknown name is an InvalidCall, which is a TypeError and a PixVerseError; so is an unknown state."""
    with pytest.raises(InvalidCall) as caught:
        client.create_frames("a.jpg", "b.jpg", sed=7)  # type: ignore[call-arg]
    assert caught.value.fields.keys() == {"sed"}
    assert isinstance(caught.value, TypeError | PixVerseError)
    with pytest.raises(InvalidRequest):
        client.jobs(state="faild")
