// Conditions on the fields of documents, as a person writes them: «topic = география; year >= 1950». Nothing here
// touches the page.

const CONDITION = /^([^\s=≠!<>≤≥$#][^=≠!<>≤≥]*?)\s*(!=|≠|>=|≥|<=|≤|=|>|<)\s*(\S.*)$/su;
const ORDERED = { ">": "$gt", "<": "$lt", ">=": "$gte", "≥": "$gte", "<=": "$lte", "≤": "$lte" };
const QUOTED = /^(?:«(.*)»|"(.*)")$/su;
const NUMBER = /^[-−]?\d{1,15}(?:[.,]\d{1,15})?$/;
const OF_PASSAGES = new Set(["chunk_index", "headings", "end"]); // fields that are a passage's own

export const FORM = "Условие пишется так: поле = значение. Несколько условий разделяют точкой с запятой.";

/** The filter that a text means: null for an empty text, undefined for one that is no condition. */
export function filterOf(text) {
  const parts = text.split(";").map((part) => part.trim()).filter(Boolean);
  const filters = parts.map(condition);
  if (filters.includes(undefined)) return undefined;
  return filters.length ? joined("$and", filters) : null;
}

/** Conditions that hold for some of the candidates: ["topic = география"]. */
export function conditionsOf(candidates) {
  const told = candidates.flatMap(({ metadata = {} }) => Object.entries(metadata));
  return [...new Set(told.filter(([name]) => !OF_PASSAGES.has(name)).map(written))].filter(filterOf);
}

/** A field and its value as a condition is written. */
export function written([name, value]) {
  return `${name} = ${value}`;
}

function condition(text) {
  const [, field, sign, told] = CONDITION.exec(text) ?? [];
  if (!field) return undefined;
  if (sign in ORDERED) return NUMBER.test(told) ? { [field]: { [ORDERED[sign]]: number(told) } } : undefined;
  const equal = sign === "=";
  const readings = meanings(told).map((value) => ({ [field]: { [equal ? "$eq" : "$ne"]: value } }));
  return joined(equal ? "$or" : "$and", readings);
}

/** What a value may stand for: «1961» is a number in one index and text in another; quotes say that it is text. */
function meanings(told) {
  const quoted = QUOTED.exec(told);
  if (quoted) return [quoted[1] ?? quoted[2]];
  if (NUMBER.test(told)) return [told, number(told)];
  return told === "true" || told === "false" ? [told, told === "true"] : [told];
}

const number = (text) => Number(text.replace("−", "-").replace(",", "."));

const joined = (operator, filters) => (filters.length === 1 ? filters[0] : { [operator]: filters });
