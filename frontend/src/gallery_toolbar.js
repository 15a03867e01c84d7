// The toolbar above the tiles: how many are shown, the filters, the order, and how videos play.

import { closest, countOf, listenUntil, make, makeButton, makeIcon, makeRadioGroup } from "./dom.js";
import {
  axesIn,
  formatNumber,
  hasFilters,
  metricsIn,
  nameText,
  RATING_FILTERS,
  statesIn,
  valueText,
} from "./gallery_filter.js";

/** @import { GalleryQuery, GalleryRow } from "./types" */
/** @import { Axis, Metric, StateCount } from "./gallery_filter.js" */
/** @typedef {{ axes: Axis[], states: StateCount[], metrics: Metric[] }} Facets what the rows can be filtered by */
/** @typedef {{ kind: string, value: string, text: string, count?: number }} ChipData */

const PLAY_MODES = [
  ["hover", "Hover", "Play the video under the pointer or with the keyboard focus"],
  ["view", "All", "Play every video in view, at most 12 at once"],
  ["still", "Still", "Play no video"],
];
const THUMB_STEPS = 1000;

/**
 * How many videos there are; also how many tiles if some have no video.
 *
 * @param {GalleryRow[]} rows
 */
function countText(rows) {
  const videos = rows.filter((row) => row.has_video).length;
  const text = countOf(videos, "video");
  return videos === rows.length ? text : `${countOf(rows.length, "tile")}, ${text}`;
}

/**
 * The stylesheet cuts long text; the tooltip has all of it.
 *
 * @param {string} className
 * @param {string} text
 */
function makeChip(className, text) {
  const chip = make("button", `pvnb-gallery-chip ${className}`.trim(), { type: "button", title: text });
  chip.append(make("span", "pvnb-gallery-chip-text", { textContent: text }));
  return chip;
}

/**
 * Two thumbs on one line and the numbers that they select.
 *
 * @param {Metric} metric
 * @param {{ query: GalleryQuery, signal: AbortSignal, onChange: () => void }} options
 */
function makeRange({ name, min, max }, { query, signal, onChange }) {
  const element = make("div", "pvnb-gallery-group pvnb-gallery-ranged");
  const range = make("div", "pvnb-gallery-range");
  const numbers = make("span", "pvnb-gallery-numbers");
  const makeThumb = (/** @type {string} */ limit) => {
    const thumb = make("input", "", { type: "range", min: "0", max: String(THUMB_STEPS), step: "1" });
    thumb.setAttribute("aria-label", `${nameText(name)}, ${limit}`);
    return thumb;
  };
  const low = makeThumb("at least");
  const high = makeThumb("at most");
  /** @param {number} value */
  const shareOf = (value) => (value - min) / (max - min);
  // The ends are the exact values, which the steps of a thumb may miss.
  const lowValue = () => (Number(low.value) === 0 ? min : min + (Number(low.value) / THUMB_STEPS) * (max - min));
  const highValue = () =>
    Number(high.value) === THUMB_STEPS ? max : min + (Number(high.value) / THUMB_STEPS) * (max - min);

  function show() {
    const [from, to] = query.metrics.get(name) ?? [min, max];
    low.value = String(Math.round(THUMB_STEPS * shareOf(from)));
    high.value = String(Math.round(THUMB_STEPS * shareOf(to)));
    range.style.setProperty("--from", String(shareOf(from)));
    range.style.setProperty("--to", String(shareOf(to)));
    low.setAttribute("aria-valuetext", formatNumber(from));
    high.setAttribute("aria-valuetext", formatNumber(to));
    numbers.textContent = `${formatNumber(from)} – ${formatNumber(to)}`;
  }

  /** @param {Event} event */
  function onInput(event) {
    if (Number(low.value) > Number(high.value)) {
      if (event.target === low) low.value = high.value;
      else high.value = low.value;
    }
    if (lowValue() === min && highValue() === max) query.metrics.delete(name);
    else query.metrics.set(name, [lowValue(), highValue()]);
    onChange();
  }

  const on = listenUntil(signal);
  on(low, "input", onInput);
  on(high, "input", onInput);
  range.append(low, high);
  const row = make("div", "pvnb-gallery-ranging");
  row.append(range, numbers);
  element.append(make("div", "pvnb-gallery-name", { textContent: nameText(name) }), row);
  show();
  return { element, show };
}

/**
 * @param {{
 *   query: GalleryQuery,
 *   mode: string,
 *   signal: AbortSignal,
 *   onQuery: () => void,
 *   onMode: (mode: string) => void,
 * }} options `onQuery` is called after `query` has changed
 */
export function makeToolbar({ query, mode, signal, onQuery, onMode }) {
  const element = make("div", "pvnb-gallery-toolbar");
  const main = make("div", "pvnb-gallery-main");
  const filter = makeButton("pvnb-gallery-button", { label: "Filter", icon: "filter", text: "Filter" });
  filter.setAttribute("aria-expanded", "false");
  const count = make("span", "pvnb-gallery-count");
  count.setAttribute("role", "status");
  const active = make("div", "pvnb-gallery-active");
  const sort = make("select", "pvnb-gallery-select");
  sort.setAttribute("aria-label", "Sort by");
  const direction = makeButton("pvnb-gallery-button pvnb-gallery-direction", { label: "Ascending", icon: "up" });
  const order = make("div", "pvnb-gallery-order");
  order.append(make("span", "pvnb-gallery-quiet", { textContent: "Sort" }), sort, direction);
  const play = make("div", "pvnb-gallery-order");
  const modes = makeRadioGroup("pvnb-gallery-switch", {
    label: "Play",
    options: PLAY_MODES,
    value: mode,
    signal,
    onChoose: onMode,
  });
  play.append(make("span", "pvnb-gallery-quiet", { textContent: "Play" }), modes.element);
  main.append(filter, count, active, make("span", "pvnb-gallery-gap"), order, play);
  const panel = make("div", "pvnb-gallery-panel", { hidden: true });
  element.append(main, panel);

  let drawnFacets = ""; // what the panel and the sort menu were built from, as JSON
  /** @type {Map<string, string>} */
  let stateLabels = new Map();
  /** @type {HTMLButtonElement[]} */
  let chips = []; // of the panel
  /** @type {{ show: () => void }[]} */
  let ranges = [];

  function onFilter() {
    markPanel();
    drawActive();
    onQuery();
  }

  // ---- the panel ----

  /** @param {Facets} facets */
  function buildPanel({ axes, states, metrics }) {
    chips = [];
    const groups = axes.map(({ name, values }) =>
      makeGroup(
        nameText(name),
        values.map(({ key, value }) => ({ kind: `axis:${name}`, value: key, text: valueText(value) })),
      ),
    );
    if (states.length > 1) {
      const own = states.map(({ state, label, count }) => ({ kind: "state", value: state, text: label, count }));
      groups.push(makeGroup("State", own));
    }
    groups.push(
      makeGroup(
        "Rating",
        RATING_FILTERS.map((rating) => ({ kind: "rating", ...rating })),
      ),
    );
    const metricRanges = metrics.map((metric) => makeRange(metric, { query, signal, onChange: onFilter }));
    ranges = metricRanges;
    panel.replaceChildren(...groups, ...metricRanges.map((range) => range.element));
    markPanel();
  }

  /**
   * @param {string} name
   * @param {ChipData[]} data
   */
  function makeGroup(name, data) {
    const group = make("div", "pvnb-gallery-group");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", name);
    const row = make("div", "pvnb-gallery-chips");
    for (const { kind, value, text, count } of data) {
      const chip = makeChip("", text);
      Object.assign(chip.dataset, { kind, value });
      if (count !== undefined) chip.append(make("span", "pvnb-gallery-of", { textContent: String(count) }));
      chips.push(chip);
      row.append(chip);
    }
    group.append(make("div", "pvnb-gallery-name", { textContent: name }), row);
    return group;
  }

  /** @param {string} kind "state", "rating" or "axis:NAME" */
  function valuesOf(kind) {
    if (kind === "state") return query.states;
    if (kind === "rating") return query.ratings;
    return query.axes.get(kind.slice("axis:".length)) ?? new Set();
  }

  /**
   * @param {string} kind
   * @param {string} value
   */
  function toggle(kind, value) {
    const values = valuesOf(kind);
    if (!values.delete(value)) values.add(value);
    if (!kind.startsWith("axis:")) return;
    const name = kind.slice("axis:".length);
    if (values.size) query.axes.set(name, values);
    else query.axes.delete(name);
  }

  function markPanel() {
    for (const chip of chips) {
      const { kind = "", value = "" } = chip.dataset;
      chip.setAttribute("aria-pressed", String(valuesOf(kind).has(value)));
    }
    for (const range of ranges) range.show();
  }

  // ---- the active filters ----

  /**
   * @param {HTMLButtonElement} button
   * @param {() => void} remove
   */
  function onRemove(button, remove) {
    button.onclick = () => {
      remove();
      onFilter();
      filter.focus();
    };
    return button;
  }

  function drawActive() {
    /** @type {HTMLButtonElement[]} */
    const buttons = [];
    /**
     * @param {string} text
     * @param {() => void} remove
     */
    const add = (text, remove) => {
      const chip = makeChip("pvnb-gallery-on", text);
      chip.setAttribute("aria-label", `Remove the filter ${text}`);
      chip.append(makeIcon("cross"));
      buttons.push(onRemove(chip, remove));
    };
    for (const [name, keys] of query.axes) {
      for (const key of keys) {
        const value = JSON.parse(key);
        const text = typeof value === "string" ? value : `${nameText(name)} ${valueText(value)}`;
        add(text, () => toggle(`axis:${name}`, key));
      }
    }
    for (const state of query.states) add(stateLabels.get(state) ?? state, () => toggle("state", state));
    for (const { value, text } of RATING_FILTERS) {
      if (query.ratings.has(value)) add(text, () => toggle("rating", value));
    }
    for (const [name, [from, to]] of query.metrics) {
      const text = `${nameText(name)} ${formatNumber(from)} – ${formatNumber(to)}`;
      add(text, () => query.metrics.delete(name));
    }
    if (buttons.length) {
      const clear = make("button", "pvnb-gallery-link", { type: "button", textContent: "Clear" });
      const clearAll = () => {
        for (const part of [query.axes, query.states, query.ratings, query.metrics]) part.clear();
      };
      buttons.push(onRemove(clear, clearAll));
    }
    active.replaceChildren(...buttons);
    filter.dataset.on = String(hasFilters(query));
  }

  // ---- the order ----

  /** @param {Facets} facets */
  function buildSort({ axes, metrics }) {
    const makeOption = (/** @type {string} */ value, /** @type {string} */ text) =>
      make("option", "", { value, textContent: text });
    const makeOptions = (/** @type {string} */ label, /** @type {HTMLOptionElement[]} */ options) => {
      const group = make("optgroup", "", { label });
      group.append(...options);
      return options.length ? [group] : [];
    };
    sort.replaceChildren(
      makeOption("", "original order"),
      ...makeOptions(
        "Parameters",
        axes.map(({ name }) => makeOption(`axis:${name}`, nameText(name))),
      ),
      ...makeOptions(
        "Metrics",
        metrics.map(({ name }) => makeOption(`metric:${name}`, nameText(name))),
      ),
      makeOption("state", "state"),
      makeOption("rating", "rating"),
    );
    sort.value = query.sort;
    if (sort.selectedIndex < 0) {
      query.sort = "";
      sort.value = "";
    }
  }

  function drawDirection() {
    const label = query.isDescending ? "Descending" : "Ascending";
    direction.replaceChildren(makeIcon(query.isDescending ? "down" : "up"));
    direction.setAttribute("aria-label", label);
    direction.title = label;
  }

  const on = listenUntil(signal);
  on(filter, "click", () => {
    panel.hidden = !panel.hidden;
    filter.setAttribute("aria-expanded", String(!panel.hidden));
  });
  on(panel, "click", (event) => {
    const chip = closest(event, ".pvnb-gallery-chip");
    if (!chip) return;
    toggle(chip.dataset.kind ?? "", chip.dataset.value ?? "");
    onFilter();
  });
  on(sort, "change", () => {
    query.sort = sort.value;
    onQuery();
  });
  on(direction, "click", () => {
    query.isDescending = !query.isDescending;
    drawDirection();
    onQuery();
  });
  drawDirection();
  drawActive();

  return {
    element,
    filter,
    /**
     * Rebuilds the panel only if there is something new to choose: a chip that is rebuilt loses its focus.
     *
     * @param {GalleryRow[]} rows
     * @param {number} shown
     */
    draw(rows, shown) {
      const facets = { axes: axesIn(rows), states: statesIn(rows), metrics: metricsIn(rows) };
      stateLabels = new Map(facets.states.map(({ state, label }) => [state, label]));
      const json = JSON.stringify(facets);
      if (json !== drawnFacets) {
        const focused = chips.find((chip) => chip === document.activeElement)?.dataset;
        buildPanel(facets);
        buildSort(facets);
        drawnFacets = json;
        chips.find(({ dataset }) => dataset.kind === focused?.kind && dataset.value === focused?.value)?.focus();
      }
      count.textContent = hasFilters(query) ? `${shown} of ${rows.length}` : countText(rows);
    },
  };
}
