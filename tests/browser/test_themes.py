"""Outputs in the light and dark theme, and in untrusted notebooks, which drop the stylesheet."""

from playwright.sync_api import Page, expect

from tests.browser.playing import PATIENCE_MS
from tests.browser.real_lab import Lab

PLOT = """from pixverse_nb.sweep.plots import metric_plot
rows = [{"seed": seed, "credits": seed * 45} for seed in (1, 2)]
metric_plot(rows, "credits", over="seed", by=None, axes=["seed"])"""
TABLE = """from pixverse_nb.doctor.report import Finding, Report
Report((Finding("disk", "80 GB free"),))"""


def test_the_theme_chooses_the_plot(page: Page, lab: Lab) -> None:
    """The plot matches the theme; an untrusted notebook shows one plot and left-aligned cells."""
    name = lab.new_notebook([PLOT, TABLE])
    lab.open(page, name)
    lab.run_all(page)
    lab.wait_idle(page)
    shown = page.locator(".pvnb-themed img").filter(visible=True)
    expect(shown).to_have_count(1)
    expect(shown).to_have_class("pvnb-light-image")
    lab.save(page)
    lab.set_theme(page, "dark")
    expect(shown).to_have_count(1, timeout=PATIENCE_MS)
    expect(shown).to_have_class("pvnb-dark-image")
    lab.set_theme(page, "light")
    reopened = lab.reopen_without_kernel(page, name, trusted=False)
    expect(reopened.locator(".pvnb-table td").first).to_be_visible(timeout=PATIENCE_MS)
    expect(reopened.locator(".pvnb-themed img").filter(visible=True)).to_have_count(1)
    sides = reopened.locator(".pvnb-table :is(td, th)").evaluate_all(
        "all => all.map(one => getComputedStyle(one).textAlign)"
    )
    assert sides == ["left"] * 6
