// Text of documents with marks in it.

import { element } from "./dom.js";
import { segments } from "./offsets.js";

// Overrides and isolates of direction can make a name read as another one; each is shown as one replacement character,
// so that offsets stay.
const DIRECTION = /[\u202a-\u202e\u2066-\u2069]/g;

/** A text of a document as it may be shown. */
export function shown(text) {
  return text.replace(DIRECTION, "\ufffd");
}

/** A name of a document's as an element that keeps its direction of writing to itself. */
export function isolated(text) {
  return element("bdi", {}, shown(text));
}

/** Nodes of a text with its marks, {start, end, kind} in code points; a kind becomes a class of a <mark>. */
export function marked(text, marks) {
  return segments(shown(text), marks).map(({ text: part, kinds }) =>
    kinds.length ? element("mark", { class: kinds.join(" ") }, part) : document.createTextNode(part),
  );
}

/** Marks moved into the part of a text that begins at `start`; what lies outside `[start, end)` is left out. */
export function within(marks, start, end) {
  return marks
    .filter((mark) => mark.start < end && mark.end > start)
    .map((mark) => ({ ...mark, start: Math.max(mark.start, start) - start, end: Math.min(mark.end, end) - start }));
}
