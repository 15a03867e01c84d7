"""Files that arrive in chunks from an untrusted page."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_nb.widgets.picker import MAX_CHUNK_BYTES, MAX_UPLOAD_BYTES, ChunkedUpload, UploadRejected, clean_name

BEGIN: dict[str, Any] = {"id": "a", "name": "cat.png", "size": 10, "type": "image/png"}


@given(data=st.binary(min_size=1, max_size=300), chunk_bytes=st.integers(1, 70))
def test_chunks_in_order_give_the_file(data: bytes, chunk_bytes: int) -> None:
    """For any chunk size the upload is complete with the last chunk and equals the file."""
    upload = ChunkedUpload.begin({**BEGIN, "size": len(data)})
    for offset in range(0, len(data), chunk_bytes):
        assert not upload.is_complete
        upload.add_chunk(offset, data[offset : offset + chunk_bytes])
    assert upload.is_complete
    assert upload.data == data


def test_a_repeated_chunk_changes_nothing() -> None:
    """A chunk that arrives twice is stored once."""
    upload = ChunkedUpload.begin(BEGIN)
    assert upload.add_chunk(0, b"01234") == 5
    assert upload.add_chunk(0, b"xxxxx") == 5
    assert upload.data == b"01234"


@pytest.mark.parametrize(
    ("offset", "chunk"),
    [
        (1, b"gap"),
        (0, b"longer than announced"),
        (0, b""),
        (-1, b"x"),
        (None, b"x"),
        ("0", b"x"),
        (True, b"x"),
        (0, bytes(MAX_CHUNK_BYTES + 1)),
    ],
)
def test_an_invalid_chunk_is_rejected(offset: object, chunk: bytes) -> None:
    """A gap, an overrun, an empty or oversized chunk and a wrong offset are rejected, and none of it is stored."""
    upload = ChunkedUpload.begin({**BEGIN, "size": 10 if len(chunk) < MAX_CHUNK_BYTES else 2 * MAX_CHUNK_BYTES})
    with pytest.raises(UploadRejected, match=r"cat\.png"):
        upload.add_chunk(offset, chunk)
    assert upload.received == 0


def test_a_file_above_the_limit_is_rejected_before_any_byte() -> None:
    """An announced size of 100 MB is accepted; one byte more is rejected with the limit."""
    assert ChunkedUpload.begin({**BEGIN, "size": MAX_UPLOAD_BYTES}).received == 0
    with pytest.raises(UploadRejected, match="100 MB"):
        ChunkedUpload.begin({**BEGIN, "size": MAX_UPLOAD_BYTES + 1})


@pytest.mark.parametrize(
    ("changes", "token"),
    [
        ({"size": 0}, "0 bytes"),
        ({"size": -1}, "size"),
        ({"size": 1.5}, "size"),
        ({"size": None}, "size"),
        ({"type": "application/pdf"}, "application/pdf"),
        ({"id": None}, "Reload"),
        ({"id": "x" * 201}, "Reload"),
    ],
)
def test_an_invalid_announcement_is_rejected(changes: dict[str, Any], token: str) -> None:
    """Each invalid field of the announcement is rejected with its own message."""
    with pytest.raises(UploadRejected, match=token):
        ChunkedUpload.begin({**BEGIN, **changes})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/home/maria/cat.png", "cat.png"),
        ("C:\\Users\\maria\\cat.png", "cat.png"),
        ("c\x00a\nt.png", "cat.png"),
        ("", "picture"),
        (None, "picture"),
        (7, "picture"),
        ("x" * 900, "x" * 200),
    ],
)
def test_file_names_are_cleaned(name: object, expected: str) -> None:
    """Only the last part of a name is kept, without control characters and with at most 200 characters."""
    assert clean_name(name) == expected
