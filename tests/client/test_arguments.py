"""Arguments and settings are checked at the call that takes them, before anything is paid."""

import datetime
import enum
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pixverse_nb.client import Client
from pixverse_nb.errors import ConfigError, InvalidRequest
from pixverse_nb.widgets.compare import compare
from tests.client.harness import Harness, create_job, make_picture, small_video, wait_for_video
from tests.sweep.small_sweeps import run, small_sweep


class Setting(enum.Enum):
    """An enum whose members are what a person may keep their settings in."""

    SEED = 7
    QUALITY = "360p"
    CONTAIN = "contain"
    LAYOUT = "zip"


SAME_CALL: list[dict[str, Any]] = [
    {"seed": np.int64(7)},
    {"seed": Setting.SEED},
    {"seed": Decimal(7)},
    {"duration": np.int32(5)},
    {"duration": Decimal(5)},
    {"remove_watermark": np.True_},
    {"quality": Setting.QUALITY},
    {"quality": np.str_("360p")},
    {"max_jobs": np.int64(2)},
    {"max_jobs": Decimal(2)},
    {"deadline_s": np.int64(600)},
    {"deadline_s": np.float32(600)},
    {"deadline_s": Decimal("600.5")},
    {"reuse": np.True_},
    {"allow_refused": np.False_},
]


@pytest.mark.parametrize("fields", SAME_CALL, ids=repr)
def test_numbers_of_any_kind_are_taken_as_what_they_are(manual_harness: Harness, fields: dict[str, Any]) -> None:
    """numpy's scalars, enums and Decimals make the same call as Python's own values, and find the same job."""
    client = manual_harness.open()
    job = create_job(client)
    assert create_job(client, **fields).ref == job.ref
    fields.pop("reuse", None)
    found = client.find_paid(make_picture(0), make_picture(200), **{"quality": "360p", "seed": 7, **fields})
    assert found is not None
    assert found.ref == job.ref


def test_a_fit_may_be_an_enum(manual_harness: Harness) -> None:
    """An enum member as `fit` is stored as its value, so that the job can be read again."""
    client = manual_harness.open()
    job = create_job(client, fit=Setting.CONTAIN)
    assert create_job(client, fit="contain").ref == job.ref


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", True),
        ("seed", np.True_),
        ("seed", math.nan),
        ("seed", math.inf),
        pytest.param("seed", 10**5000, id="seed-huge"),
        ("duration", 5.0),
        ("max_jobs", True),
        ("remove_watermark", 1),
        ("deadline_s", math.nan),
        ("deadline_s", np.float64("inf")),
        ("deadline_s", True),
        ("deadline_s", datetime.timedelta(minutes=5)),
        ("reuse", "no"),
        ("reuse", 0),
        ("allow_refused", "no"),
        ("prompt", "half a \ud83d"),
        ("reply_ref", "half a \ud83d"),
        ("email", "\udc80@example.org"),
        ("fit", ["cover"]),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_sent(
    client: Client, harness: Harness, name: str, value: object
) -> None:
    """A bool as a number, a number as a flag, nan, infinity and half a character are refused with the field named."""
    with pytest.raises(InvalidRequest) as caught:
        create_job(client, **{name: value})
    assert set(caught.value.fields) == {name}
    assert list(client.jobs()) == []
    assert harness.control.requests.total() == 0


def test_control_characters_are_stored_and_sent_as_they_are(client: Client, harness: Harness) -> None:
    """A prompt with control characters reaches the vendor unchanged."""
    prompt = "red\x1b[31m\ttab\r\nnul\0"
    job = create_job(client, prompt=prompt)
    wait_for_video(job)
    assert job.request.prompt == prompt
    assert [generation.prompt for generation in harness.control.generations] == [prompt]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout", datetime.timedelta(minutes=5)),
        ("timeout", "60"),
        ("timeout", math.nan),
        ("timeout", -1),
        ("timeout", True),
        ("quiet", "yes"),
        ("stop_when", "enough"),
        ("stop_when", 3),
        ("stop_when", lambda: True),
        ("retry_failed", "no"),
    ],
)
def test_the_arguments_of_a_run_are_checked_before_a_cell_is_paid(
    client: Client, harness: Harness, name: str, value: Any
) -> None:
    """A wrong argument of `sweep.run()` raises InvalidRequest that names it, and no cell gets a job."""
    sweep = small_sweep(client, seed=[1, 2])
    given: dict[str, Any] = {"quiet": True, name: value}
    with pytest.raises(InvalidRequest) as caught:
        sweep.run(**given)
    assert set(caught.value.fields) == {name}
    if name in ("stop_when", "retry_failed"):
        with pytest.raises(InvalidRequest):
            sweep.start(**{name: value})
    assert list(sweep.jobs) == []
    assert harness.paid == 0


def test_numbers_of_any_kind_are_accepted_by_a_sweep(client: Client, harness: Harness) -> None:
    """The axes, options and timeout of a sweep may be numpy's, enums and Decimals."""
    sweep = small_sweep(
        client,
        seed=np.arange(1, 3),
        layout=Setting.LAYOUT,
        budget_credits=np.int64(500),
        most_cells=Decimal(2),
        skip_refused=np.False_,
        deadline_s=np.int64(600),
        max_jobs=np.int8(2),
    )
    assert sweep.plan().budget == 500
    assert sweep.run(quiet=np.True_, timeout=np.float32(30), retry_failed=np.False_).progress.done == 2  # type: ignore[arg-type]
    assert harness.paid == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("budget_credits", 1.5),
        ("budget_credits", math.nan),
        ("budget_credits", True),
        ("most_cells", np.float64(3)),
        ("skip_refused", 1),
        ("allow_refused", np.array([True, False])),
        ("title", 5),
        ("title", "half a \ud83d"),
        ("layout", np.array(["grid", "zip"])),
    ],
)
def test_the_options_of_a_sweep_are_checked(client: Client, name: str, value: object) -> None:
    """A wrong option of `client.sweep()` raises InvalidRequest that names it."""
    with pytest.raises(InvalidRequest) as caught:
        small_sweep(client, seed=[1, 2], **{name: value})
    assert set(caught.value.fields) == {name}


CALLS: dict[str, Callable[[Client], object]] = {
    "limit": lambda client: client.jobs(limit=-1),
    "limit of videos": lambda client: client.videos(limit=True),
    "offset": lambda client: client.videos(offset=math.nan),  # type: ignore[arg-type]
    "ref": lambda client: client.job(5),
    "ref to adopt": lambda client: client.adopt("\ud800"),
    "port": lambda client: client.listen_webhooks(70_000),
    "host": lambda client: client.listen_webhooks(host=5),  # type: ignore[arg-type]
    "public_url": lambda client: client.listen_webhooks(public_url=5),  # type: ignore[arg-type]
    "callback": lambda client: client.subscribe("call me"),  # type: ignore[arg-type]
    "repair": lambda client: client.verify(repair="no"),  # type: ignore[arg-type]
    "duration": lambda client: client.estimate(duration=60),
    "motion_mode": lambda client: client.estimate(model="v3.5", motion_mode="slow"),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_arguments_of_the_other_calls_are_checked(client: Client, harness: Harness, name: str) -> None:
    """Every other method of a Client names a wrong argument, and sends nothing."""
    with pytest.raises(InvalidRequest) as caught:
        CALLS[name](client)
    assert set(caught.value.fields) == {name.partition(" ")[0]}
    assert harness.control.requests.total() == 0


def test_the_arguments_of_a_job_are_checked(client: Client) -> None:
    """`result()`, `resolve()` and `subscribe()` name a wrong argument; a timeout may be of any kind."""
    job = create_job(client)
    wrong: dict[str, Callable[[], object]] = {
        "timeout": lambda: job.result(timeout="60"),  # type: ignore[arg-type]
        "was_charged": lambda: job.resolve(was_charged="no"),  # type: ignore[arg-type]
        "callback": lambda: job.subscribe(None),  # type: ignore[arg-type]
    }
    for name, call in wrong.items():
        with pytest.raises(InvalidRequest) as caught:
            call()
        assert set(caught.value.fields) == {name}
    assert job.result(timeout=Decimal(30)).path.is_file()  # type: ignore[arg-type]


def test_the_views_of_a_sweep_check_their_arguments(client: Client) -> None:
    """`compare()`, `rate()` and `measure()` of a sweep name a wrong argument; numpy's numbers are accepted."""
    sweep = run(small_sweep(client, seed=[1, 2]))
    wrong: dict[str, Callable[[], object]] = {
        "blind": lambda: sweep.compare(blind="no"),  # type: ignore[arg-type]
        "seed": lambda: sweep.compare(seed=[3]),
        "shuffle_seed": lambda: sweep.compare(shuffle_seed=[1]),  # type: ignore[arg-type]
        "note": lambda: sweep.rate(1, "winner", note="\ud800"),
        "on_done": lambda: sweep.measure(on_done=lambda: None),  # type: ignore[arg-type, misc]
    }
    for name, call in wrong.items():
        with pytest.raises(InvalidRequest) as caught:
            call()
        assert set(caught.value.fields) == {name}
    comparison = sweep.compare(np.int64(1), 2, blind=np.True_, shuffle_seed=np.int64(3))  # type: ignore[arg-type]
    assert comparison.is_blind is True


def test_a_comparison_names_every_wrong_argument(tmp_path: Path) -> None:
    """`pv.compare()` names every wrong argument, and accepts numpy's numbers."""
    paths = [tmp_path / "1.mp4", tmp_path / "2.mp4"]
    for seed, path in enumerate(paths):
        path.write_bytes(small_video(seed))
    with pytest.raises(InvalidRequest) as caught:
        compare(*paths, blind=1, seed="a", title=None, frame_rate=True)  # type: ignore[arg-type]
    assert set(caught.value.fields) == {"blind", "seed", "title", "frame_rate"}
    shown = compare(*paths, blind=True, seed=np.int64(3), frame_rate=Decimal(30))  # type: ignore[arg-type]
    assert shown.frame_rate == 30


@pytest.mark.parametrize(
    "settings",
    [
        {"budget_credits": math.nan},
        {"budget_credits": True},
        {"budget_credits": 1.5},
        {"timing": 5},
        {"prices": {"360p": np.float64("nan")}},
        {"prices": {"360p": True}},
        {"token": 5},
    ],
    ids=repr,
)
def test_a_wrong_setting_is_a_config_error(harness: Harness, settings: dict[str, Any]) -> None:
    """A wrong setting of a Client raises ConfigError, and nothing is sent."""
    with pytest.raises(ConfigError):
        harness.open(**settings)
    assert harness.control.requests.total() == 0


def test_settings_may_be_numbers_of_any_kind(harness: Harness) -> None:
    """The budget and the prices of a Client may be numpy's numbers, enums and Decimals."""
    client = harness.open(budget_credits=np.int64(100), prices={"360p": Decimal(30), "540p": Setting.SEED})
    assert client.estimate(quality="360p", duration=np.int64(8)) == 60
    assert client.estimate(quality="540p") == 7
    wait_for_video(create_job(client))


@pytest.mark.parametrize("name", ["USEAPI_TOKEN", "PIXVERSE_NB_BASE_URL", "PIXVERSE_NB_HOME", "PIXVERSE_EMAIL"])
def test_line_ends_around_a_variable_are_removed(harness: Harness, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """White space and line ends around a variable are removed; one with a line end inside is a ConfigError."""
    (email,) = harness.control.accounts
    values = {
        "USEAPI_TOKEN": harness.sandbox.token,
        "PIXVERSE_NB_BASE_URL": harness.sandbox.base_url,
        "PIXVERSE_NB_HOME": str(harness.home),
        "PIXVERSE_EMAIL": email,
    }
    for one, value in values.items():
        monkeypatch.setenv(one, f"{value}\r\n" if one == name else value)
    with Client() as client:
        assert client.home == harness.home
        assert client.credits().total == harness.control.balance()
    monkeypatch.setenv(name, f"{values[name]}\nmore")
    with pytest.raises(ConfigError):
        Client()
