// The lightbox: one tile with its video, its rating and everything that is known about it, in place of the tiles.

import { listenUntil, make, makeButton } from "./dom.js";
import { formatNumber, nameText, valueText } from "./gallery_filter.js";
import { canWin } from "./gallery_ratings.js";
import { makeStatus } from "./gallery_tile.js";

/** @import { GalleryRow } from "./types" */

const BUTTON = "pvnb-gallery-button";

/**
 * @param {{
 *   signal: AbortSignal,
 *   onBack: () => void,
 *   onStep: (by: number) => void,
 *   onChoice: (choice: "winner" | "rejected") => void,
 *   onCompare: () => void,
 *   onNote: (note: string) => void,
 * }} options
 */
export function makeLightbox({ signal, onBack, onStep, onChoice, onCompare, onNote }) {
  const element = make("div", "pvnb-gallery-lightbox", { hidden: true, tabIndex: -1 });
  element.setAttribute("role", "group");
  const head = make("div", "pvnb-gallery-lightbox-head");
  const back = makeButton(BUTTON, { label: "All tiles", icon: "left", text: "All tiles", key: "Escape" });
  const position = make("span", "pvnb-gallery-count");
  const previous = makeButton(BUTTON, { label: "Previous", icon: "previous", key: "←" });
  const next = makeButton(BUTTON, { label: "Next", icon: "next", key: "→" });
  head.append(back, make("span", "pvnb-gallery-gap"), position, previous, next);

  const stage = make("div", "pvnb-gallery-stage");
  const poster = make("img", "pvnb-gallery-poster", { alt: "", hidden: true });
  const status = makeStatus();
  stage.append(poster, status.element);

  const side = make("div", "pvnb-gallery-side");
  const caption = make("div", "pvnb-gallery-title");
  const rating = make("div", "pvnb-gallery-rating");
  const winner = makeButton(BUTTON, { label: "Mark as winner", icon: "star", text: "Winner", key: "W" });
  const rejected = makeButton(BUTTON, { label: "Reject", icon: "cross", text: "Reject", key: "X" });
  const compare = makeButton(BUTTON, { label: "Select to compare", icon: "compare", text: "Compare", key: "C" });
  rating.append(winner, rejected, compare);
  rating.dataset.needsKernel = "";
  const note = make("textarea", "pvnb-gallery-field", { rows: 2, placeholder: "Note", maxLength: 2000 });
  note.setAttribute("aria-label", "Note");
  const error = make("div", "pvnb-gallery-error", { hidden: true });
  error.setAttribute("role", "alert");
  const table = make("table", "pvnb-gallery-table");
  side.append(caption, rating, note, error, table);
  const body = make("div", "pvnb-gallery-lightbox-body");
  body.append(stage, side);
  element.append(head, body);

  const on = listenUntil(signal);
  on(back, "click", onBack);
  on(previous, "click", () => onStep(-1));
  on(next, "click", () => onStep(1));
  on(winner, "click", () => onChoice("winner"));
  on(rejected, "click", () => onChoice("rejected"));
  on(compare, "click", onCompare);
  on(note, "change", () => onNote(note.value.trim()));

  /** @param {GalleryRow} row */
  function drawTable(row) {
    /** @type {[string, string][]} */
    const parameters = Object.entries(row.axes).map(([name, value]) => [nameText(name), valueText(value)]);
    /** @type {[string, string][]} */
    const metrics = Object.entries(row.metrics).map(([name, value]) => [nameText(name), formatNumber(value)]);
    // A fact that is also a parameter appears once.
    const names = new Set(parameters.map(([name]) => name));
    const facts = row.facts.filter(([name]) => !names.has(name.toLowerCase()));
    const columns = make("colgroup", "");
    columns.append(make("col", "pvnb-gallery-named"), make("col", ""));
    table.replaceChildren(
      columns,
      ...makeSection("Parameters", parameters),
      ...makeSection("Metrics", metrics),
      ...makeSection("Video", facts),
    );
  }

  return {
    element,
    stage,
    note,
    /**
     * @param {GalleryRow} row
     * @param {{
     *   number: number,
     *   total: number,
     *   now: number,
     *   posterUrl: string | undefined,
     *   order: number,
     *   canCompare: boolean,
     * }} options `number` of `total` tiles; `order`: its number in the selection, or 0
     */
    draw(row, { number, total, now, posterUrl, order, canCompare }) {
      element.setAttribute("aria-label", `${row.caption}, ${number} of ${total}`);
      element.dataset.key = row.key;
      element.dataset.choice = row.choice;
      position.textContent = `${number} of ${total}`;
      previous.disabled = number <= 1;
      next.disabled = number >= total;
      caption.textContent = row.caption;
      winner.hidden = !canWin(row);
      winner.setAttribute("aria-pressed", String(row.choice === "winner"));
      rejected.setAttribute("aria-pressed", String(row.choice === "rejected"));
      compare.setAttribute("aria-pressed", String(Boolean(order)));
      compare.hidden = !canCompare || !row.has_video;
      if (document.activeElement !== note) note.value = row.note;
      const isDone = row.state === "done";
      status.element.hidden = isDone;
      status.draw(row, now);
      poster.hidden = !isDone || !posterUrl;
      if (posterUrl && poster.src !== posterUrl) poster.src = posterUrl;
      error.hidden = true;
      drawTable(row);
    },
    tick: status.tick,
    /** @param {string} text */
    showError(text) {
      error.textContent = text;
      error.hidden = false;
    },
  };
}

/**
 * @param {string} title
 * @param {[name: string, text: string][]} lines
 */
function makeSection(title, lines) {
  if (!lines.length) return [];
  const section = make("tbody", "");
  const head = section.insertRow();
  head.append(make("th", "pvnb-gallery-section", { colSpan: 2, scope: "rowgroup", textContent: title }));
  for (const [name, text] of lines) {
    const row = section.insertRow();
    row.append(make("th", "", { scope: "row", textContent: name }), make("td", "", { textContent: text }));
  }
  return [section];
}
