"""The paid call of each operation: the path and the whole body, from the vendor's pages."""

from collections.abc import Mapping
from typing import Any

import pytest

from pixverse_nb.backends.base import Accepted, Indeterminate, Rejected, VideoMade, classify_reply, read_reply
from pixverse_nb.backends.useapi import UseapiBackend
from pixverse_nb.domain.operations import Operation
from pixverse_nb.domain.remote import NamedId, UploadedFile
from pixverse_nb.domain.requests import GenerationRequest, Input, build_request
from pixverse_nb.errors import ServerError
from tests.backends.sample_replies import EMAIL, VIDEO_ID, reply
from tests.factories import a_request

BACKEND = UseapiBackend()
VIDEO = {"source_video": VIDEO_ID}
FILE = {"source_video": "upload/v.mp4"}
THREE = {f"frame_{at}": f"upload/{at}.png" for at in (1, 2, 3)}
THREE_PATHS = {f"frame_{at}_path": f"upload/{at}.png" for at in (1, 2, 3)}
DEFAULT_RATIO = {"aspect_ratio": "16:9"}  # the builder always fills it in

# operation, inputs, fields, path, body without replyRef
CALLS: list[tuple[str, dict[str, str], dict[str, Any], str, dict[str, Any]]] = [
    (
        "text",
        {},
        {"prompt": "a boat", "seed": 7, "aspect_ratio": "9:16"},
        "/videos/create",
        {"model": "v6", "prompt": "a boat", "duration": 5, "quality": "720p", "aspect_ratio": "9:16", "seed": 7},
    ),
    (
        "text",
        {},
        {"prompt": "a boat", "seed": 7, "audio": True, "multi_shot": False, "off_peak_mode": True, "duration": 15},
        "/videos/create",
        {
            "model": "v6",
            "prompt": "a boat",
            "duration": 15,
            "quality": "720p",
            "aspect_ratio": "16:9",
            "seed": 7,
            "audio": True,
            "multi_shot": False,
            "off_peak_mode": True,
        },
    ),
    (
        "text",
        {},
        {"prompt": "a boat", "model": "veo-3.1-fast", "duration": 8},
        "/videos/create",
        {"model": "veo-3.1-fast", "prompt": "a boat", "duration": 8, "quality": "720p", "aspect_ratio": "16:9"},
    ),
    (
        "image",
        {"first": "upload/1.png"},
        {"seed": 7, "aspect_ratio": "1:1"},
        "/videos/create",
        {"first_frame_path": "upload/1.png", "model": "v6", "duration": 5, "quality": "720p", "seed": 7},
    ),
    (
        "image",
        {"first": "upload/1.png"},
        {"prompt": "rain", "model": "sora-2", "duration": 12},
        "/videos/create",
        {"first_frame_path": "upload/1.png", "model": "sora-2", "prompt": "rain", "duration": 12, "quality": "720p"},
    ),
    (
        "frames",
        {"first": "upload/1.png", "last": "upload/2.png"},
        {"model": "v5.6", "seed": 7, "aspect_ratio": "3:4", "preview_mode": True},
        "/videos/create-frames",
        {
            "first_frame_path": "upload/1.png",
            "last_frame_path": "upload/2.png",
            "model": "v5.6",
            "duration": 5,
            "quality": "540p",
            "seed": 7,
            "preview_mode": True,
        },
    ),
    (
        "transition",
        THREE,
        {"seed": 7, "prompt_1_to_2": "a", "duration_2_to_3": 3, "aspect_ratio": "1:1"},
        "/videos/create-transition",
        {**THREE_PATHS, "model": "v5", "quality": "540p", "seed": 7, "prompt_1_to_2": "a", "duration_2_to_3": 3},
    ),
    (
        "fusion",
        THREE,
        {"prompt": "@image1 and @image2", "seed": 7, "aspect_ratio": "2:3"},
        "/videos/create-fusion",
        {
            **THREE_PATHS,
            "prompt": "@image1 and @image2",
            "model": "pixverse-c1",
            "duration": 5,
            "quality": "720p",
            "aspect_ratio": "2:3",
            "seed": 7,
        },
    ),
    (
        "extend",
        VIDEO,
        {"seed": 7, "duration": 3},
        "/videos/extend",
        {"video_id": VIDEO_ID, "model": "v6", "duration": 3, "quality": "720p", "seed": 7},
    ),
    (
        "extend",
        FILE,
        {"prompt": "on", "model": "grok-imagine", "quality": "480p"},
        "/videos/extend",
        {"video_path": "upload/v.mp4", "prompt": "on", "model": "grok-imagine", "duration": 5, "quality": "480p"},
    ),
    ("upscale", VIDEO, {}, "/videos/upscale/", {"video_id": VIDEO_ID, "model": "pixverse-upscale", "quality": "2160p"}),
    (
        "upscale",
        FILE,
        {"model": "topaz-astra", "quality": "1080p"},
        "/videos/upscale/",
        {"video_path": "upload/v.mp4", "model": "topaz-astra", "quality": "1080p"},
    ),
    (
        "restyle",
        VIDEO,
        {"restyle_id": 1002, "seed": 7},
        "/videos/restyle",
        {"video_id": VIDEO_ID, "model": "v4", "restyle_id": 1002, "seed": 7},
    ),
    (
        "restyle",
        FILE,
        {"prompt": "as clay", "seed": 7},
        "/videos/restyle",
        {"video_path": "upload/v.mp4", "model": "v4", "prompt": "as clay", "seed": 7},
    ),
    (
        "modify",
        VIDEO,
        {"prompt": "night", "seed": 7, "quality": "360p"},
        "/videos/modify",
        {"video_id": VIDEO_ID, "model": "v5.5", "prompt": "night", "quality": "360p", "seed": 7},
    ),
    (
        "lipsync",
        {**VIDEO, "audio": "upload/a.mp3"},
        {},
        "/videos/lipsync/",
        {"video_id": VIDEO_ID, "audio_path": "upload/a.mp3"},
    ),
    (
        "lipsync",
        FILE,
        {"prompt": "hello", "speaker_id": "s-1"},
        "/videos/lipsync/",
        {"video_path": "upload/v.mp4", "prompt": "hello", "speaker_id": "s-1"},
    ),
    (
        "motion",
        {"frame_1": "upload/1.png", **FILE},
        {"seed": 7},
        "/videos/motion-control",
        {
            "frame_1_path": "upload/1.png",
            "video_1_path": "upload/v.mp4",
            "model": "v5.6",
            "quality": "540p",
            "seed": 7,
        },
    ),
]


def request_of(operation: str, inputs: Mapping[str, str], fields: Mapping[str, Any]) -> GenerationRequest:
    """Return a validated request as the client builds it."""
    made = [Input(role, f"sha256:{role}") for role in inputs]
    return build_request(Operation(operation), made, fields, roles=tuple(inputs), defaults=DEFAULT_RATIO)


@pytest.mark.parametrize(("operation", "inputs", "fields", "path", "body"), CALLS)
def test_the_paid_call_of_an_operation(
    operation: str, inputs: dict[str, str], fields: dict[str, Any], path: str, body: dict[str, Any]
) -> None:
    """Path and body are exactly those of the vendor's page; what the route does not take is left out."""
    request = request_of(operation, inputs, fields)
    call = BACKEND.submit(request, inputs=inputs, reply_ref="pv-1:1", account=None)
    assert (call.method, call.path, call.billable) == ("POST", path, True)
    assert call.body == {**body, "replyRef": "pv-1:1"}


@pytest.mark.parametrize("operation", sorted({call[0] for call in CALLS}))
def test_the_account_of_the_job_is_in_the_body(operation: str) -> None:
    """The e-mail of the job's account is in the body, and it wins over the one in the request."""
    _, inputs, fields, _, body = next(call for call in CALLS if call[0] == operation)
    request = request_of(operation, inputs, {**fields, "email": "other@example.org", "max_jobs": 2})
    call = BACKEND.submit(request, inputs=inputs, reply_ref="pv-1:1", account=EMAIL)
    assert call.body == {**body, "replyRef": "pv-1:1", "email": EMAIL, "maxJobs": 2}


@pytest.mark.parametrize("operation", sorted({call[0] for call in CALLS}))
def test_the_answers_to_the_paid_call_of_an_operation(operation: str) -> None:
    """The documented answers mean the same for each operation: an id is paid, a 4xx or 596 is not, a 5xx may be."""
    _, inputs, fields, *_ = next(call for call in CALLS if call[0] == operation)
    call = BACKEND.submit(request_of(operation, inputs, fields), inputs=inputs, reply_ref="pv-1:1", account=None)
    accepted = {"video_id": VIDEO_ID, "cost_credits": 30, "video_status_name": "QUEUED", "added": {}}
    assert classify_reply(call, reply(accepted)) == Accepted(VIDEO_ID, 30)
    for status in (308, 400, 401, 402, 404, 412, 422, 429, 596):
        assert isinstance(classify_reply(call, reply({"error": "No.", "code": status}, status)), Rejected)
    for status in (500, 502, 504):
        assert isinstance(classify_reply(call, reply({"error": "No."}, status)), Indeterminate)


def test_every_operation_has_a_paid_call() -> None:
    """No operation of the client is without an endpoint."""
    assert {call[0] for call in CALLS} == {operation.value for operation in Operation}
    assert set(BACKEND.create_calls) == set(Operation)


@pytest.mark.parametrize(("inputs", "field"), [(VIDEO, "video_id"), (FILE, "video_path")])
def test_a_quote_is_the_paid_call_with_a_flag(inputs: dict[str, str], field: str) -> None:
    """A quote has the body of the upscale and `quote`, without our reference, and is free."""
    call = BACKEND.quote(request_of("upscale", inputs, {}), inputs=inputs, account=EMAIL)
    assert call is not None
    assert (call.method, call.path, call.billable) == ("POST", "/videos/upscale/", False)
    assert call.body == {
        field: inputs["source_video"],
        "model": "pixverse-upscale",
        "quality": "2160p",
        "quote": True,
        "email": EMAIL,
    }


def test_only_an_upscale_has_a_quote() -> None:
    """The route of no other operation has a quote."""
    for operation, inputs, fields, *_ in CALLS:
        if operation != "upscale":
            request = request_of(operation, inputs, fields)
            assert BACKEND.quote(request, inputs=inputs, account=None) is None


@pytest.mark.parametrize(
    "body", [{"cost_credits": 30}, {"quote": True, "cost_credits": 30}, {"credits": 30}, {"price": "30"}]
)
def test_the_price_of_a_quote(body: dict[str, Any]) -> None:
    """The price is found under each name that the vendor may use."""
    call = BACKEND.quote(request_of("upscale", VIDEO, {}), inputs=VIDEO, account=None)
    assert call is not None
    assert read_reply(call, reply(body)) == 30


def test_a_video_instead_of_a_quote_is_no_passing_failure() -> None:
    """If the vendor made a video in answer, the error has its generation and names it without the account."""
    call = BACKEND.quote(request_of("upscale", VIDEO, {}), inputs=VIDEO, account=None)
    assert call is not None
    for video_id in (VIDEO_ID, 12345):
        with pytest.raises(VideoMade) as caught:
            read_reply(call, reply({"video_id": video_id, "cost_credits": 30}))
        assert caught.value.made == Accepted(str(video_id), 30)
        assert str(video_id).rpartition(":")[2] in str(caught.value)
        assert "@" not in str(caught.value)


@pytest.mark.parametrize("body", [{}, {"quote": True}, {"cost_credits": None}, []])
def test_a_quote_without_a_price_is_no_price(body: Any) -> None:
    """An answer without a number is an error, not a price of 1 or 0."""
    call = BACKEND.quote(request_of("upscale", VIDEO, {}), inputs=VIDEO, account=None)
    assert call is not None
    with pytest.raises(ServerError):
        read_reply(call, reply(body))


def test_an_uploaded_video_has_its_path_at_the_top() -> None:
    """The answer to a video's upload has no `result`; a picture's has."""
    call = BACKEND.upload(b"....ftyp", media_type="video/mp4", account=EMAIL)
    assert (call.path, call.query, call.content_type) == ("/files/", {"email": EMAIL}, "video/mp4")
    answer = reply({"path": "upload/v.mp4", "url": "https://media.example.org/v.mp4"})
    assert read_reply(call, answer) == UploadedFile("upload/v.mp4", url="https://media.example.org/v.mp4")
    with pytest.raises(ServerError):
        read_reply(call, reply({"url": "https://media.example.org/v.mp4"}))


def test_styles_and_speakers() -> None:
    """Both lists are read under the names that the vendor may use; an entry without an id is left out."""
    styles = BACKEND.list_restyles(account=EMAIL)
    voices = BACKEND.list_voices(account=None)
    assert (styles.path, styles.query) == ("/videos/restyles", {"email": EMAIL})
    assert (voices.path, voices.query) == ("/videos/voices", {})
    rows = [{"restyle_id": 5, "restyle_name": "Clay"}, {"id": 6}, {"name": "none"}, "text"]
    assert read_reply(styles, reply({"data": rows})) == [NamedId("5", "Clay"), NamedId("6", "6")]
    assert read_reply(voices, reply([{"speaker_id": "a", "name": "Ann"}])) == [NamedId("a", "Ann")]
    with pytest.raises(ServerError):
        read_reply(voices, reply({"error": "none"}))


@pytest.mark.parametrize(("shown", "number"), [(200_007, 200_007), ("200007", 200_007), (0, None), (None, None)])
def test_a_row_names_its_source_video(shown: object, number: int | None) -> None:
    """`original_video_id` is the number of the source; 0 stands for none."""
    call = BACKEND.get_video(VIDEO_ID)
    assert read_reply(call, reply({"video_id": VIDEO_ID, "original_video_id": shown})).source_number == number


def test_the_request_of_the_old_page_keeps_its_ratio() -> None:
    """create-frames-v3 is the only route of a model from picture to picture that takes a ratio."""
    call = BACKEND.submit(
        a_request(model="v3.5", aspect_ratio="9:16"),
        inputs={"first": "upload/1.png", "last": "upload/2.png"},
        reply_ref="pv-1:1",
        account=None,
    )
    assert call.path == "/videos/create-frames-v3"
    assert (call.body or {})["aspect_ratio"] == "9:16"
