// Which keys JupyterLab may take: Ctrl+S (Cmd+S) saves the notebook; every other key belongs to the widget.

const ATTRIBUTE = "data-lm-suppress-shortcuts";

/** @param {KeyboardEvent} event */
export function isSaveKey(event) {
  return (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "s";
}

/**
 * Jupyter looks for the attribute from the element with the focus upwards, in a listener of the document. In JupyterLab
 * it sees a key after the elements have, in Notebook 7 before them, so ours is a listener of the window.
 *
 * @param {HTMLElement} el
 * @param {AbortSignal} signal
 */
export function keepShortcuts(el, signal) {
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const { target } = event;
    if (!(target instanceof Element && el.contains(target))) return;
    if (!isSaveKey(event)) {
      target.setAttribute(ATTRIBUTE, "true");
      return;
    }
    const opened = [target, el, ...el.querySelectorAll(`[${ATTRIBUTE}]`)].filter((one) => one.hasAttribute(ATTRIBUTE));
    for (const one of opened) one.removeAttribute(ATTRIBUTE);
    setTimeout(() => {
      for (const one of opened) one.setAttribute(ATTRIBUTE, "true");
    });
  };
  window.addEventListener("keydown", onKey, { capture: true, signal });
}

/**
 * Hands Ctrl+S (Cmd+S) pressed on an element with the attribute to Jupyter, for elements without a widget.
 *
 * @param {KeyboardEvent} event
 */
export function passSaveKey(event) {
  if (isSaveKey(event) && !document.body.dispatchEvent(new KeyboardEvent("keydown", event))) event.preventDefault();
}
