import { token } from "./token.js";

/** The service refused a call (RFC 9457), or could not be reached: then `status` is 0. */
export class Problem extends Error {
  constructor(status, detail, field = null) {
    super(detail);
    this.status = status;
    this.field = field;
  }

  /** Whether another token may help. */
  get isAboutRights() {
    return this.status === 401 || this.status === 403;
  }
}

/**
 * Call the service; throws a `Problem`.
 * @param {string} path below the page's own address
 * @param {{method?: string, body?: unknown, match?: string | null, signal?: AbortSignal}} [options]
 *     `match`: the ETag that a change is based on; null: there must be nothing yet
 * @returns {Promise<Response>}
 */
export async function call(path, { method = "GET", body, match, signal } = {}) {
  const headers = {};
  if (token()) headers.Authorization = `Bearer ${token()}`;
  if (match) headers["If-Match"] = match;
  if (match === null) headers["If-None-Match"] = "*";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "the governor can't be reached");
  }
  if (response.ok) return response;
  throw await problem(response);
}

/** Read what the service knows at `path`. */
export const read = async (path, options) => (await call(path, options)).json();

async function problem(response) {
  try {
    const { detail, title, field } = await response.json();
    return new Problem(response.status, detail || title, field);
  } catch {
    return new Problem(response.status, `${response.status} ${response.statusText}`);
  }
}
