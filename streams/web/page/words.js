// Numbers and moments as people read them.

export const percent = (share, digits = 0) => share === null || share === undefined ? "–" : (100 * share).toFixed(digits) + " %";
export const figure = (value, digits = 3) => value === null || value === undefined ? "–" : value.toFixed(digits);
/** A difference, with its sign. */
export const signed = (value, digits = 4) => value === null || value === undefined ? "–" : (value < 0 ? "" : "+") + value.toFixed(digits);
export const whole = (value) => value === null || value === undefined ? "–" : Math.round(value).toLocaleString("en");

/** A chance; very small ones by their power of ten. */
export function chance(value) {
  if (value === null || value === undefined) return "–";
  return value < 1e-99 ? "<1e-99" : value < 0.001 ? value.toExponential(0) : value.toFixed(3);
}

/** A rate, with one digit while it is small. */
export const rate = (value) => value === null || value === undefined ? "not known" : value < 100 ? value.toFixed(1) : whole(value);

/** A duration, given in seconds. */
export function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value < 1) return (1000 * value).toFixed(value < 0.1 ? 1 : 0) + " ms";
  return value < 600 ? value.toFixed(1) + " s" : value < 7200 ? (value / 60).toFixed(0) + " min" : (value / 3600).toFixed(1) + " h";
}

/** How long ago, given in milliseconds. */
export function age(ms) {
  if (ms < 1500) return "1 s";
  const value = ms / 1000;
  return value < 120 ? Math.round(value) + " s" : value < 7200 ? Math.round(value / 60) + " min" : value < 172800 ? Math.round(value / 3600) + " h" : Math.round(value / 86400) + " days";
}

const pad = (value) => String(value).padStart(2, "0");
export function day(ms) {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? ms + " ms" : `${date.getUTCFullYear()}-${pad(date.getUTCMonth() + 1)}-${pad(date.getUTCDate())}`;
}
export function clock(ms) {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? ms + " ms" : `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}:${pad(date.getUTCSeconds())}`;
}
/** A moment in UTC. */
export const moment = (ms) => `${day(ms)} ${clock(ms)}Z`;
/** As much of a digest as people are shown. */
export const short = (digest) => digest ? digest.slice(0, 12) : "–";
/** Whose it is. */
export const modelName = (model) => `${model.model} ${model.version} ${model.variant.toLowerCase()} ${model.digest.slice(0, 8)}`;
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** 0, 1, 2, 5 as "0–2, 5". */
export function ranges(numbers) {
  const found = [];
  for (const one of numbers) {
    const last = found.at(-1);
    if (last && last[1] === one - 1) last[1] = one; else found.push([one, one]);
  }
  return found.map(([first, last]) => (first === last ? String(first) : `${first}–${last}`)).join(", ");
}
