// Keeps videos in step: one clock, one play, one seek and one loop for all of them. It has no elements of its own.
//
// The longest video is the clock. The others follow it at a slightly higher or lower rate. If that would take too
// long, and after every seek and at every loop, all are paused, moved to the same frame, waited for, and started
// together. A position is always the middle of a frame, because at its edge two decoders may show different frames.

import { clamp, listenUntil } from "./dom.js";

const START_NUDGE_S = 0.008; // a video that is further off is slowed down or sped up ...
const END_NUDGE_S = 0.002; // ... until it is this close
const NUDGE_WITHIN_S = 0.15; // the time in which a nudge should have done most of its work
const MAX_NUDGE = 0.6; // of the rate, for a fraction of a second: less visible than being out of step
const REALIGN_S = 0.15; // if a video is further off, all are realigned
const REALIGN_INTERVAL_MS = 1500;
const NUDGE_INTERVAL_MS = 60;
const STALL_MS = 250; // if one video has no next frame for longer, all wait
const REPORT_DELAY_MS = 500; // a longer wait is shown; a loop takes less
const MIN_RATE = 0.0625; // the lowest rate that browsers play

/** @typedef {{ first: number, last: number }} FrameRange both frames are played */
/**
 * @typedef {{
 *   video: HTMLVideoElement,
 *   isFailed: boolean,
 *   stalledSince: number,
 *   nudgedAt: number,
 *   frameTime: number | undefined,
 *   frameRequest: number,
 *   listeners: AbortController,
 * }} Player `frameTime`: the media time of the frame that is on screen
 */
/** @typedef {ReturnType<typeof makeVideoSync>} VideoSync */
/** @typedef {ReturnType<VideoSync["state"]>} SyncState */
/** @typedef {"failed" | "loading" | "ended" | "stalled" | "ready"} PlayerStatus */

/** @param {{ frameRate?: number, onChange?: () => void }} [options] `frameRate` in frames per second */
export function makeVideoSync({ frameRate = 24, onChange = () => {} } = {}) {
  /** @type {Player[]} */
  let players = [];
  let isPlaying = false; // whether the person wants it to play
  let isRunning = false; // whether it plays now
  let position = 0.5 / frameRate; // in seconds, while nothing runs
  let rate = 1;
  let isLooping = true;
  /** @type {FrameRange | null} */
  let range = null;
  /** @type {AbortController | null} */
  let alignment = null; // the one under way
  let animationRequest = 0;
  let realignedAt = -Infinity;
  let isSlow = false; // the alignment under way takes long enough to be shown
  let slowTimer = 0;
  const listeners = new AbortController();

  // ---- frames and seconds ----

  const playable = () => players.filter(({ isFailed }) => !isFailed);
  /** @param {Player} player */
  const lengthOf = ({ video }) => (Number.isFinite(video.duration) ? video.duration : 0);
  const duration = () => Math.max(0, ...playable().map(lengthOf));
  const frames = () => Math.max(1, Math.round(duration() * frameRate));
  /** @param {number} frame */
  const positionOf = (frame) => (frame + 0.5) / frameRate;
  /** @param {number} seconds */
  const frameOf = (seconds) => Math.floor(seconds * frameRate + 1e-3);
  const first = () => Math.min(range?.first ?? 0, frames() - 1);
  const last = () => Math.min(range?.last ?? frames() - 1, frames() - 1);
  /** @param {number} frame */
  const clampFrame = (frame) => clamp(frame, 0, frames() - 1);

  /**
   * The position of a video when the clock is at `seconds`: a shorter one holds its last frame.
   *
   * @param {Player} player
   * @param {number} seconds
   */
  function positionIn(player, seconds) {
    const own = Math.max(1, Math.round(lengthOf(player) * frameRate));
    return positionOf(Math.min(frameOf(seconds), own - 1));
  }

  /**
   * @param {Player} player
   * @param {number} seconds
   */
  const isAtEnd = (player, seconds) => player.video.ended || seconds >= lengthOf(player) - 0.5 / frameRate;

  function clock() {
    /** @type {Player | null} */
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
    if (leader?.frameTime !== undefined) return clampFrame(Math.round(leader.frameTime * frameRate));
    return clampFrame(frameOf(now()));
  }

  // ---- pause, align, start ----

  function halt() {
    if (isRunning) position = positionOf(clampFrame(frameOf(now())));
    isRunning = false;
    cancelAnimationFrame(animationRequest);
    for (const { video } of players) video.pause();
  }

  /**
   * Resolves when `check` is true, when the video fails, and when `signal` aborts.
   *
   * @param {Player} player
   * @param {string[]} names the events after which to check
   * @param {() => boolean} check
   * @param {AbortSignal} signal
   * @returns {Promise<void>}
   */
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

  /**
   * @param {Player} player
   * @param {AbortSignal} signal
   */
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

  /** Moves all videos to `position`, and starts them if they should play. A newer call replaces one under way. */
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
      player.frameTime = undefined;
      // A pause that comes before the start has succeeded rejects it; that is no error.
      if (!isAtEnd(player, position)) player.video.play().catch(() => {});
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
      isRunning = false; // so that halt() keeps this position: the clock may be the one that has stalled
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

  /**
   * Whether a video should play and does not: it has no next frame, or the browser has paused it.
   *
   * @param {Player} player
   */
  function isStalled(player) {
    const { video } = player;
    const isFine = video.seeking || isAtEnd(player, video.currentTime) || (hasNextFrame(video) && !video.paused);
    if (isFine) player.stalledSince = 0;
    else player.stalledSince ||= performance.now();
    return !isFine && performance.now() - player.stalledSince > STALL_MS;
  }

  /**
   * Nudges every video towards the clock; returns false if one is too far off for that.
   *
   * @param {Player} leader
   * @param {number} seconds
   */
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

  /**
   * @param {Player} player
   * @param {number} offset seconds ahead of the clock
   */
  function nudge(player, offset) {
    const { video } = player;
    const isNudged = video.playbackRate !== rate;
    const isOff = Math.abs(offset) > (isNudged ? END_NUDGE_S : START_NUDGE_S);
    const share = clamp(offset / (rate * NUDGE_WITHIN_S), -MAX_NUDGE, MAX_NUDGE);
    const wanted = isOff ? Math.max(MIN_RATE, rate * (1 - share)) : rate;
    if (Math.abs(wanted - video.playbackRate) < 0.004 * rate && wanted !== rate) return;
    if (wanted === video.playbackRate || performance.now() - player.nudgedAt < NUDGE_INTERVAL_MS) return;
    player.nudgedAt = performance.now();
    video.playbackRate = wanted;
  }

  function pause() {
    isPlaying = false;
    align();
  }

  // ---- the videos ----

  /**
   * @param {HTMLVideoElement} video
   * @returns {Player}
   */
  function attach(video) {
    /** @type {Player} */
    const player = {
      video,
      isFailed: Boolean(video.error),
      stalledSince: 0,
      nudgedAt: 0,
      frameTime: undefined,
      frameRequest: 0,
      listeners: new AbortController(),
    };
    const on = listenUntil(player.listeners.signal);
    video.muted = true;
    video.loop = false;
    on(video, "error", () => remove(video));
    on(video, "loadedmetadata", () => {
      // An alignment before playing waits for this by itself.
      if (!isRunning && !isPlaying) align();
      else onChange();
    });
    on(video, "ended", onChange);
    if ("requestVideoFrameCallback" in video) {
      /** @type {VideoFrameRequestCallback} */
      const onFrame = (_now, { mediaTime }) => {
        player.frameTime = mediaTime;
        player.frameRequest = video.requestVideoFrameCallback(onFrame);
      };
      player.frameRequest = video.requestVideoFrameCallback(onFrame);
    }
    return player;
  }

  /** @param {Player} player */
  function detach({ video, listeners, frameRequest }) {
    listeners.abort();
    video.cancelVideoFrameCallback?.(frameRequest);
    video.pause();
  }

  /** @param {HTMLVideoElement} video */
  function remove(video) {
    const player = players.find((other) => other.video === video);
    if (!player || player.isFailed) return;
    player.isFailed = true;
    video.pause();
    align();
  }

  // Browsers pause or slow down videos in a background page, each in its own way. So all of them are paused together,
  // and continue from the same frame.
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
      hasRange: range !== null,
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
    },
  };
}

/** @param {HTMLVideoElement} video */
function hasNextFrame(video) {
  return video.readyState >= 3; // HAVE_FUTURE_DATA
}
