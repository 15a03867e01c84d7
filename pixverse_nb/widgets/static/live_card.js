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
function hideFallback(className) {
  const hidden = `:is(.${className}, .jp-OutputArea-child:has(.${className}):not(:has(.pvnb-ui)))`;
  return make("style", "", { textContent: className ? `${hidden} { display: none !important; }` : "" });
}
function listenUntil(signal) {
  return (target, name, listener) => target.addEventListener(
    name,
    /** @type {EventListener} */
    listener,
    { signal }
  );
}
function keepKeys(element, signal) {
  element.setAttribute("data-lm-suppress-shortcuts", "true");
  keepShortcuts(element, signal);
  listenUntil(signal)(element, "keydown", (event) => {
    if (!isSaveKey(event)) event.stopPropagation();
  });
}
function closest(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}
function makeViewId() {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}

// src/kernel_alive.js
var EARLIER_KERNEL = "This view belongs to an earlier kernel. Run the cell again.";
var SILENT = "The kernel does not answer. It is busy, or this view belongs to an earlier kernel: then run the cell again.";
var SILENT_MS = 5e3;
var ANSWER_MS = 600;
var TOUCH_MS = 1e4;
var BEAT_MS = 15e3;
var DISCONNECTED = "jupyter-widgets-disconnected";
var ENDS = ["restarting", "autorestarting", "terminating", "dead"];
function watchKernel({ model, el, kept, onChange = () => {
} }) {
  const element = make("div", "pvnb-kernel-notice", { hidden: true, tabIndex: -1 });
  element.setAttribute("role", "status");
  const connection = model.isStandalone ? null : model.widget_manager?.kernel;
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
  const onBeat = () => {
    if (!document.hidden && performance.now() - heardAt > BEAT_MS) ask();
  };
  const stopListening = listenTo(connection, { onEnd: () => setState("gone"), onBack: ask });
  const observer = new MutationObserver(onView);
  observer.observe(el, { attributes: true, attributeFilter: ["class"] });
  model.on("msg:custom", onMessage);
  for (const name of ["pointerenter", "focusin"]) el.addEventListener(name, onTouched);
  const beat = model.widget_manager || model.isStandalone ? 0 : setInterval(onBeat, BEAT_MS);
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
      clearInterval(beat);
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

// src/base64.js
function decodeBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

// src/video_source.js
var MP4 = { type: "video/mp4" };
var STALLED_MS = 4e3;
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
    return performance.now() - request.progressAt > STALLED_MS;
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

// src/live_card.js
var BUSY = "The kernel is busy with a cell and has not heard this yet. Interrupt the cell (the ■ above) to have it done now.";
var HEARD_MS = 1e3;
var MOST_SENDS = 3;
var SILENT_MS2 = 9e3;
var REPLACED_MS = 1500;
var LATE = 1.5;
var LONGEST_SHARE = 0.97;
var VIDEO_KEY = "video";
var TEXTS = (
  /** @type {const} */
  ["explanation", "error", "charge", "next", "warning", "title", "facts", "notices"]
);
var BUTTONS = [
  ["pause", "Pause"],
  ["resume", "Resume"],
  ["stop", "Stop"],
  ["cancel", "Cancel"]
];
var imagesByCard = /* @__PURE__ */ new Map();
function initialize({ model }) {
  model.on("msg:custom", (content, buffers) => {
    if (content.kind === "images") imagesByCard.set(model.get("fallback_class"), buffers);
  });
}
function setText(element, text) {
  const node = element.firstChild;
  if (!(node instanceof Text)) element.textContent = text;
  else if (node.data !== text) node.data = text;
  element.hidden = !text;
}
function formatDuration(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours) return `${hours} h ${minutes} min`;
  return whole < 600 && whole % 60 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
}
function formatTime(at) {
  return new Date(at * 1e3).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
function timeText(state, now) {
  if (state.is_clock_stopped || !state.began_at) return state.clock_text ?? "";
  const elapsed = formatElapsed(now - state.began_at);
  if (state.ends_at) {
    const left = state.ends_at - now;
    return left < 1 ? elapsed : `${elapsed} · about ${formatDuration(left)} left, until ${formatTime(state.ends_at)}`;
  }
  if (!state.typical_s) return elapsed;
  const usual = formatDuration(state.typical_s);
  const isLate = now - state.began_at > LATE * state.typical_s;
  return `${elapsed} · ${isLate ? `longer than usual (about ${usual})` : `usually about ${usual}`}`;
}
function makeBar() {
  const element = make("div", "pvnb-live-bar");
  element.setAttribute("role", "progressbar");
  element.setAttribute("aria-valuemin", "0");
  const parts = /* @__PURE__ */ new Map();
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
    }
  };
}
function render({ model, el }) {
  const listeners = new AbortController();
  const on = listenUntil(listeners.signal);
  const view = makeViewId();
  const source = makeVideoSource(model);
  const kernel = watchKernel({ model, el, kept: "Its jobs are kept.", onChange });
  const clock = makeKernelClock({ onTick: drawTime });
  let isPlayerWanted = false;
  let isUsingVideo = false;
  let heardTimer = 0;
  let newestAct = 0;
  let playerTimer = 0;
  let heardAt = performance.now();
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
  time.setAttribute("aria-live", "off");
  const buttons = make("div", "pvnb-live-buttons");
  const bar = makeBar();
  const counts = make("div", "pvnb-live-counts");
  const texts = Object.fromEntries(TEXTS.map((name) => [name, make("div", `pvnb-live-${name}`)]));
  const question = make("div", "pvnb-live-question", { hidden: true });
  const questionText = make("div", "");
  const confirm = make("button", "pvnb-live-button", { type: "button", textContent: "Cancel this job" });
  const keep = make("button", "pvnb-live-button", { type: "button", textContent: "Keep waiting" });
  const answers = make("div", "pvnb-live-answers");
  const said = make("div", "pvnb-live-said", { hidden: true });
  said.setAttribute("role", "status");
  const player = make("div", "pvnb-live-player", { hidden: true });
  const actions = Object.fromEntries(
    BUTTONS.map(([name, textContent]) => {
      const button = make("button", "pvnb-live-button", { type: "button", textContent });
      button.dataset.action = name;
      return [name, button];
    })
  );
  buttons.append(...Object.values(actions));
  state.append(make("span", "pvnb-live-dot"), label);
  head.append(state, badge, time, buttons);
  answers.append(confirm, keep);
  question.append(questionText, answers);
  body.append(head, bar.element, counts, ...Object.values(texts));
  const card = make("div", "pvnb-live-card");
  card.append(images, body);
  el.append(card, question, said, kernel.element, player, hideFallback(model.get("fallback_class")));
  function onChange(state2) {
    draw();
    if (state2 === "alive") kernel.send({ kind: "hello", view });
  }
  function current() {
    return model.get("state");
  }
  function draw() {
    const now = current();
    const canAct = !now.is_over && !kernel.isGone();
    el.classList.toggle("pvnb-card", now.kind === "job");
    el.classList.toggle("pvnb-sweep-card", now.kind === "sweep");
    el.dataset.state = now.state;
    el.dataset.severity = now.severity;
    setText(label, now.label);
    badge.hidden = !now.is_sandbox;
    for (const name of TEXTS) setText(texts[name], now[name] ?? "");
    setText(questionText, now.cancel_question ?? "");
    for (const [name, button] of Object.entries(actions)) {
      const isShown = canAct && now.actions.includes(name);
      if (!isShown && document.activeElement === button) moveFocus(button);
      button.hidden = !isShown;
    }
    if (!canAct) closeQuestion();
    bar.element.hidden = now.is_over && now.kind === "job";
    drawCounts(now);
    drawImages();
    drawTime();
    if (now.is_over) {
      said.hidden = true;
      if (now.has_video) wantPlayer();
    }
  }
  function drawCounts(now) {
    counts.hidden = !now.parts?.length;
    for (const [name, count] of now.parts ?? []) {
      bar.setPart(name, count / Math.max(1, now.wanted ?? 1));
      let item = (
        /** @type {HTMLElement | null} */
        counts.querySelector(`[data-part="${name}"]`)
      );
      if (!item) {
        item = make("span", "pvnb-live-count");
        item.dataset.part = name;
        item.append(make("span", ""));
        counts.append(item);
      }
      setText(
        /** @type {HTMLElement} */
        item.firstChild,
        `${count} ${name}`
      );
      item.hidden = !count && name !== "done";
    }
    if (now.kind === "sweep") bar.setValue(now.wanted ?? 0, now.done ?? 0, `${now.done} of ${now.wanted} done`);
  }
  function drawTime() {
    const now = current();
    if (kernel.state() === "gone") {
      bar.element.dataset.moving = "false";
      return;
    }
    setText(time, timeText(now, clock.now()));
    if (!now.is_over && performance.now() - heardAt > SILENT_MS2) kernel.ask();
    if (now.kind !== "job" || now.is_over) return;
    const share = now.typical_s && now.began_at ? (clock.now() - now.began_at) / now.typical_s : null;
    const shown = share === null ? 0 : Math.min(Math.max(share, 0.02), LONGEST_SHARE);
    bar.setPart("elapsed", shown);
    bar.setValue(100, share === null ? null : Math.round(100 * shown), now.label);
    bar.element.dataset.late = String(share !== null && share > LATE);
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
  function moveFocus(from) {
    const next = Object.values(actions).find((button) => button !== from && !button.hidden);
    (next ?? label).focus();
  }
  function closeQuestion() {
    if (question.hidden) return;
    const hadFocus = question.contains(document.activeElement);
    question.hidden = true;
    if (hadFocus) (actions.cancel.hidden ? label : actions.cancel).focus();
  }
  function act(action) {
    kernel.ask();
    newestAct += 1;
    sendUntilHeard({ kind: "act", view, number: newestAct, action }, 1);
  }
  function sendUntilHeard(message, count) {
    clearTimeout(heardTimer);
    if (kernel.isGone() || !kernel.send(message)) return;
    heardTimer = setTimeout(() => {
      if (count < MOST_SENDS) sendUntilHeard(message, count + 1);
      else if (kernel.state() === "alive") setText(said, BUSY);
    }, HEARD_MS);
  }
  label.tabIndex = -1;
  on(buttons, "click", (event) => {
    const action = closest(event, "button")?.dataset.action;
    if (!action) return;
    if (action === "cancel" && current().cancel_question) {
      question.hidden = !question.hidden;
      if (!question.hidden) keep.focus();
    } else act(action);
  });
  on(confirm, "click", () => {
    closeQuestion();
    act("cancel");
  });
  on(keep, "click", closeQuestion);
  on(el, "keydown", (event) => {
    if (event.key === "Escape" && !question.hidden) closeQuestion();
  });
  function wantPlayer() {
    if (isPlayerWanted) return;
    isPlayerWanted = true;
    playerTimer = setTimeout(() => kernel.send({ kind: "player", view }), REPLACED_MS);
  }
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
      setText(said, error instanceof Error ? error.message : String(error));
    }
  }
  function onMessage(content) {
    heardAt = performance.now();
    if (content.kind === "beat") clock.setBy(content.now);
    else if (content.kind === "images") drawImages();
    else if (content.kind === "done" && content.view === view && content.number === newestAct) {
      clearTimeout(heardTimer);
      said.hidden = true;
    } else if (content.kind === "player" && content.view === view) showPlayer(content.html);
  }
  model.on("change:state", draw);
  model.on("msg:custom", onMessage);
  draw();
  kernel.send({ kind: "hello", view });
  return () => {
    listeners.abort();
    clearTimeout(heardTimer);
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
var live_card_default = { initialize, render };
export {
  live_card_default as default
};
