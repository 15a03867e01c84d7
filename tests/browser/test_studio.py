"""The form in a real JupyterLab: from two pictures to a video that plays and is saved in the notebook."""

import os
import re
import signal
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.browser.playing import PATIENCE_MS, play
from tests.browser.real_lab import UNTIL, Lab
from tests.browser.slots import PICTURES, choose, drop, expect_picture, expect_samples, paste, stage
from tests.browser.test_access import AXE, RUN_AXE

STUDIO = """import pixverse_nb as pv
client = pv.Client.sandbox(speed=60)
form = pv.studio(client)
form"""
# The media host refuses the download until the job is paused.
REFUSED = f"""{STUDIO.removesuffix("form")}
client.sandbox_control.arm("media_status", status=403, times=None)
client.subscribe(lambda job: job.snapshot().is_paused and client.sandbox_control.disarm())
form"""
FAILS = f"""{STUDIO.removesuffix("form")}
client.sandbox_control.arm("failed", times=None)
form"""
# Generation starts at once and takes longer than any test.
ENDLESS = """import pixverse_nb as pv
client = pv.Client.sandbox(speed=10)
client.sandbox_control.settings.queue_s = (0, 0)
client.sandbox_control.settings.generation_s = (1e6, 1e6)
form = pv.studio(client)
form"""
WITH_PID = 'import os, pathlib\npathlib.Path("pid").write_text(str(os.getpid()))\n'
COPIED = "text => navigator.clipboard.readText().then(own => own.includes(text))"


def test_two_pictures_become_a_video_that_stays(page: Page, lab: Lab) -> None:
    """Chosen and dropped pictures, a prompt and one click make a video that plays; without a kernel a note says so."""
    name = lab.new_notebook([STUDIO])
    notebook = lab.open(page, name)
    lab.run_all(page)
    lab.wait_idle(page)
    form = page.locator(".pvnb-form")
    expect(form.locator(".pvnb-form-badge")).to_be_visible()
    expect(notebook.locator(".pvnb-form-unavailable")).to_be_hidden()
    first, last = form.locator(".pvnb-picker").nth(0), form.locator(".pvnb-picker").nth(1)
    choose(page, first, PICTURES / "coffee_wide.jpg")
    drop(page, last, PICTURES / "coffee_close.jpg", "image/jpeg")
    expect_picture(first, "×", name="coffee_wide.jpg")
    expect_picture(last, "×", name="coffee_close.jpg")
    form.get_by_label("Prompt").fill("The camera moves in")
    form.get_by_role("radio", name="360p").click()
    form.get_by_role("button", name="Create video").dblclick()
    rows = form.locator(".pvnb-jobs-row")
    expect(rows.first).to_contain_text("Done")
    made = play(notebook.locator("video").first)
    assert (made["width"], made["height"]) == (640, 360)
    expect(rows).to_have_count(1)
    form.get_by_role("button", name="Create video").click()
    form.get_by_role("button", name="Show it").click()
    expect(notebook.locator("video")).to_be_in_viewport(ratio=1)

    for trusted in (True, False):
        reopened = lab.reopen_without_kernel(page, name, trusted=trusted)
        assert play(reopened.locator("video").first)["duration"] == made["duration"]
        expect(reopened.locator(".pvnb-form-unavailable")).to_be_visible()


def test_after_a_reload_the_form_shows_the_video_itself(page: Page, lab: Lab) -> None:
    """The outputs below the form do not reach a page that was loaded again, so the row of the job has the player."""
    lab.open(page, lab.new_notebook([STUDIO]))
    lab.run_all(page)
    lab.wait_idle(page)
    form = page.locator(".pvnb-form")
    form.get_by_role("button", name="Try with sample pictures").click()
    expect_samples(form)
    form.get_by_label("Seed", exact=True).fill("7")
    lab.save(page)
    page.reload()
    form.get_by_role("radio", name="360p").click()
    form.get_by_role("button", name="Create video").click()
    row = form.locator(".pvnb-jobs-row").first
    expect(row).to_contain_text("Done")
    assert play(row.locator("video"))["width"] == 640


def test_errors_are_shown_at_their_fields(page: Page, lab: Lab) -> None:
    """Unavailable options are disabled and say why; a prompt and a seed that are wrong are marked at their fields."""
    lab.open(page, lab.new_notebook([STUDIO]))
    lab.run_all(page)
    lab.wait_idle(page)
    form = page.locator(".pvnb-form")
    form.get_by_label("Duration").select_option("10 s")
    sharp = form.get_by_role("radio", name="1080p")
    expect(sharp).to_have_attribute("aria-disabled", "true")
    expect(sharp).to_have_attribute("title", re.compile("8 s"))
    sharp.click(force=True)  # Playwright itself keeps off what says that it is disabled
    expect(form.get_by_role("radio", name="540p")).to_be_checked()
    form.get_by_label("Seed", exact=True).fill("abc")
    form.get_by_label("Prompt").fill("x" * 5100)
    form.get_by_role("button", name="Create video").click()
    alerts = form.get_by_role("alert").filter(visible=True)
    expect(alerts).to_have_count(3)  # the prompt, the seed, and the form as a whole
    expect(form.get_by_label("Prompt")).to_be_focused()
    expect(form.locator("[aria-invalid=true]")).to_have_count(2)
    expect(form.locator(".pvnb-jobs-row")).to_have_count(0)
    sentence, field = alerts.nth(0).bounding_box(), form.get_by_label("Prompt").bounding_box()
    assert sentence is not None
    assert field is not None
    assert sentence["y"] >= field["y"] + field["height"], "the sentence stands below its field, clear of the counter"


def test_a_rejected_pair_is_marked_as_soon_as_it_is_chosen(page: Page, lab: Lab) -> None:
    """1080p with 9 or 10 seconds is marked at both fields without a press, and one change removes both marks."""
    lab.open(page, lab.new_notebook([STUDIO]))
    lab.run_all(page)
    lab.wait_idle(page)
    form = page.locator(".pvnb-form")
    alerts = form.get_by_role("alert").filter(visible=True)
    duration = form.get_by_label("Duration")
    form.get_by_role("radio", name="1080p").click()
    expect(form.locator(".pvnb-form-cost")).to_contain_text("80")
    for seconds in ("9 s", "10 s"):
        duration.select_option(seconds)
        expect(alerts).to_have_count(2)
        expect(form.get_by_role("radio", name="1080p")).to_be_checked()
        expect(form.locator(".pvnb-form-cost")).to_have_text("")
        duration.select_option("8 s")
        expect(alerts).to_have_count(0)
        expect(form.locator(".pvnb-form-cost")).to_contain_text("160")


def choose_model(form: Locator, name: str) -> None:
    """Choose the model whose entry begins with this name."""
    models = form.get_by_label("Model")
    entries = [text.split()[0] for text in models.locator("option").all_text_contents()]
    models.select_option(index=entries.index(name))


def test_the_model_decides_which_fields_there_are(page: Page, lab: Lab) -> None:
    """Chosen by mouse and by key, a model brings its fields, keeps the values that it has, and makes the video."""
    notebook = lab.open(page, lab.new_notebook([STUDIO]))
    lab.run_all(page)
    lab.wait_idle(page)
    form = page.locator(".pvnb-form")
    models, motion = form.get_by_label("Model"), form.get_by_role("radiogroup", name="Motion")
    watermark, audio = form.get_by_label("Remove the watermark"), form.get_by_label("Audio", exact=True)
    expect(models).to_have_value(re.compile(r"^v5\.6 "))
    expect(form.get_by_role("radio", name="540p")).to_be_checked()
    expect(motion).to_be_hidden()
    expect(watermark).to_be_hidden()
    audio.check()
    form.get_by_role("radio", name="360p").click()
    form.get_by_label("Seed", exact=True).fill("7")

    choose_model(form, "kling-o3")
    expect(form.get_by_role("radiogroup", name="Quality").get_by_role("radio")).to_have_text(["720p"])
    expect(form.get_by_label("Seed", exact=True)).to_be_hidden()
    expect(audio).to_be_hidden()
    choose_model(form, "v5.6")
    form.get_by_role("radio", name="360p").click()

    models.focus()
    models.press("End")  # the last one, v3.5
    expect(models).to_have_value(re.compile(r"^v3\.5 "))
    expect(models).to_be_focused()
    expect(motion).to_be_visible()
    expect(watermark).to_be_checked()
    expect(audio).to_be_hidden()
    expect(form.get_by_role("radio", name="360p")).to_be_checked()
    expect(form.get_by_label("Seed", exact=True)).to_have_value("7")
    expect(form.get_by_label("Duration").locator("option")).to_have_text(["5 s", "8 s"])
    models.press("Home")
    expect(models).to_have_value(re.compile(r"^v5\.6 "))
    expect(audio).to_be_checked()
    expect(form.get_by_label("Duration").locator("option")).to_have_count(10)

    models.press("End")
    form.get_by_role("radio", name="Fast").click()
    for number, name in enumerate(("coffee_wide.jpg", "coffee_close.jpg")):
        choose(page, form.locator(".pvnb-picker").nth(number), PICTURES / name)
        expect_picture(form.locator(".pvnb-picker").nth(number), "×", name=name)
    form.get_by_role("button", name="Create video").click()
    row = form.locator(".pvnb-jobs-row")
    expect(row).to_contain_text("Done")
    expect(row).to_contain_text("v3.5")
    play(notebook.locator("video").first)


def test_a_pasted_picture_and_a_cancelled_job(page: Page, lab: Lab) -> None:
    """By keyboard alone, with the focus always in the form, a job is created and cancelled after the confirmation."""
    notebook = lab.open(page, lab.new_notebook([ENDLESS]))
    lab.run_all(page)
    lab.wait_idle(page)
    form = page.locator(".pvnb-form")
    slots = form.locator(".pvnb-picker")
    paste(page, slots.nth(0), (PICTURES / "rocket.png").read_bytes())
    expect_picture(slots.nth(0), "640 × 427", name="image.png")
    address = slots.nth(1).get_by_label("Last picture: path or URL")
    address.fill(str(Path(PICTURES) / "chelsea.jpg"))
    address.press("Enter")
    expect_picture(slots.nth(1), "451 × 300", name="chelsea.jpg")
    create = form.get_by_role("button", name="Create video")
    create.press("Enter")
    row = form.locator(".pvnb-jobs-row")
    expect(row).to_contain_text("Generating")
    expect(create).to_be_focused()
    expect(create).not_to_have_class(re.compile("pvnb-form-busy"))  # until then a second press is ignored
    create.press("Enter")
    expect(form.locator(".pvnb-form-confirming")).to_be_visible()
    form.get_by_role("button", name="Show it").press("Enter")
    expect(create).to_be_focused()
    cancel = row.get_by_role("button", name="Cancel:")
    cancel.press("Enter")
    keep_waiting = row.get_by_role("button", name="Keep waiting")
    keep_waiting.press("Escape")
    expect(keep_waiting).to_be_hidden()
    expect(cancel).to_be_focused()
    cancel.press("Enter")
    row.get_by_role("button", name="Cancel this job").click()
    expect(row).to_contain_text("Cancelled")
    expect(notebook.locator("video")).to_have_count(0)


def test_a_stopped_download_is_tried_again_in_the_page(page: Page, lab: Lab) -> None:
    """A paused job shows why it is paused and offers only useful actions; one click fetches the video."""
    notebook = lab.open(page, lab.new_notebook([REFUSED]))
    lab.run_all(page)
    lab.wait_idle(page)
    form = page.locator(".pvnb-form")
    slots = form.locator(".pvnb-picker")
    choose(page, slots.nth(0), PICTURES / "coffee_wide.jpg")
    choose(page, slots.nth(1), PICTURES / "coffee_close.jpg")
    expect_picture(slots.nth(0), "×", name="coffee_wide.jpg")
    expect_picture(slots.nth(1), "×", name="coffee_close.jpg")
    form.get_by_role("button", name="Create video").click()
    row = form.locator(".pvnb-jobs-row")
    expect(row).to_contain_text("Download stopped")
    expect(row.locator(".pvnb-jobs-error")).to_contain_text("403")
    expect(row.get_by_role("button")).to_have_text(["Try again"])
    row.get_by_role("button", name="Try again").press("Enter")
    expect(row).to_contain_text("Done")
    play(notebook.locator("video").first)


def press_both_ways(button: Locator) -> None:
    """Press a button by mouse, then by key."""
    button.click()
    button.press("Enter")


def test_a_video_of_another_home_is_shown_or_paid_again(page: Page, lab: Lab) -> None:
    """The first press asks, by mouse and by key; "Show that video" copies it, and "Generate again" alone makes one."""
    paid = "client.create_frames(pv.samples.first, pv.samples.last, seed={}).result(quiet=True)"
    setup = STUDIO.replace("client = pv.Client.sandbox(speed=60)", "client = pv.Client.sandbox(speed=60, home='{}')")
    first = "\n".join([setup.format("one").removesuffix("form = pv.studio(client)\nform"), *map(paid.format, (3, 4))])
    name = lab.new_notebook([first, setup.format("two")])
    lab.open(page, name)
    lab.run_all(page)
    lab.wait_idle(page)
    form = page.locator(".pvnb-form")
    form.get_by_role("button", name="Try with sample pictures").click()
    expect_samples(form)
    create, rows = form.get_by_role("button", name="Create video"), form.locator(".pvnb-jobs-row")
    show, close = (form.get_by_role("button", name=name, exact=True) for name in ("Show that video", "Cancel"))
    form.get_by_label("Seed", exact=True).fill("3")
    for close_by in ("mouse", "key", "Escape"):
        create.press("Enter") if close_by == "key" else create.click()
        expect(form.locator(".pvnb-form-confirming")).to_contain_text("/one")
        close.click() if close_by == "mouse" else close.press("Enter" if close_by == "key" else "Escape")
        expect(show).to_be_hidden()
        expect(create).to_be_focused()
    create.click()
    show.click()
    expect(rows).to_contain_text("seed 3")
    play(page.locator("video").first)
    form.get_by_label("Seed", exact=True).fill("4")
    create.press("Enter")
    form.get_by_role("button", name="Generate again").press("Enter")
    expect(rows).to_have_count(2)
    form.get_by_role("radio", name="360p").click()
    create.click()
    expect(rows).to_have_count(3)  # a call that nobody has made yet is not asked about


def test_a_finished_video_offers_more(page: Page, lab: Lab) -> None:
    """From sample pictures to a video; each button of its row works, and an offer is paid by a press of its own."""
    lab.open(page, lab.new_notebook([STUDIO]))
    lab.run_all(page)
    lab.wait_idle(page)
    form = page.locator(".pvnb-form")
    first, last = form.locator(".pvnb-picker").nth(0), form.locator(".pvnb-picker").nth(1)
    form.get_by_role("button", name="Try with sample pictures").click()
    expect_samples(form)
    form.get_by_role("button", name="Clear: First picture").click()
    form.get_by_role("button", name="Clear: Last picture").click()
    form.get_by_role("button", name="Try with sample pictures").press("Enter")
    expect_samples(form)
    fade = form.get_by_role("button", name="Cross-fade")
    expect(fade).to_have_attribute("aria-pressed", "false")
    fade.press("Enter")
    expect(fade).to_have_attribute("aria-pressed", "true")
    slider = form.get_by_role("slider")
    slider.press("End")
    expect(form.locator(".pvnb-form-fade-stage img").nth(1)).to_have_css("opacity", "1")
    fade.click()
    expect(fade).to_have_attribute("aria-pressed", "false")
    expect(slider).to_be_hidden()

    operation, title = form.locator(".pvnb-form-operation"), "data-before"
    two = operation.text_content()
    add = form.get_by_role("button", name="Add picture")
    press_both_ways(add)
    expect(form.locator(".pvnb-picker")).to_have_count(4)
    choose(page, form.locator(".pvnb-picker").nth(2), PICTURES / "chelsea.jpg")
    expect(operation).not_to_have_text(two or title)
    form.get_by_role("group", name="Seconds").get_by_role("combobox").nth(0).select_option("8 s")
    form.get_by_role("button", name="Remove: Picture 4").click()
    form.get_by_role("button", name="Remove: Picture 3").press("Enter")
    expect(form.locator(".pvnb-picker")).to_have_count(2)
    expect(operation).to_have_text(two or title)

    form.get_by_role("radio", name="360p").click()
    form.get_by_role("button", name="Create video").click()
    row = form.locator(".pvnb-jobs-row").last
    expect(row).to_contain_text("Done")
    more = row.locator("[aria-expanded]")
    press_both_ways(more)
    expect(more).to_have_attribute("aria-expanded", "true")
    told = row.locator(".pvnb-jobs-told")
    for name, copied in (("Copy as Python", "client.create_frames("), ("Copy as curl", "$USEAPI_TOKEN")):
        press_both_ways(row.get_by_role("button", name=name))
        expect(told).to_be_visible()
        page.evaluate(UNTIL.format(COPIED), [copied, PATIENCE_MS])
    for name in ("Save", "Show file"):
        press_both_ways(row.get_by_role("button", name=name))
        expect(told).to_contain_text(".mp4")
    form.get_by_label("Prompt").fill("something else")
    press_both_ways(row.get_by_role("button", name="Use again"))
    expect(form.get_by_label("Prompt")).to_have_value("")
    expect_picture(first, "×", name="first")
    for how in ("mouse", "key"):
        use = row.get_by_role("button", name="Use last frame as first picture")
        use.click() if how == "mouse" else use.press("Enter")
        expect(first.locator(".pvnb-picker-name")).to_contain_text("last frame")
        expect(last).to_have_attribute("data-state", "empty")
        expect(last.locator(".pvnb-picker-caution")).to_be_visible()
        expect(stage(last)).to_be_focused()
        choose(page, last, PICTURES / "coffee_close.jpg")
        expect_picture(last, "×", name="coffee_close.jpg")
        expect(last.locator(".pvnb-picker-caution")).to_be_hidden()

    offer = row.get_by_role("group")
    extend, upscale = (row.get_by_role("button", name=name, exact=True) for name in ("Extend", "Upscale"))
    press_both_ways(extend)
    offer.get_by_role("combobox").select_option("8 s more")
    expect(offer.get_by_role("combobox")).to_have_value("8")
    offer.get_by_role("button", name="Not now").click()
    expect(offer).to_be_hidden()
    press_both_ways(upscale)
    expect(offer).to_contain_text("2160p")
    offer.get_by_role("button", name="Not now").press("Escape")
    expect(offer).to_be_hidden()
    expect(form.locator(".pvnb-jobs-row")).to_have_count(1)  # nothing has been paid so far
    extend.click()
    offer.get_by_role("button", name="Extend for").press("Enter")
    expect(form.locator(".pvnb-jobs-row")).to_have_count(2)
    expect(form.locator(".pvnb-jobs-row").first).to_contain_text("Done")


def restart(page: Page) -> None:
    """Restart the kernel."""
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.locator(".lm-Menu-item", has_text="Restart Kernel…").first.click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()


def run_again(page: Page, lab: Lab) -> None:
    """Run all cells and wait for the new form."""
    form = page.locator(".pvnb-form")
    form.evaluate("form => { form.dataset.isOld = true; }")
    lab.run_all(page)
    expect(page.locator(".pvnb-form[data-is-old]")).to_have_count(0)
    expect(form.locator(".pvnb-form-balance")).not_to_be_empty()


@pytest.mark.parametrize("end", ["restart", "death"])
def test_a_form_of_an_earlier_kernel_says_so(page: Page, lab: Lab, end: str) -> None:
    """Unused, the form says that its kernel is gone; only what needs none can be pressed; the next run has the job."""
    name = lab.new_notebook([WITH_PID + ENDLESS])
    lab.open(page, name)
    lab.run_all(page)
    lab.wait_idle(page)
    form = page.locator(".pvnb-form")
    notice, row = form.locator(".pvnb-kernel-notice"), form.locator(".pvnb-jobs-row")
    expect(notice).to_be_hidden()
    form.get_by_role("button", name="Try with sample pictures").click()
    prompt = form.get_by_label("Prompt")
    prompt.fill("a cup that I want to keep")
    expect_samples(form)
    form.get_by_role("button", name="Create video").click()
    cancel = row.get_by_role("button", name="Cancel: ")
    expect(row).to_contain_text("Generating")
    if end == "restart":
        restart(page)
        expect(form).to_have_attribute("data-kernel", "gone")
    else:
        os.kill(int((lab.root / name).with_name("pid").read_text()), signal.SIGKILL)
        expect(form).to_have_attribute("data-kernel", "gone")
        page.get_by_role("dialog").get_by_role("button", name="Ok").click()
    expect(notice).to_be_visible()
    expect(cancel).to_be_hidden()
    expect(form.locator("button, select, input").and_(page.locator(":enabled")).filter(visible=True)).to_have_count(2)
    expect(form.get_by_role("button", name="Cross-fade")).to_be_enabled()
    expect(form.get_by_label("Seed", exact=True)).to_have_attribute("readonly", "")
    expect(prompt).to_have_attribute("readonly", "")
    expect(prompt).to_have_value("a cup that I want to keep")
    press_both_ways(form.get_by_role("button", name="Cross-fade"))
    run_again(page, lab)
    expect(form).not_to_have_attribute("data-kernel", "gone")
    expect(cancel).to_be_visible()
    slot = form.locator(".pvnb-picker").first
    choose(page, slot, PICTURES / "coffee_wide.jpg")
    expect_picture(slot, "×", name="coffee_wide.jpg")


def test_several_pictures_and_a_linked_one_are_dropped(page: Page, lab: Lab) -> None:
    """Two pictures go into both slots; of a linked picture the picture is taken; a folder is refused."""
    lab.open(page, lab.new_notebook([STUDIO]))
    lab.run_all(page)
    lab.wait_idle(page)
    form = page.locator(".pvnb-form")
    slots = form.locator(".pvnb-picker")
    session = page.context.new_cdp_session(page)

    def drop_all(**data: object) -> None:
        slots.nth(0).scroll_into_view_if_needed()
        box = stage(slots.nth(0)).bounding_box()
        assert box is not None
        for kind in ("dragEnter", "dragOver", "drop"):
            details = {"type": kind, "x": box["x"] + 60, "y": box["y"] + 40}
            drag = {"items": [], "dragOperationsMask": 1, **data}
            session.send("Input.dispatchDragEvent", {**details, "data": drag})

    drop_all(files=[str(PICTURES)])
    expect(slots.nth(0).get_by_role("alert")).to_contain_text("pictures")
    expect(slots.nth(0)).to_have_attribute("data-state", "empty")
    drop_all(files=[str(PICTURES / "coffee_wide.jpg"), str(PICTURES / "coffee_close.jpg")])
    expect_picture(slots.nth(0), "×", name="coffee_wide.jpg")
    expect_picture(slots.nth(1), "×", name="coffee_close.jpg")
    pixel = "data:image/gif;base64,R0lGODlhAQABAIAAAAUEBAAAACwAAAAAAQABAAACAkQBADs="
    linked = f'<a href="http://127.0.0.1/"><img src="{pixel}"></a>'
    drop_all(
        items=[{"mimeType": "text/uri-list", "data": "http://127.0.0.1/"}, {"mimeType": "text/html", "data": linked}]
    )
    expect(slots.nth(0).get_by_role("alert")).to_be_visible()  # too small: the earlier one is kept
    expect_picture(slots.nth(0), "×", name="coffee_wide.jpg")


def lose_messages(page: Page, *kinds: str) -> list[str]:
    """Lose the first message of each of these kinds on its way to the kernel; return the kinds still to be lost."""
    left = list(kinds)

    def connect(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def send(message: str | bytes) -> None:
            data = message if isinstance(message, bytes) else message.encode()
            lost = next((kind for kind in left if f'"kind":"{kind}"'.encode() in data), None)
            if lost is None:
                server.send(message)
            else:
                left.remove(lost)

        socket.on_message(send)

    page.route_web_socket(re.compile("/api/kernels/"), connect)
    return left


def test_what_the_connection_loses_is_sent_again_and_never_paid_for(page: Page, lab: Lab) -> None:
    """An upload whose chunks and questions get lost arrives; after a lost entry a press only shows what is there."""
    left = lose_messages(page, "begin", "chunk", "chunk", "resume")
    lab.open(page, lab.new_notebook([STUDIO]))
    lab.run_all(page)
    lab.wait_idle(page)
    form = page.locator(".pvnb-form")
    slot = form.locator(".pvnb-picker").first
    choose(page, slot, PICTURES / "coffee_wide.jpg")
    expect_picture(slot, "×", name="coffee_wide.jpg")
    assert left == []
    duration, create = form.get_by_label("Duration"), form.get_by_role("button", name="Create video")
    left.append("set")
    duration.select_option("8 s")
    create.click()
    expect(form.locator(".pvnb-form-status")).to_have_attribute("role", "alert")
    expect(duration).to_have_value("5 s")
    expect(form.locator(".pvnb-jobs-row")).to_have_count(0)
    create.click()
    expect(form.locator(".pvnb-jobs-row")).to_contain_text("Done")


def test_settings_are_saved_and_taken_up_after_a_restart(page: Page, lab: Lab) -> None:
    """By mouse and by key, settings are saved under a name, replaced, taken up in the next kernel, and deleted."""
    lab.open(page, lab.new_notebook([STUDIO]))
    lab.run_all(page)
    lab.wait_idle(page)
    form = page.locator(".pvnb-form")
    saved = form.get_by_role("combobox", name="Saved settings")
    save, name = form.get_by_role("button", name="Save settings"), form.get_by_label("Name of the settings")
    expect(saved).to_be_hidden()
    form.get_by_label("Duration").select_option("8 s")
    save.click()
    expect(name).to_be_focused()
    name.press("Escape")
    expect(save).to_be_focused()
    save.press("Enter")
    form.get_by_role("button", name="Save", exact=True).click()  # without a name
    expect(name).to_be_focused()
    expect(name).to_have_attribute("aria-invalid", "true")
    page.keyboard.type("slow")
    page.keyboard.press("Enter")
    expect(saved).to_have_value("name:slow")
    expect(save).to_be_focused()
    form.get_by_label("Prompt").fill("a storm")
    form.get_by_role("radio", name="360p").click()
    expect(saved).to_have_value("")  # they differ now
    save.click()
    name.fill("small")
    form.get_by_role("button", name="Save", exact=True).press("Enter")
    expect(saved).to_have_value("name:small")
    form.get_by_label("Duration").select_option("3 s")
    form.get_by_role("button", name="Create video").click()
    expect(form.locator(".pvnb-jobs-row")).to_contain_text("Done")

    restart(page)
    run_again(page, lab)
    expect(saved.locator("option")).to_have_text([re.compile("…$"), "Last used", "slow", "small"])
    saved.select_option("Last used")
    expect(form.get_by_label("Duration")).to_have_value("3 s")
    expect(form.get_by_role("radio", name="360p")).to_be_checked()
    saved.focus()
    saved.press("ArrowDown")
    expect(form.get_by_label("Duration")).to_have_value("8 s")
    expect(form.get_by_role("button", name="Delete the settings")).to_be_visible()
    form.get_by_role("button", name="Delete the settings").click()
    expect(saved.locator("option")).to_have_count(3)
    expect(saved).to_be_focused()
    saved.select_option("small")
    form.get_by_role("button", name="Delete the settings").press("Enter")
    expect(saved.locator("option")).to_have_count(2)
    expect(saved).to_be_focused()


@pytest.mark.parametrize("theme", ["light", "dark", "high contrast"])
def test_axe_finds_nothing_in_the_form(page: Page, lab: Lab, theme: Literal["light", "dark", "high contrast"]) -> None:
    """Empty, with errors, with a name to enter, with pictures and a job that has failed, it keeps WCAG 2.2 AA."""
    lab.set_theme(page, "dark" if theme == "dark" else "light")
    page.emulate_media(forced_colors="active" if theme == "high contrast" else "none")
    lab.open(page, lab.new_notebook([FAILS]))
    lab.run_all(page)
    lab.wait_idle(page)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    form, notebook = page.locator(".pvnb-form"), page.locator(".jp-Notebook")
    found = notebook.evaluate(RUN_AXE)
    form.get_by_role("button", name="Save settings").click()
    form.get_by_label("Seed", exact=True).fill("abc")
    form.get_by_role("button", name="Create video").click()
    expect(form.get_by_role("alert").filter(visible=True)).not_to_have_count(0)
    found += notebook.evaluate(RUN_AXE)
    form.get_by_label("Seed", exact=True).fill("1")
    form.get_by_role("button", name="Try with sample pictures").click()
    expect_samples(form)
    form.get_by_role("button", name="Create video").click()
    expect(form.locator(".pvnb-jobs-error")).to_be_visible()
    form.get_by_role("button", name="Cross-fade").click()
    found += notebook.evaluate(RUN_AXE)
    lab.set_theme(page, "light")
    assert found == []
