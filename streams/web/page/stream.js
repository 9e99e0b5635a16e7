// Stream: how many records come, who is behind, how long predictions take, what was set aside, and who works.
import { h, again, fill, table } from "./dom.js";
import { partsLike, partsOf } from "./store.js";
import { lines } from "./charts.js";
import { applicationOf, members, nothing, shortTopic, stopped } from "./fresh.js";
import { clock, modelName, moment, ranges, rate, seconds, whole } from "./words.js";

const TOPICS = ["match-events", "feature-events", "predictions", "dead-letters"];
const PERCENTILES = ["p50", "p95", "p99"];
let boxes = {};
let charts = {};

const section = (id, title, ...more) => {
  boxes[id] = h("div");
  return h("section", { "aria-labelledby": "h-" + id, class: "panel" }, h("h2", { id: "h-" + id }, title), ...more, boxes[id]);
};

export function enter(root) {
  charts = { rate: lines("Records a second over time, by topic", TOPICS) };
  boxes = {};
  root.append(h("div", { class: "panels" },
    section("rate", "Records a second", charts.rate.node),
    section("lagchart", "Seconds behind, over time"),
    section("lag", "Seconds behind now, by group and partition"),
    section("latency", "Latency of predictions"),
    section("letters", "Dead letters"),
    section("workers", "Workers and their partitions"),
    section("rebalances", "Rebalances")));
}

export function leave() {
  for (const chart of Object.values(charts)) chart.end();
  charts = {};
}

/** Return the samples of the last hour, column by column. */
function samples(parts) {
  const found = { at: [], per_second: {}, lag_seconds: {} };
  for (const [, minute] of parts.filter(([name]) => name.startsWith("pace:")).sort((one, other) => Number(one[0].slice(5)) - Number(other[0].slice(5)))) {
    const before = found.at.length;
    found.at.push(...minute.at_ms.map((ms) => ms / 1000));
    for (const kind of ["per_second", "lag_seconds"]) {
      for (const [name, values] of Object.entries(minute[kind])) {
        found[kind][name] ??= Array(before).fill(null);
        found[kind][name].push(...values);
      }
    }
  }
  return found;
}

export function draw() {
  const parts = [...partsOf("stream")];
  const found = samples(parts);
  charts.rate.show(found.at, TOPICS.map((name) => found.per_second[name] || found.at.map(() => null)));
  fill(boxes.rate, String(Math.floor((found.at.at(-1) || 0) / 10)), () => {
    const places = found.at.map((_, place) => place).slice(-12).reverse();
    const rows = places.map((place) => [clock(1000 * found.at[place]), ...TOPICS.map((name) => rate((found.per_second[name] || [])[place]))]);
    return [h("p", { class: "small" }, "By how much the logs have grown, every two seconds. With exactly-once, each transaction adds one to the log of its topic."), again(boxes.rate, "The last samples as a table", table("Records a second, the last samples", ["at", ...TOPICS], rows, { unseen: true }))];
  });
  drawLagChart(found);
  drawLag();
  drawLatency();
  drawLetters();
  drawWorkers();
}

function drawLagChart(found) {
  const names = Object.keys(found.lag_seconds).filter((name) => isUsed(name)).sort();
  const key = names.join();
  if (boxes.lagchart.dataset.names !== key) {
    boxes.lagchart.dataset.names = key;
    charts.lag?.end();
    charts.lag = names.length ? lines("Seconds behind over time, the most of any partition, by group", names.map(applicationOf), { unit: " s" }) : null;
    boxes.lagchart.replaceChildren(charts.lag ? charts.lag.node : h("p", { class: "note" }, "No group has been at work yet. Start one with: touchline worker predict rate"));
    if (!charts.lag) delete charts.lag;
  }
  charts.lag?.show(found.at, names.map((name) => found.lag_seconds[name]));
}

/** Whether anybody works in a group, or ever did. */
function isUsed(group) {
  const lag = partsOf("stream").get("lag:" + group);
  const known = (partsOf("stream").get("workers")?.groups || []).find((one) => one.group === group);
  return (known && known.members.length > 0) || (lag?.partitions || []).some((one) => one.committed !== null);
}

function drawLag() {
  const lags = partsLike("stream", "lag").filter(([group]) => isUsed(group));
  fill(boxes.lag, JSON.stringify(lags.map(([, lag]) => lag)), () => {
    if (!lags.length) return [h("p", { class: "note" }, "No group has committed anything yet.")];
    const most = Math.max(...lags.flatMap(([, lag]) => lag.partitions.map((one) => one.partition)));
    const heads = ["group, topic", "records", ...Array(most + 1).fill(0).map((_, place) => String(place))];
    const rows = lags.flatMap(([group, lag]) => [...new Set(lag.partitions.map((one) => one.topic))].map((topic) => {
      const those = lag.partitions.filter((one) => one.topic === topic);
      const records = those.some((one) => one.records_behind === null) ? "unknown" : whole(those.reduce((sum, one) => sum + one.records_behind, 0));
      return [`${applicationOf(group)}, ${shortTopic(topic)}`, records, ...heads.slice(2).map((_, place) => lagCell(those.find((one) => one.partition === place)))];
    }));
    return [table("Seconds behind, by partition; the age of the oldest record not committed yet", heads, rows)];
  });
}

function lagCell(one) {
  if (!one) return "";
  if (!one.known) return h("span", { class: "bad" }, "unknown");
  return one.seconds_behind > 0 ? h("span", { class: one.seconds_behind > 10 ? "bad" : "some" }, one.seconds_behind.toFixed(1)) : "0";
}

function drawLatency() {
  const windows = partsLike("stream", "latency").map(([, part]) => part).sort((one, other) => one.window_start_ms - other.window_start_ms);
  const newest = windows.at(-1);
  const same = newest ? windows.filter((one) => modelName(one.model) === modelName(newest.model)) : [];
  if (newest && !charts.latency) charts.latency = lines("Latency from the event's record to the prediction, over time, by percentile", PERCENTILES, { unit: " ms" });
  const total = (one) => one.stages.find((stage) => stage.stage === "total") || {};
  fill(boxes.latency, JSON.stringify([same, members("monitor")]), () => {
    if (!newest) return [nothing("window of latencies", "monitor", "monitor", "The first comes with the first prediction that a monitor counts.")];
    const stages = newest.stages.map((one) => [one.stage, whole(one.count), ...["p50", "p90", "p95", "p99", "p999"].map((name) => seconds(one[name]))]);
    const past = same.slice(-12).reverse().map((one) => [`${clock(one.window_start_ms)}–${clock(one.window_end_ms)}${one.closed ? "" : ", open"}`, whole(total(one).count), ...PERCENTILES.map((name) => seconds(total(one)[name]))]);
    return [stopped("monitor", "monitor"), h("p", null, `${modelName(newest.model)}; windows of ${whole((newest.window_end_ms - newest.window_start_ms) / 1000)} s by the timestamps of the events' records, counted by the monitors. The newest is ${newest.closed ? "closed" : "still open"}.`),
      charts.latency.node, table(`By stage, window from ${moment(newest.window_start_ms)}`, ["stage", "n", "p50", "p90", "p95", "p99", "p99.9"], stages),
      again(boxes.latency, "The last windows as a table", table("Total latency of the last windows", ["window", "n", ...PERCENTILES], past, { unseen: true }))].filter(Boolean);
  });
  const ms = (value) => (value === null || value === undefined ? null : 1000 * value);
  if (newest) charts.latency.show(same.map((one) => one.window_start_ms / 1000), PERCENTILES.map((name) => same.map((one) => ms(total(one)[name]))));
}

function drawLetters() {
  const letters = partsOf("stream").get("letters"), last = partsOf("stream").get("last_letters") || [], source = partsOf("stream").get("source:dead-letters");
  fill(boxes.letters, JSON.stringify([letters, last, source?.since_ms]), () => {
    if (!letters || !source) return [];
    const since = `Since ${moment(source.since_ms)}`;
    if (letters.total === 0) return [h("p", { class: "note" }, `${since} no record has been set aside.`)];
    const rows = letters.causes.map((one) => [one.cause, whole(one.count), one.means]);
    return [h("p", null, `${since}: ${whole(letters.total)} records set aside, ${whole(letters.replayed)} of all replayed. Look at one with: touchline dead-letters show PLACE`),
      table("Dead letters by cause", ["cause", "records", "what it means"], rows, { text: [2] }),
      again(boxes.letters, "The last ones", table("The last dead letters, newest first", ["place", "when", "cause", "from", "why"], last.map((one) => [one.place, moment(one.at_ms), one.cause, one.source, one.reason]), { text: [1, 2, 3, 4], unseen: true }))];
  });
}

function drawWorkers() {
  const workers = partsOf("stream").get("workers"), changes = partsOf("stream").get("rebalances") || [];
  if (!workers) return;
  fill(boxes.workers, JSON.stringify(workers.groups), () => {
    const rows = workers.groups.flatMap((group) => {
      const state = group.state === null ? "not told" : group.state === "DEAD" ? "never used" : group.state.toLowerCase().replaceAll("_", " ");
      if (!group.members.length) return [[group.group, state, "nobody", "", ""]];
      return group.members.map((member) => [group.group, state, member.name, member.host, Object.entries(member.partitions).map(([topic, numbers]) => `${shortTopic(topic)} ${ranges(numbers)}`).join("; ") || "none"]);
    });
    return [table("Members of the groups, as the brokers tell", ["group", "state", "member", "host", "partitions"], rows, { text: [1, 2, 3, 4] })];
  });
  fill(boxes.rebalances, JSON.stringify(changes), () => changes.length
    ? [table("Changes of who works on what, newest first", ["seen at", "group", "members before", "after"], changes.map((one) => [moment(one.at_ms), applicationOf(one.group), one.before, one.after]), { text: [1] })]
    : [h("p", { class: "note" }, "None has been seen since this page is served. Groups are looked at every two seconds.")]);
}
