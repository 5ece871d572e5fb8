// Candidates as a list: filtered, sorted, their scores made comparable. Nothing here touches the page.

/** Names of the components that scored any of the candidates, in the order in which the stages added them. */
export function componentsOf(candidates) {
  return [...new Set(candidates.flatMap(({ scores }) => Object.keys(scores)))];
}

/**
 * Length of a component's bar for each of its values in a list, as a function from value to a share in [0, 1].
 *
 * Scores that are never negative are drawn from zero; others (logits of a cross-encoder) from the lowest of the list,
 * which keeps a sliver, since it is a score too.
 */
export function scaleOf(component, candidates) {
  const values = candidates.map(({ scores }) => scores[component]).filter(Number.isFinite);
  const high = Math.max(...values);
  const low = Math.min(...values);
  if (!values.length) return () => 0;
  if (low >= 0) return (value) => (high > 0 ? value / high : 0);
  return (value) => (high > low ? 0.05 + (0.95 * (value - low)) / (high - low) : 1);
}

/** The documents of a list: [{docId, title, count}], by title. */
export function documentsOf(candidates) {
  const found = new Map();
  for (const { doc_id: docId, title } of candidates) {
    const one = found.get(docId) ?? { docId, title: title || docId, count: 0 };
    one.count += 1;
    found.set(docId, one);
  }
  return [...found.values()].sort((one, other) => alphabetical(one.title, other.title));
}

/** Candidates whose title or text holds `text`, and that are of document `docId` where one is named. */
export function filtered(candidates, { text = "", docId = "" }) {
  const sought = folded(text.trim());
  return candidates.filter(
    (one) => (!docId || one.doc_id === docId) && (!sought || folded(`${one.title}\n${one.text}`).includes(sought)),
  );
}

/**
 * Candidates in another order: "found" as they came, "title" by title, "score:NAME" by a component, highest first;
 * those that the component did not score come last, equals stay as they came.
 */
export function sorted(candidates, order) {
  if (order === "title") return [...candidates].sort((one, other) => alphabetical(one.title, other.title));
  if (!order.startsWith("score:")) return [...candidates];
  const name = order.slice("score:".length);
  const value = ({ scores }) => (Number.isFinite(scores[name]) ? scores[name] : -Infinity);
  return [...candidates].sort((one, other) => (value(one) === value(other) ? 0 : value(other) - value(one)));
}

const alphabetical = new Intl.Collator("ru", { numeric: true }).compare;

function folded(text) {
  return text.toLowerCase().replaceAll("ё", "е");
}
