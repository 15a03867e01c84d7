// Loads videos for a page. load(key) resolves to the URL of the whole mp4; release(key) gives it back.
//
// Users are counted: a video is requested once for all of them and dropped when the last one has released it.
// From a kernel, videos arrive as custom messages, so that no video becomes part of a saved notebook:
//   to the kernel:   request {key, id, offset} | ack {key, id, offset} | cancel {key, id} | ping
//   from the kernel: chunk {key, id, offset, size} + bytes | unavailable {key, id, reason} | pong
// Messages on their way are lost when the connection breaks. So a request that gets no more bytes, although the kernel
// answers a ping, is sent again from where it stopped.
// All views of a model receive every message; `id` tells them whose request it answers.

import { decodeBase64 } from "./base64.js";
import { makeViewId } from "./dom.js";

/** @import { Model, VideoSource } from "./types" */
/** @typedef {(received: number, size: number) => void} OnProgress */
/** @typedef {{ video: Promise<Blob>, stop: () => void }} Download */
/** @typedef {{ count: number, url: string, watchers: Set<OnProgress>, download: Download, promise: Promise<string> }} Entry */
/**
 * @typedef {{
 *   key: string,
 *   chunks: ArrayBuffer[],
 *   received: number,
 *   progressAt: number,
 *   resolve: (video: Blob) => void,
 *   reject: (error: Error) => void,
 *   onProgress: OnProgress,
 * }} Request
 */

const MP4 = { type: "video/mp4" };
const STALLED_MS = 4000;
const CHECK_MS = 2000;
const RELEASED = "The video is no longer needed.";

/**
 * Counts the users of each video; `start` begins one download.
 *
 * @param {(key: string, onProgress: OnProgress) => Download} start
 * @returns {VideoSource}
 */
function makeCountedSource(start) {
  /** @type {Map<string, Entry>} */
  const entries = new Map();

  /** @param {string} key */
  function begin(key) {
    /** @type {Set<OnProgress>} */
    const watchers = new Set();
    const download = start(key, (received, size) => {
      for (const watch of watchers) watch(received, size);
    });
    const promise = download.video.then((video) => {
      if (entries.get(key) !== entry) throw new Error(RELEASED);
      entry.url = URL.createObjectURL(video);
      return entry.url;
    });
    /** @type {Entry} */
    const entry = { count: 0, url: "", watchers, download, promise };
    promise.catch(() => {
      // After a failure the next load() starts a new download.
      if (entries.get(key) === entry) entries.delete(key);
    });
    entries.set(key, entry);
    return entry;
  }

  /**
   * @param {string} key
   * @param {Entry} entry
   */
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
    },
  };
}

/**
 * @param {Model<any>} model
 * @returns {VideoSource}
 */
function makeKernelSource(model) {
  /** @type {Map<string, Request>} */
  const requests = new Map(); // by id
  const view = makeViewId();
  let number = 0;
  let watch = 0;

  /** @param {object} message */
  function send(message) {
    try {
      model.send(message);
    } catch {
      // the connection is closed: the view says so (kernel_alive.js)
    }
  }

  /** @param {Request} request */
  function begin(request) {
    number += 1;
    const id = `${view}-${number}`;
    requests.set(id, request);
    request.progressAt = performance.now();
    send({ kind: "request", key: request.key, id, offset: request.received });
    watch ||= setInterval(checkStalled, CHECK_MS);
    return id;
  }

  /** @param {Request} request */
  function isStalled(request) {
    return performance.now() - request.progressAt > STALLED_MS;
  }

  function checkStalled() {
    if (!requests.size) {
      clearInterval(watch);
      watch = 0;
    } else if ([...requests.values()].some(isStalled)) send({ kind: "ping" });
  }

  /** @param {string} id */
  function beginAgain(id) {
    const request = requests.get(id);
    if (!request) return;
    requests.delete(id);
    send({ kind: "cancel", key: request.key, id });
    begin(request);
  }

  /**
   * @param {{ kind: string, id: string, offset: number, size: number, reason: string }} content
   * @param {ArrayBuffer[]} buffers
   */
  function onMessage(content, buffers) {
    if (content.kind === "pong") {
      for (const [id, one] of [...requests]) if (isStalled(one)) beginAgain(id);
    }
    const request = requests.get(content.id);
    if (!request) return;
    if (content.kind === "chunk") addChunk(content, request, buffers[0]);
    else if (content.kind === "unavailable") fail(content.id, content.reason);
  }

  /**
   * @param {{ id: string, offset: number, size: number }} content
   * @param {Request} request
   * @param {ArrayBuffer} bytes
   */
  function addChunk({ id, offset, size }, request, bytes) {
    const { key } = request;
    if (offset > request.received) beginAgain(id); // a chunk before it was lost
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

  /**
   * @param {string} id
   * @param {string} reason
   */
  function fail(id, reason) {
    const request = requests.get(id);
    requests.delete(id);
    request?.reject(new Error(reason));
  }

  const source = makeCountedSource((key, onProgress) => {
    /** @type {Request} */
    const request = { key, chunks: [], received: 0, progressAt: 0, resolve() {}, reject() {}, onProgress };
    /** @type {Promise<Blob>} */
    const video = new Promise((resolve, reject) => {
      Object.assign(request, { resolve, reject });
    });
    begin(request);
    const stop = () => {
      const id = [...requests.keys()].find((one) => requests.get(one) === request);
      if (id === undefined) return;
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

/**
 * The videos of a page without a kernel: base64 in lines, each of which can be decoded by itself.
 *
 * @returns {VideoSource}
 */
function makeEmbeddedSource() {
  /** @param {string} key */
  async function read(key) {
    const element = document.querySelector(`script[data-video="${CSS.escape(key)}"]`);
    const lines = (element?.textContent ?? "").split("\n").filter(Boolean);
    if (!lines.length) throw new Error("This video is not in the page: its file was missing when the page was saved.");
    return new Blob(lines.map(decodeBase64), MP4);
  }

  return makeCountedSource((key) => ({ video: read(key), stop() {} }));
}

/**
 * @param {Model<any>} model
 * @returns {VideoSource}
 */
export function makeVideoSource(model) {
  return model.isStandalone ? makeEmbeddedSource() : makeKernelSource(model);
}
