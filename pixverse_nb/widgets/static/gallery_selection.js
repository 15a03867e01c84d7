// The tiles that are chosen to be compared, in the order of choosing.

const COMPARED_MOST = 9;

// `rows` are the gallery's rows by key; `keep(keys)` tells the kernel what was chosen here, `onChange(touched)` which
// tiles are drawn otherwise now, `onRefused(sentence)` why a tile was not taken.
export function makeSelection({ rows, canCompare, keep, onChange, onRefused }) {
  let keys = [];

  function show(chosen) {
    const touched = new Set([...keys, ...chosen]);
    keys = chosen.filter((key) => rows.has(key));
    onChange([...touched].filter((key) => rows.has(key)));
  }

  function choose(chosen) {
    show(chosen);
    keep(chosen);
  }

  return {
    show, // what the kernel says
    keys: () => keys,
    orderOf: (key) => keys.indexOf(key) + 1, // 0 where it is not chosen
    toggle(key) {
      if (!canCompare || !rows.get(key)?.film) return;
      if (keys.includes(key)) choose(keys.filter((other) => other !== key));
      else if (keys.length < COMPARED_MOST) choose([...keys, key]);
      else onRefused(`At most ${COMPARED_MOST} videos can be compared.`);
    },
    clear: () => keys.length && choose([]),
  };
}
