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
function formatTimecode(seconds) {
  const hundredths = Math.max(0, Math.round(seconds * 100));
  const [minutes, rest] = [Math.floor(hundredths / 6e3), Math.floor(hundredths / 100) % 60];
  return `${minutes}:${twoDigits(rest)}.${twoDigits(hundredths % 100)}`;
}

// src/shortcuts.js
var ATTRIBUTE = "data-lm-suppress-shortcuts";
function isSaveKey(event) {
  return (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "s";
}
function keepShortcuts(el2, signal) {
  const onKey = (event) => {
    const { target } = event;
    if (!(target instanceof Element && el2.contains(target))) return;
    if (!isSaveKey(event)) {
      target.setAttribute(ATTRIBUTE, "true");
      return;
    }
    const opened = [target, el2, ...el2.querySelectorAll(`[${ATTRIBUTE}]`)].filter((one) => one.hasAttribute(ATTRIBUTE));
    for (const one of opened) one.removeAttribute(ATTRIBUTE);
    setTimeout(() => {
      for (const one of opened) one.setAttribute(ATTRIBUTE, "true");
    });
  };
  window.addEventListener("keydown", onKey, { capture: true, signal });
}

// src/dom.js
var ICONS = {
  compare: '<rect x="1.8" y="3.5" width="5.2" height="9" rx="1"/><rect x="9" y="3.5" width="5.2" height="9" rx="1"/>',
  cross: '<path d="m4 4 8 8m0-8-8 8"/>',
  down: '<path d="M8 3v10M4 9l4 4 4-4"/>',
  filter: '<path d="M2 4h12M4.5 8h7M7 12h2"/>',
  fullscreen: '<path d="M6 2.5H2.5V6M10 2.5h3.5V6M6 13.5H2.5V10M10 13.5h3.5V10"/>',
  keyboard: '<rect x="1.5" y="4" width="13" height="8.5" rx="1.5"/><path d="M4 7h.01M6.7 7h.01M9.3 7h.01M12 7h.01M5 10h6"/>',
  left: '<path d="M13 8H3m4-4L3 8l4 4"/>',
  loop: '<path d="M3 8V7a3 3 0 0 1 3-3h7m-2-2 2 2-2 2M13 8v1a3 3 0 0 1-3 3H3m2 2-2-2 2-2"/>',
  next: '<path d="m6 3 5 5-5 5"/>',
  pause: '<path d="M5 3.5v9M11 3.5v9" class="pvnb-icon-thick"/>',
  pencil: '<path d="m3 13 .7-3.2L10.9 2.6l2.5 2.5-7.2 7.2z"/>',
  play: '<path d="M5 3.2v9.6L13 8z" class="pvnb-icon-solid"/>',
  previous: '<path d="m10 3-5 5 5 5"/>',
  right: '<path d="M3 8h10M9 4l4 4-4 4"/>',
  star: '<path d="m8 1.8 1.9 3.9 4.3.6-3.1 3 .7 4.3L8 11.6l-3.8 2 .7-4.3-3.1-3 4.3-.6z"/>',
  stepBack: '<path d="M12 3.2v9.6L5.5 8z" class="pvnb-icon-solid"/><path d="M4 3.5v9"/>',
  stepForward: '<path d="M4 3.2v9.6L10.5 8z" class="pvnb-icon-solid"/><path d="M12 3.5v9"/>',
  up: '<path d="M8 13V3M4 7l4-4 4 4"/>',
  warning: '<path d="M8 2 1.8 13.2h12.4zM8 6.5v3.2m0 1.8v.2"/>'
};
function make(tag, className = "", properties = {}) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  return Object.assign(element, properties);
}
function makeIcon(name) {
  const icon = make("span", "pvnb-icon");
  icon.setAttribute("aria-hidden", "true");
  icon.innerHTML = `<svg viewBox="0 0 16 16">${ICONS[name]}</svg>`;
  return icon;
}
function makeButton(className, { label, icon, text = "", key = "" }) {
  const button = make("button", className, { type: "button", title: key ? `${label} (${key})` : label });
  button.setAttribute("aria-label", label);
  if (icon) button.append(makeIcon(icon));
  if (text) button.append(make("span", "", { textContent: text }));
  return button;
}
function makeRadioGroup(className, { label, options, value, signal, onChoose }) {
  const element = make("div", className);
  element.setAttribute("role", "radiogroup");
  element.setAttribute("aria-label", label);
  const buttons = options.map(([own, textContent, title]) => {
    const button = make("button", "", { type: "button", textContent, title });
    button.setAttribute("role", "radio");
    button.dataset.value = own;
    return button;
  });
  element.append(...buttons);
  function show(chosen) {
    for (const button of buttons) {
      const isOn = button.dataset.value === chosen;
      button.setAttribute("aria-checked", String(isOn));
      button.tabIndex = isOn ? 0 : -1;
    }
  }
  function choose(button) {
    show(button.dataset.value);
    onChoose(button.dataset.value ?? "");
  }
  const on = listenUntil(signal);
  on(element, "click", (event) => {
    const button = buttons.find((one) => one === event.target);
    if (button) choose(button);
  });
  on(element, "keydown", (event) => {
    const step = arrowStep(event);
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const current = buttons.findIndex((one) => one.contains(
      /** @type {Node} */
      event.target
    ));
    const next = buttons[(current + step + buttons.length) % buttons.length];
    choose(next);
    next.focus();
  });
  show(value);
  return { element, show };
}
function hideFallback(className) {
  const hidden = `:is(.${className}, .jp-OutputArea-child:has(.${className}):not(:has(.pvnb-ui)))`;
  return make("style", "", { textContent: className ? `${hidden} { display: none !important; }` : "" });
}
function trackDrag(track, { signal, onMove, onStart = () => {
}, onEnd = () => {
}, canStart = () => true }) {
  let pointer = null;
  const move = (event) => {
    const { left, width } = track.getBoundingClientRect();
    onMove(clamp((event.clientX - left) / Math.max(1, width), 0, 1));
  };
  const end = (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    onEnd();
  };
  const on = listenUntil(signal);
  on(track, "pointerdown", (event) => {
    if (event.button !== 0 || !canStart(event)) return;
    pointer = event.pointerId;
    track.setPointerCapture(pointer);
    onStart();
    move(event);
  });
  on(track, "pointermove", (event) => {
    if (event.pointerId === pointer) move(event);
  });
  on(track, "pointerup", end);
  on(track, "pointercancel", end);
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
function keepFocus(root, { signal, fallback }) {
  let focused = null;
  const isUsable = (element) => element.isConnected && !element.closest("[hidden]") && !element.matches(":disabled");
  function check() {
    const lost = focused;
    if (!lost || isUsable(lost) || !root.isConnected) return;
    focused = null;
    const active = document.activeElement;
    if (active === lost || active === document.body || !active) fallback(lost).focus({ preventScroll: true });
  }
  const on = listenUntil(signal);
  on(root, "focusin", (event) => {
    focused = /** @type {HTMLElement} */
    event.target;
  });
  on(root, "focusout", (event) => {
    const left = focused;
    queueMicrotask(() => {
      check();
      if (focused === left && !root.contains(document.activeElement)) focused = null;
    });
    if (event.relatedTarget) focused = null;
  });
  const observer = new MutationObserver(check);
  observer.observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: ["hidden", "disabled"] });
  const stop = () => {
    observer.disconnect();
    signal.removeEventListener("abort", stop);
  };
  signal.addEventListener("abort", stop);
}
function prefersLessMotion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
function closest(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}
function arrowStep(event) {
  if (event.key === "ArrowRight" || event.key === "ArrowDown") return 1;
  return event.key === "ArrowLeft" || event.key === "ArrowUp" ? -1 : 0;
}
function clamp(value, min, max) {
  return Math.min(Math.max(value, min), max);
}
function countOf(count, noun, plural = `${noun}s`) {
  return `${count} ${count === 1 ? noun : plural}`;
}
function makeViewId() {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}

// src/compare_controls.js
var RATES = [0.1, 0.25, 0.5, 1, 1.5, 2];
var GAINS = [1, 2, 4, 8, 16];
var DEFAULT_GAIN = 4;
var BUTTON = "pvnb-compare-button";
function makeSlider(className, label) {
  const slider = make("div", className, { tabIndex: 0 });
  slider.setAttribute("role", "slider");
  slider.setAttribute("aria-label", label);
  return slider;
}
function makeSelect(label, { values, value, textOf }) {
  const select = make("select", "pvnb-compare-select", { title: label });
  select.setAttribute("aria-label", label);
  for (const one of values) select.append(make("option", "", { value: String(one), textContent: textOf(one) }));
  select.value = String(value);
  return select;
}
function makeControls({ signal, sync, onGain, onFullscreen }) {
  const element = make("div", "pvnb-compare-controls");
  const track = makeSlider("pvnb-compare-track", "Position in the videos");
  const groove = make("div", "pvnb-compare-groove");
  const rangeBar = make("div", "pvnb-compare-range");
  const fill = make("div", "pvnb-compare-fill");
  groove.append(rangeBar, fill);
  const knob = make("div", "pvnb-compare-knob");
  const marks = {
    first: makeSlider("pvnb-compare-mark", "Start of the range"),
    last: makeSlider("pvnb-compare-mark", "End of the range")
  };
  track.append(groove, marks.first, marks.last, knob);
  const row = make("div", "pvnb-compare-row");
  const back = makeButton(BUTTON, { label: "Previous frame", icon: "stepBack", key: "," });
  const play = makeButton(`${BUTTON} pvnb-compare-play`, { label: "Play", icon: "play", key: "Space" });
  const forward = makeButton(BUTTON, { label: "Next frame", icon: "stepForward", key: "." });
  const time = make("span", "pvnb-compare-time");
  const frame = make("span", "pvnb-compare-frame");
  const space = make("span", "pvnb-compare-space");
  const gain = makeSelect("Difference gain", {
    values: GAINS,
    value: DEFAULT_GAIN,
    textOf: (value) => `${value}× gain`
  });
  const rate = makeSelect("Speed", { values: RATES, value: 1, textOf: (value) => `${value}×` });
  const loop = makeButton(BUTTON, { label: "Loop", icon: "loop", key: "L" });
  const start = makeButton(BUTTON, { label: "Start the range here", text: "In", key: "I" });
  const end = makeButton(BUTTON, { label: "End the range here", text: "Out", key: "O" });
  const clear = makeButton(BUTTON, { label: "Clear range", text: "Clear range" });
  const fullscreen = makeButton(BUTTON, { label: "Full screen", icon: "fullscreen", key: "F" });
  row.append(back, play, forward, time, frame, space, start, end, clear, loop, rate, fullscreen);
  element.append(track, row);
  let wasPlaying = false;
  let drawnPlaying = null;
  const on = listenUntil(signal);
  on(back, "click", () => sync.step(-1));
  on(forward, "click", () => sync.step(1));
  on(play, "click", togglePlay);
  on(loop, "click", () => sync.setLooping(!sync.state().isLooping));
  on(start, "click", () => setRangeEnd("first"));
  on(end, "click", () => setRangeEnd("last"));
  on(clear, "click", () => sync.setRange(null));
  on(fullscreen, "click", onFullscreen);
  on(rate, "change", () => sync.setRate(Number(rate.value)));
  on(gain, "change", () => onGain(Number(gain.value)));
  function togglePlay() {
    if (sync.state().isPlaying) sync.pause();
    else sync.play();
  }
  function setRangeEnd(side, at2 = sync.state().frame) {
    const { first, last, frames } = sync.state();
    const range = { first, last, [side]: at2 };
    if (range.first > range.last) Object.assign(range, side === "first" ? { last: frames - 1 } : { first: 0 });
    sync.setRange(range.first > 0 || range.last < frames - 1 ? range : null);
  }
  trackDrag(track, {
    signal,
    canStart: (event) => !/** @type {Element} */
    event.target.classList.contains("pvnb-compare-mark"),
    onStart() {
      wasPlaying = sync.state().isPlaying;
      if (wasPlaying) sync.pause();
    },
    onMove: (share) => sync.seek(share * sync.state().duration),
    onEnd() {
      if (wasPlaying) sync.play();
    }
  });
  makeMarkMovable("first");
  makeMarkMovable("last");
  function makeMarkMovable(side) {
    const mark = marks[side];
    mark.dataset.side = side;
    mark.hidden = true;
    let isHeld = false;
    const moveTo = (at2) => {
      const { first, last, frames } = sync.state();
      setRangeEnd(side, side === "first" ? clamp(at2, 0, last) : clamp(at2, first, frames - 1));
    };
    on(mark, "pointerdown", (event) => {
      event.stopPropagation();
      isHeld = true;
      mark.setPointerCapture(event.pointerId);
    });
    on(mark, "pointermove", (event) => {
      if (!isHeld) return;
      const { left, width } = track.getBoundingClientRect();
      moveTo(Math.floor(clamp((event.clientX - left) / width, 0, 0.9999) * sync.state().frames));
    });
    for (
      const name of
      /** @type {const} */
      ["pointerup", "pointercancel"]
    ) {
      on(mark, name, () => {
        isHeld = false;
      });
    }
    on(mark, "keydown", (event) => {
      const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      moveTo(sync.state()[side] + step);
    });
  }
  function drawTrack(state2) {
    const share = state2.duration ? Math.min(state2.position / state2.duration, 1) : 0;
    const [from, to] = [state2.first / state2.frames, (state2.last + 1) / state2.frames];
    knob.style.left = `${100 * share}%`;
    fill.style.left = `${100 * from}%`;
    fill.style.width = `${100 * Math.max(0, Math.min(share, to) - from)}%`;
    rangeBar.style.left = `${100 * from}%`;
    rangeBar.style.width = `${100 * (to - from)}%`;
    marks.first.style.left = `${100 * from}%`;
    marks.last.style.left = `${100 * to}%`;
    marks.first.setAttribute("aria-valuenow", String(state2.first));
    marks.last.setAttribute("aria-valuenow", String(state2.last));
    for (const mark of Object.values(marks)) mark.hidden = !state2.hasRange;
    clear.hidden = !state2.hasRange;
  }
  function drawTime(state2) {
    const seconds = state2.frame / state2.frames * state2.duration;
    const timeText = `${formatTimecode(seconds)} / ${formatTimecode(state2.duration)}`;
    if (time.textContent !== timeText) time.textContent = timeText;
    const frameText = state2.duration ? `frame ${state2.frame + 1} of ${state2.frames}` : "";
    if (frame.textContent === frameText) return;
    frame.textContent = frameText;
    track.setAttribute("aria-valuemin", "1");
    track.setAttribute("aria-valuemax", String(state2.frames));
    track.setAttribute("aria-valuenow", String(state2.frame + 1));
    track.setAttribute("aria-valuetext", `${timeText}, ${frameText}`);
  }
  return {
    element,
    gain,
    togglePlay,
    setRangeEnd,
    /** @param {string} layout */
    setLayout(layout) {
      gain.hidden = layout !== "difference";
    },
    /** @param {SyncState} state */
    draw(state2) {
      drawTrack(state2);
      drawTime(state2);
      if (drawnPlaying !== state2.isPlaying) {
        drawnPlaying = state2.isPlaying;
        play.replaceChildren(makeIcon(drawnPlaying ? "pause" : "play"));
        play.setAttribute("aria-label", drawnPlaying ? "Pause" : "Play");
      }
      loop.setAttribute("aria-pressed", String(state2.isLooping));
      if (rate.value !== String(state2.rate)) rate.value = String(state2.rate);
    }
  };
}

// src/compare_view.js
var GAP_PX = 10;
var CAPTION_PX = 30;
var MIN_HEIGHT_PX = 220;
var MIN_PAIR_WIDTH_PX = 480;
var MAX_HEIGHT_SHARE = 0.68;
var KERNEL_WAIT_MS = 2500;
var DEFAULT_RATIO = 16 / 9;
var WIPE_STEP = 0.02;
function makeTile({ slot }, { signal, onChoose }) {
  const figure = make("figure", "pvnb-compare-tile");
  figure.dataset.slot = slot;
  const picture = make("div", "pvnb-compare-picture");
  const video = make("video", "", { muted: true, playsInline: true, preload: "auto", tabIndex: -1 });
  video.disablePictureInPicture = true;
  const overlay = make("div", "pvnb-compare-overlay");
  const icon = make("span", "pvnb-compare-overlay-icon");
  const message = make("div", "pvnb-compare-message");
  const bar = make("div", "pvnb-compare-bar");
  const filling = make("div");
  bar.append(filling);
  overlay.append(icon, message, bar);
  const ended = make("span", "pvnb-compare-ended", { hidden: true });
  picture.append(video, overlay, ended);
  const caption = make("figcaption", "");
  const name = make("button", "pvnb-compare-name", { type: "button" });
  const badge = make("span", "pvnb-compare-badge");
  const label = make("span", "pvnb-compare-label");
  name.append(badge, label);
  caption.append(name);
  figure.append(picture, caption);
  listenUntil(signal)(name, "click", () => onChoose(slot));
  return {
    slot,
    figure,
    picture,
    video,
    overlay,
    icon,
    message,
    bar,
    filling,
    ended,
    name,
    badge,
    label,
    /** @type {number | null} */
    ratio: null,
    error: "",
    share: 0,
    // of its bytes that have arrived
    kernelTimer: 0,
    isKernelLate: false,
    drawn: ""
    // the status and error that it shows
  };
}
function ratioOf({ video, ratio }) {
  return video.videoWidth / video.videoHeight || ratio || DEFAULT_RATIO;
}
function makeView({ signal, source, onChoose, onChange, onFailed }) {
  const element = make("div", "pvnb-compare-view");
  const box = make("div", "pvnb-compare-box");
  const grid = make("div", "pvnb-compare-tiles");
  const names = ["a", "b"].map((side) => {
    const name = make("span", "pvnb-compare-pill", { hidden: true });
    name.dataset.side = side;
    return name;
  });
  const divider = make("div", "pvnb-compare-divider", { hidden: true, tabIndex: 0 });
  divider.setAttribute("role", "slider");
  divider.setAttribute("aria-label", "Divider between the two videos");
  divider.setAttribute("aria-valuemin", "0");
  divider.setAttribute("aria-valuemax", "100");
  divider.append(make("span"));
  box.append(grid, ...names, divider);
  element.append(box);
  const tiles = /* @__PURE__ */ new Map();
  let layout = "side";
  let isVoting = false;
  let wipe = 0.5;
  const visibleTiles = () => [...tiles.values()].filter(({ figure }) => !figure.hidden);
  async function load(tile) {
    tile.kernelTimer = setTimeout(() => {
      tile.isKernelLate = true;
      onChange();
    }, KERNEL_WAIT_MS);
    try {
      const url = await source.load(tile.slot, (received, size) => {
        tile.share = received / size;
        tile.isKernelLate = false;
        drawTile(tile, "loading");
      });
      if (tiles.get(tile.slot) !== tile) return;
      listenUntil(signal)(tile.video, "error", () => fail(tile, "This browser cannot play this video."));
      tile.video.src = url;
    } catch (error) {
      fail(tile, error instanceof Error ? error.message : String(error));
    } finally {
      clearTimeout(tile.kernelTimer);
      tile.isKernelLate = false;
      onChange();
    }
  }
  function fail(tile, error) {
    if (tiles.get(tile.slot) !== tile) return;
    tile.error = error;
    onFailed(tile.video);
    onChange();
  }
  function remove(tile) {
    tiles.delete(tile.slot);
    clearTimeout(tile.kernelTimer);
    tile.figure.remove();
    tile.video.removeAttribute("src");
    tile.video.load();
    source.release(tile.slot);
  }
  function drawTile(tile, status) {
    tile.drawn = status + tile.error;
    tile.figure.dataset.status = status;
    tile.overlay.hidden = !["loading", "failed", "stalled"].includes(status);
    tile.bar.hidden = status !== "loading";
    tile.filling.style.width = `${100 * tile.share}%`;
    tile.icon.replaceChildren(...status === "failed" ? [makeIcon("warning")] : []);
    if (status === "failed") tile.message.textContent = tile.error || "This video cannot be played.";
    else if (status === "stalled") tile.message.textContent = "Buffering. The other videos wait.";
    else tile.message.textContent = "Loading";
    tile.ended.hidden = status !== "ended";
    tile.ended.textContent = status === "ended" ? `Ended at ${formatTimecode(tile.video.duration)} · shows its last frame` : "";
  }
  function fit(tile, ratio) {
    tile.video.style.objectFit = Math.abs(ratioOf(tile) / ratio - 1) < 0.02 ? "cover" : "contain";
  }
  function layOutGrid(shown, width, height) {
    const ratios = shown.map(ratioOf).sort((a, b) => a - b);
    const ratio = ratios[Math.ceil(shown.length / 2) - 1];
    const isPair = isVoting || shown.length === 2 && width >= MIN_PAIR_WIDTH_PX;
    let best = { width: 0, columns: 1 };
    for (let columns = isPair ? 2 : 1; columns <= shown.length; columns += 1) {
      const rowCount = Math.ceil(shown.length / columns);
      const tileWidth = (width - GAP_PX * (columns - 1)) / columns;
      const tileHeight = (height - GAP_PX * (rowCount - 1)) / rowCount - CAPTION_PX;
      const fitted = Math.floor(Math.min(tileWidth, tileHeight * ratio));
      if (fitted > best.width) best = { width: fitted, columns };
    }
    grid.style.gridTemplateColumns = `repeat(${best.columns}, ${best.width}px)`;
    box.style.width = "";
    box.style.height = "";
    for (const tile of shown) {
      tile.picture.style.height = `${Math.round(best.width / ratio)}px`;
      fit(tile, ratio);
    }
  }
  function layOutStack(shown, width, height) {
    const ratio = ratioOf(shown[0]);
    const fitted = Math.floor(Math.min(width, height * ratio));
    box.style.width = `${fitted}px`;
    box.style.height = `${Math.round(fitted / ratio)}px`;
    for (const tile of shown) {
      tile.picture.style.height = "100%";
      fit(tile, ratio);
    }
  }
  function layOut() {
    const shown = visibleTiles();
    const width = element.clientWidth;
    if (!shown.length || !width) return;
    const isFullscreen = Boolean(document.fullscreenElement?.contains(element));
    const height = isFullscreen ? element.clientHeight : Math.max(MIN_HEIGHT_PX, window.innerHeight * MAX_HEIGHT_SHARE);
    if (layout === "side") layOutGrid(shown, width, height);
    else layOutStack(shown, width, height);
  }
  function setWipe(share) {
    wipe = clamp(share, 0, 1);
    element.style.setProperty("--pvnb-wipe", `${100 * wipe}%`);
    divider.setAttribute("aria-valuenow", String(Math.round(100 * wipe)));
  }
  trackDrag(box, {
    signal,
    onMove: setWipe,
    canStart: () => layout === "wipe",
    onStart: () => divider.focus({ preventScroll: true })
  });
  const on = listenUntil(signal);
  on(divider, "keydown", (event) => {
    const steps = { ArrowLeft: -WIPE_STEP, ArrowRight: WIPE_STEP, Home: -1, End: 1 };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    setWipe(wipe + step);
  });
  const resizeObserver = new ResizeObserver(layOut);
  resizeObserver.observe(element);
  window.addEventListener("resize", layOut, { signal });
  element.addEventListener("loadedmetadata", layOut, { signal, capture: true });
  setWipe(0.5);
  function tileOf(shown) {
    const known = tiles.get(shown.slot);
    if (known) return known;
    const tile = makeTile(shown, { signal, onChoose });
    tiles.set(shown.slot, tile);
    grid.append(tile.figure);
    load(tile);
    return tile;
  }
  return {
    element,
    layOut,
    /**
     * Shows these videos, and releases those that are no longer among them.
     *
     * @param {ShownVideo[]} videos
     * @param {{ layout: Layout, pair: string[], isMarked: boolean, isVoting: boolean }} options `pair`: the slots on top
     *   of each other; `isMarked`: whether the pair is marked side by side too
     */
    show(videos, options) {
      ({ layout, isVoting } = options);
      const { pair, isMarked } = options;
      const slots = videos.map(({ slot }) => slot);
      for (const tile of [...tiles.values()]) if (!slots.includes(tile.slot)) remove(tile);
      videos.forEach((video, index) => {
        const tile = tileOf(video);
        tile.ratio = video.ratio;
        tile.label.textContent = video.label;
        tile.badge.textContent = video.badge;
        tile.name.title = video.label;
        tile.name.setAttribute("aria-label", `${video.badge} ${video.label}`.trim());
        tile.video.setAttribute("aria-label", video.label);
        tile.figure.style.order = String(index);
        const side = pair.indexOf(video.slot);
        tile.figure.dataset.side = layout !== "side" || isMarked ? "ab"[side] ?? "" : "";
        tile.figure.hidden = layout !== "side" && side < 0;
      });
      element.dataset.layout = layout;
      divider.hidden = layout !== "wipe";
      names.forEach((name, index) => {
        const video = videos.find(({ slot }) => slot === pair[index]);
        name.hidden = layout === "side" || !video;
        name.textContent = video ? video.label || video.badge : "";
      });
      layOut();
    },
    /** @param {number} gain of the difference */
    setGain: (gain) => element.style.setProperty("--pvnb-gain", String(gain)),
    /** The video elements that are visible, in their order. */
    videos() {
      const ordered = visibleTiles().sort((a, b) => Number(a.figure.style.order) - Number(b.figure.style.order));
      return ordered.map(({ video }) => video);
    },
    /** @param {(video: HTMLVideoElement) => PlayerStatus} statusOf */
    draw(statusOf) {
      for (const tile of visibleTiles()) {
        const status = tile.error ? "failed" : statusOf(tile.video);
        if (tile.drawn !== status + tile.error) drawTile(tile, status);
      }
    },
    /** One sentence for each visible video that failed. */
    errors: () => visibleTiles().filter(({ error }) => error).map(({ label, error }) => `${label.textContent}: ${error}`),
    isKernelLate: () => [...tiles.values()].some((tile) => tile.isKernelLate),
    dispose() {
      resizeObserver.disconnect();
      for (const tile of [...tiles.values()]) remove(tile);
    }
  };
}

// src/base64.js
function decodeBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

// src/compare_ranking.js
var PRIOR_VOTES = 1;
var POINTS_PER_E = 400 / Math.log(10);
var TOLERANCE = 1e-10;
var MAX_ROUNDS = 1e4;
var SHARES = { left: 1, right: 0, tie: 0.5 };
function at(map, slot) {
  return map.get(slot) ?? 0;
}
function strengthOf(own, won, rivals, strengths) {
  let expected = PRIOR_VOTES / (own + 1);
  for (const [rival, count] of rivals) expected += count / (own + at(strengths, rival));
  return won / expected;
}
function scoresOf(votes, slots) {
  const won = new Map(slots.map((slot) => [slot, PRIOR_VOTES / 2]));
  const rivals = new Map(slots.map((slot) => [slot, /* @__PURE__ */ new Map()]));
  for (const { left, right, result } of votes) {
    won.set(left, at(won, left) + SHARES[result]);
    won.set(right, at(won, right) + 1 - SHARES[result]);
    for (const [one, other] of [
      [left, right],
      [right, left]
    ]) {
      const counts = rivals.get(one);
      counts?.set(other, at(counts, other) + 1);
    }
  }
  let strengths = new Map(slots.map((slot) => [slot, 1]));
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const known = strengths;
    const next = slots.map((slot) => strengthOf(at(known, slot), at(won, slot), rivals.get(slot) ?? /* @__PURE__ */ new Map(), known));
    strengths = new Map(slots.map((slot, index) => [slot, next[index]]));
    if (slots.every((slot, index) => Math.abs(Math.log(next[index] / at(known, slot))) < TOLERANCE)) break;
  }
  return new Map(slots.map((slot) => [slot, POINTS_PER_E * Math.log(at(strengths, slot))]));
}
function tallyOf(votes, slot) {
  const own = votes.filter(({ left, right }) => left === slot || right === slot);
  const ties = own.filter(({ result }) => result === "tie").length;
  const wins = own.filter((vote) => vote.result !== "tie" && vote[vote.result] === slot).length;
  return { wins, losses: own.length - wins - ties, ties };
}
function rankSlots(votes, slots) {
  const scores = scoresOf(votes, slots);
  const rows = slots.map((slot) => ({ slot, score: Math.round(at(scores, slot)) + 0, ...tallyOf(votes, slot) }));
  const hasVotes = (row) => row.wins + row.losses + row.ties > 0;
  const exact = (row) => Math.round(at(scores, row.slot) * 1e3);
  const ranked = rows.filter(hasVotes).sort((one, other) => exact(other) - exact(one));
  return [
    ...ranked.map((row) => ({ ...row, place: ranked.findIndex(({ score }) => score === row.score) + 1 })),
    ...rows.filter((row) => !hasVotes(row)).map((row) => ({ ...row, place: null }))
  ];
}

// src/compare_voting.js
var SIGNS = { left: ">", right: "<", tie: "=" };
var SCALE_TEXT = "Points: Bradley–Terry scores on Elo's scale. A video without votes has 0 points. A lead of 100 points means that 64 of 100 votes prefer the video; a lead of 400 points means 91 of 100.";
function makeKernelBallot(model) {
  return {
    vote(result) {
      const [left, right] = model.get("pair");
      model.send({ kind: "vote", left, right, result });
    },
    reveal: () => model.send({ kind: "reveal" }),
    text: () => ""
  };
}
function makeStandaloneBallot(model) {
  const votes = [];
  function decodeLabels() {
    return JSON.parse(new TextDecoder().decode(decodeBase64(model.get("hidden_labels") ?? "")));
  }
  return {
    vote(result) {
      const [left, right] = model.get("pair");
      votes.push({ left, right, result });
      const schedule = model.get("schedule") ?? [];
      model.set("vote_count", votes.length);
      model.set("pair", schedule[votes.length % schedule.length]);
    },
    reveal() {
      const labels = decodeLabels();
      const ranks = rankSlots(votes, Object.keys(labels)).map((row) => ({ ...row, label: labels[row.slot] }));
      const videos = model.get("videos").map((video) => ({ ...video, label: labels[video.slot] }));
      model.set("videos", videos);
      model.set("ranks", ranks);
      model.set("is_blind", false);
    },
    text: () => votes.map(({ left, right, result }) => `${left} ${SIGNS[result]} ${right}`).join("\n")
  };
}
function makeVoting({ model, signal, onSend, onDone }) {
  const ballot = model.isStandalone ? makeStandaloneBallot(model) : makeKernelBallot(model);
  const element = make("div", "pvnb-compare-voting", { hidden: true });
  const count = make("div", "pvnb-compare-count");
  count.setAttribute("role", "status");
  const answers = make("div", "pvnb-compare-answers");
  answers.setAttribute("role", "group");
  answers.setAttribute("aria-label", "Which one is better?");
  const button = "pvnb-compare-button";
  const left = makeButton(button, { label: "Left is better", icon: "left", text: "Left is better", key: "←" });
  const tie = makeButton(button, { label: "No difference", icon: "down", text: "No difference", key: "↓" });
  const right = makeButton(button, { label: "Right is better", icon: "right", text: "Right is better", key: "→" });
  answers.append(left, tie, right);
  const ends = make("div", "pvnb-compare-ends");
  const copy = makeButton(button, { label: "Copy the votes as text", text: "Copy" });
  const done = makeButton(button, { label: "Show the result", text: "Show the result" });
  ends.append(copy, done);
  for (const part of [answers, ends]) part.dataset.needsKernel = "";
  element.append(count, answers, ends);
  const copyText = (
    /** @type {HTMLElement} */
    copy.lastElementChild
  );
  const result = make("section", "pvnb-compare-result", { hidden: true });
  result.setAttribute("aria-label", "Ranking");
  let answered = "";
  function vote(choice) {
    const pair = model.get("pair").join(" ") + model.get("vote_count");
    if (element.hidden || pair === answered || !onSend()) return;
    answered = pair;
    ballot.vote(choice);
  }
  const on = listenUntil(signal);
  on(left, "click", () => vote("left"));
  on(tie, "click", () => vote("tie"));
  on(right, "click", () => vote("right"));
  on(done, "click", () => {
    if (!onSend()) return;
    ballot.reveal();
    onDone();
  });
  on(copy, "click", async () => {
    try {
      await navigator.clipboard.writeText(ballot.text());
      copyText.textContent = "Copied";
    } catch {
      const field = make("textarea", "pvnb-compare-text", { value: ballot.text(), readOnly: true, rows: 4 });
      element.append(field);
      field.select();
    }
  });
  function drawResult() {
    const all = model.get("ranks");
    const ranked = all.filter(({ place }) => place);
    const scores = ranked.map(({ score }) => score);
    const [min, max] = [Math.min(...scores), Math.max(...scores)];
    const head = make("div", "pvnb-compare-result-head");
    head.append(
      make("strong", "", { textContent: "Ranking" }),
      make("span", "", { textContent: `from ${countOf(model.get("vote_count"), "vote")}` })
    );
    const list = make("ol", "pvnb-compare-ranks");
    list.append(...ranked.map((rank) => makeRank(rank, max > min ? (rank.score - min) / (max - min) : 1)));
    const scale = make("div", "pvnb-compare-scale", { textContent: SCALE_TEXT });
    result.replaceChildren(head, list, ...makeUnranked(all), scale);
  }
  return {
    element,
    result,
    vote,
    /** @param {{ isVoting: boolean }} state */
    draw({ isVoting }) {
      const votes = model.get("vote_count");
      const videos = model.get("videos").length;
      const pairs = videos * (videos - 1) / 2;
      element.hidden = !isVoting;
      count.replaceChildren(
        make("strong", "", { textContent: "Which one is better?" }),
        make("span", "", { textContent: `${countOf(votes, "vote")} · ${countOf(pairs, "pair")} in all` })
      );
      copy.hidden = !model.isStandalone || !votes;
      copyText.textContent = "Copy";
      done.disabled = !votes;
      done.dataset.weight = votes >= pairs ? "strong" : "";
      result.hidden = isVoting || !model.get("ranks").length;
      if (!result.hidden) drawResult();
    }
  };
}
function makeRank({ place, label, score, wins, losses, ties }, share) {
  const item = make("li", "");
  item.dataset.place = String(place);
  const bar = make("span", "pvnb-compare-rank-bar");
  const filling = make("span", "");
  filling.style.width = `${share === 1 ? 100 : 4 + 96 * share}%`;
  bar.append(filling);
  const sign = score > 0 ? "+" : score < 0 ? "−" : "";
  item.append(
    make("span", "pvnb-compare-rank", { textContent: String(place) }),
    make("span", "pvnb-compare-rank-name", { textContent: label, title: label }),
    bar,
    make("span", "pvnb-compare-score", { textContent: `${sign}${Math.abs(score)} points`, title: SCALE_TEXT }),
    make("span", "pvnb-compare-tally", { textContent: `${wins} won · ${losses} lost · ${ties} tied` })
  );
  return item;
}
function makeUnranked(all) {
  const labels = all.filter(({ place }) => !place).map(({ label }) => label);
  if (!labels.length) return [];
  const line = make("div", "pvnb-compare-unranked");
  line.append(make("strong", "", { textContent: `${labels.length} without votes` }), ` ${labels.join("; ")}`);
  return [line];
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
function watchKernel({ model, el: el2, kept, onChange = () => {
}, isWaiting = () => false }) {
  const element = make("div", "pvnb-kernel-notice", { hidden: true, tabIndex: -1 });
  element.setAttribute("role", "status");
  const connection = model.isStandalone ? null : model.widget_manager?.kernel;
  const hasEvents = Boolean(model.widget_manager);
  let state2 = "alive";
  let timer = 0;
  let answerTimer = 0;
  let askedAt = 0;
  let heardAt = performance.now();
  function setState(next) {
    clearTimeout(timer);
    clearTimeout(answerTimer);
    timer = 0;
    if (next === state2) return;
    const focused = (
      /** @type {HTMLElement | null} */
      el2.contains(document.activeElement) && document.activeElement
    );
    state2 = next;
    element.textContent = { alive: "", silent: SILENT, gone: `${EARLIER_KERNEL} ${kept}` }[state2];
    element.hidden = state2 === "alive";
    el2.dataset.kernel = state2;
    onChange(state2);
    if (focused && (focused.matches(":disabled") || !focused.getClientRects().length))
      element.focus({ preventScroll: true });
  }
  function isDisconnected() {
    return !model.isStandalone && el2.closest(`.${DISCONNECTED}`) !== null;
  }
  function isGone() {
    if (isDisconnected()) setState("gone");
    return state2 === "gone";
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
    else if (state2 === "gone") ask();
  };
  const onTouched = () => {
    if (performance.now() - askedAt > TOUCH_MS) ask();
  };
  const onPingDue = () => {
    if (state2 === "gone" || hasEvents && !isWaiting()) return;
    if (!document.hidden && performance.now() - heardAt > PING_MS) ask();
  };
  const stopListening = listenTo(connection, { onEnd: () => setState("gone"), onBack: ask });
  const observer = new MutationObserver(onView);
  observer.observe(el2, { attributes: true, attributeFilter: ["class"] });
  model.on("msg:custom", onMessage);
  for (const name of ["pointerenter", "focusin"]) el2.addEventListener(name, onTouched);
  const pingTimer = model.isStandalone ? 0 : setInterval(onPingDue, PING_MS);
  queueMicrotask(() => {
    if (!isGone()) ask();
  });
  return {
    element,
    state: () => state2,
    isGone,
    ask,
    send,
    /** The milliseconds since the kernel has sent anything. */
    silence: () => performance.now() - heardAt,
    dispose() {
      for (const name of ["pointerenter", "focusin"]) el2.removeEventListener(name, onTouched);
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

// src/video_sync.js
var START_NUDGE_S = 8e-3;
var END_NUDGE_S = 2e-3;
var NUDGE_WITHIN_S = 0.15;
var MAX_NUDGE = 0.6;
var REALIGN_S = 0.15;
var REALIGN_INTERVAL_MS = 1500;
var NUDGE_INTERVAL_MS = 60;
var STALL_MS = 250;
var REPORT_DELAY_MS = 500;
var MIN_RATE = 0.0625;
function makeVideoSync({ frameRate = 24, onChange = () => {
} } = {}) {
  let players = [];
  let isPlaying = false;
  let isRunning2 = false;
  let position = 0.5 / frameRate;
  let rate = 1;
  let isLooping = true;
  let range = null;
  let alignment = null;
  let animationRequest = 0;
  let realignedAt = -Infinity;
  let isSlow = false;
  let slowTimer = 0;
  const listeners = new AbortController();
  const playable = () => players.filter(({ isFailed }) => !isFailed);
  const lengthOf = ({ video }) => Number.isFinite(video.duration) ? video.duration : 0;
  const duration = () => Math.max(0, ...playable().map(lengthOf));
  const frames = () => Math.max(1, Math.round(duration() * frameRate));
  const positionOf = (frame) => (frame + 0.5) / frameRate;
  const frameOf = (seconds) => Math.floor(seconds * frameRate + 1e-3);
  const first = () => Math.min(range?.first ?? 0, frames() - 1);
  const last = () => Math.min(range?.last ?? frames() - 1, frames() - 1);
  const clampFrame = (frame) => clamp(frame, 0, frames() - 1);
  function positionIn(player, seconds) {
    const own = Math.max(1, Math.round(lengthOf(player) * frameRate));
    return positionOf(Math.min(frameOf(seconds), own - 1));
  }
  const isAtEnd = (player, seconds) => player.video.ended || seconds >= lengthOf(player) - 0.5 / frameRate;
  function clock() {
    let longest = null;
    for (const player of playable()) if (!longest || lengthOf(player) > lengthOf(longest)) longest = player;
    return longest;
  }
  function now() {
    const leader = isRunning2 ? clock() : null;
    return leader ? leader.video.currentTime : position;
  }
  function frameNow() {
    const leader = isRunning2 ? clock() : null;
    if (leader?.frameTime !== void 0) return clampFrame(Math.round(leader.frameTime * frameRate));
    return clampFrame(frameOf(now()));
  }
  function halt() {
    if (isRunning2) position = positionOf(clampFrame(frameOf(now())));
    isRunning2 = false;
    cancelAnimationFrame(animationRequest);
    for (const { video } of players) video.pause();
  }
  function until(player, names, check, signal) {
    return new Promise((resolve) => {
      const done = new AbortController();
      const look = () => {
        if (!signal.aborted && !player.isFailed && !check()) return;
        done.abort();
        resolve();
      };
      signal.addEventListener("abort", look, { signal: done.signal });
      for (const name of [...names, "error"]) player.video.addEventListener(name, look, { signal: done.signal });
      look();
    });
  }
  async function moveToPosition(player, signal) {
    const { video } = player;
    if (isPlaying) await until(player, ["loadedmetadata"], () => video.readyState >= 1, signal);
    if (signal.aborted || player.isFailed || video.readyState < 1) return;
    video.playbackRate = rate;
    const wanted = positionIn(player, position);
    if (Math.abs(video.currentTime - wanted) > 1e-4) video.currentTime = wanted;
    await until(player, ["seeked", "loadeddata"], () => !video.seeking && video.readyState >= 2, signal);
    if (!isPlaying || isAtEnd(player, position)) return;
    await until(player, ["canplay", "canplaythrough"], () => hasNextFrame(video), signal);
  }
  async function align() {
    halt();
    alignment?.abort();
    const own = new AbortController();
    alignment = own;
    isSlow = false;
    clearTimeout(slowTimer);
    slowTimer = setTimeout(() => {
      isSlow = alignment !== null;
      onChange();
    }, REPORT_DELAY_MS);
    onChange();
    await Promise.all(playable().map((player) => moveToPosition(player, own.signal)));
    if (own.signal.aborted) return;
    alignment = null;
    isSlow = false;
    clearTimeout(slowTimer);
    if (isPlaying && !document.hidden && playable().length) start();
    onChange();
  }
  function start() {
    isRunning2 = true;
    for (const player of playable()) {
      player.stalledSince = 0;
      player.frameTime = void 0;
      if (!isAtEnd(player, position)) player.video.play().catch(() => {
      });
    }
    animationRequest = requestAnimationFrame(onAnimationFrame);
  }
  function onAnimationFrame() {
    if (!isRunning2) return;
    const leader = clock();
    if (!leader) {
      pause();
      return;
    }
    const seconds = leader.video.currentTime;
    if (leader.video.ended || seconds >= (last() + 1) / frameRate - 1e-3) {
      reachEnd();
      return;
    }
    if (playable().some((player) => isStalled(player)) || !follow(leader, seconds)) {
      position = positionOf(clampFrame(frameOf(seconds)));
      realignedAt = performance.now();
      isRunning2 = false;
      align();
      return;
    }
    animationRequest = requestAnimationFrame(onAnimationFrame);
    onChange();
  }
  function reachEnd() {
    isRunning2 = false;
    if (!isLooping) isPlaying = false;
    position = positionOf(isLooping ? first() : last());
    align();
  }
  function isStalled(player) {
    const { video } = player;
    const isFine = video.seeking || isAtEnd(player, video.currentTime) || hasNextFrame(video) && !video.paused;
    if (isFine) player.stalledSince = 0;
    else player.stalledSince ||= performance.now();
    return !isFine && performance.now() - player.stalledSince > STALL_MS;
  }
  function follow(leader, seconds) {
    const mayRealign = performance.now() - realignedAt > REALIGN_INTERVAL_MS;
    for (const player of playable()) {
      const { video } = player;
      if (player === leader || video.seeking || video.paused || isAtEnd(player, video.currentTime)) continue;
      const offset = video.currentTime - seconds;
      if (mayRealign && Math.abs(offset) > REALIGN_S * Math.max(1, rate)) return false;
      nudge(player, offset);
    }
    return true;
  }
  function nudge(player, offset) {
    const { video } = player;
    const isNudged = video.playbackRate !== rate;
    const isOff = Math.abs(offset) > (isNudged ? END_NUDGE_S : START_NUDGE_S);
    const share = clamp(offset / (rate * NUDGE_WITHIN_S), -MAX_NUDGE, MAX_NUDGE);
    const wanted = isOff ? Math.max(MIN_RATE, rate * (1 - share)) : rate;
    if (Math.abs(wanted - video.playbackRate) < 4e-3 * rate && wanted !== rate) return;
    if (wanted === video.playbackRate || performance.now() - player.nudgedAt < NUDGE_INTERVAL_MS) return;
    player.nudgedAt = performance.now();
    video.playbackRate = wanted;
  }
  function pause() {
    isPlaying = false;
    align();
  }
  function attach(video) {
    const player = {
      video,
      isFailed: Boolean(video.error),
      stalledSince: 0,
      nudgedAt: 0,
      frameTime: void 0,
      frameRequest: 0,
      listeners: new AbortController()
    };
    const on = listenUntil(player.listeners.signal);
    video.muted = true;
    video.loop = false;
    on(video, "error", () => remove(video));
    on(video, "loadedmetadata", () => {
      if (!isRunning2 && !isPlaying) align();
      else onChange();
    });
    on(video, "ended", onChange);
    if ("requestVideoFrameCallback" in video) {
      const onFrame = (_now, { mediaTime }) => {
        player.frameTime = mediaTime;
        player.frameRequest = video.requestVideoFrameCallback(onFrame);
      };
      player.frameRequest = video.requestVideoFrameCallback(onFrame);
    }
    return player;
  }
  function detach({ video, listeners: listeners2, frameRequest }) {
    listeners2.abort();
    video.cancelVideoFrameCallback?.(frameRequest);
    video.pause();
  }
  function remove(video) {
    const player = players.find((other) => other.video === video);
    if (!player || player.isFailed) return;
    player.isFailed = true;
    video.pause();
    align();
  }
  function onVisibilityChange() {
    if (document.hidden) halt();
    else if (isPlaying) align();
    onChange();
  }
  document.addEventListener("visibilitychange", onVisibilityChange, { signal: listeners.signal });
  return {
    /**
     * Synchronises these videos from now on, at the current position. Videos that are left out are paused.
     *
     * @param {HTMLVideoElement[]} videos
     */
    setVideos(videos) {
      halt();
      const known = new Map(players.map((player) => [player.video, player]));
      for (const [video, player] of known) if (!videos.includes(video)) detach(player);
      players = videos.map((video) => known.get(video) ?? attach(video));
      align();
    },
    /** Continues without a video that could not be loaded. */
    remove,
    play() {
      isPlaying = true;
      if (!isRunning2 && (frameNow() >= last() || frameNow() < first())) position = positionOf(first());
      align();
    },
    pause,
    /** @param {number} seconds */
    seek(seconds) {
      halt();
      position = positionOf(clampFrame(frameOf(seconds)));
      align();
    },
    /** @param {number} count frames, negative to go back */
    step(count) {
      isPlaying = false;
      halt();
      position = positionOf(clampFrame(frameOf(position) + count));
      align();
    },
    /** @param {number} wanted */
    setRate(wanted) {
      rate = wanted;
      for (const { video } of players) video.playbackRate = wanted;
      onChange();
    },
    /** @param {boolean} wanted */
    setLooping(wanted) {
      isLooping = wanted;
      onChange();
    },
    /** @param {FrameRange | null} wanted null for the whole length */
    setRange(wanted) {
      range = wanted && { first: Math.min(wanted.first, wanted.last), last: Math.max(wanted.first, wanted.last) };
      onChange();
    },
    state: () => ({
      isPlaying,
      isRunning: isRunning2,
      position: now(),
      frame: frameNow(),
      frames: frames(),
      duration: duration(),
      rate,
      isLooping,
      first: first(),
      last: last(),
      hasRange: range !== null
    }),
    /**
     * "ended": it holds its last frame while the clock goes on; "stalled": the others wait for it.
     *
     * @param {HTMLVideoElement} video
     * @returns {PlayerStatus}
     */
    statusOf(video) {
      const player = players.find((other) => other.video === video);
      if (player?.isFailed) return "failed";
      if (!player || video.readyState < 1) return "loading";
      if (frameNow() / frameRate >= lengthOf(player) - 1e-3) return "ended";
      if (isPlaying && isSlow && !document.hidden && !hasNextFrame(video)) return "stalled";
      return "ready";
    },
    dispose() {
      listeners.abort();
      alignment?.abort();
      clearTimeout(slowTimer);
      halt();
      players.forEach(detach);
      players = [];
    }
  };
}
function hasNextFrame(video) {
  return video.readyState >= 3;
}

// src/compare.js
var MAX_SHOWN = 9;
var SCRUB_S = 0.5;
var KERNEL_BUSY = "Waiting for the kernel (busy or not running). Loading continues automatically.";
var LAYOUTS = [
  ["side", "Side by side", "S"],
  ["wipe", "Wipe", "W"],
  ["difference", "Difference", "D"]
];
var KEYS = [
  ["Space", "play, pause"],
  [", .", "previous, next frame"],
  ["← →", "half a second"],
  ["Home End", "start, end"],
  ["I O", "start, end of the range"],
  ["L", "loop"],
  ["S W D", "side by side, wipe, difference"],
  ["1 … 9", "choose for wipe and difference"],
  ["F", "full screen"]
];
var VOTING_KEYS = [
  ["←", "left is better"],
  ["→", "right is better"],
  ["↓", "no difference"]
];
var NOT_WHILE_VOTING = ["← →", "1 … 9"];
var REPEATING_KEYS = [",", ".", "ArrowLeft", "ArrowRight"];
function render({ model, el: el2 }) {
  el2.classList.add("pvnb-ui", "pvnb-compare");
  el2.dataset.mark = model.get("fallback_class");
  el2.tabIndex = 0;
  el2.setAttribute("role", "group");
  const listeners = new AbortController();
  const { signal } = listeners;
  keepKeys(el2, signal);
  const source = makeVideoSource(model);
  const kernel = watchKernel({ model, el: el2, kept: "Its videos are kept." });
  const sync = makeVideoSync({ frameRate: model.get("frame_rate"), onChange: () => draw() });
  const view = makeView({
    signal,
    source,
    onChoose: choose,
    onChange: () => draw(),
    onFailed: sync.remove
  });
  const controls = makeControls({ signal, sync, onGain: view.setGain, onFullscreen: toggleFullscreen });
  const voting = makeVoting({ model, signal, onSend: canSend, onDone: endVoting });
  let layout = "side";
  let isVoting = model.get("is_blind");
  let chosen = [];
  let isDisposed = false;
  const head = make("div", "pvnb-compare-head");
  const title = make("span", "pvnb-compare-title");
  const layouts = makeRadioGroup("pvnb-compare-switch", {
    label: "Layout",
    options: LAYOUTS.map(([value, text, key]) => [value, text, `${text} (${key})`]),
    value: layout,
    signal,
    onChoose: (value) => setLayout(
      /** @type {Layout} */
      value
    )
  });
  const vote = makeButton("pvnb-compare-button", { label: "Vote on two at a time", text: "Vote" });
  vote.dataset.needsKernel = "";
  const help = makeButton("pvnb-compare-button", { label: "Show keyboard shortcuts", icon: "keyboard", key: "?" });
  help.setAttribute("aria-expanded", "false");
  const tools = make("div", "pvnb-compare-tools");
  tools.append(vote, help);
  head.append(title, layouts.element, controls.gain, tools);
  const note = make("div", "pvnb-compare-note");
  note.setAttribute("role", "note");
  const keys = make("div", "pvnb-compare-keys", { hidden: true });
  const chips = make("div", "pvnb-compare-chips", { hidden: true });
  chips.setAttribute("role", "group");
  chips.setAttribute("aria-label", "The two videos to compare");
  const status = make("div", "pvnb-compare-status", { hidden: true });
  status.setAttribute("role", "status");
  el2.append(
    head,
    kernel.element,
    note,
    keys,
    voting.result,
    view.element,
    chips,
    voting.element,
    controls.element,
    status,
    hideFallback(model.get("fallback_class"))
  );
  function shownVideos() {
    const all = model.get("videos");
    const bySlot = (slot) => all.filter((video) => video.slot === slot);
    if (isVoting) {
      const labels = ["Left", "Right"];
      const pair = model.get("pair").flatMap(bySlot);
      return pair.map((video, index) => {
        const label = model.get("is_blind") ? labels[index] : video.label;
        return { ...video, badge: "", label };
      });
    }
    const ranks = model.get("ranks");
    const ordered = ranks.length ? ranks.flatMap(({ slot }) => bySlot(slot)) : all;
    return ordered.slice(0, MAX_SHOWN).map((video, index) => ({ ...video, badge: String(index + 1) }));
  }
  function pairOf(shown) {
    const slots = shown.map(({ slot }) => slot);
    if (isVoting) return slots;
    const wanted = chosen.filter((slot) => slots.includes(slot)).slice(-2);
    const pair = [.../* @__PURE__ */ new Set([...wanted, ...slots])].slice(0, 2);
    return pair.sort((a, b) => slots.indexOf(a) - slots.indexOf(b));
  }
  function show() {
    const shown = shownVideos();
    const pair = pairOf(shown);
    view.show(shown, { layout, pair, isVoting, isMarked: chosen.length > 0 && shown.length > 2 });
    sync.setVideos(view.videos());
    layouts.show(layout);
    controls.setLayout(layout);
    title.textContent = model.get("title");
    title.hidden = !title.textContent;
    note.textContent = model.get("note") ?? "";
    note.hidden = !note.textContent;
    vote.hidden = model.get("is_blind") || Boolean(model.isStandalone) || model.get("videos").length < 2;
    vote.setAttribute("aria-pressed", String(isVoting));
    voting.draw({ isVoting });
    drawChips(shown, pair);
    drawKeys();
    el2.setAttribute("aria-label", `Comparison of ${model.get("videos").length} videos`);
    draw();
  }
  function drawChips(shown, pair) {
    chips.hidden = layout === "side" || shown.length < 3;
    const buttons = shown.map((video) => {
      const chip = make("button", "pvnb-compare-chip", { type: "button" });
      chip.append(make("span", "pvnb-compare-badge", { textContent: video.badge }), video.label);
      chip.setAttribute("aria-pressed", String(pair.includes(video.slot)));
      chip.dataset.slot = video.slot;
      return chip;
    });
    chips.replaceChildren(...buttons);
  }
  function drawKeys() {
    const whileVoting = [...VOTING_KEYS, ...KEYS.filter(([key]) => !NOT_WHILE_VOTING.includes(key))];
    const rows = (isVoting ? whileVoting : KEYS).map(([key, text]) => {
      const row = make("div", "");
      row.append(make("kbd", "", { textContent: key }), make("span", "", { textContent: text }));
      return row;
    });
    keys.replaceChildren(...rows);
  }
  function draw() {
    if (isDisposed) return;
    controls.draw(sync.state());
    view.draw(sync.statusOf);
    const errors = [model.get("message"), ...layout === "side" ? [] : view.errors()].filter(Boolean).join(" ");
    const text = errors || (view.isKernelLate() ? KERNEL_BUSY : "");
    if (status.textContent !== text) status.textContent = text;
    status.dataset.wrong = String(Boolean(errors));
    status.hidden = !text;
  }
  function canSend() {
    kernel.ask();
    return !kernel.isGone();
  }
  function setLayout(wanted) {
    layout = wanted;
    show();
  }
  function choose(slot) {
    if (isVoting || !slot) return;
    if (!chosen.length) chosen = pairOf(shownVideos());
    chosen = [...chosen.filter((other) => other !== slot), slot].slice(-2);
    show();
  }
  function setVoting(wanted) {
    isVoting = wanted;
    show();
    if (wanted) sync.seek(0);
  }
  function endVoting() {
    if (!model.get("is_blind")) setVoting(false);
    el2.focus({ preventScroll: true });
  }
  function toggleFullscreen() {
    if (document.fullscreenElement === el2) document.exitFullscreen();
    else el2.requestFullscreen?.().catch(() => {
    });
  }
  function scrub(seconds) {
    sync.seek(sync.state().position + seconds);
  }
  function toggleKeys() {
    keys.hidden = !keys.hidden;
    help.setAttribute("aria-expanded", String(!keys.hidden));
  }
  const actions = {
    " ": controls.togglePlay,
    ",": () => sync.step(-1),
    ".": () => sync.step(1),
    ArrowLeft: () => isVoting ? voting.vote("left") : scrub(-SCRUB_S),
    ArrowRight: () => isVoting ? voting.vote("right") : scrub(SCRUB_S),
    ArrowDown: () => voting.vote("tie"),
    Home: () => sync.seek(0),
    End: () => sync.seek(sync.state().duration),
    l: () => sync.setLooping(!sync.state().isLooping),
    i: () => controls.setRangeEnd("first"),
    o: () => controls.setRangeEnd("last"),
    s: () => setLayout("side"),
    w: () => setLayout("wipe"),
    d: () => setLayout("difference"),
    f: toggleFullscreen,
    "?": toggleKeys
  };
  function onKey(event) {
    const target = (
      /** @type {Element} */
      event.target
    );
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("select, textarea, input")) return;
    if ((event.key === " " || event.key === "Enter") && target.matches("button")) return;
    const digit = Number(event.key);
    const choice = digit >= 1 ? () => choose(shownVideos()[digit - 1]?.slot) : void 0;
    const action = choice ?? actions[event.key] ?? actions[event.key.toLowerCase()];
    if (!action || event.key === "ArrowDown" && !isVoting) return;
    event.preventDefault();
    if (!event.repeat || REPEATING_KEYS.includes(event.key)) action();
  }
  const on = listenUntil(signal);
  on(el2, "keydown", onKey);
  keepFocus(el2, {
    signal,
    // The buttons of the pair are built anew when one is pressed.
    fallback: (lost) => chips.querySelector(`[data-slot="${lost.dataset.slot}"]`) ?? el2
  });
  on(view.element, "pointerdown", () => el2.focus({ preventScroll: true }));
  on(chips, "click", (event) => choose(closest(event, "button")?.dataset.slot));
  on(vote, "click", () => setVoting(!isVoting));
  on(help, "click", toggleKeys);
  document.addEventListener(
    "fullscreenchange",
    () => {
      el2.dataset.fullscreen = String(document.fullscreenElement === el2);
      view.layOut();
    },
    { signal }
  );
  function onPair() {
    if (!isVoting) return;
    show();
    sync.seek(0);
  }
  function onReveal() {
    if (model.get("is_blind")) return;
    isVoting = false;
    show();
  }
  const callbacks = {
    "change:videos": show,
    "change:ranks": show,
    "change:title": show,
    "change:vote_count": show,
    "change:pair": onPair,
    "change:is_blind": onReveal,
    "change:message": draw
  };
  for (const [name, callback] of Object.entries(callbacks)) model.on(name, callback);
  view.setGain(Number(controls.gain.value));
  show();
  return () => {
    isDisposed = true;
    for (const [name, callback] of Object.entries(callbacks)) model.off(name, callback);
    listeners.abort();
    sync.dispose();
    view.dispose();
    source.dispose();
    kernel.dispose();
  };
}
var compare_default = { render };

// src/gallery_comparison.js
var OUTPUT_MS = 1e3;
function makeComparisonPlace({ model, onFailed }) {
  const element = make("div", "pvnb-gallery-comparison", { hidden: true });
  let view = null;
  let timer = 0;
  function isShownElsewhere(mark) {
    const found = document.querySelector(`.pvnb-compare[data-mark="${CSS.escape(mark)}"]`);
    return found instanceof HTMLElement && found.getClientRects().length > 0;
  }
  function clear() {
    clearTimeout(timer);
    view?.remove();
    view = null;
    element.replaceChildren();
    element.hidden = true;
  }
  async function showHere(id) {
    const manager = model.widget_manager;
    try {
      if (!manager) throw new Error("There is no widget manager.");
      const made = await manager.create_view(await manager.get_model(id));
      clear();
      view = made;
      element.append(made.el);
      element.hidden = false;
      element.scrollIntoView({ block: "nearest" });
    } catch {
      onFailed("The comparison cannot be shown here. Call pv.compare() in a cell.");
    }
  }
  return {
    element,
    /** @param {{ model_id: string, mark: string }} content */
    show({ model_id, mark }) {
      clear();
      timer = setTimeout(() => {
        if (!isShownElsewhere(mark)) showHere(model_id);
      }, OUTPUT_MS);
    },
    dispose: clear
  };
}

// src/gallery_filter.js
var STATE_ORDER = [
  "done",
  "downloading",
  "generating",
  "queued",
  "unknown",
  "submitting",
  "uploading",
  "waiting",
  "planned",
  "timed_out",
  "cancelled",
  "moderated",
  "failed",
  "refused"
];
var RATING_ORDER = ["winner", "", "rejected"];
var RATING_FILTERS = [
  { value: "winner", text: "Winner" },
  { value: "undecided", text: "Undecided" },
  { value: "rejected", text: "Rejected" },
  { value: "note", text: "With a note" }
];
function makeQuery() {
  return { axes: /* @__PURE__ */ new Map(), states: /* @__PURE__ */ new Set(), ratings: /* @__PURE__ */ new Set(), metrics: /* @__PURE__ */ new Map(), sort: "", isDescending: false };
}
function hasFilters(query) {
  return Boolean(query.axes.size || query.states.size || query.ratings.size || query.metrics.size);
}
function nameText(name) {
  return name.replaceAll("_", " ");
}
function valueText(value) {
  if (value === null || value === void 0) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
}
function formatNumber(value) {
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e3) return value.toFixed(0);
  return size >= 10 ? value.toFixed(1) : String(Number(value.toPrecision(3)));
}
function valueKey(value) {
  return JSON.stringify(value ?? null);
}
function matches(row, query) {
  for (const [name, keys] of query.axes) if (!keys.has(valueKey(row.axes[name]))) return false;
  if (query.states.size && !query.states.has(row.state)) return false;
  const ratings = [row.choice || "undecided", ...row.note ? ["note"] : []];
  if (query.ratings.size && !ratings.some((rating) => query.ratings.has(rating))) return false;
  for (const [name, [min, max]] of query.metrics) {
    const value = row.metrics[name];
    if (value === void 0 || value < min || value > max) return false;
  }
  return true;
}
function sortValue(row, sort) {
  if (sort === "state") return STATE_ORDER.indexOf(row.state);
  if (sort === "rating") return RATING_ORDER.indexOf(row.choice);
  const [kind, name] = [sort.slice(0, sort.indexOf(":")), sort.slice(sort.indexOf(":") + 1)];
  return (kind === "axis" ? row.axes[name] : row.metrics[name]) ?? void 0;
}
function sortedMetricText(row, query) {
  if (!query.sort.startsWith("metric:")) return "";
  const name = query.sort.slice("metric:".length);
  const value = row.metrics[name];
  return `${nameText(name)} ${value === void 0 ? "not measured" : formatNumber(value)}`;
}
function sortRows(rows, query) {
  if (!query.sort) return query.isDescending ? [...rows].reverse() : rows;
  const direction = query.isDescending ? -1 : 1;
  return [...rows].sort((one, other) => {
    const [a, b] = [sortValue(one, query.sort), sortValue(other, query.sort)];
    if (a === void 0 || b === void 0) return Number(a === void 0) - Number(b === void 0);
    return direction * compareValues(a, b);
  });
}
function compareValues(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), void 0, { numeric: true });
}
function axesIn(rows) {
  const axes = /* @__PURE__ */ new Map();
  for (const row of rows) {
    for (const [name, value] of Object.entries(row.axes)) {
      const values = axes.get(name) ?? /* @__PURE__ */ new Map();
      axes.set(name, values.set(valueKey(value), value));
    }
  }
  return [...axes].filter(([, values]) => values.size > 1).map(([name, values]) => ({
    name,
    values: [...values].map(([key, value]) => ({ key, value })).sort((a, b) => compareValues(a.value, b.value))
  }));
}
function metricsIn(rows) {
  const metrics = /* @__PURE__ */ new Map();
  for (const row of rows) {
    for (const [name, value] of Object.entries(row.metrics)) {
      const [min, max] = metrics.get(name) ?? [value, value];
      metrics.set(name, [Math.min(min, value), Math.max(max, value)]);
    }
  }
  return [...metrics].map(([name, [min, max]]) => ({ name, min, max })).filter(({ min, max }) => formatNumber(min) !== formatNumber(max));
}
function statesIn(rows) {
  return STATE_ORDER.flatMap((state2) => {
    const own = rows.filter((row) => row.state === state2);
    return own.length ? [{ state: state2, label: own[0].state_label, count: own.length }] : [];
  });
}

// src/gallery_footer.js
var KEYS2 = [
  ["W", "winner"],
  ["X", "reject"],
  ["N", "note"]
];
var TILE_KEYS = [["Enter", "open"]];
var LIGHTBOX_KEYS = [
  ["Esc", "all tiles"],
  ["← →", "previous, next"],
  ["Space", "play"]
];
var COMPARE_KEY = ["C", "compare"];
var MESSAGE_MS = 6e3;
function countRatings(rows) {
  const counts = [
    [rows.filter((row) => row.choice === "winner" && row.has_video).length, "winner", "winners"],
    [rows.filter((row) => row.choice === "rejected").length, "rejected", "rejected"],
    [rows.filter((row) => row.note).length, "note", "notes"]
  ];
  const present = counts.filter(([count]) => count);
  return present.map(([count, one, many]) => countOf(count, one, many)).join(" · ");
}
function ratingsJson(rows) {
  const rated = rows.filter((row) => row.choice || row.note);
  return JSON.stringify(
    rated.map(({ key, caption, choice, note }) => ({ key, caption, choice, note })),
    null,
    2
  );
}
function makeFooter({ signal, canCompare, isStandalone, onOpen, onClear, rows }) {
  const element = make("div", "pvnb-gallery-footer");
  const selection = make("div", "pvnb-gallery-selection", { hidden: true });
  const selectionText = make("span", "");
  const open = make("button", "pvnb-gallery-button pvnb-gallery-primary", { type: "button" });
  const clear = make("button", "pvnb-gallery-link", { type: "button", textContent: "Clear" });
  selection.dataset.needsKernel = "";
  selection.append(selectionText, make("span", "pvnb-gallery-gap"), clear, open);
  const line = make("div", "pvnb-gallery-summary");
  const keys = make("span", "pvnb-gallery-keys");
  const counts = make("span", "pvnb-gallery-rated");
  counts.setAttribute("role", "status");
  const copy = make("button", "pvnb-gallery-link", { type: "button", textContent: "Copy ratings", hidden: true });
  const save = make("button", "pvnb-gallery-link", { type: "button", textContent: "Save as JSON", hidden: true });
  const message = make("span", "pvnb-gallery-message", { hidden: true });
  message.setAttribute("role", "alert");
  const ratings = make("span", "pvnb-gallery-ratings");
  ratings.append(counts, copy, save);
  line.append(keys, make("span", "pvnb-gallery-gap"), message, ratings);
  element.append(selection, line);
  let messageTimer = 0;
  showKeys(false);
  function showMessage(text) {
    clearTimeout(messageTimer);
    message.textContent = text;
    message.hidden = false;
    messageTimer = setTimeout(() => {
      message.hidden = true;
    }, MESSAGE_MS);
  }
  function showKeys(isLightbox) {
    const local = isLightbox ? LIGHTBOX_KEYS : TILE_KEYS;
    const pairs = [...local, ...KEYS2, ...canCompare ? [COMPARE_KEY] : []].map(([key, action], index) => {
      const pair = make("span", "");
      if (index >= local.length) pair.dataset.needsKernel = "";
      pair.append(make("kbd", "", { textContent: key }), ` ${action}`);
      return pair;
    });
    keys.replaceChildren(...pairs);
  }
  function saveFile() {
    const url = URL.createObjectURL(new Blob([ratingsJson(rows())], { type: "application/json" }));
    make("a", "", { href: url, download: "ratings.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 0);
  }
  const on = listenUntil(signal);
  on(open, "click", onOpen);
  on(clear, "click", onClear);
  on(save, "click", saveFile);
  on(copy, "click", async () => {
    try {
      await navigator.clipboard.writeText(ratingsJson(rows()));
      showMessage("Copied.");
    } catch {
      showMessage("The browser blocked copying. Save the ratings as a file instead.");
    }
  });
  return {
    element,
    showMessage,
    showKeys,
    /**
     * @param {GalleryRow[]} all
     * @param {number} selected how many tiles are selected
     */
    draw(all, selected) {
      element.hidden = !all.length;
      selection.hidden = !selected;
      const isEnough = selected >= 2;
      selectionText.textContent = isEnough ? `${selected} selected` : "1 selected; select at least one more with C";
      open.textContent = `Compare ${selected}`;
      open.disabled = !isEnough;
      counts.textContent = countRatings(all);
      const canExport = isStandalone && Boolean(counts.textContent);
      copy.hidden = !canExport;
      save.hidden = !canExport;
    },
    dispose: () => clearTimeout(messageTimer)
  };
}

// src/gallery_keyboard.js
var PAGE_ROWS = 3;
function keyName(event) {
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}
function columnsOf(grid) {
  const tiles = (
    /** @type {HTMLElement[]} */
    [...grid.children]
  );
  const count = tiles.findIndex((tile) => tile.offsetTop !== tiles[0].offsetTop);
  return count < 0 ? tiles.length : count;
}
function indexAfter(name, index, total, grid) {
  const rowSteps = { ArrowDown: 1, ArrowUp: -1, PageDown: PAGE_ROWS, PageUp: -PAGE_ROWS };
  const tileSteps = { ArrowRight: 1, ArrowLeft: -1 };
  if (name === "Home") return 0;
  if (name === "End") return total - 1;
  const rows = rowSteps[name];
  const step = rows ? rows * columnsOf(grid) : tileSteps[name];
  if (!step) return null;
  const next = index + step;
  const isOutside = next < 0 || next >= total;
  if (isOutside && rows && name.startsWith("Arrow")) return index;
  return clamp(next, 0, total - 1);
}
function onTileKey(event, { key, shown, grid, actions }) {
  const name = keyName(event);
  const index = indexAfter(name, shown.indexOf(key), shown.length, grid);
  const byKey = {
    Enter: actions.open,
    " ": actions.open,
    w: actions.winner,
    x: actions.rejected,
    n: actions.note,
    c: actions.compare,
    Escape: actions.clear
  };
  const action = byKey[name];
  if (index === null && !action) return;
  event.preventDefault();
  if (index === null) action?.(key);
  else actions.focus(shown[index]);
}
function onLightboxKey(event, actions) {
  const name = keyName(event);
  const { tagName } = (
    /** @type {HTMLElement} */
    event.target
  );
  const isTyping = tagName === "TEXTAREA" && name !== "Escape";
  const isPressing = tagName === "BUTTON" && ["Enter", " "].includes(name);
  if (isTyping || isPressing) return;
  const byKey = {
    Escape: actions.back,
    ArrowLeft: actions.previous,
    ArrowRight: actions.next,
    w: actions.winner,
    x: actions.rejected,
    n: actions.note,
    c: actions.compare,
    " ": actions.togglePlay
  };
  const action = byKey[name];
  if (!action) return;
  event.preventDefault();
  action();
}

// src/gallery_ratings.js
var MAX_COMPARED = 9;
function canWin(row) {
  return row.has_video || row.choice === "winner";
}
function makeRatings({ rows, canRate, send, onChange, onRefused }) {
  const view = makeViewId();
  const unconfirmed = /* @__PURE__ */ new Map();
  function apply(key, choice, note) {
    const row = rows.get(key);
    if (!row) return;
    rows.set(key, { ...row, choice, note });
    onChange(key);
  }
  function rate(key, change) {
    const row = rows.get(key);
    if (!row) return;
    const { choice, note } = { choice: row.choice, note: row.note, ...change };
    if (choice === row.choice && note === row.note) return;
    if (!canRate()) return;
    apply(key, choice, note);
    unconfirmed.set(key, (unconfirmed.get(key) ?? 0) + 1);
    send({ kind: "rating", key, choice, note, view });
  }
  return {
    rate,
    /**
     * Choosing the same a second time removes the rating.
     *
     * @param {string} key
     * @param {RatingChoice} choice
     */
    choose(key, choice) {
      const row = rows.get(key);
      if (!row) return;
      if (choice === "winner" && !canWin(row)) onRefused(`${row.caption} has no video, so it cannot be a winner.`);
      else rate(key, { choice: row.choice === choice ? "" : choice });
    },
    /** @param {{ key: string, choice: RatingChoice, note: string, view: string }} message */
    onMessage({ key, choice, note, view: sender }) {
      if (sender === view) unconfirmed.set(key, (unconfirmed.get(key) ?? 0) - 1);
      if (!unconfirmed.get(key)) apply(key, choice, note);
    },
    /**
     * A row from the kernel, with this view's rating if the kernel has not confirmed that yet.
     *
     * @param {GalleryRow} row
     */
    withOwn(row) {
      const own = unconfirmed.get(row.key) ? rows.get(row.key) : void 0;
      return own ? { ...row, choice: own.choice, note: own.note } : row;
    }
  };
}
function makeSelection({ rows, canCompare, save, onChange, onRefused }) {
  let keys = [];
  function show(selected) {
    const changed = /* @__PURE__ */ new Set([...keys, ...selected]);
    keys = selected.filter((key) => rows.has(key));
    onChange([...changed].filter((key) => rows.has(key)));
  }
  function select(selected) {
    show(selected);
    save(selected);
  }
  return {
    show,
    keys: () => keys,
    /**
     * 1 for the first selected tile; 0 for one that is not selected.
     *
     * @param {string} key
     */
    orderOf: (key) => keys.indexOf(key) + 1,
    /** @param {string} key */
    toggle(key) {
      if (!canCompare || !rows.get(key)?.has_video) return;
      if (keys.includes(key)) select(keys.filter((other) => other !== key));
      else if (keys.length < MAX_COMPARED) select([...keys, key]);
      else onRefused(`You can compare at most ${MAX_COMPARED} videos.`);
    },
    clear() {
      if (keys.length) select([]);
    }
  };
}

// src/gallery_tile.js
var CHOICES = {
  winner: { text: "Winner", icon: "star" },
  rejected: { text: "Rejected", icon: "cross" }
};
var ACTIONS = [
  { action: "winner", label: "Mark as winner", icon: "star", key: "W" },
  { action: "rejected", label: "Reject", icon: "cross", key: "X" },
  { action: "note", label: "Write a note", icon: "pencil", key: "N" },
  { action: "compare", label: "Select to compare", icon: "compare", key: "C" }
];
function tileLabel(row, order) {
  const parts = [row.caption, row.state_label];
  if (row.state !== "done" && row.detail) parts.push(row.detail);
  if (row.choice) parts.push(CHOICES[row.choice].text);
  if (row.note) parts.push(`Note: ${row.note}`);
  if (order) parts.push(`number ${order} to compare`);
  return parts.join(", ");
}
function commonRatio(rows) {
  const counts = /* @__PURE__ */ new Map();
  for (const { ratio: ratio2 } of rows) if (ratio2) counts.set(ratio2, (counts.get(ratio2) ?? 0) + 1);
  const [ratio] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [16 / 9];
  return ratio;
}
function makeStatus() {
  const element = make("div", "pvnb-gallery-status");
  const head = make("div", "pvnb-gallery-state");
  const label = make("strong", "");
  const elapsed = make("span", "pvnb-gallery-elapsed");
  const line = make("div", "pvnb-gallery-line");
  head.append(make("span", "pvnb-gallery-dot"), label, elapsed);
  element.append(head, line);
  function tick(row, now) {
    elapsed.textContent = row.began_at ? formatElapsed((row.ended_at ?? now) - row.began_at) : "";
  }
  return {
    element,
    tick,
    /**
     * @param {GalleryRow} row
     * @param {number} now
     */
    draw(row, now) {
      element.dataset.severity = row.severity;
      label.textContent = row.state_label;
      line.textContent = row.detail;
      line.title = row.detail;
      tick(row, now);
    }
  };
}
function makeTile2(key) {
  const element = make("div", "pvnb-gallery-tile");
  element.setAttribute("role", "row");
  element.dataset.key = key;
  const cell = make("div", "pvnb-gallery-cell", { tabIndex: -1 });
  cell.setAttribute("role", "gridcell");
  const media = make("div", "pvnb-gallery-media");
  const poster = make("img", "pvnb-gallery-poster", { alt: "", draggable: false, hidden: true });
  const status = makeStatus();
  const badge = make("div", "pvnb-gallery-badge", { hidden: true });
  const number = make("div", "pvnb-gallery-number", { hidden: true });
  const caption = make("div", "pvnb-gallery-caption");
  const extra = make("div", "pvnb-gallery-extra", { hidden: true });
  const note = make("div", "pvnb-gallery-note", { hidden: true });
  media.append(poster, status.element, badge, number);
  cell.append(media, caption, extra, note);
  element.append(cell);
  return {
    element,
    cell,
    media,
    note,
    /**
     * @param {GalleryRow} row
     * @param {{ now: number, order: number }} options `order`: its number in the selection, or 0
     */
    draw(row, { now, order }) {
      const isDone = row.state === "done";
      element.dataset.state = row.state;
      element.dataset.choice = row.choice;
      element.dataset.video = String(row.has_video);
      element.dataset.selected = String(Boolean(order));
      caption.textContent = row.caption;
      caption.title = row.caption;
      status.element.hidden = isDone;
      poster.hidden = !isDone || !poster.src;
      status.draw(row, now);
      badge.hidden = !row.choice;
      badge.replaceChildren();
      if (row.choice) badge.append(makeIcon(CHOICES[row.choice].icon), CHOICES[row.choice].text);
      number.hidden = !order;
      number.textContent = order ? String(order) : "";
      const isEditing = Boolean(note.querySelector("input"));
      if (!isEditing) note.textContent = row.note;
      note.hidden = !row.note && !isEditing;
      cell.setAttribute("aria-label", tileLabel(row, order));
      cell.setAttribute("aria-selected", String(Boolean(order)));
    },
    /** @param {string} text the value that the gallery is sorted by, or "" */
    showExtra(text) {
      extra.textContent = text;
      extra.hidden = !text;
    },
    tick: status.tick,
    /**
     * @param {string} url
     * @param {boolean} isDone
     */
    showPoster(url, isDone) {
      poster.src = url;
      poster.hidden = !isDone;
    }
  };
}
function makeTileActions({ canCompare, signal, onAction }) {
  const group = make("div", "pvnb-gallery-actions");
  group.dataset.needsKernel = "";
  group.setAttribute("role", "group");
  const buttons = [];
  for (const { action, ...settings } of ACTIONS) {
    if (action === "compare" && !canCompare) continue;
    const button = makeButton("", settings);
    button.dataset.action = action;
    button.setAttribute("aria-keyshortcuts", settings.key);
    buttons.push(button);
  }
  group.append(...buttons);
  const on = listenUntil(signal);
  on(group, "click", (event) => {
    event.stopPropagation();
    const action = (
      /** @type {TileAction | undefined} */
      closest(event, "button")?.dataset.action
    );
    const key = closest(event, ".pvnb-gallery-tile")?.dataset.key;
    if (action && key) onAction(action, key);
  });
  return {
    /**
     * Moves the buttons to a tile, unless they are there: a pressed button that moves gets no click.
     *
     * @param {Tile} tile
     * @param {GalleryRow} row
     * @param {number} order its number in the selection, or 0
     */
    moveTo(tile, row, order) {
      const isFocused = group.contains(document.activeElement);
      if (group.parentNode !== tile.media) {
        if (isFocused) closestCell(group)?.focus({ preventScroll: true });
        tile.media.append(group);
      }
      group.setAttribute("aria-label", row.caption);
      for (const button of buttons) {
        const { action } = button.dataset;
        if (action === "note") continue;
        const isOn = action === "compare" ? Boolean(order) : row.choice === action;
        button.setAttribute("aria-pressed", String(isOn));
      }
    },
    /** @param {Tile} tile */
    isIn: (tile) => group.parentNode === tile.media
  };
}
function closestCell(element) {
  return (
    /** @type {HTMLElement | null} */
    element.closest(".pvnb-gallery-cell")
  );
}
function editNote(tile, row, { signal, onEnd }) {
  if (tile.note.querySelector("input")) return;
  const field = make("input", "pvnb-gallery-field", {
    type: "text",
    value: row.note,
    placeholder: "Note",
    maxLength: 2e3
  });
  field.setAttribute("aria-label", `Note on ${row.caption}`);
  let isOver = false;
  const end = (text) => {
    if (isOver) return;
    isOver = true;
    const hadFocus = document.activeElement === field;
    field.remove();
    if (hadFocus) tile.cell.focus({ preventScroll: true });
    onEnd(text);
  };
  const on = listenUntil(signal);
  on(field, "keydown", (event) => {
    if (event.key === "Enter") end(field.value.trim());
    else if (event.key === "Escape") end(null);
  });
  on(field, "blur", () => end(field.value.trim()));
  tile.note.replaceChildren(field);
  tile.note.hidden = false;
  field.focus();
}

// src/gallery_lightbox.js
var BUTTON2 = "pvnb-gallery-button";
function makeLightbox({ signal, onBack, onStep, onChoice, onCompare, onNote }) {
  const element = make("div", "pvnb-gallery-lightbox", { hidden: true, tabIndex: -1 });
  element.setAttribute("role", "group");
  const head = make("div", "pvnb-gallery-lightbox-head");
  const back = makeButton(BUTTON2, { label: "All tiles", icon: "left", text: "All tiles", key: "Escape" });
  const position = make("span", "pvnb-gallery-count");
  const previous = makeButton(BUTTON2, { label: "Previous", icon: "previous", key: "←" });
  const next = makeButton(BUTTON2, { label: "Next", icon: "next", key: "→" });
  head.append(back, make("span", "pvnb-gallery-gap"), position, previous, next);
  const stage = make("div", "pvnb-gallery-stage");
  const poster = make("img", "pvnb-gallery-poster", { alt: "", hidden: true });
  const status = makeStatus();
  stage.append(poster, status.element);
  const side = make("div", "pvnb-gallery-side");
  const caption = make("div", "pvnb-gallery-title");
  const rating = make("div", "pvnb-gallery-rating");
  const winner = makeButton(BUTTON2, { label: "Mark as winner", icon: "star", text: "Winner", key: "W" });
  const rejected = makeButton(BUTTON2, { label: "Reject", icon: "cross", text: "Reject", key: "X" });
  const compare = makeButton(BUTTON2, { label: "Select to compare", icon: "compare", text: "Compare", key: "C" });
  rating.append(winner, rejected, compare);
  rating.dataset.needsKernel = "";
  const note = make("textarea", "pvnb-gallery-field", { rows: 2, placeholder: "Note", maxLength: 2e3 });
  note.setAttribute("aria-label", "Note");
  const error = make("div", "pvnb-gallery-error", { hidden: true });
  error.setAttribute("role", "alert");
  const table = make("table", "pvnb-gallery-table");
  side.append(caption, rating, note, error, table);
  const body = make("div", "pvnb-gallery-lightbox-body");
  body.append(stage, side);
  element.append(head, body);
  const on = listenUntil(signal);
  on(back, "click", onBack);
  on(previous, "click", () => onStep(-1));
  on(next, "click", () => onStep(1));
  on(winner, "click", () => onChoice("winner"));
  on(rejected, "click", () => onChoice("rejected"));
  on(compare, "click", onCompare);
  on(note, "change", () => onNote(note.value.trim()));
  function drawTable(row) {
    const parameters = Object.entries(row.axes).map(([name, value]) => [nameText(name), valueText(value)]);
    const metrics = Object.entries(row.metrics).map(([name, value]) => [nameText(name), formatNumber(value)]);
    const names = new Set(parameters.map(([name]) => name));
    const facts = row.facts.filter(([name]) => !names.has(name.toLowerCase()));
    const columns = make("colgroup", "");
    columns.append(make("col", "pvnb-gallery-named"), make("col", ""));
    table.replaceChildren(
      columns,
      ...makeSection("Parameters", parameters),
      ...makeSection("Metrics", metrics),
      ...makeSection("Video", facts)
    );
  }
  return {
    element,
    stage,
    note,
    /**
     * @param {GalleryRow} row
     * @param {{
     *   number: number,
     *   total: number,
     *   now: number,
     *   posterUrl: string | undefined,
     *   order: number,
     *   canCompare: boolean,
     * }} options `number` of `total` tiles; `order`: its number in the selection, or 0
     */
    draw(row, { number, total, now, posterUrl, order, canCompare }) {
      element.setAttribute("aria-label", `${row.caption}, ${number} of ${total}`);
      element.dataset.key = row.key;
      element.dataset.choice = row.choice;
      position.textContent = `${number} of ${total}`;
      previous.disabled = number <= 1;
      next.disabled = number >= total;
      caption.textContent = row.caption;
      winner.hidden = !canWin(row);
      winner.setAttribute("aria-pressed", String(row.choice === "winner"));
      rejected.setAttribute("aria-pressed", String(row.choice === "rejected"));
      compare.setAttribute("aria-pressed", String(Boolean(order)));
      compare.hidden = !canCompare || !row.has_video;
      if (document.activeElement !== note) note.value = row.note;
      const isDone = row.state === "done";
      status.element.hidden = isDone;
      status.draw(row, now);
      poster.hidden = !isDone || !posterUrl;
      if (posterUrl && poster.src !== posterUrl) poster.src = posterUrl;
      error.hidden = true;
      drawTable(row);
    },
    tick: status.tick,
    /** @param {string} text */
    showError(text) {
      error.textContent = text;
      error.hidden = false;
    }
  };
}
function makeSection(title, lines) {
  if (!lines.length) return [];
  const section = make("tbody", "");
  const head = section.insertRow();
  head.append(make("th", "pvnb-gallery-section", { colSpan: 2, scope: "rowgroup", textContent: title }));
  for (const [name, text] of lines) {
    const row = section.insertRow();
    row.append(make("th", "", { scope: "row", textContent: name }), make("td", "", { textContent: text }));
  }
  return [section];
}

// src/gallery_posters.js
function makePosters({ request, embedded, onPoster }) {
  const urls = /* @__PURE__ */ new Map();
  const requested = /* @__PURE__ */ new Set();
  function put(key, bytes) {
    requested.add(key);
    if (!bytes) return;
    const old = urls.get(key);
    if (old) URL.revokeObjectURL(old);
    urls.set(key, URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" })));
    onPoster(key);
  }
  return {
    put,
    /** @param {string} key */
    urlOf: (key) => urls.get(key),
    /** @param {string[]} keys */
    load(keys) {
      const missing = keys.filter((key) => !requested.has(key));
      for (const key of missing) requested.add(key);
      if (!missing.length) return;
      if (embedded) for (const key of missing) put(key, embedded[key] ? decodeBase64(embedded[key]) : void 0);
      else request(missing);
    },
    dispose() {
      for (const url of urls.values()) URL.revokeObjectURL(url);
    }
  };
}
var NEAR = "240px";
var VISIBLE_SHARE = 0.4;
function makeVisibility({ onVisible, onNear }) {
  const visible = /* @__PURE__ */ new Set();
  const near = /* @__PURE__ */ new Set();
  function makeObserver(keys, onChange, options) {
    return new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const key = keyOf(target);
        if (isIntersecting) keys.add(key);
        else keys.delete(key);
      }
      onChange();
    }, options);
  }
  const observers = [
    makeObserver(visible, onVisible, { threshold: VISIBLE_SHARE }),
    makeObserver(near, onNear, { rootMargin: NEAR, scrollMargin: NEAR })
  ];
  return {
    visible,
    near,
    /** @param {HTMLElement} tile */
    observe(tile) {
      for (const observer of observers) observer.observe(tile);
    },
    /** @param {HTMLElement} tile */
    unobserve(tile) {
      for (const observer of observers) observer.unobserve(tile);
      for (const keys of [visible, near]) keys.delete(keyOf(tile));
    },
    dispose() {
      for (const observer of observers) observer.disconnect();
    }
  };
}
function keyOf(tile) {
  return (
    /** @type {HTMLElement} */
    tile.dataset.key ?? ""
  );
}

// src/gallery_toolbar.js
var PLAY_MODES = [
  ["hover", "Hover", "Play the video under the pointer or with the keyboard focus"],
  ["view", "All", "Play every video in view, at most 12 at once"],
  ["still", "Still", "Play no video"]
];
var THUMB_STEPS = 1e3;
function countText(rows) {
  const videos = rows.filter((row) => row.has_video).length;
  const text = countOf(videos, "video");
  return videos === rows.length ? text : `${countOf(rows.length, "tile")}, ${text}`;
}
function makeChip(className, text) {
  const chip = make("button", `pvnb-gallery-chip ${className}`.trim(), { type: "button", title: text });
  chip.append(make("span", "pvnb-gallery-chip-text", { textContent: text }));
  return chip;
}
function makeRange({ name, min, max }, { query, signal, onChange }) {
  const element = make("div", "pvnb-gallery-group pvnb-gallery-ranged");
  const range = make("div", "pvnb-gallery-range");
  const numbers = make("span", "pvnb-gallery-numbers");
  const makeThumb = (limit) => {
    const thumb = make("input", "", { type: "range", min: "0", max: String(THUMB_STEPS), step: "1" });
    thumb.setAttribute("aria-label", `${nameText(name)}, ${limit}`);
    return thumb;
  };
  const low = makeThumb("at least");
  const high = makeThumb("at most");
  const shareOf = (value) => (value - min) / (max - min);
  const lowValue = () => Number(low.value) === 0 ? min : min + Number(low.value) / THUMB_STEPS * (max - min);
  const highValue = () => Number(high.value) === THUMB_STEPS ? max : min + Number(high.value) / THUMB_STEPS * (max - min);
  function show() {
    const [from, to] = query.metrics.get(name) ?? [min, max];
    low.value = String(Math.round(THUMB_STEPS * shareOf(from)));
    high.value = String(Math.round(THUMB_STEPS * shareOf(to)));
    range.style.setProperty("--from", String(shareOf(from)));
    range.style.setProperty("--to", String(shareOf(to)));
    low.setAttribute("aria-valuetext", formatNumber(from));
    high.setAttribute("aria-valuetext", formatNumber(to));
    numbers.textContent = `${formatNumber(from)} – ${formatNumber(to)}`;
  }
  function onInput(event) {
    if (Number(low.value) > Number(high.value)) {
      if (event.target === low) low.value = high.value;
      else high.value = low.value;
    }
    if (lowValue() === min && highValue() === max) query.metrics.delete(name);
    else query.metrics.set(name, [lowValue(), highValue()]);
    onChange();
  }
  const on = listenUntil(signal);
  on(low, "input", onInput);
  on(high, "input", onInput);
  range.append(low, high);
  const row = make("div", "pvnb-gallery-ranging");
  row.append(range, numbers);
  element.append(make("div", "pvnb-gallery-name", { textContent: nameText(name) }), row);
  show();
  return { element, show };
}
function makeToolbar({ query, mode, signal, onQuery, onMode }) {
  const element = make("div", "pvnb-gallery-toolbar");
  const main = make("div", "pvnb-gallery-main");
  const filter = makeButton("pvnb-gallery-button", { label: "Filter", icon: "filter", text: "Filter" });
  filter.setAttribute("aria-expanded", "false");
  const count = make("span", "pvnb-gallery-count");
  count.setAttribute("role", "status");
  const active = make("div", "pvnb-gallery-active");
  const sort = make("select", "pvnb-gallery-select");
  sort.setAttribute("aria-label", "Sort by");
  const direction = makeButton("pvnb-gallery-button pvnb-gallery-direction", { label: "Ascending", icon: "up" });
  const order = make("div", "pvnb-gallery-order");
  order.append(make("span", "pvnb-gallery-quiet", { textContent: "Sort" }), sort, direction);
  const play = make("div", "pvnb-gallery-order");
  const modes = makeRadioGroup("pvnb-gallery-switch", {
    label: "Play",
    options: PLAY_MODES,
    value: mode,
    signal,
    onChoose: onMode
  });
  play.append(make("span", "pvnb-gallery-quiet", { textContent: "Play" }), modes.element);
  main.append(filter, count, active, make("span", "pvnb-gallery-gap"), order, play);
  const panel = make("div", "pvnb-gallery-panel", { hidden: true });
  element.append(main, panel);
  let drawnFacets = "";
  let stateLabels = /* @__PURE__ */ new Map();
  let chips = [];
  let ranges = [];
  function onFilter() {
    markPanel();
    drawActive();
    onQuery();
  }
  function buildPanel({ axes, states, metrics }) {
    chips = [];
    const groups = axes.map(
      ({ name, values }) => makeGroup(
        nameText(name),
        values.map(({ key, value }) => ({ kind: `axis:${name}`, value: key, text: valueText(value) }))
      )
    );
    if (states.length > 1) {
      const own = states.map(({ state: state2, label, count: count2 }) => ({ kind: "state", value: state2, text: label, count: count2 }));
      groups.push(makeGroup("State", own));
    }
    groups.push(
      makeGroup(
        "Rating",
        RATING_FILTERS.map((rating) => ({ kind: "rating", ...rating }))
      )
    );
    const metricRanges = metrics.map((metric) => makeRange(metric, { query, signal, onChange: onFilter }));
    ranges = metricRanges;
    panel.replaceChildren(...groups, ...metricRanges.map((range) => range.element));
    markPanel();
  }
  function makeGroup(name, data) {
    const group = make("div", "pvnb-gallery-group");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", name);
    const row = make("div", "pvnb-gallery-chips");
    for (const { kind, value, text, count: count2 } of data) {
      const chip = makeChip("", text);
      Object.assign(chip.dataset, { kind, value });
      if (count2 !== void 0) chip.append(make("span", "pvnb-gallery-of", { textContent: String(count2) }));
      chips.push(chip);
      row.append(chip);
    }
    group.append(make("div", "pvnb-gallery-name", { textContent: name }), row);
    return group;
  }
  function valuesOf(kind) {
    if (kind === "state") return query.states;
    if (kind === "rating") return query.ratings;
    return query.axes.get(kind.slice("axis:".length)) ?? /* @__PURE__ */ new Set();
  }
  function toggle(kind, value) {
    const values = valuesOf(kind);
    if (!values.delete(value)) values.add(value);
    if (!kind.startsWith("axis:")) return;
    const name = kind.slice("axis:".length);
    if (values.size) query.axes.set(name, values);
    else query.axes.delete(name);
  }
  function markPanel() {
    for (const chip of chips) {
      const { kind = "", value = "" } = chip.dataset;
      chip.setAttribute("aria-pressed", String(valuesOf(kind).has(value)));
    }
    for (const range of ranges) range.show();
  }
  function onRemove(button, remove) {
    button.onclick = () => {
      remove();
      onFilter();
      filter.focus();
    };
    return button;
  }
  function drawActive() {
    const buttons = [];
    const add = (text, remove) => {
      const chip = makeChip("pvnb-gallery-on", text);
      chip.setAttribute("aria-label", `Remove the filter ${text}`);
      chip.append(makeIcon("cross"));
      buttons.push(onRemove(chip, remove));
    };
    for (const [name, keys] of query.axes) {
      for (const key of keys) {
        const value = JSON.parse(key);
        const text = typeof value === "string" ? value : `${nameText(name)} ${valueText(value)}`;
        add(text, () => toggle(`axis:${name}`, key));
      }
    }
    for (const state2 of query.states) add(stateLabels.get(state2) ?? state2, () => toggle("state", state2));
    for (const { value, text } of RATING_FILTERS) {
      if (query.ratings.has(value)) add(text, () => toggle("rating", value));
    }
    for (const [name, [from, to]] of query.metrics) {
      const text = `${nameText(name)} ${formatNumber(from)} – ${formatNumber(to)}`;
      add(text, () => query.metrics.delete(name));
    }
    if (buttons.length) {
      const clear = make("button", "pvnb-gallery-link", { type: "button", textContent: "Clear" });
      const clearAll = () => {
        for (const part of [query.axes, query.states, query.ratings, query.metrics]) part.clear();
      };
      buttons.push(onRemove(clear, clearAll));
    }
    active.replaceChildren(...buttons);
    filter.dataset.on = String(hasFilters(query));
  }
  function buildSort({ axes, metrics }) {
    const makeOption = (value, text) => make("option", "", { value, textContent: text });
    const makeOptions = (label, options) => {
      const group = make("optgroup", "", { label });
      group.append(...options);
      return options.length ? [group] : [];
    };
    sort.replaceChildren(
      makeOption("", "original order"),
      ...makeOptions(
        "Parameters",
        axes.map(({ name }) => makeOption(`axis:${name}`, nameText(name)))
      ),
      ...makeOptions(
        "Metrics",
        metrics.map(({ name }) => makeOption(`metric:${name}`, nameText(name)))
      ),
      makeOption("state", "state"),
      makeOption("rating", "rating")
    );
    sort.value = query.sort;
    if (sort.selectedIndex < 0) {
      query.sort = "";
      sort.value = "";
    }
  }
  function drawDirection() {
    const label = query.isDescending ? "Descending" : "Ascending";
    direction.replaceChildren(makeIcon(query.isDescending ? "down" : "up"));
    direction.setAttribute("aria-label", label);
    direction.title = label;
  }
  const on = listenUntil(signal);
  on(filter, "click", () => {
    panel.hidden = !panel.hidden;
    filter.setAttribute("aria-expanded", String(!panel.hidden));
  });
  on(panel, "click", (event) => {
    const chip = closest(event, ".pvnb-gallery-chip");
    if (!chip) return;
    toggle(chip.dataset.kind ?? "", chip.dataset.value ?? "");
    onFilter();
  });
  on(sort, "change", () => {
    query.sort = sort.value;
    onQuery();
  });
  on(direction, "click", () => {
    query.isDescending = !query.isDescending;
    drawDirection();
    onQuery();
  });
  drawDirection();
  drawActive();
  return {
    element,
    filter,
    /**
     * Rebuilds the panel only if there is something new to choose: a chip that is rebuilt loses its focus.
     *
     * @param {GalleryRow[]} rows
     * @param {number} shown
     */
    draw(rows, shown) {
      const facets = { axes: axesIn(rows), states: statesIn(rows), metrics: metricsIn(rows) };
      stateLabels = new Map(facets.states.map(({ state: state2, label }) => [state2, label]));
      const json = JSON.stringify(facets);
      if (json !== drawnFacets) {
        const focused = chips.find((chip) => chip === document.activeElement)?.dataset;
        buildPanel(facets);
        buildSort(facets);
        drawnFacets = json;
        chips.find(({ dataset }) => dataset.kind === focused?.kind && dataset.value === focused?.value)?.focus();
      }
      count.textContent = hasFilters(query) ? `${shown} of ${rows.length}` : countText(rows);
    }
  };
}

// src/gallery_videos.js
var MAX_LOADED = 12;
var SETTLE_MS = 140;
var POOL = /* @__PURE__ */ Symbol.for("pixverse-nb.videos");
function poolOfPage() {
  const page = (
    /** @type {Record<symbol, PagePool | undefined>} */
    /** @type {unknown} */
    window
  );
  page[POOL] ??= { loaded: /* @__PURE__ */ new Set(), views: /* @__PURE__ */ new Set(), uses: 0 };
  return page[POOL];
}
function makeVideoPool({ source, placeOf, onChange }) {
  const pool = poolOfPage();
  const own = /* @__PURE__ */ new Map();
  let wanted = [];
  let needsRoom = false;
  const view = { onRoom: () => needsRoom && update() };
  pool.views.add(view);
  function play(keys) {
    wanted = keys.slice(0, MAX_LOADED);
    update();
    notifyOthers();
  }
  function notifyOthers() {
    for (const other of pool.views) if (other !== view) queueMicrotask(other.onRoom);
  }
  function update() {
    for (const loaded of own.values()) if (loaded.isWanted && !wanted.includes(loaded.key)) pause(loaded);
    needsRoom = false;
    wanted.forEach((key, rank) => {
      const loaded = own.get(key) ?? (makeRoom(rank === 0) ? load(key) : null);
      if (loaded) start(loaded);
      else needsRoom = true;
    });
  }
  function makeRoom(isFirst) {
    if (pool.loaded.size < MAX_LOADED) return true;
    const byAge = [...pool.loaded].sort((a, b) => a.usedAt - b.usedAt);
    const oldest = byAge.find(({ isWanted }) => !isWanted) ?? (isFirst ? byAge.find(({ rank }) => rank > 0) : null);
    oldest?.drop();
    return Boolean(oldest);
  }
  function load(key) {
    const loaded = { key, isWanted: true, usedAt: 0, rank: 0, video: null, drop: () => drop(loaded) };
    pool.loaded.add(loaded);
    own.set(key, loaded);
    source.load(key).then(
      (url) => onLoaded(loaded, url),
      (error) => {
        if (own.get(key) !== loaded) return;
        forget(loaded);
        onChange(key, error);
      }
    );
    return loaded;
  }
  function onLoaded(loaded, url) {
    if (own.get(loaded.key) !== loaded) return;
    const video = make("video", "pvnb-gallery-video", { muted: true, loop: true, playsInline: true, tabIndex: -1 });
    video.disablePictureInPicture = true;
    video.onplaying = () => onChange(loaded.key, "playing");
    video.onerror = () => {
      if (video.hasAttribute("src")) onChange(loaded.key, new Error("The browser cannot play this video."));
    };
    video.src = url;
    loaded.video = video;
    if (loaded.isWanted) start(loaded);
  }
  function start(loaded) {
    pool.uses += 1;
    loaded.isWanted = true;
    loaded.rank = wanted.indexOf(loaded.key);
    loaded.usedAt = pool.uses;
    const { video } = loaded;
    const place = placeOf(loaded.key);
    if (!video || !place) return;
    if (video.parentNode !== place.element) place.element.append(video);
    video.controls = place.hasControls;
    if (place.hasControls && prefersLessMotion()) return;
    video.play().catch(() => {
    });
  }
  function pause(loaded) {
    loaded.isWanted = false;
    loaded.video?.pause();
  }
  function forget(loaded) {
    pool.loaded.delete(loaded);
    own.delete(loaded.key);
  }
  function drop(loaded) {
    forget(loaded);
    source.release(loaded.key);
    const { video } = loaded;
    if (!video) return;
    video.pause();
    video.onplaying = null;
    video.onerror = null;
    video.removeAttribute("src");
    video.load();
    video.remove();
    onChange(loaded.key, "gone");
  }
  return {
    play,
    /** @param {string} key */
    togglePlay(key) {
      const video = own.get(key)?.video;
      if (video?.paused) video.play().catch(() => {
      });
      else video?.pause();
    },
    dispose() {
      pool.views.delete(view);
      for (const loaded of [...own.values()]) drop(loaded);
      notifyOthers();
    }
  };
}
function makeAutoplay({ mode, look, canPlay, play }) {
  let pointed = "";
  let timer = 0;
  function wanted() {
    const { opened, focused, inView } = look();
    if (opened) return [opened];
    if (mode === "still") return [];
    const first = [pointed || focused].filter(Boolean);
    return mode === "hover" ? first : [.../* @__PURE__ */ new Set([...first, ...inView])];
  }
  function now() {
    clearTimeout(timer);
    play(wanted().filter(canPlay));
  }
  function soon() {
    clearTimeout(timer);
    timer = setTimeout(now, SETTLE_MS);
  }
  return {
    now,
    soon,
    mode: () => mode,
    pointed: () => pointed,
    /** @param {string} key */
    setPointed(key) {
      pointed = key;
      soon();
    },
    /** @param {string} chosen "hover", "view" or "still" */
    setMode(chosen) {
      mode = chosen;
      now();
    },
    dispose: () => clearTimeout(timer)
  };
}

// src/gallery.js
function isRunning(row) {
  return Boolean(row?.began_at && !row.ended_at);
}
function render2({ model, el: el2 }) {
  const listeners = new AbortController();
  const { signal } = listeners;
  const on = listenUntil(signal);
  const isStandalone = Boolean(model.isStandalone);
  const canCompare = Boolean(model.get("can_compare")) && !isStandalone;
  const source = makeVideoSource(model);
  const kernel = watchKernel({ model, el: el2, kept: "Its videos and ratings are kept.", onChange: onKernel });
  const rows = /* @__PURE__ */ new Map();
  const tiles = /* @__PURE__ */ new Map();
  const query = makeQuery();
  let shown = [];
  let current = "";
  let opened = "";
  let scrollTop = 0;
  const startMode = prefersLessMotion() ? "still" : "hover";
  el2.classList.add("pvnb-ui", "pvnb-gallery");
  el2.dataset.standalone = String(isStandalone);
  keepKeys(el2, signal);
  const title = make("div", "pvnb-gallery-title");
  const scroller = make("div", "pvnb-gallery-scroller");
  const grid = make("div", "pvnb-gallery-grid");
  grid.setAttribute("role", "grid");
  grid.setAttribute("aria-multiselectable", String(canCompare));
  const nothing = make("div", "pvnb-gallery-nothing", { hidden: true });
  scroller.append(grid, nothing);
  const toolbar = makeToolbar({
    query,
    mode: startMode,
    signal,
    onQuery: layOut,
    onMode: (mode) => autoplay.setMode(mode)
  });
  const lightbox = makeLightbox({
    signal,
    onBack: closeLightbox,
    onStep: stepLightbox,
    onChoice: (choice) => ratings.choose(opened, choice),
    onCompare: () => selection.toggle(opened),
    onNote: (note) => ratings.rate(opened, { note })
  });
  const footer = makeFooter({
    signal,
    canCompare,
    isStandalone,
    onOpen: () => canAct() && kernel.send({ kind: "open", keys: selection.keys() }),
    onClear: () => selection.clear(),
    rows: () => [...rows.values()]
  });
  const comparison = makeComparisonPlace({ model, onFailed: footer.showMessage });
  const tileActions = makeTileActions({ canCompare, signal, onAction: (action, key) => actions[action](key) });
  el2.append(
    title,
    kernel.element,
    toolbar.element,
    scroller,
    lightbox.element,
    footer.element,
    comparison.element,
    hideFallback(model.get("fallback_class"))
  );
  const videos = makeVideoPool({ source, placeOf, onChange: onVideo });
  const autoplay = makeAutoplay({ mode: startMode, look, canPlay, play: videos.play });
  const posters = makePosters({
    request: (keys) => kernel.send({ kind: "posters", keys }),
    embedded: isStandalone ? model.get("posters") ?? {} : void 0,
    onPoster
  });
  const visibility = makeVisibility({
    onVisible: () => {
      if (autoplay.mode() === "view") autoplay.soon();
    },
    onNear: () => loadPosters([...visibility.near])
  });
  const clock = makeKernelClock({ onTick });
  const ratings = makeRatings({
    rows,
    canRate: canAct,
    send: kernel.send,
    onChange: onRating,
    onRefused: footer.showMessage
  });
  const selection = makeSelection({
    rows,
    canCompare,
    save: saveSelection,
    onChange: onSelection,
    onRefused: footer.showMessage
  });
  function putRows(fresh, isComplete) {
    const gone = isComplete ? new Set(rows.keys()) : /* @__PURE__ */ new Set();
    for (const row of fresh) {
      gone.delete(row.key);
      rows.set(row.key, ratings.withOwn(row));
      drawTile(row.key);
    }
    for (const key of gone) removeTile(key);
    layOut();
    loadPosters(fresh.map((row) => row.key).filter((key) => visibility.near.has(key)));
    drawLightbox();
  }
  function tileOf(key) {
    const known = tiles.get(key);
    if (known) return known;
    const tile = makeTile2(key);
    tiles.set(key, tile);
    visibility.observe(tile.element);
    return tile;
  }
  function removeTile(key) {
    const tile = tileOf(key);
    visibility.unobserve(tile.element);
    tile.element.remove();
    tiles.delete(key);
    rows.delete(key);
  }
  function drawTile(key) {
    const row = rows.get(key);
    if (!row) return;
    const tile = tileOf(key);
    tile.draw(row, { now: clock.now(), order: selection.orderOf(key) });
    const posterUrl = posters.urlOf(key);
    if (posterUrl) tile.showPoster(posterUrl, row.state === "done");
    if (tileActions.isIn(tile)) showActions(key);
  }
  function showActions(key) {
    const row = rows.get(key);
    if (row) tileActions.moveTo(tileOf(key), row, selection.orderOf(key));
  }
  function layOut() {
    const oldIndex = shown.indexOf(current);
    const hadFocus = grid.contains(document.activeElement);
    const all = [...rows.values()];
    const matching = all.filter((row) => matches(row, query));
    const sorted = sortRows(matching, query);
    shown = sorted.map((row) => row.key);
    const staying = new Set(shown);
    for (const [key, tile] of tiles) if (!staying.has(key)) tile.element.remove();
    sorted.forEach((row, index) => {
      const tile = tileOf(row.key);
      if (grid.children[index] !== tile.element) grid.insertBefore(tile.element, grid.children[index] ?? null);
      tile.showExtra(sortedMetricText(row, query));
    });
    nothing.hidden = shown.length > 0;
    nothing.textContent = rows.size ? "No tiles match these filters." : "There is nothing to show yet.";
    scroller.dataset.empty = String(!shown.length);
    toolbar.element.hidden = !rows.size || Boolean(opened);
    toolbar.draw(all, shown.length);
    footer.draw(all, selection.keys().length);
    const ratio = commonRatio(all);
    el2.style.setProperty("--pvnb-ratio", String(ratio));
    el2.dataset.upright = String(ratio < 0.9);
    if (!staying.has(current)) {
      current = shown[Math.min(Math.max(oldIndex, 0), shown.length - 1)] ?? "";
      if (hadFocus && current && !opened) tileOf(current).cell.focus({ preventScroll: true });
    }
    for (const [key, tile] of tiles) tile.cell.tabIndex = key === current ? 0 : -1;
    autoplay.now();
  }
  function loadPosters(keys) {
    posters.load(keys.filter((key) => rows.get(key)?.has_video));
  }
  function onPoster(key) {
    drawTile(key);
    if (opened === key) drawLightbox();
  }
  function look() {
    const focused = grid.contains(document.activeElement) ? current : "";
    return { opened, focused, inView: shown.filter((key) => visibility.visible.has(key)) };
  }
  function canPlay(key) {
    return Boolean(rows.get(key)?.has_video && (opened || tiles.get(key)?.element.isConnected));
  }
  function placeOf(key) {
    if (opened) return key === opened ? { element: lightbox.stage, hasControls: true } : null;
    const tile = tiles.get(key);
    return tile ? { element: tile.media, hasControls: false } : null;
  }
  function onVideo(key, state2) {
    const tile = tiles.get(key);
    if (tile) tile.element.dataset.playback = state2 instanceof Error ? "failed" : state2;
    if (!(state2 instanceof Error)) return;
    if (key === opened) lightbox.showError(state2.message);
    else footer.showMessage(state2.message);
  }
  function onTick() {
    if (kernel.state() === "gone") return;
    for (const key of visibility.visible) {
      const row2 = rows.get(key);
      if (row2 && isRunning(row2)) tiles.get(key)?.tick(row2, clock.now());
    }
    const row = rows.get(opened);
    if (row && isRunning(row)) lightbox.tick(row, clock.now());
  }
  function canAct() {
    kernel.ask();
    return !kernel.isGone();
  }
  function onKernel(state2) {
    lightbox.note.readOnly = state2 === "gone";
    if (state2 === "alive") kernel.send({ kind: "hello" });
  }
  function onRating(key) {
    drawTile(key);
    layOut();
    if (opened === key) drawLightbox();
  }
  function startNote(key) {
    const row = rows.get(key);
    if (!row) return;
    const onEnd = (text) => {
      if (text !== null) ratings.rate(key, { note: text });
      drawTile(key);
    };
    editNote(tileOf(key), row, { signal, onEnd });
  }
  function saveSelection(keys) {
    model.set("selected", keys);
    model.save_changes();
  }
  function onSelection(changed) {
    for (const key of changed) drawTile(key);
    footer.draw([...rows.values()], selection.keys().length);
    drawLightbox();
  }
  function openLightbox(key) {
    if (!opened) scrollTop = scroller.scrollTop;
    opened = key;
    current = key;
    drawLightbox();
    for (const part of [toolbar.element, scroller]) part.hidden = true;
    lightbox.element.hidden = false;
    footer.showKeys(true);
    lightbox.element.focus({ preventScroll: true });
    lightbox.element.scrollIntoView({ block: "nearest" });
    loadPosters([key]);
    autoplay.now();
  }
  function drawLightbox() {
    const row = rows.get(opened);
    if (!row) return;
    lightbox.draw(row, {
      number: shown.indexOf(opened) + 1,
      total: shown.length,
      now: clock.now(),
      posterUrl: posters.urlOf(opened),
      order: selection.orderOf(opened),
      canCompare
    });
  }
  function stepLightbox(by) {
    const key = shown[shown.indexOf(opened) + by];
    if (key) openLightbox(key);
  }
  function closeLightbox() {
    const key = opened;
    if (document.activeElement === lightbox.note) ratings.rate(key, { note: lightbox.note.value.trim() });
    opened = "";
    lightbox.element.hidden = true;
    footer.showKeys(false);
    for (const part of [toolbar.element, scroller]) part.hidden = false;
    layOut();
    scroller.scrollTop = scrollTop;
    focusTile(shown.includes(key) ? key : current);
  }
  function setCurrent(key) {
    const old = tiles.get(current);
    if (old) old.cell.tabIndex = -1;
    current = key;
    tileOf(key).cell.tabIndex = 0;
  }
  function focusTile(key) {
    const tile = tiles.get(key);
    if (!tile) return;
    setCurrent(key);
    tile.cell.focus({ preventScroll: true });
    tile.element.scrollIntoView({ block: "nearest" });
  }
  const actions = {
    open: openLightbox,
    winner: (key) => ratings.choose(key, "winner"),
    rejected: (key) => ratings.choose(key, "rejected"),
    note: (key) => canAct() && startNote(key),
    compare: (key) => canAct() && selection.toggle(key),
    clear: () => selection.clear(),
    focus: focusTile
  };
  const lightboxActions = {
    back: closeLightbox,
    previous: () => stepLightbox(-1),
    next: () => stepLightbox(1),
    winner: () => ratings.choose(opened, "winner"),
    rejected: () => ratings.choose(opened, "rejected"),
    note: () => canAct() && lightbox.note.focus(),
    compare: () => canAct() && selection.toggle(opened),
    togglePlay: () => videos.togglePlay(opened)
  };
  function keyOf2(event) {
    return closest(event, ".pvnb-gallery-tile")?.dataset.key ?? "";
  }
  on(el2, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = keyOf2(event);
    const target = (
      /** @type {HTMLElement} */
      event.target
    );
    const isPressing = target.tagName === "BUTTON" && ["Enter", " "].includes(event.key);
    if (opened && lightbox.element.contains(target)) onLightboxKey(event, lightboxActions);
    else if (key && target.tagName !== "INPUT" && !isPressing) onTileKey(event, { key, shown, grid, actions });
  });
  keepFocus(el2, {
    signal,
    fallback(lost) {
      if (opened) return lightbox.element;
      if (lost.closest(".pvnb-gallery-toolbar") || !shown.length) return toolbar.filter;
      return tileOf(current).cell;
    }
  });
  on(grid, "pointerover", (event) => {
    const key = keyOf2(event);
    if (event.pointerType === "touch" || key === autoplay.pointed()) return;
    if (key) showActions(key);
    autoplay.setPointed(key);
  });
  on(grid, "pointerleave", () => {
    if (grid.contains(document.activeElement)) showActions(current);
    autoplay.setPointed("");
  });
  on(grid, "focusin", (event) => {
    const key = keyOf2(event);
    if (!key) return;
    setCurrent(key);
    showActions(key);
    autoplay.soon();
  });
  on(grid, "focusout", () => autoplay.soon());
  on(grid, "click", (event) => {
    const key = keyOf2(event);
    if (key && closest(event, ".pvnb-gallery-media")) openLightbox(key);
  });
  function onMessage(content, buffers) {
    if (content.kind === "tiles") {
      clock.setBy(content.now);
      putRows(content.rows, content.is_complete);
    } else if (content.kind === "comparison") comparison.show(content);
    else if (content.kind === "poster") posters.put(content.key, buffers[0]);
    else if (content.kind === "rating") ratings.onMessage(content);
    else if (content.kind === "error") footer.showMessage(content.text);
  }
  const onRows = () => putRows(model.get("rows"), true);
  const onSelected = () => selection.show(model.get("selected"));
  function onTitle() {
    title.textContent = model.get("title");
    title.hidden = isStandalone || !model.get("title");
    grid.setAttribute("aria-label", model.get("title") || "Videos");
  }
  model.on("change:rows", onRows);
  model.on("change:title", onTitle);
  model.on("change:selected", onSelected);
  model.on("msg:custom", onMessage);
  onTitle();
  onRows();
  onSelected();
  kernel.send({ kind: "hello" });
  return () => {
    listeners.abort();
    clock.dispose();
    kernel.dispose();
    comparison.dispose();
    autoplay.dispose();
    visibility.dispose();
    videos.dispose();
    source.dispose();
    posters.dispose();
    footer.dispose();
    model.off("change:rows", onRows);
    model.off("change:title", onTitle);
    model.off("change:selected", onSelected);
    model.off("msg:custom", onMessage);
  };
}
var gallery_default = { render: render2 };

// src/standalone.js
function makeModel(state2) {
  const callbacks = /* @__PURE__ */ new Map();
  return {
    isStandalone: true,
    get: (name) => state2[String(name)],
    set(name, value) {
      if (state2[String(name)] === value) return;
      state2[String(name)] = value;
      for (const callback of callbacks.get(`change:${String(name)}`) ?? []) callback();
    },
    save_changes() {
    },
    send() {
    },
    on(name, callback) {
      callbacks.set(name, [...callbacks.get(name) ?? [], callback]);
    },
    off(name, callback) {
      callbacks.set(
        name,
        (callbacks.get(name) ?? []).filter((other) => other !== callback)
      );
    }
  };
}
var el = (
  /** @type {HTMLElement} */
  document.querySelector("[data-widget]")
);
var state = JSON.parse(document.querySelector("script[data-state]")?.textContent ?? "{}");
var widget = el.dataset.widget === "gallery" ? gallery_default : compare_default;
widget.render({ model: makeModel(state), el });
