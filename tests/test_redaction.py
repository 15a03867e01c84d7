"""Text is shown without tokens, e-mail addresses and control characters."""

import copy
import json
import logging
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_nb.redaction import Secret, printable, redact

TOKEN = "user:1234-r8xNotARealToken5c"
EMAIL = "maria.lopez@example.org"


def test_only_reveal_shows_a_secret() -> None:
    """Only `reveal()` shows the value of a Secret; printing and logging do not."""
    secret = Secret(TOKEN)
    record = logging.LogRecord("x", logging.INFO, "x", 1, "%s %r", (secret, secret), None)
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r}", record.getMessage(), repr({"a": [secret]})):
        assert "r8x" not in shown
        assert "<secret>" in shown
    assert secret.reveal() == TOKEN


def test_a_secret_stays_in_its_process() -> None:
    """A Secret cannot be pickled, copied or encoded as JSON, so it never reaches a file or another process."""
    with pytest.raises(TypeError):
        pickle.dumps(Secret(TOKEN))
    with pytest.raises(TypeError):
        copy.copy(Secret(TOKEN))
    with pytest.raises(TypeError):
        json.dumps(Secret(TOKEN))


def test_a_verbose_traceback_shows_no_secret() -> None:
    """A traceback with local variables shows `<secret>`."""
    try:
        secret = Secret(TOKEN)
        assert secret
        raise RuntimeError("boom")
    except RuntimeError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "<secret>" in shown


def test_an_empty_secret_is_false() -> None:
    """Whether a token is set can be tested without revealing it."""
    assert not Secret("")
    assert Secret(TOKEN)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("user:7-pixverse:maria@example.org-video:42", "user:7-pixverse:m…@e…-video:42"),
        ("Account maria@example.org is busy executing 5 tasks.", "Account m…@e… is busy executing 5 tasks."),
        ("GET /videos/?email=maria%40example.org&limit=40", "GET /videos/?email=m…@e…&limit=40"),
        ("email=maria%2Bnews%40example.org&limit=1", "email=m…@e…&limit=1"),
        ("a@localhost-video:1", "a…@l…-video:1"),
        ("jörg@exämple.de wrote", "j…@e… wrote"),
        ("<maria@example.org>, o'neil+x@mail.example.com", "<m…@e…>, o…@m…"),
        ("Bearer user:1234-r8xNotARealToken5c", "Bearer user:1234-…"),
        ("nothing to hide at 12:30", "nothing to hide at 12:30"),
        ("", ""),
    ],
)
def test_addresses_and_tokens_are_redacted(text: str, shown: str) -> None:
    """E-mails (plain, percent-encoded or inside a vendor id) and tokens are shortened; the rest stays."""
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "there is no file 'pictures/hero@2x.jpg'; did you mean 'hero@2x.JPG'?",
        "client.create_frames('/data/proj@v2/first.png', 'shot@2x.webp', seed=7)",
        "videos/take@2x.mp4 and table@v1.parquet",
        "a cat @home, 10 @ 5, at@once",
    ],
)
def test_a_file_name_with_an_at_sign_stays(text: str) -> None:
    """Names of files and folders are shown unchanged, so that people can find them."""
    assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "user:7-pixverse:maria@example.jpg-video:42",
        "user:7-pixverse:maria@localhost",
        "user%3A7-pixverse%3Amaria%40example-video%3A42",
        "http://maria:secret@nas/pictures/first.png",
        "Account maria@example.org.",
        "Account maria@example.org.2 tasks are left.",
        "maria@example.org-video",
        "maria@example.xn--p1ai",
        "/home/maria@example.org/first.png",
        "maria@example.org.mp4",
        "maria@example.org1",
        "maria@example.o",
        "maria@example.org.x",
    ],
)
def test_no_address_passes_as_a_file_name(text: str) -> None:
    """In a vendor id, before a host, in a sentence or in a path, neither the name nor the domain stays readable."""
    shown = redact(text)
    assert "maria@" not in shown
    assert "example" not in shown
    assert "secret" not in shown


def test_a_token_is_redacted_to_its_end() -> None:
    """A token ends at white space, a quote, a bracket or a comma; all of it is redacted."""
    assert redact("token user:12-abc:def$ghi!jkl&mno end") == "token user:12-… end"
    assert redact("{'token': 'user:12-abcdefgh'}") == "{'token': 'user:12-…'}"


def test_redacting_twice_changes_nothing() -> None:
    """Redacted text is not changed again."""
    once = redact(f"{EMAIL} {TOKEN} user:7-pixverse:{EMAIL}-video:42")
    assert redact(once) == once


@given(
    st.from_regex(r"[a-z][a-z0-9._+'-]{3,12}", fullmatch=True),
    st.from_regex(r"[a-z][a-z0-9]{3,9}\.[a-z]{2,4}", fullmatch=True),
    st.integers(1, 10**9),
)
def test_no_account_survives_in_an_id(local: str, domain: str, number: int) -> None:
    """Whatever the address, neither its name nor its domain can be read in a redacted video id."""
    shown = redact(f"user:{number}-pixverse:{local}@{domain}-video:{number}")
    assert f"{local}@" not in shown
    assert domain not in shown
    assert shown.endswith(f"-video:{number}")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, кофе ☕ 👩‍🚀\nnext line", "plain text, кофе ☕ 👩‍🚀\nnext line"),
        ("\x1b[2J\x07bell\ttab\r", "�[2J�bell�tab�"),
        ("half \ud83d pair", "half � pair"),
        ("user\u202egpj.exe", "user�gpj.exe"),
        ("\x85\x9b31m", "��31m"),
    ],
)
def test_control_characters_are_replaced(text: str, shown: str) -> None:
    """Characters that a terminal obeys or cannot encode are replaced; letters, emoji and line ends stay."""
    assert printable(text) == shown
