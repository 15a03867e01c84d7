// Which tiles are shown and in which order: pure functions of the rows and of the query.

/** @import { AxisValue, GalleryQuery, GalleryRow } from "./types" */
/** @typedef {{ name: string, values: { key: string, value: AxisValue }[] }} Axis */
/** @typedef {{ name: string, min: number, max: number }} Metric */
/** @typedef {{ state: string, label: string, count: number }} StateCount */

const STATE_ORDER = [
  "done",
  "downloading",
  "generating",
  "queued",
  "unknown",
  "submitting",
  "uploading",
  "waiting",
  "planned",
  "timed_out",
  "cancelled",
  "moderated",
  "failed",
  "refused",
];
const RATING_ORDER = ["winner", "", "rejected"];

export const RATING_FILTERS = [
  { value: "winner", text: "Winner" },
  { value: "undecided", text: "Undecided" },
  { value: "rejected", text: "Rejected" },
  { value: "note", text: "With a note" },
];

/** @returns {GalleryQuery} */
export function makeQuery() {
  return { axes: new Map(), states: new Set(), ratings: new Set(), metrics: new Map(), sort: "", isDescending: false };
}

/** @param {GalleryQuery} query */
export function hasFilters(query) {
  return Boolean(query.axes.size || query.states.size || query.ratings.size || query.metrics.size);
}

/** @param {string} name */
export function nameText(name) {
  return name.replaceAll("_", " ");
}

/**
 * The value of an axis beside its name: "7", "fast", "yes".
 *
 * @param {AxisValue | undefined} value
 */
export function valueText(value) {
  if (value === null || value === undefined) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
}

/** @param {number} value */
export function formatNumber(value) {
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1000) return value.toFixed(0);
  return size >= 10 ? value.toFixed(1) : String(Number(value.toPrecision(3)));
}

/** @param {AxisValue | undefined} value */
function valueKey(value) {
  return JSON.stringify(value ?? null);
}

/**
 * Whether a row has a selected value on every filtered axis, a selected state and rating, and lies within every range.
 * A row without a metric lies in no range of it.
 *
 * @param {GalleryRow} row
 * @param {GalleryQuery} query
 */
export function matches(row, query) {
  for (const [name, keys] of query.axes) if (!keys.has(valueKey(row.axes[name]))) return false;
  if (query.states.size && !query.states.has(row.state)) return false;
  const ratings = [row.choice || "undecided", ...(row.note ? ["note"] : [])];
  if (query.ratings.size && !ratings.some((rating) => query.ratings.has(rating))) return false;
  for (const [name, [min, max]] of query.metrics) {
    const value = row.metrics[name];
    if (value === undefined || value < min || value > max) return false;
  }
  return true;
}

/**
 * The value that a row is sorted by. Rows without one come last in both directions.
 *
 * @param {GalleryRow} row
 * @param {string} sort
 */
function sortValue(row, sort) {
  if (sort === "state") return STATE_ORDER.indexOf(row.state);
  if (sort === "rating") return RATING_ORDER.indexOf(row.choice);
  const [kind, name] = [sort.slice(0, sort.indexOf(":")), sort.slice(sort.indexOf(":") + 1)];
  return (kind === "axis" ? row.axes[name] : row.metrics[name]) ?? undefined;
}

/**
 * The metric that decides the order, as each tile shows it; "" if another value does.
 *
 * @param {GalleryRow} row
 * @param {GalleryQuery} query
 */
export function sortedMetricText(row, query) {
  if (!query.sort.startsWith("metric:")) return "";
  const name = query.sort.slice("metric:".length);
  const value = row.metrics[name];
  return `${nameText(name)} ${value === undefined ? "not measured" : formatNumber(value)}`;
}

/**
 * @param {GalleryRow[]} rows
 * @param {GalleryQuery} query
 */
export function sortRows(rows, query) {
  if (!query.sort) return query.isDescending ? [...rows].reverse() : rows;
  const direction = query.isDescending ? -1 : 1;
  return [...rows].sort((one, other) => {
    const [a, b] = [sortValue(one, query.sort), sortValue(other, query.sort)];
    if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
    return direction * compareValues(a, b);
  });
}

/**
 * @param {AxisValue} a
 * @param {AxisValue} b
 */
function compareValues(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

/**
 * Every axis with its values in order. An axis with one value is left out: it distinguishes nothing.
 *
 * @param {GalleryRow[]} rows
 * @returns {Axis[]}
 */
export function axesIn(rows) {
  /** @type {Map<string, Map<string, AxisValue>>} */
  const axes = new Map();
  for (const row of rows) {
    for (const [name, value] of Object.entries(row.axes)) {
      const values = axes.get(name) ?? new Map();
      axes.set(name, values.set(valueKey(value), value));
    }
  }
  return [...axes]
    .filter(([, values]) => values.size > 1)
    .map(([name, values]) => ({
      name,
      values: [...values].map(([key, value]) => ({ key, value })).sort((a, b) => compareValues(a.value, b.value)),
    }));
}

/**
 * Every metric with its range. A metric that reads the same on every tile is left out.
 *
 * @param {GalleryRow[]} rows
 * @returns {Metric[]}
 */
export function metricsIn(rows) {
  /** @type {Map<string, [min: number, max: number]>} */
  const metrics = new Map();
  for (const row of rows) {
    for (const [name, value] of Object.entries(row.metrics)) {
      const [min, max] = metrics.get(name) ?? [value, value];
      metrics.set(name, [Math.min(min, value), Math.max(max, value)]);
    }
  }
  return [...metrics]
    .map(([name, [min, max]]) => ({ name, min, max }))
    .filter(({ min, max }) => formatNumber(min) !== formatNumber(max));
}

/**
 * @param {GalleryRow[]} rows
 * @returns {StateCount[]}
 */
export function statesIn(rows) {
  return STATE_ORDER.flatMap((state) => {
    const own = rows.filter((row) => row.state === state);
    return own.length ? [{ state, label: own[0].state_label, count: own.length }] : [];
  });
}
