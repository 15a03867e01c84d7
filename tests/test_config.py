"""Settings: waits, prices, and where the token, home folder, address and account come from."""

import dataclasses
import math
import sys
import traceback
import types
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.config import DEFAULT_BASE_URL, Prices, Timing, find_base_url, find_email, find_home, find_token
from pixverse_nb.domain.catalogue import Operation
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.errors import ConfigError, InvalidRequest
from tests.factories import TOKEN, a_request


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any setting, keyring or Colab."""
    for name in ("USEAPI_TOKEN", "PIXVERSE_EMAIL", "PIXVERSE_NB_HOME", "PIXVERSE_NB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("keyring", "google.colab.userdata"):
        monkeypatch.setitem(sys.modules, name, None)
    return monkeypatch


def all_waits(timing: Timing) -> list[float]:
    """Every number of a Timing, with pairs split."""
    waits: list[float] = []
    for value in dataclasses.asdict(timing).values():
        waits.extend(value if isinstance(value, tuple) else (value,))
    return waits


def test_the_default_waits_are_as_documented() -> None:
    """The defaults are as documented: 180 s to settle, 10…30 s when busy, half an hour for a job."""
    plain = Timing()
    assert (plain.settle_s, plain.busy_wait_s, plain.answer_timeout_s, plain.deadline_s) == (180, (10, 30), 60, 1800)


def test_scaling_reaches_every_wait() -> None:
    """`scaled` multiplies every number, so a faster protocol is otherwise the same."""
    assert all_waits(Timing().scaled(0.01)) == pytest.approx([wait * 0.01 for wait in all_waits(Timing())])
    assert Timing().scaled(1) == Timing()


@pytest.mark.parametrize("factor", [0, -1, math.nan])
def test_an_unusable_factor_is_refused(factor: float) -> None:
    """A factor of zero, a negative one or nan is refused."""
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
    ],
)
def test_an_unusable_wait_is_refused(wrong: dict[str, Any]) -> None:
    """A wait that is negative, nan or infinite is refused by name, since payment depends on the waits."""
    with pytest.raises(ConfigError) as caught:
        Timing(**wrong)
    assert next(iter(wrong)) in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "credits"),
    [
        ({"quality": "360p"}, 45),
        ({"quality": "540p"}, 45),
        ({"quality": "720p"}, 60),
        ({"quality": "1080p"}, 120),
        ({"quality": "720p", "duration": 8}, 120),
        ({"quality": "720p", "motion_mode": "fast"}, 120),
    ],
)
def test_the_default_prices_are_the_platforms(fields: dict[str, Any], credits: int) -> None:  # noqa: A002  the field's word
    """5 s normal costs 45/45/60/120 by quality; 8 s doubles, fast doubles."""
    assert Prices().estimate(a_request(**fields)) == credits


def test_prices_can_be_replaced() -> None:
    """Another price list gives another estimate, and an unlisted quality has none."""
    prices = Prices({"540p": 30})
    assert prices.estimate_for(quality="540p", duration=8, motion_mode="normal") == 60
    assert prices.estimate_for(quality="720p", duration=5, motion_mode="normal") is None


def test_a_request_without_a_listed_quality_has_no_estimate() -> None:
    """A request whose operation has no quality has no estimated price."""
    assert Prices().estimate(GenerationRequest(Operation.UPSCALE, "v3.5", (), {})) is None


def test_an_estimate_ignores_the_other_arguments_of_a_call() -> None:
    """Other arguments of a call may be passed along, and unknown ones are refused by name."""
    assert Prices().estimate_for(quality="720p", duration=5, motion_mode="normal", seed=7, email=None) == 60
    with pytest.raises(InvalidRequest) as caught:
        Prices().estimate_for(quality="720p", duration=5, motion_mode="normal", colour="red")
    assert caught.value.fields.keys() == {"colour"}


def fake_keyring(answer: object) -> types.ModuleType:
    """A keyring package that returns `answer`, or raises an error if it is "locked"."""
    module = types.ModuleType("keyring")
    errors = types.SimpleNamespace(KeyringError=type("KeyringError", (Exception,), {}))

    def get_password(service: str, user: str) -> object:
        assert (service, user) == ("useapi.net", "token")
        if answer == "locked":
            raise errors.KeyringError
        return answer

    module.errors = errors  # type: ignore[attr-defined]  # a stand-in for the real package
    module.get_password = get_password  # type: ignore[attr-defined]  # as above
    return module


def fake_colab(answer: str | None) -> types.ModuleType:
    """Colab's userdata with `answer` as the secret, or without it."""
    module = types.ModuleType("google.colab.userdata")
    missing = type("SecretNotFoundError", (Exception,), {})
    denied = type("NotebookAccessError", (Exception,), {})

    def get(name: str) -> str:
        assert name == "USEAPI_TOKEN"
        if answer is None:
            raise missing
        return answer

    vars(module).update(get=get, SecretNotFoundError=missing, NotebookAccessError=denied)
    return module


def test_without_any_source_there_is_no_token(settings: pytest.MonkeyPatch) -> None:
    """Without an argument, variable, keyring or Colab the token is None, without an error."""
    assert settings
    assert find_token(None) is None
    assert find_token("  ") is None


def test_the_order_of_the_sources(settings: pytest.MonkeyPatch) -> None:
    """The argument precedes USEAPI_TOKEN, then the keyring, then Colab's secrets."""
    found = []
    settings.setitem(sys.modules, "google.colab.userdata", fake_colab("user:4-colabcolab"))
    found.append(find_token(None))
    settings.setitem(sys.modules, "keyring", fake_keyring("user:3-keyringkey"))
    found.append(find_token(None))
    settings.setenv("USEAPI_TOKEN", " user:2-environment\n")
    found.append(find_token(None))
    found.append(find_token("user:1-argument"))
    assert [one.reveal() if one else None for one in found] == [
        "user:4-colabcolab",
        "user:3-keyringkey",
        "user:2-environment",
        "user:1-argument",
    ]


def test_a_locked_keyring_is_no_token(settings: pytest.MonkeyPatch) -> None:
    """A keyring that cannot be opened and Colab without the secret give no token and no error."""
    settings.setitem(sys.modules, "keyring", fake_keyring("locked"))
    settings.setitem(sys.modules, "google.colab.userdata", fake_colab(None))
    assert find_token(None) is None


@pytest.mark.parametrize("token", ["user:1-with space", "user:1-tab\there", "user:1-ä", "user:1-x\x00y"])
def test_an_invalid_token_is_refused_and_not_shown(settings: pytest.MonkeyPatch, token: str) -> None:
    """A token with a space or a non-ASCII character is refused, and not even a verbose traceback shows it."""
    settings.setattr("os.environ", {"USEAPI_TOKEN": token})
    with pytest.raises(ConfigError) as caught:
        find_token(None)
    assert token[:8] not in str(caught.value)
    trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in trace.stack if frame.filename.endswith("/pixverse_nb/config.py")]
    assert ours
    assert [frame.name for frame in ours if any(token[:8] in value for value in (frame.locals or {}).values())] == []


def test_the_token_is_found_as_a_secret(settings: pytest.MonkeyPatch) -> None:
    """The repr of a found token is `<secret>`."""
    assert settings
    assert repr(find_token(TOKEN)) == "<secret>"


def test_the_home_is_argument_variable_or_pixverse(settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The home folder is absolute: the argument, PIXVERSE_NB_HOME, or ./pixverse, with ~ expanded."""
    settings.chdir(tmp_path)
    assert find_home(None) == tmp_path / "pixverse"
    settings.setenv("PIXVERSE_NB_HOME", "videos")
    assert find_home(None) == tmp_path / "videos"
    assert find_home(tmp_path / "mine") == tmp_path / "mine"
    assert find_home("~/mine") == Path.home() / "mine"


def test_the_address_is_argument_variable_or_the_vendors(settings: pytest.MonkeyPatch) -> None:
    """The base URL is the argument, the variable or the vendor's, without a trailing slash."""
    assert find_base_url(None) == DEFAULT_BASE_URL
    settings.setenv("PIXVERSE_NB_BASE_URL", "http://127.0.0.1:9/v2/")
    assert find_base_url(None) == "http://127.0.0.1:9/v2"
    assert find_base_url("https://api.example.org/") == "https://api.example.org"
    for host in ("localhost:8", "sandbox:80", "nas.local", "192.168.1.9:8080", "10.0.0.1", "172.20.0.3", "[::1]:9"):
        assert find_base_url(f"http://{host}/v2") == f"http://{host}/v2"


@pytest.mark.parametrize(
    "url",
    [
        "api.example.org",
        "ftp://example.org",
        "file:///etc",
        "http://api.useapi.net/v2/pixverse",
        "http://8.8.8.8/",
        "http://134744072",
        "http://0x08080808",
        "http://evil。com",
        "http://[::1",
    ],
)
def test_an_unsafe_address_is_refused(url: str) -> None:
    """Only https is accepted, and http within the local network: elsewhere others could read the token."""
    with pytest.raises(ConfigError):
        find_base_url(url)


def test_the_account_is_argument_or_variable(settings: pytest.MonkeyPatch) -> None:
    """The argument or PIXVERSE_EMAIL selects the account; empty means any."""
    assert find_email(None) is None
    settings.setenv("PIXVERSE_EMAIL", "one@example.org")
    assert find_email(None) == "one@example.org"
    assert find_email("two@example.org") == "two@example.org"
    settings.setenv("PIXVERSE_EMAIL", "")
    assert find_email(None) is None
