// Which keys JupyterLab may take: Ctrl+S (Cmd+S) saves the notebook; every other key belongs to the widget.

const ATTRIBUTE = "data-lm-suppress-shortcuts";

/**
 * JupyterLab looks for the attribute when a key is pressed, in a listener of the document: this one comes before it.
 *
 * @param {HTMLElement} el
 * @param {AbortSignal} signal
 */
export function keepShortcuts(el, signal) {
  el.setAttribute(ATTRIBUTE, "true");
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (!(event.target instanceof Node && el.contains(event.target))) return;
    const isSave = (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "s";
    if (isSave) el.removeAttribute(ATTRIBUTE);
    else el.setAttribute(ATTRIBUTE, "true");
  };
  window.addEventListener("keydown", onKey, { capture: true, signal });
}
