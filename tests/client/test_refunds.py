"""Whether the credits of failed and moderated jobs came back: only the balance tells, and only if nothing else can."""

from dataclasses import replace

from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.jobs.job import Job
from tests.client.harness import (
    LONGEST_JOB_S,
    TIMING,
    Harness,
    create_job,
    wait_for_error,
    wait_for_state,
    wait_until,
)

PROMPT = {"moderated": "[[moderated-later]]", "failed": "[[failed]]"}


def checked(job: Job, *, looks: int = 1) -> JobRecord:
    """Wait until the balance was compared, and return the record."""
    wait_until(job, lambda one: sum(event.kind == "refund_checked" for event in one.events()) >= looks)
    return job._record()


def test_a_moderated_job_is_refunded(harness: Harness) -> None:
    """The balance is what it was before: the credits came back, and the table says so."""
    client = harness.open()
    job = create_job(client, prompt=PROMPT["moderated"])
    wait_for_error(job)
    record = checked(job)
    assert (record.refund_credits, record.refund_source, record.charged) == (20, "balance", "no")
    total = client.spending().total
    assert (total.charged, total.refunded, total.unexplained) == (20, 20, 0)


def test_a_failed_job_that_is_not_refunded_is_looked_at_again(harness: Harness) -> None:
    """The balance fell by the price: not refunded yet. After two hours it is compared once more, then no more."""
    client = harness.open(timing=replace(TIMING, poll_s=0.001))
    job = create_job(client, prompt=PROMPT["failed"])
    after_the_first: list[tuple[int | None, str]] = []

    def refund_after_the_first(changed: Job) -> None:
        """Give the credits back on the client's thread, which has not begun to look again."""
        record = changed._record()
        if record.refund_checked_at is not None and not after_the_first:
            after_the_first.append((record.refund_credits, record.charged))
            harness.control.set_credits(monthly=harness.control.balance() + 20)

    job.subscribe(refund_after_the_first)
    wait_for_error(job)
    assert checked(job, looks=2).refund_credits == 20
    assert after_the_first == [(0, "yes")]


def test_the_next_client_looks_again(harness: Harness) -> None:
    """A client that closed before the two hours were over leaves the second look to the next one."""
    first = harness.open(timing=replace(TIMING, poll_s=0.002))
    job = create_job(first, prompt=PROMPT["failed"])
    wait_for_error(job)
    checked(job)
    first.close()
    client = harness.open(timing=replace(TIMING, poll_s=0.001))
    create_job(client, seed=99)
    assert checked(client.job(job.ref), looks=2).refund_credits == 0


def test_a_generation_from_elsewhere_makes_it_unknown(manual_harness: Harness) -> None:
    """If somebody else used the account, the balance tells nothing: unknown, never a guess."""
    other = manual_harness.open(home=manual_harness.home.parent / "other")
    job = create_job(manual_harness.open(), prompt=PROMPT["moderated"])
    wait_for_state(job, JobState.QUEUED)
    create_job(other, seed=1)
    manual_harness.wait_for_accepted(2)
    manual_harness.control.advance(LONGEST_JOB_S)
    wait_for_error(job)
    record = checked(job)
    assert (record.refund_credits, record.refund_source) == (None, "")
