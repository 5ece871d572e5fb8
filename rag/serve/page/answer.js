// The answer: its text as it comes, where each part of it stands, how sure it is.

import { documentLink } from "./addresses.js";
import { button, byId, described, element, fill } from "./dom.js";
import { isolated, marked, shown } from "./marking.js";
import { duration } from "./numbers.js";
import { slice } from "./offsets.js";
import { confidence, timed } from "./words.js";

/** The answer's part of the page. */
export class AnswerView {
  #box = byId("answer");
  #text = byId("answer-text");
  #light;

  /** `light(citation)` lights a quote in its passage, and puts the light out for null. */
  constructor(light) {
    this.#light = light;
  }

  /** Empties the view for an answer that is on its way. */
  begin(question) {
    this.#box.hidden = false;
    this.#box.setAttribute("aria-busy", "true");
    byId("answer-question").textContent = question;
    this.#text.classList.remove("abstained");
    for (const id of ["answer-text", "answer-facts", "answer-sources", "answer-note"]) fill(byId(id));
    byId("feedback").hidden = true;
    this.#light(null);
    this.#reveal();
  }

  /** Adds a streamed piece of the text. */
  add(text) {
    this.#text.append(document.createTextNode(shown(text)));
  }

  /** Shows the whole answer. */
  show(result) {
    this.#box.setAttribute("aria-busy", "false");
    this.#text.classList.toggle("abstained", result.abstained);
    const marks = result.citations.map((citation) => this.#mark(citation));
    fill(this.#text, isolated(result.answer), marks.length ? [" ", marks] : null);
    if (result.abstained) fill(byId("answer-note"), abstention(result));
    else fill(byId("answer-sources"), result.citations.map((citation) => this.#source(citation)));
    fill(byId("answer-facts"), facts(result));
    this.#reveal();
  }

  /** Leaves what came so far of an answer on its way, and says why there is no more. */
  end(note) {
    if (this.#box.getAttribute("aria-busy") !== "true") return;
    this.#box.setAttribute("aria-busy", "false");
    fill(byId("answer-note"), note);
  }

  hide() {
    this.#box.hidden = true;
  }

  /** On a narrow page the answer stands above the list that it was asked for from. */
  #reveal() {
    this.#box.scrollIntoView({ block: "nearest" });
  }

  #mark(citation) {
    return button(`[${citation.n}]`, {
      class: "citation",
      "aria-label": `[${citation.n}] ${shown(citation.title || citation.doc_id)}: открыть в документе`,
      ...this.#lighting(citation),
      click: () => (location.hash = documentLink(citation.doc_id, citation.start, citation.end)),
    });
  }

  #source(citation) {
    const quote = marked(citation.quote, [{ start: citation.answer_start, end: citation.answer_end, kind: "span" }]);
    return element(
      "li",
      { value: citation.n },
      element(
        "a",
        { href: documentLink(citation.doc_id, citation.start, citation.end), ...this.#lighting(citation) },
        isolated(citation.title || citation.doc_id),
      ),
      element("blockquote", {}, quote),
    );
  }

  #lighting(citation) {
    // It stays lit until another one is, so that the pointer may go over to the passage.
    const light = () => this.#light(citation);
    return { pointerenter: light, focus: light };
  }
}

function abstention({ contexts }) {
  return contexts.length
    ? "Ближайшее, что нашлось, стоит среди кандидатов: можно выбрать другие фрагменты и спросить снова."
    : "Читать было нечего: ни один фрагмент не подошёл.";
}

function facts({ abstained, confidence: probability, cached, timings, citations }) {
  const spent = Object.entries(timings).map(([stage, seconds]) => `${timed(stage)} ${duration(seconds)}`);
  const rows = [
    !abstained && ["Уверенность", confidence(probability)],
    !abstained && !citations.length && ["Источники", "ответ не удалось подтвердить цитатой"],
    spent.length > 0 && ["Время", spent.join(" · ") + (cached ? " (в первый раз)" : "")],
    cached && ["Откуда", "из кэша: этот вопрос уже задавали"],
  ];
  return described(rows);
}

/** What a screen reader hears when the answer is whole. */
export function spoken({ abstained, answer, confidence: probability, citations }) {
  if (abstained) return answer;
  const quotes = citations.map(({ quote, answer_start: start, answer_end: end }) => slice(quote, start, end));
  return `Ответ: ${answer}. Уверенность ${confidence(probability)}.${quotes.length ? "" : " Цитат нет."}`;
}
