"""The widgets' scripts alone, in a plain page: what they take, they give back."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from pixverse_nb.widgets.assembly import script

STATIC = Path(__file__).parent.parent.parent / "pixverse_nb" / "widgets" / "static"

# The files that a widget's script is joined from.
SCRIPTS: dict[str, tuple[str, ...]] = {
    "picker": ("picker.js",),
    "choice": ("choice.js",),
    "progress": ("progress.js",),
}

STATES: dict[str, dict[str, Any]] = {
    "picker": {
        "label": "First",
        "state": "empty",
        "name": "",
        "width": 0,
        "height": 0,
        "size": 0,
        "notices": [],
        "message": "",
        "ratio": "",
        "fit": "",
    },
    "choice": {"label": "Fit", "names": ["a", "b"], "index": 0, "reasons": ["", ""], "hint": "", "message": ""},
    "progress": {"rows": [], "more": 0},
}
# Counts what a view takes: listeners of elements (still alive unless their signal is aborted), of the model, timers.
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
    const heard = [];
    const model = {
        get: name => state[name],
        set: (name, value) => { state[name] = value; },
        save_changes: () => {},
        send: () => {},
        on: (name, act) => heard.push([name, act]),
        off: (name, act) => heard.splice(heard.findIndex(([n, a]) => n === name && a === act), 1),
    };
    const counts = () => ({ elements: alive.size, model: heard.length, timers: timers.size });
    const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    const module = (await import(url)).default;
    const el = document.body.appendChild(document.createElement('div'));
    const cleanup = module.render({ model, el });
    const during = counts();
    cleanup();
    Object.assign(EventTarget.prototype, { addEventListener: add, removeEventListener: remove });
    Object.assign(window, { setInterval: start, clearInterval: stop });
    return { during, after: counts(), ids: el.querySelectorAll('[id]').length };
}"""


@pytest.mark.parametrize("name", sorted(STATES))
def test_a_view_takes_off_every_listener(page: Page, name: str) -> None:
    """After its cleanup a view listens to nothing and runs no timer; it sets no ids, so two can stand on one page."""
    page.goto("about:blank")
    counted = page.evaluate(COUNT, [script(*SCRIPTS[name]), STATES[name]])
    assert counted["during"]["model"] > 0
    assert counted["after"] == {"elements": 0, "model": 0, "timers": 0}
    assert counted["ids"] == 0


def test_the_scripts_and_sheets_load_nothing_from_elsewhere() -> None:
    """No script or sheet names a host; the only address in them is the name of SVG."""
    for path in STATIC.iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http" not in text.replace("http(s)", ""), path.name
        assert "import(" not in text
