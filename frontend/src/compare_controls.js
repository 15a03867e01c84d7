// The controls of a comparison: one scrubber with a range, play, frame steps, speed, loop, gain and full screen.

import { formatTimecode } from "./clock.js";
import { clamp, listenUntil, make, makeButton, makeIcon, trackDrag } from "./dom.js";

/** @import { SyncState, VideoSync } from "./video_sync.js" */
/** @typedef {"first" | "last"} RangeEnd */

const RATES = [0.1, 0.25, 0.5, 1, 1.5, 2];
const GAINS = [1, 2, 4, 8, 16];
const DEFAULT_GAIN = 4;
const BUTTON = "pvnb-compare-button";

/**
 * @param {string} className
 * @param {string} label
 */
function makeSlider(className, label) {
  const slider = make("div", className, { tabIndex: 0 });
  slider.setAttribute("role", "slider");
  slider.setAttribute("aria-label", label);
  return slider;
}

/**
 * @param {string} label
 * @param {{ values: number[], value: number, textOf: (value: number) => string }} options
 */
function makeSelect(label, { values, value, textOf }) {
  const select = make("select", "pvnb-compare-select", { title: label });
  select.setAttribute("aria-label", label);
  for (const one of values) select.append(make("option", "", { value: String(one), textContent: textOf(one) }));
  select.value = String(value);
  return select;
}

/**
 * @param {{
 *   signal: AbortSignal,
 *   sync: VideoSync,
 *   onGain: (gain: number) => void,
 *   onFullscreen: () => void,
 * }} options
 */
export function makeControls({ signal, sync, onGain, onFullscreen }) {
  const element = make("div", "pvnb-compare-controls");
  const track = makeSlider("pvnb-compare-track", "Position in the videos");
  const groove = make("div", "pvnb-compare-groove");
  const rangeBar = make("div", "pvnb-compare-range");
  const fill = make("div", "pvnb-compare-fill");
  groove.append(rangeBar, fill);
  const knob = make("div", "pvnb-compare-knob");
  const marks = {
    first: makeSlider("pvnb-compare-mark", "Start of the range"),
    last: makeSlider("pvnb-compare-mark", "End of the range"),
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
    textOf: (value) => `${value}× gain`,
  });
  const rate = makeSelect("Speed", { values: RATES, value: 1, textOf: (value) => `${value}×` });
  const loop = makeButton(BUTTON, { label: "Loop", icon: "loop", key: "L" });
  const start = makeButton(BUTTON, { label: "Start the range here", text: "In", key: "I" });
  const end = makeButton(BUTTON, { label: "End the range here", text: "Out", key: "O" });
  const clear = makeButton(BUTTON, { label: "Clear range", text: "Clear range" });
  const fullscreen = makeButton(BUTTON, { label: "Full screen", icon: "fullscreen", key: "F" });
  row.append(back, play, forward, time, frame, space, start, end, clear, loop, rate, fullscreen);
  element.append(track, row);
  let wasPlaying = false; // before the knob was dragged
  /** @type {boolean | null} */
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

  /**
   * @param {RangeEnd} side
   * @param {number} [at] a frame; the current one by default
   */
  function setRangeEnd(side, at = sync.state().frame) {
    const { first, last, frames } = sync.state();
    const range = { first, last, [side]: at };
    // An end beyond the other one begins a new range.
    if (range.first > range.last) Object.assign(range, side === "first" ? { last: frames - 1 } : { first: 0 });
    sync.setRange(range.first > 0 || range.last < frames - 1 ? range : null);
  }

  // All videos are paused while the knob is dragged, and continue afterwards if they played before.
  trackDrag(track, {
    signal,
    canStart: (event) => !(/** @type {Element} */ (event.target).classList.contains("pvnb-compare-mark")),
    onStart() {
      wasPlaying = sync.state().isPlaying;
      if (wasPlaying) sync.pause();
    },
    onMove: (share) => sync.seek(share * sync.state().duration),
    onEnd() {
      if (wasPlaying) sync.play();
    },
  });
  makeMarkMovable("first");
  makeMarkMovable("last");

  /** @param {RangeEnd} side */
  function makeMarkMovable(side) {
    const mark = marks[side];
    mark.dataset.side = side;
    mark.hidden = true;
    let isHeld = false;
    /** @param {number} at */
    const moveTo = (at) => {
      const { first, last, frames } = sync.state();
      setRangeEnd(side, side === "first" ? clamp(at, 0, last) : clamp(at, first, frames - 1));
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
    for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
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

  /** @param {SyncState} state */
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

  /** @param {SyncState} state */
  function drawTime(state) {
    const seconds = (state.frame / state.frames) * state.duration;
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
    },
  };
}
