// Keeps videos in step: one clock, one play, one seek and one loop for all of them. It has no elements of its own.
//
// The longest video is the clock. The others follow it by a slightly higher or lower rate; where that would take too
// long, and after every seek and at every loop, all are stopped, brought to the same frame, waited for, and started
// together. A place is always the middle of a frame, because at its edge two decoders may show two different frames.

const START_NUDGE_S = 0.008; // off by more, and a video is slowed down or hurried
const END_NUDGE_S = 0.002;
const NUDGE_WITHIN_S = 0.15; // the time in which a nudge should have done most of its work
const MOST_NUDGE = 0.6; // of the rate, for a fraction of a second: seen less than being out of step
const JUMP_S = 0.15; // off by more, and all are brought together anew
const LEAST_BETWEEN_JUMPS_MS = 1500;
const LEAST_BETWEEN_NUDGES_MS = 60;
const STALL_MS = 250; // without the next frame for longer, and all wait
const SAID_MS = 500; // waiting for longer is said; a loop takes less
const SLOWEST = 0.0625; // what browsers play at least
const ENOUGH_TO_PLAY = 3; // HAVE_FUTURE_DATA

export function makeConductor({ frameRate = 24, onChange = () => {} } = {}) {
  let voices = []; // {video, isFailed, lateSince, nudgedAt, seen, request, listening}
  let isPlaying = false; // what is wanted
  let isRunning = false; // what is so
  let place = 0.5 / frameRate; // where all stand while they do not run
  let rate = 1;
  let isLooping = true;
  let range = null; // {first, last}: frames, both played
  let settling = null; // the AbortController of the gathering under way
  let frameRequest = 0;
  let jumpedAt = -Infinity;
  let isLong = false; // the gathering under way takes long enough to be said
  let patience = 0;
  const life = new AbortController();

  // ---- frames and seconds ----

  const playable = () => voices.filter(({ isFailed }) => !isFailed);
  const lengthOf = ({ video }) => (Number.isFinite(video.duration) ? video.duration : 0);
  const duration = () => Math.max(0, ...playable().map(lengthOf));
  const frames = () => Math.max(1, Math.round(duration() * frameRate));
  const placeOf = (frame) => (frame + 0.5) / frameRate;
  const frameOf = (seconds) => Math.floor(seconds * frameRate + 1e-3);
  const first = () => Math.min(range?.first ?? 0, frames() - 1);
  const last = () => Math.min(range?.last ?? frames() - 1, frames() - 1);
  const clampFrame = (frame) => Math.min(Math.max(frame, 0), frames() - 1);

  // Where a video stands when the clock is at `seconds`: one that is shorter holds its last frame.
  function placeIn(voice, seconds) {
    const own = Math.max(1, Math.round(lengthOf(voice) * frameRate));
    return placeOf(Math.min(frameOf(seconds), own - 1));
  }

  const isAtItsEnd = (voice, seconds) => voice.video.ended || seconds >= lengthOf(voice) - 0.5 / frameRate;

  function clock() {
    return playable().reduce((best, voice) => (best && lengthOf(best) >= lengthOf(voice) ? best : voice), null);
  }

  function now() {
    const master = isRunning ? clock() : null;
    return master ? master.video.currentTime : place;
  }

  function frameNow() {
    const master = isRunning ? clock() : null;
    if (master?.seen !== undefined) return clampFrame(Math.round(master.seen * frameRate));
    return clampFrame(frameOf(now()));
  }

  // ---- stopping, gathering, starting ----

  function halt() {
    if (isRunning) place = placeOf(clampFrame(frameOf(now())));
    isRunning = false;
    cancelAnimationFrame(frameRequest);
    for (const { video } of voices) video.pause();
  }

  // Resolves when `check` holds, when the video fails, and when nobody waits any more.
  function until(voice, names, check, signal) {
    return new Promise((resolve) => {
      const done = new AbortController();
      const look = () => {
        if (!signal.aborted && !voice.isFailed && !check()) return;
        done.abort();
        resolve();
      };
      signal.addEventListener("abort", look, { signal: done.signal });
      for (const name of [...names, "error"]) voice.video.addEventListener(name, look, { signal: done.signal });
      look();
    });
  }

  async function bring(voice, signal) {
    const { video } = voice;
    if (isPlaying) await until(voice, ["loadedmetadata"], () => video.readyState >= 1, signal);
    if (signal.aborted || voice.isFailed || video.readyState < 1) return;
    video.playbackRate = rate;
    const wanted = placeIn(voice, place);
    if (Math.abs(video.currentTime - wanted) > 1e-4) video.currentTime = wanted;
    await until(voice, ["seeked", "loadeddata"], () => !video.seeking && video.readyState >= 2, signal);
    if (!isPlaying || isAtItsEnd(voice, place)) return;
    await until(voice, ["canplay", "canplaythrough"], () => video.readyState >= ENOUGH_TO_PLAY, signal);
  }

  // Brings all to `place`, and starts them if they are to play. A newer gathering takes the place of an older one.
  async function gather() {
    halt();
    settling?.abort();
    const mine = new AbortController();
    settling = mine;
    isLong = false;
    clearTimeout(patience);
    patience = setTimeout(() => {
      isLong = settling !== null;
      onChange();
    }, SAID_MS);
    onChange();
    await Promise.all(playable().map((voice) => bring(voice, mine.signal)));
    if (mine.signal.aborted) return;
    settling = null;
    isLong = false;
    clearTimeout(patience);
    if (isPlaying && !document.hidden && playable().length) start();
    onChange();
  }

  function start() {
    isRunning = true;
    for (const voice of playable()) {
      voice.lateSince = 0;
      voice.seen = undefined;
      // A pause that comes before the start has succeeded rejects it, and is no fault.
      if (!isAtItsEnd(voice, place)) voice.video.play().catch(() => {});
    }
    frameRequest = requestAnimationFrame(beat);
  }

  function beat() {
    if (!isRunning) return;
    const master = clock();
    if (!master) {
      pause();
      return;
    }
    const seconds = master.video.currentTime;
    if (master.video.ended || seconds >= (last() + 1) / frameRate - 1e-3) {
      reachEnd();
      return;
    }
    if (playable().some((voice) => isLate(voice)) || !follow(master, seconds)) {
      place = placeOf(clampFrame(frameOf(seconds)));
      jumpedAt = performance.now();
      isRunning = false; // the place is known: not to be taken from a clock that may stand
      gather();
      return;
    }
    frameRequest = requestAnimationFrame(beat);
    onChange();
  }

  function reachEnd() {
    isRunning = false;
    if (!isLooping) isPlaying = false;
    place = placeOf(isLooping ? first() : last());
    gather();
  }

  // True where a video should play and does not: it has no next frame, or the browser has stopped it.
  function isLate(voice) {
    const { video } = voice;
    const isFine = video.seeking || isAtItsEnd(voice, video.currentTime) || (video.readyState >= ENOUGH_TO_PLAY && !video.paused);
    if (isFine) voice.lateSince = 0;
    else voice.lateSince ||= performance.now();
    return !isFine && performance.now() - voice.lateSince > STALL_MS;
  }

  // Nudges every video towards the clock; false where one is too far off for that.
  function follow(master, seconds) {
    for (const voice of playable()) {
      const { video } = voice;
      if (voice === master || video.seeking || video.paused || isAtItsEnd(voice, video.currentTime)) continue;
      const off = video.currentTime - seconds;
      if (Math.abs(off) > JUMP_S * Math.max(1, rate) && performance.now() - jumpedAt > LEAST_BETWEEN_JUMPS_MS) return false;
      nudge(voice, off);
    }
    return true;
  }

  function nudge(voice, off) {
    const { video } = voice;
    const isNudged = video.playbackRate !== rate;
    const isOff = Math.abs(off) > (isNudged ? END_NUDGE_S : START_NUDGE_S);
    const share = Math.min(Math.max(off / (rate * NUDGE_WITHIN_S), -MOST_NUDGE), MOST_NUDGE);
    const wanted = isOff ? Math.max(SLOWEST, rate * (1 - share)) : rate;
    if (Math.abs(wanted - video.playbackRate) < 0.004 * rate && wanted !== rate) return;
    if (wanted === video.playbackRate || performance.now() - voice.nudgedAt < LEAST_BETWEEN_NUDGES_MS) return;
    voice.nudgedAt = performance.now();
    video.playbackRate = wanted;
  }

  function pause() {
    isPlaying = false;
    gather();
  }

  // ---- the videos ----

  function take(video) {
    const listening = new AbortController();
    const voice = { video, isFailed: Boolean(video.error), lateSince: 0, nudgedAt: 0, seen: undefined, request: 0, listening };
    const on = (name, act) => video.addEventListener(name, act, { signal: listening.signal });
    video.muted = true;
    video.loop = false;
    on("error", () => drop(video));
    on("loadedmetadata", () => {
      // The gathering of a playing cast waits for this by itself.
      if (!isRunning && !isPlaying) gather();
      else onChange();
    });
    on("ended", onChange);
    if (video.requestVideoFrameCallback) {
      const see = (_now, { mediaTime }) => {
        voice.seen = mediaTime;
        voice.request = video.requestVideoFrameCallback(see);
      };
      voice.request = video.requestVideoFrameCallback(see);
    }
    return voice;
  }

  function letGo({ video, listening, request }) {
    listening.abort();
    video.cancelVideoFrameCallback?.(request);
    video.pause();
  }

  function drop(video) {
    const voice = voices.find((other) => other.video === video);
    if (!voice || voice.isFailed) return;
    voice.isFailed = true;
    video.pause();
    gather();
  }

  // A page in the background shows nothing, and browsers stop or slow down what plays there, each in its own way: so
  // all stand still together, and go on from the same frame.
  function onVisibility() {
    if (document.hidden) halt();
    else if (isPlaying) gather();
    onChange();
  }
  document.addEventListener("visibilitychange", onVisibility, { signal: life.signal });

  return {
    // Conducts these videos from now on, at the place that was reached; those that were left out are stopped.
    cast(videos) {
      halt();
      const kept = new Map(voices.map((voice) => [voice.video, voice]));
      for (const [video, voice] of kept) if (!videos.includes(video)) letGo(voice);
      voices = videos.map((video) => kept.get(video) ?? take(video));
      gather();
    },
    // Goes on without a video: there is no film for it.
    drop,
    play() {
      isPlaying = true;
      if (!isRunning && (frameNow() >= last() || frameNow() < first())) place = placeOf(first());
      gather();
    },
    pause,
    seek(seconds) {
      halt();
      place = placeOf(clampFrame(frameOf(seconds)));
      gather();
    },
    step(count) {
      isPlaying = false;
      halt();
      place = placeOf(clampFrame(frameOf(place) + count));
      gather();
    },
    setRate(wanted) {
      rate = wanted;
      for (const { video } of voices) video.playbackRate = wanted;
      onChange();
    },
    setLooping(wanted) {
      isLooping = wanted;
      onChange();
    },
    // Frames, both of which are played; null for all of it.
    setRange(wanted) {
      range = wanted && { first: Math.min(wanted.first, wanted.last), last: Math.max(wanted.first, wanted.last) };
      onChange();
    },
    state: () => ({
      isPlaying,
      isRunning,
      place: now(),
      frame: frameNow(),
      frames: frames(),
      duration: duration(),
      rate,
      isLooping,
      first: first(),
      last: last(),
      hasRange: range !== null,
    }),
    // "failed", "loading", "ended" (holds its last frame while the clock goes on), "late" (the others wait), or "ready".
    statusOf(video) {
      const voice = voices.find((other) => other.video === video);
      if (!voice || video.readyState < 1) return voice?.isFailed ? "failed" : "loading";
      if (voice.isFailed) return "failed";
      if (frameNow() / frameRate >= lengthOf(voice) - 1e-3) return "ended";
      if (isPlaying && isLong && !document.hidden && video.readyState < ENOUGH_TO_PLAY) return "late";
      return "ready";
    },
    dispose() {
      life.abort();
      settling?.abort();
      clearTimeout(patience);
      halt();
      voices.forEach(letGo);
      voices = [];
    },
  };
}
