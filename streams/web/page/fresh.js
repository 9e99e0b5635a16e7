// How current a view is, in words; and why there is nothing to see.
import { h } from "./dom.js";
import { isConnected, now, partsLike, partsOf, silence } from "./store.js";
import { age } from "./words.js";

const LATE_MS = 6000;

/** Return [is everything current, sentences] for a view. */
export function standing(view) {
  if (!isConnected()) {
    const quiet = silence();
    return [false, [quiet === null ? "Waiting for the first figures." :
      `Not connected to the server of this page for ${age(quiet)}: what is shown is as old as that. It is tried again.`]];
  }
  const quiet = silence();
  if (quiet > LATE_MS) return [false, [`The server of this page has said nothing for ${age(quiet)}: what is shown is as old as that.`]];
  const problem = partsOf("page").get("problem");
  const found = problem ? [problem] : [];
  const read = [];
  let oldest = 0;
  for (const [topic, source] of partsLike(view, "source")) {
    const old = source.as_of_ms === null ? null : now() - source.as_of_ms;
    if (source.problem !== null) found.push(`${source.topic}: ${source.problem}${old === null ? "" : `; what is shown is ${age(old)} old`}.`);
    else if (old === null || old > LATE_MS) found.push(`${source.topic}: ${old === null ? "it is being read" : `read up to ${age(old)} ago`}${source.behind ? `, ${source.behind} records are left` : ""}.`);
    else { read.push(topic); oldest = Math.max(oldest, old); }
  }
  const [what, asked] = { stream: ["Groups", partsOf("stream").get("workers")], schemas: ["Registry", partsOf("schemas").get("registry")], rollouts: ["Judgement", partsOf("rollouts").get("judged")] }[view] || [];
  if (asked && (asked.problem || asked.as_of_ms === null || now() - asked.as_of_ms > 5 * LATE_MS)) {
    found.push(`${what}: ${asked.problem || "not asked yet"}${asked.as_of_ms === null ? "" : `; what is shown is ${age(now() - asked.as_of_ms)} old`}.`);
  }
  return [found.length === 0, found.length ? found : [`Current: all that was written to ${read.join(", ")} until ${age(oldest)} ago is in it.`]];
}

/** Return a topic's name without the prefix. */
export const shortTopic = (topic) => topic.slice((partsOf("page").get("where")?.topic_prefix || "").length);

/** Return the application whose group it is; the group's name where it is none of ours. */
export function applicationOf(group) {
  const found = Object.entries(partsOf("page").get("groups") || {}).find(([, name]) => name === group);
  return found ? found[0] : group;
}

/** Return how many members the group of an application has; null when that is not known. */
export function members(application) {
  const workers = partsOf("stream").get("workers");
  const name = (partsOf("page").get("groups") || {})[application];
  const group = workers?.groups.find((one) => one.group === name);
  return group && group.state !== null ? group.members.length : null;
}

/** Return a note that there is no `what`, and why, as far as that is known. */
export function nothing(what, application, role, otherwise) {
  const count = members(application);
  if (count === 0) return h("p", { class: "note" }, `There is no ${what}: nobody runs the role ${role}. Start it with: touchline worker ${role}`);
  return h("p", { class: "note" }, `There is no ${what} yet. ${otherwise}`);
}

/** Say that reports go no further while nobody runs the role. */
export function stopped(application, role) {
  return members(application) === 0 ? h("p", { class: "warning" }, `Nobody runs the role ${role} now: these are the last figures, and no new ones come. Start it with: touchline worker ${role}`) : null;
}
