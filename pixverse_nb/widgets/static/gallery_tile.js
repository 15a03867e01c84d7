// One tile: a still or film, or what stands in its place; below it what sets it apart.

import { make } from "./elements.js";
import { formatElapsed, makeSign } from "./gallery_parts.js";

const CHOICE_WORDS = { winner: "Winner", rejected: "Rejected" };

export function tileLabel(row, number) {
  const parts = [row.caption, row.words];
  if (row.state !== "done" && row.line) parts.push(row.line);
  if (row.choice) parts.push(CHOICE_WORDS[row.choice]);
  if (row.note) parts.push(`Note: ${row.note}`);
  if (number) parts.push(`number ${number} to compare`);
  return parts.join(", ");
}

// The shape of all tiles together: that of most of the videos.
export function commonRatio(rows) {
  const counts = new Map();
  for (const { ratio } of rows) if (ratio) counts.set(ratio, (counts.get(ratio) ?? 0) + 1);
  const [ratio] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [16 / 9];
  return ratio;
}

// What stands where there is no film: the state in words with its clock, and why.
export function makePlace() {
  const place = make("div", "pvnb-gallery-place");
  const head = make("div", "pvnb-gallery-state");
  const mark = make("span", "pvnb-gallery-mark");
  const words = make("strong", "");
  const clock = make("span", "pvnb-gallery-clock");
  const line = make("div", "pvnb-gallery-line");
  head.append(mark, words, clock);
  place.append(head, line);
  return {
    element: place,
    draw(row, now) {
      place.dataset.tone = row.tone;
      words.textContent = row.words;
      line.textContent = row.line;
      line.title = row.line;
      this.tick(row, now);
    },
    tick(row, now) {
      clock.textContent = row.began ? formatElapsed((row.ended ?? now) - row.began) : "";
    },
  };
}

export function makeTile(key) {
  // A grid has rows of cells; a tile is a row of one cell, so that it may hold a field of its own.
  const element = make("div", "pvnb-gallery-tile");
  element.setAttribute("role", "row");
  element.dataset.key = key;
  const cell = make("div", "pvnb-gallery-cell", { tabIndex: -1 });
  cell.setAttribute("role", "gridcell");
  const media = make("div", "pvnb-gallery-media");
  const poster = make("img", "pvnb-gallery-poster", { alt: "", draggable: false, hidden: true });
  const place = makePlace();
  const badge = make("div", "pvnb-gallery-badge", { hidden: true });
  const number = make("div", "pvnb-gallery-number", { hidden: true });
  const caption = make("div", "pvnb-gallery-caption");
  const extra = make("div", "pvnb-gallery-extra", { hidden: true });
  const note = make("div", "pvnb-gallery-note", { hidden: true });
  media.append(poster, place.element, badge, number);
  cell.append(media, caption, extra, note);
  element.append(cell);

  return {
    element,
    cell,
    media,
    note,
    // `order` is the number in the choice to compare, or 0.
    draw(row, { now, order }) {
      const isDone = row.state === "done";
      element.dataset.state = row.state;
      element.dataset.choice = row.choice;
      element.dataset.video = String(row.film);
      element.dataset.chosen = String(Boolean(order));
      caption.textContent = row.caption;
      caption.title = row.caption;
      place.element.hidden = isDone;
      poster.hidden = !isDone || !poster.src;
      place.draw(row, now);
      badge.hidden = !row.choice;
      badge.replaceChildren(...(row.choice ? [makeSign(row.choice), CHOICE_WORDS[row.choice]] : []));
      number.hidden = !order;
      number.textContent = order || "";
      if (!note.querySelector("input")) note.textContent = row.note;
      note.hidden = !row.note && !note.querySelector("input");
      cell.setAttribute("aria-label", tileLabel(row, order));
      cell.setAttribute("aria-selected", String(Boolean(order)));
    },
    // The value that the gallery is sorted by.
    showExtra(text) {
      extra.textContent = text;
      extra.hidden = !text;
    },
    tick: (row, now) => place.tick(row, now),
    showPoster(url, isDone) {
      poster.src = url;
      poster.hidden = !isDone;
    },
  };
}
