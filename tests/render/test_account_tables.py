"""Tables of what a vendor reports, and the values behind them."""

import pickle

from pixverse_nb.domain.remote import AccountCapacity, RemoteState, RemoteVideo, UploadedFile
from pixverse_nb.render.account_tables import CapacityView, CreditsView, remote_videos_table, uploads_table
from tests.render.page import Page

EMAIL = "maria@example.org"


def html_of(view: CapacityView | CreditsView) -> str:
    """The view as HTML."""
    return view._repr_mimebundle_()["text/html"]


def test_a_balance_is_a_value_and_a_table() -> None:
    """The kinds of credits have a row each and a total, which comes first; the fields are those of the value."""
    balance = CreditsView(daily=1, monthly=20, package=3000, plan="Pro", off_peak_factor=0.55, raw={"nick_name": EMAIL})
    page = Page(html_of(balance))
    assert page.count("tr") == 1 + 3 + 1
    assert page.text.index("3,021") < page.text.index("3,000")
    assert "0.55" in page.text
    assert balance.total == 3021
    assert balance.factors == {"off_peak_mode": 0.55}
    assert pickle.loads(pickle.dumps(balance)).total == 3021  # noqa: S301  our own bytes
    assert EMAIL not in page.html + repr(balance)


def test_the_slots_of_each_account_are_added_up() -> None:
    """Each account has a row without its e-mail address; only several accounts have a total."""
    two = CapacityView((AccountCapacity(EMAIL, 8, 2, 6), AccountCapacity("b@example.org", 5, 0, 5)))
    page = Page(html_of(two))
    assert page.count("tr") == 1 + 2 + 1
    assert "11" in page.text
    assert EMAIL not in page.html + repr(two)
    assert Page(html_of(CapacityView(two.accounts[:1]))).count("tr") == 1 + 1


def test_uploads_have_a_path_to_copy() -> None:
    """Each uploaded picture has a row; unknown facts are dashes, and without uploads there is no table."""
    page = Page(uploads_table([UploadedFile("upload/1.jpg", 7, size_bytes=2500), UploadedFile("upload/2.jpg")]).html())
    assert page.count("tr") == 1 + 2
    assert [attributes["data-copy"] for _, attributes in page.elements if "data-copy" in attributes] == [
        "upload/1.jpg",
        "upload/2.jpg",
    ]
    assert Page(uploads_table([]).html()).count("table") == 0


def test_remote_videos_are_named_by_number() -> None:
    """A generation shows the number that `client.adopt` takes, not the id, which has the account's e-mail."""
    videos = [
        RemoteVideo(
            f"user:1-{EMAIL}:77", RemoteState.COMPLETED, prompt="a push in", seed=3, created_at=1_760_000_000.0
        ),
        RemoteVideo(None, RemoteState.FAILED, error="no reason given"),
    ]
    table = remote_videos_table(videos)
    for shown in (Page(table.html()).text, table.text()):
        assert "77" in shown
        assert "seed 3" in shown
        assert "no reason given" in shown
        assert EMAIL not in shown
    assert Page(remote_videos_table([]).html()).count("table") == 0
