"""What is wrong is named at once, in words, and nothing is sent."""

import os
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.errors import ConfigError, InvalidImage, InvalidRequest, Unauthorized
from tests.client.harness import Harness, failed, finished, order, picture

WRONG = {
    "prompt": "x" * 2049,
    "duration": 6,
    "quality": "8k",
    "motion_mode": "slow",
    "aspect_ratio": "2:1",
    "seed": 0,
    "remove_watermark": "perhaps",
    "model": "latest",
    "reply_url": "ftp://example.com",
    "reply_ref": "r" * 961,
    "max_jobs": 9,
    "deadline_s": -1,
}


def nothing_was_sent(house: Harness) -> bool:
    """Tell whether the sandbox has got no request at all."""
    return house.control.requests.total() == 0


def test_every_wrong_field_is_named_at_once_with_the_pictures(client: Client, house: Harness) -> None:
    """One error names each wrong field and both pictures; no job is made and nothing is sent."""
    with pytest.raises(InvalidRequest) as caught:
        order(client, first=b"no picture", last="nowhere.png", **WRONG)
    assert set(caught.value.fields) == {"first", "last", *WRONG}
    assert all(name in str(caught.value) for name in caught.value.fields)
    assert "nothing was sent and nothing was paid" in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert list(client.jobs()) == []
    assert nothing_was_sent(house)


def test_a_wrong_fit_is_named_beside_the_others(client: Client) -> None:
    """`fit` is checked with the other fields, also where a picture is bad."""
    with pytest.raises(InvalidRequest) as caught:
        order(client, fit="stretch", duration=6)
    assert set(caught.value.fields) == {"fit", "duration"}
    with pytest.raises(InvalidRequest) as caught:
        order(client, fit="stretch", first=b"no picture")
    assert set(caught.value.fields) == {"fit", "first"}


@pytest.mark.parametrize("which", ["first", "last"])
def test_an_unreadable_picture_is_named(client: Client, house: Harness, which: str) -> None:
    """InvalidImage names the one picture that cannot be read and why; nothing is sent."""
    with pytest.raises(InvalidImage) as caught:
        order(client, **{which: picture(0)[:40]})
    assert list(caught.value.fields) == [which]
    assert caught.value.fields[which]
    assert caught.value.may_have_been_charged == "no"
    assert nothing_was_sent(house)


def test_a_picture_address_that_fails_is_named(client: Client, house: Harness) -> None:
    """A picture at an address that does not answer is an InvalidImage, not a network error."""
    with pytest.raises(InvalidImage) as caught:
        order(client, last=f"{house.box.base_url}/none.png")
    assert list(caught.value.fields) == ["last"]
    assert "could not be fetched" in caught.value.fields["last"]


def test_a_picture_is_fetched_without_the_token(client: Client, house: Harness) -> None:
    """A picture given as an address is fetched once and used; no credential goes to its host."""
    finished(order(client, seed=1))
    url = client.uploads()[0].url
    finished(order(client, last=url, seed=2))
    assert house.control.leaked_credentials == []
    assert house.paid == 2


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"motion_mode": "fast", "duration": 8}, "fast motion is made in 5 s only"),
        ({"quality": "1080p", "duration": 8}, "1080p is made in 5 s only"),
        ({"quality": "1080p", "motion_mode": "fast"}, "1080p has no fast motion"),
    ],
    ids=["fast 8 s", "1080p 8 s", "1080p fast"],
)
def test_a_refused_combination_is_not_sent(client: Client, house: Harness, fields: dict[str, Any], reason: str) -> None:
    """What the vendor's documents refuse is refused here, with the rule and the way round it."""
    with pytest.raises(InvalidRequest) as caught:
        order(client, **fields)
    assert set(caught.value.fields) == set(fields)
    for mend in caught.value.fields.values():
        assert reason in mend
        assert "allow_refused=True" in mend
    assert nothing_was_sent(house)


def test_allow_refused_sends_it_as_it_is(client: Client, house: Harness) -> None:
    """With `allow_refused=True` the vendor decides, and the request is not changed on the way."""
    job = order(client, quality="1080p", duration=8, allow_refused=True)
    finished(job)
    (generation,) = house.control.generations
    assert generation.cost == 240
    assert (job.request.quality, job.request.duration) == ("1080p", 8)


def test_without_a_token_it_is_the_sandbox_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No token is no error: the client runs on the embedded sandbox, in a folder of its own, and prints that."""
    monkeypatch.setenv("PIXVERSE_NB_HOME", str(tmp_path / "home"))
    with Client() as client:
        said = capsys.readouterr().out
        assert client.is_sandbox
        assert client.home == tmp_path / "home" / "sandbox"
        assert client.credits().total > 0
        assert "nothing is paid" in repr(client)
    assert "No token was found, so this client runs on the embedded sandbox" in said
    assert "USEAPI_TOKEN" in said
    assert "https://useapi.net/" in said


def test_an_address_without_a_token_is_an_error(tmp_path: Path) -> None:
    """A base URL shows that a real account is meant: without a token it says where one comes from."""
    with pytest.raises(ConfigError, match=r"https://useapi\.net/"):
        Client(base_url="https://api.example.com", home=tmp_path)


@pytest.mark.parametrize("token", ["user:1 abc", "user:1-äbc", "user:1-a\nb"])
def test_a_token_that_cannot_be_one_is_refused_at_once(tmp_path: Path, token: str) -> None:
    """A space or an unusual sign inside is a copying mistake; the error does not repeat the token."""
    with pytest.raises(ConfigError) as caught:
        Client(token=token, home=tmp_path)
    assert "https://useapi.net/" in str(caught.value)
    assert token not in str(caught.value)


def test_a_bad_token_is_said_in_one_sentence(house: Harness) -> None:
    """A token that the vendor does not know: Unauthorized, the vendor's word, what to do and where to get one."""
    job = order(house.open(token="user:1001-wrong"))
    error = failed(job)
    assert isinstance(error, Unauthorized)
    assert (error.status, error.may_have_been_charged, error.ref) == (401, "no", job.ref)
    assert "Unauthorized" in str(error)
    assert "USEAPI_TOKEN" in str(error)
    assert "https://useapi.net/" in str(error)
    assert "wrong" not in str(error)
    assert house.paid == 0


def test_the_token_of_the_environment_is_taken(house: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """USEAPI_TOKEN, PIXVERSE_NB_BASE_URL, PIXVERSE_NB_HOME and PIXVERSE_EMAIL say what the arguments do not."""
    (email,) = house.control.accounts
    monkeypatch.setenv("USEAPI_TOKEN", house.box.token)
    monkeypatch.setenv("PIXVERSE_NB_BASE_URL", house.box.base_url)
    monkeypatch.setenv("PIXVERSE_NB_HOME", str(house.home))
    monkeypatch.setenv("PIXVERSE_EMAIL", email)
    with Client() as client:
        assert not client.is_sandbox
        assert client.home == house.home
        assert client.credits().total == house.control.balance()
    assert os.environ["USEAPI_TOKEN"] not in repr(client)
