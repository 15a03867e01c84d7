// The ranking in a page without a kernel: the same model, prior and scale as in pixverse_nb/domain/ratings.py. Pure.

/** @import { Rank, Vote } from "./types" */
/** @typedef {Map<string, number>} Strengths by slot */

const PRIOR_VOTES = 1;
const POINTS_PER_E = 400 / Math.log(10);
const TOLERANCE = 1e-10;
const MAX_ROUNDS = 10000;
const SHARES = { left: 1, right: 0, tie: 0.5 };

/**
 * @param {Map<string, number>} map
 * @param {string} slot
 */
function at(map, slot) {
  return map.get(slot) ?? 0;
}

/**
 * The strength at which `won` is the expected number of wins, if the other strengths are right.
 *
 * @param {number} own
 * @param {number} won
 * @param {Map<string, number>} rivals votes by slot
 * @param {Strengths} strengths
 */
function strengthOf(own, won, rivals, strengths) {
  let expected = PRIOR_VOTES / (own + 1);
  for (const [rival, count] of rivals) expected += count / (own + at(strengths, rival));
  return won / expected;
}

/**
 * Points by slot.
 *
 * @param {Vote[]} votes
 * @param {string[]} slots
 */
function scoresOf(votes, slots) {
  const won = new Map(slots.map((slot) => [slot, PRIOR_VOTES / 2]));
  /** @type {Map<string, Map<string, number>>} */
  const rivals = new Map(slots.map((slot) => [slot, new Map()]));
  for (const { left, right, result } of votes) {
    won.set(left, at(won, left) + SHARES[result]);
    won.set(right, at(won, right) + 1 - SHARES[result]);
    for (const [one, other] of [
      [left, right],
      [right, left],
    ]) {
      const counts = rivals.get(one);
      counts?.set(other, at(counts, other) + 1);
    }
  }
  /** @type {Strengths} */
  let strengths = new Map(slots.map((slot) => [slot, 1]));
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const known = strengths;
    const next = slots.map((slot) => strengthOf(at(known, slot), at(won, slot), rivals.get(slot) ?? new Map(), known));
    strengths = new Map(slots.map((slot, index) => [slot, next[index]]));
    if (slots.every((slot, index) => Math.abs(Math.log(next[index] / at(known, slot))) < TOLERANCE)) break;
  }
  return new Map(slots.map((slot) => [slot, POINTS_PER_E * Math.log(at(strengths, slot))]));
}

/**
 * @param {Vote[]} votes
 * @param {string} slot
 */
function tallyOf(votes, slot) {
  const own = votes.filter(({ left, right }) => left === slot || right === slot);
  const ties = own.filter(({ result }) => result === "tie").length;
  const wins = own.filter((vote) => vote.result !== "tie" && vote[vote.result] === slot).length;
  return { wins, losses: own.length - wins - ties, ties };
}

/**
 * One entry per slot, best first: its points, its place (equal points share one), its wins, losses and ties. Slots
 * without votes come last and have no place.
 *
 * @param {Vote[]} votes
 * @param {string[]} slots
 * @returns {Omit<Rank, "label">[]}
 */
export function rankSlots(votes, slots) {
  const scores = scoresOf(votes, slots);
  const rows = slots.map((slot) => ({ slot, score: Math.round(at(scores, slot)) + 0, ...tallyOf(votes, slot) }));
  const hasVotes = (/** @type {typeof rows[0]} */ row) => row.wins + row.losses + row.ties > 0;
  const exact = (/** @type {typeof rows[0]} */ row) => Math.round(at(scores, row.slot) * 1000);
  const ranked = rows.filter(hasVotes).sort((one, other) => exact(other) - exact(one));
  return [
    ...ranked.map((row) => ({ ...row, place: ranked.findIndex(({ score }) => score === row.score) + 1 })),
    ...rows.filter((row) => !hasVotes(row)).map((row) => ({ ...row, place: null })),
  ];
}
