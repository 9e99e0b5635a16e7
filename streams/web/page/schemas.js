// Schemas: what is registered, in which version producers write now, and what was refused.
import { h, fill, table } from "./dom.js";
import { partsLike, partsOf } from "./store.js";
import { shortTopic } from "./fresh.js";
import { moment, whole } from "./words.js";

let body = null;

export function enter(root) {
  body = h("div");
  root.append(h("section", { class: "panel", "aria-label": "Subjects" }, body));
}

export function leave() {}

export function draw() {
  const parts = partsOf("schemas");
  const subjects = partsLike("schemas", "subject"), registry = parts.get("registry"), read = parts.get("read"), letters = parts.get("source:dead-letters");
  if (!registry || !letters) return;
  fill(body, JSON.stringify([subjects, registry.problem, registry.as_of_ms === null, read.problem, read.as_of_ms === null, letters.since_ms]), () => [
    h("p", null, `Registry ${registry.url}: ${registry.problem ? "it does not answer" : registry.as_of_ms === null ? "not asked yet" : "it answers"}.`),
    registry.problem ? h("p", { class: "warning" }, registry.problem) : null,
    read.problem ? h("p", { class: "warning" }, read.problem) : null,
    h("p", { class: "small" }, `Written now: the schemas of the last ten records of each partition. Refused: dead letters of the topic since ${moment(letters.since_ms)}, by cause.`),
    table("Subjects and their versions", ["subject", "shipped", "registered", "written now", "newest record", "refused"], subjects.map(([, one]) => row(one, registry)), { text: [1, 2, 3, 4, 5] }),
  ].filter(Boolean));
}

function row(one, registry) {
  const registered = one.registered.length ? one.registered.map((number) => "v" + number).join(", ") : registry.as_of_ms === null ? "not known" : "none";
  const behind = one.written !== null && one.written.length && one.written[0].version !== null && one.written[0].version < Math.max(...one.registered);
  const written = one.written === null ? "not known" : one.written.length === 0 ? "no record" : one.written.map(writtenWords).join(", ") + (behind ? " (older than the newest)" : "");
  const refused = Object.entries(one.refused).map(([cause, count]) => `${cause} ${whole(count)}`).join(", ") || "none";
  return [shortTopic(one.subject), one.shipped.map((number) => "v" + number).join(", "), registered, written, one.newest_ms === null ? "–" : moment(one.newest_ms), refused];
}

function writtenWords(one) {
  const records = `${whole(one.records)} record${one.records === 1 ? "" : "s"}`;
  if (one.schema_id === null) return `${records} without a schema`;
  return one.version === null ? `${records} of schema ${one.schema_id}, which is no version of this subject` : `v${one.version} (${records})`;
}
