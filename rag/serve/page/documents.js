// The documents of the index: looked through, searched by name, deleted.

import { ApiError, call } from "./api.js";
import { documentName } from "./document.js";
import { button, byId, element, fill } from "./dom.js";
import { isolated, shown } from "./marking.js";
import { clearError, say, showError } from "./notices.js";
import { CHARACTERS, CHUNKS, counted, integer } from "./numbers.js";

const PAGE = 50;
const PAUSE = 250; // milliseconds after the last key before the server is asked

/** The list's part of the page; `changed()` hears of a document that was deleted. */
export class Documents {
  #offset = 0;
  #total = 0;
  #writable;
  #changed;
  #call = null;
  #deleting = null;

  constructor({ writable }, changed) {
    this.#writable = writable;
    this.#changed = changed;
    let pause = 0;
    byId("documents-search").addEventListener("input", () => {
      clearTimeout(pause);
      pause = setTimeout(() => this.show(0), PAUSE);
    });
    byId("documents-back").addEventListener("click", () => this.show(this.#offset - PAGE));
    byId("documents-next").addEventListener("click", () => this.show(this.#offset + PAGE));
    byId("delete-confirm").addEventListener("click", () => this.#delete());
  }

  /** Shows the page of the list that begins at `offset`. */
  async show(offset = this.#offset) {
    this.#call?.abort();
    const mine = new AbortController();
    this.#call = mine;
    clearError(byId("documents-error"));
    const sought = byId("documents-search").value.trim();
    const fields = new URLSearchParams({ offset: Math.max(0, offset), limit: PAGE, q: sought });
    try {
      this.#draw(Math.max(0, offset), await call(`/api/documents?${fields}`, { signal: mine.signal }));
    } catch (error) {
      if (mine.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      showError(byId("documents-error"), error, () => this.show(offset));
    }
  }

  #draw(offset, { total, documents }) {
    if (!documents.length && offset > 0) {
      this.show(Math.max(0, Math.floor((total - 1) / PAGE)) * PAGE); // the last page has lost its last document
      return;
    }
    this.#offset = offset;
    this.#total = total;
    fill(byId("documents"), documents.map((one) => this.#row(one)));
    byId("documents-nothing").hidden = documents.length > 0;
    byId("documents-back").disabled = offset === 0;
    byId("documents-next").disabled = offset + PAGE >= total;
    byId("documents-pages").hidden = total <= PAGE;
    const until = offset + documents.length;
    const range = total > PAGE ? `${integer(offset + 1)}–${integer(until)} из ${integer(total)}` : "";
    byId("documents-range").textContent = range;
    byId("documents-count").textContent = integer(total);
  }

  #row({ doc_id: docId, title, characters, chunks }) {
    const name = shown(title || docId);
    const size = ` · ${counted(characters, CHARACTERS)} · ${counted(chunks, CHUNKS)}`;
    return element(
      "li",
      { "data-document": docId },
      element(
        "div",
        { class: "document-name" },
        documentName(docId, title),
        element("span", { class: "quiet" }, isolated(docId), size),
      ),
      this.#writable &&
        button("Удалить", {
          class: "small",
          "aria-label": `Удалить: ${name}`,
          click: () => this.#confirm(docId, name),
        }),
    );
  }

  #confirm(docId, name) {
    this.#deleting = docId;
    byId("delete-name").textContent = name;
    clearError(byId("delete-error"));
    byId("delete-dialog").showModal();
  }

  async #delete() {
    const docId = this.#deleting;
    const confirm = byId("delete-confirm");
    confirm.disabled = true;
    clearError(byId("delete-error"));
    try {
      await call(`/api/documents/${encodeURIComponent(docId)}`, { method: "DELETE" });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      showError(byId("delete-error"), error);
      return;
    } finally {
      confirm.disabled = false;
    }
    byId("delete-dialog").close();
    say("Документ удалён.");
    await this.show();
    byId("documents-search").focus(); // the row that held the focus is gone
    this.#changed();
  }
}
