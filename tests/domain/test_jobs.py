"""Job records: their references, inputs and states, and their JSON."""

import dataclasses
import json

import pytest

from pixverse_nb.domain.jobs import FINAL_STATES, JobInput, JobRecord, JobState, StoredVideo
from pixverse_nb.domain.notices import Notice
from tests.factories import FIRST_SHA, LAST_SHA, NOW, a_record, a_request, a_video_id, some_inputs

FULL = a_record(
    request=a_request(email="maria@example.org", reply_ref="mine", prompt="Ä – 漢字"),
    state=JobState.DONE,
    version=9,
    seed_was_drawn=True,
    inputs=some_inputs("upload/1.png", "upload/2.png"),
    account="maria@example.org",
    attempt=2,
    payer="0123456789ab",
    attempt_payer="0123456789ab",
    full_credits=80,
    withdrawn=True,
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
    estimate_source="quote",
    cost_credits=60,
    refund_credits=60,
    refund_source="balance",
    refund_checked_at=NOW + 61,
    warning=Notice("busy", {"status": 429}),
    error=Notice("JobFailed", {"detail": "No."}),
    blocked=True,
    imported=True,
    budget_credits=600,
    sweep="sw-1",
    sweep_budget_credits=240,
    pending_question=Notice("send_again"),
    candidate_video_id="user:1-a@example.com-v:9",
    notices=(Notice("padded"), Notice("image_cropped", {"width": 640})),
    fit="contain",
    allow_refused=True,
)


def test_the_full_record_sets_every_field() -> None:
    """The full record has a value other than the default in every field, so that a forgotten field shows."""
    plain = a_record()
    same = [
        item.name for item in dataclasses.fields(JobRecord) if getattr(FULL, item.name) == getattr(plain, item.name)
    ]
    assert same == ["ref", "service", "created_at", "deadline_at", "owner"]


@pytest.mark.parametrize("record", [a_record(), FULL])
def test_a_record_survives_json(record: JobRecord) -> None:
    """A record that is written as JSON and read back is the same, including tuples and nested values."""
    assert JobRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_unknown_fields_are_ignored() -> None:
    """A record with an unknown field can be read."""
    assert JobRecord.from_json({**FULL.to_json(), "mood": "good"}) == FULL


def test_missing_fields_get_defaults() -> None:
    """A record that lacks newer fields can be read and gets their defaults."""
    values = a_record().to_json()
    for name in ("notices", "warning", "missing_poll_starts", "blocked", "video", "cost_credits"):
        del values[name]
    assert JobRecord.from_json(values) == a_record()


def test_each_attempt_has_its_own_reference() -> None:
    """The reference names the job and the attempt, which tells a lost call from the next one."""
    assert a_record(attempt=1).reply_ref == "pv-cell-0001:1"
    assert a_record(attempt=2).reply_ref == "pv-cell-0001:2"


def test_the_users_reference_follows_ours() -> None:
    """The user's own reference follows ours after a space, unchanged."""
    assert a_record(attempt=1, request=a_request(reply_ref="my own: 7")).reply_ref == "pv-cell-0001:1 my own: 7"


@pytest.mark.parametrize("attempt", [1, 2, 33])
def test_a_record_recognises_its_references(attempt: int) -> None:
    """The reference of any attempt belongs to the job, with or without the user's own behind it."""
    for own in (None, "mine", "pv-other-0002:1", ":"):
        sent = a_record(attempt=attempt, request=a_request(reply_ref=own)).reply_ref
        assert a_record().owns_reply_ref(sent)


@pytest.mark.parametrize(
    "reply_ref", [None, "", "pv-cell-0001", "pv-cell-00011:1", "x pv-cell-0001:1", "pv-cell-0002:1", "pv-cell-0001:1:1"]
)
def test_another_reference_is_not_ours(reply_ref: str | None) -> None:
    """Only the complete reference followed by one attempt belongs to the job."""
    assert not a_record().owns_reply_ref(reply_ref)


def test_the_json_of_a_record_is_a_copy() -> None:
    """A change to the JSON of a record does not change the record."""
    record = a_record(inputs=some_inputs())
    record.to_json()["inputs"][0]["remote"] = "upload/1.png"
    assert record.inputs == some_inputs()


def test_a_record_knows_what_is_uploaded() -> None:
    """A job is uploaded once every input has a name at the vendor, and each name is found by its role."""
    half = a_record(inputs=some_inputs("upload/1.png"))
    assert (half.is_uploaded, half.remotes) == (False, {"first": "upload/1.png"})
    both = dataclasses.replace(half, inputs=half.with_remotes({"last": "upload/2.png"}))
    assert (both.is_uploaded, both.remotes) == (True, {"first": "upload/1.png", "last": "upload/2.png"})
    assert both.with_remotes({"first": None, "last": None}) == some_inputs()
    assert both.with_remotes({}) == both.inputs


def test_only_stored_inputs_can_be_uploaded_again() -> None:
    """Another account can receive the inputs only if every one of them is stored here."""
    assert a_record().can_upload_again
    assert not a_record(inputs=(JobInput("first", FIRST_SHA), JobInput("last", remote="upload/2.png"))).can_upload_again


def test_an_operation_may_have_any_number_of_inputs() -> None:
    """A record with one or three inputs survives JSON like one with two."""
    for count in (0, 1, 3):
        inputs = tuple(JobInput(f"frame_{number}", LAST_SHA) for number in range(count))
        record = a_record(inputs=inputs)
        assert JobRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


@pytest.mark.parametrize(
    ("estimated", "cost", "expected"), [(60, 45, 45), (60, None, 60), (60, 0, 0), (None, 45, 45), (None, None, None)]
)
def test_the_vendors_cost_replaces_the_estimate(estimated: int | None, cost: int | None, expected: int | None) -> None:
    """The cost of a job is the vendor's figure, else the estimate, else unknown."""
    assert a_record(estimated_credits=estimated, cost_credits=cost).credits == expected


def test_the_repr_hides_the_account_and_the_video() -> None:
    """The repr of a record shows neither the account nor the video id."""
    assert "maria" not in repr(FULL)
    assert FULL.ref in repr(FULL)


def test_the_last_six_states_are_final() -> None:
    """Exactly these six states are final."""
    assert {state.value for state in FINAL_STATES} == {
        "done",
        "failed",
        "moderated",
        "refused",
        "cancelled",
        "timed_out",
    }
    assert [state for state in JobState if state.is_final] == list(JobState)[-6:]
