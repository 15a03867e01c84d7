// What a person does with one tile, by pointer or by key: the small buttons on it, and the field for its note.

import { make } from "./elements.js";
import { makeSignButton } from "./gallery_parts.js";

const GIVEN = [
  ["winner", "Winner (W)"],
  ["rejected", "Reject (X)"],
  ["note", "Note (N)"],
  ["compare", "Choose to compare (C)"],
];

// One set of small buttons goes to the tile that is pointed at or has the focus; they repeat keys, for the pointer.
// On a tile without a video the sheet hides those that need one. `act(sign, key)` is called with what was pressed where.
export function makeActs({ canCompare, signal, act }) {
  const group = make("div", "pvnb-gallery-acts");
  group.setAttribute("aria-hidden", "true");
  for (const [sign, label] of GIVEN) {
    if (sign === "compare" && !canCompare) continue;
    const button = makeSignButton("", sign, { label });
    button.tabIndex = -1;
    button.dataset.sign = sign;
    group.append(button);
  }
  const press = (event) => {
    event.stopPropagation();
    const sign = event.target.closest("button")?.dataset.sign;
    if (sign) act(sign, group.closest(".pvnb-gallery-tile").dataset.key);
  };
  group.addEventListener("click", press, { signal });
  return {
    placeOn: (tile) => tile.media.append(group),
  };
}

// Puts a field into the tile; `onEnd(text)` gets the note, or null where it stays as it was.
export function editNote(tile, row, { signal, onEnd }) {
  if (tile.note.querySelector("input")) return;
  const field = make("input", "pvnb-gallery-field", {
    type: "text",
    value: row.note,
    placeholder: "A note",
    maxLength: 2000,
  });
  field.setAttribute("aria-label", `Note on ${row.caption}`);
  let isOver = false;
  const end = (text) => {
    if (isOver) return;
    isOver = true;
    const hadFocus = document.activeElement === field;
    field.remove();
    if (hadFocus) tile.cell.focus({ preventScroll: true });
    onEnd(text);
  };
  const onKey = (event) => {
    event.stopPropagation();
    if (event.key === "Enter") end(field.value.trim());
    else if (event.key === "Escape") end(null);
  };
  field.addEventListener("keydown", onKey, { signal });
  field.addEventListener("blur", () => end(field.value.trim()), { signal });
  tile.note.replaceChildren(field);
  tile.note.hidden = false;
  field.focus();
}
