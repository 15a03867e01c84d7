// src/shortcuts.js
var ATTRIBUTE = "data-lm-suppress-shortcuts";
function isSaveKey(event) {
  return (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "s";
}
function keepShortcuts(el, signal) {
  const onKey = (event) => {
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

// src/dom.js
function make(tag, className = "", properties = {}) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  return Object.assign(element, properties);
}
function listenUntil(signal) {
  return (target, name, listener) => target.addEventListener(
    name,
    /** @type {EventListener} */
    listener,
    { signal }
  );
}
function closest(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}
function arrowStep(event) {
  if (event.key === "ArrowRight" || event.key === "ArrowDown") return 1;
  return event.key === "ArrowLeft" || event.key === "ArrowUp" ? -1 : 0;
}
function makeViewId() {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}

// src/choice.js
function renderChoice({ model, el }) {
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
  let buttons = [];
  function choose(index) {
    if (model.get("reasons")[index]) {
      hint.dataset.stressed = "true";
      return;
    }
    model.set("index", index);
    model.save_changes();
  }
  function build2() {
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
    const index = buttons.findIndex((button) => button.contains(
      /** @type {Node} */
      event.target
    ));
    if (index >= 0) choose(index);
  });
  on(row, "keydown", (event) => {
    const step = arrowStep(event);
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const reasons = model.get("reasons");
    const start = model.get("index");
    let index = start;
    do
      index = (index + step + buttons.length) % buttons.length;
    while (reasons[index] && index !== start);
    choose(index);
    buttons[index].focus();
  });
  const drawn = ["label", "index", "reasons", "hint", "message"];
  model.on("change:names", build2);
  for (const trait of drawn) model.on(`change:${trait}`, draw);
  build2();
  return () => {
    listeners.abort();
    model.off("change:names", build2);
    for (const trait of drawn) model.off(`change:${trait}`, draw);
  };
}

// src/form_elements.js
var SELECTS = { model: "Model", duration: "Duration" };
var SWITCHES = ["audio", "multi_shot", "remove_watermark", "preview_mode", "off_peak_mode"];
function buildForm(el, signal) {
  el.classList.add("pvnb-ui", "pvnb-form");
  const inputs = {};
  const fields = {};
  const choices = {};
  function addField(name, text, input, beside = []) {
    const isSwitch = input.type === "checkbox";
    const box = make("div", `pvnb-form-field pvnb-form-${name.replaceAll("_", "-")}`);
    const label = make("label", "pvnb-form-label");
    const text_ = make("span", "", { textContent: text });
    input.classList.add(isSwitch ? "pvnb-form-check" : "pvnb-form-input");
    const hint = make("div", "pvnb-form-hint", { hidden: true });
    const message = make("div", "pvnb-form-message", { hidden: true });
    message.setAttribute("role", "alert");
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
  fading.dataset.local = "";
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
    addChoice("motion_mode")
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
  const kernel = make("div", "");
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
    }
  };
}
function makeIconButton(icon, label) {
  const button = make("button", `pvnb-form-icon pvnb-form-icon-${icon}`, { type: "button", title: label });
  button.setAttribute("aria-label", label);
  return button;
}

// src/form_part.js
function makePart(values, { send = () => {
}, onSave = () => {
} } = {}) {
  const callbacks = /* @__PURE__ */ new Map();
  const emit = (name, ...args) => {
    for (const callback of [...callbacks.get(name) ?? []]) callback(...args);
  };
  const update = (next) => {
    const changed = Object.keys(next).filter((name) => JSON.stringify(values[name]) !== JSON.stringify(next[name]));
    for (const name of changed) values[name] = next[name];
    for (const name of changed) emit(`change:${name}`);
  };
  return {
    get: (name) => values[String(name)],
    set: (name, value) => update({ [String(name)]: value }),
    save_changes: onSave,
    send: (content, _callbacks, buffers) => send(content, buffers),
    on(name, callback) {
      callbacks.set(name, (callbacks.get(name) ?? /* @__PURE__ */ new Set()).add(callback));
    },
    off: (name, callback) => callbacks.get(name)?.delete(callback),
    update,
    emit
  };
}

// src/form_presets.js
var NAMED = "name:";
function buildPresets(signal, ask) {
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
  let state = { options: [], chosen: "", can_save: false };
  function showNaming(isOpen) {
    naming.hidden = !isOpen;
    name.setAttribute("aria-invalid", "false");
    showButtons();
    if (!isOpen) return open.focus();
    name.value = choice.value.startsWith(NAMED) ? choice.value.slice(NAMED.length) : "";
    name.focus();
    name.select();
  }
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
    }
  };
}

// src/clock.js
var TICK_MS = 1e3;
function makeKernelClock({ onTick }) {
  let skewS = 0;
  const ticker = setInterval(onTick, TICK_MS);
  return {
    now: () => Date.now() / 1e3 + skewS,
    /** @param {number} kernelNow in Unix seconds */
    setBy(kernelNow) {
      skewS = kernelNow - Date.now() / 1e3;
    },
    dispose: () => clearInterval(ticker)
  };
}
function twoDigits(number) {
  return String(number).padStart(2, "0");
}
function formatElapsed(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${twoDigits(minutes)}:${twoDigits(whole % 60)}` : `${minutes}:${twoDigits(whole % 60)}`;
}

// src/job_list.js
var SCROLL_DELAY_MS = 250;
var PLAYER_DELAY_MS = 3e3;
function buildRow(onClick, onKey) {
  const makeRowButton = (action, textContent = "") => {
    const button = make("button", "pvnb-jobs-button", { type: "button", textContent });
    button.dataset.action = action;
    return button;
  };
  const row = make("li", "pvnb-jobs-row", { tabIndex: -1 });
  const body = make("div", "pvnb-jobs-body");
  const line = make("div", "pvnb-jobs-line");
  const answers = make("div", "pvnb-jobs-answers");
  const actions = make("div", "pvnb-jobs-actions");
  const parts = {
    row,
    state: make("span", "pvnb-jobs-state"),
    time: make("span", "pvnb-jobs-time"),
    facts: make("div", "pvnb-jobs-facts"),
    error: make("div", "pvnb-jobs-error"),
    details: make("div", "pvnb-jobs-details"),
    notices: make("div", "pvnb-jobs-notices"),
    confirmation: make("div", "pvnb-jobs-confirmation", { hidden: true }),
    question: make("div", ""),
    confirm: makeRowButton("confirm", "Cancel this job"),
    keep: makeRowButton("keep", "Keep waiting"),
    tools: make("div", "pvnb-jobs-tools", { hidden: true }),
    offer: make("div", "pvnb-jobs-confirmation", { hidden: true, tabIndex: -1 }),
    told: make("div", "pvnb-jobs-told", { hidden: true }),
    player: make("div", "pvnb-jobs-player", { hidden: true }),
    more: makeRowButton("more", "More"),
    retry: makeRowButton("retry"),
    main: makeRowButton("main")
  };
  parts.state.setAttribute("role", "status");
  parts.main.dataset.weight = "quiet";
  answers.append(parts.confirm, parts.keep);
  parts.confirmation.append(parts.question, answers);
  line.append(parts.state, parts.time);
  body.append(line, parts.facts, parts.error, parts.details, parts.notices, parts.confirmation);
  body.append(parts.tools, parts.offer, parts.told, parts.player);
  parts.more.dataset.weight = "quiet";
  parts.told.setAttribute("role", "status");
  parts.offer.setAttribute("role", "group");
  actions.append(parts.retry, parts.more, parts.main);
  for (const part of [actions, parts.confirmation, parts.tools, parts.offer]) part.dataset.needsKernel = "";
  row.append(make("span", "pvnb-jobs-icon"), body, actions);
  row.addEventListener("click", onClick);
  row.addEventListener("keydown", onKey);
  return parts;
}
function findPlayer(ref, el) {
  const all = [...document.querySelectorAll(`[data-pvnb-ref="${CSS.escape(ref)}"]`)];
  const cell = el.closest(".jp-Cell");
  return all.find((player) => cell?.contains(player)) ?? all[0] ?? null;
}
function scrollAndHighlight(element) {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({ block: "nearest", behavior: isCalm ? "auto" : "smooth" });
  const accent = getComputedStyle(element).getPropertyValue("--pvnb-accent") || "Highlight";
  const lit = { boxShadow: `0 0 0 3px ${accent}`, borderRadius: "6px" };
  element.animate([lit, { ...lit, offset: 0.6 }, { borderRadius: "6px" }], { duration: 1600, easing: "ease-out" });
}
function setHidden(part, isHidden, { row, main }) {
  const hadFocus = isHidden && part.contains(document.activeElement);
  part.hidden = isHidden;
  if (hadFocus) (main.hidden ? row : main).focus();
}
function renderJobs({ model, el }, getSource) {
  el.classList.add("pvnb-ui", "pvnb-jobs");
  const list = make("ul", "pvnb-jobs-list", { tabIndex: -1 });
  list.setAttribute("aria-label", "Jobs");
  const more = make("div", "pvnb-jobs-more");
  el.append(list, more);
  const shown = /* @__PURE__ */ new Map();
  const opened = /* @__PURE__ */ new Map();
  let scrollTimer = 0;
  const playerTimers = /* @__PURE__ */ new Set();
  const loaded = /* @__PURE__ */ new Set();
  const clock = makeKernelClock({ onTick: tick });
  function drawTime({ parts, data }) {
    const until = data.is_clock_stopped ? data.ended_at : clock.now();
    const elapsed = until === null ? "" : formatElapsed(until - data.began_at);
    parts.time.textContent = [elapsed, data.typical_time].filter(Boolean).join(", ");
  }
  function tick() {
    if (model.get("is_dead")) return;
    for (const entry of shown.values()) if (!entry.data.is_clock_stopped) drawTime(entry);
  }
  function drawRow(entry) {
    const { parts, data } = entry;
    parts.row.dataset.severity = data.severity;
    parts.row.dataset.ref = data.ref;
    parts.state.textContent = data.state;
    const prompt = data.prompt ? `⁨${data.prompt}⁩` : "";
    parts.facts.textContent = [prompt, data.facts].filter(Boolean).join(" · ");
    parts.facts.title = parts.facts.textContent;
    for (
      const name of
      /** @type {const} */
      ["error", "details", "notices"]
    ) {
      parts[name].textContent = data[name];
      parts[name].hidden = !data[name];
    }
    parts.question.textContent = data.cancel_question;
    drawTools(entry);
    parts.retry.textContent = data.retry_label;
    parts.main.textContent = data.is_final ? "Dismiss" : "Cancel";
    setHidden(parts.main, !data.is_final && !data.can_cancel, parts);
    setHidden(parts.retry, !data.retry_label, parts);
    if (!data.can_cancel) setHidden(parts.confirmation, true, parts);
    for (const button of [parts.retry, parts.more, parts.main]) {
      button.setAttribute("aria-label", `${button.textContent}: ${parts.facts.textContent}`);
    }
    drawTime(entry);
  }
  function drawTools({ parts, data }) {
    const newest = model.get("rows").find((row) => row.actions.length);
    const isOpen = Boolean(data.actions.length) && (opened.get(data.ref) ?? newest?.ref === data.ref);
    setHidden(parts.more, !data.actions.length, parts);
    setHidden(parts.tools, !isOpen, parts);
    if (!isOpen) setHidden(parts.offer, true, parts);
    parts.more.textContent = isOpen ? "Less" : "More";
    parts.more.setAttribute("aria-expanded", String(isOpen));
    if (parts.tools.childElementCount === data.actions.length) return;
    parts.tools.replaceChildren(
      ...data.actions.map(([name, textContent]) => {
        const button = make("button", "pvnb-jobs-button", { type: "button", textContent });
        button.dataset.action = "tool";
        button.dataset.name = name;
        return button;
      })
    );
  }
  function showOffer({ parts, data }, { name, text, label, seconds, chosen }) {
    if (parts.offer.dataset.refused === name) return;
    const wasOpen = !parts.offer.hidden && parts.offer.dataset.name === name;
    const prompt = wasOpen ? parts.offer.querySelector("input")?.value ?? "" : "";
    const answers = make("div", "pvnb-jobs-answers");
    const pay = make("button", "pvnb-jobs-button", { type: "button", textContent: label });
    const keep = make("button", "pvnb-jobs-button", { type: "button", textContent: "Not now" });
    pay.dataset.action = "pay";
    keep.dataset.action = "close_offer";
    answers.append(pay, keep);
    parts.offer.dataset.name = name;
    parts.offer.dataset.seconds = String(chosen);
    parts.offer.setAttribute("aria-label", label);
    parts.offer.replaceChildren(make("div", "", { textContent: text }));
    if (seconds.length) {
      const line = make("div", "pvnb-jobs-answers");
      const input = make("input", "pvnb-jobs-input", { type: "text", dir: "auto", value: prompt });
      input.placeholder = "What happens next (optional)";
      input.setAttribute("aria-label", "What happens next");
      const select = make("select", "pvnb-jobs-input");
      select.setAttribute("aria-label", "Seconds more");
      for (const length of seconds) {
        select.append(make("option", "", { value: String(length), textContent: `${length} s more` }));
      }
      select.value = String(chosen);
      select.addEventListener(
        "change",
        () => model.send({ kind: "offer", ref: data.ref, name, seconds: Number(select.value) })
      );
      line.append(input, select);
      parts.offer.append(line);
    }
    parts.offer.append(answers);
    parts.offer.hidden = false;
    if (wasOpen) parts.offer.querySelector("select")?.focus();
    else parts.offer.focus();
  }
  async function showTold({ parts }, { text, tone, copy }) {
    let shown2 = text;
    if (copy) {
      try {
        await navigator.clipboard.writeText(copy);
      } catch {
        shown2 = copy;
      }
    }
    parts.told.textContent = shown2;
    parts.told.hidden = !shown2;
    parts.told.dataset.tone = tone;
    if (tone !== "bad" && !parts.offer.hidden && !copy) setHidden(parts.offer, true, parts);
  }
  function entryOf(event) {
    const row = (
      /** @type {HTMLElement} */
      event.currentTarget
    );
    return shown.get(row.dataset.ref ?? "");
  }
  function onKey(event) {
    const entry = entryOf(event);
    const open = [entry?.parts.confirmation, entry?.parts.offer].find((part) => part && !part.hidden);
    if (!entry || event.key !== "Escape" || !open) return;
    event.preventDefault();
    event.stopPropagation();
    if (open === entry.parts.offer) refuseOffer(entry);
    else setHidden(open, true, entry.parts);
  }
  function refuseOffer({ parts }) {
    setHidden(parts.offer, true, parts);
    if (parts.offer.dataset.name !== "retry") parts.offer.dataset.refused = parts.offer.dataset.name;
  }
  function onClick(event) {
    const button = closest(event, "button");
    const action = button?.dataset.action;
    const entry = entryOf(event);
    if (!action || !entry || event.detail > 1) return;
    const { parts, data } = entry;
    if (action === "more") {
      opened.set(data.ref, Boolean(parts.tools.hidden));
      drawTools(entry);
    } else if (action === "tool") {
      const name = button?.dataset.name ?? "";
      const kind = ["extend", "upscale"].includes(name) ? "offer" : "action";
      parts.told.hidden = true;
      delete parts.offer.dataset.refused;
      model.send({ kind, ref: data.ref, name, seconds: 5 });
    } else if (action === "close_offer") refuseOffer(entry);
    else if (action === "pay") {
      const prompt = parts.offer.querySelector("input")?.value ?? "";
      const { name, seconds } = parts.offer.dataset;
      model.send({ kind: "pay", ref: data.ref, name, seconds: Number(seconds), prompt });
    } else if (action === "retry") model.send({ kind: "retry", ref: data.ref });
    else if (action === "main" && data.is_final) model.send({ kind: "dismiss", ref: data.ref });
    else if (action === "main") {
      parts.confirmation.hidden = !parts.confirmation.hidden;
      if (!parts.confirmation.hidden) parts.keep.focus();
    } else {
      parts.confirmation.hidden = true;
      parts.main.focus();
      if (action === "confirm") model.send({ kind: "cancel", ref: data.ref });
    }
  }
  function wantPlayer(ref) {
    if (el.isConnected && !findPlayer(ref, el)) model.send({ kind: "player", ref });
  }
  async function showPlayer({ parts, data }, html) {
    if (findPlayer(data.ref, el)) return;
    parts.player.innerHTML = html;
    parts.player.hidden = false;
    const video = parts.player.querySelector("video");
    if (!video) return;
    loaded.add(data.ref);
    try {
      video.src = await getSource().load(data.ref);
    } catch (error) {
      parts.told.textContent = error instanceof Error ? error.message : String(error);
      parts.told.hidden = false;
    }
  }
  function removeRow({ parts, data }) {
    if (loaded.delete(data.ref)) getSource().release(data.ref);
    parts.row.removeEventListener("click", onClick);
    parts.row.removeEventListener("keydown", onKey);
    const hadFocus = parts.row.contains(document.activeElement);
    parts.row.remove();
    shown.delete(data.ref);
    if (hadFocus) list.focus();
  }
  function draw() {
    const rows = model.get("rows");
    const refs = new Set(rows.map((data) => data.ref));
    for (const entry of [...shown.values()]) if (!refs.has(entry.data.ref)) removeRow(entry);
    rows.forEach((data, index) => {
      const before = shown.get(data.ref);
      if (before && !before.data.is_final && data.is_final) {
        playerTimers.add(setTimeout(() => wantPlayer(data.ref), PLAYER_DELAY_MS));
      }
      const entry = { parts: before?.parts ?? buildRow(onClick, onKey), data };
      shown.set(data.ref, entry);
      drawRow(entry);
      const { row } = entry.parts;
      if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
    });
    more.hidden = !model.get("more");
    const all = 50 * Math.ceil((rows.length + model.get("more")) / 50);
    more.textContent = `and ${model.get("more")} more: client.jobs(limit=${all}) lists them`;
  }
  function onMessage(content) {
    if (content.kind === "scroll_to") {
      clearTimeout(scrollTimer);
      scrollTimer = setTimeout(() => {
        const element = findPlayer(content.ref, el) ?? shown.get(content.ref)?.parts.row;
        if (element) scrollAndHighlight(element);
        wantPlayer(content.ref);
      }, SCROLL_DELAY_MS);
    } else if (content.kind === "player") {
      const entry = shown.get(content.ref);
      if (entry) showPlayer(entry, content.html);
    } else if (content.kind === "offer" || content.kind === "told") {
      const entry = shown.get(content.ref);
      if (entry && content.kind === "offer") showOffer(
        entry,
        /** @type {any} */
        content
      );
      else if (entry) showTold(
        entry,
        /** @type {any} */
        content
      );
    } else if (content.kind === "clock") {
      clock.setBy(content.now);
      tick();
    }
  }
  model.on("change:rows", draw);
  model.on("change:more", draw);
  model.on("msg:custom", onMessage);
  draw();
  model.send({ kind: "clock" });
  return () => {
    clock.dispose();
    clearTimeout(scrollTimer);
    for (const timer of playerTimers) clearTimeout(timer);
    for (const entry of [...shown.values()]) removeRow(entry);
    model.off("change:rows", draw);
    model.off("change:more", draw);
    model.off("msg:custom", onMessage);
  };
}

// src/kernel_alive.js
var EARLIER_KERNEL = "This view belongs to an earlier kernel. Run the cell again.";
var SILENT = "The kernel does not answer. It is busy, or this view belongs to an earlier kernel: then run the cell again.";
var SILENT_MS = 5e3;
var ANSWER_MS = 600;
var TOUCH_MS = 1e4;
var PING_MS = 15e3;
var DISCONNECTED = "jupyter-widgets-disconnected";
var ENDS = ["restarting", "autorestarting", "terminating", "dead"];
function watchKernel({ model, el, kept, onChange = () => {
}, isWaiting = () => false }) {
  const element = make("div", "pvnb-kernel-notice", { hidden: true, tabIndex: -1 });
  element.setAttribute("role", "status");
  const connection = model.isStandalone ? null : model.widget_manager?.kernel;
  const hasEvents = Boolean(model.widget_manager);
  let state = "alive";
  let timer = 0;
  let answerTimer = 0;
  let askedAt = 0;
  let heardAt = performance.now();
  function setState(next) {
    clearTimeout(timer);
    clearTimeout(answerTimer);
    timer = 0;
    if (next === state) return;
    const focused = (
      /** @type {HTMLElement | null} */
      el.contains(document.activeElement) && document.activeElement
    );
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
  function send(message, buffers, callbacks) {
    try {
      model.send(
        message,
        /** @type {any} */
        callbacks,
        buffers
      );
      return true;
    } catch {
      setState("gone");
      return false;
    }
  }
  function onStatus(message) {
    if (message?.content?.execution_state !== "idle" || !timer) return;
    clearTimeout(answerTimer);
    answerTimer = setTimeout(() => setState("gone"), ANSWER_MS);
  }
  function ask() {
    if (model.isStandalone || timer || isDisconnected()) return;
    askedAt = performance.now();
    timer = setTimeout(() => setState(isGone() ? "gone" : "silent"), SILENT_MS);
    send(
      { kind: "ping" },
      void 0,
      Object.assign(() => {
      }, { iopub: { status: onStatus } })
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
    if (state === "gone" || hasEvents && !isWaiting()) return;
    if (!document.hidden && performance.now() - heardAt > PING_MS) ask();
  };
  const stopListening = listenTo(connection, { onEnd: () => setState("gone"), onBack: ask });
  const observer = new MutationObserver(onView);
  observer.observe(el, { attributes: true, attributeFilter: ["class"] });
  model.on("msg:custom", onMessage);
  for (const name of ["pointerenter", "focusin"]) el.addEventListener(name, onTouched);
  const pingTimer = model.isStandalone ? 0 : setInterval(onPingDue, PING_MS);
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
    }
  };
}
function listenTo(connection, { onEnd, onBack }) {
  if (!connection) return () => {
  };
  const onStatus = (_sender, status) => {
    if (ENDS.includes(status)) onEnd();
  };
  const onConnection = (_sender, status) => {
    if (status === "disconnected") onEnd();
    else if (status === "connected") onBack();
  };
  const pairs = (
    /** @type {const} */
    [
      [connection.statusChanged, onStatus],
      [connection.connectionStatusChanged, onConnection],
      [connection.disposed, onEnd]
    ]
  );
  for (const [signal, slot] of pairs) signal?.connect(slot);
  return () => {
    for (const [signal, slot] of pairs) signal?.disconnect(slot);
  };
}

// src/picker.js
var CHUNK_BYTES = 512 * 1024;
var MAX_IN_FLIGHT = 3;
var KERNEL_WAIT_MS = 2500;
var ASK_AGAIN_MS = 1e4;
var STALLED_MS = 6e3;
var PICTURE_ICON = '<svg viewBox="0 0 32 32" aria-hidden="true"><rect x="3" y="6" width="26" height="20" rx="3"/><circle cx="11" cy="13" r="2.2"/><path d="m4 23 7.5-6.5 5 4.5 5-6.5L28.5 22"/></svg>';
function formatSize(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
function filesIn(transfer) {
  const files = [...transfer?.files ?? []];
  const pictures = files.filter((file) => file.type.startsWith("image/"));
  return pictures.length ? pictures : files.slice(0, 1);
}
function folderIn(transfer) {
  const entries = [...transfer?.items ?? []].map((item) => item.webkitGetAsEntry?.());
  return entries.find((entry) => entry?.isDirectory)?.name ?? "";
}
function addressIn(transfer) {
  const html = new DOMParser().parseFromString(transfer?.getData("text/html") ?? "", "text/html");
  const source = html.querySelector("img[src]")?.getAttribute("src") ?? "";
  if (/^(?!file:)[a-z]+:/i.test(source)) return source;
  const text = transfer?.getData("text/uri-list") || transfer?.getData("text/plain") || "";
  const lines = text.split("\n");
  return lines.find((line) => line.trim() && !line.startsWith("#"))?.trim() ?? "";
}
function build(el) {
  el.classList.add("pvnb-ui", "pvnb-picker");
  const head = make("div", "pvnb-picker-head");
  const label = make("span", "pvnb-picker-label");
  const clear = make("button", "pvnb-picker-clear", { type: "button", textContent: "Clear" });
  const remove = make("button", "pvnb-picker-clear", { type: "button", textContent: "Remove" });
  head.append(label, make("span", "pvnb-picker-gap"), clear, remove);
  const stage = make("div", "pvnb-picker-stage", { tabIndex: 0 });
  stage.setAttribute("role", "button");
  const invite = make("div", "pvnb-picker-invite");
  invite.innerHTML = `${PICTURE_ICON}<strong>Choose a picture</strong><span>or drop it here, or paste it</span>`;
  const picture = make("div", "pvnb-picker-picture", { hidden: true });
  const image = make("img", "", { alt: "", draggable: false });
  const crop = make("div", "pvnb-picker-crop", { hidden: true });
  picture.append(image, crop);
  const bar = make("div", "pvnb-picker-bar", { hidden: true });
  bar.setAttribute("role", "progressbar");
  bar.setAttribute("aria-valuemin", "0");
  bar.setAttribute("aria-valuemax", "100");
  const filling = make("div");
  bar.append(filling);
  stage.append(invite, picture, bar);
  const note = make("div", "pvnb-picker-note", { hidden: true });
  note.setAttribute("aria-live", "polite");
  const name = make("span", "pvnb-picker-name");
  const facts = make("span", "pvnb-picker-facts");
  note.append(name, facts);
  const caution = make("div", "pvnb-picker-caution", { hidden: true });
  caution.setAttribute("role", "status");
  const address = make("input", "pvnb-picker-address", {
    type: "text",
    placeholder: "or a path or URL, then Enter",
    autocomplete: "off",
    spellcheck: false
  });
  const message = make("div", "pvnb-picker-message", { hidden: true });
  message.setAttribute("role", "alert");
  const chooser = make("input", "", { type: "file", accept: "image/*", hidden: true, tabIndex: -1 });
  el.append(head, stage, note, caution, address, message, chooser);
  return {
    label,
    clear,
    remove,
    stage,
    invite,
    picture,
    image,
    crop,
    bar,
    filling,
    note,
    name,
    facts,
    caution,
    address,
    message,
    chooser
  };
}
function renderPicker({ model, el }, { onMore = () => {
}, onRemove = () => {
} } = {}) {
  const parts = build(el);
  const listeners = new AbortController();
  const on = listenUntil(listeners.signal);
  let upload = null;
  let shown = null;
  let progress = null;
  let kernelTimer = 0;
  let stalledTimer = 0;
  let isKernelLate = false;
  let ownMessage = "";
  function showPicture(id, blob, isOwn) {
    hidePicture();
    shown = { id, url: URL.createObjectURL(blob), isOwn };
    parts.image.src = shown.url;
    draw();
  }
  function hidePicture() {
    if (shown) URL.revokeObjectURL(shown.url);
    shown = null;
    parts.image.removeAttribute("src");
  }
  function layOut() {
    const { naturalWidth, naturalHeight } = parts.image;
    const isFilled = Boolean(shown && naturalWidth);
    parts.stage.dataset.filled = String(isFilled);
    parts.picture.hidden = !isFilled;
    parts.invite.hidden = isFilled;
    if (!isFilled) return;
    const [across, down] = (model.get("ratio") || "0:1").split(":").map(Number);
    const fit = across ? model.get("fit") : "";
    const ownRatio = naturalWidth / naturalHeight;
    const wantedRatio = fit ? across / down : ownRatio;
    const frameRatio = fit === "contain" ? wantedRatio : ownRatio;
    const room = { width: parts.stage.clientWidth - 20, height: parts.stage.clientHeight - 20 };
    const width = Math.min(room.width, room.height * frameRatio);
    parts.picture.style.width = `${width}px`;
    parts.picture.style.height = `${width / frameRatio}px`;
    parts.picture.dataset.fit = fit || "none";
    const isCropped = fit === "cover" && Math.abs(wantedRatio / ownRatio - 1) > 5e-3;
    parts.crop.hidden = !isCropped;
    if (isCropped) {
      const [x, y] = wantedRatio > ownRatio ? [1, ownRatio / wantedRatio] : [wantedRatio / ownRatio, 1];
      parts.crop.style.inset = `${50 * (1 - y)}% ${50 * (1 - x)}%`;
    }
  }
  function factsText() {
    const state = model.get("state");
    if (model.get("is_dead") && (upload || state === "receiving" || state === "reading")) return "Not sent";
    if (isKernelLate) return "Waiting for the kernel (busy or not running). The upload continues automatically.";
    if (progress && progress.received < progress.size) {
      return `Sending ${formatSize(progress.received)} of ${formatSize(progress.size)}`;
    }
    if (state === "receiving") return "Sending";
    if (state === "reading") return "Reading";
    if (state !== "ready") return "";
    const size = model.get("size");
    const facts = [`${model.get("width")} × ${model.get("height")}`, size ? formatSize(size) : ""].filter(Boolean);
    return [...facts, ...model.get("notices")].join(" · ");
  }
  function draw() {
    const state = model.get("state");
    el.dataset.state = state;
    parts.label.textContent = model.get("label");
    const isEmpty = state === "empty" && !upload;
    parts.stage.inert = model.get("is_dead");
    parts.clear.hidden = isEmpty && !ownMessage;
    parts.clear.setAttribute("aria-label", `Clear: ${model.get("label")}`);
    parts.remove.hidden = !model.get("can_remove");
    parts.remove.setAttribute("aria-label", `Remove: ${model.get("label")}`);
    parts.note.hidden = isEmpty || state === "failed" && !upload;
    const name = upload?.file.name ?? model.get("name");
    parts.name.textContent = name;
    parts.name.title = name;
    parts.facts.textContent = factsText();
    parts.caution.textContent = model.get("caution");
    parts.caution.hidden = !model.get("caution");
    parts.address.hidden = !parts.note.hidden;
    parts.address.setAttribute("aria-label", `${model.get("label")}: path or URL`);
    const message = ownMessage || model.get("message");
    el.dataset.wrong = String(Boolean(message));
    parts.stage.setAttribute("aria-invalid", String(Boolean(message)));
    parts.message.textContent = message;
    parts.message.hidden = !message;
    const current = name && !isEmpty ? `${name}. ` : "";
    parts.stage.setAttribute("aria-label", `${model.get("label")}: ${current}Choose, drop or paste a picture`);
    const share = progress ? progress.received / progress.size : 0;
    parts.bar.hidden = !progress || share >= 1;
    parts.bar.setAttribute("aria-label", `Sending ${name}`);
    parts.bar.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    parts.filling.style.width = `${100 * share}%`;
    layOut();
  }
  function send(file) {
    stopSending();
    ownMessage = "";
    const id = makeViewId();
    upload = { id, file, sent: 0, received: -1, isSending: false };
    progress = { received: 0, size: file.size };
    showPicture(id, file, true);
    begin(upload);
  }
  function begin({ id, file }) {
    model.send({ kind: "begin", id, name: file.name, size: file.size, type: file.type });
    awaitKernel();
  }
  function stopSending() {
    clearTimeout(kernelTimer);
    isKernelLate = false;
    if (upload) model.send({ kind: "abort", id: upload.id });
    upload = null;
    progress = null;
  }
  function awaitKernel() {
    clearTimeout(kernelTimer);
    isKernelLate = false;
    kernelTimer = setTimeout(askAgain, KERNEL_WAIT_MS);
  }
  function askAgain() {
    isKernelLate = true;
    if (upload && !model.get("is_dead")) model.send({ kind: "resume", id: upload.id });
    if (upload) kernelTimer = setTimeout(askAgain, ASK_AGAIN_MS);
    draw();
  }
  function watchOtherUpload() {
    clearTimeout(stalledTimer);
    const id = model.get("upload");
    if (model.get("state") !== "receiving" || upload?.id === id) return;
    const received = progress?.received ?? 0;
    stalledTimer = setTimeout(() => model.send({ kind: "stalled", id, received }), STALLED_MS);
  }
  async function sendChunks(current) {
    if (current.isSending) return;
    current.isSending = true;
    const { file, id } = current;
    try {
      while (upload === current && current.sent < file.size) {
        if (current.sent - current.received > (MAX_IN_FLIGHT - 1) * CHUNK_BYTES) break;
        const offset = current.sent;
        const bytes = await file.slice(offset, offset + CHUNK_BYTES).arrayBuffer();
        if (upload !== current) return;
        current.sent = offset + bytes.byteLength;
        model.send({ kind: "chunk", id, offset }, void 0, [bytes]);
      }
    } catch {
      if (upload === current) model.send({ kind: "abort", id, reason: "unreadable" });
    } finally {
      current.isSending = false;
    }
  }
  function onAck({ id, received, size, is_resumed }) {
    progress = { received, size };
    if (upload?.id === id) {
      isKernelLate = false;
      upload.received = received;
      if (is_resumed) upload.sent = received;
      if (received >= size) {
        clearTimeout(kernelTimer);
        upload = null;
      } else {
        awaitKernel();
        sendChunks(upload);
      }
    }
    watchOtherUpload();
    draw();
  }
  function onCleared(id) {
    if (upload && upload.id !== id) return;
    clearTimeout(kernelTimer);
    isKernelLate = false;
    upload = null;
    progress = null;
    hidePicture();
    draw();
  }
  function onMessage(content, buffers) {
    if (content.kind === "ack") onAck(content);
    else if (content.kind === "restart" && upload?.id === content.id) begin(upload);
    else if (content.kind === "cleared") onCleared(content.id);
    else if (content.kind === "picture" && content.id !== shown?.id) {
      showPicture(content.id, new Blob([buffers[0]], { type: "image/jpeg" }), false);
    }
  }
  function take(transfer) {
    const folder = folderIn(transfer);
    const [file, ...more] = folder ? [] : filesIn(transfer);
    const text = folder || file ? "" : addressIn(transfer);
    if (folder) refuse(`${folder} is a folder. Drop one picture.`);
    else if (file) send(file);
    else if (text) sendAddress(text);
    if (more.length) onMore(more);
    return Boolean(folder || file || text);
  }
  function refuse(reason) {
    ownMessage = reason;
    draw();
  }
  async function sendAddress(text) {
    ownMessage = "";
    if (!text.startsWith("data:")) {
      stopSending();
      model.send({ kind: "address", text });
      return;
    }
    const blob = await (await fetch(text)).blob();
    send(new File([blob], "picture", { type: blob.type }));
  }
  function clear() {
    stopSending();
    ownMessage = "";
    hidePicture();
    model.send({ kind: "clear" });
    draw();
  }
  on(parts.stage, "click", () => parts.chooser.click());
  on(parts.chooser, "change", () => {
    const file = parts.chooser.files?.[0];
    if (file) send(file);
    parts.chooser.value = "";
  });
  on(parts.remove, "click", onRemove);
  on(parts.clear, "click", () => {
    clear();
    parts.stage.focus();
  });
  on(parts.stage, "keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      parts.chooser.click();
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      clear();
    }
  });
  on(parts.stage, "paste", (event) => {
    event.stopPropagation();
    if (take(event.clipboardData)) event.preventDefault();
  });
  for (
    const name of
    /** @type {const} */
    ["dragenter", "dragover"]
  ) {
    on(parts.stage, name, (event) => {
      event.preventDefault();
      event.stopPropagation();
      if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
      parts.stage.dataset.over = "true";
    });
  }
  on(parts.stage, "dragleave", (event) => {
    event.stopPropagation();
    if (!parts.stage.contains(
      /** @type {Node | null} */
      event.relatedTarget
    )) delete parts.stage.dataset.over;
  });
  on(parts.stage, "drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    delete parts.stage.dataset.over;
    take(event.dataTransfer);
  });
  on(parts.address, "keydown", (event) => {
    const text = parts.address.value.trim();
    if (event.key === "Enter" && text) sendAddress(text);
  });
  on(parts.address, "paste", (event) => {
    event.stopPropagation();
    const [file] = filesIn(event.clipboardData);
    if (!file) return;
    event.preventDefault();
    send(file);
  });
  on(parts.image, "load", layOut);
  on(parts.image, "error", () => {
    if (!shown?.isOwn) return;
    hidePicture();
    layOut();
    model.send({ kind: "hello" });
  });
  function onState() {
    if (model.get("state") === "ready") parts.address.value = "";
    if (!["receiving", "reading"].includes(model.get("state"))) progress = null;
    watchOtherUpload();
    draw();
  }
  const resizeObserver = new ResizeObserver(layOut);
  resizeObserver.observe(parts.stage);
  const drawn = [
    "label",
    "can_remove",
    "is_dead",
    "name",
    "width",
    "height",
    "size",
    "notices",
    "caution",
    "message",
    "ratio",
    "fit"
  ];
  for (const trait of drawn) model.on(`change:${trait}`, draw);
  model.on("change:state", onState);
  model.on("msg:custom", onMessage);
  model.on("send_file", send);
  watchOtherUpload();
  draw();
  return () => {
    listeners.abort();
    resizeObserver.disconnect();
    clearTimeout(kernelTimer);
    clearTimeout(stalledTimer);
    for (const trait of drawn) model.off(`change:${trait}`, draw);
    model.off("change:state", onState);
    model.off("msg:custom", onMessage);
    model.off("send_file", send);
    if (upload) model.send({ kind: "abort", id: upload.id });
    upload = null;
    hidePicture();
  };
}

// src/base64.js
function decodeBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

// src/video_source.js
var MP4 = { type: "video/mp4" };
var STALLED_MS2 = 4e3;
var CHECK_MS = 2e3;
var RELEASED = "The video is no longer needed.";
function makeCountedSource(start) {
  const entries = /* @__PURE__ */ new Map();
  function begin(key) {
    const watchers = /* @__PURE__ */ new Set();
    const download = start(key, (received, size) => {
      for (const watch of watchers) watch(received, size);
    });
    const promise = download.video.then((video) => {
      if (entries.get(key) !== entry) throw new Error(RELEASED);
      entry.url = URL.createObjectURL(video);
      return entry.url;
    });
    const entry = { count: 0, url: "", watchers, download, promise };
    promise.catch(() => {
      if (entries.get(key) === entry) entries.delete(key);
    });
    entries.set(key, entry);
    return entry;
  }
  function drop(key, entry) {
    entries.delete(key);
    if (entry.url) URL.revokeObjectURL(entry.url);
    else entry.download.stop();
  }
  return {
    load(key, onProgress) {
      const entry = entries.get(key) ?? begin(key);
      entry.count += 1;
      if (onProgress) entry.watchers.add(onProgress);
      return entry.promise;
    },
    release(key) {
      const entry = entries.get(key);
      if (!entry) return;
      entry.count -= 1;
      if (entry.count <= 0) drop(key, entry);
    },
    dispose() {
      for (const [key, entry] of [...entries]) drop(key, entry);
    }
  };
}
function makeKernelSource(model) {
  const requests = /* @__PURE__ */ new Map();
  const view = makeViewId();
  let number = 0;
  let watch = 0;
  function send(message) {
    try {
      model.send(message);
    } catch {
    }
  }
  function begin(request) {
    number += 1;
    const id = `${view}-${number}`;
    requests.set(id, request);
    request.progressAt = performance.now();
    send({ kind: "request", key: request.key, id, offset: request.received });
    watch ||= setInterval(checkStalled, CHECK_MS);
    return id;
  }
  function isStalled(request) {
    return performance.now() - request.progressAt > STALLED_MS2;
  }
  function checkStalled() {
    if (!requests.size) {
      clearInterval(watch);
      watch = 0;
    } else if ([...requests.values()].some(isStalled)) send({ kind: "ping" });
  }
  function beginAgain(id) {
    const request = requests.get(id);
    if (!request) return;
    requests.delete(id);
    send({ kind: "cancel", key: request.key, id });
    begin(request);
  }
  function onMessage(content, buffers) {
    if (content.kind === "pong") {
      for (const [id, one] of [...requests]) if (isStalled(one)) beginAgain(id);
    }
    const request = requests.get(content.id);
    if (!request) return;
    if (content.kind === "chunk") addChunk(content, request, buffers[0]);
    else if (content.kind === "unavailable") fail(content.id, content.reason);
  }
  function addChunk({ id, offset, size }, request, bytes) {
    const { key } = request;
    if (offset > request.received) beginAgain(id);
    if (offset !== request.received) return;
    request.chunks.push(bytes);
    request.received += bytes.byteLength;
    request.progressAt = performance.now();
    send({ kind: "ack", key, id, offset });
    request.onProgress(request.received, size);
    if (request.received < size) return;
    requests.delete(id);
    request.resolve(new Blob(request.chunks, MP4));
  }
  function fail(id, reason) {
    const request = requests.get(id);
    requests.delete(id);
    request?.reject(new Error(reason));
  }
  const source = makeCountedSource((key, onProgress) => {
    const request = { key, chunks: [], received: 0, progressAt: 0, resolve() {
    }, reject() {
    }, onProgress };
    const video = new Promise((resolve, reject) => {
      Object.assign(request, { resolve, reject });
    });
    begin(request);
    const stop = () => {
      const id = [...requests.keys()].find((one) => requests.get(one) === request);
      if (id === void 0) return;
      send({ kind: "cancel", key, id });
      fail(id, RELEASED);
    };
    return { video, stop };
  });
  model.on("msg:custom", onMessage);
  const dispose = () => {
    source.dispose();
    clearInterval(watch);
    model.off("msg:custom", onMessage);
  };
  return { ...source, dispose };
}
function makeEmbeddedSource() {
  async function read(key) {
    const element = document.querySelector(`script[data-video="${CSS.escape(key)}"]`);
    const lines = (element?.textContent ?? "").split("\n").filter(Boolean);
    if (!lines.length) throw new Error("This video is not in the page: its file was missing when the page was saved.");
    return new Blob(lines.map(decodeBase64), MP4);
  }
  return makeCountedSource((key) => ({ video: read(key), stop() {
  } }));
}
function makeVideoSource(model) {
  return model.isStandalone ? makeEmbeddedSource() : makeKernelSource(model);
}

// src/form.js
var TYPING_MS = 250;
var CHOICES = ["quality", "motion_mode", "aspect_ratio", "fit"];
var SWITCHES2 = ["audio", "multi_shot", "remove_watermark", "preview_mode", "off_peak_mode"];
var TEXTS = ["prompt", "seed"];
var SILENCE_MS = 15e3;
var MAX_SLOTS = 7;
var READY = "✓ Video: ";
function render({ model, el }) {
  const listeners = new AbortController();
  const on = listenUntil(listeners.signal);
  const view = makeViewId();
  const parts = buildForm(el, listeners.signal);
  keepShortcuts(el, listeners.signal);
  const state = structuredClone(model.get("initial"));
  let note = "";
  let sent = 0;
  let answered = 0;
  const kernel = watchKernel({ model, el, kept: "Its jobs are kept.", onChange: onKernel, isWaiting });
  parts.kernel.replaceWith(kernel.element);
  const slots = /* @__PURE__ */ new Map();
  const jobs = makePart({ rows: [], more: 0 }, { send: (content) => tell({ ...content, part: "jobs" }) });
  let source;
  const disposeJobs = renderJobs({ model: jobs, el: parts.jobs }, () => {
    source ??= makeVideoSource(model);
    return source;
  });
  const choices = /* @__PURE__ */ new Map();
  const disposeChoices = CHOICES.map((name) => {
    const part = makePart(
      { label: "", names: [], index: 0, reasons: [], hint: "", message: "" },
      { onSave: () => set(name, state.fields[name].values[part.get("index")]) }
    );
    choices.set(name, part);
    return renderChoice({ model: part, el: parts.choices[name] });
  });
  const presets = buildPresets(listeners.signal, ask);
  parts.presets.replaceWith(presets.el);
  function addSlot(values) {
    const role = values.id;
    const slotEl = make("div", "pvnb-form-slot");
    slotEl.dataset.role = role;
    const send = (content, buffers) => kernel.send({ ...content, slot: role }, buffers);
    const part = makePart({ ...values, is_dead: kernel.isGone() }, { send });
    const dispose = renderPicker(
      { model: part, el: slotEl },
      { onMore: (files) => spread(files, role), onRemove: () => ask({ kind: "remove_slot", role }) }
    );
    slots.set(role, { el: slotEl, part, dispose });
    parts.pictures.append(slotEl);
    if (slots.size === 1) parts.pictures.append(parts.swap);
  }
  function spread(files, role) {
    const empty = [...slots].filter(([name, { part }]) => name !== role && part.get("state") === "empty");
    for (const [index, file] of files.entries()) empty[index]?.[1].part.emit("send_file", file);
    if (files.length > empty.length) show(`Only ${empty.length + 1} of the pictures fit. Add slots for the others.`);
  }
  function drawSlots() {
    const rows = state.slots;
    for (const [role, { el: slotEl, dispose }] of [...slots]) {
      if (rows.some((row) => row.id === role)) continue;
      dispose();
      slotEl.remove();
      slots.delete(role);
      parts.addSlot.focus();
    }
    const isList = rows.length > 2;
    rows.forEach((row, index) => {
      if (!slots.has(row.id)) addSlot(row);
      const label = isList ? `Picture ${index + 1}` : index ? "Last picture" : "First picture";
      slots.get(row.id)?.part.update({ ...row, label, can_remove: index > 1 });
    });
    parts.pictures.dataset.count = String(rows.length);
    parts.addSlot.hidden = rows.length >= MAX_SLOTS;
    const hadFocus = document.activeElement === parts.samples;
    parts.samples.hidden = rows.some((row) => row.state !== "empty");
    if (hadFocus && parts.samples.hidden) parts.addSlot.focus();
    parts.fade.hidden = rows.filter((row) => row.state === "ready").length < 2;
    if (parts.fade.hidden) openFade(false);
    drawSeconds();
    drawFade();
  }
  function openFade(isOpen) {
    parts.fading.hidden = !isOpen;
    parts.fade.setAttribute("aria-pressed", String(isOpen));
    drawFade();
  }
  function drawFade() {
    if (parts.fading.hidden) return;
    const ready = state.slots.filter((row) => row.state === "ready");
    const [below, above] = parts.fadeStage.querySelectorAll("img");
    [ready[0], ready[ready.length - 1]].forEach((row, at) => {
      const own = slots.get(row.id)?.el.querySelector(".pvnb-picker-picture img");
      const image = at ? above : below;
      if (own instanceof HTMLImageElement && image.src !== own.src) image.src = own.src;
      image.style.objectFit = row.fit || "contain";
    });
    const [across, down] = (ready[0].ratio || "16:9").split(":").map(Number);
    parts.fadeStage.style.aspectRatio = `${across} / ${down}`;
    above.style.opacity = String(Number(parts.fadeSlider.value) / 100);
  }
  function drawSeconds() {
    const seconds = state.seconds;
    parts.seconds.hidden = !seconds.length;
    const known = [...parts.seconds.querySelectorAll("select")];
    if (known.length !== seconds.length) parts.seconds.replaceChildren(...seconds.map((_, at) => makeSeconds(at + 1)));
    parts.seconds.querySelectorAll("select").forEach((select, at) => {
      select.value = String(seconds[at] ?? "");
    });
  }
  function makeSeconds(number) {
    const label = make("label", "pvnb-form-link");
    const select = make("select", "pvnb-form-input");
    select.append(make("option", "", { value: "", textContent: "5 s" }));
    for (const length of [1, 2, 3, 4, 6, 7, 8]) {
      select.append(make("option", "", { value: String(length), textContent: `${length} s` }));
    }
    label.append(make("span", "", { textContent: `From ${number} to ${number + 1}` }), select);
    select.addEventListener(
      "change",
      () => set(`seconds_${number}`, select.value === "" ? null : Number(select.value))
    );
    return label;
  }
  function drawFields() {
    const { fields, texts } = state;
    for (const name of CHOICES) {
      const { label, names, index, reasons, hint, message, is_hidden } = fields[name];
      choices.get(name)?.update({ label, names, index, reasons, hint, message });
      parts.choices[name].hidden = is_hidden;
    }
    for (const name of ["model", "duration"]) drawSelect(name);
    for (const name of TEXTS) {
      const input = parts.inputs[name];
      if (input.value !== texts[name]) input.value = texts[name];
    }
    for (const name of SWITCHES2) {
      const input = (
        /** @type {HTMLInputElement} */
        parts.inputs[name]
      );
      input.checked = fields[name].value;
      parts.setLabel(name, fields[name].label, fields[name].tooltip);
    }
    for (const name of ["prompt", "model", "duration", "seed", ...SWITCHES2]) {
      parts.show(name, { message: fields[name].message, hint: fields[name].hint, isHidden: fields[name].is_hidden });
    }
    parts.switches.hidden = SWITCHES2.every((name) => fields[name].is_hidden);
    parts.clearSeed.hidden = !fields.seed.is_set;
    drawCount();
  }
  function drawCount() {
    const { limit } = state.fields.prompt;
    const length = parts.inputs.prompt.value.trim().length;
    parts.count.textContent = `${length} / ${limit}`;
    parts.count.dataset.tone = length > limit ? "bad" : "plain";
  }
  function drawSelect(name) {
    const select = (
      /** @type {HTMLSelectElement} */
      parts.inputs[name]
    );
    const { names, values, value } = (
      /** @type {any} */
      state.fields[name]
    );
    const known = [...select.options].map((option) => option.textContent);
    if (JSON.stringify(known) !== JSON.stringify(names)) {
      select.replaceChildren(...names.map((text) => make("option", "", { value: text, textContent: text })));
    }
    select.selectedIndex = values.indexOf(value);
  }
  function drawAction() {
    const { title, price, is_short, busy } = state.action;
    parts.operation.textContent = title;
    parts.cost.textContent = price;
    parts.short.hidden = !is_short;
    parts.submit.classList.toggle("pvnb-form-busy", busy && !kernel.isGone());
    parts.submit.setAttribute("aria-busy", String(busy));
  }
  function drawQuestion() {
    const question = state.question;
    const hadFocus = !question && parts.confirming.contains(document.activeElement);
    parts.confirming.hidden = !question;
    parts.question.textContent = question?.text ?? "";
    parts.showExisting.textContent = question?.existing ?? "";
    parts.showExisting.hidden = !question?.existing;
    parts.closeQuestion.textContent = question?.close ?? "";
    parts.again.textContent = question?.again ?? "";
    if (hadFocus) parts.submit.focus();
  }
  function drawService() {
    const { is_sandbox, balance } = state.service;
    parts.badge.hidden = !is_sandbox;
    parts.balance.textContent = balance;
  }
  function drawStatus() {
    const { text, tone } = state.status;
    const kernelText = kernel.element.textContent;
    const isBad = !kernelText && !note && tone === "bad";
    parts.status.textContent = kernelText || note || text;
    parts.status.hidden = !parts.status.textContent;
    parts.status.dataset.tone = isBad ? "bad" : "plain";
    parts.status.setAttribute("role", isBad ? "alert" : kernel.isGone() ? "none" : "status");
  }
  function show(text) {
    note = text;
    drawStatus();
  }
  const draw = {
    service: drawService,
    slots: drawSlots,
    seconds: drawSeconds,
    presets: () => presets.draw(state.presets),
    action: drawAction,
    question: drawQuestion,
    status: drawStatus,
    jobs: drawJobs
  };
  function drawJobs() {
    const before = new Map(jobs.get("rows").map((row) => [row.ref, row.is_final]));
    const ended = state.jobs.rows.filter((row) => row.is_final && before.get(row.ref) === false);
    jobs.update({ ...state.jobs });
    if (ended.length && document.hidden && !document.title.startsWith(READY)) document.title = READY + document.title;
  }
  function isWaiting() {
    return state.jobs.rows.some((row) => !row.is_final);
  }
  function onKernel(kernelState) {
    const isGone = kernelState === "gone";
    for (const { part } of slots.values()) part.update({ is_dead: isGone });
    jobs.update({ is_dead: isGone });
    for (const control of el.querySelectorAll("button, select, input, textarea")) {
      if (control.matches("textarea, [type=text]")) control.readOnly = isGone;
      else if (!control.closest("[data-local]")) control.disabled = isGone;
    }
    drawAction();
    drawStatus();
    if (kernelState === "alive") ask({ kind: "hello" });
  }
  function tell(content) {
    sent += 1;
    kernel.send({ ...content, view, number: sent });
    kernel.ask();
  }
  function ask(content) {
    sendTexts();
    note = "";
    tell(content);
    drawStatus();
  }
  function set(name, value) {
    ask({ kind: "set", name, value });
  }
  const typing = /* @__PURE__ */ new Map();
  function onTyped(name) {
    clearTimeout(typing.get(name));
    typing.set(name, setTimeout(sendTexts, TYPING_MS));
    if (name === "prompt") drawCount();
  }
  function sendTexts() {
    const names = [...typing.keys()];
    for (const timer of typing.values()) clearTimeout(timer);
    typing.clear();
    for (const name of names) set(name, parts.inputs[name].value);
  }
  function onMessage(content, buffers) {
    if (content.view === view && typeof content.number === "number") answered = Math.max(answered, content.number);
    if (content.slot) slots.get(content.slot)?.part.emit("msg:custom", content, buffers);
    else if (content.kind === "state") onState(content);
    else if (content.kind === "focus_problem") focusProblem();
    else if (content.kind === "focus_slot") focusSlot(content.role);
    else jobs.emit("msg:custom", content);
  }
  function onState(content) {
    const { kind: _kind, view: _view, number: _number, ...sections } = content;
    Object.assign(state, sections);
    for (const [name, drawSection] of Object.entries(draw)) if (name in sections) drawSection();
    if (answered === sent && !typing.size) drawFields();
  }
  function focusSlot(role) {
    const slotStage = slots.get(role)?.el.querySelector(".pvnb-picker-stage");
    if (slotStage instanceof HTMLElement && el.contains(document.activeElement)) slotStage.focus();
  }
  function focusProblem() {
    drawFields();
    const wrong = [...el.querySelectorAll('[aria-invalid="true"]')].find(
      (one) => one instanceof HTMLElement && one.offsetParent
    );
    const target = wrong?.querySelector('[aria-checked="true"]') ?? wrong;
    if (target instanceof HTMLElement) target.focus();
  }
  for (const name of ["model", "duration"]) {
    const select = (
      /** @type {HTMLSelectElement} */
      parts.inputs[name]
    );
    on(select, "change", () => set(name, state.fields[name].values[select.selectedIndex]));
  }
  for (const name of TEXTS) {
    on(parts.inputs[name], "input", () => onTyped(name));
    on(parts.inputs[name], "change", sendTexts);
  }
  for (const name of SWITCHES2) {
    const input = (
      /** @type {HTMLInputElement} */
      parts.inputs[name]
    );
    on(input, "change", () => set(name, input.checked));
  }
  on(parts.drawSeed, "click", () => ask({ kind: "draw_seed" }));
  on(parts.clearSeed, "click", () => {
    parts.inputs.seed.value = "";
    set("seed", "");
    parts.inputs.seed.focus();
  });
  on(parts.swap, "click", () => ask({ kind: "swap" }));
  on(parts.samples, "click", () => ask({ kind: "use_samples" }));
  on(parts.fade, "click", () => openFade(Boolean(parts.fading.hidden)));
  on(parts.fadeSlider, "input", drawFade);
  on(parts.addSlot, "click", () => ask({ kind: "add_slot" }));
  on(parts.submit, "click", () => ask({ kind: "submit" }));
  on(parts.showExisting, "click", () => ask({ kind: "show_existing" }));
  const closeQuestion = () => ask({ kind: "close_question" });
  on(parts.closeQuestion, "click", closeQuestion);
  on(parts.confirming, "keydown", (event) => {
    if (event.key === "Escape") closeQuestion();
  });
  on(parts.again, "click", () => ask({ kind: "generate_again" }));
  document.addEventListener(
    "visibilitychange",
    () => {
      if (document.title.startsWith(READY)) document.title = document.title.slice(READY.length);
    },
    { signal: listeners.signal }
  );
  const refresh = () => {
    if (!document.hidden && kernel.silence() > SILENCE_MS) ask({ kind: "hello" });
  };
  window.addEventListener("online", refresh, { signal: listeners.signal });
  document.addEventListener("visibilitychange", refresh, { signal: listeners.signal });
  for (
    const name of
    /** @type {const} */
    ["dragover", "drop"]
  ) {
    on(el, name, (event) => event.preventDefault());
  }
  model.on("msg:custom", onMessage);
  for (const drawSection of Object.values(draw)) drawSection();
  drawFields();
  ask({ kind: "hello" });
  return () => {
    listeners.abort();
    model.off("msg:custom", onMessage);
    for (const timer of typing.values()) clearTimeout(timer);
    kernel.dispose();
    disposeJobs();
    source?.dispose();
    for (const dispose of disposeChoices) dispose();
    for (const { dispose } of slots.values()) dispose();
  };
}
var form_default = { render };
export {
  form_default as default
};
