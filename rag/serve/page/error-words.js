// What went wrong, in Russian, by the code of the error. The server's own sentence is English and for programmers: it
// is shown beside these words, never alone.

import { counted, SECONDS } from "./numbers.js";

const SAID = {
  bad_request: "Сервер не понял запрос.",
  unauthorized: "Нужен ключ доступа: без него или с неверным ключом сервер не отвечает.",
  forbidden_origin: "Сервер не принимает запросы со страниц другого адреса.",
  forbidden_host: "Сервер не отвечает по этому адресу. Откройте страницу по адресу, с которым он запущен.",
  read_only: "Этот сервер открыт только для чтения: здесь ничего не меняют.",
  not_found: "Такого адреса на сервере нет.",
  unknown_document: "Такого документа в индексе нет: возможно, его удалили.",
  method_not_allowed: "Сервер не выполняет такое действие.",
  slow_body: "Файл или запрос передавался слишком медленно.",
  chunks_gone: "Индекс обновился, и выбранных фрагментов в нём больше нет. Повторите поиск.",
  too_large: "Слишком большой файл или запрос.",
  unsupported_type: "Такие файлы не принимаются, или содержимое файла не соответствует его расширению.",
  invalid_request: "Запрос составлен неверно.",
  unusable_question: "По такому вопросу нечего искать: в нём нет значимых слов. Спросите подробнее.",
  unreadable_document:
    "Файл не удалось прочитать: он пуст, повреждён или записан не так, как принято для его вида. Текст должен быть в" +
    " кодировке UTF-8, а в таблице должны быть столбцы doc_id, title и text.",
  busy: "Сервер занят.",
  internal: "На сервере произошла ошибка.",
  index_locked: "Индекс сейчас обновляет кто-то другой.",
  unavailable: "Сервер пока не готов отвечать: он запускается, останавливается, или ему не хватает модели.",
  timeout: "Сервер не успел ответить за отведённое время.",
  network: "Нет связи с сервером. Проверьте, запущен ли он.",
  broken: "Связь оборвалась, и ответ пришёл не целиком.",
};

// The same request would fail in the same way.
const FINAL = new Set([
  "forbidden_origin", "forbidden_host", "read_only", "not_found", "unknown_document", "method_not_allowed",
  "too_large", "unsupported_type", "invalid_request", "unusable_question", "unreadable_document", "bad_request",
]);

// The Russian words say all that the English ones do.
const WHOLE = new Set(["unusable_question", "unauthorized", "read_only", "unknown_document", "busy", "timeout", "chunks_gone"]);

/** One or two sentences about an ApiError. */
export function explained(error) {
  const said = SAID[error.code] ?? "Произошла ошибка.";
  return error.retryAfter ? `${said} Повторите через ${counted(error.retryAfter, SECONDS)}.` : said;
}

/** What the server's log knows an error by, "" for one that never reached it. */
export function reference(error) {
  return error.id ? `Номер ошибки: ${error.id}.` : "";
}

/** The server's own sentence, "" where it adds nothing. */
export function detail(error) {
  return error.id && !WHOLE.has(error.code) ? error.said : "";
}

export const isWorthRepeating = (error) => !FINAL.has(error.code);
