// What the parts of the comparison share: signs, buttons, sliders, and times in words.

import { make } from "./elements.js";

const COMPARE_SIGNS = {
  play: '<path d="M5 3.2v9.6L13 8z" class="pvnb-solid"/>',
  pause: '<path d="M5 3.5v9M11 3.5v9" class="pvnb-thick"/>',
  back: '<path d="M12 3.2v9.6L5.5 8z" class="pvnb-solid"/><path d="M4 3.5v9"/>',
  forth: '<path d="M4 3.2v9.6L10.5 8z" class="pvnb-solid"/><path d="M12 3.5v9"/>',
  loop: '<path d="M3 8V7a3 3 0 0 1 3-3h7m-2-2 2 2-2 2M13 8v1a3 3 0 0 1-3 3H3m2 2-2-2 2-2"/>',
  full: '<path d="M6 2.5H2.5V6M10 2.5h3.5V6M6 13.5H2.5V10M10 13.5h3.5V10"/>',
  keys: '<rect x="1.5" y="4" width="13" height="8.5" rx="1.5"/><path d="M4 7h.01M6.7 7h.01M9.3 7h.01M12 7h.01M5 10h6"/>',
  left: '<path d="M13 8H3m4-4L3 8l4 4"/>',
  right: '<path d="M3 8h10M9 4l4 4-4 4"/>',
  down: '<path d="M8 3v10M4 9l4 4 4-4"/>',
  warn: '<path d="M8 2 1.8 13.2h12.4zM8 6.5v3.2m0 1.8v.2"/>',
};

export function makeCompareSign(name) {
  const sign = make("span", "pvnb-compare-sign");
  sign.setAttribute("aria-hidden", "true");
  sign.innerHTML = `<svg viewBox="0 0 16 16">${COMPARE_SIGNS[name]}</svg>`;
  return sign;
}

// A button; with a sign and no text, `label` is what it is called.
export function makeCompareButton(label, { sign, text = "", key = "", className = "" } = {}) {
  const title = key ? `${label} (${key})` : label;
  const button = make("button", `pvnb-compare-button ${className}`.trim(), { type: "button", title });
  button.setAttribute("aria-label", label);
  if (sign) button.append(makeCompareSign(sign));
  if (text) button.append(make("span", "", { textContent: text }));
  return button;
}

export function setCompareSign(button, name) {
  button.firstElementChild.replaceWith(makeCompareSign(name));
}

// A row of buttons of which one is on, as [value, words, title].
export function makeCompareSwitch(name, options, { signal, onChoose }) {
  const group = make("div", "pvnb-compare-switch");
  group.setAttribute("role", "radiogroup");
  group.setAttribute("aria-label", name);
  const buttons = options.map(([value, textContent, title]) => {
    const button = make("button", "", { type: "button", textContent, title });
    button.setAttribute("role", "radio");
    button.dataset.value = value;
    return button;
  });
  group.append(...buttons);
  const show = (chosen) => {
    for (const button of buttons) {
      button.setAttribute("aria-checked", String(button.dataset.value === chosen));
      button.tabIndex = button.dataset.value === chosen ? 0 : -1;
    }
  };
  const onClick = (event) => buttons.includes(event.target) && onChoose(event.target.dataset.value);
  const onKey = (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const next = buttons[(buttons.indexOf(event.target) + by + buttons.length) % buttons.length];
    onChoose(next.dataset.value);
    next.focus();
  };
  group.addEventListener("click", onClick, { signal });
  group.addEventListener("keydown", onKey, { signal });
  return { element: group, show };
}

// Hides the stills that stand beside the player for readers without a kernel, as long as the player is there.
export function makeCompareVeil(name) {
  const hidden = `:is(.${name}, .jp-OutputArea-child:has(.${name}))`;
  return make("style", "", { textContent: name ? `${hidden} { display: none !important; }` : "" });
}

// Makes `ground` a slider that is dragged on `ground`: onMove gets the share of the ground's width, 0 to 1.
export function dragShare(ground, { signal, onMove, onStart = () => {}, onEnd = () => {}, isOn = () => true }) {
  let pointer = null;
  const move = (event) => {
    const { left, width } = ground.getBoundingClientRect();
    onMove(Math.min(Math.max((event.clientX - left) / Math.max(1, width), 0), 1));
  };
  const down = (event) => {
    if (event.button !== 0 || !isOn(event)) return;
    pointer = event.pointerId;
    ground.setPointerCapture(pointer);
    onStart(event);
    move(event);
  };
  const up = (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    onEnd();
  };
  ground.addEventListener("pointerdown", down, { signal });
  ground.addEventListener("pointermove", (event) => event.pointerId === pointer && move(event), { signal });
  ground.addEventListener("pointerup", up, { signal });
  ground.addEventListener("pointercancel", up, { signal });
}

export function clockWords(seconds) {
  const hundredths = Math.max(0, Math.round(seconds * 100));
  const two = (number) => String(number).padStart(2, "0");
  return `${Math.floor(hundredths / 6000)}:${two(Math.floor(hundredths / 100) % 60)}.${two(hundredths % 100)}`;
}
