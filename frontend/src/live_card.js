// The card of a job or a sweep while it runs: its state, its times, its progress, and buttons to cancel, pause or stop.
//
// To the kernel:   hello {view} | bye {view} | action {view, number, name}: a button was pressed
//                  player {view}: send the player of the finished video | ping; and the messages of video_source.js
// From the kernel: heartbeat {now}, in Unix seconds, every few seconds | images + one JPEG in each buffer
//                  ack {view, number}: the action has arrived | player {view, html}
// An action is sent again, with the same number, until it is acknowledged: a message that is sent before JupyterLab has
// made the subshell of the card waits for the end of the running cell.
// The trait `state` holds texts and numbers. The clock and the bar of a job move here; the kernel sends only changes.
// Texts are changed in place, so that what a person has selected, and the focus, stay.

import { formatElapsed, makeKernelClock } from "./clock.js";
import { closest, hideFallback, keepKeys, listenUntil, make, makeViewId } from "./dom.js";
import { watchKernel } from "./kernel_alive.js";
import { makeVideoSource } from "./video_source.js";

/** @import { LiveCardTraits, LiveState, Model, RenderProps } from "./types" */

const BUSY =
  "The kernel is busy with a cell and has not received this yet. To have it done now, interrupt the cell (■ above).";
const ACK_TIMEOUT_MS = 1000; // then an action is sent again
const MAX_SENDS = 3;
const SILENT_MS = 9000; // nearly twice the time between two heartbeats
const OUTPUT_MS = 1500; // how long JupyterLab may take to replace the output by the player
const LATE_FACTOR = 1.5; // times the usual time
const MAX_SHARE = 0.97; // a full bar would say that the video is there
const VIDEO_KEY = "video";
const TEXTS = /** @type {const} */ (["explanation", "error", "charge", "next", "warning", "title", "facts", "notices"]);
const BUTTONS = [
  ["pause", "Pause"],
  ["resume", "Resume"],
  ["stop", "Stop"],
  ["cancel", "Cancel"],
];

/** @type {Map<string, ArrayBuffer[]>} */
const imagesByCard = new Map(); // by the card's own class; they arrive before the first view

/** @param {{ model: Model<LiveCardTraits> }} props */
function initialize({ model }) {
  model.on("msg:custom", (content, buffers) => {
    if (content.kind === "images") imagesByCard.set(model.get("fallback_class"), buffers);
  });
}

/**
 * Changes the text of an element, in its text node.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
function setText(element, text) {
  const node = element.firstChild;
  if (!(node instanceof Text)) element.textContent = text;
  else if (node.data !== text) node.data = text;
  element.hidden = !text;
}

/** @param {number} seconds */
function formatDuration(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours) return `${hours} h ${minutes} min`;
  return whole < 600 && whole % 60 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
}

/** @param {number} at in Unix seconds */
function formatTime(at) {
  return new Date(at * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

/**
 * "0:23 · usually about 58 s"; of a sweep "1:05 · about 3 min left, until 14:32".
 *
 * @param {LiveState} state
 * @param {number} now in Unix seconds
 */
function timeText(state, now) {
  if (state.is_clock_stopped || !state.began_at) return state.clock_text ?? "";
  const elapsed = formatElapsed(now - state.began_at);
  if (state.ends_at) {
    const left = state.ends_at - now;
    if (left < 0) return `${elapsed} · longer than expected`;
    return left < 1 ? elapsed : `${elapsed} · about ${formatDuration(left)} left, until ${formatTime(state.ends_at)}`;
  }
  if (!state.typical_s) return elapsed;
  const usual = formatDuration(state.typical_s);
  const isLate = now - state.began_at > LATE_FACTOR * state.typical_s;
  return `${elapsed} · ${isLate ? `longer than usual (about ${usual})` : `usually about ${usual}`}`;
}

function makeBar() {
  const element = make("div", "pvnb-live-bar");
  element.setAttribute("role", "progressbar");
  element.setAttribute("aria-valuemin", "0");
  /** @type {Map<string, HTMLElement>} */
  const parts = new Map();

  /**
   * @param {string} name
   * @param {number} share of the bar, 0 to 1
   */
  function setPart(name, share) {
    const part = parts.get(name) ?? make("span", "pvnb-live-part");
    if (!parts.has(name)) {
      part.dataset.part = name;
      parts.set(name, part);
      element.append(part);
    }
    part.style.width = `${(100 * share).toFixed(2)}%`;
  }

  return {
    element,
    setPart,
    /**
     * @param {number} most
     * @param {number | null} value null if it is not known
     * @param {string} label
     */
    setValue(most, value, label) {
      element.setAttribute("aria-valuemax", String(most));
      if (value === null) element.removeAttribute("aria-valuenow");
      else element.setAttribute("aria-valuenow", String(value));
      element.setAttribute("aria-label", label);
      element.dataset.known = String(value !== null);
    },
  };
}

/** @param {RenderProps<LiveCardTraits>} props */
function render({ model, el }) {
  const listeners = new AbortController();
  const on = listenUntil(listeners.signal);
  const view = makeViewId();
  const source = makeVideoSource(model);
  const kernel = watchKernel({ model, el, kept: "Its jobs are kept.", onChange });
  const clock = makeKernelClock({ onTick: drawTime });
  let isPlayerRequested = false;
  let isUsingVideo = false;
  let ackTimer = 0;
  let lastNumber = 0;
  let playerTimer = 0;
  let lastMessageAt = performance.now();
  /** @type {string[]} */
  const urls = [];

  el.classList.add("pvnb-ui", "pvnb-live");
  keepKeys(el, listeners.signal);
  const images = make("div", "pvnb-live-images", { hidden: true });
  const body = make("div", "pvnb-live-body");
  const head = make("div", "pvnb-live-head");
  const state = make("div", "pvnb-live-state");
  state.setAttribute("role", "status");
  const label = make("strong", "");
  const badge = make("span", "pvnb-live-badge", { textContent: "Sandbox" });
  const time = make("span", "pvnb-live-time");
  time.setAttribute("role", "timer");
  time.setAttribute("aria-live", "off"); // it changes every second
  const buttons = make("div", "pvnb-live-buttons");
  const bar = makeBar();
  const counts = make("div", "pvnb-live-counts");
  const texts = Object.fromEntries(TEXTS.map((name) => [name, make("div", `pvnb-live-${name}`)]));
  const question = make("div", "pvnb-live-question", { hidden: true });
  const questionText = make("div", "");
  const confirm = make("button", "pvnb-live-button", { type: "button", textContent: "Cancel this job" });
  const keep = make("button", "pvnb-live-button", { type: "button", textContent: "Keep waiting" });
  const answers = make("div", "pvnb-live-answers");
  const problem = make("div", "pvnb-live-problem", { hidden: true });
  problem.setAttribute("role", "status");
  const player = make("div", "pvnb-live-player", { hidden: true });
  const actions = Object.fromEntries(
    BUTTONS.map(([name, textContent]) => {
      const button = make("button", "pvnb-live-button", { type: "button", textContent });
      button.dataset.action = name;
      return [name, button];
    }),
  );
  buttons.append(...Object.values(actions));
  state.append(make("span", "pvnb-live-dot"), label);
  head.append(state, badge, time, buttons);
  answers.append(confirm, keep);
  question.append(questionText, answers);
  body.append(head, bar.element, counts, ...Object.values(texts));
  const card = make("div", "pvnb-live-card");
  card.append(images, body);
  el.append(card, question, problem, kernel.element, player, hideFallback(model.get("fallback_class")));

  // ---- what is shown ----

  /** @param {string} state of the kernel */
  function onChange(state) {
    draw();
    if (state === "alive") kernel.send({ kind: "hello", view });
  }

  /** @returns {LiveState} */
  function current() {
    return model.get("state");
  }

  function draw() {
    const now = current();
    const hasKernel = !kernel.isGone();
    el.classList.toggle("pvnb-card", now.kind === "job");
    el.classList.toggle("pvnb-sweep-card", now.kind === "sweep");
    el.dataset.state = now.state;
    el.dataset.severity = now.severity;
    setText(label, now.label);
    badge.hidden = !now.is_sandbox;
    for (const name of TEXTS) setText(texts[name], now[name] ?? "");
    setText(questionText, now.cancel_question ?? "");
    setText(actions.resume, now.resume_label || "Resume");
    const focused = Object.values(actions).find((button) => button === document.activeElement);
    for (const [name, button] of Object.entries(actions)) button.hidden = !hasKernel || !now.actions.includes(name);
    if (focused?.hidden) moveFocus(focused);
    if (!hasKernel) closeQuestion();
    bar.element.hidden = now.is_over && now.kind === "job";
    drawCounts(now);
    drawImages();
    drawTime();
    if (now.is_over) {
      problem.hidden = true;
      if (now.has_video) requestPlayer();
    }
  }

  /** @param {LiveState} now */
  function drawCounts(now) {
    counts.hidden = !now.parts?.length;
    for (const [name, count] of now.parts ?? []) {
      bar.setPart(name, count / Math.max(1, now.wanted ?? 1));
      let item = /** @type {HTMLElement | null} */ (counts.querySelector(`[data-part="${name}"]`));
      if (!item) {
        item = make("span", "pvnb-live-count");
        item.dataset.part = name;
        item.append(make("span", ""));
        counts.append(item);
      }
      setText(/** @type {HTMLElement} */ (item.firstChild), `${count} ${name}`);
      item.hidden = !count && name !== "done";
    }
    if (now.kind === "sweep") bar.setValue(now.wanted ?? 0, now.done ?? 0, `${now.done} of ${now.wanted} done`);
  }

  function drawTime() {
    const now = current();
    if (kernel.state() === "gone") {
      bar.element.dataset.moving = "false";
      return; // a clock that goes on would say that the job does
    }
    setText(time, timeText(now, clock.now()));
    if (!now.is_over && performance.now() - lastMessageAt > SILENT_MS) kernel.ask();
    if (now.kind !== "job" || now.is_over) return;
    const share = now.typical_s && now.began_at ? (clock.now() - now.began_at) / now.typical_s : null;
    const shown = share === null ? 0 : Math.min(Math.max(share, 0.02), MAX_SHARE);
    bar.setPart("elapsed", shown);
    bar.setValue(100, share === null ? null : Math.round(100 * shown), now.label);
    bar.element.dataset.late = String(share !== null && share > LATE_FACTOR);
    bar.element.dataset.moving = String(!now.is_clock_stopped);
  }

  function drawImages() {
    const buffers = imagesByCard.get(model.get("fallback_class"));
    if (!buffers || images.childElementCount) return;
    buffers.forEach((bytes, index) => {
      const url = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
      urls.push(url);
      images.append(make("img", "", { src: url, alt: `input ${index + 1}` }));
    });
    images.hidden = !buffers.length;
  }

  // ---- what the person does ----

  /** @param {HTMLElement} from a button that has disappeared */
  function moveFocus(from) {
    const next = from === actions.pause ? actions.resume : actions.pause;
    const isUndone = from !== actions.stop && from !== actions.cancel; // to go on after these is a new decision
    (isUndone && !next.hidden ? next : label).focus();
  }

  function closeQuestion() {
    if (question.hidden) return;
    const hadFocus = question.contains(document.activeElement);
    question.hidden = true;
    if (hadFocus) (actions.cancel.hidden ? label : actions.cancel).focus();
  }

  /** @param {string} name of a button */
  function sendAction(name) {
    kernel.ask();
    lastNumber += 1;
    sendUntilAcknowledged({ kind: "action", view, number: lastNumber, name }, 1);
  }

  /**
   * @param {object} message
   * @param {number} count how often it has been sent, this time included
   */
  function sendUntilAcknowledged(message, count) {
    clearTimeout(ackTimer);
    if (kernel.isGone() || !kernel.send(message)) return;
    ackTimer = setTimeout(() => {
      if (count < MAX_SENDS) sendUntilAcknowledged(message, count + 1);
      else if (kernel.state() === "alive") setText(problem, BUSY);
    }, ACK_TIMEOUT_MS);
  }

  label.tabIndex = -1; // takes the focus of a button that disappears
  on(buttons, "click", (event) => {
    const action = closest(event, "button")?.dataset.action;
    if (!action || event.detail > 1) return; // the second click of a double click: Resume may be where Stop was
    if (action === "cancel" && current().cancel_question) {
      question.hidden = !question.hidden;
      if (!question.hidden) keep.focus();
    } else sendAction(action);
  });
  on(confirm, "click", () => {
    closeQuestion();
    sendAction("cancel");
  });
  on(keep, "click", closeQuestion);
  on(el, "keydown", (event) => {
    if (event.key === "Enter" && event.repeat) event.preventDefault(); // a key held down presses once
    if (event.key === "Escape" && !question.hidden) closeQuestion();
  });

  // ---- the finished video ----

  // In most places the output is replaced by the player, and this view ends. In others (an Output widget, a tab, a
  // second view) it stays, and shows the player itself.
  function requestPlayer() {
    if (isPlayerRequested) return;
    isPlayerRequested = true;
    playerTimer = setTimeout(() => kernel.send({ kind: "player", view }), OUTPUT_MS);
  }

  /** @param {string} html made by the kernel, with every value escaped */
  async function showPlayer(html) {
    if (!player.hidden) return;
    player.innerHTML = html;
    player.hidden = false;
    card.hidden = true;
    const video = player.querySelector("video");
    if (!video) return;
    isUsingVideo = true;
    try {
      video.src = await source.load(VIDEO_KEY);
    } catch (error) {
      setText(problem, error instanceof Error ? error.message : String(error));
    }
  }

  // ---- the kernel ----

  /** @param {{ kind: string, now: number, view: string, number: number, html: string }} content */
  function onMessage(content) {
    lastMessageAt = performance.now();
    if (content.kind === "heartbeat") clock.setBy(content.now);
    else if (content.kind === "images") drawImages();
    else if (content.kind === "ack" && content.view === view && content.number === lastNumber) {
      clearTimeout(ackTimer);
      problem.hidden = true;
    } else if (content.kind === "player" && content.view === view) showPlayer(content.html);
  }

  model.on("change:state", draw);
  model.on("msg:custom", onMessage);
  draw();
  kernel.send({ kind: "hello", view });

  return () => {
    listeners.abort();
    clearTimeout(ackTimer);
    clearTimeout(playerTimer);
    clock.dispose();
    kernel.dispose();
    if (isUsingVideo) source.release(VIDEO_KEY);
    source.dispose();
    for (const url of urls) URL.revokeObjectURL(url);
    model.off("change:state", draw);
    model.off("msg:custom", onMessage);
    kernel.send({ kind: "bye", view });
  };
}

export default { initialize, render };
