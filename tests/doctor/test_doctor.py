"""The examination of a real home against a real sandbox: each thing that can be wrong, and its mend."""

import os

import pytest

from pixverse_nb.client import Client
from pixverse_nb.doctor.report import Finding, Report, Severity
from pixverse_nb.doctor.run import examine_home
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import InvalidRequest, ServerError
from tests.client.harness import A_JOB_S, Harness, finished, order, reached


def found(examination: Report, name: str) -> Finding:
    """Return the one finding of this name."""
    (one,) = (finding for finding in examination if finding.name == name)
    return one


def test_a_good_home_is_well(house: Harness, client: Client) -> None:
    """With a finished video everything is ok, as a whole and line by line; the account is masked."""
    finished(order(client))
    examination = client.doctor()
    assert examination.is_well, str(examination)
    assert {finding.mark for finding in examination} == {Severity.OK}
    assert found(examination, "token").text == "found, and the vendor takes it"
    assert "30,0" in found(examination, "account").text
    assert "8 of 8 are free" in found(examination, "slots").text
    assert "sound: 1 job, about 45 credits" in found(examination, "ledger").text
    assert found(examination, "videos").text == "all 1 are on the disk"
    assert house.paid == 1


def test_nothing_secret_is_told(house: Harness, client: Client) -> None:
    """Neither the token nor an e-mail stands in the lines, the table or the repr."""
    finished(order(client))
    house.control.add_account("second.person@example.org")
    examination = client.doctor()
    shown = str(examination) + repr(list(examination)) + examination._repr_mimebundle_()["text/html"]
    for secret in (house.box.token, house.box.token.partition("-")[2], "sandbox@example", "second.person", "person@"):
        assert secret not in shown


def test_offline_asks_nothing(house: Harness, client: Client) -> None:
    """`offline=True` makes no request, and still looks at what is here."""
    finished(order(client))
    before = sum(house.control.requests.values())
    examination = client.doctor(offline=True)
    assert sum(house.control.requests.values()) == before
    assert examination.is_well
    assert found(examination, "token").text == "not tried"
    assert "sound" in found(examination, "ledger").text


def test_it_spends_nothing_and_moves_no_job(still: Harness) -> None:
    """Open jobs stay where they are and nothing is created, by however many examinations."""
    client = still.open()
    job = order(client)
    reached(job, JobState.QUEUED)
    before = job.events()
    for _ in range(2):
        assert "1 queued" in found(client.doctor(), "open jobs").text
    assert job.events() == before
    assert still.paid == 1


def test_a_bad_token_is_named(house: Harness) -> None:
    """401: the token is wrong, and nothing more is asked."""
    client = house.open(token="user:1-wrong-token")
    finding = found(client.doctor(), "token")
    assert (finding.mark, "401" in finding.text, "useapi.net" in str(finding.mend)) == (Severity.WRONG, True, True)
    assert sum(house.control.requests.values()) == 1


def test_an_ended_subscription_is_named(house: Harness, client: Client) -> None:
    """402: the subscription is to be renewed."""
    house.control.settings.subscribed = False
    assert "402" in found(client.doctor(), "subscription").text


def test_a_pending_account_is_named_beside_a_good_one(house: Harness, client: Client) -> None:
    """596 speaks of one account; the other is still examined."""
    house.control.add_account("second@example.org")
    house.control.set_pending("second@example.org")
    examination = client.doctor()
    one, two = (found(examination, name) for name in ("account 1", "account 2"))
    assert (one.mark, two.mark) == (Severity.OK, Severity.WRONG)
    assert "596" in two.text
    assert "POST accounts" in str(two.mend)


def test_an_account_without_credits_is_named(house: Harness, client: Client) -> None:
    """No credits left is to be looked at, and of two accounts it is told which one."""
    house.control.set_credits()
    assert found(client.doctor(), "account").mark is Severity.LOOK
    house.control.add_account("second@example.org")
    examination = client.doctor()
    assert found(examination, "account 1").mark is Severity.LOOK
    assert found(examination, "account 2").mark is Severity.OK


def test_no_account_and_a_strange_one_are_named(house: Harness) -> None:
    """A chosen account that is not configured, and none at all, have their mends."""
    strange = house.open(email="nobody@example.org")
    assert "not configured" in found(strange.doctor(), "accounts").text
    house.control.remove_account("sandbox@example.com")
    assert "no PixVerse account" in found(house.open().doctor(), "accounts").text


def test_a_vendor_that_is_away_is_named(still: Harness) -> None:
    """Without a connection one finding says so, and what is here is examined all the same."""
    client = still.open()
    still.go_away()
    examination = client.doctor()
    assert "cannot be reached" in found(examination, "vendor").text
    assert "sound" in found(examination, "ledger").text
    assert [finding.name for finding in examination if finding.mark is Severity.WRONG] == ["vendor"]


def test_an_agreeing_balance_is_said(house: Harness, client: Client) -> None:
    """What went between two examinations and what the ledger has paid are the same."""
    client.doctor()
    finished(order(client))
    finding = found(client.doctor(), "balance")
    assert finding.mark is Severity.OK
    assert "45 credits went" in finding.text
    assert "1 call for about 45: they agree" in finding.text


def test_a_drift_is_shown_with_what_explains_it(house: Harness, client: Client) -> None:
    """Credits that somebody else spent are told apart from ours."""
    client.doctor()
    finished(order(client))
    other = house.open(home=house.home.parent / "other")
    finished(order(other, seed=8, quality="1080p"))
    finding = found(client.doctor(), "balance")
    assert finding.mark is Severity.LOOK
    assert "165 credits went" in finding.text
    assert "about 45: 120 are not explained" in finding.text
    assert "client.videos()" in str(finding.mend)


def test_credits_that_came_back_are_no_fault(house: Harness, client: Client) -> None:
    """Daily credits and refunds make a balance higher than the ledger says: said, and ok."""
    client.doctor()
    finished(order(client))
    house.control.set_credits(monthly=31_000)
    finding = found(client.doctor(), "balance")
    assert finding.mark is Severity.OK
    assert "came back or were added" in finding.text


def test_a_running_orphan_is_named_and_adopted(still: Harness) -> None:
    """What the scheduler runs without a job here is shown with the line that takes it in, and that pays nothing."""
    lost = order(still.open(home=still.home.parent / "lost"), prompt="from another home")
    reached(lost, JobState.QUEUED)
    client = still.open()
    finding = found(client.doctor(), "running")
    assert finding.mark is Severity.LOOK
    assert f"{str(lost.video_id).rpartition(':')[2]} ({lost.ref})" in finding.text
    assert f'client.adopt("{lost.ref}")' in str(finding.mend)
    job = client.adopt(lost.ref)
    assert (job.ref, job.request.prompt, job.request.seed) == (lost.ref, "from another home", 7)
    still.control.advance(A_JOB_S)
    assert finished(job).sha256
    assert job.snapshot().charged == "yes"
    assert client.doctor().is_well
    assert still.paid == 1


def test_a_lost_video_is_named_and_adopted(house: Harness, client: Client) -> None:
    """A finished video with a reference of ours and no job here is found in the vendor's list and brought home."""
    house.control.settings.reply_ref_in_rows = True
    lost = finished(order(house.open(home=house.home.parent / "lost")))
    finding = found(client.doctor(), "vendor's list")
    assert (finding.mark, f'client.adopt("{lost.ref}")' in str(finding.mend)) == (Severity.LOOK, True)
    assert finished(client.adopt(str(lost.ref))).sha256 == lost.sha256
    assert client.doctor().is_well
    assert house.paid == 1


def test_a_list_that_cannot_be_read_is_not_called_good(house: Harness, client: Client) -> None:
    """Where the vendor's list fails, the doctor says so and nothing of lost videos; a generation that may stand in it
    is not called unknown.
    """
    finished(order(client))
    house.control.arm("error_before", route="videos", times=None)
    examination = client.doctor()
    finding = found(examination, "vendor's list")
    assert (finding.mark, "cannot be read" in finding.text) == (Severity.LOOK, True)
    assert not examination.is_well
    with pytest.raises(ServerError):
        client.adopt("12345")


def test_what_others_made_is_only_counted(house: Harness, client: Client) -> None:
    """Rows without a reference of ours are no finding; any of them can still be adopted by its number, once."""
    lost = finished(order(house.open(home=house.home.parent / "other"), seed=9))
    finding = found(client.doctor(), "vendor's list")
    assert finding.mark is Severity.OK
    assert "1 without a job here" in finding.text
    number = str(lost.video_id).rpartition(":")[2]
    job = client.adopt(number)
    assert finished(job).sha256 == lost.sha256
    assert client.adopt(number) is client.adopt(str(lost.video_id)) is client.adopt(job.ref) is job
    with pytest.raises(InvalidRequest, match="do not show '17'"):
        client.adopt("17")


def test_a_missing_and_a_changed_video_are_named(house: Harness, client: Client) -> None:
    """A file that is gone, or of another size, is wrong, and its job's line brings it back."""
    videos = [finished(order(client, seed=seed)) for seed in (1, 2, 3)]
    videos[0].path.unlink()
    videos[1].path.write_bytes(b"something else")
    finding = found(client.doctor(), "videos")
    assert finding.mark is Severity.WRONG
    assert "2 of 3" in finding.text
    assert all(str(video.ref) in finding.text for video in videos[:2])
    assert 'client.job("' in str(finding.mend)


def test_a_damaged_ledger_is_named(house: Harness, client: Client) -> None:
    """A ledger whose pages are overwritten is wrong; the rest of the examination goes on."""
    for seed in range(1, 4):
        finished(order(client, seed=seed))
    client.close()
    path = house.home / "ledger.db"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(size // 4))
    examination = examine_home(house.home, is_offline=True)
    finding = found(examination, "ledger")
    assert finding.mark is Severity.WRONG
    assert found(examination, "token").mark is Severity.OK


def test_jobs_that_wait_for_a_person_are_named(still: Harness) -> None:
    """A job in `unknown` is named with what settles it."""
    client = still.open()
    still.control.arm("lost_answer", times=1)
    still.control.arm("error_before", times=None, route="videos")
    job = order(client)
    reached(job, JobState.UNKNOWN)
    finding = found(client.doctor(), "unknown")
    assert (finding.mark, job.ref in finding.text, "reconcile" in str(finding.mend)) == (Severity.LOOK, True, True)


def test_two_accounts_are_examined_one_by_one(house: Harness, client: Client) -> None:
    """Each account has its balance, and a job counts for the one that paid it."""
    house.control.add_account("second@example.org")
    client.doctor()
    finished(order(client, email="second@example.org"))
    examination = client.doctor()
    assert "the ledger has 0 calls for about 0: they agree" in found(examination, "balance 1").text
    assert "45 credits went" in found(examination, "balance 2").text
    assert found(examination, "slots").text == "16 of 16 are free"
    assert examination.is_well, str(examination)
