// Judging: which of two is better, said with a button or an arrow; and what came of it.
//
// With a kernel the page only tells it what was said: the kernel chooses the next pair and knows whose film is whose.
// A page that stands alone has a list of pairs from the kernel instead, and the sealed names, which it opens at the end.

import { make } from "./elements.js";
import { makeCompareButton } from "./compare_parts.js";

const SIGN_OF = { left: ">", right: "<", tie: "=" };

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

  function tally() {
    const names = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(model.get("sealed")), (sign) => sign.charCodeAt(0))));
    const rows = new Map(Object.entries(names).map(([slot, label]) => [slot, { slot, label, score: 0, wins: 0, losses: 0, ties: 0 }]));
    for (const { left, right, result } of told) {
      const [one, other] = [rows.get(left), rows.get(right)];
      const [better, worse] = result === "right" ? [other, one] : [one, other];
      if (result === "tie") [one, other].forEach((row) => (row.ties += 1));
      else {
        better.wins += 1;
        worse.losses += 1;
      }
    }
    // Without the kernel's arithmetic: the share that was won, a tie being half, each having tied once beforehand.
    const share = ({ wins, losses, ties }) => (wins + (ties + 1) / 2) / (wins + losses + ties + 1);
    for (const row of rows.values()) row.score = Math.round(100 * share(row));
    return { names, rows: [...rows.values()].sort((a, b) => b.score - a.score) };
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
      const { names, rows } = tally();
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
    const rows = model.get("standings");
    const [most, least] = [Math.max(...rows.map(({ score }) => score)), Math.min(...rows.map(({ score }) => score))];
    const head = make("div", "pvnb-compare-result-head");
    const judged = model.get("judged");
    head.append(
      make("strong", "", { textContent: "Ranking" }),
      make("span", "", { textContent: `from ${judged} judgement${judged === 1 ? "" : "s"}` }),
    );
    const list = make("ol", "pvnb-compare-ranks");
    rows.forEach((row, place) => {
      const item = make("li", "");
      const bar = make("span", "pvnb-compare-rank-bar");
      const filling = make("span", "");
      filling.style.width = `${most > least ? 4 + (96 * (row.score - least)) / (most - least) : 50}%`;
      bar.append(filling);
      const unit = model.isStandalone ? `${row.score} %` : `${row.score > 0 ? "+" : row.score < 0 ? "−" : ""}${Math.abs(row.score)}`;
      item.append(
        make("span", "pvnb-compare-rank", { textContent: String(place + 1) }),
        make("span", "pvnb-compare-rank-name", { textContent: row.label, title: row.label }),
        bar,
        make("span", "pvnb-compare-score", { textContent: unit, title: model.isStandalone ? "Share won" : "Elo points" }),
        make("span", "pvnb-compare-tally", { textContent: `${row.wins} won · ${row.losses} lost · ${row.ties} even` }),
      );
      list.append(item);
    });
    result.replaceChildren(head, list);
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
