"""The scripts of the widgets alone, in a plain page: their cleanup releases everything."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.render.job_views import card_state
from pixverse_nb.render.tiles import Tile, tile_json
from pixverse_nb.widgets.assets import bundle_js
from pixverse_nb.widgets.form import Form
from pixverse_nb.widgets.job_list import job_row
from tests.render.factories import NOW, a_snapshot
from tests.widgets.fakes import FakeClient

STATIC = Path(__file__).parent.parent.parent / "pixverse_nb" / "widgets" / "static"

STATES: dict[str, dict[str, Any]] = {
    "form": {"initial": Form(FakeClient()).initial},
    "gallery": {
        "title": "Two",
        "rows": [
            {
                **tile_json(Tile("a", "seed 1", JobState.DONE, axes={"seed": 1}, metrics={"psnr": 30.0})),
                "has_video": True,
            },
            tile_json(Tile("b", "seed 2", JobState.GENERATING, axes={"seed": 2}, metrics={"psnr": 20.0}, began_at=1.0)),
        ],
        "can_compare": True,
        "selected": [],
        "fallback_class": "",
    },
    "compare": {
        "title": "Two",
        "videos": [{"slot": "v1", "label": "a", "ratio": 1.5}, {"slot": "v2", "label": "b", "ratio": None}],
        "is_blind": True,
        "pair": ["v2", "v1"],
        "vote_count": 0,
        "ranks": [],
        "frame_rate": 24,
        "message": "",
        "fallback_class": "",
    },
    "live_card": {"state": card_state(a_snapshot(JobState.GENERATING), now=NOW), "fallback_class": ""},
}
# Counts what a view holds: listeners (until they are removed or their signal aborts), callbacks of the model, timers,
# observers and object URLs. A request for posters is answered with a picture, so that there is such a URL.
COUNT = """async ([source, state]) => {
    const alive = new Set();
    const add = EventTarget.prototype.addEventListener;
    const remove = EventTarget.prototype.removeEventListener;
    EventTarget.prototype.addEventListener = function (name, act, options) {
        if (options?.signal) {
            const entry = [name];
            alive.add(entry);
            add.call(options.signal, 'abort', () => alive.delete(entry));
        } else alive.add(act);
        add.call(this, name, act, options);
    };
    EventTarget.prototype.removeEventListener = function (name, act) {
        alive.delete(act);
        remove.call(this, name, act);
    };
    const timers = new Set();
    const [start, stop] = [window.setInterval, window.clearInterval];
    window.setInterval = (...given) => { const id = start(...given); timers.add(id); return id; };
    window.clearInterval = id => { timers.delete(id); stop(id); };
    const observers = new Set();
    const [Sight, Size] = [window.IntersectionObserver, window.ResizeObserver];
    const watched = Observer => class extends Observer {
        observe(target) { observers.add(this); super.observe(target); }
        disconnect() { observers.delete(this); super.disconnect(); }
    };
    window.IntersectionObserver = watched(Sight);
    window.ResizeObserver = watched(Size);
    const heard = [];
    const answer = content => {
        for (const key of content.kind === 'posters' ? content.keys : [])
            for (const [, act] of heard.filter(([name]) => name === 'msg:custom'))
                act({ kind: 'poster', key }, [new Uint8Array([255, 216, 255])]);
    };
    const model = {
        get: name => state[name],
        set: (name, value) => { state[name] = value; },
        save_changes: () => {},
        send: answer,
        on: (name, act) => heard.push([name, act]),
        off: (name, act) => heard.splice(heard.findIndex(([n, a]) => n === name && a === act), 1),
    };
    const counts = () => ({ elements: alive.size, model: heard.length, timers: timers.size,
        observers: observers.size, addresses: addresses.size });
    const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    const module = (await import(url)).default;
    const addresses = new Set();
    const [give, takeBack] = [URL.createObjectURL, URL.revokeObjectURL];
    URL.createObjectURL = data => { const own = give.call(URL, data); addresses.add(own); return own; };
    URL.revokeObjectURL = own => { addresses.delete(own); takeBack.call(URL, own); };
    const el = document.body.appendChild(document.createElement('div'));
    const cleanup = module.render({ model, el });
    const asks = (state.rows ?? []).some(row => row.has_video);
    // Observers report with one of the next frames; a gallery asks for its still then.
    for (let frames = 0; frames < 2 || (asks && !addresses.size && frames < 120); frames += 1)
        await new Promise(requestAnimationFrame);
    const during = counts();
    cleanup();
    Object.assign(EventTarget.prototype, { addEventListener: add, removeEventListener: remove });
    Object.assign(window, { setInterval: start, clearInterval: stop });
    Object.assign(window, { IntersectionObserver: Sight, ResizeObserver: Size });
    Object.assign(URL, { createObjectURL: give, revokeObjectURL: takeBack });
    return { during, after: counts(), ids: el.querySelectorAll('[id]').length };
}"""


@pytest.mark.parametrize("name", sorted(STATES))
def test_cleanup_releases_everything(page: Page, name: str) -> None:
    """After its cleanup a view has no listeners, timers, observers or URLs; it sets no ids, so that two can coexist."""
    page.goto("about:blank")
    counted = page.evaluate(COUNT, [bundle_js(name), STATES[name]])
    assert counted["during"]["model"] > 0
    assert counted["during"]["addresses"] == (1 if name == "gallery" else 0)
    assert counted["after"] == {"elements": 0, "model": 0, "timers": 0, "observers": 0, "addresses": 0}
    assert counted["ids"] == 0


# The kernel answers nothing until `hear` is called, as while a cell runs that JupyterLab's messages cannot pass.
SHOW_CARD = """async ([source, state]) => {
    window.sent = [];
    const callbacks = [];
    window.hear = content => callbacks.forEach(act => act(content, []));
    const model = {
        get: name => state[name],
        send: content => window.sent.push(content),
        on: (name, act) => (name === 'msg:custom' ? callbacks : changed).push(act),
        off: () => {},
    };
    const changed = [];
    window.change = values => {
        state.state = { ...state.state, ...values };
        for (const act of changed) act();
    };
    const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    (await import(url)).default.render({ model, el: document.body });
}"""
ACTIONS = "() => window.sent.filter(content => content.kind === 'action')"


def test_an_action_is_sent_again_until_it_is_acknowledged(page: Page) -> None:
    """The action is sent three times with one number, or until the kernel acknowledges it; then the card says why."""
    page.clock.install()
    page.goto("about:blank")
    page.evaluate(SHOW_CARD, [bundle_js("live_card"), STATES["live_card"]])
    cancel = page.get_by_role("button", name="Cancel", exact=True)
    problem = page.locator(".pvnb-live-problem")
    for number, ack_after in ((1, 2), (2, None)):
        page.evaluate("window.sent.length = 0")
        cancel.click()
        page.get_by_role("button", name="Cancel this job").click()
        for count in range(1, 5):
            actions = page.evaluate(ACTIONS)
            assert {action["number"] for action in actions} == {number}
            assert len(actions) == min(count, ack_after or 3)
            if count == ack_after:
                page.evaluate("action => window.hear({ ...action, kind: 'ack' })", actions[0])
            page.clock.run_for(1000)
        expect(problem).to_be_visible(visible=ack_after is None)


@pytest.mark.parametrize("how", ["mouse", "key"])
def test_a_stop_is_not_taken_back_by_a_second_press(page: Page, how: str) -> None:
    """A double click on Stop, or Enter held down, is sent once; the Resume that appears in its place is not pressed."""
    page.goto("about:blank")
    page.evaluate(SHOW_CARD, [bundle_js("live_card"), STATES["live_card"]])
    page.evaluate("window.change({ kind: 'sweep', state: 'running', actions: ['pause', 'stop'] })")
    stop, resume = page.get_by_role("button", name="Stop"), page.get_by_role("button", name="Resume")
    stopped = "window.change({ state: 'draining', actions: ['resume'] })"
    if how == "mouse":
        stop.click()
        page.evaluate(stopped)
        resume.hover()
        page.mouse.down(click_count=2)
        page.mouse.up(click_count=2)
    else:
        stop.focus()
        page.keyboard.down("Enter")
        page.evaluate(stopped)
        expect(page.locator(".pvnb-live-state strong")).to_be_focused()
        resume.focus()
        page.keyboard.down("Enter")
        page.keyboard.up("Enter")
    assert [action["name"] for action in page.evaluate(ACTIONS)] == ["stop"]
    resume.press("Enter")
    assert [action["name"] for action in page.evaluate(ACTIONS)] == ["stop", "resume"]


# What Jupyter says about the kernel comes by `say`; the kernel answers each ping while `answers` is true.
SHOW_FORM = """async ([source, state]) => {
    const slots = {}, callbacks = [];
    window.sent = [];
    window.answers = true;
    const signal = name => ({ connect: slot => { slots[name] = slot; }, disconnect: () => {} });
    window.say = (name, value) => slots[name](null, value);
    const kernel = Object.fromEntries(
        ['statusChanged', 'connectionStatusChanged', 'disposed'].map(name => [name, signal(name)]));
    const model = {
        widget_manager: { kernel },
        get: name => state[name],
        send: (content, callbacks_) => {
            window.sent.push(content.kind);
            if (content.kind !== 'ping') return;
            if (window.answers) callbacks.forEach(act => act({ kind: 'pong' }, []));
            else if (window.isIdle) callbacks_.iopub.status({ content: { execution_state: 'idle' } });
        },
        on: (name, act) => { if (name === 'msg:custom') callbacks.push(act); },
        off: () => {},
    };
    const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    const el = document.body.appendChild(document.createElement('div'));
    (await import(url)).default.render({ model, el });
}"""


def test_a_form_is_alive_again_after_a_break_of_the_connection(page: Page) -> None:
    """Its controls are out of use while Jupyter is cut off, and work again, with everything asked for, afterwards."""
    page.goto("about:blank")
    page.evaluate(SHOW_FORM, [bundle_js("form"), STATES["form"]])
    form, create = page.locator(".pvnb-form"), page.get_by_role("button", name="Create video")
    expect(create).to_be_enabled()
    create.focus()
    page.evaluate("say('connectionStatusChanged', 'disconnected')")
    expect(form).to_have_attribute("data-kernel", "gone")
    expect(form.locator(".pvnb-kernel-notice")).to_be_focused()
    expect(create).to_be_disabled()
    page.evaluate("sent.length = 0; say('connectionStatusChanged', 'connected')")
    expect(form).to_have_attribute("data-kernel", "alive")
    expect(create).to_be_enabled()
    assert "hello" in page.evaluate("sent")


def test_a_kernel_that_handles_a_ping_without_an_answer_is_another_one(page: Page) -> None:
    """A busy kernel makes the form wait, and it stays in use; a kernel that does not know the form ends it."""
    page.clock.install()
    page.goto("about:blank")
    page.evaluate(SHOW_FORM, [bundle_js("form"), STATES["form"]])
    form, create = page.locator(".pvnb-form"), page.get_by_role("button", name="Create video")
    for is_idle, expected in ((False, "silent"), (True, "gone")):
        page.evaluate("is_idle => { answers = false; isIdle = is_idle; }", is_idle)
        create.click()
        page.clock.run_for(6000)
        expect(form).to_have_attribute("data-kernel", expected)
        expect(create).to_be_enabled(enabled=not is_idle)
        expect(form.locator(".pvnb-form-status")).to_be_visible()


def test_a_form_that_waits_for_a_job_notices_a_restart_in_another_tab(page: Page) -> None:
    """Without a press and without an event it asks the kernel while a job runs; it does not while nothing runs."""
    page.clock.install()
    for rows in ([], [job_row(a_snapshot(JobState.GENERATING))]):
        page.goto("about:blank")
        initial = STATES["form"]["initial"] | {"jobs": {"rows": rows, "more": 0}}
        page.evaluate(SHOW_FORM, [bundle_js("form"), {"initial": initial}])
        expect(page.get_by_role("button", name="Create video")).to_be_enabled()
        page.evaluate("answers = false; isIdle = true; sent.length = 0")
        page.clock.run_for(60_000)
        assert page.evaluate("sent.includes('ping')") is bool(rows)
        expect(page.locator(".pvnb-form[data-kernel=gone]")).to_have_count(len(rows))


@pytest.mark.parametrize("how", ["mouse", "key"])
def test_a_double_press_on_cancel_keeps_the_question_open(page: Page, how: str) -> None:
    """In the form, a double click on Cancel, or a press of Enter, opens the question; Escape closes it."""
    page.goto("about:blank")
    page.add_style_tag(path=STATIC / "form.css")
    jobs = {"rows": [job_row(a_snapshot(JobState.GENERATING))], "more": 0}
    page.evaluate(SHOW_FORM, [bundle_js("form"), {"initial": STATES["form"]["initial"] | {"jobs": jobs}}])
    cancel = page.locator(".pvnb-jobs [data-action=main]")
    if how == "mouse":
        cancel.dblclick()
    else:
        cancel.press("Enter")
    keep = page.locator(".pvnb-jobs-confirmation").get_by_role("button").last
    expect(keep).to_be_visible()
    page.keyboard.press("Escape")
    expect(keep).to_be_hidden()
    expect(cancel).to_be_focused()


def test_scripts_and_stylesheets_load_nothing_from_elsewhere() -> None:
    """No script and no stylesheet names a host, except in the namespace of SVG, or imports at run time."""
    for path in STATIC.iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http" not in text, path.name
        assert "import(" not in text, path.name
