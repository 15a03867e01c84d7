// Whether the kernel behind a view still answers, and the notice if it does not.
//
// To the kernel:   ping
// From the kernel: pong; every other message proves the same
// A page without a kernel (isStandalone) has no notice.

import { make } from "./dom.js";

/** @import { Model } from "./types" */
/** @typedef {"alive" | "silent" | "gone"} KernelState */

export const EARLIER_KERNEL = "This view belongs to an earlier kernel. Run the cell again.";
const SILENT =
  "The kernel does not answer. It is busy, or this view belongs to an earlier kernel: then run the cell again.";
const ANSWER_MS = 5000;
const TOUCH_MS = 10_000; // at most so often it asks because the pointer or the focus has come
const DISCONNECTED = "jupyter-widgets-disconnected"; // ipywidgets puts it on a view whose kernel has gone

/**
 * Watches the kernel of `model`. Put `element`, the notice, into the view `el`; it is hidden while all is well.
 *
 * Asks once when it is made, and when the pointer or the focus comes. Call `ask()` when a person acts, and check `isGone()` before showing as done what only the
 * kernel can do.
 *
 * @param {{ model: Model<any>, el: HTMLElement, onChange?: (state: KernelState) => void }} options
 */
export function watchKernel({ model, el, onChange = () => {} }) {
  const element = make("div", "pvnb-kernel-notice", { hidden: true });
  element.setAttribute("role", "status");
  /** @type {KernelState} */
  let state = "alive";
  let timer = 0;
  let askedAt = 0;

  /** @param {KernelState} next */
  function setState(next) {
    clearTimeout(timer);
    timer = 0;
    if (next === state) return;
    state = next;
    element.textContent = { alive: "", silent: SILENT, gone: EARLIER_KERNEL }[state];
    element.hidden = state === "alive";
    el.dataset.kernel = state;
    onChange(state);
  }

  function isDisconnected() {
    return !model.isStandalone && el.closest(`.${DISCONNECTED}`) !== null;
  }

  function isGone() {
    if (isDisconnected()) setState("gone");
    return state === "gone";
  }

  /**
   * Sends a message and returns true; returns false, and says so in the notice, if the connection is closed.
   *
   * @param {object} message
   */
  function send(message) {
    try {
      model.send(message);
      return true;
    } catch {
      setState("gone");
      return false;
    }
  }

  function ask() {
    if (model.isStandalone || isGone() || timer) return;
    askedAt = performance.now();
    if (!send({ kind: "ping" })) return;
    timer = setTimeout(() => setState(isDisconnected() ? "gone" : "silent"), ANSWER_MS);
  }

  const onMessage = () => setState(isDisconnected() ? "gone" : "alive");
  const observer = new MutationObserver(() => setState(isDisconnected() ? "gone" : state === "gone" ? "alive" : state));
  observer.observe(el, { attributes: true, attributeFilter: ["class"] });
  model.on("msg:custom", onMessage);
  const onTouched = () => {
    if (performance.now() - askedAt > TOUCH_MS) ask();
  };
  for (const name of ["pointerenter", "focusin"]) el.addEventListener(name, onTouched);
  ask();

  return {
    element,
    state: () => state,
    isGone,
    ask,
    send,
    dispose() {
      for (const name of ["pointerenter", "focusin"]) el.removeEventListener(name, onTouched);
      clearTimeout(timer);
      observer.disconnect();
      model.off("msg:custom", onMessage);
    },
  };
}
