// The JSON API as the pages call it: same origin, the session's cookie, the CSRF token of the page, the one error shape.
import { words } from "./words.js";

const BASE = "/api/v1";

/** A path with its values encoded, whatever they hold: to`/tasks/${id}`. */
export function to(parts, ...values) {
  return parts.reduce((path, part, at) => path + encodeURIComponent(values[at - 1]) + part);
}

/** What the API answered instead of what was asked: `status` (0: no answer at all), `code`, `message`, `fields`. */
export class ApiError extends Error {
  constructor({ status, code, message, fields, retryAfter }) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.fields = fields ?? {};
    this.retryAfter = retryAfter ?? null;
  }

  /** Whether the session is over, so that nothing works until the person signs in again. */
  get signedOut() {
    return this.status === 401;
  }
}

/**
 * Call `METHOD /api/v1{path}` and return its JSON (null for 204). `key` is sent as Idempotency-Key.
 * Throws ApiError, also when the network fails.
 */
export async function call(method, path, body, options = {}) {
  try {
    return await once(method, path, body, options);
  } catch (error) {
    // Who signed in again, in another window, has a new token: this page takes it over, and nothing typed is lost.
    if (error.code !== "csrf_failed" || !(await takeToken())) throw error;
    return once(method, path, body, options);
  }
}

const tokenOf = (page) => page.querySelector('meta[name="csrf-token"]');

/** Take the token that this page would have if it were loaded now; resolves to whether it is the same person's. */
async function takeToken() {
  const response = await fetch(location.href, { credentials: "same-origin" }).catch(() => null);
  if (!response?.ok) return false;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  if (!tokenOf(fresh) || fresh.body.dataset.user !== document.body.dataset.user) return false;
  tokenOf(document).content = tokenOf(fresh).content;
  return true;
}

async function once(method, path, body, { key = null, signal = null }) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-CSRFToken"] = tokenOf(document)?.content ?? "";
  if (key) headers["Idempotency-Key"] = key;
  let response;
  try {
    response = await fetch(BASE + path, { method, headers, signal, credentials: "same-origin", body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({ status: 0, code: "unreachable", message: words.noAnswer });
  }
  if (response.status === 204) return null;
  let data = null;
  try {
    data = await response.json();
  } catch {
    throw new ApiError({ status: response.status, code: "unreadable", message: words.unreadable(response.status) });
  }
  if (response.ok) return data;
  // What the API says of tokens is for programs.
  if (response.status === 401) throw new ApiError({ status: 401, code: "not_signed_in", message: words.signedOut.join("") });
  const error = data?.error ?? {};
  const fallback = words.unreadable(response.status);
  throw new ApiError({ status: response.status, code: error.code, message: error.message ?? fallback, fields: error.fields, retryAfter: response.headers.get("Retry-After") });
}

/** A random id for Idempotency-Key; also where `randomUUID` is missing (it needs a secure context). */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** All texts of a field error, one string; the field's path may be nested (`schedule.cron`). */
export function fieldText(error, ...names) {
  const texts = [];
  for (const [field, messages] of Object.entries(error?.fields ?? {})) {
    if (names.some((name) => field === name || field.startsWith(`${name}.`))) texts.push(...[messages].flat());
  }
  return texts.join(" ");
}
