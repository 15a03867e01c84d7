"""The form: what its buttons do, and what it shows."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.domain.custom_models import catalogue_with
from pixverse_nb.domain.jobs import JobSnapshot, JobState, VideoFile
from pixverse_nb.errors import InvalidImage, InvalidRequest, Unauthorized
from pixverse_nb.widgets.form import Form
from tests.widgets.conftest import make_png
from tests.widgets.fakes import FakeClient
from tests.widgets.page import (
    click,
    messages_of,
    send_message,
    set_traits,
    upload,
    visible_html,
    wait_for_threads,
    walk_widgets,
)


class FormDriver:
    """A form with a fake client, and the snapshots that it has passed to `on_video`."""

    def __init__(self, client: FakeClient) -> None:
        self.client = client
        self.videos: list[JobSnapshot] = []
        self.form = Form(client, on_video=self.videos.append)
        wait_for_threads()

    def fill(self, *, first: bytes | None = None) -> None:
        """Upload two pictures."""
        upload(self.form.first, first or make_png(160, 90), id="one")
        upload(self.form.last, make_png(90, 90, "red"), id="two")
        wait_for_threads()

    def submit(self) -> None:
        """Click the button and wait until its work has ended."""
        click(self.form.submit_button)
        wait_for_threads()

    @property
    def html(self) -> str:
        """All HTML that the form displays."""
        return visible_html(self.form)

    def has_question(self) -> bool:
        """Return whether the form displays the question about an existing video."""
        return bool(visible_html(self.form._question_box))

    @property
    def job_refs(self) -> list[str]:
        """The references in the job list."""
        return [row["ref"] for row in self.form.tracker.job_list.rows]


@pytest.fixture
def driver(client: FakeClient) -> FormDriver:
    """An empty form for a sandbox."""
    return FormDriver(client)


@pytest.fixture
def filled(driver: FormDriver) -> FormDriver:
    """A form with two pictures."""
    driver.fill()
    return driver


# ---- submitting ----


def test_one_click_creates_one_video(filled: FormDriver) -> None:
    """The pictures and all fields are passed to the client, and the job appears in the list."""
    set_traits(filled.form.fields.prompt, value=" a slow pan ")
    set_traits(filled.form.fields.seed, value="7")
    filled.form.fields.choices["quality"].value = "720p"
    set_traits(filled.form.fields.switches["audio"], value=True)
    filled.submit()
    expected = {
        "first": make_png(160, 90),
        "last": make_png(90, 90, "red"),
        "prompt": "a slow pan",
        "model": "v5.6",
        "quality": "720p",
        "duration": 5,
        "motion_mode": None,
        "aspect_ratio": None,
        "fit": "cover",
        "seed": 7,
        "audio": True,
        "remove_watermark": None,
        "preview_mode": None,
        "off_peak_mode": None,
        "reuse": True,
    }
    assert filled.client.calls == [expected]
    assert filled.job_refs == ["job-1"]


def test_the_chosen_model_is_used(filled: FormDriver) -> None:
    """The call has the model and the fields that only this model takes, and a click on the question keeps them."""
    fields = filled.form.fields
    fields.model.value = "v3.5"
    fields.choices["motion_mode"].value = "fast"
    fields.switches["remove_watermark"].value = False
    filled.client.existing_job = filled.client.new_job(seed=5, state=JobState.DONE)
    filled.submit()
    click(filled.form.generate_again_button)
    wait_for_threads()
    (call,) = filled.client.calls
    used = {name: call[name] for name in ("model", "motion_mode", "remove_watermark", "audio")}
    assert used == {"model": "v3.5", "motion_mode": "fast", "remove_watermark": False, "audio": None}


def test_another_model_withdraws_the_question(filled: FormDriver) -> None:
    """A question about a video of one model is not answered for another."""
    filled.client.existing_job = filled.client.new_job(seed=5, state=JobState.DONE)
    filled.submit()
    filled.form.fields.model.value = "v6"
    assert not filled.has_question()


def test_repeated_clicks_pay_once(filled: FormDriver) -> None:
    """While the first click is being processed, the button looks disabled, keeps the focus, and ignores clicks."""
    filled.client.create_allowed.clear()
    click(filled.form.submit_button)
    click(filled.form.submit_button)
    click(filled.form.submit_button)
    filled.client.create_started.wait()
    assert "pvnb-form-busy" in filled.form.submit_button._dom_classes
    assert not filled.form.submit_button.disabled
    filled.client.create_allowed.set()
    wait_for_threads()
    assert len(filled.client.calls) == 1
    assert "pvnb-form-busy" not in filled.form.submit_button._dom_classes


def test_swapping_exchanges_the_pictures(filled: FormDriver) -> None:
    """After a swap the last picture is sent as the first, and the ratio follows it."""
    click(filled.form.swap_button)
    wait_for_threads()
    assert filled.form.first.ratio == "1:1"
    filled.submit()
    assert filled.client.calls[0]["first"] == make_png(90, 90, "red")


# ---- problems ----


def test_missing_pictures_are_marked_at_their_slots(driver: FormDriver) -> None:
    """Without pictures nothing is sent, and each empty slot has a message until a picture is loaded."""
    driver.submit()
    assert driver.client.calls == []
    assert driver.form.first.message == driver.form.last.message != ""
    assert 'role="alert"' in driver.html
    driver.fill()
    assert driver.form.first.message == driver.form.last.message == ""
    assert 'role="alert"' not in driver.html


def test_the_message_about_a_loading_picture_disappears(driver: FormDriver) -> None:
    """A click while a picture is loading sets a message, which is removed when the picture is ready."""
    may_fetch = threading.Event()
    driver.client.pictures["http://x/a.png"] = make_png(64, 48)
    driver.form.first._fetch_url = lambda url: driver.client.pictures[url] if may_fetch.wait(30) else b""
    send_message(driver.form.first, {"kind": "address", "text": "http://x/a.png"})
    click(driver.form.submit_button)
    assert driver.form.first.message not in {"", driver.form.last.message}
    may_fetch.set()
    wait_for_threads()
    assert (driver.form.first.state, driver.form.first.message) == ("ready", "")


def test_a_click_keeps_the_reason_why_a_picture_was_rejected(driver: FormDriver) -> None:
    """The slot still shows why its picture was rejected, and the empty slot gets its own message."""
    upload(driver.form.first, b"plain text", name="notes.txt")
    wait_for_threads()
    reason = driver.form.first.message
    assert "JPEG" in reason
    driver.submit()
    assert driver.form.first.message == reason
    assert driver.form.last.message not in {"", reason}


def test_all_problems_are_shown_at_once(driver: FormDriver) -> None:
    """One click marks the missing picture, the prompt, the seed and the rejected pair, each at its field."""
    fields = driver.form.fields
    fields.choices["quality"].value = "1080p"
    fields.duration.value = 10
    set_traits(fields.prompt, value="x" * 2049)
    set_traits(fields.seed, value="x")
    driver.submit()
    assert driver.form.first.message
    assert 'role="alert"' in visible_html(fields.controls["prompt"])
    assert 'role="alert"' in visible_html(fields.controls["seed"])
    assert fields.choices["quality"].message
    assert 'role="alert"' in visible_html(fields.controls["duration"])
    driver.fill()
    driver.submit()
    assert driver.client.calls == []


def test_problems_found_by_the_client_are_shown_at_their_fields(filled: FormDriver) -> None:
    """The client's problems go to the slots and fields that they name, and others to the status line, redacted."""
    filled.client.errors = [InvalidRequest({"prompt": "blocked", "email": "maria@example.org"})]
    filled.submit()
    assert "Blocked." in visible_html(filled.form.fields.controls["prompt"])
    assert "email: m…" in filled.html
    assert "maria" not in filled.html
    filled.client.errors = [InvalidImage({"last": "dark"})]
    filled.submit()
    assert (filled.form.first.message, filled.form.last.message) == ("", "Dark.")


def test_after_an_error_the_button_works_again(filled: FormDriver) -> None:
    """Any error of the client is shown escaped and redacted, and the next click works."""
    filled.client.errors = [OSError("<no> route for maria@example.org")]
    filled.submit()
    assert "&lt;no&gt;" in filled.html
    assert "maria" not in filled.html
    filled.submit()
    assert len(filled.client.created_jobs) == 1


def test_an_invalid_token_is_shown_when_the_form_opens() -> None:
    """The first request for the balance fails, and the form shows the error."""
    client = FakeClient(is_sandbox=False)
    client.credits_errors = [Unauthorized("wrong-token", status=401)]
    assert "wrong-token" in FormDriver(client).html


# ---- existing videos ----


def test_showing_an_existing_video_creates_nothing(filled: FormDriver) -> None:
    """Before an existing video is paid for again the form asks; the first answer shows the existing job."""
    filled.client.existing_job = filled.client.new_job(seed=5, state=JobState.DONE)
    filled.submit()
    assert filled.client.calls == []
    assert filled.has_question()
    click(filled.form.show_button)
    wait_for_threads()
    assert filled.client.calls == []
    assert not filled.has_question()
    assert filled.job_refs == ["job-1"]
    assert [message["ref"] for message, _ in messages_of(filled.form.tracker.job_list, "scroll_to")] == ["job-1"]


def test_showing_a_cancelled_job_resumes_it(filled: FormDriver) -> None:
    """If a cancelled job may have been charged, the first answer resumes it and creates nothing."""
    cancelled = filled.client.existing_job = filled.client.new_job(seed=5, state=JobState.CANCELLED)
    cancelled.change(can_resume=True, charged="unknown")
    filled.submit()
    assert filled.has_question()
    click(filled.form.show_button)
    wait_for_threads()
    assert cancelled.resumed.is_set()
    assert filled.client.calls == []


def test_generating_again_pays_once(filled: FormDriver) -> None:
    """The second answer sends the same values once with reuse=False, even if it is clicked again."""
    filled.client.existing_job = filled.client.new_job(seed=5, state=JobState.DONE)
    filled.submit()
    click(filled.form.generate_again_button)
    click(filled.form.generate_again_button)
    wait_for_threads()
    click(filled.form.generate_again_button)
    wait_for_threads()
    assert [call["reuse"] for call in filled.client.calls] == [False]


def test_changing_a_value_withdraws_the_question(filled: FormDriver) -> None:
    """An answer never applies to values that the question was not about."""
    filled.client.existing_job = filled.client.new_job(seed=5, state=JobState.DONE)
    filled.submit()
    filled.form.fields.choices["quality"].value = "360p"
    assert not filled.has_question()
    click(filled.form.generate_again_button)
    wait_for_threads()
    assert filled.client.calls == []


# ---- price and balance ----


def price_line(driver: FormDriver) -> str:
    """Return the HTML of the price line."""
    return visible_html(driver.form._price_line)


def test_the_price_follows_the_fields(driver: FormDriver) -> None:
    """The client's estimate is shown as an estimate, and disappears for values that are rejected."""
    fields = driver.form.fields
    assert "30 sandbox" in price_line(driver)
    assert "estimate" in price_line(driver)
    fields.duration.value = 10
    assert "60 sandbox" in price_line(driver)
    fields.choices["quality"].value = "1080p"
    assert "estimate" not in price_line(driver)
    fields.model.value = "v6"
    assert "140 sandbox" in price_line(driver)


def test_the_estimate_is_of_the_values_that_are_sent(filled: FormDriver) -> None:
    """The client is asked for the price of the very fields of the call."""
    filled.form.fields.model.value = "v3.5"
    filled.form.fields.choices["motion_mode"].value = "fast"
    filled.submit()
    (call,) = filled.client.calls
    ignored = {"first", "last", "reuse"}
    sent = {name: value for name, value in call.items() if name not in ignored}
    assert filled.client.estimates[-1] == sent


def test_an_unknown_price_is_neither_zero_nor_a_warning(driver: FormDriver) -> None:
    """A model without a price has a line without a number and can be used; the next model has its price again."""
    driver.form.fields.model.value = "kling-o3"
    assert price_line(driver)
    assert "credits" not in price_line(driver)
    assert "data-tone" not in price_line(driver)
    driver.fill()
    driver.submit()
    (call,) = driver.client.calls
    assert (call["model"], call["quality"], call["seed"]) == ("kling-o3", "720p", None)
    driver.form.fields.model.value = "v5.6"
    assert "40 sandbox" in price_line(driver)


def test_the_client_s_catalogue_is_used() -> None:
    """A model and a price of the user appear in the list and in the price line."""
    row = {"operations": ["frames"], "durations": [4], "qualities": ["480p"], "price": {"credits": {"480p": 11}}}
    driver = FormDriver(FakeClient(catalogue=catalogue_with({"new-1": row}, prices={"540p": 25})))
    assert "25 sandbox" in price_line(driver)
    driver.form.fields.model.value = "new-1"
    assert "11 sandbox" in price_line(driver)


def test_a_low_balance_is_a_warning() -> None:
    """If the estimate exceeds the balance, the form warns but still allows submitting."""
    driver = FormDriver(FakeClient(balance=29))
    assert "Balance: 29" in driver.html
    assert 'data-tone="bad"' in driver.html
    driver.form.fields.choices["quality"].value = "360p"
    assert 'data-tone="bad"' not in driver.html
    assert not driver.form.submit_button.disabled


def test_the_balance_is_updated_when_a_job_is_accepted(filled: FormDriver) -> None:
    """A change of state that may cost credits updates the balance; other changes do not ask for it."""
    filled.submit()
    calls = filled.client.credits_calls
    filled.client.created_jobs[0].change(state=JobState.UPLOADING)
    wait_for_threads()
    assert filled.client.credits_calls == calls
    filled.client.balance = 1180
    filled.client.created_jobs[0].change(state=JobState.QUEUED)
    filled.client.created_jobs[0].change(queue_position=2)
    wait_for_threads()
    assert "Balance: 1,180" in filled.html
    assert filled.client.credits_calls == calls + 1


@pytest.mark.parametrize("is_sandbox", [True, False])
def test_only_a_sandbox_has_the_badge(is_sandbox: bool) -> None:
    """The sandbox badge is shown in a sandbox and nowhere else."""
    html = FormDriver(FakeClient(is_sandbox=is_sandbox)).html
    assert ('class="pvnb-form-badge"' in html) is is_sandbox


# ---- previews ----


def test_both_slots_preview_the_ratio_of_the_first_picture(driver: FormDriver) -> None:
    """The automatic ratio is the nearest to the first picture's; a selected ratio and the fit apply to both slots."""
    slots = (driver.form.first, driver.form.last)
    assert [slot.ratio for slot in slots] == ["", ""]
    driver.fill(first=make_png(90, 160))
    assert [slot.ratio for slot in slots] == ["9:16", "9:16"]
    driver.form.fields.choices["aspect_ratio"].value = "1:1"
    driver.form.fields.choices["fit"].value = "contain"
    assert [(slot.ratio, slot.fit) for slot in slots] == [("1:1", "contain")] * 2
    driver.form.fields.choices["fit"].value = None
    assert [slot.fit for slot in slots] == ["", ""]


def test_the_automatic_ratio_is_one_of_the_model(driver: FormDriver) -> None:
    """A very wide picture is brought to 21:9 only by a model that has this ratio."""
    driver.fill(first=make_png(210, 90))
    assert driver.form.first.ratio == "16:9"
    driver.form.fields.model.value = "seedance-2.0"
    assert driver.form.first.ratio == "21:9"
    driver.form.fields.choices["aspect_ratio"].value = "21:9"
    driver.form.fields.model.value = "v5.6"
    assert driver.form.last.ratio == "16:9"


def test_the_hint_mentions_a_crop_only_if_a_picture_is_cropped(driver: FormDriver) -> None:
    """The hint about the bright part appears if one of the pictures does not have the ratio."""
    fit = driver.form.fields.choices["fit"]
    upload(driver.form.first, make_png(160, 90), id="one")
    upload(driver.form.last, make_png(320, 180), id="two")
    wait_for_threads()
    assert "16:9" in fit.hint
    assert "bright" not in fit.hint
    driver.form.fields.choices["aspect_ratio"].value = "1:1"
    assert "1:1" in fit.hint
    assert "bright" in fit.hint


def test_a_crop_that_leaves_little_is_a_warning_at_its_slot(driver: FormDriver) -> None:
    """A very wide picture has a warning with the cropped size, which disappears with another fit."""
    upload(driver.form.first, make_png(80, 60), id="one")
    upload(driver.form.last, make_png(4000, 60), id="two")
    wait_for_threads()
    assert "80×60" in driver.form.last.caution
    assert driver.form.first.caution == ""
    driver.form.fields.choices["fit"].value = None
    assert driver.form.last.caution == ""


# ---- jobs ----


def test_open_jobs_are_tracked_when_the_form_opens(client: FakeClient) -> None:
    """Jobs that are still running are listed; finished jobs are not."""
    client.new_job(state=JobState.GENERATING)
    client.new_job(state=JobState.DONE)
    assert FormDriver(client).job_refs == ["job-1"]


def test_jobs_of_other_cells_are_not_listed(filled: FormDriver) -> None:
    """A job that this form did not create does not appear when it changes."""
    filled.client.new_job().change(state=JobState.GENERATING)
    wait_for_threads()
    assert filled.job_refs == []


def test_several_jobs_run_at_once(filled: FormDriver) -> None:
    """A second click creates a second job; each row has its own state and can be cancelled."""
    filled.submit()
    filled.submit()
    first, second = filled.client.created_jobs
    first.change(state=JobState.GENERATING)
    send_message(filled.form.tracker.job_list, {"kind": "cancel", "ref": second.ref})
    wait_for_threads()
    states = {row["ref"]: row["state"] for row in filled.form.tracker.job_list.rows}
    assert states == {"job-1": "Generating", "job-2": "Cancelled"}


def test_a_stopped_download_is_resumed_from_its_row(filled: FormDriver) -> None:
    """The retry button of the row resumes the job, and the row is no longer paused."""
    filled.submit()
    job = filled.client.created_jobs[0]
    job.change(state=JobState.DOWNLOADING, is_paused=True, can_resume=True, charged="yes", error="Disk full.")
    send_message(filled.form.tracker.job_list, {"kind": "retry", "ref": job.ref})
    wait_for_threads()
    assert job.resumed.is_set()
    assert filled.form.tracker.job_list.rows[0]["is_clock_stopped"] is False


def test_a_finished_video_is_passed_to_on_video(filled: FormDriver, tmp_path: Path) -> None:
    """When a job of this form has its video, `on_video` gets its snapshot."""
    filled.submit()
    video = VideoFile(tmp_path / "a.mp4", sha256="0", size_bytes=1)
    filled.client.created_jobs[0].change(state=JobState.DONE, video=video)
    wait_for_threads()
    assert [snapshot.video for snapshot in filled.videos] == [video]


def test_closing_the_form_unsubscribes(filled: FormDriver) -> None:
    """A closed form has no subscription, and its jobs are not cancelled."""
    filled.submit()
    filled.form.close()
    assert filled.client.callbacks == []
    assert not filled.client.created_jobs[0].cancelled.is_set()


def test_the_saved_state_contains_no_picture(filled: FormDriver) -> None:
    """The state of all widgets of the form together has no bytes and stays small."""
    states: list[Any] = [widget.get_state() for widget in walk_widgets(filled.form)]
    assert not any(isinstance(value, bytes | memoryview) for state in states for value in state.values())
    without_assets = [
        {name: value for name, value in state.items() if name not in ("_esm", "_css")} for state in states
    ]
    assert len(json.dumps(without_assets, default=repr)) < 60_000
