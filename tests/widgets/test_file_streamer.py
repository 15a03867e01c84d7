"""Films served to a page: only what is offered, in pieces, at the page's pace."""

from pathlib import Path

import pytest

from pixverse_nb.widgets.comm import IN_FLIGHT, PIECE_BYTES, BackgroundRunner, FileStreamer
from tests.widgets.page import settle

LENGTH = 5 * PIECE_BYTES + 17


class Line:
    """The page's end: keeps what it hears, and answers when told."""

    def __init__(self, tmp_path: Path) -> None:
        self.errors: list[Exception] = []
        self.heard: list[tuple[dict[str, object], list[bytes]]] = []
        self.supply = FileStreamer(
            lambda content, buffers: self.heard.append((content, buffers)), BackgroundRunner(self.errors.append)
        )
        self.film = tmp_path / "film.mp4"
        self.film.write_bytes(bytes(number % 251 for number in range(LENGTH)))
        self.supply.offer({"k1": self.film, "gone": tmp_path / "gone.mp4"})

    def say(self, kind: str, key: object = "k1", id: object = "a", **more: object) -> None:  # noqa: A002  the message's word
        """Send a message and wait until the kernel's side has done with it."""
        assert self.supply.take({"kind": kind, "key": key, "id": id, **more})
        settle()

    def offsets(self, id: str = "a") -> list[object]:  # noqa: A002  the message's word
        """The offsets of the pieces that came for one asking, in order."""
        return [content["offset"] for content, _ in self.heard if content["kind"] == "chunk" and content["id"] == id]

    def why(self) -> str:
        """The sentence of the only refusal."""
        (refusal,) = (content for content, _ in self.heard if content["kind"] == "unavailable")
        return str(refusal["reason"])


@pytest.fixture
def line(tmp_path: Path) -> Line:
    """A line on which one film of five pieces and a bit is offered, and one that is gone from disk."""
    return Line(tmp_path)


def test_a_film_comes_whole_and_in_order(line: Line) -> None:
    """The pieces, each answered in turn, are the file; each bears the whole size."""
    line.say("request")
    for place in range(6):
        line.say("ack", offset=place * PIECE_BYTES)
    assert line.offsets() == [place * PIECE_BYTES for place in range(6)]
    assert b"".join(piece for _, (piece,) in line.heard) == line.film.read_bytes()
    assert {content["size"] for content, _ in line.heard} == {LENGTH}
    assert line.errors == []


def test_at_most_three_pieces_are_unanswered(line: Line) -> None:
    """A silent page gets three pieces; each answer brings one more, and saying it twice brings none."""
    line.say("request")
    assert len(line.offsets()) == IN_FLIGHT == 3
    line.say("ack", offset=0)
    line.say("ack", offset=0)
    line.say("ack", offset=99)
    assert len(line.offsets()) == IN_FLIGHT + 1
    assert line.errors == []


def test_two_views_ask_for_the_same_film(line: Line) -> None:
    """Each asking has a stream of its own: the answers of one do not move the other."""
    line.say("request", id="a")
    line.say("request", id="b")
    line.say("ack", id="b", offset=0)
    assert len(line.offsets("a")) == IN_FLIGHT
    assert len(line.offsets("b")) == IN_FLIGHT + 1


def test_who_has_enough_gets_no_more(line: Line) -> None:
    """After "cancel" an answer brings nothing."""
    line.say("request")
    line.say("cancel")
    line.say("ack", offset=0)
    assert len(line.offsets()) == IN_FLIGHT


@pytest.mark.parametrize("key", ["../film.mp4", "film.mp4", "", "k2"])
def test_only_what_is_offered_is_served(line: Line, key: str) -> None:
    """A path or an unknown key gets a sentence and no byte."""
    line.say("request", key=key)
    assert line.why() == "This video is not among those shown here. Run the cell again."
    assert line.offsets() == []


def test_a_missing_file_is_said(line: Line) -> None:
    """A film that is not on disk any more is refused by its name, without its folder."""
    line.say("request", key="gone")
    assert line.why().startswith("The file gone.mp4 is not there any more, or was changed.")
    assert str(line.film.parent) not in line.why()


def test_a_file_cut_on_the_way_is_said(line: Line) -> None:
    """Where the file becomes shorter under the reader, the page learns it, and no short piece is sent."""
    line.say("request")
    line.film.write_bytes(b"short")
    line.say("ack", offset=0)
    assert line.why().startswith("The file film.mp4 is not there any more, or was changed.")
    line.say("ack", offset=PIECE_BYTES)
    assert len(line.offsets()) == IN_FLIGHT


@pytest.mark.parametrize(
    "message",
    [
        {"kind": "request"},
        {"kind": "request", "key": 7, "id": "a"},
        {"kind": "request", "key": "k1", "id": ""},
        {"kind": "request", "key": "k1", "id": "x" * 201},
        {"kind": "ack", "key": "k1", "id": "a", "offset": "0"},
        {"kind": "ack", "key": "k1", "id": "nobody", "offset": 0},
        {"kind": "cancel", "key": "k1", "id": []},
    ],
)
def test_senseless_messages_do_no_harm(line: Line, message: object) -> None:
    """A broken or hostile page gets nothing, and nothing breaks."""
    assert line.supply.take(message)
    settle()
    assert (line.heard, line.errors) == ([], [])


@pytest.mark.parametrize("message", [None, 7, {}, {"kind": "vote"}, {"kind": None}])
def test_other_messages_are_left_to_others(line: Line, message: object) -> None:
    """What is not of this conversation is not taken."""
    assert not line.supply.take(message)


def test_askings_of_pages_that_went_away_are_forgotten(line: Line) -> None:
    """Of very many askings that nobody answers only the newest are kept."""
    for number in range(300):
        assert line.supply.take({"kind": "request", "key": "k1", "id": f"n{number}"})
        if number % 20 == 0:
            settle()
    line.say("ack", id="n0", offset=0)
    line.say("ack", id="n299", offset=0)
    assert len(line.offsets("n0")) == IN_FLIGHT
    assert len(line.offsets("n299")) == IN_FLIGHT + 1
