"""Each fault, struck once: what the guest sees, and what the sandbox did behind it."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pixverse_nb.sandbox.faults import KINDS, Faults
from tests.sandbox.guest import CANNED_FILM, PATIENCE_S, Guest


def test_lost_answer_was_accepted(guest: Guest) -> None:
    """lost_answer: the connection ends without an answer, and the job is there, paid."""
    guest.control.arm("lost_answer", route="create-frames-v3")
    with pytest.raises(httpx.RemoteProtocolError):
        guest.post(replyRef="mine")
    assert [one.reply_ref for one in guest.control.generations] == ["mine"]
    assert len(guest.rows()) == 1
    assert guest.control.faults == []


def test_refused_call_has_no_lost_answer(guest: Guest) -> None:
    """lost_answer waits for a call that is accepted: a refusal is answered."""
    guest.control.arm("lost_answer")
    assert guest.post(seed=0).status_code == 400
    assert len(guest.control.faults) == 1


def test_drop_before_accepts_nothing(guest: Guest) -> None:
    """drop_before: the connection ends and nothing was done."""
    body = guest.frames()
    guest.control.arm("drop_before", route="create*")
    with pytest.raises(httpx.TransportError):
        guest.call("POST", "/videos/create-frames-v3", json=body)
    assert guest.control.generations == []


def test_accept_lag_accepts_after_the_drop(guest: Guest) -> None:
    """accept_lag: the connection ends at once, and the call is carried out later, multipart too."""
    fields = {name: (None, value) for name, value in guest.frames(replyRef="mine").items()}
    guest.control.arm("accept_lag", lag_s=20)
    with pytest.raises(httpx.RemoteProtocolError):
        guest.call("POST", "/videos/create-frames-v3", files=fields)
    guest.control.advance(19)
    assert guest.control.generations == []
    guest.control.advance(2)
    assert [one.reply_ref for one in guest.control.generations] == ["mine"]


def test_accept_lag_hides_a_refusal(guest: Guest) -> None:
    """accept_lag: a call that is refused in the end leaves nothing behind."""
    body = guest.frames(seed=0)
    guest.control.arm("accept_lag", lag_s=5)
    with pytest.raises(httpx.RemoteProtocolError):
        guest.call("POST", "/videos/create-frames-v3", json=body)
    guest.control.advance(10)
    assert guest.control.generations == []


def test_late_answer_outlasts_the_callers_patience(guest: Guest) -> None:
    """late_answer: the job is accepted at once, and no answer has come when the caller gives up."""
    body = guest.frames()
    before = guest.control.now()
    guest.control.arm("late_answer", delay_s=90)
    with pytest.raises(httpx.ReadTimeout):
        guest.call("POST", "/videos/create-frames-v3", json=body, timeout=httpx.Timeout(PATIENCE_S, read=0.05))
    guest.accepts(1)
    assert guest.control.now() == before


def test_late_answer_comes(guest: Guest) -> None:
    """late_answer: once its seconds have passed the answer is the usual one."""
    guest.control.arm("late_answer", delay_s=0.5)
    guest.control.speed = 100
    assert guest.post().status_code == 200


@pytest.mark.parametrize(("fault", "accepted"), [("error_before", 0), ("error_after", 1)])
def test_server_errors(guest: Guest, fault: str, accepted: int) -> None:
    """error_before answers 5xx and did nothing; error_after answers 5xx and did it."""
    body = guest.frames()
    guest.control.arm(fault, route="create*", status=503)
    answer = guest.call("POST", "/videos/create-frames-v3", json=body)
    assert (answer.status_code, len(guest.control.generations)) == (503, accepted)


@pytest.mark.parametrize("accepted", [False, True])
def test_proxy_answers_html(guest: Guest, accepted: bool) -> None:
    """html_error: a proxy's page in place of JSON, after a call that was carried out or not."""
    body = guest.frames()
    guest.control.arm("html_error", route="create*", accepted=accepted)
    answer = guest.call("POST", "/videos/create-frames-v3", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert len(guest.control.generations) == int(accepted)


@pytest.mark.parametrize(
    ("kind", "word"), [("plan", "Reached the limit"), ("all", "All configured"), ("account", "is busy executing 8")]
)
@pytest.mark.parametrize("retry_after_s", [None, 7])
def test_busy(guest: Guest, kind: str, word: str, retry_after_s: int | None) -> None:
    """busy: a 429 with each of the vendor's sentences, with and without Retry-After."""
    body = guest.frames()
    guest.control.arm("busy", kind=kind, retry_after_s=retry_after_s)
    answer = guest.call("POST", "/videos/create-frames-v3", json=body)
    assert answer.status_code == 429
    assert word in answer.json()["error"]
    assert answer.headers.get("retry-after") == (str(retry_after_s) if retry_after_s else None)


@pytest.mark.parametrize("accepted", [False, True])
def test_answer_without_video_id(guest: Guest, accepted: bool) -> None:
    """no_video_id: a 200 that names no job, whether there is one or not."""
    guest.control.arm("no_video_id", accepted=accepted)
    answer = guest.post()
    assert (answer.status_code, "video_id" in answer.json()) == (200, False)
    assert len(guest.control.generations) == int(accepted)


def test_list_lag_hides_the_new_job(guest: Guest) -> None:
    """list_lag: a new job is missing from the list and the scheduler until its time."""
    guest.control.arm("list_lag", lag_s=30)
    guest.create()
    guest.control.advance(29)
    assert (guest.rows(), guest.call("GET", "/scheduler/").json()) == ([], [])
    guest.control.advance(2)
    assert (len(guest.rows()), len(guest.call("GET", "/scheduler/").json())) == (1, 1)


@pytest.mark.parametrize(("fault", "numbers"), [("failed", {8}), ("moderated", {7}), ("stuck", {9, 10})])
def test_bad_ends(guest: Guest, fault: str, numbers: set[int]) -> None:
    """failed, moderated and stuck decide how the next job ends, whatever its prompt."""
    guest.control.arm(fault)
    video_id = guest.create()
    guest.control.advance(5000)
    assert guest.row(video_id)["video_status"] in numbers
    assert guest.row(video_id)["video_status_final"] is (fault != "stuck")


def test_finished_row_with_error_code(guest: Guest) -> None:
    """error_code: the row ends with status 1 and an errCode, and has none before."""
    guest.control.arm("error_code", code=500063)
    video_id = guest.create()
    assert "errCode" not in guest.row(video_id)
    guest.control.advance(80)
    assert (guest.row(video_id)["video_status"], guest.row(video_id)["errCode"]) == (1, 500063)


def test_shuffled_list(guest: Guest) -> None:
    """list_shuffled: all rows, in another order, once."""
    ids = [guest.create() for _ in range(6)][::-1]
    guest.control.arm("list_shuffled")
    shuffled = [row["video_id"] for row in guest.rows()]
    assert shuffled != ids
    assert sorted(shuffled, reverse=True) == ids
    assert [row["video_id"] for row in guest.rows()] == ids


def test_missing_fields(guest: Guest) -> None:
    """missing_fields: the named fields are left out of every row, of the list and of the single video."""
    video_id = guest.create()
    guest.control.advance(80)
    guest.control.arm("missing_fields", times=2, fields=["url", "video_status_name"])
    whole = guest.call("GET", f"/videos/{video_id}").json()
    (row,) = guest.rows()
    assert not {"url", "video_status_name"} & (set(row) | set(whole))
    assert row["video_status"] == 1


def test_changed_fields(guest: Guest) -> None:
    """changed_fields: the named fields show other values, in every row that has them."""
    guest.create()
    guest.control.arm("changed_fields", values={"quality": "720P", "mood": "good"})
    (row,) = guest.rows()
    assert (row["quality"], "mood" in row) == ("720P", False)
    (row,) = guest.rows()
    assert row["quality"] != "720P"


def test_unknown_status(guest: Guest) -> None:
    """unknown_status: open rows carry a number and a name that no page knows; finished ones do not."""
    done = guest.create()
    guest.control.advance(80)
    guest.create()
    guest.control.arm("unknown_status", status=17, name="HOLDING")
    rows = guest.rows()
    assert [(row["video_status"], row["video_status_name"]) for row in rows] == [(17, "HOLDING"), (1, "COMPLETED")]
    assert rows[1]["video_id"] == done


def test_upload_with_an_error_message(guest: Guest) -> None:
    """upload_err_msg: a 200 whose entry says that the upload failed; nothing is stored."""
    guest.control.arm("upload_err_msg", text="try again")
    with pytest.raises(AssertionError):  # the guest finds no path of an upload
        assert guest.upload()
    assert guest.post(first_frame_path="").status_code == 400


def test_account_vanishes(guest: Guest) -> None:
    """account_gone: the account is not there any more, for this call and all later ones."""
    body = guest.frames()
    guest.control.arm("account_gone", route="create*")
    assert guest.call("POST", "/videos/create-frames-v3", json=body).status_code == 404
    assert guest.call("GET", "/accounts").status_code == 404


@pytest.fixture
def finished(guest: Guest) -> str:
    """Give the video_id of a finished job of `guest`."""
    video_id = guest.create()
    guest.control.advance(80)
    return video_id


@pytest.mark.parametrize("status", [403, 404, 500])
def test_media_status(guest: Guest, finished: str, status: int) -> None:
    """media_status: the media host refuses once."""
    guest.control.arm("media_status", status=status)
    assert guest.film(finished).status_code == status
    assert guest.film(finished).status_code == 200


def test_truncated_media(guest: Guest, finished: str) -> None:
    """truncated_media: the whole length is announced, and the connection ends before."""
    guest.control.arm("truncated_media", fraction=0.25)
    with guest.http.stream("GET", guest.row(finished)["url"]) as answer:
        assert int(answer.headers["content-length"]) == len(CANNED_FILM)
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()


def test_length_below_the_film(guest: Guest, finished: str) -> None:
    """wrong_length below 0: a shorter film that looks whole to HTTP."""
    guest.control.arm("wrong_length", delta=-1000)
    answer = guest.film(finished)
    assert (answer.status_code, answer.content) == (200, CANNED_FILM[:-1000])


def test_length_above_the_film(guest: Guest, finished: str) -> None:
    """wrong_length above 0: the whole film comes, and HTTP waits for more in vain."""
    guest.control.arm("wrong_length", delta=5)
    with pytest.raises(httpx.RemoteProtocolError):
        guest.film(finished)


def test_garbage_media(guest: Guest, finished: str) -> None:
    """garbage_media: a 200 video/mp4 that is none."""
    guest.control.arm("garbage_media")
    answer = guest.film(finished)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    assert b"ftyp" not in answer.content


def test_slow_media(guest: Guest, finished: str) -> None:
    """slow_media: the film comes whole, in pieces over the given seconds."""
    guest.control.arm("slow_media", delay_s=1)
    guest.control.speed = 100
    assert guest.film(finished).content == CANNED_FILM


def test_dropped_media(guest: Guest, finished: str) -> None:
    """drop_before also strikes the media host."""
    url = guest.row(finished)["url"]
    guest.control.arm("drop_before", route="media")
    with pytest.raises(httpx.TransportError):
        guest.http.get(url)


def test_route_decides_where(guest: Guest) -> None:
    """A fault strikes its own route only, and as often as it was armed for."""
    armed = guest.control.arm("error_before", times=2, route="features")
    assert len(guest.rows()) == 0
    assert [guest.call("GET", "/features").status_code for _ in range(3)] == [500, 500, 200]
    assert armed.struck == 2


def test_disarming(guest: Guest) -> None:
    """One fault or all are taken away again."""
    first = guest.control.arm("busy", times=None)
    guest.control.arm("failed", times=None)
    guest.control.disarm(first.id)
    assert [one.fault for one in guest.control.faults] == ["failed"]
    guest.control.disarm()
    assert guest.control.faults == []


def test_probability_is_drawn_from_a_seed() -> None:
    """A probability of 0.3 strikes about three times in ten, the same calls in every run."""

    def struck() -> list[bool]:
        faults = Faults(seed=5)
        faults.arm("lost_answer", times=None, probability=0.3)
        return [faults.strike("lost_answer", "create-v3") is not None for _ in range(1000)]

    assert struck() == struck()
    assert 250 < sum(struck()) < 350


@pytest.mark.parametrize(
    ("arm", "word"),
    [
        (lambda faults: faults.arm("flood"), "lost_answer"),
        (lambda faults: faults.arm("list_lag", seconds=3), "lag_s"),
        (lambda faults: faults.arm("failed", probability=2), "0…1"),
    ],
)
def test_unknown_faults_are_named(arm: Callable[[Faults], Any], word: str) -> None:
    """A fault, an option or a probability that does not exist is an error that names what there is."""
    with pytest.raises(ValueError, match=word):
        arm(Faults())


def test_every_fault_is_described() -> None:
    """Each kind says in a phrase what it does."""
    assert all(kind.does and kind.route for kind in KINDS.values())
