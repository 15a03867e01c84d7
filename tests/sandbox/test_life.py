"""From QUEUED to the end, as the list and the single video show it."""

import pytest

from pixverse_nb.sandbox import Account
from tests.sandbox.guest import CANNED_FILM, Guest


def test_queued_row_says_final(guest: Guest) -> None:
    """The documented quirk: a queued row has status 5 and video_status_final true; a switch mends it."""
    video_id = guest.create()
    row = guest.row(video_id)
    assert (row["video_status"], row["video_status_name"], row["video_status_final"]) == (5, "QUEUED", True)
    assert set(row["queue_data"]) == {"queue_time", "queue_count"}
    assert row["url"] == ""
    guest.control.switches.queued_is_final = False
    assert guest.row(video_id)["video_status_final"] is False


def test_generating_row_has_a_url_without_a_film(guest: Guest) -> None:
    """A row that generates has status 9 or 10 and a url, behind which nothing is served yet."""
    video_id = guest.create()
    guest.control.advance(10)
    row = guest.row(video_id)
    assert row["video_status"] in (9, 10)
    assert (row["video_status_name"], row["video_status_final"]) == ("GENERATING", False)
    assert row["url"].endswith("_seed0.mp4")
    assert guest.film(video_id).status_code == 404


def test_both_generating_numbers_occur(guest: Guest) -> None:
    """Some jobs generate with status 9, others with 10."""
    for _ in range(3):
        guest.create()
    guest.control.advance(10)
    assert {row["video_status"] for row in guest.rows()} == {9, 10}


def test_completed_row_has_its_film_and_no_width(guest: Guest) -> None:
    """A completed v3.5 row has status 1, final true and output_width 0, and its film is served."""
    video_id = guest.create()
    guest.control.advance(80)
    row = guest.row(video_id)
    assert (row["video_status"], row["video_status_name"], row["video_status_final"]) == (1, "COMPLETED", True)
    assert (row["output_width"], row["output_height"]) == (0, 0)
    assert guest.film(video_id).content == CANNED_FILM


def test_single_video_is_404_while_it_is_made(guest: Guest) -> None:
    """GET /videos/<id> is 404 while queued and generating, and the row itself once it has ended."""
    video_id = guest.create()
    assert guest.call("GET", f"/videos/{video_id}").status_code == 404
    guest.control.advance(10)
    assert guest.call("GET", f"/videos/{video_id}").status_code == 404
    guest.control.advance(70)
    assert guest.call("GET", f"/videos/{video_id}").json() == guest.row(video_id)
    assert guest.call("GET", f"/videos/{video_id}/").status_code == 200


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("place", ["videos", "scheduler"])
def test_encoded_id_is_refused(guest: Guest, method: str, place: str) -> None:
    """An id whose : or @ came percent-encoded is a 400, in capitals or not."""
    if (method, place) == ("GET", "scheduler"):
        method = "DELETE"
    video_id = guest.create()
    guest.control.advance(80 if place == "videos" else 0)
    for wrong in (video_id.replace("@", "%40"), video_id.replace(":", "%3a")):
        assert guest.call(method, f"/{place}/{wrong}").status_code == 400
    assert guest.call(method, f"/{place}/{video_id}").status_code == 200


def test_unknown_id_is_404(guest: Guest) -> None:
    """Another number, another account and rubbish are all 404."""
    video_id = guest.create()
    guest.control.advance(80)
    for wrong in (video_id + "1", video_id.replace("sandbox@", "other@"), "rubbish", "x:" + "9" * 5000):
        assert guest.call("GET", f"/videos/{wrong}").status_code == 404


def test_deleted_video_is_gone(guest: Guest) -> None:
    """A deleted video has no row and a 404; the audit still knows its payment."""
    video_id = guest.create()
    guest.control.advance(80)
    assert guest.call("DELETE", f"/videos/{video_id}").status_code == 200
    assert guest.rows() == []
    assert guest.call("GET", f"/videos/{video_id}").status_code == 404
    assert guest.call("DELETE", f"/videos/{video_id}").status_code == 404
    assert [one.video_id for one in guest.control.generations] == [video_id]


@pytest.mark.parametrize(
    ("mark", "number", "name", "left"),
    [("[[failed]]", 8, "FAILED", 60), ("[[moderated-later]]", 7, "MODERATED", 0)],
)
def test_marked_prompts_end_badly(guest: Guest, mark: str, number: int, name: str, left: int) -> None:
    """A marker in the prompt lets a job end as FAILED, or as MODERATED with its credits given back."""
    before = guest.control.balance()
    video_id = guest.create(prompt=f"a cat {mark}")
    guest.control.advance(80)
    row = guest.row(video_id)
    assert (row["video_status"], row["video_status_name"], row["video_status_final"]) == (number, name, True)
    assert before - guest.control.balance() == left
    assert guest.film(video_id).status_code == 404


def test_jobs_are_ended_by_hand(guest: Guest) -> None:
    """Control can fail, moderate and release single jobs."""
    failed, moderated, stuck = guest.create(), guest.create(), guest.create(prompt="[[stuck]]")
    guest.control.fail(failed)
    guest.control.moderate(moderated)
    guest.control.advance(5000)
    assert [guest.row(one)["video_status"] for one in (failed, moderated)] == [8, 7]
    assert guest.row(stuck)["video_status"] in (9, 10)
    guest.control.release(stuck)
    assert guest.row(stuck)["video_status"] == 1
    with pytest.raises(ValueError, match="open job"):
        guest.control.fail(stuck)


def test_failed_credits_come_back_by_a_switch(guest: Guest) -> None:
    """Whether a failed job is refunded is not documented: the default is no, a switch says yes."""
    before = guest.control.balance()
    guest.control.fail(guest.create())
    assert guest.control.balance() == before - 60
    guest.control.switches.refund_failed = True
    guest.control.fail(guest.create())
    assert guest.control.balance() == before - 60


def test_life_follows_the_seed(guest: Guest) -> None:
    """The same seed takes the same time: 41 to 73 s for 5 s of 720p, and seeds differ."""
    same = [guest.create(seed=7), guest.create(seed=7), guest.create(seed=8)]
    works = [guest.box._stage.world.find(one) for one in same]
    lives = [work.due_at - work.created_at for work in works if work is not None]
    assert lives[0] == lives[1] != lives[2]
    assert all(41 <= life <= 73 for life in lives)


def test_parallel_limit_keeps_jobs_in_the_queue(guest: Guest) -> None:
    """With room for one at a time the next job waits as QUEUED and knows how many are before it."""
    guest.control.switches.parallel = 1
    ids = [guest.create() for _ in range(3)]
    guest.control.advance(20)
    assert [guest.row(one)["video_status_name"] for one in ids] == ["GENERATING", "QUEUED", "QUEUED"]
    assert guest.row(ids[2])["queue_data"]["queue_count"] == 1
    guest.control.advance(75)
    assert [guest.row(one)["video_status_name"] for one in ids] == ["COMPLETED", "GENERATING", "QUEUED"]
    guest.control.advance(75)
    guest.control.advance(75)
    assert {guest.row(one)["video_status_name"] for one in ids} == {"COMPLETED"}


def test_list_is_newest_first_in_pages(guest: Guest) -> None:
    """`limit` and `offset` cut pages, an offset may be a video id, 40 rows come by default."""
    guest.control.add_account(Account("sandbox@example.com", max_jobs=100, plan_jobs=100))
    path = guest.upload()
    ids = [guest.create(first_frame_path=path) for _ in range(42)][::-1]
    assert [row["video_id"] for row in guest.rows()] == ids[:40]
    assert [row["video_id"] for row in guest.rows("?limit=2&offset=40")] == ids[40:]
    assert [row["video_id"] for row in guest.rows(f"?limit=1&offset={ids[5]}")] == [ids[5]]
    for wrong in ("limit=0", "limit=x", "offset=-1"):
        assert guest.call("GET", f"/videos/?{wrong}").status_code == 400


def test_row_shows_what_the_vendor_lists(guest: Guest) -> None:
    """A row holds every documented field, and the pictures as urls of the media host."""
    row = guest.row(guest.create())
    names = (
        "video_id video_status video_status_name video_status_final account_id created_at first_frame last_frame "
        "output_width output_height original_video_id upscaled prompt model negative_prompt quality motion_mode "
        "asset_id seed likes queue_data video_duration extended lip_sync url img_id img_url duration remove_watermark "
        "nick_name avatar aspect_ratio camera_movement style template_id template_name workflow_tag "
        "customer_paths off_peak"
    )
    assert set(row) == set(names.split())
    assert "/media/upload%2F" in row["first_frame"]
    assert row["created_at"].endswith("Z")


def test_rows_echo_the_reference_by_a_switch(guest: Guest) -> None:
    """Rows do not echo replyRef unless the switch says so."""
    video_id = guest.create(replyRef="mine")
    assert "replyRef" not in guest.row(video_id)
    guest.control.switches.reply_ref_in_rows = True
    assert guest.row(video_id)["replyRef"] == "mine"


def test_lists_are_per_account(pair: Guest) -> None:
    """With several accounts a list must name one, and shows only its jobs."""
    video_id = pair.create(email="one@example.com")
    assert pair.call("GET", "/videos/").status_code == 400
    assert [row["video_id"] for row in pair.rows("?email=one%40example.com")] == [video_id]
    assert pair.rows("?email=two@example.com") == []
    assert pair.call("GET", "/videos/?email=three@example.com").status_code == 404


def test_film_that_cannot_be_made_fails_the_job(guest: Guest) -> None:
    """A renderer's error ends the one job as FAILED, with a note."""
    path = guest.upload()
    (guest.box._stage.folder / path).unlink()
    video_id = guest.create(first_frame_path=path)
    guest.control.advance(80)
    assert guest.row(video_id)["video_status"] == 8
    assert "FileNotFoundError" in guest.control.notes[0]
