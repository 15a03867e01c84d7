"""Export and import move jobs with their videos to another home, and nothing is charged twice."""

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
    """The home of the other machine."""
    return harness.home.with_name("other")


def tree(home: Path) -> dict[str, bytes]:
    """Return the files of a home except the ledger, which SQLite may write at any time, and the lock."""
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and not path.name.startswith(("ledger.db", "leader-"))
    }


def test_finished_jobs_are_imported(harness: Harness, tmp_path: Path) -> None:
    """Files, jobs, events and uploads are the same on the other machine, and the same call is not charged again."""
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


def test_ratings_are_exported_with_their_jobs(harness: Harness, tmp_path: Path) -> None:
    """Ratings and votes of the exported jobs are imported; those of other jobs are not exported."""
    here = harness.open()
    one = here.sweep(make_picture(0), make_picture(200), quality="360p", seed=[1, 2, 3]).run(quiet=True)
    one.rate("seed 2", "winner", note="the steam")
    one.rate("seed 3", "rejected")
    one.compare(1, 2).vote(one.cells[1].key, one.cells[0].key, "left")
    here.export(tmp_path / "archive.zip", [job.ref for job in one.jobs[:2]])
    there = harness.open(home=other_home(harness))
    there.import_(tmp_path / "archive.zip")
    again = there.sweep(make_picture(0), make_picture(200), quality="360p", seed=[1, 2, 3])
    assert {caption: rating.choice for caption, rating in again.ratings.items()} == {"seed 2": "winner"}
    assert [standing.wins for standing in again.ranking()] == [1, 0]


def test_a_second_import_changes_nothing(harness: Harness, tmp_path: Path) -> None:
    """Known jobs are left alone and counted."""
    here = harness.open()
    job = create_job(here)
    wait_for_video(job)
    here.export(tmp_path / "archive.zip")
    history, files = job.events(), tree(harness.home)
    again = here.import_(tmp_path / "archive.zip")
    assert (again.jobs, again.videos, again.known, again.updated) == (1, 1, 1, 0)
    assert job.events() == history
    assert tree(harness.home) == files


def test_only_the_given_jobs_are_exported(harness: Harness, tmp_path: Path) -> None:
    """`refs` selects the jobs; an unknown ref raises InvalidRequest, and no file is written."""
    here = harness.open()
    one, two = create_job(here, seed=1), create_job(here, first=make_picture(99), seed=2)
    wait_for_video(one)
    wait_for_video(two)
    out = here.export(tmp_path / "one.zip", [two.ref])
    assert (out.jobs, out.videos) == (1, 1)
    with pytest.raises(InvalidRequest) as caught:
        here.export(tmp_path / "none.zip", ["pv-none"])
    assert list(caught.value.fields) == ["refs"]
    assert not (tmp_path / "none.zip").exists()
    there = harness.open(home=other_home(harness))
    there.import_(tmp_path / "one.zip")
    assert [job.ref for job in there.jobs()] == [two.ref]


def test_the_token_is_not_exported(harness: Harness, tmp_path: Path) -> None:
    """An archive contains the account but not the token, and only its owner may read it."""
    here = harness.open()
    wait_for_video(create_job(here))
    here.export(tmp_path / "archive.zip")
    with zipfile.ZipFile(tmp_path / "archive.zip") as plain:
        everything = b"".join(plain.read(name) for name in plain.namelist())
    assert harness.sandbox.token.encode() not in everything
    assert b"-video:" in everything
    if os.name == "posix":
        assert (tmp_path / "archive.zip").stat().st_mode & 0o077 == 0


def test_an_open_job_is_polled_but_not_sent_again(manual_harness: Harness, tmp_path: Path) -> None:
    """A running job is waited for on the other machine and charged once."""
    here = manual_harness.open()
    job = create_job(here)
    wait_for_state(job, JobState.QUEUED)
    here.export(tmp_path / "archive.zip")
    here.close()
    there = manual_harness.open(home=other_home(manual_harness))
    there.import_(tmp_path / "archive.zip")
    (imported,) = there.jobs()
    assert imported.state is JobState.QUEUED
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(imported).path.is_file()
    assert (manual_harness.paid, manual_harness.control.requests["create-frames"]) == (1, 1)


def export_unsent(harness: Harness, archive: Path) -> str:
    """Export one job that was never sent, because every slot was taken; return its ref."""
    here = harness.open(timing=replace(TIMING, busy_wait_s=(600.0, 600.0)))
    harness.control.arm("busy", times=None)
    job = create_job(here)
    wait_until(job, lambda changed: "call_postponed" in [event.kind for event in changed.events()])
    here.export(archive)
    here.close()
    harness.control.disarm()
    return job.ref


def test_an_unsent_job_waits_for_resume(harness: Harness, tmp_path: Path) -> None:
    """Reading it, waiting for it, the same call and a restart do not send an unsent job; `resume()` does, once."""
    ref = export_unsent(harness, tmp_path / "archive.zip")
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


def test_a_second_kernel_does_not_send_it_either(harness: Harness, tmp_path: Path) -> None:
    """Another client of that home, busy with its own jobs, does not send the imported job."""
    ref = export_unsent(harness, tmp_path / "archive.zip")
    harness.control.speed = 0.0
    busy = harness.open(home=other_home(harness))
    own = create_job(busy, seed=99)
    wait_for_state(own, JobState.QUEUED)
    harness.open(home=other_home(harness)).import_(tmp_path / "archive.zip")
    harness.control.advance(LONGEST_JOB_S)
    wait_for_video(own)
    assert busy.job(ref).state is JobState.WAITING
    assert harness.paid == 1


def test_a_video_from_the_other_machine_comes_back(harness: Harness, tmp_path: Path) -> None:
    """The first machine learns from an archive that the other one was charged, and sends nothing."""
    ref = export_unsent(harness, tmp_path / "out.zip")
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


def test_an_import_restores_a_modified_video(harness: Harness, tmp_path: Path) -> None:
    """A modified video is replaced by the one in the archive."""
    here = harness.open()
    job = create_job(here)
    video = wait_for_video(job)
    here.export(tmp_path / "archive.zip")
    whole = video.path.read_bytes()
    video.path.write_bytes(b"modified")
    here.import_(tmp_path / "archive.zip")
    assert video.path.read_bytes() == whole


def test_a_modified_video_is_not_exported(harness: Harness, tmp_path: Path) -> None:
    """A modified video is left out and named in the summary; the other machine downloads it."""
    here = harness.open()
    job = create_job(here)
    video = wait_for_video(job)
    video.path.write_bytes(b"modified")
    out = here.export(tmp_path / "archive.zip")
    assert out.without_video == (job.ref,)
    there = harness.open(home=other_home(harness))
    there.import_(tmp_path / "archive.zip")
    assert wait_for_video(there.job(job.ref)).sha256 == video.sha256


def replace_in_rows(archive: Path, text: str, other: str) -> None:
    """Replace a text in the rows and adjust the manifest."""

    def replace_text(data: bytes) -> bytes:
        assert text.encode() in data
        return data.replace(text.encode(), other.encode())

    rewrite(archive, replace_text)


def change_rows(archive: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the rows and adjust the manifest."""

    def change_json(data: bytes) -> bytes:
        rows = json.loads(data)
        change(rows)
        return json.dumps(rows).encode()

    rewrite(archive, change_json)


def rewrite(archive: Path, change: Callable[[bytes], bytes]) -> None:
    """Write the archive again with changed rows and a matching manifest."""
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
        ('"quality":"360p"', '"quality":"8k"'),
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
def test_an_archive_with_invalid_rows_is_rejected(harness: Harness, tmp_path: Path, text: str, other: str) -> None:
    """An archive whose rows and manifest were edited is rejected and changes nothing."""
    here = harness.open()
    job = create_job(here)
    wait_for_video(job)
    here.sweep(make_picture(0), make_picture(200), quality="360p", seed=7).rate(job, "winner")
    here.export(tmp_path / "archive.zip")
    replace_in_rows(tmp_path / "archive.zip", text, other)
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

    change_rows(tmp_path / "archive.zip", forge)
    rejected(harness.open(home=other_home(harness)), tmp_path / "archive.zip")


def test_the_archive_of_another_service_is_rejected(harness: Harness, tmp_path: Path) -> None:
    """Jobs of another service are never imported."""
    here = harness.open()
    wait_for_video(create_job(here))
    here.export(tmp_path / "archive.zip")
    elsewhere = harness.open(home=other_home(harness), base_url=f"{harness.sandbox.base_url}/other")
    rejected(elsewhere, tmp_path / "archive.zip")


def test_a_truncated_archive_changes_nothing(harness: Harness, tmp_path: Path) -> None:
    """A truncated archive is rejected before any file is written."""
    here = harness.open()
    wait_for_video(create_job(here))
    here.export(tmp_path / "archive.zip")
    archive = tmp_path / "archive.zip"
    archive.write_bytes(archive.read_bytes()[:-100])
    rejected(harness.open(home=other_home(harness)), archive)
