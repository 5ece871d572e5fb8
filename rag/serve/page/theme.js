// Light or dark: the system's choice until the person makes one.

import { byId } from "./dom.js";
import { keep, kept } from "./stored.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

/** Makes the switch work; the choice itself is put in force by early.js, before the page is drawn. */
export function prepareTheme() {
  const control = byId("theme");
  control.value = ["light", "dark"].includes(kept("theme", "")) ? kept("theme", "") : "system";
  control.addEventListener("change", () => {
    keep("theme", control.value === "system" ? null : control.value);
    apply(control.value);
  });
  dark.addEventListener("change", () => apply(control.value));
}

function apply(choice) {
  const wanted = choice === "system" ? (dark.matches ? "dark" : "light") : choice;
  document.documentElement.dataset.theme = wanted;
}
