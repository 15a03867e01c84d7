"""`budget_credits`: a paid call that would exceed it is not made; spending is counted from the ledger."""

import pytest

from pixverse_nb.client import Client
from pixverse_nb.config import Prices
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import BudgetReached, ConfigError
from tests.client.harness import (
    LONGEST_JOB_S,
    Harness,
    create_job,
    wait_for_error,
    wait_for_state,
    wait_for_video,
)

ONE = 20  # credits of a 360p video


def test_the_call_that_would_exceed_the_budget_is_not_made(harness: Harness) -> None:
    """With a budget for two videos the third job is refused without being sent or charged."""
    client = harness.open(budget_credits=2 * ONE + 10)
    for seed in (1, 2):
        wait_for_video(create_job(client, seed=seed))
    third = create_job(client, seed=3)
    error = wait_for_error(third)
    assert isinstance(error, BudgetReached)
    assert error.may_have_been_charged == "no"
    assert all(token in str(error) for token in ("40", "50", "budget_credits"))
    assert third.state is JobState.REFUSED
    assert harness.paid == 2
    assert harness.control.requests["create-frames"] == 2


@pytest.mark.parametrize("budget", [0, 10_000])
def test_a_video_of_unknown_price_is_refused_under_a_budget(harness: Harness, budget: int) -> None:
    """With a budget, a video that the price list lacks is refused, because its cost cannot be limited."""
    job = create_job(harness.open(budget_credits=budget), model="v4.5")
    error = wait_for_error(job)
    assert isinstance(error, BudgetReached)
    assert error.may_have_been_charged == "no"
    assert "models={'v4.5'" in str(error)  # a price for one quality would hold for every model
    assert (job.state, harness.paid) == (JobState.REFUSED, 0)


def test_without_a_budget_an_unknown_price_is_accepted(harness: Harness) -> None:
    """Without a budget, a video that the price list lacks is generated."""
    wait_for_video(create_job(harness.open(), model="v4.5"))
    assert harness.paid == 1


def test_a_corrected_price_counts_against_the_budget(harness: Harness) -> None:
    """The estimate that the budget is compared with is the corrected price."""
    client = harness.open(budget_credits=ONE, prices=Prices({"360p": ONE + 1}))
    assert isinstance(wait_for_error(create_job(client)), BudgetReached)
    known = harness.open(budget_credits=ONE, prices={"360p": ONE})
    assert wait_for_video(create_job(known)).cost_credits == ONE


def test_a_price_for_one_model_does_not_change_the_others(harness: Harness) -> None:
    """With a price in its row, a model is sent under a budget, and the estimates of the other models stay the same."""
    row = {"price": {"credits": {"720p": 12}, "per_second": True}}
    client = harness.open(budget_credits=100, models={"kling-o3": row})
    wait_for_video(create_job(client, model="kling-o3", quality="720p", duration=5, seed=None))
    assert client.estimate(model="kling-o3", duration=5) == 60
    assert client.estimate(model="v6", quality="720p", duration=5) == 35


def test_running_jobs_count_against_the_budget(harness: Harness) -> None:
    """Of five jobs requested at once with a budget for two, exactly two are charged."""
    client = harness.open(budget_credits=2 * ONE)
    jobs = [create_job(client, seed=seed) for seed in range(1, 6)]
    for job in jobs:
        try:
            wait_for_video(job)
        except BudgetReached:
            assert job.state is JobState.REFUSED
    assert harness.paid == 2


def test_the_budget_includes_earlier_clients(harness: Harness) -> None:
    """A new client on the same home includes earlier spending; a larger budget lets the same call through."""
    first = harness.open(budget_credits=ONE)
    wait_for_video(create_job(first, seed=1))
    first.close()
    assert isinstance(wait_for_error(create_job(harness.open(budget_credits=ONE), seed=2)), BudgetReached)
    assert wait_for_video(create_job(harness.open(budget_credits=2 * ONE), seed=2)).size_bytes > 0
    assert harness.paid == 2


def test_a_reused_video_does_not_count(harness: Harness) -> None:
    """A reused video does not count against the budget."""
    client = harness.open(budget_credits=ONE)
    one = wait_for_video(create_job(client, seed=1))
    assert wait_for_video(create_job(client, seed=1)).sha256 == one.sha256
    assert harness.paid == 1


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "100"])
def test_an_invalid_budget_is_rejected(harness: Harness, wrong: object) -> None:
    """A budget that is not a whole number of credits from 0 raises ConfigError."""
    with pytest.raises(ConfigError, match="budget_credits"):
        harness.open(budget_credits=wrong)


def create_unsent_timed_out_job(manual_harness: Harness) -> str:
    """Create a job that timed out before it was sent, and return its ref; the account's only slot is free again."""
    (account,) = manual_harness.control.accounts.values()
    account.max_jobs = 1
    manual_harness.control.add_account(account)
    client = manual_harness.open()
    wait_for_state(create_job(client, seed=99), JobState.QUEUED)
    late = create_job(client, seed=1, deadline_s=0.3)
    wait_for_error(late)
    assert late.state is JobState.TIMED_OUT
    client.close()
    manual_harness.control.advance(LONGEST_JOB_S)
    return late.ref


def repeat_call(client: Client, ref: str) -> None:
    """Make the same call again."""
    assert create_job(client, seed=1).ref == ref


def resume_by_ref(client: Client, ref: str) -> None:
    """Resume the job by its ref."""
    client.job(ref)


@pytest.mark.parametrize("ask", [repeat_call, resume_by_ref])
def test_an_earlier_unsent_job_obeys_the_current_budget(manual_harness: Harness, ask: object) -> None:
    """A job that an earlier client did not send obeys the budget of the client that resumes it."""
    ref = create_unsent_timed_out_job(manual_harness)
    client = manual_harness.open(budget_credits=ONE)
    assert callable(ask)
    ask(client, ref)
    assert isinstance(wait_for_error(client.job(ref)), BudgetReached)
    assert manual_harness.paid == 1


def test_a_lost_call_sent_again_obeys_the_current_budget(harness: Harness) -> None:
    """A lost call that was never accepted is sent again only within the budget of the latest caller."""
    first = harness.open()
    harness.control.arm("drop_before", route="create-frames")
    job = create_job(first, seed=1)
    wait_for_state(job, JobState.UNKNOWN)
    first.close()
    client = harness.open(budget_credits=0)
    again = create_job(client, seed=1)
    assert again.ref == job.ref
    harness.pass_settle_window(again)
    assert isinstance(wait_for_error(again), BudgetReached)
    assert harness.paid == 0
