// A comparison: two to nine videos under one scrubber, side by side, wiped or subtracted; or votes on two at a time.
//
// To the kernel:   vote {left, right, result} | reveal; and the messages of video_source.js
// From the kernel: the messages of video_source.js; everything else is in the traits
// Videos are known by slots. The kernel sends their labels when people may see them.

import { makeControls } from "./compare_controls.js";
import { makeView } from "./compare_view.js";
import { makeVoting } from "./compare_voting.js";
import { closest, hideFallback, keepFocus, keepKeys, listenUntil, make, makeButton, makeRadioGroup } from "./dom.js";
import { watchKernel } from "./kernel_alive.js";
import { makeVideoSource } from "./video_source.js";
import { makeVideoSync } from "./video_sync.js";

/** @import { CompareTraits, Layout, RenderProps, ShownVideo } from "./types" */

const MAX_SHOWN = 9;
const SCRUB_S = 0.5;
const KERNEL_BUSY = "Waiting for the kernel (busy or not running). Loading continues automatically.";
const LAYOUTS = [
  ["side", "Side by side", "S"],
  ["wipe", "Wipe", "W"],
  ["difference", "Difference", "D"],
];
const KEYS = [
  ["Space", "play, pause"],
  [", .", "previous, next frame"],
  ["← →", "half a second"],
  ["Home End", "start, end"],
  ["I O", "start, end of the range"],
  ["L", "loop"],
  ["S W D", "side by side, wipe, difference"],
  ["1 … 9", "choose for wipe and difference"],
  ["F", "full screen"],
];
const VOTING_KEYS = [
  ["←", "left is better"],
  ["→", "right is better"],
  ["↓", "no difference"],
];
const NOT_WHILE_VOTING = ["← →", "1 … 9"];
const REPEATING_KEYS = [",", ".", "ArrowLeft", "ArrowRight"];

/** @param {RenderProps<CompareTraits>} props */
function render({ model, el }) {
  el.classList.add("pvnb-ui", "pvnb-compare");
  el.dataset.mark = model.get("fallback_class"); // by this a gallery finds it in the page
  el.tabIndex = 0;
  el.setAttribute("role", "group");
  const listeners = new AbortController();
  const { signal } = listeners;
  keepKeys(el, signal);
  const source = makeVideoSource(model);
  const kernel = watchKernel({ model, el, kept: "Its videos are kept." });
  const sync = makeVideoSync({ frameRate: model.get("frame_rate"), onChange: () => draw() });
  const view = makeView({
    signal,
    source,
    onChoose: choose,
    onChange: () => draw(),
    onFailed: sync.remove,
  });
  const controls = makeControls({ signal, sync, onGain: view.setGain, onFullscreen: toggleFullscreen });
  const voting = makeVoting({ model, signal, onSend: canSend, onDone: endVoting });

  /** @type {Layout} */
  let layout = "side";
  let isVoting = model.get("is_blind");
  /** @type {string[]} */
  let chosen = []; // slots, the newest last
  let isDisposed = false;

  const head = make("div", "pvnb-compare-head");
  const title = make("span", "pvnb-compare-title");
  const layouts = makeRadioGroup("pvnb-compare-switch", {
    label: "Layout",
    options: LAYOUTS.map(([value, text, key]) => [value, text, `${text} (${key})`]),
    value: layout,
    signal,
    onChoose: (value) => setLayout(/** @type {Layout} */ (value)),
  });
  const vote = makeButton("pvnb-compare-button", { label: "Vote on two at a time", text: "Vote" });
  vote.dataset.needsKernel = "";
  const help = makeButton("pvnb-compare-button", { label: "Show keyboard shortcuts", icon: "keyboard", key: "?" });
  help.setAttribute("aria-expanded", "false");
  const tools = make("div", "pvnb-compare-tools");
  tools.append(vote, help);
  head.append(title, layouts.element, controls.gain, tools);
  const note = make("div", "pvnb-compare-note");
  note.setAttribute("role", "note");
  const keys = make("div", "pvnb-compare-keys", { hidden: true });
  const chips = make("div", "pvnb-compare-chips", { hidden: true });
  chips.setAttribute("role", "group");
  chips.setAttribute("aria-label", "The two videos to compare");
  const status = make("div", "pvnb-compare-status", { hidden: true });
  status.setAttribute("role", "status");
  el.append(
    head,
    kernel.element,
    note,
    keys,
    voting.result,
    view.element,
    chips,
    voting.element,
    controls.element,
    status,
    hideFallback(model.get("fallback_class")),
  );

  // ---- what is shown ----

  /** @returns {ShownVideo[]} */
  function shownVideos() {
    const all = model.get("videos");
    const bySlot = (/** @type {string} */ slot) => all.filter((video) => video.slot === slot);
    if (isVoting) {
      const labels = ["Left", "Right"];
      const pair = model.get("pair").flatMap(bySlot);
      return pair.map((video, index) => {
        const label = model.get("is_blind") ? labels[index] : video.label;
        return { ...video, badge: "", label };
      });
    }
    const ranks = model.get("ranks");
    const ordered = ranks.length ? ranks.flatMap(({ slot }) => bySlot(slot)) : all;
    return ordered.slice(0, MAX_SHOWN).map((video, index) => ({ ...video, badge: String(index + 1) }));
  }

  /**
   * The two slots for wipe and difference: the chosen ones, or else the first.
   *
   * @param {ShownVideo[]} shown
   */
  function pairOf(shown) {
    const slots = shown.map(({ slot }) => slot);
    if (isVoting) return slots;
    const wanted = chosen.filter((slot) => slots.includes(slot)).slice(-2);
    const pair = [...new Set([...wanted, ...slots])].slice(0, 2);
    return pair.sort((a, b) => slots.indexOf(a) - slots.indexOf(b));
  }

  function show() {
    const shown = shownVideos();
    const pair = pairOf(shown);
    view.show(shown, { layout, pair, isVoting, isMarked: chosen.length > 0 && shown.length > 2 });
    sync.setVideos(view.videos());
    layouts.show(layout);
    controls.setLayout(layout);
    title.textContent = model.get("title");
    title.hidden = !title.textContent;
    note.textContent = model.get("note") ?? "";
    note.hidden = !note.textContent;
    vote.hidden = model.get("is_blind") || Boolean(model.isStandalone) || model.get("videos").length < 2;
    vote.setAttribute("aria-pressed", String(isVoting));
    voting.draw({ isVoting });
    drawChips(shown, pair);
    drawKeys();
    el.setAttribute("aria-label", `Comparison of ${model.get("videos").length} videos`);
    draw();
  }

  /**
   * @param {ShownVideo[]} shown
   * @param {string[]} pair
   */
  function drawChips(shown, pair) {
    chips.hidden = layout === "side" || shown.length < 3;
    const buttons = shown.map((video) => {
      const chip = make("button", "pvnb-compare-chip", { type: "button" });
      chip.append(make("span", "pvnb-compare-badge", { textContent: video.badge }), video.label);
      chip.setAttribute("aria-pressed", String(pair.includes(video.slot)));
      chip.dataset.slot = video.slot;
      return chip;
    });
    chips.replaceChildren(...buttons);
  }

  function drawKeys() {
    const whileVoting = [...VOTING_KEYS, ...KEYS.filter(([key]) => !NOT_WHILE_VOTING.includes(key))];
    const rows = (isVoting ? whileVoting : KEYS).map(([key, text]) => {
      const row = make("div", "");
      row.append(make("kbd", "", { textContent: key }), make("span", "", { textContent: text }));
      return row;
    });
    keys.replaceChildren(...rows);
  }

  function draw() {
    if (isDisposed) return;
    controls.draw(sync.state());
    view.draw(sync.statusOf);
    // Side by side each video shows its own error.
    const errors = [model.get("message"), ...(layout === "side" ? [] : view.errors())].filter(Boolean).join(" ");
    const text = errors || (view.isKernelLate() ? KERNEL_BUSY : "");
    if (status.textContent !== text) status.textContent = text;
    status.dataset.wrong = String(Boolean(errors));
    status.hidden = !text;
  }

  // ---- what the person does ----

  function canSend() {
    kernel.ask();
    return !kernel.isGone();
  }

  /** @param {Layout} wanted */
  function setLayout(wanted) {
    layout = wanted;
    show();
  }

  /** @param {string | undefined} slot */
  function choose(slot) {
    if (isVoting || !slot) return;
    if (!chosen.length) chosen = pairOf(shownVideos());
    chosen = [...chosen.filter((other) => other !== slot), slot].slice(-2);
    show();
  }

  /** @param {boolean} wanted */
  function setVoting(wanted) {
    isVoting = wanted;
    show();
    if (wanted) sync.seek(0);
  }

  // Blind voting ends when the kernel sends the labels.
  function endVoting() {
    if (!model.get("is_blind")) setVoting(false);
    el.focus({ preventScroll: true });
  }

  function toggleFullscreen() {
    if (document.fullscreenElement === el) document.exitFullscreen();
    else el.requestFullscreen?.().catch(() => {}); // not allowed here: the page stays as it is
  }

  /** @param {number} seconds */
  function scrub(seconds) {
    sync.seek(sync.state().position + seconds);
  }

  function toggleKeys() {
    keys.hidden = !keys.hidden;
    help.setAttribute("aria-expanded", String(!keys.hidden));
  }

  /** @type {Record<string, (() => void) | undefined>} */
  const actions = {
    " ": controls.togglePlay,
    ",": () => sync.step(-1),
    ".": () => sync.step(1),
    ArrowLeft: () => (isVoting ? voting.vote("left") : scrub(-SCRUB_S)),
    ArrowRight: () => (isVoting ? voting.vote("right") : scrub(SCRUB_S)),
    ArrowDown: () => voting.vote("tie"),
    Home: () => sync.seek(0),
    End: () => sync.seek(sync.state().duration),
    l: () => sync.setLooping(!sync.state().isLooping),
    i: () => controls.setRangeEnd("first"),
    o: () => controls.setRangeEnd("last"),
    s: () => setLayout("side"),
    w: () => setLayout("wipe"),
    d: () => setLayout("difference"),
    f: toggleFullscreen,
    "?": toggleKeys,
  };

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const target = /** @type {Element} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("select, textarea, input")) return;
    if ((event.key === " " || event.key === "Enter") && target.matches("button")) return; // this presses the button
    const digit = Number(event.key);
    const choice = digit >= 1 ? () => choose(shownVideos()[digit - 1]?.slot) : undefined;
    const action = choice ?? actions[event.key] ?? actions[event.key.toLowerCase()];
    if (!action || (event.key === "ArrowDown" && !isVoting)) return;
    event.preventDefault();
    if (!event.repeat || REPEATING_KEYS.includes(event.key)) action();
  }

  const on = listenUntil(signal);
  on(el, "keydown", onKey);
  keepFocus(el, {
    signal,
    // The buttons of the pair are built anew when one is pressed.
    fallback: (lost) => chips.querySelector(`[data-slot="${lost.dataset.slot}"]`) ?? el,
  });
  on(view.element, "pointerdown", () => el.focus({ preventScroll: true }));
  on(chips, "click", (event) => choose(closest(event, "button")?.dataset.slot));
  on(vote, "click", () => setVoting(!isVoting));
  on(help, "click", toggleKeys);
  document.addEventListener(
    "fullscreenchange",
    () => {
      el.dataset.fullscreen = String(document.fullscreenElement === el);
      view.layOut();
    },
    { signal },
  );

  function onPair() {
    if (!isVoting) return;
    show();
    sync.seek(0);
  }

  function onReveal() {
    if (model.get("is_blind")) return;
    isVoting = false;
    show();
  }

  const callbacks = {
    "change:videos": show,
    "change:ranks": show,
    "change:title": show,
    "change:vote_count": show,
    "change:pair": onPair,
    "change:is_blind": onReveal,
    "change:message": draw,
  };
  for (const [name, callback] of Object.entries(callbacks)) model.on(name, callback);
  view.setGain(Number(controls.gain.value));
  show();

  return () => {
    isDisposed = true;
    for (const [name, callback] of Object.entries(callbacks)) model.off(name, callback);
    listeners.abort();
    sync.dispose();
    view.dispose();
    source.dispose();
    kernel.dispose();
  };
}

export default { render };
