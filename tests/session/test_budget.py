"""`budget_credits`: the paid call that would exceed it is not made, counted from the ledger."""

import pytest

from pixverse_nb.errors import BudgetReached, ConfigError
from pixverse_nb.models import JobState
from tests.session.house import House, failed, finished, order

ONE = 45  # credits of a 360p video


def test_the_call_that_would_exceed_the_budget_is_not_made(house: House) -> None:
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


def test_jobs_under_way_count(house: House) -> None:
    """Five asked for at once with a budget for two: two are paid, whatever the order."""
    client = house.open(budget_credits=2 * ONE)
    jobs = [order(client, seed=seed) for seed in range(1, 6)]
    for job in jobs:
        try:
            finished(job)
        except BudgetReached:
            assert job.state is JobState.REFUSED
    assert house.paid == 2


def test_the_budget_is_counted_over_restarts(house: House) -> None:
    """A new client on the same home goes on counting; a larger budget lets the same call through."""
    first = house.open(budget_credits=ONE)
    finished(order(first, seed=1))
    first.close()
    assert isinstance(failed(order(house.open(budget_credits=ONE), seed=2)), BudgetReached)
    assert finished(order(house.open(budget_credits=2 * ONE), seed=2)).size_bytes > 0
    assert house.paid == 2


def test_what_is_given_back_costs_nothing(house: House) -> None:
    """A reused video does not count against the budget."""
    client = house.open(budget_credits=ONE)
    one = finished(order(client, seed=1))
    assert finished(order(client, seed=1)).sha256 == one.sha256
    assert house.paid == 1


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "100"])
def test_a_senseless_budget_is_refused(house: House, wrong: object) -> None:
    """A budget is a whole number of credits; anything else is a ConfigError before anything is opened."""
    with pytest.raises(ConfigError, match="budget_credits"):
        house.open(budget_credits=wrong)
