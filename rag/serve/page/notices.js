// Lines that say what happened: quiet ones for a screen reader, alarms for everybody.

import { button, byId, element, fill } from "./dom.js";
import { detail, explained, isWorthRepeating, reference } from "./error-words.js";

/** Says a line to screen readers, and shows it nowhere. */
export function say(text) {
  byId("said").textContent = text;
}

/** Shows an error in a box; `again` is what the button «Повторить» does, where that may help. */
export function showError(box, error, again = null) {
  const said = detail(error);
  fill(
    box,
    element(
      "div",
      { class: "alarm", role: "alert" },
      element("p", {}, explained(error)),
      error.id && element("p", { class: "quiet" }, reference(error)),
      said && element("p", { class: "quiet", lang: "en" }, said),
      again && isWorthRepeating(error) && button("Повторить", { class: "small", click: again }),
    ),
  );
  box.hidden = false;
}

/** Shows an alarm of the page's own in a box. */
export function alarm(box, text) {
  fill(box, element("p", { class: "alarm", role: "alert" }, text));
  box.hidden = false;
}

/** A place for errors, emptied. */
export function clearError(box) {
  fill(box);
  box.hidden = true;
}

/** Whether an error is only that somebody stopped the work. */
export function wasStopped(error) {
  return error?.name === "AbortError";
}
