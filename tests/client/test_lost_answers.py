"""The paid call's answer is lost: it is found again or proved absent, and never sent blindly a second time."""

from dataclasses import replace
from typing import Any

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import JobTimeout, OutcomeUnknown
from tests.client.conftest import Build
from tests.client.harness import A_JOB_S, SETTLING, Harness, failed, finished, history, order, reached, states, until
from tests.sandbox.api_client import ApiClient

CREATE = "create-frames-v3"
ACCEPTED: dict[str, dict[str, Any]] = {
    "lost_answer": {},
    "error_after": {"status": 500},
    "html_error": {"status": 502, "accepted": True, "route": "create*"},
    "no_video_id": {"accepted": True},
}
NOT_ACCEPTED: dict[str, dict[str, Any]] = {
    "drop_before": {"route": "create*"},
    "error_before": {"status": 503, "route": "create*"},
    "html_error": {"status": 504, "accepted": False, "route": "create*"},
    "no_video_id": {"accepted": False},
}


@pytest.mark.parametrize("fault", ACCEPTED)
def test_accepted_without_an_answer_it_is_found(house: Harness, fault: str) -> None:
    """The generation is found in the vendor's lists; there is one call and one payment."""
    house.control.arm(fault, **ACCEPTED[fault])
    job = order(house.open())
    assert finished(job).size_bytes > 0
    assert "unknown" in states(job)
    assert "no answer to the paid call" in history(job)
    assert (house.paid, house.control.requests[CREATE]) == (1, 1)


@pytest.mark.parametrize("fault", NOT_ACCEPTED)
def test_lost_before_acceptance_it_is_sent_again_after_the_proof(house: Harness, fault: str) -> None:
    """Only when two lists after the settle window do not show it, is the call sent anew: one generation."""
    house.control.arm(fault, **NOT_ACCEPTED[fault])
    job = order(house.open(timing=SETTLING))
    assert finished(job).size_bytes > 0
    assert states(job).count("unknown") == 1
    lost, sent_again = [event.at for event in job.events() if event.state is JobState.SUBMITTING]
    assert sent_again - lost > SETTLING.answer_timeout_s + SETTLING.settle_s
    assert "proved: never accepted, not paid" in history(job)
    assert (house.paid, house.control.requests[CREATE]) == (1, 2)
    assert [generation.reply_ref for generation in house.control.generations] == [f"{job.ref}:2"]


def test_accepted_late_it_is_found_and_not_sent_again(house: Harness) -> None:
    """The vendor accepts what it got although the connection broke a while ago: found inside the settle window."""
    house.control.arm("accept_lag", lag_s=400)
    job = order(house.open())
    assert finished(job).size_bytes > 0
    assert "unknown" in states(job)
    assert (house.paid, house.control.requests[CREATE]) == (1, 1)


def test_without_the_settle_window_it_would_be_paid_twice(still: Harness) -> None:
    """Why the window must exceed the vendor's lag: at 0 the same late acceptance is a second payment."""
    still.control.arm("accept_lag", lag_s=A_JOB_S)
    job = order(still.open(timing=replace(SETTLING, settle_s=0.0)))
    reached(job, JobState.QUEUED)
    still.control.advance(A_JOB_S)
    assert finished(job).size_bytes > 0
    still.accepts(2)


def test_listed_late_it_is_found_and_not_sent_again(house: Harness) -> None:
    """Neither list nor scheduler shows the new generation for a while: it is waited for, not paid again."""
    house.control.arm("lost_answer")
    house.control.arm("list_lag", lag_s=400)
    job = order(house.open())
    assert finished(job).size_bytes > 0
    assert "not in the vendor's list" not in history(job)
    assert (house.paid, house.control.requests[CREATE]) == (1, 1)


def test_an_answer_after_the_time_is_not_waited_for(still: Harness) -> None:
    """An answer that takes longer than `answer_timeout_s` counts as lost, and the generation is found."""
    still.control.arm("late_answer", delay_s=10_000)
    job = order(still.open(timing=SETTLING))
    reached(job, JobState.QUEUED)
    assert "No answer within" in history(job)
    assert (still.paid, still.control.requests[CREATE]) == (1, 1)


def test_an_answer_inside_the_time_is_no_trouble(house: Harness) -> None:
    """A slow answer is waited for; nothing becomes unknown."""
    house.control.arm("late_answer", delay_s=300)
    job = order(house.open())
    finished(job)
    assert "unknown" not in states(job)


def test_it_says_that_nothing_is_to_be_done(still: Harness) -> None:
    """While the outcome is open, the job says what happened and that it is not sent again before that is settled."""
    still.control.arm("lost_answer")
    still.control.arm("list_lag", lag_s=10_000)
    job = order(still.open())
    reached(job, JobState.UNKNOWN)
    shown = job.snapshot()
    assert shown.charged == "unknown"
    assert shown.suggested_action is not None
    assert "It is not sent again before that." in shown.suggested_action
    assert shown.warning is not None


def test_found_by_its_reference_in_the_rows(house: Harness) -> None:
    """Where rows carry `replyRef`, the generation is known by it, whatever else the row leaves out."""
    house.control.settings.reply_ref_in_rows = True
    house.control.settings.reply_ref_in_scheduler = False
    house.control.arm("missing_fields", times=None, route="videos", fields=["seed", "prompt", "first_frame"])
    house.control.arm("lost_answer")
    job = order(house.open())
    assert finished(job).size_bytes > 0
    assert house.paid == 1


def test_found_without_any_reference(house: Harness) -> None:
    """Where neither rows nor scheduler carry `replyRef`, seed, prompt and pictures tell the generation."""
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


def test_a_foreign_generation_is_not_taken_for_ours(house: Harness) -> None:
    """Another generation of the account with another seed does not settle a lost call."""
    house.control.settings.reply_ref_in_scheduler = False
    client = house.open(timing=SETTLING)
    finished(order(client, seed=8))
    house.control.arm("drop_before", route="create*")
    job = order(client, seed=7)
    finished(job)
    assert "proved: never accepted, not paid" in history(job)
    assert {generation.seed for generation in house.control.generations} == {7, 8}


def test_the_whole_list_is_read(house: Harness) -> None:
    """With more generations than one page holds, the lost one is found on the second, and none is paid twice."""
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


def test_several_lost_at_once_are_each_found(house: Harness) -> None:
    """Six jobs whose answers are all lost: six generations, each job has its own."""
    house.control.arm("lost_answer", times=6)
    client = house.open()
    jobs = [order(client, seed=seed) for seed in range(1, 7)]
    for job in jobs:
        finished(job)
    assert house.paid == 6
    assert len({job.video_id for job in jobs}) == 6
    seeds = {generation.video_id: generation.seed for generation in house.control.generations}
    assert all(seeds[str(job.video_id)] == job.request.seed for job in jobs)


def test_with_several_accounts_every_list_is_looked_at(built: Build, house: Harness) -> None:
    """Where the vendor chose the account and the answer is lost, the generation is found with whichever it was."""
    with built(house.home / "pair", accounts=["one@example.com", "two@example.com"]) as pair:
        pair.control.arm("lost_answer", times=4)
        client = pair.open()
        jobs = [order(client, seed=seed) for seed in range(1, 5)]
        for job in jobs:
            finished(job)
        assert pair.paid == 4


def test_the_reference_may_stand_under_another_name(still: Harness) -> None:
    """The scheduler's other form (`id` and `type`) serves as well to find a lost call."""
    still.control.settings.scheduler_uses_id = True
    still.control.arm("missing_fields", times=None, route="videos", fields=["seed"])
    still.control.arm("lost_answer")
    job = order(still.open())
    reached(job, JobState.QUEUED)
    assert still.paid == 1


@pytest.mark.parametrize("field", ["prompt", "video_id"])
def test_a_row_that_may_be_ours_is_no_proof_of_absence(house: Harness, field: str) -> None:
    """Where a row tells too little to know it, and nothing speaks against it, the call is not sent again."""
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
def test_a_row_that_was_tidied_is_found(house: Harness, values: dict[str, str]) -> None:
    """A vendor may show a text otherwise than it was sent: the generation is found all the same, and nothing resent."""
    house.control.settings.reply_ref_in_scheduler = False
    house.control.arm("changed_fields", times=None, values=values)
    house.control.arm("lost_answer")
    job = order(house.open(timing=SETTLING), prompt="rain & snow\n")
    assert finished(job).size_bytes > 0
    assert house.paid == 1


def test_a_call_whose_answer_is_on_its_way_is_not_taken_for_another(house: Harness) -> None:
    """Of two calls with one seed, the listed generation of the one that still waits for its answer is no lookalike of
    the lost one: nobody is asked, and each gets its own.
    """
    house.control.settings.reply_ref_in_scheduler = False
    house.control.arm("drop_before", route="create*")
    client = house.open(timing=replace(SETTLING, poll_s=0.5))
    lost = order(client, prompt="rain")
    until(lost, lambda job: "not in the vendor's list" in history(job))  # one more list, and its absence is proved
    house.control.arm("late_answer", delay_s=1_000.0)
    other = order(client, prompt="snow")
    finished(lost)
    finished(other)
    assert lost.video_id != other.video_id
    assert not any("with the seed of this lost call" in history(job) for job in (lost, other))
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
    """A generation with the same seed of which one thing differs is shown to a person, who may take it; unasked,
    nothing is sent again, whatever the balance says.
    """
    house.control.settings.reply_ref_in_scheduler = False
    house.control.arm("changed_fields", times=None, values=values)
    house.control.arm("lost_answer")
    job = order(house.open(timing=SETTLING), prompt="rain")
    error = failed(job)
    assert isinstance(error, OutcomeUnknown)
    assert "with the seed of this lost call" in str(error)
    assert "decide(was_charged=True) takes that one and its video" in str(error)
    assert (house.paid, house.control.requests[CREATE]) == (1, 1)
    job.resolve(was_charged=True)
    assert finished(job).size_bytes > 0
    assert house.paid == 1
