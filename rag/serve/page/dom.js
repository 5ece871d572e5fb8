// Elements built from parts. Text becomes text nodes and nothing else: no string is ever read as HTML.

/**
 * An element.
 *
 * Properties whose values are functions are listeners ("click": handler); true gives an empty attribute; false, null
 * and undefined give none. Children are nodes, strings, or nested lists of them; null, undefined and false are skipped.
 */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, String(value));
  }
  made.append(...nodes(children));
  return made;
}

/** Puts children in the place of those that were there. */
export function fill(parent, ...children) {
  parent.replaceChildren(...nodes(children));
}

/** Terms with what is told of them, for a <dl>; rows that are not there ([term, told] or false) are left out. */
export function described(rows) {
  const there = rows.filter(Boolean);
  return there.map(([term, told]) => element("div", {}, element("dt", {}, term), element("dd", {}, told)));
}

/** A button that submits nothing. */
export function button(label, properties = {}, ...more) {
  return element("button", { type: "button", ...properties }, label, ...more);
}

export function byId(id) {
  return document.getElementById(id);
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
