// A document read at a place: a window of its text, with the quoted stretch lit, that grows to either side.

import { documentLink, meant } from "./addresses.js";
import { ApiError, call } from "./api.js";
import { byId, element, fill } from "./dom.js";
import { isolated, marked, shown, within } from "./marking.js";
import { clearError, showError } from "./notices.js";
import { CHARACTERS, counted } from "./numbers.js";
import { pointsIn } from "./offsets.js";

const PAGE = 8000; // code points asked for at a time
const BEFORE = 1500; // of them, those that stand before the quote

/** The dialog; it is opened and closed by the address alone, so that the browser's «back» works. */
export class DocumentView {
  #dialog = byId("document-dialog");
  #open = null; // {docId, generation, characters, from, text, start, end}
  #call = null;

  constructor() {
    this.#dialog.addEventListener("close", () => {
      if (meant(location.hash).docId) history.pushState(null, "", this.#behind);
    });
    byId("document-earlier").addEventListener("click", () => this.#earlier());
    byId("document-later").addEventListener("click", () => this.#later());
  }

  #behind = "#ask";

  /** Opens a document at a stretch, or at its beginning; `behind` is the address to close to. */
  async show({ docId, start, end }, behind) {
    this.#behind = behind;
    fill(byId("document-text"));
    byId("document-title").textContent = shown(docId);
    byId("document-facts").textContent = "Загружаю…";
    if (!this.#dialog.open) this.#dialog.showModal();
    const from = Math.max(0, (start ?? 0) - BEFORE);
    const part = await this.#fetch(docId, from, Math.max(PAGE, (end ?? 0) - from + BEFORE));
    if (!part) return;
    this.#open = { docId, generation: part.generation, characters: part.characters, from, text: part.text, start, end };
    byId("document-title").textContent = shown(part.title || docId);
    byId("document-facts").textContent = `${shown(docId)} · ${counted(part.characters, CHARACTERS)}`;
    this.#draw();
    const lit = byId("document-text").querySelector("mark.quote");
    if (lit) lit.scrollIntoView({ block: "center" });
    else byId("document-scroll").scrollTop = 0;
  }

  close() {
    if (this.#dialog.open) this.#dialog.close();
  }

  async #earlier() {
    const open = this.#open;
    const from = Math.max(0, open.from - PAGE);
    const part = await this.#fetch(open.docId, from, open.from - from);
    if (!part || this.#isStale(part)) return;
    const scroll = byId("document-scroll");
    const below = scroll.scrollHeight - scroll.scrollTop;
    Object.assign(open, { from, text: part.text + open.text });
    this.#draw();
    scroll.scrollTop = scroll.scrollHeight - below; // the line that was being read stays where it was
  }

  async #later() {
    const open = this.#open;
    const part = await this.#fetch(open.docId, open.from + pointsIn(open.text), PAGE);
    if (!part || this.#isStale(part)) return;
    open.text += part.text;
    this.#draw();
  }

  /** A document that changed meanwhile does not fit the part on the screen: it is opened anew. */
  #isStale(part) {
    if (part.generation === this.#open.generation) return false;
    this.show(this.#open, this.#behind);
    return true;
  }

  async #fetch(docId, offset, limit) {
    this.#call?.abort();
    const mine = new AbortController();
    this.#call = mine;
    clearError(byId("document-error"));
    const fields = new URLSearchParams({ offset, length: limit });
    try {
      return await call(`/api/documents/${encodeURIComponent(docId)}?${fields}`, { signal: mine.signal });
    } catch (error) {
      if (mine.signal.aborted) return null;
      if (!(error instanceof ApiError)) throw error;
      byId("document-facts").textContent = "";
      for (const id of ["document-earlier", "document-later"]) byId(id).hidden = true;
      showError(byId("document-error"), error);
      return null;
    }
  }

  #draw() {
    const { from, text, start, end, characters } = this.#open;
    const until = from + pointsIn(text);
    const lit = start === null ? [] : within([{ start, end, kind: "quote" }], from, until);
    fill(byId("document-text"), marked(text, lit));
    byId("document-earlier").hidden = from === 0;
    byId("document-later").hidden = until >= characters;
  }
}

/** A link to a document's beginning. */
export function documentName(docId, title) {
  return element("a", { href: documentLink(docId) }, isolated(title || docId));
}
