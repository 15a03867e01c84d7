// Below the tiles: what is chosen to compare, what was judged, what the keys do.

import { make } from "./elements.js";

const KEYS = [
  ["Enter", "larger"],
  ["W", "winner"],
  ["X", "reject"],
  ["N", "note"],
];
const COMPARE_KEY = ["C", "compare"];
const SAID_MS = 6000;

function countVerdicts(rows) {
  const count = (holds) => rows.filter(holds).length;
  const words = (number, one, many) => (number ? [`${number} ${number === 1 ? one : many}`] : []);
  return [
    ...words(count((row) => row.choice === "winner" && row.film), "winner", "winners"),
    ...words(count((row) => row.choice === "rejected"), "rejected", "rejected"),
    ...words(count((row) => row.note), "note", "notes"),
  ].join(" · ");
}

// What a person takes along from a page that no kernel listens to.
function verdictsJson(rows) {
  const judged = rows.filter((row) => row.choice || row.note);
  return JSON.stringify(judged.map(({ key, caption, choice, note }) => ({ key, caption, choice, note })), null, 2);
}

export function makeFoot({ signal, canCompare, isAlone, act }) {
  const element = make("div", "pvnb-gallery-foot");
  const chosen = make("div", "pvnb-gallery-chosen", { hidden: true });
  const words = make("span", "");
  const open = make("button", "pvnb-gallery-button pvnb-gallery-primary", { type: "button" });
  const clear = make("button", "pvnb-gallery-link", { type: "button", textContent: "Clear" });
  chosen.append(words, make("span", "pvnb-gallery-gap"), clear, open);
  const line = make("div", "pvnb-gallery-last");
  const keys = make("span", "pvnb-gallery-keys");
  for (const [key, does] of canCompare ? [...KEYS, COMPARE_KEY] : KEYS) {
    const pair = make("span", "");
    pair.append(make("kbd", "", { textContent: key }), ` ${does}`);
    keys.append(pair);
  }
  const judged = make("span", "pvnb-gallery-judged");
  judged.setAttribute("role", "status");
  const copy = make("button", "pvnb-gallery-link", { type: "button", textContent: "Copy verdicts", hidden: true });
  const save = make("button", "pvnb-gallery-link", { type: "button", textContent: "Save as JSON", hidden: true });
  const said = make("span", "pvnb-gallery-said", { hidden: true });
  said.setAttribute("role", "alert");
  const taken = make("span", "pvnb-gallery-taken");
  taken.append(judged, copy, save);
  line.append(keys, make("span", "pvnb-gallery-gap"), said, taken);
  element.append(chosen, line);
  let silence = 0;

  function say(text) {
    clearTimeout(silence);
    said.textContent = text;
    said.hidden = false;
    silence = setTimeout(() => {
      said.hidden = true;
    }, SAID_MS);
  }

  function saveFile() {
    const url = URL.createObjectURL(new Blob([verdictsJson(act.rows())], { type: "application/json" }));
    make("a", "", { href: url, download: "verdicts.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 0);
  }

  const on = (target, name, listener) => target.addEventListener(name, listener, { signal });
  on(open, "click", () => act.onOpen());
  on(clear, "click", () => act.onClear());
  on(copy, "click", async () => {
    try {
      await navigator.clipboard.writeText(verdictsJson(act.rows()));
      say("Copied.");
    } catch {
      say("The browser does not let this page copy: save the verdicts as a file.");
    }
  });
  on(save, "click", saveFile);

  return {
    element,
    say,
    draw({ rows, selected }) {
      element.hidden = !rows.length;
      chosen.hidden = !selected.length;
      const isEnough = selected.length >= 2;
      words.textContent = isEnough
        ? `${selected.length} chosen`
        : "1 chosen; choose at least one more with C";
      open.textContent = `Compare ${selected.length}`;
      open.disabled = !isEnough;
      judged.textContent = countVerdicts(rows);
      copy.hidden = save.hidden = !isAlone || !judged.textContent;
    },
    dispose: () => clearTimeout(silence),
  };
}
