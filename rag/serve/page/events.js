// Server-sent events out of a stream of text, by the rules of the HTML standard (section "Parsing an event stream").

/** Takes text as it comes, in pieces of any size, and gives the events that are complete: [{name, data}]. */
export class EventParser {
  #rest = "";
  #name = "";
  #data = [];
  #begun = false;

  feed(text) {
    const events = [];
    this.#rest += text;
    if (!this.#begun && this.#rest) {
      this.#rest = this.#rest.replace(/^\ufeff/, "");
      this.#begun = true;
    }
    for (;;) {
      const end = /\r\n|\r|\n/.exec(this.#rest);
      // A carriage return at the very end may be half of a pair: the next piece will tell.
      if (!end || (end[0] === "\r" && end.index + 1 === this.#rest.length)) return events;
      const line = this.#rest.slice(0, end.index);
      this.#rest = this.#rest.slice(end.index + end[0].length);
      if (line === "") this.#dispatch(events);
      else this.#take(line);
    }
  }

  #dispatch(events) {
    if (this.#data.length) events.push({ name: this.#name || "message", data: this.#data.join("\n") });
    this.#name = "";
    this.#data = [];
  }

  #take(line) {
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment, which keeps the connection alive
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
  }
}
