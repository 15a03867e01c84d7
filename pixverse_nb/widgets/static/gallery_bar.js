// The bar above the tiles: how many are shown, what they are filtered by, their order, and how films play.

import { make } from "./elements.js";
import { formatNumber, makeSign, makeSignButton, makeSwitch } from "./gallery_parts.js";
import { VERDICTS, axesIn, isAsking, metricsIn, nameWords, statesIn, valueWords } from "./gallery_sieve.js";

const PLAY_MODES = [
  ["hover", "Hover", "A film plays under the pointer or the keyboard's focus"],
  ["view", "All", "Every film in view plays, at most 12 at once"],
  ["still", "Still", "No film plays"],
];

// How many there are; a tile whose video is not there yet, or never came, is none.
function countWords(rows) {
  const words = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
  const films = rows.filter((row) => row.film).length;
  return films === rows.length ? words(films, "video") : `${words(rows.length, "tile")}, ${words(films, "video")}`;
}

// `act.onWish()` is called after `wish` was changed, `act.onMode(mode)` with how films play.
export function makeBar({ wish, mode, signal, act }) {
  const element = make("div", "pvnb-gallery-bar");
  const main = make("div", "pvnb-gallery-main");
  const filter = makeSignButton("pvnb-gallery-button", "filter", { label: "Filter", text: "Filter" });
  filter.setAttribute("aria-expanded", "false");
  const count = make("span", "pvnb-gallery-count");
  count.setAttribute("role", "status");
  const active = make("div", "pvnb-gallery-active");
  const sort = make("select", "pvnb-gallery-select");
  sort.setAttribute("aria-label", "Sort by");
  const direction = makeSignButton("pvnb-gallery-button pvnb-gallery-direction", "up", { label: "Ascending" });
  const order = make("div", "pvnb-gallery-order");
  order.append(make("span", "pvnb-gallery-quiet", { textContent: "Sort" }), sort, direction);
  const play = make("div", "pvnb-gallery-order");
  const modes = makeSwitch("Play", PLAY_MODES, { value: mode, signal, onChoose: act.onMode });
  play.append(make("span", "pvnb-gallery-quiet", { textContent: "Play" }), modes);
  main.append(filter, count, active, make("span", "pvnb-gallery-gap"), order, play);
  const panel = make("div", "pvnb-gallery-panel", { hidden: true });
  element.append(main, panel);
  let drawn = ""; // what the panel and the list of orders were built from

  function change() {
    markChips();
    drawActive();
    act.onWish();
  }

  // ---- the panel ----

  function buildPanel({ axes, states, metrics }) {
    const groups = axes.map(({ name, values }) =>
      makeGroup(nameWords(name), values.map(({ key, value }) => [`axis:${name}`, key, valueWords(value), null])),
    );
    if (states.length > 1) {
      groups.push(makeGroup("State", states.map(({ state, words, count }) => ["state", state, words, count])));
    }
    groups.push(makeGroup("Verdict", VERDICTS.map(([value, words]) => ["verdict", value, words, null])));
    panel.replaceChildren(...groups, ...metrics.filter(({ least, most }) => least < most).map(makeRange));
    markChips();
  }

  function makeGroup(name, chips) {
    const group = make("div", "pvnb-gallery-group");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", name);
    const buttons = chips.map(([kind, value, words, count]) => {
      const chip = make("button", "pvnb-gallery-chip", { type: "button", textContent: words });
      Object.assign(chip.dataset, { kind, value });
      if (count !== null) chip.append(make("span", "pvnb-gallery-of", { textContent: count }));
      return chip;
    });
    const row = make("div", "pvnb-gallery-chips");
    row.append(...buttons);
    group.append(make("div", "pvnb-gallery-name", { textContent: name }), row);
    return group;
  }

  function setOf(kind) {
    if (kind === "state") return wish.states;
    if (kind === "verdict") return wish.verdicts;
    return wish.axes.get(kind.slice("axis:".length)) ?? new Set();
  }

  function toggle(kind, value) {
    const values = setOf(kind);
    if (!values.delete(value)) values.add(value);
    if (!kind.startsWith("axis:")) return;
    const name = kind.slice("axis:".length);
    if (values.size) wish.axes.set(name, values);
    else wish.axes.delete(name);
  }

  function markChips() {
    for (const chip of panel.querySelectorAll(".pvnb-gallery-chip")) {
      chip.setAttribute("aria-pressed", String(setOf(chip.dataset.kind).has(chip.dataset.value)));
    }
    for (const range of panel.querySelectorAll(".pvnb-gallery-range")) range.show();
  }

  // Two thumbs on one line; the numbers beside it are what is asked for.
  function makeRange({ name, least, most }) {
    const group = make("div", "pvnb-gallery-group pvnb-gallery-ranged");
    const range = make("div", "pvnb-gallery-range");
    const words = make("span", "pvnb-gallery-numbers");
    const thumbs = ["least", "most"].map((end) => {
      const thumb = make("input", "", { type: "range", min: 0, max: 1000, step: 1 });
      thumb.setAttribute("aria-label", `${nameWords(name)}, ${end === "least" ? "at least" : "at most"}`);
      return thumb;
    });
    const valueOf = (thumb) => least + (Number(thumb.value) / 1000) * (most - least);
    range.show = () => {
      const [from, to] = wish.metrics.get(name) ?? [least, most];
      const share = (value) => (value - least) / (most - least);
      thumbs[0].value = Math.round(1000 * share(from));
      thumbs[1].value = Math.round(1000 * share(to));
      range.style.setProperty("--from", share(from));
      range.style.setProperty("--to", share(to));
      words.textContent = `${formatNumber(from)} – ${formatNumber(to)}`;
      thumbs.forEach((thumb, at) => thumb.setAttribute("aria-valuetext", formatNumber([from, to][at])));
    };
    const move = (event) => {
      const [low, high] = thumbs;
      if (Number(low.value) > Number(high.value)) event.target.value = event.target === low ? high.value : low.value;
      const isWhole = low.value === "0" && high.value === "1000";
      // The ends are the exact values, which the steps of a thumb may miss.
      const asked = [low.value === "0" ? least : valueOf(low), high.value === "1000" ? most : valueOf(high)];
      if (isWhole) wish.metrics.delete(name);
      else wish.metrics.set(name, asked);
      change();
    };
    for (const thumb of thumbs) thumb.addEventListener("input", move, { signal });
    range.append(...thumbs);
    const row = make("div", "pvnb-gallery-ranging");
    row.append(range, words);
    group.append(make("div", "pvnb-gallery-name", { textContent: nameWords(name) }), row);
    range.show();
    return group;
  }

  // ---- what is asked for now ----

  function drawActive() {
    const chips = [];
    const add = (words, remove) => {
      const chip = make("button", "pvnb-gallery-chip pvnb-gallery-on", { type: "button", textContent: words });
      chip.setAttribute("aria-label", `Remove the filter ${words}`);
      chip.append(makeSign("rejected"));
      chip.remove_ = remove;
      chips.push(chip);
    };
    for (const [name, keys] of wish.axes) {
      for (const key of keys) {
        const value = JSON.parse(key);
        const words = typeof value === "string" ? value : `${nameWords(name)} ${valueWords(value)}`;
        add(words, () => toggle(`axis:${name}`, key));
      }
    }
    for (const state of wish.states) add(words.states.get(state) ?? state, () => toggle("state", state));
    for (const [value, text] of VERDICTS) if (wish.verdicts.has(value)) add(text, () => toggle("verdict", value));
    for (const [name, [from, to]] of wish.metrics) {
      add(`${nameWords(name)} ${formatNumber(from)} – ${formatNumber(to)}`, () => wish.metrics.delete(name));
    }
    const clear = make("button", "pvnb-gallery-link", { type: "button", textContent: "Clear" });
    clear.remove_ = () => {
      for (const part of [wish.axes, wish.states, wish.verdicts, wish.metrics]) part.clear();
    };
    active.replaceChildren(...(chips.length ? [...chips, clear] : []));
    filter.dataset.on = String(isAsking(wish));
  }

  const words = { states: new Map() };

  // ---- the order ----

  function buildSort({ axes, metrics }) {
    const option = (value, text) => make("option", "", { value, textContent: text });
    const group = (label, options) => {
      const element = make("optgroup", "", { label });
      element.append(...options);
      return options.length ? [element] : [];
    };
    sort.replaceChildren(
      option("", "as given"),
      ...group("Parameters", axes.map(({ name }) => option(`axis:${name}`, nameWords(name)))),
      ...group("Metrics", metrics.map(({ name }) => option(`metric:${name}`, nameWords(name)))),
      option("state", "state"),
      option("verdict", "verdict"),
    );
    sort.value = wish.sort;
    if (sort.selectedIndex < 0) sort.value = wish.sort = "";
  }

  function drawDirection() {
    const label = wish.descending ? "Descending" : "Ascending";
    direction.replaceChildren(makeSign(wish.descending ? "down" : "up"));
    direction.setAttribute("aria-label", label);
    direction.title = label;
  }

  const on = (target, name, listener) => target.addEventListener(name, listener, { signal });
  on(filter, "click", () => {
    panel.hidden = !panel.hidden;
    filter.setAttribute("aria-expanded", String(!panel.hidden));
  });
  on(panel, "click", (event) => {
    const chip = event.target.closest(".pvnb-gallery-chip");
    if (!chip) return;
    toggle(chip.dataset.kind, chip.dataset.value);
    change();
  });
  on(active, "click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    button.remove_();
    change();
    filter.focus();
  });
  on(sort, "change", () => {
    wish.sort = sort.value;
    act.onWish();
  });
  on(direction, "click", () => {
    wish.descending = !wish.descending;
    drawDirection();
    act.onWish();
  });
  drawDirection();
  drawActive();

  return {
    element,
    // Rebuilt only where there is something new to choose: a chip that is rebuilt loses its focus.
    draw(rows, shown) {
      const found = { axes: axesIn(rows), states: statesIn(rows), metrics: metricsIn(rows) };
      words.states = new Map(found.states.map(({ state, words: text }) => [state, text]));
      const known = JSON.stringify(found);
      if (known !== drawn) {
        const [focused] = [panel.contains(document.activeElement) ? document.activeElement.dataset : null];
        buildPanel(found);
        buildSort(found);
        drawn = known;
        if (focused?.kind) {
          panel.querySelector(`[data-kind="${CSS.escape(focused.kind)}"][data-value="${CSS.escape(focused.value)}"]`)?.focus();
        }
      }
      count.textContent = isAsking(wish) ? `${shown} of ${rows.length}` : countWords(rows);
    },
  };
}
