// Where a page gets its films from: load(key) gives the address of the whole mp4, release(key) gives it back.
//
// Loads are counted: a film is asked for once however many want it, and let go when the last of them has released it.
// From a kernel they come as custom messages, so that no film is ever part of a saved notebook:
//   to the kernel:   want {key, id} | got {key, id, offset} | enough {key, id}
//   from the kernel: film {key, id, offset, size} + bytes | no-film {key, id, why}
// `id` names the asking: a model has one line for all its views, and each view hears what the others asked for.

// Keeps the count. `fetch(key, onProgress)` starts one asking and returns {film: Promise<Blob>, stop()}.
function countedSupply(fetch) {
  const held = new Map(); // key -> {count, asking, promise, url, watchers}

  function begin(key) {
    const entry = { count: 0, url: "", watchers: new Set() };
    const tell = (received, size) => entry.watchers.forEach((watch) => watch(received, size));
    entry.asking = fetch(key, tell);
    entry.promise = entry.asking.film.then((film) => {
      if (held.get(key) !== entry) throw new Error("The video is not wanted any more.");
      entry.url = URL.createObjectURL(film);
      return entry.url;
    });
    entry.promise.catch(() => {
      // What failed once is asked for anew by the next who wants it.
      if (held.get(key) === entry) held.delete(key);
    });
    held.set(key, entry);
    return entry;
  }

  function drop(key) {
    const entry = held.get(key);
    held.delete(key);
    if (entry.url) URL.revokeObjectURL(entry.url);
    else entry.asking.stop();
  }

  return {
    load(key, onProgress) {
      const entry = held.get(key) ?? begin(key);
      entry.count += 1;
      if (onProgress) entry.watchers.add(onProgress);
      return entry.promise;
    },
    release(key) {
      const entry = held.get(key);
      if (!entry) return;
      entry.count -= 1;
      if (entry.count <= 0) drop(key);
    },
    dispose() {
      for (const key of [...held.keys()]) drop(key);
    },
  };
}

export function kernelSupply(model) {
  const askings = new Map(); // id -> {key, pieces, received, resolve, reject, tell}
  const serial = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  let number = 0;

  function onMessage(content, buffers) {
    const asking = askings.get(content.id);
    if (!asking) return;
    if (content.kind === "film") takePiece(content, asking, buffers[0]);
    else if (content.kind === "no-film") refuse(content.id, content.why);
  }

  function takePiece({ id, key, offset, size }, asking, piece) {
    if (offset !== asking.received) {
      model.send({ kind: "enough", key, id });
      refuse(id, "The video did not arrive whole. Run the cell again.");
      return;
    }
    asking.pieces.push(piece);
    asking.received += piece.byteLength;
    model.send({ kind: "got", key, id, offset });
    asking.tell(asking.received, size);
    if (asking.received < size) return;
    askings.delete(id);
    asking.resolve(new Blob(asking.pieces, { type: "video/mp4" }));
  }

  function refuse(id, why) {
    const asking = askings.get(id);
    askings.delete(id);
    asking?.reject(new Error(why));
  }

  const supply = countedSupply((key, tell) => {
    number += 1;
    const id = `${serial}-${number}`;
    const film = new Promise((resolve, reject) => {
      askings.set(id, { key, pieces: [], received: 0, resolve, reject, tell });
    });
    model.send({ kind: "want", key, id });
    const stop = () => {
      if (!askings.has(id)) return;
      model.send({ kind: "enough", key, id });
      refuse(id, "The video is not wanted any more.");
    };
    return { film, stop };
  });

  model.on("msg:custom", onMessage);
  const dispose = () => {
    supply.dispose();
    model.off("msg:custom", onMessage);
  };
  return { ...supply, dispose };
}

// The films of a page that stands alone: base64 in lines, each of which is whole in itself.
export function embeddedSupply(root) {
  function decode(line) {
    const letters = atob(line);
    const bytes = new Uint8Array(letters.length);
    for (let place = 0; place < letters.length; place += 1) bytes[place] = letters.charCodeAt(place);
    return bytes;
  }

  async function read(key) {
    const element = root.querySelector(`script[data-film="${CSS.escape(key)}"]`);
    const lines = (element?.textContent ?? "").split("\n").filter(Boolean);
    if (!lines.length) throw new Error("This video is not in the page: its file was missing when the page was saved.");
    return new Blob(lines.map(decode), { type: "video/mp4" });
  }

  return countedSupply((key) => ({ film: read(key), stop() {} }));
}

export function supplyFor(model) {
  return model.isStandalone ? embeddedSupply(document) : kernelSupply(model);
}
