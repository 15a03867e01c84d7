// A row of options, one of them on: a radio group in which barred options stay readable and say why.

import { make } from "./elements.js";

function render({ model, el }) {
  el.classList.add("pvnb-ui", "pvnb-choice");
  const label = make("div", "pvnb-choice-label");
  const row = make("div", "pvnb-choice-options");
  row.setAttribute("role", "radiogroup");
  row.setAttribute("data-lm-suppress-shortcuts", "true");
  const hint = make("div", "pvnb-choice-hint");
  hint.setAttribute("aria-live", "polite");
  const message = make("div", "pvnb-choice-message");
  message.setAttribute("role", "alert");
  el.append(label, row, hint, message);
  let buttons = [];

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
    const barred = [...new Set(reasons.filter(Boolean))];
    hint.textContent = [...barred, model.get("hint")].filter(Boolean).join(" ");
    hint.hidden = !hint.textContent;
    if (!barred.length) delete hint.dataset.stressed;
    message.textContent = model.get("message");
    message.hidden = !message.textContent;
  }

  function onClick(event) {
    const index = buttons.indexOf(event.target.closest("button"));
    if (index >= 0) choose(index);
  }

  // As radio groups do: the arrows choose, and pass over what is barred.
  function onKey(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    event.stopPropagation();
    if (!step) return;
    event.preventDefault();
    const reasons = model.get("reasons");
    let index = model.get("index");
    do index = (index + step + buttons.length) % buttons.length;
    while (reasons[index] && index !== model.get("index"));
    choose(index);
    buttons[index].focus();
  }

  const drawn = ["label", "index", "reasons", "hint", "message"];
  row.addEventListener("click", onClick);
  row.addEventListener("keydown", onKey);
  model.on("change:names", build);
  for (const trait of drawn) model.on(`change:${trait}`, draw);
  build();

  return () => {
    row.removeEventListener("click", onClick);
    row.removeEventListener("keydown", onKey);
    model.off("change:names", build);
    for (const trait of drawn) model.off(`change:${trait}`, draw);
  };
}

export default { render };
