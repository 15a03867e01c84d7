// Elements, icons and controls that the widgets share.

import { isSaveKey, keepShortcuts } from "./shortcuts.js";

/** @import { Listen } from "./types" */

const ICONS = {
  compare: '<rect x="1.8" y="3.5" width="5.2" height="9" rx="1"/><rect x="9" y="3.5" width="5.2" height="9" rx="1"/>',
  cross: '<path d="m4 4 8 8m0-8-8 8"/>',
  down: '<path d="M8 3v10M4 9l4 4 4-4"/>',
  filter: '<path d="M2 4h12M4.5 8h7M7 12h2"/>',
  fullscreen: '<path d="M6 2.5H2.5V6M10 2.5h3.5V6M6 13.5H2.5V10M10 13.5h3.5V10"/>',
  keyboard:
    '<rect x="1.5" y="4" width="13" height="8.5" rx="1.5"/><path d="M4 7h.01M6.7 7h.01M9.3 7h.01M12 7h.01M5 10h6"/>',
  left: '<path d="M13 8H3m4-4L3 8l4 4"/>',
  loop: '<path d="M3 8V7a3 3 0 0 1 3-3h7m-2-2 2 2-2 2M13 8v1a3 3 0 0 1-3 3H3m2 2-2-2 2-2"/>',
  next: '<path d="m6 3 5 5-5 5"/>',
  pause: '<path d="M5 3.5v9M11 3.5v9" class="pvnb-icon-thick"/>',
  pencil: '<path d="m3 13 .7-3.2L10.9 2.6l2.5 2.5-7.2 7.2z"/>',
  play: '<path d="M5 3.2v9.6L13 8z" class="pvnb-icon-solid"/>',
  previous: '<path d="m10 3-5 5 5 5"/>',
  right: '<path d="M3 8h10M9 4l4 4-4 4"/>',
  star: '<path d="m8 1.8 1.9 3.9 4.3.6-3.1 3 .7 4.3L8 11.6l-3.8 2 .7-4.3-3.1-3 4.3-.6z"/>',
  stepBack: '<path d="M12 3.2v9.6L5.5 8z" class="pvnb-icon-solid"/><path d="M4 3.5v9"/>',
  stepForward: '<path d="M4 3.2v9.6L10.5 8z" class="pvnb-icon-solid"/><path d="M12 3.5v9"/>',
  up: '<path d="M8 13V3M4 7l4-4 4 4"/>',
  warning: '<path d="M8 2 1.8 13.2h12.4zM8 6.5v3.2m0 1.8v.2"/>',
};

/** @typedef {keyof typeof ICONS} IconName */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} [className]
 * @param {Partial<HTMLElementTagNameMap[Tag]>} [properties]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, className = "", properties = {}) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  return Object.assign(element, properties);
}

/** @param {IconName} name */
export function makeIcon(name) {
  const icon = make("span", "pvnb-icon");
  icon.setAttribute("aria-hidden", "true");
  icon.innerHTML = `<svg viewBox="0 0 16 16">${ICONS[name]}</svg>`;
  return icon;
}

/**
 * A button whose accessible name is `label`; without `text` it shows only its icon.
 *
 * @param {string} className
 * @param {{ label: string, icon?: IconName, text?: string, key?: string }} options `key`: its keyboard shortcut
 */
export function makeButton(className, { label, icon, text = "", key = "" }) {
  const button = make("button", className, { type: "button", title: key ? `${label} (${key})` : label });
  button.setAttribute("aria-label", label);
  if (icon) button.append(makeIcon(icon));
  if (text) button.append(make("span", "", { textContent: text }));
  return button;
}

/**
 * A row of buttons, exactly one of which is on.
 *
 * @param {string} className
 * @param {{
 *   label: string,
 *   options: string[][],
 *   value: string,
 *   signal: AbortSignal,
 *   onChoose: (value: string) => void,
 * }} settings `options`: value, text and tooltip of each button
 */
export function makeRadioGroup(className, { label, options, value, signal, onChoose }) {
  const element = make("div", className);
  element.setAttribute("role", "radiogroup");
  element.setAttribute("aria-label", label);
  const buttons = options.map(([own, textContent, title]) => {
    const button = make("button", "", { type: "button", textContent, title });
    button.setAttribute("role", "radio");
    button.dataset.value = own;
    return button;
  });
  element.append(...buttons);

  /** @param {string | undefined} chosen */
  function show(chosen) {
    for (const button of buttons) {
      const isOn = button.dataset.value === chosen;
      button.setAttribute("aria-checked", String(isOn));
      button.tabIndex = isOn ? 0 : -1;
    }
  }

  /** @param {HTMLButtonElement} button */
  function choose(button) {
    show(button.dataset.value);
    onChoose(button.dataset.value ?? "");
  }

  const on = listenUntil(signal);
  on(element, "click", (event) => {
    const button = buttons.find((one) => one === event.target);
    if (button) choose(button);
  });
  on(element, "keydown", (event) => {
    const step = arrowStep(event);
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const current = buttons.findIndex((one) => one.contains(/** @type {Node} */ (event.target)));
    const next = buttons[(current + step + buttons.length) % buttons.length];
    choose(next);
    next.focus();
  });
  show(value);
  return { element, show };
}

/**
 * Hides the still images that readers without a kernel see, as long as the returned element is in the page.
 *
 * @param {string} className the class of the images, or "" for none
 */
export function hideFallback(className) {
  // an output that contains the live widget too (a Box, an Output) stays
  const hidden = `:is(.${className}, .jp-OutputArea-child:has(.${className}):not(:has(.pvnb-ui)))`;
  return make("style", "", { textContent: className ? `${hidden} { display: none !important; }` : "" });
}

/**
 * Calls `onMove` with the pointer's horizontal position over `track`, 0 to 1, while it is dragged.
 *
 * @param {HTMLElement} track
 * @param {{
 *   signal: AbortSignal,
 *   onMove: (share: number) => void,
 *   onStart?: () => void,
 *   onEnd?: () => void,
 *   canStart?: (event: PointerEvent) => boolean,
 * }} options
 */
export function trackDrag(track, { signal, onMove, onStart = () => {}, onEnd = () => {}, canStart = () => true }) {
  /** @type {number | null} */
  let pointer = null;
  /** @param {PointerEvent} event */
  const move = (event) => {
    const { left, width } = track.getBoundingClientRect();
    onMove(clamp((event.clientX - left) / Math.max(1, width), 0, 1));
  };
  /** @param {PointerEvent} event */
  const end = (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    onEnd();
  };
  const on = listenUntil(signal);
  on(track, "pointerdown", (event) => {
    if (event.button !== 0 || !canStart(event)) return;
    pointer = event.pointerId;
    track.setPointerCapture(pointer);
    onStart();
    move(event);
  });
  on(track, "pointermove", (event) => {
    if (event.pointerId === pointer) move(event);
  });
  on(track, "pointerup", end);
  on(track, "pointercancel", end);
}

/**
 * Returns a function that adds listeners which are removed when `signal` aborts.
 *
 * @param {AbortSignal} signal
 * @returns {Listen}
 */
export function listenUntil(signal) {
  return (target, name, listener) => target.addEventListener(name, /** @type {EventListener} */ (listener), { signal });
}

/**
 * Keeps the keys pressed in `element` from JupyterLab, which would change the cell with them. The shortcut that saves
 * the notebook gets through.
 *
 * @param {HTMLElement} element
 * @param {AbortSignal} signal
 */
export function keepKeys(element, signal) {
  element.setAttribute("data-lm-suppress-shortcuts", "true");
  keepShortcuts(element, signal);
  listenUntil(signal)(element, "keydown", (event) => {
    if (!isSaveKey(event)) event.stopPropagation();
  });
}

/**
 * Moves the focus to `fallback(lost)` if the focused element `lost` is removed, hidden or disabled. Otherwise it would
 * fall to the page, and the keyboard with it.
 *
 * @param {HTMLElement} root
 * @param {{ signal: AbortSignal, fallback: (lost: HTMLElement) => HTMLElement }} options
 */
export function keepFocus(root, { signal, fallback }) {
  /** @type {HTMLElement | null} */
  let focused = null;
  const isUsable = (/** @type {HTMLElement} */ element) =>
    element.isConnected && !element.closest("[hidden]") && !element.matches(":disabled");
  function check() {
    const lost = focused;
    if (!lost || isUsable(lost) || !root.isConnected) return;
    focused = null;
    const active = document.activeElement;
    if (active === lost || active === document.body || !active) fallback(lost).focus({ preventScroll: true });
  }

  const on = listenUntil(signal);
  on(root, "focusin", (event) => {
    focused = /** @type {HTMLElement} */ (event.target);
  });
  on(root, "focusout", (event) => {
    const left = focused;
    // The browser says it before it removes the element: whether it was left or lost is known afterwards.
    queueMicrotask(() => {
      check();
      if (focused === left && !root.contains(document.activeElement)) focused = null;
    });
    if (event.relatedTarget) focused = null;
  });
  const observer = new MutationObserver(check);
  observer.observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: ["hidden", "disabled"] });
  const stop = () => {
    observer.disconnect();
    signal.removeEventListener("abort", stop);
  };
  signal.addEventListener("abort", stop);
}

export function prefersLessMotion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/**
 * The nearest element around the event's target that matches `selector`.
 *
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export function closest(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}

/**
 * 1 or -1 for an arrow key that moves through a list, 0 for any other key.
 *
 * @param {KeyboardEvent} event
 */
export function arrowStep(event) {
  if (event.key === "ArrowRight" || event.key === "ArrowDown") return 1;
  return event.key === "ArrowLeft" || event.key === "ArrowUp" ? -1 : 0;
}

/**
 * @param {number} value
 * @param {number} min
 * @param {number} max
 */
export function clamp(value, min, max) {
  return Math.min(Math.max(value, min), max);
}

/**
 * @param {number} count
 * @param {string} noun
 * @param {string} [plural]
 */
export function countOf(count, noun, plural = `${noun}s`) {
  return `${count} ${count === 1 ? noun : plural}`;
}

/** An id that no other view of any model has. */
export function makeViewId() {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}
