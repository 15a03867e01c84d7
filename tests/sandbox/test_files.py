"""POST /files: raw bytes, whose Content-Type decides."""

import pytest

from tests.sandbox.guest import Guest, picture


@pytest.mark.parametrize(
    ("extension", "kind", "suffix"),
    [
        (".png", "image/png", "png"),
        (".jpg", "image/jpeg", "jpeg"),
        (".webp", "image/webp", "webp"),
        (".gif", "image/gif", "gif"),
    ],
)
def test_picture_is_stored_as_it_came(steady: Guest, extension: str, kind: str, suffix: str) -> None:
    """An upload answers its id and path, and the media host serves the very same bytes."""
    data = picture(extension)
    answer = steady.call("POST", "/files/", content=data, headers={"Content-Type": kind})
    (entry,) = answer.json()["result"]
    assert set(entry) == {"id", "url", "path", "size", "name", "category", "err_msg"}
    assert entry["path"].startswith("upload/")
    assert entry["path"].endswith(f".{suffix}")
    assert (entry["size"], entry["err_msg"]) == (len(data), "")
    assert "/media/upload%2F" in entry["url"]
    served = steady.http.get(entry["url"])
    assert (served.content, served.headers["content-type"]) == (data, kind)


def test_other_kinds_answer_path_and_url(steady: Guest) -> None:
    """A video upload answers `path` and `url` at the top level."""
    answer = steady.call("POST", "/files", content=b"film", headers={"Content-Type": "video/mp4"})
    assert set(answer.json()) == {"path", "url"}


@pytest.mark.parametrize(
    ("kind", "data", "word"),
    [
        (None, picture(), "Content-Type"),
        ("text/plain", picture(), "Content-Type"),
        ("multipart/form-data; boundary=x", picture(), "Content-Type"),
        ("image/jpeg", picture(".png"), "not image/jpeg"),
        ("image/png", picture()[:-12], "cut off"),
        ("image/png", picture()[:8] + b"rubbish IEND", "decoded"),
        ("image/webp", b"RIFF1234WAVE", "not image/webp"),
        ("image/png", b"", "raw bytes"),
        ("image/png", picture(width=2049), "2049x18"),
    ],
)
def test_wrong_upload_is_refused(steady: Guest, kind: str | None, data: bytes, word: str) -> None:
    """Bytes that are not the picture their type says, or too large a one, are a 400 that says so."""
    before = len(steady.box._stage.world.uploads)
    answer = steady.call("POST", "/files/", content=data, headers={"Content-Type": kind} if kind else {})
    assert (answer.status_code, answer.json()["code"]) == (400, 400)
    assert word in answer.json()["error"]
    assert len(steady.box._stage.world.uploads) == before


def test_email_is_required_with_several_accounts(pair: Guest) -> None:
    """With two accounts an upload must name one that exists."""
    send = {"content": picture(), "headers": {"Content-Type": "image/png"}}
    assert pair.call("POST", "/files/", **send).status_code == 400
    assert pair.call("POST", "/files/?email=nobody@example.com", **send).status_code == 404
    assert pair.call("POST", "/files/?email=two%40example.com", **send).status_code == 200
