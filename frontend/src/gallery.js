// The gallery: many videos as tiles that fill as their jobs end; people sort, filter, watch and rate them.
//
// To the kernel:   hello | posters {keys} | rating {key, choice, note, view} | open {keys}
//                  and the messages of video_source.js
// From the kernel: tiles {rows, is_complete, now} | poster {key} + JPEG, or no bytes if there is none
//                  rating {key, choice, note, view} | error {text}
//                  comparison {model_id, mark}: shown in an output below, or by us if there is none
// The trait `rows` holds the tiles until the first hello; after it only changes travel.
// The trait `selected` holds the tiles to compare; both sides write it.
// A page without a kernel has everything in its traits, its posters as base64 in `posters`.

import { makeKernelClock } from "./clock.js";
import { closest, hideFallback, keepFocus, keepKeys, listenUntil, make, prefersLessMotion } from "./dom.js";
import { makeComparisonPlace } from "./gallery_comparison.js";
import { makeQuery, matches, sortedMetricText, sortRows } from "./gallery_filter.js";
import { makeFooter } from "./gallery_footer.js";
import { onLightboxKey, onTileKey } from "./gallery_keyboard.js";
import { makeLightbox } from "./gallery_lightbox.js";
import { makePosters, makeVisibility } from "./gallery_posters.js";
import { makeRatings, makeSelection } from "./gallery_ratings.js";
import { commonRatio, editNote, makeTile, makeTileActions } from "./gallery_tile.js";
import { makeToolbar } from "./gallery_toolbar.js";
import { makeAutoplay, makeVideoPool } from "./gallery_videos.js";
import { watchKernel } from "./kernel_alive.js";
import { makeVideoSource } from "./video_source.js";

/** @import { GalleryRow, GalleryTraits, RatingChoice, RenderProps } from "./types" */
/** @import { TileActions, LightboxActions } from "./gallery_keyboard.js" */
/** @import { Tile } from "./gallery_tile.js" */

/** @param {GalleryRow | undefined} row */
function isRunning(row) {
  return Boolean(row?.began_at && !row.ended_at);
}

/** @param {RenderProps<GalleryTraits>} props */
function render({ model, el }) {
  const listeners = new AbortController();
  const { signal } = listeners;
  const on = listenUntil(signal);
  const isStandalone = Boolean(model.isStandalone);
  const canCompare = Boolean(model.get("can_compare")) && !isStandalone;
  const source = makeVideoSource(model);
  const kernel = watchKernel({ model, el, kept: "Its videos and ratings are kept.", onChange: onKernel });

  /** @type {Map<string, GalleryRow>} */
  const rows = new Map(); // by key, in the order given
  /** @type {Map<string, Tile>} */
  const tiles = new Map(); // by key
  const query = makeQuery();
  /** @type {string[]} */
  let shown = []; // keys of the tiles that match the query, in their order
  let current = ""; // the key that has, or had last, the focus
  let opened = ""; // the key in the lightbox
  let scrollTop = 0; // of the tiles, while the lightbox is open
  const startMode = prefersLessMotion() ? "still" : "hover";

  el.classList.add("pvnb-ui", "pvnb-gallery");
  el.dataset.standalone = String(isStandalone);
  keepKeys(el, signal);
  const title = make("div", "pvnb-gallery-title");
  const scroller = make("div", "pvnb-gallery-scroller");
  const grid = make("div", "pvnb-gallery-grid");
  grid.setAttribute("role", "grid");
  grid.setAttribute("aria-multiselectable", String(canCompare));
  const nothing = make("div", "pvnb-gallery-nothing", { hidden: true });
  scroller.append(grid, nothing);

  const toolbar = makeToolbar({
    query,
    mode: startMode,
    signal,
    onQuery: layOut,
    onMode: (mode) => autoplay.setMode(mode),
  });
  const lightbox = makeLightbox({
    signal,
    onBack: closeLightbox,
    onStep: stepLightbox,
    onChoice: (choice) => ratings.choose(opened, choice),
    onCompare: () => selection.toggle(opened),
    onNote: (note) => ratings.rate(opened, { note }),
  });
  const footer = makeFooter({
    signal,
    canCompare,
    isStandalone,
    onOpen: () => canAct() && kernel.send({ kind: "open", keys: selection.keys() }),
    onClear: () => selection.clear(),
    rows: () => [...rows.values()],
  });
  const comparison = makeComparisonPlace({ model, onFailed: footer.showMessage });
  const tileActions = makeTileActions({ canCompare, signal, onAction: (action, key) => actions[action](key) });
  el.append(
    title,
    kernel.element,
    toolbar.element,
    scroller,
    lightbox.element,
    footer.element,
    comparison.element,
    hideFallback(model.get("fallback_class")),
  );

  const videos = makeVideoPool({ source, placeOf, onChange: onVideo });
  const autoplay = makeAutoplay({ mode: startMode, look, canPlay, play: videos.play });
  const posters = makePosters({
    request: (keys) => kernel.send({ kind: "posters", keys }),
    embedded: isStandalone ? (model.get("posters") ?? {}) : undefined,
    onPoster,
  });
  const visibility = makeVisibility({
    onVisible: () => {
      if (autoplay.mode() === "view") autoplay.soon();
    },
    onNear: () => loadPosters([...visibility.near]),
  });
  const clock = makeKernelClock({ onTick });
  const ratings = makeRatings({
    rows,
    canRate: canAct,
    send: kernel.send,
    onChange: onRating,
    onRefused: footer.showMessage,
  });
  const selection = makeSelection({
    rows,
    canCompare,
    save: saveSelection,
    onChange: onSelection,
    onRefused: footer.showMessage,
  });

  // ---- tiles ----

  /**
   * @param {GalleryRow[]} fresh
   * @param {boolean} isComplete whether tiles that are not in `fresh` are gone
   */
  function putRows(fresh, isComplete) {
    const gone = isComplete ? new Set(rows.keys()) : new Set();
    for (const row of fresh) {
      gone.delete(row.key);
      rows.set(row.key, ratings.withOwn(row));
      drawTile(row.key);
    }
    for (const key of gone) removeTile(key);
    layOut();
    loadPosters(fresh.map((row) => row.key).filter((key) => visibility.near.has(key)));
    drawLightbox();
  }

  /** @param {string} key */
  function tileOf(key) {
    const known = tiles.get(key);
    if (known) return known;
    const tile = makeTile(key);
    tiles.set(key, tile);
    visibility.observe(tile.element);
    return tile;
  }

  /** @param {string} key */
  function removeTile(key) {
    const tile = tileOf(key);
    visibility.unobserve(tile.element);
    tile.element.remove();
    tiles.delete(key);
    rows.delete(key);
  }

  /** @param {string} key */
  function drawTile(key) {
    const row = rows.get(key);
    if (!row) return;
    const tile = tileOf(key);
    tile.draw(row, { now: clock.now(), order: selection.orderOf(key) });
    const posterUrl = posters.urlOf(key);
    if (posterUrl) tile.showPoster(posterUrl, row.state === "done");
    if (tileActions.isIn(tile)) showActions(key);
  }

  /** @param {string} key the tile that gets the buttons */
  function showActions(key) {
    const row = rows.get(key);
    if (row) tileActions.moveTo(tileOf(key), row, selection.orderOf(key));
  }

  /** Shows the tiles that match the query, in their order; moves only those that are in the wrong place. */
  function layOut() {
    const oldIndex = shown.indexOf(current);
    const hadFocus = grid.contains(document.activeElement);
    const all = [...rows.values()];
    const matching = all.filter((row) => matches(row, query));
    const sorted = sortRows(matching, query);
    shown = sorted.map((row) => row.key);
    const staying = new Set(shown);
    for (const [key, tile] of tiles) if (!staying.has(key)) tile.element.remove();
    sorted.forEach((row, index) => {
      const tile = tileOf(row.key);
      if (grid.children[index] !== tile.element) grid.insertBefore(tile.element, grid.children[index] ?? null);
      tile.showExtra(sortedMetricText(row, query));
    });
    nothing.hidden = shown.length > 0;
    nothing.textContent = rows.size ? "No tiles match these filters." : "There is nothing to show yet.";
    scroller.dataset.empty = String(!shown.length);
    toolbar.element.hidden = !rows.size || Boolean(opened);
    toolbar.draw(all, shown.length);
    footer.draw(all, selection.keys().length);
    const ratio = commonRatio(all);
    el.style.setProperty("--pvnb-ratio", String(ratio));
    el.dataset.upright = String(ratio < 0.9);
    if (!staying.has(current)) {
      current = shown[Math.min(Math.max(oldIndex, 0), shown.length - 1)] ?? "";
      if (hadFocus && current && !opened) tileOf(current).cell.focus({ preventScroll: true });
    }
    for (const [key, tile] of tiles) tile.cell.tabIndex = key === current ? 0 : -1;
    autoplay.now();
  }

  // ---- posters and videos ----

  /** @param {string[]} keys */
  function loadPosters(keys) {
    posters.load(keys.filter((key) => rows.get(key)?.has_video));
  }

  /** @param {string} key */
  function onPoster(key) {
    drawTile(key);
    if (opened === key) drawLightbox();
  }

  function look() {
    const focused = grid.contains(document.activeElement) ? current : "";
    return { opened, focused, inView: shown.filter((key) => visibility.visible.has(key)) };
  }

  /** @param {string} key */
  function canPlay(key) {
    return Boolean(rows.get(key)?.has_video && (opened || tiles.get(key)?.element.isConnected));
  }

  /** @param {string} key */
  function placeOf(key) {
    if (opened) return key === opened ? { element: lightbox.stage, hasControls: true } : null;
    const tile = tiles.get(key);
    return tile ? { element: tile.media, hasControls: false } : null;
  }

  /**
   * @param {string} key
   * @param {"playing" | "gone" | Error} state
   */
  function onVideo(key, state) {
    const tile = tiles.get(key);
    if (tile) tile.element.dataset.playback = state instanceof Error ? "failed" : state;
    if (!(state instanceof Error)) return;
    if (key === opened) lightbox.showError(state.message);
    else footer.showMessage(state.message);
  }

  function onTick() {
    if (kernel.state() === "gone") return; // a clock that goes on would say that the job does
    for (const key of visibility.visible) {
      const row = rows.get(key);
      if (row && isRunning(row)) tiles.get(key)?.tick(row, clock.now());
    }
    const row = rows.get(opened);
    if (row && isRunning(row)) lightbox.tick(row, clock.now());
  }

  /** Whether there is a kernel that can keep what a person does; if not, the notice says so. */
  function canAct() {
    kernel.ask();
    return !kernel.isGone();
  }

  /** @param {string} state of the kernel */
  function onKernel(state) {
    lightbox.note.readOnly = state === "gone";
    if (state === "alive") kernel.send({ kind: "hello" });
  }

  // ---- ratings and the selection ----

  /** @param {string} key */
  function onRating(key) {
    drawTile(key);
    layOut();
    if (opened === key) drawLightbox();
  }

  /** @param {string} key */
  function startNote(key) {
    const row = rows.get(key);
    if (!row) return;
    /** @param {string | null} text */
    const onEnd = (text) => {
      if (text !== null) ratings.rate(key, { note: text });
      drawTile(key);
    };
    editNote(tileOf(key), row, { signal, onEnd });
  }

  /** @param {string[]} keys */
  function saveSelection(keys) {
    model.set("selected", keys);
    model.save_changes();
  }

  /** @param {string[]} changed */
  function onSelection(changed) {
    for (const key of changed) drawTile(key);
    footer.draw([...rows.values()], selection.keys().length);
    drawLightbox();
  }

  // ---- the lightbox ----

  /** @param {string} key */
  function openLightbox(key) {
    if (!opened) scrollTop = scroller.scrollTop;
    opened = key;
    current = key;
    drawLightbox();
    for (const part of [toolbar.element, scroller]) part.hidden = true;
    lightbox.element.hidden = false;
    footer.showKeys(true);
    lightbox.element.focus({ preventScroll: true });
    lightbox.element.scrollIntoView({ block: "nearest" });
    loadPosters([key]);
    autoplay.now();
  }

  function drawLightbox() {
    const row = rows.get(opened);
    if (!row) return;
    lightbox.draw(row, {
      number: shown.indexOf(opened) + 1,
      total: shown.length,
      now: clock.now(),
      posterUrl: posters.urlOf(opened),
      order: selection.orderOf(opened),
      canCompare,
    });
  }

  /** @param {number} by */
  function stepLightbox(by) {
    const key = shown[shown.indexOf(opened) + by];
    if (key) openLightbox(key);
  }

  function closeLightbox() {
    const key = opened;
    if (document.activeElement === lightbox.note) ratings.rate(key, { note: lightbox.note.value.trim() });
    opened = "";
    lightbox.element.hidden = true;
    footer.showKeys(false);
    for (const part of [toolbar.element, scroller]) part.hidden = false;
    layOut();
    scroller.scrollTop = scrollTop;
    focusTile(shown.includes(key) ? key : current);
  }

  // ---- keyboard ----

  /**
   * Makes one tile the only one that the Tab key reaches.
   *
   * @param {string} key
   */
  function setCurrent(key) {
    const old = tiles.get(current);
    if (old) old.cell.tabIndex = -1;
    current = key;
    tileOf(key).cell.tabIndex = 0;
  }

  /** @param {string} key */
  function focusTile(key) {
    const tile = tiles.get(key);
    if (!tile) return;
    setCurrent(key);
    tile.cell.focus({ preventScroll: true });
    tile.element.scrollIntoView({ block: "nearest" });
  }

  /** @type {TileActions} */
  const actions = {
    open: openLightbox,
    winner: (key) => ratings.choose(key, "winner"),
    rejected: (key) => ratings.choose(key, "rejected"),
    note: (key) => canAct() && startNote(key),
    compare: (key) => canAct() && selection.toggle(key),
    clear: () => selection.clear(),
    focus: focusTile,
  };
  /** @type {LightboxActions} */
  const lightboxActions = {
    back: closeLightbox,
    previous: () => stepLightbox(-1),
    next: () => stepLightbox(1),
    winner: () => ratings.choose(opened, "winner"),
    rejected: () => ratings.choose(opened, "rejected"),
    note: () => canAct() && lightbox.note.focus(),
    compare: () => canAct() && selection.toggle(opened),
    togglePlay: () => videos.togglePlay(opened),
  };

  /** @param {Event} event */
  function keyOf(event) {
    return closest(event, ".pvnb-gallery-tile")?.dataset.key ?? "";
  }

  on(el, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = keyOf(event);
    const target = /** @type {HTMLElement} */ (event.target);
    const isPressing = target.tagName === "BUTTON" && ["Enter", " "].includes(event.key);
    if (opened && lightbox.element.contains(target)) onLightboxKey(event, lightboxActions);
    else if (key && target.tagName !== "INPUT" && !isPressing) onTileKey(event, { key, shown, grid, actions });
  });
  keepFocus(el, {
    signal,
    fallback(lost) {
      if (opened) return lightbox.element;
      if (lost.closest(".pvnb-gallery-toolbar") || !shown.length) return toolbar.filter;
      return tileOf(current).cell;
    },
  });

  // ---- pointer ----

  on(grid, "pointerover", (event) => {
    const key = keyOf(event);
    if (event.pointerType === "touch" || key === autoplay.pointed()) return;
    if (key) showActions(key);
    autoplay.setPointed(key);
  });
  on(grid, "pointerleave", () => {
    if (grid.contains(document.activeElement)) showActions(current);
    autoplay.setPointed("");
  });
  on(grid, "focusin", (event) => {
    const key = keyOf(event);
    if (!key) return;
    setCurrent(key);
    showActions(key);
    autoplay.soon();
  });
  on(grid, "focusout", () => autoplay.soon());
  on(grid, "click", (event) => {
    const key = keyOf(event);
    if (key && closest(event, ".pvnb-gallery-media")) openLightbox(key);
  });

  // ---- the kernel ----

  /**
   * @param {{
   *   kind: string,
   *   rows: GalleryRow[],
   *   is_complete: boolean,
   *   now: number,
   *   key: string,
   *   choice: RatingChoice,
   *   note: string,
   *   view: string,
   *   text: string,
   *   model_id: string,
   *   mark: string,
   * }} content
   * @param {ArrayBuffer[]} buffers
   */
  function onMessage(content, buffers) {
    if (content.kind === "tiles") {
      clock.setBy(content.now);
      putRows(content.rows, content.is_complete);
    } else if (content.kind === "comparison") comparison.show(content);
    else if (content.kind === "poster") posters.put(content.key, buffers[0]);
    else if (content.kind === "rating") ratings.onMessage(content);
    else if (content.kind === "error") footer.showMessage(content.text);
  }

  const onRows = () => putRows(model.get("rows"), true);
  const onSelected = () => selection.show(model.get("selected"));
  function onTitle() {
    title.textContent = model.get("title");
    title.hidden = isStandalone || !model.get("title"); // a standalone page has its title above
    grid.setAttribute("aria-label", model.get("title") || "Videos");
  }

  model.on("change:rows", onRows);
  model.on("change:title", onTitle);
  model.on("change:selected", onSelected);
  model.on("msg:custom", onMessage);
  onTitle();
  onRows();
  onSelected();
  kernel.send({ kind: "hello" });

  return () => {
    listeners.abort();
    clock.dispose();
    kernel.dispose();
    comparison.dispose();
    autoplay.dispose();
    visibility.dispose();
    videos.dispose();
    source.dispose();
    posters.dispose();
    footer.dispose();
    model.off("change:rows", onRows);
    model.off("change:title", onTitle);
    model.off("change:selected", onSelected);
    model.off("msg:custom", onMessage);
  };
}

export default { render };
