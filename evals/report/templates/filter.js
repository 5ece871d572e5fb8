"use strict";
// Hides failing questions by variant and by words; without scripts the page simply shows all of them.
(() => {
  const form = document.getElementById("filter");
  if (!form) return;
  const variant = form.elements.variant, words = form.elements.words, found = form.elements.found;
  const sections = [...document.querySelectorAll("section.variant")].map((element) => ({
    element,
    kinds: [...element.querySelectorAll("details.kind")].map((kind) => ({
      element: kind,
      entries: [...kind.querySelectorAll("details.entry")].map((entry) => ({ element: entry, text: null })),
    })),
  }));
  const fold = (text) => text.toLowerCase().replaceAll("ё", "е");
  const apply = () => {
    const wanted = fold(words.value).split(/\s+/).filter(Boolean);
    let count = 0;
    for (const section of sections) {
      const chosen = !variant.value || section.element.dataset.variant === variant.value;
      section.element.hidden = !chosen;
      if (!chosen) continue;
      const before = count;
      for (const kind of section.kinds) {
        let left = 0;
        for (const entry of kind.entries) {
          entry.text ??= fold(entry.element.textContent);
          const match = wanted.every((word) => entry.text.includes(word));
          entry.element.hidden = !match;
          left += match;
        }
        kind.element.hidden = !left;
        if (wanted.length) kind.element.open = left > 0;
        count += left;
      }
      section.element.hidden = count === before;
    }
    found.value = "Показано: " + count;
  };
  let timer;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(apply, 120);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  apply();
})();
