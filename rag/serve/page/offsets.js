// Offsets of the server count Unicode code points, as Python does; JavaScript's strings count UTF-16 units. A character
// outside the basic plane (an emoji, an ancient letter) is one of the former and two of the latter.

const PAIR = /[\ud800-\udbff][\udc00-\udfff]/;

/** A function from an offset in code points to the offset in UTF-16 units; offsets past the end give the end. */
export function unitsOf(text) {
  const clamp = (point, last) => Math.max(0, Math.min(point, last));
  if (!PAIR.test(text)) return (point) => clamp(point, text.length);
  const units = [];
  let unit = 0;
  for (const character of text) {
    units.push(unit);
    unit += character.length;
  }
  units.push(unit);
  return (point) => units[clamp(point, units.length - 1)];
}

/** Length in code points. */
export function pointsIn(text) {
  return PAIR.test(text) ? Array.from(text).length : text.length;
}

/** The part of a text between two offsets in code points. */
export function slice(text, start, end) {
  const unit = unitsOf(text);
  return text.slice(unit(start), unit(end));
}

/**
 * Cuts a text where marks begin and end.
 *
 * Marks are {start, end, kind} in code points; they may overlap, lie in any order or reach past the text. Returns
 * [{text, kinds}] whose texts join to the whole; `kinds` names the marks that cover a part, each once.
 */
export function segments(text, marks) {
  const unit = unitsOf(text);
  const placed = marks
    .map(({ start, end, kind }) => ({ start: unit(start), end: unit(end), kind }))
    .filter(({ start, end }) => start < end);
  const cuts = [...new Set([0, text.length, ...placed.flatMap(({ start, end }) => [start, end])])];
  cuts.sort((one, other) => one - other);
  return cuts.slice(0, -1).map((start, at) => {
    const covering = placed.filter((mark) => mark.start <= start && start < mark.end);
    return { text: text.slice(start, cuts[at + 1]), kinds: [...new Set(covering.map(({ kind }) => kind))] };
  });
}

/**
 * The stretch of a text worth showing first: about `size` code points around `focus` ({start, end} or null), cut at
 * white space. Returns {start, end} in code points.
 */
export function stretch(text, focus, size) {
  const characters = Array.from(text);
  if (characters.length <= size * 1.25) return { start: 0, end: characters.length };
  const middle = focus ? (focus.start + focus.end) / 2 : 0;
  let start = Math.max(0, Math.min(Math.round(middle - size / 2), characters.length - size));
  let end = Math.min(characters.length, start + size);
  if (focus) {
    start = Math.min(start, focus.start);
    end = Math.max(end, focus.end);
  }
  const blank = (at) => /\s/.test(characters[at]);
  const kept = focus ?? { start: end, end: start };
  for (let at = start; at < kept.start && at < start + 30 && start > 0; at += 1) {
    if (blank(at)) {
      start = at + 1;
      break;
    }
  }
  for (let at = end; at > kept.end && at > end - 30 && end < characters.length; at -= 1) {
    if (blank(at)) {
      end = at;
      break;
    }
  }
  return { start, end };
}
