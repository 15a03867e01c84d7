"""The test environment: a notebook runs in a real JupyterLab in a real Chromium."""

from playwright.sync_api import Page, expect

from tests.browser.real_lab import Lab


def test_a_notebook_runs_and_prints(page: Page, lab: Lab) -> None:
    """Run All runs every cell and shows its output below it."""
    lab.open(page, lab.new_notebook(["print('a' * 3)", "import pixverse_nb\nprint('imported')"]))
    lab.run_all(page)
    lab.wait_idle(page)
    expect(lab.outputs(page).nth(0)).to_have_text("aaa")
    expect(lab.outputs(page).nth(1)).to_have_text("imported")


def test_both_themes_can_be_shown(page: Page, lab: Lab) -> None:
    """JupyterLab can be shown dark and light."""
    lab.open(page, lab.new_notebook(["1"]))
    lab.set_theme(page, "dark")
    lab.set_theme(page, "light")


def test_a_saved_notebook_opens_without_a_kernel(page: Page, lab: Lab) -> None:
    """Output is saved in the file and is shown again without a kernel."""
    name = lab.new_notebook(["print('kept')"])
    lab.open(page, name)
    lab.run_all(page)
    lab.wait_idle(page)
    expect(lab.outputs(page)).to_have_text("kept")
    notebook = lab.reopen_without_kernel(page, name)
    expect(notebook.locator(".jp-Cell-outputArea")).to_have_text("kept")
    assert lab.kernel_count() == 0
