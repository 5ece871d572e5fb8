// What the browser keeps between visits. Storage may be forbidden or full: the page works without it.

const PREFIX = "russian-rag.";

/** A value kept under a name, or `otherwise` where there is none that can be read. */
export function kept(name, otherwise) {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

/** Keeps a value under a name; null forgets it. */
export function keep(name, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // A private window or a full disk: the value lives as long as the page.
  }
}
