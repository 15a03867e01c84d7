// A page without a kernel: renders one widget on a model that holds what was written into the page.

import compare from "./compare.js";
import gallery from "./gallery.js";

/** @import { Model } from "./types" */

/**
 * @param {Record<string, any>} state
 * @returns {Model<any>}
 */
function makeModel(state) {
  /** @type {Map<string, ((...args: any[]) => void)[]>} */
  const callbacks = new Map();
  return {
    isStandalone: true,
    get: (name) => state[String(name)],
    set(name, value) {
      if (state[String(name)] === value) return;
      state[String(name)] = value;
      for (const callback of callbacks.get(`change:${String(name)}`) ?? []) callback();
    },
    save_changes() {},
    send() {},
    on(name, callback) {
      callbacks.set(name, [...(callbacks.get(name) ?? []), callback]);
    },
    off(name, callback) {
      callbacks.set(
        name,
        (callbacks.get(name) ?? []).filter((other) => other !== callback),
      );
    },
  };
}

/** @type {HTMLElement} */
const el = /** @type {HTMLElement} */ (document.querySelector("[data-widget]"));
const state = JSON.parse(document.querySelector("script[data-state]")?.textContent ?? "{}");
const widget = el.dataset.widget === "gallery" ? gallery : compare;
widget.render({ model: makeModel(state), el });
