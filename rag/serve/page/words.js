// What the server names in English, in Russian.

import { percent } from "./numbers.js";

const COMPONENTS = {
  bm25: "BM25",
  tfidf: "TF-IDF",
  dense: "Векторный",
  hybrid: "Гибрид",
  coverage: "Покрытие",
  cross_encoder: "Переранжирование",
  entities: "Имена и названия",
  names: "Имена вопроса",
  feedback: "Слова находок",
  synonyms: "Синонимы",
  hyde: "Сочинённый отрывок",
  query2doc: "Вопрос с отрывком",
  "multi-query": "Варианты вопроса",
};

const RETRIEVERS = {
  bm25: "BM25 — по словам",
  tfidf: "TF-IDF — по словам",
  dense: "Векторный — по смыслу",
  hybrid: "Гибрид — по словам и смыслу",
  coverage: "Покрытие — разные части вопроса",
};

const STAGES = {
  retrieve: "Ищу…",
  rerank: "Переранжирую…",
  select: "Отбираю…",
  generate: "Читаю…",
  plan: "Составляю план…",
  step: "Выполняю шаг…",
};

const TIMED = {
  retrieve: "поиск",
  rerank: "переранжирование",
  select: "отбор",
  generate: "чтение",
  plan: "план",
  total: "всего",
};

const INDEXING = {
  reading: "Чтение файлов",
  chunking: "Деление на фрагменты",
  fitting: "Настройка векторов",
  encoding: "Расчёт векторов",
  bm25: "Индекс BM25",
  tfidf: "Индекс TF-IDF",
};

/** A part of the search that scored a passage. */
export const component = (name) => COMPONENTS[name] ?? name;

/** A retriever as the choice names it. */
export const retriever = (name) => RETRIEVERS[name] ?? component(name);

/** What is being done now. */
export const stage = (name) => STAGES[name] ?? "Работаю…";

/** What took its time. */
export const timed = (name) => TIMED[name] ?? name;

/** A stage of an index update. */
export const indexing = (name) => INDEXING[name] ?? "Обновление индекса";

/** A calibrated probability in words and number: "низкая, 29 %". */
export function confidence(probability) {
  const word =
    probability >= 0.8 ? "высокая" : probability >= 0.5 ? "средняя" : probability >= 0.2 ? "низкая" : "очень низкая";
  return `${word}, ${percent(probability)}`;
}
