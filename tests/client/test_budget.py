"""`budget_credits`: the paid call that would exceed it is not made, counted from the ledger."""

import pytest

from pixverse_nb.client import Client
from pixverse_nb.config import Prices
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import BudgetReached, ConfigError
from tests.client.harness import A_JOB_S, SETTLING, Harness, failed, finished, order, reached

ONE = 45  # credits of a 360p video


def test_the_call_that_would_exceed_the_budget_is_not_made(house: Harness) -> None:
    """With a budget for two the third job is refused, unpaid and unsent, and says what to do."""
    client = house.open(budget_credits=2 * ONE + 10)
    for seed in (1, 2):
        finished(order(client, seed=seed))
    third = order(client, seed=3)
    error = failed(third)
    assert isinstance(error, BudgetReached)
    assert error.may_have_been_charged == "no"
    assert "90 of the budget of 100 are spent" in str(error)
    assert "Raise budget_credits" in str(error)
    assert third.state is JobState.REFUSED
    assert house.paid == 2
    assert house.control.requests["create-frames-v3"] == 2


@pytest.mark.parametrize("budget", [0, 10_000])
def test_what_has_no_known_price_is_not_paid_under_a_budget(house: Harness, budget: int) -> None:
    """A budget cannot hold a video whose price the list does not tell: it is refused, with the two ways to go on."""
    job = order(house.open(budget_credits=budget, prices=Prices({"540p": 30})))
    error = failed(job)
    assert isinstance(error, BudgetReached)
    assert error.may_have_been_charged == "no"
    assert "does not tell what this video costs" in str(error)
    assert "Client(prices=…)" in str(error)
    assert (job.state, house.paid) == (JobState.REFUSED, 0)


def test_without_a_budget_a_price_need_not_be_known(house: Harness) -> None:
    """The list only estimates: what it does not know is made where no budget stands in the way."""
    finished(order(house.open(prices=Prices({}))))
    assert house.paid == 1


def test_jobs_under_way_count(house: Harness) -> None:
    """Five asked for at once with a budget for two: two are paid, whatever the order."""
    client = house.open(budget_credits=2 * ONE)
    jobs = [order(client, seed=seed) for seed in range(1, 6)]
    for job in jobs:
        try:
            finished(job)
        except BudgetReached:
            assert job.state is JobState.REFUSED
    assert house.paid == 2


def test_the_budget_is_counted_over_restarts(house: Harness) -> None:
    """A new client on the same home goes on counting; a larger budget lets the same call through."""
    first = house.open(budget_credits=ONE)
    finished(order(first, seed=1))
    first.close()
    assert isinstance(failed(order(house.open(budget_credits=ONE), seed=2)), BudgetReached)
    assert finished(order(house.open(budget_credits=2 * ONE), seed=2)).size_bytes > 0
    assert house.paid == 2


def test_what_is_given_back_costs_nothing(house: Harness) -> None:
    """A reused video does not count against the budget."""
    client = house.open(budget_credits=ONE)
    one = finished(order(client, seed=1))
    assert finished(order(client, seed=1)).sha256 == one.sha256
    assert house.paid == 1


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "100"])
def test_a_senseless_budget_is_refused(house: Harness, wrong: object) -> None:
    """A budget is a whole number of credits; anything else is a ConfigError before anything is opened."""
    with pytest.raises(ConfigError, match="budget_credits"):
        house.open(budget_credits=wrong)


def unsent_and_timed_out(still: Harness) -> str:
    """Leave a job behind that no deadline let be sent, and return its ref; the account has its one slot free again."""
    (account,) = still.control.accounts.values()
    account.max_jobs = 1
    still.control.add_account(account)
    client = still.open()
    reached(order(client, seed=99), JobState.QUEUED)
    late = order(client, seed=1, deadline_s=0.3)
    failed(late)
    assert late.state is JobState.TIMED_OUT
    client.close()
    still.control.advance(A_JOB_S)
    return late.ref


def asks_again(client: Client, ref: str) -> None:
    """Make the call again."""
    assert order(client, seed=1).ref == ref


def takes_up(client: Client, ref: str) -> None:
    """Take the job up by its ref."""
    client.job(ref)


@pytest.mark.parametrize("ask", [asks_again, takes_up])
def test_a_job_of_before_stands_under_the_budget_of_now(still: Harness, ask: object) -> None:
    """What an earlier client never sent is not sent beyond the budget of the one that takes it up."""
    ref = unsent_and_timed_out(still)
    client = still.open(budget_credits=ONE)
    assert callable(ask)
    ask(client, ref)
    assert isinstance(failed(client.job(ref)), BudgetReached)
    assert still.paid == 1


def test_a_lost_call_is_not_sent_again_beyond_the_budget_of_now(house: Harness) -> None:
    """A call that proves never to have been accepted is sent again only if the last one who asked can pay for it."""
    first = house.open(timing=SETTLING)
    house.control.arm("drop_before", route="create-frames-v3")
    job = order(first, seed=1)
    reached(job, JobState.UNKNOWN)
    first.close()
    client = house.open(timing=SETTLING, budget_credits=0)
    again = order(client, seed=1)
    assert again.ref == job.ref
    assert isinstance(failed(again), BudgetReached)
    assert house.paid == 0
