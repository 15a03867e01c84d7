"""A sweep stops itself after a few moderated requests, because many of them can suspend an account."""

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import InvalidRequest
from tests.client.harness import Harness
from tests.sweep.small_sweeps import limit_to_one_slot, run, small_sweep


@pytest.mark.parametrize("prompt", ["[[moderated]]", "[[moderated-later]]"])
def test_three_moderated_requests_stop_it(harness: Harness, prompt: str) -> None:
    """After the third one, by a 422 or afterwards, nothing more is sent; cells that were not sent have no open job."""
    limit_to_one_slot(harness)
    sweep = run(small_sweep(harness.open(), seed=range(1, 13), prompt=prompt))
    assert (sweep.progress.mode, sweep.progress.reason_kind) == ("stopped", "too_many_moderated")
    assert sum(job.state is JobState.MODERATED for job in sweep.jobs) == 3
    assert sweep.progress.failed == 3
    assert all(job.state.is_final for job in sweep.jobs)


def test_it_goes_on_only_when_asked(harness: Harness) -> None:
    """Running it again sends nothing, also from another client, until a higher number or None is given."""
    limit_to_one_slot(harness)
    sweep = run(small_sweep(harness.open(), seed=range(1, 13), prompt="[[moderated-later]]"))
    paid = harness.paid
    assert run(sweep).progress.reason_kind == "too_many_moderated"
    again = small_sweep(harness.open(), seed=range(1, 13), prompt="[[moderated-later]]")
    assert run(again).progress.reason_kind == "too_many_moderated"
    assert harness.paid == paid == 3
    assert run(again, max_moderated=5).progress.failed == 5
    assert run(again, max_moderated=None).progress.failed == 12


def test_few_among_many_do_not_stop_it(client: Client, harness: Harness) -> None:
    """Two moderated requests among many are no reason to stop."""
    harness.control.arm("moderated", times=2)
    progress = run(small_sweep(client, seed=range(1, 13))).progress
    assert (progress.mode, progress.done, progress.failed) == ("done", 10, 2)


@pytest.mark.parametrize("value", [0, 21, "3", True])
def test_the_number_is_checked_before_anything_is_sent(client: Client, harness: Harness, value: object) -> None:
    """A number outside 1…20 is refused before money is involved."""
    with pytest.raises(InvalidRequest) as caught:
        small_sweep(client, seed=[1]).run(max_moderated=value, quiet=True)  # type: ignore[arg-type]  # what is tested
    assert set(caught.value.fields) == {"max_moderated"}
    assert harness.paid == 0
