// Which part of the page is shown, as the address says.

import { meant } from "./addresses.js";
import { byId } from "./dom.js";

const TITLES = { ask: "Вопрос", compare: "Сравнение", documents: "Документы" };

/** Follows the address; `entered` maps a view to what is done when it is shown, `dialog` shows documents. */
export function followAddress(entered, dialog) {
  let view = "ask";
  const follow = () => {
    const place = meant(location.hash);
    if (place.docId) {
      dialog.show(place, `#${view}`);
      return;
    }
    dialog.close();
    view = place.view;
    for (const name of Object.keys(TITLES)) {
      byId(`view-${name}`).hidden = name !== view;
      if (name === view) byId(`to-${name}`).setAttribute("aria-current", "page");
      else byId(`to-${name}`).removeAttribute("aria-current");
    }
    document.title = `${TITLES[view]} — russian-rag`;
    entered[view]?.();
  };
  addEventListener("hashchange", follow);
  follow();
}
