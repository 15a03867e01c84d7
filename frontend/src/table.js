// Sorting, copying and ages in a table of the kernel (pixverse_nb/render/table.py). The table is complete without this
// script, which therefore adds every button itself: where it does not run, no button is there that does nothing.

import { make } from "./dom.js";
import { passSaveKey } from "./shortcuts.js";

const COPIED_MS = 1500;
const SHOWN_S = 30 * 86400; // anything older keeps its date
const UNITS = /** @type {const} */ ([
  ["d", 86400],
  ["h", 3600],
  ["min", 60],
]);

/** @param {number} seconds */
function ago(seconds) {
  if (seconds > SHOWN_S) return "";
  for (const [unit, size] of UNITS) if (seconds >= size) return `${Math.floor(seconds / size)} ${unit} ago`;
  return "just now";
}

/** @param {HTMLElement} list */
function showAges(list) {
  for (const time of list.querySelectorAll("time")) {
    if (!time.dataset.at) continue;
    time.title ||= time.textContent ?? "";
    time.textContent = ago(Date.now() / 1000 - Number(time.dataset.at)) || time.title;
  }
}

/** @param {HTMLTableCellElement} cell */
const keyOf = (cell) => cell.dataset.order ?? cell.textContent.trim();

/**
 * Empty cells come last, whatever the direction.
 *
 * @param {string} one
 * @param {string} other
 * @param {number} direction
 */
function compare(one, other, direction) {
  const isEmpty = [one, other].map((key) => key === "" || key === "–");
  if (isEmpty[0] || isEmpty[1]) return Number(isEmpty[0]) - Number(isEmpty[1]);
  const difference = Number(one) - Number(other);
  return direction * (Number.isNaN(difference) ? one.localeCompare(other, undefined, { numeric: true }) : difference);
}

/** @param {HTMLTableElement} table */
function makeSortable(table) {
  const [body] = table.tBodies;
  if (body.rows.length < 2) return;
  const heads = [...(table.tHead?.rows[0].cells ?? [])]; // one without words is no <th>
  for (const [column, head] of heads.entries()) {
    if (!head.textContent) continue;
    const button = make("button", "", { type: "button" });
    button.append(...head.childNodes);
    head.append(button);
    button.onclick = () => {
      const direction = head.ariaSort === "ascending" ? -1 : 1;
      for (const one of heads) one.ariaSort = null;
      head.ariaSort = direction > 0 ? "ascending" : "descending";
      const rows = [...body.rows].map((row) => ({ row, key: keyOf(row.cells[column]) }));
      body.append(...rows.sort((one, other) => compare(one.key, other.key, direction)).map(({ row }) => row));
    };
  }
}

/** @param {HTMLElement} place */
function makeCopyable(place) {
  const label = place.dataset.label ?? place.textContent ?? "";
  const button = make("button", "", { type: "button", textContent: label, title: "Copy" });
  button.onclick = async () => {
    if (button.textContent !== label) return;
    button.style.minWidth = `${button.offsetWidth}px`;
    const text = place.dataset.copy ?? label;
    button.textContent = await navigator.clipboard.writeText(text).then(
      () => "Copied",
      () => "Not allowed to copy",
    );
    setTimeout(() => {
      button.textContent = label;
    }, COPIED_MS);
  };
  place.setAttribute("aria-live", "polite");
  place.replaceChildren(button);
}

const list = document.currentScript?.previousElementSibling;
if (list instanceof HTMLElement) {
  for (const table of list.querySelectorAll("table")) makeSortable(table);
  // over plain http from another machine there is no clipboard
  if (navigator.clipboard)
    for (const place of list.querySelectorAll("[data-copy]")) makeCopyable(/** @type {HTMLElement} */ (place));
  showAges(list);
  for (const button of list.querySelectorAll("button")) button.dataset.lmSuppressShortcuts = "true"; // M, X … of Jupyter
  list.addEventListener("keydown", passSaveKey);
  list.addEventListener("pointerenter", () => showAges(list));
}
