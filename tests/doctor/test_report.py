"""What the doctor shows: lines, a table, and no secret in either."""

from pixverse_nb.doctor.report import Finding, Report, Severity
from tests.render.page import Page

WELL = Finding("disk", "5 GB free")
ILL = Finding("token", "of maria@example.org", Severity.WRONG, "<b>mend</b> it")
DOUBT = Finding("slots", "none free", Severity.LOOK, "wait")


def test_a_line_for_each_and_a_sum() -> None:
    """Each finding is one aligned line with its mark, its mend one below, and the last line counts."""
    lines = str(Report((WELL, ILL, DOUBT))).splitlines()
    assert [line[:5].strip() for line in lines] == ["ok", "wrong", "", "look", "", "1 wro"]
    assert lines[2].strip() == "mend: <b>mend</b> it"
    assert lines[0].index("5 GB") == lines[1].index("of ") == lines[3].index("none")
    assert lines[-1] == "1 wrong, 1 to look at."
    assert str(Report((WELL,))).endswith("All is well.")


def test_well_is_only_what_needs_nothing() -> None:
    """One thing to look at is enough for not being well."""
    assert Report((WELL,)).is_well
    assert not Report((WELL, DOUBT)).is_well
    assert len(Report((WELL, DOUBT))) == 2


def test_it_is_a_table_in_a_notebook() -> None:
    """The bundle has a row for each finding, in its tone, everything escaped, and the lines as text."""
    examination = Report((WELL, ILL, DOUBT))
    bundle = examination._repr_mimebundle_()
    page = Page(bundle["text/html"])
    assert len([name for name, _ in page.elements if name == "tr"]) == 3
    assert "b" not in {name for name, _ in page.elements}
    assert "<b>mend</b> it" in page.text
    assert {"pvnb-good", "pvnb-bad", "pvnb-warn"} <= page.classes()
    assert bundle["text/plain"] == str(examination) == repr(examination)


def test_no_secret_gets_into_a_finding() -> None:
    """E-mails and tokens are masked when a finding is made, so that no way of showing it can tell them."""
    finding = Finding("a", "user:7-abcdefgh of maria@example.org", Severity.LOOK, "ask maria@example.org")
    assert "maria" not in repr(finding) + str(finding)
    assert "abcdefgh" not in repr(finding) + str(finding)
