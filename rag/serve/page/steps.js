// The agent's plan and steps as a tree that grows while it works.

import { documentLink } from "./addresses.js";
import { byId, described, element, fill } from "./dom.js";
import { isolated, shown } from "./marking.js";
import { counted, duration, percent, plural, SEARCHES, SUB_QUESTIONS, TOKENS } from "./numbers.js";
import { action, operation, origin, stop, succeeded, verdict, way } from "./step-words.js";

const HITS = 5; // documents of a step that are named

/** The tree's part of the page. */
export class StepsView {
  #box = byId("steps");
  #branches = new Map(); // sub-question to the list of its steps
  #tree = byId("steps-tree");

  /** Empties the tree; it shows once there is a plan. */
  begin() {
    this.#box.hidden = true;
    this.#box.open = true;
    this.#branches.clear();
    fill(this.#tree);
    byId("steps-end").textContent = "";
  }

  plan(plan) {
    this.begin();
    this.#box.hidden = false;
    byId("steps-origin").textContent = `План и шаги: ${origin(plan)}`;
    const numbers = new Map(plan.sub_questions.map(({ id }, at) => [id, at + 1]));
    for (const one of plan.sub_questions) this.#branch(one.id, subQuestion(one, numbers));
  }

  step(step) {
    const branch = this.#branches.get(step.sub_question) ?? this.#branch(step.sub_question, "Вопрос целиком");
    branch.append(drawn(step));
  }

  /** Shows a whole trace, as an answer from the cache brings it. */
  show(trace) {
    this.plan(trace.plan);
    for (const step of trace.steps ?? []) this.step(step);
    const { steps, tokens, seconds } = trace.spent;
    const spent = [counted(steps, SEARCHES), tokens && counted(tokens, TOKENS), duration(seconds)];
    byId("steps-end").textContent = [`Итог: ${stop(trace.stop)}`, ...spent].filter(Boolean).join(" · ");
  }

  #branch(id, heading) {
    const steps = element("ul");
    this.#branches.set(id, steps);
    this.#tree.append(element("li", {}, element("div", { class: "sub-question" }, heading), steps));
    return steps;
  }
}

function subQuestion(one, numbers) {
  const needed = (one.depends_on ?? []).map((id) => numbers.get(id));
  const after = needed.length > 0 && `после ${plural(needed.length, SUB_QUESTIONS)} ${needed.join(" и ")}`;
  const how = [action(one), after].filter(Boolean);
  return [
    element("b", {}, `Подвопрос ${numbers.get(one.id)}. `),
    shown(one.question),
    one.defines && ` → {${one.defines}}`,
    how.length > 0 && element("span", { class: "quiet" }, ` — ${how.join(", ")}`),
  ];
}

function drawn(step) {
  const done = succeeded(step);
  const other = way(step);
  return element(
    "li",
    {},
    element(
      "details",
      { open: true },
      element(
        "summary",
        {},
        `${step.number}. ${operation(step)}`,
        element("span", { class: `verdict ${done ? "good" : "poor"}` }, `${done ? "✓" : "✗"} ${verdict(step)}`),
        element("span", { class: "quiet" }, duration(step.seconds ?? 0)),
      ),
      element("dl", { class: "step" }, facts(step, other)),
    ),
  );
}

function facts(step, other) {
  const read = (step.hits ?? []).filter(({ chunk_id: id }) => (step.evidence ?? []).includes(id));
  const rows = [
    step.query && ["Запрос", shown(step.query)],
    other && ["Другими словами", other],
    step.hits?.length > 0 && ["Прочитано", [`${read.length} из ${step.hits.length}: `, documents(read)]],
    ["Ответ", step.answer ? element("b", {}, shown(step.answer)) : "—"],
    step.answer && ["Уверенность", percent(step.confidence)],
    Number.isFinite(step.coverage) && ["Покрытие вопроса", percent(step.coverage)],
  ];
  return described(rows);
}

function documents(hits) {
  const titles = new Map(hits.map(({ doc_id: docId, title }) => [docId, title || docId]));
  return [...titles].slice(0, HITS).flatMap(([docId, title], at) => [
    at > 0 && ", ",
    element("a", { href: documentLink(docId) }, isolated(title)),
  ]);
}
