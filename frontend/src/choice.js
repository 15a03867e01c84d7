// A row of options, one of which is on: a radio group in which disabled options stay readable and say why.

import { arrowStep, listenUntil, make } from "./dom.js";

/** @import { ChoiceTraits, RenderProps } from "./types" */

/** @param {RenderProps<ChoiceTraits>} props */
export function renderChoice({ model, el }) {
  const listeners = new AbortController();
  const on = listenUntil(listeners.signal);
  el.classList.add("pvnb-ui", "pvnb-choice");
  const label = make("div", "pvnb-choice-label");
  const row = make("div", "pvnb-choice-options");
  row.setAttribute("role", "radiogroup");
  const hint = make("div", "pvnb-choice-hint");
  hint.setAttribute("aria-live", "polite");
  const message = make("div", "pvnb-choice-message");
  message.setAttribute("role", "alert");
  el.append(label, row, hint, message);
  /** @type {HTMLButtonElement[]} */
  let buttons = [];

  /** @param {number} index */
  function choose(index) {
    if (model.get("reasons")[index]) {
      hint.dataset.stressed = "true";
      return;
    }
    model.set("index", index);
    model.save_changes();
  }

  function build() {
    buttons = model.get("names").map((name) => {
      const button = make("button", "pvnb-choice-option", { type: "button", textContent: name });
      button.setAttribute("role", "radio");
      return button;
    });
    row.replaceChildren(...buttons);
    draw();
  }

  function draw() {
    const chosen = model.get("index");
    const reasons = model.get("reasons");
    label.textContent = model.get("label");
    row.setAttribute("aria-label", model.get("label"));
    buttons.forEach((button, index) => {
      button.setAttribute("aria-checked", String(index === chosen));
      button.setAttribute("aria-disabled", String(Boolean(reasons[index])));
      button.tabIndex = index === chosen ? 0 : -1;
      button.title = reasons[index] ?? "";
    });
    const disabled = [...new Set(reasons.filter(Boolean))];
    hint.textContent = [...disabled, model.get("hint")].filter(Boolean).join(" ");
    hint.hidden = !hint.textContent;
    if (!disabled.length) delete hint.dataset.stressed;
    message.textContent = model.get("message");
    row.setAttribute("aria-invalid", String(Boolean(model.get("message"))));
    message.hidden = !message.textContent;
  }

  on(row, "click", (event) => {
    const index = buttons.findIndex((button) => button.contains(/** @type {Node} */ (event.target)));
    if (index >= 0) choose(index);
  });
  // As in every radio group the arrow keys choose; they skip disabled options.
  on(row, "keydown", (event) => {
    const step = arrowStep(event);
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const reasons = model.get("reasons");
    const start = model.get("index");
    let index = start;
    do index = (index + step + buttons.length) % buttons.length;
    while (reasons[index] && index !== start);
    choose(index);
    buttons[index].focus();
  });

  const drawn = ["label", "index", "reasons", "hint", "message"];
  model.on("change:names", build);
  for (const trait of drawn) model.on(`change:${trait}`, draw);
  build();

  return () => {
    listeners.abort();
    model.off("change:names", build);
    for (const trait of drawn) model.off(`change:${trait}`, draw);
  };
}
