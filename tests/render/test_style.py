"""The functions that build HTML, and the stylesheet: it has every class in use and affects nothing else."""

import re
from pathlib import Path

from markupsafe import Markup

from pixverse_nb.doctor.report import Finding, Report, Severity
from pixverse_nb.domain.catalogue import CATALOGUE
from pixverse_nb.domain.jobs import JobEvent, JobState
from pixverse_nb.render.job_tables import JobRow, jobs_table
from pixverse_nb.render.job_views import card_block
from pixverse_nb.render.model_table import ModelTable
from pixverse_nb.render.player import player_figure
from pixverse_nb.render.style import STYLE, html, join, text_div, with_stylesheet
from pixverse_nb.render.sweep_tables import measured_table, plan_table
from pixverse_nb.render.sweep_views import SweepProgress, sweep_html
from pixverse_nb.render.timeline import timelines_html
from tests.render.factories import NOW, a_snapshot, a_video, an_mp4
from tests.render.page import Page
from tests.render.test_measurement_table import MEASURED
from tests.render.test_plan_table import PLAN

KNOWN = set(re.findall(r"\.(pvnb[\w-]*)", STYLE))


def everything(tmp_path: Path) -> str:
    """Every kind of HTML that is shown."""
    jobs = [
        a_snapshot(state, error="e", suggested_action="n", warning="t", notices=("x",), is_sandbox=True)
        for state in JobState
    ]
    video = a_video(an_mp4(tmp_path / "x.mp4"), is_sandbox=True)
    return "".join(
        (
            *(card_block(job, now=NOW, thumbnails=(b"1", b"2")) for job in jobs),
            jobs_table([JobRow(job, b"1", "call()") for job in jobs], now=NOW).html(),
            jobs_table([], now=NOW).html(),
            sweep_html(SweepProgress("x", "running", 3, done=1, running=1, waiting=1), now=NOW),
            player_figure(video, notices=("x",)),
            player_figure(a_video(tmp_path / "gone.mp4")),
            Report((Finding("x", "y", Severity.ERROR, "z"),))._repr_mimebundle_()["text/html"],
            plan_table(PLAN).html(),
            ModelTable(CATALOGUE.models())._repr_mimebundle_()["text/html"],
            measured_table({"seed 1": MEASURED}).html(),
            timelines_html([("x", [JobEvent(NOW, JobState.SUBMITTING, "intent_recorded")])], now=NOW),
        )
    )


def test_every_class_in_use_is_in_the_sheet(tmp_path: Path) -> None:
    """Every class has a rule, except those that only identify a block."""
    used = Page(everything(tmp_path)).classes()
    assert used - KNOWN <= {"pvnb-player", "pvnb-sweep-card", "pvnb-timeline", "pvnb-milestone"}


def test_every_rule_is_in_use(tmp_path: Path) -> None:
    """There is no rule for a class that no output has."""
    assert KNOWN - Page(everything(tmp_path)).classes() == set()


def test_the_stylesheet_needs_no_network() -> None:
    """The stylesheet has no URL, no import, and nothing that would end the style element early."""
    assert not re.search(r"url\(|@import|http|<", STYLE)


def test_the_stylesheet_affects_only_our_classes() -> None:
    """Every selector starts with one of our classes, so the rest of the notebook stays as it is."""
    plain = re.sub(r"@keyframes [\w-]+\{.*\}\}", "", STYLE)
    plain = re.sub(r"@(?:media|container)[^{]*\{((?:[^{}]*\{[^{}]*\})*)\}", r"\1", plain)
    selectors = [part.strip() for rule in re.findall(r"([^{}]+)\{", plain) for part in re.split(r",(?![^(]*\))", rule)]
    assert len(selectors) > 40
    assert [selector for selector in selectors if not selector.startswith(".pvnb")] == []


def test_colours_come_from_the_theme() -> None:
    """Text and accent colours come from JupyterLab or VS Code, else from a default."""
    assert "--pvnb-ink:var(--jp-content-font-color1,var(--vscode-foreground," in STYLE
    assert re.search(r"--pvnb-accent:var\(--jp-brand-color1,var\(--vscode-[\w-]+,#\w{6}\)\)", STYLE)


def test_reduced_motion_is_respected() -> None:
    """There is no animation if the system asks for reduced motion."""
    assert "prefers-reduced-motion:reduce" in STYLE


def test_an_output_has_only_the_rules_that_it_needs() -> None:
    """The rules for the classes of a block come first, on one line, without those of other classes."""
    whole = str(with_stylesheet(Markup('<p class="pvnb"><i class="pvnb-note">x</i></p>')))
    style, _, block = whole.partition("</style>")
    assert block == '<p class="pvnb"><i class="pvnb-note">x</i></p>'
    assert set(re.findall(r"\.(pvnb[\w-]*)", style)) == {"pvnb", "pvnb-note"}
    assert style.count("\n") == 0


def test_all_rules_about_a_class_come_together() -> None:
    """The colours of a dot come with the dot: the rules of a later output also apply to the earlier ones of a page."""
    style = str(with_stylesheet(Markup('<i class="pvnb-dot"></i>')))
    assert style.index(".pvnb .pvnb-dot{") < style.index(".pvnb-warn .pvnb-dot{")


def test_values_are_escaped_and_redacted() -> None:
    """Strings are redacted and escaped in text and attributes; Markup is inserted as it is."""
    value = "<b>\"'& maria@example.org"
    made = html('<i title="{}">{}</i>{}{:.1f}', value, value, Markup("<br>"), 1.25)
    page = Page(made)
    assert page.only("i")["title"] == page.text.removesuffix("1.2")
    assert page.count("b") == 0
    assert page.count("br") == 1
    assert "maria" not in made
    assert "maria" not in join([value, Markup("<br>")])
    assert "<b>" not in join([value, Markup("<br>")])
    assert text_div("x", None) == text_div("x", "") == ""


def test_cells_are_aligned_without_the_stylesheet(tmp_path: Path) -> None:
    """JupyterLab right-aligns table cells: ours align text left and numbers right with inline styles."""
    cells = [attributes for name, attributes in Page(everything(tmp_path)).elements if name in ("td", "th")]
    assert len(cells) > 50
    for attributes in cells:
        side = "right" if "pvnb-number" in (attributes.get("class") or "") else "left"
        assert attributes.get("style") == f"text-align:{side}"
