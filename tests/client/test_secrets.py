"""Tokens, e-mail addresses and pictures stay out of everything that is shown, raised or logged."""

import base64
import logging
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import pixverse_nb
from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import PixVerseError
from pixverse_nb.jobs.job import Job
from tests.client.conftest import Build
from tests.client.harness import A_JOB_S, Harness, failed, finished, order, picture, reached, until

EMAIL = "maria.private@example.org"
OTHER = "second.private@example.org"
# What the caller has handed in stands in the caller's own frame and cell as well.
GIVEN = {
    "__init__": ("email",),
    "create_frames": ("first", "last", "email", "reply_url", "seed", "fields"),
    "job": ("ref_or_video_id",),
}
OURS = Path(pixverse_nb.__file__).parent


def told_secrets(house: Harness, texts: list[str]) -> list[str]:
    """Return the texts that hold the token, an e-mail or a picture, plain, quoted or encoded."""
    pictures = [picture(shade) for shade in (0, 200)]
    secrets = [
        house.box.token,
        house.box.token.partition("-")[2],
        *(part for email in (EMAIL, OTHER) for part in (email, email.replace("@", "%40"), email.partition("@")[0])),
        *(repr(data)[2:40] for data in pictures),
        *(base64.b64encode(data).decode()[:24] for data in pictures),
    ]
    return [text[:100] for text in texts if any(secret in text for secret in secrets)]


def with_locals(error: BaseException) -> str:
    """Return what a verbose traceback prints of the frames of our package: the lines and the local variables."""
    lines: list[str] = []
    while error is not None:
        stack = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), capture_locals=True)
        for frame in stack:
            if Path(frame.filename).is_relative_to(OURS):
                given = GIVEN.get(frame.name, ())
                kept = {name: value for name, value in (frame.locals or {}).items() if name not in given}
                lines += [f"{frame.name}: {name} = {value}" for name, value in kept.items()]
        following = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        lines.append(f"{error!r} {error}")
        if following is None:
            break
        error = following
    return "\n".join(lines)


@pytest.fixture
def private(built: Build, tmp_path: Path) -> Iterator[Harness]:
    """Give a house with two private accounts, whose time stands still."""
    with built(tmp_path / "home", accounts=[EMAIL, OTHER], speed=0) as one:
        yield one


def test_no_object_shows_a_secret(private: Harness) -> None:
    """The repr and str of the client, a job in every state it has, its parts, its video and the vendor's answers."""
    client = private.open(email=EMAIL)
    job = order(client, prompt="rain")
    shown: list[Any] = [client, job, client.jobs(), job.request, job.snapshot(), *job.events(), job.account]
    reached(job, JobState.QUEUED)
    shown += [job, job.snapshot(), *job.events(), job.account, client.videos(), client.credits(), client.capacity()]
    private.control.advance(A_JOB_S)
    video = finished(job)
    shown += [job, job.snapshot(), *job.events(), job.notices, video, client.jobs(), client.uploads(), client.videos()]
    shown += [client.reconcile(), client.find_paid(picture(0), picture(200), quality="360p", seed=8), client.timing]
    texts = [*map(repr, shown), *map(str, shown), *(f"{one}" for one in shown)]
    assert told_secrets(private, texts) == []


def test_nothing_shown_in_a_cell_holds_a_secret(private: Harness) -> None:
    """What a video and a list of jobs put into the notebook has neither the account nor the token."""
    client = private.open(email=EMAIL)
    job = order(client)
    reached(job, JobState.QUEUED)
    private.control.advance(A_JOB_S)
    video = finished(job)
    texts = [*video._repr_mimebundle_().values(), *client.jobs()._repr_mimebundle_().values(), str(video.python)]
    html = [text for text in texts if "data:" not in text]
    account_or_token = [private.box.token, EMAIL, EMAIL.replace("@", "%40")]
    assert not [text for text in texts if any(secret in text for secret in account_or_token)]
    assert told_secrets(private, html) == []


def with_a_bad_field(house: Harness) -> Exception:
    """A wrong field beside a good picture and an account."""
    return raised(lambda: order(house.open(), email=EMAIL, quality="8k", reply_url=f"http://{EMAIL}", seed=EMAIL))


def with_a_bad_picture(house: Harness) -> Exception:
    """A picture that cannot be read."""
    return raised(lambda: order(house.open(email=EMAIL), first=picture(0)[:40]))


def with_a_bad_token(house: Harness) -> Exception:
    """A token that cannot be one."""
    return raised(lambda: house.open(token=f"{house.box.token} {EMAIL}"))


def with_a_home_that_cannot_be(house: Harness) -> Exception:
    """A home folder that is a file."""
    house.home.write_text("in the way")
    return raised(lambda: house.open(email=EMAIL))


def with_an_account_pending(house: Harness) -> Exception:
    """596, whose text holds the account's e-mail."""
    house.control.set_pending(EMAIL)
    return failed(order(house.open(email=EMAIL)))


def with_a_busy_account(house: Harness) -> Exception:
    """429 with the e-mail in it, until the deadline."""
    house.control.arm("busy", times=None, kind="account")
    return failed(order(house.open(email=EMAIL), deadline_s=0.3))


def with_a_failed_generation(house: Harness) -> Exception:
    """A job that the vendor has made nothing of."""
    house.control.arm("failed")
    job = order(house.open(email=EMAIL))
    reached(job, JobState.QUEUED)
    house.control.advance(A_JOB_S)
    return failed(job)


def with_a_waiting_that_ends(house: Harness) -> Exception:
    """`result(timeout=…)` on a running job."""
    job = order(house.open(email=EMAIL))
    reached(job, JobState.QUEUED)
    return raised(lambda: job.result(timeout=0))


def with_an_answer_from_the_vendor(house: Harness) -> Exception:
    """A question about an account that the vendor does not know."""
    house.control.remove_account(EMAIL)
    return raised(lambda: house.open(email=EMAIL).credits())


def with_a_vendor_out_of_reach(house: Harness) -> Exception:
    """A question that gets no answer."""
    client = house.open(email=EMAIL)
    house.control.arm("drop_before", times=None)
    return raised(client.credits)


def with_an_answer_that_cannot_be_read(house: Harness) -> Exception:
    """An HTML page in place of an answer."""
    house.control.arm("html_error", times=None, status=500)
    return raised(house.open(email=EMAIL).videos)


def with_an_unknown_name(house: Harness) -> Exception:
    """`client.job` of somebody else's video."""
    return raised(lambda: house.open().job(f"user:1-pixverse:{EMAIL}-video:42"))


def with_a_film_that_is_gone(house: Harness) -> Exception:
    """A download that fails for good."""
    house.control.arm("garbage_media", times=None)
    job = order(house.open(email=EMAIL))
    reached(job, JobState.QUEUED)
    house.control.advance(A_JOB_S)
    return failed(job)


def raised(act: Callable[[], object]) -> Exception:
    """Return the error that `act` raises."""
    with pytest.raises(PixVerseError) as caught:
        act()
    return caught.value


WAYS = (
    with_a_bad_field,
    with_a_bad_picture,
    with_a_bad_token,
    with_a_home_that_cannot_be,
    with_an_account_pending,
    with_a_busy_account,
    with_a_failed_generation,
    with_a_waiting_that_ends,
    with_an_answer_from_the_vendor,
    with_a_vendor_out_of_reach,
    with_an_answer_that_cannot_be_read,
    with_an_unknown_name,
    with_a_film_that_is_gone,
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_error_tells_a_secret(
    private: Harness, caplog: pytest.LogCaptureFixture, way: Callable[[Harness], Exception]
) -> None:
    """Neither its words, its reply, the variables of a verbose traceback, nor the log at DEBUG."""
    caplog.set_level(logging.DEBUG)
    error = way(private)
    assert isinstance(error, PixVerseError)
    reply = repr(getattr(error, "reply", None))
    told = [*with_locals(error).splitlines(), reply, str(error.account), caplog.text]
    assert told_secrets(private, told) == []


def test_the_log_of_a_whole_life_tells_no_secret(private: Harness, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG, over every logger: uploads, the paid call, lists with `?email=`, lost answers, downloads."""
    caplog.set_level(logging.DEBUG)
    client: Client = private.open(email=EMAIL)
    private.control.arm("lost_answer")
    private.control.arm("truncated_media")
    jobs: list[Job] = [order(client, seed=seed) for seed in (1, 2)]
    for job in jobs:
        until(job, lambda changed: changed.video_id is not None)
    jobs[1].cancel()
    client.capacity()
    client.credits()
    private.control.advance(A_JOB_S)
    finished(jobs[0])
    client.close()
    assert "pixverse_nb" in {record.name for record in caplog.records}
    assert told_secrets(private, caplog.text.splitlines()) == []
