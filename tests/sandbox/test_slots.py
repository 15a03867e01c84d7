"""Capacity, accounts and credits: both kinds of 429, 412, 422, 596 and how it is mended."""

import pytest

from pixverse_nb.sandbox import Account
from tests.sandbox.conftest import Open
from tests.sandbox.guest import Guest

ONE = "sandbox@example.com"


def test_slots_are_useapis_limit(guest: Guest) -> None:
    """Above maxJobs a named account is busy, and without a name all accounts are; a job's end frees its slot."""
    guest.control.add_account(Account(ONE, max_jobs=1))
    guest.create()
    named, unnamed = guest.post(email=ONE), guest.post()
    assert (named.status_code, unnamed.status_code) == (429, 429)
    assert named.json()["error"] == f"Account {ONE} is busy executing 1 tasks."
    assert unnamed.json()["error"] == "All configured accounts are running at maximum capacity."
    assert "retry-after" not in named.headers
    guest.control.advance(80)
    guest.create()


def test_max_jobs_of_the_call_wins(guest: Guest) -> None:
    """maxJobs in the call takes the place of the account's value."""
    guest.create()
    assert guest.post(maxJobs=1).status_code == 429
    assert guest.post(maxJobs=2).status_code == 200


def test_plan_is_pixverses_limit(guest: Guest) -> None:
    """Above the plan's limit a 429 says so, and useapi forgetting a job does not help."""
    guest.control.add_account(Account(ONE, plan_jobs=1))
    video_id = guest.create()
    assert guest.call("DELETE", f"/scheduler/{video_id}").status_code == 200
    answer = guest.post()
    assert (answer.status_code, answer.json()["error"]) == (429, "Reached the limit for concurrent generations.")


def test_retry_after_is_a_switch(guest: Guest) -> None:
    """A 429 carries Retry-After where the switch names one."""
    guest.control.add_account(Account(ONE, max_jobs=1))
    guest.control.switches.retry_after_s = 12
    guest.create()
    assert guest.post().headers["retry-after"] == "12"


def test_omitted_email_takes_any_free_account(pair: Guest) -> None:
    """Without an e-mail a free account is drawn, until none is left."""
    for email in ("one@example.com", "two@example.com"):
        pair.control.add_account(Account(email, max_jobs=1))
    path = pair.upload("?email=one@example.com")
    ids = [pair.create(first_frame_path=path) for _ in range(2)]
    assert {one.split("pixverse:")[1].split("-video")[0] for one in ids} == {"one@example.com", "two@example.com"}
    assert pair.post(first_frame_path=path).status_code == 429


def test_scheduler_lists_running_jobs(guest: Guest) -> None:
    """GET /scheduler holds what runs, with elapsed time, replyUrl and replyRef, and nothing that has ended."""
    video_id = guest.create(replyRef="mine", replyUrl="http://127.0.0.1:9/x")
    guest.control.advance(37)
    (entry,) = guest.call("GET", "/scheduler/").json()
    assert set(entry) == {"video_id", "started", "elapsed", "replyUrl", "replyRef"}
    assert (entry["video_id"], entry["elapsed"], entry["replyRef"]) == (video_id, "00:37", "mine")
    guest.control.switches.scheduler_uses_id = True
    guest.control.switches.reply_ref_in_scheduler = False
    assert set(guest.call("GET", "/scheduler").json()[0]) == {"id", "type", "started", "elapsed"}
    guest.control.advance(40)
    assert guest.call("GET", "/scheduler").json() == []


def test_available_counts_slots(guest: Guest) -> None:
    """GET /scheduler/available shows slots; the plan may leave less than maxJobs minus executing."""
    guest.control.add_account(Account(ONE, max_jobs=5, plan_jobs=2))
    guest.create()
    answer = guest.call("GET", "/scheduler/available").json()
    assert len(answer["executing"]) == 1
    assert answer["available"] == [{"email": ONE, "maxJobs": 5, "executing": 1, "available": 1}]


def test_forgetting_a_job_frees_its_slot_only(guest: Guest) -> None:
    """DELETE /scheduler/<id> frees the slot; the generation goes on, stays paid and is completed."""
    guest.control.add_account(Account(ONE, max_jobs=1))
    video_id = guest.create()
    paid = guest.control.balance()
    assert guest.call("DELETE", f"/scheduler/{video_id}").status_code == 200
    again = guest.call("DELETE", f"/scheduler/{video_id}")
    assert (again.status_code, again.json()["error"]) == (404, f"Unable to locate running {video_id}")
    assert guest.call("GET", "/scheduler/available").json()["available"][0]["executing"] == 0
    assert guest.control.balance() == paid
    guest.control.advance(80)
    assert guest.row(video_id)["video_status"] == 1


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        ({"quality": "360p"}, 45),
        ({"quality": "540p"}, 45),
        ({"quality": "720p"}, 60),
        ({"quality": "1080p"}, 120),
        ({"quality": "540p", "duration": 8}, 90),
        ({"quality": "720p", "motion_mode": "fast"}, 120),
    ],
)
def test_prices(steady: Guest, fields: dict[str, object], cost: int) -> None:
    """A job costs by its quality; 8 s doubles and fast doubles, and the answer says what was taken."""
    before = steady.control.balance()
    answer = steady.call("POST", "/videos/create-frames-v3", json={**steady.frames(), **fields})
    assert answer.json()["cost_credits"] == before - steady.control.balance() == cost


def test_credits_go_daily_monthly_package(guest: Guest) -> None:
    """Credits are taken from daily, then monthly, then the package, and a refund puts them back where they were."""
    guest.control.set_credits(daily=10, monthly=20, package=100)
    video_id = guest.create()
    shown = guest.call("GET", "/features/").json()
    assert (shown["credit_daily"], shown["credit_monthly"], shown["credit_package"]) == (0, 0, 70)
    guest.control.moderate(video_id)
    shown = guest.call("GET", f"/features?email={ONE}").json()
    assert (shown["credit_daily"], shown["credit_monthly"], shown["credit_package"]) == (10, 20, 100)
    assert {"plan_name", "gen_simultaneously", "allow_fast_mode", "remove_watermark"} <= set(shown)


def test_no_credits_is_412(guest: Guest) -> None:
    """Without enough credits a create is a 412 with the vendor's words, and nothing is taken."""
    guest.control.set_credits(monthly=59)
    answer = guest.post()
    assert answer.status_code == 412
    assert answer.json()["error"].startswith("All Credits have been used up.")
    assert (guest.control.balance(), guest.rows()) == (59, [])
    with pytest.raises(ValueError, match="weekly"):
        guest.control.set_credits(weekly=1)


def test_marked_prompt_is_422(guest: Guest) -> None:
    """A prompt with the marker is refused at once with the moderator's words, unpaid."""
    answer = guest.post(prompt="[[moderated]]")
    assert answer.status_code == 422
    assert answer.json()["error"] == "Your prompt has triggered our AI moderator, please re-enter your prompt"
    assert guest.control.generations == []


def test_pending_account_is_596_until_it_is_posted(guest: Guest) -> None:
    """A pending account answers 596 on every call for it; POST /accounts/<email> mends it."""
    path = guest.upload()
    guest.control.set_pending()
    for method, where in (("GET", "/videos/"), ("GET", "/features/"), ("POST", "/videos/create-frames-v3")):
        body = {"json": guest.frames(first_frame_path=path)} if method == "POST" else {}
        answer = guest.call(method, where, **body)
        assert answer.status_code == 596
        assert answer.json()["error"].startswith("Your PixVerse account has pending error.")
    mended = guest.call("POST", f"/accounts/{ONE}", json={"email": ONE, "password": "secret", "maxJobs": "3"})
    assert (mended.status_code, mended.json()["maxJobs"]) == (201, 3)
    guest.create(first_frame_path=path)


def test_pending_accounts_are_passed_over(pair: Guest) -> None:
    """Without an e-mail a pending account is not drawn; where all are pending it is a 596."""
    path = pair.upload("?email=one@example.com")
    pair.control.set_pending("one@example.com")
    assert "two@example.com" in pair.create(first_frame_path=path)
    pair.control.set_pending("two@example.com")
    assert pair.post(first_frame_path=path).status_code == 596


def test_accounts_hide_their_secrets(guest: Guest) -> None:
    """GET /accounts is an object by e-mail whose password and token are covered."""
    answer = guest.call("GET", "/accounts/").json()
    assert set(answer) == {ONE}
    assert answer[ONE]["password"] == "…secured…"
    assert answer[ONE]["jwt"]["token"] == "abc…secured…cde"
    assert guest.call("GET", f"/accounts/{ONE}").json() == answer[ONE]


@pytest.mark.parametrize(
    "body",
    [
        {"email": "other@example.com", "password": "x"},
        {"email": "new@example.com"},
        {"email": "new@example.com", "password": "x", "maxJobs": 9},
        {"email": "new@example.com", "password": "x", "maxJobs": "many"},
    ],
)
def test_wrong_account_is_refused(guest: Guest, body: dict[str, object]) -> None:
    """An account needs the e-mail of its path, a password and 1…8 jobs."""
    assert guest.call("POST", "/accounts/new@example.com", json=body).status_code == 400
    assert set(guest.control.accounts) == {ONE}


def test_accounts_come_and_go(guest: Guest) -> None:
    """POST adds an account, DELETE takes it away, and without any the configuration is not found."""
    new = {"email": "new@example.com", "password": "x"}
    assert guest.call("POST", "/accounts/new@example.com", json=new).status_code == 201
    assert guest.call("GET", "/videos/").status_code == 400
    assert guest.call("DELETE", "/accounts/new@example.com").status_code == 204
    assert guest.call("GET", "/accounts/new@example.com").status_code == 404
    guest.control.remove_account(ONE)
    for method, path in (("GET", "/accounts"), ("GET", "/videos/"), ("DELETE", f"/accounts/{ONE}")):
        answer = guest.call(method, path)
        assert (answer.status_code, answer.json()["error"]) == (404, "Configuration not found")


def test_accounts_are_given_at_the_start(opened: Open) -> None:
    """A sandbox takes accounts with their own slots and credits."""
    poor = Account("poor@example.com", credits={"daily": 0, "monthly": 1, "package": 0})
    with opened([poor]) as guest:
        assert guest.post().status_code == 412
