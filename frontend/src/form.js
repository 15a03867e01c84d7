// The form: picture slots, the fields of a request, the button that pays, and the jobs. One widget, one model.
//
// To the kernel, each with {view, number} and answered by a state with the same two:
//   hello | set {name, value} | draw_seed | swap | add_slot | remove_slot {role} | submit | show_existing
//   generate_again | close_question | use_samples; those of saved settings: see form_presets.js
// To the kernel: ping | {slot, …}: see picker.js | {part: "jobs", …}: see job_list.js
// From the kernel: state {sections that have changed} | pong | focus_problem | focus_slot {role} | {slot, …} | clock, scroll_to

import { renderChoice } from "./choice.js";
import { listenUntil, make, makeViewId } from "./dom.js";
import { buildForm } from "./form_elements.js";
import { makePart } from "./form_part.js";
import { buildPresets } from "./form_presets.js";
import { renderJobs } from "./job_list.js";
import { watchKernel } from "./kernel_alive.js";
import { renderPicker } from "./picker.js";
import { keepShortcuts } from "./shortcuts.js";
import { makeVideoSource } from "./video_source.js";

/** @import { FormPart, FormState, FormTraits, JobRow, PickerTraits, RenderProps, VideoSource } from "./types" */
/** @typedef {{ el: HTMLElement, part: FormPart, dispose: () => void }} Slot */

const TYPING_MS = 250; // a text is sent when the person pauses
const CHOICES = ["quality", "motion_mode", "aspect_ratio", "fit"];
const SWITCHES = ["audio", "multi_shot", "remove_watermark", "preview_mode", "off_peak_mode"];
const TEXTS = ["prompt", "seed"];
const SILENCE_MS = 15_000; // of the kernel, after which a page that is looked at again asks for everything
const MAX_SLOTS = 7;
const READY = "✓ Video: "; // in the title of a page that nobody looks at
/** @param {RenderProps<FormTraits>} props */
function render({ model, el }) {
  const listeners = new AbortController();
  const on = listenUntil(listeners.signal);
  const view = makeViewId();
  const parts = buildForm(el, listeners.signal);
  keepShortcuts(el, listeners.signal);
  /** @type {FormState} */
  const state = structuredClone(model.get("initial"));
  let note = "";
  let sent = 0; // the number of our last message
  let answered = 0; // the highest number that the kernel has answered
  const kernel = watchKernel({ model, el, kept: "Its jobs are kept.", onChange: onKernel, isWaiting });
  parts.kernel.replaceWith(kernel.element);

  // ---- parts ----

  /** @type {Map<string, Slot>} */
  const slots = new Map(); // by role
  const jobs = makePart({ rows: [], more: 0 }, { send: (content) => tell({ ...content, part: "jobs" }) });
  /** @type {VideoSource | undefined} */
  let source;
  const disposeJobs = renderJobs({ model: jobs, el: parts.jobs }, () => {
    source ??= makeVideoSource(model);
    return source;
  });
  /** @type {Map<string, FormPart>} */
  const choices = new Map();
  const disposeChoices = CHOICES.map((name) => {
    const part = makePart(
      { label: "", names: [], index: 0, reasons: [], hint: "", message: "" },
      { onSave: () => set(name, state.fields[name].values[part.get("index")]) },
    );
    choices.set(name, part);
    return renderChoice({ model: part, el: parts.choices[name] });
  });

  const presets = buildPresets(listeners.signal, ask);
  parts.presets.replaceWith(presets.el);

  /** @param {PickerTraits & { id: string }} values */
  function addSlot(values) {
    const role = values.id;
    const slotEl = make("div", "pvnb-form-slot");
    slotEl.dataset.role = role;
    const send = (/** @type {object} */ content, /** @type {ArrayBuffer[] | undefined} */ buffers) =>
      kernel.send({ ...content, slot: role }, buffers);
    const part = makePart({ ...values, is_dead: kernel.isGone() }, { send });
    const dispose = renderPicker(
      { model: part, el: slotEl },
      { onMore: (files) => spread(files, role), onRemove: () => ask({ kind: "remove_slot", role }) },
    );
    slots.set(role, { el: slotEl, part, dispose });
    parts.pictures.append(slotEl);
    if (slots.size === 1) parts.pictures.append(parts.swap);
  }

  /**
   * Puts further dropped pictures into the empty slots, in their order.
   *
   * @param {File[]} files
   * @param {string} role of the slot that has taken the first one
   */
  function spread(files, role) {
    const empty = [...slots].filter(([name, { part }]) => name !== role && part.get("state") === "empty");
    for (const [index, file] of files.entries()) empty[index]?.[1].part.emit("send_file", file);
    if (files.length > empty.length) show(`Only ${empty.length + 1} of the pictures fit. Add slots for the others.`);
  }

  // ---- drawing ----

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

  /** @param {boolean} isOpen */
  function openFade(isOpen) {
    parts.fading.hidden = !isOpen;
    parts.fade.setAttribute("aria-pressed", String(isOpen));
    drawFade();
  }

  /** The first and the last picture over each other, as they will be sent. */
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

  /** The seconds between the pictures of a transition. */
  function drawSeconds() {
    const seconds = state.seconds;
    parts.seconds.hidden = !seconds.length;
    const known = [...parts.seconds.querySelectorAll("select")];
    if (known.length !== seconds.length) parts.seconds.replaceChildren(...seconds.map((_, at) => makeSeconds(at + 1)));
    parts.seconds.querySelectorAll("select").forEach((select, at) => {
      select.value = String(seconds[at] ?? "");
    });
  }

  /** @param {number} number */
  function makeSeconds(number) {
    const label = make("label", "pvnb-form-link");
    const select = make("select", "pvnb-form-input");
    select.append(make("option", "", { value: "", textContent: "5 s" }));
    for (const length of [1, 2, 3, 4, 6, 7, 8]) {
      select.append(make("option", "", { value: String(length), textContent: `${length} s` }));
    }
    label.append(make("span", "", { textContent: `From ${number} to ${number + 1}` }), select);
    select.addEventListener("change", () =>
      set(`seconds_${number}`, select.value === "" ? null : Number(select.value)),
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
    for (const name of SWITCHES) {
      const input = /** @type {HTMLInputElement} */ (parts.inputs[name]);
      input.checked = fields[name].value;
      parts.setLabel(name, fields[name].label, fields[name].tooltip);
    }
    for (const name of ["prompt", "model", "duration", "seed", ...SWITCHES]) {
      parts.show(name, { message: fields[name].message, hint: fields[name].hint, isHidden: fields[name].is_hidden });
    }
    parts.switches.hidden = SWITCHES.every((name) => fields[name].is_hidden);
    parts.clearSeed.hidden = !fields.seed.is_set;
    drawCount();
  }

  function drawCount() {
    const { limit } = state.fields.prompt;
    const length = parts.inputs.prompt.value.trim().length;
    parts.count.textContent = `${length} / ${limit}`;
    parts.count.dataset.tone = length > limit ? "bad" : "plain";
  }

  /** @param {string} name */
  function drawSelect(name) {
    const select = /** @type {HTMLSelectElement} */ (parts.inputs[name]);
    /** @type {{ names: string[], values: unknown[], value: unknown }} */
    const { names, values, value } = /** @type {any} */ (state.fields[name]);
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
    if (hadFocus) parts.submit.focus(); // the focused button disappears with the question
  }

  function drawService() {
    const { is_sandbox, balance } = state.service;
    parts.badge.hidden = !is_sandbox;
    parts.balance.textContent = balance;
  }

  function drawStatus() {
    const { text, tone } = state.status;
    const kernelText = kernel.element.textContent; // also here: the head may be out of view
    const isBad = !kernelText && !note && tone === "bad";
    parts.status.textContent = kernelText || note || text;
    parts.status.hidden = !parts.status.textContent;
    parts.status.dataset.tone = isBad ? "bad" : "plain";
    parts.status.setAttribute("role", isBad ? "alert" : kernel.isGone() ? "none" : "status"); // the head has said it
  }

  /** @param {string} text something that only this view has to say */
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
    jobs: drawJobs,
  };

  function drawJobs() {
    const before = new Map(jobs.get("rows").map((/** @type {JobRow} */ row) => [row.ref, row.is_final]));
    const ended = state.jobs.rows.filter((row) => row.is_final && before.get(row.ref) === false);
    jobs.update({ ...state.jobs });
    if (ended.length && document.hidden && !document.title.startsWith(READY)) document.title = READY + document.title;
  }

  // ---- the kernel ----

  function isWaiting() {
    return state.jobs.rows.some((/** @type {JobRow} */ row) => !row.is_final);
  }

  /** @param {string} kernelState */
  function onKernel(kernelState) {
    const isGone = kernelState === "gone";
    for (const { part } of slots.values()) part.update({ is_dead: isGone });
    jobs.update({ is_dead: isGone });
    // What a person has written can still be read and copied; what needs no kernel goes on.
    for (const control of el.querySelectorAll("button, select, input, textarea")) {
      if (control.matches("textarea, [type=text]")) /** @type {HTMLInputElement} */ (control).readOnly = isGone;
      else if (!control.closest("[data-local]")) /** @type {HTMLInputElement} */ (control).disabled = isGone;
    }
    drawAction();
    drawStatus();
    if (kernelState === "alive") ask({ kind: "hello" });
  }

  /**
   * Sends a message that the kernel answers with a state.
   *
   * @param {Record<string, any>} content
   */
  function tell(content) {
    sent += 1;
    kernel.send({ ...content, view, number: sent });
    kernel.ask();
  }

  /** @param {Record<string, any>} content */
  function ask(content) {
    sendTexts();
    note = "";
    tell(content);
    drawStatus();
  }

  /**
   * @param {string} name
   * @param {unknown} value
   */
  function set(name, value) {
    ask({ kind: "set", name, value });
  }

  /** @type {Map<string, number>} */
  const typing = new Map(); // the timers of the texts that are not sent yet

  /** @param {string} name */
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

  /**
   * @param {Record<string, any>} content
   * @param {ArrayBuffer[]} buffers
   */
  function onMessage(content, buffers) {
    if (content.view === view && typeof content.number === "number") answered = Math.max(answered, content.number);
    if (content.slot) slots.get(content.slot)?.part.emit("msg:custom", content, buffers);
    else if (content.kind === "state") onState(content);
    else if (content.kind === "focus_problem") focusProblem();
    else if (content.kind === "focus_slot") focusSlot(content.role);
    else jobs.emit("msg:custom", content);
  }

  /** @param {Record<string, any>} content */
  function onState(content) {
    const { kind: _kind, view: _view, number: _number, ...sections } = content;
    Object.assign(state, sections);
    for (const [name, drawSection] of Object.entries(draw)) if (name in sections) drawSection();
    // While something is on its way to the kernel, its values are older than what the person sees.
    if (answered === sent && !typing.size) drawFields();
  }

  /** @param {string} role */
  function focusSlot(role) {
    const slotStage = slots.get(role)?.el.querySelector(".pvnb-picker-stage");
    // another view of the form keeps its focus
    if (slotStage instanceof HTMLElement && el.contains(document.activeElement)) slotStage.focus();
  }

  function focusProblem() {
    drawFields();
    const wrong = [...el.querySelectorAll('[aria-invalid="true"]')].find(
      (one) => one instanceof HTMLElement && one.offsetParent,
    );
    const target = wrong?.querySelector('[aria-checked="true"]') ?? wrong;
    if (target instanceof HTMLElement) target.focus();
  }

  // ---- what the person does ----

  for (const name of ["model", "duration"]) {
    const select = /** @type {HTMLSelectElement} */ (parts.inputs[name]);
    on(select, "change", () => set(name, state.fields[name].values[select.selectedIndex]));
  }
  for (const name of TEXTS) {
    on(parts.inputs[name], "input", () => onTyped(name));
    on(parts.inputs[name], "change", sendTexts);
  }
  for (const name of SWITCHES) {
    const input = /** @type {HTMLInputElement} */ (parts.inputs[name]);
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
    { signal: listeners.signal },
  );
  // What was sent while the connection was cut or the computer slept may have got lost.
  const refresh = () => {
    if (!document.hidden && kernel.silence() > SILENCE_MS) ask({ kind: "hello" });
  };
  window.addEventListener("online", refresh, { signal: listeners.signal });
  document.addEventListener("visibilitychange", refresh, { signal: listeners.signal });
  // Pictures may be dropped beside a slot: then nothing happens, instead of the browser leaving the page.
  for (const name of /** @type {const} */ (["dragover", "drop"])) {
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

export default { render };
