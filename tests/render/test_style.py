"""The stylesheet: it knows every class in use, asks nothing of the network, and touches nothing but ours."""

import re
from pathlib import Path

from pixverse_nb.doctor.report import Finding, Report, Severity
from pixverse_nb.domain.jobs import JobEvent, JobState
from pixverse_nb.render.job_views import card_block, jobs_html
from pixverse_nb.render.player import player_figure
from pixverse_nb.render.style import STYLE, styled
from pixverse_nb.render.sweep_views import measured_html, plan_html
from pixverse_nb.render.timeline import timelines_html
from tests.render.factories import NOW, a_snapshot, a_video, an_mp4
from tests.render.page import Page
from tests.render.test_measurement_table import ONE as MEASURED
from tests.render.test_plan_table import SHEET as PLAN

KNOWN = set(re.findall(r"\.(pvnb[\w-]*)", STYLE))


def everything(tmp_path: Path) -> str:
    """Every kind of HTML that is shown."""
    jobs = [
        a_snapshot(state, error="e", suggested_action="n", warning="t", notices=("x",), is_sandbox=True)
        for state in JobState
    ]
    film = a_video(an_mp4(tmp_path / "x.mp4"), is_sandbox=True)
    return "".join(
        (
            *(card_block(job, now=NOW, pictures=(b"1", b"2")) for job in jobs),
            jobs_html(jobs, now=NOW),
            jobs_html([], now=NOW),
            player_figure(film, notices=("x",)),
            player_figure(a_video(tmp_path / "gone.mp4")),
            Report((Finding("x", "y", Severity.WRONG, "z"),))._repr_mimebundle_()["text/html"],
            plan_html(PLAN),
            measured_html({"seed 1": MEASURED}),
            timelines_html([("x", [JobEvent(NOW, JobState.SUBMITTING, "sent")])], now=NOW),
        )
    )


def test_every_class_in_use_is_in_the_sheet(tmp_path: Path) -> None:
    """No class is used without a rule, but what only marks a block."""
    used = Page(everything(tmp_path)).classes()
    assert used - KNOWN <= {"pvnb-player", "pvnb-life", "pvnb-flag"}


def test_every_rule_is_in_use(tmp_path: Path) -> None:
    """The sheet carries no rule for a class that nothing has: it travels with every output."""
    assert KNOWN - Page(everything(tmp_path)).classes() == set()


def test_the_sheet_asks_nothing_of_the_network() -> None:
    """There is no address and no import in the sheet, and nothing that ends the style element early."""
    assert not re.search(r"url\(|@import|http|<", STYLE)


def test_the_sheet_touches_only_ours() -> None:
    """Every rule begins at one of our classes, so the rest of the notebook stays as it is."""
    plain = re.sub(r"@keyframes [\w-]+\{.*\}\}", "", STYLE)
    plain = re.sub(r"@(?:media|container)[^{]*\{((?:[^{}]*\{[^{}]*\})*)\}", r"\1", plain)
    selectors = [part.strip() for rule in re.findall(r"([^{}]+)\{", plain) for part in rule.split(",")]
    assert len(selectors) > 40
    assert [selector for selector in selectors if not selector.startswith(".pvnb")] == []


def test_colours_come_from_the_host() -> None:
    """Ink and accent ask JupyterLab first, then VS Code, then have a colour of their own."""
    assert "--pvnb-ink:var(--jp-content-font-color1,var(--vscode-foreground," in STYLE
    assert re.search(r"--pvnb-accent:var\(--jp-brand-color1,var\(--vscode-[\w-]+,#\w{6}\)\)", STYLE)


def test_motion_can_be_declined() -> None:
    """Who asks the system for less motion gets none."""
    assert "prefers-reduced-motion:reduce" in STYLE


def test_a_block_stands_alone() -> None:
    """`styled` puts the sheet in front of a block."""
    assert styled("<p>x</p>").startswith("<style>.pvnb{")
    assert styled("<p>x</p>").endswith("</style><p>x</p>")


def test_cells_keep_their_side_without_the_sheet(tmp_path: Path) -> None:
    """JupyterLab sets the cells of a table right: ours say inline that words stand left and numbers right."""
    cells = [told for name, told in Page(everything(tmp_path)).elements if name in ("td", "th")]
    assert len(cells) > 50
    for told in cells:
        side = "right" if "pvnb-number" in (told.get("class") or "") else "left"
        assert told.get("style") == f"text-align:{side}"
