"""Background work, batches of changes and streams of files."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from pixverse_nb.widgets.comm import (
    CHUNK_BYTES,
    MAX_UNACKNOWLEDGED,
    BackgroundRunner,
    Batcher,
    FileStreamer,
    error_text,
)
from tests.widgets.page import TIMEOUT_S, wait_for_threads

FILE_BYTES = 5 * CHUNK_BYTES + 17


# ---- background work ----


def test_errors_of_background_work_are_reported() -> None:
    """An error that the work raises is passed to `on_error`."""
    errors: list[Exception] = []
    error = OSError("disk full")

    def fail() -> None:
        raise error

    BackgroundRunner(errors.append).run_in_thread(fail).join()
    BackgroundRunner(errors.append).run_guarded(fail)
    assert errors == [error, error]


def test_exclusive_work_runs_once_at_a_time() -> None:
    """While exclusive work runs, more is refused; after it has ended, even with an error, the next can start."""
    may_end, runs = threading.Event(), []

    def work() -> None:
        runs.append(1)
        may_end.wait()
        raise ValueError

    errors: list[Exception] = []
    runner = BackgroundRunner(errors.append)
    first = runner.run_exclusive(work)
    assert first is not None
    assert runner.run_exclusive(work) is None
    may_end.set()
    first.join()
    second = runner.run_exclusive(work)
    assert second is not None
    second.join()
    assert (len(runs), len(errors)) == (2, 2)


def test_error_text_is_redacted_and_short() -> None:
    """E-mail addresses and tokens are redacted, an error without text gives its class, and 600 characters are kept."""
    text = error_text(OSError("maria@example.org user:7-secretsecret"))
    assert "maria" not in text
    assert "secret" not in text
    assert error_text(KeyError()) == "KeyError: KeyError"
    assert len(error_text(ValueError("x" * 9000))) == 600


# ---- batches ----


def test_keys_added_during_the_pause_are_one_batch() -> None:
    """The first key is delivered at once; keys added during the pause follow together, each once, in order."""
    batches: list[Sequence[str]] = []
    is_pausing, may_continue = threading.Event(), threading.Event()

    def pause() -> None:
        is_pausing.set()
        assert may_continue.wait(TIMEOUT_S)

    batcher = Batcher(batches.append, BackgroundRunner(lambda error: None), pause=pause)
    batcher.add(["a"])
    assert is_pausing.wait(TIMEOUT_S)
    for key in ("c", "b", "c"):
        batcher.add([key])
    assert batches == [["a"]]
    may_continue.set()
    wait_for_threads()
    assert batches == [["a"], ["c", "b"]]


def test_a_failed_delivery_is_reported_and_later_keys_are_delivered() -> None:
    """An error in `deliver` is reported and does not stop later batches."""
    errors: list[Exception] = []
    batches: list[Sequence[str]] = []
    error = LookupError("not now")

    def deliver(keys: Sequence[str]) -> None:
        if not errors:
            raise error
        batches.append(keys)

    batcher = Batcher(deliver, BackgroundRunner(errors.append), pause=lambda: None)
    batcher.add(["a"])
    wait_for_threads()
    batcher.add(["b"])
    wait_for_threads()
    assert errors == [error]
    assert batches == [["b"]]


# ---- streams of files ----


class StreamClient:
    """The page of a streamer: records the messages it gets, and sends messages."""

    def __init__(self, tmp_path: Path) -> None:
        self.errors: list[Exception] = []
        self.received: list[tuple[dict[str, object], list[bytes]]] = []
        self.streamer = FileStreamer(
            lambda content, buffers: self.received.append((content, buffers)), BackgroundRunner(self.errors.append)
        )
        self.video = tmp_path / "video.mp4"
        self.video.write_bytes(bytes(number % 251 for number in range(FILE_BYTES)))
        self.streamer.set_files({"k1": self.video, "gone": tmp_path / "gone.mp4"})

    def send(self, kind: str, key: object = "k1", id: object = "a", **more: object) -> None:  # noqa: A002 - as in the messages
        """Send a message and wait until it has been handled."""
        assert self.streamer.handle_message({"kind": kind, "key": key, "id": id, **more})
        wait_for_threads()

    def offsets(self, id: str = "a") -> list[object]:  # noqa: A002 - as in the messages
        """The offsets of the chunks received for one stream, in order."""
        return [content["offset"] for content, _ in self.received if content["kind"] == "chunk" and content["id"] == id]

    def refusal_reason(self) -> str:
        """The reason in the only refusal."""
        (refusal,) = (content for content, _ in self.received if content["kind"] == "unavailable")
        return str(refusal["reason"])


@pytest.fixture
def page(tmp_path: Path) -> StreamClient:
    """The page of a streamer with one video of six chunks, and one whose file is missing."""
    return StreamClient(tmp_path)


def test_a_file_arrives_complete_and_in_order(page: StreamClient) -> None:
    """The chunks, each acknowledged in turn, are the file, and each names the total size."""
    page.send("request")
    for index in range(6):
        page.send("ack", offset=index * CHUNK_BYTES)
    assert page.offsets() == [index * CHUNK_BYTES for index in range(6)]
    assert b"".join(chunk for _, (chunk,) in page.received) == page.video.read_bytes()
    assert {content["size"] for content, _ in page.received} == {FILE_BYTES}
    assert page.errors == []


def test_at_most_three_chunks_are_unacknowledged(page: StreamClient) -> None:
    """A page that acknowledges nothing gets three chunks; each acknowledgement brings one more, a repetition none."""
    page.send("request")
    assert len(page.offsets()) == MAX_UNACKNOWLEDGED == 3
    page.send("ack", offset=0)
    page.send("ack", offset=0)
    page.send("ack", offset=99)
    assert len(page.offsets()) == MAX_UNACKNOWLEDGED + 1
    assert page.errors == []


def test_two_views_have_separate_streams_of_one_file(page: StreamClient) -> None:
    """An acknowledgement of one stream does not advance the other."""
    page.send("request", id="a")
    page.send("request", id="b")
    page.send("ack", id="b", offset=0)
    assert len(page.offsets("a")) == MAX_UNACKNOWLEDGED
    assert len(page.offsets("b")) == MAX_UNACKNOWLEDGED + 1


def test_a_cancelled_stream_sends_nothing_more(page: StreamClient) -> None:
    """After "cancel" an acknowledgement brings no chunk."""
    page.send("request")
    page.send("cancel")
    page.send("ack", offset=0)
    assert len(page.offsets()) == MAX_UNACKNOWLEDGED


def test_a_stream_continues_from_an_offset(page: StreamClient) -> None:
    """A page whose connection broke asks from where it stopped; an offset outside the file means from the start."""
    page.send("request", id="a", offset=2 * CHUNK_BYTES)
    assert page.offsets("a") == [index * CHUNK_BYTES for index in (2, 3, 4)]
    for number, offset in enumerate((-1, FILE_BYTES, 10**12)):
        page.send("request", id=f"b{number}", offset=offset)
        assert page.offsets(f"b{number}")[0] == 0
    assert page.errors == []


def test_a_ping_is_answered(page: StreamClient) -> None:
    """A page that asks whether the kernel still runs gets one answer."""
    assert page.streamer.handle_message({"kind": "ping"})
    assert page.received == [({"kind": "pong"}, [])]


@pytest.mark.parametrize("key", ["../video.mp4", "video.mp4", "", "k2"])
def test_only_the_set_files_are_served(page: StreamClient, key: str) -> None:
    """A path or an unknown key is refused without a byte."""
    page.send("request", key=key)
    assert page.refusal_reason()
    assert page.offsets() == []


def test_a_missing_file_is_refused_by_name(page: StreamClient) -> None:
    """The reason names the missing file, but not its folder."""
    page.send("request", key="gone")
    assert "gone.mp4" in page.refusal_reason()
    assert str(page.video.parent) not in page.refusal_reason()


def test_a_file_that_becomes_shorter_ends_its_stream(page: StreamClient) -> None:
    """If the file is truncated while it is sent, the page is told and gets no short chunk."""
    page.send("request")
    page.video.write_bytes(b"short")
    page.send("ack", offset=0)
    assert "video.mp4" in page.refusal_reason()
    page.send("ack", offset=CHUNK_BYTES)
    assert len(page.offsets()) == MAX_UNACKNOWLEDGED


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
def test_malformed_stream_messages_are_ignored(page: StreamClient, message: object) -> None:
    """A malformed message gets no answer and causes no error."""
    assert page.streamer.handle_message(message)
    wait_for_threads()
    assert (page.received, page.errors) == ([], [])


@pytest.mark.parametrize("message", [None, 7, {}, {"kind": "vote"}, {"kind": None}])
def test_messages_about_other_things_are_not_handled(page: StreamClient, message: object) -> None:
    """A message that is not about a stream is left to the widget."""
    assert not page.streamer.handle_message(message)


def test_old_streams_are_dropped(page: StreamClient) -> None:
    """Of 300 streams without acknowledgements only the newest are kept."""
    for number in range(300):
        assert page.streamer.handle_message({"kind": "request", "key": "k1", "id": f"n{number}"})
        if number % 20 == 0:
            wait_for_threads()
    page.send("ack", id="n0", offset=0)
    page.send("ack", id="n299", offset=0)
    assert len(page.offsets("n0")) == MAX_UNACKNOWLEDGED
    assert len(page.offsets("n299")) == MAX_UNACKNOWLEDGED + 1
