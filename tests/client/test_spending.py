"""`client.spending()`: what a home has spent, from its ledger."""

import pytest

from pixverse_nb.client import Client
from pixverse_nb.errors import InvalidRequest
from tests.client.harness import Harness, create_job, wait_for_error, wait_for_video
from tests.sweep.small_sweeps import run, small_sweep


def test_an_empty_home(client: Client) -> None:
    """Nothing spent: no rows, no cost per video, and a sentence instead of a table."""
    table = client.spending()
    assert (len(table), table.per_video, table.total.charged) == (0, None, 0)
    assert repr(table)


def test_each_group_adds_up(client: Client, harness: Harness) -> None:
    """Every way to group has the same total, and the cost per video includes what failed jobs cost."""
    harness.control.settings.cost_credits = False  # then the balance does not tell about refunds
    wait_for_video(create_job(client, model="v6"))
    wait_for_error(create_job(client, prompt="[[failed]]"))
    run(small_sweep(client, seed=[1, 2], title="two seeds"))
    tables = {by: client.spending(by) for by in ("day", "model", "operation", "sweep")}
    totals = {table.total for table in tables.values()}
    assert len(totals) == 1
    (total,) = totals
    assert (total.jobs, total.videos, total.estimated, total.charged, total.refunded) == (4, 3, 80, 80, 0)
    assert total.unexplained == 20  # nobody knows yet whether the failed one was refunded
    assert tables["day"].per_video == pytest.approx(80 / 3)
    assert {row.group: row.charged for row in tables["model"]} == {"v5.6": 60, "v6": 20}
    assert {row.group: row.jobs for row in tables["sweep"]} == {"": 2, "two seeds": 2}


def test_what_was_never_charged_is_left_out(client: Client) -> None:
    """A refused call is in no row."""
    wait_for_error(create_job(client, prompt="[[moderated]]"))
    assert len(client.spending()) == 0


def test_it_sends_nothing(client: Client, harness: Harness) -> None:
    """The table needs no network."""
    wait_for_video(create_job(client))
    harness.stop_sandbox()
    before = client.requests_sent
    assert client.spending().total.videos == 1
    assert client.requests_sent == before


def test_as_a_frame(client: Client) -> None:
    """The frame has the groups as its index and the numbers as its columns."""
    wait_for_video(create_job(client))
    frame = client.spending("model").to_frame()
    assert (list(frame.index), frame.index.name, frame.loc["v5.6", "charged"]) == (["v5.6"], "model", 20)


def test_an_unknown_group_is_refused(client: Client) -> None:
    """Another name for the grouping is an error that names the field."""
    with pytest.raises(InvalidRequest) as caught:
        client.spending("seed")
    assert set(caught.value.fields) == {"by"}
