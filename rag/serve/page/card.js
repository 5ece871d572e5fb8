// One candidate: its title, text with marks, scores, and what can be done with it.

import { documentLink } from "./addresses.js";
import { button, element, fill } from "./dom.js";
import { isolated, marked, shown, within } from "./marking.js";
import { score } from "./numbers.js";
import { pointsIn, slice, stretch } from "./offsets.js";
import { component } from "./words.js";

const SNIPPET = 320; // code points: four lines of a wide column

/**
 * A row of the list.
 *
 * `state` holds rank, chosen, pinned, opened, scales (component to function), and the handlers choose(on), pin(),
 * drop() and open(on).
 */
export function card(candidate, state) {
  const { chunk_id: id, title, doc_id: docId } = candidate;
  const name = shown(title || docId);
  const number = state.rank ? `${state.rank}.` : "—";
  const row = element(
    "li",
    { class: `card${state.chosen ? " chosen" : ""}${state.pinned ? " pinned" : ""}`, "data-chunk": id },
    element(
      "div",
      { class: "card-head" },
      element(
        "label",
        { class: "card-title" },
        element("input", {
          type: "checkbox",
          checked: state.chosen,
          "data-action": "choose",
          change: (event) => state.choose(event.target.checked),
        }),
        element("span", { class: "rank" }, number),
        element("span", {}, isolated(title || docId), headings(candidate)),
      ),
      state.pinned && !state.rank && element("span", { class: "badge" }, "из прежнего поиска"),
      element(
        "span",
        { class: "card-actions" },
        button(state.pinned ? "Открепить" : "Закрепить", {
          class: "small",
          "aria-label": `${state.pinned ? "Открепить" : "Закрепить"}: ${number} ${name}`,
          "data-action": "pin",
          click: state.pin,
        }),
        button("Убрать", {
          class: "small",
          "aria-label": `Убрать: ${number} ${name}`,
          "data-action": "drop",
          click: state.drop,
        }),
        element(
          "a",
          {
            class: "small",
            href: passageLink(candidate),
            "aria-label": `Открыть документ: ${name}`,
            "data-action": "document",
          },
          "Открыть",
        ),
      ),
    ),
    element(
      "div",
      { class: "card-body" },
      element("div", { class: "passage" }, element("p", { class: "text" }), more(candidate, state)),
      scores(candidate, state),
    ),
  );
  lightIn(row, candidate, null, state.opened);
  return row;
}

/** Draws a card's text anew: around its likeliest answer, or whole where opened or where a citation's quote is lit. */
export function lightIn(row, candidate, quote, opened = false) {
  const { text, matches = [], span } = candidate;
  const marks = matches.map(([start, end]) => ({ start, end, kind: "match" }));
  if (span) marks.push({ start: span.start, end: span.end, kind: "span" });
  if (quote) marks.push({ ...quote, kind: "quote" });
  const focus = span ?? (matches.length ? { start: matches[0][0], end: matches[0][1] } : null);
  const whole = { start: 0, end: pointsIn(text) };
  const part = opened || quote ? whole : stretch(text, focus, SNIPPET);
  fill(
    row.querySelector(".text"),
    part.start > 0 && "… ",
    marked(slice(text, part.start, part.end), within(marks, part.start, part.end)),
    part.end < whole.end && " …",
  );
}

/** Which part of its document a passage stands in: passages of one document differ by it at a glance. */
function headings({ metadata }) {
  const told = metadata?.headings;
  return typeof told === "string" && told && element("span", { class: "quiet" }, " — ", isolated(told));
}

function more(candidate, state) {
  const part = stretch(candidate.text, null, SNIPPET);
  if (part.end === pointsIn(candidate.text)) return null;
  const label = (on) => (on ? "Свернуть" : "Показать целиком");
  return button(label(state.opened), {
    class: "link",
    "aria-expanded": String(state.opened),
    "data-action": "more",
    click: (event) => {
      const on = event.target.getAttribute("aria-expanded") !== "true";
      event.target.setAttribute("aria-expanded", String(on));
      event.target.textContent = label(on);
      state.open(on);
    },
  });
}

function scores({ scores: values }, { scales }) {
  const rows = Object.entries(values).map(([name, value]) => {
    const bar = element("span", { class: "bar" });
    bar.style.setProperty("--share", scales.get(name)?.(value) ?? 0);
    return element(
      "div",
      { class: "score" },
      element("dt", {}, component(name)),
      element(
        "dd",
        {},
        element("span", { class: "track", "aria-hidden": "true" }, bar),
        element("span", {}, score(value)),
      ),
    );
  });
  return element("dl", { class: "scores" }, rows);
}

function passageLink({ doc_id: docId, start, text }) {
  return Number.isInteger(start) ? documentLink(docId, start, start + pointsIn(text)) : documentLink(docId);
}
