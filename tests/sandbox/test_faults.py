"""Each fault: what the client sees, and what the sandbox did."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pixverse_nb.sandbox.faults import KINDS, FaultInjector
from tests.backends.sample_replies import ALL_BUSY, PLAN_BUSY, account_busy
from tests.sandbox.api_client import CANNED_VIDEO, TIMEOUT_S, ApiClient


def test_lost_answer_was_accepted(api: ApiClient) -> None:
    """lost_answer: the connection closes without an answer, but the job exists and is charged."""
    api.control.arm("lost_answer", route="create-frames-v3")
    with pytest.raises(httpx.RemoteProtocolError):
        api.post_create(replyRef="mine")
    assert [one.reply_ref for one in api.control.generations] == ["mine"]
    assert len(api.rows()) == 1
    assert api.control.faults == []


def test_refused_call_does_not_use_up_lost_answer(api: ApiClient) -> None:
    """lost_answer fires only for a call that is accepted."""
    api.control.arm("lost_answer")
    assert api.post_create(seed=0).status_code == 400
    assert len(api.control.faults) == 1


def test_drop_before_accepts_nothing(api: ApiClient) -> None:
    """drop_before: the connection closes and nothing is accepted."""
    body = api.create_body()
    api.control.arm("drop_before", route="create*")
    with pytest.raises(httpx.TransportError):
        api.call("POST", "/videos/create-frames-v3", json=body)
    assert api.control.generations == []


def test_accept_lag_executes_later(api: ApiClient) -> None:
    """accept_lag: the connection closes at once, and the call (also multipart) is executed later."""
    fields = {name: (None, value) for name, value in api.create_body(replyRef="mine").items()}
    api.control.arm("accept_lag", lag_s=20)
    with pytest.raises(httpx.RemoteProtocolError):
        api.call("POST", "/videos/create-frames-v3", files=fields)
    api.control.advance(19)
    assert api.control.generations == []
    api.control.advance(2)
    assert [one.reply_ref for one in api.control.generations] == ["mine"]


def test_accept_lag_hides_a_refusal(api: ApiClient) -> None:
    """accept_lag: a call that is refused later leaves nothing behind."""
    body = api.create_body(seed=0)
    api.control.arm("accept_lag", lag_s=5)
    with pytest.raises(httpx.RemoteProtocolError):
        api.call("POST", "/videos/create-frames-v3", json=body)
    api.control.advance(10)
    assert api.control.generations == []


def test_late_answer_after_the_timeout(api: ApiClient) -> None:
    """late_answer: the job is accepted at once, but the answer comes after the client's timeout."""
    body = api.create_body()
    before = api.control.now()
    api.control.arm("late_answer", delay_s=90)
    with pytest.raises(httpx.ReadTimeout):
        api.call("POST", "/videos/create-frames-v3", json=body, timeout=httpx.Timeout(TIMEOUT_S, read=0.05))
    api.wait_for_generations(1)
    assert api.control.now() == before


def test_late_answer_comes(api: ApiClient) -> None:
    """late_answer: the usual answer comes after the delay."""
    api.control.arm("late_answer", delay_s=0.5)
    api.control.speed = 100
    assert api.post_create().status_code == 200


@pytest.mark.parametrize(("fault", "accepted"), [("error_before", 0), ("error_after", 1)])
def test_server_errors(api: ApiClient, fault: str, accepted: int) -> None:
    """error_before returns 5xx without executing the call, error_after after executing it."""
    body = api.create_body()
    api.control.arm(fault, route="create*", status=503)
    answer = api.call("POST", "/videos/create-frames-v3", json=body)
    assert (answer.status_code, len(api.control.generations)) == (503, accepted)


@pytest.mark.parametrize("accepted", [False, True])
def test_proxy_answers_html(api: ApiClient, accepted: bool) -> None:
    """html_error: a proxy's HTML page, with or without executing the call."""
    body = api.create_body()
    api.control.arm("html_error", route="create*", accepted=accepted)
    answer = api.call("POST", "/videos/create-frames-v3", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert len(api.control.generations) == int(accepted)


@pytest.mark.parametrize(
    ("kind", "text"), [("plan", PLAN_BUSY), ("all", ALL_BUSY), ("account", account_busy("sandbox@example.com", 8))]
)
@pytest.mark.parametrize("retry_after_s", [None, 7])
def test_busy(api: ApiClient, kind: str, text: str, retry_after_s: int | None) -> None:
    """busy: a 429 with each of the vendor's messages, with and without Retry-After."""
    body = api.create_body()
    api.control.arm("busy", kind=kind, retry_after_s=retry_after_s)
    answer = api.call("POST", "/videos/create-frames-v3", json=body)
    assert answer.status_code == 429
    assert answer.json()["error"] == text
    assert answer.headers.get("retry-after") == (str(retry_after_s) if retry_after_s else None)


@pytest.mark.parametrize("accepted", [False, True])
def test_answer_without_video_id(api: ApiClient, accepted: bool) -> None:
    """no_video_id: a 200 without video_id, with or without executing the call."""
    api.control.arm("no_video_id", accepted=accepted)
    answer = api.post_create()
    assert (answer.status_code, "video_id" in answer.json()) == (200, False)
    assert len(api.control.generations) == int(accepted)


def test_list_lag_hides_the_new_job(api: ApiClient) -> None:
    """list_lag: a new job is missing from the list and the scheduler until the lag has passed."""
    api.control.arm("list_lag", lag_s=30)
    api.create()
    api.control.advance(29)
    assert (api.rows(), api.call("GET", "/scheduler/").json()) == ([], [])
    api.control.advance(2)
    assert (len(api.rows()), len(api.call("GET", "/scheduler/").json())) == (1, 1)


@pytest.mark.parametrize(("fault", "numbers"), [("failed", {8}), ("moderated", {7}), ("stuck", {9, 10})])
def test_job_outcomes(api: ApiClient, fault: str, numbers: set[int]) -> None:
    """failed, moderated and stuck decide how the next job ends."""
    api.control.arm(fault)
    video_id = api.create()
    api.control.advance(5000)
    assert api.row(video_id)["video_status"] in numbers
    assert api.row(video_id)["video_status_final"] is (fault != "stuck")


def test_finished_row_with_error_code(api: ApiClient) -> None:
    """error_code: the completed row has an errCode, the open one does not."""
    api.control.arm("error_code", code=500063)
    video_id = api.create()
    assert "errCode" not in api.row(video_id)
    api.control.advance(80)
    assert (api.row(video_id)["video_status"], api.row(video_id)["errCode"]) == (1, 500063)


def test_shuffled_list(api: ApiClient) -> None:
    """list_shuffled: one list has all rows in another order."""
    ids = [api.create() for _ in range(6)][::-1]
    api.control.arm("list_shuffled")
    shuffled = [row["video_id"] for row in api.rows()]
    assert shuffled != ids
    assert sorted(shuffled, reverse=True) == ids
    assert [row["video_id"] for row in api.rows()] == ids


def test_missing_fields(api: ApiClient) -> None:
    """missing_fields: the fields are missing from every row, in the list and of a single video."""
    video_id = api.create()
    api.control.advance(80)
    api.control.arm("missing_fields", times=2, fields=["url", "video_status_name"])
    whole = api.call("GET", f"/videos/{video_id}").json()
    (row,) = api.rows()
    assert not {"url", "video_status_name"} & (set(row) | set(whole))
    assert row["video_status"] == 1


def test_changed_fields(api: ApiClient) -> None:
    """changed_fields: the values replace those of every row that has the field."""
    api.create()
    api.control.arm("changed_fields", values={"quality": "720P", "mood": "good"})
    (row,) = api.rows()
    assert (row["quality"], "mood" in row) == ("720P", False)
    (row,) = api.rows()
    assert row["quality"] != "720P"


def test_unknown_status(api: ApiClient) -> None:
    """unknown_status: open rows have an unknown status, finished ones do not."""
    done = api.create()
    api.control.advance(80)
    api.create()
    api.control.arm("unknown_status", status=17, name="HOLDING")
    rows = api.rows()
    assert [(row["video_status"], row["video_status_name"]) for row in rows] == [(17, "HOLDING"), (1, "COMPLETED")]
    assert rows[1]["video_id"] == done


def test_upload_with_an_error_message(api: ApiClient) -> None:
    """upload_err_msg: a 200 whose entry has an err_msg; nothing is stored."""
    api.control.arm("upload_err_msg", text="try again")
    assert api.upload() == ""
    assert api.post_create(first_frame_path="").status_code == 400


def test_account_vanishes(api: ApiClient) -> None:
    """account_gone: the account is deleted, for this call and all later ones."""
    body = api.create_body()
    api.control.arm("account_gone", route="create*")
    assert api.call("POST", "/videos/create-frames-v3", json=body).status_code == 404
    assert api.call("GET", "/accounts").status_code == 404


@pytest.fixture
def finished(api: ApiClient) -> str:
    """Return the video_id of a finished job of `api`."""
    video_id = api.create()
    api.control.advance(80)
    return video_id


@pytest.mark.parametrize("status", [403, 404, 500])
def test_media_status(api: ApiClient, finished: str, status: int) -> None:
    """media_status: the media host returns the status once."""
    api.control.arm("media_status", status=status)
    assert api.get_video(finished).status_code == status
    assert api.get_video(finished).status_code == 200


def test_truncated_media(api: ApiClient, finished: str) -> None:
    """truncated_media: the whole length is announced, and the connection closes early."""
    api.control.arm("truncated_media", fraction=0.25)
    with api.http.stream("GET", api.row(finished)["url"]) as answer:
        assert int(answer.headers["content-length"]) == len(CANNED_VIDEO)
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()


def test_announced_length_too_small(api: ApiClient, finished: str) -> None:
    """wrong_length below 0: a shorter file that is complete as far as HTTP can tell."""
    api.control.arm("wrong_length", delta=-1000)
    answer = api.get_video(finished)
    assert (answer.status_code, answer.content) == (200, CANNED_VIDEO[:-1000])


def test_announced_length_too_large(api: ApiClient, finished: str) -> None:
    """wrong_length above 0: HTTP waits for bytes that never come."""
    api.control.arm("wrong_length", delta=5)
    with pytest.raises(httpx.RemoteProtocolError):
        api.get_video(finished)


def test_garbage_media(api: ApiClient, finished: str) -> None:
    """garbage_media: a 200 of type video/mp4 that is not a video."""
    api.control.arm("garbage_media")
    answer = api.get_video(finished)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    assert b"ftyp" not in answer.content


def test_slow_media(api: ApiClient, finished: str) -> None:
    """slow_media: the whole video arrives, in pieces over the given seconds."""
    api.control.arm("slow_media", delay_s=1)
    api.control.speed = 100
    assert api.get_video(finished).content == CANNED_VIDEO


def test_dropped_media(api: ApiClient, finished: str) -> None:
    """drop_before also applies to the media host."""
    url = api.row(finished)["url"]
    api.control.arm("drop_before", route="media")
    with pytest.raises(httpx.TransportError):
        api.http.get(url)


def test_fault_fires_only_for_its_route(api: ApiClient) -> None:
    """A fault fires only for its route, and as often as it was armed for."""
    armed = api.control.arm("error_before", times=2, route="features")
    assert len(api.rows()) == 0
    assert [api.call("GET", "/features").status_code for _ in range(3)] == [500, 500, 200]
    assert armed.times_fired == 2


def test_disarming(api: ApiClient) -> None:
    """`disarm` removes one fault or all."""
    first = api.control.arm("busy", times=None)
    api.control.arm("failed", times=None)
    api.control.disarm(first.id)
    assert [one.fault for one in api.control.faults] == ["failed"]
    api.control.disarm()
    assert api.control.faults == []


def test_probability_is_drawn_from_a_seed() -> None:
    """A probability of 0.3 fires about three times in ten, for the same calls in every run."""

    def fired() -> list[bool]:
        faults = FaultInjector(seed=5)
        faults.arm("lost_answer", times=None, probability=0.3)
        return [faults.trigger("lost_answer", "create-v3") is not None for _ in range(1000)]

    assert fired() == fired()
    assert 250 < sum(fired()) < 350


@pytest.mark.parametrize(
    ("arm", "named"),
    [
        (lambda faults: faults.arm("flood"), "lost_answer"),
        (lambda faults: faults.arm("list_lag", seconds=3), "lag_s"),
        (lambda faults: faults.arm("failed", probability=2), "0…1"),
    ],
)
def test_invalid_faults_are_refused(arm: Callable[[FaultInjector], Any], named: str) -> None:
    """An unknown fault or option, or an invalid probability, raises ValueError that names the valid ones."""
    with pytest.raises(ValueError, match=named):
        arm(FaultInjector())


def test_every_fault_is_described() -> None:
    """Every fault has a route and a description."""
    assert all(spec.description and spec.route for spec in KINDS.values())
