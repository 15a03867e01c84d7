// The videos of a comparison: in a grid, or two of them on top of each other, wiped or subtracted.
//
// A video element is never moved in the page, because browsers pause a video that is: the layouts differ only in style.

import { formatTimecode } from "./clock.js";
import { clamp, listenUntil, make, makeIcon, trackDrag } from "./dom.js";

/** @import { Layout, ShownVideo, VideoSource } from "./types" */
/** @import { PlayerStatus } from "./video_sync.js" */
/** @typedef {ReturnType<typeof makeTile>} Tile */

const GAP_PX = 10;
const CAPTION_PX = 30;
const MIN_HEIGHT_PX = 220;
const MIN_PAIR_WIDTH_PX = 480; // for two videos side by side
const MAX_HEIGHT_SHARE = 0.68; // of the window, so that people see the controls together with the videos
const KERNEL_WAIT_MS = 2500; // a kernel that takes longer is reported as busy
const DEFAULT_RATIO = 16 / 9;
const WIPE_STEP = 0.02;

/**
 * @param {ShownVideo} shown
 * @param {{ signal: AbortSignal, onChoose: (slot: string) => void }} options
 */
function makeTile({ slot }, { signal, onChoose }) {
  const figure = make("figure", "pvnb-compare-tile");
  figure.dataset.slot = slot;
  const picture = make("div", "pvnb-compare-picture");
  const video = make("video", "", { muted: true, playsInline: true, preload: "auto", tabIndex: -1 });
  video.disablePictureInPicture = true;
  const overlay = make("div", "pvnb-compare-overlay");
  const icon = make("span", "pvnb-compare-overlay-icon");
  const message = make("div", "pvnb-compare-message");
  const bar = make("div", "pvnb-compare-bar");
  const filling = make("div");
  bar.append(filling);
  overlay.append(icon, message, bar);
  const ended = make("span", "pvnb-compare-ended", { hidden: true });
  picture.append(video, overlay, ended);
  const caption = make("figcaption", "");
  const name = make("button", "pvnb-compare-name", { type: "button" });
  const badge = make("span", "pvnb-compare-badge");
  const label = make("span", "pvnb-compare-label");
  name.append(badge, label);
  caption.append(name);
  figure.append(picture, caption);
  listenUntil(signal)(name, "click", () => onChoose(slot));
  return {
    slot,
    figure,
    picture,
    video,
    overlay,
    icon,
    message,
    bar,
    filling,
    ended,
    name,
    badge,
    label,
    /** @type {number | null} */
    ratio: null,
    error: "",
    share: 0, // of its bytes that have arrived
    kernelTimer: 0,
    isKernelLate: false,
    drawn: "", // the status and error that it shows
  };
}

/** @param {Tile} tile */
function ratioOf({ video, ratio }) {
  return video.videoWidth / video.videoHeight || ratio || DEFAULT_RATIO;
}

/**
 * @param {{
 *   signal: AbortSignal,
 *   source: VideoSource,
 *   onChoose: (slot: string) => void,
 *   onChange: () => void,
 *   onFailed: (video: HTMLVideoElement) => void,
 * }} options
 */
export function makeView({ signal, source, onChoose, onChange, onFailed }) {
  const element = make("div", "pvnb-compare-view");
  const box = make("div", "pvnb-compare-box"); // holds what lies over the videos, outside their filters
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
  /** @type {Map<string, Tile>} */
  const tiles = new Map(); // by slot
  /** @type {Layout} */
  let layout = "side";
  let isVoting = false; // left and right have a meaning: never one below the other
  let wipe = 0.5;

  const visibleTiles = () => [...tiles.values()].filter(({ figure }) => !figure.hidden);

  // ---- loading ----

  /** @param {Tile} tile */
  async function load(tile) {
    tile.kernelTimer = setTimeout(() => {
      tile.isKernelLate = true;
      onChange();
    }, KERNEL_WAIT_MS);
    try {
      const url = await source.load(tile.slot, (received, size) => {
        tile.share = received / size;
        tile.isKernelLate = false;
        drawTile(tile, "loading");
      });
      if (tiles.get(tile.slot) !== tile) return;
      listenUntil(signal)(tile.video, "error", () => fail(tile, "This browser cannot play this video."));
      tile.video.src = url;
    } catch (error) {
      fail(tile, error instanceof Error ? error.message : String(error));
    } finally {
      clearTimeout(tile.kernelTimer);
      tile.isKernelLate = false;
      onChange();
    }
  }

  /**
   * @param {Tile} tile
   * @param {string} error
   */
  function fail(tile, error) {
    if (tiles.get(tile.slot) !== tile) return;
    tile.error = error;
    onFailed(tile.video);
    onChange();
  }

  /** @param {Tile} tile */
  function remove(tile) {
    tiles.delete(tile.slot);
    clearTimeout(tile.kernelTimer);
    tile.figure.remove();
    tile.video.removeAttribute("src");
    tile.video.load();
    source.release(tile.slot);
  }

  // ---- drawing ----

  /**
   * @param {Tile} tile
   * @param {PlayerStatus} status
   */
  function drawTile(tile, status) {
    tile.drawn = status + tile.error;
    tile.figure.dataset.status = status;
    tile.overlay.hidden = !["loading", "failed", "stalled"].includes(status);
    tile.bar.hidden = status !== "loading";
    tile.filling.style.width = `${100 * tile.share}%`;
    tile.icon.replaceChildren(...(status === "failed" ? [makeIcon("warning")] : []));
    if (status === "failed") tile.message.textContent = tile.error || "This video cannot be played.";
    else if (status === "stalled") tile.message.textContent = "Buffering. The other videos wait.";
    else tile.message.textContent = "Loading";
    tile.ended.hidden = status !== "ended";
    tile.ended.textContent =
      status === "ended" ? `Ended at ${formatTimecode(tile.video.duration)} · shows its last frame` : "";
  }

  /**
   * @param {Tile} tile
   * @param {number} ratio of the place that it fills; a narrow black bar at one side would look like an error
   */
  function fit(tile, ratio) {
    tile.video.style.objectFit = Math.abs(ratioOf(tile) / ratio - 1) < 0.02 ? "cover" : "contain";
  }

  /**
   * Uses the number of columns that makes the tiles largest.
   *
   * @param {Tile[]} shown
   * @param {number} width
   * @param {number} height
   */
  function layOutGrid(shown, width, height) {
    const ratios = shown.map(ratioOf).sort((a, b) => a - b);
    const ratio = ratios[Math.ceil(shown.length / 2) - 1];
    // Two videos are compared at the same height, even if they would be larger one below the other.
    const isPair = isVoting || (shown.length === 2 && width >= MIN_PAIR_WIDTH_PX);
    let best = { width: 0, columns: 1 };
    for (let columns = isPair ? 2 : 1; columns <= shown.length; columns += 1) {
      const rowCount = Math.ceil(shown.length / columns);
      const tileWidth = (width - GAP_PX * (columns - 1)) / columns;
      const tileHeight = (height - GAP_PX * (rowCount - 1)) / rowCount - CAPTION_PX;
      const fitted = Math.floor(Math.min(tileWidth, tileHeight * ratio));
      if (fitted > best.width) best = { width: fitted, columns };
    }
    grid.style.gridTemplateColumns = `repeat(${best.columns}, ${best.width}px)`;
    box.style.width = "";
    box.style.height = "";
    for (const tile of shown) {
      tile.picture.style.height = `${Math.round(best.width / ratio)}px`;
      fit(tile, ratio);
    }
  }

  /**
   * @param {Tile[]} shown
   * @param {number} width
   * @param {number} height
   */
  function layOutStack(shown, width, height) {
    const ratio = ratioOf(shown[0]);
    const fitted = Math.floor(Math.min(width, height * ratio));
    box.style.width = `${fitted}px`;
    box.style.height = `${Math.round(fitted / ratio)}px`;
    for (const tile of shown) {
      tile.picture.style.height = "100%";
      fit(tile, ratio);
    }
  }

  function layOut() {
    const shown = visibleTiles();
    const width = element.clientWidth;
    if (!shown.length || !width) return;
    const isFullscreen = Boolean(document.fullscreenElement?.contains(element));
    const height = isFullscreen ? element.clientHeight : Math.max(MIN_HEIGHT_PX, window.innerHeight * MAX_HEIGHT_SHARE);
    if (layout === "side") layOutGrid(shown, width, height);
    else layOutStack(shown, width, height);
  }

  /** @param {number} share */
  function setWipe(share) {
    wipe = clamp(share, 0, 1);
    element.style.setProperty("--pvnb-wipe", `${100 * wipe}%`);
    divider.setAttribute("aria-valuenow", String(Math.round(100 * wipe)));
  }

  trackDrag(box, {
    signal,
    onMove: setWipe,
    canStart: () => layout === "wipe",
    onStart: () => divider.focus({ preventScroll: true }),
  });
  const on = listenUntil(signal);
  on(divider, "keydown", (event) => {
    /** @type {Record<string, number | undefined>} */
    const steps = { ArrowLeft: -WIPE_STEP, ArrowRight: WIPE_STEP, Home: -1, End: 1 };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    setWipe(wipe + step);
  });
  const resizeObserver = new ResizeObserver(layOut);
  resizeObserver.observe(element);
  window.addEventListener("resize", layOut, { signal });
  element.addEventListener("loadedmetadata", layOut, { signal, capture: true }); // this event does not bubble
  setWipe(0.5);

  /** @param {ShownVideo} shown */
  function tileOf(shown) {
    const known = tiles.get(shown.slot);
    if (known) return known;
    const tile = makeTile(shown, { signal, onChoose });
    tiles.set(shown.slot, tile);
    grid.append(tile.figure);
    load(tile);
    return tile;
  }

  return {
    element,
    layOut,
    /**
     * Shows these videos, and releases those that are no longer among them.
     *
     * @param {ShownVideo[]} videos
     * @param {{ layout: Layout, pair: string[], isMarked: boolean, isVoting: boolean }} options `pair`: the slots on top
     *   of each other; `isMarked`: whether the pair is marked side by side too
     */
    show(videos, options) {
      ({ layout, isVoting } = options);
      const { pair, isMarked } = options;
      const slots = videos.map(({ slot }) => slot);
      for (const tile of [...tiles.values()]) if (!slots.includes(tile.slot)) remove(tile);
      videos.forEach((video, index) => {
        const tile = tileOf(video);
        tile.ratio = video.ratio;
        tile.label.textContent = video.label;
        tile.badge.textContent = video.badge;
        tile.name.title = video.label;
        tile.name.setAttribute("aria-label", `${video.badge} ${video.label}`.trim());
        tile.video.setAttribute("aria-label", video.label);
        tile.figure.style.order = String(index);
        const side = pair.indexOf(video.slot);
        tile.figure.dataset.side = layout !== "side" || isMarked ? ("ab"[side] ?? "") : "";
        tile.figure.hidden = layout !== "side" && side < 0;
      });
      element.dataset.layout = layout;
      divider.hidden = layout !== "wipe";
      names.forEach((name, index) => {
        const video = videos.find(({ slot }) => slot === pair[index]);
        name.hidden = layout === "side" || !video;
        name.textContent = video ? video.label || video.badge : "";
      });
      layOut();
    },
    /** @param {number} gain of the difference */
    setGain: (gain) => element.style.setProperty("--pvnb-gain", String(gain)),
    /** The video elements that are visible, in their order. */
    videos() {
      const ordered = visibleTiles().sort((a, b) => Number(a.figure.style.order) - Number(b.figure.style.order));
      return ordered.map(({ video }) => video);
    },
    /** @param {(video: HTMLVideoElement) => PlayerStatus} statusOf */
    draw(statusOf) {
      for (const tile of visibleTiles()) {
        const status = tile.error ? "failed" : statusOf(tile.video);
        if (tile.drawn !== status + tile.error) drawTile(tile, status);
      }
    },
    /** One sentence for each visible video that failed. */
    errors: () =>
      visibleTiles()
        .filter(({ error }) => error)
        .map(({ label, error }) => `${label.textContent}: ${error}`),
    isKernelLate: () => [...tiles.values()].some((tile) => tile.isKernelLate),
    dispose() {
      resizeObserver.disconnect();
      for (const tile of [...tiles.values()]) remove(tile);
    },
  };
}
