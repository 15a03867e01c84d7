"""What is said about bytes that are no readable picture."""

import pytest

from pixverse_nb.images.sniff import looks_like_heic, unreadable_reason


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xd8\xff\xe0 rest", "JPEG file is cut short"),
        (b"\x89PNG\r\n\x1a\n rest", "PNG file is cut short"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "WebP file is cut short"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "video"),
        (b"\x00\x00\x00\x18ftypmp42", "save one of its frames"),
        (b"\x1a\x45\xdf\xa3webm", "video"),
        (b"\x00\x00\x00\x18ftypheic", "pip install pillow-heif"),
        (b"\x00\x00\x00\x18ftypavif", "AVIF"),
        (b"%PDF-1.7", "PDF"),
        (b"8BPS", "Photoshop"),
        (b"PK\x03\x04", "zip"),
        (b'<?xml version="1.0"?>\n<svg xmlns="x">', "SVG"),
        (b"\xef\xbb\xbf <!DOCTYPE html><svg>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        ("Grüße, this is only text…".encode(), "text file"),
        (("é" * 700).encode(), "text file"),
        (b"\x00\x01\x02\x03", "not a picture that can be read"),
        (b"", "not a picture that can be read"),
    ],
)
def test_the_kind_is_named(data: bytes, words: str) -> None:
    """The first bytes tell what it is, and the sentence says the mend."""
    assert words in unreadable_reason(data)


def test_the_bytes_are_never_repeated() -> None:
    """A secret inside a text file does not reach the sentence."""
    assert "SECRET" not in unreadable_reason(b"token=SECRET and more text")


def test_heic_is_recognised() -> None:
    """An iPhone's picture begins with ftyp and a HEIF brand; an mp4 does not."""
    assert looks_like_heic(b"\x00\x00\x00\x18ftypheic")
    assert not looks_like_heic(b"\x00\x00\x00\x18ftypisom")
