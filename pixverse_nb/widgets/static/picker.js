// One picture slot. The browser shows the picture at once; its bytes travel to the kernel as custom messages.
//
// To the kernel:   hello | begin {id, name, size, type} | piece {id, offset} + bytes | abort {id, reason}
//                  address {text} | clear
// From the kernel: ack {id, received, size} | picture {id} + JPEG | cleared
// The kernel acknowledges "begin" before the first piece leaves, and at most IN_FLIGHT pieces are not acknowledged.

import { make } from "./elements.js";

const PIECE_BYTES = 512 * 1024;
const IN_FLIGHT = 3;
const PATIENCE_MS = 2500;

const MOUNTAINS =
  '<svg viewBox="0 0 32 32" aria-hidden="true"><rect x="3" y="6" width="26" height="20" rx="3"/>' +
  '<circle cx="11" cy="13" r="2.2"/><path d="m4 23 7.5-6.5 5 4.5 5-6.5L28.5 22"/></svg>';

function formatSize(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function pictureIn(transfer) {
  const files = [...(transfer?.files ?? [])];
  return files.find((file) => file.type.startsWith("image/")) ?? files[0] ?? null;
}

function addressIn(transfer) {
  const text = transfer?.getData("text/uri-list") || transfer?.getData("text/plain") || "";
  return text.split("\n").find((line) => line.trim() && !line.startsWith("#"))?.trim() ?? "";
}

function build(el) {
  el.classList.add("pvnb-ui", "pvnb-picker");
  const head = make("div", "pvnb-picker-head");
  const label = make("span", "pvnb-picker-label");
  const clear = make("button", "pvnb-picker-clear", { type: "button", textContent: "Clear" });
  head.append(label, clear);

  const stage = make("div", "pvnb-picker-stage", { tabIndex: 0 });
  stage.setAttribute("role", "button");
  const invite = make("div", "pvnb-picker-invite");
  invite.innerHTML = `${MOUNTAINS}<strong>Choose a picture</strong><span>or drop it here, or paste it</span>`;
  const picture = make("div", "pvnb-picker-picture", { hidden: true });
  const image = make("img", "", { alt: "", draggable: false });
  const keptWindow = make("div", "pvnb-picker-window", { hidden: true });
  picture.append(image, keptWindow);
  const bar = make("div", "pvnb-picker-bar", { hidden: true });
  bar.setAttribute("role", "progressbar");
  bar.setAttribute("aria-valuemin", "0");
  bar.setAttribute("aria-valuemax", "100");
  const filling = make("div");
  bar.append(filling);
  stage.append(invite, picture, bar);

  const note = make("div", "pvnb-picker-note", { hidden: true });
  note.setAttribute("aria-live", "polite");
  const name = make("span", "pvnb-picker-name");
  const facts = make("span", "pvnb-picker-facts");
  note.append(name, facts);
  const caution = make("div", "pvnb-picker-caution", { hidden: true });
  caution.setAttribute("role", "status");
  const address = make("input", "pvnb-picker-address", {
    type: "text",
    placeholder: "or a path or URL, then Enter",
    autocomplete: "off",
    spellcheck: false,
  });
  const message = make("div", "pvnb-picker-message", { hidden: true });
  message.setAttribute("role", "alert");
  const chooser = make("input", "", { type: "file", accept: "image/*", hidden: true, tabIndex: -1 });
  // JupyterLab must not take our keys for its own shortcuts.
  for (const element of [stage, address]) element.setAttribute("data-lm-suppress-shortcuts", "true");
  el.append(head, stage, note, caution, address, message, chooser);
  return { label, clear, stage, invite, picture, image, keptWindow, bar, filling, note, name, facts, caution, address, message, chooser };
}

function render({ model, el }) {
  const parts = build(el);
  const listeners = new AbortController();
  const on = (target, name, act) => target.addEventListener(name, act, { signal: listeners.signal });

  let upload = null; // the file that this view is sending
  let shown = null; // {id, url, own}: the picture on the stage
  let progress = null; // {received, size} of whichever view is sending
  let patience = 0;

  // ---- the picture on the stage ----

  function showPicture(id, blob, own) {
    hidePicture();
    shown = { id, url: URL.createObjectURL(blob), own };
    parts.image.src = shown.url;
    draw();
  }

  function hidePicture() {
    if (shown) URL.revokeObjectURL(shown.url);
    shown = null;
    parts.image.removeAttribute("src");
  }

  // Sizes the picture to the stage and lays the kept window over it, in the proportions that will be sent.
  function layOut() {
    const { naturalWidth, naturalHeight } = parts.image;
    const filled = Boolean(shown && naturalWidth);
    parts.stage.dataset.filled = String(filled);
    parts.picture.hidden = !filled;
    parts.invite.hidden = filled;
    if (!filled) return;
    const [across, down] = (model.get("ratio") || "0:1").split(":").map(Number);
    const fit = across ? model.get("fit") : "";
    const own = naturalWidth / naturalHeight;
    const wanted = fit ? across / down : own;
    const frame = fit === "contain" ? wanted : own;
    const room = { width: parts.stage.clientWidth - 20, height: parts.stage.clientHeight - 20 };
    const width = Math.min(room.width, room.height * frame);
    parts.picture.style.width = `${width}px`;
    parts.picture.style.height = `${width / frame}px`;
    parts.picture.dataset.fit = fit || "none";
    const crops = fit === "cover" && Math.abs(wanted / own - 1) > 0.005;
    parts.keptWindow.hidden = !crops;
    if (crops) {
      const kept = wanted > own ? { x: 1, y: own / wanted } : { x: wanted / own, y: 1 };
      parts.keptWindow.style.inset = `${50 * (1 - kept.y)}% ${50 * (1 - kept.x)}%`;
    }
  }

  // ---- words ----

  function factsLine() {
    const state = model.get("state");
    if (progress && progress.received < progress.size) {
      return `Sending ${formatSize(progress.received)} of ${formatSize(progress.size)}`;
    }
    if (state === "receiving") return "Sending";
    if (state === "reading") return "Reading";
    if (state !== "ready") return "";
    const pieces = [`${model.get("width")} × ${model.get("height")}`, formatSize(model.get("size"))];
    return [...pieces, ...model.get("notices")].join(" · ");
  }

  function draw() {
    const state = model.get("state");
    el.dataset.state = state;
    parts.label.textContent = model.get("label");
    const empty = state === "empty" && !upload;
    parts.clear.hidden = empty;
    parts.clear.setAttribute("aria-label", `Clear: ${model.get("label")}`);
    parts.note.hidden = empty || (state === "failed" && !upload);
    parts.name.textContent = upload?.file.name ?? model.get("name");
    parts.name.title = parts.name.textContent;
    parts.facts.textContent = factsLine();
    parts.caution.textContent = model.get("caution");
    parts.caution.hidden = !model.get("caution");
    parts.address.hidden = !parts.note.hidden;
    parts.address.setAttribute("aria-label", `${model.get("label")}: path or URL`);
    el.dataset.wrong = String(Boolean(model.get("message")));
    parts.message.textContent = model.get("message");
    parts.message.hidden = !model.get("message");
    const called = parts.name.textContent && !empty ? `${parts.name.textContent}. ` : "";
    parts.stage.setAttribute("aria-label", `${model.get("label")}: ${called}Choose, drop or paste a picture`);
    const share = progress ? progress.received / progress.size : 0;
    parts.bar.hidden = !progress || share >= 1;
    parts.bar.setAttribute("aria-label", `Sending ${parts.name.textContent}`);
    parts.bar.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    parts.filling.style.width = `${100 * share}%`;
    layOut();
  }

  // ---- sending ----

  function send(file) {
    stopSending();
    const id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
    upload = { id, file, sent: 0, received: -1, pumping: false };
    progress = { received: 0, size: file.size };
    showPicture(id, file, true);
    model.send({ kind: "begin", id, name: file.name, size: file.size, type: file.type });
    awaitKernel();
  }

  function stopSending() {
    clearTimeout(patience);
    if (upload) model.send({ kind: "abort", id: upload.id });
    upload = null;
    progress = null;
  }

  // A busy kernel answers late. That is no error, so it is said and the sending goes on by itself.
  function awaitKernel() {
    clearTimeout(patience);
    patience = setTimeout(() => {
      parts.facts.textContent = "Waiting for the kernel: it is busy or not running. Goes on by itself.";
    }, PATIENCE_MS);
  }

  // One loop at a time for each upload, so that the pieces leave in order.
  async function pump(current) {
    if (current.pumping) return;
    current.pumping = true;
    const { file, id } = current;
    try {
      while (upload === current && current.sent < file.size) {
        if (current.sent - current.received > (IN_FLIGHT - 1) * PIECE_BYTES) break;
        const offset = current.sent;
        const bytes = await file.slice(offset, offset + PIECE_BYTES).arrayBuffer();
        if (upload !== current) return;
        current.sent = offset + bytes.byteLength;
        model.send({ kind: "piece", id, offset }, undefined, [bytes]);
      }
    } catch {
      // The file was moved or changed after it had been picked.
      if (upload === current) model.send({ kind: "abort", id, reason: "unreadable" });
    } finally {
      current.pumping = false;
    }
  }

  function onMessage(content, buffers) {
    if (content.kind === "ack") {
      progress = { received: content.received, size: content.size };
      if (upload?.id === content.id) {
        upload.received = content.received;
        if (content.received >= content.size) {
          clearTimeout(patience);
          upload = null;
        } else {
          awaitKernel();
          pump(upload);
        }
      }
      draw();
    } else if (content.kind === "picture" && content.id !== shown?.id) {
      showPicture(content.id, new Blob([buffers[0]], { type: "image/jpeg" }), false);
    } else if (content.kind === "cleared") {
      if (upload && upload.id !== content.id) return; // about an older picture
      clearTimeout(patience);
      upload = null;
      progress = null;
      hidePicture();
      draw();
    }
  }

  // ---- what the person does ----

  function take(transfer) {
    const file = pictureIn(transfer);
    const text = file ? "" : addressIn(transfer);
    if (file) send(file);
    else if (text) sendAddress(text);
    return Boolean(file || text);
  }

  function sendAddress(text) {
    stopSending();
    model.send({ kind: "address", text });
  }

  function clear() {
    stopSending();
    hidePicture();
    model.send({ kind: "clear" });
    draw();
  }

  on(parts.stage, "click", () => parts.chooser.click());
  on(parts.chooser, "change", () => {
    const file = parts.chooser.files[0];
    if (file) send(file);
    parts.chooser.value = "";
  });
  on(parts.clear, "click", () => {
    clear();
    parts.stage.focus();
  });
  on(parts.stage, "keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      parts.chooser.click();
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      clear();
    }
  });
  on(parts.stage, "paste", (event) => {
    event.stopPropagation();
    if (take(event.clipboardData)) event.preventDefault();
  });
  for (const name of ["dragenter", "dragover"]) {
    on(parts.stage, name, (event) => {
      event.preventDefault();
      event.stopPropagation();
      event.dataTransfer.dropEffect = "copy";
      parts.stage.dataset.over = "true";
    });
  }
  on(parts.stage, "dragleave", (event) => {
    event.stopPropagation();
    if (!parts.stage.contains(event.relatedTarget)) delete parts.stage.dataset.over;
  });
  on(parts.stage, "drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    delete parts.stage.dataset.over;
    take(event.dataTransfer);
  });
  on(parts.address, "keydown", (event) => {
    event.stopPropagation();
    const text = parts.address.value.trim();
    if (event.key === "Enter" && text) sendAddress(text);
  });
  on(parts.address, "paste", (event) => {
    event.stopPropagation();
    const file = pictureIn(event.clipboardData);
    if (!file) return; // text goes into the field as usual
    event.preventDefault();
    send(file);
  });
  on(parts.image, "load", layOut);
  // A kind of picture that only the kernel can read: ask it for its thumbnail, which may have come already.
  on(parts.image, "error", () => {
    if (!shown?.own) return;
    hidePicture();
    layOut();
    model.send({ kind: "hello" });
  });

  // The address stays in its field until a picture is there, so that a slip can be mended.
  function onState() {
    if (model.get("state") === "ready") parts.address.value = "";
    if (!["receiving", "reading"].includes(model.get("state"))) progress = null;
    draw();
  }

  const resizing = new ResizeObserver(layOut);
  resizing.observe(parts.stage);
  const drawn = ["label", "name", "width", "height", "size", "notices", "caution", "message", "ratio", "fit"];
  for (const trait of drawn) model.on(`change:${trait}`, draw);
  model.on("change:state", onState);
  model.on("msg:custom", onMessage);
  draw();
  model.send({ kind: "hello" });

  return () => {
    listeners.abort();
    resizing.disconnect();
    clearTimeout(patience);
    for (const trait of drawn) model.off(`change:${trait}`, draw);
    model.off("change:state", onState);
    model.off("msg:custom", onMessage);
    if (upload) model.send({ kind: "abort", id: upload.id });
    upload = null;
    hidePicture();
  };
}

export default { render };
