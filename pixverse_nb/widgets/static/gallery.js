// The gallery: many videos as tiles that fill as their jobs end; sorted, filtered, looked at, judged.
//
// To the kernel:   hello | posters {keys} | verdict {key, choice, note, view} | selected {keys} | open {keys}
//                  and what the supply says for the films
// From the kernel: tiles {rows, isWhole, now} | poster {key} + JPEG, without one where there is none
//                  verdict {key, choice, note, view} | trouble {text}
// The trait `rows` is what there was when nobody had said hello yet; from then on only changes travel.
// A page that stands alone has everything in its traits, its posters as base64 in `posters`.

import { make } from "./elements.js";
import { supplyFor } from "./supply.js";
import { formatNumber } from "./gallery_parts.js";
import { inOrder, nameWords, newWish, passes, sortValue } from "./gallery_sieve.js";
import { makeFilms } from "./gallery_films.js";
import { makeStills } from "./gallery_stills.js";
import { makeTile } from "./gallery_tile.js";
import { makeBar } from "./gallery_bar.js";
import { makeLight } from "./gallery_light.js";
import { makeFoot } from "./gallery_foot.js";
import { editNote, makeActs } from "./gallery_acts.js";
import { onLightKey, onTileKey } from "./gallery_keys.js";

const COMPARED_MOST = 9;
const SETTLE_MS = 140; // a pointer or a scroll that only passes by loads nothing
const NEAR = "240px";

// Hides the stills of this gallery, which stand in the notebook for readers without a kernel, while a view is there.
function makeVeil(name) {
  const hidden = `:is(.${name}, .jp-OutputArea-child:has(.${name}))`;
  return make("style", "", { textContent: name ? `${hidden} { display: none !important; }` : "" });
}

function render({ model, el }) {
  const listeners = new AbortController();
  const { signal } = listeners;
  const on = (target, name, act) => target.addEventListener(name, act, { signal });
  const isAlone = Boolean(model.isStandalone);
  const canCompare = Boolean(model.get("can_compare")) && !isAlone;
  const viewName = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  const supply = supplyFor(model);

  const rows = new Map(); // key -> row, in the order given
  const tiles = new Map(); // key -> tile
  const unheard = new Map(); // key -> how many verdicts of this view the kernel has not told back
  const inView = new Set();
  const nearKeys = new Set(); // in view, or nearly
  const wish = newWish();
  let shown = []; // keys of the tiles that pass, in their order
  let selected = []; // keys to compare, in the order of choosing
  let current = ""; // the key that has, or had last, the focus
  let pointed = ""; // the key under the pointer
  let opened = ""; // the key in the larger view
  let mode = "hover";
  let skew = 0; // the kernel's clock minus ours, in seconds
  let settling = 0;
  let scrolledTo = 0;

  el.classList.add("pvnb-ui", "pvnb-gallery");
  el.dataset.alone = String(isAlone);
  el.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab must not take our keys for its own shortcuts
  const title = make("div", "pvnb-gallery-title");
  const bar = makeBar({ wish, mode, signal, act: { onWish: layOut, onMode: setMode } });
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
      onChoice: (choice) => choose(opened, choice),
      onCompare: () => toggleSelected(opened),
      onNote: (note) => judge(opened, { note }),
    },
  });
  const foot = makeFoot({
    signal,
    canCompare,
    isAlone,
    act: { onOpen: () => model.send({ kind: "open", keys: selected }), onClear: () => select([]), rows: () => [...rows.values()] },
  });
  const acts = makeActs({ canCompare, signal, act: (sign, key) => DOES[sign](key) });
  scroller.append(grid, nothing);
  el.append(title, bar.element, scroller, light.element, foot.element, makeVeil(model.get("wall_name")));

  const films = makeFilms({ supply, placeOf, onChange: onFilm });
  const stills = makeStills({
    ask: (keys) => model.send({ kind: "posters", keys }),
    embedded: isAlone ? model.get("posters") : null,
    onStill,
  });
  const watching = new IntersectionObserver(onSight, { threshold: 0.4 });
  const nearing = new IntersectionObserver(onNear, { rootMargin: NEAR, scrollMargin: NEAR });

  function clockNow() {
    return Date.now() / 1000 + skew;
  }

  // ---- tiles ----

  function take(fresh, isWhole) {
    const gone = isWhole ? new Set(rows.keys()) : new Set();
    for (const row of fresh) {
      gone.delete(row.key);
      rows.set(row.key, withVerdictOfHere(row));
      drawTile(row.key);
    }
    for (const key of gone) forget(key);
    layOut();
    askStills(fresh.map((row) => row.key).filter((key) => nearKeys.has(key)));
    if (opened && rows.has(opened)) drawLight();
  }

  // What the kernel tells of a tile may be older than what was said of it here a moment ago.
  function withVerdictOfHere(row) {
    if (!unheard.get(row.key)) return row;
    const { choice, note } = rows.get(row.key);
    return { ...row, choice, note };
  }

  function tileOf(key) {
    if (!tiles.has(key)) {
      const tile = makeTile(key);
      tiles.set(key, tile);
      watching.observe(tile.element);
      nearing.observe(tile.element);
    }
    return tiles.get(key);
  }

  function forget(key) {
    const tile = tiles.get(key);
    watching.unobserve(tile.element);
    nearing.unobserve(tile.element);
    tile.element.remove();
    tiles.delete(key);
    rows.delete(key);
    inView.delete(key);
    nearKeys.delete(key);
  }

  function drawTile(key) {
    const row = rows.get(key);
    const order = selected.indexOf(key) + 1;
    tileOf(key).draw(row, { now: clockNow(), order });
    if (stills.of(key)) tileOf(key).showPoster(stills.of(key), row.state === "done");
  }

  // The metric that decides the order stands on the tiles, else nobody could see why.
  function sortedBy(row) {
    if (!wish.sort.startsWith("metric:")) return "";
    const value = sortValue(row, wish.sort);
    return `${nameWords(wish.sort.slice("metric:".length))} ${value === undefined ? "not measured" : formatNumber(value)}`;
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
    for (const key of shown) tiles.get(key).showExtra(sortedBy(rows.get(key)));
    nothing.hidden = shown.length > 0;
    nothing.textContent = rows.size ? "No tile passes these filters." : "There is nothing to show yet.";
    scroller.dataset.empty = String(!shown.length);
    bar.element.hidden = !rows.size;
    bar.draw(all, shown.length);
    foot.draw({ rows: all, selected });
    shapeTiles(all);
    if (!staying.has(current)) {
      current = shown[Math.min(Math.max(place, 0), shown.length - 1)] ?? "";
      if (hadFocus && current && !opened) tiles.get(current).cell.focus({ preventScroll: true });
    }
    for (const [key, tile] of tiles) tile.cell.tabIndex = key === current ? 0 : -1;
    playWanted();
  }

  // All tiles have one shape, that of most of the videos.
  function shapeTiles(all) {
    const counts = new Map();
    for (const { ratio } of all) if (ratio) counts.set(ratio, (counts.get(ratio) ?? 0) + 1);
    const [ratio] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [16 / 9];
    el.style.setProperty("--pvnb-ratio", String(ratio));
    el.dataset.upright = String(ratio < 0.9);
  }

  // ---- stills and films ----

  function onNear(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) nearKeys.add(target.dataset.key);
      else nearKeys.delete(target.dataset.key);
    }
    askStills([...nearKeys]);
  }

  function askStills(keys) {
    stills.want(keys.filter((key) => rows.get(key)?.film));
  }

  function onStill(key) {
    if (!rows.has(key)) return;
    drawTile(key);
    if (opened === key) drawLight();
  }

  function onSight(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) inView.add(target.dataset.key);
      else inView.delete(target.dataset.key);
    }
    if (mode === "view") playSoon();
  }

  function playSoon() {
    clearTimeout(settling);
    settling = setTimeout(playWanted, SETTLE_MS);
  }

  function playWanted() {
    clearTimeout(settling);
    films.want(wantedFilms().filter((key) => rows.get(key)?.film && (opened || staysShown(key))));
  }

  function staysShown(key) {
    return tiles.get(key)?.element.isConnected;
  }

  function wantedFilms() {
    if (opened) return [opened];
    if (mode === "still") return [];
    const focused = grid.contains(document.activeElement) ? current : "";
    const first = [pointed || focused].filter(Boolean);
    if (mode === "hover") return first;
    return [...new Set([...first, ...shown.filter((key) => inView.has(key))])];
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

  function setMode(chosen) {
    mode = chosen;
    playWanted();
  }

  // ---- verdicts ----

  function choose(key, choice) {
    const row = rows.get(key);
    if (row) judge(key, { choice: row.choice === choice ? "" : choice });
  }

  function judge(key, change) {
    const row = rows.get(key);
    if (!row) return;
    const { choice, note } = { choice: row.choice, note: row.note, ...change };
    if (choice === row.choice && note === row.note) return;
    takeVerdict(key, choice, note);
    unheard.set(key, (unheard.get(key) ?? 0) + 1);
    model.send({ kind: "verdict", key, choice, note, view: viewName });
  }

  function hearVerdict({ key, choice, note, view }) {
    if (view === viewName) unheard.set(key, unheard.get(key) - 1);
    if (!unheard.get(key)) takeVerdict(key, choice, note);
  }

  function takeVerdict(key, choice, note) {
    if (!rows.has(key)) return;
    rows.set(key, { ...rows.get(key), choice, note });
    drawTile(key);
    layOut();
    if (opened === key) drawLight();
  }

  function noteOn(key) {
    const end = (text) => {
      if (text !== null) judge(key, { note: text });
      drawTile(key);
    };
    editNote(tiles.get(key), rows.get(key), { signal, onEnd: end });
  }

  // ---- the choice to compare ----

  function toggleSelected(key) {
    if (!canCompare || !rows.get(key)?.film) return;
    if (selected.includes(key)) select(selected.filter((other) => other !== key));
    else if (selected.length < COMPARED_MOST) select([...selected, key]);
    else foot.say(`At most ${COMPARED_MOST} videos can be compared.`);
  }

  function select(keys) {
    showSelected(keys);
    model.set("selected", keys);
    model.save_changes();
  }

  function showSelected(keys) {
    const touched = new Set([...selected, ...keys]);
    selected = keys.filter((key) => rows.has(key));
    for (const key of touched) if (rows.has(key)) drawTile(key);
    foot.draw({ rows: [...rows.values()], selected });
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
    playWanted();
  }

  function drawLight() {
    const at = shown.indexOf(opened) + 1;
    const order = selected.indexOf(opened) + 1;
    const posterUrl = stills.of(opened);
    light.draw(rows.get(opened), { at, total: shown.length, now: clockNow(), posterUrl, order, canCompare });
  }

  function stepLight(by) {
    const key = shown[shown.indexOf(opened) + by];
    if (key) openLight(key);
  }

  function closeLight() {
    const key = opened;
    if (document.activeElement === light.note) judge(key, { note: light.note.value.trim() });
    opened = "";
    light.element.hidden = true;
    for (const part of [bar.element, scroller]) part.hidden = false;
    layOut();
    scroller.scrollTop = scrolledTo;
    if (shown.includes(key)) focusTile(key);
    else if (current) focusTile(current);
  }

  // ---- keyboard ----

  function focusTile(key) {
    if (!tiles.has(key)) return;
    if (tiles.has(current)) tiles.get(current).cell.tabIndex = -1;
    current = key;
    const { cell, element } = tiles.get(key);
    cell.tabIndex = 0;
    cell.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
  }

  function togglePlay() {
    const video = films.videoOf(opened);
    if (video?.paused) video.play().catch(() => {});
    else video?.pause();
  }

  const DOES = {
    open: openLight,
    winner: (key) => choose(key, "winner"),
    rejected: (key) => choose(key, "rejected"),
    note: noteOn,
    compare: toggleSelected,
    clear: () => selected.length && select([]),
    focus: focusTile,
  };
  const DOES_IN_LIGHT = {
    back: closeLight,
    previous: () => stepLight(-1),
    next: () => stepLight(1),
    winner: () => choose(opened, "winner"),
    rejected: () => choose(opened, "rejected"),
    note: () => light.note.focus(),
    compare: () => toggleSelected(opened),
    togglePlay,
  };

  function onKey(event) {
    event.stopPropagation();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.target.closest(".pvnb-gallery-tile")?.dataset.key;
    if (opened && light.element.contains(event.target)) onLightKey(event, DOES_IN_LIGHT);
    else if (key && event.target.tagName !== "INPUT") onTileKey(event, { key, shown, grid, act: DOES });
  }

  // ---- pointer ----

  function placeActs(key) {
    acts.placeOn(tiles.get(key), rows.get(key));
  }

  on(grid, "pointerover", (event) => {
    const key = event.target.closest?.(".pvnb-gallery-tile")?.dataset.key ?? "";
    if (event.pointerType === "touch" || key === pointed) return;
    pointed = key;
    if (key) placeActs(key);
    playSoon();
  });
  on(grid, "pointerleave", () => {
    pointed = "";
    playSoon();
  });
  on(grid, "focusin", (event) => {
    const key = event.target.closest(".pvnb-gallery-tile")?.dataset.key;
    if (!key) return;
    if (tiles.has(current)) tiles.get(current).cell.tabIndex = -1;
    current = key;
    tiles.get(key).cell.tabIndex = 0;
    placeActs(key);
    playSoon();
  });
  on(grid, "focusout", playSoon);
  on(grid, "click", (event) => {
    const key = event.target.closest(".pvnb-gallery-tile")?.dataset.key;
    if (key && event.target.closest(".pvnb-gallery-media")) openLight(key);
  });
  on(el, "keydown", onKey);

  // ---- the kernel ----

  function onMessage(content, buffers) {
    if (content.kind === "tiles") {
      skew = content.now - Date.now() / 1000;
      take(content.rows, content.isWhole);
    } else if (content.kind === "poster") stills.take(content.key, buffers[0]);
    else if (content.kind === "verdict") hearVerdict(content);
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

  const onSelected = () => showSelected(model.get("selected"));
  const ticker = setInterval(() => {
    for (const key of inView) {
      const row = rows.get(key);
      if (row?.began && !row.ended) tiles.get(key).tick(row, clockNow());
    }
    if (opened && rows.get(opened)?.began && !rows.get(opened).ended) light.tick(rows.get(opened), clockNow());
  }, 1000);

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
    clearInterval(ticker);
    clearTimeout(settling);
    watching.disconnect();
    nearing.disconnect();
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
