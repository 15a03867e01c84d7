"""The error tree: its shape, what each error carries, and that its drawing at the head of the module is true."""

import inspect
import re

import pytest

from pixverse_nb import errors
from pixverse_nb.errors import (
    AccountPending,
    APIError,
    Busy,
    ConfigError,
    DownloadError,
    InvalidImage,
    InvalidRequest,
    JobError,
    JobTimeout,
    LedgerError,
    NoAnswer,
    OutcomeUnknown,
    PixVerseError,
    ServerError,
)


def classes() -> dict[str, type[Exception]]:
    """Every class of the module, by name."""
    return {name: one for name, one in vars(errors).items() if inspect.isclass(one) and issubclass(one, Exception)}


def drawn_parents() -> dict[str, str]:
    """Read the tree drawn in the docstring: each name and the name it hangs under."""
    path: dict[int, str] = {-1: "PixVerseError"}
    parents: dict[str, str] = {}
    for line in str(errors.__doc__).splitlines():
        hit = re.match(r"([│ ]*)[├└]── (\w+)", line)
        if hit:
            depth = len(hit[1]) // 4
            parents[hit[2]] = path[depth - 1]
            path[depth] = hit[2]
    return parents


def test_the_drawing_is_the_tree() -> None:
    """Every class hangs where the docstring draws it, and none is missing in the drawing."""
    drawn = drawn_parents()
    assert drawn.keys() | {"PixVerseError"} == classes().keys()
    for name, parent in drawn.items():
        assert classes()[name].__base__ is classes()[parent] or classes()[parent] in classes()[name].__bases__


def test_all_is_sorted_and_whole() -> None:
    """`__all__` names every error of the module, sorted."""
    assert sorted(errors.__all__) == errors.__all__
    assert set(errors.__all__) == classes().keys()


def test_each_class_says_what_it_is() -> None:
    """Every error has a docstring of its own."""
    assert [name for name, one in classes().items() if not one.__dict__.get("__doc__")] == []


def test_the_root_carries_ref_account_and_charge() -> None:
    """Every error has `.ref`, `.account` and `.may_have_been_charged`, which is "no" unless said."""
    plain = PixVerseError("Something.")
    assert (str(plain), plain.ref, plain.account, plain.may_have_been_charged) == ("Something.", None, None, "no")
    told = DownloadError("Gone.", ref="pv-1", account="m…@e…", may_have_been_charged="yes")
    assert (told.ref, told.account, told.may_have_been_charged) == ("pv-1", "m…@e…", "yes")


def test_wrong_fields_are_all_named() -> None:
    """An InvalidRequest maps each wrong field to its mend, says so in its text, and is a ValueError."""
    error = InvalidRequest({"seed": "must be 1…9", "quality": "must be one of 360p"}, ref="pv-1")
    assert isinstance(error, ValueError)
    assert error.fields == {"seed": "must be 1…9", "quality": "must be one of 360p"}
    assert error.ref == "pv-1"
    assert str(error).startswith("2 fields are wrong; nothing was sent and nothing was paid.")
    assert "  seed: must be 1…9" in str(error)
    assert "  quality: must be one of 360p" in str(error)


def test_one_wrong_field_is_singular() -> None:
    """The sentence about one wrong field is in the singular."""
    assert str(InvalidImage({"first": "is no picture"})).startswith("1 field is wrong;")


def test_what_sends_nothing_says_nothing_of_money() -> None:
    """A wrong argument of a call that only looks is told without a word of sending and paying."""
    assert str(InvalidRequest({"which": "no such cell"}, sends=False)) == "1 argument is wrong.\n  which: no such cell"
    assert str(InvalidRequest({"a": "x", "b": "y"}, sends=False)).startswith("2 arguments are wrong.")


def test_the_fields_are_the_errors_own() -> None:
    """What is done to the mapping given does not change the error."""
    given = {"seed": "wrong"}
    error = InvalidRequest(given)
    given.clear()
    assert error.fields == {"seed": "wrong"}


def test_an_api_error_has_status_and_reply() -> None:
    """An APIError carries the HTTP status and the decoded body."""
    error = APIError("No.", status=400, reply={"error": "No."}, account="m…")
    assert (error.status, error.reply, error.account) == (400, {"error": "No."}, "m…")


@pytest.mark.parametrize("kind", [Busy, ServerError])
def test_a_passing_error_names_its_pace(kind: type[Busy] | type[ServerError]) -> None:
    """Busy and ServerError carry the pace that the vendor named, or None."""
    assert kind("Later.", status=429).retry_after_s is None
    assert kind("Later.", status=429, retry_after_s=2.5).retry_after_s == 2.5


def test_596_is_not_a_server_error() -> None:
    """An account that waits for its owner is no 5xx, although its number looks like one."""
    assert not issubclass(AccountPending, ServerError)


def test_no_answer_tells_whether_the_request_left() -> None:
    """NoAnswer cannot be made without the bit on which money depends."""
    assert NoAnswer("Cut.", sent=True).sent is True
    assert "sent" in inspect.signature(NoAnswer).parameters
    assert inspect.signature(NoAnswer).parameters["sent"].default is inspect.Parameter.empty


def test_a_timeout_of_a_job_is_a_timeout() -> None:
    """`except TimeoutError` catches a JobTimeout, which still holds its job."""
    job = object()
    error = JobTimeout("Late.", job=job, may_have_been_charged="unknown")
    assert isinstance(error, TimeoutError)
    assert isinstance(error, JobError)
    assert error.job is job
    assert error.may_have_been_charged == "unknown"


@pytest.mark.parametrize("kind", [ConfigError, OutcomeUnknown, LedgerError])
def test_plain_errors_need_a_sentence_only(kind: type[PixVerseError]) -> None:
    """The errors without details of their own are made from a sentence."""
    assert str(kind("A sentence.")) == "A sentence."
