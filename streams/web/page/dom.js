// Elements without innerHTML: what comes from a topic is text, never markup.

/** Return an element; `props` are attributes, but `on` maps events to handlers and `class` may be falsy. */
export function h(name, props, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(props || {})) {
    if (key === "on") for (const [event, handler] of Object.entries(value)) made.addEventListener(event, handler);
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** Return an SVG element. */
export function s(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Set the text of a node where it differs, so that a screen reader is not told the same twice. */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Put `children` into `parent` in their order; what is there already stays as it is, with its focus. */
export function arrange(parent, children) {
  const active = document.activeElement;
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  children.forEach((child, place) => {
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] || null);
  });
  if (active && active !== document.activeElement && parent.contains(active)) active.focus({ preventScroll: true });
}

/** Return a table in a region that scrolls by itself, also by keyboard. Cells are text, or nodes. */
export function table(caption, heads, rows, options = {}) {
  const cell = (value, place) => {
    const made = place === 0 ? h("th", { scope: "row" }) : h("td", { class: (options.text || []).includes(place) ? "text" : null });
    made.append(value ?? "–");
    return made;
  };
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", null, h("caption", options.unseen ? { class: "unseen" } : null, caption),
      h("thead", null, h("tr", null, ...heads.map((head, place) => h("th", { scope: "col", class: place === 0 || (options.text || []).includes(place) ? "text" : null }, head)))),
      h("tbody", null, ...rows.map((row) => h("tr", null, ...row.map(cell))))));
}

/** Return details which stay open when they are drawn again in `box`. */
export function again(box, title, content) {
  const made = h("details", null, h("summary", null, title), content);
  made.open = [...box.querySelectorAll("details")].some((one) => one.open && one.firstChild.textContent === title);
  return made;
}

/** Replace the children of `parent` only when `key` has changed since the last call. */
export function fill(parent, key, make) {
  if (parent.dataset.shown === key) return;
  parent.dataset.shown = key;
  const scrolled = [...parent.querySelectorAll(".scroll")].map((one) => [one.scrollLeft, one.scrollTop]);
  const focused = parent.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  parent.replaceChildren(...[make()].flat());
  [...parent.querySelectorAll(".scroll")].forEach((one, place) => scrolled[place] && one.scrollTo(...scrolled[place]));
  if (focused) parent.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}
