// Which tiles are shown and in which order: pure functions of the rows and of a wish.
//
// A wish is {axes: Map(name -> Set of value keys), states: Set, verdicts: Set, metrics: Map(name -> [least, most]),
// sort: "" | "axis:NAME" | "metric:NAME" | "state" | "verdict", descending}. What is empty asks for nothing.

import { formatNumber } from "./gallery_parts.js";

const STATE_ORDER = [
  "done", "downloading", "generating", "queued", "unknown", "submitting", "uploading", "waiting", "planned",
  "timed_out", "cancelled", "moderated", "failed", "refused",
];
const VERDICT_ORDER = ["winner", "", "rejected"];

export const VERDICTS = [
  ["winner", "Winner"],
  ["undecided", "Undecided"],
  ["rejected", "Rejected"],
  ["note", "With a note"],
];

export function newWish() {
  return { axes: new Map(), states: new Set(), verdicts: new Set(), metrics: new Map(), sort: "", descending: false };
}

export function isAsking(wish) {
  return Boolean(wish.axes.size || wish.states.size || wish.verdicts.size || wish.metrics.size);
}

export function nameWords(name) {
  return name.replaceAll("_", " ");
}

// The value of an axis where its name stands beside it: "7", "fast", "yes".
export function valueWords(value) {
  if (value === null || value === undefined) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
}

export function valueKey(value) {
  return JSON.stringify(value ?? null);
}

export function verdictsOf(row) {
  return [row.choice || "undecided", ...(row.note ? ["note"] : [])];
}

// True where `row` has one of the values asked for on every axis, a state and a verdict asked for, and lies within
// every range; a tile without a metric lies in no range of it.
export function passes(row, wish) {
  for (const [name, keys] of wish.axes) if (!keys.has(valueKey(row.axes[name]))) return false;
  if (wish.states.size && !wish.states.has(row.state)) return false;
  if (wish.verdicts.size && !verdictsOf(row).some((verdict) => wish.verdicts.has(verdict))) return false;
  for (const [name, [least, most]] of wish.metrics) {
    const value = row.metrics[name];
    if (value === undefined || value < least || value > most) return false;
  }
  return true;
}

// The value that a row is sorted by; undefined stands last in both directions.
function sortValue(row, sort) {
  if (sort === "state") return STATE_ORDER.indexOf(row.state);
  if (sort === "verdict") return VERDICT_ORDER.indexOf(row.choice);
  const [kind, name] = [sort.slice(0, sort.indexOf(":")), sort.slice(sort.indexOf(":") + 1)];
  return (kind === "axis" ? row.axes[name] : row.metrics[name]) ?? undefined;
}

// The metric that decides the order stands on the tiles, else nobody could see why.
export function sortedWords(row, wish) {
  if (!wish.sort.startsWith("metric:")) return "";
  const value = sortValue(row, wish.sort);
  return `${nameWords(wish.sort.slice("metric:".length))} ${value === undefined ? "not measured" : formatNumber(value)}`;
}

export function inOrder(rows, wish) {
  const direction = wish.descending ? -1 : 1;
  if (!wish.sort) return direction === 1 ? rows : [...rows].reverse();
  const compare = (one, other) => {
    const [a, b] = [sortValue(one, wish.sort), sortValue(other, wish.sort)];
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    return direction * compareValues(a, b);
  };
  return [...rows].sort(compare); // stable: equal ones keep the given order
}

function compareValues(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

// Every axis with its values in order; an axis of one value sets nothing apart.
export function axesIn(rows) {
  const axes = new Map();
  for (const row of rows) {
    for (const [name, value] of Object.entries(row.axes)) {
      const values = axes.get(name) ?? axes.set(name, new Map()).get(name);
      values.set(valueKey(value), { key: valueKey(value), value });
    }
  }
  return [...axes]
    .map(([name, values]) => ({ name, values: [...values.values()].sort((a, b) => compareValues(a.value, b.value)) }))
    .filter((axis) => axis.values.length > 1);
}

// Every metric with its range; one that reads the same on every tile sets nothing apart.
export function metricsIn(rows) {
  const metrics = new Map();
  for (const row of rows) {
    for (const [name, value] of Object.entries(row.metrics)) {
      const [least, most] = metrics.get(name) ?? [value, value];
      metrics.set(name, [Math.min(least, value), Math.max(most, value)]);
    }
  }
  return [...metrics]
    .map(([name, [least, most]]) => ({ name, least, most }))
    .filter(({ least, most }) => formatNumber(least) !== formatNumber(most));
}

export function statesIn(rows) {
  const states = new Map();
  for (const row of rows) {
    const { words, count } = states.get(row.state) ?? { words: row.words, count: 0 };
    states.set(row.state, { words, count: count + 1 });
  }
  return STATE_ORDER.filter((state) => states.has(state)).map((state) => ({ state, ...states.get(state) }));
}
