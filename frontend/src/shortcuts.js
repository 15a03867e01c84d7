// Which keys JupyterLab may take: Ctrl+S (Cmd+S) saves the notebook; every other key belongs to the widget.

const ATTRIBUTE = "data-lm-suppress-shortcuts";

/**
 * JupyterLab looks for the attribute at the element that has the focus, in a listener of the document: ours comes
 * before it. The attribute at `el` alone would not do, because the shortcuts match the element with the focus.
 *
 * @param {HTMLElement} el
 * @param {AbortSignal} signal
 */
export function keepShortcuts(el, signal) {
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const { target } = event;
    if (!(target instanceof Element && el.contains(target))) return;
    const isSave = (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "s";
    if (isSave) target.removeAttribute(ATTRIBUTE);
    else target.setAttribute(ATTRIBUTE, "true");
  };
  window.addEventListener("keydown", onKey, { capture: true, signal });
}
