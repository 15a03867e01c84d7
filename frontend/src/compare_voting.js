// Voting: which of two videos is better, with a button or an arrow key; and the ranking that follows from it.
//
// With a kernel the page only sends the votes: the kernel chooses the next pair and knows which video has which label.
// A page without a kernel has a list of pairs and the hidden labels, which it decodes at the end.

import { decodeBase64 } from "./base64.js";
import { rankSlots } from "./compare_ranking.js";
import { countOf, listenUntil, make, makeButton } from "./dom.js";

/** @import { CompareTraits, Model, Rank, Vote, VoteResult } from "./types" */
/**
 * @typedef {{
 *   vote: (result: VoteResult) => void,
 *   reveal: () => void,
 *   text: () => string,
 * }} Ballot `text`: the votes so far, as `Comparison.import_votes` reads them
 */

const SIGNS = { left: ">", right: "<", tie: "=" };
const SCALE_TEXT =
  "Points: Bradley–Terry scores on Elo's scale. A video without votes has 0 points. A lead of 100 points means that " +
  "64 of 100 votes prefer the video; a lead of 400 points means 91 of 100.";

/**
 * @param {Model<CompareTraits>} model
 * @returns {Ballot}
 */
function makeKernelBallot(model) {
  return {
    vote(result) {
      const [left, right] = model.get("pair");
      model.send({ kind: "vote", left, right, result });
    },
    reveal: () => model.send({ kind: "reveal" }),
    text: () => "",
  };
}

/**
 * @param {Model<CompareTraits>} model
 * @returns {Ballot}
 */
function makeStandaloneBallot(model) {
  /** @type {Vote[]} */
  const votes = [];

  /** @returns {Record<string, string>} */
  function decodeLabels() {
    return JSON.parse(new TextDecoder().decode(decodeBase64(model.get("hidden_labels") ?? "")));
  }

  return {
    vote(result) {
      const [left, right] = model.get("pair");
      votes.push({ left, right, result });
      const schedule = model.get("schedule") ?? [];
      model.set("vote_count", votes.length);
      model.set("pair", schedule[votes.length % schedule.length]);
    },
    reveal() {
      const labels = decodeLabels();
      const ranks = rankSlots(votes, Object.keys(labels)).map((row) => ({ ...row, label: labels[row.slot] }));
      const videos = model.get("videos").map((video) => ({ ...video, label: labels[video.slot] }));
      model.set("videos", videos);
      model.set("ranks", ranks);
      model.set("is_blind", false);
    },
    text: () => votes.map(({ left, right, result }) => `${left} ${SIGNS[result]} ${right}`).join("\n"),
  };
}

/**
 * @param {{
 *   model: Model<CompareTraits>,
 *   signal: AbortSignal,
 *   onSend: () => boolean,
 *   onDone: () => void,
 * }} options `onSend` is called before a vote, and returns whether there is a kernel that can count it
 */
export function makeVoting({ model, signal, onSend, onDone }) {
  const ballot = model.isStandalone ? makeStandaloneBallot(model) : makeKernelBallot(model);
  const element = make("div", "pvnb-compare-voting", { hidden: true });
  const count = make("div", "pvnb-compare-count");
  count.setAttribute("role", "status");
  const answers = make("div", "pvnb-compare-answers");
  answers.setAttribute("role", "group");
  answers.setAttribute("aria-label", "Which one is better?");
  const button = "pvnb-compare-button";
  const left = makeButton(button, { label: "Left is better", icon: "left", text: "Left is better", key: "←" });
  const tie = makeButton(button, { label: "No difference", icon: "down", text: "No difference", key: "↓" });
  const right = makeButton(button, { label: "Right is better", icon: "right", text: "Right is better", key: "→" });
  answers.append(left, tie, right);
  const ends = make("div", "pvnb-compare-ends");
  const copy = makeButton(button, { label: "Copy the votes as text", text: "Copy" });
  const done = makeButton(button, { label: "Show the result", text: "Show the result" });
  ends.append(copy, done);
  for (const part of [answers, ends]) part.dataset.needsKernel = "";
  element.append(count, answers, ends);
  const copyText = /** @type {HTMLElement} */ (copy.lastElementChild);

  const result = make("section", "pvnb-compare-result", { hidden: true });
  result.setAttribute("aria-label", "Ranking");
  let answered = ""; // the pair of the last vote, with the number of votes: a key that is pressed twice counts once

  /** @param {VoteResult} choice */
  function vote(choice) {
    const pair = model.get("pair").join(" ") + model.get("vote_count");
    if (element.hidden || pair === answered || !onSend()) return;
    answered = pair;
    ballot.vote(choice);
  }

  const on = listenUntil(signal);
  on(left, "click", () => vote("left"));
  on(tie, "click", () => vote("tie"));
  on(right, "click", () => vote("right"));
  on(done, "click", () => {
    if (!onSend()) return;
    ballot.reveal();
    onDone();
  });
  on(copy, "click", async () => {
    try {
      await navigator.clipboard.writeText(ballot.text());
      copyText.textContent = "Copied";
    } catch {
      // The browser may block copying in a page from disk: then people can select the text.
      const field = make("textarea", "pvnb-compare-text", { value: ballot.text(), readOnly: true, rows: 4 });
      element.append(field);
      field.select();
    }
  });

  function drawResult() {
    const all = model.get("ranks");
    const ranked = all.filter(({ place }) => place);
    const scores = ranked.map(({ score }) => score);
    const [min, max] = [Math.min(...scores), Math.max(...scores)];
    const head = make("div", "pvnb-compare-result-head");
    head.append(
      make("strong", "", { textContent: "Ranking" }),
      make("span", "", { textContent: `from ${countOf(model.get("vote_count"), "vote")}` }),
    );
    const list = make("ol", "pvnb-compare-ranks");
    list.append(...ranked.map((rank) => makeRank(rank, max > min ? (rank.score - min) / (max - min) : 1)));
    const scale = make("div", "pvnb-compare-scale", { textContent: SCALE_TEXT });
    result.replaceChildren(head, list, ...makeUnranked(all), scale);
  }

  return {
    element,
    result,
    vote,
    /** @param {{ isVoting: boolean }} state */
    draw({ isVoting }) {
      const votes = model.get("vote_count");
      const videos = model.get("videos").length;
      const pairs = (videos * (videos - 1)) / 2;
      element.hidden = !isVoting;
      count.replaceChildren(
        make("strong", "", { textContent: "Which one is better?" }),
        make("span", "", { textContent: `${countOf(votes, "vote")} · ${countOf(pairs, "pair")} in all` }),
      );
      copy.hidden = !model.isStandalone || !votes;
      copyText.textContent = "Copy";
      done.disabled = !votes;
      done.dataset.weight = votes >= pairs ? "strong" : "";
      result.hidden = isVoting || !model.get("ranks").length;
      if (!result.hidden) drawResult();
    },
  };
}

/**
 * @param {Rank} rank
 * @param {number} share of the bar, 0 for the last and 1 for the first
 */
function makeRank({ place, label, score, wins, losses, ties }, share) {
  const item = make("li", "");
  item.dataset.place = String(place);
  const bar = make("span", "pvnb-compare-rank-bar");
  const filling = make("span", "");
  filling.style.width = `${share === 1 ? 100 : 4 + 96 * share}%`;
  bar.append(filling);
  const sign = score > 0 ? "+" : score < 0 ? "−" : "";
  item.append(
    make("span", "pvnb-compare-rank", { textContent: String(place) }),
    make("span", "pvnb-compare-rank-name", { textContent: label, title: label }),
    bar,
    make("span", "pvnb-compare-score", { textContent: `${sign}${Math.abs(score)} points`, title: SCALE_TEXT }),
    make("span", "pvnb-compare-tally", { textContent: `${wins} won · ${losses} lost · ${ties} tied` }),
  );
  return item;
}

/** @param {Rank[]} all */
function makeUnranked(all) {
  const labels = all.filter(({ place }) => !place).map(({ label }) => label);
  if (!labels.length) return [];
  const line = make("div", "pvnb-compare-unranked");
  line.append(make("strong", "", { textContent: `${labels.length} without votes` }), ` ${labels.join("; ")}`);
  return [line];
}
