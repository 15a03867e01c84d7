// The jobs, one row each. Elapsed times tick here, from one timer for all rows; the kernel sends only changes.
//
// To the kernel:   clock | cancel {ref} | retry {ref} | dismiss {ref} | action {ref, name}: free of charge
//                  player {ref}: no output of the page shows this video
//                  offer {ref, name, seconds}: state the price | pay {ref, name, seconds, prompt}: make the offered video
//                  (an offer named "retry" follows a retry of what another home has paid for)
// From the kernel: clock {now}, in Unix seconds | scroll_to {ref}: bring the job's row, or its player, into view
//                  player {ref, html}: the player of a video that no output of the page shows
//                  offer {ref, name, text, label, seconds, chosen} | told {ref, text, tone, copy}

import { formatElapsed, makeKernelClock } from "./clock.js";
import { closest, make } from "./dom.js";

/** @import { JobListTraits, JobRow, RenderProps, VideoSource } from "./types" */
/** @typedef {ReturnType<typeof buildRow>} RowParts */
/** @typedef {{ parts: RowParts, data: JobRow }} Entry */

const SCROLL_DELAY_MS = 250; // an output that has just changed is drawn a moment later
const PLAYER_DELAY_MS = 3000; // how long the output below the form may take to show a player

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
    tools: make("div", "pvnb-jobs-tools", { hidden: true }),
    offer: make("div", "pvnb-jobs-confirmation", { hidden: true, tabIndex: -1 }),
    told: make("div", "pvnb-jobs-told", { hidden: true }),
    player: make("div", "pvnb-jobs-player", { hidden: true }),
    more: makeRowButton("more", "More"),
    retry: makeRowButton("retry"),
    main: makeRowButton("main"),
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

/**
 * @param {RenderProps<JobListTraits>} props
 * @param {() => VideoSource} getSource of the videos, by ref; made when the first one is needed
 */
export function renderJobs({ model, el }, getSource) {
  el.classList.add("pvnb-ui", "pvnb-jobs");
  const list = make("ul", "pvnb-jobs-list", { tabIndex: -1 });
  list.setAttribute("aria-label", "Jobs");
  const more = make("div", "pvnb-jobs-more");
  el.append(list, more);
  /** @type {Map<string, Entry>} */
  const shown = new Map(); // by ref
  /** @type {Map<string, boolean>} */
  const opened = new Map(); // which rows a person has opened or closed
  let scrollTimer = 0;
  /** @type {Set<number>} */
  const playerTimers = new Set();
  /** @type {Set<string>} */
  const loaded = new Set(); // the videos of our own players
  const clock = makeKernelClock({ onTick: tick });

  /** @param {Entry} entry */
  function drawTime({ parts, data }) {
    const until = data.is_clock_stopped ? data.ended_at : clock.now();
    const elapsed = until === null ? "" : formatElapsed(until - data.began_at);
    parts.time.textContent = [elapsed, data.typical_time].filter(Boolean).join(", ");
  }

  function tick() {
    if (model.get("is_dead")) return; // a clock that goes on would say that the job does
    for (const entry of shown.values()) if (!entry.data.is_clock_stopped) drawTime(entry);
  }

  /** @param {Entry} entry */
  function drawRow(entry) {
    const { parts, data } = entry;
    parts.row.dataset.severity = data.severity;
    parts.row.dataset.ref = data.ref;
    parts.state.textContent = data.state;
    // Isolated, so that a prompt in a right-to-left script does not turn the other facts around.
    const prompt = data.prompt ? `\u2068${data.prompt}\u2069` : "";
    parts.facts.textContent = [prompt, data.facts].filter(Boolean).join(" · ");
    parts.facts.title = parts.facts.textContent;
    for (const name of /** @type {const} */ (["error", "details", "notices"])) {
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

  /** @param {Entry} entry */
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
      }),
    );
  }

  /**
   * Shows the price of a paid action, and the button that pays it.
   *
   * @param {Entry} entry
   * @param {{ name: string, text: string, label: string, seconds: number[], chosen: number }} offer
   */
  function showOffer({ parts, data }, { name, text, label, seconds, chosen }) {
    if (parts.offer.dataset.refused === name) return; // a late answer to an earlier press
    const wasOpen = !parts.offer.hidden && parts.offer.dataset.name === name;
    const prompt = wasOpen ? (parts.offer.querySelector("input")?.value ?? "") : "";
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
      select.addEventListener("change", () =>
        model.send({ kind: "offer", ref: data.ref, name, seconds: Number(select.value) }),
      );
      line.append(input, select);
      parts.offer.append(line);
    }
    parts.offer.append(answers);
    parts.offer.hidden = false;
    if (wasOpen) parts.offer.querySelector("select")?.focus();
    else parts.offer.focus(); // not the button: a key that was meant for another one must never pay
  }

  /**
   * @param {Entry} entry
   * @param {{ text: string, tone: string, copy?: string }} content
   */
  async function showTold({ parts }, { text, tone, copy }) {
    let shown = text;
    if (copy) {
      try {
        await navigator.clipboard.writeText(copy);
      } catch {
        shown = copy; // the browser refuses: it can be selected and copied by hand
      }
    }
    parts.told.textContent = shown;
    parts.told.hidden = !shown;
    parts.told.dataset.tone = tone;
    if (tone !== "bad" && !parts.offer.hidden && !copy) setHidden(parts.offer, true, parts);
  }

  /** @param {Event} event */
  function entryOf(event) {
    const row = /** @type {HTMLElement} */ (event.currentTarget);
    return shown.get(row.dataset.ref ?? "");
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const entry = entryOf(event);
    const open = [entry?.parts.confirmation, entry?.parts.offer].find((part) => part && !part.hidden);
    if (!entry || event.key !== "Escape" || !open) return;
    event.preventDefault();
    event.stopPropagation();
    if (open === entry.parts.offer) refuseOffer(entry);
    else setHidden(open, true, entry.parts);
  }

  /** @param {Entry} entry */
  function refuseOffer({ parts }) {
    setHidden(parts.offer, true, parts);
    if (parts.offer.dataset.name !== "retry") parts.offer.dataset.refused = parts.offer.dataset.name;
  }

  /** @param {MouseEvent} event */
  function onClick(event) {
    const button = closest(event, "button");
    const action = button?.dataset.action;
    const entry = entryOf(event);
    if (!action || !entry || event.detail > 1) return; // a double click opens a question, and does not close it
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

  /**
   * Asks for a player if the page has none. The outputs below the form do not reach a page that was loaded again, a
   * second page, or a front end that does not replace outputs.
   *
   * @param {string} ref
   */
  function wantPlayer(ref) {
    if (el.isConnected && !findPlayer(ref, el)) model.send({ kind: "player", ref });
  }

  /**
   * @param {Entry} entry
   * @param {string} html made by the kernel, with every value escaped
   */
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

  /** @param {Entry} entry */
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
      // Rows move only if they must: a row that moves loses the focus of its buttons.
      const { row } = entry.parts;
      if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
    });
    more.hidden = !model.get("more");
    const all = 50 * Math.ceil((rows.length + model.get("more")) / 50);
    more.textContent = `and ${model.get("more")} more: client.jobs(limit=${all}) lists them`;
  }

  /** @param {{ kind: string, ref: string, now: number, html: string }} content */
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
      if (entry && content.kind === "offer") showOffer(entry, /** @type {any} */ (content));
      else if (entry) showTold(entry, /** @type {any} */ (content));
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
