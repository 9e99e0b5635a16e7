// The confidence sequence of a roll-out: by how much the challenger is worse, with its bounds, over the matches.
import { h, s } from "./dom.js";
import { axis, colour, fitted } from "./charts.js";
import { signed } from "./words.js";

const uPlot = globalThis.uPlot;
const HEIGHT = 320;
const LINES = [
  { name: "upper bound", line: "line-0", width: 1.25, dash: [] },
  { name: "lower bound", line: "line-0", width: 1.25, dash: [] },
  { name: "mean", line: "line-0", width: 2.5, dash: [] },
  { name: "margin of the step", line: "line-1", width: 2, dash: [8, 4] },
  { name: "zero", line: "line-6", width: 1.25, dash: [2, 3] },
];

/** Of windows which end with as many matches the last; those without a result have no difference. */
function byMatches(windows) {
  const found = new Map();
  for (const { difference } of windows) if (difference) found.set(difference.matches, difference);
  return [...found.values()].sort((one, other) => one.matches - other.matches);
}

/** Return {node, show(windows), end()}; bounds over few matches may lie beyond the chart. */
export function sequence() {
  const place = h("div", { class: "chart", role: "img" });
  const values = LINES.map(() => h("span", { class: "value" }));
  const legend = h("ul", { class: "legend" }, LINES.map(({ name, line, width, dash }, number) => h("li", null,
    s("svg", { width: 28, height: 10, "aria-hidden": "true" }, s("line", { x1: 0, y1: 5, x2: 28, y2: 5, class: line, "stroke-width": width, "stroke-dasharray": dash.join(" ") })),
    h("span", null, name), values[number])));
  let chart = null;
  let reach = 0.01;
  let stop = () => {};
  const make = (data) => {
    chart = new uPlot({
      width: Math.max(200, Math.floor(place.clientWidth)), height: HEIGHT, legend: { show: false }, cursor: { show: false }, padding: [8, 14, 0, 0],
      scales: { x: { time: false, range: (_, low, high) => [0, Math.max(high, 1)] }, y: { range: () => [-reach, reach] } },
      axes: [axis({ space: 60, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 50000], label: "matches with a result", labelSize: 22, labelFont: "12px system-ui, sans-serif" }),
        axis({ size: 66, values: (_, ticks) => ticks.map((tick) => signed(tick, 3)) })],
      bands: [{ series: [1, 2], fill: colour("line-0") + "26" }],
      series: [{}, ...LINES.map(({ name, line, width, dash }) => ({ label: name, stroke: colour(line), width, dash, points: { show: data[0].length < 3 }, ...(name === "margin of the step" ? { paths: uPlot.paths.stepped({ align: -1 }) } : {}) }))],
    }, data, place);
    stop = fitted(chart, place, HEIGHT);
  };
  return {
    node: h("div", null, place, legend),
    show(windows) {
      const points = byMatches(windows), last = points.at(-1);
      if (!last) return;
      reach = 1.6 * Math.max(...points.slice(-2).flatMap((one) => [Math.abs(one.lower), Math.abs(one.upper)]), ...points.map((one) => one.margin));
      const data = [points.map((one) => one.matches), ...["upper", "lower", "mean", "margin"].map((name) => points.map((one) => one[name])), points.map(() => 0)];
      if (chart === null || (points.length < 3) !== (chart.data[0].length < 3)) { stop(); make(data); } else chart.setData(data);
      [last.upper, last.lower, last.mean, last.margin].forEach((value, number) => { values[number].textContent = signed(value); });
      place.setAttribute("aria-label", `Log loss of the challenger less that of the champion, over ${points.length} windows. After ${last.matches} matches it is ${signed(last.mean)} nats, surely between ${signed(last.lower)} and ${signed(last.upper)}; the margin is ${signed(last.margin)}.`);
    },
    end() { stop(); },
  };
}
