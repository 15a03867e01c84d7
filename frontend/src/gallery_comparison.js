// The comparison that a gallery opens. The kernel shows it in an output below the gallery; in a Box, in a second view or
// after the page was loaded again that output is not there, and the gallery shows the comparison itself.

import { make } from "./dom.js";

/** @import { Model } from "./types" */

const OUTPUT_MS = 1000; // how long an output that was updated may take to be drawn

/** @param {{ model: Model<any>, onFailed: (reason: string) => void }} options */
export function makeComparisonPlace({ model, onFailed }) {
  const element = make("div", "pvnb-gallery-comparison", { hidden: true });
  /** @type {{ el: HTMLElement, remove(): void } | null} */
  let view = null;
  let timer = 0;

  /** @param {string} mark */
  function isShownElsewhere(mark) {
    const found = document.querySelector(`.pvnb-compare[data-mark="${CSS.escape(mark)}"]`);
    return found instanceof HTMLElement && found.getClientRects().length > 0;
  }

  function clear() {
    clearTimeout(timer);
    view?.remove();
    view = null;
    element.replaceChildren();
    element.hidden = true;
  }

  /** @param {string} id of the comparison's model */
  async function showHere(id) {
    const manager = model.widget_manager;
    try {
      if (!manager) throw new Error("There is no widget manager.");
      const made = await manager.create_view(await manager.get_model(id));
      clear();
      view = made;
      element.append(made.el);
      element.hidden = false;
      element.scrollIntoView({ block: "nearest" });
    } catch {
      onFailed("The comparison cannot be shown here. Call pv.compare() in a cell.");
    }
  }

  return {
    element,
    /** @param {{ model_id: string, mark: string }} content */
    show({ model_id, mark }) {
      clear();
      timer = setTimeout(() => {
        if (!isShownElsewhere(mark)) showHere(model_id);
      }, OUTPUT_MS);
    },
    dispose: clear,
  };
}
