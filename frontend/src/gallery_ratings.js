// What a person decides about tiles: ratings, and the selection for a comparison.

import { makeViewId } from "./dom.js";

/** @import { GalleryRow, RatingChoice } from "./types" */

const MAX_COMPARED = 9;

/**
 * A tile without a video cannot become a winner; one that is a winner already can lose the rating.
 *
 * @param {GalleryRow} row
 */
export function canWin(row) {
  return row.has_video || row.choice === "winner";
}

/**
 * Ratings apply in the page at once and go to the kernel, whose rows may be older than the page.
 *
 * @param {{
 *   rows: Map<string, GalleryRow>,
 *   canRate: () => boolean,
 *   send: (rating: object) => void,
 *   onChange: (key: string) => void,
 *   onRefused: (reason: string) => void,
 * }} options `canRate`: whether there is a kernel that can keep a rating
 */
export function makeRatings({ rows, canRate, send, onChange, onRefused }) {
  const view = makeViewId();
  /** @type {Map<string, number>} */
  const unconfirmed = new Map(); // key -> ratings of this view that the kernel has not sent back

  /**
   * @param {string} key
   * @param {RatingChoice} choice
   * @param {string} note
   */
  function apply(key, choice, note) {
    const row = rows.get(key);
    if (!row) return;
    rows.set(key, { ...row, choice, note });
    onChange(key);
  }

  /**
   * @param {string} key
   * @param {{ choice?: RatingChoice, note?: string }} change
   */
  function rate(key, change) {
    const row = rows.get(key);
    if (!row) return;
    const { choice, note } = { choice: row.choice, note: row.note, ...change };
    if (choice === row.choice && note === row.note) return;
    if (!canRate()) return;
    apply(key, choice, note);
    unconfirmed.set(key, (unconfirmed.get(key) ?? 0) + 1);
    send({ kind: "rating", key, choice, note, view });
  }

  return {
    rate,
    /**
     * Choosing the same a second time removes the rating.
     *
     * @param {string} key
     * @param {RatingChoice} choice
     */
    choose(key, choice) {
      const row = rows.get(key);
      if (!row) return;
      if (choice === "winner" && !canWin(row)) onRefused(`${row.caption} has no video, so it cannot be a winner.`);
      else rate(key, { choice: row.choice === choice ? "" : choice });
    },
    /** @param {{ key: string, choice: RatingChoice, note: string, view: string }} message */
    onMessage({ key, choice, note, view: sender }) {
      if (sender === view) unconfirmed.set(key, (unconfirmed.get(key) ?? 0) - 1);
      if (!unconfirmed.get(key)) apply(key, choice, note);
    },
    /**
     * A row from the kernel, with this view's rating if the kernel has not confirmed that yet.
     *
     * @param {GalleryRow} row
     */
    withOwn(row) {
      const own = unconfirmed.get(row.key) ? rows.get(row.key) : undefined;
      return own ? { ...row, choice: own.choice, note: own.note } : row;
    },
  };
}

/**
 * The tiles that are selected for a comparison, in the order of selection.
 *
 * @param {{
 *   rows: Map<string, GalleryRow>,
 *   canCompare: boolean,
 *   save: (keys: string[]) => void,
 *   onChange: (changed: string[]) => void,
 *   onRefused: (reason: string) => void,
 * }} options `save` stores the keys in the model
 */
export function makeSelection({ rows, canCompare, save, onChange, onRefused }) {
  /** @type {string[]} */
  let keys = [];

  /** @param {string[]} selected */
  function show(selected) {
    const changed = new Set([...keys, ...selected]);
    keys = selected.filter((key) => rows.has(key));
    onChange([...changed].filter((key) => rows.has(key)));
  }

  /** @param {string[]} selected */
  function select(selected) {
    show(selected);
    save(selected);
  }

  return {
    show,
    keys: () => keys,
    /**
     * 1 for the first selected tile; 0 for one that is not selected.
     *
     * @param {string} key
     */
    orderOf: (key) => keys.indexOf(key) + 1,
    /** @param {string} key */
    toggle(key) {
      if (!canCompare || !rows.get(key)?.has_video) return;
      if (keys.includes(key)) select(keys.filter((other) => other !== key));
      else if (keys.length < MAX_COMPARED) select([...keys, key]);
      else onRefused(`You can compare at most ${MAX_COMPARED} videos.`);
    },
    clear() {
      if (keys.length) select([]);
    },
  };
}
