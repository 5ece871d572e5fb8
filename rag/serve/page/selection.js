// Which candidates there are and which of them will be read. Nothing here touches the page.

/** Candidates of the newest search and what the person decided about them; pins outlive a search, all else does not. */
export class Selection {
  #found = new Map();
  #pinned = new Map();
  #dropped = new Set();
  #chosen = new Set();

  /** Takes the candidates of a new search; the first `best` are chosen, and what is pinned stays chosen. */
  begin(candidates, best) {
    this.#found = new Map(candidates.map((one) => [one.chunk_id, one]));
    this.#dropped.clear();
    this.#chosen = new Set(this.#pinned.keys());
    for (const id of this.#found.keys()) {
      if (this.#chosen.size >= best) break;
      this.#chosen.add(id);
    }
    for (const id of this.#pinned.keys()) if (this.#found.has(id)) this.#pinned.set(id, this.#found.get(id));
  }

  /** Pinned first, then as found; without the dropped. */
  get all() {
    const rest = [...this.#found.values()].filter(({ chunk_id: id }) => !this.#pinned.has(id));
    return [...this.#pinned.values(), ...rest].filter(({ chunk_id: id }) => !this.#dropped.has(id));
  }

  /** Ids of what will be read, in the order to read it. */
  get reading() {
    return this.all.map(({ chunk_id: id }) => id).filter((id) => this.#chosen.has(id));
  }

  get dropped() {
    return this.#dropped.size;
  }

  get(id) {
    return this.#found.get(id) ?? this.#pinned.get(id);
  }

  /** Place in the search's own order, from 1; 0 for a pin that the newest search did not find. */
  rank(id) {
    return [...this.#found.keys()].indexOf(id) + 1;
  }

  isChosen(id) {
    return this.#chosen.has(id) && !this.#dropped.has(id);
  }

  isPinned(id) {
    return this.#pinned.has(id);
  }

  choose(id, on) {
    if (on) this.#chosen.add(id);
    else this.#chosen.delete(id);
  }

  /** Pins or unpins; what is pinned is chosen. */
  pin(id, on) {
    if (on) {
      this.#pinned.set(id, this.get(id));
      this.#chosen.add(id);
      return;
    }
    this.#pinned.delete(id);
    if (!this.#found.has(id)) this.#chosen.delete(id);
  }

  drop(id) {
    this.pin(id, false);
    if (this.#found.has(id)) this.#dropped.add(id);
  }

  /** Brings back what was dropped. */
  restore() {
    this.#dropped.clear();
  }
}
