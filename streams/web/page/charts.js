// Charts: lines and areas by uPlot, a few small ones as SVG. Each has its text beside it: none is the only way to a number.
import { h, s } from "./dom.js";
import { clock, day } from "./words.js";

const uPlot = globalThis.uPlot;
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 5], [1, 5], [12, 4, 4, 4]];

const palette = new Map();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => palette.clear());

/** Return a colour of the page's palette, as it is in the present theme. */
export function colour(name) {
  if (!palette.has(name)) palette.set(name, getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim());
  return palette.get(name);
}
const hue = (place) => colour("line-" + (place % 7));
/** Return an axis of uPlot in the present theme. */
export const axis = (more) => ({ stroke: colour("soft"), grid: { stroke: colour("grid"), width: 1 }, ticks: { stroke: colour("grid"), width: 1 }, font: "12px system-ui, sans-serif", ...more });

/** Keep a chart as wide as its place; return what ends it. */
export function fitted(chart, place, height) {
  const observer = new ResizeObserver(() => {
    const width = Math.floor(place.clientWidth);
    if (width > 0 && width !== chart.width) chart.setSize({ width, height });
  });
  observer.observe(place);
  return () => { observer.disconnect(); chart.destroy(); };
}

/** Return {node, show(x, columns), end()}: lines over time; a value that is null leaves a gap. */
export function lines(label, names, { unit = "", height = 200, digits = 1, least = 1, days = false } = {}) {
  const place = h("div", { class: "chart", role: "img", "aria-label": label });
  const values = names.map(() => h("span", { class: "value" }, "–"));
  const legend = h("ul", { class: "legend" }, names.map((name, number) => {
    const swatch = s("svg", { width: 28, height: 10, "aria-hidden": "true" },
      s("line", { x1: 0, y1: 5, x2: 28, y2: 5, class: "line-" + (number % 7), "stroke-width": 2.5, "stroke-dasharray": DASHES[number % 7].join(" ") }));
    return h("li", null, swatch, h("span", null, name), values[number]);
  }));
  const node = h("div", null, place, legend);
  let chart = null;
  let stop = () => {};
  const format = (value) => (value === null || value === undefined ? "not known" : value.toLocaleString("en", { maximumFractionDigits: digits }) + unit);
  const make = (data) => {
    chart = new uPlot({
      width: Math.max(200, Math.floor(place.clientWidth)), height, legend: { show: false }, cursor: { show: false }, tzDate: (at) => uPlot.tzDate(new Date(1000 * at), "Etc/UTC"),
      scales: { x: { time: true, range: (_, low, high) => [low, Math.max(high, low + 60)] }, y: { range: (_, low, high) => [0, Math.max(high * 1.1, least)] } },
      axes: [axis({ space: 80, ...(days ? { incrs: [1, 2, 7, 14].map((one) => 86400 * one) } : {}), values: (_, ticks) => ticks.map((tick) => (days ? day(1000 * tick).slice(5) : clock(1000 * tick))) }), axis({ size: 78, values: (_, ticks) => ticks.map((tick) => tick.toLocaleString("en", { maximumSignificantDigits: 3 }) + unit) })],
      series: [{}, ...names.map((name, number) => ({ label: name, stroke: hue(number), width: 2, dash: DASHES[number % 7], spanGaps: false, points: { show: data[0].length < 3 } }))],
    }, data, place);
    stop = fitted(chart, place, height);
  };
  return {
    node,
    show(x, columns) {
      const data = [x, ...columns];
      if (chart === null || (x.length < 3) !== (chart.data[0].length < 3)) { stop(); make(data); } else chart.setData(data);
      columns.forEach((column, number) => { values[number].textContent = format(column[column.length - 1]); });
    },
    end() { stop(); },
  };
}

const LETTERS = { GOAL: "G", PENALTY_GOAL: "P", OWN_GOAL: "O", YELLOW_CARD: "Y", RED_CARD: "R" };

function drawMarks(chart, marks) {
  const { ctx, bbox } = chart;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.font = `bold ${10 * ratio}px system-ui, sans-serif`;
  for (const mark of marks) {
    const x = chart.valToPos(mark.minute, "x", true);
    const y = mark.side === "AWAY" ? bbox.top + 9 * ratio : bbox.top + bbox.height - 9 * ratio;
    const goal = mark.kind.endsWith("GOAL");
    ctx.strokeStyle = colour("text");
    ctx.fillStyle = goal ? colour("card") : mark.kind === "RED_CARD" ? "#b3123c" : "#f5d327";
    ctx.lineWidth = 1.5 * ratio;
    ctx.beginPath();
    if (goal) {
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.beginPath();
      ctx.arc(x, y, 8 * ratio, 0, 2 * Math.PI);
    } else ctx.rect(x - 5 * ratio, y - 7 * ratio, 10 * ratio, 14 * ratio);
    ctx.fill();
    ctx.stroke();
    ctx.fillStyle = goal ? colour("text") : mark.kind === "RED_CARD" ? "#ffffff" : "#1c1c1c";
    ctx.fillText(LETTERS[mark.kind], x, y + 0.5 * ratio);
  }
  ctx.restore();
}

function drawNames(chart) {
  const { ctx, bbox, data } = chart;
  const ratio = devicePixelRatio;
  const last = data[0].length - 1;
  if (last < 0 || chart.valToPos(data[0][last], "x", true) - bbox.left < 50 * ratio) return;
  ctx.save();
  ctx.font = `600 ${11 * ratio}px system-ui, sans-serif`;
  ctx.fillStyle = colour("on-area");
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  const edges = [0, data[3][0], data[2][0], 1];
  ["home", "draw", "away"].forEach((name, place) => {
    const [low, high] = [edges[place], edges[place + 1]];
    if (high - low > 0.11) ctx.fillText(name, bbox.left + 6 * ratio, chart.valToPos((low + high) / 2, "y", true));
  });
  ctx.restore();
}

/** Return {node, show(points, marks, label), end()}: probabilities by minute as areas, home below, away above; drawn while it can be seen. */
export function areas(height = 150) {
  const place = h("div", { class: "chart", role: "img" });
  let chart = null;
  let marks = [];
  let data = null;
  let seen = false;
  let stop = () => {};
  const paint = () => {
    if (!seen || data === null) return;
    if (chart === null) make(); else if (chart.data !== data) chart.setData(data);
  };
  const observer = new IntersectionObserver((entries) => { seen = entries.at(-1).isIntersecting; paint(); }, { rootMargin: "200px" });
  observer.observe(place);
  const make = () => {
    const series = (name) => ({ label: name, stroke: colour("card"), width: 1, fill: colour(name), points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }) });
    chart = new uPlot({
      width: Math.max(200, Math.floor(place.clientWidth)), height, legend: { show: false }, cursor: { show: false }, padding: [6, 6, 0, 0],
      scales: { x: { time: false, range: (_, low, high) => [Math.min(low, 0), Math.max(high, 90)] }, y: { range: [0, 1] } },
      axes: [axis({ size: 28, space: 40, incrs: [15, 30, 45], values: (_, ticks) => ticks.map((tick) => tick + "'") }),
        axis({ size: 54, incrs: [0.5], values: (_, ticks) => ticks.map((tick) => Math.round(100 * tick) + " %") })],
      series: [{}, series("away"), series("draw"), series("home")], // each one covers the one before it from below
      hooks: { draw: [(self) => { drawNames(self); drawMarks(self, marks); }] },
    }, data, place);
    stop = fitted(chart, place, height);
  };
  return {
    node: place,
    show(points, shownMarks, label) {
      marks = shownMarks;
      place.setAttribute("aria-label", label);
      const until = points.length ? Math.max(points[points.length - 1][0], 0) : 0;
      const all = points.length ? [...points, [until + 1, ...points[points.length - 1].slice(1)]] : []; // the last step has a width
      data = [all.map((one) => one[0]), all.map(() => 1), all.map((one) => one[1] + one[2]), all.map((one) => one[1])];
      paint();
    },
    end() { observer.disconnect(); stop(); },
  };
}

/** Return an SVG of two histograms side by side: shares by bin, the reference hatched. */
export function pairedBars(label, names, reference, current) {
  const width = 640, height = 220, left = 44, bottom = 52, top = 8;
  const most = Math.max(...reference, ...current, 0.01);
  const step = (width - left) / names.length;
  const y = (share) => top + (height - top - bottom) * (1 - share / most);
  const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, class: "bars" });
  const hatch = s("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, s("rect", { width: 6, height: 6, class: "reference-back" }), s("line", { x1: 0, y1: 0, x2: 0, y2: 6, class: "reference-line" }));
  svg.append(s("defs", {}, hatch));
  for (const share of [0, most / 2, most]) {
    const text = s("text", { x: left - 6, y: y(share) + 4, "text-anchor": "end" });
    text.textContent = Math.round(100 * share) + " %";
    svg.append(s("line", { x1: left, x2: width, y1: y(share), y2: y(share), class: "grid" }), text);
  }
  names.forEach((name, place) => {
    const at = left + place * step;
    svg.append(
      s("rect", { x: at + step * 0.08, y: y(reference[place]), width: step * 0.4, height: y(0) - y(reference[place]), fill: "url(#hatch)", class: "outline" }),
      s("rect", { x: at + step * 0.52, y: y(current[place]), width: step * 0.4, height: y(0) - y(current[place]), class: "current-bar" }));
    const text = s("text", { x: at + step / 2, y: height - bottom + 14, "text-anchor": "end", transform: `rotate(-28 ${at + step / 2} ${height - bottom + 14})` });
    text.textContent = name.replace(/^.+ to /, "to "); // there is no room for both edges
    svg.append(text);
  });
  return svg;
}

/** Return an SVG of reliability: what was forecast against how often it came, with intervals, by class. */
export function reliability(label, byClass) {
  const size = 320, left = 40, bottom = 36, top = 8;
  const x = (share) => left + (size - left - 22) * share;
  const y = (share) => top + (size - top - bottom) * (1 - share);
  const svg = s("svg", { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": label, class: "reliability" });
  for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
    const below = s("text", { x: x(tick), y: size - bottom + 16, "text-anchor": "middle" }), beside = s("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" });
    below.textContent = beside.textContent = Math.round(100 * tick) + " %";
    svg.append(s("line", { x1: x(tick), x2: x(tick), y1: y(0), y2: y(1), class: "grid" }), s("line", { x1: x(0), x2: x(1), y1: y(tick), y2: y(tick), class: "grid" }), below, beside);
  }
  svg.append(s("line", { x1: x(0), y1: y(0), x2: x(1), y2: y(1), class: "ideal" }));
  Object.entries(byClass).forEach(([name, bins]) => {
    for (const bin of bins) {
      svg.append(s("line", { x1: x(bin.forecast), x2: x(bin.forecast), y1: y(bin.low), y2: y(bin.high), class: "whisker " + name }));
      svg.append(symbol(name, x(bin.forecast), y(bin.frequency)));
    }
  });
  return svg;
}

/** Return the mark of a class: a circle for home, a square for draw, a triangle for away. */
export function symbol(name, x, y) {
  if (name === "home") return s("circle", { cx: x, cy: y, r: 5, class: "point home" });
  if (name === "draw") return s("rect", { x: x - 4.5, y: y - 4.5, width: 9, height: 9, class: "point draw" });
  return s("path", { d: `M${x} ${y - 6}L${x + 5.5} ${y + 4.5}L${x - 5.5} ${y + 4.5}Z`, class: "point away" });
}
