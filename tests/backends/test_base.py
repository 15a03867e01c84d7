"""What a reply means: a value, an error of the tree, and for a paid call what it proves about the money."""

import math
from typing import Any

import pytest

from pixverse_nb.backends import useapi
from pixverse_nb.backends.base import (
    Accepted,
    Call,
    Indeterminate,
    Rejected,
    Reply,
    classify_reply,
    error_of,
    read_reply,
)
from pixverse_nb.domain.requests import FramesRequest
from pixverse_nb.errors import (
    AccountPending,
    APIError,
    Busy,
    Moderated,
    NotFound,
    OutOfCredits,
    ServerError,
    SubscriptionRequired,
    Unauthorized,
)
from tests.backends.sample_replies import EMAIL, HTML, VIDEO_ID, reply

PAID = useapi.create_frames(
    FramesRequest(first="a", last="b", seed=1), first_path="upload/1", last_path="upload/2", reply_ref="r:1", email=None
)
FREE: Call[Any] = Call("GET", "/thing", lambda one: one.json()["value"])

VENDOR_TEXTS = [
    (400, "Field duration has to be 5 or 8", APIError),
    (401, "Unauthorized", Unauthorized),
    (402, "Account has no subscription or subscription expired", SubscriptionRequired),
    (404, "Configuration not found", NotFound),
    (
        412,
        "All Credits have been used up. Please upgrade your membership or purchase credits.",
        OutOfCredits,
    ),
    (422, "Your prompt has triggered our AI moderator, please re-enter your prompt", Moderated),
    (429, "All configured accounts are running at maximum capacity.", Busy),
    (429, "Reached the limit for concurrent generations.", Busy),
    (
        596,
        "Your PixVerse account has pending error. Please address this issue before making any new API calls.",
        AccountPending,
    ),
    (500, "Internal error", ServerError),
    (502, "Bad gateway", ServerError),
    (503, "Busy", ServerError),
    (504, "Gateway timeout", ServerError),
]
REFUSING = sorted({(status, kind) for status, _, kind in VENDOR_TEXTS if status < 500 or status == 596}, key=str)


@pytest.mark.parametrize(("status", "text", "kind"), VENDOR_TEXTS)
def test_each_status_has_its_error(status: int, text: str, kind: type[APIError]) -> None:
    """Every row of the vendor's error table becomes its own class, with the vendor's words, the status and the body."""
    error = error_of(reply({"error": text, "code": status}, status))
    assert type(error) is kind
    assert error.status == status
    assert text in str(error)
    assert error.reply == {"error": text, "code": status}
    assert len(str(error)) > len(text) + 20  # the next step follows the vendor's words


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 412, 418, 422, 429, 500, 502, 503, 520, 596])
@pytest.mark.parametrize(
    "body", [HTML, b"", b"null", b"[]", b'"text"', b'{"error": null}', b'{"error": 7}', b"\xff\xfe"]
)
def test_no_body_is_needed(status: int, body: bytes) -> None:
    """A body that is HTML, empty, of another kind or no text at all still gives an error with the status."""
    error = error_of(Reply(status, {}, body))
    assert error.status == status
    assert f"HTTP {status} without an explanation" in str(error)


def test_html_is_kept_short() -> None:
    """Of a page in place of JSON the start is kept as the reply, and it is no part of the sentence."""
    error = error_of(Reply(502, {}, HTML * 100))
    assert isinstance(error.reply, str)
    assert len(error.reply) <= 500
    assert "<html>" not in str(error)


def test_no_half_address_is_left_where_a_reply_is_cut() -> None:
    """What is kept of a page is made unreadable before it is cut, wherever an address stands in it."""
    for spaces in range(470, 500):
        error = error_of(Reply(502, {}, b" " * spaces + EMAIL.encode()))
        assert "maria" not in str(error.reply)


def test_a_nested_error_is_read() -> None:
    """A vendor text one level deeper is found as well."""
    assert "Too dark" in str(error_of(reply({"error": {"message": "Too dark", "code": 1}}, 400)))


def test_the_account_is_masked_in_errors() -> None:
    """The e-mail that the vendor puts into its texts appears neither in the sentence nor in the reply."""
    error = error_of(reply({"error": f"Account {EMAIL} is busy executing 5 tasks.", EMAIL: [EMAIL]}, 429))
    assert "maria" not in f"{error} {error.reply!r}"
    assert "is busy executing 5 tasks" in str(error)


def test_a_very_long_text_is_cut() -> None:
    """An error's sentence stays readable whatever the vendor writes."""
    assert len(str(error_of(reply({"error": "x" * 100_000}, 400)))) < 700


@pytest.mark.parametrize(
    ("header", "pace"),
    [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("", None), ("inf", None)],
)
def test_retry_after_is_a_number_of_seconds_or_nothing(header: str, pace: float | None) -> None:
    """The pace is taken where it is a number of seconds that ends; anything else is as if it were not there."""
    for status in (429, 503):
        error = error_of(reply({}, status, {"retry-after": header}))
        assert isinstance(error, Busy | ServerError)
        assert error.retry_after_s == pace


def test_a_pace_is_never_no_number() -> None:
    """A nan as Retry-After does not become a time to wait."""
    pace = Reply(429, {"retry-after": "nan"}, b"").retry_after_s
    assert pace is None or not math.isnan(pace)


def test_a_good_reply_is_read() -> None:
    """A 2xx reply is what the call's reader makes of it."""
    assert read_reply(FREE, reply({"value": 7})) == 7
    assert read_reply(FREE, reply({"value": 7}, 201)) == 7


@pytest.mark.parametrize("body", [HTML, b"", b"null", b"[]", b"{}", b'{"value"', b"[" * 100_000, b"\xff"])
def test_a_good_status_with_a_senseless_body_is_the_vendors_failure(body: bytes) -> None:
    """A 200 that cannot be read is a ServerError that names the call; no stray exception comes out, even of a body
    that is nested a hundred thousand deep.
    """
    with pytest.raises(ServerError) as caught:
        read_reply(FREE, Reply(200, {}, body))
    assert caught.value.status == 200
    assert "GET /thing" in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 404, 500])
def test_anything_but_2xx_is_raised(status: int) -> None:
    """A redirect is not followed and not read: it is an error like the others."""
    with pytest.raises(APIError) as caught:
        read_reply(FREE, reply({"value": 7}, status))
    assert caught.value.status == status


# -- what a paid call's reply proves ---------------------------------------------------------------------------------


def test_an_id_is_an_acceptance() -> None:
    """A 200 with a video id is accepted, with the cost where it is told."""
    assert classify_reply(PAID, reply({"video_id": VIDEO_ID})) == Accepted(VIDEO_ID, None)
    assert classify_reply(PAID, reply({"video_id": VIDEO_ID, "cost_credits": 60, "new": 1})) == Accepted(VIDEO_ID, 60)
    assert classify_reply(PAID, reply({"video_id": VIDEO_ID}, 201)) == Accepted(VIDEO_ID, None)


@pytest.mark.parametrize("cost", ["60", 60.0])
def test_an_oddly_written_cost_is_still_a_cost(cost: object) -> None:
    """The cost is read from a text or a whole float as well."""
    assert classify_reply(PAID, reply({"video_id": VIDEO_ID, "cost_credits": cost})) == Accepted(VIDEO_ID, 60)


@pytest.mark.parametrize("cost", [None, "many", [], {}, float("inf"), float("nan")])
def test_a_senseless_cost_does_not_lose_the_id(cost: object) -> None:
    """Whatever stands as the cost, the paid id is kept: it is worth money."""
    assert classify_reply(PAID, reply({"video_id": VIDEO_ID, "cost_credits": cost})) == Accepted(VIDEO_ID, None)


@pytest.mark.parametrize(
    "body",
    [
        *(HTML, b"", b"null", b"[]", b"{}", b'{"error": "odd"}', b"[" * 100_000),
        *(b'{"video_id": %s}' % value for value in (b'""', b'" "', b"7", b"null", b"[]")),
        b'{"video_id": "user:7-pix',
    ],
)
@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_good_status_without_an_id_proves_nothing(status: int, body: bytes) -> None:
    """A 2xx without a readable id may have been charged: unsettled, never rejected, never an exception."""
    assert isinstance(classify_reply(PAID, Reply(status, {}, body)), Indeterminate)


@pytest.mark.parametrize(
    ("status", "kind"), sorted({(s, k) for s, _, k in VENDOR_TEXTS if s < 500 or s == 596}, key=str)
)
@pytest.mark.parametrize("body", [b'{"error": "No."}', HTML, b""])
def test_the_vendors_no_is_a_proof(status: int, kind: type[APIError], body: bytes) -> None:
    """A 4xx of the table and 596 prove that nothing was accepted, whatever the body."""
    outcome = classify_reply(PAID, Reply(status, {}, body))
    assert isinstance(outcome, Rejected)
    assert type(outcome.error) is kind
    assert outcome.error.may_have_been_charged == "no"


@pytest.mark.parametrize(
    "status", [300, 302, 307, 308, 408, 425, 499, 500, 501, 502, 503, 504, 520, 524, 595, 597, 599]
)
@pytest.mark.parametrize("body", [b'{"error": "No."}', HTML, b""])
def test_everything_else_proves_nothing(status: int, body: bytes) -> None:
    """A redirect, a time-out on the way and every 5xx but 596 leave open whether the call was accepted."""
    assert isinstance(classify_reply(PAID, Reply(status, {}, body)), Indeterminate)


def test_an_error_beside_an_id_is_still_paid() -> None:
    """An id in a 200 is kept although an error stands beside it."""
    assert isinstance(classify_reply(PAID, reply({"video_id": VIDEO_ID, "error": "late"})), Accepted)


# -- values ----------------------------------------------------------------------------------------------------------


def test_no_repr_shows_an_account() -> None:
    """Calls and outcomes print neither the e-mail nor the whole id, nor a picture's bytes."""
    calls = [
        useapi.get_video(VIDEO_ID),
        useapi.stop_tracking(VIDEO_ID),
        useapi.list_videos(email=EMAIL, limit=40),
        useapi.upload_picture(b"picture bytes", media_type="image/png", email=EMAIL),
    ]
    shown = repr([*calls, Accepted(VIDEO_ID), PAID, reply({"email": EMAIL})])
    assert "maria" not in shown
    assert "picture" not in shown
    assert "spends" in repr(PAID)
