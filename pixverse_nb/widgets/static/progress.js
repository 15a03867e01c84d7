// The jobs, one row each. Elapsed times tick here, from one timer for all rows; the kernel tells only changes.
//
// To the kernel:   clock | cancel {ref} | again {ref} | drop {ref}
// From the kernel: clock {now}, in Unix seconds, because its clock and the browser's may differ
//                  point {ref}: bring the job's row, or its player, into view

import { make } from "./elements.js";

const POINTING_MS = 250;

function formatClock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function buildRow(act, onKey) {
  const row = make("li", "pvnb-progress-row", { tabIndex: -1 });
  const body = make("div", "pvnb-progress-body");
  const line = make("div", "pvnb-progress-line");
  const parts = {
    row,
    state: make("span", "pvnb-progress-state"),
    time: make("span", "pvnb-progress-time"),
    facts: make("div", "pvnb-progress-facts"),
    wrong: make("div", "pvnb-progress-wrong"),
    details: make("div", "pvnb-progress-details"),
    notices: make("div", "pvnb-progress-notices"),
    ask: make("div", "pvnb-progress-ask", { hidden: true }),
    question: make("div", ""),
    again: make("button", "pvnb-progress-button", { type: "button" }),
    button: make("button", "pvnb-progress-button", { type: "button" }),
  };
  parts.state.setAttribute("role", "status");
  const answers = make("div", "pvnb-progress-answers");
  const yes = make("button", "pvnb-progress-button", { type: "button", textContent: "Cancel this job" });
  const no = make("button", "pvnb-progress-button", { type: "button", textContent: "Keep waiting" });
  answers.append(yes, no);
  parts.ask.append(parts.question, answers);
  line.append(parts.state, parts.time);
  body.append(line, parts.facts, parts.wrong, parts.details, parts.notices, parts.ask);
  const acts = make("div", "pvnb-progress-acts");
  acts.append(parts.again, parts.button);
  row.append(make("span", "pvnb-progress-sign"), body, acts);
  parts.answers = { yes, no };
  parts.ask.setAttribute("data-lm-suppress-shortcuts", "true"); // Escape is for the question, not for the notebook
  yes.dataset.act = "yes";
  no.dataset.act = "no";
  parts.again.dataset.act = "again";
  parts.button.dataset.act = "main";
  row.addEventListener("click", act);
  row.addEventListener("keydown", onKey);
  return parts;
}

// The player of a job, in the output of our own cell where there are several of it.
function playerOf(ref, el) {
  const all = [...document.querySelectorAll("[data-pvnb-ref]")].filter((player) => player.dataset.pvnbRef === ref);
  const cell = el.closest(".jp-Cell");
  return all.find((player) => cell?.contains(player)) ?? all[0] ?? null;
}

function standOut(part) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  part.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
  const accent = getComputedStyle(part).getPropertyValue("--pvnb-accent") || "Highlight";
  const lit = { boxShadow: `0 0 0 3px ${accent}`, borderRadius: "6px" };
  part.animate([lit, { ...lit, offset: 0.6 }, { borderRadius: "6px" }], { duration: 1600, easing: "ease-out" });
}

// A part with the focus hands it on before it is hidden, or the focus would fall to the page.
function hideWhere(isHidden, part, { row, button }) {
  const held = isHidden && part.contains(document.activeElement);
  part.hidden = isHidden;
  if (held) (button.hidden ? row : button).focus();
}

function render({ model, el }) {
  el.classList.add("pvnb-ui", "pvnb-progress");
  const list = make("ul", "pvnb-progress-list", { tabIndex: -1 });
  list.setAttribute("aria-label", "Jobs");
  const more = make("div", "pvnb-progress-more");
  el.append(list, more);
  const shown = new Map(); // ref -> {parts, data}
  let pointing = 0;
  let skew = 0; // the kernel's clock minus ours, in seconds

  function drawTime({ parts, data }) {
    const until = data.is_still ? data.ended : Date.now() / 1000 + skew;
    const clock = until === null ? "" : formatClock(until - data.began);
    parts.time.textContent = [clock, data.usual].filter(Boolean).join(", ");
  }

  function tick() {
    for (const entry of shown.values()) if (!entry.data.is_still) drawTime(entry);
  }

  function drawRow(entry) {
    const { parts, data } = entry;
    parts.row.dataset.tone = data.tone;
    parts.row.dataset.ref = data.ref;
    parts.state.textContent = data.state;
    parts.facts.textContent = data.facts;
    parts.facts.title = data.facts;
    for (const name of ["wrong", "details", "notices"]) {
      parts[name].textContent = data[name];
      parts[name].hidden = !data[name];
    }
    parts.question.textContent = data.cancelling;
    parts.again.textContent = data.again;
    parts.button.textContent = data.is_over ? "Dismiss" : "Cancel";
    hideWhere(!data.is_over && !data.can_cancel, parts.button, parts);
    hideWhere(!data.again, parts.again, parts);
    if (!data.can_cancel) hideWhere(true, parts.ask, parts);
    parts.button.dataset.weight = "quiet";
    for (const button of [parts.again, parts.button]) {
      button.setAttribute("aria-label", `${button.textContent}: ${data.facts}`);
    }
    drawTime(entry);
  }

  function onKey(event) {
    const { parts } = shown.get(event.currentTarget.dataset.ref);
    if (event.key !== "Escape" || parts.ask.hidden) return;
    event.preventDefault();
    event.stopPropagation();
    hideWhere(true, parts.ask, parts);
  }

  function onAct(event) {
    const what = event.target.closest("button")?.dataset.act;
    const entry = shown.get(event.currentTarget.dataset.ref);
    if (!what || !entry) return;
    const { parts, data } = entry;
    if (what === "again") model.send({ kind: "again", ref: data.ref });
    else if (what === "main" && data.is_over) model.send({ kind: "drop", ref: data.ref });
    else if (what === "main") {
      parts.ask.hidden = !parts.ask.hidden;
      if (!parts.ask.hidden) parts.answers.no.focus();
    } else {
      parts.ask.hidden = true;
      parts.button.focus();
      if (what === "yes") model.send({ kind: "cancel", ref: data.ref });
    }
  }

  function removeRow(ref) {
    const { parts } = shown.get(ref);
    parts.row.removeEventListener("click", onAct);
    parts.row.removeEventListener("keydown", onKey);
    const held = parts.row.contains(document.activeElement);
    parts.row.remove();
    shown.delete(ref);
    if (held) list.focus();
  }

  function draw() {
    const rows = model.get("rows");
    const refs = new Set(rows.map((data) => data.ref));
    for (const ref of [...shown.keys()]) if (!refs.has(ref)) removeRow(ref);
    rows.forEach((data, place) => {
      const entry = shown.get(data.ref) ?? { parts: buildRow(onAct, onKey) };
      entry.data = data;
      shown.set(data.ref, entry);
      drawRow(entry);
      // Moved only where it must be: a row that is moved loses the focus of its buttons.
      if (list.children[place] !== entry.parts.row) list.insertBefore(entry.parts.row, list.children[place] ?? null);
    });
    more.hidden = !model.get("more");
    more.textContent = `and ${model.get("more")} more`;
  }

  function onMessage(content) {
    if (content.kind === "point") {
      clearTimeout(pointing);
      // an output that was just changed is drawn a moment later
      pointing = setTimeout(() => {
        const part = playerOf(content.ref, el) ?? shown.get(content.ref)?.parts.row;
        if (part) standOut(part);
      }, POINTING_MS);
    } else if (content.kind === "clock") {
      skew = content.now - Date.now() / 1000;
      tick();
    }
  }

  model.on("change:rows", draw);
  model.on("change:more", draw);
  model.on("msg:custom", onMessage);
  const ticker = setInterval(tick, 1000);
  draw();
  model.send({ kind: "clock" });

  return () => {
    clearInterval(ticker);
    clearTimeout(pointing);
    for (const ref of [...shown.keys()]) removeRow(ref);
    model.off("change:rows", draw);
    model.off("change:more", draw);
    model.off("msg:custom", onMessage);
  };
}

export default { render };
