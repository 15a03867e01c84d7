// What a person says of the tiles: it stands at once and goes to the kernel, whose answer may be older than the page.

// What has no video cannot become a winner; what is one from of old can be taken back.
export function mayWin(row) {
  return row.film || row.choice === "winner";
}

// `rows` are the gallery's rows by key; `send(verdict)` tells the kernel, `onChange(key)` that a row is another now,
// `onRefused(sentence)` why something cannot be said of a tile.
export function makeVerdicts({ rows, send, onChange, onRefused }) {
  const view = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  const unheard = new Map(); // key -> how many verdicts of this view the kernel has not told back

  function take(key, choice, note) {
    if (!rows.has(key)) return;
    rows.set(key, { ...rows.get(key), choice, note });
    onChange(key);
  }

  function judge(key, change) {
    const row = rows.get(key);
    if (!row) return;
    const { choice, note } = { choice: row.choice, note: row.note, ...change };
    if (choice === row.choice && note === row.note) return;
    take(key, choice, note);
    unheard.set(key, (unheard.get(key) ?? 0) + 1);
    send({ kind: "verdict", key, choice, note, view });
  }

  return {
    judge,
    // The same choice a second time takes it back.
    choose(key, choice) {
      const row = rows.get(key);
      if (row && choice === "winner" && !mayWin(row)) onRefused(`${row.caption} has no video: it cannot be a winner.`);
      else if (row) judge(key, { choice: row.choice === choice ? "" : choice });
    },
    hear({ key, choice, note, view: from }) {
      if (from === view) unheard.set(key, unheard.get(key) - 1);
      if (!unheard.get(key)) take(key, choice, note);
    },
    // What the kernel tells of a tile, with the verdict of here while the kernel has not told that one back.
    withOwn(row) {
      if (!unheard.get(row.key)) return row;
      const { choice, note } = rows.get(row.key);
      return { ...row, choice, note };
    },
  };
}
