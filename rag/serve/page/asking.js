// From a question to candidates, and from the chosen ones to an answer.

import { spoken } from "./answer.js";
import { ApiError, call, streamed } from "./api.js";
import { byId, element, fill } from "./dom.js";
import { alarm, clearError, say, showError, wasStopped } from "./notices.js";
import { CANDIDATES, counted, duration } from "./numbers.js";
import { conditionsOf, filterOf, FORM } from "./where.js";
import { stage } from "./words.js";

const CUT = "Остановлено: ответ неполон.";

/** What happens when somebody asks. `parts` are candidates, answer, steps, feedback and questions of the page. */
export class Asking {
  #parts;
  #asked = null; // question, retriever, rerank and filter of the candidates shown
  #work = null; // the AbortController of what is under way

  constructor(parts) {
    this.#parts = parts;
  }

  /** Searches with what the form holds, and goes on to answer where `reading` says so. */
  async submit(reading) {
    const form = asked();
    if (!form.question || form.filter === undefined) {
      alarm(byId("ask-error"), form.question ? FORM : "Напишите вопрос.");
      byId(form.question ? "where" : "question").focus();
      return;
    }
    this.#parts.questions.add(form.question);
    const bySteps = reading && form.agent;
    await this.#run((signal) => (bySteps ? this.#agent(form, signal) : this.#search(form, reading, signal)));
  }

  /** Answers from the chosen candidates. */
  async answerChosen() {
    const read = this.#parts.candidates.reading;
    if (this.#asked && read.length) await this.#run((signal) => this.#read(read, signal));
  }

  get isWorking() {
    return this.#work !== null;
  }

  stop() {
    this.#work?.abort();
  }

  async #run(work) {
    this.stop();
    this.#parts.answer.end(CUT); // one that was on its way and is not waited for any more
    const mine = new AbortController();
    this.#work = mine;
    clearError(byId("ask-error"));
    byId("stop").hidden = false;
    try {
      await work(mine.signal);
    } catch (error) {
      if (this.#work === mine) this.#failed(error, work);
    } finally {
      // Newer work has taken over the line and the button: they are its own.
      if (this.#work === mine) {
        this.#work = null;
        byId("stop").hidden = true;
      }
    }
  }

  #failed(error, work) {
    const stopped = wasStopped(error);
    if (!stopped && !(error instanceof ApiError)) throw error;
    byId("stage").textContent = stopped ? "Остановлено." : "";
    this.#parts.answer.end(stopped ? CUT : "");
    const again = error.code === "chunks_gone" ? () => this.submit(false) : () => this.#run(work);
    if (!stopped) showError(byId("ask-error"), error, again);
  }

  async #search(form, reading, signal) {
    byId("stage").textContent = stage("retrieve");
    const { question, retriever, rerank, filter, k, best } = form;
    const body = { question, retriever, rerank, filter, k };
    const found = await call("/api/search", { method: "POST", body, signal });
    this.#asked = { question, retriever, rerank, filter };
    this.#parts.answer.hide();
    this.#parts.steps.begin();
    this.#parts.candidates.show(question, found.candidates, best);
    offerConditions(found.candidates);
    const told = `${counted(found.candidates.length, CANDIDATES)} за ${duration(found.timings.total ?? 0)}`;
    byId("stage").textContent = found.candidates.length ? `Найдено: ${told}.` : "Ничего не нашлось.";
    if (!found.candidates.length) return;
    if (reading) await this.#read(this.#parts.candidates.reading, signal);
    else if (byId("ask-form").contains(document.activeElement)) this.#parts.candidates.move(1); // choosing comes next
  }

  async #read(read, signal) {
    this.#parts.steps.begin();
    // The server scores the chosen as this search did.
    const result = await this.#stream({ ...this.#asked, chunk_ids: read }, signal);
    this.#parts.feedback.offer(result, read);
  }

  async #agent({ question, retriever, rerank, filter, best }, signal) {
    this.#parts.steps.begin();
    const result = await this.#stream({ question, retriever, rerank, filter, k: best, agent: true }, signal);
    if (result.trace) this.#parts.steps.show(result.trace);
    // What the steps read becomes the candidates: any of them can be left out and the question asked of the rest.
    this.#asked = { question, retriever, rerank, filter };
    this.#parts.candidates.show(question, result.contexts, Infinity);
    this.#parts.feedback.offer(result, result.contexts.map(({ chunk_id: id }) => id));
  }

  async #stream(body, signal) {
    const { answer, steps } = this.#parts;
    answer.begin(body.question);
    byId("stage").textContent = stage(body.agent ? "plan" : "generate");
    for await (const { name, data } of streamed("/api/answer", { body: { ...body, stream: true }, signal })) {
      if (name === "stage" && data.state === "start") byId("stage").textContent = stage(data.stage);
      else if (name === "plan") steps.plan(data);
      else if (name === "step") steps.step(data);
      else if (name === "token") answer.add(data.text);
      else if (name === "done") {
        answer.show(data);
        byId("stage").textContent = "Готово.";
        say(spoken(data));
        return data;
      }
    }
    throw new ApiError("broken");
  }
}

function offerConditions(candidates) {
  fill(byId("where-known"), conditionsOf(candidates).map((value) => element("option", { value })));
}

function asked() {
  return {
    question: byId("question").value.trim(),
    retriever: byId("retriever").value || undefined,
    rerank: byId("rerank").checked,
    filter: filterOf(byId("where").value),
    k: within("count"),
    best: within("best"),
    agent: byId("agent").checked,
  };
}

/** The number in a field, brought between its bounds; the field shows what is taken. */
function within(id) {
  const field = byId(id);
  const wanted = Math.round(Number.isNaN(field.valueAsNumber) ? Number(field.defaultValue) : field.valueAsNumber);
  field.value = Math.min(Math.max(wanted, Number(field.min)), Number(field.max));
  return Number(field.value);
}
