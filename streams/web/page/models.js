// Models: which serve and who changed that, and how good their predictions were against how good they should have been.
import { h, s, again, fill, table } from "./dom.js";
import { partsLike, partsOf } from "./store.js";
import { lines, reliability, symbol } from "./charts.js";
import { members, nothing, stopped } from "./fresh.js";
import { capital, day, figure, modelName, moment, percent, ranges, short, whole } from "./words.js";

const CHANGES = 10; // the others are opened
let serving = null;
let changes = null;
let live = null;
let quality = null;
let charts = new Map();

export function enter(root) {
  const section = (name, title, box) => h("section", { class: "panel", "aria-labelledby": "h-" + name }, h("h2", { id: "h-" + name }, title), box);
  serving = h("div");
  changes = h("div");
  live = h("div");
  quality = h("div", { class: "panels" });
  root.append(h("div", { class: "stack" }, section("serving", "What is served", serving), section("changes", "Changes of what is served", changes), section("live", "Who predicts", live)), quality);
}

export function leave() {
  for (const chart of charts.values()) chart.end();
  charts = new Map();
}

export function draw() {
  drawServing();
  drawChanges();
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

function drawServing() {
  const now = partsOf("models").get("serving");
  if (!now) return;
  fill(serving, JSON.stringify([now, members("predict")]), () => {
    const share = !now.challenger ? "–" : now.canary_share ? percent(now.canary_share, now.canary_share < 0.01 ? 2 : 0) : now.shadow ? "none: it scores in the shadow" : "none";
    const follow = now.workers.length === 0 ? "no worker has said" : now.done ? "every partition" : "not every partition";
    const entries = [["champion", short(now.champion)], ["challenger", short(now.challenger)], ["its share of kick-offs", share], ["change", whole(now.revision)], ["carried out by", follow]];
    const said = (title, workers) => table(title, ["worker", "model", "bundle", "change", "partitions", "said at", "refuses"], workers.map((one) => [one.worker, `${one.model} ${one.version}`, short(one.bundle), one.revision, ranges(one.partitions) || "none", moment(one.at_ms), one.refused || "no"]), { text: [1, 2, 4, 5, 6] });
    return [stopped("predict", "predict"),
      h("p", null, h("strong", null, now.said ? `Change ${now.revision} of ${now.model}: ${now.said}.` : `No change of ${now.model} has been asked for: each worker serves the bundle of its settings.`)),
      ...[...new Set([...now.workers, ...now.shadow_workers].map((one) => one.refused).filter(Boolean))].map((one) => h("p", { class: "warning" }, `Refused: ${one}`)),
      now.workers.length && now.missing_partitions.length ? h("p", { class: "warning" }, `No worker has said that it serves the partitions ${ranges(now.missing_partitions)}.`) : null,
      h("dl", { class: "figures" }, entries.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value)))),
      now.workers.length ? said("What workers said last of what they serve", now.workers) : h("p", { class: "note" }, "No worker has said what it serves within a week. Start one with: touchline worker predict"),
      now.shadow_workers.length ? said("What shadow workers said last", now.shadow_workers) : null].filter(Boolean);
  });
}

function drawChanges() {
  const found = partsOf("models").get("changes");
  if (!found) return;
  fill(changes, JSON.stringify(found), () => {
    if (!found.length) return [h("p", { class: "note" }, "None was asked for. Ask with: touchline model promote, or touchline rollout start")];
    const row = (one) => one.action === undefined ? ["?", "", "", "", "", "", "", "", `none: ${one.void}`]
      : [one.revision, moment(one.at_ms), one.action.toLowerCase() + (one.running ? " running" : ""), short(one.champion), short(one.challenger), one.canary_share ? percent(one.canary_share, 1) : "–", one.by, one.why, one.void === null ? "yes" : `none: ${one.void}`];
    const shown = (title, those) => table(title, ["change", "when", "what", "champion", "challenger", "share", "by", "why", "effect"], those.map(row), { text: [1, 2, 3, 4, 6, 7, 8] });
    return [shown("The last changes, newest first", found.slice(0, CHANGES)), found.length > CHANGES ? again(changes, "Those before", shown("Changes before them, up to the last fifty", found.slice(CHANGES))) : null].filter(Boolean);
  });
}

function drawLive() {
  const seen = partsOf("models").get("seen"), source = partsOf("models").get("source:predictions");
  if (!seen || !source) return;
  fill(live, JSON.stringify([seen, source.since_ms]), () => {
    if (!seen.length) return [h("p", { class: "note" }, `No prediction has come since ${moment(source.since_ms)}.`)];
    const rows = seen.map((one) => [`${one.model.model} ${one.model.version}`, one.model.variant.toLowerCase(), short(one.model.digest), whole(one.predictions), moment(one.scored_at_ms)]);
    return [table(`Models by the predictions since ${moment(source.since_ms)}`, ["model", "used as", "bundle", "predictions", "last scored"], rows, { text: [1, 2, 4] })];
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
