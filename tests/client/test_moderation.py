"""Moderated videos: placeholders, and moderation after completion."""

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import JobModerated
from tests.client.harness import Harness, create_job, wait_for_error, wait_for_video, wait_until


def test_a_placeholder_is_not_a_video(client: Client, harness: Harness) -> None:
    """A row that says completed but has the vendor's placeholder is a moderated job; nothing is downloaded."""
    harness.control.arm("moderated_placeholder")
    job = create_job(client)
    assert isinstance(wait_for_error(job), JobModerated)
    assert job.state is JobState.MODERATED
    assert harness.control.requests["media"] == 0


def test_a_finished_video_that_is_moderated_is_kept(client: Client, harness: Harness) -> None:
    """The file stays, the job stays done, and one notice says that the vendor has moderated it."""
    job = create_job(client, seed=1)
    video = wait_for_video(job)
    harness.control.moderate(job.video_id or "")
    wait_for_video(create_job(client, seed=2))  # its poll shows the row of the first one
    wait_until(job, lambda one: one._record().refund_credits)  # no call is on its way, so the balance tells
    wait_for_video(create_job(client, seed=3))
    record = client._ledger.load(job.ref)
    assert record is not None
    assert record.state is JobState.DONE
    assert [notice.kind for notice in record.notices] == ["moderated_afterwards"]
    assert video.path.exists()
    assert (job.state, job._record().refund_credits, job.cost) == (JobState.DONE, 20, 0)
    assert client.spending().total.refunded == 20
