// Matches: how likely each result is and how that came, the biggest swings first.
import { h, put, arrange, fill, table } from "./dom.js";
import { now as serverTime, partsOf } from "./store.js";
import { areas } from "./charts.js";
import { age, moment, percent } from "./words.js";

const SORT_MS = 5000;
const CLASSES = ["home", "draw", "away"];
const KINDS = { GOAL: "goal", OWN_GOAL: "own goal", PENALTY_GOAL: "penalty goal", YELLOW_CARD: "yellow card", RED_CARD: "red card" };
const KEY = "Areas: home below, draw between, away above. Marks of the home side stand below, of the away side above: G goal, P penalty goal, O own goal, Y yellow card, R red card.";

let list = null;
let none = null;
let newest = null;
let cards = new Map();
let order = [];
let sorted = 0;
let known = new Map();

export function enter(place) {
  list = h("ul", { class: "cards", id: "matches" });
  none = h("p", { class: "note" }, "There is no match yet. One is shown from its first prediction on.");
  newest = h("p", { class: "small" });
  place.append(h("p", { class: "key" }, KEY), newest, none, list);
  order = [];
}

export function leave() {
  for (const card of cards.values()) card.chart.end();
  cards = new Map();
}

function courseOf(id, parts) {
  const chunks = [];
  for (const [name, points] of parts) {
    if (!name.startsWith("course:")) continue;
    const [, number] = name.split(":", 2);
    if (name.slice(`course:${number}:`.length) === id) chunks.push([Number(number), points]);
  }
  return chunks.sort((one, other) => one[0] - other[0]).flatMap(([, points]) => points);
}

export function draw() {
  const parts = partsOf("matches");
  const wanted = parts.get("order") || [];
  const shown = new Set(wanted);
  for (const [id, card] of cards) if (!shown.has(id)) { card.chart.end(); cards.delete(id); }
  if (performance.now() - sorted > SORT_MS || order.length !== wanted.length || order.some((id) => !shown.has(id))) {
    order = wanted;
    sorted = performance.now();
  }
  none.hidden = order.length > 0;
  const last = Math.max(...order.map((id) => parts.get("match:" + id)?.prediction.predicted_at_ms || 0));
  put(newest, order.length ? `The newest of these predictions was scored at ${moment(last)}, ${age(serverTime() - last)} ago.` : "");
  for (const id of order) if (!cards.has(id)) cards.set(id, makeCard());
  arrange(list, order.map((id) => cards.get(id).node)); // first into the page, so that charts know their width
  for (const id of order) showMatch(id, parts);
  tellGoals(order, parts);
}

function makeCard() {
  const teams = h("h2", { class: "teams" }), score = h("p", { class: "score" }), clock = h("p", { class: "clock" }), swing = h("p", { class: "swing" }), competition = h("p", { class: "competition" });
  const shares = Object.fromEntries(CLASSES.map((name) => [name, h("dd", { class: "share" })]));
  const chances = h("dl", { class: "chances" }, CLASSES.map((name) => h("div", { class: name }, h("dt", null, name), shares[name])));
  const chart = areas();
  const body = h("div");
  const marks = h("p", { class: "marks" });
  const details = h("details", { on: { toggle: () => { delete body.dataset.shown; draw(); } } }, h("summary", null, "As text"), body);
  const node = h("li", null, h("article", null, h("div", { class: "head" }, teams, score), h("div", { class: "head sub" }, competition, clock), chances, chart.node, marks, h("div", { class: "head" }, swing, details)));
  return { node, teams, score, clock, swing, competition, shares, chart, marks, details, body, drawn: "" };
}

function showMatch(id, parts) {
  const card = cards.get(id), match = parts.get("match:" + id), marks = parts.get("marks:" + id) || [];
  if (!match) return;
  const now = match.prediction, points = courseOf(id, parts);
  const [home, away] = [match.home_team || "home", match.away_team || "away"];
  const title = match.home_team ? `${home} – ${away}` : id;
  put(card.teams, title);
  put(card.score, now.minute < 0 ? "" : `${now.home_score} : ${now.away_score}`);
  put(card.competition, match.competition || "");
  put(card.clock, match.over ? "over" : now.minute < 0 ? "before kick-off" : `${now.minute}'`);
  card.node.dataset.match = id;
  for (const name of CLASSES) put(card.shares[name], percent(now[name], 1));
  put(card.swing, `Swing ${percent(match.swing, 1)}`);
  const told = marks.map((mark) => `${mark.minute}' ${KINDS[mark.kind]} ${mark.side === "HOME" ? home : mark.side === "AWAY" ? away : ""}`.trim());
  put(card.marks, told.length ? told.slice(-3).join("; ") : "");
  const drawn = JSON.stringify([points, marks]);
  if (card.drawn !== drawn) {
    card.drawn = drawn;
    const first = points[0] || [0, now.home, now.draw, now.away];
    card.chart.show(points, marks, `Course of ${title}. At first home ${percent(first[1])}, draw ${percent(first[2])}, away ${percent(first[3])}; now home ${percent(now.home)}, draw ${percent(now.draw)}, away ${percent(now.away)}. ${told.join(". ")}`);
  }
  if (card.details.open) fill(card.body, drawn, () => [h("p", null, told.length ? told.join("; ") : "No goal and no card."), asTable(title, points)]);
}

function asTable(title, points) {
  const rows = points.filter((one, place) => place === points.length - 1 || Math.floor(points[place + 1][0] / 5) > Math.floor(one[0] / 5));
  return table(`${title}: probabilities every five minutes`, ["minute", ...CLASSES], rows.map(([minute, ...chances]) => [minute < 0 ? "before" : minute + "'", ...chances.map((one) => percent(one, 1))]), { unseen: true });
}

/** Tell a screen reader of goals as they come, and of none that were there before. */
function tellGoals(ids, parts) {
  const heard = known.size > 0;
  const said = [];
  for (const id of ids) {
    const now = parts.get("match:" + id)?.prediction, match = parts.get("match:" + id);
    if (!now) continue;
    const score = `${now.home_score} : ${now.away_score}`;
    if (heard && known.has(id) && known.get(id) !== score) said.push(`${match.home_team || id} ${score} ${match.away_team || ""}, minute ${now.minute}`);
    known.set(id, score);
  }
  for (const id of known.keys()) if (!ids.includes(id)) known.delete(id);
  if (said.length) put(document.getElementById("news"), said.join("; "));
}
