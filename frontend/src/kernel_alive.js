// Whether the kernel behind a view still answers, and the notice if it does not. Every view uses this.
//
// To the kernel:   ping
// From the kernel: pong; every other message proves the same
// `data-kernel` of the view is "alive", "silent" or "gone". Elements with `data-needs-kernel` are hidden if it is gone.
// A page without a kernel (isStandalone) has no notice.

import { make } from "./dom.js";

/** @import { KernelConnection, Model } from "./types" */
/** @typedef {"alive" | "silent" | "gone"} KernelState */
/** @typedef {ReturnType<typeof watchKernel>} Kernel */

const EARLIER_KERNEL = "This view belongs to an earlier kernel. Run the cell again.";
const SILENT =
  "The kernel does not answer. It is busy, or this view belongs to an earlier kernel: then run the cell again.";
const SILENT_MS = 5000;
const ANSWER_MS = 600; // after the kernel has handled a message, its answer has arrived
const TOUCH_MS = 10_000; // at most so often it asks because the pointer or the focus has come
const PING_MS = 15_000; // where no event reports the end of the kernel, and while something is awaited; else a ping
// would keep an idle kernel running
const DISCONNECTED = "jupyter-widgets-disconnected"; // ipywidgets puts it on a view whose kernel has gone
const ENDS = ["restarting", "autorestarting", "terminating", "dead"];

/**
 * Watches the kernel of `model`. Put `element`, the notice, into the view `el`; it is hidden while all is well.
 *
 * Asks once when it is made, and when the pointer or the focus comes. Call `ask()` when a person acts, and check
 * `isGone()` before showing as done what only the kernel can do. `kept` says what a person finds again after running the cell.
 * While `isWaiting()`, it asks by itself: a restart in another tab is reported to nobody here.
 *
 * @param {{ model: Model<any>, el: HTMLElement, kept: string, onChange?: (state: KernelState) => void,
 *   isWaiting?: () => boolean }} options
 */
export function watchKernel({ model, el, kept, onChange = () => {}, isWaiting = () => false }) {
  const element = make("div", "pvnb-kernel-notice", { hidden: true, tabIndex: -1 });
  element.setAttribute("role", "status");
  const connection = model.isStandalone ? null : model.widget_manager?.kernel;
  const hasEvents = Boolean(model.widget_manager);
  /** @type {KernelState} */
  let state = "alive";
  let timer = 0;
  let answerTimer = 0;
  let askedAt = 0;
  let heardAt = performance.now();

  /** @param {KernelState} next */
  function setState(next) {
    clearTimeout(timer);
    clearTimeout(answerTimer);
    timer = 0;
    if (next === state) return;
    const focused = /** @type {HTMLElement | null} */ (el.contains(document.activeElement) && document.activeElement);
    state = next;
    element.textContent = { alive: "", silent: SILENT, gone: `${EARLIER_KERNEL} ${kept}` }[state];
    element.hidden = state === "alive";
    el.dataset.kernel = state;
    onChange(state);
    if (focused && (focused.matches(":disabled") || !focused.getClientRects().length))
      element.focus({ preventScroll: true });
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
   * @param {ArrayBuffer[]} [buffers]
   * @param {object} [callbacks]
   */
  function send(message, buffers, callbacks) {
    try {
      model.send(message, /** @type {any} */ (callbacks), buffers);
      return true;
    } catch {
      setState("gone");
      return false;
    }
  }

  // A kernel that has handled the ping and has not answered it does not know this view.
  function onStatus(/** @type {any} */ message) {
    if (message?.content?.execution_state !== "idle" || !timer) return;
    clearTimeout(answerTimer);
    answerTimer = setTimeout(() => setState("gone"), ANSWER_MS);
  }

  function ask() {
    if (model.isStandalone || timer || isDisconnected()) return;
    askedAt = performance.now();
    timer = setTimeout(() => setState(isGone() ? "gone" : "silent"), SILENT_MS);
    // marimo calls the callbacks instead of looking into them
    send(
      { kind: "ping" },
      undefined,
      Object.assign(() => {}, { iopub: { status: onStatus } }),
    );
  }

  const onMessage = () => {
    heardAt = performance.now();
    setState(isDisconnected() ? "gone" : "alive");
  };
  const onView = () => {
    if (isDisconnected()) setState("gone");
    else if (state === "gone") ask();
  };
  const onTouched = () => {
    if (performance.now() - askedAt > TOUCH_MS) ask();
  };
  const onPingDue = () => {
    if (state === "gone" || (hasEvents && !isWaiting())) return;
    if (!document.hidden && performance.now() - heardAt > PING_MS) ask();
  };
  const stopListening = listenTo(connection, { onEnd: () => setState("gone"), onBack: ask });
  const observer = new MutationObserver(onView);
  observer.observe(el, { attributes: true, attributeFilter: ["class"] });
  model.on("msg:custom", onMessage);
  for (const name of ["pointerenter", "focusin"]) el.addEventListener(name, onTouched);
  const pingTimer = model.isStandalone ? 0 : setInterval(onPingDue, PING_MS);
  // The view is complete then, and can be changed.
  queueMicrotask(() => {
    if (!isGone()) ask();
  });

  return {
    element,
    state: () => state,
    isGone,
    ask,
    send,
    /** The milliseconds since the kernel has sent anything. */
    silence: () => performance.now() - heardAt,
    dispose() {
      for (const name of ["pointerenter", "focusin"]) el.removeEventListener(name, onTouched);
      clearTimeout(timer);
      clearTimeout(answerTimer);
      clearInterval(pingTimer);
      stopListening();
      observer.disconnect();
      model.off("msg:custom", onMessage);
    },
  };
}

/**
 * Listens to what Jupyter knows about the kernel, and returns a function that ends it.
 *
 * @param {KernelConnection | null | undefined} connection
 * @param {{ onEnd: () => void, onBack: () => void }} options
 */
function listenTo(connection, { onEnd, onBack }) {
  if (!connection) return () => {};
  const onStatus = (/** @type {unknown} */ _sender, /** @type {string} */ status) => {
    if (ENDS.includes(status)) onEnd();
  };
  const onConnection = (/** @type {unknown} */ _sender, /** @type {string} */ status) => {
    if (status === "disconnected") onEnd();
    else if (status === "connected") onBack();
  };
  const pairs = /** @type {const} */ ([
    [connection.statusChanged, onStatus],
    [connection.connectionStatusChanged, onConnection],
    [connection.disposed, onEnd],
  ]);
  for (const [signal, slot] of pairs) signal?.connect(slot);
  return () => {
    for (const [signal, slot] of pairs) signal?.disconnect(slot);
  };
}
