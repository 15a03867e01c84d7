"""Texts of jobs: every kind has one, they name what a person needs, and nothing private gets through."""

import re
import time
from dataclasses import replace
from typing import Any

import pytest

from pixverse_nb.backends.base import api_error
from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import JobEvent, JobRecord, JobState, StoredVideo
from pixverse_nb.domain.notices import Notice
from pixverse_nb.errors import Charge, ConfigError
from pixverse_nb.jobs import events
from pixverse_nb.jobs.error_notices import error_notice
from pixverse_nb.jobs.messages import (
    describe_error,
    describe_event,
    describe_notice,
    reuse_notice,
    status_detail,
    suggested_action,
)
from pixverse_nb.jobs.transitions import advance
from tests.backends.sample_replies import NO_CREDITS
from tests.factories import EMAIL, NOW, TOKEN, a_record, a_row, a_video_id, some_inputs

NOON = time.mktime((2026, 5, 4, 12, 0, 0, 0, 0, -1))
TIMING = Timing()
JOB = a_record(ref="pv-1", created_at=NOON, deadline_at=NOON + 1800)
LOST = replace(JOB, state=JobState.UNKNOWN, charged="unknown", unknown_since=NOON, send_deadline=NOON + 20, attempt=1)
WAITING = a_record(state=JobState.WAITING, inputs=some_inputs("upload/1", "upload/2"))
QUESTION = Notice("unexplained_debit", {"credits": 60})

EVENTS: list[events.Event] = [
    events.UploadStarted(NOW),
    events.InputsUploaded(NOW, {"first": "a", "last": "b"}, None),
    events.AccountSwitched(NOW, EMAIL),
    events.PriceQuoted(NOW, 30),
    events.PriceDiscounted(NOW, 15),
    events.IntentRecorded(NOW, NOW + 60, "me"),
    events.CallAccepted(NOW, a_video_id(), EMAIL, 60),
    events.CallRefused(NOW, Notice("APIError", {"detail": "No."}), attempt=1),
    events.CallPostponed(NOW, NOW + 9, Notice("Busy", {"detail": "Busy."}), attempt=1),
    events.ResponseLost(NOW, "no_answer", "no answer within 60 s."),
    events.ListedInPoll(NOW, NOW, a_row()),
    events.MissingFromPoll(NOW, NOW, 180.0),
    events.UnexplainedDebit(NOW, 60),
    events.AmbiguousMatch(NOW, a_video_id()),
    events.ResolvedByUser(NOW, was_charged=True),
    events.Downloaded(NOW, StoredVideo("videos/1.mp4", "ff", 1)),
    events.FileLost(NOW, Notice("file_lost", {"name": "videos/1.mp4", "sha256": "ff", "detail": "HTTP 404."})),
    events.WarningRaised(NOW, Notice("DownloadError", {"detail": "No network."})),
    events.DeadlinePassed(NOW),
    events.CancelRequested(NOW),
    events.Withdrawn(NOW),
    events.RefundChecked(NOW, 60),
    events.Resumed(NOW, "me", NOW + 9),
]


def stored(event: events.Event, after: JobRecord) -> JobEvent:
    """Return an event as the ledger returns it."""
    return JobEvent(event.at, after.state, events.kind_of(event), events.data_of(event, after))


@pytest.mark.parametrize("event", EVENTS, ids=events.kind_of)
def test_each_event_has_a_text(event: events.Event) -> None:
    """Every kind of event reads as a text of its own, without the account."""
    text = describe_event(stored(event, WAITING))
    assert text
    assert text != events.kind_of(event).replace("_", " ") or " " not in text
    assert EMAIL not in text


def test_all_kinds_of_events_are_covered() -> None:
    """The list above has every event."""
    assert {type(event) for event in EVENTS} == set(events.Event.__args__)


def test_an_unknown_kind_is_still_readable() -> None:
    """An event of a newer version is shown as its kind."""
    assert describe_event(JobEvent(NOW, JobState.QUEUED, "moved_to_mars")) == "moved to mars"


def test_texts_are_redacted() -> None:
    """What the vendor or the network says is shown without account and token."""
    event = events.CallPostponed(NOW, NOW, Notice("Busy", {"detail": f"Account {EMAIL} is busy; {TOKEN}"}), attempt=1)
    text = describe_event(stored(event, WAITING))
    assert "maria" not in text
    assert "r8x" not in text


def test_an_error_survives_the_ledger() -> None:
    """A vendor's error keeps its status and the vendor's text; another error keeps its message."""
    error, other = api_error(412, NO_CREDITS), ConfigError("Full.")
    vendor = error_notice(error)
    assert vendor == Notice("OutOfCredits", {"status": 412, "vendor_text": NO_CREDITS})
    assert describe_notice(vendor) == str(error)
    assert describe_notice(error_notice(other)) == str(other)


@pytest.mark.parametrize("state", [JobState.TIMED_OUT, JobState.CANCELLED])
def test_the_end_of_a_job_depends_on_the_charge(state: JobState) -> None:
    """The text of a job that ended here follows what became of its paid call, even if that is learned later."""
    record = a_record(state=state, error=Notice("JobTimeout"))
    texts = {describe_error(replace(record, charged=charged)) for charged in ("no", "unknown", "yes")}
    assert len(texts) == 3


@pytest.mark.parametrize("state", list(JobState))
@pytest.mark.parametrize("timing", [TIMING, None])
def test_every_open_state_says_what_happens_next(state: JobState, timing: Timing | None) -> None:
    """A job that is not over always says what happens next."""
    assert status_detail(replace(JOB, state=state), timing=timing, now=NOON, is_paused=False) or state.is_final


@pytest.mark.parametrize(
    ("record", "timing", "now", "moment"),
    [
        (LOST, TIMING, NOON, "12:03:20"),  # the settle window ends 180 s after the send deadline
        (replace(JOB, state=JobState.QUEUED), TIMING, NOON, "12:30:00"),
        (replace(JOB, state=JobState.WAITING, retry_at=NOON + 12), TIMING, NOON, "12:00:12"),
        (replace(JOB, state=JobState.WAITING, deadline_at=NOON + 86400), TIMING, NOON, "2026-05-05 12:00"),
    ],
)
def test_what_happens_next_names_its_time(record: JobRecord, timing: Timing, now: float, moment: str) -> None:
    """Waiting names its end: of the settle window, of the polling, of the back-off; with the date if not today."""
    assert moment in status_detail(record, timing=timing, now=now, is_paused=False)


def test_the_lists_still_needed_are_counted() -> None:
    """After the settle window the remaining proofs are counted down."""
    late = NOON + 201
    two = status_detail(LOST, timing=TIMING, now=late, is_paused=False)
    one = status_detail(replace(LOST, missing_poll_starts=(late,)), timing=TIMING, now=late, is_paused=False)
    assert ("2" in two, "2" in one) == (True, False)


@pytest.mark.parametrize(
    ("changes", "is_paused", "call"),
    [
        ({"state": JobState.TIMED_OUT}, False, 'client.job("pv-1")'),
        ({"state": JobState.TIMED_OUT, "charged": "yes"}, False, 'client.job("pv-1")'),
        ({"state": JobState.CANCELLED, "charged": "yes"}, False, ".resume()"),
        ({"state": JobState.CANCELLED, "charged": "unknown"}, False, ".resume()"),
        ({"state": JobState.DOWNLOADING, "blocked": True}, True, 'client.job("pv-1")'),
        ({"state": JobState.WAITING, "imported": True}, True, ".resume()"),
        ({"state": JobState.WAITING}, True, 'client.job("pv-1")'),
        ({"state": JobState.UNKNOWN, "pending_question": QUESTION}, False, "resolve(was_charged=False)"),
        (
            {"state": JobState.UNKNOWN, "pending_question": QUESTION, "candidate_video_id": "9"},
            False,
            "resolve(was_charged=True)",
        ),
        ({"state": JobState.DONE, "error": Notice("file_lost")}, False, 'client.job("pv-1")'),
    ],
)
def test_a_stopped_job_names_the_call_that_continues_it(changes: dict[str, Any], is_paused: bool, call: str) -> None:
    """If a person can do something, the text names the call that does it."""
    assert call in str(suggested_action(replace(JOB, **changes), is_paused=is_paused))


@pytest.mark.parametrize("charged", ["no", "unknown", "yes"])
@pytest.mark.parametrize("is_paused", [False, True])
def test_a_timed_out_job_of_another_user_is_resumed_by_name(charged: Charge, is_paused: bool) -> None:
    """`client.job` does not continue it: that may charge this user."""
    record = replace(JOB, state=JobState.TIMED_OUT, charged=charged)
    assert ".resume()" in str(suggested_action(record, is_paused=is_paused, is_others=True))


@pytest.mark.parametrize("state", [JobState.PLANNED, JobState.GENERATING, JobState.DONE, JobState.CANCELLED])
def test_a_job_that_needs_nothing_suggests_nothing(state: JobState) -> None:
    """If there is nothing to do, nothing is suggested."""
    assert suggested_action(replace(JOB, state=state), is_paused=False) is None


@pytest.mark.parametrize(
    ("changes", "numbers", "can_be_paid_again"),
    [
        ({"charged": "no"}, [], False),
        ({"charged": "unknown"}, [], False),
        ({"charged": "yes", "cost_credits": 90}, ["90"], True),
        ({"charged": "yes", "estimated_credits": 60}, ["60"], True),
        ({"charged": "yes", "estimated_credits": None}, [], True),
    ],
)
def test_a_reused_job_says_when_it_was_made_and_its_cost(
    changes: dict[str, Any], numbers: list[str], can_be_paid_again: bool
) -> None:
    """The text of a reused job has its date, the credits if they are known, and the option that pays for a new one."""
    before, _, after = reuse_notice(a_record(submitted_at=NOW, **changes)).partition(
        time.strftime("%Y-%m-%d %H:%M", time.localtime(NOW))
    )
    assert re.findall(r"\d+", before + after) == numbers
    assert ("reuse=False" in after) == can_be_paid_again


def test_a_reused_job_says_whether_it_was_charged() -> None:
    """Each state of the charge has its own text, and estimated credits differ from reported ones."""
    charges: list[dict[str, Any]] = [
        {"charged": "no"},
        {"charged": "unknown"},
        {"charged": "yes", "cost_credits": 60},
        {"charged": "yes", "estimated_credits": 60},
    ]
    assert len({reuse_notice(a_record(submitted_at=NOW, **one)) for one in charges}) == 4


def test_a_notice_about_a_picture_names_it() -> None:
    """A picture's notice starts with its role."""
    notice = Notice(
        "scaled_down", {"width": 4000, "height": 3000, "new_width": 2048, "new_height": 1536, "role": "last"}
    )
    text = describe_notice(notice)
    assert text.startswith("Last picture")
    assert "2048×1536" in text


def test_every_stored_change_has_a_kind() -> None:
    """The data of an event is JSON values only, and leaves out the account and the video id."""
    for event in EVENTS:
        after = advance(WAITING, event)
        data = events.data_of(event, after)
        assert EMAIL not in repr(data)
        assert data.keys() <= {
            "send_deadline", "repeats_attempt", "attempt", "cost_credits", "error", "warning", "retry_at", "reason",
            "detail", "latest_send_deadline", "listed_at", "settle_s", "credits", "was_charged", "blocks", "charged",
            "only_unsent", "deadline_at", "budget_credits",
        }  # fmt: skip


SIZES = {"width": 640, "height": 427, "new_width": 320, "new_height": 180, "aspect_ratio": "16:9"}


@pytest.mark.parametrize(
    ("kind", "data", "tokens"),
    [
        ("first_frame_used", {}, ("first",)),
        ("reduced_to_8_bits", {}, ("8 bits",)),
        ("grey_range_assumed", {"white": 4095}, ("4095",)),
        ("very_dark", {"brightest": 15}, ("15",)),
        ("transparency_flattened", {}, ("white",)),
        ("turned_upright", {}, ("EXIF",)),
        ("converted_from_cmyk", {}, ("CMYK",)),
        ("colours_converted", {"profile": "Display P3"}, ("Display P3", "sRGB")),
        ("colours_converted", {"profile": None}, ("profile", "sRGB")),
        ("cropped", SIZES, ("640×427", "320×180", "16:9")),
        ("small_after_crop", {"width": 60, "height": 50, "good_px": 640}, ("60×50", "640")),
        ("padded", SIZES, ("640×427", "16:9")),
        ("scaled_down", SIZES, ("640×427", "320×180")),
    ],
)
def test_an_image_notice_names_its_numbers(
    kind: str, data: dict[str, str | int | None], tokens: tuple[str, ...]
) -> None:
    """The text of each image notice has the numbers and names of its data, after the image that it is about."""
    text = describe_notice(Notice(kind, data))
    assert all(token in text for token in tokens)
    assert describe_notice(Notice(kind, {**data, "role": "last"})) == f"Last picture: {text}"
