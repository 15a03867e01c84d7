// The jobs, one row each. Elapsed times tick here, from one timer for all rows; the kernel sends only changes.
//
// To the kernel:   clock | cancel {ref} | retry {ref} | dismiss {ref}
// From the kernel: clock {now}, in Unix seconds | scroll_to {ref}: bring the job's row, or its player, into view

import { formatElapsed, makeKernelClock } from "./clock.js";
import { closest, make } from "./dom.js";

/** @import { JobListTraits, JobRow, RenderProps } from "./types" */
/** @typedef {ReturnType<typeof buildRow>} RowParts */
/** @typedef {{ parts: RowParts, data: JobRow }} Entry */

const SCROLL_DELAY_MS = 250; // an output that has just changed is drawn a moment later

/**
 * @param {(event: MouseEvent) => void} onClick
 * @param {(event: KeyboardEvent) => void} onKey
 */
function buildRow(onClick, onKey) {
  const makeRowButton = (/** @type {string} */ action, textContent = "") => {
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
    retry: makeRowButton("retry"),
    main: makeRowButton("main"),
  };
  parts.state.setAttribute("role", "status");
  parts.main.dataset.weight = "quiet";
  answers.append(parts.confirm, parts.keep);
  parts.confirmation.append(parts.question, answers);
  parts.confirmation.setAttribute("data-lm-suppress-shortcuts", "true"); // Escape closes the question, not the cell
  line.append(parts.state, parts.time);
  body.append(line, parts.facts, parts.error, parts.details, parts.notices, parts.confirmation);
  actions.append(parts.retry, parts.main);
  row.append(make("span", "pvnb-jobs-icon"), body, actions);
  row.addEventListener("click", onClick);
  row.addEventListener("keydown", onKey);
  return parts;
}

/**
 * The player of a job: the one in the output of our own cell if it is shown more than once.
 *
 * @param {string} ref
 * @param {HTMLElement} el
 */
function findPlayer(ref, el) {
  const all = [...document.querySelectorAll(`[data-pvnb-ref="${CSS.escape(ref)}"]`)];
  const cell = el.closest(".jp-Cell");
  return all.find((player) => cell?.contains(player)) ?? all[0] ?? null;
}

/** @param {Element} element */
function scrollAndHighlight(element) {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({ block: "nearest", behavior: isCalm ? "auto" : "smooth" });
  const accent = getComputedStyle(element).getPropertyValue("--pvnb-accent") || "Highlight";
  const lit = { boxShadow: `0 0 0 3px ${accent}`, borderRadius: "6px" };
  element.animate([lit, { ...lit, offset: 0.6 }, { borderRadius: "6px" }], { duration: 1600, easing: "ease-out" });
}

/**
 * Shows or hides a part of a row. A part that has the focus passes it on, or the focus would fall to the page.
 *
 * @param {HTMLElement} part
 * @param {boolean} isHidden
 * @param {RowParts} parts
 */
function setHidden(part, isHidden, { row, main }) {
  const hadFocus = isHidden && part.contains(document.activeElement);
  part.hidden = isHidden;
  if (hadFocus) (main.hidden ? row : main).focus();
}

/** @param {RenderProps<JobListTraits>} props */
function render({ model, el }) {
  el.classList.add("pvnb-ui", "pvnb-jobs");
  const list = make("ul", "pvnb-jobs-list", { tabIndex: -1 });
  list.setAttribute("aria-label", "Jobs");
  const more = make("div", "pvnb-jobs-more");
  el.append(list, more);
  /** @type {Map<string, Entry>} */
  const shown = new Map(); // by ref
  let scrollTimer = 0;
  const clock = makeKernelClock({ onTick: tick });

  /** @param {Entry} entry */
  function drawTime({ parts, data }) {
    const until = data.is_clock_stopped ? data.ended_at : clock.now();
    const elapsed = until === null ? "" : formatElapsed(until - data.began_at);
    parts.time.textContent = [elapsed, data.typical_time].filter(Boolean).join(", ");
  }

  function tick() {
    for (const entry of shown.values()) if (!entry.data.is_clock_stopped) drawTime(entry);
  }

  /** @param {Entry} entry */
  function drawRow(entry) {
    const { parts, data } = entry;
    parts.row.dataset.severity = data.severity;
    parts.row.dataset.ref = data.ref;
    parts.state.textContent = data.state;
    parts.facts.textContent = data.facts;
    parts.facts.title = data.facts;
    for (const name of /** @type {const} */ (["error", "details", "notices"])) {
      parts[name].textContent = data[name];
      parts[name].hidden = !data[name];
    }
    parts.question.textContent = data.cancel_question;
    parts.retry.textContent = data.retry_label;
    parts.main.textContent = data.is_final ? "Dismiss" : "Cancel";
    setHidden(parts.main, !data.is_final && !data.can_cancel, parts);
    setHidden(parts.retry, !data.retry_label, parts);
    if (!data.can_cancel) setHidden(parts.confirmation, true, parts);
    for (const button of [parts.retry, parts.main]) {
      button.setAttribute("aria-label", `${button.textContent}: ${data.facts}`);
    }
    drawTime(entry);
  }

  /** @param {Event} event */
  function entryOf(event) {
    const row = /** @type {HTMLElement} */ (event.currentTarget);
    return shown.get(row.dataset.ref ?? "");
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const entry = entryOf(event);
    if (!entry || event.key !== "Escape" || entry.parts.confirmation.hidden) return;
    event.preventDefault();
    event.stopPropagation();
    setHidden(entry.parts.confirmation, true, entry.parts);
  }

  /** @param {MouseEvent} event */
  function onClick(event) {
    const action = closest(event, "button")?.dataset.action;
    const entry = entryOf(event);
    if (!action || !entry) return;
    const { parts, data } = entry;
    if (action === "retry") model.send({ kind: "retry", ref: data.ref });
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

  /** @param {Entry} entry */
  function removeRow({ parts, data }) {
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
      const entry = { parts: shown.get(data.ref)?.parts ?? buildRow(onClick, onKey), data };
      shown.set(data.ref, entry);
      drawRow(entry);
      // Rows move only if they must: a row that moves loses the focus of its buttons.
      const { row } = entry.parts;
      if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
    });
    more.hidden = !model.get("more");
    more.textContent = `and ${model.get("more")} more`;
  }

  /** @param {{ kind: string, ref: string, now: number }} content */
  function onMessage(content) {
    if (content.kind === "scroll_to") {
      clearTimeout(scrollTimer);
      scrollTimer = setTimeout(() => {
        const element = findPlayer(content.ref, el) ?? shown.get(content.ref)?.parts.row;
        if (element) scrollAndHighlight(element);
      }, SCROLL_DELAY_MS);
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
    for (const entry of [...shown.values()]) removeRow(entry);
    model.off("change:rows", draw);
    model.off("change:more", draw);
    model.off("msg:custom", onMessage);
  };
}

export default { render };
