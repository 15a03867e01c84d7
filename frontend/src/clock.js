// Elapsed times. They follow the kernel's clock, which may differ from the browser's.

const TICK_MS = 1000;

/**
 * Calls `onTick` once a second. Counts by the browser's clock until the kernel has sent its own time.
 *
 * @param {{ onTick: () => void }} options
 */
export function makeKernelClock({ onTick }) {
  let skewS = 0; // the kernel's clock minus ours
  const ticker = setInterval(onTick, TICK_MS);
  return {
    now: () => Date.now() / 1000 + skewS,
    /** @param {number} kernelNow in Unix seconds */
    setBy(kernelNow) {
      skewS = kernelNow - Date.now() / 1000;
    },
    dispose: () => clearInterval(ticker),
  };
}

/** @param {number} number */
function twoDigits(number) {
  return String(number).padStart(2, "0");
}

/**
 * "1:05", or "1:02:05" from one hour.
 *
 * @param {number} seconds
 */
export function formatElapsed(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${twoDigits(minutes)}:${twoDigits(whole % 60)}` : `${minutes}:${twoDigits(whole % 60)}`;
}

/**
 * "0:04.25", to a hundredth of a second.
 *
 * @param {number} seconds
 */
export function formatTimecode(seconds) {
  const hundredths = Math.max(0, Math.round(seconds * 100));
  const [minutes, rest] = [Math.floor(hundredths / 6000), Math.floor(hundredths / 100) % 60];
  return `${minutes}:${twoDigits(rest)}.${twoDigits(hundredths % 100)}`;
}
