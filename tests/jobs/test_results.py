"""What a record means to a person: the video, the error, the line of Python, the notice of reuse."""

from pathlib import Path
from typing import Any

import pytest

from pixverse_nb import errors
from pixverse_nb.domain.jobs import Attempt, JobEvent, JobInput, JobRecord, JobSnapshot, JobState, StoredVideo
from pixverse_nb.domain.notices import Notice
from pixverse_nb.errors import Charge, JobError, PixVerseError
from pixverse_nb.jobs.error_notices import error_notice
from pixverse_nb.jobs.results import (
    attempts_from_events,
    error_from_record,
    python_line,
    snapshot_from_record,
    thumbnails_of,
    video_of,
)
from tests.client.harness import Harness, create_job, wait_for_video
from tests.factories import EMAIL, FIRST_SHA, LAST_SHA, NOW, a_record, a_request, a_video_id, some_inputs
from tests.images.factories import encoded, scene


def the_error(record: JobRecord, *, is_resting: bool = False) -> PixVerseError:
    """Return the error of a record that has one."""
    error = error_from_record(record, job="the job", is_paused=is_resting)
    assert error is not None
    return error


def test_a_job_without_an_error_has_none() -> None:
    """A record without an error raises nothing, in any state."""
    for state in JobState:
        assert error_from_record(a_record(state=state), job=None, is_paused=False) is None


@pytest.mark.parametrize(
    ("warning", "expected"),
    [
        (None, None),
        (error_notice(errors.Busy("Full.", status=429, vendor_text="full")), "slot"),
        (error_notice(errors.NoAnswer("No connection.", sent=False)), "network"),
        (Notice("upload_postponed", error_notice(errors.NoAnswer("No connection.", sent=False)).data), "network"),
        (Notice("upload_postponed", error_notice(errors.ServerError("Down.", status=500, vendor_text="")).data), None),
        (error_notice(errors.OutOfCredits("No credits.", status=412, vendor_text="")), None),
    ],
)
def test_a_waiting_job_has_its_cause(warning: Notice | None, expected: str | None) -> None:
    """A 429 is a lack of slots, a lost connection one of network; an uploaded job is only not sent yet."""
    assert snapshot_of(a_record(state=JobState.WAITING, warning=warning)).waiting_for == expected
    assert snapshot_of(a_record(state=JobState.GENERATING, warning=warning)).waiting_for is None


def snapshot_of(record: JobRecord) -> JobSnapshot:
    """Return the snapshot of a job that runs elsewhere."""
    return snapshot_from_record(record, timing=None, now=NOW, is_paused=False, is_sandbox=False)


@pytest.mark.parametrize(
    ("state", "kind", "expected"),
    [
        (JobState.FAILED, "JobFailed", errors.JobFailed),
        (JobState.MODERATED, "JobModerated", errors.JobModerated),
        (JobState.CANCELLED, "JobCancelled", errors.JobCancelled),
        (JobState.TIMED_OUT, "JobTimeout", errors.JobTimeout),
        (JobState.REFUSED, "ConfigError", errors.ConfigError),
        (JobState.DOWNLOADING, "DownloadError", errors.DownloadError),
        (JobState.WAITING, "LedgerError", errors.LedgerError),
        (JobState.DONE, "file_lost", errors.DownloadError),
        (JobState.REFUSED, "OfANewerVersion", PixVerseError),
    ],
)
def test_each_end_has_its_error(state: JobState, kind: str, expected: type[PixVerseError]) -> None:
    """The error's class says how the job ended; it carries job, reference, redacted account and charge."""
    details = {"name": "videos/1.mp4", "sha256": "ff", "detail": "It ended."}
    record = a_record(state=state, error=Notice(kind, details), account=EMAIL, charged="unknown")
    error = the_error(record)
    assert type(error) is expected
    assert (error.ref, error.account, error.may_have_been_charged) == (record.ref, "m…@e…", "unknown")
    if isinstance(error, JobError):
        assert error.job == "the job"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("Unauthorized", 401),
        ("SubscriptionRequired", 402),
        ("NotFound", 404),
        ("OutOfCredits", 412),
        ("Moderated", 422),
        ("AccountPending", 596),
    ],
)
def test_a_refusal_has_the_vendors_status(kind: str, status: int) -> None:
    """After a restart too, a refusal carries the status that the vendor answered with."""
    error = the_error(a_record(state=JobState.REFUSED, error=Notice(kind, {"status": status, "vendor_text": "No."})))
    assert isinstance(error, errors.APIError)
    assert (type(error).__name__, error.status, error.vendor_text) == (kind, status, "No.")


def test_the_next_step_follows_the_error() -> None:
    """An error says what happened, then what to do."""
    error = the_error(a_record(state=JobState.TIMED_OUT, error=Notice("JobTimeout"), charged="yes"))
    assert 'client.job("pv-cell-0001")' in str(error)


def done(**changes: Any) -> JobRecord:
    """A finished job with `changes`."""
    fields: dict[str, Any] = {
        "state": JobState.DONE,
        "video": StoredVideo("videos/one.mp4", "ff", 1000, 1280, 720, 5.0),
        "url": "https://media.example.org/a%2Fb.mp4",
        "video_id": a_video_id(),
        "submitted_at": NOW + 1,
        "finished_at": NOW + 60,
        "estimated_credits": 60,
        "charged": "yes",
    }
    return a_record(**{**fields, **changes})


def test_a_video_has_what_the_record_knows(tmp_path: Path) -> None:
    """Path below the home, hash, figures, address, request and origin come from the record."""
    video = video_of(done(), home=tmp_path, is_sandbox=True)
    assert video.path == tmp_path / "videos" / "one.mp4"
    assert (video.sha256, video.size_bytes, video.width, video.height, video.duration_s) == ("ff", 1000, 1280, 720, 5.0)
    assert (video.url, video.ref, video.video_id) == (done().url, done().ref, a_video_id())
    assert (video.request, video.made_at, video.is_sandbox) == (a_request(), NOW + 60, True)
    assert video.poster_jpeg is None


def test_the_vendors_cost_wins_over_the_estimate(tmp_path: Path) -> None:
    """The cost is what the vendor reports, also if that is 0; otherwise it is the estimate, marked as one."""
    for reported, cost, is_estimate in ((90, 90, False), (0, 0, False), (None, 60, True)):
        video = video_of(done(cost_credits=reported), home=tmp_path, is_sandbox=False)
        assert (video.cost_credits, video.cost_is_estimate) == (cost, is_estimate)


def test_done_without_a_file_is_an_error_of_the_ledger(tmp_path: Path) -> None:
    """The error of a finished job without a file says so."""
    with pytest.raises(errors.LedgerError, match="pv-cell-0001"):
        video_of(done(video=None), home=tmp_path, is_sandbox=False)


def kept_pictures(home: Path, *, last: bytes = b"") -> Path:
    """Return a home with two good stored pictures, unless the last one is written otherwise."""
    folder = home / "pictures"
    folder.mkdir(parents=True)
    (folder / f"{FIRST_SHA}.png").write_bytes(encoded(scene(640, 360), "PNG"))
    (folder / f"{LAST_SHA}.png").write_bytes(last or encoded(scene(640, 360), "PNG"))
    return home


def test_thumbnails_come_from_the_stored_inputs(tmp_path: Path) -> None:
    """Both stored pictures become small JPEGs, and the first of them is the video's poster."""
    home = kept_pictures(tmp_path)
    found = thumbnails_of(a_record(), home=home, longest_px=64)
    assert len(found) == 2
    assert all(picture.startswith(b"\xff\xd8") for picture in found)
    assert video_of(done(), home=home, is_sandbox=False).poster_jpeg is not None


def test_without_a_good_picture_there_are_no_thumbnails(tmp_path: Path) -> None:
    """If a stored picture is damaged, missing or not named, there are none, and no error."""
    assert thumbnails_of(a_record(), home=kept_pictures(tmp_path / "broken", last=b"broken"), longest_px=64) == ()
    home = kept_pictures(tmp_path / "gone")
    assert thumbnails_of(a_record(inputs=some_inputs(first_sha256=None)), home=home, longest_px=64) == ()
    (home / "pictures" / f"{LAST_SHA}.png").unlink()
    assert thumbnails_of(a_record(), home=home, longest_px=64) == ()


@pytest.mark.parametrize("name", ["../private", "**", "*", "../pictures/" + FIRST_SHA])
def test_only_a_hash_names_a_stored_input(tmp_path: Path, name: str) -> None:
    """Whatever the ledger says, no file outside of the pictures' folder is shown, and no name is a pattern."""
    home = kept_pictures(tmp_path)
    (home / "private.png").write_bytes(encoded(scene(64, 36), "PNG"))
    assert thumbnails_of(a_record(inputs=some_inputs(first_sha256=name)), home=home, longest_px=64) == ()


def test_a_stored_input_is_made_small_once(tmp_path: Path) -> None:
    """A stored picture's name is its hash: what was made of it serves all jobs, by size, and is not read again."""
    home = kept_pictures(tmp_path)
    found = thumbnails_of(a_record(), home=home, longest_px=64)
    (home / "pictures" / f"{LAST_SHA}.png").write_bytes(b"broken")
    assert thumbnails_of(a_record(), home=home, longest_px=64) == found
    assert thumbnails_of(a_record(), home=home, longest_px=32) == ()


def test_the_line_of_python_makes_the_same_request() -> None:
    """The line names every field that is not the default, and read as Python gives the same video again."""
    request = a_request(prompt="A \"quoted\" 'cat'\n", quality="360p", seed=7, aspect_ratio="1:1", email=EMAIL)
    inputs = (JobInput("first", source_expr="'a.jpg'"), JobInput("last", source_expr="'b.jpg'"))
    record = a_record(request=request, inputs=inputs, fit=None, allow_refused=True)
    line = python_line(record)
    assert line.startswith("client.create_frames('a.jpg', 'b.jpg', ")
    assert "maria" not in line
    made: dict[str, Any] = {}

    class Client:
        def create_frames(self, first: str, last: str, **fields: Any) -> None:
            made.update(fields, first=first, last=last)

    eval(line, {"client": Client()})  # noqa: S307  the line is ours, and that it is Python is the fact tested
    assert (made.pop("first"), made.pop("last")) == ("a.jpg", "b.jpg")
    assert (made.pop("fit"), made.pop("allow_refused")) == (None, True)
    assert a_request(**made).content_key == request.content_key


def test_the_plain_line_is_short() -> None:
    """Defaults are left out, but for those that depend on the picture or on the client's catalogue."""
    named = "duration=5, quality='540p', aspect_ratio='16:9', seed=42"
    assert python_line(a_record()) == f"client.create_frames(first, last, {named})"


def attempts(*states: str, attempt: int, charged: Charge = "yes", **changes: Any) -> tuple[Attempt, ...]:
    """Return the attempts of a history through `states`, one second each."""
    history = [JobEvent(float(at), JobState(state), kind=f"event_{at}") for at, state in enumerate(states)]
    return attempts_from_events(a_record(attempt=attempt, charged=charged, **changes), history)


def test_a_job_that_was_never_sent_has_no_attempts() -> None:
    """Without a paid call there is no attempt."""
    assert attempts("planned", "uploading", "waiting", attempt=0, charged="no") == ()


def test_each_attempt_has_its_time_and_outcome() -> None:
    """Of two postponed calls and an accepted one, only the last may have cost anything."""
    one, two, three = attempts(
        "planned", "waiting", "submitting", "waiting", "submitting", "unknown", "waiting", "submitting", "queued",
        attempt=3, cost_credits=45,
    )  # fmt: skip
    assert [(call.number, call.sent_at, call.outcome) for call in (one, two, three)] == [
        (1, 2.0, "event_3"), (2, 4.0, "event_6"), (3, 7.0, "event_8"),
    ]  # fmt: skip
    assert [(call.charged, call.credits) for call in (one, two, three)] == [("no", 0), ("no", 0), ("yes", 45)]
    assert three.reply_ref == "pv-cell-0001:3"


def test_a_call_under_way_may_have_cost_its_estimate() -> None:
    """While nothing is known about the last call, its estimate is marked as one."""
    (call,) = attempts("waiting", "submitting", "submitting", attempt=1, charged="unknown", estimated_credits=60)
    assert (call.charged, call.credits, call.is_estimate, call.outcome) == ("unknown", 60, True, "")


def test_an_adopted_job_has_no_attempt_that_nobody_saw() -> None:
    """An adopted generation has a paid call, but this home did not send it."""
    assert attempts("generating", "downloading", "done", attempt=1) == ()
    assert [call.number for call in attempts("waiting", "submitting", "queued", attempt=2)] == [2]


def test_a_real_job_has_an_attempt_for_its_lost_call(harness: Harness) -> None:
    """The first call never arrives and is proved absent; the second is accepted: two attempts, one charged."""
    harness.control.arm("drop_before", times=1, route="create*")
    job = create_job(harness.open())
    harness.pass_settle_window(job)
    wait_for_video(job)
    lost, paid = job.attempts()
    assert (lost.charged, lost.credits, lost.outcome) == ("no", 0, "missing_from_poll")
    assert (paid.charged, paid.credits, paid.is_estimate) == ("yes", 20, False)
    assert harness.paid == 1
