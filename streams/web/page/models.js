// Models: which predict, and how good their predictions were against how good they should have been.
import { h, s, fill, table } from "./dom.js";
import { partsLike, partsOf } from "./store.js";
import { lines, reliability, symbol } from "./charts.js";
import { members, nothing, stopped } from "./fresh.js";
import { capital, day, figure, modelName, moment, percent, whole } from "./words.js";

let live = null;
let quality = null;
let charts = new Map();

export function enter(root) {
  live = h("div");
  quality = h("div", { class: "panels" });
  root.append(h("section", { class: "panel", "aria-labelledby": "h-live" }, h("h2", { id: "h-live" }, "Live"), live), quality);
}

export function leave() {
  for (const chart of charts.values()) chart.end();
  charts = new Map();
}

export function draw() {
  drawLive();
  const sums = new Map(partsLike("models", "sums")), reports = partsLike("models", "report"), histories = new Map(partsLike("models", "history"));
  const key = JSON.stringify([[...sums], reports, [...histories], members("performance")]);
  fill(quality, key, () => {
    leave();
    if (!sums.size && !reports.length) return [nothing("judged prediction", "performance", "performance", "A prediction is judged when the result of its match is known.")];
    const owners = [...new Set([...sums.keys(), ...reports.map(([name]) => name.slice(name.indexOf(":") + 1))])].sort();
    return [stopped("performance", "performance"), ...owners.flatMap((owner) => panels(owner, sums.get(owner), reports.filter(([name]) => name.endsWith(":" + owner)), histories.get("7:" + owner)))].filter(Boolean);
  });
  for (const [owner, chart] of charts) {
    const history = histories.get("7:" + owner) || [];
    chart.show(history.map((one) => (one.window_end_ms - 86400000) / 1000), [history.map((one) => one.log_loss), history.map((one) => one.estimated_log_loss)]);
  }
}

function drawLive() {
  const versions = partsOf("models").get("versions"), source = partsOf("models").get("source:predictions");
  if (!versions || !source) return;
  fill(live, JSON.stringify([versions, source.since_ms]), () => {
    if (!versions.seen.length) return [h("p", { class: "note" }, `No prediction has come since ${moment(source.since_ms)}.`)];
    const rows = versions.seen.map((one) => [`${one.model.model} ${one.model.version}`, one.model.variant.toLowerCase(), one.model.digest.slice(0, 12), whole(one.predictions), moment(one.scored_at_ms)]);
    return [h("p", null, versions.champion ? h("strong", null, `Champion: ${modelName(versions.champion)}`) : "No champion has predicted."),
      table(`Models by the predictions since ${moment(source.since_ms)}`, ["model", "used as", "bundle", "predictions", "last scored"], rows, { text: [1, 2, 4] })];
  });
}

function panels(owner, sums, reports, history) {
  const model = sums ? modelName(sums.model) : owner;
  const found = [];
  if (sums) found.push(panel(`${model}: log loss and reliability`, soFar(sums)));
  if (reports.length) found.push(panel(`${model}: reports of closed days`, reports.map(([name, report]) => [Number(name.split(":")[0]), report]).sort((one, other) => one[0] - other[0]).flatMap(([days, report]) => asReport(days, report))));
  else found.push(panel(`${model}: reports of closed days`, [h("p", { class: "note" }, "No day is closed yet: a day is reported when all partitions have passed its end, and the lateness allowed.")]));
  if (history?.length) {
    const chart = lines(`${model}: log loss of seven days, realised and estimated beforehand, over time`, ["realised", "estimated (CBPE)"], { digits: 3, least: 0.01, days: true });
    charts.set(owner, chart);
    found.push(panel(`${model}: estimated against realised`, [h("p", { class: "small" }, "Log loss in nats over the seven days before each day's end. Estimated (CBPE) is what the same predictions expected of themselves, before anybody knew the results: where it is far below, the model is surer than it should be."), chart.node,
      h("details", null, h("summary", null, "As a table"), table("Log loss of seven days", ["days up to", "matches", "realised", "estimated"], [...history].reverse().map((one) => [day(one.window_end_ms - 1), whole(one.n_matches), figure(one.log_loss, 4), figure(one.estimated_log_loss, 4)]), { unseen: true }))]));
  }
  return found;
}

const panel = (title, content) => h("section", { class: "panel", "aria-label": title }, h("h2", null, title), content);

function soFar(sums) {
  const interval = sums.log_loss_interval;
  const entries = [["log loss, nats", figure(sums.log_loss, 4)], ["95 % interval", interval ? `${figure(interval[0], 4)} to ${figure(interval[1], 4)}` : "none: it needs 5 days"], ["estimated (CBPE)", figure(sums.estimated_log_loss, 4)],
    ["accuracy", percent(sums.accuracy, 1)], ["estimated accuracy", percent(sums.estimated_accuracy, 1)], ["calibration error", figure(sums.ece, 4)], ["matches", whole(sums.n_matches)], ["predictions", whole(sums.n_predictions)]];
  const rows = Object.entries(sums.reliability).flatMap(([name, bins]) => bins.map((bin) => [name, percent(bin.forecast, 1), percent(bin.frequency, 1), `${percent(bin.low, 1)} to ${percent(bin.high, 1)}`, whole(bin.n)]));
  const legend = h("ul", { class: "legend" }, Object.keys(sums.reliability).map((name) => h("li", null, s("svg", { width: 14, height: 14, "aria-hidden": "true" }, symbol(name, 7, 7)), name)));
  return [h("p", { class: "small" }, `Of the sums of the performance role since ${day(sums.first_day_ms)}, up to ${day(sums.last_day_ms)}; ${sums.n_days} days, also those which are not closed.`),
    h("dl", { class: "figures" }, entries.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value)))),
    h("h3", null, "Reliability"), legend, reliability("Reliability: how often what was forecast came, by result; the numbers are in the table", sums.reliability),
    h("p", { class: "small" }, "Across: what was forecast; up: how often it came; dashed: as it should be. Bars are 95 % intervals that count each match once, however often it was predicted; that of the log loss leaves out a day at a time."),
    h("details", null, h("summary", null, "As a table"), table("Reliability by result", ["result", "forecast", "came", "95 % interval", "predictions"], rows, { unseen: true }))];
}

const MEASURES = [["log loss", "log_loss", "estimated_log_loss", 4], ["RPS", "rps", "estimated_rps", 4], ["Brier score", "brier", "estimated_brier", 4], ["accuracy", "accuracy", "estimated_accuracy", 4], ["calibration error", "ece", null, 4]];

function asReport(days, report) {
  const whole_ = report.segments.find((one) => one.segment === "all") || {};
  const rows = MEASURES.map(([name, realised, estimated, digits]) => [name, figure(report[realised], digits), estimated ? figure(whole_[estimated], digits) : "–"]);
  const bands = report.segments.filter((one) => one.segment.startsWith("minute=")).map((one) => [one.segment.slice(7), whole(one.n_matches), whole(one.n_predictions), figure(one.log_loss, 4), figure(one.estimated_log_loss, 4)]);
  const counts = `${whole(report.n_matches)} matches, ${whole(report.n_predictions)} predictions; ${whole(report.n_pending)} matches without a result, ${whole(report.n_late)} results late, ${whole(report.n_cancelled)} cancelled`;
  return [h("h3", null, `${days} days up to ${day(report.window_end_ms - 1)}`), h("p", { class: "small" }, capital(counts) + "."),
    table(`${days} days: realised and estimated`, ["measure", "realised", "estimated (CBPE)"], rows, { unseen: true }),
    h("details", null, h("summary", null, "By minute"), table(`${days} days, by minute of the match`, ["minute", "matches", "predictions", "log loss", "estimated"], bands, { unseen: true }))];
}
