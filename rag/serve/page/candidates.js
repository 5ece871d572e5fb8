// The list of candidates: what was found, why, and what of it will be read.

import { card, lightIn } from "./card.js";
import { byId, element, fill } from "./dom.js";
import { componentsOf, documentsOf, filtered, scaleOf, sorted } from "./listing.js";
import { shown } from "./marking.js";
import { integer } from "./numbers.js";
import { pointsIn } from "./offsets.js";
import { Selection } from "./selection.js";
import { component } from "./words.js";

/** The candidates' part of the page. */
export class Candidates {
  #selection = new Selection();
  #opened = new Set(); // ids whose whole text is shown
  #changed;
  #list = byId("candidates");

  /** `changed(ids)` hears what will be read whenever that changes. */
  constructor(changed) {
    this.#changed = changed;
    for (const id of ["filter-text", "filter-document", "sort"]) byId(id).addEventListener("input", () => this.#draw());
    byId("restore").addEventListener("click", () => {
      this.#selection.restore();
      this.#update();
    });
    byId("choose-none").addEventListener("click", () => {
      for (const id of this.#selection.reading) this.#selection.choose(id, false);
      this.#update();
    });
  }

  /** Ids of the chosen, in the order to read them. */
  get reading() {
    return this.#selection.reading;
  }

  get(id) {
    return this.#selection.get(id);
  }

  /** Shows what a search found for a question, the first `best` chosen. */
  show(question, candidates, best) {
    byId("found-question").textContent = question;
    this.#selection.begin(candidates, best);
    this.#opened.clear();
    byId("filter-text").value = "";
    this.#offerFilters();
    byId("found").hidden = false;
    this.#update();
  }

  /** Lights a citation's quote in its passage, scrolled to where asked; null puts the light out. */
  light(citation, scroll) {
    for (const lit of this.#list.querySelectorAll(".lit")) {
      lit.classList.remove("lit");
      this.#redrawText(lit.dataset.chunk);
    }
    const row = citation && this.#row(citation.chunk_id);
    if (!row) return;
    row.classList.add("lit");
    const candidate = this.get(citation.chunk_id);
    const quote = placed(citation, candidate);
    if (quote) lightIn(row, candidate, quote);
    if (scroll) (row.querySelector("mark.quote") ?? row).scrollIntoView({ block: "nearest" });
  }

  /** Whether the keyboard's focus is on one of them. */
  get hasFocus() {
    return this.#list.contains(document.activeElement);
  }

  /** Moves the focus by `step` candidates, from the first where none has it. */
  move(step) {
    const rows = [...this.#list.children];
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + step))];
    next?.querySelector("input").focus();
    next?.scrollIntoView({ block: "nearest" });
  }

  /** Does to the candidate that has the focus what its button does. */
  press(action) {
    const row = document.activeElement?.closest?.("#candidates > li");
    row?.querySelector(`[data-action="${action}"]`)?.click();
  }

  #update() {
    this.#draw();
    this.#changed(this.reading);
  }

  #offerFilters() {
    const all = this.#selection.all;
    const option = (value, label) => element("option", { value }, label);
    fill(
      byId("filter-document"),
      option("", "Все документы"),
      documentsOf(all).map(({ docId, title, count }) => option(docId, `${shown(title)} (${count})`)),
    );
    const order = byId("sort").value;
    const scored = componentsOf(all).map((name) => option(`score:${name}`, `По оценке: ${component(name)}`));
    fill(byId("sort"), option("found", "Как нашлись"), option("title", "По названию"), scored);
    byId("sort").value = [...byId("sort").options].some(({ value }) => value === order) ? order : "found";
  }

  #draw() {
    const all = this.#selection.all;
    const kept = filtered(all, { text: byId("filter-text").value, docId: byId("filter-document").value });
    const ordered = sorted(kept, byId("sort").value);
    const pinned = ordered.filter(({ chunk_id: id }) => this.#selection.isPinned(id));
    const rest = ordered.filter(({ chunk_id: id }) => !this.#selection.isPinned(id));
    const scales = new Map(componentsOf(all).map((name) => [name, scaleOf(name, all)]));
    const focused = this.#focused();
    fill(this.#list, [...pinned, ...rest].map((one) => this.#card(one, scales)));
    this.#focus(focused);
    const count = kept.length === all.length ? integer(all.length) : `${kept.length} из ${all.length}`;
    byId("found-count").textContent = count;
    byId("found-nothing").hidden = kept.length > 0;
    const nothing = all.length ? "Под условия отбора не подходит ни один кандидат." : "Ничего не нашлось.";
    byId("found-nothing").textContent = nothing;
    byId("restore").hidden = !this.#selection.dropped;
    byId("restore").textContent = `Вернуть убранные (${this.#selection.dropped})`;
  }

  #card(candidate, scales) {
    const id = candidate.chunk_id;
    const selection = this.#selection;
    return card(candidate, {
      rank: selection.rank(id),
      chosen: selection.isChosen(id),
      pinned: selection.isPinned(id),
      opened: this.#opened.has(id),
      scales,
      choose: (on) => {
        selection.choose(id, on);
        this.#row(id).classList.toggle("chosen", on);
        this.#changed(this.reading);
      },
      pin: () => {
        selection.pin(id, !selection.isPinned(id));
        this.#update();
      },
      drop: () => {
        const rows = [...this.#list.children];
        const next = rows[rows.findIndex((row) => row.dataset.chunk === id) + 1];
        selection.drop(id);
        this.#update();
        // The focus would fall to the top of the page with the row that held it.
        (next && this.#row(next.dataset.chunk)?.querySelector("input"))?.focus();
      },
      open: (on) => {
        if (on) this.#opened.add(id);
        else this.#opened.delete(id);
        this.#redrawText(id);
      },
    });
  }

  #redrawText(id) {
    const row = this.#row(id);
    if (row) lightIn(row, this.get(id), null, this.#opened.has(id));
  }

  #row(id) {
    return [...this.#list.children].find((row) => row.dataset.chunk === id);
  }

  #focused() {
    const row = document.activeElement?.closest?.("#candidates > li");
    return row && { chunk: row.dataset.chunk, action: document.activeElement.dataset.action };
  }

  #focus(focused) {
    const row = focused && this.#row(focused.chunk);
    const control = row?.querySelector(`[data-action="${focused.action}"]`) ?? row?.querySelector("input");
    control?.focus({ preventScroll: true });
  }
}

/** A quote's place in a passage, null where it lies outside: the passage may be shown with its neighbours or without. */
export function placed({ start, end }, passage) {
  const quote = { start: start - passage.start, end: end - passage.start };
  return quote.start >= 0 && quote.end <= pointsIn(passage.text) ? quote : null;
}
