"""Tokens, e-mail addresses and pictures stay out of everything that is shown, catch_error or logged."""

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
from tests.client.conftest import BuildHarness
from tests.client.harness import (
    LONGEST_JOB_S,
    TIMING,
    Harness,
    create_job,
    make_picture,
    wait_for_error,
    wait_for_state,
    wait_for_video,
    wait_until,
)

EMAIL = "maria.private@example.org"
OTHER = "second.private@example.org"
# What the caller has handed in stands in the caller's own frame and cell as well.
GIVEN = {
    "__init__": ("email",),
    "create_frames": ("first", "last", "email", "reply_url", "seed", "fields"),
    "job": ("ref_or_video_id",),
    "_record": ("ref_or_video_id", "ref"),
}
OURS = Path(pixverse_nb.__file__).parent


def texts_with_secrets(harness: Harness, texts: list[str]) -> list[str]:
    """Return the texts that contain the token, an e-mail address or a picture, plain, quoted or encoded."""
    pictures = [make_picture(shade) for shade in (0, 200)]
    secrets = [
        harness.sandbox.token,
        harness.sandbox.token.partition("-")[2],
        *(part for email in (EMAIL, OTHER) for part in (email, email.replace("@", "%40"), email.partition("@")[0])),
        *(repr(data)[2:40] for data in pictures),
        *(base64.b64encode(data).decode()[:24] for data in pictures),
    ]
    return [text[:100] for text in texts if any(secret in text for secret in secrets)]


def verbose_traceback(error: BaseException) -> str:
    """Return what a verbose traceback prints of our package's frames: lines and local variables."""
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
def private(build_harness: BuildHarness, tmp_path: Path) -> Iterator[Harness]:
    """Give a harness with two private accounts, whose time is advanced by hand."""
    with build_harness(tmp_path / "home", accounts=[EMAIL, OTHER], speed=0) as one:
        yield one


def test_no_object_shows_a_secret(private: Harness) -> None:
    """No repr or str of the client, a job in any state, its video or the vendor's answers contains a secret."""
    client = private.open(email=EMAIL)
    job = create_job(client, prompt="rain")
    shown: list[Any] = [client, job, client.jobs(), job.request, job.snapshot(), *job.events(), job.account]
    wait_for_state(job, JobState.QUEUED)
    shown += [job, job.snapshot(), *job.events(), job.account, client.videos(), client.credits(), client.capacity()]
    private.control.advance(LONGEST_JOB_S)
    video = wait_for_video(job)
    shown += [job, job.snapshot(), *job.events(), job.notices, video, client.jobs(), client.uploads(), client.videos()]
    shown += [
        client.reconcile(),
        client.find_paid(make_picture(0), make_picture(200), quality="360p", seed=8),
        client.timing,
    ]
    texts = [*map(repr, shown), *map(str, shown), *(f"{one}" for one in shown)]
    assert texts_with_secrets(private, texts) == []


def test_no_display_shows_a_secret(private: Harness) -> None:
    """The displays of a video and of a job list contain neither the account nor the token."""
    client = private.open(email=EMAIL)
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    private.control.advance(LONGEST_JOB_S)
    video = wait_for_video(job)
    texts = [*video._repr_mimebundle_().values(), *client.jobs()._repr_mimebundle_().values(), str(video.python)]
    html = [text for text in texts if "data:" not in text]
    account_or_token = [private.sandbox.token, EMAIL, EMAIL.replace("@", "%40")]
    assert not [text for text in texts if any(secret in text for secret in account_or_token)]
    assert texts_with_secrets(private, html) == []


def error_of_a_bad_field(harness: Harness) -> Exception:
    """A wrong field, with a good picture and an account."""
    return catch_error(
        lambda: create_job(harness.open(), email=EMAIL, quality="8k", reply_url=f"http://{EMAIL}", seed=EMAIL)
    )


def error_of_a_bad_picture(harness: Harness) -> Exception:
    """A picture that cannot be read."""
    return catch_error(lambda: create_job(harness.open(email=EMAIL), first=make_picture(0)[:40]))


def error_of_a_bad_token(harness: Harness) -> Exception:
    """A malformed token."""
    return catch_error(lambda: harness.open(token=f"{harness.sandbox.token} {EMAIL}"))


def error_of_an_unusable_home(harness: Harness) -> Exception:
    """A home folder that is a file."""
    harness.home.write_text("in the way")
    return catch_error(lambda: harness.open(email=EMAIL))


def error_of_a_pending_account(harness: Harness) -> Exception:
    """A 596, whose text contains the account's e-mail address."""
    harness.control.set_pending(EMAIL)
    return wait_for_error(create_job(harness.open(email=EMAIL)))


def error_of_a_busy_account(harness: Harness) -> Exception:
    """A 429 with the e-mail address in it, until the deadline."""
    harness.control.arm("busy", times=None, kind="account")
    job = create_job(harness.open(email=EMAIL))
    harness.skip_at_obstacle(job, "Busy", TIMING.deadline_s)
    return wait_for_error(job)


def error_of_a_failed_generation(harness: Harness) -> Exception:
    """A job whose generation failed."""
    harness.control.arm("failed")
    job = create_job(harness.open(email=EMAIL))
    wait_for_state(job, JobState.QUEUED)
    harness.control.advance(LONGEST_JOB_S)
    return wait_for_error(job)


def error_of_a_wait_timeout(harness: Harness) -> Exception:
    """`result(timeout=…)` on a running job."""
    job = create_job(harness.open(email=EMAIL))
    wait_for_state(job, JobState.QUEUED)
    return catch_error(lambda: job.result(timeout=0))


def error_of_an_unknown_account(harness: Harness) -> Exception:
    """A request for an account that the vendor does not know."""
    harness.control.remove_account(EMAIL)
    return catch_error(lambda: harness.open(email=EMAIL).credits())


def error_of_an_unreachable_vendor(harness: Harness) -> Exception:
    """A request that gets no answer."""
    client = harness.open(email=EMAIL)
    harness.control.arm("drop_before", times=None)
    return catch_error(client.credits)


def error_of_an_html_answer(harness: Harness) -> Exception:
    """An HTML page instead of an answer."""
    harness.control.arm("html_error", times=None, status=500)
    return catch_error(harness.open(email=EMAIL).videos)


def error_of_an_unknown_job(harness: Harness) -> Exception:
    """`client.job()` with somebody else's video id."""
    return catch_error(lambda: harness.open().job(f"user:1-pixverse:{EMAIL}-video:42"))


def error_of_a_failed_download(harness: Harness) -> Exception:
    """A download that fails for good."""
    harness.control.arm("garbage_media", times=None)
    job = create_job(harness.open(email=EMAIL))
    wait_for_state(job, JobState.QUEUED)
    harness.control.advance(LONGEST_JOB_S)
    return wait_for_error(job)


def catch_error(act: Callable[[], object]) -> Exception:
    """Return the error that `act` raises."""
    with pytest.raises(PixVerseError) as caught:
        act()
    return caught.value


WAYS = (
    error_of_a_bad_field,
    error_of_a_bad_picture,
    error_of_a_bad_token,
    error_of_an_unusable_home,
    error_of_a_pending_account,
    error_of_a_busy_account,
    error_of_a_failed_generation,
    error_of_a_wait_timeout,
    error_of_an_unknown_account,
    error_of_an_unreachable_vendor,
    error_of_an_html_answer,
    error_of_an_unknown_job,
    error_of_a_failed_download,
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_error_contains_a_secret(
    private: Harness, caplog: pytest.LogCaptureFixture, way: Callable[[Harness], Exception]
) -> None:
    """No error contains a secret: not its text, its reply, a verbose traceback, or the log at DEBUG."""
    caplog.set_level(logging.DEBUG)
    error = way(private)
    assert isinstance(error, PixVerseError)
    reply = repr(getattr(error, "reply", None))
    told = [*verbose_traceback(error).splitlines(), reply, str(error.account), caplog.text]
    assert texts_with_secrets(private, told) == []


def test_the_log_of_a_job_contains_no_secret(private: Harness, caplog: pytest.LogCaptureFixture) -> None:
    """The DEBUG log of uploads, paid calls, lists, lost answers and downloads contains no secret."""
    caplog.set_level(logging.DEBUG)
    client: Client = private.open(email=EMAIL)
    private.control.arm("lost_answer")
    private.control.arm("truncated_media")
    jobs: list[Job] = [create_job(client, seed=seed) for seed in (1, 2)]
    for job in jobs:
        wait_until(job, lambda changed: changed.video_id is not None)
    jobs[1].cancel()
    client.capacity()
    client.credits()
    private.control.advance(LONGEST_JOB_S)
    wait_for_video(jobs[0])
    client.close()
    assert "pixverse_nb" in {record.name for record in caplog.records}
    assert texts_with_secrets(private, caplog.text.splitlines()) == []
