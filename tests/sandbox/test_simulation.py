"""The states of a job, from QUEUED to its end."""

import threading

import pytest

from pixverse_nb.sandbox import Sandbox
from tests.backends.sample_replies import MODERATED
from tests.sandbox.api_client import CANNED_VIDEO, ApiClient
from tests.sandbox.conftest import HeldRenderer


def test_queued_row_is_final(api: ApiClient) -> None:
    """A queued row has status 5 and video_status_final true, as documented, unless the setting says otherwise."""
    video_id = api.create()
    row = api.row(video_id)
    assert (row["video_status"], row["video_status_name"], row["video_status_final"]) == (5, "QUEUED", True)
    assert set(row["queue_data"]) == {"queue_time", "queue_count"}
    assert row["url"] == ""
    api.control.settings.queued_is_final = False
    assert api.row(video_id)["video_status_final"] is False


def test_generating_row_has_a_url_without_a_video(api: ApiClient) -> None:
    """A generating row has status 9 or 10 and a URL that returns 404."""
    video_id = api.create()
    api.control.advance(10)
    row = api.row(video_id)
    assert row["video_status"] in (9, 10)
    assert (row["video_status_name"], row["video_status_final"]) == ("GENERATING", False)
    assert row["url"].endswith("_seed0.mp4")
    assert api.get_video(video_id).status_code == 404


def test_completed_row_has_its_video_and_no_width(api: ApiClient) -> None:
    """A completed v3.5 row has status 1, final true and output_width 0, and its video is served."""
    video_id = api.create()
    api.control.advance(80)
    row = api.row(video_id)
    assert (row["video_status"], row["video_status_name"], row["video_status_final"]) == (1, "COMPLETED", True)
    assert (row["output_width"], row["output_height"]) == (0, 0)
    assert api.get_video(video_id).content == CANNED_VIDEO


@pytest.mark.parametrize(
    ("mark", "number", "name", "left"),
    [("[[failed]]", 8, "FAILED", 60), ("[[moderated-later]]", 7, "MODERATED", 0)],
)
def test_markers_in_the_prompt(api: ApiClient, mark: str, number: int, name: str, left: int) -> None:
    """A marker in the prompt makes a job FAILED, or MODERATED with a refund."""
    before = api.control.balance()
    video_id = api.create(prompt=f"a cat {mark}")
    api.control.advance(80)
    row = api.row(video_id)
    assert (row["video_status"], row["video_status_name"], row["video_status_final"]) == (number, name, True)
    assert before - api.control.balance() == left
    assert api.get_video(video_id).status_code == 404


def test_refused_prompt_is_422(api: ApiClient) -> None:
    """The marker [[moderated]] in a prompt returns 422 with the vendor's message, uncharged."""
    answer = api.post_create(prompt="[[moderated]]")
    assert answer.status_code == 422
    assert answer.json()["error"] == MODERATED
    assert api.control.generations == []


def test_control_ends_jobs(api: ApiClient) -> None:
    """`control` can fail, moderate and release single jobs."""
    failed, moderated, stuck = api.create(), api.create(), api.create(prompt="[[stuck]]")
    api.control.fail(failed)
    api.control.moderate(moderated)
    api.control.advance(5000)
    assert [api.row(one)["video_status"] for one in (failed, moderated)] == [8, 7]
    assert api.row(stuck)["video_status"] in (9, 10)
    api.control.release(stuck)
    assert api.row(stuck)["video_status"] == 1
    for ended in (failed, moderated, stuck):
        for change in (api.control.fail, api.control.release):
            with pytest.raises(ValueError, match="video_id"):
                change(ended)
    assert [api.row(one)["video_status"] for one in (failed, moderated, stuck)] == [8, 7, 1]


def test_refund_of_failed_jobs(api: ApiClient) -> None:
    """A failed job is refunded only if the setting says so."""
    before = api.control.balance()
    api.control.fail(api.create())
    assert api.control.balance() == before - 60
    api.control.settings.refund_failed = True
    api.control.fail(api.create())
    assert api.control.balance() == before - 60


def test_seed_decides_the_duration(api: ApiClient) -> None:
    """The same seed takes the same time, 41 to 73 s for 5 s in 720p; seeds differ."""
    same = [api.create(seed=7), api.create(seed=7), api.create(seed=8)]
    jobs = [api.box._simulator.state.find_job(one) for one in same]
    durations = [job.due_at - job.created_at for job in jobs if job is not None]
    assert durations[0] == durations[1] != durations[2]
    assert all(41 <= duration <= 73 for duration in durations)


def test_parallel_limit_keeps_jobs_in_the_queue(api: ApiClient) -> None:
    """With `parallel` 1 the next job stays QUEUED, and its row counts the jobs before it."""
    api.control.settings.parallel = 1
    ids = [api.create() for _ in range(3)]
    api.control.advance(20)
    assert [api.row(one)["video_status_name"] for one in ids] == ["GENERATING", "QUEUED", "QUEUED"]
    assert api.row(ids[2])["queue_data"]["queue_count"] == 1
    api.control.advance(75)
    assert [api.row(one)["video_status_name"] for one in ids] == ["COMPLETED", "GENERATING", "QUEUED"]
    api.control.advance(75)
    api.control.advance(75)
    assert {api.row(one)["video_status_name"] for one in ids} == {"COMPLETED"}


def test_render_error_fails_the_job(api: ApiClient) -> None:
    """An error in the renderer ends only that job as FAILED and is logged."""
    path = api.upload()
    (api.box._simulator.folder / path).unlink()
    video_id = api.create(first_frame_path=path)
    api.control.advance(80)
    assert api.row(video_id)["video_status"] == 8
    assert [entry.kind for entry in api.control.log] == ["render_failed"]


def test_job_completes_when_its_video_is_rendered(held_renderer: HeldRenderer) -> None:
    """A job that is due stays GENERATING until its video has been rendered."""
    begun, released, render = held_renderer
    with Sandbox(speed=0, render=render) as box:
        api = ApiClient(box)
        with api.http:
            video_id = api.create()
            waiting = threading.Thread(target=api.control.advance, args=(80,))
            waiting.start()
            assert begun.wait(60)
            assert api.row(video_id)["video_status"] in (9, 10)
            released.set()
            waiting.join()
            assert api.row(video_id)["video_status"] == 1
