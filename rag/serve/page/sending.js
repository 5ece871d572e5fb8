// Files on their way to the server, and what it tells while it takes them in.

import { ApiError, authorization, told } from "./api.js";
import { EventParser } from "./events.js";
import { counted, FILES } from "./numbers.js";
import { indexing } from "./words.js";

/**
 * Sends files by XMLHttpRequest, since fetch does not tell how much has gone; resolves with the data of the last event.
 *
 * `report(stage, done, total)` hears how far the work is; `total` is null where nobody knows. `signal` stops it.
 */
export function send(files, report, signal) {
  const form = new FormData();
  for (const file of files) form.append("files", file, file.name);
  const request = new XMLHttpRequest();
  const parser = new EventParser();
  let read = 0;
  let last = null;
  const take = () => {
    const events = parser.feed(request.responseText.slice(read));
    read = request.responseText.length;
    for (const { name, data } of told(events)) {
      if (name === "progress") report(indexing(data.stage), data.done, data.total);
      else if (name === "done") last = data;
    }
  };
  return new Promise((resolve, reject) => {
    const settled = (settle) => () => {
      try {
        settle();
      } catch (error) {
        reject(error);
      }
    };
    request.open("POST", "/api/documents");
    request.setRequestHeader("Accept", "text/event-stream");
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    const sending = `Отправка: ${counted(files.length, FILES)}`;
    request.upload.addEventListener("progress", ({ loaded, total }) => report(sending, loaded, total));
    request.addEventListener("progress", settled(() => request.status === 200 && take()));
    request.addEventListener(
      "load",
      settled(() => {
        if (request.status !== 200) throw refused(request);
        take();
        if (!last) throw new ApiError("broken");
        resolve(last);
      }),
    );
    request.addEventListener("error", () => reject(new ApiError("network")));
    request.addEventListener("abort", () => reject(signal.reason));
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

function refused(request) {
  let body = null;
  try {
    body = JSON.parse(request.responseText);
  } catch {
    // Something between here and the server answered in its own way.
  }
  return ApiError.of(body, request.status, Number(request.getResponseHeader("Retry-After")) || 0);
}
