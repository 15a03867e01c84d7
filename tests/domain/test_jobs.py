"""A job as a value: its references, and its way to JSON and back."""

import dataclasses
import json

import pytest

from pixverse_nb.domain.jobs import JobRecord, JobState, StoredVideo
from tests.factories import NOW, a_record, a_request, a_video_id

FULL = a_record(
    request=a_request(email="maria@example.org", reply_ref="mine", prompt="Ä – 漢字"),
    state=JobState.DONE,
    version=9,
    seed_was_drawn=True,
    first_path="upload/1.png",
    last_path="upload/2.png",
    account="maria@example.org",
    attempt=2,
    intent_at=NOW + 1,
    send_deadline=NOW + 61,
    retry_at=NOW + 2,
    unknown_since=NOW + 3,
    missing_poll_starts=(NOW + 200, NOW + 204),
    video_id=a_video_id(),
    submitted_at=NOW + 4,
    last_seen_running_at=NOW + 50,
    finished_at=NOW + 60,
    queue_position=3,
    url="https://media.example.org/a%2Fb.mp4",
    video=StoredVideo("videos/one.mp4", "ff", 1000, 1280, 720, 5.0),
    charged="yes",
    estimated_credits=60,
    cost_credits=60,
    warning="busy",
    error_kind="JobFailed",
    error="No.",
    blocked=True,
    imported=True,
    budget_credits=600,
    sweep="sw-1",
    sweep_budget_credits=240,
    pending_question="Send it again?",
    candidate_video_id="user:1-a@example.com-v:9",
    notices=("one", "two"),
    source_exprs=("'a.jpg'", "'b.jpg'"),
    fit="contain",
    allow_refused=True,
)


def test_the_example_leaves_no_field_at_its_default() -> None:
    """The record of these tests has a value of its own in every field, so that a forgotten one shows."""
    plain = a_record()
    same = [
        item.name for item in dataclasses.fields(JobRecord) if getattr(FULL, item.name) == getattr(plain, item.name)
    ]
    assert same == ["ref", "service", "created_at", "deadline_at", "owner", "first_sha", "last_sha"]


@pytest.mark.parametrize("record", [a_record(), FULL])
def test_a_record_survives_json(record: JobRecord) -> None:
    """Written as JSON and read again, a record is the same, tuples and nested values included."""
    assert JobRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_fields_of_a_newer_version_are_left_out() -> None:
    """A record with a field that this version does not know can still be read."""
    assert JobRecord.from_json({**FULL.to_json(), "mood": "good"}) == FULL


def test_a_record_of_an_older_version_gets_defaults() -> None:
    """A record from before a field existed can still be read."""
    values = a_record().to_json()
    for name in ("notices", "source_exprs", "missing_poll_starts", "blocked", "video", "cost_credits"):
        del values[name]
    assert JobRecord.from_json(values) == a_record()


def test_each_attempt_has_its_own_reference() -> None:
    """What is sent as replyRef names the job and the attempt, so that a lost call can be told from the next one."""
    assert a_record(attempt=1).reply_ref == "pv-cell-0001:1"
    assert a_record(attempt=2).reply_ref == "pv-cell-0001:2"


def test_a_persons_reference_travels_behind_ours() -> None:
    """The user's own reference stands after a space, whole."""
    assert a_record(attempt=1, request=a_request(reply_ref="my own: 7")).reply_ref == "pv-cell-0001:1 my own: 7"


@pytest.mark.parametrize("attempt", [1, 2, 33])
def test_a_record_knows_its_references_again(attempt: int) -> None:
    """A row with the reference of any attempt is the job's, with and without a person's own behind it."""
    for own in (None, "mine", "pv-other-0002:1", ":"):
        sent = a_record(attempt=attempt, request=a_request(reply_ref=own)).reply_ref
        assert a_record().owns_reply_ref(sent)


@pytest.mark.parametrize(
    "reply_ref", [None, "", "pv-cell-0001", "pv-cell-00011:1", "x pv-cell-0001:1", "pv-cell-0002:1", "pv-cell-0001:1:1"]
)
def test_another_reference_is_not_ours(reply_ref: str | None) -> None:
    """Nothing but the whole reference with one attempt behind it is taken for ours."""
    assert not a_record().owns_reply_ref(reply_ref)
