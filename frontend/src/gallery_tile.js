// One tile: a poster or video, or the state of its job; below it the caption; and what a person can do with it.

import { formatElapsed } from "./clock.js";
import { closest, listenUntil, make, makeButton, makeIcon } from "./dom.js";

/** @import { IconName } from "./dom.js" */
/** @import { GalleryRow } from "./types" */
/** @typedef {ReturnType<typeof makeTile>} Tile */
/** @typedef {"winner" | "rejected" | "note" | "compare"} TileAction */

/** @type {Record<"winner" | "rejected", { text: string, icon: IconName }>} */
const CHOICES = {
  winner: { text: "Winner", icon: "star" },
  rejected: { text: "Rejected", icon: "cross" },
};
/** @type {{ action: TileAction, label: string, icon: IconName, key: string }[]} */
const ACTIONS = [
  { action: "winner", label: "Mark as winner", icon: "star", key: "W" },
  { action: "rejected", label: "Reject", icon: "cross", key: "X" },
  { action: "note", label: "Write a note", icon: "pencil", key: "N" },
  { action: "compare", label: "Select to compare", icon: "compare", key: "C" },
];

/**
 * @param {GalleryRow} row
 * @param {number} order its number in the selection, or 0
 */
function tileLabel(row, order) {
  const parts = [row.caption, row.state_label];
  if (row.state !== "done" && row.detail) parts.push(row.detail);
  if (row.choice) parts.push(CHOICES[row.choice].text);
  if (row.note) parts.push(`Note: ${row.note}`);
  if (order) parts.push(`number ${order} to compare`);
  return parts.join(", ");
}

/**
 * The aspect ratio of all tiles: that of most of the videos.
 *
 * @param {GalleryRow[]} rows
 */
export function commonRatio(rows) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const { ratio } of rows) if (ratio) counts.set(ratio, (counts.get(ratio) ?? 0) + 1);
  const [ratio] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [16 / 9];
  return ratio;
}

/** What a tile shows without a video: the state with its elapsed time, and why. */
export function makeStatus() {
  const element = make("div", "pvnb-gallery-status");
  const head = make("div", "pvnb-gallery-state");
  const label = make("strong", "");
  const elapsed = make("span", "pvnb-gallery-elapsed");
  const line = make("div", "pvnb-gallery-line");
  head.append(make("span", "pvnb-gallery-dot"), label, elapsed);
  element.append(head, line);

  /**
   * @param {GalleryRow} row
   * @param {number} now
   */
  function tick(row, now) {
    elapsed.textContent = row.began_at ? formatElapsed((row.ended_at ?? now) - row.began_at) : "";
  }

  return {
    element,
    tick,
    /**
     * @param {GalleryRow} row
     * @param {number} now
     */
    draw(row, now) {
      element.dataset.severity = row.severity;
      label.textContent = row.state_label;
      line.textContent = row.detail;
      line.title = row.detail;
      tick(row, now);
    },
  };
}

/** @param {string} key */
export function makeTile(key) {
  // A grid has rows of cells; a tile is a row of one cell, so that it can contain an input.
  const element = make("div", "pvnb-gallery-tile");
  element.setAttribute("role", "row");
  element.dataset.key = key;
  const cell = make("div", "pvnb-gallery-cell", { tabIndex: -1 });
  cell.setAttribute("role", "gridcell");
  const media = make("div", "pvnb-gallery-media");
  const poster = make("img", "pvnb-gallery-poster", { alt: "", draggable: false, hidden: true });
  const status = makeStatus();
  const badge = make("div", "pvnb-gallery-badge", { hidden: true });
  const number = make("div", "pvnb-gallery-number", { hidden: true });
  const caption = make("div", "pvnb-gallery-caption");
  const extra = make("div", "pvnb-gallery-extra", { hidden: true });
  const note = make("div", "pvnb-gallery-note", { hidden: true });
  media.append(poster, status.element, badge, number);
  cell.append(media, caption, extra, note);
  element.append(cell);

  return {
    element,
    cell,
    media,
    note,
    /**
     * @param {GalleryRow} row
     * @param {{ now: number, order: number }} options `order`: its number in the selection, or 0
     */
    draw(row, { now, order }) {
      const isDone = row.state === "done";
      element.dataset.state = row.state;
      element.dataset.choice = row.choice;
      element.dataset.video = String(row.has_video);
      element.dataset.selected = String(Boolean(order));
      caption.textContent = row.caption;
      caption.title = row.caption;
      status.element.hidden = isDone;
      poster.hidden = !isDone || !poster.src;
      status.draw(row, now);
      badge.hidden = !row.choice;
      badge.replaceChildren();
      if (row.choice) badge.append(makeIcon(CHOICES[row.choice].icon), CHOICES[row.choice].text);
      number.hidden = !order;
      number.textContent = order ? String(order) : "";
      const isEditing = Boolean(note.querySelector("input"));
      if (!isEditing) note.textContent = row.note;
      note.hidden = !row.note && !isEditing;
      cell.setAttribute("aria-label", tileLabel(row, order));
      cell.setAttribute("aria-selected", String(Boolean(order)));
    },
    /** @param {string} text the value that the gallery is sorted by, or "" */
    showExtra(text) {
      extra.textContent = text;
      extra.hidden = !text;
    },
    tick: status.tick,
    /**
     * @param {string} url
     * @param {boolean} isDone
     */
    showPoster(url, isDone) {
      poster.src = url;
      poster.hidden = !isDone;
    },
  };
}

/**
 * One set of small buttons, which moves to the tile under the pointer or with the focus. Without a video the stylesheet
 * hides some.
 *
 * @param {{ canCompare: boolean, signal: AbortSignal, onAction: (action: TileAction, key: string) => void }} options
 */
export function makeTileActions({ canCompare, signal, onAction }) {
  const group = make("div", "pvnb-gallery-actions");
  group.dataset.needsKernel = "";
  group.setAttribute("role", "group");
  /** @type {HTMLButtonElement[]} */
  const buttons = [];
  for (const { action, ...settings } of ACTIONS) {
    if (action === "compare" && !canCompare) continue;
    const button = makeButton("", settings);
    button.dataset.action = action;
    button.setAttribute("aria-keyshortcuts", settings.key);
    buttons.push(button);
  }
  group.append(...buttons);
  const on = listenUntil(signal);
  on(group, "click", (event) => {
    event.stopPropagation();
    const action = /** @type {TileAction | undefined} */ (closest(event, "button")?.dataset.action);
    const key = closest(event, ".pvnb-gallery-tile")?.dataset.key;
    if (action && key) onAction(action, key);
  });
  return {
    /**
     * Moves the buttons to a tile, unless they are there: a pressed button that moves gets no click.
     *
     * @param {Tile} tile
     * @param {GalleryRow} row
     * @param {number} order its number in the selection, or 0
     */
    moveTo(tile, row, order) {
      const isFocused = group.contains(document.activeElement);
      if (group.parentNode !== tile.media) {
        if (isFocused) closestCell(group)?.focus({ preventScroll: true });
        tile.media.append(group);
      }
      group.setAttribute("aria-label", row.caption);
      for (const button of buttons) {
        const { action } = button.dataset;
        if (action === "note") continue;
        const isOn = action === "compare" ? Boolean(order) : row.choice === action;
        button.setAttribute("aria-pressed", String(isOn));
      }
    },
    /** @param {Tile} tile */
    isIn: (tile) => group.parentNode === tile.media,
  };
}

/** @param {HTMLElement} element */
function closestCell(element) {
  return /** @type {HTMLElement | null} */ (element.closest(".pvnb-gallery-cell"));
}

/**
 * Puts an input for the note into the tile.
 *
 * @param {Tile} tile
 * @param {GalleryRow} row
 * @param {{ signal: AbortSignal, onEnd: (text: string | null) => void }} options `onEnd` gets null if it was cancelled
 */
export function editNote(tile, row, { signal, onEnd }) {
  if (tile.note.querySelector("input")) return;
  const field = make("input", "pvnb-gallery-field", {
    type: "text",
    value: row.note,
    placeholder: "Note",
    maxLength: 2000,
  });
  field.setAttribute("aria-label", `Note on ${row.caption}`);
  let isOver = false;
  /** @param {string | null} text */
  const end = (text) => {
    if (isOver) return; // removing the field blurs it
    isOver = true;
    const hadFocus = document.activeElement === field;
    field.remove();
    if (hadFocus) tile.cell.focus({ preventScroll: true });
    onEnd(text);
  };
  const on = listenUntil(signal);
  on(field, "keydown", (event) => {
    if (event.key === "Enter") end(field.value.trim());
    else if (event.key === "Escape") end(null);
  });
  on(field, "blur", () => end(field.value.trim()));
  tile.note.replaceChildren(field);
  tile.note.hidden = false;
  field.focus();
}
