// Roll-outs: the plan's steps, what each check found, and by how much the challenger is worse, with bounds.
import { h, again, fill, put, table } from "./dom.js";
import { partsLike, partsOf } from "./store.js";
import { sequence } from "./sequence.js";
import { moment, short, signed, whole } from "./words.js";

const STATES = { PASSED: "✓ passed", RUNNING: "● now", HELD: "‖ held: a person has to say whether it goes on", PROMOTED: "✓ passed", ROLLED_BACK: "✗ rolled back", TO_COME: "○ to come" };
const STATUS = { RUNNING: "goes on", HELD: "held", PROMOTED: "promoted", ROLLED_BACK: "rolled back" };
const VERDICTS = { SUCCESS: "✓ success", FAILURE: "✗ failure", INCONCLUSIVE: "? inconclusive" };
const SHOWN = 20;
let boxes = {};
let chart = null;
let told = null; // where it stood, so that a screen reader hears of changes

export function enter(root) {
  const panel = (name, title) => h("section", { class: "panel", "aria-labelledby": "h-" + name }, h("h2", { id: "h-" + name }, title), boxes[name] = h("div"));
  root.append(
    panel("standing", "Where it stands"),
    h("div", { class: "beside" }, panel("sequence", "Difference in log loss"), panel("checks", "Checks of the last window")));
}

export function leave() {
  chart?.end();
  chart = null;
  told = null;
}

export function draw() {
  const parts = partsOf("rollouts"), standing = parts.get("standing"), last = parts.get("last"), judged = parts.get("judged");
  if (!judged) return;
  const windows = partsLike("rollouts", "sequence").flatMap(([, chunk]) => chunk);
  boxes.sequence.parentNode.hidden = boxes.checks.parentNode.hidden = !standing;
  fill(boxes.standing, JSON.stringify([standing, last, judged.as_of_ms === null]), () => (standing ? whereItStands(standing, last) : none(judged)));
  if (!standing) return;
  fill(boxes.checks, JSON.stringify([last, windows.length]), () => checks(last));
  drawSequence(windows);
  tell(standing, last);
}

function none(judged) {
  if (judged.as_of_ms === null) return [h("p", { class: "note" }, "It is being read what is tried.")];
  return [h("p", { class: "note" }, "No challenger is tried now. Begin with: touchline rollout start CHALLENGER --why WHY. What was tried before stands in the changes of the view Models.")];
}

function whereItStands(standing, last) {
  const difference = last?.difference;
  const step = standing.steps.find((one) => one.matches !== null);
  const entries = [["status", STATUS[standing.status]], ["step", step.step], ["matches with a result", whole(difference?.matches ?? 0)], ["difference, nats", signed(difference?.mean)],
    ["surely between", difference ? `${signed(difference.lower)} and ${signed(difference.upper)}` : "–"], ["margin of that step", difference ? signed(difference.margin) : "–"], ["judged up to", moment(standing.until_ms)]];
  const of = (value, least, digits) => (value === null ? least.toLocaleString("en") : `${value.toLocaleString("en", { maximumFractionDigits: digits })} of ${least.toLocaleString("en")}`);
  const rows = standing.steps.map((one) => [one.step, STATES[one.state], of(one.matches, one.min_matches, 0), of(one.hours, one.min_hours, 3), one.max_hours.toLocaleString("en"), signed(one.margin)]);
  return [
    h("p", null, h("strong", null, `${short(standing.challenger)} beside ${short(standing.champion)} of ${standing.model}, since ${moment(standing.since_ms)}`)),
    h("p", { class: standing.status === "HELD" || standing.status === "ROLLED_BACK" ? "warning" : null }, last ? last.why : "The first window has not ended."),
    h("dl", { class: "figures" }, entries.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value)))),
    h("p", { class: "small" }, `Judged by the plan with which this page was started, a window of ${standing.window_hours.toLocaleString("en")} h after the other, as touchline rollout status does with the same plan. The page asks for nothing: touchline rollout start does.`),
    table("Steps of the plan", ["step", "where it is", "matches", "hours", "held after, h", "worse by less than, nats"], rows, { text: [1] }),
  ];
}

function checks(last) {
  if (!last) return [h("p", { class: "note" }, "The first window has not ended.")];
  return [
    h("p", { class: "small" }, `Window up to ${moment(last.until_ms)}, judged in ${last.step}: ${VERDICTS[last.verdict]}.`),
    table("What each check found", ["check", "verdict", "why"], last.checks.map((one) => [one.name, VERDICTS[one.verdict] + (one.dry_run ? ", decides nothing" : ""), one.why]), { text: [1, 2] }),
  ];
}

function drawSequence(windows) {
  const known = windows.filter((one) => one.difference);
  fill(boxes.sequence, JSON.stringify([windows.length, windows.at(-1)]), () => {
    if (!known.length) return [h("p", { class: "note" }, "No match has a result yet.")];
    chart ||= sequence();
    const rows = known.slice(-SHOWN).reverse().map(({ until_ms, step, verdict, difference }) => [moment(until_ms), step, VERDICTS[verdict], whole(difference.matches), signed(difference.mean), signed(difference.lower), signed(difference.upper), signed(difference.margin)]);
    return [
      h("p", { class: "small" }, "Challenger's log loss less the champion's, a match once, in nats: above zero the challenger is worse. Both bounds hold at all times at once; below the margin the step is passed, and surely above zero it fails. Bounds over the first matches may lie beyond the chart."),
      chart.node,
      again(boxes.sequence, "The last windows as a table", table("Difference after each window", ["window up to", "step", "verdict", "matches", "mean", "lower", "upper", "margin"], rows, { text: [1, 2], unseen: true })),
    ];
  });
  if (known.length) chart.show(known);
}

/** Tell a screen reader when the step or the status changes, and nothing that was there before. */
function tell(standing, last) {
  const now = JSON.stringify([standing.since_ms, standing.status, standing.steps.map((one) => one.state)]);
  if (told !== null && told !== now && last) put(document.getElementById("news"), last.why.split(";")[0]);
  told = now;
}
