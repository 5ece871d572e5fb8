// Numbers and counted nouns as a Russian reader expects them.

const NO_BREAK = "\u00a0";
const MINUS = "\u2212";
const NOTHING = "—";

export const DOCUMENTS = ["документ", "документа", "документов"];
export const CHUNKS = ["фрагмент", "фрагмента", "фрагментов"];
export const CANDIDATES = ["кандидат", "кандидата", "кандидатов"];
export const CHARACTERS = ["знак", "знака", "знаков"];
export const FILES = ["файл", "файла", "файлов"];
export const SUB_QUESTIONS = ["подвопроса", "подвопросов", "подвопросов"]; // in the genitive, after «после»
export const SEARCHES = ["поиск", "поиска", "поисков"];
export const TOKENS = ["токен", "токена", "токенов"];
export const SECONDS = ["секунду", "секунды", "секунд"];

/** The form of a noun that goes with a count: plural(21, DOCUMENTS) is "документ". */
export function plural(count, forms) {
  const tail = Math.abs(count) % 100;
  if (!Number.isInteger(count)) return forms[1];
  if (tail >= 11 && tail <= 14) return forms[2];
  if (tail % 10 === 1) return forms[0];
  return tail % 10 >= 2 && tail % 10 <= 4 ? forms[1] : forms[2];
}

/** A number with its noun: "2 документа". */
export function counted(count, forms) {
  return `${integer(count)}${NO_BREAK}${plural(count, forms)}`;
}

/** A whole number: integer(43642) is "43 642", four digits stay together. */
export function integer(value) {
  const digits = String(Math.abs(Math.round(value)));
  const text = digits.length > 4 ? digits.replace(/\B(?=(\d{3})+$)/g, NO_BREAK) : digits;
  return value < 0 && digits !== "0" ? MINUS + text : text;
}

/** A number with a decimal comma: decimal(0.9119, 2) is "0,91". */
export function decimal(value, digits) {
  if (!Number.isFinite(value)) return NOTHING;
  const text = Math.abs(value).toFixed(digits);
  return (value < 0 && Number(text) !== 0 ? MINUS : "") + text.replace(".", ",");
}

/** A ranking score of unknown scale, with about three significant digits. */
export function score(value) {
  const size = Math.abs(value);
  return decimal(value, size >= 100 ? 1 : size >= 1 ? 2 : 3);
}

/** A share as a percentage: "29 %". */
export function percent(share) {
  return `${decimal(100 * share, 0)}${NO_BREAK}%`;
}

/** A duration: "48 мс", "1,3 с". */
export function duration(seconds) {
  return seconds < 1 ? `${integer(1000 * seconds)}${NO_BREAK}мс` : `${decimal(seconds, 1)}${NO_BREAK}с`;
}

/** A size: "640 КБ", "20 МБ". */
export function bytes(count) {
  const units = ["Б", "КБ", "МБ", "ГБ"];
  let step = 0;
  let size = count;
  for (; size >= 1024 && step < units.length - 1; step += 1) size /= 1024;
  return `${Number.isInteger(size) ? integer(size) : decimal(size, 1)}${NO_BREAK}${units[step]}`;
}
