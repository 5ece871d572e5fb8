// Files sent to the index, with progress: first of the sending, then of the indexing.

import { ApiError } from "./api.js";
import { documentName } from "./document.js";
import { byId, element, fill } from "./dom.js";
import { isWorthRepeating } from "./error-words.js";
import { shown } from "./marking.js";
import { alarm, clearError, showError, wasStopped } from "./notices.js";
import { bytes, CHUNKS, counted, DOCUMENTS, integer } from "./numbers.js";
import { send } from "./sending.js";
import { askedToken, token } from "./token.js";

const NAMED = 10; // documents of an update that are listed

/** The upload's part of the page; `changed()` hears of an index that has grown. */
export class Upload {
  #limits;
  #changed;
  #sending = null; // the AbortController of files on their way

  constructor({ writable, limits }, changed) {
    this.#limits = limits;
    this.#changed = changed;
    byId("upload").hidden = !writable;
    byId("read-only").hidden = writable;
    if (!writable) return;
    const field = byId("upload-files");
    field.accept = limits.upload_suffixes.join(",");
    byId("upload-hint").textContent =
      `Принимаются ${limits.upload_suffixes.join(", ")}; всего не больше ${bytes(limits.upload_bytes)} за раз.`;
    field.addEventListener("change", () => {
      this.#take([...field.files]);
      field.value = ""; // so that the same file can be chosen again
    });
    byId("upload-stop").addEventListener("click", () => this.#sending?.abort());
    this.#receiveDrops(byId("upload"));
  }

  #receiveDrops(zone) {
    // A file dropped beside the zone would make the browser leave the page for it.
    for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());
    for (const name of ["dragenter", "dragover"]) zone.addEventListener(name, () => zone.classList.add("dragged"));
    for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("dragged"));
    zone.addEventListener("drop", (event) => this.#take([...event.dataTransfer.files]));
  }

  async #take(files) {
    if (!files.length || this.#sending) return;
    clearError(byId("upload-error"));
    byId("upload-result").textContent = "";
    fill(byId("upload-documents"));
    const refused = refusal(files, this.#limits);
    if (refused) {
      alarm(byId("upload-error"), refused);
      return;
    }
    this.#sending = new AbortController();
    byId("upload-files").disabled = true;
    byId("upload-progress").hidden = false;
    progress("Отправка", 0, null);
    byId("upload-stop").focus(); // the field that held the focus takes nothing now
    try {
      const update = await this.#sent(files);
      byId("upload-result").textContent = outcome(update);
      fill(byId("upload-documents"), update.documents.slice(0, NAMED).map(line));
      this.#changed();
    } catch (error) {
      if (wasStopped(error)) this.#stopped();
      else if (error instanceof ApiError) this.#failed(error, files);
      else throw error;
    } finally {
      const hadFocus = byId("upload-progress").contains(document.activeElement);
      this.#sending = null;
      byId("upload-files").disabled = false;
      if (hadFocus) byId("upload-files").focus();
      byId("upload-progress").hidden = true;
    }
  }

  #failed(error, files) {
    showError(byId("upload-error"), error, () => this.#take(files));
    const noneAdded = element("p", {}, "Ни один из этих файлов не добавлен.");
    if (files.length > 1 && !isWorthRepeating(error)) byId("upload-error").firstChild.append(noneAdded);
  }

  #stopped() {
    byId("upload-result").textContent = "Отменено.";
    this.#changed(); // it may have been too late: the list shows what is there
  }

  async #sent(files) {
    for (;;) {
      const used = token();
      try {
        return await send(files, progress, this.#sending.signal);
      } catch (error) {
        if (error.status !== 401 || (token() === used && !(await askedToken()))) throw error;
      }
    }
  }
}

function line({ doc_id: docId, title, chunks }) {
  return element("li", {}, documentName(docId, title), element("span", { class: "quiet" }, counted(chunks, CHUNKS)));
}

/** Why files are not even sent, "" where they are. */
export function refusal(files, limits) {
  const suffixes = limits.upload_suffixes;
  const unfit = files.filter(({ name }) => !suffixes.some((suffix) => name.toLowerCase().endsWith(suffix)));
  if (unfit.length) {
    const names = unfit.map(({ name }) => shown(name)).join(", ");
    return `Файлы такого вида не принимаются: ${names}. Подойдут ${suffixes.join(", ")}.`;
  }
  const names = files.map(({ name }) => name.normalize());
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice) {
    return `Два файла называются одинаково: ${shown(twice)}. Один заменил бы другой: переименуйте его.`;
  }
  const size = files.reduce((sum, file) => sum + file.size, 0);
  if (size > limits.upload_bytes) {
    return `Слишком много за один раз: ${bytes(size)}. Предел — ${bytes(limits.upload_bytes)}.`;
  }
  return "";
}

/** What an update did: "Добавлено: 2 документа. Без изменений: 1 документ." */
export function outcome({ added, changed, unchanged }) {
  const parts = [
    ["Добавлено", added],
    ["Обновлено", changed],
    ["Без изменений", unchanged],
  ].filter(([, count]) => count > 0);
  if (!parts.length) return "В файлах не нашлось текста.";
  return `${parts.map(([word, count]) => `${word}: ${counted(count, DOCUMENTS)}`).join(". ")}.`;
}

function progress(stage, done, total) {
  const bar = byId("upload-bar");
  const isKnown = total > 1; // a single file is either read or not
  if (isKnown) {
    bar.max = total;
    bar.value = done;
  } else bar.removeAttribute("value");
  const share = isKnown ? ` — ${integer((100 * done) / total)}\u00a0%` : "…";
  byId("upload-stage").textContent = stage + share;
}
