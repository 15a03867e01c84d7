"""Uploads, create answers, lists, single videos, the scheduler and accounts."""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixverse_nb.sandbox import Account
from pixverse_nb.sandbox.routes import ROUTES, ApiRoute
from tests.backends.sample_replies import NO_CONFIGURATION, not_running
from tests.sandbox.api_client import ApiClient, make_image
from tests.sandbox.conftest import OpenSandbox

EMAIL = "sandbox@example.com"


@pytest.mark.parametrize(
    ("extension", "kind", "suffix"),
    [
        (".png", "image/png", "png"),
        (".jpg", "image/jpeg", "jpeg"),
        (".webp", "image/webp", "webp"),
        (".gif", "image/gif", "gif"),
    ],
)
def test_image_upload(shared_api: ApiClient, extension: str, kind: str, suffix: str) -> None:
    """An upload returns its id and path, and the media host serves the same bytes."""
    data = make_image(extension)
    answer = shared_api.call("POST", "/files/", content=data, headers={"Content-Type": kind})
    (entry,) = answer.json()["result"]
    assert set(entry) == {"id", "url", "path", "size", "name", "category", "err_msg"}
    assert entry["path"].startswith("upload/")
    assert entry["path"].endswith(f".{suffix}")
    assert (entry["size"], entry["err_msg"]) == (len(data), "")
    assert "/media/upload%2F" in entry["url"]
    served = shared_api.http.get(entry["url"])
    assert (served.content, served.headers["content-type"]) == (data, kind)


def test_video_upload(shared_api: ApiClient) -> None:
    """A video upload returns `path` and `url` at the top level."""
    answer = shared_api.call("POST", "/files", content=b"video", headers={"Content-Type": "video/mp4"})
    assert set(answer.json()) == {"path", "url"}


def test_email_is_required_with_several_accounts(two_accounts: ApiClient) -> None:
    """With two accounts an upload must name one that exists."""
    send = {"content": make_image(), "headers": {"Content-Type": "image/png"}}
    assert two_accounts.call("POST", "/files/", **send).status_code == 400
    assert two_accounts.call("POST", "/files/?email=nobody@example.com", **send).status_code == 404
    assert two_accounts.call("POST", "/files/?email=two%40example.com", **send).status_code == 200


def test_create_returns_id_and_cost(api: ApiClient) -> None:
    """A create call returns the video_id in the vendor's form and the credits."""
    answer = api.post_create().json()
    assert re.fullmatch(r"user:1001-pixverse:sandbox@example\.com-video:\d+", answer.pop("video_id"))
    assert answer == {"cost_credits": 60}


def test_cost_can_be_omitted(api: ApiClient) -> None:
    """The setting `cost_credits` omits the credits, as older answers do."""
    api.control.settings.cost_credits = False
    assert set(api.post_create().json()) == {"video_id"}


def test_list_pages(api: ApiClient) -> None:
    """The list is newest first, 40 rows by default; `limit` and `offset` (a number or a video id) select a page."""
    api.control.add_account(Account("sandbox@example.com", max_jobs=100, plan_jobs=100))
    path = api.upload()
    ids = [api.create(first_frame_path=path) for _ in range(42)][::-1]
    assert [row["video_id"] for row in api.rows()] == ids[:40]
    assert [row["video_id"] for row in api.rows("?limit=2&offset=40")] == ids[40:]
    assert [row["video_id"] for row in api.rows(f"?limit=1&offset={ids[5]}")] == [ids[5]]
    for wrong in ("limit=0", "limit=x", "offset=-1"):
        assert api.call("GET", f"/videos/?{wrong}").status_code == 400


def test_lists_are_per_account(two_accounts: ApiClient) -> None:
    """With several accounts a list must name one and shows only its jobs."""
    video_id = two_accounts.create(email="one@example.com")
    assert two_accounts.call("GET", "/videos/").status_code == 400
    assert [row["video_id"] for row in two_accounts.rows("?email=one%40example.com")] == [video_id]
    assert two_accounts.rows("?email=two@example.com") == []
    assert two_accounts.call("GET", "/videos/?email=three@example.com").status_code == 404


def test_open_video_is_404(api: ApiClient) -> None:
    """GET /videos/<id> returns 404 while queued or generating, and then the row."""
    video_id = api.create()
    assert api.call("GET", f"/videos/{video_id}").status_code == 404
    api.control.advance(10)
    assert api.call("GET", f"/videos/{video_id}").status_code == 404
    api.control.advance(70)
    assert api.call("GET", f"/videos/{video_id}").json() == api.row(video_id)
    assert api.call("GET", f"/videos/{video_id}/").status_code == 200


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("place", ["videos", "scheduler"])
def test_encoded_id_is_refused(api: ApiClient, method: str, place: str) -> None:
    """A video id with a percent-encoded : or @ returns 400."""
    if (method, place) == ("GET", "scheduler"):
        method = "DELETE"
    video_id = api.create()
    api.control.advance(80 if place == "videos" else 0)
    for encoded in (video_id.replace("@", "%40"), video_id.replace(":", "%3a")):
        assert api.call(method, f"/{place}/{encoded}").status_code == 400
    assert api.call(method, f"/{place}/{video_id}").status_code == 200


def test_unknown_id_is_404(api: ApiClient) -> None:
    """An unknown number, another account and a malformed id return 404."""
    video_id = api.create()
    api.control.advance(80)
    for unknown in (video_id + "1", video_id.replace("sandbox@", "other@"), "malformed", "x:" + "9" * 5000):
        assert api.call("GET", f"/videos/{unknown}").status_code == 404


def test_deleted_video_is_gone(api: ApiClient) -> None:
    """A deleted video is no longer listed, but remains in the audit."""
    video_id = api.create()
    api.control.advance(80)
    assert api.call("DELETE", f"/videos/{video_id}").status_code == 200
    assert api.rows() == []
    assert api.call("GET", f"/videos/{video_id}").status_code == 404
    assert api.call("DELETE", f"/videos/{video_id}").status_code == 404
    assert [one.video_id for one in api.control.generations] == [video_id]


def test_scheduler_lists_running_jobs(api: ApiClient) -> None:
    """GET /scheduler lists running jobs with elapsed time, replyUrl and replyRef."""
    video_id = api.create(replyRef="mine", replyUrl="http://127.0.0.1:9/x")
    api.control.advance(37)
    (entry,) = api.call("GET", "/scheduler/").json()
    assert set(entry) == {"video_id", "started", "elapsed", "replyUrl", "replyRef"}
    assert (entry["video_id"], entry["elapsed"], entry["replyRef"]) == (video_id, "00:37", "mine")
    api.control.settings.reply_ref_in_scheduler = False
    for name, more in (("video_id", set()), ("videoId", set()), ("id", {"type"})):
        api.control.settings.scheduler_id = name
        assert set(api.call("GET", "/scheduler").json()[0]) == {name, "started", "elapsed"} | more
    api.control.advance(40)
    assert api.call("GET", "/scheduler").json() == []


def test_available_counts_slots(api: ApiClient) -> None:
    """GET /scheduler/available shows the slots; the plan may leave fewer than maxJobs allows."""
    api.control.add_account(Account(EMAIL, max_jobs=5, plan_jobs=2))
    api.create()
    answer = api.call("GET", "/scheduler/available").json()
    assert len(answer["executing"]) == 1
    assert answer["available"] == [{"email": EMAIL, "maxJobs": 5, "executing": 1, "available": 1}]


def test_stop_tracking_frees_only_the_slot(api: ApiClient) -> None:
    """DELETE /scheduler/<id> frees the slot; the generation completes and stays charged."""
    api.control.add_account(Account(EMAIL, max_jobs=1))
    video_id = api.create()
    balance = api.control.balance()
    assert api.call("DELETE", f"/scheduler/{video_id}").status_code == 200
    again = api.call("DELETE", f"/scheduler/{video_id}")
    assert (again.status_code, again.json()["error"]) == (404, not_running(video_id))
    assert api.call("GET", "/scheduler/available").json()["available"][0]["executing"] == 0
    assert api.control.balance() == balance
    api.control.advance(80)
    assert api.row(video_id)["video_status"] == 1


def test_accounts_redact_secrets(api: ApiClient) -> None:
    """GET /accounts is an object by e-mail with redacted secrets."""
    answer = api.call("GET", "/accounts/").json()
    assert set(answer) == {EMAIL}
    assert answer[EMAIL]["password"] == "…secured…"
    assert answer[EMAIL]["jwt"]["token"] == "abc…secured…cde"
    assert api.call("GET", f"/accounts/{EMAIL}").json() == answer[EMAIL]


@pytest.mark.parametrize(
    "body",
    [
        {"email": "other@example.com", "password": "x"},
        {"email": "new@example.com"},
        {"email": "new@example.com", "password": "x", "maxJobs": 9},
        {"email": "new@example.com", "password": "x", "maxJobs": "many"},
    ],
)
def test_invalid_account_is_refused(api: ApiClient, body: dict[str, object]) -> None:
    """An account needs the e-mail of the path, a password and 1 to 8 jobs."""
    assert api.call("POST", "/accounts/new@example.com", json=body).status_code == 400
    assert set(api.control.accounts) == {EMAIL}


def test_add_and_delete_accounts(api: ApiClient) -> None:
    """POST adds an account and DELETE removes it; without any, the configuration is not found."""
    new = {"email": "new@example.com", "password": "x"}
    assert api.call("POST", "/accounts/new@example.com", json=new).status_code == 201
    assert api.call("GET", "/videos/").status_code == 400
    assert api.call("DELETE", "/accounts/new@example.com").status_code == 204
    assert api.call("GET", "/accounts/new@example.com").status_code == 404
    api.control.remove_account(EMAIL)
    for method, path in (("GET", "/accounts"), ("GET", "/videos/"), ("DELETE", f"/accounts/{EMAIL}")):
        answer = api.call(method, path)
        assert (answer.status_code, answer.json()["error"]) == (404, NO_CONFIGURATION)


NESTED = b'{"prompt":' + b"[" * 10**5
HALF_A_CHARACTER = b'{"prompt": "a", "replyRef": "\\ud800"}'
AS_ESCAPES = b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n\\ud800\r\n--x--\r\n'


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("application/json", NESTED),
        ("application/json", HALF_A_CHARACTER),
        ("application/json", b'{"prompt": "a", "seed": ' + b"9" * 5000 + b"}"),
        ("application/json", b'{"prompt": "\xff"}'),
        ("multipart/form-data; boundary=x; charset=unicode_escape", AS_ESCAPES),
        ("multipart/form-data", b"--x--"),
    ],
    ids=["nested", "half a character", "long number", "not utf-8", "escapes", "no boundary"],
)
def test_a_body_that_no_answer_could_repeat_is_refused(api: ApiClient, media_type: str, content: bytes) -> None:
    """A body that cannot be decoded, or has half of a surrogate pair, returns 400 and generates nothing."""
    answer = api.call("POST", "/videos/create", content=content, headers={"Content-Type": media_type})
    assert (answer.status_code, api.control.generations) == (400, [])


_WORDS = st.one_of(
    st.sampled_from(
        ["0", "-1", "40", "1e9", "true", "user:1001-pixverse:sandbox@example.com-video:1", "null", "a@b.c"]
    ),
    st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=12),
)
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=5), inner, max_size=2)),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def fuzzed_api(open_sandbox: OpenSandbox) -> Iterator[ApiClient]:
    """Return a sandbox of which anything may be deleted."""
    with open_sandbox() as api:
        yield api


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.name}")
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_no_request_makes_a_server_error(fuzzed_api: ApiClient, route: ApiRoute, data: st.DataObject) -> None:
    """Whatever is in the path, the query, the body and its type, every route answers with a success or a refusal."""
    path = re.sub(r"{[^}]*}", lambda _: quote(data.draw(_WORDS), safe=":@"), route.path)
    query = data.draw(st.dictionaries(st.sampled_from(["email", "limit", "offset", "other"]), _WORDS, max_size=3))
    kind = data.draw(st.sampled_from(["application/json", "image/png", "text/plain", "multipart/form-data", ""]))
    content = data.draw(st.one_of(st.binary(max_size=20), _JSON.map(lambda value: json.dumps(value).encode())))
    answer = fuzzed_api.call(route.method, path, params=query, content=content, headers={"Content-Type": kind})
    assert answer.status_code < 500
    assert answer.status_code < 400 or answer.json()["error"]
