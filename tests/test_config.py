"""Settings: the waits, the price list, and where home folder and account come from."""

import copy
import dataclasses
import math
import os
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pixverse_nb.config import Prices, Timing, find_email, find_home, is_loopback
from pixverse_nb.errors import ConfigError


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Give an environment without any setting."""
    for name in ("PIXVERSE_EMAIL", "PIXVERSE_NB_HOME"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def all_waits(timing: Timing) -> list[float]:
    """Return every number of a Timing, ranges as two."""
    waits: list[float] = []
    for value in dataclasses.asdict(timing).values():
        waits.extend(value if isinstance(value, tuple) else (value,))
    return waits


def test_the_default_waits() -> None:
    """By default 180 s to settle, 10 to 30 s when busy, and half an hour for a job."""
    plain = Timing()
    assert (plain.settle_s, plain.busy_wait_s, plain.answer_timeout_s, plain.deadline_s) == (180, (10, 30), 60, 1800)


def test_scaling_reaches_every_wait() -> None:
    """`scaled` multiplies every wait, so that a faster protocol is the same protocol."""
    assert all_waits(Timing().scaled(0.01)) == pytest.approx([wait * 0.01 for wait in all_waits(Timing())])
    assert Timing().scaled(1) == Timing()


@pytest.mark.parametrize("factor", [0, -1, math.nan, "2", True, None])
def test_an_unusable_factor_is_refused(factor: Any) -> None:
    """The factor must be a positive number."""
    with pytest.raises(ConfigError):
        Timing().scaled(factor)


@pytest.mark.parametrize(
    "wrong",
    [
        {"settle_s": -1.0},
        {"settle_s": math.nan},
        {"poll_s": 0.0},
        {"poll_s": math.inf},
        {"answer_timeout_s": -5.0},
        {"deadline_s": 0.0},
        {"deadline_s": math.nan},
        {"deadline_s": math.inf},
        {"typical_s": 0.0},
        {"busy_wait_s": (30.0, 10.0)},
        {"busy_wait_s": (-1.0, 10.0)},
        {"retry_s": (0.0, math.nan)},
        {"retry_s": 1.0},
        {"retry_s": (1.0, 2.0, 3.0)},
        {"settle_s": (1.0, 2.0)},
        {"settle_s": "180"},
        {"settle_s": True},
        {"settle_s": None},
        {"settle_s": 1j},
        {"deadline_s": 10**400},
    ],
)
def test_an_unusable_wait_is_refused(wrong: dict[str, Any]) -> None:
    """A wait that is negative, endless or not a number raises ConfigError that names it."""
    with pytest.raises(ConfigError) as caught:
        Timing(**wrong)
    assert next(iter(wrong)) in str(caught.value)


def test_nothing_is_corrected_by_default() -> None:
    """Without a list of their own, the catalogue's prices hold."""
    assert dict(Prices().base) == {}


def test_numbers_of_other_libraries_are_taken() -> None:
    """numpy's numbers, Decimals and lists are stored as plain numbers and tuples."""
    timing = Timing(settle_s=np.float32(2), busy_wait_s=[np.int64(1), Decimal(3)])  # type: ignore[arg-type]
    assert timing == Timing(settle_s=2.0, busy_wait_s=(1.0, 3.0))
    assert type(timing.settle_s) is float
    assert timing.scaled(np.float64(0.5)) == timing.scaled(0.5)
    prices = Prices.of({"360p": np.int64(30), "540p": Decimal(45), "720p": 60.0})  # type: ignore[dict-item]
    assert dict(prices.base) == {"360p": 30, "540p": 45, "720p": 60}
    assert {type(price) for price in prices.base.values()} == {int}


@pytest.mark.parametrize("price", [30.5, "30", -1, None, math.nan, math.inf, True, 1j, Decimal("0.5")])
def test_an_unusable_price_is_refused(price: Any) -> None:
    """A price that is not a whole number of credits raises ConfigError that names the quality."""
    for prices in (Prices({"360p": price}), {"360p": price}):
        with pytest.raises(ConfigError, match="360p"):
            Prices.of(prices)


@pytest.mark.parametrize("quality", ["720", "720P", "hd", "", 720])
def test_a_price_has_a_quality(quality: Any) -> None:
    """A key that is no quality raises ConfigError that names it, because its price would never be used."""
    with pytest.raises(ConfigError, match=repr(quality)):
        Prices.of({quality: 60})


@pytest.mark.parametrize("base", [30, ["360p"], "360p", {360: 30}])
def test_a_price_list_is_a_mapping(base: Any) -> None:
    """A price list that does not map texts to prices raises ConfigError."""
    with pytest.raises(ConfigError):
        Prices.of(base)


def test_a_mapping_is_a_price_list() -> None:
    """A plain mapping and None (no corrections) are accepted as a price list."""
    assert Prices.of({"360p": 30}) == Prices({"360p": 30})
    assert Prices.of(None) == Prices()


@pytest.mark.parametrize("value", [Timing(settle_s=3.0), Prices({"360p": 30}), Prices()], ids=repr)
def test_settings_can_be_pickled_and_copied(value: object) -> None:
    """Settings reach other processes unchanged."""
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301  pickled a moment ago
    assert copy.deepcopy(value) == value


def test_where_the_home_is(settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The home is the argument, PIXVERSE_NB_HOME or ./pixverse, as an absolute path with ~ expanded."""
    settings.chdir(tmp_path)
    assert find_home(None) == tmp_path / "pixverse"
    settings.setenv("PIXVERSE_NB_HOME", " mine\n")
    assert find_home(None) == tmp_path / "mine"
    settings.setenv("PIXVERSE_NB_HOME", " ")
    assert find_home(None) == tmp_path / "pixverse"
    assert find_home(tmp_path / "mine") == tmp_path / "mine"
    assert find_home("~/mine") == Path.home() / "mine"


@pytest.mark.parametrize("ledger", ["ledger.db", "sandbox/ledger.db"])
def test_the_nearest_home_above_is_found(settings: pytest.MonkeyPatch, tmp_path: Path, ledger: str) -> None:
    """Without a setting, an existing home at or above the working directory is used, the nearest one first."""
    deep = tmp_path / "project" / "notebooks" / "drafts"
    deep.mkdir(parents=True)
    settings.chdir(deep)
    (tmp_path / "pixverse").mkdir()  # only a folder, not a home
    assert find_home(None) == deep / "pixverse"
    for folder in (tmp_path / "project", deep.parent, deep):
        file = folder / "pixverse" / ledger
        file.parent.mkdir(parents=True)
        file.touch()
        assert find_home(None) == folder / "pixverse"
    settings.setenv("PIXVERSE_NB_HOME", "mine")
    assert find_home(None) == deep / "mine"


def test_a_home_above_the_users_folder_is_not_found(settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The search ends at the user's own folder."""
    (tmp_path / "pixverse").mkdir()
    (tmp_path / "pixverse" / "ledger.db").touch()
    user = tmp_path / "user"
    (user / "work").mkdir(parents=True)
    settings.setenv("HOME", str(user))
    settings.setenv("USERPROFILE", str(user))
    settings.chdir(user / "work")
    assert find_home(None) == user / "work" / "pixverse"


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give a folder away")
def test_somebody_elses_home_is_not_found(settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home that another user has put above the working directory is ignored."""
    (tmp_path / "pixverse").mkdir()
    (tmp_path / "pixverse" / "ledger.db").touch()
    os.chown(tmp_path / "pixverse", 12345, 12345)
    (tmp_path / "work").mkdir()
    settings.chdir(tmp_path / "work")
    assert find_home(None) == tmp_path / "work" / "pixverse"


@pytest.mark.parametrize("home", ["~nosuchuser/videos", "a\0b", b"bytes", 7, "\ud83d"])
def test_an_unusable_home_is_refused(home: Any) -> None:
    """A home that cannot be a path raises ConfigError."""
    with pytest.raises(ConfigError):
        find_home(home)


def test_where_the_account_comes_from(settings: pytest.MonkeyPatch) -> None:
    """The account is the argument or PIXVERSE_EMAIL, without white space; empty means any."""
    assert find_email(None) is None
    settings.setenv("PIXVERSE_EMAIL", " one@example.org\n")
    assert find_email(None) == "one@example.org"
    assert find_email(" two@example.org ") == "two@example.org"
    settings.setenv("PIXVERSE_EMAIL", "")
    assert find_email(None) is None
    with pytest.raises(ConfigError):
        find_email(7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "is_local"),
    [
        ("http://127.0.0.1:80/x", True),
        ("http://127.8.9.1", True),
        ("http://[::1]", True),
        ("http://LOCALHOST", True),
        ("https://api.example.org", False),
        ("http://10.0.0.1", False),
        ("https://localhost.example.org", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_what_is_this_machine(url: str, *, is_local: bool) -> None:
    """Loopback numbers and localhost are this machine; everything else is not."""
    assert is_loopback(url) is is_local
