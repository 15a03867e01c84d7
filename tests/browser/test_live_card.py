"""Live cards in a real JupyterLab: buttons by mouse and key, nested and second views, reload, restart, no kernel."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.real_lab import Lab

PICTURES = Path(__file__).parent.parent.parent / "notebooks" / "pictures"
BEGIN = f"""import pixverse_nb as pv, ipywidgets
client = pv.Client.sandbox(speed={{speed}})
pictures = {str(PICTURES / "coffee_wide.jpg")!r}, {str(PICTURES / "coffee_close.jpg")!r}
def begin(seed):
    return client.create_frames(*pictures, quality="360p", seed=seed, prompt="A slow dolly in")
"""
FOREVER = BEGIN.format(speed=0)
SELECTED = "() => getSelection().toString()"
# The text nodes of the prompt, the state and the facts are the same after a change: they were not replaced.
KEEP = "card => { window.kept = [...card.querySelectorAll('div, strong')]; }"
IS_KEPT = "() => window.kept.every(element => element.isConnected)"


def press(page: Page, button: Locator, how: str) -> None:
    """Press a button by mouse, or by keyboard alone."""
    if how == "mouse":
        button.click()
    else:
        button.focus()
        page.keyboard.press("Enter")


def run(page: Page, lab: Lab, cells: list[str]) -> str:
    """Open a notebook with these cells, start all of them, and return its name."""
    name = lab.new_notebook(cells)
    page.set_viewport_size({"width": 1280, "height": 1600})  # only cells near the view are in the page
    lab.open(page, name)
    lab.run_all(page)
    return name


@pytest.mark.parametrize("how", ["mouse", "key"])
@pytest.mark.parametrize("wait", ["job.result()", "await job"])
def test_waiting_shows_the_card_and_cancel_works(page: Page, lab: Lab, wait: str, how: str) -> None:
    """A cell that waits shows one card, and its button ends the wait; "Keep waiting" gives the focus back.

    With the focus on it, Ctrl+S saves the notebook, and M changes no cell.
    """
    run(page, lab, [FOREVER, f"job = begin(1)\ntry:\n    {wait}\nexcept pv.JobCancelled:\n    print('ended')"])
    card = page.locator(".pvnb-live")
    expect(card).to_have_count(1)
    expect(card.get_by_role("progressbar")).to_be_visible()
    cancel = card.get_by_role("button", name="Cancel", exact=True)
    press(page, cancel, how)
    press(page, card.get_by_role("button", name="Keep waiting"), how)
    expect(cancel).to_be_focused()
    cancel.press("m")
    with page.expect_request(lambda request: request.method == "PUT" and "/api/contents/" in request.url):
        cancel.press("ControlOrMeta+s")
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(2)
    press(page, cancel, how)
    press(page, card.get_by_role("button", name="Cancel this job"), how)
    expect(lab.outputs(page).nth(1)).to_contain_text("ended")


@pytest.mark.parametrize("how", ["mouse", "key"])
def test_a_cancelled_job_is_waited_for_again(page: Page, lab: Lab, how: str) -> None:
    """The card of a paid job that was cancelled stays, and its button follows the job again without a second call."""
    run(page, lab, [FOREVER, "job = begin(6)\njob", "print(len(client.sandbox_control.generations))"])
    lab.wait_idle(page)
    card = page.locator(".pvnb-live")
    expect(card).to_have_attribute("data-state", "queued")
    press(page, card.get_by_role("button", name="Cancel", exact=True), how)
    press(page, card.get_by_role("button", name="Cancel this job"), how)
    expect(card).to_have_attribute("data-state", "cancelled")
    press(page, card.get_by_role("button", name="Wait again"), how)
    expect(card.get_by_role("button", name="Cancel", exact=True)).to_be_visible()
    expect(card).to_have_attribute("data-state", "queued")
    page.locator(".jp-Notebook .jp-CodeCell").nth(2).locator(".jp-InputArea-editor").click()
    page.keyboard.press("Control+Enter")
    lab.wait_idle(page)
    expect(lab.outputs(page).nth(2)).to_have_text("1")


@pytest.mark.parametrize("how", ["mouse", "key"])
def test_a_sweep_is_paused_resumed_and_stopped_by_its_card(page: Page, lab: Lab, how: str) -> None:
    """While `run()` keeps the kernel busy, the card has an expected end, and its buttons hold and end the run."""
    code = "sweep = client.sweep(*pictures, quality='360p', seed=range(1, 49))\nsweep.run()"
    run(page, lab, [BEGIN.format(speed=5), code, "print(sweep.progress.mode)"])
    card = page.locator(".pvnb-sweep-card")
    expect(card).to_have_attribute("data-state", "running")
    expect(card.get_by_role("timer")).to_contain_text("left")
    for name, state in (("Pause", "paused"), ("Resume", "running")):
        press(page, card.get_by_role("button", name=name), how)
        expect(card).to_have_attribute("data-state", state)
    press(page, card.get_by_role("button", name="Stop"), how)
    expect(lab.outputs(page).nth(2)).to_contain_text("stopped")


def test_a_card_lives_in_an_output_widget_a_tab_and_a_second_view(page: Page, lab: Lab) -> None:
    """Each of them follows the job to its player, which plays; the film is a message, not part of the notebook."""
    places = (
        "out, inside = ipywidgets.Output(), ipywidgets.Output()\n"
        "display(out, ipywidgets.Tab([inside]))\njob = begin(2)\n"
        "with out:\n    display(job)\nwith inside:\n    display(job)"
    )
    run(page, lab, [FOREVER, places, "client.sandbox_control.speed = 60.0\nvideo = job.result()"])
    players = lab.outputs(page).nth(1).locator("figure.pvnb-player video")
    expect(players).to_have_count(2)
    page.wait_for_function(
        "() => [...document.querySelectorAll('figure.pvnb-player video')].every(v => v.readyState > 1)"
    )


def test_a_selection_survives_changes(page: Page, lab: Lab) -> None:
    """Text that a person has selected in a card stays selected while the job goes on and the clock runs."""
    run(page, lab, [FOREVER, "job = begin(3)\njob"])
    lab.wait_idle(page)
    card = page.locator(".pvnb-live")
    expect(card).to_have_attribute("data-state", "queued")
    card.get_by_text("A slow dolly in").select_text()
    card.evaluate(KEEP)
    clock = card.get_by_role("timer").inner_text()
    expect(card.get_by_role("timer")).not_to_have_text(clock)
    assert page.evaluate(SELECTED) == "A slow dolly in"
    assert page.evaluate(IS_KEPT)


def test_after_a_reload_the_card_is_alive(page: Page, lab: Lab) -> None:
    """The card of a running job is drawn again, with its pictures, and its button works."""
    run(page, lab, [FOREVER, "job = begin(4)\njob"])
    lab.wait_idle(page)
    expect(page.locator(".pvnb-live")).to_be_visible()
    lab.save(page)
    page.reload()
    card = page.locator(".pvnb-live")
    expect(card.locator("img")).to_have_count(2)
    card.get_by_role("button", name="Cancel", exact=True).click()
    card.get_by_role("button", name="Cancel this job").click()
    expect(card).to_have_attribute("data-state", "cancelled")
    expect(card.get_by_role("button", name="Cancel", exact=True)).to_be_hidden()


def test_after_a_restart_every_view_says_so(page: Page, lab: Lab) -> None:
    """Card, gallery and comparison have a notice; what needs a kernel is gone, and the videos still play."""
    made = "videos = [begin(seed).result(quiet=True) for seed in (7, 8)]"
    made += "\nclient.sandbox_control.settings.generation_s = (1e6, 1e6)"
    run(page, lab, [BEGIN.format(speed=60), made, "pv.gallery(videos)", "pv.compare(videos, blind=True)", "begin(5)"])
    lab.wait_idle(page)
    card, gallery, voting = (page.locator(f".pvnb-{name}") for name in ("live", "gallery", "compare"))
    page.wait_for_function("() => [...document.querySelectorAll('.pvnb-compare video')].every(v => v.readyState > 1)")
    expect(gallery.locator("[role=gridcell] img")).to_have_count(2)
    tile, winner = gallery.locator("[role=gridcell]").first, gallery.get_by_role("button", name="Mark as winner")
    tile.hover()
    expect(winner).to_be_visible()
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.locator(".lm-Menu-item", has_text="Restart Kernel…").first.click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    for view in (card, gallery, voting):
        expect(view).to_have_attribute("data-kernel", "gone")
        expect(view.locator(".pvnb-kernel-notice")).to_be_visible()
    expect(card.get_by_role("button", name="Cancel", exact=True)).to_be_hidden()
    tile.hover()
    tile.focus()
    expect(winner).to_be_hidden()
    for key in ("w", "n", "c"):
        tile.press(key)
    expect(gallery.get_by_role("textbox")).to_have_count(0)
    expect(gallery.locator("[aria-selected=true], .pvnb-gallery-badge:visible")).to_have_count(0)
    expect(voting.get_by_role("button", name="better")).to_have_count(0)
    voting.get_by_role("button", name="Play").click()
    page.wait_for_function("() => document.querySelector('.pvnb-compare video').currentTime > 0.2")


@pytest.mark.parametrize("trusted", [True, False])
def test_without_a_kernel_the_last_state_is_shown(page: Page, lab: Lab, trusted: bool) -> None:
    """A notebook saved while a job ran shows when that was, and no button and no error of a widget."""
    seed = 6 if trusted else 16  # a call of its own: another notebook's home would be named in an output more
    name = run(page, lab, [FOREVER, f"job = begin({seed})\njob"])
    lab.wait_idle(page)
    expect(page.locator(".pvnb-live")).to_be_visible()
    shown = lab.reopen_without_kernel(page, name, trusted=trusted)
    output = shown.locator(".jp-Cell-outputArea").nth(1)
    expect(output.locator(".pvnb-card-fallback")).to_be_visible()
    expect(output).to_contain_text("client.job(")
    expect(output.get_by_role("button")).to_have_count(0)
    expect(output.locator(".jp-OutputArea-output").filter(visible=True)).to_have_count(1 if trusted else 2)
