// The elements of the form, without behaviour.

import { make } from "./dom.js";

const SELECTS = { model: "Model", duration: "Duration" };
const SWITCHES = ["audio", "multi_shot", "remove_watermark", "preview_mode", "off_peak_mode"];

/**
 * @param {HTMLElement} el
 * @param {AbortSignal} signal ends the listeners
 */
export function buildForm(el, signal) {
  el.classList.add("pvnb-ui", "pvnb-form");
  /** @type {Record<string, HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement>} */
  const inputs = {};
  /** @type {Record<string, { box: HTMLElement, label: HTMLElement, hint: HTMLElement, message: HTMLElement }>} */
  const fields = {};
  /** @type {Record<string, HTMLElement>} */
  const choices = {};

  /**
   * @param {string} name
   * @param {string} text
   * @param {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} input
   * @param {HTMLElement[]} [beside]
   */
  function addField(name, text, input, beside = []) {
    const isSwitch = input.type === "checkbox";
    const box = make("div", `pvnb-form-field pvnb-form-${name.replaceAll("_", "-")}`);
    const label = make("label", "pvnb-form-label");
    const text_ = make("span", "", { textContent: text });
    input.classList.add(isSwitch ? "pvnb-form-check" : "pvnb-form-input");
    const hint = make("div", "pvnb-form-hint", { hidden: true });
    const message = make("div", "pvnb-form-message", { hidden: true });
    message.setAttribute("role", "alert");
    // No ids, so that two views can coexist: an older browser only loses the description.
    if ("ariaDescribedByElements" in input) Object.assign(input, { ariaDescribedByElements: [hint, message] });
    if (isSwitch) label.append(input, text_);
    else {
      label.append(text_);
      input.setAttribute("aria-label", text);
      label.addEventListener("click", () => input.focus(), { signal });
    }
    box.append(label);
    if (!isSwitch) {
      const line = make("div", "pvnb-form-line");
      line.append(input, ...beside);
      box.append(line);
    }
    box.append(hint, message);
    inputs[name] = input;
    fields[name] = { box, label: text_, hint, message };
    return box;
  }

  /**
   * @param {string} name
   */
  function addChoice(name) {
    choices[name] = make("div", `pvnb-form-${name.replaceAll("_", "-")}`);
    return choices[name];
  }

  const head = make("div", "pvnb-form-head");
  const title = make("div", "pvnb-form-title", { textContent: "Two pictures, one video" });
  const badge = make("span", "pvnb-form-badge", { textContent: "Sandbox: nothing is charged", hidden: true });
  const balance = make("div", "pvnb-form-balance");
  title.append(badge);
  head.append(title, balance);

  const swap = makeIconButton("swap", "Swap the two pictures");
  const pictures = make("div", "pvnb-form-pictures");
  const tools = make("div", "pvnb-form-tools");
  const addSlot = make("button", "pvnb-form-button", { type: "button", textContent: "Add picture" });
  const seconds = make("div", "pvnb-form-seconds", { hidden: true });
  seconds.setAttribute("role", "group");
  seconds.setAttribute("aria-label", "Seconds between the pictures");
  const samples = make("button", "pvnb-form-button", { type: "button", textContent: "Try with sample pictures" });
  const fade = make("button", "pvnb-form-button", { type: "button", textContent: "Cross-fade", hidden: true });
  fade.setAttribute("aria-pressed", "false");
  fade.dataset.local = "";
  tools.append(addSlot, samples, fade);
  const fading = make("div", "pvnb-form-fade", { hidden: true });
  fading.dataset.local = ""; // it needs no kernel
  const fadeStage = make("div", "pvnb-form-fade-stage");
  fadeStage.append(make("img", "", { alt: "" }), make("img", "", { alt: "" }));
  const fadeSlider = make("input", "", { type: "range", min: "0", max: "100", value: "50" });
  fadeSlider.setAttribute("aria-label", "From the first picture to the last");
  fading.append(fadeStage, fadeSlider);

  const prompt = addField("prompt", "Prompt", make("textarea", "", { rows: 2, dir: "auto" }));
  inputs.prompt.setAttribute("placeholder", "What happens in the video (optional with pictures)");
  const count = make("div", "pvnb-form-count");
  prompt.append(count);

  const drawSeed = makeIconButton("dice", "Draw a random seed and keep it");
  const clearSeed = makeIconButton("undo", "Use a new random seed each time");
  const seedInput = make("input", "", { type: "text", inputMode: "numeric", autocomplete: "off" });
  seedInput.placeholder = "random each time";
  const grid = make("div", "pvnb-form-grid");
  grid.append(
    addField("model", SELECTS.model, make("select")),
    addChoice("quality"),
    addField("duration", SELECTS.duration, make("select")),
    addChoice("aspect_ratio"),
    addChoice("fit"),
    addField("seed", "Seed", seedInput, [clearSeed, drawSeed]),
    addChoice("motion_mode"),
  );
  const switches = make("div", "pvnb-form-switches");
  switches.append(...SWITCHES.map((name) => addField(name, "", make("input", "", { type: "checkbox" }))));

  const foot = make("div", "pvnb-form-foot");
  const facts = make("div", "pvnb-form-facts");
  const operation = make("div", "pvnb-form-operation");
  const cost = make("span", "pvnb-form-cost");
  const short = make("span", "pvnb-form-short", { textContent: "The balance may not be enough.", hidden: true });
  operation.setAttribute("aria-live", "polite");
  const costs = make("div", "pvnb-form-costs");
  costs.append(cost, short);
  facts.append(operation, costs);
  const submit = make("button", "pvnb-form-submit", { type: "button", textContent: "Create video" });
  foot.append(facts, submit);

  const confirming = make("div", "pvnb-form-confirming", { hidden: true });
  const question = make("div", "");
  question.setAttribute("role", "status");
  const answers = make("div", "pvnb-form-answers");
  const showExisting = make("button", "pvnb-form-answer pvnb-form-answer-main", { type: "button" });
  const again = make("button", "pvnb-form-answer", { type: "button" });
  const closeQuestion = make("button", "pvnb-form-answer", { type: "button" });
  answers.append(showExisting, again, closeQuestion);
  confirming.append(question, answers);
  const status = make("div", "pvnb-form-status", { hidden: true });
  const jobs = make("div", "");
  const kernel = make("div", ""); // stands for the notice about the kernel
  confirming.dataset.needsKernel = "";
  const options = make("div", "pvnb-form-options");
  const presets = make("div", "");
  options.append(switches, presets);
  el.append(head, kernel, pictures, seconds, tools, fading, prompt, grid, options, foot, confirming, status, jobs);

  return {
    addSlot,
    again,
    badge,
    balance,
    choices,
    clearSeed,
    closeQuestion,
    confirming,
    cost,
    count,
    drawSeed,
    fade,
    fadeSlider,
    fadeStage,
    fading,
    inputs,
    jobs,
    kernel,
    operation,
    pictures,
    presets,
    question,
    samples,
    seconds,
    short,
    showExisting,
    status,
    submit,
    swap,
    switches,
    tools,
    /**
     * @param {string} name
     * @param {string} text
     * @param {string} tooltip
     */
    setLabel(name, text, tooltip) {
      fields[name].label.textContent = text;
      fields[name].box.title = tooltip;
    },
    /**
     * @param {string} name
     * @param {{ message: string, hint?: string, isHidden: boolean }} values
     */
    show(name, { message, hint = "", isHidden }) {
      const field = fields[name];
      field.box.hidden = isHidden;
      field.hint.textContent = hint;
      field.hint.hidden = !hint || Boolean(message);
      field.message.textContent = message;
      field.message.hidden = !message;
      inputs[name].setAttribute("aria-invalid", String(Boolean(message)));
    },
  };
}

/**
 * @param {string} icon
 * @param {string} label
 */
function makeIconButton(icon, label) {
  const button = make("button", `pvnb-form-icon pvnb-form-icon-${icon}`, { type: "button", title: label });
  button.setAttribute("aria-label", label);
  return button;
}
