// Keys of one character. They work by their place on the keyboard, so that the Russian layout has them too, and can be
// turned off: they get in the way of those who speak to their computers.

import { byId } from "./dom.js";
import { keep, kept } from "./stored.js";

const NAME = "keys";

/**
 * Makes the keys work.
 *
 * `actions` maps a key's code ("KeyJ", "Shift+Slash") to what it does; an action that returns false leaves the key
 * to the browser.
 * `escape` is what Escape does where no dialog is open.
 */
export function prepareKeys(actions, escape) {
  const control = byId("keys-on");
  control.checked = kept(NAME, true) !== false;
  control.addEventListener("change", () => keep(NAME, control.checked));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) escape();
    if (!control.checked || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const action = actions[(event.shiftKey ? "Shift+" : "") + event.code];
    if (action && action() !== false) event.preventDefault();
  });
}

function isTyping(target) {
  return target.matches("textarea, select, [contenteditable], input:not([type=checkbox], [type=file])");
}
