// The keyboard among the tiles and in the lightbox. Pure: from an event to an action of the gallery.

import { clamp } from "./dom.js";

/** @typedef {{ open: KeyAction, winner: KeyAction, rejected: KeyAction, note: KeyAction, compare: KeyAction, clear: KeyAction, focus: KeyAction }} TileActions */
/** @typedef {(key: string) => void} KeyAction */
/** @typedef {Record<"back" | "previous" | "next" | "winner" | "rejected" | "note" | "compare" | "togglePlay", () => void>} LightboxActions */

const PAGE_ROWS = 3;

/** @param {KeyboardEvent} event */
function keyName(event) {
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

/**
 * How many tiles are in a row of the grid at its current width.
 *
 * @param {HTMLElement} grid
 */
function columnsOf(grid) {
  const tiles = /** @type {HTMLElement[]} */ ([...grid.children]);
  const count = tiles.findIndex((tile) => tile.offsetTop !== tiles[0].offsetTop);
  return count < 0 ? tiles.length : count;
}

/**
 * The index that a key leads to, or null if it does not move.
 *
 * @param {string} name
 * @param {number} index
 * @param {number} total
 * @param {HTMLElement} grid
 */
function indexAfter(name, index, total, grid) {
  /** @type {Record<string, number | undefined>} */
  const rowSteps = { ArrowDown: 1, ArrowUp: -1, PageDown: PAGE_ROWS, PageUp: -PAGE_ROWS };
  /** @type {Record<string, number | undefined>} */
  const tileSteps = { ArrowRight: 1, ArrowLeft: -1 };
  if (name === "Home") return 0;
  if (name === "End") return total - 1;
  const rows = rowSteps[name];
  const step = rows ? rows * columnsOf(grid) : tileSteps[name];
  if (!step) return null;
  const next = index + step;
  const isOutside = next < 0 || next >= total;
  if (isOutside && rows && name.startsWith("Arrow")) return index; // no tile above or below
  return clamp(next, 0, total - 1);
}

/**
 * @param {KeyboardEvent} event
 * @param {{ key: string, shown: string[], grid: HTMLElement, actions: TileActions }} options `key` of the focused tile
 */
export function onTileKey(event, { key, shown, grid, actions }) {
  const name = keyName(event);
  const index = indexAfter(name, shown.indexOf(key), shown.length, grid);
  /** @type {Record<string, KeyAction | undefined>} */
  const byKey = {
    Enter: actions.open,
    " ": actions.open,
    w: actions.winner,
    x: actions.rejected,
    n: actions.note,
    c: actions.compare,
    Escape: actions.clear,
  };
  const action = byKey[name];
  if (index === null && !action) return;
  event.preventDefault();
  if (index === null) action?.(key);
  else actions.focus(shown[index]);
}

/**
 * @param {KeyboardEvent} event
 * @param {LightboxActions} actions
 */
export function onLightboxKey(event, actions) {
  const name = keyName(event);
  const { tagName } = /** @type {HTMLElement} */ (event.target);
  const isTyping = tagName === "TEXTAREA" && name !== "Escape";
  const isPressing = tagName === "BUTTON" && ["Enter", " "].includes(name);
  if (isTyping || isPressing) return;
  /** @type {Record<string, (() => void) | undefined>} */
  const byKey = {
    Escape: actions.back,
    ArrowLeft: actions.previous,
    ArrowRight: actions.next,
    w: actions.winner,
    x: actions.rejected,
    n: actions.note,
    c: actions.compare,
    " ": actions.togglePlay,
  };
  const action = byKey[name];
  if (!action) return;
  event.preventDefault();
  action();
}
