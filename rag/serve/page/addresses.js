// What the address bar holds after «#»: which part of the page is shown, and which place of which document.

const VIEWS = ["ask", "compare", "documents"];

/** The address of a document, or of a stretch of it in code points. */
export function documentLink(docId, start, end) {
  const fields = new URLSearchParams({ document: docId });
  if (start !== undefined && end !== undefined) {
    fields.set("start", start);
    fields.set("end", end);
  }
  return `#${fields}`;
}

/** What an address means: {view} or {docId, start, end}, the latter two null where no stretch is named. */
export function meant(hash) {
  const text = hash.replace(/^#/, "");
  if (VIEWS.includes(text)) return { view: text };
  const fields = new URLSearchParams(text);
  if (!fields.get("document")) return { view: "ask" };
  const [start, end] = [offset(fields.get("start")), offset(fields.get("end"))];
  const stretch = start !== null && end !== null && start < end;
  return { docId: fields.get("document"), start: stretch ? start : null, end: stretch ? end : null };
}

function offset(text) {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
