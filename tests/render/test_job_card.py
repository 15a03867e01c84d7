"""The card of a job: its state, its clock, what happened and what to do."""

import re
import time
from pathlib import Path

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.render.formatting import STATE_LABELS, charge_sentence, state_label
from pixverse_nb.render.job_views import card_block, card_html, card_text, waiting_text
from tests.render.factories import NOW, a_request, a_snapshot, a_video, an_mp4
from tests.render.page import Page


@pytest.mark.parametrize("state", list(JobState))
def test_every_state_is_shown(state: JobState) -> None:
    """The card and the text of each state have its label and the job's reference."""
    job = a_snapshot(state)
    for text in (Page(card_html(job, now=NOW)).text, card_text(job, now=NOW)):
        assert STATE_LABELS[state] in text
        assert job.ref in text


@pytest.mark.parametrize("state", list(JobState))
def test_no_percentage_is_invented(state: JobState) -> None:
    """PixVerse reports no progress, so no card shows a percentage or a bar with a value."""
    page = Page(card_block(a_snapshot(state), now=NOW))
    assert "%" not in page.text
    assert {"progress", "meter"}.isdisjoint(name for name, _ in page.elements)
    assert not [attributes for _, attributes in page.elements if "aria-valuenow" in attributes]


@pytest.mark.parametrize("state", list(JobState))
def test_only_a_job_in_progress_is_animated(state: JobState) -> None:
    """The moving line is there exactly while the job continues without the user."""
    assert ("pvnb-activity-bar" in Page(card_block(a_snapshot(state), now=NOW)).classes()) == (
        not state.is_final and state is not JobState.PLANNED
    )


def test_the_clock_starts_at_the_submission() -> None:
    """A generating job counts from its submission, next to the usual time."""
    text = Page(card_html(a_snapshot(JobState.GENERATING), now=NOW)).text
    assert "0:34" in text
    assert "58 s" in text
    assert "0:35" in Page(card_html(a_snapshot(JobState.GENERATING), now=NOW + 1)).text


def test_before_submission_the_clock_starts_at_the_creation() -> None:
    """Before submission the time since creation is shown, without a usual time."""
    text = Page(card_html(a_snapshot(JobState.WAITING), now=NOW)).text
    assert "0:40" in text
    assert "58 s" not in text


def test_a_card_in_progress_has_the_time_of_its_last_update() -> None:
    """The time is text that the stylesheet hides while the card is redrawn; final and paused jobs do not need it."""
    page = Page(card_html(a_snapshot(JobState.GENERATING), now=NOW))
    assert time.strftime("%H:%M:%S", time.localtime(NOW)) in page.text
    assert "pvnb-updated" in page.classes()
    for job in (a_snapshot(JobState.FAILED), a_snapshot(JobState.DOWNLOADING, is_paused=True)):
        assert "pvnb-updated" not in Page(card_html(job, now=NOW)).classes()


def test_the_clock_of_a_final_job_stands_still() -> None:
    """A final job shows how long it took, however late it is drawn."""
    assert "34 s" in Page(card_html(a_snapshot(JobState.FAILED), now=NOW + 9999)).text


def test_the_queue_position_is_shown_if_known() -> None:
    """The position is on the card if PixVerse reports it."""
    assert "Position 3." in Page(card_html(a_snapshot(JobState.QUEUED, queue_position=3), now=NOW)).text
    assert "Position" not in Page(card_html(a_snapshot(JobState.QUEUED), now=NOW)).text


@pytest.mark.parametrize("charged", ["no", "unknown", "yes"])
def test_a_failed_job_says_why_whether_it_was_charged_and_what_to_do(charged: str) -> None:
    """The card and the text have the error, the sentence about charges and the suggested action."""
    job = a_snapshot(JobState.FAILED, error="It broke.", suggested_action="Try another seed.", charged=charged)
    for text in (Page(card_html(job, now=NOW)).text, card_text(job, now=NOW)):
        for part in ("It broke.", charge_sentence(job), "Try another seed."):
            assert part in text


def test_a_job_that_cost_nothing_names_no_credits() -> None:
    """No amount stands next to the sentence that nothing was charged."""
    refused = a_snapshot(JobState.MODERATED, error="Moderated.", charged="no", submitted_at=None)
    assert "credits" not in Page(card_html(refused, now=NOW)).text
    assert "60 credits" in Page(card_html(a_snapshot(JobState.GENERATING, charged="yes"), now=NOW)).text


def test_a_stopped_download_looks_stopped() -> None:
    """Nothing moves on its card, its clock stands still, and the reason is shown."""
    job = a_snapshot(JobState.DOWNLOADING, finished_at=NOW - 4, error="HTTP 403.", charged="yes", is_paused=True)
    page = Page(card_html(job, now=NOW))
    for part in (state_label(job), "30 s", "HTTP 403."):
        assert part in page.text
    assert {"pvnb-activity-bar", "pvnb-run"}.isdisjoint(page.classes())
    assert state_label(job) in card_text(job, now=NOW)


def test_a_paused_job_has_no_running_clock() -> None:
    """A job that waits for the user shows no time."""
    job = a_snapshot(JobState.WAITING, is_paused=True)
    text = Page(card_html(job, now=NOW)).text
    assert state_label(job) in text
    assert "0:40" not in text


def test_warnings_and_notices_are_shown() -> None:
    """A current warning and all notices are on the card; the text has the warning."""
    job = a_snapshot(JobState.GENERATING, warning="No network.", notices=("Turned upright.", "Scaled down."))
    text = Page(card_html(job, now=NOW)).text
    for part in ("No network.", "Turned upright.", "Scaled down."):
        assert part in text
    assert "No network." in card_text(job, now=NOW)


@pytest.mark.parametrize("state", [JobState.PLANNED, JobState.GENERATING])
def test_the_text_has_the_price_and_the_notices(state: JobState) -> None:
    """A script sees what the card shows: the estimate or that there is none, and each notice, once."""
    job = a_snapshot(state, estimated_credits=60, notices=("Not checked.", "Turned upright."))
    unknown = a_snapshot(state, estimated_credits=None)
    for text in (card_text(job, now=NOW), waiting_text(job, now=NOW)):
        assert [text.count(part) for part in ("60 credits", "Not checked.", "Turned upright.")] == [1, 1, 1]
    for text in (card_text(unknown, now=NOW), waiting_text(unknown, now=NOW), Page(card_html(unknown, now=NOW)).text):
        assert text.count("price unknown") == 1


def test_a_job_that_ended_without_a_video_states_its_cost_once() -> None:
    """The sentence about the charge is enough."""
    job = a_snapshot(JobState.FAILED, error="It broke.", charged="yes", cost_credits=60)
    assert card_text(job, now=NOW).count("60") == 1


def test_markup_from_outside_is_shown_as_text() -> None:
    """Markup in a prompt, reference, error, action, notice or warning is escaped."""
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


def test_no_email_address_is_shown() -> None:
    """An error may name the account; the card and the text redact it."""
    reply = "Account maria@example.org is busy executing 5 tasks."
    job = a_snapshot(JobState.WAITING, warning=reply, error=reply, notices=(reply,), request=a_request(prompt=reply))
    assert "maria" not in card_html(job, now=NOW)
    assert "maria" not in card_text(job, now=NOW)


def test_screen_readers_hear_the_state_but_not_the_clock() -> None:
    """The state is a polite status; the running clock is not announced."""
    roles = {
        attributes["role"]: attributes
        for _, attributes in Page(card_html(a_snapshot(JobState.QUEUED), now=NOW)).elements
        if "role" in attributes
    }
    assert roles["status"]["aria-live"] == "polite"
    assert roles["timer"]["aria-live"] == "off"


@pytest.mark.parametrize("thumbnails", [(), (b"one",), (b"one", b"two"), (b"one", b"two", b"three")])
def test_all_thumbnails_are_shown(thumbnails: tuple[bytes, ...]) -> None:
    """A card shows as many input images as there are, each with a text for screen readers."""
    page = Page(card_html(a_snapshot(JobState.GENERATING), now=NOW, thumbnails=thumbnails))
    names = [attributes["alt"] for name, attributes in page.elements if name == "img"]
    assert len(set(names)) == len(thumbnails)
    assert all(names)


def test_the_animation_continues_across_updates() -> None:
    """An update replaces the card, so the animation starts at the phase of that moment."""
    phases = {
        re.search(r"animation-delay:-([\d.]+)s", card_html(a_snapshot(JobState.QUEUED), now=now))
        for now in (NOW, NOW + 1)
    }
    assert len({phase[1] for phase in phases if phase}) == 2


def test_a_finished_job_is_its_player(tmp_path: Path) -> None:
    """When the video is there, the player replaces the card and shows the job's notices."""
    video = a_video(an_mp4(tmp_path / "x.mp4"))
    notice = "Already there (7)."
    job = a_snapshot(JobState.DONE, video=video, notices=(notice,))
    page = Page(card_html(job, now=NOW))
    assert page.count("video") == 1
    assert notice in page.text
    assert str(video.path) in card_text(job, now=NOW)
    assert notice in card_text(job, now=NOW)


@pytest.mark.parametrize("state", list(JobState))
def test_the_text_has_at_most_three_lines(state: JobState) -> None:
    """In a terminal a job takes at most three lines, whatever it has to say."""
    job = a_snapshot(state, error="It\nbroke.", suggested_action="Try\nagain.", warning="Away.", notices=("A\nB", "C"))
    assert 1 <= len(card_text(job, now=NOW).splitlines()) <= 3
