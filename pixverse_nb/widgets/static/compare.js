// src/clock.js
function twoDigits(number) {
  return String(number).padStart(2, "0");
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
  function drawTrack(state) {
    const share = state.duration ? Math.min(state.position / state.duration, 1) : 0;
    const [from, to] = [state.first / state.frames, (state.last + 1) / state.frames];
    knob.style.left = `${100 * share}%`;
    fill.style.left = `${100 * from}%`;
    fill.style.width = `${100 * Math.max(0, Math.min(share, to) - from)}%`;
    rangeBar.style.left = `${100 * from}%`;
    rangeBar.style.width = `${100 * (to - from)}%`;
    marks.first.style.left = `${100 * from}%`;
    marks.last.style.left = `${100 * to}%`;
    marks.first.setAttribute("aria-valuenow", String(state.first));
    marks.last.setAttribute("aria-valuenow", String(state.last));
    for (const mark of Object.values(marks)) mark.hidden = !state.hasRange;
    clear.hidden = !state.hasRange;
  }
  function drawTime(state) {
    const seconds = state.frame / state.frames * state.duration;
    const timeText = `${formatTimecode(seconds)} / ${formatTimecode(state.duration)}`;
    if (time.textContent !== timeText) time.textContent = timeText;
    const frameText = state.duration ? `frame ${state.frame + 1} of ${state.frames}` : "";
    if (frame.textContent === frameText) return;
    frame.textContent = frameText;
    track.setAttribute("aria-valuemin", "1");
    track.setAttribute("aria-valuemax", String(state.frames));
    track.setAttribute("aria-valuenow", String(state.frame + 1));
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
    draw(state) {
      drawTrack(state);
      drawTime(state);
      if (drawnPlaying !== state.isPlaying) {
        drawnPlaying = state.isPlaying;
        play.replaceChildren(makeIcon(drawnPlaying ? "pause" : "play"));
        play.setAttribute("aria-label", drawnPlaying ? "Pause" : "Play");
      }
      loop.setAttribute("aria-pressed", String(state.isLooping));
      if (rate.value !== String(state.rate)) rate.value = String(state.rate);
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
  let isRunning = false;
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
    const leader = isRunning ? clock() : null;
    return leader ? leader.video.currentTime : position;
  }
  function frameNow() {
    const leader = isRunning ? clock() : null;
    if (leader?.frameTime !== void 0) return clampFrame(Math.round(leader.frameTime * frameRate));
    return clampFrame(frameOf(now()));
  }
  function halt() {
    if (isRunning) position = positionOf(clampFrame(frameOf(now())));
    isRunning = false;
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
    isRunning = true;
    for (const player of playable()) {
      player.stalledSince = 0;
      player.frameTime = void 0;
      if (!isAtEnd(player, position)) player.video.play().catch(() => {
      });
    }
    animationRequest = requestAnimationFrame(onAnimationFrame);
  }
  function onAnimationFrame() {
    if (!isRunning) return;
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
      isRunning = false;
      align();
      return;
    }
    animationRequest = requestAnimationFrame(onAnimationFrame);
    onChange();
  }
  function reachEnd() {
    isRunning = false;
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
      if (!isRunning && !isPlaying) align();
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
      if (!isRunning && (frameNow() >= last() || frameNow() < first())) position = positionOf(first());
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
      isRunning,
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
function render({ model, el }) {
  el.classList.add("pvnb-ui", "pvnb-compare");
  el.dataset.mark = model.get("fallback_class");
  el.tabIndex = 0;
  el.setAttribute("role", "group");
  const listeners = new AbortController();
  const { signal } = listeners;
  keepKeys(el, signal);
  const source = makeVideoSource(model);
  const kernel = watchKernel({ model, el, kept: "Its videos are kept." });
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
  el.append(
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
    el.setAttribute("aria-label", `Comparison of ${model.get("videos").length} videos`);
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
    el.focus({ preventScroll: true });
  }
  function toggleFullscreen() {
    if (document.fullscreenElement === el) document.exitFullscreen();
    else el.requestFullscreen?.().catch(() => {
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
  on(el, "keydown", onKey);
  keepFocus(el, {
    signal,
    // The buttons of the pair are built anew when one is pressed.
    fallback: (lost) => chips.querySelector(`[data-slot="${lost.dataset.slot}"]`) ?? el
  });
  on(view.element, "pointerdown", () => el.focus({ preventScroll: true }));
  on(chips, "click", (event) => choose(closest(event, "button")?.dataset.slot));
  on(vote, "click", () => setVoting(!isVoting));
  on(help, "click", toggleKeys);
  document.addEventListener(
    "fullscreenchange",
    () => {
      el.dataset.fullscreen = String(document.fullscreenElement === el);
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
export {
  compare_default as default
};
