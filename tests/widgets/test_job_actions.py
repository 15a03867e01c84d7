"""What the rows of finished jobs offer."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import ConfigError
from pixverse_nb.video import Video
from pixverse_nb.widgets.form import Form
from pixverse_nb.widgets.job_actions import actions_of
from tests.render.factories import an_mp4
from tests.widgets.conftest import make_png
from tests.widgets.fakes import FakeClient, FakeJob
from tests.widgets.page import messages_of, send_message, upload, wait_for_threads


class RowPage:
    """A form with one finished job, and the buttons of its row."""

    def __init__(self, client: FakeClient, folder: Path) -> None:
        self.client = client
        self.form = Form(client)
        self._numbers = itertools.count(1)
        send_message(self.form, {"kind": "hello", "view": "v1", "number": next(self._numbers)})
        self.job: FakeJob = client.new_job(prompt="rain", seed=7, quality="360p")
        self.form.tracker.track(self.job)
        path = an_mp4(folder / "made.mp4")
        video = Video(path, sha256="0", size_bytes=9, ref=self.job.ref, python="client.create_frames(first, last)")
        self.job.change(state=JobState.DONE, video=video)
        wait_for_threads()

    def press(self, kind: str, name: str, **more: Any) -> None:
        """Press a button of the row and wait until its work has ended."""
        content = {"part": "jobs", "kind": kind, "ref": self.job.ref, "name": name, "seconds": 5, **more}
        send_message(self.form, {"view": "v1", "number": next(self._numbers), **content})
        wait_for_threads()

    def told(self) -> dict[str, Any]:
        """Return the newest answer at the row."""
        return dict(messages_of(self.form, "told")[-1][0])

    def offers(self) -> list[dict[str, Any]]:
        """Return the offers at the row, oldest first."""
        return [dict(content) for content, _ in messages_of(self.form, "offer")]


@pytest.fixture
def row(client: FakeClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RowPage:
    """The row of a finished job."""
    monkeypatch.chdir(tmp_path)
    return RowPage(client, tmp_path / "videos")


@pytest.mark.parametrize("name", ["extend", "upscale"])
def test_a_paid_action_states_its_price_and_pays_once(row: RowPage, name: str) -> None:
    """The first press pays nothing and names the price; the press on the offer pays, and a second one does not."""
    row.press("offer", name)
    (offer,) = row.offers()
    assert (offer["name"], "30" in offer["label"] or "20" in offer["label"]) == (name, True)
    assert row.client.calls == []
    row.press("pay", name)
    row.press("pay", name)
    assert len(row.client.calls) == 1
    assert row.client.calls[0]["first"] is row.job
    assert len(row.offers()) == 2


def test_a_press_that_arrives_twice_pays_once(row: RowPage) -> None:
    """A front end that delivers the press on an offer again brings no second video, also after another offer."""
    row.press("offer", "extend")
    row.press("pay", "extend", number=3)
    row.press("offer", "extend")
    row.press("pay", "extend", number=3)
    assert len(row.client.calls) == 1


def test_nothing_is_paid_without_an_offer_for_the_same(row: RowPage) -> None:
    """A press for other seconds than those whose price is shown brings a new offer."""
    row.press("pay", "extend")
    assert row.client.calls == []
    row.press("offer", "extend")
    row.press("pay", "extend", seconds=10)
    assert row.client.calls == []
    prices = [offer["label"] for offer in row.offers()]
    assert prices[0] == prices[1] != prices[2]
    row.press("pay", "extend", seconds=10, prompt=" more rain ")
    (call,) = row.client.calls
    assert (call["duration"], call["prompt"], call["quality"]) == (10, "more rain", "360p")


def test_an_upscale_without_a_quote_is_offered_without_a_number(row: RowPage) -> None:
    """If the service gives no price before a call, the offer says so and can still be taken."""
    row.client.quote = ConfigError("no quotes")
    row.press("offer", "upscale")
    (offer,) = row.offers()
    assert not any(character.isdigit() for character in offer["label"])
    row.press("pay", "upscale")
    assert len(row.client.calls) == 1


def test_a_quote_that_made_the_video_brings_no_offer(row: RowPage) -> None:
    """The row says what the error says, because the video is paid already."""
    row.client.quote = ConfigError("generation 7", may_have_been_charged="yes")
    row.press("offer", "upscale")
    assert row.offers() == []
    assert "generation 7" in row.told()["text"]
    row.press("pay", "upscale")
    assert row.client.calls == []


def test_an_error_is_told_at_the_row(row: RowPage) -> None:
    """The form as a whole shows nothing, and the text is redacted."""
    row.client.errors = [OSError("no route for maria@example.org")]
    row.press("offer", "extend")
    row.press("pay", "extend")
    assert row.told()["tone"] == "bad"
    assert "maria" not in row.told()["text"]


def test_the_call_is_copied_as_text(row: RowPage) -> None:
    """As Python and as curl; the page puts it on the clipboard."""
    row.press("action", "python")
    assert row.told()["copy"] == "client.create_frames(first, last)"
    row.press("action", "curl")
    assert row.told()["copy"] == "curl job-1"


def test_the_video_is_saved_and_named(row: RowPage, tmp_path: Path) -> None:
    """A copy goes into the working directory; "Show file" names the original."""
    row.press("action", "save")
    assert (tmp_path / "made.mp4").read_bytes() == (tmp_path / "videos" / "made.mp4").read_bytes()
    row.press("action", "file")
    assert row.told()["text"] == str(tmp_path / "videos" / "made.mp4")


def test_the_last_frame_becomes_the_first_picture(row: RowPage) -> None:
    """The last picture gives way to it, with a caution and the focus; an error leaves both slots as they are."""
    upload(row.form, "last", make_png(320, 320), id="x")
    wait_for_threads()
    row.press("action", "last_frame")
    assert row.told()["tone"] == "plain"
    assert row.form.first.image is not None
    assert row.form.last.to_json()["state"] == "empty"
    assert row.form.last.to_json()["caution"]
    assert [content["role"] for content, _ in messages_of(row.form, "focus_slot")] == ["last"]
    send_message(row.form, {"slot": "first", "kind": "clear"})
    upload(row.form, "last", make_png(320, 320), id="y")
    video = row.job.snapshot().video
    assert video is not None
    video.path.write_bytes(b"no video")
    row.press("action", "last_frame")
    assert row.told()["tone"] == "bad"
    assert row.form.first.to_json()["state"] == "empty"
    assert row.form.last.to_json()["state"] == "ready"
    assert not row.form.last.to_json()["caution"]


def test_a_job_fills_the_form(row: RowPage, tmp_path: Path) -> None:
    """Values and pictures come back, what the form had before goes, and nothing is sent."""
    Image.new("RGB", (160, 90)).save(tmp_path / "a.png")
    row.client.files = {"first": tmp_path / "a.png", "last": tmp_path / "a.png"}
    upload(row.form, "last", make_png(9, 9), id="x")
    send_message(row.form, {"kind": "set", "name": "prompt", "value": "other"})
    row.press("action", "use_again")
    fields = row.form.fields
    assert [fields[name] for name in ("prompt", "seed", "quality")] == ["rain", "7", "360p"]
    assert [slot.state for slot in row.form.slots] == ["ready", "ready"]
    assert row.client.calls == []


def test_only_a_finished_job_offers_anything(row: RowPage) -> None:
    """A running job offers nothing, and a failed one only what needs no video."""
    snapshot = row.job.snapshot()
    assert len(actions_of(snapshot)) == 8
    row.job.change(state=JobState.FAILED, video=None)
    failed = {name for name, _ in actions_of(row.job.snapshot())}
    assert failed == {"use_again", "curl"}
    row.job.change(state=JobState.GENERATING)
    assert actions_of(row.job.snapshot()) == []


@pytest.mark.parametrize(
    ("kind", "name"),
    [("offer", "save"), ("pay", "file"), ("action", "extend"), ("action", "dance"), ("dance", "extend")],
)
def test_a_message_that_makes_no_sense_is_ignored(row: RowPage, kind: str, name: str) -> None:
    """Nothing is paid, told or offered."""
    row.press(kind, name)
    assert row.client.calls == []
    assert messages_of(row.form, "told") == []
    assert row.offers() == []
