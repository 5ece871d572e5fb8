// The access token: asked for when the server wants one, kept until the tab is closed.

import { byId } from "./dom.js";

const NAME = "russian-rag.token";
const GIVEN = "given";
const WRITABLE = /^[\x21-\x7e]+$/; // what a header may hold, and all that a key is ever made of
let held = null;
let asking = null;

/** The token, "" while there is none. */
export function token() {
  if (held === null) {
    try {
      held = sessionStorage.getItem(NAME) ?? "";
    } catch {
      held = "";
    }
  }
  return held;
}

/** Asks the person for a token and tells whether there is one now; calls that need it at once share one dialog. */
export function askedToken() {
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

/** Makes the dialog's buttons work. */
export function prepareToken() {
  const dialog = byId("token-dialog");
  byId("token-form").addEventListener("submit", (event) => {
    event.preventDefault(); // the page's policy lets no form be sent anywhere
    // A key that was typed in the Russian layout cannot even be sent.
    if (WRITABLE.test(byId("token").value.trim())) dialog.close(GIVEN);
    else refuse();
  });
  byId("token-refuse").addEventListener("click", () => dialog.close(""));
}

function ask() {
  const dialog = byId("token-dialog");
  const field = byId("token");
  byId("token-wrong").hidden = !token();
  field.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  field.focus();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        const given = dialog.returnValue === GIVEN;
        if (given) remember(field.value.trim());
        field.value = "";
        resolve(given);
      },
      { once: true },
    );
  });
}

function refuse() {
  byId("token-wrong").hidden = false;
  byId("token").select();
}

function remember(value) {
  held = value;
  try {
    sessionStorage.setItem(NAME, value);
  } catch {
    // Storage is forbidden: the token lives as long as the page.
  }
}
