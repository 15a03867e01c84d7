"""The same call in another home of the same machine: it says that it was paid there, and can take that video."""

import shutil
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

import pixverse_nb as pv
from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.operations import Operation
from pixverse_nb.errors import InvalidRequest, JobCancelled, JobError, LedgerError, OutcomeUnknown
from pixverse_nb.jobs.job import Job
from pixverse_nb.ledger.home_register import data_folder
from tests.client.harness import (
    LONGEST_JOB_S,
    WAIT_LIMIT_S,
    Harness,
    create_job,
    is_proved_absent,
    make_picture,
    wait_for_error,
    wait_for_state,
    wait_for_video,
    wait_until,
)
from tests.render.conftest import outputs

__all__ = ["outputs"]  # a fixture

SECRETS = ("a paper boat", "maria@example.org")


def homes_that_paid(job: Job) -> list[str]:
    """Return the homes that the job's notices name as having paid for the same call."""
    notices = job._record().notices
    return [str(notice.data["home"]) for notice in notices if notice.kind == "paid_in_other_home"]


def homes_named(shown: list[dict[str, Any]], harness: Harness) -> int:
    """Return how many outputs name the home of the harness."""
    return sum(str(harness.home.resolve()) in output["data"]["text/plain"] for output in shown)


def test_a_call_that_another_home_has_paid_for_says_so(
    harness: Harness, tmp_path: Path, outputs: list[dict[str, Any]]
) -> None:
    """The job of the second home names the first one, and the message is shown before anything is sent."""
    wait_for_video(create_job(harness.open()))
    second = harness.open(home=tmp_path / "second")
    job = create_job(second)
    assert homes_that_paid(job) == [str(harness.home.resolve())]
    assert str(harness.home.resolve()) in outputs[-1]["data"]["text/plain"]
    assert str(harness.home.resolve()) not in repr(job)  # it was said once
    assert any(str(harness.home.resolve()) in notice for notice in job.notices)
    wait_for_video(job)
    assert harness.paid == 2


def test_the_sandbox_speaks_of_no_payment(tmp_path: Path, outputs: list[dict[str, Any]]) -> None:
    """In the sandbox the message names the other home and no number of credits; so does that of a sweep."""
    pictures = (make_picture(0), make_picture(200))
    with pv.Client.sandbox(home=tmp_path / "first", speed=200) as first:
        first.sweep(*pictures, quality="360p", seed=[1, 2]).run(quiet=True)
    with pv.Client.sandbox(home=tmp_path / "second", speed=200) as second:
        job = second.create_frames(*pictures, quality="360p", seed=1)
        sweep = second.sweep(*pictures, quality="360p", seed=[2, 3])
        planned = repr(sweep.plan())
        sweep.start()
    shown = [output["data"]["text/plain"] for output in outputs] + [planned]
    assert len(shown) == 3
    for text in shown:
        (line,) = [line for line in text.splitlines() if str(tmp_path / "first") in line]
        assert " paid " not in line
        assert "credits)" not in line
    assert all(notice.data["is_sandbox"] for notice in job._record().notices if notice.kind == "paid_in_other_home")


def test_the_video_of_another_home_can_be_taken(harness: Harness, tmp_path: Path) -> None:
    """`reuse="any"` copies the paid job with its video and pictures; nothing is sent, and it plays without its home."""
    theirs = wait_for_video(create_job(harness.open()))
    second = harness.open(home=tmp_path / "second")
    job = create_job(second, reuse="any")
    ours = wait_for_video(job)
    assert harness.paid == 1
    assert ours.sha256 == theirs.sha256
    assert ours.path.is_relative_to(tmp_path / "second")
    assert len(list((tmp_path / "second" / "pictures").iterdir())) == 2
    assert harness.open().jobs()[0].state is JobState.DONE  # the first home is as it was


def test_a_drawn_seed_is_the_same_call(harness: Harness, tmp_path: Path) -> None:
    """A call without a seed finds the video of the same call without a seed."""
    wait_for_video(create_job(harness.open(), seed=None))
    wait_for_video(create_job(harness.open(home=tmp_path / "second"), seed=None, reuse="any"))
    assert harness.paid == 1


def test_an_open_job_of_another_home_is_waited_for(manual_harness: Harness, tmp_path: Path) -> None:
    """`reuse="any"` also takes a job that is still being generated: both homes get its video."""
    first = create_job(manual_harness.open())
    wait_for_state(first, JobState.QUEUED)
    second = create_job(manual_harness.open(home=tmp_path / "second"), reuse="any")
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(second).sha256 == wait_for_video(first).sha256
    assert manual_harness.paid == 1


@pytest.mark.parametrize("reuse", [True, "any"])
def test_a_call_that_no_home_has_paid_for_is_sent(harness: Harness, tmp_path: Path, reuse: Any) -> None:
    """Another request is another call: there is no notice."""
    wait_for_video(create_job(harness.open()))
    job = create_job(harness.open(home=tmp_path / "second"), seed=8, reuse=reuse)
    assert homes_that_paid(job) == []
    wait_for_video(job)
    assert harness.paid == 2


def test_a_call_that_was_not_charged_is_not_mentioned(harness: Harness, tmp_path: Path) -> None:
    """A job that was refused in another home is no reason for a notice."""
    first = create_job(harness.open(budget_credits=0))  # refused before it is sent
    wait_for_error(first)
    job = create_job(harness.open(home=tmp_path / "second"))
    assert homes_that_paid(job) == []


def test_paying_again_on_purpose_is_not_commented(harness: Harness, tmp_path: Path) -> None:
    """With `reuse=False` the decision is taken: there is no notice."""
    wait_for_video(create_job(harness.open()))
    assert homes_that_paid(create_job(harness.open(home=tmp_path / "second"), reuse=False)) == []


def test_an_older_home_is_registered_when_it_is_opened(harness: Harness, tmp_path: Path) -> None:
    """A home whose register was lost is known again once a client has opened it; a moved one at its new place."""
    client = harness.open()
    wait_for_video(create_job(client))
    client.close()
    shutil.rmtree(data_folder())
    moved = harness.home.rename(tmp_path / "moved")
    harness.open(home=moved)
    assert homes_that_paid(create_job(harness.open(home=tmp_path / "second"))) == [str(moved.resolve())]


def test_a_home_that_is_gone_is_no_obstacle(harness: Harness, tmp_path: Path) -> None:
    """A registered home that was deleted, or whose ledger is damaged, is ignored."""
    wait_for_video(create_job(harness.open()))
    (damaged := tmp_path / "damaged").mkdir()
    shutil.copytree(harness.home, damaged, dirs_exist_ok=True)
    harness.open(home=damaged).close()
    (damaged / "ledger.db").write_bytes(b"garbage" * 1000)
    shutil.rmtree(harness.home)
    job = create_job(harness.open(home=tmp_path / "second"), reuse="any")
    assert homes_that_paid(job) == []
    wait_for_video(job)


def leave_unsent(harness: Harness, home: Path, **fields: Any) -> None:
    """Leave a job in a home that was never sent: its pictures cannot be uploaded until its client is closed."""
    harness.control.arm("drop_before", times=None, route="files")
    with harness.open(home=home) as client:
        wait_for_state(create_job(client, **fields), JobState.WAITING)
    harness.control.disarm()


@pytest.mark.parametrize("seed", [7, None])
def test_an_unsent_job_gives_way_to_a_paid_one(harness: Harness, tmp_path: Path, seed: int | None) -> None:
    """`reuse="any"` takes the video of another home although this one has the same call, which was never sent."""
    second = tmp_path / "second"
    leave_unsent(harness, second, seed=seed)
    wait_for_video(create_job(harness.open(), seed=seed))
    client = harness.open(home=second)
    job = create_job(client, seed=seed, reuse="any")
    wait_for_video(job)
    assert create_job(client, seed=seed) is job
    assert harness.paid == 1
    assert sorted(job.state for job in client.jobs()) == [JobState.CANCELLED, JobState.DONE]


def test_a_job_that_waits_gives_way_to_a_paid_one(harness: Harness, tmp_path: Path) -> None:
    """The same holds for a job that is about to be sent; whoever waits for it learns that it was cancelled."""
    first = harness.open()
    wait_for_video(create_job(first, seed=8))
    harness.control.arm("drop_before", times=None, route="files")  # the first home has uploaded them
    second = harness.open(home=tmp_path / "second")
    waiting = create_job(second)
    wait_for_state(waiting, JobState.WAITING)
    theirs = wait_for_video(create_job(first))
    ours = wait_for_video(create_job(second, reuse="any"))
    harness.control.disarm()
    assert ours.sha256 == theirs.sha256
    assert isinstance(wait_for_error(waiting), JobCancelled)
    assert harness.paid == 2


def test_an_unsent_job_says_what_another_home_has_paid_for(
    harness: Harness, tmp_path: Path, outputs: list[dict[str, Any]]
) -> None:
    """Before a job that was never sent is sent now, the message names the other home, once, and the job keeps it."""
    second = tmp_path / "second"
    leave_unsent(harness, second)
    wait_for_video(create_job(harness.open()))
    client = harness.open(home=second)
    before = len(outputs)
    job = create_job(client)
    assert homes_named(outputs[before:], harness) == 1
    assert homes_that_paid(job) == [str(harness.home.resolve())]
    wait_for_video(job)
    assert harness.paid == 2


def test_continuing_an_unsent_job_says_what_another_home_has_paid_for(
    harness: Harness, tmp_path: Path, outputs: list[dict[str, Any]]
) -> None:
    """The message is also shown if the job is continued by its reference, which sends it."""
    second = tmp_path / "second"
    leave_unsent(harness, second)
    wait_for_video(create_job(harness.open()))
    client = harness.open(home=second)
    (unsent,) = client.jobs()
    before = len(outputs)
    assert str(harness.home.resolve()) in (unsent.paid_elsewhere() or "")
    assert (len(outputs), harness.paid) == (before, 1)
    wait_for_video(unsent)
    assert homes_named(outputs[before:], harness) == 1
    assert unsent.paid_elsewhere() is None


def test_a_call_whose_answer_is_lost_is_not_sent_again_beside_a_paid_one(harness: Harness, tmp_path: Path) -> None:
    """`reuse="any"` takes a paid job although the same call is being settled here, and that one is not sent again."""
    second = harness.open(home=tmp_path / "second")
    harness.control.arm("error_before", route="paid")
    lost = create_job(second)
    wait_for_state(lost, JobState.UNKNOWN)
    wait_for_video(create_job(harness.open()))
    wait_for_video(create_job(second, reuse="any"))
    harness.pass_settle_window(lost)
    wait_for_state(lost, JobState.WAITING)
    assert lost.is_paused
    assert harness.paid == 1


def test_a_call_given_up_in_one_process_is_sent_by_no_other(harness: Harness, tmp_path: Path) -> None:
    """The process that waits for a lost call does not send it again after another one has taken the paid job."""
    home = tmp_path / "second"
    lost = lose_call(harness, harness.open(home=home))
    wait_for_video(create_job(harness.open()))
    wait_for_video(create_job(harness.open(home=home), reuse="any"))
    harness.pass_settle_window(lost)
    wait_until(lost, is_proved_absent)
    assert lost.snapshot().is_paused
    assert harness.paid == 1
    lost.resume()
    wait_for_video(lost)
    assert harness.paid == 2


def test_a_job_that_two_homes_send_at_one_moment_is_paid_once(harness: Harness, tmp_path: Path) -> None:
    """Both have proved that the call was not accepted and wait for a slot; the one that comes later gives way."""
    first = harness.open()
    ours = lose_call(harness, first)
    harness.control.arm("busy", times=None)
    first.export(tmp_path / "lost.zip", [ours.ref])
    second = harness.open(home=tmp_path / "second")
    second.import_(tmp_path / "lost.zip")
    copy = second.job(ours.ref)
    harness.pass_settle_window(copy)
    wait_until(copy, is_proved_absent)
    is_resumed = threading.Event()

    def resume_copy(job: Job) -> None:
        """Resume the copy while the thread of the first home is held up here, so that its call is not under way."""
        if job.state is JobState.WAITING and not is_resumed.is_set():
            copy.resume()
            is_resumed.set()

    first.subscribe(resume_copy)
    assert is_resumed.wait(WAIT_LIMIT_S)
    harness.control.disarm()
    for job in (ours, copy):
        with suppress(JobError):
            wait_for_video(job)
    assert harness.paid == 1
    for job in (ours, copy):
        job.resume()
        wait_for_video(job)
    assert harness.paid == 1


def lose_call(harness: Harness, client: Client) -> Job:
    """Return a job whose paid call has no answer and was never accepted."""
    harness.control.arm("error_before", route="paid")
    job = create_job(client)
    wait_for_state(job, JobState.UNKNOWN)
    return job


def test_a_lost_call_of_another_home_is_paid_once(harness: Harness, tmp_path: Path) -> None:
    """Both homes prove that it was not accepted; only the first one sends it again, and the second takes that video."""
    theirs = lose_call(harness, harness.open())
    second = harness.open(home=tmp_path / "second")
    ours = create_job(second, reuse="any")
    harness.control.arm("busy", times=None)  # the first one has to wait, so that the second finds nothing
    harness.pass_settle_window(ours)
    wait_until(ours, is_proved_absent)
    harness.control.disarm()
    wait_for_video(theirs)
    assert isinstance(wait_for_error(ours), JobError)
    assert ours.paid_elsewhere() is None  # it is taken, not paid for again
    ours.resume()
    assert wait_for_video(ours).sha256 == wait_for_video(theirs).sha256
    assert create_job(second, reuse="any") is ours
    assert harness.paid == 1


def test_an_own_paid_job_settles_nothing_about_a_copied_one(harness: Harness, tmp_path: Path) -> None:
    """A copy of a lost call is not sent while its home does not know, even if this home has paid for the same call."""
    second = harness.open(home=tmp_path / "second")
    wait_for_video(create_job(second))
    with harness.open() as first:
        lost = lose_call(harness, first)
        first.export(tmp_path / "lost.zip", [lost.ref])
    second.import_(tmp_path / "lost.zip")
    copy = second.job(lost.ref)
    harness.pass_settle_window(copy)
    wait_until(copy, is_proved_absent)
    with pytest.raises(OutcomeUnknown):
        copy.resume()
    assert harness.paid == 1


def test_a_lost_call_that_another_home_has_not_settled_is_not_sent(harness: Harness, tmp_path: Path) -> None:
    """If it is absent but its home still searches, nothing is sent from here until that home knows; then it is."""
    with harness.open() as first:
        lose_call(harness, first)
    second = harness.open(home=tmp_path / "second")
    ours = create_job(second, reuse="any")
    harness.pass_settle_window(ours)
    wait_until(ours, is_proved_absent)
    for ask in (ours.resume, lambda: create_job(second, reuse="any")):
        with pytest.raises(OutcomeUnknown) as caught:
            ask()
        assert (caught.value.ref, caught.value.may_have_been_charged) == (ours.ref, "unknown")
    ours.cancel()
    with pytest.raises(OutcomeUnknown):
        create_job(second, reuse="any")
    assert harness.paid == 0
    first = harness.open()
    theirs = first.job(ours.ref)
    harness.pass_settle_window(theirs)
    wait_until(theirs, lambda job: job.is_paused)
    ours.resume()
    wait_for_video(ours)
    assert wait_for_video(theirs).sha256 == wait_for_video(ours).sha256
    assert harness.paid == 1


def test_a_copy_that_is_not_settled_does_not_hold_up_the_first_home(harness: Harness, tmp_path: Path) -> None:
    """The home that has made the lost call sends it again after the proof, whatever the copy of it knows."""
    with harness.open() as first:
        lost = lose_call(harness, first)
    with harness.open(home=tmp_path / "second") as second:
        assert create_job(second, reuse="any").ref == lost.ref
    first = harness.open()
    (job,) = first.jobs()
    harness.pass_settle_window(job)
    wait_until(job, lambda job: job.is_paused)
    wait_for_video(create_job(first, reuse="any"))
    second = harness.open(home=tmp_path / "second")
    assert wait_for_video(second.job(job.ref)).sha256 == wait_for_video(job).sha256
    assert harness.paid == 1


def test_a_certain_payment_is_preferred(harness: Harness, tmp_path: Path) -> None:
    """If one home may have paid and another one has, the video of the other one is taken."""
    for lost in ("a", "c"):
        with harness.open(home=tmp_path / lost) as client:
            lose_call(harness, client)
    wait_for_video(create_job(harness.open(home=tmp_path / "b")))
    wait_for_video(create_job(harness.open(home=tmp_path / "d"), reuse="any"))
    assert harness.paid == 1


@pytest.mark.parametrize("obstacle", ["file", "garbage", "folder"])
def test_an_unusable_data_folder_is_no_obstacle(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, obstacle: str
) -> None:
    """If the register cannot be written or read, everything works without it."""
    data = tmp_path / "data"
    monkeypatch.setenv("PIXVERSE_NB_DATA", str(data))
    if obstacle == "file":
        data.write_bytes(b"")
    else:
        data.mkdir()
        (data / "homes.db").write_bytes(b"garbage" * 1000) if obstacle == "garbage" else (data / "homes.db").mkdir()
    wait_for_video(create_job(harness.open()))
    wait_for_video(create_job(harness.open(home=tmp_path / "second"), reuse="any"))
    assert harness.paid == 2


def test_a_register_that_was_locked_is_written_later(manual_harness: Harness, tmp_path: Path) -> None:
    """A payment that could not be registered at once is registered with the next change of its job."""
    first = manual_harness.open()
    create_job(first, seed=8)
    manual_harness.wait_for_accepted(1)
    with closing(sqlite3.connect(data_folder() / "homes.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        job = create_job(first)
        wait_for_state(job, JobState.QUEUED)
        other.execute("ROLLBACK")
    second = manual_harness.open(home=tmp_path / "second")
    manual_harness.control.advance(LONGEST_JOB_S)
    wait_for_video(job)
    assert homes_that_paid(create_job(second)) == [str(manual_harness.home.resolve())]


def test_a_video_that_cannot_be_copied_is_not_paid_for(harness: Harness, tmp_path: Path) -> None:
    """If the copy of another home's video cannot be written, the call raises LedgerError and nothing is sent."""
    wait_for_video(create_job(harness.open()))
    second = tmp_path / "second"
    client = harness.open(home=second)
    (second / "videos").write_bytes(b"")  # where a folder is needed
    with pytest.raises(LedgerError):
        create_job(client, reuse="any")
    assert harness.paid == 1


def test_the_register_holds_hashes_and_paths_only(harness: Harness) -> None:
    """Neither the prompt nor the account is in the register."""
    prompt, email = SECRETS
    job = create_job(harness.open(), prompt=prompt, email=None, reply_ref=email)
    wait_for_video(job)
    stored = b"".join(path.read_bytes() for path in data_folder().iterdir())
    assert str(harness.home.resolve()).encode() in stored
    hidden = (*SECRETS, harness.sandbox.token, harness.sandbox.base_url, str(job.video_id), "sandbox@example.com")
    assert [text for text in hidden if text.encode() in stored] == []


@pytest.mark.parametrize("reuse", ["all", "", 1, None])
def test_another_value_of_reuse_is_refused(harness: Harness, reuse: Any) -> None:
    """`reuse` is True, False or "any"."""
    with pytest.raises(InvalidRequest) as caught:
        create_job(harness.open(), reuse=reuse)
    assert set(caught.value.fields) == {"reuse"}


def test_a_sweep_takes_what_another_home_has_paid_for(harness: Harness, tmp_path: Path) -> None:
    """`sweep(…, reuse="any")` copies those cells and pays for the others."""
    given = (make_picture(0), make_picture(200))
    harness.open().sweep(*given, quality="360p", seed=[1, 2]).run(quiet=True)
    sweep = harness.open(home=tmp_path / "second").sweep(*given, quality="360p", seed=[1, 2, 3], reuse="any")
    assert len(sweep.run(quiet=True).videos) == 3
    assert harness.paid == 3


@pytest.mark.parametrize("reuse", [True, "any"])
def test_a_plan_says_what_another_home_has_paid_for(harness: Harness, tmp_path: Path, reuse: Any) -> None:
    """A plan has one notice with the number of cells, the home, and whether a run takes them; nothing is copied."""
    given = (make_picture(0), make_picture(200))
    harness.open().sweep(*given, quality="360p", seed=[1, 2]).run(quiet=True)
    sweep = harness.open(home=tmp_path / "second").sweep(*given, quality="360p", seed=[1, 2, 3], reuse=reuse)
    plan = sweep.plan()
    data = {"count": 2, "homes": str(harness.home.resolve()), "is_taken": reuse == "any"}
    assert [notice.data for notice in plan.notices if notice.kind == "paid_elsewhere"] == [data]
    assert str(harness.home.resolve()) in repr(plan)
    assert len(plan.new) == 3
    assert not sweep.jobs


def test_a_sweep_says_what_another_home_has_paid_for(
    harness: Harness, tmp_path: Path, outputs: list[dict[str, Any]]
) -> None:
    """One message names the home for all cells, and each job has its notice."""
    given = (make_picture(0), make_picture(200))
    harness.open().sweep(*given, quality="360p", seed=[1, 2]).run(quiet=True)
    before = len(outputs)
    sweep = harness.open(home=tmp_path / "second").sweep(*given, quality="360p", seed=[1, 2, 3]).run(quiet=True)
    assert homes_named(outputs[before:], harness) == 1
    assert [len(homes_that_paid(job)) for job in sweep.jobs] == [1, 1, 0]


@pytest.mark.parametrize("reuse", [True, "any"])
def test_a_sweep_also_looks_for_the_cells_that_it_tries_again(
    harness: Harness, tmp_path: Path, outputs: list[dict[str, Any]], reuse: Any
) -> None:
    """A cell that failed here, and one that was never sent, may be paid in another home: it is said, or taken."""
    given = (make_picture(0), make_picture(200))
    second = tmp_path / "second"
    client = harness.open(home=second)
    harness.control.arm("failed")
    client.sweep(*given, quality="360p", seed=1).run(quiet=True)
    client.close()
    leave_unsent(harness, second, seed=2)
    harness.open().sweep(*given, quality="360p", seed=[1, 2]).run(quiet=True)
    before = len(outputs)
    seeds = [1, 2] if reuse == "any" else [1]
    sweep = harness.open(home=second).sweep(*given, quality="360p", seed=seeds, reuse=reuse)
    assert len(sweep.run(retry_failed=True, quiet=True).videos) == len(seeds)
    assert harness.paid == (3 if reuse == "any" else 4)
    assert homes_named(outputs[before:], harness) == (0 if reuse == "any" else 1)


CALLS: dict[Operation, Any] = {
    Operation.TEXT: lambda client, **given: client.create_video("rain", **given),
    Operation.IMAGE: lambda client, **given: client.create_video(image=make_picture(0), **given),
    Operation.FRAMES: lambda client, **given: client.create_frames(make_picture(0), make_picture(200), **given),
    Operation.TRANSITION: lambda client, **given: client.create_transition(
        [make_picture(0), make_picture(100), make_picture(200)], durations=[2, None], **given
    ),
}


@pytest.mark.parametrize("operation", CALLS)
def test_the_form_finds_and_takes_the_call_of_another_home(
    harness: Harness, tmp_path: Path, operation: Operation
) -> None:
    """What the form asks about is the call that it would make; taking it sends and charges nothing."""
    theirs = wait_for_video(CALLS[operation](harness.open(), seed=7))
    second = harness.open(home=tmp_path / "second")
    colours = {Operation.TEXT: (), Operation.IMAGE: (0,), Operation.FRAMES: (0, 200)}.get(operation, (0, 100, 200))
    images = [make_picture(colour) for colour in colours]
    model = {"model": theirs.model, "prompt": theirs.prompt}
    fields = {**model, **({"durations": [2, None]} if operation is Operation.TRANSITION else {})}
    assert second.paid_elsewhere(operation, images, **fields, seed=8) is None
    assert second.take_paid(operation, images, **fields, seed=8) is None
    found = second.paid_elsewhere(operation, images, **fields, seed=7)
    assert found is not None
    assert found.data["home"] == str(harness.home.resolve())
    assert second.jobs() == []
    job = second.take_paid(operation, images, **fields, seed=7)
    assert job is not None
    assert wait_for_video(job).sha256 == theirs.sha256
    assert harness.paid == 1
    assert second.paid_elsewhere(operation, images, **fields, seed=7) is None
    assert "paid_elsewhere" not in dir(second)
