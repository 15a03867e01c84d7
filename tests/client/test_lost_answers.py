"""The answer to a paid call is lost: the generation is found, or proved absent before the call is sent again."""

from dataclasses import replace
from typing import Any

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.errors import JobTimeout, OutcomeUnknown
from pixverse_nb.jobs.job import Job
from tests.client.conftest import Build
from tests.client.harness import (
    A_JOB_S,
    SETTLING,
    Harness,
    failed,
    finished,
    is_proved_absent,
    kinds,
    order,
    reached,
    states,
    until,
    warning,
)
from tests.sandbox.api_client import ApiClient

CREATE = "create-frames-v3"
# The sandbox's fault, its options, and why the answer counts as lost.
ACCEPTED: list[tuple[str, dict[str, Any], str]] = [
    ("lost_answer", {}, "no_answer"),
    ("error_after", {"status": 500}, "http_status"),
    ("html_error", {"status": 502, "accepted": True, "route": "create*"}, "http_status"),
    ("no_video_id", {"accepted": True}, "no_video_id"),
]
NOT_ACCEPTED: list[tuple[str, dict[str, Any], str]] = [
    ("drop_before", {"route": "create*"}, "no_answer"),
    ("error_before", {"status": 503, "route": "create*"}, "http_status"),
    ("html_error", {"status": 504, "accepted": False, "route": "create*"}, "http_status"),
    ("no_video_id", {"accepted": False}, "no_video_id"),
]


def lost_reasons(job: Job) -> list[str]:
    """Return why each lost answer of the job counts as lost."""
    return [event.data["reason"] for event in job.events() if event.kind == "response_lost"]


@pytest.mark.parametrize(("fault", "options", "reason"), ACCEPTED, ids=lambda value: str(value))
def test_an_accepted_call_is_found(house: Harness, fault: str, options: dict[str, Any], reason: str) -> None:
    """A call that was accepted without an answer is found in the vendor's list: one call, one charge."""
    house.control.arm(fault, **options)
    job = order(house.open())
    assert finished(job).size_bytes > 0
    assert "unknown" in states(job)
    assert lost_reasons(job) == [reason]
    assert (house.paid, house.control.requests[CREATE]) == (1, 1)


@pytest.mark.parametrize(("fault", "options", "reason"), NOT_ACCEPTED, ids=lambda value: str(value))
def test_an_unaccepted_call_is_sent_again_after_proof(
    house: Harness, fault: str, options: dict[str, Any], reason: str
) -> None:
    """A call that was not accepted is sent again only after two lists from after the settle window lack it."""
    house.control.arm(fault, **options)
    job = order(house.open(timing=SETTLING))
    assert finished(job).size_bytes > 0
    assert states(job).count("unknown") == 1
    lost, sent_again = [event.at for event in job.events() if event.state is JobState.SUBMITTING]
    assert sent_again - lost > SETTLING.answer_timeout_s + SETTLING.settle_s
    assert lost_reasons(job) == [reason]
    assert [(attempt.outcome, attempt.charged) for attempt in job.attempts()] == [
        ("missing_from_poll", "no"),
        ("call_accepted", "yes"),
    ]
    assert (house.paid, house.control.requests[CREATE]) == (1, 2)
    assert [generation.reply_ref for generation in house.control.generations] == [f"{job.ref}:2"]


def test_a_call_accepted_late_is_found(house: Harness) -> None:
    """A call that the vendor accepts some time after the connection broke is found within the settle window."""
    house.control.arm("accept_lag", lag_s=400)
    job = order(house.open())
    assert finished(job).size_bytes > 0
    assert "unknown" in states(job)
    assert (house.paid, house.control.requests[CREATE]) == (1, 1)


def test_without_a_settle_window_a_late_acceptance_is_charged_twice(still: Harness) -> None:
    """With `settle_s=0` a late acceptance leads to a second charge: the window must exceed the vendor's lag."""
    still.control.arm("accept_lag", lag_s=A_JOB_S)
    job = order(still.open(timing=replace(SETTLING, settle_s=0.0)))
    reached(job, JobState.QUEUED)
    still.control.advance(A_JOB_S)
    assert finished(job).size_bytes > 0
    still.accepts(2)


def test_a_generation_listed_late_is_found(house: Harness) -> None:
    """A generation that the list and the scheduler show late is waited for, not charged again."""
    house.control.arm("lost_answer")
    house.control.arm("list_lag", lag_s=400)
    job = order(house.open())
    assert finished(job).size_bytes > 0
    assert "missing_from_poll" not in kinds(job)
    assert (house.paid, house.control.requests[CREATE]) == (1, 1)


def test_an_answer_after_the_timeout_counts_as_lost(still: Harness) -> None:
    """An answer that takes longer than `answer_timeout_s` counts as lost, and the generation is found in the list."""
    still.control.arm("late_answer", delay_s=10_000)
    job = order(still.open(timing=SETTLING))
    reached(job, JobState.QUEUED)
    assert lost_reasons(job) == ["no_answer"]
    assert (still.paid, still.control.requests[CREATE]) == (1, 1)


def test_a_slow_answer_within_the_timeout_is_accepted(house: Harness) -> None:
    """A slow answer within `answer_timeout_s` does not make the job unknown."""
    house.control.arm("late_answer", delay_s=300)
    job = order(house.open())
    finished(job)
    assert "unknown" not in states(job)


def test_an_unknown_job_shows_a_warning_and_an_action(still: Harness) -> None:
    """A job whose outcome is unknown shows why, that it may have been charged, and what to do."""
    still.control.arm("lost_answer")
    still.control.arm("list_lag", lag_s=10_000)
    job = order(still.open())
    reached(job, JobState.UNKNOWN)
    shown = job.snapshot()
    assert shown.charged == "unknown"
    assert shown.suggested_action
    assert shown.warning
    lost = warning(job)
    assert lost is not None
    assert (lost.kind, lost.data["reason"]) == ("response_lost", "no_answer")


def test_a_generation_is_matched_by_its_reply_ref(house: Harness) -> None:
    """A row with `replyRef` is matched by it, whatever other fields the row lacks."""
    house.control.settings.reply_ref_in_rows = True
    house.control.settings.reply_ref_in_scheduler = False
    house.control.arm("missing_fields", times=None, route="videos", fields=["seed", "prompt", "first_frame"])
    house.control.arm("lost_answer")
    job = order(house.open())
    assert finished(job).size_bytes > 0
    assert house.paid == 1


def test_a_generation_is_matched_by_its_content(house: Harness) -> None:
    """Without `replyRef`, a row is matched by seed, prompt and pictures."""
    house.control.settings.reply_ref_in_scheduler = False
    house.control.arm("lost_answer")
    client = house.open()
    other = order(client, seed=8)
    reached(other, JobState.UNKNOWN)
    job = order(client, seed=7)
    assert finished(job).size_bytes > 0
    finished(other)
    by_seed = {generation.seed: generation.video_id for generation in house.control.generations}
    assert (job.video_id, other.video_id) == (by_seed[7], by_seed[8])
    assert house.paid == 2


def test_a_generation_with_another_seed_is_not_matched(house: Harness) -> None:
    """Another generation of the account with a different seed does not settle a lost call."""
    house.control.settings.reply_ref_in_scheduler = False
    client = house.open(timing=SETTLING)
    finished(order(client, seed=8))
    house.control.arm("drop_before", route="create*")
    job = order(client, seed=7)
    finished(job)
    assert is_proved_absent(job)
    assert {generation.seed for generation in house.control.generations} == {7, 8}


def test_a_generation_on_the_second_page_is_found(house: Harness) -> None:
    """A lost generation on the second page of the list is found."""
    house.control.settings.reply_ref_in_scheduler = False
    (account,) = house.control.accounts.values()
    house.control.add_account(replace(account, max_jobs=99, plan_jobs=99))
    house.control.arm("lost_answer")
    house.control.arm("list_lag", lag_s=10**9)
    job = order(house.open())
    reached(job, JobState.UNKNOWN)
    somebody = ApiClient(house.box)
    with somebody.http:
        path = somebody.upload()
        for seed in range(100, 145):
            somebody.create(first_frame_path=path, seed=seed)
    house.control.advance(10**9)
    assert finished(job).size_bytes > 0
    assert (house.paid, house.control.requests[CREATE]) == (46, 46)


def test_several_lost_calls_are_matched_individually(house: Harness) -> None:
    """Six jobs whose answers are all lost each get their own generation."""
    house.control.arm("lost_answer", times=6)
    client = house.open()
    jobs = [order(client, seed=seed) for seed in range(1, 7)]
    for job in jobs:
        finished(job)
    assert house.paid == 6
    assert len({job.video_id for job in jobs}) == 6
    seeds = {generation.video_id: generation.seed for generation in house.control.generations}
    assert all(seeds[str(job.video_id)] == job.request.seed for job in jobs)


def test_lists_of_all_accounts_are_searched(built: Build, house: Harness) -> None:
    """If the vendor chose the account of a lost call, the lists of all accounts are searched."""
    with built(house.home / "pair", accounts=["one@example.com", "two@example.com"]) as pair:
        pair.control.arm("lost_answer", times=4)
        client = pair.open()
        jobs = [order(client, seed=seed) for seed in range(1, 5)]
        for job in jobs:
            finished(job)
        assert pair.paid == 4


def test_the_alternative_scheduler_format_is_read(still: Harness) -> None:
    """The scheduler's other format (`id` and `type`) also serves to find a lost call."""
    still.control.settings.scheduler_uses_id = True
    still.control.arm("missing_fields", times=None, route="videos", fields=["seed"])
    still.control.arm("lost_answer")
    job = order(still.open())
    reached(job, JobState.QUEUED)
    assert still.paid == 1


@pytest.mark.parametrize("field", ["prompt", "video_id"])
def test_an_incomplete_row_prevents_proof_of_absence(house: Harness, field: str) -> None:
    """While an incomplete row could be the lost call, the call is not sent again."""
    house.control.settings.reply_ref_in_scheduler = False
    house.control.arm("missing_fields", times=None, route="video*", fields=["seed", field])
    house.control.arm("lost_answer")
    timing = replace(SETTLING, deadline_s=4.0)
    job = order(house.open(timing=timing), prompt="rain")
    error = failed(job)
    assert isinstance(error, JobTimeout)
    assert error.may_have_been_charged == "unknown"
    assert (house.paid, house.control.requests[CREATE]) == (1, 1)
    house.control.disarm()
    job.resume()
    assert finished(job).size_bytes > 0
    assert house.paid == 1


@pytest.mark.parametrize("values", [{"prompt": "RAIN &amp; snow "}, {"quality": "360P"}])
def test_a_row_with_normalized_text_is_matched(house: Harness, values: dict[str, str]) -> None:
    """A row whose text the vendor normalized is still matched."""
    house.control.settings.reply_ref_in_scheduler = False
    house.control.arm("changed_fields", times=None, values=values)
    house.control.arm("lost_answer")
    job = order(house.open(timing=SETTLING), prompt="rain & snow\n")
    assert finished(job).size_bytes > 0
    assert house.paid == 1


def test_a_pending_call_is_no_candidate_for_a_lost_one(house: Harness) -> None:
    """With two calls of one seed, the generation of the one still waiting for its answer raises no question about the
    lost one.
    """
    house.control.settings.reply_ref_in_scheduler = False
    house.control.arm("drop_before", route="create*")
    client = house.open(timing=replace(SETTLING, poll_s=0.5))
    lost = order(client, prompt="rain")
    until(lost, lambda job: "missing_from_poll" in kinds(job))  # one more list, and its absence is proved
    house.control.arm("late_answer", delay_s=1_000.0)
    other = order(client, prompt="snow")
    finished(lost)
    finished(other)
    assert lost.video_id != other.video_id
    assert not any("ambiguous_match" in kinds(job) for job in (lost, other))
    assert house.paid == 2


@pytest.mark.parametrize(
    "values",
    [
        {"prompt": "something else"},
        {"first_frame": "https://media.example.org/upload/another.png"},
        {"created_at": "2020-01-01T00:00:00Z"},
    ],
)
def test_a_row_that_differs_in_part_is_a_question(house: Harness, values: dict[str, str]) -> None:
    """A row with the same seed that differs otherwise becomes a question; nothing is sent until it is answered."""
    house.control.settings.reply_ref_in_scheduler = False
    house.control.arm("changed_fields", times=None, values=values)
    house.control.arm("lost_answer")
    job = order(house.open(timing=SETTLING), prompt="rain")
    error = failed(job)
    assert isinstance(error, OutcomeUnknown)
    question = job._record().pending_question
    (generation,) = house.control.generations
    assert question == Notice("ambiguous_match", {"number": generation.video_id.rpartition(":")[2]})
    assert job._record().candidate_video_id == generation.video_id
    assert f'client.job("{job.ref}").resolve(was_charged=True)' in str(error)
    assert (house.paid, house.control.requests[CREATE]) == (1, 1)
    job.resolve(was_charged=True)
    assert finished(job).size_bytes > 0
    assert house.paid == 1
