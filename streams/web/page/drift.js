// Drift: features by windows; behind each cell the histograms and what the figures are.
import { h, fill, put, table } from "./dom.js";
import { partsLike, partsOf } from "./store.js";
import { pairedBars } from "./charts.js";
import { members, nothing, stopped } from "./fresh.js";
import { chance, day, figure, modelName, moment, percent, whole } from "./words.js";

const STEPS = [0.05, 0.1, 0.25];
const WORDS = { OK: "no drift", DRIFT: "drift", TOO_FEW: "too few matches for a verdict" };
let maps = null;
let detail = null;
let picked = null; // {window: name of the part, feature}

export function enter(place) {
  maps = h("div");
  detail = h("section", { class: "panel", "aria-labelledby": "h-detail", hidden: true });
  place.append(
    h("p", { class: "key" }, "PSI of each feature and of each predicted probability against the training data, by window of event time. ",
      "The stronger the colour, the more; a thick frame and ▲ mean drift in that window, ! in front of a name an alarm. “few” means that there are too few matches for a verdict: it needs 500, or 50 a bin. ",
      "Arrow keys move between cells, Enter opens one."),
    h("div", { class: "beside" }, maps, detail));
}

export function leave() { picked = null; }

function models() {
  const found = new Map();
  for (const [name, part] of partsLike("drift", "window")) {
    const owner = modelName(part.model);
    if (!found.has(owner)) found.set(owner, []);
    found.get(owner).push([name, part]);
  }
  for (const windows of found.values()) windows.sort((one, other) => one[1].window_start_ms - other[1].window_start_ms);
  return found;
}

export function draw() {
  const found = models();
  const key = JSON.stringify([[...found], members("monitor")]);
  fill(maps, key, () => {
    if (!found.size) return [nothing("window of drift", "monitor", "monitor", "The first comes with the first prediction that a monitor counts.")];
    return [stopped("monitor", "monitor"), ...[...found].map(([owner, windows]) => heatMap(owner, windows))].filter(Boolean);
  });
  if (!picked && found.size) {
    const windows = [...found.values()][0];
    const newest = windows.at(-1);
    if (newest[1].features.length) pick(newest[0], ordered(windows)[0], false);
  }
  drawDetail();
}

/** Features, those in alarm first, then by the newest PSI there is, else in the order of the reference. */
function ordered(windows) {
  const newest = windows.at(-1)[1];
  const alarms = windows.filter(([, one]) => one.alarms).at(-1)?.[1].alarms || [];
  const score = (name) => {
    const last = windows.map(([, one]) => one.features.find((each) => each.feature === name)?.psi).filter((psi) => psi !== null && psi !== undefined).at(-1);
    return (alarms.includes(name) ? 1e6 : 0) + (last ?? -1);
  };
  return newest.features.map((one) => one.feature).map((name, place) => [name, score(name), place]).sort((one, other) => other[1] - one[1] || one[2] - other[2]).map(([name]) => name);
}

function heatMap(owner, windows) {
  const alarms = windows.filter(([, one]) => one.alarms).at(-1)?.[1].alarms || [];
  const names = ordered(windows);
  const daily = windows.every(([, one]) => one.window_end_ms - one.window_start_ms >= 86400000);
  const grid = h("table", { class: "heat", role: "grid", "aria-label": `Drift of ${owner}`, on: { keydown: move } },
    h("caption", null, `${owner}: ${windows.length} windows, the newest on the right`),
    h("thead", null, h("tr", { role: "row" }, h("th", { scope: "col", role: "columnheader", class: "text" }, "feature"),
      windows.map(([, one]) => h("th", { scope: "col", role: "columnheader" }, daily ? day(one.window_start_ms) : moment(one.window_start_ms).slice(5, 16), h("br"), `n ${whole(one.n_matches)}${one.closed ? "" : ", open"}`)))),
    h("tbody", null, names.map((name) => h("tr", { role: "row" }, h("th", { scope: "row", role: "rowheader" }, (alarms.includes(name) ? "! " : "") + name),
      windows.map(([part, one]) => h("td", { role: "gridcell" }, cell(part, one, name)))))));
  return h("section", { class: "panel", "aria-label": owner }, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Heat map of ${owner}` }, grid));
}

function cell(part, window, name) {
  const one = window.features.find((each) => each.feature === name);
  if (!one) return "";
  const few = one.psi === null;
  const step = few ? "few" : "h" + STEPS.filter((edge) => one.psi > edge).length;
  const chosen = picked && picked.window === part && picked.feature === name;
  return h("button", {
    type: "button", tabindex: chosen ? "0" : "-1", class: step + (one.verdict === "DRIFT" ? " drifted" : ""), "aria-pressed": String(Boolean(chosen)), "data-window": part, "data-feature": name,
    "aria-label": `${name}, window from ${day(window.window_start_ms)}: ${few ? WORDS.TOO_FEW : `PSI ${figure(one.psi)}, ${WORDS[one.verdict]}`}`,
    on: { click: (event) => { pick(part, name, true); event.preventDefault(); } },
  }, few ? "few" : (one.verdict === "DRIFT" ? "▲ " : "") + figure(one.psi));
}

function move(event) {
  const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
  const at = event.target.closest("td");
  if (!step || !at) return;
  event.preventDefault();
  const rows = [...event.currentTarget.tBodies[0].rows];
  const row = rows[rows.indexOf(at.parentElement) + step[0]];
  const button = row?.cells[at.cellIndex + step[1]]?.querySelector("button");
  if (!button) return;
  event.target.tabIndex = -1;
  button.tabIndex = 0;
  button.focus();
}

function pick(window, feature, byHand) {
  picked = { window, feature };
  for (const button of maps.querySelectorAll("button")) {
    const chosen = button.dataset.window === window && button.dataset.feature === feature;
    button.setAttribute("aria-pressed", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
  }
  drawDetail();
  if (byHand) put(document.getElementById("news"), `${feature}: histograms are below the heat map`);
}

function drawDetail() {
  const parts = partsOf("drift");
  const window = picked && parts.get("window:" + picked.window);
  const one = window && window.features.find((each) => each.feature === picked.feature);
  detail.hidden = !one;
  if (!one) return;
  const reference = parts.get("reference:" + window.model.digest), counted = parts.get("histogram:" + picked.window), thresholds = parts.get("thresholds");
  fill(detail, JSON.stringify([picked, one, counted, Boolean(reference), window.closed]), () => [
    h("h2", { id: "h-detail" }, `${one.feature}, window from ${moment(window.window_start_ms)} to ${moment(window.window_end_ms)}`),
    facts(one, window, thresholds), ...histograms(one, window, reference, counted)]);
}

function facts(one, window, thresholds) {
  const verdict = `Verdict: ${WORDS[one.verdict]}${window.closed ? "" : ", as far as it is counted, for the window is open"}.`;
  const entries = [["PSI", figure(one.psi)], ["PSI by chance alone, mean", figure(one.null_mean)], ["p-value", chance(one.p_value)], ["matches", whole(one.n)], ["bins in use", whole(one.bins)],
    ["missing values", percent(one.null_rate, 1)], ["Kolmogorov–Smirnov", figure(one.ks)], ["its p-value", chance(one.ks_p_value)], ["chi-square", figure(one.chi2, 1)], ["its p-value ", chance(one.chi2_p_value)]];
  return h("div", null, h("p", null, h("strong", null, verdict)), h("dl", { class: "figures" }, entries.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value)))),
    thresholds && !window.closed ? h("p", { class: "small" }, `Drift means a PSI above ${thresholds.psi} that is significant with a false discovery rate of ${thresholds.false_discovery_rate} over all features of the window.`) : null);
}

function histograms(one, window, reference, counted) {
  const place = reference ? reference.findIndex((each) => each.feature === one.feature) : -1;
  if (place < 0) return [h("p", { class: "note" }, `There is no reference to compare with: bundle ${window.model.digest.slice(0, 8)} is not the one of this page's settings (TOUCHLINE_BUNDLE).`)];
  if (!counted) return [h("p", { class: "note" }, "What was counted in this window is not in monitor-partials any more, or is from before the time this page reads (--hours).")];
  const base = reference[place], counts = counted.counts[place];
  const total = (values) => values.reduce((sum, value) => sum + value, 0);
  const share = (values) => values.map((value) => value / Math.max(1, total(values)));
  const [before, now] = [share(base.counts), share(counts)];
  const partly = window.closed && counted.n_matches !== window.n_matches ? [h("p", { class: "warning" }, `The histogram has ${whole(counted.n_matches)} of the ${whole(window.n_matches)} matches of the report: what was counted before the time this page reads (--hours) is not in it.`)] : [];
  return [...partly,
    h("p", null, h("span", { class: "small" }, `Hatched, left: the reference, ${whole(total(base.counts))} matches of the training data. Solid, right: this window, ${whole(total(counts))} matches, one prediction drawn of each.`)),
    pairedBars(`${one.feature}: shares by bin, reference against window. ${base.bins.map((name, bin) => `${name}: ${percent(before[bin])} against ${percent(now[bin])}`).join("; ")}`, base.bins, before, now),
    table(`${one.feature}: shares by bin`, ["bin", "reference", "window", "matches in window"], base.bins.map((name, bin) => [name, percent(before[bin], 1), percent(now[bin], 1), whole(counts[bin])]), { unseen: true })];
}
