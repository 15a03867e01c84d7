"""Importing an archive with invalid values: LedgerError, and neither the ledger nor a file changes."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.archive.archive import ROWS, job_row, ratings_rows, write_archive
from pixverse_nb.archive.transfer import Imported, import_archive
from pixverse_nb.domain.jobs import JobEvent, JobState, StoredVideo
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.ratings import PairwiseVote, Rating
from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.errors import LedgerError
from pixverse_nb.ledger.jobs import ExportedJob, ExportedUpload, Ledger
from pixverse_nb.ledger.sweeps import ExportedRatings
from tests.factories import FIRST_SHA, NOW, a_record, a_video_id

JOB = a_record(
    state=JobState.DONE,
    attempt=1,
    video_id=a_video_id(),
    url="https://media.example.org/1.mp4",
    charged="yes",
    estimated_credits=60,
    cost_credits=45,
    video=StoredVideo("videos/pv-cell-0001.mp4", "f" * 64, 9, 64, 36, 5.0),
    notices=(Notice("padded", {"width": 64, "height": 36, "aspect_ratio": "16:9", "role": "first"}),),
)
PICTURE = b"a prepared picture"
Rows = dict[str, Any]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """The ledger of a new home."""
    ledger = Ledger(tmp_path / "home" / "ledger.db", service=JOB.service)
    yield ledger
    ledger.close()


def imported(ledger: Ledger, folder: Path, change: Callable[[Rows], object] = lambda _: None) -> Imported:
    """Import an archive with one job, an upload, a rating and a vote after `change` to its rows."""
    events = (JobEvent(NOW, JobState.PLANNED, "created"), JobEvent(NOW + 9, JobState.DONE, "downloaded"))
    upload = ExportedUpload(UploadedFile("upload/1", sha256=FIRST_SHA), "", NOW)
    votes = (PairwiseVote(JOB.request.content_key, "b", "left", NOW),)
    rows: Rows = {
        "jobs": [job_row(ExportedJob(JOB, events))],
        "uploads": [asdict(upload)],
        "ratings": ratings_rows(ExportedRatings(((JOB.request.content_key, Rating("winner", "best"), NOW),), votes)),
    }
    change(rows)
    picture = folder / "picture"
    picture.write_bytes(PICTURE)
    members: dict[str, bytes | Path] = {ROWS: json.dumps(rows).encode(), f"pictures/{sha256(PICTURE)}.png": picture}
    write_archive(folder / "archive.zip", members, facts={"service": JOB.service}, overwrite=True)
    home = folder / "home"
    summary, _ = import_archive(folder / "archive.zip", ledger=ledger, home=home, at=NOW, deadline_at=NOW + 99)
    return summary


def sha256(data: bytes) -> str:
    """The sha256 of some bytes (hex)."""
    return hashlib.sha256(data).hexdigest()


def record(**values: Any) -> Callable[[Rows], object]:
    """A change of fields of the job."""
    return lambda rows: rows["jobs"][0]["record"].update(values)


def first(name: str, at: int, value: Any) -> Callable[[Rows], object]:
    """A change of one column of the first rating, vote or event."""

    def change(rows: Rows) -> None:
        table = rows["jobs"][0]["events"] if name == "events" else rows["ratings"][name]
        table[0][at] = value

    return change


def test_valid_rows_are_imported(ledger: Ledger, tmp_path: Path) -> None:
    """Jobs, events, uploads, ratings, votes and pictures are imported; importing them again changes nothing."""
    assert (imported(ledger, tmp_path).jobs, imported(ledger, tmp_path).known) == (1, 1)
    key = JOB.request.content_key
    assert [job.ref for job in ledger.jobs(limit=9)] == [JOB.ref]
    assert [event.kind for event in ledger.events(JOB.ref)] == ["created", "imported", "downloaded"]
    assert ledger.find_upload(FIRST_SHA, account=None) == UploadedFile("upload/1", sha256=FIRST_SHA)
    assert ledger.ratings.ratings([key]) == {key: Rating("winner", "best")}
    assert len(ledger.ratings.votes([key, "b"])) == 1
    assert (tmp_path / "home" / "pictures" / f"{sha256(PICTURE)}.png").read_bytes() == PICTURE


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(record(ref="../pv"), id="ref"),
        pytest.param(record(service="elsewhere"), id="service"),
        pytest.param(record(state="enchanted"), id="state"),
        pytest.param(record(charged="maybe"), id="charged"),
        pytest.param(record(attempt=-1), id="negative attempt"),
        pytest.param(record(attempt=True), id="bool as a number"),
        pytest.param(record(cost_credits=-45), id="negative cost"),
        pytest.param(record(estimated_credits=-45), id="negative estimate"),
        pytest.param(record(cost_credits=2**70), id="huge cost"),
        pytest.param(record(created_at=2**70), id="huge time"),
        pytest.param(record(created_at=float("nan")), id="time that is not a number"),
        pytest.param(record(deadline_at=float("inf")), id="infinite time"),
        pytest.param(record(created_at="now"), id="text as a time"),
        pytest.param(record(video_id="../accounts"), id="video id with a path"),
        pytest.param(record(video_id="\ud800"), id="half a surrogate pair"),
        pytest.param(record(url="file:///etc/passwd"), id="url"),
        pytest.param(record(warning=5), id="warning"),
        pytest.param(record(notices=[{"kind": "padded"}]), id="notice without its data"),
        pytest.param(record(error={"kind": "file_lost", "data": {}}), id="error without its data"),
        pytest.param(record(inputs=[{"role": "first", "sha256": "../x"}]), id="picture name"),
        pytest.param(record(inputs=[{"role": "first", "source_expr": "exit()"}]), id="code"),
        pytest.param(record(inputs=[{"role": 1}]), id="role"),
        pytest.param(record(video={"name": "videos/x.mp4", "sha256": "f" * 64, "size_bytes": 9}), id="video name"),
        pytest.param(lambda rows: rows["jobs"][0]["record"]["video"].update(size_bytes=-1), id="video size"),
        pytest.param(lambda rows: rows["jobs"][0]["record"]["request"]["params"].update(quality="9p"), id="request"),
        pytest.param(lambda rows: rows["uploads"][0]["upload"].update(sha256=None), id="upload without a picture"),
        pytest.param(lambda rows: rows["uploads"][0].update(account=None), id="upload without an account"),
        pytest.param(lambda rows: rows.pop("ratings"), id="no ratings"),
        pytest.param(first("events", 0, "inf"), id="event time"),
        pytest.param(first("events", 1, "enchanted"), id="event state"),
        pytest.param(first("events", 3, 5), id="event data"),
        pytest.param(first("ratings", 1, "best"), id="rating"),
        pytest.param(first("ratings", 2, None), id="note"),
        pytest.param(first("ratings", 3, "nan"), id="rating time"),
        pytest.param(first("votes", 2, "both"), id="vote"),
        pytest.param(first("votes", 4, 1), id="blind"),
    ],
)
def test_invalid_rows_import_nothing(ledger: Ledger, tmp_path: Path, change: Callable[[Rows], object]) -> None:
    """One invalid value rejects the whole archive."""
    with pytest.raises(LedgerError):
        imported(ledger, tmp_path, change)
    assert (ledger.count(), ledger.uploads()) == (0, [])
    assert ledger.ratings.ratings([JOB.request.content_key]) == {}
    assert not (tmp_path / "home" / "pictures").exists()
