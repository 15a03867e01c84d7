"""What a vendor reports, as values: sums, and what their reprs leave out."""

import dataclasses

from pixverse_nb.domain import catalogue, jobs, notices, ratings, remote, requests, validation
from pixverse_nb.domain.remote import AccountCapacity, Capacity, Credits, RemoteState, RemoteVideo, RunningJob
from pixverse_nb.render.account_tables import CapacityView, CreditsView
from tests.factories import EMAIL, a_video_id


def test_a_balance_is_daily_and_monthly_and_package() -> None:
    """The total balance is the sum of the three kinds of credits."""
    assert Credits(daily=1, monthly=20, package=300).total == 321


def test_capacity_is_summed_over_accounts() -> None:
    """Free slots are the sum of the vendor's figures, not computed from the other two."""
    both = Capacity((AccountCapacity("a", 5, 1, 2), AccountCapacity("b", 8, 0, 8)))
    assert (both.available, both.max_jobs) == (10, 13)


def test_no_value_prints_an_account() -> None:
    """The reprs of rows, jobs and slots leave out the video id and the e-mail address."""
    shown = repr(
        [
            RemoteVideo(a_video_id(), RemoteState.QUEUED, raw={"video_id": a_video_id()}),
            RunningJob(a_video_id()),
            AccountCapacity(EMAIL, 5, 1, 4),
            Credits(1, 2, 3, raw={"nick_name": EMAIL}),
        ]
    )
    assert "maria" not in shown


def test_a_row_of_a_table_has_no_account() -> None:
    """`asdict`, and so a DataFrame, leaves out the video id, the e-mail address and the vendor's whole row."""
    rows = [
        dataclasses.asdict(RemoteVideo(a_video_id(), RemoteState.QUEUED, raw={"video_id": a_video_id()})),
        dataclasses.asdict(AccountCapacity(EMAIL, 5, 1, 4)),
        dataclasses.asdict(Credits(1, 2, 3, raw={"nick_name": EMAIL})),
    ]
    assert "maria" not in repr(rows)
    assert (rows[0]["number"], rows[1]["available"], rows[2]["total"]) == (a_video_id().rpartition(":")[2], 4, 6)


def test_values_that_display_are_equal_to_plain_ones() -> None:
    """A balance or capacity is equal to the one that displays as a table, in both directions, and has its hash."""
    pairs: list[tuple[object, object]] = [
        (Credits(1, 2, 3, raw={"a": 1}), CreditsView(1, 2, 3, raw={"b": 2})),
        (Capacity((AccountCapacity(EMAIL, 5, 1, 4),)), CapacityView((AccountCapacity(EMAIL, 5, 1, 4),))),
    ]
    for plain, view in pairs:
        assert plain == view
        assert view == plain
        assert hash(plain) == hash(view)
    assert CreditsView(1, 2, 3) != Credits(1, 2, 4)
    assert CapacityView(()) != Capacity((AccountCapacity(EMAIL, 5, 1, 4),))
    assert Credits(1, 2, 3) != (1, 2, 3)


def test_all_values_are_frozen() -> None:
    """Every dataclass of the package `domain` is frozen."""
    modules = (catalogue, jobs, notices, ratings, remote, requests, validation)
    classes = {one for module in modules for one in vars(module).values() if isinstance(one, type)}
    found = [one for one in classes if dataclasses.is_dataclass(one)]
    assert len(found) > 10
    assert [one.__name__ for one in found if not one.__dataclass_params__.frozen] == []  # type: ignore[attr-defined]  # typeshed leaves it out
