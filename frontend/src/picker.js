// One picture slot. The browser shows the picture at once; its bytes travel to the kernel as custom messages.
//
// To the kernel:   hello | begin {id, name, size, type} | chunk {id, offset} + bytes | abort {id, reason}
//                  resume {id} | stalled {id, received} | address {text} | clear
// From the kernel: ack {id, received, size, is_resumed} | picture {id} + JPEG | cleared {id}
//                  restart {id}: the kernel has not heard of this upload
// The kernel acknowledges "begin" before the first chunk is sent; at most MAX_IN_FLIGHT chunks are unacknowledged. A
// sender that hears nothing asks with "resume" where to go on; any other view that sees an upload stand still says so.

import { listenUntil, make, makeViewId } from "./dom.js";

/** @import { PickerTraits, RenderProps } from "./types" */
/** @typedef {{ id: string, file: File, sent: number, received: number, isSending: boolean }} Upload */

const CHUNK_BYTES = 512 * 1024;
const MAX_IN_FLIGHT = 3;
const KERNEL_WAIT_MS = 2500; // a kernel that takes longer is reported as busy
const ASK_AGAIN_MS = 10_000;
const STALLED_MS = 6000; // an upload of another view that stands still so long has lost its page

const PICTURE_ICON =
  '<svg viewBox="0 0 32 32" aria-hidden="true"><rect x="3" y="6" width="26" height="20" rx="3"/>' +
  '<circle cx="11" cy="13" r="2.2"/><path d="m4 23 7.5-6.5 5 4.5 5-6.5L28.5 22"/></svg>';

/** @param {number} bytes */
function formatSize(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** @param {DataTransfer | null} transfer */
function filesIn(transfer) {
  const files = [...(transfer?.files ?? [])];
  const pictures = files.filter((file) => file.type.startsWith("image/"));
  return pictures.length ? pictures : files.slice(0, 1);
}

/** @param {DataTransfer | null} transfer */
function folderIn(transfer) {
  const entries = [...(transfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.());
  return entries.find((entry) => entry?.isDirectory)?.name ?? "";
}

/**
 * The address in what was dropped: that of a picture on a web page rather than that of the page it links to.
 *
 * @param {DataTransfer | null} transfer
 */
function addressIn(transfer) {
  const html = new DOMParser().parseFromString(transfer?.getData("text/html") ?? "", "text/html");
  const source = html.querySelector("img[src]")?.getAttribute("src") ?? "";
  if (/^(?!file:)[a-z]+:/i.test(source)) return source; // absolute: a relative one says nothing here
  const text = transfer?.getData("text/uri-list") || transfer?.getData("text/plain") || "";
  const lines = text.split("\n");
  return lines.find((line) => line.trim() && !line.startsWith("#"))?.trim() ?? "";
}

/** @param {HTMLElement} el */
function build(el) {
  el.classList.add("pvnb-ui", "pvnb-picker");
  const head = make("div", "pvnb-picker-head");
  const label = make("span", "pvnb-picker-label");
  const clear = make("button", "pvnb-picker-clear", { type: "button", textContent: "Clear" });
  const remove = make("button", "pvnb-picker-clear", { type: "button", textContent: "Remove" });
  head.append(label, make("span", "pvnb-picker-gap"), clear, remove);

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
    spellcheck: false,
  });
  const message = make("div", "pvnb-picker-message", { hidden: true });
  message.setAttribute("role", "alert");
  const chooser = make("input", "", { type: "file", accept: "image/*", hidden: true, tabIndex: -1 });
  el.append(head, stage, note, caution, address, message, chooser);
  return {
    label,
    clear,
    remove,
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
    chooser,
  };
}

/**
 * @param {RenderProps<PickerTraits>} props
 * @param {{ onMore?: (files: File[]) => void, onRemove?: () => void }} options `onMore` gets further dropped pictures
 */
export function renderPicker({ model, el }, { onMore = () => {}, onRemove = () => {} } = {}) {
  const parts = build(el);
  const listeners = new AbortController();
  const on = listenUntil(listeners.signal);

  /** @type {Upload | null} */
  let upload = null; // the file that this view is sending
  /** @type {{ id: string, url: string, isOwn: boolean } | null} */
  let shown = null; // the picture on the stage
  /** @type {{ received: number, size: number } | null} */
  let progress = null; // of whichever view is sending
  let kernelTimer = 0;
  let stalledTimer = 0;
  let isKernelLate = false;
  let ownMessage = ""; // about something that was dropped and never sent

  // ---- the picture on the stage ----

  /**
   * @param {string} id
   * @param {Blob} blob
   * @param {boolean} isOwn whether this view has the file itself, not the kernel's thumbnail
   */
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

  /** Sizes the picture to the stage and marks the part that will be sent. */
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
    const isCropped = fit === "cover" && Math.abs(wantedRatio / ownRatio - 1) > 0.005;
    parts.crop.hidden = !isCropped;
    if (isCropped) {
      const [x, y] = wantedRatio > ownRatio ? [1, ownRatio / wantedRatio] : [wantedRatio / ownRatio, 1];
      parts.crop.style.inset = `${50 * (1 - y)}% ${50 * (1 - x)}%`;
    }
  }

  // ---- text ----

  function factsText() {
    const state = model.get("state");
    if (model.get("is_dead") && (upload || state === "receiving" || state === "reading")) return "Not sent";
    if (isKernelLate) return "Waiting for the kernel (busy or not running). The upload continues automatically.";
    if (progress && progress.received < progress.size) {
      return `Sending ${formatSize(progress.received)} of ${formatSize(progress.size)}`;
    }
    if (state === "receiving") return "Sending";
    if (state === "reading") return "Reading";
    if (state !== "ready") return "";
    const size = model.get("size");
    const facts = [`${model.get("width")} × ${model.get("height")}`, size ? formatSize(size) : ""].filter(Boolean);
    return [...facts, ...model.get("notices")].join(" · ");
  }

  function draw() {
    const state = model.get("state");
    el.dataset.state = state;
    parts.label.textContent = model.get("label");
    const isEmpty = state === "empty" && !upload;
    parts.stage.inert = model.get("is_dead");
    parts.clear.hidden = isEmpty && !ownMessage;
    parts.clear.setAttribute("aria-label", `Clear: ${model.get("label")}`);
    parts.remove.hidden = !model.get("can_remove");
    parts.remove.setAttribute("aria-label", `Remove: ${model.get("label")}`);
    parts.note.hidden = isEmpty || (state === "failed" && !upload);
    const name = upload?.file.name ?? model.get("name");
    parts.name.textContent = name;
    parts.name.title = name;
    parts.facts.textContent = factsText();
    parts.caution.textContent = model.get("caution");
    parts.caution.hidden = !model.get("caution");
    parts.address.hidden = !parts.note.hidden;
    parts.address.setAttribute("aria-label", `${model.get("label")}: path or URL`);
    const message = ownMessage || model.get("message");
    el.dataset.wrong = String(Boolean(message));
    parts.stage.setAttribute("aria-invalid", String(Boolean(message)));
    parts.message.textContent = message;
    parts.message.hidden = !message;
    const current = name && !isEmpty ? `${name}. ` : "";
    parts.stage.setAttribute("aria-label", `${model.get("label")}: ${current}Choose, drop or paste a picture`);
    const share = progress ? progress.received / progress.size : 0;
    parts.bar.hidden = !progress || share >= 1;
    parts.bar.setAttribute("aria-label", `Sending ${name}`);
    parts.bar.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    parts.filling.style.width = `${100 * share}%`;
    layOut();
  }

  // ---- sending ----

  /** @param {File} file */
  function send(file) {
    stopSending();
    ownMessage = "";
    const id = makeViewId();
    upload = { id, file, sent: 0, received: -1, isSending: false };
    progress = { received: 0, size: file.size };
    showPicture(id, file, true);
    begin(upload);
  }

  /** @param {Upload} current */
  function begin({ id, file }) {
    model.send({ kind: "begin", id, name: file.name, size: file.size, type: file.type });
    awaitKernel();
  }

  function stopSending() {
    clearTimeout(kernelTimer);
    isKernelLate = false;
    if (upload) model.send({ kind: "abort", id: upload.id });
    upload = null;
    progress = null;
  }

  /** Says after a while that the kernel is busy, and asks where to go on. The upload continues by itself. */
  function awaitKernel() {
    clearTimeout(kernelTimer);
    isKernelLate = false;
    kernelTimer = setTimeout(askAgain, KERNEL_WAIT_MS);
  }

  /** Asks where to go on, and again until the kernel answers: the question may get lost, too. */
  function askAgain() {
    isKernelLate = true;
    if (upload && !model.get("is_dead")) model.send({ kind: "resume", id: upload.id });
    if (upload) kernelTimer = setTimeout(askAgain, ASK_AGAIN_MS);
    draw();
  }

  /** Tells the kernel if the upload of another view, whose page may be gone, stands still. */
  function watchOtherUpload() {
    clearTimeout(stalledTimer);
    const id = model.get("upload");
    if (model.get("state") !== "receiving" || upload?.id === id) return;
    const received = progress?.received ?? 0;
    stalledTimer = setTimeout(() => model.send({ kind: "stalled", id, received }), STALLED_MS);
  }

  /**
   * Sends as many chunks as may be in flight. Each upload has one such loop at a time, so that chunks stay in order.
   *
   * @param {Upload} current
   */
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
        model.send({ kind: "chunk", id, offset }, undefined, [bytes]);
      }
    } catch {
      // The file was moved or changed after the person had chosen it.
      if (upload === current) model.send({ kind: "abort", id, reason: "unreadable" });
    } finally {
      current.isSending = false;
    }
  }

  /** @param {{ id: string, received: number, size: number, is_resumed?: boolean }} content */
  function onAck({ id, received, size, is_resumed }) {
    progress = { received, size };
    if (upload?.id === id) {
      isKernelLate = false;
      upload.received = received;
      if (is_resumed) upload.sent = received;
      if (received >= size) {
        clearTimeout(kernelTimer);
        upload = null;
      } else {
        awaitKernel();
        sendChunks(upload);
      }
    }
    watchOtherUpload();
    draw();
  }

  /** @param {string} id */
  function onCleared(id) {
    if (upload && upload.id !== id) return; // about an older picture
    clearTimeout(kernelTimer);
    isKernelLate = false;
    upload = null;
    progress = null;
    hidePicture();
    draw();
  }

  /**
   * @param {{ kind: string, id: string, received: number, size: number }} content
   * @param {ArrayBuffer[]} buffers
   */
  function onMessage(content, buffers) {
    if (content.kind === "ack") onAck(content);
    else if (content.kind === "restart" && upload?.id === content.id) begin(upload);
    else if (content.kind === "cleared") onCleared(content.id);
    else if (content.kind === "picture" && content.id !== shown?.id) {
      showPicture(content.id, new Blob([buffers[0]], { type: "image/jpeg" }), false);
    }
  }

  // ---- what the person does ----

  /**
   * @param {DataTransfer | null} transfer
   * @returns {boolean} whether there was a picture or an address in it
   */
  function take(transfer) {
    const folder = folderIn(transfer);
    const [file, ...more] = folder ? [] : filesIn(transfer);
    const text = folder || file ? "" : addressIn(transfer);
    if (folder) refuse(`${folder} is a folder. Drop one picture.`);
    else if (file) send(file);
    else if (text) sendAddress(text);
    if (more.length) onMore(more);
    return Boolean(folder || file || text);
  }

  /** @param {string} reason */
  function refuse(reason) {
    ownMessage = reason;
    draw();
  }

  /** @param {string} text */
  async function sendAddress(text) {
    ownMessage = "";
    if (!text.startsWith("data:")) {
      stopSending();
      model.send({ kind: "address", text });
      return;
    }
    const blob = await (await fetch(text)).blob();
    send(new File([blob], "picture", { type: blob.type }));
  }

  function clear() {
    stopSending();
    ownMessage = "";
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
  on(parts.remove, "click", onRemove);
  on(parts.clear, "click", () => {
    clear();
    parts.stage.focus();
  });
  on(parts.stage, "keydown", (event) => {
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
  for (const name of /** @type {const} */ (["dragenter", "dragover"])) {
    on(parts.stage, name, (event) => {
      event.preventDefault();
      event.stopPropagation();
      if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
      parts.stage.dataset.over = "true";
    });
  }
  on(parts.stage, "dragleave", (event) => {
    event.stopPropagation();
    if (!parts.stage.contains(/** @type {Node | null} */ (event.relatedTarget))) delete parts.stage.dataset.over;
  });
  on(parts.stage, "drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    delete parts.stage.dataset.over;
    take(event.dataTransfer);
  });
  on(parts.address, "keydown", (event) => {
    const text = parts.address.value.trim();
    if (event.key === "Enter" && text) sendAddress(text);
  });
  on(parts.address, "paste", (event) => {
    event.stopPropagation();
    const [file] = filesIn(event.clipboardData);
    if (!file) return; // text goes into the field as usual
    event.preventDefault();
    send(file);
  });
  on(parts.image, "load", layOut);
  // A format that only the kernel can read: request its thumbnail, which may have come already.
  on(parts.image, "error", () => {
    if (!shown?.isOwn) return;
    hidePicture();
    layOut();
    model.send({ kind: "hello" });
  });

  // The address stays in its field until the picture is loaded, so that a typing error can be corrected.
  function onState() {
    if (model.get("state") === "ready") parts.address.value = "";
    if (!["receiving", "reading"].includes(model.get("state"))) progress = null;
    watchOtherUpload();
    draw();
  }

  const resizeObserver = new ResizeObserver(layOut);
  resizeObserver.observe(parts.stage);
  const drawn = [
    "label",
    "can_remove",
    "is_dead",
    "name",
    "width",
    "height",
    "size",
    "notices",
    "caution",
    "message",
    "ratio",
    "fit",
  ];
  for (const trait of drawn) model.on(`change:${trait}`, draw);
  model.on("change:state", onState);
  model.on("msg:custom", onMessage);
  model.on("send_file", send);
  watchOtherUpload();
  draw();

  return () => {
    listeners.abort();
    resizeObserver.disconnect();
    clearTimeout(kernelTimer);
    clearTimeout(stalledTimer);
    for (const trait of drawn) model.off(`change:${trait}`, draw);
    model.off("change:state", onState);
    model.off("msg:custom", onMessage);
    model.off("send_file", send);
    if (upload) model.send({ kind: "abort", id: upload.id });
    upload = null;
    hidePicture();
  };
}
