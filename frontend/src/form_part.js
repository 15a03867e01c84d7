// The parts of the form: each looks like the model of a widget of its own.

/** @import { FormPart } from "./types" */

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
