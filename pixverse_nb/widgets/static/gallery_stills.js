// The stills of the tiles: asked for when a tile comes near, kept as addresses of data, given back at the end.

import { make } from "./elements.js";

// `ask(keys)` asks the kernel; a page that stands alone has them in `embedded`, as base64. `onStill(key)` tells of one.
export function makeStills({ ask, embedded, onStill }) {
  const addresses = new Map();
  const asked = new Set();

  function take(key, bytes) {
    asked.add(key);
    if (!bytes) return;
    if (addresses.has(key)) URL.revokeObjectURL(addresses.get(key));
    addresses.set(key, URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" })));
    onStill(key);
  }

  function decode(base64) {
    return base64 && Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  }

  return {
    take,
    of: (key) => addresses.get(key),
    want(keys) {
      const wanted = keys.filter((key) => !asked.has(key));
      for (const key of wanted) asked.add(key);
      if (!wanted.length) return;
      if (embedded) for (const key of wanted) take(key, decode(embedded[key]));
      else ask(wanted);
    },
    dispose() {
      for (const address of addresses.values()) URL.revokeObjectURL(address);
    },
  };
}

// Hides the stills that stand in the notebook for readers without a kernel, while a view is there.
export function makeVeil(name) {
  const hidden = `:is(.${name}, .jp-OutputArea-child:has(.${name}))`;
  return make("style", "", { textContent: name ? `${hidden} { display: none !important; }` : "" });
}
