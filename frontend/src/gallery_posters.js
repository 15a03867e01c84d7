// The still images of the tiles, and which tiles are in view or near it.

import { decodeBase64 } from "./base64.js";

/**
 * Requests each poster once, when its tile comes near, and keeps it as a URL.
 *
 * @param {{
 *   request: (keys: string[]) => void,
 *   embedded: Record<string, string> | undefined,
 *   onPoster: (key: string) => void,
 * }} options `request` sends the keys to the kernel; a page without one has its posters in `embedded`, as base64
 */
export function makePosters({ request, embedded, onPoster }) {
  /** @type {Map<string, string>} */
  const urls = new Map();
  /** @type {Set<string>} */
  const requested = new Set();

  /**
   * @param {string} key
   * @param {BlobPart | undefined} bytes a JPEG
   */
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
      if (embedded) for (const key of missing) put(key, embedded[key] ? decodeBase64(embedded[key]) : undefined);
      else request(missing);
    },
    dispose() {
      for (const url of urls.values()) URL.revokeObjectURL(url);
    },
  };
}

const NEAR = "240px";
const VISIBLE_SHARE = 0.4;

/**
 * Tracks which tiles are in view and which are near it.
 *
 * @param {{ onVisible: () => void, onNear: () => void }} options called when `visible` or `near` has changed
 */
export function makeVisibility({ onVisible, onNear }) {
  /** @type {Set<string>} */
  const visible = new Set();
  /** @type {Set<string>} */
  const near = new Set();

  /**
   * @param {Set<string>} keys
   * @param {() => void} onChange
   * @param {IntersectionObserverInit & { scrollMargin?: string }} options
   */
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
    makeObserver(near, onNear, { rootMargin: NEAR, scrollMargin: NEAR }),
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
    },
  };
}

/** @param {Element} tile */
function keyOf(tile) {
  return /** @type {HTMLElement} */ (tile).dataset.key ?? "";
}
