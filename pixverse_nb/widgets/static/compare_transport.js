// The transport: one scrubber with a range, play, frames, rate, loop, gain, and the whole screen.

import { make } from "./elements.js";
import { clockWords, dragShare, makeCompareButton, setCompareSign } from "./compare_parts.js";

const RATES = [0.1, 0.25, 0.5, 1, 1.5, 2];
const GAINS = [1, 2, 4, 8, 16];

function makeMark(side, words) {
  const mark = make("div", "pvnb-compare-mark", { tabIndex: 0, hidden: true });
  mark.dataset.side = side;
  mark.setAttribute("role", "slider");
  mark.setAttribute("aria-label", words);
  return mark;
}

function makeSelect(label, values, words, value) {
  const select = make("select", "pvnb-compare-select", { title: label });
  select.setAttribute("aria-label", label);
  for (const one of values) select.append(make("option", "", { value: String(one), textContent: words(one) }));
  select.value = String(value);
  return select;
}

export function makeTransport({ signal, conductor, onGain, onFull }) {
  const element = make("div", "pvnb-compare-transport");
  const track = make("div", "pvnb-compare-track", { tabIndex: 0 });
  track.setAttribute("role", "slider");
  track.setAttribute("aria-label", "Place in the videos");
  const groove = make("div", "pvnb-compare-groove");
  const kept = make("div", "pvnb-compare-kept");
  const fill = make("div", "pvnb-compare-fill");
  groove.append(kept, fill);
  const knob = make("div", "pvnb-compare-knob");
  const marks = { first: makeMark("first", "Start of the range"), last: makeMark("last", "End of the range") };
  track.append(groove, marks.first, marks.last, knob);

  const row = make("div", "pvnb-compare-row");
  const back = makeCompareButton("One frame back", { sign: "back", key: "," });
  const play = makeCompareButton("Play", { sign: "play", key: "Space", className: "pvnb-compare-play" });
  const forth = makeCompareButton("One frame on", { sign: "forth", key: "." });
  const time = make("span", "pvnb-compare-time");
  const frame = make("span", "pvnb-compare-frame");
  const space = make("span", "pvnb-compare-space");
  const gain = makeSelect("Gain of the difference", GAINS, (value) => `${value}× gain`, 4);
  const rate = makeSelect("Speed", RATES, (value) => `${value}×`, 1);
  const loop = makeCompareButton("Loop", { sign: "loop", key: "L" });
  const into = makeCompareButton("Start the range here", { text: "In", key: "I" });
  const out = makeCompareButton("End the range here", { text: "Out", key: "O" });
  const whole = makeCompareButton("Play all of it again", { text: "All" });
  const full = makeCompareButton("Whole screen", { sign: "full", key: "F" });
  row.append(back, play, forth, time, frame, space, into, out, whole, loop, rate, full);
  element.append(track, row);
  let wasPlaying = false;
  let playing = null;

  const on = (target, name, act) => target.addEventListener(name, act, { signal });
  on(back, "click", () => conductor.step(-1));
  on(forth, "click", () => conductor.step(1));
  on(play, "click", () => toggle());
  on(loop, "click", () => conductor.setLooping(!conductor.state().isLooping));
  on(into, "click", () => setMark("first"));
  on(out, "click", () => setMark("last"));
  on(whole, "click", () => conductor.setRange(null));
  on(full, "click", onFull);
  on(rate, "change", () => conductor.setRate(Number(rate.value)));
  on(gain, "change", () => onGain(Number(gain.value)));

  function toggle() {
    if (conductor.state().isPlaying) conductor.pause();
    else conductor.play();
  }

  function setMark(side, frameAt = conductor.state().frame) {
    const { first, last, frames } = conductor.state();
    const range = { first, last, [side]: frameAt };
    // A mark that is set beyond the other one begins a new range there.
    if (range.first > range.last) Object.assign(range, side === "first" ? { last: frames - 1 } : { first: 0 });
    conductor.setRange(range.first > 0 || range.last < frames - 1 ? range : null);
  }

  // While the knob is dragged all stand; afterwards they go on if they did before.
  dragShare(track, {
    signal,
    isOn: (event) => !event.target.classList.contains("pvnb-compare-mark"),
    onStart() {
      wasPlaying = conductor.state().isPlaying;
      if (wasPlaying) conductor.pause();
    },
    onMove: (share) => conductor.seek(share * conductor.state().duration),
    onEnd: () => wasPlaying && conductor.play(),
  });
  for (const [side, mark] of Object.entries(marks)) {
    let isHeld = false;
    const move = (event) => {
      const { left, width } = track.getBoundingClientRect();
      const { frames, first, last } = conductor.state();
      const at = Math.floor(Math.min(Math.max((event.clientX - left) / width, 0), 0.9999) * frames);
      setMark(side, side === "first" ? Math.min(at, last) : Math.max(at, first));
    };
    on(mark, "pointerdown", (event) => {
      event.stopPropagation();
      isHeld = true;
      mark.setPointerCapture(event.pointerId);
    });
    on(mark, "pointermove", (event) => isHeld && move(event));
    for (const name of ["pointerup", "pointercancel"]) on(mark, name, () => (isHeld = false));
    on(mark, "keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      const { first, last, frames } = conductor.state();
      const [least, most] = side === "first" ? [0, last] : [first, frames - 1];
      setMark(side, Math.min(Math.max((side === "first" ? first : last) + by, least), most));
    });
  }

  return {
    element,
    toggle,
    setMark,
    setLayout: (layout) => (gain.hidden = layout !== "difference"),
    gain,
    draw(state) {
      const share = state.duration ? Math.min(state.place / state.duration, 1) : 0;
      const [from, to] = [state.first / state.frames, (state.last + 1) / state.frames];
      knob.style.left = `${100 * share}%`;
      fill.style.left = `${100 * from}%`;
      fill.style.width = `${100 * Math.max(0, Math.min(share, to) - from)}%`;
      kept.style.left = `${100 * from}%`;
      kept.style.width = `${100 * (to - from)}%`;
      marks.first.style.left = `${100 * from}%`;
      marks.last.style.left = `${100 * to}%`;
      for (const mark of Object.values(marks)) mark.hidden = !state.hasRange;
      marks.first.setAttribute("aria-valuenow", String(state.first));
      marks.last.setAttribute("aria-valuenow", String(state.last));
      whole.hidden = !state.hasRange;
      const words = `${clockWords(state.frame / state.frames * state.duration)} / ${clockWords(state.duration)}`;
      if (time.textContent !== words) time.textContent = words;
      const counted = state.duration ? `frame ${state.frame + 1} of ${state.frames}` : "";
      if (frame.textContent !== counted) {
        frame.textContent = counted;
        track.setAttribute("aria-valuemax", String(state.frames));
        track.setAttribute("aria-valuemin", "1");
        track.setAttribute("aria-valuenow", String(state.frame + 1));
        track.setAttribute("aria-valuetext", `${words}, ${counted}`);
      }
      if (playing !== state.isPlaying) {
        playing = state.isPlaying;
        setCompareSign(play, playing ? "pause" : "play");
        play.setAttribute("aria-label", playing ? "Pause" : "Play");
      }
      loop.setAttribute("aria-pressed", String(state.isLooping));
      if (rate.value !== String(state.rate)) rate.value = String(state.rate);
    },
  };
}
