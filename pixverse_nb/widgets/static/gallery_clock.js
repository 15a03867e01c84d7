// The clock of the jobs, which is the kernel's, and one tick a second for those that run.

const TICK_MS = 1000;

export function isRunning(row) {
  return Boolean(row?.began && !row.ended);
}

// Counts by the page's own clock until the kernel has told its own.
export function makeClock({ onTick }) {
  let skew = 0; // the kernel's clock minus ours, in seconds
  const ticker = setInterval(onTick, TICK_MS);
  return {
    now: () => Date.now() / 1000 + skew,
    setBy(kernelNow) {
      skew = kernelNow - Date.now() / 1000;
    },
    dispose: () => clearInterval(ticker),
  };
}
