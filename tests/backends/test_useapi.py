"""Every endpoint: what is asked, and what is read from the vendor's replies, quirks and broken rows included."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_nb.backends import useapi
from pixverse_nb.backends.base import Call, read_reply
from pixverse_nb.domain.remote import AccountCapacity, RemoteState, RemoteVideo, UploadedFile
from pixverse_nb.errors import ServerError
from tests.backends.sample_replies import (
    ACCOUNTS,
    AVAILABLE,
    EMAIL,
    FEATURES,
    HTML,
    SCHEDULER,
    UPLOAD,
    VIDEO_ID,
    reply,
    row,
)
from tests.factories import a_request

LIST = useapi.list_videos(email=None, limit=40)


def one(value: dict[str, Any]) -> RemoteVideo:
    """Read one row as GET videos/<id> gives it."""
    return read_reply(useapi.get_video(VIDEO_ID), reply(value))


def frames_call(account: str | None = None, **changes: Any) -> Call[Any]:
    """The paid call of a request with `changes`, for an account."""
    return useapi.create_frames(
        a_request(**changes), first_path="upload/1.png", last_path="upload/2.png", reply_ref="pv-1:1", email=account
    )


# -- what is asked ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "method", "path", "query"),
    [
        (useapi.upload_picture(b"x", media_type="image/png", email=None), "POST", "/files/", {}),
        (useapi.upload_picture(b"x", media_type="image/png", email=EMAIL), "POST", "/files/", {"email": EMAIL}),
        (useapi.list_videos(email=None, limit=40), "GET", "/videos/", {"limit": "40"}),
        (
            useapi.list_videos(email=EMAIL, limit=20, offset=40),
            "GET",
            "/videos/",
            {"email": EMAIL, "limit": "20", "offset": "40"},
        ),
        (useapi.get_video(VIDEO_ID), "GET", f"/videos/{VIDEO_ID}", {}),
        (useapi.list_running(), "GET", "/scheduler/", {}),
        (useapi.get_capacity(), "GET", "/scheduler/available", {}),
        (useapi.stop_tracking(VIDEO_ID), "DELETE", f"/scheduler/{VIDEO_ID}", {}),
        (useapi.get_credits(email=None), "GET", "/features/", {}),
        (useapi.get_credits(email=EMAIL), "GET", "/features/", {"email": EMAIL}),
        (useapi.list_accounts(), "GET", "/accounts", {}),
    ],
)
def test_each_endpoint(call: Call[Any], method: str, path: str, query: dict[str, str]) -> None:
    """Method, path (the id raw in it) and query are the documented ones, and none of these calls spends."""
    assert (call.method, call.path, call.query) == (method, path, query)
    assert call.billable is False
    assert call.body is None


def test_an_upload_is_raw_bytes_with_their_type() -> None:
    """The picture is the body itself, not multipart, and Content-Type decides the kind."""
    call = useapi.upload_picture(b"\x89PNG", media_type="image/png", email=None)
    assert (call.content, call.content_type, call.body) == (b"\x89PNG", "image/png", None)


def test_the_main_call_has_every_field() -> None:
    """All that was asked for stands in the body under the vendor's names, and the call says that it spends."""
    call = frames_call(
        EMAIL,
        prompt="Hello",
        duration=8,
        quality="360p",
        motion_mode="fast",
        aspect_ratio="1:1",
        remove_watermark=False,
        email="ignored@example.org",
        reply_url="https://example.org/hook",
        reply_ref="mine",
        max_jobs=3,
    )
    assert (call.method, call.path, call.billable) == ("POST", "/videos/create-frames-v3", True)
    assert call.body == {
        "first_frame_path": "upload/1.png",
        "last_frame_path": "upload/2.png",
        "prompt": "Hello",
        "model": "v3.5",
        "duration": 8,
        "quality": "360p",
        "motion_mode": "fast",
        "aspect_ratio": "1:1",
        "seed": 42,
        "remove_watermark": False,
        "email": EMAIL,
        "replyUrl": "https://example.org/hook",
        "replyRef": "pv-1:1",
        "maxJobs": 3,
    }


def test_what_was_not_asked_for_is_not_sent() -> None:
    """Optional fields without a value are left out; the seed and our reference are always there."""
    body = frames_call().body
    assert body is not None
    assert {"prompt", "email", "replyUrl", "maxJobs"} & body.keys() == set()
    assert (body["seed"], body["replyRef"]) == (42, "pv-1:1")


def test_a_later_model_goes_to_the_newer_route() -> None:
    """Models after v3.5 use create-frames, which knows no motion mode, aspect ratio or watermark field."""
    call = frames_call(model="v4.5")
    assert call.path == "/videos/create-frames"
    assert call.billable
    assert call.body is not None
    assert {"motion_mode", "aspect_ratio", "remove_watermark"} & call.body.keys() == set()


def test_only_creating_spends() -> None:
    """Of all endpoints of the module exactly one makes calls that spend."""
    source = [name for name in vars(useapi) if not name.startswith("_")]
    assert "create_frames" in source
    assert frames_call().billable


@pytest.mark.parametrize(
    ("video_id", "account"),
    [
        (VIDEO_ID, EMAIL),
        ("user:7-pixverse:a-video:1@example.org-video:2", "a-video:1@example.org"),
        ("user:7-pixverse:-video:2", None),
        ("340000001", None),
        ("user:7-pixverse:maria@example.org", None),
        ("", None),
    ],
)
def test_the_account_inside_an_id(video_id: str, account: str | None) -> None:
    """The e-mail is read from between its marks, or there is none."""
    assert useapi.account_of(video_id) == account


# -- uploads ---------------------------------------------------------------------------------------------------------

UPLOADING = useapi.upload_picture(b"x", media_type="image/png", email=None)


def test_an_upload_gives_its_path() -> None:
    """The path is read from result[0], with the image id, the address and the size beside it."""
    entry = UPLOAD["result"][0]
    assert read_reply(UPLOADING, reply(UPLOAD)) == UploadedFile(entry["path"], 123456, entry["url"], 112233)


def test_an_upload_with_odd_neighbours_still_has_its_path() -> None:
    """A missing or strange id, address or size does not lose the path."""
    read = read_reply(UPLOADING, reply({"result": [{"path": "upload/a.png", "id": [], "url": 7, "size": "big"}]}))
    assert read == UploadedFile("upload/a.png")


@pytest.mark.parametrize(
    "value",
    [
        {"result": [{**UPLOAD["result"][0], "err_msg": "the picture is too dark"}]},
        {"result": []},
        {"result": None},
        {"result": [None]},
        {"result": [{"id": 1}]},
        {"result": [{"path": ""}]},
        {"result": [{"path": 7}]},
        {"path": "upload/a.png"},
        [],
        HTML,
    ],
)
def test_a_failed_upload_is_an_error(value: object) -> None:
    """A 200 with an err_msg, or without a path where it belongs, is no upload."""
    with pytest.raises(ServerError):
        read_reply(UPLOADING, reply(value))


# -- rows ------------------------------------------------------------------------------------------------------------


def test_the_pages_row_is_read_whole() -> None:
    """Every fact of the documented row arrives, and the row itself is kept as it came."""
    read = one(row())
    assert read.video_id == VIDEO_ID
    assert read.state is RemoteState.GENERATING  # although there is a url
    assert read.url == "https://media.pixverse.ai/pixverse%2Fmp4%2Fmedia%2Fweb%2F9f0e_seed0.mp4"
    assert read.created_at == 1731328496.0
    assert (read.prompt, read.seed, read.quality) == ("A cat, quickly", 1234567890, "720p")
    assert (read.duration, read.motion_mode) == (5, "normal")
    assert (read.first_path, read.last_path) == ("upload/first.jpeg", "upload/last.png")
    assert (read.queue_position, read.error, read.reply_ref, read.cost_credits) == (None, None, None, None)
    assert read.raw == row()


@pytest.mark.parametrize(
    ("status", "name", "state"),
    [
        (1, "COMPLETED", RemoteState.COMPLETED),
        (5, "QUEUED", RemoteState.QUEUED),
        (7, "MODERATED", RemoteState.MODERATED),
        (8, "FAILED", RemoteState.FAILED),
        (9, "GENERATING", RemoteState.GENERATING),
        (10, "GENERATING", RemoteState.GENERATING),
        (10, "PROCESSING", RemoteState.GENERATING),
    ],
)
@pytest.mark.parametrize("final", [True, False, None, ...])
def test_the_number_decides(status: int, name: str, state: RemoteState, final: object) -> None:
    """The state is that of the number, whatever `video_status_final` says: a queued row is not final."""
    assert one(row(video_status=status, video_status_name=name, video_status_final=final)).state is state
    assert one(row(video_status=status, video_status_name=..., video_status_final=final)).state is state
    assert one(row(video_status=str(status), video_status_name="?", video_status_final=final)).state is state


@pytest.mark.parametrize("name", ["COMPLETED", "QUEUED", "MODERATED", "FAILED", "GENERATING", "PROCESSING"])
def test_without_a_number_the_name_decides(name: str) -> None:
    """Where the number is missing the name is read, in any case of letters."""
    expected = "generating" if name == "PROCESSING" else name.lower()
    assert one(row(video_status=..., video_status_name=name)).state == expected
    assert one(row(video_status=None, video_status_name=name.lower())).state == expected


@pytest.mark.parametrize("status", [0, 2, 3, 4, 6, 11, 99, -1, 1.5, "done", [], {}, True, False, None, 1e999])
@pytest.mark.parametrize("name", ["NEW", "", None, 7, []])
def test_an_undocumented_status_is_never_a_success(status: object, name: object) -> None:
    """An unknown number or a value of another kind means: wait; a url and `final` change nothing."""
    read = one(row(video_status=status, video_status_name=name, video_status_final=True))
    assert read.state is RemoteState.UNRECOGNISED


def test_an_unknown_number_is_not_helped_by_its_name() -> None:
    """A number that nobody has documented is unknown although its name sounds known."""
    assert one(row(video_status=6, video_status_name="COMPLETED")).state is RemoteState.UNRECOGNISED


@pytest.mark.parametrize("failure", [{"error": "bad"}, {"errCode": 500063}, {"errCode": "500063"}, {"err_msg": "no"}])
def test_a_finished_row_with_an_error_failed(failure: dict[str, object]) -> None:
    """A completed row that carries an error is a failure and tells it."""
    read = one(row(video_status=1, **failure))
    assert read.state is RemoteState.FAILED
    assert read.error is not None
    assert str(next(iter(failure.values()))) in read.error


@pytest.mark.parametrize("nothing", [{"error": ""}, {"error": None}, {"errCode": 0}, {"errCode": "0"}, {"error": {}}])
def test_an_empty_error_is_none(nothing: dict[str, object]) -> None:
    """An empty error field, of whatever kind, does not spoil a finished row."""
    read = one(row(video_status=1, **nothing))
    assert read.state is RemoteState.COMPLETED
    assert read.error is None


def test_the_vendors_error_is_masked_and_short() -> None:
    """What a row tells of its failure is shown to people: no e-mail in it, and a readable length."""
    error = one(row(video_status=8, error=f"{EMAIL} " + "x" * 5000)).error
    assert error is not None
    assert "maria" not in error
    assert len(error) < 600


def test_a_queue_position_counts_from_one() -> None:
    """queue_count is a position where it is above zero; any other value is none."""
    assert one(row(video_status=5, queue_data={"queue_time": 90, "queue_count": 3})).queue_position == 3
    senseless: tuple[object, ...] = ({"queue_count": 0}, {"queue_count": -1}, {"queue_count": None}, {}, None, [], "3")
    for nothing in senseless:
        assert one(row(video_status=5, queue_data=nothing)).queue_position is None


@pytest.mark.parametrize(
    ("given_path", "path"),
    [
        ("upload/a.png", "upload/a.png"),
        ("https://media.pixverse.ai/upload%2Fa.png", "upload/a.png"),
        ("https://media.pixverse.ai/upload%2fa.png?x=1", "upload/a.png"),
        ("https://media.pixverse.ai/upload/a.png", "upload/a.png"),
        ("https://media.pixverse.ai/other.png", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_a_rows_picture_is_compared_by_its_path(given_path: object, path: str | None) -> None:
    """A picture of a row, written as a path or as an address, is the path of its upload."""
    assert one(row(first_frame=given_path)).first_path == path


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ("2024-11-11T12:34:56Z", 1731328496.0),
        ("2024-11-11T12:34:56.500Z", 1731328496.5),
        ("2024-11-11T12:34:56", 1731328496.0),
        ("2024-11-11T13:34:56+01:00", 1731328496.0),
        ("yesterday", None),
        (1731328496, None),
        (None, None),
        ("", None),
    ],
)
def test_a_rows_time_is_utc(moment: object, seconds: float | None) -> None:
    """created_at becomes Unix seconds; a time without a zone is UTC, and what is no time is none."""
    assert one(row(created_at=moment)).created_at == seconds


def test_the_duration_stands_in_either_field() -> None:
    """`duration` is read, else `video_duration`."""
    assert one(row(duration=8, video_duration=5)).duration == 8
    assert one(row(duration=..., video_duration=5)).duration == 5
    assert one(row(duration=..., video_duration=...)).duration is None


def test_an_empty_row_is_a_row() -> None:
    """Every field but the state may be missing."""
    assert one({}) == RemoteVideo(None, RemoteState.UNRECOGNISED, raw={})


def test_a_list_is_read_in_its_order() -> None:
    """The rows come as the vendor orders them, under data or bare."""
    rows = [row(seed=3), row(seed=1), row(seed=2)]
    for shape in ({"data": rows}, rows):
        assert [read.seed for read in read_reply(LIST, reply(shape))] == [3, 1, 2]
    assert read_reply(LIST, reply({"data": []})) == ()


BAD_ROWS: list[object] = [
    None,
    7,
    "text",
    [],
    True,
    {"video_id": 7, "queue_data": "x", "seed": {}, "created_at": [], "error": [1]},
]


@pytest.mark.parametrize("bad", BAD_ROWS)
def test_a_bad_row_never_loses_the_list(bad: object) -> None:
    """One row that is no row leaves the others readable."""
    read = read_reply(LIST, reply({"data": [row(seed=1), bad, row(seed=2)]}))
    assert [one.seed for one in read if one.video_id == VIDEO_ID] == [1, 2]


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(changes=st.dictionaries(st.sampled_from([*row(), "error", "errCode", "replyRef", "cost_credits"]), ANY_JSON))
def test_no_field_can_break_a_row(changes: dict[str, Any]) -> None:
    """Whatever JSON stands in any field, the row is read, and it is no success unless its number is a 1."""
    read = read_reply(LIST, reply({"data": [row(**changes), row(seed=2)]}))
    assert len(read) == 2
    if read[0].state is RemoteState.COMPLETED:
        status, name = row(**changes)["video_status"], row(**changes)["video_status_name"]
        assert not isinstance(status, bool)
        assert status in (1, "1") or (status is None and str(name).upper() == "COMPLETED") or int(status) == 1


@pytest.mark.parametrize("value", [{}, {"data": None}, {"data": {}}, {"data": "x"}, {"error": "x"}, "x", HTML])
def test_what_is_no_list_is_an_error(value: object) -> None:
    """A 200 without a list is not taken for an empty list: absence must be shown, not guessed."""
    with pytest.raises(ServerError):
        read_reply(LIST, reply(value))


@pytest.mark.parametrize("value", [[], "x", 7, None, HTML])
def test_what_is_no_video_is_an_error(value: object) -> None:
    """A 200 of GET videos/<id> that is no object is an error."""
    with pytest.raises(ServerError):
        read_reply(useapi.get_video(VIDEO_ID), reply(value))


# -- scheduler, features, accounts -----------------------------------------------------------------------------------


def test_running_jobs_have_an_id_in_either_field() -> None:
    """The scheduler's entries are read with `video_id` or `id`, with their reference."""
    first, second = read_reply(useapi.list_running(), reply(SCHEDULER))
    assert (first.video_id, first.reply_ref) == (VIDEO_ID, "pv-1:1")
    assert second.video_id is not None
    assert second.video_id.endswith(":2")
    assert second.reply_ref is None


def test_a_bad_entry_never_loses_the_running_jobs() -> None:
    """One entry that is no entry leaves the others readable."""
    read = read_reply(useapi.list_running(), reply([*BAD_ROWS, *SCHEDULER]))
    assert [entry.reply_ref for entry in read if entry.reply_ref] == ["pv-1:1"]


def test_capacity_is_what_the_vendor_says() -> None:
    """`available` is read as it stands, not worked out from the other two figures."""
    read = read_reply(useapi.get_capacity(), reply(AVAILABLE))
    assert read.accounts == (AccountCapacity(EMAIL, 5, 0, 5), AccountCapacity("two@example.org", 8, 2, 3))


@pytest.mark.parametrize("bad", [None, 7, "x", [], {"maxJobs": 5}, {"email": None, "available": "x"}])
def test_a_bad_account_never_loses_the_capacity(bad: object) -> None:
    """One entry that cannot be read leaves the other accounts' slots."""
    read = read_reply(useapi.get_capacity(), reply({"available": [bad, *AVAILABLE["available"]]}))
    assert [slot.available for slot in read.accounts if slot.account == EMAIL] == [5]


def test_the_balance_is_read() -> None:
    """Plan, the three kinds of credits and the watermark right are read from features."""
    read = read_reply(useapi.get_credits(email=None), reply(FEATURES))
    assert (read.daily, read.monthly, read.package, read.total, read.plan) == (30, 1200, 0, 1230, "Standard")
    assert read.can_remove_watermark is True


@pytest.mark.parametrize(("value", "right"), [(0, False), (1, True), ("0", False), (None, None), (..., None)])
def test_the_right_to_remove_the_watermark(value: object, right: bool | None) -> None:
    """0 means that the plan cannot; a missing value means that nobody knows."""
    features = {name: one for name, one in {**FEATURES, "remove_watermark": value}.items() if one is not ...}
    assert read_reply(useapi.get_credits(email=None), reply(features)).can_remove_watermark is right


def test_a_balance_with_holes_is_a_balance() -> None:
    """Missing or senseless kinds of credits count as none."""
    assert read_reply(useapi.get_credits(email=None), reply({"credit_daily": "7", "credit_monthly": []})).total == 7


def test_accounts_are_their_e_mails_with_their_slots() -> None:
    """The accounts are the keys of the object; `maxJobs` is what each may run, where the entry tells it."""
    assert read_reply(useapi.list_accounts(), reply(ACCOUNTS)) == {EMAIL: 8}
    assert read_reply(useapi.list_accounts(), reply({"a@b.example": None, "c@d.example": {}})) == {
        "a@b.example": None,
        "c@d.example": None,
    }


def test_stopping_needs_no_body() -> None:
    """Whatever the vendor answers to the end of tracking, a 2xx is enough."""
    for body in (b"", HTML, json.dumps({"ok": True}).encode()):
        assert read_reply(useapi.stop_tracking(VIDEO_ID), reply(body)) is None
