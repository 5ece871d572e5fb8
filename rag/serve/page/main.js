// Puts the page together.

import { AnswerView } from "./answer.js";
import { ApiError, call } from "./api.js";
import { Asking } from "./asking.js";
import { Candidates } from "./candidates.js";
import { Compare } from "./compare.js";
import { DocumentView } from "./document.js";
import { Documents } from "./documents.js";
import { byId, element, fill } from "./dom.js";
import { Feedback } from "./feedback.js";
import { prepareKeys } from "./keys.js";
import { showError } from "./notices.js";
import { CHUNKS, counted, DOCUMENTS } from "./numbers.js";
import { Questions } from "./questions.js";
import { StepsView } from "./steps.js";
import { prepareTheme } from "./theme.js";
import { prepareToken } from "./token.js";
import { Upload } from "./upload.js";
import { followAddress } from "./views.js";
import { retriever } from "./words.js";

const wide = matchMedia("(min-width: 64rem)");

async function start() {
  prepareTheme();
  prepareToken();
  for (const closing of document.querySelectorAll("[data-closes]")) {
    closing.addEventListener("click", () => byId(closing.dataset.closes).close());
  }
  await call("/api/info").then(assemble, failed);
}

/** Without knowing what the server offers there is nothing to show. */
function failed(error) {
  if (!(error instanceof ApiError)) throw error;
  showError(byId("start-error"), error, () => location.reload());
}

function assemble(info) {
  describe(info);
  // Where the answer stands above its passages, scrolling to one would take the answer away.
  const candidates = new Candidates((ids) => offerAnswer(ids, info.limits));
  const answer = new AnswerView((citation) => candidates.light(citation, wide.matches));
  const questions = new Questions((question) => {
    location.hash = "#ask";
    byId("question").value = question;
    asking.submit(true);
  });
  const asking = new Asking({ candidates, answer, steps: new StepsView(), feedback: new Feedback(info), questions });
  listen(asking);
  const refresh = () => call("/api/info").then(describe, failed);
  const documents = new Documents(info, refresh);
  new Upload(info, () => {
    documents.show(0);
    refresh();
  });
  const compare = new Compare();
  const entered = { documents: () => documents.show(), compare: () => compare.suggest(byId("question").value.trim()) };
  followAddress(entered, new DocumentView());
  prepareKeys(keyed(asking, candidates), () => asking.stop());
  document.documentElement.dataset.ready = "";
}

function describe(info) {
  const size = `${counted(info.documents, DOCUMENTS)} · ${counted(info.chunks, CHUNKS)}`;
  byId("about").textContent = `${size} · профиль ${info.profile}`;
  const selects = ["retriever", "left-retriever", "right-retriever"].map(byId);
  if (selects[0].options.length) return; // told before: the person's choice stays
  const choices = () => info.retrievers.map((name) => element("option", { value: name }, retriever(name)));
  for (const select of selects) fill(select, choices());
  byId("retriever").value = info.retriever;
  byId("rerank").checked = info.rerank;
  byId("left-retriever").value = info.retrievers.includes("bm25") ? "bm25" : info.retrievers[0];
  byId("right-retriever").value = info.retriever;
  byId("question").maxLength = info.limits.question_characters;
  byId("compare-question").maxLength = info.limits.question_characters;
  byId("agent-choice").hidden = !info.agent;
  byId("count").max = Math.min(info.limits.k, 100);
}

function offerAnswer(ids, { chosen }) {
  const answer = byId("answer-chosen");
  answer.textContent = `Ответить по выбранным (${ids.length})`;
  answer.disabled = ids.length === 0 || ids.length > chosen;
  byId("choose-none").disabled = ids.length === 0;
  byId("too-many").hidden = ids.length <= chosen;
  byId("too-many").textContent = `Выбрано ${ids.length}, а прочитать за раз можно не больше ${chosen}.`;
}

function listen(asking) {
  byId("ask-form").addEventListener("submit", (event) => {
    event.preventDefault();
    asking.submit(event.submitter?.value !== "search");
  });
  byId("question").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    asking.submit(!event.ctrlKey);
  });
  byId("answer-chosen").addEventListener("click", () => asking.answerChosen());
  byId("stop").addEventListener("click", () => {
    asking.stop();
    byId("question").focus(); // the button hides itself
  });
  byId("keys-open").addEventListener("click", () => byId("keys-dialog").showModal());
}

function keyed(asking, candidates) {
  const toQuestion = () => {
    location.hash = "#ask";
    byId("question").focus();
  };
  return {
    Slash: toQuestion,
    KeyJ: () => candidates.move(1),
    ArrowDown: () => candidates.hasFocus && candidates.move(1),
    KeyK: () => candidates.move(-1),
    ArrowUp: () => candidates.hasFocus && candidates.move(-1),
    KeyP: () => candidates.press("pin"),
    KeyX: () => candidates.press("drop"),
    KeyO: () => candidates.press("document"),
    KeyA: () => asking.answerChosen(),
    "Shift+Slash": () => byId("keys-dialog").showModal(),
  };
}

start();
