"""The media host: videos and uploads with %2F in their paths, ranges, and refused credentials."""

from collections.abc import Iterator

import pytest

from tests.sandbox.api_client import CANNED_VIDEO, ApiClient
from tests.sandbox.conftest import OpenSandbox

SIZE = len(CANNED_VIDEO)


@pytest.fixture(scope="module")
def finished_video(open_sandbox: OpenSandbox) -> Iterator[tuple[ApiClient, str]]:
    """Return a client and the URL of a finished video."""
    with open_sandbox() as api:
        video_id = api.create()
        api.control.advance(80)
        yield api, api.row(video_id)["url"]


def test_video_is_served_whole(finished_video: tuple[ApiClient, str]) -> None:
    """A video is served with its type, length and ETag; HEAD returns only the headers."""
    api, url = finished_video
    assert "/media/pixverse%2Fmp4%2Fmedia%2Fweb%2F" in url
    answer = api.http.get(url)
    assert answer.content == CANNED_VIDEO
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"].startswith('"')
    head = api.http.head(url)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(CANNED_VIDEO)))


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-99", 0, 99),
        ("bytes=100-", 100, SIZE - 1),
        ("bytes=-10", SIZE - 10, SIZE - 1),
        (f"bytes=5-{SIZE * 2}", 5, SIZE - 1),
    ],
)
def test_range_request(finished_video: tuple[ApiClient, str], asked: str, first: int, last: int) -> None:
    """A Range request returns 206 and exactly those bytes."""
    api, url = finished_video
    answer = api.http.get(url, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == CANNED_VIDEO[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"


def test_range_beyond_the_end_is_416(finished_video: tuple[ApiClient, str]) -> None:
    """A range outside the file returns 416 with the file's size."""
    api, url = finished_video
    answer = api.http.get(url, headers={"Range": f"bytes={SIZE}-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{SIZE}")


def test_a_range_that_is_no_number_returns_the_whole_file(finished_video: tuple[ApiClient, str]) -> None:
    """A Range with more digits than any file has bytes is ignored."""
    api, url = finished_video
    assert api.http.get(url, headers={"Range": f"bytes={'9' * 5000}-"}).status_code == 200


def test_range_of_another_video_returns_the_whole_file(finished_video: tuple[ApiClient, str]) -> None:
    """If-Range with another ETag returns the whole file, so parts of two videos are never joined."""
    api, url = finished_video
    answer = api.http.get(url, headers={"Range": "bytes=5-", "If-Range": '"other"'})
    assert (answer.status_code, len(answer.content)) == (200, SIZE)


@pytest.mark.parametrize("change", [("%2F", "/"), ("%2F", "%252F"), ("_seed0", "_seed1")])
def test_other_paths_are_404(finished_video: tuple[ApiClient, str], change: tuple[str, str]) -> None:
    """A path with plain or doubly encoded slashes, or another name, returns 404."""
    api, url = finished_video
    origin, _, path = url.partition("/media/")
    assert api.http.get(f"{origin}/media/{path.replace(*change)}").status_code == 404


@pytest.mark.parametrize("header", ["Authorization", "Cookie", "API-KEY"])
def test_credentials_are_refused_and_noted(api: ApiClient, header: str) -> None:
    """A credential in a media request returns 400 and is listed in `control.leaked_credentials`."""
    video_id = api.create()
    api.control.advance(80)
    assert api.get_video(video_id, headers={header: "secret"}).status_code == 400
    assert api.control.leaked_credentials == [header.lower()]
