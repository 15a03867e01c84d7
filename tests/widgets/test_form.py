"""The form: what a press of its button does, and what people are told."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.domain.jobs import JobSnapshot, JobState, VideoFile
from pixverse_nb.errors import InvalidImage, InvalidRequest, Unauthorized
from pixverse_nb.widgets.form import Form
from tests.widgets.conftest import a_png
from tests.widgets.fakes import FakeClient
from tests.widgets.page import below, change, heard, press, say, settle, text_of, upload


class FormDriver:
    """A form with a maker behind it, and the videos that it has reported."""

    def __init__(self, maker: FakeClient) -> None:
        self.maker = maker
        self.videos: list[JobSnapshot] = []
        self.form = Form(maker, on_video=self.videos.append)
        settle()

    def fill(self, *, first: bytes | None = None) -> None:
        """Put two pictures in."""
        upload(self.form.first, first or a_png(160, 90), id="one")
        upload(self.form.last, a_png(90, 90, "red"), id="two")
        settle()

    def submit(self) -> None:
        """Press the button and wait until its work has ended."""
        press(self.form.submit)
        settle()

    @property
    def text(self) -> str:
        """All that the form says in HTML."""
        return text_of(self.form)


@pytest.fixture
def driver(maker: FakeClient) -> FormDriver:
    """An empty form on the sandbox."""
    return FormDriver(maker)


@pytest.fixture
def filled(driver: FormDriver) -> FormDriver:
    """A form with two pictures."""
    driver.fill()
    return driver


def test_one_press_makes_one_video(filled: FormDriver) -> None:
    """The pictures and every field go to the client as they stand in the form, and the job appears below."""
    change(filled.form.fields.prompt, value=" a slow pan ")
    change(filled.form.fields.seed, value="7")
    filled.form.fields.choices["quality"].value = "540p"
    filled.submit()
    (call,) = filled.maker.calls
    assert call.pop("first") == a_png(160, 90)
    assert call.pop("last") == a_png(90, 90, "red")
    assert call == {
        "prompt": "a slow pan",
        "quality": "540p",
        "duration": 5,
        "motion_mode": "normal",
        "aspect_ratio": None,
        "fit": "cover",
        "seed": 7,
        "remove_watermark": True,
        "reuse": True,
    }
    assert [row["ref"] for row in filled.form.following.progress.rows] == ["job-1"]


def test_two_presses_pay_once(filled: FormDriver) -> None:
    """While the first press is at work the button looks off, keeps the focus, and a second press does nothing."""
    filled.maker.may_create.clear()
    press(filled.form.submit)
    press(filled.form.submit)
    press(filled.form.submit)
    filled.maker.creating.wait()
    assert "pvnb-form-at-work" in filled.form.submit._dom_classes
    assert not filled.form.submit.disabled
    filled.maker.may_create.set()
    settle()
    assert len(filled.maker.calls) == 1
    assert "pvnb-form-at-work" not in filled.form.submit._dom_classes


def test_missing_pictures_are_asked_for_at_their_slots(driver: FormDriver) -> None:
    """Without pictures nothing is sent, and each empty slot says what to do, until a picture is there."""
    driver.submit()
    assert driver.maker.calls == []
    assert driver.form.first.message == driver.form.last.message == "Choose a picture here."
    assert "Nothing was sent" in driver.text
    driver.fill()
    assert driver.form.first.message == driver.form.last.message == ""
    assert "Nothing was sent" not in driver.text


def test_a_press_too_early_is_forgotten_when_the_picture_is_there(driver: FormDriver) -> None:
    """That a picture was still on its way is said until it has come."""
    fetched = threading.Event()
    driver.maker.pictures["http://x/a.png"] = a_png(64, 48)
    driver.form.first._fetch = lambda url: driver.maker.pictures[url] if fetched.wait(30) else b""
    say(driver.form.first, {"kind": "address", "text": "http://x/a.png"})
    press(driver.form.submit)
    assert "on its way" in driver.form.first.message
    fetched.set()
    settle()
    assert (driver.form.first.state, driver.form.first.message) == ("ready", "")


def test_a_press_leaves_why_a_picture_was_refused(driver: FormDriver) -> None:
    """What was no picture is still named after the press; the empty slot beside it asks for one."""
    upload(driver.form.first, b"just some words, no picture", name="notes.txt")
    settle()
    refusal = driver.form.first.message
    assert "JPEG" in refusal
    driver.submit()
    assert driver.form.first.message == refusal
    assert driver.form.last.message == "Choose a picture here."


def test_every_wrong_field_is_named_at_once(driver: FormDriver) -> None:
    """Missing picture, prompt, seed and refused pair are all said by one press, each at its place."""
    driver.form.fields.choices["duration"].value = 8
    driver.form.fields.choices["motion_mode"].value = "fast"
    change(driver.form.fields.prompt, value="x" * 2049)
    change(driver.form.fields.seed, value="x")
    driver.submit()
    assert driver.form.first.message
    assert "1 characters too long" in driver.text
    assert "A whole number from 1" in driver.text
    assert "duration=5" in driver.form.fields.choices["motion_mode"].message
    driver.fill()
    driver.submit()
    assert driver.maker.calls == []


def test_what_the_client_finds_wrong_stands_at_its_field(filled: FormDriver) -> None:
    """The client's own verdicts go to the slots and fields they name, others into the status line, all masked."""
    filled.maker.errors = [InvalidRequest({"prompt": "no", "email": "maria@example.org is unknown"})]
    filled.submit()
    assert 'role="alert">No.<' in text_of(filled.form.fields.controls["prompt"])
    assert "email: m…@e… is unknown." in filled.text
    filled.maker.errors = [InvalidImage({"last": "too dark"})]
    filled.submit()
    assert (filled.form.first.message, filled.form.last.message) == ("", "Too dark.")


def test_an_error_stands_in_the_form_and_the_button_works_again(filled: FormDriver) -> None:
    """Whatever the client raises is said in the status line without secrets, and the next press is possible."""
    filled.maker.errors = [OSError("<no> route for maria@example.org with user:7-secretsecret")]
    filled.submit()
    assert "OSError: &lt;no&gt; route for m…@e… with user:7-…" in filled.text
    filled.submit()
    assert len(filled.maker.tasks) == 1


def test_a_bad_token_is_said_when_the_form_opens() -> None:
    """The first question for the balance finds it, and its sentence stands in the form."""
    maker = FakeClient(is_sandbox=False)
    maker.credit_errors = [Unauthorized("The token is wrong. Get one from useapi.net.", status=401)]
    assert "The token is wrong. Get one from useapi.net." in FormDriver(maker).text


def test_a_video_that_is_there_is_asked_about_before_it_is_paid_again(filled: FormDriver) -> None:
    """Nothing is created until the person has answered; "Show it" creates nothing and shows the job."""
    filled.maker.paid = filled.maker.new_task(seed=5, state=JobState.DONE)
    filled.submit()
    assert filled.maker.calls == []
    assert "This video is already here" in filled.text
    press(filled.form.show_it)
    settle()
    assert filled.maker.calls == []
    assert "already here" not in filled.text
    assert [row["ref"] for row in filled.form.following.progress.rows] == ["job-1"]
    assert [message["ref"] for message, _ in heard(filled.form.following.progress, "scroll_to")] == ["job-1"]


def test_a_job_that_was_given_up_is_taken_up_by_showing_it(filled: FormDriver) -> None:
    """Where a cancelled job may have been paid, the first answer goes on waiting for it and pays nothing."""
    given_up = filled.maker.paid = filled.maker.new_task(seed=5, state=JobState.CANCELLED)
    given_up.move(can_resume=True, charged="unknown")
    filled.submit()
    assert "given up before it was here" in filled.text
    press(filled.form.show_it)
    settle()
    assert given_up.resumed.is_set()
    assert filled.maker.calls == []


def test_paying_again_is_one_deliberate_press(filled: FormDriver) -> None:
    """ "Pay again" sends the same values once with reuse=False, and pressing it twice does not pay twice."""
    filled.maker.paid = filled.maker.new_task(seed=5, state=JobState.DONE)
    filled.submit()
    press(filled.form.pay_again)
    press(filled.form.pay_again)
    settle()
    press(filled.form.pay_again)
    settle()
    assert [call["reuse"] for call in filled.maker.calls] == [False]


def test_the_question_is_withdrawn_when_the_values_change(filled: FormDriver) -> None:
    """An answer never applies to values that the question was not about."""
    filled.maker.paid = filled.maker.new_task(seed=5, state=JobState.DONE)
    filled.submit()
    filled.form.fields.choices["quality"].value = "360p"
    assert "already here" not in filled.text
    press(filled.form.pay_again)
    settle()
    assert filled.maker.calls == []


def test_the_price_follows_the_parameters(driver: FormDriver) -> None:
    """The estimate is the client's, is called an estimate, and is left out for what is refused."""
    assert "About 60 sandbox credits (estimate)" in driver.text
    driver.form.fields.choices["duration"].value = 8
    assert "About 120 sandbox credits (estimate)" in driver.text
    driver.form.fields.choices["quality"].value = "1080p"
    assert "estimate" not in driver.text


def test_a_balance_that_is_too_small_is_said() -> None:
    """Where the estimate is above the balance the form warns, and forbids nothing."""
    driver = FormDriver(FakeClient(balance=59))
    assert "Balance: 59 sandbox credits · Pro" in driver.text
    assert "The balance may not be enough." in driver.text
    driver.form.fields.choices["quality"].value = "360p"
    assert "The balance may not be enough." not in driver.text
    assert not driver.form.submit.disabled


def test_the_balance_is_asked_again_when_credits_have_moved(filled: FormDriver) -> None:
    """A job that is accepted brings the new balance; a change that costs nothing does not ask."""
    filled.submit()
    asked = filled.maker.balance_questions
    filled.maker.tasks[0].move(state=JobState.UPLOADING)
    settle()
    assert filled.maker.balance_questions == asked
    filled.maker.balance = 1180
    filled.maker.tasks[0].move(state=JobState.QUEUED)
    filled.maker.tasks[0].move(queue_position=2)
    settle()
    assert "Balance: 1,180" in filled.text
    assert filled.maker.balance_questions == asked + 1


@pytest.mark.parametrize("is_sandbox", [True, False])
def test_the_sandbox_is_said_clearly_and_only_there(is_sandbox: bool) -> None:
    """The badge stands in the form where nothing is paid, and nowhere else."""
    assert ("Sandbox – nothing is paid" in FormDriver(FakeClient(is_sandbox=is_sandbox)).text) is is_sandbox


def test_both_slots_preview_the_ratio_of_the_first_picture(driver: FormDriver) -> None:
    """Left to itself the ratio is the first picture's nearest; a chosen one wins; the fit reaches both slots."""
    slots = (driver.form.first, driver.form.last)
    assert [slot.ratio for slot in slots] == ["", ""]
    driver.fill(first=a_png(90, 160))
    assert [slot.ratio for slot in slots] == ["9:16", "9:16"]
    driver.form.fields.choices["aspect_ratio"].value = "1:1"
    driver.form.fields.choices["fit"].value = "contain"
    assert [(slot.ratio, slot.fit) for slot in slots] == [("1:1", "contain")] * 2
    driver.form.fields.choices["fit"].value = None
    assert [slot.fit for slot in slots] == ["", ""]


def test_what_the_ratio_does_to_the_pictures_is_true_of_these_pictures(driver: FormDriver) -> None:
    """The hint speaks of a cut where one of the two is cut, and of none where both have the ratio already."""
    hint = driver.form.fields.choices["fit"]
    upload(driver.form.first, a_png(160, 90), id="one")
    upload(driver.form.last, a_png(320, 180), id="two")
    settle()
    assert hint.hint == "Nothing to cut: both are 16:9."
    driver.form.fields.choices["aspect_ratio"].value = "1:1"
    assert hint.hint == "Cut to 1:1: the bright part is sent."


def test_a_cut_that_leaves_little_is_said_at_its_slot(driver: FormDriver) -> None:
    """A strip is said to lose nearly all of itself before anything is paid; with another ratio or fit it is not."""
    upload(driver.form.first, a_png(80, 60), id="one")
    upload(driver.form.last, a_png(4000, 60), id="two")
    settle()
    assert "80×60" in driver.form.last.caution
    assert driver.form.first.caution == ""
    driver.form.fields.choices["fit"].value = None
    assert driver.form.last.caution == ""


def test_swapping_swaps_what_is_sent(filled: FormDriver) -> None:
    """After a swap the last picture is the first, and the ratio follows the new first picture."""
    press(filled.form.swap)
    settle()
    assert filled.form.first.ratio == "1:1"
    filled.submit()
    assert filled.maker.calls[0]["first"] == a_png(90, 90, "red")


def test_jobs_left_open_are_taken_up_when_the_form_opens(maker: FakeClient) -> None:
    """What an earlier kernel left running is shown and followed; what was over is not."""
    maker.new_task(state=JobState.GENERATING)
    maker.new_task(state=JobState.DONE)
    driver = FormDriver(maker)
    assert [row["ref"] for row in driver.form.following.progress.rows] == ["job-1"]


def test_jobs_of_other_cells_are_left_alone(filled: FormDriver) -> None:
    """A job that was not made here does not appear when it moves."""
    filled.maker.new_task().move(state=JobState.GENERATING)
    settle()
    assert filled.form.following.progress.rows == []


def test_several_jobs_run_side_by_side(filled: FormDriver) -> None:
    """A second press makes a second job while the first runs; each row moves by itself and can be cancelled."""
    filled.submit()
    filled.submit()
    first, second = filled.maker.tasks
    first.move(state=JobState.GENERATING)
    say(filled.form.following.progress, {"kind": "cancel", "ref": second.ref})
    settle()
    states = {row["ref"]: row["state"] for row in filled.form.following.progress.rows}
    assert states == {"job-1": "Generating", "job-2": "Cancelled"}


def test_a_stopped_download_is_tried_again_from_its_row(filled: FormDriver) -> None:
    """One press on the row takes the job up again."""
    filled.submit()
    task = filled.maker.tasks[0]
    task.move(state=JobState.DOWNLOADING, is_paused=True, can_resume=True, charged="yes", error="No space left.")
    say(filled.form.following.progress, {"kind": "retry", "ref": task.ref})
    settle()
    assert task.resumed.is_set()
    assert filled.form.following.progress.rows[0]["state"] == "Downloading the video"


def test_a_finished_video_is_handed_on(filled: FormDriver, tmp_path: Path) -> None:
    """When a job of this form has its video, the owner of the form is told."""
    filled.submit()
    video = VideoFile(tmp_path / "a.mp4", sha256="0", size_bytes=1)
    filled.maker.tasks[0].move(state=JobState.DONE, video=video)
    settle()
    assert [snapshot.video for snapshot in filled.videos] == [video]


def test_a_closed_form_hears_nothing_more(filled: FormDriver) -> None:
    """Closing the form ends its subscription; its jobs go on without it."""
    filled.submit()
    filled.form.close()
    assert filled.maker.watchers == []
    assert not filled.maker.tasks[0].cancelled.is_set()


def test_no_picture_is_in_the_state_that_notebooks_store(filled: FormDriver) -> None:
    """The state of all widgets of the form together holds no bytes and stays small."""
    states: list[Any] = [widget.get_state() for widget in below(filled.form)]
    assert not any(isinstance(value, bytes | memoryview) for state in states for value in state.values())
    own = [{name: value for name, value in state.items() if name not in ("_esm", "_css")} for state in states]
    assert len(json.dumps(own, default=repr)) < 60_000
