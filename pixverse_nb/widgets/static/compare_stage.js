// The stage: the videos in a grid, or two of them one on the other, wiped or subtracted.
//
// A video element is never moved in the page, because browsers stop a video that is: the layouts differ in style only.

import { make } from "./elements.js";
import { clockWords, dragShare, makeCompareSign } from "./compare_parts.js";

const GAP_PX = 10;
const CAPTION_PX = 30;
const LEAST_TALL_PX = 220;
const TALL_SHARE = 0.68; // of the window: the controls should be seen together with the videos
const PATIENCE_MS = 2500;

function makeTile({ slot }, { signal, onChoose }) {
  const figure = make("figure", "pvnb-compare-tile");
  figure.dataset.slot = slot;
  const picture = make("div", "pvnb-compare-picture");
  const video = make("video", "", { muted: true, playsInline: true, preload: "auto", disablePictureInPicture: true, tabIndex: -1 });
  const over = make("div", "pvnb-compare-over");
  const sign = make("span", "pvnb-compare-over-sign");
  const words = make("div", "pvnb-compare-words");
  const bar = make("div", "pvnb-compare-bar");
  const filling = make("div");
  bar.append(filling);
  over.append(sign, words, bar);
  const held = make("span", "pvnb-compare-held", { hidden: true });
  picture.append(video, over, held);
  const caption = make("figcaption", "");
  const name = make("button", "pvnb-compare-name", { type: "button" });
  const badge = make("span", "pvnb-compare-badge");
  const label = make("span", "pvnb-compare-label");
  name.append(badge, label);
  caption.append(name);
  figure.append(picture, caption);
  name.addEventListener("click", () => onChoose(slot), { signal });
  return { slot, figure, picture, video, over, sign, words, bar, filling, held, name, badge, label, why: "", share: 0, waiting: 0, isAwaited: false };
}

export function makeStage({ signal, supply, onChoose, onChange, onGone }) {
  const element = make("div", "pvnb-compare-stage");
  const box = make("div", "pvnb-compare-box"); // what is laid over two videos stands in it, untouched by their filters
  const grid = make("div", "pvnb-compare-tiles");
  const names = ["a", "b"].map((side) => {
    const name = make("span", "pvnb-compare-pill", { hidden: true });
    name.dataset.side = side;
    return name;
  });
  const divider = make("div", "pvnb-compare-divider", { hidden: true, tabIndex: 0 });
  divider.setAttribute("role", "slider");
  divider.setAttribute("aria-label", "Divider between the two videos");
  divider.setAttribute("aria-valuemin", "0");
  divider.setAttribute("aria-valuemax", "100");
  divider.append(make("span"));
  box.append(grid, ...names, divider);
  element.append(box);
  const tiles = new Map();
  let layout = "side";
  let pair = [];
  let isPair = false; // left and right are meant: never one below the other
  let wipe = 0.5;

  // ---- films ----

  async function load(tile) {
    tile.waiting = setTimeout(() => {
      tile.isAwaited = true;
      onChange();
    }, PATIENCE_MS);
    try {
      const address = await supply.load(tile.slot, (received, size) => {
        tile.share = received / size;
        tile.isAwaited = false;
        drawTile(tile, "loading");
      });
      if (tiles.get(tile.slot) !== tile) return;
      tile.video.addEventListener("error", () => fail(tile, "This browser cannot play this video."), { signal });
      tile.video.src = address;
    } catch (error) {
      if (tiles.get(tile.slot) === tile) fail(tile, error.message);
    } finally {
      clearTimeout(tile.waiting);
      tile.isAwaited = false;
      onChange();
    }
  }

  function fail(tile, why) {
    if (tiles.get(tile.slot) !== tile) return;
    tile.why = why;
    onGone(tile.video);
    onChange();
  }

  function remove(tile) {
    tiles.delete(tile.slot);
    clearTimeout(tile.waiting);
    tile.figure.remove();
    tile.video.removeAttribute("src");
    tile.video.load();
    supply.release(tile.slot);
  }

  // ---- what is shown ----

  function drawTile(tile, status) {
    tile.drawn = status + tile.why;
    tile.figure.dataset.status = status;
    tile.over.hidden = !["loading", "failed", "late"].includes(status);
    tile.bar.hidden = status !== "loading";
    tile.filling.style.width = `${100 * tile.share}%`;
    tile.sign.replaceChildren(...(status === "failed" ? [makeCompareSign("warn")] : []));
    if (status === "failed") tile.words.textContent = tile.why || "This video cannot be played.";
    else if (status === "late") tile.words.textContent = "Not ready yet: the others wait.";
    else tile.words.textContent = "Loading";
    tile.held.hidden = status !== "ended";
    if (status === "ended") tile.held.textContent = `Ends at ${clockWords(tile.video.duration)} · holds its last frame`;
  }

  const ratioOf = (tile) => tile.video.videoWidth / tile.video.videoHeight || tile.ratio || 16 / 9;

  // A video of nearly the shape of its place fills it: a hair of black at one side would look like a fault.
  function fit(tile, ratio) {
    tile.video.style.objectFit = Math.abs(ratioOf(tile) / ratio - 1) < 0.02 ? "cover" : "contain";
  }

  // As many columns as make the tiles largest.
  function layOutGrid(shown, across, down) {
    const ratio = Math.max(...shown.map(ratioOf).sort((a, b) => a - b).slice(0, Math.ceil(shown.length / 2)));
    let best = { width: 0, columns: 1 };
    for (let columns = isPair ? 2 : 1; columns <= shown.length; columns += 1) {
      const rows = Math.ceil(shown.length / columns);
      const wide = (across - GAP_PX * (columns - 1)) / columns;
      const tall = (down - GAP_PX * (rows - 1)) / rows - CAPTION_PX;
      const width = Math.floor(Math.min(wide, tall * ratio));
      if (width > best.width) best = { width, columns };
    }
    grid.style.gridTemplateColumns = `repeat(${best.columns}, ${best.width}px)`;
    box.style.width = box.style.height = "";
    for (const tile of shown) {
      tile.picture.style.height = `${Math.round(best.width / ratio)}px`;
      fit(tile, ratio);
    }
  }

  function layOutPile(shown, across, down) {
    const ratio = shown.length ? ratioOf(shown[0]) : 16 / 9;
    const width = Math.floor(Math.min(across, down * ratio));
    box.style.width = `${width}px`;
    box.style.height = `${Math.round(width / ratio)}px`;
    for (const tile of shown) {
      tile.picture.style.height = "100%";
      fit(tile, ratio);
    }
  }

  function layOut() {
    const shown = [...tiles.values()].filter((tile) => !tile.figure.hidden);
    const across = element.clientWidth;
    if (!shown.length || !across) return;
    const isFull = Boolean(document.fullscreenElement?.contains(element));
    const room = isFull ? element.clientHeight : Math.max(LEAST_TALL_PX, window.innerHeight * TALL_SHARE);
    if (layout === "side") layOutGrid(shown, across, room);
    else layOutPile(shown, across, room);
  }

  function setWipe(share) {
    wipe = Math.min(Math.max(share, 0), 1);
    element.style.setProperty("--pvnb-wipe", `${100 * wipe}%`);
    divider.setAttribute("aria-valuenow", String(Math.round(100 * wipe)));
  }

  dragShare(box, { signal, onMove: setWipe, isOn: () => layout === "wipe", onStart: () => divider.focus({ preventScroll: true }) });
  divider.addEventListener(
    "keydown",
    (event) => {
      const by = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      setWipe(wipe + by);
    },
    { signal },
  );
  const resizing = new ResizeObserver(layOut);
  resizing.observe(element);
  window.addEventListener("resize", layOut, { signal });
  element.addEventListener("loadedmetadata", layOut, { signal, capture: true });
  setWipe(0.5);

  return {
    element,
    layOut,
    // Shows these films, and gives back those that were shown before and are not among them.
    show(films, nextLayout, nextPair, { isChosen, isJudging }) {
      layout = nextLayout;
      isPair = isJudging;
      pair = nextPair;
      const slots = films.map(({ slot }) => slot);
      for (const tile of [...tiles.values()]) if (!slots.includes(tile.slot)) remove(tile);
      films.forEach((film, place) => {
        let tile = tiles.get(film.slot);
        if (!tile) {
          tile = makeTile(film, { signal, onChoose });
          tiles.set(film.slot, tile);
          grid.append(tile.figure);
          load(tile);
        }
        tile.ratio = film.ratio;
        tile.label.textContent = film.label;
        tile.badge.textContent = film.badge;
        tile.name.title = film.label;
        tile.name.setAttribute("aria-label", `${film.badge} ${film.label}`.trim());
        tile.video.setAttribute("aria-label", film.label);
        tile.figure.style.order = String(place);
        const side = pair.indexOf(film.slot);
        const isMarked = layout !== "side" || (isChosen && films.length > 2);
        tile.figure.dataset.side = isMarked ? ("ab"[side] ?? "") : "";
        tile.figure.hidden = layout !== "side" && side < 0;
      });
      element.dataset.layout = layout;
      divider.hidden = layout !== "wipe";
      names.forEach((name, place) => {
        const film = films.find(({ slot }) => slot === pair[place]);
        name.hidden = layout === "side" || !film;
        name.textContent = film ? film.label || film.badge : "";
      });
      layOut();
    },
    setGain: (gain) => element.style.setProperty("--pvnb-gain", String(gain)),
    // The videos that are seen now, in their order.
    videos: () => [...tiles.values()].filter(({ figure }) => !figure.hidden).sort((a, b) => a.figure.style.order - b.figure.style.order).map(({ video }) => video),
    draw(statusOf) {
      for (const tile of tiles.values()) {
        if (tile.figure.hidden) continue;
        const status = tile.why ? "failed" : statusOf(tile.video);
        if (tile.drawn !== status + tile.why) drawTile(tile, status);
      }
    },
    // What is wrong with what is seen, as sentences.
    troubles: () => [...tiles.values()].filter(({ figure, why }) => why && !figure.hidden).map(({ label, why }) => `${label.textContent}: ${why}`),
    // Whether a film is asked for and no kernel has begun to send it.
    isAwaiting: () => [...tiles.values()].some(({ isAwaited }) => isAwaited),
    dispose() {
      resizing.disconnect();
      for (const tile of [...tiles.values()]) remove(tile);
    },
  };
}
