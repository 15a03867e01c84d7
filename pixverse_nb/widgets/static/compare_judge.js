// Judging: which of two is better, said with a button or an arrow; and what came of it.
//
// With a kernel the page only tells it what was said: the kernel chooses the next pair and knows whose film is whose.
// A page that stands alone has a list of pairs from the kernel instead, and the sealed names, which it opens at the end.

import { make } from "./elements.js";
import { makeCompareButton } from "./compare_parts.js";
import { rankSlots } from "./compare_ranking.js";

const SIGN_OF = { left: ">", right: "<", tie: "=" };
const UNIT = "Points: Bradley–Terry scores on Elo's scale. 0 is where nothing is known; a video that is 100 points ahead is "
  + "preferred in 64 of 100 judgements, one that is 400 ahead in 91.";

function kernelJudge(model) {
  return {
    say: (result) => {
      const [left, right] = model.get("pair");
      model.send({ kind: "duel", left, right, result });
    },
    reveal: () => model.send({ kind: "reveal" }),
    text: () => "",
  };
}

function pageJudge(model) {
  const told = []; // {left, right, result}

  function openNames() {
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(model.get("sealed")), (sign) => sign.charCodeAt(0))));
  }

  return {
    say(result) {
      const [left, right] = model.get("pair");
      told.push({ left, right, result });
      const schedule = model.get("schedule");
      model.set("judged", told.length);
      model.set("pair", schedule[told.length % schedule.length]);
    },
    reveal() {
      const names = openNames();
      const rows = rankSlots(told, Object.keys(names)).map((row) => ({ ...row, label: names[row.slot] }));
      model.set("films", model.get("films").map((film) => ({ ...film, label: names[film.slot] })));
      model.set("standings", rows);
      model.set("is_blind", false);
    },
    text: () => told.map(({ left, right, result }) => `${left} ${SIGN_OF[result]} ${right}`).join("\n"),
  };
}

export function makeJudging({ model, signal, onDone }) {
  const judge = model.isStandalone ? pageJudge(model) : kernelJudge(model);
  const element = make("div", "pvnb-compare-judging", { hidden: true });
  const count = make("div", "pvnb-compare-count");
  count.setAttribute("role", "status");
  const answers = make("div", "pvnb-compare-answers");
  answers.setAttribute("role", "group");
  answers.setAttribute("aria-label", "Which one is better?");
  const buttons = {
    left: makeCompareButton("Left is better", { sign: "left", text: "Left is better", key: "←" }),
    tie: makeCompareButton("No difference", { sign: "down", text: "No difference", key: "↓" }),
    right: makeCompareButton("Right is better", { sign: "right", text: "Right is better", key: "→" }),
  };
  answers.append(...Object.values(buttons));
  const ends = make("div", "pvnb-compare-ends");
  const copy = makeCompareButton("Copy the judgements as text", { text: "Copy" });
  const done = makeCompareButton("Show the result", { text: "Show the result" });
  ends.append(copy, done);
  element.append(count, answers, ends);

  const result = make("section", "pvnb-compare-result", { hidden: true });
  result.setAttribute("aria-label", "Ranking");
  let saidTo = ""; // the pair of the last answer: pressed twice, it counts once

  function say(which) {
    const pair = model.get("pair").join(" ") + model.get("judged");
    if (element.hidden || pair === saidTo) return;
    saidTo = pair;
    judge.say(which);
  }

  const on = (target, act) => target.addEventListener("click", act, { signal });
  for (const [which, button] of Object.entries(buttons)) on(button, () => say(which));
  on(done, () => {
    judge.reveal();
    onDone();
  });
  on(copy, async () => {
    try {
      await navigator.clipboard.writeText(judge.text());
      copy.lastElementChild.textContent = "Copied";
    } catch {
      // A page from disk may be kept from the clipboard: then the text is there to be selected.
      const field = make("textarea", "pvnb-compare-text", { value: judge.text(), readOnly: true, rows: 4 });
      element.append(field);
      field.select();
    }
  });

  function drawResult() {
    const all = model.get("standings");
    const rows = all.filter(({ place }) => place);
    const [most, least] = [Math.max(...rows.map(({ score }) => score)), Math.min(...rows.map(({ score }) => score))];
    const head = make("div", "pvnb-compare-result-head");
    const judged = model.get("judged");
    head.append(
      make("strong", "", { textContent: "Ranking" }),
      make("span", "", { textContent: `from ${judged} judgement${judged === 1 ? "" : "s"}` }),
    );
    const list = make("ol", "pvnb-compare-ranks");
    for (const row of rows) {
      const item = make("li", "");
      item.dataset.place = row.place;
      const bar = make("span", "pvnb-compare-rank-bar");
      const filling = make("span", "");
      filling.style.width = `${most > least ? 4 + (96 * (row.score - least)) / (most - least) : 100}%`;
      bar.append(filling);
      const score = `${row.score > 0 ? "+" : row.score < 0 ? "−" : ""}${Math.abs(row.score)} points`;
      item.append(
        make("span", "pvnb-compare-rank", { textContent: String(row.place) }),
        make("span", "pvnb-compare-rank-name", { textContent: row.label, title: row.label }),
        bar,
        make("span", "pvnb-compare-score", { textContent: score, title: UNIT }),
        make("span", "pvnb-compare-tally", { textContent: `${row.wins} won · ${row.losses} lost · ${row.ties} even` }),
      );
      list.append(item);
    }
    const unit = make("div", "pvnb-compare-unit", { textContent: UNIT });
    result.replaceChildren(head, list, ...unjudged(all), unit);
  }

  // What nobody judged has no place: it is named below the ranking.
  function unjudged(all) {
    const labels = all.filter(({ place }) => !place).map(({ label }) => label);
    if (!labels.length) return [];
    const line = make("div", "pvnb-compare-unjudged");
    line.append(make("strong", "", { textContent: `${labels.length} not judged yet` }), ` ${labels.join(", ")}`);
    return [line];
  }

  return {
    element,
    result,
    say,
    draw({ isJudging }) {
      const judged = model.get("judged");
      element.hidden = !isJudging;
      const pairs = (model.get("films").length * (model.get("films").length - 1)) / 2;
      count.replaceChildren(
        make("strong", "", { textContent: "Which one is better?" }),
        make("span", "", { textContent: `${judged} judged · ${pairs} pair${pairs === 1 ? "" : "s"} in all` }),
      );
      copy.hidden = !model.isStandalone || !judged;
      copy.lastElementChild.textContent = "Copy";
      done.disabled = !judged;
      done.dataset.weight = judged >= pairs ? "strong" : "";
      result.hidden = isJudging || !model.get("standings").length;
      if (!result.hidden) drawResult();
    },
  };
}
