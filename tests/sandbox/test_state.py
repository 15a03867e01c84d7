"""Accounts with their slots and credits, and the errors 412, 429 and 596."""

import pytest

from pixverse_nb.sandbox import Account, Sandbox
from tests.backends.sample_replies import ALL_BUSY, PLAN_BUSY, account_busy
from tests.sandbox.api_client import ApiClient, write_canned_video
from tests.sandbox.conftest import OpenSandbox

EMAIL = "sandbox@example.com"


def test_slots_limit_jobs(api: ApiClient) -> None:
    """Above maxJobs a named account is busy, or all accounts if none is named; a finished job frees its slot."""
    api.control.add_account(Account(EMAIL, max_jobs=1))
    api.create()
    named, unnamed = api.post_create(email=EMAIL), api.post_create()
    assert (named.status_code, unnamed.status_code) == (429, 429)
    assert named.json()["error"] == account_busy(EMAIL, 1)
    assert unnamed.json()["error"] == ALL_BUSY
    assert "retry-after" not in named.headers
    api.control.advance(80)
    api.create()


def test_max_jobs_of_the_call_wins(api: ApiClient) -> None:
    """maxJobs in a call replaces the account's value."""
    api.create()
    assert api.post_create(maxJobs=1).status_code == 429
    assert api.post_create(maxJobs=2).status_code == 200


def test_plan_limits_jobs(api: ApiClient) -> None:
    """The plan's limit counts jobs that useapi no longer tracks."""
    api.control.add_account(Account(EMAIL, plan_jobs=1))
    video_id = api.create()
    assert api.call("DELETE", f"/scheduler/{video_id}").status_code == 200
    answer = api.post_create()
    assert (answer.status_code, answer.json()["error"]) == (429, PLAN_BUSY)


def test_retry_after(api: ApiClient) -> None:
    """A 429 has a Retry-After header if the setting gives a value."""
    api.control.add_account(Account(EMAIL, max_jobs=1))
    api.control.settings.retry_after_s = 12
    api.create()
    assert api.post_create().headers["retry-after"] == "12"


def test_omitted_email_takes_any_free_account(two_accounts: ApiClient) -> None:
    """Without an e-mail a free account is chosen, until none is left."""
    for email in ("one@example.com", "two@example.com"):
        two_accounts.control.add_account(Account(email, max_jobs=1))
    path = two_accounts.upload("?email=one@example.com")
    ids = [two_accounts.create(first_frame_path=path) for _ in range(2)]
    assert {one.split("pixverse:")[1].split("-video")[0] for one in ids} == {"one@example.com", "two@example.com"}
    assert two_accounts.post_create(first_frame_path=path).status_code == 429


def test_credits_are_spent_in_order(api: ApiClient) -> None:
    """Credits are taken from daily, then monthly, then package; a refund restores them."""
    api.control.set_credits(daily=10, monthly=20, package=100)
    video_id = api.create()
    shown = api.call("GET", "/features/").json()
    assert (shown["credit_daily"], shown["credit_monthly"], shown["credit_package"]) == (0, 0, 70)
    api.control.moderate(video_id)
    shown = api.call("GET", f"/features?email={EMAIL}").json()
    assert (shown["credit_daily"], shown["credit_monthly"], shown["credit_package"]) == (10, 20, 100)
    assert {"plan_name", "gen_simultaneously", "allow_fast_mode", "remove_watermark"} <= set(shown)


def test_no_credits_is_412(api: ApiClient) -> None:
    """Without enough credits a create call returns 412 and takes nothing."""
    api.control.set_credits(monthly=59)
    answer = api.post_create()
    assert answer.status_code == 412
    assert answer.json()["error"].startswith("All Credits have been used up.")
    assert (api.control.balance(), api.rows()) == (59, [])
    with pytest.raises(ValueError, match="weekly"):
        api.control.set_credits(weekly=1)
    with pytest.raises(ValueError, match="credits"):
        api.control.set_credits(monthly=-1)


def test_pending_account_is_596_until_it_is_posted(api: ApiClient) -> None:
    """Every call for a pending account returns 596 until it is posted again."""
    frame = api.upload()
    api.control.set_pending()
    for method, path in (("GET", "/videos/"), ("GET", "/features/"), ("POST", "/videos/create-frames-v3")):
        body = {"json": api.create_body(first_frame_path=frame)} if method == "POST" else {}
        answer = api.call(method, path, **body)
        assert answer.status_code == 596
        assert answer.json()["error"].startswith("Your PixVerse account has pending error.")
    fixed = api.call("POST", f"/accounts/{EMAIL}", json={"email": EMAIL, "password": "secret", "maxJobs": "3"})
    assert (fixed.status_code, fixed.json()["maxJobs"]) == (201, 3)
    api.create(first_frame_path=frame)


def test_pending_accounts_are_skipped(two_accounts: ApiClient) -> None:
    """Without an e-mail pending accounts are skipped; if all are pending, the answer is 596."""
    path = two_accounts.upload("?email=one@example.com")
    two_accounts.control.set_pending("one@example.com")
    assert "two@example.com" in two_accounts.create(first_frame_path=path)
    two_accounts.control.set_pending("two@example.com")
    assert two_accounts.post_create(first_frame_path=path).status_code == 596


def test_accounts_from_the_constructor(open_sandbox: OpenSandbox) -> None:
    """A sandbox can start with accounts of given slots and credits."""
    poor = Account("poor@example.com", credits={"daily": 0, "monthly": 1, "package": 0})
    with open_sandbox([poor]) as api:
        assert api.post_create().status_code == 412


def test_user_number_of_the_token() -> None:
    """The user number of the token is in every video_id."""
    with Sandbox(speed=0, token="user:77-abcdefgh") as box:
        one = ApiClient(box)
        with one.http:
            assert one.create().startswith("user:77-pixverse:")


def test_video_ids_of_two_sandboxes_differ() -> None:
    """Two sandboxes never give the same video_id, so a ledger that has jobs of both does not confuse them."""
    ids = []
    for _ in range(2):
        with Sandbox(speed=0, render=write_canned_video) as box:
            api = ApiClient(box)
            with api.http:
                ids.append(api.create())
    assert ids[0] != ids[1]
