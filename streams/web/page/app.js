// The page: which view is open, and what stands around it.
import { h, put, fill } from "./dom.js";
import { connect, follow, isConnected, partsOf, silence } from "./store.js";
import { standing } from "./fresh.js";
import { capital } from "./words.js";
import * as matches from "./matches.js";
import * as stream from "./stream.js";
import * as drift from "./drift.js";
import * as models from "./models.js";
import * as rollouts from "./rollouts.js";
import * as schemas from "./schemas.js";

const VIEWS = { matches, stream, drift, models, rollouts, schemas };
const TITLES = { rollouts: "Roll-outs" };
const DRAW_MS = 500;
const $ = (id) => document.getElementById(id);
let open = null;
let drawn = -DRAW_MS;
let waiting = false;

function wanted() {
  const name = location.hash.slice(1);
  return Object.hasOwn(VIEWS, name) ? name : null;
}

function show(name, byHand) {
  if (open === name) return;
  if (open) VIEWS[open].leave();
  open = name;
  $("view").replaceChildren();
  VIEWS[name].enter($("view"));
  const title = TITLES[name] || capital(name);
  put($("heading"), title);
  document.title = `${title} – Touchline`;
  for (const link of $("tabs").querySelectorAll("a")) {
    if (link.hash === "#" + name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (byHand) $("main").focus({ preventScroll: true });
  draw();
}

function draw() {
  waiting = false;
  VIEWS[open].draw();
  $("view").setAttribute("aria-busy", silence() === null); // until the first figures are drawn
  around();
}

function changed(names) {
  if (names.includes(open) && !waiting && !document.hidden) {
    waiting = true;
    const pause = Math.max(0, drawn + DRAW_MS - performance.now());
    drawn = performance.now() + pause;
    setTimeout(() => requestAnimationFrame(draw), pause);
  }
  if (names.includes("page") || names.length === 0) around();
}

function around() {
  const page = partsOf("page");
  const words = page.get("words") || { title: "", note: "", links: {} };
  const where = page.get("where");
  put($("title"), words.title);
  put($("note"), words.note);
  put($("where"), where ? `Brokers ${where.brokers}; registry ${where.registry}; topics ${where.topic_prefix}*` : "");
  fill($("links"), JSON.stringify(words.links), () => Object.entries(words.links).filter(([, url]) => /^https?:/.test(url))
    .map(([name, url]) => h("a", { href: url }, name)));
  const [current, sentences] = standing(open);
  document.body.classList.toggle("stale", !current);
  put($("state"), isConnected() ? (current ? "● Live" : "◐ Not current") : "○ Not connected");
  fill($("fresh"), sentences.join("\n"), () => sentences.map((one) => h("p", { class: current ? "current" : "warning" }, one)));
}

addEventListener("hashchange", () => { if (wanted()) show(wanted(), true); });
document.addEventListener("visibilitychange", () => { if (!document.hidden && open) draw(); });
setInterval(around, 1000);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { const name = open; VIEWS[name].leave(); open = null; show(name); });
follow(changed);
show(wanted() || "matches");
connect();
