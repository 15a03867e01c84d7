"""Wrong arguments: every problem is reported at once, and nothing is sent."""

import os
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.errors import APIError, ConfigError, InvalidImage, InvalidRequest, Unauthorized
from tests.client.harness import Harness, create_job, make_picture, wait_for_error, wait_for_video

WRONG = {
    "prompt": "x" * 2049,
    "duration": 16,
    "quality": "8k",
    "motion_mode": "slow",
    "aspect_ratio": "2:1",
    "seed": 0,
    "remove_watermark": "perhaps",
    "model": "the latest",
    "reply_url": "ftp://example.com",
    "reply_ref": "r" * 961,
    "max_jobs": 9,
    "deadline_s": -1,
}


def nothing_was_sent(harness: Harness) -> bool:
    """Return whether the sandbox has received no request."""
    return harness.control.requests.total() == 0


def test_one_error_names_every_wrong_field_and_picture(client: Client, harness: Harness) -> None:
    """One error names every wrong field and both pictures; no job is created and nothing is sent."""
    with pytest.raises(InvalidRequest) as caught:
        create_job(client, first=b"no picture", last="nowhere.png", **WRONG)
    assert set(caught.value.fields) == {"first", "last", *WRONG}
    assert all(name in str(caught.value) for name in caught.value.fields)
    assert isinstance(caught.value, ValueError)
    assert list(client.jobs()) == []
    assert nothing_was_sent(harness)


def test_a_wrong_fit_is_reported_with_the_other_fields(client: Client) -> None:
    """`fit` is validated together with the other fields, even if a picture is bad."""
    with pytest.raises(InvalidRequest) as caught:
        create_job(client, fit="stretch", duration=16)
    assert set(caught.value.fields) == {"fit", "duration"}
    with pytest.raises(InvalidRequest) as caught:
        create_job(client, fit="stretch", first=b"no picture")
    assert set(caught.value.fields) == {"fit", "first"}


@pytest.mark.parametrize("which", ["first", "last"])
def test_an_unreadable_picture_is_reported(client: Client, harness: Harness, which: str) -> None:
    """InvalidImage names the picture that cannot be read, with the reason; nothing is sent."""
    with pytest.raises(InvalidImage) as caught:
        create_job(client, **{which: make_picture(0)[:40]})
    assert list(caught.value.fields) == [which]
    assert caught.value.fields[which]
    assert caught.value.may_have_been_charged == "no"
    assert nothing_was_sent(harness)


def test_a_picture_url_that_fails_is_an_invalid_image(client: Client, harness: Harness) -> None:
    """A picture URL that cannot be fetched raises InvalidImage, not a network error."""
    with pytest.raises(InvalidImage) as caught:
        create_job(client, last=f"{harness.sandbox.base_url}/none.png")
    assert list(caught.value.fields) == ["last"]
    assert caught.value.may_have_been_charged == "no"


def test_a_picture_is_fetched_without_the_token(client: Client, harness: Harness) -> None:
    """A picture given as a URL is fetched without credentials."""
    wait_for_video(create_job(client, seed=1))
    url = client.uploads()[0].url
    wait_for_video(create_job(client, last=url, seed=2))
    assert harness.control.leaked_credentials == []
    assert harness.paid == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"quality": "1080p", "duration": 9},
        {"quality": "1080p", "duration": 10},
        {"quality": "1080p", "duration": 10, "model": "v5"},
    ],
    ids=["1080p 9 s", "1080p 10 s", "1080p 10 s v5"],
)
def test_a_refused_combination_is_not_sent(client: Client, harness: Harness, fields: dict[str, Any]) -> None:
    """A combination of fields that the vendor's documentation excludes is rejected locally, with `allow_refused` as the
    way to send it.
    """
    with pytest.raises(InvalidRequest) as caught:
        create_job(client, **fields)
    assert set(caught.value.fields) == {"quality", "duration"}
    assert all("allow_refused=True" in problem for problem in caught.value.fields.values())
    assert nothing_was_sent(harness)


def test_allow_refused_sends_the_request_unchanged(client: Client, harness: Harness) -> None:
    """With `allow_refused=True` the request is sent unchanged and the vendor decides."""
    job = create_job(client, quality="1080p", duration=10, allow_refused=True)
    error = wait_for_error(job)
    assert isinstance(error, APIError)
    assert (error.status, error.may_have_been_charged) == (400, "no")
    assert (job.request.quality, job.request.duration) == ("1080p", 10)
    assert harness.control.requests["create-frames"] == 1


def test_without_a_token_the_client_uses_the_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a token the client uses the embedded sandbox in a folder of its own, and prints how to set one."""
    monkeypatch.setenv("PIXVERSE_NB_HOME", str(tmp_path / "home"))
    with Client() as client:
        printed = capsys.readouterr().out
        assert client.is_sandbox
        assert client.home == tmp_path / "home" / "sandbox"
        assert client.credits().total > 0
        assert "sandbox" in repr(client)
    assert "USEAPI_TOKEN" in printed
    assert "https://useapi.net/" in printed


def test_a_base_url_without_a_token_is_an_error(tmp_path: Path) -> None:
    """A base URL without a token raises ConfigError with the address where a token can be obtained."""
    with pytest.raises(ConfigError, match=r"https://useapi\.net/"):
        Client(base_url="https://api.example.com", home=tmp_path)


@pytest.mark.parametrize("token", ["user:1 abc", "user:1-äbc", "user:1-a\nb"])
def test_a_malformed_token_is_rejected(tmp_path: Path, token: str) -> None:
    """A token with a space or an unusual character is rejected at once, and the error does not contain it."""
    with pytest.raises(ConfigError) as caught:
        Client(token=token, home=tmp_path)
    assert "https://useapi.net/" in str(caught.value)
    assert token not in str(caught.value)


def test_an_unknown_token_is_unauthorized(harness: Harness) -> None:
    """A token that the vendor does not know raises Unauthorized with the vendor's text and where to set the token."""
    job = create_job(harness.open(token="user:1001-secretpart"))
    error = wait_for_error(job)
    assert isinstance(error, Unauthorized)
    assert (error.status, error.may_have_been_charged, error.ref) == (401, "no", job.ref)
    assert error.vendor_text == "Unauthorized"
    assert error.vendor_text in str(error)
    assert "USEAPI_TOKEN" in str(error)
    assert "USEAPI_TOKEN" in str(error)
    assert "secretpart" not in str(error)
    assert harness.paid == 0


def test_environment_variables_replace_missing_arguments(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """USEAPI_TOKEN, PIXVERSE_NB_BASE_URL, PIXVERSE_NB_HOME and PIXVERSE_EMAIL are used for arguments that were not
    given.
    """
    (email,) = harness.control.accounts
    monkeypatch.setenv("USEAPI_TOKEN", harness.sandbox.token)
    monkeypatch.setenv("PIXVERSE_NB_BASE_URL", harness.sandbox.base_url)
    monkeypatch.setenv("PIXVERSE_NB_HOME", str(harness.home))
    monkeypatch.setenv("PIXVERSE_EMAIL", email)
    with Client() as client:
        assert not client.is_sandbox
        assert client.home == harness.home
        assert client.credits().total == harness.control.balance()
    assert os.environ["USEAPI_TOKEN"] not in repr(client)
