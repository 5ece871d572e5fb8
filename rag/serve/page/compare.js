// Two retrievers side by side on one question.

import { documentLink } from "./addresses.js";
import { ApiError, call } from "./api.js";
import { byId, element, fill } from "./dom.js";
import { isolated, marked, within } from "./marking.js";
import { clearError, say, showError } from "./notices.js";
import { pointsIn, slice, stretch } from "./offsets.js";
import { compared } from "./ranking.js";
import { component } from "./words.js";

const COUNT = 10;
const SNIPPET = 160;
const SIDES = ["left", "right"];

/** The comparison's part of the page. */
export class Compare {
  #call = null;

  constructor() {
    byId("compare-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#compare(byId("compare-question").value.trim());
    });
    const box = byId("compared");
    for (const name of ["pointerover", "focusin"]) box.addEventListener(name, (event) => twins(box, event.target));
    for (const name of ["pointerleave", "focusout"]) box.addEventListener(name, () => twins(box, null));
  }

  /** Starts with the question of the other part, where there is none yet. */
  suggest(question) {
    if (!byId("compare-question").value.trim()) byId("compare-question").value = question;
  }

  async #compare(question) {
    if (!question) {
      byId("compare-question").focus();
      return;
    }
    this.#call?.abort();
    const mine = new AbortController();
    this.#call = mine;
    clearError(byId("compare-error"));
    byId("compare-summary").textContent = "Ищу…";
    const sides = SIDES.map((side) => ({
      retriever: byId(`${side}-retriever`).value,
      rerank: byId(`${side}-rerank`).checked,
    }));
    try {
      const search = (side) => {
        const body = { question, k: COUNT, spans: false, ...side };
        return call("/api/search", { method: "POST", body, signal: mine.signal });
      };
      const found = await Promise.all(sides.map(search));
      this.#draw(sides, found.map(({ candidates }) => candidates));
    } catch (error) {
      if (mine.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      byId("compare-summary").textContent = "";
      showError(byId("compare-error"), error, () => this.#compare(question));
    }
  }

  #draw(sides, found) {
    const ids = found.map((candidates) => candidates.map(({ chunk_id: id }) => id));
    const both = compared(...ids);
    SIDES.forEach((side, at) => {
      const name = component(sides[at].retriever) + (sides[at].rerank ? " + переранжирование" : "");
      byId(`${side}-heading`).textContent = name;
      fill(byId(`${side}-list`), found[at].map((candidate, row) => line(candidate, both[side][row])));
    });
    const only = (at) => ids[at].length - both.common;
    const summary = `Общих: ${both.common}. Только слева: ${only(0)}, только справа: ${only(1)}.`;
    byId("compare-summary").textContent = summary;
    byId("compared").hidden = false;
    say(summary);
  }
}

function line(candidate, { id, rank, other }) {
  const { text, matches = [], start, doc_id: docId } = candidate;
  const focus = matches.length ? { start: matches[0][0], end: matches[0][1] } : null;
  const part = stretch(text, focus, SNIPPET);
  const marks = matches.map(([from, to]) => ({ start: from, end: to, kind: "match" }));
  return element(
    "li",
    { "data-chunk": id, class: other === null ? "lonely" : null },
    element(
      "div",
      { class: "compared-head" },
      element("span", { class: "rank" }, `${rank}.`),
      element("a", { href: documentLink(docId, start, start + pointsIn(text)) }, isolated(candidate.title || docId)),
      element("span", { class: "badge" }, moved(rank, other)),
    ),
    element(
      "p",
      { class: "text" },
      part.start > 0 && "… ",
      marked(slice(text, part.start, part.end), within(marks, part.start, part.end)),
      part.end < pointsIn(text) && " …",
    ),
  );
}

/** Where the other ranking has it: "только здесь", "там же", "там на 3-м месте, ▲2". */
export function moved(rank, other) {
  if (other === null) return "только здесь";
  if (other === rank) return "там же";
  const by = Math.abs(other - rank);
  return `там ${other}-й ${other > rank ? `▲${by}` : `▼${by}`}`;
}

/** Lights a passage in both lists. */
function twins(box, target) {
  const id = target?.closest?.("[data-chunk]")?.dataset.chunk;
  for (const row of box.querySelectorAll("[data-chunk]")) row.classList.toggle("twin", row.dataset.chunk === id);
}
