// What the parts of the gallery share: signs, buttons, switches, and numbers in words.

import { make } from "./elements.js";

const SIGNS = {
  winner: '<path d="m8 1.8 1.9 3.9 4.3.6-3.1 3 .7 4.3L8 11.6l-3.8 2 .7-4.3-3.1-3 4.3-.6z"/>',
  rejected: '<path d="m4 4 8 8m0-8-8 8"/>',
  note: '<path d="m3 13 .7-3.2L10.9 2.6l2.5 2.5-7.2 7.2z"/>',
  compare: '<rect x="1.8" y="3.5" width="5.2" height="9" rx="1"/><rect x="9" y="3.5" width="5.2" height="9" rx="1"/>',
  filter: '<path d="M2 4h12M4.5 8h7M7 12h2"/>',
  up: '<path d="M8 13V3M4 7l4-4 4 4"/>',
  down: '<path d="M8 3v10M4 9l4 4 4-4"/>',
  back: '<path d="M13 8H3m4-4L3 8l4 4"/>',
  previous: '<path d="m10 3-5 5 5 5"/>',
  next: '<path d="m6 3 5 5-5 5"/>',
};

export function makeSign(name) {
  const sign = make("span", "pvnb-gallery-sign");
  sign.setAttribute("aria-hidden", "true");
  sign.innerHTML = `<svg viewBox="0 0 16 16">${SIGNS[name]}</svg>`;
  return sign;
}

// A button with a sign; without `text` the sign stands alone and `label` is what it is called.
export function makeSignButton(className, sign, { label, text = "" }) {
  const button = make("button", className, { type: "button", title: label });
  button.setAttribute("aria-label", label);
  button.append(makeSign(sign), text);
  return button;
}

// A row of buttons of which one is on: a radio group, `options` as [value, words, title].
export function makeSwitch(name, options, { value, signal, onChoose }) {
  const group = make("div", "pvnb-gallery-switch");
  group.setAttribute("role", "radiogroup");
  group.setAttribute("aria-label", name);
  const buttons = options.map(([own, text, title]) => {
    const button = make("button", "", { type: "button", textContent: text, title });
    button.setAttribute("role", "radio");
    button.dataset.value = own;
    return button;
  });
  const show = (chosen) => {
    for (const button of buttons) {
      const isOn = button.dataset.value === chosen;
      button.setAttribute("aria-checked", String(isOn));
      button.tabIndex = isOn ? 0 : -1;
    }
  };
  const choose = (button) => {
    show(button.dataset.value);
    onChoose(button.dataset.value);
  };
  group.append(...buttons);
  show(value);
  group.addEventListener("click", (event) => buttons.includes(event.target) && choose(event.target), { signal });
  const step = (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const next = buttons[(buttons.indexOf(event.target) + by + buttons.length) % buttons.length];
    choose(next);
    next.focus();
  };
  group.addEventListener("keydown", step, { signal });
  return group;
}

export function formatElapsed(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const pad = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

export function formatNumber(value) {
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size >= 1000 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : String(Number(value.toPrecision(3)));
}
