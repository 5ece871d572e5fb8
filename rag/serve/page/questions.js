// The questions asked so far, kept in this browser alone.

import { button, byId, element, fill } from "./dom.js";
import { keep, kept } from "./stored.js";

const NAME = "questions";
const MOST = 50;

/** History of questions and its dialog; `ask(question)` asks one again. */
export class Questions {
  #dialog = byId("history-dialog");
  #ask;

  constructor(ask) {
    this.#ask = ask;
    byId("history-open").addEventListener("click", () => {
      this.#draw();
      this.#dialog.showModal();
    });
    byId("history-clear").addEventListener("click", () => {
      keep(NAME, null);
      this.#draw();
      byId("history-close").focus();
    });
  }

  /** Puts a question first; one asked before moves up. */
  add(question) {
    const others = asked().filter((one) => one.question !== question);
    keep(NAME, [{ question, at: Date.now() }, ...others].slice(0, MOST));
  }

  #draw() {
    const all = asked();
    byId("history-nothing").hidden = all.length > 0;
    byId("history-clear").hidden = all.length === 0;
    const row = ({ question, at }) => button(question, { class: "row", click: () => this.#again(question) }, when(at));
    fill(byId("history"), all.map((one) => element("li", {}, row(one))));
  }

  #again(question) {
    this.#dialog.close();
    this.#ask(question);
  }
}

/** What is kept, as far as it has the shape that this page writes. */
function asked() {
  const all = kept(NAME, []);
  return Array.isArray(all) ? all.filter((one) => typeof one?.question === "string" && Number.isFinite(one.at)) : [];
}

function when(at) {
  const told = new Intl.DateTimeFormat("ru", { day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" });
  const time = new Date(at);
  return element("time", { datetime: time.toISOString() }, told.format(time));
}
