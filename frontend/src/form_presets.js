// The saved settings of the form: take them up, save the present ones under a name, delete them.
//
// To the kernel: use_preset {key} | save_preset {name} | delete_preset {key}; a key is "last" or "name:" and the name

import { listenUntil, make } from "./dom.js";

/** @import { PresetState } from "./types" */

const NAMED = "name:";

/**
 * @param {AbortSignal} signal ends the listeners
 * @param {(content: Record<string, string>) => void} ask
 */
export function buildPresets(signal, ask) {
  const on = listenUntil(signal);
  const el = make("div", "pvnb-form-presets");
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", "Saved settings");
  const choice = make("select", "pvnb-form-input pvnb-form-preset");
  choice.setAttribute("aria-label", "Saved settings");
  const open = make("button", "pvnb-form-button", { type: "button", textContent: "Save settings" });
  const remove = make("button", "pvnb-form-button", { type: "button", textContent: "Delete", hidden: true });
  const naming = make("div", "pvnb-form-naming", { hidden: true });
  const name = make("input", "pvnb-form-input", { type: "text", maxLength: 60, autocomplete: "off", dir: "auto" });
  name.placeholder = "Name of the settings";
  name.setAttribute("aria-label", "Name of the settings");
  const save = make("button", "pvnb-form-button", { type: "button", textContent: "Save" });
  const cancel = make("button", "pvnb-form-button", { type: "button", textContent: "Cancel" });
  naming.append(name, save, cancel);
  el.append(choice, remove, open, naming);
  let known = "";
  /** @type {PresetState} */
  let state = { options: [], chosen: "", can_save: false };

  /** @param {boolean} isOpen */
  function showNaming(isOpen) {
    naming.hidden = !isOpen;
    name.setAttribute("aria-invalid", "false");
    showButtons();
    if (!isOpen) return open.focus();
    name.value = choice.value.startsWith(NAMED) ? choice.value.slice(NAMED.length) : "";
    name.focus();
    name.select();
  }

  /** While a name is entered, there is nothing else to press. */
  function showButtons() {
    const isNaming = !naming.hidden;
    open.hidden = isNaming;
    choice.hidden = isNaming || !state.options.length;
    remove.hidden = isNaming || !state.chosen.startsWith(NAMED);
  }

  function saveNamed() {
    const text = name.value.trim();
    name.setAttribute("aria-invalid", String(!text));
    if (!text) return name.focus();
    ask({ kind: "save_preset", name: text });
    showNaming(false);
  }

  on(open, "click", () => showNaming(true));
  on(cancel, "click", () => showNaming(false));
  on(save, "click", saveNamed);
  on(naming, "keydown", (event) => {
    if (event.key === "Escape") showNaming(false);
    else if (event.key === "Enter" && event.target === name) saveNamed();
    else return;
    event.preventDefault();
  });
  on(choice, "change", () => {
    if (choice.value) ask({ kind: "use_preset", key: choice.value });
  });
  on(remove, "click", () => ask({ kind: "delete_preset", key: choice.value }));

  return {
    el,
    /** @param {PresetState} next */
    draw(next) {
      state = { ...next };
      const { options, chosen, can_save } = state;
      const hadFocus = el.contains(document.activeElement);
      el.hidden = !can_save;
      if (known !== JSON.stringify(options)) {
        known = JSON.stringify(options);
        const entries = options.map(([value, text]) => make("option", "", { value, textContent: text }));
        choice.replaceChildren(make("option", "", { value: "", textContent: "Saved settings…" }), ...entries);
      }
      choice.value = chosen;
      showButtons();
      remove.setAttribute("aria-label", `Delete the settings ${chosen.slice(NAMED.length)}`);
      if (hadFocus && document.activeElement === document.body) (choice.hidden ? open : choice).focus();
    },
  };
}
