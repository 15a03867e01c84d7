"""The balance as a witness: where it fell and no generation is listed, a person is asked and nothing is sent."""

from dataclasses import replace

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import JobFailed, OutcomeUnknown
from pixverse_nb.jobs.job import Job
from tests.client.harness import SETTLING, Harness, failed, finished, history, order, until

FOR_EVER_S = 10**9


def hidden(house: Harness) -> Job:
    """A call that was accepted and paid, whose answer is lost and whose generation no list shows."""
    house.control.arm("lost_answer")
    house.control.arm("list_lag", lag_s=FOR_EVER_S)
    return order(house.open(timing=SETTLING))


def test_a_debit_without_a_generation_is_a_question(house: Harness) -> None:
    """The job asks, names both choices and what they mean, and has not been sent again."""
    job = hidden(house)
    error = failed(job)
    assert isinstance(error, OutcomeUnknown)
    assert (error.ref, error.may_have_been_charged) == (job.ref, "unknown")
    assert "the balance fell by 45 credits" in str(error)
    assert "decide(was_charged=True)" in str(error)
    assert "decide(was_charged=False) sends it again, which pays anew" in str(error)
    assert job.state is JobState.UNKNOWN
    assert "decide(was_charged=True)" in str(job.snapshot().suggested_action)
    assert house.paid == 1


def test_who_says_that_it_was_not_paid_pays_anew(house: Harness) -> None:
    """After `decide(was_charged=False)` the call is sent again; the decision stands in the job's history."""
    job = hidden(house)
    failed(job)
    job.resolve(was_charged=False)
    assert finished(job).size_bytes > 0
    assert "decided by a person: the lost call was not paid" in history(job)
    assert house.paid == 2


def test_who_says_that_it_was_paid_ends_the_search(house: Harness) -> None:
    """After `decide(was_charged=True)` the job has failed, counts as paid, and nothing more is sent."""
    job = hidden(house)
    failed(job)
    job.resolve(was_charged=True)
    error = failed(job)
    assert isinstance(error, JobFailed)
    assert error.may_have_been_charged == "yes"
    assert house.paid == 1


def test_a_question_answers_itself_where_the_generation_appears(house: Harness) -> None:
    """While it asks it goes on looking; the generation that turns up after all is taken."""
    job = hidden(house)
    failed(job)
    house.control.advance(FOR_EVER_S)
    until(job, lambda changed: changed.state is JobState.DONE)
    assert finished(job).size_bytes > 0
    assert house.paid == 1


def test_without_a_question_a_decision_changes_nothing(house: Harness) -> None:
    """`decide` on a job that asks nothing neither ends nor sends it."""
    job = order(house.open())
    job.resolve(was_charged=False)
    assert finished(job).size_bytes > 0
    assert house.paid == 1


def test_a_balance_that_stayed_is_no_question(house: Harness) -> None:
    """Where nothing was debited the lost call is proved absent and sent anew without asking."""
    house.control.arm("drop_before", route="create*")
    job = order(house.open(timing=SETTLING))
    assert finished(job).size_bytes > 0
    assert house.paid == 1


def test_a_vendor_that_tells_no_balance_is_no_hindrance(house: Harness) -> None:
    """The witness is a help, not a condition: without it the lists alone decide."""
    house.control.arm("error_before", times=None, route="features", status=500)
    house.control.arm("drop_before", route="create*")
    job = order(house.open(timing=replace(SETTLING, settle_s=0.3)))
    assert finished(job).size_bytes > 0
    assert house.paid == 1
