// The videos of a gallery: which of them should play, and the few that are loaded at a time.

import { make, prefersLessMotion } from "./dom.js";

/** @import { VideoSource } from "./types" */
/**
 * @typedef {{
 *   key: string,
 *   isWanted: boolean,
 *   usedAt: number,
 *   rank: number,
 *   video: HTMLVideoElement | null,
 *   drop: () => void,
 * }} LoadedVideo `rank`: its place among the wanted videos of its gallery, 0 for the first
 */
/** @typedef {{ onRoom: () => void }} PoolView */
/** @typedef {{ loaded: Set<LoadedVideo>, views: Set<PoolView>, uses: number }} PagePool */
/** @typedef {{ element: HTMLElement, hasControls: boolean }} VideoPlace */

const MAX_LOADED = 12; // in all galleries of the page together
const SETTLE_MS = 140; // a pointer or a scroll that only passes by loads nothing

// Every view has its own copy of this script, so the galleries share their pool through the page.
const POOL = Symbol.for("pixverse-nb.videos");

function poolOfPage() {
  const page = /** @type {Record<symbol, PagePool | undefined>} */ (/** @type {unknown} */ (window));
  page[POOL] ??= { loaded: new Set(), views: new Set(), uses: 0 };
  return page[POOL];
}

/**
 * Loads the wanted videos as long as there is room. A video that is no longer wanted stays, paused, until its room is
 * needed: the least recently used one goes first.
 *
 * @param {{
 *   source: VideoSource,
 *   placeOf: (key: string) => VideoPlace | null,
 *   onChange: (key: string, state: "playing" | "gone" | Error) => void,
 * }} options `placeOf` returns the element that the video belongs in now
 */
export function makeVideoPool({ source, placeOf, onChange }) {
  const pool = poolOfPage();
  /** @type {Map<string, LoadedVideo>} */
  const own = new Map();
  /** @type {string[]} */
  let wanted = []; // best first
  let needsRoom = false; // some wanted video found no room
  /** @type {PoolView} */
  const view = { onRoom: () => needsRoom && update() };
  pool.views.add(view);

  /** @param {string[]} keys the videos to play, best first */
  function play(keys) {
    wanted = keys.slice(0, MAX_LOADED);
    update();
    notifyOthers();
  }

  /**
   * A video that is no longer wanted here may make room in another gallery. The others do not notify in turn: two
   * galleries that both need room would notify each other for ever.
   */
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

  /** @param {boolean} isFirst the first wanted video may replace one that plays elsewhere: that is what people look at */
  function makeRoom(isFirst) {
    if (pool.loaded.size < MAX_LOADED) return true;
    const byAge = [...pool.loaded].sort((a, b) => a.usedAt - b.usedAt);
    const oldest = byAge.find(({ isWanted }) => !isWanted) ?? (isFirst ? byAge.find(({ rank }) => rank > 0) : null);
    oldest?.drop();
    return Boolean(oldest);
  }

  /** @param {string} key */
  function load(key) {
    /** @type {LoadedVideo} */
    const loaded = { key, isWanted: true, usedAt: 0, rank: 0, video: null, drop: () => drop(loaded) };
    pool.loaded.add(loaded);
    own.set(key, loaded);
    source.load(key).then(
      (url) => onLoaded(loaded, url),
      (error) => {
        if (own.get(key) !== loaded) return;
        forget(loaded);
        onChange(key, error);
      },
    );
    return loaded;
  }

  /**
   * @param {LoadedVideo} loaded
   * @param {string} url
   */
  function onLoaded(loaded, url) {
    if (own.get(loaded.key) !== loaded) return; // dropped meanwhile
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

  /** @param {LoadedVideo} loaded */
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
    if (place.hasControls && prefersLessMotion()) return; // people start it with its controls
    video.play().catch(() => {}); // refused or interrupted: the poster stays
  }

  /** @param {LoadedVideo} loaded */
  function pause(loaded) {
    loaded.isWanted = false;
    loaded.video?.pause();
  }

  /** @param {LoadedVideo} loaded */
  function forget(loaded) {
    pool.loaded.delete(loaded);
    own.delete(loaded.key);
  }

  /** @param {LoadedVideo} loaded */
  function drop(loaded) {
    forget(loaded);
    source.release(loaded.key);
    const { video } = loaded;
    if (!video) return;
    video.pause();
    video.onplaying = null;
    video.onerror = null;
    video.removeAttribute("src");
    video.load(); // releases the decoder at once
    video.remove();
    onChange(loaded.key, "gone");
  }

  return {
    play,
    /** @param {string} key */
    togglePlay(key) {
      const video = own.get(key)?.video;
      if (video?.paused) video.play().catch(() => {});
      else video?.pause();
    },
    dispose() {
      pool.views.delete(view);
      for (const loaded of [...own.values()]) drop(loaded);
      notifyOthers();
    },
  };
}

/**
 * Decides which videos play: the one in the lightbox; otherwise, by the mode, the one under the pointer or with the
 * focus, all in view, or none.
 *
 * @param {{
 *   mode: string,
 *   look: () => { opened: string, focused: string, inView: string[] },
 *   canPlay: (key: string) => boolean,
 *   play: (keys: string[]) => void,
 * }} options `look` returns the keys that a person sees; `play` plays videos, best first
 */
export function makeAutoplay({ mode, look, canPlay, play }) {
  let pointed = ""; // the key under the pointer
  let timer = 0;

  function wanted() {
    const { opened, focused, inView } = look();
    if (opened) return [opened];
    if (mode === "still") return [];
    const first = [pointed || focused].filter(Boolean);
    return mode === "hover" ? first : [...new Set([...first, ...inView])];
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
    dispose: () => clearTimeout(timer),
  };
}
