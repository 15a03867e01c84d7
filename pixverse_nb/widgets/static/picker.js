// src/dom.js
function make(tag, className = "", properties = {}) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  return Object.assign(element, properties);
}
function listenUntil(signal) {
  return (target, name, listener) => target.addEventListener(
    name,
    /** @type {EventListener} */
    listener,
    { signal }
  );
}
function makeViewId() {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}

// src/picker.js
var CHUNK_BYTES = 512 * 1024;
var MAX_IN_FLIGHT = 3;
var KERNEL_WAIT_MS = 2500;
var PICTURE_ICON = '<svg viewBox="0 0 32 32" aria-hidden="true"><rect x="3" y="6" width="26" height="20" rx="3"/><circle cx="11" cy="13" r="2.2"/><path d="m4 23 7.5-6.5 5 4.5 5-6.5L28.5 22"/></svg>';
function formatSize(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
function fileIn(transfer) {
  const files = [...transfer?.files ?? []];
  return files.find((file) => file.type.startsWith("image/")) ?? files[0] ?? null;
}
function addressIn(transfer) {
  const text = transfer?.getData("text/uri-list") || transfer?.getData("text/plain") || "";
  const lines = text.split("\n");
  return lines.find((line) => line.trim() && !line.startsWith("#"))?.trim() ?? "";
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
  invite.innerHTML = `${PICTURE_ICON}<strong>Choose a picture</strong><span>or drop it here, or paste it</span>`;
  const picture = make("div", "pvnb-picker-picture", { hidden: true });
  const image = make("img", "", { alt: "", draggable: false });
  const crop = make("div", "pvnb-picker-crop", { hidden: true });
  picture.append(image, crop);
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
    spellcheck: false
  });
  const message = make("div", "pvnb-picker-message", { hidden: true });
  message.setAttribute("role", "alert");
  const chooser = make("input", "", { type: "file", accept: "image/*", hidden: true, tabIndex: -1 });
  for (const element of [stage, address]) element.setAttribute("data-lm-suppress-shortcuts", "true");
  el.append(head, stage, note, caution, address, message, chooser);
  return {
    label,
    clear,
    stage,
    invite,
    picture,
    image,
    crop,
    bar,
    filling,
    note,
    name,
    facts,
    caution,
    address,
    message,
    chooser
  };
}
function render({ model, el }) {
  const parts = build(el);
  const listeners = new AbortController();
  const on = listenUntil(listeners.signal);
  let upload = null;
  let shown = null;
  let progress = null;
  let kernelTimer = 0;
  function showPicture(id, blob, isOwn) {
    hidePicture();
    shown = { id, url: URL.createObjectURL(blob), isOwn };
    parts.image.src = shown.url;
    draw();
  }
  function hidePicture() {
    if (shown) URL.revokeObjectURL(shown.url);
    shown = null;
    parts.image.removeAttribute("src");
  }
  function layOut() {
    const { naturalWidth, naturalHeight } = parts.image;
    const isFilled = Boolean(shown && naturalWidth);
    parts.stage.dataset.filled = String(isFilled);
    parts.picture.hidden = !isFilled;
    parts.invite.hidden = isFilled;
    if (!isFilled) return;
    const [across, down] = (model.get("ratio") || "0:1").split(":").map(Number);
    const fit = across ? model.get("fit") : "";
    const ownRatio = naturalWidth / naturalHeight;
    const wantedRatio = fit ? across / down : ownRatio;
    const frameRatio = fit === "contain" ? wantedRatio : ownRatio;
    const room = { width: parts.stage.clientWidth - 20, height: parts.stage.clientHeight - 20 };
    const width = Math.min(room.width, room.height * frameRatio);
    parts.picture.style.width = `${width}px`;
    parts.picture.style.height = `${width / frameRatio}px`;
    parts.picture.dataset.fit = fit || "none";
    const isCropped = fit === "cover" && Math.abs(wantedRatio / ownRatio - 1) > 5e-3;
    parts.crop.hidden = !isCropped;
    if (isCropped) {
      const [x, y] = wantedRatio > ownRatio ? [1, ownRatio / wantedRatio] : [wantedRatio / ownRatio, 1];
      parts.crop.style.inset = `${50 * (1 - y)}% ${50 * (1 - x)}%`;
    }
  }
  function factsText() {
    const state = model.get("state");
    if (progress && progress.received < progress.size) {
      return `Sending ${formatSize(progress.received)} of ${formatSize(progress.size)}`;
    }
    if (state === "receiving") return "Sending";
    if (state === "reading") return "Reading";
    if (state !== "ready") return "";
    const facts = [`${model.get("width")} × ${model.get("height")}`, formatSize(model.get("size"))];
    return [...facts, ...model.get("notices")].join(" · ");
  }
  function draw() {
    const state = model.get("state");
    el.dataset.state = state;
    parts.label.textContent = model.get("label");
    const isEmpty = state === "empty" && !upload;
    parts.clear.hidden = isEmpty;
    parts.clear.setAttribute("aria-label", `Clear: ${model.get("label")}`);
    parts.note.hidden = isEmpty || state === "failed" && !upload;
    const name = upload?.file.name ?? model.get("name");
    parts.name.textContent = name;
    parts.name.title = name;
    parts.facts.textContent = factsText();
    parts.caution.textContent = model.get("caution");
    parts.caution.hidden = !model.get("caution");
    parts.address.hidden = !parts.note.hidden;
    parts.address.setAttribute("aria-label", `${model.get("label")}: path or URL`);
    el.dataset.wrong = String(Boolean(model.get("message")));
    parts.message.textContent = model.get("message");
    parts.message.hidden = !model.get("message");
    const current = name && !isEmpty ? `${name}. ` : "";
    parts.stage.setAttribute("aria-label", `${model.get("label")}: ${current}Choose, drop or paste a picture`);
    const share = progress ? progress.received / progress.size : 0;
    parts.bar.hidden = !progress || share >= 1;
    parts.bar.setAttribute("aria-label", `Sending ${name}`);
    parts.bar.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    parts.filling.style.width = `${100 * share}%`;
    layOut();
  }
  function send(file) {
    stopSending();
    const id = makeViewId();
    upload = { id, file, sent: 0, received: -1, isSending: false };
    progress = { received: 0, size: file.size };
    showPicture(id, file, true);
    model.send({ kind: "begin", id, name: file.name, size: file.size, type: file.type });
    awaitKernel();
  }
  function stopSending() {
    clearTimeout(kernelTimer);
    if (upload) model.send({ kind: "abort", id: upload.id });
    upload = null;
    progress = null;
  }
  function awaitKernel() {
    clearTimeout(kernelTimer);
    kernelTimer = setTimeout(() => {
      parts.facts.textContent = "Waiting for the kernel (busy or not running). The upload continues automatically.";
    }, KERNEL_WAIT_MS);
  }
  async function sendChunks(current) {
    if (current.isSending) return;
    current.isSending = true;
    const { file, id } = current;
    try {
      while (upload === current && current.sent < file.size) {
        if (current.sent - current.received > (MAX_IN_FLIGHT - 1) * CHUNK_BYTES) break;
        const offset = current.sent;
        const bytes = await file.slice(offset, offset + CHUNK_BYTES).arrayBuffer();
        if (upload !== current) return;
        current.sent = offset + bytes.byteLength;
        model.send({ kind: "chunk", id, offset }, void 0, [bytes]);
      }
    } catch {
      if (upload === current) model.send({ kind: "abort", id, reason: "unreadable" });
    } finally {
      current.isSending = false;
    }
  }
  function onAck({ id, received, size }) {
    progress = { received, size };
    if (upload?.id === id) {
      upload.received = received;
      if (received >= size) {
        clearTimeout(kernelTimer);
        upload = null;
      } else {
        awaitKernel();
        sendChunks(upload);
      }
    }
    draw();
  }
  function onCleared(id) {
    if (upload && upload.id !== id) return;
    clearTimeout(kernelTimer);
    upload = null;
    progress = null;
    hidePicture();
    draw();
  }
  function onMessage(content, buffers) {
    if (content.kind === "ack") onAck(content);
    else if (content.kind === "cleared") onCleared(content.id);
    else if (content.kind === "picture" && content.id !== shown?.id) {
      showPicture(content.id, new Blob([buffers[0]], { type: "image/jpeg" }), false);
    }
  }
  function take(transfer) {
    const file = fileIn(transfer);
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
    const file = parts.chooser.files?.[0];
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
  for (
    const name of
    /** @type {const} */
    ["dragenter", "dragover"]
  ) {
    on(parts.stage, name, (event) => {
      event.preventDefault();
      event.stopPropagation();
      if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
      parts.stage.dataset.over = "true";
    });
  }
  on(parts.stage, "dragleave", (event) => {
    event.stopPropagation();
    if (!parts.stage.contains(
      /** @type {Node | null} */
      event.relatedTarget
    )) delete parts.stage.dataset.over;
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
    const file = fileIn(event.clipboardData);
    if (!file) return;
    event.preventDefault();
    send(file);
  });
  on(parts.image, "load", layOut);
  on(parts.image, "error", () => {
    if (!shown?.isOwn) return;
    hidePicture();
    layOut();
    model.send({ kind: "hello" });
  });
  function onState() {
    if (model.get("state") === "ready") parts.address.value = "";
    if (!["receiving", "reading"].includes(model.get("state"))) progress = null;
    draw();
  }
  const resizeObserver = new ResizeObserver(layOut);
  resizeObserver.observe(parts.stage);
  const drawn = ["label", "name", "width", "height", "size", "notices", "caution", "message", "ratio", "fit"];
  for (const trait of drawn) model.on(`change:${trait}`, draw);
  model.on("change:state", onState);
  model.on("msg:custom", onMessage);
  draw();
  model.send({ kind: "hello" });
  return () => {
    listeners.abort();
    resizeObserver.disconnect();
    clearTimeout(kernelTimer);
    for (const trait of drawn) model.off(`change:${trait}`, draw);
    model.off("change:state", onState);
    model.off("msg:custom", onMessage);
    if (upload) model.send({ kind: "abort", id: upload.id });
    upload = null;
    hidePicture();
  };
}
var picker_default = { render };
export {
  picker_default as default
};
