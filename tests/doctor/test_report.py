"""How a report displays: lines in a terminal, a table in a notebook, and no secret in either."""

from pixverse_nb.doctor.report import Finding, Report, Severity
from tests.render.page import Page

GOOD = Finding("disk", "5 GB free")
BAD = Finding("token", "of maria@example.org", Severity.ERROR, "<b>repair</b> it")
DOUBTFUL = Finding("slots", "none free", Severity.WARNING, "wait")


def test_each_finding_is_a_line() -> None:
    """Each finding is one aligned line with its severity, its fix is on the next line, and the last line counts."""
    lines = str(Report((GOOD, BAD, DOUBTFUL))).splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["ok", "error", "", "warning", "", "1"]
    assert lines[2].strip().endswith("<b>repair</b> it")
    assert lines[0].index("5 GB") == lines[1].index("of ") == lines[3].index("none")
    assert lines[-1] == "1 error, 1 warning."


def test_details_are_lines_of_their_own() -> None:
    """The details of a finding are below its text and above its fix, in lines and in the table; they hold no secret."""
    finding = Finding("models", "two", Severity.WARNING, "wait", details=("10: v5", "of maria@example.org"))
    lines = str(Report((finding,))).splitlines()
    assert [line.split()[-1] for line in lines[:2]] == ["two", "v5"]
    assert lines[3].endswith("wait")
    shown = Page(Report((finding,))._repr_mimebundle_()["text/html"]).text
    assert "10: v5" in shown
    assert "maria" not in shown + str(Report((finding,)))


def test_an_answer_of_the_checklist_is_the_result() -> None:
    """A question of the checklist has its answer in front, and is no problem; the last line counts the answers."""
    kinds = ("found", "not_found", "paid", "untestable")
    report = Report((GOOD, *(Finding(f"live {kind}", "Is it there?", kind=kind) for kind in kinds)))
    assert report.is_ok
    results = [finding.result for finding in report]
    assert results[0] == "ok"
    assert len(set(results)) == 5
    lines = str(report).splitlines()
    assert all(line.startswith(result) for line, result in zip(lines, results, strict=False))
    assert all(result in lines[-1] for result in results[1:])
    page = Page(report._repr_mimebundle_()["text/html"])
    assert all(result in page.text.replace("\N{NO-BREAK SPACE}", " ") for result in results)
    assert {"pvnb-good", "pvnb-off"} <= page.classes()


def test_a_report_is_ok_without_warnings() -> None:
    """One warning is enough for a report not to be ok."""
    assert Report((GOOD,)).is_ok
    assert not Report((GOOD, DOUBTFUL)).is_ok
    assert len(Report((GOOD, DOUBTFUL))) == 2


def test_a_notebook_shows_a_table() -> None:
    """The bundle has a row for each finding, coloured by severity, everything escaped, and the lines as plain text."""
    report = Report((GOOD, BAD, DOUBTFUL))
    bundle = report._repr_mimebundle_()
    page = Page(bundle["text/html"])
    assert len([name for name, _ in page.elements if name == "tr"]) == 1 + 3
    assert "b" not in {name for name, _ in page.elements}
    assert "<b>repair</b> it" in page.text
    assert {"pvnb-good", "pvnb-bad", "pvnb-warn"} <= page.classes()
    assert bundle["text/plain"] == str(report) == repr(report)


def test_a_finding_holds_no_secret() -> None:
    """E-mails and tokens are redacted when a finding is created, so that nothing can display them."""
    finding = Finding("a", "user:7-abcdefgh of maria@example.org", Severity.WARNING, "ask maria@example.org")
    assert "maria" not in repr(finding) + str(finding)
    assert "abcdefgh" not in repr(finding) + str(finding)
