"""Every endpoint of useapi.net: the calls, and how replies are parsed, with quirks and broken rows."""

import dataclasses
import json
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_nb.backends.base import Call, CallbackIds, read_reply
from pixverse_nb.backends.useapi import CREATE_CALLS, UseapiBackend
from pixverse_nb.domain.catalogue import CATALOGUE, Operation
from pixverse_nb.domain.remote import AccountCapacity, RemoteState, RemoteVideo, UploadedFile
from pixverse_nb.errors import ConfigError, ServerError
from pixverse_nb.redaction import Secret
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

BACKEND = UseapiBackend()
LIST = BACKEND.list_videos(account=None, limit=40)


def one(value: dict[str, Any]) -> RemoteVideo:
    """Parse one row as GET videos/<id> returns it."""
    return read_reply(BACKEND.get_video(VIDEO_ID), reply(value))


def frames_call(account: str | None = None, **changes: Any) -> Call[Any]:
    """The paid call of a request with `changes`, for an account."""
    return BACKEND.submit(
        a_request(**changes),
        inputs={"first": "upload/1.png", "last": "upload/2.png"},
        reply_ref="pv-1:1",
        account=account,
    )


# -- calls ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "method", "path", "query"),
    [
        (BACKEND.upload(b"x", media_type="image/png", account=None), "POST", "/files/", {}),
        (BACKEND.upload(b"x", media_type="image/png", account=EMAIL), "POST", "/files/", {"email": EMAIL}),
        (BACKEND.list_videos(account=None, limit=40), "GET", "/videos/", {"limit": "40"}),
        (
            BACKEND.list_videos(account=EMAIL, limit=20, offset=40),
            "GET",
            "/videos/",
            {"email": EMAIL, "limit": "20", "offset": "40"},
        ),
        (BACKEND.get_video(VIDEO_ID), "GET", f"/videos/{VIDEO_ID}", {}),
        (BACKEND.list_running(), "GET", "/scheduler/", {}),
        (BACKEND.get_capacity(), "GET", "/scheduler/available", {}),
        (BACKEND.stop_tracking(VIDEO_ID), "DELETE", f"/scheduler/{VIDEO_ID}", {}),
        (BACKEND.get_credits(account=None), "GET", "/features/", {}),
        (BACKEND.get_credits(account=EMAIL), "GET", "/features/", {"email": EMAIL}),
        (BACKEND.list_accounts(), "GET", "/accounts", {}),
    ],
)
def test_each_endpoint(call: Call[Any], method: str, path: str, query: dict[str, str]) -> None:
    """Method, path (with the raw id) and query are as documented, and none of these calls is billable."""
    assert (call.method, call.path, call.query) == (method, path, query)
    assert call.billable is False
    assert call.body is None


def test_an_upload_is_raw_bytes_with_their_type() -> None:
    """The body is the picture itself, not multipart, with its content type."""
    call = BACKEND.upload(b"\x89PNG", media_type="image/png", account=None)
    assert (call.content, call.content_type, call.body) == (b"\x89PNG", "image/png", None)


def test_the_paid_call_has_every_field() -> None:
    """The body has every field of create-frames under the vendor's name, and the call is billable.

    The aspect ratio is none of them: the first picture sets it.
    """
    call = frames_call(
        EMAIL,
        prompt="Hello",
        duration=8,
        quality="360p",
        aspect_ratio="1:1",
        audio=True,
        preview_mode=True,
        off_peak_mode=False,
        auto_sound=True,
        sound_effect_prompt="rain",
        email="ignored@example.org",
        reply_url="https://example.org/hook",
        reply_ref="mine",
        max_jobs=3,
    )
    assert (call.method, call.path, call.billable) == ("POST", "/videos/create-frames", True)
    assert call.body == {
        "first_frame_path": "upload/1.png",
        "last_frame_path": "upload/2.png",
        "prompt": "Hello",
        "model": "v5.6",
        "duration": 8,
        "quality": "360p",
        "audio": True,
        "preview_mode": True,
        "off_peak_mode": False,
        "auto_sound": True,
        "sound_effect_prompt": "rain",
        "seed": 42,
        "email": EMAIL,
        "replyUrl": "https://example.org/hook",
        "replyRef": "pv-1:1",
        "maxJobs": 3,
    }


def test_the_paid_call_of_the_first_model_has_every_field() -> None:
    """v3.5 uses create-frames-v3, with every field of that page under the vendor's name."""
    call = frames_call(
        EMAIL,
        model="v3.5",
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
    assert body.keys() == {
        "first_frame_path", "last_frame_path", "model", "duration", "quality", "seed", "replyRef",
    }  # fmt: skip


@pytest.mark.parametrize("model", [*CATALOGUE.names, "kling-4.0"])
def test_only_the_first_model_uses_the_withdrawn_route(model: str) -> None:
    """Models other than v3.5 use create-frames, which has no motion mode, aspect ratio or watermark field."""
    call = frames_call(model=model, **({"seed": None} if not CATALOGUE.spec(model).takes_seed else {}))
    assert call.path == ("/videos/create-frames-v3" if model == "v3.5" else "/videos/create-frames")
    assert call.billable
    assert call.body is not None
    only_v3 = {"motion_mode", "aspect_ratio", "remove_watermark"}
    assert only_v3 & call.body.keys() == (only_v3 if model == "v3.5" else set())
    assert ("seed" in call.body) is CATALOGUE.spec(model).takes_seed
    assert call.body["model"] == model


def test_a_switch_of_an_unlisted_model_is_sent() -> None:
    """Whatever was given for a model that is not in the catalogue is sent, except the ratio of create-frames."""
    body = frames_call(model="kling-4.0", motion_mode="fast", audio=True, aspect_ratio="21:9").body
    assert body is not None
    assert (body["motion_mode"], body["audio"]) == ("fast", True)
    assert "aspect_ratio" not in body


def test_an_operation_without_an_endpoint_is_refused() -> None:
    """An operation that the backend does not offer is a ConfigError, and no call is made."""

    class FramesOnly(UseapiBackend):
        create_calls: ClassVar = {Operation.FRAMES: CREATE_CALLS[Operation.FRAMES]}

    request = dataclasses.replace(a_request(), operation=Operation.LIPSYNC)
    with pytest.raises(ConfigError, match="lipsync"):
        FramesOnly().submit(request, inputs={}, reply_ref="pv-1:1", account=None)


def test_the_token_is_a_bearer_token() -> None:
    """Every call is authenticated with the token in the Authorization header."""
    assert BACKEND.headers(Secret("user:1-secret"), LIST) == {"Authorization": "Bearer user:1-secret"}


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
    """The account is the e-mail address inside a video id, or None."""
    assert BACKEND.account_of(video_id) == account


# -- uploads ---------------------------------------------------------------------------------------------------------

UPLOADING = BACKEND.upload(b"x", media_type="image/png", account=None)


def test_an_upload_returns_its_path() -> None:
    """The path is in result[0], with the image id, the address and the size."""
    entry = UPLOAD["result"][0]
    assert read_reply(UPLOADING, reply(UPLOAD)) == UploadedFile(entry["path"], 123456, entry["url"], 112233)


def test_an_upload_with_unusable_details_still_has_its_path() -> None:
    """An unusable id, address or size does not lose the path."""
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
    """A 200 with an err_msg, or without a path in result[0], is a ServerError."""
    with pytest.raises(ServerError):
        read_reply(UPLOADING, reply(value))


# -- rows ------------------------------------------------------------------------------------------------------------


def test_the_documented_row_is_parsed() -> None:
    """Every field of the documented row is parsed, and the raw row is kept."""
    read = one(row())
    assert read.video_id == VIDEO_ID
    assert read.state is RemoteState.GENERATING  # although there is a url
    assert read.url == "https://media.pixverse.ai/pixverse%2Fmp4%2Fmedia%2Fweb%2F9f0e_seed0.mp4"
    assert read.created_at == 1731328496.0
    assert (read.prompt, read.seed, read.quality) == ("A cat, quickly", 1234567890, "720p")
    assert (read.duration, read.motion_mode) == (5, "normal")
    assert read.input_paths == {"first": "upload/first.jpeg", "last": "upload/last.png"}
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
    """The number decides the state, whatever `video_status_final` says: a queued row is not final."""
    assert one(row(video_status=status, video_status_name=name, video_status_final=final)).state is state
    assert one(row(video_status=status, video_status_name=..., video_status_final=final)).state is state
    assert one(row(video_status=str(status), video_status_name="?", video_status_final=final)).state is state


@pytest.mark.parametrize("name", ["COMPLETED", "QUEUED", "MODERATED", "FAILED", "GENERATING", "PROCESSING"])
def test_without_a_number_the_name_decides(name: str) -> None:
    """If the number is missing the name decides, in upper or lower case."""
    expected = "generating" if name == "PROCESSING" else name.lower()
    assert one(row(video_status=..., video_status_name=name)).state == expected
    assert one(row(video_status=None, video_status_name=name.lower())).state == expected


@pytest.mark.parametrize("status", [0, 2, 3, 4, 6, 11, 99, -1, 1.5, "done", [], {}, True, False, None, 1e999])
@pytest.mark.parametrize("name", ["NEW", "", None, 7, []])
def test_an_undocumented_status_is_never_a_success(status: object, name: object) -> None:
    """An unknown number or a value of another type is UNRECOGNISED, even if the row has a url and is final."""
    read = one(row(video_status=status, video_status_name=name, video_status_final=True))
    assert read.state is RemoteState.UNRECOGNISED


def test_an_unknown_number_overrides_a_known_name() -> None:
    """An undocumented number is UNRECOGNISED even if the name is a known one."""
    assert one(row(video_status=6, video_status_name="COMPLETED")).state is RemoteState.UNRECOGNISED


@pytest.mark.parametrize("failure", [{"error": "bad"}, {"errCode": 500063}, {"errCode": "500063"}, {"err_msg": "no"}])
def test_a_finished_row_with_an_error_failed(failure: dict[str, object]) -> None:
    """A completed row with an error has failed, and the error is kept."""
    read = one(row(video_status=1, **failure))
    assert read.state is RemoteState.FAILED
    assert read.error is not None
    assert str(next(iter(failure.values()))) in read.error


@pytest.mark.parametrize("nothing", [{"error": ""}, {"error": None}, {"errCode": 0}, {"errCode": "0"}, {"error": {}}])
def test_an_empty_error_is_none(nothing: dict[str, object]) -> None:
    """An empty error field of any type leaves a completed row completed."""
    read = one(row(video_status=1, **nothing))
    assert read.state is RemoteState.COMPLETED
    assert read.error is None


def test_the_vendors_error_is_redacted_and_short() -> None:
    """The error text of a row, which people see, contains no e-mail address and is short."""
    error = one(row(video_status=8, error=f"{EMAIL} " + "x" * 5000)).error
    assert error is not None
    assert "maria" not in error
    assert len(error) < 600


def test_a_queue_position_counts_from_one() -> None:
    """The queue position is queue_count if that is above zero; otherwise it is None."""
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
def test_the_picture_of_a_row_is_its_upload_path(given_path: object, path: str | None) -> None:
    """The picture of a row, given as a path or as an address, is parsed to its upload path."""
    assert one(row(first_frame=given_path)).input_paths.get("first") == path


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
    """created_at becomes Unix seconds; a time without a zone is UTC, and anything else is None."""
    assert one(row(created_at=moment)).created_at == seconds


def test_the_duration_is_in_either_field() -> None:
    """The duration is `duration`, else `video_duration`."""
    assert one(row(duration=8, video_duration=5)).duration == 8
    assert one(row(duration=..., video_duration=5)).duration == 5
    assert one(row(duration=..., video_duration=...)).duration is None


def test_an_empty_row_is_a_row() -> None:
    """Every field except the state may be missing."""
    assert one({}) == RemoteVideo(None, RemoteState.UNRECOGNISED, raw={})


def test_a_list_keeps_its_order() -> None:
    """The rows keep the vendor's order, under `data` or as a bare list."""
    rows = [row(seed=3), row(seed=1), row(seed=2)]
    for shape in ({"data": rows}, rows):
        assert [read.seed for read in read_reply(LIST, reply(shape))] == [3, 1, 2]
    assert read_reply(LIST, reply({"data": []})) == ()


UNUSABLE_ROWS: list[object] = [
    None,
    7,
    "text",
    [],
    True,
    {"video_id": 7, "queue_data": "x", "seed": {}, "created_at": [], "error": [1]},
]


@pytest.mark.parametrize("bad", UNUSABLE_ROWS)
def test_a_bad_row_never_loses_the_list(bad: object) -> None:
    """One unusable row does not affect the others."""
    read = read_reply(LIST, reply({"data": [row(seed=1), bad, row(seed=2)]}))
    assert [one.seed for one in read if one.video_id == VIDEO_ID] == [1, 2]


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(changes=st.dictionaries(st.sampled_from([*row(), "error", "errCode", "replyRef", "cost_credits"]), ANY_JSON))
def test_no_field_can_break_a_row(changes: dict[str, Any]) -> None:
    """A row is parsed whatever JSON its fields hold, and it is completed only if its number is 1."""
    read = read_reply(LIST, reply({"data": [row(**changes), row(seed=2)]}))
    assert len(read) == 2
    if read[0].state is RemoteState.COMPLETED:
        status, name = row(**changes)["video_status"], row(**changes)["video_status_name"]
        assert not isinstance(status, bool)
        assert status in (1, "1") or (status is None and str(name).upper() == "COMPLETED") or int(status) == 1


@pytest.mark.parametrize("value", [{}, {"data": None}, {"data": {}}, {"data": "x"}, {"error": "x"}, "x", HTML])
def test_a_reply_without_a_list_is_an_error(value: object) -> None:
    """A 200 without a list is an error, not an empty list: absence needs proof."""
    with pytest.raises(ServerError):
        read_reply(LIST, reply(value))


@pytest.mark.parametrize("value", [[], "x", 7, None, HTML])
def test_a_reply_without_a_video_is_an_error(value: object) -> None:
    """A 200 of GET videos/<id> that is not an object is an error."""
    with pytest.raises(ServerError):
        read_reply(BACKEND.get_video(VIDEO_ID), reply(value))


# -- scheduler, features, accounts -----------------------------------------------------------------------------------


def test_running_jobs_have_an_id_in_any_of_three_fields() -> None:
    """An entry of the scheduler has its id in `video_id`, `id` or `videoId`, and its reference if there is one."""
    read = read_reply(BACKEND.list_running(), reply(SCHEDULER))
    ids = [VIDEO_ID, VIDEO_ID.replace("340000001", "2"), VIDEO_ID.replace("340000001", "3")]
    assert [(job.video_id, job.reply_ref) for job in read] == [(ids[0], "pv-1:1"), (ids[1], None), (ids[2], None)]


def test_a_bad_entry_never_loses_the_running_jobs() -> None:
    """One unusable entry does not affect the other running jobs."""
    read = read_reply(BACKEND.list_running(), reply([*UNUSABLE_ROWS, *SCHEDULER]))
    assert [entry.reply_ref for entry in read if entry.reply_ref] == ["pv-1:1"]


def test_capacity_is_the_vendors_figure() -> None:
    """`available` is the vendor's figure, not computed from the other two."""
    read = read_reply(BACKEND.get_capacity(), reply(AVAILABLE))
    assert read.accounts == (AccountCapacity(EMAIL, 5, 0, 5), AccountCapacity("two@example.org", 8, 2, 3))


@pytest.mark.parametrize("bad", [None, 7, "x", [], {"maxJobs": 5}, {"email": None, "available": "x"}])
def test_a_bad_account_never_loses_the_capacity(bad: object) -> None:
    """One unusable entry does not affect the slots of the other accounts."""
    read = read_reply(BACKEND.get_capacity(), reply({"available": [bad, *AVAILABLE["available"]]}))
    assert [slot.available for slot in read.accounts if slot.account == EMAIL] == [5]


def test_the_balance_is_read() -> None:
    """The plan, the three kinds of credits and the right to remove the watermark come from features."""
    read = read_reply(BACKEND.get_credits(account=None), reply(FEATURES))
    assert (read.daily, read.monthly, read.package, read.total, read.plan) == (30, 1200, 0, 1230, "Standard")
    assert read.can_remove_watermark is True


@pytest.mark.parametrize(("value", "right"), [(0, False), (1, True), ("0", False), (None, None), (..., None)])
def test_the_right_to_remove_the_watermark(value: object, right: bool | None) -> None:
    """0 means that the plan does not include it; a missing value means unknown."""
    features = {name: one for name, one in {**FEATURES, "remove_watermark": value}.items() if one is not ...}
    assert read_reply(BACKEND.get_credits(account=None), reply(features)).can_remove_watermark is right


def test_a_balance_may_have_gaps() -> None:
    """Missing or unusable kinds of credits count as 0."""
    assert read_reply(BACKEND.get_credits(account=None), reply({"credit_daily": "7", "credit_monthly": []})).total == 7


def test_accounts_are_listed_with_their_slots() -> None:
    """The accounts are the keys of the object, each with its `maxJobs`, or None if the entry has none."""
    assert read_reply(BACKEND.list_accounts(), reply(ACCOUNTS)) == {EMAIL: 8}
    assert read_reply(BACKEND.list_accounts(), reply({})) == {}
    with pytest.raises(ServerError):
        read_reply(BACKEND.list_accounts(), reply({"status": "ok"}))
    assert read_reply(BACKEND.list_accounts(), reply({"a@b.example": None, "c@d.example": {}})) == {
        "a@b.example": None,
        "c@d.example": None,
    }


def test_stopping_needs_no_body() -> None:
    """Any 2xx to the end of tracking is a success, whatever its body."""
    for body in (b"", HTML, json.dumps({"ok": True}).encode()):
        assert read_reply(BACKEND.stop_tracking(VIDEO_ID), reply(body)) is None


# -- fields that the pages do not have -------------------------------------------------------------------------------

QUOTED = {"source_video": VIDEO_ID}
QUOTE = BACKEND.quote(dataclasses.replace(a_request(), operation=Operation.UPSCALE), inputs=QUOTED, account=None)
DOCUMENTED: list[tuple[Call[Any] | None, Any]] = [
    (UPLOADING, UPLOAD),
    (BACKEND.upload(b"x", media_type="video/mp4", account=None), {"path": "upload/v.mp4", "url": "https://x.example"}),
    (frames_call(), {"video_id": VIDEO_ID, "cost_credits": 30}),
    (QUOTE, {"cost_credits": 30}),
    (LIST, {"data": [row(), row(video_status=1)]}),
    (BACKEND.get_video(VIDEO_ID), row(video_status=8)),
    (BACKEND.list_running(), SCHEDULER),
    (BACKEND.get_capacity(), AVAILABLE),
    (BACKEND.get_credits(account=None), FEATURES),
    (BACKEND.list_accounts(), ACCOUNTS),
    (BACKEND.list_restyles(account=None), {"data": [{"restyle_id": 1002, "restyle_name": "Clay"}]}),
    (BACKEND.list_voices(account=None), {"data": [{"speaker_id": "s-1", "name": "Ann"}]}),
]


def with_more(value: Any) -> Any:
    """Return a reply with new fields in every object that has fields."""
    if isinstance(value, list):
        return [with_more(one) for one in value]
    if not isinstance(value, dict) or not value:
        return value
    new = {} if value is ACCOUNTS else {"added": {"by": ["the vendor"]}, "extra": 1}  # a new account is no new field
    return {name: with_more(one) for name, one in value.items()} | new


def without_raw(read: Any) -> Any:
    """Return a parsed reply without the copies that it keeps of the raw rows."""
    if isinstance(read, tuple):
        return tuple(without_raw(one) for one in read)
    return dataclasses.replace(read, raw={}) if hasattr(read, "raw") else read


@pytest.mark.parametrize(("call", "value"), DOCUMENTED, ids=lambda one: one.path if isinstance(one, Call) else "")
def test_an_added_field_changes_nothing(call: Call[Any], value: Any) -> None:
    """A documented reply with unknown fields in every object is read as without them."""
    assert without_raw(read_reply(call, reply(with_more(value)))) == without_raw(read_reply(call, reply(value)))


# -- callbacks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        ({"replyRef": "pv-1:1", "video_id": VIDEO_ID}, CallbackIds(frozenset({"pv-1:1"}), frozenset({VIDEO_ID}))),
        ({"response": {"video_id": VIDEO_ID}}, CallbackIds(frozenset(), frozenset({VIDEO_ID}))),
        ({"replyRef": "a", "response": {"replyRef": "b"}}, CallbackIds(frozenset({"a", "b"}))),
        ({"replyRef": 7, "video_id": None, "response": "text"}, CallbackIds()),
        ([], CallbackIds()),
        (b"not json", CallbackIds()),
        (b"\xff", CallbackIds()),
        (b"[" * 100_000, CallbackIds()),
    ],
)
def test_a_callback_names_references_and_ids(body: object, ids: CallbackIds) -> None:
    """The ids of a callback come from its top level and from `response`; an unusable body has none."""
    assert BACKEND.parse_callback(reply(body).body) == ids


NO_PICTURES = {"first_frame": "", "last_frame": "", "img_url": "", "img_id": 0}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Operation.FRAMES),
        ({"last_frame": ""}, Operation.IMAGE),
        ({**NO_PICTURES, "img_url": "https://media.example.org/web%2Fi2v%2Fa.jpg"}, Operation.IMAGE),
        ({**NO_PICTURES, "img_id": 123456}, Operation.IMAGE),
        (NO_PICTURES, Operation.TEXT),
        ({**NO_PICTURES, "extended": 1}, Operation.EXTEND),
        ({"upscaled": 1}, Operation.UPSCALE),
        ({"lip_sync": {"speaker_id": "7"}}, Operation.LIPSYNC),
        ({"lip_sync": {"speaker_id": "", "id": 0}}, Operation.FRAMES),
    ],
)
def test_a_row_shows_its_operation(changes: dict[str, Any], expected: Operation) -> None:
    """The pictures of a row, wherever they are stored, and its marks say what made it."""
    assert one(row(**changes)).operation is expected


def test_a_row_made_from_a_video_without_a_mark_does_not_show_its_operation() -> None:
    """It is no text to video and no image to video, whatever pictures it has."""
    assert one(row(original_video_id=11)).operation is None
    assert one(row(original_video_id=11, extended=1)).operation is Operation.EXTEND


def test_a_row_without_pictures_does_not_show_its_operation() -> None:
    """If a row has none of the fields, what made it is not known."""
    assert one({"video_id": VIDEO_ID, "video_status": 1}).operation is None


def test_the_switches_of_a_row() -> None:
    """The watermark and the off-peak mode are fields of the request; what is not there is not made up."""
    assert one(row(remove_watermark=0, off_peak=1)).switches == {"remove_watermark": False, "off_peak_mode": True}
    assert one({"video_id": VIDEO_ID, "video_status": 1}).switches == {}
