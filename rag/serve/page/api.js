// Calls of the server: JSON in, JSON or server-sent events out, one kind of error.

import { EventParser } from "./events.js";
import { askedToken, token } from "./token.js";

/** Whatever kept a call from its answer; `code` is the server's, or "network", or "broken". */
export class ApiError extends Error {
  constructor(code, { id = "", said = "", param = null, status = 0, retryAfter = 0 } = {}) {
    super(`${code} ${said}`.trim());
    Object.assign(this, { name: "ApiError", code, id, said, param, status, retryAfter });
  }

  /** The error that a body of the server's shape tells of. */
  static of(body, status = 0, retryAfter = 0) {
    const told = body?.error;
    if (!told?.code) return new ApiError("broken", { status });
    return new ApiError(told.code, { id: told.id, said: told.message, param: told.param, status, retryAfter });
  }
}

/** The JSON that a path answers with. */
export async function call(path, { method = "GET", body, signal } = {}) {
  const response = await asked(path, { method, body, signal, accept: "application/json" });
  try {
    return await response.json();
  } catch (error) {
    throw lost(error);
  }
}

/** The events of a stream, one by one as {name, data}; `error` is thrown, and an end before `done` is an error too. */
export async function* streamed(path, { body, signal }) {
  const response = await asked(path, { method: "POST", body, signal, accept: "text/event-stream" });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventParser();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new ApiError("broken");
      for (const event of told(parser.feed(value))) {
        yield event;
        if (event.name === "done") return;
      }
    }
  } catch (error) {
    throw error instanceof ApiError ? error : lost(error);
  } finally {
    reader.cancel().catch(() => {}); // whoever stops listening tells the server so
  }
}

/** Events with their data read; the server's `error` is thrown. */
export function* told(events) {
  for (const { name, data } of events) {
    const read = parsed(data);
    if (name === "error") throw ApiError.of(read);
    yield { name, data: read };
  }
}

/** What to send beside a request. */
export function authorization() {
  return token() ? { Authorization: `Bearer ${token()}` } : {};
}

async function asked(path, { method, body, signal, accept }) {
  for (;;) {
    const used = token();
    const headers = { Accept: accept, ...authorization() };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const response = await fetched(path, { method, headers, body: body && JSON.stringify(body), signal });
    if (response.ok) return response;
    const error = ApiError.of(await response.json().catch(() => null), response.status, seconds(response));
    // Another call may have got a token since this one was sent.
    if (response.status !== 401 || (token() === used && !(await askedToken()))) throw error;
  }
}

async function fetched(path, options) {
  try {
    return await fetch(path, { ...options, credentials: "omit", cache: "no-store" });
  } catch (error) {
    throw lost(error);
  }
}

/** What a failed connection is: a stop that was asked for stays what it is. */
function lost(error) {
  return error.name === "AbortError" ? error : new ApiError("network");
}

function seconds(response) {
  return Math.ceil(Number(response.headers.get("Retry-After"))) || 0;
}

function parsed(data) {
  try {
    return JSON.parse(data);
  } catch {
    throw new ApiError("broken");
  }
}
