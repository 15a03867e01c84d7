"""The answer to a paid call is lost: the generation is found, or proved absent before the call is sent again."""

from dataclasses import replace
from typing import Any

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.errors import JobTimeout, OutcomeUnknown
from pixverse_nb.jobs.job import Job
from tests.client.conftest import BuildHarness
from tests.client.harness import (
    LONGEST_JOB_S,
    TIMING,
    Harness,
    create_job,
    current_warning,
    event_kinds,
    is_proved_absent,
    state_names,
    wait_for_error,
    wait_for_state,
    wait_for_video,
)
from tests.sandbox.api_client import ApiClient

CREATE = "create-frames"
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
def test_an_accepted_call_is_found(harness: Harness, fault: str, options: dict[str, Any], reason: str) -> None:
    """A call that was accepted without an answer is found in the vendor's list: one call, one charge."""
    harness.control.arm(fault, **options)
    job = create_job(harness.open())
    assert wait_for_video(job).size_bytes > 0
    assert "unknown" in state_names(job)
    assert lost_reasons(job) == [reason]
    assert (harness.paid, harness.control.requests[CREATE]) == (1, 1)


def test_a_row_that_may_be_either_of_two_lost_calls_is_asked_about(harness: Harness) -> None:
    """A row does not show the sound: which of two calls it is, only a person can say; neither is sent again before."""
    harness.control.settings.reply_ref_in_rows = False
    harness.control.settings.reply_ref_in_scheduler = False
    client = harness.open()
    harness.control.arm("drop_before", route="create*")
    refused = create_job(client, audio=False)
    wait_for_state(refused, JobState.UNKNOWN)
    harness.control.arm("lost_answer")
    accepted = create_job(client, audio=True)
    harness.pass_settle_window(accepted)
    for job in (refused, accepted):
        assert isinstance(wait_for_error(job), OutcomeUnknown)
    assert harness.paid == 1
    accepted.resolve(was_charged=True)
    wait_for_video(accepted)
    refused.resolve(was_charged=False)
    assert wait_for_video(refused).video_id != wait_for_video(accepted).video_id
    assert (harness.paid, harness.control.requests[CREATE]) == (2, 3)


@pytest.mark.parametrize(("fault", "options", "reason"), NOT_ACCEPTED, ids=lambda value: str(value))
def test_an_unaccepted_call_is_sent_again_after_proof(
    harness: Harness, fault: str, options: dict[str, Any], reason: str
) -> None:
    """A call that was not accepted is sent again only after two lists from after the settle window lack it."""
    harness.control.arm(fault, **options)
    client = harness.open()
    job = create_job(client)
    wait_for_state(job, JobState.UNKNOWN)
    for _ in range(3):  # lists from within the window prove nothing
        client.reconcile()
    assert (job.state, harness.control.requests[CREATE]) == (JobState.UNKNOWN, 1)
    harness.pass_settle_window(job)
    assert wait_for_video(job).size_bytes > 0
    assert state_names(job).count("unknown") == 1
    lost, sent_again = [event.at for event in job.events() if event.state is JobState.SUBMITTING]
    assert sent_again - lost > TIMING.answer_timeout_s + TIMING.settle_s
    assert lost_reasons(job) == [reason]
    assert [(attempt.outcome, attempt.charged) for attempt in job.attempts()] == [
        ("missing_from_poll", "no"),
        ("call_accepted", "yes"),
    ]
    assert (harness.paid, harness.control.requests[CREATE]) == (1, 2)
    assert [generation.reply_ref for generation in harness.control.generations] == [f"{job.ref}:2"]


def test_a_call_accepted_late_is_found(harness: Harness) -> None:
    """A call that the vendor accepts some time after the connection broke is found within the settle window."""
    harness.control.arm("accept_lag", lag_s=400)
    job = create_job(harness.open())
    assert wait_for_video(job).size_bytes > 0
    assert "unknown" in state_names(job)
    assert (harness.paid, harness.control.requests[CREATE]) == (1, 1)


def test_without_a_settle_window_a_late_acceptance_is_charged_twice(manual_harness: Harness) -> None:
    """With `settle_s=0` a late acceptance leads to a second charge: the window must exceed the vendor's lag."""
    manual_harness.control.arm("accept_lag", lag_s=LONGEST_JOB_S)
    job = create_job(manual_harness.open(timing=replace(TIMING, settle_s=0.0)))
    manual_harness.pass_settle_window(job)
    wait_for_state(job, JobState.QUEUED)
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(job).size_bytes > 0
    manual_harness.wait_for_accepted(2)


def test_a_generation_listed_late_is_found(harness: Harness) -> None:
    """A generation that the list and the scheduler show late is waited for, not charged again."""
    harness.control.arm("lost_answer")
    harness.control.arm("list_lag", lag_s=400)
    job = create_job(harness.open())
    assert wait_for_video(job).size_bytes > 0
    assert "missing_from_poll" not in event_kinds(job)
    assert (harness.paid, harness.control.requests[CREATE]) == (1, 1)


def test_an_answer_after_the_timeout_counts_as_lost(manual_harness: Harness) -> None:
    """An answer that takes longer than `answer_timeout_s` counts as lost, and the generation is found in the list."""
    manual_harness.control.arm("late_answer", delay_s=10_000)
    job = create_job(manual_harness.open(timing=replace(TIMING, answer_timeout_s=2.0, settle_s=60.0)))
    wait_for_state(job, JobState.QUEUED)
    assert lost_reasons(job) == ["no_answer"]
    assert (manual_harness.paid, manual_harness.control.requests[CREATE]) == (1, 1)


def test_a_slow_answer_within_the_timeout_is_accepted(harness: Harness) -> None:
    """A slow answer within `answer_timeout_s` does not make the job unknown."""
    harness.control.arm("late_answer", delay_s=300)
    job = create_job(harness.open())
    wait_for_video(job)
    assert "unknown" not in state_names(job)


def test_an_unknown_job_shows_a_warning_and_an_action(manual_harness: Harness) -> None:
    """A job whose outcome is unknown shows why, that it may have been charged, and what to do."""
    manual_harness.control.arm("lost_answer")
    manual_harness.control.arm("list_lag", lag_s=10_000)
    job = create_job(manual_harness.open())
    wait_for_state(job, JobState.UNKNOWN)
    shown = job.snapshot()
    assert shown.charged == "unknown"
    assert shown.suggested_action
    assert shown.warning
    lost = current_warning(job)
    assert lost is not None
    assert (lost.kind, lost.data["reason"]) == ("response_lost", "no_answer")


def test_a_generation_is_matched_by_its_reply_ref(harness: Harness) -> None:
    """A row with `replyRef` is matched by it, whatever other fields the row lacks."""
    harness.control.settings.reply_ref_in_rows = True
    harness.control.settings.reply_ref_in_scheduler = False
    harness.control.arm("missing_fields", times=None, route="videos", fields=["seed", "prompt", "first_frame"])
    harness.control.arm("lost_answer")
    job = create_job(harness.open())
    assert wait_for_video(job).size_bytes > 0
    assert harness.paid == 1


def test_a_generation_is_matched_by_its_content(harness: Harness) -> None:
    """Without `replyRef`, a row is matched by seed, prompt and pictures."""
    harness.control.settings.reply_ref_in_scheduler = False
    harness.control.arm("lost_answer")
    client = harness.open()
    other = create_job(client, seed=8)
    harness.wait_for_accepted(1)  # this answer is the lost one
    job = create_job(client, seed=7)
    assert wait_for_video(job).size_bytes > 0
    wait_for_video(other)
    by_seed = {generation.seed: generation.video_id for generation in harness.control.generations}
    assert (job.video_id, other.video_id) == (by_seed[7], by_seed[8])
    assert ("unknown" in state_names(other), "unknown" in state_names(job)) == (True, False)
    assert harness.paid == 2


def test_a_generation_with_another_seed_is_not_matched(harness: Harness) -> None:
    """Another generation of the account with a different seed does not settle a lost call."""
    harness.control.settings.reply_ref_in_scheduler = False
    client = harness.open()
    wait_for_video(create_job(client, seed=8))
    harness.control.arm("drop_before", route="create*")
    job = create_job(client, seed=7)
    harness.pass_settle_window(job)
    wait_for_video(job)
    assert is_proved_absent(job)
    assert {generation.seed for generation in harness.control.generations} == {7, 8}


def test_a_generation_on_the_second_page_is_found(harness: Harness) -> None:
    """A lost generation on the second page of the list is found."""
    harness.control.settings.reply_ref_in_scheduler = False
    (account,) = harness.control.accounts.values()
    harness.control.add_account(replace(account, max_jobs=99, plan_jobs=99))
    harness.control.arm("lost_answer")
    harness.control.arm("list_lag", lag_s=10**9)
    job = create_job(harness.open())
    wait_for_state(job, JobState.UNKNOWN)
    somebody = ApiClient(harness.sandbox)
    with somebody.http:
        path = somebody.upload()
        for seed in range(100, 145):
            somebody.create(CREATE, first_frame_path=path, seed=seed)
    harness.control.advance(10**9)
    assert wait_for_video(job).size_bytes > 0
    assert (harness.paid, harness.control.requests[CREATE]) == (46, 46)


def test_several_lost_calls_are_matched_individually(harness: Harness) -> None:
    """Six jobs whose answers are all lost each get their own generation."""
    harness.control.arm("lost_answer", times=6)
    client = harness.open()
    jobs = [create_job(client, seed=seed) for seed in range(1, 7)]
    for job in jobs:
        wait_for_video(job)
    assert harness.paid == 6
    assert len({job.video_id for job in jobs}) == 6
    seeds = {generation.video_id: generation.seed for generation in harness.control.generations}
    assert all(seeds[str(job.video_id)] == job.request.seed for job in jobs)


def test_lists_of_all_accounts_are_searched(build_harness: BuildHarness, harness: Harness) -> None:
    """If the vendor chose the account of a lost call, the lists of all accounts are searched."""
    with build_harness(harness.home / "pair", accounts=["one@example.com", "two@example.com"]) as pair:
        pair.control.arm("lost_answer", times=4)
        client = pair.open()
        jobs = [create_job(client, seed=seed) for seed in range(1, 5)]
        for job in jobs:
            wait_for_video(job)
        assert pair.paid == 4


@pytest.mark.parametrize("name", ["video_id", "videoId", "id"])
def test_every_spelling_of_a_scheduler_id_is_read(manual_harness: Harness, name: str) -> None:
    """A lost call is found in the scheduler, however its entries name the job."""
    manual_harness.control.settings.scheduler_id = name
    manual_harness.control.arm("missing_fields", times=None, route="videos", fields=["seed"])
    manual_harness.control.arm("lost_answer")
    job = create_job(manual_harness.open())
    wait_for_state(job, JobState.QUEUED)
    assert manual_harness.paid == 1


@pytest.mark.parametrize("field", ["prompt", "video_id"])
def test_an_incomplete_row_prevents_proof_of_absence(harness: Harness, field: str) -> None:
    """While an incomplete row could be the lost call, the call is not sent again."""
    harness.control.settings.reply_ref_in_scheduler = False
    harness.control.arm("missing_fields", times=None, route="video*", fields=["seed", field])
    harness.control.arm("lost_answer")
    client = harness.open()
    job = create_job(client, prompt="rain")
    harness.pass_settle_window(job)
    for _ in range(3):
        client.reconcile()
    assert (job.state, harness.control.requests[CREATE]) == (JobState.UNKNOWN, 1)
    client.close()
    harness.skip(TIMING.deadline_s)
    (job,) = harness.open().jobs()
    error = wait_for_error(job)
    assert isinstance(error, JobTimeout)
    assert error.may_have_been_charged == "unknown"
    assert (harness.paid, harness.control.requests[CREATE]) == (1, 1)
    harness.control.disarm()
    job.resume()
    assert wait_for_video(job).size_bytes > 0
    assert harness.paid == 1


@pytest.mark.parametrize("values", [{"prompt": "RAIN &amp; snow "}, {"quality": "360P"}])
def test_a_row_with_normalized_text_is_matched(harness: Harness, values: dict[str, str]) -> None:
    """A row whose text the vendor normalized is still matched."""
    harness.control.settings.reply_ref_in_scheduler = False
    harness.control.arm("changed_fields", times=None, values=values)
    harness.control.arm("lost_answer")
    job = create_job(harness.open(), prompt="rain & snow\n")
    assert wait_for_video(job).size_bytes > 0
    assert harness.paid == 1


def test_a_pending_call_is_no_candidate_for_a_lost_one(manual_harness: Harness) -> None:
    """With two calls of one seed, the generation of the one still waiting for its answer raises no question about the
    lost one.
    """
    manual_harness.control.settings.reply_ref_in_scheduler = False
    manual_harness.control.arm("drop_before", route="create*")
    client = manual_harness.open(timing=replace(TIMING, poll_s=1e6))  # it polls when it is told to
    lost = create_job(client, prompt="rain")
    manual_harness.pass_settle_window(lost)
    client.reconcile()
    assert event_kinds(lost)[-1] == "missing_from_poll"  # one more list, and its absence is proved
    manual_harness.control.arm("late_answer", delay_s=LONGEST_JOB_S)
    other = create_job(client, prompt="snow")
    manual_harness.wait_for_accepted(1)
    client.reconcile()
    assert (lost.state, other.state) == (JobState.UNKNOWN, JobState.SUBMITTING)
    manual_harness.control.advance(LONGEST_JOB_S)
    wait_for_state(other, JobState.QUEUED)
    client.reconcile()
    wait_for_state(lost, JobState.QUEUED)
    manual_harness.control.advance(LONGEST_JOB_S)
    client.reconcile()
    assert wait_for_video(lost).video_id != wait_for_video(other).video_id
    assert not any("ambiguous_match" in event_kinds(job) for job in (lost, other))
    assert manual_harness.paid == 2


@pytest.mark.parametrize(
    "values",
    [
        {"prompt": "something else"},
        {"first_frame": "https://media.example.org/upload/another.png"},
        {"created_at": "2020-01-01T00:00:00Z"},
    ],
)
def test_a_row_that_differs_in_part_is_a_question(harness: Harness, values: dict[str, str]) -> None:
    """A row with the same seed that differs otherwise becomes a question; nothing is sent until it is answered."""
    harness.control.settings.reply_ref_in_scheduler = False
    harness.control.arm("changed_fields", times=None, values=values)
    harness.control.arm("lost_answer")
    job = create_job(harness.open(), prompt="rain")
    harness.pass_settle_window(job)
    error = wait_for_error(job)
    assert isinstance(error, OutcomeUnknown)
    question = job._record().pending_question
    (generation,) = harness.control.generations
    assert question == Notice("ambiguous_match", {"number": generation.video_id.rpartition(":")[2]})
    assert job._record().candidate_video_id == generation.video_id
    assert f'client.job("{job.ref}").resolve(was_charged=True)' in str(error)
    assert (harness.paid, harness.control.requests[CREATE]) == (1, 1)
    job.resolve(was_charged=True)
    assert wait_for_video(job).size_bytes > 0
    assert harness.paid == 1


def test_a_lost_call_without_a_seed_is_found_by_its_reference(harness: Harness) -> None:
    """A model without a seed has only the reference in the scheduler; with it, the call is found and paid once."""
    harness.control.arm("lost_answer")
    job = create_job(harness.open(), model="kling-o3", quality="720p", seed=None)
    assert wait_for_video(job).size_bytes > 0
    assert (harness.paid, harness.control.requests[CREATE]) == (1, 1)


def test_a_lost_call_without_seed_and_reference_is_found_by_its_pictures(harness: Harness) -> None:
    """Without a seed and a reference, the names of the uploads and the prompt identify the row; it is paid once."""
    harness.control.settings.reply_ref_in_scheduler = False
    harness.control.arm("lost_answer")
    job = create_job(harness.open(), model="kling-o3", quality="720p", seed=None)
    assert wait_for_video(job).size_bytes > 0
    assert (harness.paid, harness.control.requests[CREATE]) == (1, 1)


def test_a_lost_call_that_nothing_identifies_is_a_question(harness: Harness) -> None:
    """Without a seed, a reference and names of pictures a row proves nothing: a person decides, nothing is sent."""
    harness.control.settings.reply_ref_in_scheduler = False
    harness.control.arm("missing_fields", times=None, fields=["first_frame", "last_frame"])
    harness.control.arm("lost_answer")
    job = create_job(harness.open(), model="kling-o3", quality="720p", seed=None)
    harness.pass_settle_window(job)
    error = wait_for_error(job)
    assert isinstance(error, OutcomeUnknown)
    assert (error.may_have_been_charged, job.state) == ("unknown", JobState.UNKNOWN)
    assert (harness.paid, harness.control.requests[CREATE]) == (1, 1)


def test_a_row_of_another_model_is_not_the_lost_call(harness: Harness) -> None:
    """A row that differs in nothing but the model is not taken for the lost call."""
    harness.control.settings.reply_ref_in_scheduler = False
    harness.control.arm("changed_fields", times=None, values={"model": "v5"})
    harness.control.arm("lost_answer")
    job = create_job(harness.open(), prompt="rain")
    harness.pass_settle_window(job)
    assert isinstance(wait_for_error(job), OutcomeUnknown)
    assert (harness.paid, harness.control.requests[CREATE]) == (1, 1)


def test_a_lost_off_peak_call_is_found(harness: Harness) -> None:
    """An off-peak generation is not in the scheduler: the lost call is found in the list, and paid once."""
    harness.control.arm("lost_answer")
    job = create_job(harness.open(), off_peak_mode=True)
    assert wait_for_video(job).size_bytes > 0
    assert (harness.paid, harness.control.requests[CREATE]) == (1, 1)
