"""A create route that the vendor no longer offers: nothing is accepted, charged, sent twice or followed."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import EndpointGone
from tests.client.gateway import Gateway, Listener, Withdrawal
from tests.client.harness import Harness, create_job, state_names, wait_for_error, wait_for_video
from tests.sweep.small_sweeps import limit_to_one_slot, run, small_sweep

GONE = [404, 405, 410]
MOVED = [301, 302, 303, 307, 308]


@pytest.fixture
def gateway(harness: Harness) -> Iterator[Gateway]:
    """Return a gateway in front of the harness's sandbox."""
    upstream = urlsplit(harness.sandbox.base_url)
    with Gateway(f"{upstream.scheme}://{upstream.netloc}").running() as one:
        yield one


@pytest.fixture
def new_place() -> Iterator[Listener]:
    """Return a host that would accept the call."""
    with Listener().running() as one:
        yield one


def open_through(gateway: Gateway, harness: Harness) -> Client:
    """Open a client that reaches the sandbox through the gateway."""
    return harness.open(base_url=gateway.url + urlsplit(harness.sandbox.base_url).path)


@pytest.mark.parametrize("status", [*GONE, *MOVED])
def test_a_route_that_is_gone_refuses_the_job(
    harness: Harness, gateway: Gateway, new_place: Listener, status: int
) -> None:
    """The job is refused with EndpointGone after one call; nothing is charged, and a redirect is not followed."""
    location = f"{new_place.url}/v2/pixverse/videos/create-frames" if status in MOVED else None
    gateway.withdraw(Withdrawal(status, location))
    client = open_through(gateway, harness)
    job = create_job(client)
    error = wait_for_error(job)
    assert isinstance(error, EndpointGone)
    assert (error.status, error.may_have_been_charged, error.ref) == (status, "no", job.ref)
    assert (job.state, job.snapshot().charged, job.attempts()[-1].credits) == (JobState.REFUSED, "no", 0)
    assert len(gateway.created) == 1
    assert harness.paid == 0
    assert new_place.heard == []
    if location is not None:
        assert location in str(error)
        assert location in str(job.snapshot().error)


@pytest.mark.parametrize("status", [404, 308])
def test_the_error_is_the_same_after_a_restart(harness: Harness, gateway: Gateway, status: int) -> None:
    """The next client on the home raises the same error for the job and does not call again."""
    gateway.withdraw(Withdrawal(status, "https://api.example.org/v3/create" if status == 308 else None))
    first = open_through(gateway, harness)
    job = create_job(first)
    before = wait_for_error(job)
    assert isinstance(before, EndpointGone)
    first.close()
    after = wait_for_error(open_through(gateway, harness).job(job.ref))
    assert isinstance(after, EndpointGone)
    assert (after.status, after.vendor_text) == (before.status, before.vendor_text)
    assert len(gateway.created) == 1


def test_the_same_call_is_a_new_job_once_the_route_is_back(harness: Harness, gateway: Gateway) -> None:
    """A refused job is not reused: the same call is sent when the route is served again."""
    client = open_through(gateway, harness)
    gateway.withdraw(Withdrawal(404))
    job = create_job(client)
    assert isinstance(wait_for_error(job), EndpointGone)
    gateway.withdraw(None)
    again = create_job(client)
    assert wait_for_video(again).size_bytes > 0
    assert again.ref != job.ref
    assert harness.paid == 1


@pytest.mark.parametrize(("answer", "status"), [("gone", 404), ("moved", 308)])
def test_a_withdrawn_model_names_models_that_work(harness: Harness, answer: str, status: int) -> None:
    """If create-frames-v3 is withdrawn, a job for v3.5 is refused, and its text names the default model instead."""
    harness.control.settings.frames_v3 = answer
    client = harness.open()
    error = wait_for_error(create_job(client, model="v3.5"))
    assert isinstance(error, EndpointGone)
    assert error.status == status
    assert "v5.6" in str(error)
    assert harness.control.requests["create-frames-v3"] == 1
    assert wait_for_video(create_job(client)).size_bytes > 0
    assert harness.paid == 1


def test_a_withdrawn_model_names_models_of_the_clients_own_catalogue(harness: Harness) -> None:
    """A model that was added for the operation comes first; one that no longer makes it is not named."""
    harness.control.settings.frames_v3 = "gone"
    own = {"operations": ["frames"], "durations": [5], "qualities": ["720p"]}
    client = harness.open(models={"own-1": own, "v6": {"operations": ["text"]}})
    job = create_job(client, model="v3.5")
    assert isinstance(wait_for_error(job), EndpointGone)
    error = job._record().error
    assert error is not None
    assert str(error.data["alternatives"]).split(", ") == ["own-1", "v5.6", "pixverse-c1"]
    assert "own-1" in str(job.snapshot().error)


def test_a_free_call_that_is_not_found_is_no_route_that_is_gone(harness: Harness, gateway: Gateway) -> None:
    """While create calls are gone, the list, the balance and running jobs go on."""
    client = open_through(gateway, harness)
    wait_for_video(create_job(client, seed=1))
    gateway.withdraw(Withdrawal(404))
    assert isinstance(wait_for_error(create_job(client, seed=2)), EndpointGone)
    assert [row.seed for row in client.videos()] == [1]
    assert client.credits().total == harness.control.balance()


def test_a_route_that_vanishes_in_the_middle_of_a_sweep(harness: Harness, gateway: Gateway) -> None:
    """After the first refusal nothing more is sent or charged; the same sweep continues once the route is back."""
    limit_to_one_slot(harness)
    client = open_through(gateway, harness)
    gateway.withdraw(Withdrawal(410), after=2)
    sweep = run(small_sweep(client, seed=range(1, 6)))
    assert (len(sweep.videos), harness.paid) == (2, 2)
    (refused,) = [job for job in sweep.jobs if job.state is JobState.REFUSED]
    assert isinstance(wait_for_error(refused), EndpointGone)
    assert len(gateway.created) == 3
    assert state_names(refused).count("submitting") == 1
    progress = sweep.progress
    assert (progress.mode, progress.reason_kind) == ("stopped", "EndpointGone")
    assert (progress.done, progress.failed, progress.waiting) == (2, 0, 3)
    plan = sweep.plan()
    assert {notice.kind: notice.data.get("count") for notice in plan.notices} == {"route_gone": 3}
    assert (len(plan.new), len(plan.failed)) == (3, 0)
    gateway.withdraw(None)
    again = run(small_sweep(client, seed=range(1, 6)))
    assert (len(again.videos), harness.paid) == (5, 5)
    assert again.plan().notices == ()


def test_a_sweep_goes_on_with_the_models_that_work(harness: Harness) -> None:
    """If the route of one model is gone, only its cells are left out, after one refused call."""
    limit_to_one_slot(harness)
    harness.control.settings.frames_v3 = "gone"
    sweep = run(small_sweep(harness.open(), model=["v3.5", "v5.6", "v6"], seed=[1, 2]))
    assert {cell["model"] for cell in sweep.rows() if cell["state"] == "done"} == {"v5.6", "v6"}
    assert (len(sweep.videos), harness.paid) == (4, 4)
    (refused,) = [job for job in sweep.jobs if job.state is JobState.REFUSED]
    assert isinstance(wait_for_error(refused), EndpointGone)
    assert harness.control.requests["create-frames-v3"] == 1
    assert (sweep.progress.mode, sweep.progress.reason_kind, sweep.progress.waiting) == ("stopped", "EndpointGone", 2)


def test_unsent_jobs_of_a_route_that_is_gone_are_withdrawn(harness: Harness, gateway: Gateway) -> None:
    """With eight slots at most eight calls are refused, whatever the number of cells, and no job stays open."""
    client = open_through(gateway, harness)
    gateway.withdraw(Withdrawal(404))
    sweep = run(small_sweep(client, seed=range(1, 31)))
    assert 1 <= len(gateway.created) <= 8
    assert harness.paid == 0
    assert all(job.state.is_final for job in sweep.jobs)
    assert (sweep.progress.waiting, sweep.progress.failed) == (30, 0)
