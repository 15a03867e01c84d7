"""Videos and sounds that a call starts from: what is accepted, and what identifies it."""

import hashlib
from pathlib import Path

import pytest

from pixverse_nb.backends.useapi import UseapiBackend
from pixverse_nb.domain.jobs import VideoFile
from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.errors import ConfigError
from pixverse_nb.media import Media, UnusableMediaError, load_media
from tests.factories import EMAIL, a_video_id

MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(32)
SHA256 = hashlib.sha256(MP4).hexdigest()
account_of = UseapiBackend().account_of


def load(source: object, *, is_uploaded: bool = False) -> Media:
    """Return a source video of the vendor with accounts in its ids."""
    return load_media(source, role="source_video", suffixes=(".mp4",), account_of=account_of, is_uploaded=is_uploaded)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Return an mp4."""
    path = tmp_path / "Film.MP4"
    path.write_bytes(MP4)
    return path


def test_a_file_is_identified_by_its_content(film: Path) -> None:
    """The path as text or as a Path gives the same key, whatever the case of its ending."""
    assert load(film) == load(str(film))
    media = load(film)
    assert (media.key, media.path, media.sha256, media.remote) == (f"sha256:{SHA256}", film, SHA256, None)


def test_a_video_of_the_vendor_needs_no_upload(film: Path) -> None:
    """A finished video has the key of its content, the vendor's id and its account; its file is not read."""
    video = VideoFile(film.with_name("gone.mp4"), SHA256, len(MP4), video_id=a_video_id(), ref="pv-1")
    media = load(video)
    assert (media.key, media.remote, media.account, media.path) == (f"sha256:{SHA256}", a_video_id(), EMAIL, None)
    assert media.expr == "client.job('pv-1')"


def test_a_video_is_uploaded_where_ids_are_not_taken(film: Path) -> None:
    """With `is_uploaded` a finished video is its file, and an id is refused without showing the account."""
    media = load(VideoFile(film, SHA256, len(MP4), video_id=a_video_id(), ref="pv-1"), is_uploaded=True)
    assert (media.path, media.remote, media.account) == (film, None, None)
    with pytest.raises(UnusableMediaError) as caught:
        load(a_video_id(), is_uploaded=True)
    assert EMAIL not in str(caught.value)


def test_ids_and_uploads_are_used_as_they_are() -> None:
    """A video id has its account; the path of an upload has none."""
    assert (load(a_video_id()).remote, load(a_video_id()).account) == (a_video_id(), EMAIL)
    upload = load(UploadedFile("upload/v.mp4"))
    assert (upload.remote, upload.account, upload.key) == ("upload/v.mp4", None, "path:upload/v.mp4")
    assert EMAIL not in repr(load(a_video_id()))


@pytest.mark.parametrize(("name", "start"), [("a.mp3", b"ID3\x04"), ("a.mp3", b"\xff\xfb"), ("a.WAV", b"RIFF")])
def test_sounds(tmp_path: Path, name: str, start: bytes) -> None:
    """mp3 and wav are recognised by ending and content."""
    (tmp_path / name).write_bytes(start + bytes(20))
    media = load_media(
        tmp_path / name, role="audio", suffixes=(".mp3", ".wav"), account_of=account_of, is_uploaded=True
    )
    assert media.path == tmp_path / name


@pytest.mark.parametrize("source", [None, 5, b"ftyp", "nowhere.mp4", "film.mov", "", "a\0.mp4", Path("/")])
def test_other_sources_are_refused(source: object) -> None:
    """Everything else is named with its reason."""
    with pytest.raises(UnusableMediaError):
        load(source)


def test_a_stored_copy_outlives_the_file(film: Path, tmp_path: Path) -> None:
    """The copy is named by its hash; storing it again changes nothing."""
    media = load(film)
    media.store(tmp_path / "store")
    film.unlink()
    media.store(tmp_path / "store")
    assert (tmp_path / "store" / f"{SHA256}.mp4").read_bytes() == MP4


def test_a_damaged_copy_is_replaced(film: Path, tmp_path: Path) -> None:
    """A copy of the same length with other content is written again."""
    copy = tmp_path / "store" / f"{SHA256}.mp4"
    copy.parent.mkdir()
    copy.write_bytes(bytes(len(MP4)))
    load(film).store(copy.parent)
    assert copy.read_bytes() == MP4


def test_a_file_that_changes_is_not_stored(film: Path, tmp_path: Path) -> None:
    """A file that has changed since it was looked at is not stored under the old hash."""
    media = load(film)
    film.write_bytes(MP4 + b"more")
    with pytest.raises(ConfigError):
        media.store(tmp_path / "store")
    assert list((tmp_path / "store").iterdir()) == []


def test_a_file_that_has_gone_cannot_be_stored(film: Path, tmp_path: Path) -> None:
    """A file that has gone since is a ConfigError."""
    media = load(film)
    film.unlink()
    with pytest.raises(ConfigError):
        media.store(tmp_path / "store")
