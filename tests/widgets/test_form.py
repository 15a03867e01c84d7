"""The form: what its buttons do, and what it shows."""

import itertools
import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.domain.custom_models import catalogue_with
from pixverse_nb.domain.jobs import JobSnapshot, JobState, VideoFile
from pixverse_nb.domain.notices import Notice
from pixverse_nb.errors import InvalidImage, InvalidRequest, Unauthorized
from pixverse_nb.widgets.form import Form
from pixverse_nb.widgets.messages import PRESSED_EARLY
from pixverse_nb.widgets.presets import MAX_PRESETS, Presets
from tests.widgets.conftest import make_png
from tests.widgets.fakes import FakeClient
from tests.widgets.page import messages_of, send_message, upload, wait_for_threads


class FormPage:
    """A form with a fake client, the snapshots that it has passed to `on_video`, and its page."""

    def __init__(self, client: FakeClient) -> None:
        self.client = client
        self.videos: list[JobSnapshot] = []
        self.form = Form(client, on_video=self.videos.append)
        self._numbers = defaultdict[str, Iterator[int]](lambda: itertools.count(1))  # by view
        self.ask("hello")

    def ask(self, kind: str, **content: Any) -> None:
        """Send a message as the page does, and wait until its work has ended."""
        self.press(kind, **content)
        wait_for_threads()

    def press(self, kind: str, *, view: str = "v1", **content: Any) -> None:
        """Send a message as the page does."""
        send_message(self.form, self.delay(kind, view=view, **content))

    def delay(self, kind: str, *, view: str = "v1", **content: Any) -> dict[str, Any]:
        """Return the next message of the page without sending it."""
        return {"kind": kind, "view": view, "number": next(self._numbers[view]), **content}

    def enter(self, name: str, value: object) -> None:
        """Enter a value."""
        self.press("set", name=name, value=value)

    def fill(self, *, first: bytes | None = None) -> None:
        """Upload two pictures."""
        upload(self.form, "first", first or make_png(160, 90), id="one")
        upload(self.form, "last", make_png(90, 90, "red"), id="two")
        wait_for_threads()

    def submit(self) -> None:
        """Press the button and wait until its work has ended."""
        self.ask("submit")

    @property
    def shown(self) -> dict[str, Any]:
        """Everything that the page shows: the states that it has got, one over the other."""
        state: dict[str, Any] = {}
        for content, _ in messages_of(self.form, "state"):
            state |= content
        return state

    def field(self, name: str) -> dict[str, Any]:
        """Return what the page shows of a field."""
        field: dict[str, Any] = self.shown["fields"][name]
        return field

    def slot(self, number: int) -> dict[str, Any]:
        """Return what the page shows of a slot."""
        slot: dict[str, Any] = self.shown["slots"][number]
        return slot

    @property
    def wrong(self) -> set[str]:
        """The fields and slots with a message."""
        shown = self.shown
        fields = {name for name, field in shown["fields"].items() if field["message"]}
        return fields | {slot["id"] for slot in shown["slots"] if slot["message"]}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the jobs."""
        rows: list[dict[str, Any]] = self.shown["jobs"]["rows"]
        return rows

    @property
    def job_refs(self) -> list[str]:
        """The references in the job list."""
        return [row["ref"] for row in self.rows]


@pytest.fixture
def page(client: FakeClient) -> FormPage:
    """An empty form for a sandbox."""
    return FormPage(client)


@pytest.fixture
def filled(page: FormPage) -> FormPage:
    """A form with two pictures."""
    page.fill()
    return page


# ---- submitting ----


def test_one_click_creates_one_video(filled: FormPage) -> None:
    """The pictures and all fields are passed to the client, and the job appears in the list."""
    filled.enter("prompt", " a slow pan ")
    filled.enter("seed", "7")
    filled.enter("quality", "720p")
    filled.enter("audio", True)
    filled.submit()
    expected = {
        "first": make_png(160, 90),
        "last": make_png(90, 90, "red"),
        "prompt": "a slow pan",
        "model": "v5.6",
        "quality": "720p",
        "duration": 5,
        "aspect_ratio": None,
        "fit": "cover",
        "seed": 7,
        "audio": True,
        "preview_mode": None,
        "off_peak_mode": None,
        "reuse": True,
    }
    assert filled.client.calls == [expected]
    assert filled.job_refs == ["job-1"]


def test_the_chosen_model_is_used(filled: FormPage) -> None:
    """The call has the model and the fields that only this model takes, and a click on the question keeps them."""
    filled.enter("model", "v3.5")
    filled.enter("motion_mode", "fast")
    filled.enter("remove_watermark", False)
    filled.client.existing_job = filled.client.new_job(seed=5, state=JobState.DONE)
    filled.submit()
    filled.ask("generate_again")
    (call,) = filled.client.calls
    used = {name: call.get(name) for name in ("model", "motion_mode", "remove_watermark", "audio")}
    assert used == {"model": "v3.5", "motion_mode": "fast", "remove_watermark": False, "audio": None}


def test_another_model_withdraws_the_question(filled: FormPage) -> None:
    """A question about a video of one model is not answered for another."""
    filled.client.existing_job = filled.client.new_job(seed=5, state=JobState.DONE)
    filled.submit()
    filled.enter("model", "v6")
    assert filled.shown["question"] is None


def test_repeated_clicks_pay_once(filled: FormPage) -> None:
    """While the first press is being processed, the page shows that, and further presses do nothing."""
    filled.client.create_allowed.clear()
    for _ in range(3):
        filled.press("submit")
    filled.client.create_started.wait()
    assert filled.shown["action"]["busy"]
    filled.client.create_allowed.set()
    wait_for_threads()
    assert len(filled.client.calls) == 1
    assert not filled.shown["action"]["busy"]


def test_swapping_exchanges_the_pictures(filled: FormPage) -> None:
    """After a swap the last picture is sent as the first, and the ratio follows it."""
    filled.ask("swap")
    assert filled.slot(0)["ratio"] == "1:1"
    filled.submit()
    assert filled.client.calls[0]["first"] == make_png(90, 90, "red")


# ---- problems ----


def test_nothing_is_sent_without_a_prompt_or_a_picture(page: FormPage) -> None:
    """The prompt is marked and gets the focus; a picture removes the mark."""
    page.submit()
    assert page.client.calls == []
    assert page.wrong == {"prompt"}
    assert page.shown["status"]["tone"] == "bad"
    assert len(messages_of(page.form, "focus_problem")) == 1
    page.fill()
    assert page.wrong == set()
    assert page.shown["status"]["text"] == ""


def test_a_press_while_a_picture_is_loading(client: FakeClient) -> None:
    """It sends nothing and marks the picture; when it is loaded, the status line still says that nothing was sent."""
    may_fetch = threading.Event()

    def fetch(_url: str) -> bytes:
        may_fetch.wait(60)
        return make_png(64, 48)

    client.fetch_picture = fetch
    page = FormPage(client)
    send_message(page.form, {"slot": "first", "kind": "address", "text": "http://x/a.png"})
    page.press("submit")
    assert page.wrong == {"first"}
    may_fetch.set()
    wait_for_threads()
    assert (page.slot(0)["state"], page.slot(0)["message"]) == ("ready", "")
    assert page.client.calls == []
    assert page.shown["status"] == {"text": PRESSED_EARLY, "tone": "plain"}
    page.submit()
    assert len(page.client.calls) == 1
    assert page.shown["status"]["text"] == ""


def test_a_press_keeps_the_reason_why_a_picture_was_rejected(page: FormPage) -> None:
    """The slot still shows why its picture was rejected, and nothing is sent."""
    upload(page.form, "first", b"plain text", name="notes.txt")
    wait_for_threads()
    reason = page.slot(0)["message"]
    assert "JPEG" in reason
    page.submit()
    assert page.slot(0)["message"] == reason
    assert page.client.calls == []


def test_all_problems_are_shown_at_once(page: FormPage) -> None:
    """One press marks the rejected picture, the prompt, the seed and the rejected pair, each at its field."""
    upload(page.form, "first", b"plain text", name="notes.txt")
    page.enter("quality", "1080p")
    page.enter("duration", 10)
    page.enter("prompt", "x" * 5001)
    page.enter("seed", "x")
    page.submit()
    assert page.wrong == {"first", "prompt", "seed", "quality", "duration"}
    page.fill()
    page.submit()
    assert page.client.calls == []


def test_problems_found_by_the_client_are_shown_at_their_fields(filled: FormPage) -> None:
    """The client's problems go to the slots and fields that they name, and others to the status line, redacted."""
    filled.client.errors = [InvalidRequest({"prompt": "blocked", "email": "maria@example.org"})]
    filled.submit()
    assert filled.field("prompt")["message"] == "Blocked."
    assert "email" in filled.shown["status"]["text"]
    assert "maria" not in str(filled.shown)
    filled.client.errors = [InvalidImage({"last": "dark"})]
    filled.submit()
    assert filled.wrong == {"last"}


def test_problems_with_the_pictures_of_a_transition_are_shown_at_their_slots(filled: FormPage) -> None:
    """The client numbers the pictures of a transition; the form knows their slots."""
    filled.ask("add_slot")
    upload(filled.form, "picture_3", make_png(20, 20), id="three")
    wait_for_threads()
    filled.client.errors = [InvalidImage({"images[2]": "dark", "images[0]": "small"})]
    filled.submit()
    assert filled.wrong == {"first", "picture_3"}


def test_after_an_error_the_button_works_again(filled: FormPage) -> None:
    """Any error of the client is shown redacted, and the next press works."""
    filled.client.errors = [OSError("<no> route for maria@example.org")]
    filled.submit()
    assert "<no> route" in filled.shown["status"]["text"]
    assert "maria" not in filled.shown["status"]["text"]
    filled.submit()
    assert len(filled.client.created_jobs) == 1


def test_an_invalid_token_is_shown_when_the_form_opens() -> None:
    """The first request for the balance fails, and the form shows the error."""
    client = FakeClient(is_sandbox=False)
    client.credits_errors = [Unauthorized("wrong-token", status=401)]
    assert "wrong-token" in FormPage(client).shown["status"]["text"]


# ---- the operation ----


def test_one_picture_is_image_to_video(page: FormPage) -> None:
    """With a picture in either slot the call starts from it, and takes no field of another operation."""
    upload(page.form, "last", make_png(90, 90, "red"), id="two")
    wait_for_threads()
    title = page.shown["action"]["title"]
    page.submit()
    (call,) = page.client.calls
    assert (call["first"], call["last"]) == (make_png(90, 90, "red"), None)
    assert "motion_mode" not in call
    send_message(page.form, {"slot": "last", "kind": "clear"})
    assert page.shown["action"]["title"] != title


def test_no_picture_is_text_to_video(page: FormPage) -> None:
    """Without a picture the prompt is the call, without framing."""
    page.enter("prompt", "rain")
    page.submit()
    (call,) = page.client.calls
    assert (call["first"], call["last"], call["prompt"], call["fit"]) == (None, None, "rain", None)


def test_more_pictures_are_a_transition(filled: FormPage) -> None:
    """Each further slot is one more picture, with the seconds to it, and the price is that of all links."""
    filled.ask("add_slot")
    assert filled.shown["seconds"] == [None, None]
    upload(filled.form, "picture_3", make_png(20, 20), id="three")
    wait_for_threads()
    assert filled.field("model")["value"] == "v5"
    filled.enter("seconds_2", 8)
    assert "60 sandbox" in filled.shown["action"]["price"]
    filled.submit()
    (call,) = filled.client.calls
    assert len(call["first"]) == 3
    assert (call["model"], call["durations"]) == ("v5", [None, 8])
    filled.ask("remove_slot", role="picture_3")
    assert [slot["id"] for slot in filled.shown["slots"]] == ["first", "last"]
    assert filled.field("model")["value"] == "v5.6"


def test_there_are_two_to_seven_slots(page: FormPage) -> None:
    """An eighth is not added, the last two are not removed, and a removed one can be added again."""
    for _ in range(7):
        page.ask("add_slot")
    assert len(page.shown["slots"]) == 7
    page.ask("remove_slot", role="picture_3")
    page.ask("add_slot")
    assert len({slot["id"] for slot in page.shown["slots"]}) == 7
    for slot in page.shown["slots"]:
        page.ask("remove_slot", role=slot["id"])
    assert len(page.shown["slots"]) == 2


def test_an_existing_video_of_another_operation_is_asked_about(page: FormPage) -> None:
    """The client returns an earlier job and charges nothing: the form asks before it pays for another one."""
    earlier = page.client.reused_job = page.client.new_job(state=JobState.DONE)
    earlier.change(reused=True)
    page.enter("prompt", "rain")
    page.submit()
    assert page.shown["question"]
    page.ask("generate_again")
    assert [call["reuse"] for call in page.client.calls] == [True, False]


# ---- existing videos ----


def test_showing_an_existing_video_creates_nothing(filled: FormPage) -> None:
    """Before an existing video is paid for again the form asks; the first answer shows the existing job."""
    filled.client.existing_job = filled.client.new_job(seed=5, state=JobState.DONE)
    filled.submit()
    assert filled.client.calls == []
    assert filled.shown["question"]
    filled.ask("show_existing")
    assert filled.client.calls == []
    assert filled.shown["question"] is None
    assert filled.job_refs == ["job-1"]
    assert [message["ref"] for message, _ in messages_of(filled.form, "scroll_to")] == ["job-1"]


def test_showing_a_cancelled_job_resumes_it(filled: FormPage) -> None:
    """If a cancelled job may have been charged, the first answer resumes it and creates nothing."""
    cancelled = filled.client.existing_job = filled.client.new_job(seed=5, state=JobState.CANCELLED)
    cancelled.change(can_resume=True, charged="unknown")
    filled.submit()
    assert filled.shown["question"]
    filled.ask("show_existing")
    assert cancelled.resumed.is_set()
    assert filled.client.calls == []


def test_generating_again_pays_once(filled: FormPage) -> None:
    """The second answer sends the same values once with reuse=False, even if it is clicked again."""
    filled.client.existing_job = filled.client.new_job(seed=5, state=JobState.DONE)
    filled.submit()
    filled.press("generate_again")
    filled.ask("generate_again")
    filled.ask("generate_again")
    assert [call["reuse"] for call in filled.client.calls] == [False]


def test_messages_that_arrive_twice_pay_once(filled: FormPage) -> None:
    """A front end that delivers messages again, one by one or all together, gets answers but no second video."""
    submit = {"kind": "submit", "view": "v2", "number": 1}
    again = {"kind": "generate_again", "view": "v2", "number": 2}
    for message in (submit, submit):
        send_message(filled.form, message)
        wait_for_threads()
    assert len(filled.client.calls) == 1
    filled.client.existing_job = filled.client.created_jobs[0]
    filled.submit()
    for message in (again, again, submit, again):
        send_message(filled.form, message)
        wait_for_threads()
    assert [call["reuse"] for call in filled.client.calls] == [True, False]
    assert filled.shown["question"] is None
    answers = [content["number"] for content, _ in messages_of(filled.form, "state") if content.get("view") == "v2"]
    assert (answers.count(1), answers.count(2)) == (3, 3)
    send_message(filled.form, {**submit, "view": "v3"})  # another page counts for itself
    wait_for_threads()
    assert filled.shown["question"]


ELSEWHERE = Notice(
    "paid_in_other_home",
    {"home": "/other, account maria@example.org", "ref": "pv-1", "at": 1.0, "credits": 30, "is_certain": True},
)


@pytest.mark.parametrize("pictures", [0, 1, 2, 3])
def test_a_call_that_another_home_has_paid_for_is_asked_about(page: FormPage, pictures: int) -> None:
    """Whatever the pictures make, nothing is sent before an answer; one answer copies, one closes, one pays once."""
    client = page.client
    client.notice_elsewhere = ELSEWHERE
    page.enter("prompt", "rain")
    if pictures == 3:
        page.ask("add_slot")
        page.enter("seconds_1", 8)
    for slot in page.shown["slots"][:pictures]:
        upload(page.form, slot["id"], make_png(320, 320), id=slot["id"])
    wait_for_threads()
    page.submit()
    assert "/other" in page.shown["question"]["text"]
    assert "maria" not in str(page.shown)
    page.ask("close_question")
    assert page.shown["question"] is None
    page.submit()
    page.ask("show_existing")  # the copy is not there any more
    assert page.shown["status"]["tone"] == "bad"
    client.job_elsewhere = client.new_job(state=JobState.DONE)
    page.submit()
    page.ask("show_existing")
    assert page.job_refs == [client.job_elsewhere.ref]
    assert client.calls == []
    asked = client.looked_up[0]
    assert all(call == asked for call in client.looked_up)
    assert (asked["images"], asked["prompt"]) == (pictures, "rain")
    assert asked.get("durations") == ([8, None] if pictures == 3 else None)
    page.submit()
    page.press("generate_again")
    page.ask("generate_again")
    assert [call["reuse"] for call in client.calls] == [True]


def test_a_call_paid_elsewhere_whose_price_is_not_known_is_asked_about_twice(page: FormPage) -> None:
    """The answer that pays again leads to the question about the price."""
    page.client.notice_elsewhere = ELSEWHERE
    page.enter("model", "kling-o3")
    page.fill()
    page.submit()
    page.ask("generate_again")
    assert page.client.calls == []
    assert page.shown["question"]
    page.ask("generate_again")
    assert len(page.client.calls) == 1


def test_changing_a_value_withdraws_the_question(filled: FormPage) -> None:
    """An answer never applies to values that the question was not about."""
    filled.client.existing_job = filled.client.new_job(seed=5, state=JobState.DONE)
    filled.submit()
    filled.enter("quality", "360p")
    assert filled.shown["question"] is None
    filled.ask("generate_again")
    assert filled.client.calls == []


def test_the_samples_fill_both_slots(page: FormPage) -> None:
    """Two pictures of the package, which make a video as any others do; they are small."""
    page.ask("use_samples")
    assert [slot["state"] for slot in page.shown["slots"]] == ["ready", "ready"]
    assert all(slot["size"] < 120_000 for slot in page.shown["slots"])
    page.submit()
    assert len(page.client.calls) == 1


# ---- price and balance ----


def test_the_price_follows_the_fields(page: FormPage) -> None:
    """The client's estimate is shown as an estimate, and disappears for values that are rejected."""
    assert "30 sandbox" in page.shown["action"]["price"]
    assert "estimate" in page.shown["action"]["price"]
    page.enter("duration", 10)
    assert "60 sandbox" in page.shown["action"]["price"]
    page.enter("quality", "1080p")
    assert page.shown["action"]["price"] == ""
    page.enter("model", "v6")
    assert "140 sandbox" in page.shown["action"]["price"]


def test_the_price_has_the_accounts_discount() -> None:
    """Off-peak costs what the account's factor makes it; without a factor the full price is shown as a limit."""
    shown: dict[float | None, str] = {}
    for factor in (0.5, None):
        client = FakeClient()
        client.off_peak_factor = factor
        page = FormPage(client)
        usual = page.shown["action"]["price"]
        page.enter("off_peak_mode", True)
        shown[factor] = page.shown["action"]["price"]
    assert "15 sandbox" in shown[0.5]
    assert "30 sandbox" in (limit := str(shown[None]))
    assert limit != usual


def test_a_price_with_a_discount_is_no_limit_if_there_is_no_balance() -> None:
    """The client may know the account's factors from an earlier answer: its price and the word before it agree."""
    shown: dict[int, str] = {}
    for failures in (0, 1):
        client = FakeClient()
        client.off_peak_factor = 0.5
        client.credits_errors = [Unauthorized("wrong-token", status=401)] * failures
        page = FormPage(client)
        page.enter("off_peak_mode", True)
        shown[failures] = page.shown["action"]["price"]
    assert shown[0] == shown[1]


def test_the_estimate_is_of_the_values_that_are_sent(filled: FormPage) -> None:
    """The client is asked for the price of the very fields of the call, without those that have none."""
    filled.enter("model", "v3.5")
    filled.enter("motion_mode", "fast")
    filled.enter("seed", "x")  # not a seed, and no reason to lose the price
    assert filled.shown["action"]["price"]
    filled.enter("seed", "7")
    filled.submit()
    (call,) = filled.client.calls
    ignored = {"first", "last", "reuse", "prompt", "seed"}
    sent = {name: value for name, value in call.items() if name not in ignored}
    assert filled.client.estimates[-1] == sent


def test_an_unknown_price_is_neither_zero_nor_a_warning(page: FormPage) -> None:
    """A model without a price has a line without a number and is used after a question; the next model has a price."""
    page.enter("model", "kling-o3")
    price = page.shown["action"]["price"]
    assert price
    assert "credits" not in price
    assert not page.shown["action"]["is_short"]
    page.fill()
    for refuse in (True, False):
        page.submit()
        assert page.client.calls == []
        assert page.shown["question"]
        page.ask("close_question" if refuse else "generate_again")
        assert not page.shown["question"]
    (call,) = page.client.calls
    assert (call["model"], call["quality"], call["reuse"]) == ("kling-o3", "720p", True)
    assert "seed" not in call
    page.enter("model", "v5.6")
    assert "40 sandbox" in page.shown["action"]["price"]


def test_the_client_s_catalogue_is_used() -> None:
    """A model and a price of the user appear in the list and in the price line."""
    row = {
        "operations": ["text", "frames"],
        "durations": [4],
        "qualities": ["480p"],
        "price": {"credits": {"480p": 11}},
    }
    page = FormPage(FakeClient(catalogue=catalogue_with({"new-1": row}, prices={"540p": 25})))
    assert "25 sandbox" in page.shown["action"]["price"]
    page.enter("model", "new-1")
    assert "11 sandbox" in page.shown["action"]["price"]


def test_a_low_balance_is_a_warning() -> None:
    """If the estimate exceeds the balance, the form warns but still allows submitting."""
    page = FormPage(FakeClient(balance=29))
    assert "29" in page.shown["service"]["balance"]
    assert page.shown["action"]["is_short"]
    page.enter("quality", "360p")
    assert not page.shown["action"]["is_short"]


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.REFUSED])
def test_the_balance_is_updated_when_a_job_is_accepted_or_refused(filled: FormPage, state: JobState) -> None:
    """A change of state that says something about credits updates the balance; other changes do not ask for it."""
    filled.submit()
    calls = filled.client.credits_calls
    filled.client.created_jobs[0].change(state=JobState.UPLOADING)
    wait_for_threads()
    assert filled.client.credits_calls == calls
    filled.client.balance = 1180
    filled.client.created_jobs[0].change(state=state)
    filled.client.created_jobs[0].change(queue_position=2)
    wait_for_threads()
    assert "1,180" in filled.shown["service"]["balance"]
    assert filled.client.credits_calls == calls + 1


# ---- previews ----


def test_both_slots_preview_the_ratio_of_the_first_picture(page: FormPage) -> None:
    """The automatic ratio is the nearest to the first picture's; a selected ratio and the fit apply to both slots."""
    assert [slot["ratio"] for slot in page.shown["slots"]] == ["", ""]
    page.fill(first=make_png(90, 160))
    assert [slot["ratio"] for slot in page.shown["slots"]] == ["9:16", "9:16"]
    page.enter("aspect_ratio", "1:1")
    page.enter("fit", "contain")
    assert [(slot["ratio"], slot["fit"]) for slot in page.shown["slots"]] == [("1:1", "contain")] * 2
    page.enter("fit", None)
    assert [slot["fit"] for slot in page.shown["slots"]] == ["", ""]


def test_the_automatic_ratio_is_one_of_the_model(page: FormPage) -> None:
    """A very wide picture is brought to 21:9 only by a model that has this ratio."""
    page.fill(first=make_png(210, 90))
    assert page.slot(0)["ratio"] == "16:9"
    page.enter("model", "seedance-2.0")
    assert page.slot(0)["ratio"] == "21:9"
    page.enter("aspect_ratio", "21:9")
    page.enter("model", "v5.6")
    assert page.slot(1)["ratio"] == "16:9"


def test_the_hint_mentions_a_crop_only_if_a_picture_is_cropped(page: FormPage) -> None:
    """The hint differs if one of the pictures does not have the ratio."""
    upload(page.form, "first", make_png(160, 90), id="one")
    upload(page.form, "last", make_png(320, 180), id="two")
    wait_for_threads()
    assert "16:9" in page.field("fit")["hint"]
    assert "bright" not in page.field("fit")["hint"]
    page.enter("aspect_ratio", "1:1")
    assert "1:1" in page.field("fit")["hint"]
    assert "bright" in page.field("fit")["hint"]


def test_a_crop_that_leaves_little_is_a_warning_at_its_slot(page: FormPage) -> None:
    """A very wide picture has a warning with the cropped size, which disappears with another fit."""
    upload(page.form, "first", make_png(80, 60), id="one")
    upload(page.form, "last", make_png(4000, 60), id="two")
    wait_for_threads()
    assert "80×60" in page.slot(1)["caution"]
    assert page.slot(0)["caution"] == ""
    page.enter("fit", None)
    assert page.slot(1)["caution"] == ""


# ---- jobs ----


def test_open_jobs_are_tracked_when_the_form_opens(client: FakeClient) -> None:
    """Jobs that are still running are listed; finished jobs are not."""
    client.new_job(state=JobState.GENERATING)
    client.new_job(state=JobState.DONE)
    assert FormPage(client).job_refs == ["job-1"]


def test_two_hundred_open_jobs_are_shown_at_once(client: FakeClient) -> None:
    """Opening the form with many jobs sends their rows once; those that are not shown are counted and followed."""
    oldest, *_ = [client.new_job(state=JobState.GENERATING) for _ in range(200)]
    page = FormPage(client)
    with_rows = [content for content, _ in messages_of(page.form, "state") if content.get("jobs", {}).get("rows")]
    assert len(with_rows) == 1
    assert len(page.rows) + page.shown["jobs"]["more"] == 200
    for job in client.created_jobs[1:]:
        job.change(state=JobState.DONE)
    wait_for_threads()
    assert oldest.ref in [row["ref"] for row in page.rows]
    page.ask("cancel", part="jobs", ref=oldest.ref)
    assert oldest.cancelled.is_set()


def test_jobs_of_other_cells_are_not_listed(filled: FormPage) -> None:
    """A job that this form did not create does not appear when it changes."""
    filled.client.new_job().change(state=JobState.GENERATING)
    wait_for_threads()
    assert filled.job_refs == []


def test_several_jobs_run_at_once(filled: FormPage) -> None:
    """A second click creates a second job; each row has its own state and can be cancelled."""
    filled.submit()
    filled.submit()
    first, second = filled.client.created_jobs
    first.change(state=JobState.GENERATING)
    send_message(filled.form, {"part": "jobs", "kind": "cancel", "ref": second.ref})
    wait_for_threads()
    states = {row["ref"]: row["state"] for row in filled.rows}
    assert states == {"job-1": "Generating", "job-2": "Cancelled"}


def test_a_stopped_download_is_resumed_from_its_row(filled: FormPage) -> None:
    """The retry button of the row resumes the job, and the row is no longer paused."""
    filled.submit()
    job = filled.client.created_jobs[0]
    job.change(state=JobState.DOWNLOADING, is_paused=True, can_resume=True, charged="yes", error="Disk full.")
    send_message(filled.form, {"part": "jobs", "kind": "retry", "ref": job.ref})
    wait_for_threads()
    assert job.resumed.is_set()
    assert filled.rows[0]["is_clock_stopped"] is False


def test_a_job_that_another_home_has_paid_for_is_asked_about(filled: FormPage) -> None:
    """Neither "Try again" nor the first answer about an existing job pays again; the row asks, and one press pays."""
    job = filled.client.existing_job = filled.client.new_job(state=JobState.WAITING)
    job.change(is_paused=True, can_resume=True)
    job.notice_elsewhere = "/other, account maria@example.org"
    filled.submit()
    filled.ask("show_existing")
    filled.ask("retry", part="jobs", ref=job.ref)
    offers = [content for content, _ in messages_of(filled.form, "offer")]
    assert [(offer["ref"], offer["name"], "/other" in str(offer["text"])) for offer in offers] == [
        (job.ref, "retry", True)
    ] * 2
    assert "maria" not in str(offers)
    assert not job.resumed.is_set()
    filled.ask("pay", part="jobs", ref=job.ref, name="retry")
    assert job.resumed.is_set()
    assert len(messages_of(filled.form, "told")) == 1
    job.resumed.clear()
    filled.ask("pay", part="jobs", ref=job.ref, name="retry")
    assert not job.resumed.is_set()


def test_a_finished_video_is_passed_to_on_video(filled: FormPage, tmp_path: Path) -> None:
    """When a job of this form has its video, `on_video` gets its snapshot."""
    filled.submit()
    video = VideoFile(tmp_path / "a.mp4", sha256="0", size_bytes=1)
    filled.client.created_jobs[0].change(state=JobState.DONE, video=video)
    wait_for_threads()
    assert [snapshot.video for snapshot in filled.videos] == [video]


def test_closing_the_form_unsubscribes(filled: FormPage) -> None:
    """A closed form has no subscription, and its jobs are not cancelled."""
    filled.submit()
    filled.form.close()
    assert filled.client.callbacks == []
    assert not filled.client.created_jobs[0].cancelled.is_set()


def test_a_form_that_is_not_shown_follows_nothing(client: FakeClient) -> None:
    """Before a page says hello there is no subscription and no request."""
    form = Form(client)
    wait_for_threads()
    assert (client.callbacks, client.credits_calls) == ([], 0)
    form.close()


def test_the_saved_state_holds_nothing_that_was_entered(filled: FormPage) -> None:
    """The only trait of our own is the empty form: no picture, no name, no prompt, no seed, no job, no balance."""
    before = Form(FakeClient()).get_state()["initial"]
    filled.enter("prompt", "a planted secret")
    filled.enter("seed", "123456789")
    filled.submit()
    state = filled.form.get_state()
    assert state["initial"] == before
    assert len(json.dumps(state["initial"])) < 8_000
    own = {name for name in state if not name.startswith("_")}
    assert own <= {"initial", "layout", "tabbable", "tooltip"}


# ---- the page ----


def test_every_message_is_answered_with_its_view_and_number(page: FormPage) -> None:
    """A page waits for the answer to tell a living kernel from a dead one; a ping has an answer of its own."""
    page.press("hello", view="v9")
    page.press("swap", view="v9")
    send_message(page.form, {"kind": "ping"})
    answer = messages_of(page.form, "state")[-1][0]
    assert (answer["view"], answer["number"]) == ("v9", 2)
    assert len(messages_of(page.form, "pong")) == 1


def test_after_a_lost_message_nothing_is_paid(page: FormPage) -> None:
    """If an entry got lost on the way, the next press shows what the kernel has; only another press creates."""
    page.enter("prompt", "a storm")
    send_message(page.form, {"kind": "set", "name": "duration", "value": 8, "view": "v2", "number": 1})
    page.form.comm.sent.clear()
    page.delay("set", name="quality", value="720p")  # never arrives
    page.submit()
    assert page.client.calls == []
    assert page.shown["fields"]["duration"]["value"] == 8
    assert page.shown["status"]["tone"] == "bad"
    page.press("clock", part="jobs")
    page.submit()
    assert len(page.client.calls) == 1


def test_if_the_first_messages_of_a_page_are_lost_nothing_is_paid(page: FormPage) -> None:
    """A page counts from 1: if its first message to arrive has a higher number, what it shows may differ."""
    page.enter("prompt", "a storm")
    page.delay("hello", view="v2")
    page.ask("submit", view="v2")
    assert page.client.calls == []
    page.ask("submit", view="v2")
    assert len(page.client.calls) == 1


def test_a_late_press_does_not_answer_a_newer_question(filled: FormPage) -> None:
    """A delayed press pays neither for a question that was opened after it nor for one that it was about."""
    filled.client.existing_job = filled.client.new_job(seed=5, state=JobState.DONE)
    filled.submit()
    late = filled.delay("generate_again")
    filled.ask("generate_again")  # the message before is missing
    assert filled.client.calls == []
    filled.ask("generate_again")
    filled.submit()
    assert filled.shown["question"]
    send_message(filled.form, late)
    wait_for_threads()
    assert [call["reuse"] for call in filled.client.calls] == [False]
    assert filled.shown["question"]


def test_a_late_press_does_not_create_a_video_of_newer_values(page: FormPage) -> None:
    """A press that arrives after a value that was entered later pays for neither value; the next press pays once."""
    page.enter("prompt", "a storm")
    late = page.delay("submit")
    page.enter("duration", 8)
    send_message(page.form, late)
    wait_for_threads()
    assert page.client.calls == []
    page.submit()
    assert [call["duration"] for call in page.client.calls] == [8]


def test_a_late_press_in_a_row_does_not_pay(filled: FormPage) -> None:
    """Nor does a delayed press of the button that continues a job; a delayed press that cancels it still does."""
    filled.submit()
    job = filled.client.created_jobs[0]
    retry, cancel = (filled.delay(kind, part="jobs", ref=job.ref) for kind in ("retry", "cancel"))
    filled.ask("clock", part="jobs")
    for message in (retry, cancel):
        send_message(filled.form, message)
        wait_for_threads()
    assert not job.resumed.is_set()
    assert job.cancelled.is_set()


def test_a_late_value_does_not_replace_a_newer_one(page: FormPage) -> None:
    """The newer value stays, and the page gets everything."""
    late = page.delay("set", name="duration", value=10)
    page.enter("duration", 8)
    page.form.comm.sent.clear()
    send_message(page.form, late)
    assert page.field("duration")["value"] == 8
    assert page.shown.keys() >= page.form.initial.keys()


def test_a_new_page_gets_everything(filled: FormPage) -> None:
    """After a reload the page has the texts, the values, the pictures and the jobs again."""
    filled.enter("prompt", "rain")
    filled.submit()
    before = filled.shown
    filled.form.comm.sent.clear()
    filled.ask("hello", view="v2")
    after = filled.shown
    ignored = {"view", "number"}
    assert {name: value for name, value in after.items() if name not in ignored} == {
        name: value for name, value in before.items() if name not in ignored
    }
    assert [message["id"] for message, _ in messages_of(filled.form, "picture")] == ["one", "two"]


def test_only_what_has_changed_is_sent(page: FormPage) -> None:
    """A letter of the prompt sends the prompt, not the whole form."""
    page.enter("prompt", "r")
    page.enter("prompt", "ra")
    answer = messages_of(page.form, "state")[-1][0]
    assert answer.keys() == {"kind", "texts", "fields", "view", "number"}


@pytest.mark.parametrize(
    "message",
    [
        None,
        7,
        [],
        {},
        {"kind": "dance"},
        {"kind": {}, "view": "v2", "number": 7},
        {"kind": "set"},
        {"kind": "set", "name": {}, "value": []},
        {"kind": "set", "name": "model", "value": {}},
        {"kind": "remove_slot", "role": []},
        {"slot": "nowhere", "kind": "clear"},
        {"slot": {}, "kind": "clear"},
        {"part": "jobs"},
        {"part": "jobs", "kind": "cancel", "ref": {}},
        {"kind": "generate_again"},
        {"kind": "show_existing"},
    ],
)
def test_malformed_messages_are_ignored(page: FormPage, message: object) -> None:
    """After a malformed message the form works as before, and shows no error."""
    send_message(page.form, message)
    assert page.shown["status"]["text"] == ""
    page.fill()
    page.submit()
    assert len(page.client.calls) == 1


# ---- saved settings ----


def a_page(home: Path) -> FormPage:
    """Return the form of a new kernel on this home."""
    return FormPage(FakeClient(home=home))


def test_saved_settings_are_there_in_the_next_kernel(tmp_path: Path) -> None:
    """A named set is taken up again whole, shown as chosen until a value differs, and can be deleted."""
    page = a_page(tmp_path)
    for name, value in (("model", "v6"), ("duration", 8), ("quality", "720p"), ("seed", "7"), ("prompt", "a secret")):
        page.enter(name, value)
    page.ask("save_preset", name=" zoom ")
    assert page.shown["presets"] == {"options": [["name:zoom", "zoom"]], "chosen": "name:zoom", "can_save": True}
    assert "secret" not in "".join(file.read_text() for file in tmp_path.rglob("*.json"))

    later = a_page(tmp_path)
    later.enter("prompt", "another")
    later.ask("use_preset", key="name:zoom")
    found = later.form.fields
    assert [found[name] for name in ("model", "duration", "quality", "seed", "prompt")] == [
        "v6",
        8,
        "720p",
        "7",
        "another",
    ]
    assert later.shown["presets"]["chosen"] == "name:zoom"
    later.enter("seed", "8")
    assert later.shown["presets"]["chosen"] == ""
    later.ask("delete_preset", key="name:zoom")
    assert later.shown["presets"]["options"] == []
    page.ask("use_preset", key="name:zoom")  # another kernel has deleted it
    assert page.shown["presets"]["options"] == []
    assert page.shown["status"]["text"]


def test_the_last_used_settings_are_offered(tmp_path: Path) -> None:
    """What a video was made with is offered in the next kernel; what was only entered is not."""
    page = a_page(tmp_path)
    page.enter("prompt", "a storm")
    page.enter("duration", 8)
    assert page.shown["presets"]["options"] == []
    page.submit()
    page.enter("duration", 3)
    later = a_page(tmp_path)
    assert later.shown["presets"]["options"] == [["last", "Last used"]]
    later.ask("use_preset", key="last")
    assert later.form.fields["duration"] == 8
    assert later.shown["texts"]["prompt"] == ""


def test_values_of_no_use_are_left_out(tmp_path: Path) -> None:
    """A model that is gone and values of a wrong type change nothing; the form says so."""
    page = a_page(tmp_path)
    page.ask("save_preset", name="old")
    (file,) = tmp_path.rglob("*.json")
    strange = {"model": "v0", "duration": "8", "quality": ["540p"], "seed": 7, "fit": "contain", "prompt": "x", "a": 1}
    file.write_text(json.dumps({"name": "old", "values": strange}))
    before = page.form.fields.settings()
    page.ask("use_preset", key="name:old")
    assert page.form.fields.settings() == {**before, "fit": "contain"}
    assert page.form.fields["prompt"] == ""
    assert page.shown["status"]["text"]


def test_settings_that_cannot_be_saved_or_read_are_a_notice(tmp_path: Path) -> None:
    """No name, a folder that cannot be written and a damaged file leave a form that works."""
    page = a_page(tmp_path)
    for name in ("", "  ", None):
        page.ask("save_preset", name=name)
        assert page.shown["status"]["tone"] == "bad"
    (tmp_path / "presets").write_text("no folder")
    page.ask("save_preset", name="a")
    assert page.shown["status"]["tone"] == "bad"
    page.enter("prompt", "a storm")
    page.submit()
    assert len(page.client.calls) == 1

    (tmp_path / "presets").unlink()
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "last.json").write_text("{")
    later = a_page(tmp_path)
    assert later.shown["status"]["text"]
    assert later.shown["status"]["tone"] == "plain"
    assert later.shown["presets"]["options"] == []
    later.submit()
    assert later.shown["status"]["tone"] == "bad"
    later.ask("hello")  # the connection was away for a while
    assert later.shown["status"]["tone"] == "bad"


def test_a_missing_name_and_too_many_settings_are_two_errors(tmp_path: Path) -> None:
    """Each error names what has to be changed; settings that are saved already can be replaced."""
    page = a_page(tmp_path)
    for number in range(MAX_PRESETS):
        Presets(tmp_path).save(f"a{number}", page.form.fields.settings())
    texts = []
    for name in ("", "b"):
        page.ask("save_preset", name=name)
        assert page.shown["status"]["tone"] == "bad"
        texts.append(page.shown["status"]["text"])
    assert [str(MAX_PRESETS) in text for text in texts] == [False, True]
    assert ["name" in text for text in texts] == [True, False]
    page.ask("save_preset", name="a0")
    assert page.shown["status"]["tone"] == "plain"


def test_a_client_without_a_home_saves_nothing(page: FormPage) -> None:
    """The form then does not offer it."""
    assert not page.shown["presets"]["can_save"]
