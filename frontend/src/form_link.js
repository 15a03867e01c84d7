// The form's line to its kernel, and the parts of the form: each looks like the model of a widget of its own.
//
// Every message of the form carries the view and a number, and the kernel answers it with the same two. A message that
// stays without an answer is followed by a ping: if the kernel has handled that and nobody has answered, the form
// belongs to an earlier kernel. Nothing else tells a dead kernel from a busy one.

/** @import { FormPart, Model } from "./types" */

const PATIENCE_MS = 2500; // a kernel that takes longer is reported as busy
const ANSWER_MS = 600; // after the kernel has handled a message, its answer has arrived

/**
 * @param {Record<string, any>} values
 * @param {{ send?: (content: object, buffers?: ArrayBuffer[]) => void, onSave?: () => void }} [options]
 * @returns {FormPart}
 */
export function makePart(values, { send = () => {}, onSave = () => {} } = {}) {
  /** @type {Map<string, Set<(...args: any[]) => void>>} */
  const callbacks = new Map();
  /** @type {(name: string, ...args: any[]) => void} */
  const emit = (name, ...args) => {
    for (const callback of [...(callbacks.get(name) ?? [])]) callback(...args);
  };
  /** @param {Record<string, any>} next */
  const update = (next) => {
    const changed = Object.keys(next).filter((name) => JSON.stringify(values[name]) !== JSON.stringify(next[name]));
    for (const name of changed) values[name] = next[name];
    for (const name of changed) emit(`change:${name}`);
  };
  return {
    get: (name) => values[String(name)],
    set: (name, value) => update({ [String(name)]: value }),
    save_changes: onSave,
    send: (content, _callbacks, buffers) => send(content, buffers),
    on(name, callback) {
      callbacks.set(name, (callbacks.get(name) ?? new Set()).add(callback));
    },
    off: (name, callback) => callbacks.get(name)?.delete(callback),
    update,
    emit,
  };
}

/**
 * @param {Model<any>} model
 * @param {{ view: string, onStatus: (status: "alive" | "waiting" | "dead") => void }} options
 */
export function makeLink(model, { view, onStatus }) {
  let sent = 0;
  let answered = 0;
  let status = "alive";
  let timer = 0;
  let answerTimer = 0;
  let pongs = 0;
  let heardAt = performance.now();

  /** @param {"alive" | "waiting" | "dead"} next */
  function setStatus(next) {
    if (status === next) return;
    status = next;
    onStatus(next);
  }

  function isDead() {
    return status === "dead";
  }

  /**
   * @param {object} content
   * @param {ArrayBuffer[]} [buffers]
   * @param {object} [callbacks]
   */
  function send(content, buffers, callbacks) {
    try {
      model.send(content, /** @type {any} */ (callbacks), buffers);
    } catch {
      setStatus("dead"); // the kernel that this form was connected to is gone
    }
  }

  function ping() {
    const before = pongs;
    const onKernel = (/** @type {any} */ message) => {
      if (message?.content?.execution_state !== "idle") return;
      clearTimeout(answerTimer);
      answerTimer = setTimeout(() => {
        if (pongs === before) setStatus("dead");
      }, ANSWER_MS);
    };
    // marimo calls the callbacks instead of looking into them
    send(
      { kind: "ping" },
      undefined,
      Object.assign(() => {}, { iopub: { status: onKernel } }),
    );
  }

  function expectAnswer() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (isDead()) return;
      setStatus("waiting");
      ping();
    }, PATIENCE_MS);
  }

  return {
    isDead,
    /** Whether the kernel has answered everything. */
    isSettled: () => answered === sent,
    ping,
    /** The milliseconds since the kernel has sent anything. */
    silence: () => performance.now() - heardAt,
    /**
     * Sends bytes or a message that has an answer of its own.
     *
     * @param {object} content
     * @param {ArrayBuffer[]} [buffers]
     */
    sendRaw(content, buffers) {
      send(content, buffers);
      if (!buffers && !isDead()) expectAnswer();
    },
    /** @param {object} content */
    ask(content) {
      sent += 1;
      send({ ...content, view, number: sent });
      if (!isDead()) expectAnswer();
    },
    /** @param {{ kind: string, view?: string, number?: number }} content any message of the kernel */
    hear(content) {
      heardAt = performance.now();
      if (content.kind === "pong") pongs += 1;
      if (content.view === view && typeof content.number === "number") answered = Math.max(answered, content.number);
      if (answered === sent) clearTimeout(timer);
      setStatus("alive");
    },
    dispose() {
      clearTimeout(timer);
      clearTimeout(answerTimer);
    },
  };
}
