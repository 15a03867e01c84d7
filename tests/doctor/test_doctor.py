"""The doctor on a real home and a real sandbox: every problem that it finds."""

import importlib.metadata
import os
import sys
from pathlib import Path

import pytest

from pixverse_nb.client import Client
from pixverse_nb.doctor.checks import requirements
from pixverse_nb.doctor.report import Finding, Report, Severity
from pixverse_nb.doctor.run import check_home
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import DownloadError, InvalidRequest, ServerError
from tests.client.harness import LONGEST_JOB_S, Harness, create_job, wait_for_state, wait_for_video
from tests.extending.toy_backend import ToyBackend
from tests.extending.toy_server import KEY, ToyServer
from tests.render.factories import an_mp4

MACHINE = {"packages", "optional", "event loop", "sandbox", "disk", "home"}  # what this machine decides


def find(report: Report, name: str) -> Finding:
    """Return the only finding of this name."""
    (finding,) = (finding for finding in report if finding.name == name)
    return finding


def test_a_healthy_home_has_no_problems(harness: Harness, client: Client) -> None:
    """With one finished video every finding is ok, and the numbers are right."""
    wait_for_video(create_job(client))
    report = client.doctor()
    assert report.is_ok, str(report)
    assert {finding.severity for finding in report} == {Severity.OK}
    assert find(report, "token").kind == "accepted"
    assert find(report, "account").data["credits"] > 0
    assert find(report, "slots").data == {"free": 8, "slots": 8}
    assert find(report, "ledger").data == {"jobs": 1, "credits": 20}
    assert find(report, "videos").data == {"changed": 0, "videos": 1}
    assert harness.paid == 1


def test_no_secret_is_shown(harness: Harness, client: Client) -> None:
    """Neither the token nor an e-mail appears in the lines, the table or the repr."""
    wait_for_video(create_job(client))
    harness.control.add_account("second.person@example.org")
    report = client.doctor()
    shown = str(report) + repr(list(report)) + report._repr_mimebundle_()["text/html"]
    for secret in (
        harness.sandbox.token,
        harness.sandbox.token.partition("-")[2],
        "sandbox@example",
        "second.person",
        "person@",
    ):
        assert secret not in shown


def test_offline_sends_nothing(harness: Harness, client: Client) -> None:
    """`offline=True` makes no request and still checks this machine and the ledger."""
    wait_for_video(create_job(client))
    before = sum(harness.control.requests.values())
    report = client.doctor(offline=True)
    assert sum(harness.control.requests.values()) == before
    assert report.is_ok
    assert find(report, "token").kind == "untried"
    assert find(report, "ledger").data["jobs"] == 1


def test_nothing_is_charged_or_changed(manual_harness: Harness) -> None:
    """Open jobs stay as they are and nothing is created, however often the doctor runs."""
    client = manual_harness.open()
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    before = job.events()
    for _ in range(2):
        assert find(client.doctor(), "open jobs").data == {"queued": 1}
    assert job.events() == before
    assert manual_harness.paid == 1


def test_the_models_that_made_videos_are_listed(harness: Harness, client: Client) -> None:
    """The models of finished videos work; a free call cannot tell about the others."""
    assert find(client.doctor(), "models").kind == "none"
    wait_for_video(create_job(client, model="v6"))
    found = find(client.doctor(), "models")
    assert (found.kind, found.data["working"]) == ("working", ["v6"])
    assert "v6" not in found.data["untried"]
    assert "v5.6" in found.data["untried"]


def test_a_rejected_token(harness: Harness) -> None:
    """After a 401 the token is an error and nothing more is sent."""
    client = harness.open(token="user:1-wrong-token")
    finding = find(client.doctor(), "token")
    assert (finding.severity, finding.kind) == (Severity.ERROR, "rejected")
    assert sum(harness.control.requests.values()) == 1


def test_an_expired_subscription(harness: Harness, client: Client) -> None:
    """After a 402 the subscription is an error."""
    harness.control.settings.subscribed = False
    assert find(client.doctor(), "subscription").kind == "expired"


def test_a_pending_account_beside_a_good_one(harness: Harness, client: Client) -> None:
    """A 596 concerns one account; the other is still checked."""
    harness.control.add_account("second@example.org")
    harness.control.set_pending("second@example.org")
    report = client.doctor()
    assert [find(report, name).kind for name in ("account 1", "account 2")] == ["ok", "pending"]


def test_an_account_without_credits(harness: Harness, client: Client) -> None:
    """An account without credits is a warning; of two accounts the report says which one."""
    harness.control.set_credits()
    assert find(client.doctor(), "account").kind == "no_credits"
    harness.control.add_account("second@example.org")
    report = client.doctor()
    assert [find(report, name).kind for name in ("account 1", "account 2")] == ["no_credits", "ok"]


def test_an_account_that_is_not_configured(harness: Harness) -> None:
    """A chosen account that is not configured is an error, as is a token without accounts."""
    finding = find(harness.open(email="nobody@example.org").doctor(), "accounts")
    assert (finding.kind, finding.data) == ("not_configured", {"accounts": 1})
    assert "@" not in str(finding.fix)
    harness.control.remove_account("sandbox@example.com")
    assert find(harness.open().doctor(), "accounts").kind == "none"


def test_an_unreachable_vendor(manual_harness: Harness) -> None:
    """Without a connection one finding says so; this machine and the ledger are still checked."""
    client = manual_harness.open()
    manual_harness.stop_sandbox()
    report = client.doctor()
    assert [(finding.name, finding.kind) for finding in report if finding.severity is Severity.ERROR] == [
        ("vendor", "unreachable")
    ]
    assert find(report, "ledger").data["jobs"] == 0


def test_a_balance_that_matches(harness: Harness, client: Client) -> None:
    """The balance fell between two runs by what the ledger has charged."""
    client.doctor()
    wait_for_video(create_job(client))
    finding = find(client.doctor(), "balance")
    assert (finding.severity, finding.kind) == (Severity.OK, "matches")
    assert finding.data == {"spent": 20, "charged": 20, "calls": 1}


def test_unexplained_spending(harness: Harness, client: Client) -> None:
    """Credits that somebody else spent are a warning with their number."""
    client.doctor()
    wait_for_video(create_job(client))
    other = harness.open(home=harness.home.parent / "other")
    wait_for_video(create_job(other, seed=8, quality="1080p"))
    finding = find(client.doctor(), "balance")
    assert (finding.severity, finding.kind) == (Severity.WARNING, "unexplained")
    assert finding.data == {"spent": 100, "charged": 20, "calls": 1, "unexplained": 80}


def test_added_credits_are_no_problem(harness: Harness, client: Client) -> None:
    """Free credits and refunds make the balance higher than the ledger predicts; that is ok."""
    client.doctor()
    wait_for_video(create_job(client))
    harness.control.set_credits(monthly=31_000)
    finding = find(client.doctor(), "balance")
    assert (finding.severity, finding.kind) == (Severity.OK, "added")


def test_a_running_orphan_is_found_and_adopted(manual_harness: Harness) -> None:
    """A running generation without a job here is a warning that names it; adopting it charges nothing."""
    lost = create_job(manual_harness.open(home=manual_harness.home.parent / "lost"), prompt="from another home")
    wait_for_state(lost, JobState.QUEUED)
    client = manual_harness.open()
    finding = find(client.doctor(), "running")
    assert (finding.kind, finding.data["orphans"]) == ("orphans", 1)
    assert f'client.adopt("{lost.ref}")' in str(finding.fix)
    job = client.adopt(lost.ref)
    assert (job.ref, job.request.params["prompt"], job.request.params["seed"]) == (lost.ref, "from another home", 7)
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(job).sha256
    assert job.snapshot().charged == "yes"
    assert client.doctor().is_ok
    assert manual_harness.paid == 1


def test_a_finished_orphan_is_found_and_adopted(harness: Harness, client: Client) -> None:
    """A finished generation with one of our references but no job here is found in the list and downloaded."""
    harness.control.settings.reply_ref_in_rows = True
    lost = wait_for_video(create_job(harness.open(home=harness.home.parent / "lost")))
    finding = find(client.doctor(), "vendor's list")
    assert (finding.kind, finding.data["orphans"]) == ("orphans", 1)
    assert f'client.adopt("{lost.ref}")' in str(finding.fix)
    assert wait_for_video(client.adopt(str(lost.ref))).sha256 == lost.sha256
    assert client.doctor().is_ok
    assert harness.paid == 1


def test_an_unreadable_list_is_not_called_good(harness: Harness, client: Client) -> None:
    """If the vendor's list fails, that is a warning, and `adopt` reports the failure rather than an unknown id."""
    wait_for_video(create_job(client))
    harness.control.arm("error_before", route="videos", times=None)
    report = client.doctor()
    assert find(report, "vendor's list").kind == "unreadable"
    assert not report.is_ok
    with pytest.raises(ServerError):
        client.adopt("12345")


def test_generations_of_others_are_only_counted(harness: Harness, client: Client) -> None:
    """Rows without one of our references are no problem; each can still be adopted by its number, once."""
    lost = wait_for_video(create_job(harness.open(home=harness.home.parent / "other"), seed=9))
    finding = find(client.doctor(), "vendor's list")
    assert (finding.severity, finding.data) == (Severity.OK, {"rows": 1, "unknown": 1, "orphans": 0})
    number = str(lost.video_id).rpartition(":")[2]
    job = client.adopt(number)
    assert wait_for_video(job).sha256 == lost.sha256
    assert client.adopt(number) is client.adopt(str(lost.video_id)) is client.adopt(job.ref) is job
    with pytest.raises(InvalidRequest):
        client.adopt("17")


def test_missing_and_modified_videos(harness: Harness, client: Client) -> None:
    """A missing file and one of another size are an error that names their jobs."""
    videos = [wait_for_video(create_job(client, seed=seed)) for seed in (1, 2, 3)]
    videos[0].path.unlink()
    videos[1].path.write_bytes(b"something else")
    finding = find(client.doctor(), "videos")
    assert (finding.kind, finding.data) == ("changed", {"changed": 2, "videos": 3})
    assert all(str(video.ref) in finding.text for video in videos[:2])


def test_a_damaged_ledger(harness: Harness, client: Client) -> None:
    """A ledger with overwritten pages is an error; the other checks still run."""
    for seed in range(1, 4):
        wait_for_video(create_job(client, seed=seed))
    client.close()
    path = harness.home / "ledger.db"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(size // 4))
    report = check_home(harness.home, is_offline=True)
    assert find(report, "ledger").severity is Severity.ERROR
    assert find(report, "token").severity is Severity.OK


def test_an_unsettled_job(manual_harness: Harness) -> None:
    """A job in `unknown` is a warning that names it."""
    client = manual_harness.open()
    manual_harness.control.arm("lost_answer", times=1)
    manual_harness.control.arm("error_before", times=None, route="videos")
    job = create_job(client)
    wait_for_state(job, JobState.UNKNOWN)
    finding = find(client.doctor(), "unknown")
    assert (finding.severity, finding.kind) == (Severity.WARNING, "unsettled")
    assert job.ref in finding.text


def test_a_blocked_job(harness: Harness) -> None:
    """A job whose video cannot be stored waits for a person: a warning with the line that continues it."""
    client = harness.open()
    job = create_job(client)
    (harness.home / "videos").write_text("a file where the folder should be")
    with pytest.raises(DownloadError):
        wait_for_video(job)
    finding = find(client.doctor(offline=True), "stopped")
    assert (finding.severity, finding.kind) == (Severity.WARNING, "blocked")
    assert f'client.job("{job.ref}")' in str(finding.fix)


def test_each_account_has_its_balance(harness: Harness, client: Client) -> None:
    """With two accounts each has its own balance, and a job counts for the account that was charged."""
    harness.control.add_account("second@example.org")
    client.doctor()
    wait_for_video(create_job(client, email="second@example.org"))
    report = client.doctor()
    assert find(report, "balance 1").data == {"spent": 0, "charged": 0, "calls": 0}
    assert find(report, "balance 2").data == {"spent": 20, "charged": 20, "calls": 1}
    assert find(report, "slots").data == {"free": 16, "slots": 16}
    assert report.is_ok, str(report)


def test_the_environment_is_checked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unusable address, token or account is an error of its own, and the vendor is not contacted."""
    monkeypatch.setenv("USEAPI_TOKEN", "user:7 abcdefgh")
    monkeypatch.setenv("PIXVERSE_NB_BASE_URL", "ftp://x")
    monkeypatch.setenv("PIXVERSE_EMAIL", "one@example.org\ntwo@example.org")
    report = check_home(tmp_path / "home", is_offline=False)
    problems = [(finding.name, finding.kind) for finding in report if finding.severity is Severity.ERROR]
    assert problems == [("address", "invalid"), ("token", "invalid"), ("account", "invalid")]
    assert "abcdefgh" not in str(report)


def test_a_vendor_without_a_list_of_accounts(tmp_path: Path) -> None:
    """For a service that does not list accounts the token is not checked, and nothing else about it is a problem."""
    with (
        ToyServer(an_mp4(tmp_path / "served.mp4")) as server,
        Client(KEY, base_url=server.url, backend=ToyBackend(), home=tmp_path / "home") as client,
    ):
        report = client.doctor()
    assert find(report, "token").kind == "unchecked"
    assert {finding.name for finding in report if finding.severity is not Severity.OK} <= MACHINE


def test_every_requirement_is_checked() -> None:
    """The required packages are those of the metadata, without the packages of the extras."""
    requires = importlib.metadata.requires("pixverse-nb") or []
    assert {"httpx", "nest-asyncio", "uvicorn"} <= set(requirements(importlib.metadata.requires))
    assert not {"numpy", "jupyterlab", "keyring"} & set(requirements(importlib.metadata.requires))
    assert len(requirements(importlib.metadata.requires)) == sum("extra ==" not in line for line in requires)


def test_a_package_without_metadata_is_checked_without_requirements() -> None:
    """A copy of the source that was never installed has no metadata; that is not an error."""

    def raise_not_found(_: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError

    assert requirements(raise_not_found) == ()
    assert requirements(lambda _: None) == ()


def test_without_a_token_the_sandbox_is_checked(tmp_path: Path) -> None:
    """Its folder and ledger are reported, and the service is the sandbox, before its first job and after it."""
    for is_used in (False, True):
        if is_used:
            with Client.sandbox(home=tmp_path / "sandbox", speed=1000) as client:
                client.create_video("A boat", quality="360p").result()
        findings = {finding.name: finding for finding in check_home(tmp_path, is_offline=False)}
        assert findings["service"].kind == "sandbox"
        assert str(tmp_path / "sandbox") in findings["home"].text
        assert (findings["ledger"].kind == "none") is not is_used


@pytest.mark.parametrize(("token", "severity"), [("", Severity.ERROR), ("user:1-abcdefgh", Severity.OK)])
def test_a_missing_sandbox_matters_without_a_token(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, token: str, severity: Severity
) -> None:
    """Without its packages and without a token no client can be opened, so that is an error."""
    for variable in ("PIXVERSE_NB_BASE_URL", "PIXVERSE_EMAIL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("USEAPI_TOKEN", token)
    for module in ("keyring", "starlette"):
        monkeypatch.setitem(sys.modules, module, None)
    finding = find(check_home(tmp_path / "home", is_offline=True), "sandbox")
    assert (finding.severity, finding.kind, bool(finding.fix)) == (severity, "not_installed", not token)
