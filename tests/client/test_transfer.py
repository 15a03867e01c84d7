"""A archive carries jobs and their videos to another home, verified, and never makes anything be paid twice."""

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import InvalidRequest, JobError, LedgerError
from tests.client.harness import (
    LONGEST_JOB_S,
    TIMING,
    WAIT_LIMIT_S,
    Harness,
    create_job,
    make_picture,
    wait_for_state,
    wait_for_video,
    wait_until,
)


def other_home(harness: Harness) -> Path:
    """Where the other machine keeps its jobs."""
    return harness.home.with_name("other")


def tree(home: Path) -> dict[str, bytes]:
    """Return every file of a home but SQLite's own beside the ledger, whose pages may be written at any time."""
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and not path.name.startswith(("ledger.db", "leader-"))
    }


def test_finished_jobs_are_there_on_the_other_machine(harness: Harness, tmp_path: Path) -> None:
    """Two videos travel: the same files, jobs, histories and uploads; the same call is answered without paying."""
    here = harness.open()
    made = [create_job(here, seed=seed) for seed in (1, 2)]
    videos = [wait_for_video(job) for job in made]
    out = here.export(tmp_path / "archive.zip")
    assert (out.jobs, out.videos) == (2, 2)
    here.close()
    shutil.rmtree(harness.home)
    there = harness.open(home=other_home(harness))
    came = there.import_(tmp_path / "archive.zip")
    assert (came.jobs, came.videos) == (2, 2)
    for job, video in zip(made, videos, strict=True):
        found = there.job(job.ref)
        assert wait_for_video(found).sha256 == video.sha256
        assert Path(found.result().path).parent == other_home(harness) / "videos"
        assert found.events()[-1].kind == "imported"
        assert len(found.events()) > 4
    again = create_job(there, seed=1)
    assert again.ref == made[0].ref
    assert len(there.uploads()) == 2
    assert there.verify().is_intact
    assert harness.paid == 2


def test_what_was_said_of_the_videos_travels_with_them(harness: Harness, tmp_path: Path) -> None:
    """Verdicts and judgements of the jobs in a archive are there on the other machine, those of others stay at home."""
    here = harness.open()
    one = here.sweep(make_picture(0), make_picture(200), quality="360p", seed=[1, 2, 3]).run(quiet=True)
    one.judge("seed 2", "winner", note="the steam")
    one.judge("seed 3", "rejected")
    one.compare(1, 2).judge(one.cells[1].key, one.cells[0].key, "left")
    here.export(tmp_path / "archive.zip", [job.ref for job in one.jobs[:2]])
    there = harness.open(home=other_home(harness))
    there.import_(tmp_path / "archive.zip")
    again = there.sweep(make_picture(0), make_picture(200), quality="360p", seed=[1, 2, 3])
    assert {caption: verdict.choice for caption, verdict in again.verdicts.items()} == {"seed 2": "winner"}
    assert [standing.wins for standing in again.ranking()] == [1, 0]


def test_a_second_import_changes_nothing(harness: Harness, tmp_path: Path) -> None:
    """What is there already is left alone, and said."""
    here = harness.open()
    job = create_job(here)
    wait_for_video(job)
    here.export(tmp_path / "archive.zip")
    history, files = job.events(), tree(harness.home)
    again = here.import_(tmp_path / "archive.zip")
    assert (again.jobs, again.videos, again.known, again.updated) == (1, 1, 1, 0)
    assert job.events() == history
    assert tree(harness.home) == files


def test_chosen_jobs_only(harness: Harness, tmp_path: Path) -> None:
    """With refs only these travel, with their pictures alone; an unknown ref is refused and no file is made."""
    here = harness.open()
    one, two = create_job(here, seed=1), create_job(here, first=make_picture(99), seed=2)
    wait_for_video(one)
    wait_for_video(two)
    out = here.export(tmp_path / "one.zip", [two.ref])
    assert (out.jobs, out.videos) == (1, 1)
    with pytest.raises(InvalidRequest, match="no job 'pv-none'"):
        here.export(tmp_path / "none.zip", ["pv-none"])
    assert not (tmp_path / "none.zip").exists()
    there = harness.open(home=other_home(harness))
    there.import_(tmp_path / "one.zip")
    assert [job.ref for job in there.jobs()] == [two.ref]


def test_no_token_travels(harness: Harness, tmp_path: Path) -> None:
    """The token is nowhere in a archive; the account is, which is why it is a private file."""
    here = harness.open()
    wait_for_video(create_job(here))
    here.export(tmp_path / "archive.zip")
    with zipfile.ZipFile(tmp_path / "archive.zip") as plain:
        everything = b"".join(plain.read(name) for name in plain.namelist())
    assert harness.sandbox.token.encode() not in everything
    assert b"-video:" in everything
    if os.name == "posix":
        assert (tmp_path / "archive.zip").stat().st_mode & 0o077 == 0


def test_an_open_job_is_watched_there_and_not_sent(manual_harness: Harness, tmp_path: Path) -> None:
    """A job that is being made is waited for on both machines and paid once."""
    here = manual_harness.open()
    job = create_job(here)
    wait_for_state(job, JobState.QUEUED)
    here.export(tmp_path / "archive.zip")
    here.close()
    there = manual_harness.open(home=other_home(manual_harness))
    there.import_(tmp_path / "archive.zip")
    (carried,) = there.jobs()
    assert carried.state is JobState.QUEUED
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(carried).path.is_file()
    assert (manual_harness.paid, manual_harness.control.requests["create-frames-v3"]) == (1, 1)


def packed_unsent(harness: Harness, archive: Path) -> str:
    """Write a archive with one job that was never sent, because every slot was taken; return its ref."""
    here = harness.open(timing=replace(TIMING, busy_wait_s=(600.0, 600.0)))
    harness.control.arm("busy", times=None)
    job = create_job(here)
    wait_until(job, lambda changed: "call_postponed" in [event.kind for event in changed.events()])
    here.export(archive)
    here.close()
    harness.control.disarm()
    return job.ref


def test_what_was_never_sent_waits_for_a_word(harness: Harness, tmp_path: Path) -> None:
    """Neither a look, nor waiting, nor the same call, nor a restart sends it there; `resume()` does, once."""
    ref = packed_unsent(harness, tmp_path / "archive.zip")
    there = harness.open(home=other_home(harness))
    came = there.import_(tmp_path / "archive.zip")
    assert came.unsent == (ref,)
    with pytest.raises(JobError):
        there.job(ref).result(timeout=WAIT_LIMIT_S)
    assert create_job(there).ref == ref
    there.close()
    again = harness.open(home=other_home(harness))
    again.reconcile()
    assert again.job(ref).state is JobState.WAITING
    assert harness.paid == 0
    job = again.job(ref)
    job.resume()
    wait_for_video(job)
    assert harness.paid == 1


def test_a_second_kernel_there_does_not_send_it_either(harness: Harness, tmp_path: Path) -> None:
    """Another process of that home, busy with its own jobs, sees the job come and leaves it alone."""
    ref = packed_unsent(harness, tmp_path / "archive.zip")
    harness.control.speed = 0.0
    busy = harness.open(home=other_home(harness))
    own = create_job(busy, seed=99)
    wait_for_state(own, JobState.QUEUED)
    harness.open(home=other_home(harness)).import_(tmp_path / "archive.zip")
    harness.control.advance(LONGEST_JOB_S)
    wait_for_video(own)
    assert busy.job(ref).state is JobState.WAITING
    assert harness.paid == 1


def test_a_video_made_there_comes_back(harness: Harness, tmp_path: Path) -> None:
    """The machine that waited to send learns from the archive that the other one paid, and pays nothing."""
    ref = packed_unsent(harness, tmp_path / "out.zip")
    there = harness.open(home=other_home(harness))
    there.import_(tmp_path / "out.zip")
    job = there.job(ref)
    job.resume()
    wait_for_video(job)
    there.export(tmp_path / "back.zip")
    here = harness.open()
    came = here.import_(tmp_path / "back.zip")
    assert (came.known, came.updated) == (1, 1)
    assert wait_for_video(here.job(ref)).path.is_file()
    assert wait_for_video(create_job(here)).ref == ref
    assert harness.paid == 1


def test_a_lost_film_comes_back_with_a_archive(harness: Harness, tmp_path: Path) -> None:
    """A file that was altered here takes the archive's bytes again; the job's row is left alone."""
    here = harness.open()
    job = create_job(here)
    video = wait_for_video(job)
    here.export(tmp_path / "archive.zip")
    whole = video.path.read_bytes()
    video.path.write_bytes(b"altered")
    here.import_(tmp_path / "archive.zip")
    assert video.path.read_bytes() == whole


def test_a_film_that_is_not_whole_stays_behind(harness: Harness, tmp_path: Path) -> None:
    """An altered film is not packed as if it were whole; the summary says so, and it is fetched there."""
    here = harness.open()
    job = create_job(here)
    video = wait_for_video(job)
    video.path.write_bytes(b"altered")
    out = here.export(tmp_path / "archive.zip")
    assert out.without_video == (job.ref,)
    there = harness.open(home=other_home(harness))
    there.import_(tmp_path / "archive.zip")
    assert wait_for_video(there.job(job.ref)).sha256 == video.sha256


def altered(archive: Path, text: str, other: str) -> None:
    """Replace a text in the rows and adjust the manifest, as a careful forger would."""

    def replace_text(data: bytes) -> bytes:
        assert text.encode() in data
        return data.replace(text.encode(), other.encode())

    forged(archive, replace_text)


def altered_rows(archive: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the rows and adjust the manifest."""

    def change_rows(data: bytes) -> bytes:
        rows = json.loads(data)
        change(rows)
        return json.dumps(rows).encode()

    forged(archive, change_rows)


def forged(archive: Path, change: Callable[[bytes], bytes]) -> None:
    """Write the archive again with other rows and a manifest that matches them."""
    with zipfile.ZipFile(archive) as plain:
        members = {name: plain.read(name) for name in plain.namelist()}
    members["rows.json"] = change(members["rows.json"])
    manifest = json.loads(members["manifest.json"])
    rows = members["rows.json"]
    manifest["members"]["rows.json"] = {"size": len(rows), "sha256": hashlib.sha256(rows).hexdigest()}
    members["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(archive, "w") as written:
        for name, data in members.items():
            written.writestr(name, data)


def rejected(client: Client, archive: Path) -> None:
    """Check that an archive is rejected and changes nothing."""
    before, jobs = tree(client.home), [job.ref for job in client.jobs()]
    with pytest.raises(LedgerError):
        client.import_(archive)
    assert tree(client.home) == before
    assert [job.ref for job in client.jobs()] == jobs


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ('"name":"videos/', '"name":"../videos/'),
        ('"charged":"yes"', '"charged":"maybe"'),
        ('"state":"done"', '"state":"enchanted"'),
        ('"quality":"360p"', '"quality":"999p"'),
        ('{"jobs":', '{"others":'),
        ('"winner"', '"best"'),
        ('"created_at":', '"created_at":"then","was":'),
        ('"budget_credits":null', '"budget_credits":"much"'),
        ('"warning":null', '"warning":5'),
        ('"video_id":"user:', '"video_id":"../accounts/user:'),
        ('"url":"http', '"url":"file'),
        ('"source_expr":"first"', '"source_expr":"exit()"'),
        ('"source_expr":"first"', '"source_expr":"pv.UploadedFile(exit())"'),
    ],
)
def test_rows_that_cannot_be_are_refused_whole(harness: Harness, tmp_path: Path, text: str, other: str) -> None:
    """A archive whose rows were changed by hand, its manifest too, is refused and changes nothing."""
    here = harness.open()
    job = create_job(here)
    wait_for_video(job)
    here.sweep(make_picture(0), make_picture(200), quality="360p", seed=7).judge(job, "winner")
    here.export(tmp_path / "archive.zip")
    altered(tmp_path / "archive.zip", text, other)
    rejected(harness.open(home=other_home(harness)), tmp_path / "archive.zip")


@pytest.mark.parametrize("name", ["../../private/secret", "/etc/passwd", "**", "", "A" * 64])
@pytest.mark.parametrize("where", ["first", "last", "video", "upload"])
def test_a_picture_name_outside_the_home_is_rejected(harness: Harness, tmp_path: Path, where: str, name: str) -> None:
    """Pictures and videos are named by their sha256: a forged name that leads out of the home is not accepted."""
    here = harness.open()
    wait_for_video(create_job(here))
    here.export(tmp_path / "archive.zip")

    def forge(rows: dict[str, Any]) -> None:
        record = rows["jobs"][0]["record"]
        named = {"first": record["inputs"][0], "last": record["inputs"][1], "video": record["video"]}
        (named | {"upload": rows["uploads"][0]["upload"]})[where]["sha256"] = name

    altered_rows(tmp_path / "archive.zip", forge)
    rejected(harness.open(home=other_home(harness)), tmp_path / "archive.zip")


def test_what_was_paid_and_what_was_not_are_never_mixed(harness: Harness, tmp_path: Path) -> None:
    """The archive of another service is refused."""
    here = harness.open()
    wait_for_video(create_job(here))
    here.export(tmp_path / "archive.zip")
    elsewhere = harness.open(home=other_home(harness), base_url=f"{harness.sandbox.base_url}/other")
    rejected(elsewhere, tmp_path / "archive.zip")


def test_a_cut_archive_changes_nothing(harness: Harness, tmp_path: Path) -> None:
    """A copy that broke off is refused before a single file is written."""
    here = harness.open()
    wait_for_video(create_job(here))
    here.export(tmp_path / "archive.zip")
    archive = tmp_path / "archive.zip"
    archive.write_bytes(archive.read_bytes()[:-100])
    rejected(harness.open(home=other_home(harness)), archive)
