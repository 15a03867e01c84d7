"""The comparison, as its page and its caller see it."""

import base64
import io
import json
import random
import re
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
from tests.widgets.page import heard, say, settle

NAMES = ["amber", "birch", "coral", "delta"]


@pytest.fixture
def films(tmp_path: Path) -> list[Path]:
    """Four films that differ."""
    return [an_mp4(tmp_path / f"{name}.mp4", frames=6 + place) for place, name in enumerate(NAMES)]


def blind(films: list[Path], **given: Any) -> Comparison:
    """A blind comparison whose videos have their names as keys, at a clock that counts up."""
    ticks = iter(range(1000, 9999))
    return Comparison(films, labels=NAMES, keys=NAMES, blind=True, seed=5, now=lambda: float(next(ticks)), **given)


def a_noisy_jpeg(width: int, height: int) -> bytes:
    """A picture that no encoder makes small."""
    sink = io.BytesIO()
    noise = random.Random(7).randbytes(width * height * 3)  # noqa: S311  noise, not a secret
    Image.frombytes("RGB", (width, height), noise).save(sink, "JPEG", quality=90)
    return sink.getvalue()


def answer(shown: Comparison, result: str) -> tuple[str, str]:
    """Answer the pair that is asked for, as the page does, and return it."""
    left, right = shown.pair
    say(shown, {"kind": "vote", "left": left, "right": right, "result": result})
    return left, right


def test_the_front_door_makes_one(films: list[Path]) -> None:
    """`pv.compare` takes paths and videos, names them by file or label, in the order given."""
    shown = pv.compare(films[0], str(films[1]), a_video(films[2]))
    assert isinstance(shown, Comparison)
    assert [film["label"] for film in shown.videos] == NAMES[:3]
    assert [film["label"] for film in compare(*films, labels=["a", "b", "c", "d"]).videos] == ["a", "b", "c", "d"]


def test_what_differs_is_the_label(films: list[Path]) -> None:
    """Videos of this package are called what their requests differ in."""
    made = [a_video(film, sha256=str(seed), request=a_request(seed=seed)) for seed, film in enumerate(films[:2], 7)]
    assert [film["label"] for film in Comparison(made).videos] == ["seed 7", "seed 8"]


def test_everything_wrong_is_said_at_once(films: list[Path], tmp_path: Path) -> None:
    """Ten videos, one of them missing and one a number, too few labels, keys twice: one error names all of it."""
    given: list[Any] = [*films, *films, tmp_path / "gone.mp4", 7]
    with pytest.raises(InvalidRequest) as caught:
        Comparison(given, labels=["a"], keys=["k"] * 10, frame_rate=0)
    assert set(caught.value.fields) == {"videos", "videos[8]", "videos[9]", "labels", "keys", "frame_rate"}
    assert "leave out 1, or pass blind=True to judge them two at a time" in caught.value.fields["videos"]
    assert "give a video or the path of an mp4, not int" in caught.value.fields["videos[9]"]


@pytest.mark.parametrize(("count", "words"), [(0, "here are 0"), (1, "here is 1")])
def test_one_video_is_no_comparison(films: list[Path], count: int, words: str) -> None:
    """Fewer than two are refused, blind ones too."""
    for is_blind in (False, True):
        with pytest.raises(InvalidRequest, match=f"give at least 2 to compare; {words}"):
            compare(*films[:count], blind=is_blind)


def test_more_than_nine_are_judged_blind(films: list[Path]) -> None:
    """Twelve videos, some of them the same file, are judged two at a time, each under a key of its own."""
    shown = compare(*films * 3, blind=True)
    assert len(shown.videos) == 12
    assert len(shown.ranking()) == 12
    assert len(shown.pair) == 2


def test_a_blind_page_knows_no_name(films: list[Path]) -> None:
    """Neither the state nor any output of a blind comparison holds a label, a key or a file's name, until reveal."""
    shown = blind(films)
    answer(shown, "left")
    told = json.dumps([shown.get_state(), shown._repr_mimebundle_(), repr(shown)], default=repr)
    assert [name for name in NAMES if name in told] == []
    assert shown.ranks == []
    say(shown, {"kind": "reveal"})
    assert {film["label"] for film in shown.videos} == set(NAMES)
    assert [row["label"] for row in shown.ranks] == [standing.key for standing in shown.ranking()]
    assert not shown.is_blind


def test_the_order_is_drawn_by_the_seed(films: list[Path]) -> None:
    """Blind videos stand in an order that the seed draws, the same one each time; others in the order given."""
    orders = set()
    for seed in range(8):
        shown = Comparison(films, labels=NAMES, blind=True, seed=seed)
        shown.reveal()
        orders.add(tuple(film["label"] for film in shown.videos))
        again = Comparison(films, labels=NAMES, blind=True, seed=seed)
        again.reveal()
        assert again.videos == shown.videos
    assert len(orders) > 4


def test_a_judgement_reaches_the_caller(films: list[Path]) -> None:
    """An answer becomes a Duel with keys, time and blindness; the callback gets it and the next pair is offered."""
    told: list[PairwiseVote] = []
    shown = blind(films, on_duel=told.append)
    before = list(shown.pair)
    answer(shown, "left")
    (duel,) = told
    assert shown.duels == (duel,)
    assert (duel.result, duel.at, duel.is_blind) == ("left", 1000.0, True)
    assert {duel.left, duel.right} <= set(NAMES)
    assert shown.vote_count == 1
    assert set(shown.pair) != set(before)
    assert shown.ranking()[0].key == duel.left
    shown.reveal()
    answer(shown, "tie")
    assert not told[-1].is_blind


def test_an_answer_counts_once(films: list[Path]) -> None:
    """Said twice, to an older pair, to a pair of one's own choosing, or senselessly, an answer is passed over."""
    shown = blind(films)
    left, right = answer(shown, "right")
    for message in (
        {"kind": "vote", "left": left, "right": right, "result": "right"},
        {"kind": "vote", "left": shown.pair[1], "right": shown.pair[0], "result": "left"},
        {"kind": "vote", "left": shown.pair[0], "right": shown.pair[1], "result": "best"},
        {"kind": "vote", "left": [], "right": {}, "result": []},
        {"kind": "dance"},
        None,
    ):
        say(shown, message)
    assert len(shown.duels) == 1
    assert shown.message == ""


def test_earlier_judgements_go_on(films: list[Path]) -> None:
    """Duels of an earlier sitting count, in the ranking and in what is asked next; those of other videos do not."""
    earlier = [PairwiseVote("amber", "birch", "left", at=1.0), PairwiseVote("amber", "other", "left", at=2.0)]
    shown = blind(films, duels=earlier)
    assert shown.duels == tuple(earlier)
    assert shown.vote_count == 1
    assert (shown.ranking()[0].key, shown.ranking()[0].wins) == ("amber", 1)


def test_a_callback_that_fails_is_said(films: list[Path]) -> None:
    """What `on_duel` raises stands in the page; the judgement is kept."""

    def fail(_duel: PairwiseVote) -> None:
        raise OSError("disk full")

    shown = blind(films, on_duel=fail)
    answer(shown, "tie")
    assert shown.message == "OSError: disk full"
    assert len(shown.duels) == 1


def test_code_judges_too(films: list[Path]) -> None:
    """`judge` records by key, and an unknown key is refused before anything is recorded."""
    shown = blind(films)
    assert shown.judge("coral", "delta", "right").result == "right"
    with pytest.raises(KeyError):
        shown.judge("coral", "nobody", "left")
    assert len(shown.duels) == 1


def test_what_was_copied_from_a_page_is_taken_in(films: list[Path]) -> None:
    """Lines of a saved page become duels of the same videos; what is no line of it is passed over."""
    shown = blind(films)
    first, second = list(shown._slots)[:2]
    taken = shown.take_result(f"{first} > {second}\n {second}<{first}\n{first} = {second}\nhello\nv99 > {first}")
    assert [duel.result for duel in taken] == ["left", "right", "tie"]
    assert taken[0].left == taken[2].left == shown._slots[first]
    assert taken == shown.duels


def test_films_are_served_by_slot(films: list[Path]) -> None:
    """The page gets a film's bytes as a custom message; the state never holds any."""
    shown = compare(*films)
    say(shown, {"kind": "request", "key": "v2", "id": "a"})
    settle()
    ((message, (piece,)),) = heard(shown, "chunk")
    assert piece == films[1].read_bytes()
    assert message["size"] == len(piece)
    state = shown.get_state()
    assert not any(isinstance(value, bytes | memoryview) for value in state.values())
    assert str(films[0].parent) not in json.dumps(state, default=repr)


def test_secrets_and_markup_stay_out(films: list[Path]) -> None:
    """A label with an address or with markup is masked, and text everywhere."""
    shown = compare(*films[:2], labels=["maria@example.org", "<script>alert(1)</script>"])
    bundle, _ = shown._repr_mimebundle_()
    for text in (json.dumps(shown.get_state(), default=repr), bundle["text/html"], bundle["text/plain"]):
        assert "maria" not in text
    assert "<script" not in bundle["text/html"]


def test_it_shows_itself_as_widget_stills_and_text(films: list[Path]) -> None:
    """The bundle has the widget, stills of at most 40 KB each for readers without a kernel, and text."""
    noisy = a_noisy_jpeg(1600, 900)
    assert len(noisy) > 100_000
    videos = [a_video(film, sha256=film.stem, poster_jpeg=noisy, request=None) for film in films]
    bundle, _ = compare(*videos)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    stills = re.findall(r"data:image/jpeg;base64,([^\"]+)", bundle["text/html"])
    assert len(stills) == 4
    assert max(map(len, stills)) <= 40_000
    assert all(name in bundle["text/html"] and name in bundle["text/plain"] for name in NAMES)


def test_a_saved_page_holds_all_of_it(films: list[Path], tmp_path: Path) -> None:
    """The page has every film and the state; a blind one has its names sealed only, and every pair to be judged."""
    path = blind(films, title="Steam & <sand>").save(tmp_path / "out" / "page.html")
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


def test_a_note_stands_with_the_videos(films: list[Path], tmp_path: Path) -> None:
    """What is to be known of the choice is told to the page, in the stills, in text and in the saved page."""
    shown = Comparison(films, note="1 of 5 has no video: cell 2")
    bundle, _ = shown._repr_mimebundle_()
    saved = shown.save(tmp_path / "page.html").read_text()
    for text in (shown.note, bundle["text/html"], bundle["text/plain"], saved):
        assert "1 of 5 has no video: cell 2" in text


def test_a_missing_film_is_no_error(films: list[Path], tmp_path: Path) -> None:
    """A video whose file is gone is compared all the same: its place says so, and a page is saved without it."""
    gone = VideoFile(path=tmp_path / "gone.mp4", sha256="f" * 64, size_bytes=1)
    shown = compare(films[0], gone)
    say(shown, {"kind": "request", "key": "v2", "id": "a"})
    settle()
    ((refusal, _),) = heard(shown, "unavailable")
    assert "gone.mp4 is not there any more" in refusal["reason"]
    assert shown.save(tmp_path / "page.html").read_text().count('data-video="v') == 1
