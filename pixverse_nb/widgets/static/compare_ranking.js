// The ranking of a page without a kernel: the same model, prior and scale as in pixverse_nb/ranking.py. Pure.

const PRIOR_DUELS = 1;
const POINTS_PER_E = 400 / Math.log(10);
const CLOSE_ENOUGH = 1e-10;
const MOST_ROUNDS = 10000;
const SHARES = { left: 1, right: 0, tie: 0.5 };

// The strength under which `won` is what one expects, the others being as strong as they seem now.
function strengthOf(own, won, rivals, strengths) {
  let against = PRIOR_DUELS / (own + 1);
  for (const [rival, count] of rivals) against += count / (own + strengths.get(rival));
  return won / against;
}

function scoresOf(told, slots) {
  const won = new Map(slots.map((slot) => [slot, PRIOR_DUELS / 2]));
  const rivals = new Map(slots.map((slot) => [slot, new Map()]));
  for (const { left, right, result } of told) {
    won.set(left, won.get(left) + SHARES[result]);
    won.set(right, won.get(right) + 1 - SHARES[result]);
    for (const [one, other] of [[left, right], [right, left]]) {
      rivals.get(one).set(other, (rivals.get(one).get(other) ?? 0) + 1);
    }
  }
  let strengths = new Map(slots.map((slot) => [slot, 1]));
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const known = strengths;
    strengths = new Map(slots.map((slot) => [slot, strengthOf(known.get(slot), won.get(slot), rivals.get(slot), known)]));
    if (slots.every((slot) => Math.abs(Math.log(strengths.get(slot) / known.get(slot))) < CLOSE_ENOUGH)) break;
  }
  return new Map(slots.map((slot) => [slot, POINTS_PER_E * Math.log(strengths.get(slot))]));
}

function tallyOf(told, slot) {
  const count = (holds) => told.filter(holds).length;
  const isIn = ({ left, right }) => left === slot || right === slot;
  const wins = count((duel) => duel[duel.result] === slot);
  const ties = count((duel) => duel.result === "tie" && isIn(duel));
  return { wins, ties, losses: count(isIn) - wins - ties };
}

// One row a slot, the best first: its score in points, its place (equal scores share one), its wins, losses and ties.
// What nobody judged stands last and has no place.
export function rankSlots(told, slots) {
  const scores = scoresOf(told, slots);
  const rows = slots.map((slot) => ({ slot, score: Math.round(scores.get(slot)) + 0, ...tallyOf(told, slot) }));
  const isJudged = (row) => row.wins + row.losses + row.ties > 0;
  const exact = (row) => Math.round(scores.get(row.slot) * 1000);
  const judged = rows.filter(isJudged).sort((one, other) => exact(other) - exact(one));
  const placeOf = ({ score }) => judged.findIndex((row) => row.score === score) + 1;
  return [
    ...judged.map((row) => ({ ...row, place: placeOf(row) })),
    ...rows.filter((row) => !isJudged(row)).map((row) => ({ ...row, place: null })),
  ];
}
