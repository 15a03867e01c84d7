"""Files put together from pieces that a stranger sends."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_nb.widgets.picker import PICTURE_MAX_BYTES, PIECE_MAX_BYTES, ChunkedUpload, TransferRefused, short_name

HELLO: dict[str, Any] = {"id": "a", "name": "cat.png", "size": 10, "type": "image/png"}


def refusal(**changes: Any) -> str:
    """Return why a "begin" message with these changes is refused."""
    with pytest.raises(TransferRefused) as caught:
        ChunkedUpload.begin({**HELLO, **changes})
    return str(caught.value)


@given(data=st.binary(min_size=1, max_size=300), piece=st.integers(1, 70))
def test_pieces_in_order_give_the_file(data: bytes, piece: int) -> None:
    """Whatever the size of the pieces, the file comes out byte for byte, and is complete with the last one."""
    transfer = ChunkedUpload.begin({**HELLO, "size": len(data)})
    for offset in range(0, len(data), piece):
        assert not transfer.is_complete
        transfer.take(offset, data[offset : offset + piece])
    assert transfer.is_complete
    assert transfer.data == data


def test_a_repeated_piece_changes_nothing() -> None:
    """A piece that comes twice is taken once."""
    transfer = ChunkedUpload.begin(HELLO)
    assert transfer.take(0, b"01234") == 5
    assert transfer.take(0, b"xxxxx") == 5
    assert transfer.data == b"01234"


@pytest.mark.parametrize(
    ("offset", "piece"),
    [
        (1, b"gap"),
        (0, b"longer than announced"),
        (0, b""),
        (-1, b"x"),
        (None, b"x"),
        ("0", b"x"),
        (True, b"x"),
        (0, bytes(PIECE_MAX_BYTES + 1)),
    ],
)
def test_a_piece_that_does_not_fit_ends_the_transfer(offset: object, piece: bytes) -> None:
    """A gap, an overrun, an empty or oversized piece and a wrong offset are refused, and nothing is kept of them."""
    transfer = ChunkedUpload.begin({**HELLO, "size": 10 if len(piece) < PIECE_MAX_BYTES else 2 * PIECE_MAX_BYTES})
    with pytest.raises(TransferRefused, match="Pick the picture again"):
        transfer.take(offset, piece)
    assert transfer.received == 0


def test_a_file_above_the_limit_is_refused_before_any_byte() -> None:
    """The announced size decides: 100 MB is taken, one byte more is not, and the sentence names both."""
    assert ChunkedUpload.begin({**HELLO, "size": PICTURE_MAX_BYTES}).received == 0
    assert "has 100 MB; at most 100 MB" in refusal(size=PICTURE_MAX_BYTES + 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": 0}, "is empty"),
        ({"size": -1}, "how large"),
        ({"size": 1.5}, "how large"),
        ({"size": None}, "how large"),
        ({"type": "application/pdf"}, "is not a picture (application/pdf)"),
        ({"id": None}, "Reload the page"),
        ({"id": "x" * 201}, "Reload the page"),
    ],
)
def test_a_senseless_announcement_is_refused_in_words(changes: dict[str, Any], words: str) -> None:
    """Each wrong field of the announcement has its own sentence."""
    assert words in refusal(**changes)


@pytest.mark.parametrize(
    ("given_name", "shown"),
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
def test_names_are_cleaned(given_name: object, shown: str) -> None:
    """Of a name only its last part stays, without control signs and not longer than 200 characters."""
    assert short_name(given_name) == shown
