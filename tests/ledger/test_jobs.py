"""Jobs, events, uploads and budgets in the ledger."""

import json
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixverse_nb.domain.jobs import FINAL_STATES, JobRecord, JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.errors import BudgetReached, LedgerError
from pixverse_nb.ledger.jobs import Ledger
from tests.factories import NOW, a_record, a_request, a_video_id


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    one = Ledger(tmp_path / "ledger.db", service="https://api.example.org")
    yield one
    one.close()


def added(ledger: Ledger, **changes: object) -> JobRecord:
    """Add a job with `changes`, without reuse."""
    record, is_new = ledger.find_or_add(replace(a_record(), **changes), reuse=False)  # type: ignore[arg-type]  # field names of this file
    assert is_new
    return record


def test_an_added_job_is_found(ledger: Ledger) -> None:
    """A new job is found by its ref, is open, and has its first event."""
    record = added(ledger)
    assert record == a_record(version=1)
    assert ledger.load(record.ref) == record
    assert ledger.open_jobs() == [record]
    (event,) = ledger.events(record.ref)
    assert (event.at, event.state, event.kind) == (NOW, JobState.PLANNED, "created")


def test_the_same_call_finds_the_same_job(ledger: Ledger) -> None:
    """A second call for the same video returns the first job and adds nothing."""
    first = added(ledger)
    found, is_new = ledger.find_or_add(a_record(ref="pv-cell-0002", created_at=NOW + 9), reuse=True)
    assert (found, is_new) == (first, False)
    assert len(ledger.jobs(limit=9)) == 1


def test_jobs_whose_credits_may_still_come_back(ledger: Ledger) -> None:
    """Failed and moderated jobs, and finished ones that were moderated afterwards; not those that were refunded."""
    afterwards = (Notice("moderated_afterwards", {"at": NOW + 90}),)
    end = {"video_id": a_video_id(1), "charged": "yes", "finished_at": NOW + 60}
    rows: dict[str, dict[str, object]] = {
        "failed": {"state": JobState.FAILED},
        "moderated": {"state": JobState.MODERATED, "refund_credits": 0},
        "kept": {"state": JobState.DONE, "notices": afterwards},
        "refunded": {"state": JobState.DONE, "notices": afterwards, "refund_credits": 20},
        "done": {"state": JobState.DONE},
        "old": {"state": JobState.DONE, "notices": afterwards, "created_at": NOW - 90_000},
    }
    for number, (ref, changes) in enumerate(rows.items()):
        added(ledger, ref=ref, **{**end, "video_id": a_video_id(number), **changes})
    assert {record.ref for record in ledger.awaiting_refund(ended_after=NOW)} == {"failed", "moderated", "kept"}


def never(draft: JobRecord, lost: JobRecord) -> bool:
    """Say that no lost call can be this generation."""
    return False


def test_a_generation_is_adopted_once(ledger: Ledger) -> None:
    """Drafts of one generation from two processes become one job; a ref in use gets an addition."""
    taken = added(ledger, video_id=a_video_id(1))
    drafts = [a_record(ref=f"pv-{name}", video_id=a_video_id(2), charged="yes") for name in ("one", "two")]
    assert [record.ref for record in ledger.add_adopted(drafts[:1], at=NOW, may_be=never, most=9)] == ["pv-one"]
    assert ledger.add_adopted(drafts[1:], at=NOW, may_be=never, most=9) == []
    (other,) = ledger.add_adopted([replace(taken, video_id=a_video_id(3))], at=NOW, may_be=never, most=9)
    assert (other.ref.startswith(f"{taken.ref}-"), ledger.load(taken.ref)) == (True, taken)
    assert [event.kind for event in ledger.events(other.ref)] == ["adopted"]


def test_the_newest_are_adopted_first(ledger: Ledger) -> None:
    """Of drafts of the same second, newest first, the first `most` are added, and stay in that order."""
    drafts = [a_record(ref=f"pv-{number}", video_id=a_video_id(number)) for number in (4, 3, 2, 1)]
    found = ledger.add_adopted(drafts, at=NOW, may_be=never, most=3)
    assert (
        [record.ref for record in found] == [record.ref for record in ledger.jobs(limit=9)] == ["pv-4", "pv-3", "pv-2"]
    )


@pytest.mark.parametrize("state", list(JobState))
@pytest.mark.parametrize("charged", ["unknown", "no"])
def test_lost_calls_are_asked_about(ledger: Ledger, state: JobState, charged: str) -> None:
    """Whether a draft may be a lost call is asked for every job that can still be settled, and for no other."""
    added(ledger, state=state, charged=charged)
    asked: list[str] = []

    def may_be(draft: JobRecord, lost: JobRecord) -> bool:
        asked.append(lost.ref)
        return True

    found = ledger.add_adopted([a_record(ref="pv-one", video_id=a_video_id())], at=NOW, may_be=may_be, most=9)
    can_settle = charged == "unknown" and (state not in FINAL_STATES or state.value in ("cancelled", "timed_out"))
    assert (bool(asked), bool(found)) == (can_settle, not can_settle)


@pytest.mark.parametrize("state", list(JobState))
def test_which_states_are_reused(ledger: Ledger, state: JobState) -> None:
    """An open, finished or timed-out job is reused; a failed, moderated, refused or cancelled one is not."""
    added(ledger, state=state)
    no_more = {JobState.FAILED, JobState.MODERATED, JobState.REFUSED, JobState.CANCELLED}
    _, is_new = ledger.find_or_add(a_record(ref="pv-cell-0002"), reuse=True)
    assert is_new is (state in no_more)


def test_reuse_false_adds_another_job(ledger: Ledger) -> None:
    """With `reuse=False` a new job is added, and the next call finds the newest."""
    added(ledger)
    second = added(ledger, ref="pv-cell-0002", created_at=NOW + 1)
    found, _ = ledger.find_or_add(a_record(ref="pv-cell-0003", created_at=NOW + 2), reuse=True)
    assert found == second
    assert ledger.find_reusable(a_record(ref="x")) == second


def test_a_call_without_a_seed_finds_drawn_seeds(ledger: Ledger) -> None:
    """A call without a seed finds the newest drawn seed; a call with a seed finds that seed, drawn or not."""
    named = added(ledger, ref="a", request=a_request(seed=1))
    drawn = added(ledger, ref="b", request=a_request(seed=2), seed_was_drawn=True, created_at=NOW + 1)
    added(ledger, ref="c", request=a_request(seed=3), created_at=NOW + 2)

    def found(seed: int, *, was_drawn: bool) -> JobRecord | None:
        return ledger.find_reusable(a_record(ref="x", request=a_request(seed=seed), seed_was_drawn=was_drawn))

    assert found(99, was_drawn=True) == drawn
    assert found(2, was_drawn=False) == drawn
    assert found(1, was_drawn=False) == named
    assert found(99, was_drawn=False) is None


def test_services_are_separate(ledger: Ledger, tmp_path: Path) -> None:
    """Jobs and uploads of the sandbox are never reused for, or listed with, those of a paid service."""
    added(ledger, video_id=a_video_id())
    ledger.add_upload(UploadedFile("upload/1", sha256="aa"), account=None, at=NOW)
    other = Ledger(tmp_path / "ledger.db", service="sandbox")
    assert [*other.jobs(limit=9), *other.open_jobs(), *other.uploads()] == []
    assert other.load(a_record().ref) is None
    assert other.load_by_video(a_video_id()) is None
    assert other.find_reusable(a_record()) is None
    assert other.find_upload("aa", account=None) is None
    other.close()


def test_simultaneous_calls_get_one_job(tmp_path: Path) -> None:
    """Sixteen threads on four connections make the same call at once: one adds the job, fifteen reuse it."""
    ledgers = [Ledger(tmp_path / "ledger.db", service="s") for _ in range(4)]
    start = threading.Barrier(16)
    found: list[tuple[JobRecord, bool]] = []

    def ask(number: int) -> None:
        start.wait()
        found.append(ledgers[number % 4].find_or_add(a_record(ref=f"pv-{number}"), reuse=True))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [is_new for _, is_new in found].count(True) == 1
    assert len({record.ref for record, _ in found}) == 1
    for ledger in ledgers:
        ledger.close()


def test_a_save_raises_the_version_and_adds_an_event(ledger: Ledger) -> None:
    """Each save stores the next version and one event."""
    record = added(ledger)
    saved = ledger.save(replace(record, state=JobState.UPLOADING), at=NOW + 1, kind="uploading", data={})
    assert saved == replace(record, state=JobState.UPLOADING, version=2)
    assert ledger.load(record.ref) == saved
    assert [event.kind for event in ledger.events(record.ref)] == ["created", "uploading"]


def test_an_outdated_record_is_not_saved(ledger: Ledger) -> None:
    """A write that is not based on the newest version returns None: two processes never change one job at once."""
    record = added(ledger)
    newest = ledger.save(replace(record, state=JobState.UPLOADING), at=NOW + 1, kind="one", data={})
    assert ledger.save(replace(record, state=JobState.CANCELLED), at=NOW + 2, kind="two", data={}) is None
    assert ledger.load(record.ref) == newest
    assert len(ledger.events(record.ref)) == 2


def test_an_unknown_job_cannot_be_saved(ledger: Ledger) -> None:
    """Saving does not add a job."""
    assert ledger.save(a_record(version=1), at=NOW, kind="x", data={}) is None
    assert ledger.jobs(limit=9) == []


def test_an_intent_needs_the_lease(ledger: Ledger) -> None:
    """The intent of a paid call is stored only under the current epoch; other changes need no epoch."""
    record = added(ledger)
    intent = replace(record, state=JobState.SUBMITTING, charged="unknown")
    assert ledger.save(intent, at=NOW, kind="intent", data={}, epoch=1) is None
    first = ledger.leases.acquire("me", after=0, has_lock=True)
    assert first is not None
    second = ledger.leases.acquire("other", after=first, has_lock=True)
    assert ledger.save(intent, at=NOW, kind="intent", data={}, epoch=first) is None
    assert ledger.load(record.ref) == record
    stored = ledger.save(intent, at=NOW, kind="intent", data={}, epoch=second)
    assert stored is not None
    assert ledger.save(replace(stored, state=JobState.QUEUED), at=NOW, kind="accepted", data={}) is not None


def spending(**changes: object) -> JobRecord:
    """An intent for about 60 credits, with `changes`."""
    return replace(a_record(ref="new", state=JobState.SUBMITTING, estimated_credits=60), **changes)  # type: ignore[arg-type]  # field names of this file


@pytest.mark.parametrize(
    ("charged", "cost", "estimate", "counts"),
    [("yes", 90, 60, 90), ("unknown", None, 60, 60), ("no", 90, 60, 0), ("yes", None, None, 0), ("yes", 0, 60, 0)],
)
def test_a_budget_counts_what_may_have_been_charged(
    ledger: Ledger, charged: str, cost: int | None, estimate: int | None, counts: int
) -> None:
    """Charges that are certain or possible count, and an intent beyond the budget is not stored."""
    epoch = ledger.leases.acquire("me", after=0, has_lock=True)
    added(ledger, ref="old", charged=charged, cost_credits=cost, estimated_credits=estimate)
    assert ledger.spent_credits() == counts
    before = added(ledger, ref="new", request=a_request(seed=2))
    intent = spending(version=before.version, request=before.request)
    with pytest.raises(BudgetReached) as caught:
        ledger.save(replace(intent, budget_credits=counts + 59), at=NOW, kind="intent", data={}, epoch=epoch)
    assert caught.value.may_have_been_charged == "no"
    assert ledger.load("new") == before
    assert (
        ledger.save(replace(intent, budget_credits=counts + 60), at=NOW, kind="intent", data={}, epoch=epoch)
        is not None
    )


def test_a_job_does_not_count_against_its_own_budget(ledger: Ledger) -> None:
    """The estimate of a job's earlier attempt does not count when it is sent again."""
    epoch = ledger.leases.acquire("me", after=0, has_lock=True)
    before = added(ledger, ref="new", charged="unknown", estimated_credits=60)
    again = spending(version=before.version, budget_credits=60)
    assert ledger.save(again, at=NOW, kind="intent", data={}, epoch=epoch) is not None


def test_jobs_are_listed_newest_first_and_open_ones_oldest_first(ledger: Ledger) -> None:
    """Lists for people start with the newest job, the engine's with the oldest."""
    for number, state in enumerate((JobState.DONE, JobState.PLANNED, JobState.FAILED, JobState.QUEUED)):
        added(ledger, ref=f"pv-{number}", created_at=NOW + number, state=state)
    added(ledger, ref="pv-4", created_at=NOW + 3)
    assert [record.ref for record in ledger.jobs(limit=3)] == ["pv-4", "pv-3", "pv-2"]
    assert [record.ref for record in ledger.open_jobs()] == ["pv-1", "pv-3", "pv-4"]
    assert [record.ref for record in ledger.finished_jobs(limit=9)] == ["pv-0"]


@pytest.mark.parametrize("state", list(JobState))
def test_jobs_that_are_not_final_are_open(ledger: Ledger, state: JobState) -> None:
    """A job is open in every state that is not final."""
    added(ledger, state=state)
    assert bool(ledger.open_jobs()) is (state not in FINAL_STATES)


def test_a_job_is_found_by_the_vendors_id(ledger: Ledger) -> None:
    """An accepted job is found by the vendor's id."""
    record = added(ledger)
    assert not ledger.knows_video(a_video_id())
    saved = ledger.save(replace(record, video_id=a_video_id(), state=JobState.QUEUED), at=NOW, kind="accepted", data={})
    assert ledger.load_by_video(a_video_id()) == saved
    assert ledger.knows_video(a_video_id())


def test_changes_are_followed_by_a_mark(ledger: Ledger) -> None:
    """`changes_since` returns the jobs that changed after a mark, each once, as they are now."""
    first, second = added(ledger, ref="a"), added(ledger, ref="b")
    mark = ledger.change_mark()
    assert ledger.changes_since(mark) == (mark, [])
    one = ledger.save(replace(first, state=JobState.UPLOADING), at=NOW, kind="x", data={})
    assert one is not None
    two = ledger.save(replace(one, state=JobState.WAITING), at=NOW, kind="y", data={})
    newer, changed = ledger.changes_since(mark)
    assert changed == [two]
    assert ledger.changes_since(newer) == (newer, [])
    assert ledger.changes_since(0)[1] == [two, second]


def test_everything_is_stored(tmp_path: Path) -> None:
    """Jobs, events and uploads are the same after the ledger was closed and opened again."""
    before = Ledger(tmp_path / "ledger.db", service="s")
    record = added(before, notices=(Notice("one"),), missing_poll_starts=(NOW,), video_id=a_video_id())
    before.add_upload(UploadedFile("upload/1", 7, "https://x", 9, "aa"), account=None, at=NOW)
    events = before.events(record.ref)
    before.close()
    after = Ledger(tmp_path / "ledger.db", service="s")
    assert after.load(record.ref) == record
    assert after.events(record.ref) == events
    assert after.uploads() == [UploadedFile("upload/1", 7, "https://x", 9, "aa")]
    after.close()


def test_uploads_belong_to_an_account(ledger: Ledger) -> None:
    """An upload to one account is not found for another."""
    upload = UploadedFile("upload/1", sha256="aa")
    ledger.add_upload(upload, account="one@example.org", at=NOW)
    assert ledger.find_upload("aa", account="one@example.org") == upload
    assert ledger.find_upload("aa", account="two@example.org") is None
    assert ledger.find_upload("aa", account=None) is None
    assert ledger.find_upload("bb", account="one@example.org") is None


def test_uploads_are_replaced_and_forgotten(ledger: Ledger) -> None:
    """A later upload of the same bytes replaces the earlier one; a forgotten upload is not found."""
    old, new = UploadedFile("upload/1", sha256="aa"), UploadedFile("upload/2", sha256="aa")
    ledger.add_upload(old, account=None, at=NOW)
    ledger.add_upload(UploadedFile("upload/3", sha256="bb"), account=None, at=NOW + 1)
    ledger.add_upload(new, account=None, at=NOW + 2)
    assert [upload.path for upload in ledger.uploads()] == ["upload/2", "upload/3"]
    ledger.forget_upload("upload/2")
    assert ledger.find_upload("aa", account=None) is None
    assert [upload.path for upload in ledger.uploads()] == ["upload/3"]


def test_a_full_disk_stops_the_intent(ledger: Ledger, tmp_path: Path) -> None:
    """If the intent cannot be stored, LedgerError is raised and nothing changes."""
    record = added(ledger)
    epoch = ledger.leases.acquire("me", after=0, has_lock=True)
    with sqlite3.connect(tmp_path / "ledger.db") as blocker:
        pages = blocker.execute("PRAGMA page_count").fetchone()[0]
    blocker.close()
    with ledger._file.reading() as db:
        db.execute(f"PRAGMA max_page_count = {pages}")
    big = replace(record, state=JobState.SUBMITTING, warning=Notice("big", {"detail": "x" * 200_000}))
    with pytest.raises(LedgerError):
        ledger.save(big, at=NOW, kind="intent", data={}, epoch=epoch)
    assert ledger.load(record.ref) == record


def test_a_row_holds_keys_not_pictures(ledger: Ledger, tmp_path: Path) -> None:
    """The columns of a row repeat fields of the record, for queries."""
    record = added(ledger, state=JobState.QUEUED, video_id=a_video_id())
    db = sqlite3.connect(tmp_path / "ledger.db")
    row = db.execute(
        "SELECT ref, service, content_key, seedless_key, state, video_id, version, data FROM jobs"
    ).fetchone()
    db.close()
    assert row[:7] == (
        record.ref, ledger.service, record.request.content_key, record.request.seedless_key, "queued", a_video_id(), 1
    )  # fmt: skip
    assert JobRecord.from_json(json.loads(row[7])) == record


OFFERS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["no", "unknown", "yes"]),
        st.none() | st.integers(0, 200),
        st.none() | st.integers(0, 200),
    ),
    max_size=12,
)


@given(steps=OFFERS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_running_total_equals_the_sum_of_the_jobs(steps: list[tuple[int, str, int | None, int | None]]) -> None:
    """After any additions and changes, the total spent is the sum of the current costs."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.db", service="s")
        costs: dict[str, int] = {}
        for number, charged, cost, estimate in steps:
            ref = f"job-{number}"
            record = ledger.load(ref) or added(ledger, ref=ref, request=a_request(seed=number + 1))
            changed = replace(record, charged=charged, cost_credits=cost, estimated_credits=estimate)  # type: ignore[arg-type]  # one of the three
            ledger.save(changed, at=NOW, kind="changed", data={})
            told = cost if cost is not None else estimate or 0
            costs[ref] = 0 if charged == "no" else told
        assert ledger.spent_credits() == sum(costs.values())
        ledger.close()


def test_a_sweeps_budget_counts_all_jobs_of_its_cells(ledger: Ledger) -> None:
    """Earlier charges for a cell count, whoever made the call; an intent beyond the budget is not stored."""
    epoch = ledger.leases.acquire("me", after=0, has_lock=True)
    paid = added(ledger, ref="old", request=a_request(seed=1), charged="yes", cost_credits=45)
    added(ledger, ref="other", request=a_request(seed=9), charged="yes", cost_credits=500)
    cells = [paid.request.content_key, a_request(seed=2).content_key]
    ledger.sweeps.register("sw", cells, title="two seeds", at=NOW)
    assert ledger.sweeps.spent(cells) == 45
    before = added(ledger, ref="new", request=a_request(seed=2))
    intent = spending(version=before.version, request=before.request, sweep="sw")
    with pytest.raises(BudgetReached):
        ledger.save(replace(intent, sweep_budget_credits=104), at=NOW, kind="intent", data={}, epoch=epoch)
    assert ledger.load("new") == before
    assert (
        ledger.save(replace(intent, sweep_budget_credits=105), at=NOW, kind="intent", data={}, epoch=epoch) is not None
    )


def test_an_unsent_job_gets_the_budget_of_the_latest_call(ledger: Ledger) -> None:
    """A repeated call with another budget changes the job's budget; a charged job keeps its own."""
    first = replace(a_record(ref="one"), budget_credits=10)
    ledger.find_or_add(first, reuse=True)
    again, is_new = ledger.find_or_add(
        replace(a_record(ref="two"), budget_credits=99, sweep="sw", sweep_budget_credits=50), reuse=True
    )
    assert (is_new, again.ref) == (False, "one")
    assert (again.budget_credits, again.sweep, again.sweep_budget_credits) == (99, "sw", 50)
    ledger.save(replace(again, state=JobState.QUEUED, charged="yes"), at=NOW, kind="accepted", data={})
    kept, _ = ledger.find_or_add(replace(a_record(ref="three"), budget_credits=1), reuse=True)
    assert kept.budget_credits == 99


@pytest.mark.parametrize(("state", "charged"), [(JobState.TIMED_OUT, "no"), (JobState.UNKNOWN, "unknown")])
def test_a_job_that_may_be_sent_again_gets_the_budget_of_the_latest_call(
    ledger: Ledger, state: JobState, charged: str
) -> None:
    """A job that timed out unsent, or whose paid call may not have been accepted, also gets the new budget."""
    added(ledger, ref="one", state=state, charged=charged)
    again, _ = ledger.find_or_add(
        replace(a_record(ref="two"), budget_credits=9, sweep="sw", sweep_budget_credits=5), reuse=True
    )
    assert (again.ref, again.budget_credits, again.sweep_budget_credits) == ("one", 9, 5)


def test_the_jobs_of_a_cell_come_newest_first(ledger: Ledger) -> None:
    """Every job of a cell is listed with its state and cost; a cell without a job is omitted."""
    request = a_request(seed=1)
    added(ledger, ref="old", request=request, state=JobState.FAILED, charged="unknown", estimated_credits=60)
    added(ledger, ref="new", request=request, created_at=NOW + 9, charged="no", estimated_credits=60)
    rows = ledger.sweeps.rows([request.content_key, "nobody"])
    assert [(row.ref, row.state, row.credits) for row in rows[request.content_key]] == [
        ("new", JobState.PLANNED, 0),
        ("old", JobState.FAILED, 60),
    ]
    assert "nobody" not in rows
