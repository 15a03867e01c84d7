// A comparison: two to nine videos under one scrubber, side by side, wiped or subtracted; or judged two at a time.
//
// To the kernel:   duel {left, right, result} | reveal; and want, got, enough of the supply
// From the kernel: film, no-film of the supply; all else is in the model
// Films are known by slots: which video is behind a slot, and what it is called, the kernel tells when it may be seen.

import { make } from "./elements.js";
import { supplyFor } from "./supply.js";
import { makeConductor } from "./conductor.js";
import { makeCompareButton, makeCompareSwitch, makeCompareVeil } from "./compare_parts.js";
import { makeStage } from "./compare_stage.js";
import { makeTransport } from "./compare_transport.js";
import { makeJudging } from "./compare_judge.js";

const MOST_SHOWN = 9;
const SCRUB_S = 0.5;
const KERNEL_BUSY = "Waiting for the kernel: it is busy or not running. Goes on by itself.";
const LAYOUTS = [
  ["side", "Side by side", "S"],
  ["wipe", "Wipe", "W"],
  ["difference", "Difference", "D"],
];
const KEYS = [
  ["Space", "play, pause"],
  [", .", "one frame"],
  ["← →", "half a second"],
  ["Home End", "start, end"],
  ["I O", "range"],
  ["L", "loop"],
  ["S W D", "side by side, wipe, difference"],
  ["1 … 9", "choose for wipe and difference"],
  ["F", "whole screen"],
];
const JUDGING_KEYS = [
  ["←", "left is better"],
  ["→", "right is better"],
  ["↓", "no difference"],
];

function render({ model, el }) {
  el.classList.add("pvnb-ui", "pvnb-compare");
  el.tabIndex = 0;
  el.setAttribute("role", "group");
  // JupyterLab must not take our keys for its own shortcuts.
  el.setAttribute("data-lm-suppress-shortcuts", "true");
  const life = new AbortController();
  const { signal } = life;
  const supply = supplyFor(model);
  const conductor = makeConductor({ frameRate: model.get("frame_rate"), onChange: () => draw() });
  const stage = makeStage({
    signal,
    supply,
    onChoose: (slot) => choose(slot),
    onChange: () => draw(),
    onGone: (video) => conductor.drop(video),
  });
  const transport = makeTransport({ signal, conductor, onGain: stage.setGain, onFull: () => toggleFull() });
  const judging = makeJudging({ model, signal, onDone: () => endJudging() });

  let layout = "side";
  let isJudging = model.get("is_blind");
  let chosen = []; // slots, the newest last
  let isGone = false;

  const head = make("div", "pvnb-compare-head");
  const title = make("span", "pvnb-compare-title");
  const layouts = makeCompareSwitch("Layout", LAYOUTS.map(([value, words, key]) => [value, words, `${words} (${key})`]), {
    signal,
    onChoose: (value) => setLayout(value),
  });
  const judge = makeCompareButton("Judge two at a time", { text: "Judge" });
  const help = makeCompareButton("Keys", { sign: "keys", key: "?" });
  const tools = make("div", "pvnb-compare-tools");
  tools.append(judge, help);
  head.append(title, layouts.element, transport.gain, tools);
  const note = make("div", "pvnb-compare-note");
  note.setAttribute("role", "note");
  const keys = make("div", "pvnb-compare-keys", { hidden: true });
  const chips = make("div", "pvnb-compare-chips", { hidden: true });
  chips.setAttribute("role", "group");
  chips.setAttribute("aria-label", "The two videos to lay on each other");
  const status = make("div", "pvnb-compare-status", { hidden: true });
  status.setAttribute("role", "status");
  el.append(head, note, keys, judging.result, stage.element, chips, judging.element, transport.element, status, makeCompareVeil(model.get("wall_name")));

  // ---- what is shown ----

  function films() {
    const all = model.get("films").map((film, place) => ({ ...film, badge: String(place + 1) }));
    if (isJudging) {
      const names = ["Left", "Right"];
      return model.get("pair").map((slot, place) => {
        const film = all.find((one) => one.slot === slot);
        return { ...film, badge: "", label: model.get("is_blind") ? names[place] : film.label };
      });
    }
    const order = model.get("standings").map(({ slot }) => slot);
    const ranked = order.length ? order.map((slot) => all.find((film) => film.slot === slot)) : all;
    return ranked.slice(0, MOST_SHOWN).map((film, place) => ({ ...film, badge: String(place + 1) }));
  }

  function pairOf(shown) {
    const slots = shown.map(({ slot }) => slot);
    if (isJudging) return slots;
    const wanted = chosen.filter((slot) => slots.includes(slot)).slice(-2);
    const pair = [...new Set([...wanted, ...slots])].slice(0, 2);
    return pair.sort((a, b) => slots.indexOf(a) - slots.indexOf(b));
  }

  function show() {
    const shown = films();
    const pair = pairOf(shown);
    stage.show(shown, layout, pair, { isChosen: chosen.length > 0, isJudging });
    conductor.cast(stage.videos());
    layouts.show(layout);
    transport.setLayout(layout);
    title.textContent = model.get("title");
    title.hidden = !title.textContent;
    note.textContent = model.get("note") ?? "";
    note.hidden = !note.textContent;
    judge.hidden = model.get("is_blind") || model.isStandalone || model.get("films").length < 2;
    judge.setAttribute("aria-pressed", String(isJudging));
    judging.draw({ isJudging });
    drawChips(shown, pair);
    drawKeys();
    el.setAttribute("aria-label", `Comparison of ${model.get("films").length} videos`);
    draw();
  }

  function drawChips(shown, pair) {
    chips.hidden = layout === "side" || shown.length < 3;
    const made = shown.map((film) => {
      const chip = make("button", "pvnb-compare-chip", { type: "button" });
      chip.append(make("span", "pvnb-compare-badge", { textContent: film.badge }), film.label);
      chip.setAttribute("aria-pressed", String(pair.includes(film.slot)));
      chip.dataset.slot = film.slot;
      return chip;
    });
    chips.replaceChildren(...made);
  }

  function drawKeys() {
    const told = isJudging ? [...JUDGING_KEYS, ...KEYS.filter(([key]) => !["← →", "1 … 9"].includes(key))] : KEYS;
    const rows = told.map(([key, words]) => {
      const row = make("div", "");
      row.append(make("kbd", "", { textContent: key }), make("span", "", { textContent: words }));
      return row;
    });
    keys.replaceChildren(...rows);
  }

  function draw() {
    if (isGone) return;
    transport.draw(conductor.state());
    stage.draw(conductor.statusOf);
    // Side by side each video says itself what is wrong with it.
    const wrong = [model.get("message"), ...(layout === "side" ? [] : stage.troubles())].filter(Boolean).join(" ");
    const said = wrong || (stage.isAwaiting() ? KERNEL_BUSY : "");
    if (status.textContent !== said) status.textContent = said;
    status.dataset.wrong = String(Boolean(wrong));
    status.hidden = !said;
  }

  // ---- what the person does ----

  function setLayout(wanted) {
    layout = wanted;
    show();
  }

  function choose(slot) {
    if (isJudging || !slot) return;
    const shown = films();
    if (!chosen.length) chosen = pairOf(shown);
    chosen = [...chosen.filter((other) => other !== slot), slot].slice(-2);
    show();
  }

  function setJudging(wanted) {
    isJudging = wanted;
    show();
    if (wanted) conductor.seek(0);
  }

  // A blind judging ends when the names come, which the kernel sends.
  function endJudging() {
    if (!model.get("is_blind")) setJudging(false);
    el.focus({ preventScroll: true });
  }

  function toggleFull() {
    if (document.fullscreenElement === el) document.exitFullscreen();
    else el.requestFullscreen?.().catch(() => {}); // where it is not allowed there is nothing to be done
  }

  const acts = {
    " ": () => transport.toggle(),
    ",": () => conductor.step(-1),
    ".": () => conductor.step(1),
    ArrowLeft: () => (isJudging ? judging.say("left") : scrub(-SCRUB_S)),
    ArrowRight: () => (isJudging ? judging.say("right") : scrub(SCRUB_S)),
    ArrowDown: () => isJudging && judging.say("tie"),
    Home: () => conductor.seek(0),
    End: () => conductor.seek(conductor.state().duration),
    l: () => conductor.setLooping(!conductor.state().isLooping),
    i: () => transport.setMark("first"),
    o: () => transport.setMark("last"),
    s: () => setLayout("side"),
    w: () => setLayout("wipe"),
    d: () => setLayout("difference"),
    f: () => toggleFull(),
    "?": () => toggleKeys(),
  };

  function scrub(seconds) {
    conductor.seek(conductor.state().place + seconds);
  }

  function toggleKeys() {
    keys.hidden = !keys.hidden;
    help.setAttribute("aria-expanded", String(!keys.hidden));
  }

  function onKey(event) {
    event.stopPropagation();
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, textarea, input")) return;
    if ((event.key === " " || event.key === "Enter") && event.target.matches("button")) return; // its own press
    const digit = Number(event.key);
    const act = digit >= 1 ? () => choose(films()[digit - 1]?.slot) : (acts[event.key] ?? acts[event.key.toLowerCase()]);
    if (!act || (event.key === "ArrowDown" && !isJudging)) return;
    event.preventDefault();
    if (!event.repeat || [",", ".", "ArrowLeft", "ArrowRight"].includes(event.key)) act();
  }

  const on = (target, name, act) => target.addEventListener(name, act, { signal });
  on(el, "keydown", onKey);
  on(stage.element, "pointerdown", () => el.focus({ preventScroll: true }));
  on(chips, "click", (event) => choose(event.target.closest("button")?.dataset.slot));
  on(judge, "click", () => setJudging(!isJudging));
  on(help, "click", toggleKeys);
  on(document, "fullscreenchange", () => {
    el.dataset.full = String(document.fullscreenElement === el);
    stage.layOut();
  });

  function onPair() {
    if (!isJudging) return;
    show();
    conductor.seek(0);
  }

  function onReveal() {
    if (model.get("is_blind")) return;
    isJudging = false;
    show();
  }

  const heard = {
    "change:films": show,
    "change:standings": show,
    "change:title": show,
    "change:judged": show,
    "change:pair": onPair,
    "change:is_blind": onReveal,
    "change:message": draw,
  };
  for (const [name, act] of Object.entries(heard)) model.on(name, act);
  stage.setGain(transport.gain.value);
  show();

  return () => {
    isGone = true;
    for (const [name, act] of Object.entries(heard)) model.off(name, act);
    life.abort();
    conductor.dispose();
    stage.dispose();
    supply.dispose();
  };
}

export default { render };
