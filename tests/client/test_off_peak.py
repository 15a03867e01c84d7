"""Off-peak jobs: cheaper, made within a day, without a slot."""

from dataclasses import replace

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.render.job_views import card_text
from tests.client.harness import TIMING, Harness, create_job, fill_slots, wait_for_state, wait_for_video


def test_it_needs_no_slot_and_takes_none(manual_harness: Harness) -> None:
    """With every slot in use an off-peak job is accepted at once; with an off-peak job open, eight others still are."""
    client = manual_harness.open()
    early = create_job(client, seed=100, off_peak_mode=True)
    wait_for_state(early, JobState.QUEUED)
    fill_slots(client)
    late = create_job(client, seed=101, off_peak_mode=True)
    wait_for_state(late, JobState.QUEUED)
    assert manual_harness.paid == 10


def test_it_has_a_deadline_of_its_own(manual_harness: Harness) -> None:
    """Its deadline is 25 hours after its creation, unless one is given."""
    client = manual_harness.open(timing=replace(TIMING, deadline_s=60.0, off_peak_deadline_s=90_000.0))
    job, normal = create_job(client, off_peak_mode=True), create_job(client)
    given = create_job(client, seed=8, off_peak_mode=True, deadline_s=77.0)
    lives = [one._record().deadline_at - one._record().created_at for one in (job, normal, given)]
    assert lives == [90_000.0, 60.0, 77.0]


def test_it_is_polled_rarely(manual_harness: Harness) -> None:
    """While only off-peak jobs are open the list is read 100 times as rarely as the shortest interval allows."""
    client = manual_harness.open(timing=replace(TIMING, poll_s=0.01))
    job = create_job(client, off_peak_mode=True)
    wait_for_state(job, JobState.QUEUED)
    accepted_at = job._record().submitted_at or 0.0
    manual_harness.control.advance(7200)
    wait_for_video(job)
    finished_at = job._record().finished_at or 0.0
    polls = manual_harness.control.requests["videos"]  # one, or more if this machine is slow to advance the time
    assert finished_at - accepted_at >= polls * 90 * 0.01 > 0


def test_the_charge_is_what_the_vendor_says(harness: Harness) -> None:
    """The estimate has the account's discount before the call is sent, and the charge is the same."""
    client = harness.open(timing=replace(TIMING, poll_s=0.001))
    job = create_job(client, off_peak_mode=True)
    wait_for_video(job)
    snapshot = job.snapshot()
    assert (snapshot.estimated_credits, snapshot.cost_credits) == (10, 10)


def test_the_card_says_so(manual_harness: Harness) -> None:
    """The card of an off-peak job names it."""
    client = manual_harness.open()
    job = create_job(client, off_peak_mode=True)
    wait_for_state(job, JobState.QUEUED)
    assert "off-peak" in card_text(job.snapshot(), now=0.0).lower()
