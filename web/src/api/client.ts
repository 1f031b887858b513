/** The REST client: typed by the OpenAPI document, signed in by the account, every failure an `ApiError`. */

import createClient, { type Middleware } from "openapi-fetch";
import { accessToken } from "../auth/account";
import { newId } from "../realtime/ids";
import { noteServerDate } from "./clock";
import { problemOf } from "./problem";
import type { paths } from "./schema";

const TIMEOUT_MS = 20_000;

async function send(request: Request): Promise<Response> {
  const token = await accessToken();
  if (token !== null) request.headers.set("Authorization", `Bearer ${token}`);
  return fetch(request, { signal: AbortSignal.timeout(TIMEOUT_MS) });
}

/** Fetch as whoever is signed in; a token that was revoked meanwhile is renewed once. */
export async function fetchSignedIn(request: Request): Promise<Response> {
  if (request.method === "POST") request.headers.set("Idempotency-Key", newId());
  const again = request.clone();
  const response = await send(request);
  noteServerDate(response.headers.get("Date"));
  if (response.status !== 401 || !request.headers.has("Authorization")) return response;
  return (await accessToken(true)) === null ? response : send(again);
}

const failures: Middleware = {
  async onResponse({ response }) {
    if (response.ok) return undefined;
    const body: unknown = await response.json().catch(() => null);
    throw problemOf(response.status, body);
  },
};

export const api = createClient<paths>({ baseUrl: location.origin, fetch: fetchSignedIn });
api.use(failures);

/** The body of an answer that has one; failures were thrown before. */
export async function bodyOf<T>(answer: Promise<{ data?: T | undefined }>): Promise<T> {
  const { data } = await answer;
  if (data === undefined) throw problemOf(502, null);
  return data;
}
