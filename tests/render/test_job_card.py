"""The card of a job: the state in words, an honest clock, and what a person can do."""

import re
import time
from pathlib import Path

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.render.formatting import SHORT_WORDS, STATE_WORDS
from pixverse_nb.render.job_views import card_block, card_html, card_text
from tests.render.factories import NOW, a_request, a_snapshot, a_video, an_mp4
from tests.render.page import Page


@pytest.mark.parametrize("state", list(JobState))
def test_every_state_has_its_words(state: JobState) -> None:
    """Each of the fourteen states stands in words on the card and in the text, with the reference."""
    job = a_snapshot(state)
    page = Page(card_html(job, now=NOW))
    assert STATE_WORDS[state] in page.text
    assert "ref nb:3f9c1a7e:1" in page.text
    assert STATE_WORDS[state] in card_text(job, now=NOW)
    assert SHORT_WORDS[state]


@pytest.mark.parametrize("state", list(JobState))
def test_no_percentage_is_invented(state: JobState) -> None:
    """The vendor reports no progress, so no card shows any: no percentage, no bar with a value."""
    page = Page(card_block(a_snapshot(state), now=NOW))
    assert "%" not in page.text
    assert {"progress", "meter"}.isdisjoint(name for name, _ in page.elements)
    assert not [attributes for _, attributes in page.elements if "aria-valuenow" in attributes]


@pytest.mark.parametrize("state", list(JobState))
def test_only_what_runs_moves(state: JobState) -> None:
    """The moving line is there exactly while the job goes on by itself."""
    assert ("pvnb-runner" in Page(card_block(a_snapshot(state), now=NOW)).classes()) == (
        not state.is_final and state is not JobState.PLANNED
    )


def test_the_clock_runs_from_the_submission() -> None:
    """A generating job counts from its submission, beside the usual time."""
    text = Page(card_html(a_snapshot(JobState.GENERATING), now=NOW)).text
    assert "0:34 · usually about 58 s" in text
    assert "0:35" in Page(card_html(a_snapshot(JobState.GENERATING), now=NOW + 1)).text


def test_the_clock_runs_from_the_creation_before_that() -> None:
    """Before the submission the time since the creation counts, and no usual time is named."""
    text = Page(card_html(a_snapshot(JobState.WAITING), now=NOW)).text
    assert "0:40" in text
    assert "usually" not in text


def test_a_card_that_is_left_behind_says_when_it_was_true() -> None:
    """The time of the last drawing is ordinary text, kept back while a card is drawn anew; an end needs none."""
    page = Page(card_html(a_snapshot(JobState.GENERATING), now=NOW))
    assert f"as of {time.strftime('%H:%M:%S', time.localtime(NOW))}" in page.text
    assert "pvnb-as-of" in page.classes()
    assert "as of" not in Page(card_html(a_snapshot(JobState.FAILED), now=NOW)).text
    assert "as of" not in Page(card_html(a_snapshot(JobState.DOWNLOADING, is_paused=True), now=NOW)).text


def test_longer_than_usual_is_said() -> None:
    """A job that takes half as long again as usual says so."""
    late = a_snapshot(JobState.GENERATING, submitted_at=NOW - 88)
    assert "longer than usual (about 58 s)" in Page(card_html(late, now=NOW)).text
    assert "usual" not in Page(card_html(a_snapshot(JobState.GENERATING, typical_s=None), now=NOW)).text


def test_a_final_job_has_no_running_clock() -> None:
    """What is over took its time, however late one looks."""
    job = a_snapshot(JobState.FAILED)
    assert "after 34 s" in Page(card_html(job, now=NOW + 9999)).text


def test_the_place_in_the_queue() -> None:
    """The position is shown where the vendor tells it, and not otherwise."""
    assert "Position 3." in Page(card_html(a_snapshot(JobState.QUEUED, queue_position=3), now=NOW)).text
    assert "Position" not in Page(card_html(a_snapshot(JobState.QUEUED), now=NOW)).text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"charged": "no"}, "Nothing was charged."),
        ({"charged": "unknown"}, "It is not known whether it was charged."),
        ({"charged": "yes", "cost_credits": 60}, "Charged: 60 credits."),
        ({"charged": "yes"}, "Charged: about 60 credits (estimate)."),
        ({"charged": "yes", "estimated_credits": None}, "It was charged."),
        ({"charged": "yes", "cost_credits": 1, "is_sandbox": True}, "Charged: 1 sandbox credit."),
    ],
)
def test_an_error_says_whether_it_was_charged(changes: dict[str, object], words: str) -> None:
    """A job that failed tells what happened, whether it was paid, and the next step, on the card and in the text."""
    job = a_snapshot(JobState.FAILED, error="It broke.", suggested_action="Try another seed.", **changes)
    for text in (Page(card_html(job, now=NOW)).text, card_text(job, now=NOW)):
        assert "It broke." in text
        assert words in text
        assert "Try another seed." in text


def test_what_cost_nothing_names_no_credits() -> None:
    """A moderated job gives its credits back: no amount stands beside that nothing was charged."""
    text = Page(card_html(a_snapshot(JobState.MODERATED, error="Moderated.", charged="no"), now=NOW)).text
    assert "Nothing was charged." in text
    assert "credits" not in text
    assert "60 credits" in Page(card_html(a_snapshot(JobState.GENERATING, charged="yes"), now=NOW)).text


def test_a_running_job_does_not_talk_of_charges() -> None:
    """While all goes well only the credits are named, not whether they are gone."""
    text = Page(card_html(a_snapshot(JobState.GENERATING, charged="yes"), now=NOW)).text
    assert "charged" not in text.lower()


def test_a_stopped_download_looks_stopped() -> None:
    """Nothing moves on its card, its clock stands, and the reason is there."""
    job = a_snapshot(JobState.DOWNLOADING, finished_at=NOW - 4, error="HTTP 403.", charged="yes", is_paused=True)
    page = Page(card_html(job, now=NOW))
    assert "Download stopped" in page.text
    assert "after 30 s" in page.text
    assert "HTTP 403." in page.text
    assert "pvnb-runner" not in page.classes()
    assert "pvnb-run" not in page.classes()
    assert "Download stopped" in card_text(job, now=NOW)


def test_what_was_never_sent_counts_no_seconds() -> None:
    """A job that waits for a person's word is not said to wait for a slot."""
    text = Page(card_html(a_snapshot(JobState.WAITING, is_paused=True), now=NOW)).text
    assert "Not sent" in text
    assert "slot" not in text
    assert "0:40" not in text


def test_a_timed_out_job_can_be_taken_up() -> None:
    """A job that was not finished in time names the call that takes it up again."""
    assert 'client.job("nb:3f9c1a7e:1")' in Page(card_html(a_snapshot(JobState.TIMED_OUT), now=NOW)).text


def test_trouble_and_notices_are_shown() -> None:
    """What stands in the way just now and what was done to the pictures are both on the card."""
    job = a_snapshot(JobState.GENERATING, warning="The network is away.", notices=("Turned upright.", "Scaled down."))
    text = Page(card_html(job, now=NOW)).text
    for part in ("The network is away.", "Turned upright.", "Scaled down."):
        assert part in text
    assert "The network is away." in card_text(job, now=NOW)


def test_what_comes_from_outside_is_only_text() -> None:
    """Markup in a prompt, an error, a step, a notice, a trouble or a reference is shown and not obeyed."""
    bad = "<script>alert(1)</script>"
    job = a_snapshot(
        JobState.FAILED,
        request=a_request(prompt=bad),
        ref=bad,
        error=bad,
        suggested_action=bad,
        warning=bad,
        notices=(bad,),
    )
    page = Page(card_html(job, now=NOW))
    assert "script" not in {name for name, _ in page.elements}
    assert page.text.count(bad) == 6


def test_no_email_is_shown() -> None:
    """The vendor's own words may name the account; a card does not."""
    said = "Account maria@example.org is busy executing 5 tasks."
    job = a_snapshot(JobState.WAITING, warning=said, error=said, suggested_action=said, notices=(said,))
    assert "maria" not in card_html(job, now=NOW) + card_text(job, now=NOW)


def test_screen_readers_hear_the_state_and_not_every_second() -> None:
    """The state is a polite status; the running clock is kept out of it."""
    roles = {
        attributes["role"]: attributes
        for _, attributes in Page(card_html(a_snapshot(JobState.QUEUED), now=NOW)).elements
        if "role" in attributes
    }
    assert roles["status"]["aria-live"] == "polite"
    assert roles["timer"]["aria-live"] == "off"


def test_the_two_pictures_are_shown_where_given() -> None:
    """Thumbnails stand on the card with a name for those who do not see them."""
    job = a_snapshot(JobState.GENERATING)
    html = card_html(job, now=NOW, pictures=(b"one", b"two"))
    names = [attributes["alt"] for name, attributes in Page(html).elements if name == "img"]
    assert names == ["first picture", "last picture"]
    assert "img" not in {name for name, _ in Page(card_html(job, now=NOW)).elements}


def test_the_moving_line_goes_on_where_it_was() -> None:
    """An update replaces the card, so the animation starts at the phase that belongs to the moment."""
    phases = {
        re.search(r"animation-delay:-([\d.]+)s", card_html(a_snapshot(JobState.QUEUED), now=now))
        for now in (NOW, NOW + 1)
    }
    assert len({phase[1] for phase in phases if phase}) == 2


def test_a_video_takes_the_place_of_the_card(tmp_path: Path) -> None:
    """As soon as the video is there the player stands where the card stood, with the job's notices."""
    video = a_video(an_mp4(tmp_path / "x.mp4"))
    job = a_snapshot(JobState.DONE, video=video, notices=("Given back: it was paid yesterday.",))
    page = Page(card_html(job, now=NOW))
    assert "video" in {name for name, _ in page.elements}
    assert "Given back: it was paid yesterday." in page.text
    assert card_text(job, now=NOW).startswith("Video: ")


@pytest.mark.parametrize("state", list(JobState))
def test_the_text_is_at_most_three_lines(state: JobState) -> None:
    """In a terminal a job never takes more than three lines."""
    job = a_snapshot(state, error="It\nbroke.", suggested_action="Try\nagain.", warning="Away.")
    assert 1 <= len(card_text(job, now=NOW).splitlines()) <= 3
