// The gallery: many videos as tiles that fill as their jobs end; sorted, filtered, looked at, judged.
//
// To the kernel:   hello | posters {keys} | verdict {key, choice, note, view} | open {keys}
//                  and what the supply says for the films
// From the kernel: tiles {rows, isWhole, now} | poster {key} + JPEG, without one where there is none
//                  verdict {key, choice, note, view} | trouble {text}
// The trait `rows` is what there was when nobody had said hello yet; from then on only changes travel.
// What is chosen to be compared is the trait `selected`, which both sides write.
// A page that stands alone has everything in its traits, its posters as base64 in `posters`.

import { make } from "./elements.js";
import { supplyFor } from "./supply.js";
import { inOrder, newWish, passes, sortedWords } from "./gallery_sieve.js";
import { makeFilms } from "./gallery_films.js";
import { makePlaying } from "./gallery_playing.js";
import { makeStills, makeVeil } from "./gallery_stills.js";
import { isRunning, makeClock } from "./gallery_clock.js";
import { makeSight } from "./gallery_sight.js";
import { commonRatio, makeTile } from "./gallery_tile.js";
import { makeBar } from "./gallery_bar.js";
import { makeLight } from "./gallery_light.js";
import { makeFoot } from "./gallery_foot.js";
import { makeVerdicts } from "./gallery_verdicts.js";
import { makeSelection } from "./gallery_selection.js";
import { editNote, makeActs } from "./gallery_acts.js";
import { onLightKey, onTileKey } from "./gallery_keys.js";

function render({ model, el }) {
  const listeners = new AbortController();
  const { signal } = listeners;
  const on = (target, name, act) => target.addEventListener(name, act, { signal });
  const isAlone = Boolean(model.isStandalone);
  const canCompare = Boolean(model.get("can_compare")) && !isAlone;
  const supply = supplyFor(model);

  const rows = new Map(); // key -> row, in the order given
  const tiles = new Map(); // key -> tile
  const wish = newWish();
  let shown = []; // keys of the tiles that pass, in their order
  let current = ""; // the key that has, or had last, the focus
  let opened = ""; // the key in the larger view
  let scrolledTo = 0;

  el.classList.add("pvnb-ui", "pvnb-gallery");
  el.dataset.alone = String(isAlone);
  el.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab must not take our keys for its own shortcuts
  const title = make("div", "pvnb-gallery-title");
  const bar = makeBar({ wish, mode: "hover", signal, act: { onWish: layOut, onMode: (mode) => playing.setMode(mode) } });
  const scroller = make("div", "pvnb-gallery-scroller");
  const grid = make("div", "pvnb-gallery-grid");
  grid.setAttribute("role", "grid");
  grid.setAttribute("aria-multiselectable", String(canCompare));
  const nothing = make("div", "pvnb-gallery-nothing", { hidden: true });
  const light = makeLight({
    signal,
    act: {
      onBack: closeLight,
      onStep: stepLight,
      onChoice: (choice) => verdicts.choose(opened, choice),
      onCompare: () => selection.toggle(opened),
      onNote: (note) => verdicts.judge(opened, { note }),
    },
  });
  const foot = makeFoot({
    signal,
    canCompare,
    isAlone,
    act: {
      onOpen: () => model.send({ kind: "open", keys: selection.keys() }),
      onClear: () => selection.clear(),
      rows: () => [...rows.values()],
    },
  });
  const acts = makeActs({ canCompare, signal, act: (sign, key) => DOES[sign](key) });
  scroller.append(grid, nothing);
  el.append(title, bar.element, scroller, light.element, foot.element, makeVeil(model.get("wall_name")));

  const films = makeFilms({ supply, placeOf, onChange: onFilm });
  const playing = makePlaying({ look, canPlay, want: (keys) => films.want(keys) });
  const stills = makeStills({
    ask: (keys) => model.send({ kind: "posters", keys }),
    embedded: isAlone ? model.get("posters") : null,
    onStill,
  });
  const sight = makeSight({
    onSeen: () => playing.mode() === "view" && playing.soon(),
    onNear: () => askStills([...sight.near]),
  });
  const clock = makeClock({ onTick });
  const verdicts = makeVerdicts({ rows, send: (verdict) => model.send(verdict), onChange: onVerdict, onRefused: foot.say });
  const selection = makeSelection({
    rows,
    canCompare,
    keep: keepSelected,
    onChange: onSelection,
    onRefused: (sentence) => foot.say(sentence),
  });

  // ---- tiles ----

  function take(fresh, isWhole) {
    const gone = isWhole ? new Set(rows.keys()) : new Set();
    for (const row of fresh) {
      gone.delete(row.key);
      rows.set(row.key, verdicts.withOwn(row));
      drawTile(row.key);
    }
    for (const key of gone) forget(key);
    layOut();
    askStills(fresh.map((row) => row.key).filter((key) => sight.near.has(key)));
    if (opened && rows.has(opened)) drawLight();
  }

  function tileOf(key) {
    if (!tiles.has(key)) {
      const tile = makeTile(key);
      tiles.set(key, tile);
      sight.watch(tile.element);
    }
    return tiles.get(key);
  }

  function forget(key) {
    const tile = tiles.get(key);
    sight.forget(tile.element);
    tile.element.remove();
    tiles.delete(key);
    rows.delete(key);
  }

  function drawTile(key) {
    const row = rows.get(key);
    tileOf(key).draw(row, { now: clock.now(), order: selection.orderOf(key) });
    if (stills.of(key)) tileOf(key).showPoster(stills.of(key), row.state === "done");
  }

  // Puts those tiles on the page that pass, in their order, and moves only those that stand elsewhere.
  function layOut() {
    const place = shown.indexOf(current);
    const hadFocus = grid.contains(document.activeElement);
    const all = [...rows.values()];
    shown = inOrder(all.filter((row) => passes(row, wish)), wish).map((row) => row.key);
    const staying = new Set(shown);
    for (const [key, tile] of tiles) if (!staying.has(key)) tile.element.remove();
    shown.forEach((key, at) => {
      const { element } = tiles.get(key);
      if (grid.children[at] !== element) grid.insertBefore(element, grid.children[at] ?? null);
    });
    for (const key of shown) tiles.get(key).showExtra(sortedWords(rows.get(key), wish));
    nothing.hidden = shown.length > 0;
    nothing.textContent = rows.size ? "No tile passes these filters." : "There is nothing to show yet.";
    scroller.dataset.empty = String(!shown.length);
    bar.element.hidden = !rows.size || Boolean(opened);
    bar.draw(all, shown.length);
    foot.draw({ rows: all, selected: selection.keys() });
    shapeTiles(all);
    if (!staying.has(current)) {
      current = shown[Math.min(Math.max(place, 0), shown.length - 1)] ?? "";
      if (hadFocus && current && !opened) tiles.get(current).cell.focus({ preventScroll: true });
    }
    for (const [key, tile] of tiles) tile.cell.tabIndex = key === current ? 0 : -1;
    playing.now();
  }

  function shapeTiles(all) {
    const ratio = commonRatio(all);
    el.style.setProperty("--pvnb-ratio", String(ratio));
    el.dataset.upright = String(ratio < 0.9);
  }

  // ---- stills and films ----

  function askStills(keys) {
    stills.want(keys.filter((key) => rows.get(key)?.film));
  }

  function onStill(key) {
    if (!rows.has(key)) return;
    drawTile(key);
    if (opened === key) drawLight();
  }

  function look() {
    const focused = grid.contains(document.activeElement) ? current : "";
    return { opened, focused, inView: shown.filter((key) => sight.seen.has(key)) };
  }

  function canPlay(key) {
    return rows.get(key)?.film && (opened || tiles.get(key)?.element.isConnected);
  }

  function placeOf(key) {
    if (opened) return key === opened ? { element: light.stage, hasControls: true } : null;
    const tile = tiles.get(key);
    return tile && { element: tile.media, hasControls: false };
  }

  function onFilm(key, state) {
    const isOpened = key === opened;
    if (tiles.has(key)) tiles.get(key).element.dataset.film = state instanceof Error ? "failed" : state;
    if (state instanceof Error && isOpened) light.showTrouble(state.message);
    else if (state instanceof Error) foot.say(state.message);
  }

  function onTick() {
    for (const key of sight.seen) if (isRunning(rows.get(key))) tiles.get(key).tick(rows.get(key), clock.now());
    if (opened && isRunning(rows.get(opened))) light.tick(rows.get(opened), clock.now());
  }

  // ---- verdicts ----

  function onVerdict(key) {
    drawTile(key);
    layOut();
    if (opened === key) drawLight();
  }

  function noteOn(key) {
    const end = (text) => {
      if (text !== null) verdicts.judge(key, { note: text });
      drawTile(key);
    };
    editNote(tiles.get(key), rows.get(key), { signal, onEnd: end });
  }

  // ---- the choice to compare ----

  function keepSelected(keys) {
    model.set("selected", keys);
    model.save_changes();
  }

  function onSelection(touched) {
    for (const key of touched) drawTile(key);
    foot.draw({ rows: [...rows.values()], selected: selection.keys() });
    if (opened) drawLight();
  }

  // ---- the larger view ----

  function openLight(key) {
    if (!opened) scrolledTo = scroller.scrollTop;
    opened = current = key;
    drawLight();
    for (const part of [bar.element, scroller]) part.hidden = true;
    light.element.hidden = false;
    light.element.focus({ preventScroll: true });
    light.element.scrollIntoView({ block: "nearest" });
    askStills([key]);
    playing.now();
  }

  function drawLight() {
    const at = shown.indexOf(opened) + 1;
    const order = selection.orderOf(opened);
    const posterUrl = stills.of(opened);
    light.draw(rows.get(opened), { at, total: shown.length, now: clock.now(), posterUrl, order, canCompare });
  }

  function stepLight(by) {
    const key = shown[shown.indexOf(opened) + by];
    if (key) openLight(key);
  }

  function closeLight() {
    const key = opened;
    if (document.activeElement === light.note) verdicts.judge(key, { note: light.note.value.trim() });
    opened = "";
    light.element.hidden = true;
    for (const part of [bar.element, scroller]) part.hidden = false;
    layOut();
    scroller.scrollTop = scrolledTo;
    if (shown.includes(key)) focusTile(key);
    else if (current) focusTile(current);
  }

  // ---- keyboard ----

  // Of all tiles the Tab key reaches one.
  function setCurrent(key) {
    if (tiles.has(current)) tiles.get(current).cell.tabIndex = -1;
    current = key;
    tiles.get(key).cell.tabIndex = 0;
  }

  function focusTile(key) {
    if (!tiles.has(key)) return;
    setCurrent(key);
    const { cell, element } = tiles.get(key);
    cell.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
  }

  const DOES = {
    open: openLight,
    winner: (key) => verdicts.choose(key, "winner"),
    rejected: (key) => verdicts.choose(key, "rejected"),
    note: noteOn,
    compare: (key) => selection.toggle(key),
    clear: () => selection.clear(),
    focus: focusTile,
  };
  const DOES_IN_LIGHT = {
    back: closeLight,
    previous: () => stepLight(-1),
    next: () => stepLight(1),
    winner: () => verdicts.choose(opened, "winner"),
    rejected: () => verdicts.choose(opened, "rejected"),
    note: () => light.note.focus(),
    compare: () => selection.toggle(opened),
    togglePlay: () => films.togglePlay(opened),
  };

  function keyOf(event) {
    return event.target.closest?.(".pvnb-gallery-tile")?.dataset.key ?? "";
  }

  function onKey(event) {
    event.stopPropagation();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = keyOf(event);
    if (opened && light.element.contains(event.target)) onLightKey(event, DOES_IN_LIGHT);
    else if (key && event.target.tagName !== "INPUT") onTileKey(event, { key, shown, grid, act: DOES });
  }

  // ---- pointer ----

  on(grid, "pointerover", (event) => {
    const key = keyOf(event);
    if (event.pointerType === "touch" || key === playing.pointed()) return;
    if (key) acts.placeOn(tiles.get(key));
    playing.point(key);
  });
  on(grid, "pointerleave", () => playing.point(""));
  on(grid, "focusin", (event) => {
    const key = keyOf(event);
    if (!key) return;
    setCurrent(key);
    acts.placeOn(tiles.get(key));
    playing.soon();
  });
  on(grid, "focusout", playing.soon);
  on(grid, "click", (event) => {
    const key = keyOf(event);
    if (key && event.target.closest(".pvnb-gallery-media")) openLight(key);
  });
  on(el, "keydown", onKey);

  // ---- the kernel ----

  function onMessage(content, buffers) {
    if (content.kind === "tiles") {
      clock.setBy(content.now);
      take(content.rows, content.isWhole);
    } else if (content.kind === "poster") stills.take(content.key, buffers[0]);
    else if (content.kind === "verdict") verdicts.hear(content);
    else if (content.kind === "trouble") foot.say(content.text);
  }

  function onRows() {
    take(model.get("rows"), true);
  }

  function onTitle() {
    title.textContent = model.get("title");
    title.hidden = isAlone || !model.get("title"); // a page of its own has its title above
    grid.setAttribute("aria-label", model.get("title") || "Videos");
  }

  const onSelected = () => selection.show(model.get("selected"));

  model.on("change:rows", onRows);
  model.on("change:title", onTitle);
  model.on("change:selected", onSelected);
  model.on("msg:custom", onMessage);
  onTitle();
  onRows();
  onSelected();
  model.send({ kind: "hello" });

  return () => {
    listeners.abort();
    clock.dispose();
    playing.dispose();
    sight.dispose();
    films.dispose();
    supply.dispose();
    stills.dispose();
    foot.dispose();
    model.off("change:rows", onRows);
    model.off("change:title", onTitle);
    model.off("change:selected", onSelected);
    model.off("msg:custom", onMessage);
  };
}

export default { render };
