"""The comparison."""

import base64
import io
import itertools
import json
import random
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import pixverse_nb as pv
from pixverse_nb.domain.jobs import VideoFile
from pixverse_nb.domain.ratings import PairwiseVote
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.widgets.compare import Comparison, compare
from tests.render.factories import a_request, a_video, an_mp4
from tests.widgets.page import messages_of, send_message, wait_for_threads

NAMES = ["amber", "birch", "coral", "delta"]


@pytest.fixture
def videos(tmp_path: Path) -> list[Path]:
    """Four different videos."""
    return [an_mp4(tmp_path / f"{name}.mp4", frames=6 + index) for index, name in enumerate(NAMES)]


def blind_comparison(videos: list[Path], **arguments: Any) -> Comparison:
    """Return a blind comparison with the names as keys; its clock starts at 1000 and advances at each reading."""
    now = itertools.count(1000.0).__next__
    return Comparison(videos, labels=NAMES, keys=NAMES, blind=True, seed=5, now=now, **arguments)


def noisy_jpeg(width: int, height: int) -> bytes:
    """Return a JPEG of noise, which compresses badly."""
    sink = io.BytesIO()
    noise = random.Random(7).randbytes(width * height * 3)  # noqa: S311 - noise, not a secret
    Image.frombytes("RGB", (width, height), noise).save(sink, "JPEG", quality=90)
    return sink.getvalue()


def vote_in_page(shown: Comparison, result: str) -> tuple[str, str]:
    """Vote on the current pair as the page does, and return the pair."""
    left, right = shown.pair
    send_message(shown, {"kind": "vote", "left": left, "right": right, "result": result})
    return left, right


# ---- arguments ----


def test_videos_keep_their_order_and_have_labels(videos: list[Path]) -> None:
    """`pv.compare` accepts paths and videos and labels them with their file names or with `labels`."""
    shown = pv.compare(videos[0], str(videos[1]), a_video(videos[2]))
    assert isinstance(shown, Comparison)
    assert [video["label"] for video in shown.videos] == NAMES[:3]
    assert [video["label"] for video in compare(*videos, labels=["a", "b", "c", "d"]).videos] == ["a", "b", "c", "d"]


def test_the_default_label_is_what_differs(videos: list[Path]) -> None:
    """Videos with requests are labelled with the fields that differ."""
    with_seeds = [
        a_video(video, sha256=str(seed), request=a_request(seed=seed)) for seed, video in enumerate(videos[:2], 7)
    ]
    assert [video["label"] for video in Comparison(with_seeds).videos] == ["seed 7", "seed 8"]


def test_all_invalid_arguments_are_reported_at_once(videos: list[Path], tmp_path: Path) -> None:
    """Too many videos, a missing file, a wrong type, few labels and repeated keys are reported in one error."""
    arguments: list[Any] = [*videos, *videos, tmp_path / "gone.mp4", 7]
    with pytest.raises(InvalidRequest) as caught:
        Comparison(arguments, labels=["a"], keys=["k"] * 10, frame_rate=0)
    assert set(caught.value.fields) == {"videos", "videos[8]", "videos[9]", "labels", "keys", "frame_rate"}
    assert "blind=True" in caught.value.fields["videos"]


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("is_blind", [False, True])
def test_fewer_than_two_videos_are_rejected(videos: list[Path], count: int, is_blind: bool) -> None:
    """A comparison needs two videos, also a blind one."""
    with pytest.raises(InvalidRequest) as caught:
        compare(*videos[:count], blind=is_blind)
    assert caught.value.fields.keys() == {"videos"}


def test_a_blind_comparison_can_have_more_than_nine_videos(videos: list[Path]) -> None:
    """Twelve videos, some of them the same file, are compared two at a time under different keys."""
    shown = compare(*videos * 3, blind=True)
    assert len(shown.videos) == 12
    assert len(shown.ranking()) == 12
    assert len(shown.pair) == 2


# ---- blind comparisons and votes ----


def test_a_blind_comparison_shows_no_name(videos: list[Path]) -> None:
    """Until `reveal`, neither the state nor any output has a label, a key or a file name."""
    shown = blind_comparison(videos)
    vote_in_page(shown, "left")
    visible = json.dumps([shown.get_state(), shown._repr_mimebundle_(), repr(shown)], default=repr)
    assert [name for name in NAMES if name in visible] == []
    assert shown.ranks == []
    send_message(shown, {"kind": "reveal"})
    assert {video["label"] for video in shown.videos} == set(NAMES)
    assert [row["label"] for row in shown.ranks] == [entry.key for entry in shown.ranking()]
    assert not shown.is_blind


def test_the_seed_determines_the_blind_order(videos: list[Path]) -> None:
    """The same seed gives the same order, and different seeds give different orders."""
    orders = set()
    for seed in range(8):
        shown = Comparison(videos, labels=NAMES, blind=True, seed=seed)
        shown.reveal()
        orders.add(tuple(video["label"] for video in shown.videos))
        again = Comparison(videos, labels=NAMES, blind=True, seed=seed)
        again.reveal()
        assert again.videos == shown.videos
    assert len(orders) > 4


def test_a_vote_is_stored_and_passed_on(videos: list[Path]) -> None:
    """A vote has keys, time and blindness; the callback gets it, and the page gets the next pair."""
    received: list[PairwiseVote] = []
    shown = blind_comparison(videos, on_vote=received.append)
    first_pair = list(shown.pair)
    vote_in_page(shown, "left")
    (vote,) = received
    assert shown.votes == (vote,)
    assert (vote.result, vote.at, vote.is_blind) == ("left", 1000.0, True)
    assert {vote.left, vote.right} <= set(NAMES)
    assert shown.vote_count == 1
    assert set(shown.pair) != set(first_pair)
    assert shown.ranking()[0].key == vote.left
    shown.reveal()
    vote_in_page(shown, "tie")
    assert not received[-1].is_blind


def test_invalid_and_repeated_votes_are_ignored(videos: list[Path]) -> None:
    """A repeated vote, one on another pair and a malformed message are not counted and cause no error."""
    shown = blind_comparison(videos)
    left, right = vote_in_page(shown, "right")
    for message in (
        {"kind": "vote", "left": left, "right": right, "result": "right"},
        {"kind": "vote", "left": shown.pair[1], "right": shown.pair[0], "result": "left"},
        {"kind": "vote", "left": shown.pair[0], "right": shown.pair[1], "result": "best"},
        {"kind": "vote", "left": [], "right": {}, "result": []},
        {"kind": "dance"},
        None,
    ):
        send_message(shown, message)
    assert len(shown.votes) == 1
    assert shown.message == ""


class SlowResult(str):
    """A result that gives another thread time for a whole vote while it is compared."""

    __hash__ = str.__hash__

    def __init__(self, _text: str) -> None:
        self.meanwhile: threading.Thread | None = None

    def __eq__(self, other: object) -> bool:
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile.start()
            meanwhile.join(0.3)  # it ends after the lock is released, if there is one
        return str.__eq__(self, str(other))


def test_two_equal_votes_at_the_same_moment_count_once(videos: list[Path]) -> None:
    """A page may send a vote twice, and two threads handle both messages: one vote is counted."""
    shown = blind_comparison(videos)
    left, right = shown.pair
    again = {"kind": "vote", "left": left, "right": right, "result": "left"}
    second = threading.Thread(target=send_message, args=(shown, again))
    result = SlowResult("left")
    result.meanwhile = second
    send_message(shown, {**again, "result": result})
    second.join()
    assert len(shown.votes) == 1


def test_earlier_votes_count(videos: list[Path]) -> None:
    """Votes passed to the constructor count in the ranking, except those on other videos."""
    earlier = [PairwiseVote("amber", "birch", "left", at=1.0), PairwiseVote("amber", "other", "left", at=2.0)]
    shown = blind_comparison(videos, votes=earlier)
    assert shown.votes == tuple(earlier)
    assert shown.vote_count == 1
    assert (shown.ranking()[0].key, shown.ranking()[0].wins) == ("amber", 1)


def test_an_error_of_the_callback_is_shown(videos: list[Path]) -> None:
    """If `on_vote` raises, the page shows the error, and the vote is kept."""

    def fail(_vote: PairwiseVote) -> None:
        raise OSError("disk full")

    shown = blind_comparison(videos, on_vote=fail)
    vote_in_page(shown, "tie")
    assert "disk full" in shown.message
    assert len(shown.votes) == 1


def test_votes_can_be_added_in_python(videos: list[Path]) -> None:
    """`vote` takes keys, and an unknown key raises KeyError before anything is stored."""
    shown = blind_comparison(videos)
    assert shown.vote("coral", "delta", "right").result == "right"
    with pytest.raises(KeyError):
        shown.vote("coral", "nobody", "left")
    assert len(shown.votes) == 1


def test_votes_copied_from_a_saved_page_are_imported(videos: list[Path]) -> None:
    """Each valid line becomes a vote on the same videos, and other lines are ignored."""
    shown = blind_comparison(videos)
    first, second = list(shown._key_by_slot)[:2]
    votes = shown.import_votes(f"{first} > {second}\n {second}<{first}\n{first} = {second}\nhello\nv99 > {first}")
    assert [vote.result for vote in votes] == ["left", "right", "tie"]
    assert votes[0].left == votes[2].left == shown._key_by_slot[first]
    assert votes == shown.votes


# ---- files and display ----


def test_videos_are_served_by_slot(videos: list[Path]) -> None:
    """The page gets a video in custom messages, and the state contains neither bytes nor paths."""
    shown = compare(*videos)
    send_message(shown, {"kind": "request", "key": "v2", "id": "a"})
    wait_for_threads()
    ((message, (chunk,)),) = messages_of(shown, "chunk")
    assert chunk == videos[1].read_bytes()
    assert message["size"] == len(chunk)
    state = shown.get_state()
    assert not any(isinstance(value, bytes | memoryview) for value in state.values())
    assert str(videos[0].parent) not in json.dumps(state, default=repr)


def test_labels_are_redacted_and_escaped(videos: list[Path]) -> None:
    """An e-mail address in a label is redacted everywhere, and markup is escaped in HTML."""
    shown = compare(*videos[:2], labels=["maria@example.org", "<script>alert(1)</script>"])
    bundle, _ = shown._repr_mimebundle_()
    for text in (json.dumps(shown.get_state(), default=repr), bundle["text/html"], bundle["text/plain"]):
        assert "maria" not in text
    assert "<script" not in bundle["text/html"]


def test_the_bundle_has_the_widget_images_and_text(videos: list[Path]) -> None:
    """The bundle has the widget, still images of at most 40 KB for readers without a kernel, and text."""
    noise = noisy_jpeg(1600, 900)
    assert len(noise) > 100_000
    with_noise = [a_video(video, sha256=video.stem, poster_jpeg=noise, request=None) for video in videos]
    bundle, _ = compare(*with_noise)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    images = re.findall(r"data:image/jpeg;base64,([^\"]+)", bundle["text/html"])
    assert len(images) == 4
    assert max(map(len, images)) <= 40_000
    assert all(name in bundle["text/html"] and name in bundle["text/plain"] for name in NAMES)


def test_a_saved_page_is_complete(videos: list[Path], tmp_path: Path) -> None:
    """The page has every video and the state; a blind page has encoded names and all pairs."""
    path = blind_comparison(videos, title="Steam & <sand>").save(tmp_path / "out" / "page.html")
    text = path.read_text()
    assert "<title>Steam &amp; &lt;sand&gt;</title>" in text
    assert [name for name in NAMES if name in text] == []
    (data,) = re.findall(r"data-state>(.*?)</script>", text)
    state = json.loads(data)
    assert set(json.loads(base64.b64decode(state["hidden_labels"])).values()) == set(NAMES)
    assert len(state["schedule"]) == 6
    assert len({frozenset(pair) for pair in state["schedule"]}) == 6
    assert state["schedule"][0] == state["pair"]
    assert text.count('data-video="v') == 4


def test_the_note_is_shown_everywhere(videos: list[Path], tmp_path: Path) -> None:
    """The note is in the page, in the still images, in the text and in the saved page."""
    shown = Comparison(videos, note="cell-2-missing")
    bundle, _ = shown._repr_mimebundle_()
    saved = shown.save(tmp_path / "page.html").read_text()
    for text in (shown.note, bundle["text/html"], bundle["text/plain"], saved):
        assert "cell-2-missing" in text


def test_a_missing_file_is_left_out(videos: list[Path], tmp_path: Path) -> None:
    """A video whose file is missing can be compared: the page gets the reason, and a saved page leaves it out."""
    missing = VideoFile(path=tmp_path / "gone.mp4", sha256="f" * 64, size_bytes=1)
    shown = compare(videos[0], missing)
    send_message(shown, {"kind": "request", "key": "v2", "id": "a"})
    wait_for_threads()
    ((refusal, _),) = messages_of(shown, "unavailable")
    assert "gone.mp4" in refusal["reason"]
    assert shown.save(tmp_path / "page.html").read_text().count('data-video="v') == 1
