"""The timeline of jobs: its milestones, its layout, and that it is only a picture."""

import base64
import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.domain.jobs import JobEvent, JobState
from pixverse_nb.render.formatting import SHORT_STATE_LABELS
from pixverse_nb.render.timeline import (
    DETAILED_MAX,
    LINES_MAX,
    WIDTH_PX,
    Timeline,
    build_timeline,
    format_moment,
    job_title,
    stagger_labels,
    timelines_html,
    timelines_text,
)
from tests.render.factories import NOW, a_request
from tests.render.page import Page

S = JobState


def event(at: float, state: JobState, kind: str = "", **data: Any) -> JobEvent:
    """An event `at` seconds after NOW."""
    return JobEvent(NOW + at, state, kind, data)


ACCEPTED = [
    event(0, S.PLANNED, "created"),
    event(0.1, S.WAITING, "images_uploaded"),
    event(0.2, S.SUBMITTING, "intent_recorded"),
    event(0.25, S.QUEUED, "call_accepted"),
    event(40, S.DOWNLOADING, "listed_in_poll"),
    event(41, S.DONE, "downloaded"),
]
LOST = [
    event(0.0, S.PLANNED, "created"),
    event(0.1, S.UPLOADING, "upload_started"),
    event(0.6, S.WAITING, "images_uploaded"),
    event(0.7, S.SUBMITTING, "intent_recorded"),
    event(1.5, S.UNKNOWN, "response_lost", reason="sender_gone"),
    event(2.8, S.GENERATING, "listed_in_poll"),
    event(3.1, S.DOWNLOADING, "listed_in_poll"),
    event(3.2, S.DONE, "downloaded"),
]
UNKNOWN = [
    event(0, S.WAITING, "created"),
    event(1, S.SUBMITTING, "intent_recorded"),
    event(2, S.UNKNOWN, "response_lost", reason="timeout"),
]
BUSY = [
    event(0, S.PLANNED, "created"),
    *(
        one
        for at in range(1, 90, 2)
        for one in (event(at, S.SUBMITTING, "intent_recorded"), event(at + 1, S.WAITING, "call_postponed"))
    ),
]


def kinds(events: list[JobEvent]) -> list[str]:
    """The kinds of the milestones and of the end."""
    timeline = build_timeline(events, title="x", begins_at=NOW, now=NOW + 60)
    return [milestone.kind for milestone in (*timeline.milestones, timeline.end)]


def labels(events: list[JobEvent]) -> list[str]:
    """The labels of the milestones and of the end."""
    timeline = build_timeline(events, title="x", begins_at=NOW, now=NOW + 60)
    return [milestone.label for milestone in (*timeline.milestones, timeline.end)]


def test_milestones_of_a_plain_and_of_a_lost_call() -> None:
    """Intent, acceptance and storing are milestones; so are a lost response and finding the generation in the list."""
    assert kinds(ACCEPTED) == ["intent_recorded", "call_accepted", "downloaded"]
    assert kinds(LOST) == ["intent_recorded", "response_lost", "listed_in_poll", "downloaded"]


@pytest.mark.parametrize(
    "last",
    [
        event(2, S.UNKNOWN, "response_lost", reason="timeout"),
        event(2, S.WAITING, "call_postponed"),
        event(2, S.REFUSED, "call_refused"),
        event(2, S.CANCELLED, "cancel_requested"),
        event(2, S.TIMED_OUT, "deadline_passed"),
    ],
    ids=lambda last: last.kind,
)
def test_each_outcome_of_a_paid_call_is_a_milestone(last: JobEvent) -> None:
    """Every way in which a paid call can end is marked."""
    assert last.kind in kinds([*UNKNOWN[:2], last])


def test_events_without_a_change_of_state_are_no_milestones() -> None:
    """Polls that show nothing new, and a postponement before the paid call, are not marked."""
    polls = [event(at, S.GENERATING, "listed_in_poll") for at in (3, 4, 5)]
    upload = [event(0, S.UPLOADING, "upload_started"), event(1, S.WAITING, "call_postponed")]
    assert kinds([event(0, S.GENERATING, "call_accepted"), *polls]) == ["call_accepted", "now"]
    assert kinds(upload) == ["now"]


def test_a_dead_sender_has_a_label_of_its_own() -> None:
    """A response that was lost with its process is labelled differently from one that was lost on the network."""
    assert labels(LOST)[1] != labels(UNKNOWN)[1]


def test_a_proof_and_a_decision_differ() -> None:
    """A lost call that is sent again shows whether that was proved or decided by the user."""
    proved = kinds([*UNKNOWN, event(9, S.WAITING, "missing_from_poll")])
    decided = kinds([*UNKNOWN, event(9, S.WAITING, "resolved_by_user", was_charged=False)])
    assert proved[-2:] == ["missing_from_poll", "now"]
    assert decided[-2:] == ["resolved_by_user", "now"]


def test_an_open_job_extends_to_now() -> None:
    """The last span of an open job ends at the moment of the picture; a final job keeps its end."""
    timeline = build_timeline(LOST[:5], title="x", begins_at=NOW, now=NOW + 60)
    assert timeline.spans[-1].state is S.UNKNOWN
    assert timeline.spans[-1].end_s == timeline.end.at_s == pytest.approx(60)
    assert timeline.end.kind == "now"
    assert build_timeline(LOST, title="x", begins_at=NOW, now=NOW + 60).end.at_s == pytest.approx(3.2)


def test_a_resumed_job_goes_on() -> None:
    """A job that timed out and was resumed shows both, and ends where it ended."""
    events = [
        event(0, S.GENERATING, "call_accepted"),
        event(5, S.TIMED_OUT, "deadline_passed"),
        event(9, S.GENERATING, "resumed"),
        event(12, S.DONE, "downloaded"),
    ]
    assert kinds(events) == ["call_accepted", "deadline_passed", "resumed", "downloaded"]


def test_time_never_runs_backwards() -> None:
    """A clock that was set back makes no span of negative length."""
    events = [event(0, S.PLANNED), event(5, S.SUBMITTING), event(2, S.QUEUED), event(7, S.DONE)]
    spans = build_timeline(events, title="x", begins_at=NOW, now=NOW + 9).spans
    assert all(span.end_s >= span.start_s for span in spans)
    assert all(one.end_s == other.start_s for one, other in pairwise(spans))


def test_repeated_milestones_are_shown_twice() -> None:
    """Forty-five postponements make four milestones, not ninety: the first and the last of each kind."""
    assert kinds(BUSY)[:-1] == ["intent_recorded", "call_postponed"] * 2


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


@pytest.mark.parametrize(
    "rows",
    [
        [("a slow dolly", LOST)],
        [("a slow dolly", LOST[:5])],
        [("a slow dolly", LOST[:1])],
        [("a slow dolly", ACCEPTED)],
        [("a slow dolly", BUSY)],
        [(f"seed {number} · fast · 1080p", LOST) for number in range(DETAILED_MAX + 8)],
    ],
    ids=["lost", "open", "new", "accepted", "busy", "many"],
)
def test_texts_neither_overlap_nor_leave_the_picture(rows: list[tuple[str, list[JobEvent]]]) -> None:
    """With the letter widths of a common font every text has its own place inside the picture."""
    placed = boxes(timelines_html(rows, now=NOW + 100))
    assert len(placed) >= 3
    for at, (left, top, right, bottom) in enumerate(placed):
        assert left >= -20
        assert right <= WIDTH_PX
        for l2, t2, r2, b2 in placed[at + 1 :]:
            assert right <= l2 or r2 <= left or bottom <= t2 or b2 <= top


def test_labels_are_staggered_only_if_they_would_overlap() -> None:
    """A label that would cover the next one moves up; the others stay next to the bar."""
    assert stagger_labels([(0, 50), (100, 50), (200, 50)]) == [0, 0, 0]
    assert stagger_labels([(0, 50), (10, 50), (20, 50)]) == [2, 1, 0]
    assert stagger_labels([(0, 150), (100, 50), (120, 50)]) == [2, 1, 0]
    assert stagger_labels([]) == []


def test_several_jobs_share_one_axis() -> None:
    """The axis begins with the first job of all; each job has its caption and its milestones."""
    later = [JobEvent(one.at + 100, one.state, one.kind, one.data) for one in LOST]
    page = Page(timelines_html([("one", LOST), ("two", later)], now=NOW + 200))
    assert {"one", "two"} <= set(re.findall(r"one|two", page.text))
    ends = [text for kind, text in milestones(page) if kind == "downloaded"]
    assert [text[-len(moment) :] for text, moment in zip(ends, ("3.2 s", "1 min 43 s"), strict=True)] == [
        "3.2 s",
        "1 min 43 s",
    ]


def milestones(page: Page) -> list[tuple[str, str]]:
    """The kind and the text of each milestone of the inline drawing."""
    found = re.findall(r'data-kind="(\w+)"[^>]*>(.*?)</text>', page.html[: page.html.index("</svg>")])
    return [(kind, re.sub(r"<[^>]*>", "", text)) for kind, text in found]


def test_many_jobs_get_one_line_each() -> None:
    """A sweep's jobs have a caption, a bar and an end each, no other milestones, and one legend."""
    count = DETAILED_MAX + 20
    rows = [(f"seed {number}", LOST) for number in range(count)]
    page = Page(timelines_html(rows, now=NOW + 9))
    assert [kind for kind, _ in milestones(page)] == ["downloaded"] * count
    assert page.text.count("Generating, ") == count, "the tooltips of the bars"
    assert len(timelines_text(rows, now=NOW + 9).splitlines()) == count + 1


def test_a_picture_of_very_many_jobs_is_cut() -> None:
    """At most LINES_MAX jobs are drawn; the text has them all."""
    rows = [(f"seed {number}", LOST) for number in range(LINES_MAX + 5)]
    assert len(milestones(Page(timelines_html(rows, now=NOW + 9)))) == LINES_MAX
    assert len(timelines_text(rows, now=NOW + 9).splitlines()) == LINES_MAX + 6


def test_the_summary_counts_the_slots_in_use() -> None:
    """The summary of many jobs tells how many held a slot at the same time at most."""
    rows = [(f"seed {number}", shifted(ACCEPTED, 20.0 * number)) for number in range(DETAILED_MAX + 1)]
    summary = timelines_text(rows, now=NOW + 999).splitlines()[0]
    assert re.findall(r"\d+", summary) == ["13", "2"]


def shifted(events: list[JobEvent], by_s: float) -> list[JobEvent]:
    """The same events, later."""
    return [JobEvent(one.at + by_s, one.state, one.kind, one.data) for one in events]


def test_the_text_has_every_milestone_with_its_time() -> None:
    """The text, which is also the picture's label for screen readers, has a line for each milestone."""
    title = "a slow dolly"
    text = timelines_text([(title, LOST)], now=NOW + 9)
    head, *lines = text.splitlines()
    assert head == f"{title}: {SHORT_STATE_LABELS[JobState.DONE]}"
    assert [line.split("  ")[-2].strip() for line in lines] == ["0.7 s", "1.5 s", "2.8 s", "3.2 s"]
    page = Page(timelines_html([(title, LOST)], now=NOW + 9))
    assert page.only("svg")["aria-label"] == text
    assert page.only("img")["alt"] == text


def test_colours_come_from_the_theme() -> None:
    """Each state has the colour of its severity, as a variable: the inline drawing has no fixed colour."""
    html = timelines_html([("x", LOST)], now=NOW + 9)
    inline = html[html.index("<svg") : html.index("</svg>")]
    assert re.search(r'fill="var\(--pvnb-warn\)"[^>]*><title>Checking', inline)
    assert re.search(r'<circle[^>]*fill="var\(--pvnb-good\)"', inline)
    assert not re.search(r"#[0-9a-f]{3,6}\b", inline)


def test_an_untrusted_notebook_shows_the_image() -> None:
    """Without stylesheet and SVG the inline part stays hidden, and the <img> has colours of its own."""
    page = Page(timelines_html([("x", LOST)], now=NOW + 9))
    inline = next(attributes for _, attributes in page.elements if attributes.get("class") == "pvnb-timeline-svg")
    assert inline["hidden"], "JupyterLab removes the attribute if it has no value"
    alone = standalone(page)
    assert alone.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert set(re.findall(r"var\((--pvnb-\w+)\)", alone)) <= set(re.findall(r"(--pvnb-\w+):", alone))
    assert "prefers-color-scheme:dark" in alone


def standalone(page: Page) -> str:
    """The SVG file inside the <img>."""
    head, _, data = (page.only("img")["src"] or "").partition(",")
    assert head == "data:image/svg+xml;base64"
    return base64.b64decode(data).decode()


def test_it_is_only_a_picture() -> None:
    """There is no script, link or address; a caption is escaped and redacted."""
    html = timelines_html([("<script>alert(1)</script> maria@example.org", LOST)], now=NOW + 9)
    page = Page(html)
    assert {"script", "a", "foreignObject", "image", "use"}.isdisjoint(name for name, _ in page.elements)
    assert "<script>alert(1)</script>" in page.text
    assert "maria" not in html + standalone(page) + timelines_text([("maria@example.org", LOST)], now=NOW)


def test_without_events_there_is_no_picture(tmp_path: Path) -> None:
    """Jobs without events make one line of text, and nothing to save."""
    page = Page(timelines_html([], now=NOW))
    assert page.text == timelines_text([("x", [])], now=NOW) != ""
    assert "svg" not in {name for name, _ in page.elements}
    with pytest.raises(ValueError, match=re.escape(page.text)):
        Timeline((), NOW).save(tmp_path / "x.svg")


def test_a_timeline_shows_and_saves_itself(tmp_path: Path) -> None:
    """A Timeline is a picture in a notebook, text elsewhere, and an SVG file on disk."""
    title = "a slow dolly"
    timeline = Timeline(((title, tuple(LOST)),), now=NOW + 9)
    bundle: Mapping[str, str] = timeline._repr_mimebundle_()
    assert bundle["text/html"] == timelines_html([(title, LOST)], now=NOW + 9)
    assert bundle["text/plain"] == repr(timeline) == timelines_text(timeline.rows, now=timeline.now)
    path = timeline.save(tmp_path / "new" / "x.svg")
    assert path.read_text(encoding="utf-8") == standalone(Page(bundle["text/html"]))


def test_titles_tell_jobs_apart() -> None:
    """The title of a job is its shortened prompt and its seed, or the seed alone."""
    assert job_title(a_request()) == f"{a_request().prompt} · seed 42"
    assert job_title(a_request(prompt="")) == "seed 42"
    assert len(job_title(a_request(prompt="word " * 100))) < 90


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (0.04, "40 ms"), (2.84, "2.8 s"), (200, "3 min 20 s")])
def test_moments_have_their_unit(seconds: float, text: str) -> None:
    """Short times are in milliseconds, long ones in minutes."""
    assert format_moment(seconds) == text
