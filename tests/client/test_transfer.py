"""A bundle carries jobs and their videos to another home, verified, and never makes anything be paid twice."""

import hashlib
import json
import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import InvalidRequest, JobError, LedgerError
from tests.client.harness import (
    A_JOB_S,
    PATIENCE_S,
    TIMING,
    Harness,
    finished,
    kinds,
    order,
    picture,
    reached,
    until,
)


def other_home(house: Harness) -> Path:
    """Where the other machine keeps its jobs."""
    return house.home.with_name("other")


def tree(home: Path) -> dict[str, bytes]:
    """Return every file of a home but SQLite's own beside the ledger, whose pages may be written at any time."""
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and not path.name.startswith(("ledger.db", "seat-"))
    }


def test_finished_jobs_are_there_on_the_other_machine(house: Harness, tmp_path: Path) -> None:
    """Two videos travel: the same files, jobs, histories and uploads; the same call is answered without paying."""
    here = house.open()
    made = [order(here, seed=seed) for seed in (1, 2)]
    videos = [finished(job) for job in made]
    out = here.export(tmp_path / "bundle.zip")
    assert str(out).startswith("2 jobs and 2 videos, ")
    here.close()
    shutil.rmtree(house.home)
    there = house.open(home=other_home(house))
    came = there.import_(tmp_path / "bundle.zip")
    assert str(came) == "2 jobs and 2 videos"
    for job, video in zip(made, videos, strict=True):
        found = there.job(job.ref)
        assert finished(found).sha256 == video.sha256
        assert Path(found.result().path).parent == other_home(house) / "videos"
        assert "came in a bundle" in [event.text for event in found.events()][-1]
        assert len(found.events()) > 4
    again = order(there, seed=1)
    assert again.ref == made[0].ref
    assert len(there.uploads()) == 2
    assert there.verify().is_intact
    assert house.paid == 2


def test_what_was_said_of_the_videos_travels_with_them(house: Harness, tmp_path: Path) -> None:
    """Verdicts and judgements of the jobs in a bundle are there on the other machine, those of others stay at home."""
    here = house.open()
    one = here.sweep(picture(0), picture(200), quality="360p", seed=[1, 2, 3]).run(quiet=True)
    one.judge("seed 2", "winner", note="the steam")
    one.judge("seed 3", "rejected")
    one.compare(1, 2).judge(one.cells[1].key, one.cells[0].key, "left")
    here.export(tmp_path / "bundle.zip", [job.ref for job in one.jobs[:2]])
    there = house.open(home=other_home(house))
    there.import_(tmp_path / "bundle.zip")
    again = there.sweep(picture(0), picture(200), quality="360p", seed=[1, 2, 3])
    assert {caption: verdict.choice for caption, verdict in again.verdicts.items()} == {"seed 2": "winner"}
    assert [standing.wins for standing in again.ranking()] == [1, 0]


def test_a_second_import_changes_nothing(house: Harness, tmp_path: Path) -> None:
    """What is there already is left alone, and said."""
    here = house.open()
    job = order(here)
    finished(job)
    here.export(tmp_path / "bundle.zip")
    history, files = job.events(), tree(house.home)
    assert str(here.import_(tmp_path / "bundle.zip")) == "1 job and 1 video, 1 was there already"
    assert job.events() == history
    assert tree(house.home) == files


def test_chosen_jobs_only(house: Harness, tmp_path: Path) -> None:
    """With refs only these travel, with their pictures alone; an unknown ref is refused and no file is made."""
    here = house.open()
    one, two = order(here, seed=1), order(here, first=picture(99), seed=2)
    finished(one)
    finished(two)
    out = here.export(tmp_path / "one.zip", [two.ref])
    assert (out.jobs, out.videos) == (1, 1)
    with pytest.raises(InvalidRequest, match="no job 'pv-none'"):
        here.export(tmp_path / "none.zip", ["pv-none"])
    assert not (tmp_path / "none.zip").exists()
    there = house.open(home=other_home(house))
    there.import_(tmp_path / "one.zip")
    assert [job.ref for job in there.jobs()] == [two.ref]


def test_no_token_travels(house: Harness, tmp_path: Path) -> None:
    """The token is nowhere in a bundle; the account is, which is why it is a private file."""
    here = house.open()
    finished(order(here))
    here.export(tmp_path / "bundle.zip")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as plain:
        everything = b"".join(plain.read(name) for name in plain.namelist())
    assert house.box.token.encode() not in everything
    assert b"-video:" in everything
    if os.name == "posix":
        assert (tmp_path / "bundle.zip").stat().st_mode & 0o077 == 0


def test_an_open_job_is_watched_there_and_not_sent(still: Harness, tmp_path: Path) -> None:
    """A job that is being made is waited for on both machines and paid once."""
    here = still.open()
    job = order(here)
    reached(job, JobState.QUEUED)
    here.export(tmp_path / "bundle.zip")
    here.close()
    there = still.open(home=other_home(still))
    there.import_(tmp_path / "bundle.zip")
    (carried,) = there.jobs()
    assert carried.state is JobState.QUEUED
    still.control.advance(A_JOB_S)
    assert finished(carried).path.is_file()
    assert (still.paid, still.control.requests["create-frames-v3"]) == (1, 1)


def packed_unsent(house: Harness, bundle: Path) -> str:
    """Write a bundle with one job that was never sent, because every slot was taken; return its ref."""
    here = house.open(timing=replace(TIMING, busy_wait_s=(600.0, 600.0)))
    house.control.arm("busy", times=None)
    job = order(here)
    until(job, lambda changed: "call_postponed" in kinds(changed))
    here.export(bundle)
    here.close()
    house.control.disarm()
    return job.ref


def test_what_was_never_sent_waits_for_a_word(house: Harness, tmp_path: Path) -> None:
    """Neither a look, nor waiting, nor the same call, nor a restart sends it there; `resume()` does, once."""
    ref = packed_unsent(house, tmp_path / "bundle.zip")
    there = house.open(home=other_home(house))
    came = there.import_(tmp_path / "bundle.zip")
    assert came.unsent == (ref,)
    assert "job.resume() sends it from here" in str(came)
    with pytest.raises(JobError, match="the machine it comes from may still send it"):
        there.job(ref).result(timeout=PATIENCE_S)
    assert order(there).ref == ref
    there.close()
    again = house.open(home=other_home(house))
    again.reconcile()
    assert again.job(ref).state is JobState.WAITING
    assert house.paid == 0
    job = again.job(ref)
    job.resume()
    finished(job)
    assert house.paid == 1


def test_a_second_kernel_there_does_not_send_it_either(house: Harness, tmp_path: Path) -> None:
    """Another process of that home, busy with its own jobs, sees the job come and leaves it alone."""
    ref = packed_unsent(house, tmp_path / "bundle.zip")
    house.control.speed = 0.0
    busy = house.open(home=other_home(house))
    own = order(busy, seed=99)
    reached(own, JobState.QUEUED)
    house.open(home=other_home(house)).import_(tmp_path / "bundle.zip")
    house.control.advance(A_JOB_S)
    finished(own)
    assert busy.job(ref).state is JobState.WAITING
    assert house.paid == 1


def test_a_video_made_there_comes_back(house: Harness, tmp_path: Path) -> None:
    """The machine that waited to send learns from the bundle that the other one paid, and pays nothing."""
    ref = packed_unsent(house, tmp_path / "out.zip")
    there = house.open(home=other_home(house))
    there.import_(tmp_path / "out.zip")
    job = there.job(ref)
    job.resume()
    finished(job)
    there.export(tmp_path / "back.zip")
    here = house.open()
    came = here.import_(tmp_path / "back.zip")
    assert (came.known, came.updated) == (1, 1)
    assert finished(here.job(ref)).path.is_file()
    assert finished(order(here)).ref == ref
    assert house.paid == 1


def test_a_lost_film_comes_back_with_a_bundle(house: Harness, tmp_path: Path) -> None:
    """A file that was altered here takes the bundle's bytes again; the job's row is left alone."""
    here = house.open()
    job = order(here)
    video = finished(job)
    here.export(tmp_path / "bundle.zip")
    whole = video.path.read_bytes()
    video.path.write_bytes(b"altered")
    here.import_(tmp_path / "bundle.zip")
    assert video.path.read_bytes() == whole


def test_a_film_that_is_not_whole_stays_behind(house: Harness, tmp_path: Path) -> None:
    """An altered film is not packed as if it were whole; the summary says so, and it is fetched there."""
    here = house.open()
    job = order(here)
    video = finished(job)
    video.path.write_bytes(b"altered")
    out = here.export(tmp_path / "bundle.zip")
    assert out.without_video == (job.ref,)
    assert "not whole on this disk" in str(out)
    there = house.open(home=other_home(house))
    there.import_(tmp_path / "bundle.zip")
    assert finished(there.job(job.ref)).sha256 == video.sha256


def altered(bundle: Path, text: str, other: str) -> None:
    """Replace a text in the rows and mend the manifest, as a careful forger would."""
    with zipfile.ZipFile(bundle) as plain:
        members = {name: plain.read(name) for name in plain.namelist()}
    assert text.encode() in members["rows.json"]
    members["rows.json"] = members["rows.json"].replace(text.encode(), other.encode())
    manifest = json.loads(members["manifest.json"])
    rows = members["rows.json"]
    manifest["members"]["rows.json"] = {"size": len(rows), "sha256": hashlib.sha256(rows).hexdigest()}
    members["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(bundle, "w") as written:
        for name, data in members.items():
            written.writestr(name, data)


def refused(client: Client, bundle: Path, said: str) -> None:
    """Check that a bundle is refused with `said`, and changes nothing."""
    before, jobs = tree(client.home), [job.ref for job in client.jobs()]
    with pytest.raises(LedgerError, match=said):
        client.import_(bundle)
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
        ('"source_exprs":["first"', '"source_exprs":["exit()"'),
        ('"source_exprs":["first"', '"source_exprs":["pv.UploadedFile(exit())"'),
    ],
)
def test_rows_that_cannot_be_are_refused_whole(house: Harness, tmp_path: Path, text: str, other: str) -> None:
    """A bundle whose rows were changed by hand, its manifest too, is refused and changes nothing."""
    here = house.open()
    job = order(here)
    finished(job)
    here.sweep(picture(0), picture(200), quality="360p", seed=7).judge(job, "winner")
    here.export(tmp_path / "bundle.zip")
    altered(tmp_path / "bundle.zip", text, other)
    refused(house.open(home=other_home(house)), tmp_path / "bundle.zip", "damaged or incomplete")


@pytest.mark.parametrize("name", ["../../private/secret", "/etc/passwd", "**", "", "A" * 64])
@pytest.mark.parametrize("which", ["first_sha", "last_sha", "sha256"])
def test_a_picture_that_lies_elsewhere_is_refused(house: Harness, tmp_path: Path, which: str, name: str) -> None:
    """What names a picture or a video is a sha256: a forger's name that leads out of the home is not taken."""
    here = house.open()
    finished(order(here))
    here.export(tmp_path / "bundle.zip")
    altered(tmp_path / "bundle.zip", f'"{which}":"', f'"{which}":{json.dumps(name)},"was":"')
    refused(house.open(home=other_home(house)), tmp_path / "bundle.zip", "damaged or incomplete")


def test_what_was_paid_and_what_was_not_are_never_mixed(house: Harness, tmp_path: Path) -> None:
    """The bundle of another service is refused."""
    here = house.open()
    finished(order(here))
    here.export(tmp_path / "bundle.zip")
    elsewhere = house.open(home=other_home(house), base_url=f"{house.box.base_url}/other")
    refused(elsewhere, tmp_path / "bundle.zip", "of another service")


def test_a_cut_bundle_changes_nothing(house: Harness, tmp_path: Path) -> None:
    """A copy that broke off is refused before a single file is written."""
    here = house.open()
    finished(order(here))
    here.export(tmp_path / "bundle.zip")
    bundle = tmp_path / "bundle.zip"
    bundle.write_bytes(bundle.read_bytes()[:-100])
    refused(house.open(home=other_home(house)), bundle, "damaged or incomplete")
