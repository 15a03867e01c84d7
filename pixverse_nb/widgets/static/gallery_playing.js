// Which films play just now: that of the larger view, else, by the mode, the one that is looked at or all in view.

const SETTLE_MS = 140; // a pointer or a scroll that only passes by loads nothing

// `look()` tells what a person looks at: {opened, focused, inView: keys in their order}; `canPlay(key)` what there is
// to play; `want(keys)` loads and plays, best first.
export function makePlaying({ look, canPlay, want }) {
  let mode = "hover";
  let pointed = ""; // the key under the pointer
  let settling = 0;

  function wanted() {
    const { opened, focused, inView } = look();
    if (opened) return [opened];
    if (mode === "still") return [];
    const first = [pointed || focused].filter(Boolean);
    return mode === "hover" ? first : [...new Set([...first, ...inView])];
  }

  function now() {
    clearTimeout(settling);
    want(wanted().filter(canPlay));
  }

  function soon() {
    clearTimeout(settling);
    settling = setTimeout(now, SETTLE_MS);
  }

  return {
    now,
    soon,
    mode: () => mode,
    pointed: () => pointed,
    point(key) {
      pointed = key;
      soon();
    },
    setMode(chosen) {
      mode = chosen;
      now();
    },
    dispose: () => clearTimeout(settling),
  };
}
