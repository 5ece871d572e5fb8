// What the person thinks of an answer: it becomes a line of an evaluation file.

import { ApiError, call } from "./api.js";
import { byId } from "./dom.js";
import { clearError, showError } from "./notices.js";

/** The feedback's part of the page. */
export class Feedback {
  #answered = null;
  #writable;
  #box = byId("feedback");

  constructor({ writable }) {
    this.#writable = writable;
    byId("vote-up").addEventListener("click", () => this.#send("up"));
    byId("vote-down").addEventListener("click", () => this.#open());
    byId("correction").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send("down", byId("correct-answer").value.trim());
    });
  }

  /** Asks about an answer, `read` being the ids of the chunks that it was read from. */
  offer(result, read) {
    this.#answered = { result, read };
    this.#box.hidden = !this.#writable;
    byId("votes").hidden = false;
    byId("correction").hidden = true;
    byId("correct-answer").value = "";
    byId("vote-down").setAttribute("aria-expanded", "false");
    byId("thanks").textContent = "";
    clearError(byId("feedback-error"));
  }

  #open() {
    byId("correction").hidden = false;
    byId("vote-down").setAttribute("aria-expanded", "true");
    byId("correct-answer").focus();
  }

  async #send(vote, correct = "") {
    const { result, read } = this.#answered;
    const sources = result.citations.length ? result.citations : result.contexts;
    const body = {
      question: result.question,
      vote,
      answer: result.answer,
      abstained: result.abstained,
      chunk_ids: read,
      doc_ids: [...new Set(sources.map(({ doc_id: docId }) => docId))],
      ...(correct && { correct_answer: correct }),
    };
    clearError(byId("feedback-error"));
    try {
      await call("/api/feedback", { method: "POST", body });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      showError(byId("feedback-error"), error);
      return;
    }
    if (this.#answered?.result !== result) return; // another answer has come meanwhile
    const hadFocus = this.#box.contains(document.activeElement);
    byId("votes").hidden = true;
    byId("correction").hidden = true;
    byId("thanks").textContent = "Спасибо! Отзыв записан: по нему проверят, как система отвечает.";
    if (hadFocus) byId("thanks").focus(); // the button that held it is gone
  }
}
