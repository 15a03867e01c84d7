"""The timeline: what it tells of a life, that it can be read, and that it is only a picture."""

import base64
import re
from itertools import pairwise

import pytest

from pixverse_nb.domain.jobs import JobEvent, JobState
from pixverse_nb.jobs.events import ResolvedByUser, ResponseLost, Resumed
from pixverse_nb.jobs.messages import told
from pixverse_nb.render.timeline import (
    DECIDED,
    SENDER_GONE,
    TAKEN_UP,
    WIDTH_PX,
    Timeline,
    build_timeline,
    clock,
    lanes_of,
    timelines_html,
    timelines_text,
    title_of,
)
from tests.factories import a_record
from tests.render.factories import NOW, a_request
from tests.render.page import Page

S = JobState


def events(*told: tuple[float, JobState] | tuple[float, JobState, str]) -> list[JobEvent]:
    """Events at so many seconds after NOW."""
    return [JobEvent(NOW + at, state, *text) if text else JobEvent(NOW + at, state, "") for at, state, *text in told]


LOST = events(
    (0.0, S.PLANNED),
    (0.1, S.UPLOADING),
    (0.6, S.WAITING),
    (0.7, S.SUBMITTING),
    (1.5, S.UNKNOWN, f"no answer to the paid call ({SENDER_GONE}); checking"),
    (2.8, S.GENERATING),
    (3.1, S.DOWNLOADING),
    (3.2, S.DONE),
)
PLAIN = events(
    (0, S.PLANNED), (0.1, S.WAITING), (0.2, S.SUBMITTING), (0.25, S.QUEUED), (40, S.DOWNLOADING), (41, S.DONE)
)
BUSY = events(
    (0, S.PLANNED), *((at, state) for at in range(1, 90, 2) for at, state in ((at, S.SUBMITTING), (at + 1, S.WAITING)))
)


def marks(told: list[JobEvent], *, now: float = NOW + 60) -> list[str]:
    """The words of the marks and of the end."""
    life = build_timeline(told, title="x", begins_at=NOW, now=now)
    return [mark.words for mark in (*life.marks, life.end)]


def test_the_moments_that_matter_are_marked() -> None:
    """Intent, payment, storing; and where the answer was lost, who took over and how it was found."""
    assert marks(PLAIN) == ["intent on disk", "paid", "stored"]
    assert marks(LOST) == ["intent on disk", "kernel gone, taken over", "found in the list: paid", "stored"]


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ((S.UNKNOWN, "no answer to the paid call (cut off)"), "answer lost"),
        ((S.WAITING, "not accepted"), "not accepted, not paid"),
        ((S.REFUSED, "refused"), "refused"),
        ((S.CANCELLED, "given up"), "cancelled"),
        ((S.TIMED_OUT, "too late"), "timed out"),
    ],
)
def test_what_follows_the_intent_is_named(after: tuple[JobState, str], words: str) -> None:
    """Each way a paid call can end has its own words."""
    told = events((0, S.WAITING), (1, S.SUBMITTING), (2, *after))
    assert words in marks(told)


def test_a_proof_and_a_decision_are_two_things() -> None:
    """A lost call that is sent again says whether that was proved or decided by a person."""
    lost = events((0, S.WAITING), (1, S.SUBMITTING), (2, S.UNKNOWN))
    assert marks([*lost, *events((9, S.WAITING, "proved: never accepted, not paid"))])[-2] == "proved: never accepted"
    assert marks([*lost, *events((9, S.WAITING, f"{DECIDED}: the lost call was not paid"))])[-2] == DECIDED


def test_the_history_speaks_the_words_that_are_looked_for() -> None:
    """What the picture looks for in a history is what the history says."""
    record = a_record(state=S.UNKNOWN)
    assert SENDER_GONE in told(ResponseLost(NOW, SENDER_GONE), record)
    assert told(Resumed(NOW, "me", NOW + 9), record) == TAKEN_UP
    assert told(ResolvedByUser(NOW, was_charged=False), record).startswith(DECIDED)


def test_an_open_job_lasts_until_now() -> None:
    """The last span of an open job, and its end mark, reach the moment of the picture; a final one keeps its end."""
    life = build_timeline(LOST[:5], title="x", begins_at=NOW, now=NOW + 60)
    assert life.spans[-1].state is S.UNKNOWN
    assert life.spans[-1].end_s == life.end.at_s == pytest.approx(60)
    assert life.end.words == "now"
    assert build_timeline(LOST, title="x", begins_at=NOW, now=NOW + 60).end.at_s == pytest.approx(3.2)


def test_a_job_that_came_back_goes_on() -> None:
    """A job that had timed out and was taken up shows both, and ends where it ended."""
    told = events((0, S.GENERATING), (5, S.TIMED_OUT), (9, S.GENERATING, TAKEN_UP), (12, S.DONE))
    assert marks(told) == ["timed out", TAKEN_UP, "stored"]


def test_time_never_turns_round() -> None:
    """A clock that was set back makes no span of less than nothing."""
    told = events((0, S.PLANNED), (5, S.SUBMITTING), (2, S.QUEUED), (7, S.DONE))
    spans = build_timeline(told, title="x", begins_at=NOW, now=NOW + 9).spans
    assert all(span.end_s >= span.start_s for span in spans)
    assert all(one.end_s == other.start_s for one, other in pairwise(spans))


def test_what_happens_again_and_again_is_marked_twice() -> None:
    """Forty-five refusals by a busy vendor make four marks, not ninety."""
    assert marks(BUSY)[:-1] == ["intent on disk", "not accepted, not paid"] * 2


def boxes(html: str) -> list[tuple[float, float, float, float]]:
    """The estimated boxes of all texts of the inline drawing: left, top, right, bottom."""
    drawing = html[: html.index("</svg>")]
    found = []
    for head, inside in re.findall(r"<text ([^>]*)>(.*?)</text>", drawing):
        x, y = (float(re.search(rf'\b{name}="([-\d.]+)"', head)[1]) for name in "xy")  # type: ignore[index]
        size = float(size[1]) if (size := re.search(r'font-size="(\d+)"', head)) else 12
        width = len(re.sub(r"<[^>]*>", "", inside)) * size * 0.55
        left = x - width / 2 if "middle" in head else x
        found.append((left, y - size * 0.8, left + width, y + size * 0.2))
    return found


@pytest.mark.parametrize("told", [LOST, LOST[:5], LOST[:1], PLAIN, BUSY], ids=["lost", "open", "new", "plain", "busy"])
def test_no_words_overlap_or_leave_the_picture(told: list[JobEvent]) -> None:
    """By the widths of a usual font every word stands free and inside the picture."""
    placed = boxes(timelines_html([("a slow dolly", told)], now=NOW + 100))
    assert len(placed) >= 3
    for at, (left, top, right, bottom) in enumerate(placed):
        assert left >= -20
        assert right <= WIDTH_PX
        for l2, t2, r2, b2 in placed[at + 1 :]:
            assert right <= l2 or r2 <= left or bottom <= t2 or b2 <= top


def test_flags_make_a_staircase_only_where_they_must() -> None:
    """Words that reach the next pole hang above what stands there; the others stay next to the bar."""
    assert lanes_of([(0, 50), (100, 50), (200, 50)]) == [0, 0, 0]
    assert lanes_of([(0, 50), (10, 50), (20, 50)]) == [2, 1, 0]
    assert lanes_of([(0, 150), (100, 50), (120, 50)]) == [2, 1, 0]
    assert lanes_of([]) == []


def test_several_jobs_share_one_axis() -> None:
    """The axis begins with the first job of all, and each job has its title and its moments."""
    later = [JobEvent(event.at + 100, event.state, event.text) for event in LOST]
    page = Page(timelines_html([("one", LOST), ("two", later)], now=NOW + 200))
    assert "one" in page.text
    assert "two" in page.text
    assert "stored3.2 s" in page.text
    assert "stored1 min 43 s" in page.text


def test_it_is_told_in_words_too() -> None:
    """The text, which screen readers hear as well, names every moment and its second."""
    text = timelines_text([("a slow dolly", LOST)], now=NOW + 9)
    assert text.splitlines() == [
        "a slow dolly: Done",
        "       0.7 s  intent on disk",
        "       1.5 s  kernel gone, taken over",
        "       2.8 s  found in the list: paid",
        "       3.2 s  stored",
    ]
    page = Page(timelines_html([("a slow dolly", LOST)], now=NOW + 9))
    assert page.only("svg")["aria-label"] == text
    assert page.only("img")["alt"] == text


def test_the_colours_are_those_of_the_card() -> None:
    """Each state is painted in its tone, by the host's variables: no colour is fixed in the inline drawing."""
    html = timelines_html([("x", LOST)], now=NOW + 9)
    inline = html[html.index("<svg") : html.index("</svg>")]
    assert re.search(r'fill="var\(--pvnb-warn\)"[^>]*><title>Checking the call', inline)
    assert re.search(r'<circle[^>]*fill="var\(--pvnb-good\)"', inline)
    assert not re.search(r"#[0-9a-f]{3,6}\b", inline)


def test_without_the_stylesheet_the_picture_alone_is_seen() -> None:
    """An untrusted JupyterLab drops sheet and SVG: the inline part stays hidden, and the <img> is whole in itself."""
    page = Page(timelines_html([("x", LOST)], now=NOW + 9))
    drawn = next(attributes for _, attributes in page.elements if attributes.get("class") == "pvnb-drawn")
    assert drawn["hidden"], "JupyterLab drops the attribute where it has no value"
    source = page.only("img")["src"] or ""
    head, _, data = source.partition(",")
    assert head == "data:image/svg+xml;base64"
    alone = base64.b64decode(data).decode()
    assert alone.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert set(re.findall(r"var\((--pvnb-\w+)\)", alone)) <= set(re.findall(r"(--pvnb-\w+):", alone))
    assert "prefers-color-scheme:dark" in alone


def test_it_is_only_a_picture() -> None:
    """No script, no link and no address leaves the picture; a title is text and names nobody."""
    html = timelines_html([("<script>alert(1)</script> maria@example.org", LOST)], now=NOW + 9)
    page = Page(html)
    assert {"script", "a", "foreignObject", "image", "use"}.isdisjoint(name for name, _ in page.elements)
    assert "<script>alert(1)</script>" in page.text
    assert "maria" not in html
    assert "maria" not in base64.b64decode((page.only("img")["src"] or "").partition(",")[2]).decode()
    assert "maria" not in timelines_text([("maria@example.org", LOST)], now=NOW)


def test_nothing_yet_is_said() -> None:
    """Without any event there is a sentence and no picture."""
    assert Page(timelines_html([], now=NOW)).text == timelines_text([("x", [])], now=NOW) == "Nothing has happened yet."


def test_the_value_shows_itself() -> None:
    """A Timeline is a picture where HTML is shown, and words elsewhere."""
    shown = Timeline((("a slow dolly", tuple(LOST)),), now=NOW + 9)
    bundle = shown._repr_mimebundle_()
    assert bundle["text/html"] == timelines_html([("a slow dolly", LOST)], now=NOW + 9)
    assert bundle["text/plain"] == repr(shown) == timelines_text(shown.rows, now=shown.now)


def test_titles_tell_jobs_apart() -> None:
    """A job is called by its prompt, shortened, and its seed; without a prompt by its seed."""
    assert title_of(a_request()) == "a slow push in · seed 42"
    assert title_of(a_request(prompt="")) == "seed 42"
    assert len(title_of(a_request(prompt="word " * 100))) < 90


@pytest.mark.parametrize(("seconds", "words"), [(0, "0 s"), (0.04, "40 ms"), (2.84, "2.8 s"), (200, "3 min 20 s")])
def test_moments_have_their_unit(seconds: float, words: str) -> None:
    """Short times are in milliseconds, long ones in minutes."""
    assert clock(seconds) == words
