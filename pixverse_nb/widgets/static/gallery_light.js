// The larger view of one tile: its film, its verdict, and everything that is known of it, in place of the tiles.

import { make } from "./elements.js";
import { formatNumber, makeSignButton } from "./gallery_parts.js";
import { nameWords, valueWords } from "./gallery_sieve.js";
import { makePlace } from "./gallery_tile.js";
import { mayWin } from "./gallery_verdicts.js";

export function makeLight({ signal, act }) {
  const element = make("div", "pvnb-gallery-light", { hidden: true, tabIndex: -1 });
  element.setAttribute("role", "group");
  const head = make("div", "pvnb-gallery-lighthead");
  const back = makeSignButton("pvnb-gallery-button", "back", { label: "Back to all tiles (Escape)", text: "All tiles" });
  const position = make("span", "pvnb-gallery-count");
  const previous = makeSignButton("pvnb-gallery-button", "previous", { label: "Previous (←)" });
  const next = makeSignButton("pvnb-gallery-button", "next", { label: "Next (→)" });
  head.append(back, make("span", "pvnb-gallery-gap"), position, previous, next);

  const stage = make("div", "pvnb-gallery-stage");
  const poster = make("img", "pvnb-gallery-poster", { alt: "", hidden: true });
  const place = makePlace();
  stage.append(poster, place.element);

  const side = make("div", "pvnb-gallery-side");
  const caption = make("div", "pvnb-gallery-title");
  const verdict = make("div", "pvnb-gallery-verdict");
  const winner = makeSignButton("pvnb-gallery-button", "winner", { label: "Winner (W)", text: "Winner" });
  const rejected = makeSignButton("pvnb-gallery-button", "rejected", { label: "Reject (X)", text: "Reject" });
  const compare = makeSignButton("pvnb-gallery-button", "compare", { label: "Choose to compare (C)", text: "Compare" });
  verdict.append(winner, rejected, compare);
  const note = make("textarea", "pvnb-gallery-field", { rows: 2, placeholder: "A note", maxLength: 2000 });
  note.setAttribute("aria-label", "Note");
  const trouble = make("div", "pvnb-gallery-trouble", { hidden: true });
  trouble.setAttribute("role", "alert");
  const table = make("table", "pvnb-gallery-table");
  side.append(caption, verdict, note, trouble, table);
  const body = make("div", "pvnb-gallery-lightbody");
  body.append(stage, side);
  element.append(head, body);

  const on = (target, name, listener) => target.addEventListener(name, listener, { signal });
  on(back, "click", () => act.onBack());
  on(previous, "click", () => act.onStep(-1));
  on(next, "click", () => act.onStep(1));
  on(winner, "click", () => act.onChoice("winner"));
  on(rejected, "click", () => act.onChoice("rejected"));
  on(compare, "click", () => act.onCompare());
  on(note, "change", () => act.onNote(note.value.trim()));

  function drawTable(row) {
    const named = new Set();
    const parameters = Object.entries(row.axes).map(([name, value]) => {
      named.add(nameWords(name));
      return [nameWords(name), valueWords(value)];
    });
    // A fact that is an axis too is said once.
    const more = row.facts.filter(([name]) => !named.has(name.toLowerCase()));
    const metrics = Object.entries(row.metrics).map(([name, value]) => [nameWords(name), formatNumber(value)]);
    const sections = [["Sets it apart", parameters], ["Measured", metrics], ["Video", more]];
    const columns = make("colgroup", "");
    columns.append(make("col", "pvnb-gallery-named"), make("col", ""));
    table.replaceChildren(
      columns,
      ...sections.filter(([, lines]) => lines.length).map(([title, lines]) => {
        const section = make("tbody", "");
        const headline = make("tr", "");
        const heading = make("th", "pvnb-gallery-section", { colSpan: 2, scope: "rowgroup", textContent: title });
        headline.append(heading);
        section.append(headline, ...lines.map(makeLine));
        return section;
      }),
    );
  }

  function makeLine([name, text]) {
    const line = make("tr", "");
    line.append(make("th", "", { scope: "row", textContent: name }), make("td", "", { textContent: text }));
    return line;
  }

  return {
    element,
    stage,
    note,
    draw(row, { at, total, now, posterUrl, order, canCompare }) {
      element.setAttribute("aria-label", `${row.caption}, ${at} of ${total}`);
      element.dataset.key = row.key;
      element.dataset.choice = row.choice;
      position.textContent = `${at} of ${total}`;
      previous.disabled = at <= 1;
      next.disabled = at >= total;
      caption.textContent = row.caption;
      winner.hidden = !mayWin(row);
      winner.setAttribute("aria-pressed", String(row.choice === "winner"));
      rejected.setAttribute("aria-pressed", String(row.choice === "rejected"));
      compare.setAttribute("aria-pressed", String(Boolean(order)));
      compare.hidden = !canCompare || !row.film;
      if (document.activeElement !== note) note.value = row.note;
      const isDone = row.state === "done";
      place.element.hidden = isDone;
      place.draw(row, now);
      poster.hidden = !isDone || !posterUrl;
      if (posterUrl && poster.src !== posterUrl) poster.src = posterUrl;
      trouble.hidden = true;
      drawTable(row);
    },
    tick: (row, now) => place.tick(row, now),
    showTrouble(text) {
      trouble.textContent = text;
      trouble.hidden = false;
    },
  };
}
