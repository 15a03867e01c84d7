"""Which service a client talks to: the token, the address, and the embedded sandbox."""

import sys
import traceback
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pixverse_nb.backends.useapi import UseapiBackend
from pixverse_nb.config import Timing
from pixverse_nb.connection import (
    DEFAULT_BASE_URL,
    Connection,
    find_base_url,
    find_token,
    resolve_connection,
    sandbox_connection,
    sandbox_timing,
    warn_network_filesystem,
)
from pixverse_nb.errors import ConfigError
from pixverse_nb.redaction import Secret
from tests.extending.toy_backend import ToyBackend
from tests.factories import TOKEN
from tests.render.conftest import outputs

__all__ = ["outputs"]  # a fixture


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Give an environment without any setting, and without keyring or Colab."""
    for name in ("USEAPI_TOKEN", "PIXVERSE_NB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("keyring", "google.colab.userdata"):
        monkeypatch.setitem(sys.modules, name, None)
    return monkeypatch


def fake_keyring(answer: object) -> types.ModuleType:
    """Return a stand-in for the keyring package that holds `answer`, or is "locked"."""
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


def fake_colab(answer: str | None, *, name: str = "USEAPI_TOKEN") -> types.ModuleType:
    """Return a stand-in for Colab's userdata that holds `answer` as its only secret `name`, or no secret."""
    module = types.ModuleType("google.colab.userdata")
    missing = type("SecretNotFoundError", (Exception,), {})
    denied = type("NotebookAccessError", (Exception,), {})

    def get(wanted: str) -> str:
        if answer is None or wanted != name:
            raise missing
        return answer

    late = type("TimeoutException", (Exception,), {})
    vars(module).update(get=get, SecretNotFoundError=missing, NotebookAccessError=denied, TimeoutException=late)
    return module


def test_without_any_source_there_is_no_token(settings: pytest.MonkeyPatch) -> None:
    """Without an argument, variable, keyring or Colab secret there is no token, and no error."""
    assert settings
    assert find_token(None) is None
    assert find_token("  ") is None


def test_the_order_of_the_sources(settings: pytest.MonkeyPatch) -> None:
    """The argument wins over USEAPI_TOKEN, which wins over the keyring, which wins over Colab's secrets."""
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
    """A keyring that cannot be opened and a Colab without the secret hold no token."""
    settings.setitem(sys.modules, "keyring", fake_keyring("locked"))
    settings.setitem(sys.modules, "google.colab.userdata", fake_colab(None))
    assert find_token(None) is None


@pytest.mark.parametrize("token", ["user:1-with space", "user:1-tab\there", "user:1-ä", "user:1-x\x00y"])
def test_an_unusable_token_is_refused_unseen(settings: pytest.MonkeyPatch, token: str) -> None:
    """A token with a space or a character beyond ASCII raises ConfigError; no traceback shows it."""
    settings.setattr("os.environ", {"USEAPI_TOKEN": token})  # which takes no zero byte otherwise
    with pytest.raises(ConfigError) as caught:
        find_token(None)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in shown.stack if frame.filename.endswith("pixverse_nb/connection.py")]
    assert ours
    assert [frame.name for frame in ours if any(token[:8] in value for value in (frame.locals or {}).values())] == []


def test_the_token_is_found_as_a_secret(settings: pytest.MonkeyPatch) -> None:
    """What find_token returns prints as `<secret>`."""
    assert settings
    assert repr(find_token(TOKEN)) == "<secret>"


def test_where_the_address_comes_from(settings: pytest.MonkeyPatch) -> None:
    """The base URL is the argument, PIXVERSE_NB_BASE_URL or the vendor's, without white space and trailing slash."""
    assert find_base_url(None) == DEFAULT_BASE_URL
    settings.setenv("PIXVERSE_NB_BASE_URL", " http://127.0.0.1:9/v2/\n")
    assert find_base_url(None) == "http://127.0.0.1:9/v2"
    assert find_base_url(" https://api.example.org/ ") == "https://api.example.org"
    settings.setenv("PIXVERSE_NB_BASE_URL", "  ")
    assert find_base_url(None) == DEFAULT_BASE_URL
    for host in ("localhost:8", "sandbox:80", "nas.local", "192.168.1.9:8080", "10.0.0.1", "172.20.0.3", "[::1]:9"):
        assert find_base_url(f"http://{host}/v2") == f"http://{host}/v2"


@pytest.mark.parametrize(
    "url",
    [
        "api.example.org",
        "ftp://example.org",
        "file:///etc",
        "https://",
        "https:///v2",
        "http://api.useapi.net/v2/pixverse",
        "http://8.8.8.8/",
        "http://134744072",
        "http://0x08080808",
        "http://evil。com",
        "http://[::1",
        "https://example.org/a b",
        "https://example.org/\ud83d",
        7,
    ],
)
def test_an_unusable_address_is_refused(url: Any) -> None:
    """Only https is accepted, and http within the local network; anything else raises ConfigError."""
    with pytest.raises(ConfigError):
        find_base_url(url)


def test_an_empty_address_variable_needs_no_token(settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A PIXVERSE_NB_BASE_URL of white space counts as not set: without a token the sandbox starts."""
    settings.setenv("PIXVERSE_NB_BASE_URL", " ")
    connection = resolve_connection(None, base_url=None, home=tmp_path, timing=None)
    assert connection.name == "sandbox"


def test_a_missing_sandbox_is_not_announced(
    settings: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a token and without the packages of the sandbox there is an error, and no message before it."""
    settings.setitem(sys.modules, "pixverse_nb.sandbox", None)
    with pytest.raises(ConfigError) as caught:
        resolve_connection(None, base_url=None, home=tmp_path, timing=None)
    assert "pixverse-nb[sandbox]" in str(caught.value)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("speed", [-1, float("nan"), float("inf"), "fast", True, None])
def test_an_unusable_speed_is_refused(tmp_path: Path, speed: Any) -> None:
    """A speed that is not a number from 0 to 10000 raises ConfigError."""
    with pytest.raises(ConfigError, match="speed"):
        sandbox_connection(tmp_path, speed=speed, timing=None)


def test_the_speed_may_be_numpys(tmp_path: Path) -> None:
    """A numpy number is a speed like any other."""
    connection = sandbox_connection(tmp_path, speed=np.int64(20), timing=None)  # type: ignore[arg-type]
    assert connection.timing == sandbox_timing(20.0)


def test_a_home_with_markup_in_its_name_is_shown_as_text(outputs: list[dict[str, Any]]) -> None:
    """The warning about a network file system contains the path, escaped in its HTML."""
    warn_network_filesystem("nfs", Path("/data/<img src=x onerror=alert(1)>"))
    shown = outputs[-1]["data"]
    assert "<img" not in shown["text/html"]
    assert "&lt;img src=x" in shown["text/html"]
    assert "/data/<img src=x onerror=alert(1)>" in shown["text/plain"]


class OtherBackend(ToyBackend):
    """Another vendor, which declares where its own token is."""

    token_variable = "TOY_TOKEN"


def test_another_vendor_never_gets_the_default_vendors_token(settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """USEAPI_TOKEN, the keyring and Colab's secret are not for another backend; a token of its own is needed."""
    settings.setenv("USEAPI_TOKEN", "user:2-environment")
    settings.setitem(sys.modules, "keyring", fake_keyring("user:3-keyringkey"))
    settings.setitem(sys.modules, "google.colab.userdata", fake_colab("user:4-colabcolab"))
    for backend in (ToyBackend(), OtherBackend()):
        with pytest.raises(ConfigError):
            resolve_connection(None, base_url=None, backend=backend, home=tmp_path, timing=None)
        assert find_token(None, backend=backend) is None
    given = resolve_connection(Secret("mine"), base_url=None, backend=ToyBackend(), home=tmp_path, timing=None)
    assert given.token.reveal() == "mine"


def test_a_backend_may_name_the_variable_of_its_token(settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The token of a backend with `token_variable` comes from that environment variable or Colab secret."""
    settings.setitem(sys.modules, "google.colab.userdata", fake_colab("from-colab", name="TOY_TOKEN"))
    found = [find_token(None, backend=OtherBackend())]
    settings.setenv("TOY_TOKEN", "from-environment")
    found.append(find_token(None, backend=OtherBackend()))
    assert [one.reveal() if one else None for one in found] == ["from-colab", "from-environment"]
    connection = resolve_connection(None, base_url=None, backend=OtherBackend(), home=tmp_path, timing=None)
    assert (connection.base_url, connection.token.reveal()) == (ToyBackend.base_url, "from-environment")


def test_a_backend_without_a_token_is_not_replaced_by_the_sandbox(settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Choosing a backend without a token raises ConfigError; the sandbox does not start in its place."""
    assert settings
    for backend in (ToyBackend(), UseapiBackend()):
        with pytest.raises(ConfigError):
            resolve_connection(None, base_url=None, backend=backend, home=tmp_path, timing=None)


@pytest.mark.parametrize("name", ["SecretNotFoundError", "NotebookAccessError", "TimeoutException"])
def test_an_unanswered_question_of_colab_is_no_token(settings: pytest.MonkeyPatch, name: str) -> None:
    """Colab asks the person for access; no secret, a refusal and no answer in time all count as no token."""
    colab = fake_colab(None)
    error = getattr(colab, name)

    def get(_: str) -> str:
        raise error

    vars(colab).update(get=get)
    settings.setitem(sys.modules, "google.colab.userdata", colab)
    assert find_token(None) is None


def test_the_payer_is_the_user_of_a_token() -> None:
    """A new token of a useapi.net user has the same payer; another user, service or token has another one."""

    def payer(token: str, url: str = "https://api.example/v2") -> str:
        connection = Connection(name=url, base_url=url, token=Secret(token), timing=Timing(), home=Path())
        assert token not in connection.payer
        return connection.payer

    same = {payer("user:7-first-one"), payer("user:7-second-one")}
    others = {
        payer("user:8-first-one"),
        payer("user:7-first-one", "https://other.example"),
        payer("key-1"),
        payer("key-2"),
    }
    assert len(same) == 1
    assert len(same | others) == 5
