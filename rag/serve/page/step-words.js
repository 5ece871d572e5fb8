// The agent's plan and steps in Russian.

const ORIGINS = { rules: "по правилам", model: "составлен моделью", file: "из файла", single: "один шаг" };

// The rules of the planner, by the names they leave in a plan's note.
const RULES = {
  "relative clause": "придаточное определительное",
  "participial clause": "причастный оборот",
  genitive: "цепочка родительных",
  comparison: "сравнение",
  sameness: "совпадение",
  coordination: "однородные части",
  conjunction: "несколько вопросов",
  "same place": "то же место",
  role: "кто исполняет роль",
};

const ACTIONS = {
  list: "найти всех",
  each: "спросить о каждом",
  unite: "объединить",
  intersect: "найти общее",
  compare: "сравнить",
};

const COMPARISONS = { earliest: "раньше", latest: "позже", least: "меньше", most: "больше", same: "совпадают ли" };

const OPERATIONS = {
  retrieve: "Поиск",
  map_retrieve: "Поиск по одному из списка",
  union: "Объединение",
  intersect: "Пересечение",
  compare: "Сравнение",
  fallback: "Поиск по всему вопросу",
};

const WAYS = {
  "multi-query": "вопрос переписан моделью",
  hyde: "по отрывку, который сочинила модель",
  query2doc: "по вопросу и отрывку, который сочинила модель",
  names: "одни имена и названия",
  feedback: "со словами первых находок",
  synonyms: "с другими названиями того же",
};

const VERDICTS = {
  enough: "достаточно",
  "low confidence": "уверенность мала",
  "low coverage": "найденное покрывает не весь вопрос",
  "no passages": "ничего не найдено",
  "no answer": "ответа нет",
  repeated: "уже спрошено",
  done: "готово",
};

const STOPS = {
  answered: "ответ найден",
  "no evidence": "в документах не нашлось, на что опереться",
  "not enough": "найденному ответу не хватило уверенности",
  loop: "шаги пошли по кругу",
  steps: "исчерпано число поисков",
  tokens: "исчерпаны токены языковой модели",
  seconds: "исчерпано время",
  cancelled: "работа прервана",
  "model failed": "языковая модель не ответила",
};

/** How a plan came about: "по правилам, сравнение". */
export function origin(plan) {
  const rules = (plan.note ?? "").split("; ").pop().split(", ");
  const known = plan.origin === "file" ? [] : rules.filter((rule) => rule in RULES).map((rule) => RULES[rule]);
  return [ORIGINS[plan.origin] ?? "составлен", ...known].join(", ");
}

/** What is done with a sub-question, "" where it is simply asked: "сравнить (раньше)". */
export function action(one) {
  const done = ACTIONS[one.action] ?? "";
  return one.comparison ? `${done} (${COMPARISONS[one.comparison] ?? one.comparison})` : done;
}

export const operation = (step) => OPERATIONS[step.operation] ?? step.operation;

/** Other words that were searched with, "" for the question's own. */
export const way = (step) => (!step.way || step.way === "question" ? "" : (WAYS[step.way] ?? step.way));

export const verdict = (step) => VERDICTS[step.verdict] ?? step.verdict;

/** Verdicts after which a step counts as done. */
export const succeeded = (step) => ["enough", "done", "repeated"].includes(step.verdict);

export const stop = (reason) => STOPS[reason] ?? reason;
