"""The media host: films and uploads with %2F in their paths, in ranges, and never with a credential."""

from collections.abc import Iterator

import pytest

from tests.sandbox.conftest import Open
from tests.sandbox.guest import CANNED_FILM, Guest


@pytest.fixture(scope="module")
def shown(opened: Open) -> Iterator[tuple[Guest, str]]:
    """Give a guest and the url of a finished film."""
    with opened() as guest:
        video_id = guest.create()
        guest.control.advance(80)
        yield guest, guest.row(video_id)["url"]


def test_film_is_served_whole(shown: tuple[Guest, str]) -> None:
    """A film comes with its type, length and ETag; HEAD gives the head alone."""
    guest, url = shown
    assert "/media/pixverse%2Fmp4%2Fmedia%2Fweb%2F" in url
    answer = guest.http.get(url)
    assert answer.content == CANNED_FILM
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"].startswith('"')
    head = guest.http.head(url)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(CANNED_FILM)))


SIZE = len(CANNED_FILM)


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-99", 0, 99),
        ("bytes=100-", 100, SIZE - 1),
        ("bytes=-10", SIZE - 10, SIZE - 1),
        (f"bytes=5-{SIZE * 2}", 5, SIZE - 1),
    ],
)
def test_ranges_are_cut(shown: tuple[Guest, str], asked: str, first: int, last: int) -> None:
    """A Range gets a 206 with just these bytes."""
    guest, url = shown
    answer = guest.http.get(url, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == CANNED_FILM[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"


def test_range_beyond_the_end_is_416(shown: tuple[Guest, str]) -> None:
    """A range outside the film is a 416 that names its size."""
    guest, url = shown
    answer = guest.http.get(url, headers={"Range": f"bytes={SIZE}-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{SIZE}")


def test_range_of_another_film_is_served_whole(shown: tuple[Guest, str]) -> None:
    """If-Range with another ETag gets the whole film, so that two films are never joined."""
    guest, url = shown
    answer = guest.http.get(url, headers={"Range": "bytes=5-", "If-Range": '"other"'})
    assert (answer.status_code, len(answer.content)) == (200, SIZE)


@pytest.mark.parametrize("change", [("%2F", "/"), ("%2F", "%252F"), ("_seed0", "_seed1")])
def test_other_paths_are_404(shown: tuple[Guest, str], change: tuple[str, str]) -> None:
    """Slashes unquoted, quoted twice, or another name: not found."""
    guest, url = shown
    origin, _, path = url.partition("/media/")
    assert guest.http.get(f"{origin}/media/{path.replace(*change)}").status_code == 404


@pytest.mark.parametrize("header", ["Authorization", "Cookie", "API-KEY"])
def test_credentials_are_refused_and_counted(guest: Guest, header: str) -> None:
    """A credential on a media request is a 400, and stands in control.leaks."""
    video_id = guest.create()
    guest.control.advance(80)
    assert guest.film(video_id, headers={header: "secret"}).status_code == 400
    assert guest.control.leaks == [f"{header.lower()} was sent to the media host"]
