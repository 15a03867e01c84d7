// Below the tiles: the selection for a comparison, the number of ratings, the keyboard shortcuts, and error messages.

import { countOf, listenUntil, make } from "./dom.js";

/** @import { GalleryRow } from "./types" */

const KEYS = [
  ["W", "winner"],
  ["X", "reject"],
  ["N", "note"],
];
const TILE_KEYS = [["Enter", "open"]];
const LIGHTBOX_KEYS = [
  ["Esc", "all tiles"],
  ["← →", "previous, next"],
  ["Space", "play"],
];
const COMPARE_KEY = ["C", "compare"];
const MESSAGE_MS = 6000;

/** @param {GalleryRow[]} rows */
function countRatings(rows) {
  /** @type {[number, string, string][]} */
  const counts = [
    [rows.filter((row) => row.choice === "winner" && row.has_video).length, "winner", "winners"],
    [rows.filter((row) => row.choice === "rejected").length, "rejected", "rejected"],
    [rows.filter((row) => row.note).length, "note", "notes"],
  ];
  const present = counts.filter(([count]) => count);
  return present.map(([count, one, many]) => countOf(count, one, many)).join(" · ");
}

/** @param {GalleryRow[]} rows */
function ratingsJson(rows) {
  const rated = rows.filter((row) => row.choice || row.note);
  return JSON.stringify(
    rated.map(({ key, caption, choice, note }) => ({ key, caption, choice, note })),
    null,
    2,
  );
}

/**
 * @param {{
 *   signal: AbortSignal,
 *   canCompare: boolean,
 *   isStandalone: boolean,
 *   onOpen: () => void,
 *   onClear: () => void,
 *   rows: () => GalleryRow[],
 * }} options In a page without a kernel the ratings can be copied or saved.
 */
export function makeFooter({ signal, canCompare, isStandalone, onOpen, onClear, rows }) {
  const element = make("div", "pvnb-gallery-footer");
  const selection = make("div", "pvnb-gallery-selection", { hidden: true });
  const selectionText = make("span", "");
  const open = make("button", "pvnb-gallery-button pvnb-gallery-primary", { type: "button" });
  const clear = make("button", "pvnb-gallery-link", { type: "button", textContent: "Clear" });
  selection.dataset.needsKernel = "";
  selection.append(selectionText, make("span", "pvnb-gallery-gap"), clear, open);
  const line = make("div", "pvnb-gallery-summary");
  const keys = make("span", "pvnb-gallery-keys");
  const counts = make("span", "pvnb-gallery-rated");
  counts.setAttribute("role", "status");
  const copy = make("button", "pvnb-gallery-link", { type: "button", textContent: "Copy ratings", hidden: true });
  const save = make("button", "pvnb-gallery-link", { type: "button", textContent: "Save as JSON", hidden: true });
  const message = make("span", "pvnb-gallery-message", { hidden: true });
  message.setAttribute("role", "alert");
  const ratings = make("span", "pvnb-gallery-ratings");
  ratings.append(counts, copy, save);
  line.append(keys, make("span", "pvnb-gallery-gap"), message, ratings);
  element.append(selection, line);
  let messageTimer = 0;
  showKeys(false);

  /** @param {string} text */
  function showMessage(text) {
    clearTimeout(messageTimer);
    message.textContent = text;
    message.hidden = false;
    messageTimer = setTimeout(() => {
      message.hidden = true;
    }, MESSAGE_MS);
  }

  /** @param {boolean} isLightbox the keys do other things there than among the tiles */
  function showKeys(isLightbox) {
    const local = isLightbox ? LIGHTBOX_KEYS : TILE_KEYS;
    const pairs = [...local, ...KEYS, ...(canCompare ? [COMPARE_KEY] : [])].map(([key, action], index) => {
      const pair = make("span", "");
      if (index >= local.length) pair.dataset.needsKernel = "";
      pair.append(make("kbd", "", { textContent: key }), ` ${action}`);
      return pair;
    });
    keys.replaceChildren(...pairs);
  }

  function saveFile() {
    const url = URL.createObjectURL(new Blob([ratingsJson(rows())], { type: "application/json" }));
    make("a", "", { href: url, download: "ratings.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 0);
  }

  const on = listenUntil(signal);
  on(open, "click", onOpen);
  on(clear, "click", onClear);
  on(save, "click", saveFile);
  on(copy, "click", async () => {
    try {
      await navigator.clipboard.writeText(ratingsJson(rows()));
      showMessage("Copied.");
    } catch {
      showMessage("The browser blocked copying. Save the ratings as a file instead.");
    }
  });

  return {
    element,
    showMessage,
    showKeys,
    /**
     * @param {GalleryRow[]} all
     * @param {number} selected how many tiles are selected
     */
    draw(all, selected) {
      element.hidden = !all.length;
      selection.hidden = !selected;
      const isEnough = selected >= 2;
      selectionText.textContent = isEnough ? `${selected} selected` : "1 selected; select at least one more with C";
      open.textContent = `Compare ${selected}`;
      open.disabled = !isEnough;
      counts.textContent = countRatings(all);
      const canExport = isStandalone && Boolean(counts.textContent);
      copy.hidden = !canExport;
      save.hidden = !canExport;
    },
    dispose: () => clearTimeout(messageTimer),
  };
}
