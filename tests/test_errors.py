"""The error tree: its shape, the drawing of it in the docstring, and the attributes of each error."""

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
    """Parse the tree drawn in the docstring: each name and the name of its parent."""
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
    """The docstring draws every class under its base class."""
    drawn = drawn_parents()
    assert drawn.keys() | {"PixVerseError"} == classes().keys()
    for name, parent in drawn.items():
        assert classes()[name].__base__ is classes()[parent] or classes()[parent] in classes()[name].__bases__


def test_all_is_sorted_and_complete() -> None:
    """`__all__` names every error of the module, sorted."""
    assert sorted(errors.__all__) == errors.__all__
    assert set(errors.__all__) == classes().keys()


def test_each_class_has_a_docstring() -> None:
    """Every error has a docstring of its own."""
    assert [name for name, one in classes().items() if not one.__dict__.get("__doc__")] == []


def test_the_root_carries_ref_account_and_charge() -> None:
    """Every error has `.ref`, `.account` and `.may_have_been_charged`, which is "no" by default."""
    plain = PixVerseError("Something.")
    assert (str(plain), plain.ref, plain.account, plain.may_have_been_charged) == ("Something.", None, None, "no")
    full = DownloadError("Gone.", ref="pv-1", account="m…@e…", may_have_been_charged="yes")
    assert (full.ref, full.account, full.may_have_been_charged) == ("pv-1", "m…@e…", "yes")


def test_wrong_fields_are_all_named() -> None:
    """An InvalidRequest maps each wrong field to its problem, lists them in its message, and is a ValueError."""
    error = InvalidRequest({"seed": "must be 1…9", "quality": "must be one of 360p"}, ref="pv-1")
    assert isinstance(error, ValueError)
    assert error.fields == {"seed": "must be 1…9", "quality": "must be one of 360p"}
    assert error.ref == "pv-1"
    assert [line.partition(":")[0].strip() for line in str(error).splitlines()[1:]] == ["seed", "quality"]


def test_the_error_of_a_free_call_does_not_mention_charges() -> None:
    """The message about a wrong argument of a call that sends nothing has no word about payment."""
    for fields in ({"which": "no such cell"}, {"a": "x", "b": "y"}):
        assert "charged" in str(InvalidRequest(fields))
        assert "charged" not in str(InvalidRequest(fields, sends=False))


def test_the_fields_are_a_copy() -> None:
    """A later change to the mapping that was passed does not change the error."""
    given = {"seed": "wrong"}
    error = InvalidRequest(given)
    given.clear()
    assert error.fields == {"seed": "wrong"}


def test_an_api_error_has_status_and_reply() -> None:
    """An APIError carries the HTTP status and the decoded body."""
    error = APIError("No.", status=400, reply={"error": "No."}, account="m…")
    assert (error.status, error.reply, error.account) == (400, {"error": "No."}, "m…")


@pytest.mark.parametrize("kind", [Busy, ServerError])
def test_a_transient_error_has_retry_after(kind: type[Busy] | type[ServerError]) -> None:
    """Busy and ServerError carry the vendor's Retry-After, or None."""
    assert kind("Later.", status=429).retry_after_s is None
    assert kind("Later.", status=429, retry_after_s=2.5).retry_after_s == 2.5


def test_596_is_not_a_server_error() -> None:
    """AccountPending (596) is not a ServerError, although 596 looks like a 5xx."""
    assert not issubclass(AccountPending, ServerError)


def test_no_answer_requires_sent() -> None:
    """NoAnswer requires `sent`, because whether money is involved depends on it."""
    assert NoAnswer("Cut.", sent=True).sent is True
    assert "sent" in inspect.signature(NoAnswer).parameters
    assert inspect.signature(NoAnswer).parameters["sent"].default is inspect.Parameter.empty


def test_a_timeout_of_a_job_is_a_timeout() -> None:
    """`except TimeoutError` catches a JobTimeout, which has its job."""
    job = object()
    error = JobTimeout("Late.", job=job, may_have_been_charged="unknown")
    assert isinstance(error, TimeoutError)
    assert isinstance(error, JobError)
    assert error.job is job
    assert error.may_have_been_charged == "unknown"


@pytest.mark.parametrize("kind", [ConfigError, OutcomeUnknown, LedgerError])
def test_plain_errors_need_a_message_only(kind: type[PixVerseError]) -> None:
    """Errors without attributes of their own need only a message."""
    assert str(kind("A sentence.")) == "A sentence."
