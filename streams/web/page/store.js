// What the server has told: the parts of each view, brought up to date by small changes over one connection.

const views = new Map();
const listeners = new Set();
let serverAhead = 0; // of our clock, in milliseconds
let heard = null; // when the last message came, by performance.now()
let connected = false;

/** Return the parts of a view by name. */
export function partsOf(name) {
  if (!views.has(name)) views.set(name, new Map());
  return views.get(name);
}

/** Return the parts whose names begin with `kind:`, as [rest of the name, part], in the order of the names. */
export function partsLike(name, kind) {
  const found = [];
  for (const [key, part] of partsOf(name)) if (key.startsWith(kind + ":")) found.push([key.slice(kind.length + 1), part]);
  return found.sort((one, other) => (one[0] < other[0] ? -1 : 1));
}

/** The server's clock, in milliseconds since the epoch. */
export const now = () => Date.now() + serverAhead;
export const isConnected = () => connected;
/** Milliseconds since the server was heard; null before the first time. */
export const silence = () => (heard === null ? null : performance.now() - heard);
/** Call `listener` with the names of the views that have changed. */
export const follow = (listener) => listeners.add(listener);

/** Take one message. */
export function take(message) {
  heard = performance.now();
  serverAhead = message.now_ms - Date.now();
  for (const [name, change] of Object.entries(message.views)) {
    const parts = partsOf(name);
    for (const key of change.drop) parts.delete(key);
    for (const [key, part] of Object.entries(change.set)) parts.set(key, part);
  }
  const changed = Object.keys(message.views);
  for (const listener of listeners) listener(changed);
}

/** Open the connection, and open it again whenever it ends: the server then tells everything once more. */
export function connect() {
  let fresh = true;
  const source = new EventSource("events");
  const reopen = () => {
    source.close();
    setTimeout(connect, 2000);
  };
  source.onopen = () => { fresh = true; };
  source.onmessage = (event) => {
    if (fresh) views.clear(); // what was dropped in between is not told
    fresh = false;
    connected = true;
    take(JSON.parse(event.data));
  };
  source.onerror = () => {
    connected = false;
    for (const listener of listeners) listener([]);
    if (source.readyState === EventSource.CLOSED) reopen(); // an answer which is no stream ends it for good
  };
}
