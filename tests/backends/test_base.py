"""Parsing replies: values, errors, and what the reply to a paid call proves."""

import math
from collections.abc import Mapping
from typing import Any

import pytest

from pixverse_nb.backends.base import (
    Accepted,
    Backend,
    Call,
    CallbackIds,
    Indeterminate,
    Rejected,
    Reply,
    api_error,
    classify_reply,
    error_from_reply,
    read_reply,
)
from pixverse_nb.backends.useapi import UseapiBackend
from pixverse_nb.domain.remote import RemoteState, RemoteVideo, UploadedFile
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.errors import (
    AccountPending,
    APIError,
    Busy,
    EndpointGone,
    Moderated,
    NotFound,
    OutOfCredits,
    ServerError,
    SubscriptionRequired,
    Unauthorized,
)
from pixverse_nb.redaction import Secret
from tests.backends.sample_replies import (
    ALL_BUSY,
    EMAIL,
    HTML,
    MODERATED,
    NO_CONFIGURATION,
    NO_CREDITS,
    NO_SUBSCRIPTION,
    PENDING,
    PLAN_BUSY,
    VIDEO_ID,
    account_busy,
    reply,
)
from tests.factories import TOKEN, a_request

BACKEND = UseapiBackend()
PAID = BACKEND.submit(
    a_request(seed=1), inputs={"first": "upload/1", "last": "upload/2"}, reply_ref="r:1", account=None
)
FREE: Call[Any] = Call("GET", "/thing", lambda one: one.json()["value"])

VENDOR_TEXTS = [
    (400, "Field duration has to be 5 or 8", APIError),
    (401, "Unauthorized", Unauthorized),
    (402, NO_SUBSCRIPTION, SubscriptionRequired),
    (404, NO_CONFIGURATION, NotFound),
    (412, NO_CREDITS, OutOfCredits),
    (422, MODERATED, Moderated),
    (429, ALL_BUSY, Busy),
    (429, PLAN_BUSY, Busy),
    (596, PENDING, AccountPending),
    (500, "Internal error", ServerError),
    (502, "Bad gateway", ServerError),
    (503, "Busy", ServerError),
    (504, "Gateway timeout", ServerError),
]
GONE = [404, 405, 410, *range(300, 309)]
REJECTING = sorted(
    {(status, kind) for status, _, kind in VENDOR_TEXTS if (status < 500 and status not in GONE) or status == 596},
    key=str,
)


@pytest.mark.parametrize(("status", "text", "kind"), VENDOR_TEXTS)
def test_each_status_has_its_error(status: int, text: str, kind: type[APIError]) -> None:
    """Each status of the vendor's error table has its own class, with the vendor's text, the status and the body."""
    error = error_from_reply(reply({"error": text, "code": status}, status))
    assert type(error) is kind
    assert error.status == status
    assert error.vendor_text == text
    assert error.reply == {"error": text, "code": status}


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 412, 418, 422, 429, 500, 502, 503, 520, 596])
@pytest.mark.parametrize(
    "body", [HTML, b"", b"null", b"[]", b'"text"', b'{"error": null}', b'{"error": 7}', b"\xff\xfe"]
)
def test_an_error_needs_no_body(status: int, body: bytes) -> None:
    """A body that is HTML, empty or of an unexpected type still gives an error with the status."""
    error = error_from_reply(Reply(status, {}, body))
    assert (error.status, error.vendor_text) == (status, "")
    assert str(status) in str(error)


def test_html_is_kept_short() -> None:
    """Only the start of an HTML page is kept as the reply, and none of it is in the message."""
    error = error_from_reply(Reply(502, {}, HTML * 100))
    assert isinstance(error.reply, str)
    assert len(error.reply) <= 500
    assert "<html>" not in str(error)


def test_a_page_is_redacted_before_it_is_cut() -> None:
    """A page is redacted before it is cut, so an address at the cut does not stay readable."""
    for spaces in range(470, 500):
        error = error_from_reply(Reply(502, {}, b" " * spaces + EMAIL.encode()))
        assert "maria" not in str(error.reply)


def test_a_nested_error_is_found() -> None:
    """The vendor's text is also found one level deeper."""
    assert error_from_reply(reply({"error": {"message": "Too dark", "code": 1}}, 400)).vendor_text == "Too dark"


def test_the_account_is_redacted_in_errors() -> None:
    """An e-mail address in the vendor's text appears neither in the message nor in the reply."""
    error = error_from_reply(reply({"error": account_busy(EMAIL, 5), EMAIL: [EMAIL]}, 429))
    assert "maria" not in f"{error} {error.reply!r}"
    assert str(error.vendor_text).endswith(" is busy executing 5 tasks.")


def test_a_very_long_text_is_cut() -> None:
    """A very long vendor text is cut."""
    assert len(str(error_from_reply(reply({"error": "x" * 100_000}, 400)))) < 700


@pytest.mark.parametrize(
    ("header", "pace"),
    [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("", None), ("inf", None)],
)
def test_retry_after_is_a_number_of_seconds_or_none(header: str, pace: float | None) -> None:
    """Retry-After is used if it is a finite number of seconds; anything else is ignored."""
    for status in (429, 503):
        error = error_from_reply(reply({}, status, {"retry-after": header}))
        assert isinstance(error, Busy | ServerError)
        assert error.retry_after_s == pace


def test_a_retry_after_of_nan_is_ignored() -> None:
    """A Retry-After of nan is ignored."""
    pace = Reply(429, {"retry-after": "nan"}, b"").retry_after_s
    assert pace is None or not math.isnan(pace)


def test_a_good_reply_is_parsed() -> None:
    """A 2xx reply gives what the call's parser returns."""
    assert read_reply(FREE, reply({"value": 7})) == 7
    assert read_reply(FREE, reply({"value": 7}, 201)) == 7


@pytest.mark.parametrize("body", [HTML, b"", b"null", b"[]", b"{}", b'{"value"', b"[" * 100_000, b"\xff"])
def test_a_good_status_with_an_unusable_body_is_a_server_error(body: bytes) -> None:
    """A 200 that cannot be parsed is a ServerError that names the call, even if it is nested very deeply."""
    with pytest.raises(ServerError) as caught:
        read_reply(FREE, Reply(200, {}, body))
    assert caught.value.status == 200
    assert "GET /thing" in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 404, 500])
def test_anything_but_2xx_is_raised(status: int) -> None:
    """A redirect is an error like the others; its body is not parsed."""
    with pytest.raises(APIError) as caught:
        read_reply(FREE, reply({"value": 7}, status))
    assert caught.value.status == status


# -- what a paid call's reply proves ---------------------------------------------------------------------------------


def test_an_id_is_an_acceptance() -> None:
    """A 2xx with a video id is accepted, with its cost if the reply states one."""
    assert classify_reply(PAID, reply({"video_id": VIDEO_ID})) == Accepted(VIDEO_ID, None)
    assert classify_reply(PAID, reply({"video_id": VIDEO_ID, "cost_credits": 60, "new": 1})) == Accepted(VIDEO_ID, 60)
    assert classify_reply(PAID, reply({"video_id": VIDEO_ID}, 201)) == Accepted(VIDEO_ID, None)


@pytest.mark.parametrize("cost", ["60", 60.0])
def test_a_cost_of_another_type_is_still_read(cost: object) -> None:
    """The cost may also be a string or a whole float."""
    assert classify_reply(PAID, reply({"video_id": VIDEO_ID, "cost_credits": cost})) == Accepted(VIDEO_ID, 60)


@pytest.mark.parametrize("cost", [None, "many", [], {}, float("inf"), float("nan")])
def test_an_unusable_cost_does_not_lose_the_id(cost: object) -> None:
    """An unusable cost does not lose the video id, which is worth money."""
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
    """A 2xx without a readable id may have been charged: it is indeterminate, never rejected or an exception."""
    assert isinstance(classify_reply(PAID, Reply(status, {}, body)), Indeterminate)


@pytest.mark.parametrize(("status", "kind"), REJECTING)
@pytest.mark.parametrize("body", [b'{"error": "No."}', HTML, b""])
def test_a_rejection_is_proof(status: int, kind: type[APIError], body: bytes) -> None:
    """A 4xx of the error table and 596 prove that nothing was accepted, whatever the body."""
    outcome = classify_reply(PAID, Reply(status, {}, body))
    assert isinstance(outcome, Rejected)
    assert type(outcome.error) is kind
    assert outcome.error.may_have_been_charged == "no"


@pytest.mark.parametrize("status", GONE)
@pytest.mark.parametrize("body", [b'{"error": "No."}', HTML, b""])
def test_a_route_that_is_gone_is_proof(status: int, body: bytes) -> None:
    """404, 405, 410 and every redirect in answer to a paid call prove that nothing was accepted, whatever the body."""
    outcome = classify_reply(PAID, Reply(status, {}, body))
    assert isinstance(outcome, Rejected)
    assert type(outcome.error) is EndpointGone
    assert (outcome.error.status, outcome.error.may_have_been_charged) == (status, "no")
    assert outcome.error.vendor_text == ("No." if body.startswith(b"{") else "")


def test_a_route_that_has_moved_names_the_new_address() -> None:
    """The error of a redirect has the new address, without the secrets in it, and it is short."""
    location = f"https://api.example.org/v3/create?email={EMAIL}&token={TOKEN}" + "x" * 5000
    outcome = classify_reply(PAID, Reply(308, {"location": location}, b""))
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, EndpointGone)
    assert outcome.error.vendor_text is not None
    assert "https://api.example.org/v3/create" in outcome.error.vendor_text
    for text in (outcome.error.vendor_text, str(outcome.error), str(outcome.error.reply)):
        assert EMAIL not in text
        assert TOKEN not in text
        assert len(text) < 600


def test_a_404_to_a_free_call_is_no_route_that_is_gone() -> None:
    """A 404 to a call that is not billable is NotFound: a video that is unknown or still processing."""
    with pytest.raises(NotFound):
        read_reply(BACKEND.get_video(VIDEO_ID), reply({"error": "Video not found"}, 404))


@pytest.mark.parametrize("status", [408, 425, 499, 500, 501, 502, 503, 504, 520, 524, 595, 597, 599])
@pytest.mark.parametrize("body", [b'{"error": "No."}', HTML, b""])
def test_everything_else_proves_nothing(status: int, body: bytes) -> None:
    """A proxy's timeout and every 5xx except 596 leave open whether the call was accepted."""
    assert isinstance(classify_reply(PAID, Reply(status, {}, body)), Indeterminate)


def test_an_error_beside_an_id_is_still_paid() -> None:
    """A 200 with an id is accepted even if it also contains an error."""
    assert isinstance(classify_reply(PAID, reply({"video_id": VIDEO_ID, "error": "late"})), Accepted)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (api_error(500, "down"), Indeterminate),
        (api_error(503, "", retry_after_s=2.0), Indeterminate),
        (api_error(422, "no"), Rejected),
        (api_error(429, ""), Rejected),
        (api_error(412, ""), Rejected),
    ],
)
def test_an_error_inside_a_200_is_classified_by_its_type(error: APIError, outcome: type) -> None:
    """If parsing a 2xx raises a ServerError the outcome is open; any other APIError is a rejection with that error."""

    def parse(_: Reply) -> Accepted:
        raise error

    got = classify_reply(Call("POST", "/create", parse, billable=True), Reply(200, {}, b"{}"))
    assert type(got) is outcome
    assert not isinstance(got, Rejected) or got.error is error


@pytest.mark.parametrize("error", [ValueError(), TypeError(), KeyError("id"), IndexError(), AttributeError()])
def test_a_parser_that_stumbles_leaves_the_outcome_open(error: Exception) -> None:
    """Any exception that an unexpected reply causes in the parser makes a paid 2xx indeterminate."""

    def parse(_: Reply) -> Accepted:
        raise error

    got = classify_reply(Call("POST", "/create", parse, billable=True), Reply(200, {}, b"{}"))
    assert got == Indeterminate("no_video_id", "200")


@pytest.mark.parametrize(("status", "reason"), [(200, "no_video_id"), (408, "http_status"), (503, "http_status")])
def test_an_open_outcome_has_a_reason(status: int, reason: str) -> None:
    """An Indeterminate outcome states its reason as a code."""
    outcome = classify_reply(PAID, Reply(status, {}, b""))
    assert isinstance(outcome, Indeterminate)
    assert outcome.reason == reason


# -- backends --------------------------------------------------------------------------------------------------------


class SmallBackend(Backend):
    """A backend with the required calls only."""

    name = "small"
    base_url = "https://api.example.org"

    def headers(self, token: Secret, call: Call[Any]) -> Mapping[str, str]:
        """Send the token as it is."""
        return {"Api-Key": token.reveal()}

    def upload(self, data: bytes, *, media_type: str, account: str | None) -> Call[UploadedFile]:
        """PUT the bytes."""
        return Call("PUT", "/files", lambda _: UploadedFile("file"), content=data, content_type=media_type)

    def submit(
        self, request: GenerationRequest, *, inputs: Mapping[str, str], reply_ref: str, account: str | None
    ) -> Call[Accepted]:
        """POST the inputs."""
        return Call("POST", "/jobs", lambda _: Accepted("1"), body=dict(inputs), billable=True)

    def get_video(self, video_id: str) -> Call[RemoteVideo]:
        """GET the job."""
        return Call("GET", f"/jobs/{video_id}", lambda _: RemoteVideo(video_id, RemoteState.QUEUED))


def test_a_backend_without_an_optional_call_returns_none() -> None:
    """A backend that implements the four required methods has None for every other call and names no account."""
    small = SmallBackend()
    optional = (
        small.list_videos(account=None, limit=40),
        small.list_running(),
        small.stop_tracking("1"),
        small.list_accounts(),
        small.get_capacity(),
        small.get_credits(account=None),
        small.account_of("1"),
    )
    assert optional == (None,) * 7
    assert small.parse_callback(b'{"video_id": "1"}') == CallbackIds()
    assert not CallbackIds()


# -- values ----------------------------------------------------------------------------------------------------------


def test_no_repr_shows_an_account() -> None:
    """Calls and outcomes print neither the e-mail nor the whole id, nor the bytes of a picture."""
    calls = [
        BACKEND.get_video(VIDEO_ID),
        BACKEND.stop_tracking(VIDEO_ID),
        BACKEND.list_videos(account=EMAIL, limit=40),
        BACKEND.upload(b"picture bytes", media_type="image/png", account=EMAIL),
    ]
    shown = repr([*calls, Accepted(VIDEO_ID), PAID, reply({"email": EMAIL})])
    assert "maria" not in shown
    assert "picture" not in shown
    assert "billable" in repr(PAID)
