/** What went wrong, in one shape for REST and the socket: a code for the program, a sentence for the person. */

import type { WireError } from "../realtime/frames";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly error: WireError,
    readonly correlationId: string | null,
  ) {
    super(error.message);
  }

  get code(): string {
    return this.error.errorCode;
  }
}

interface ProblemBody {
  errorCode?: string;
  message?: string;
  detail?: string;
  details?: Record<string, unknown>;
  correlationId?: string;
}

const PLAIN: Record<number, string> = {
  401: "Please sign in to go on.",
  403: "You may not do this.",
  404: "This page or thing does not exist.",
  413: "That is too large.",
  429: "That was a bit fast. Please wait a moment.",
  502: "Lyceum cannot be reached just now. Please try again.",
  503: "Lyceum cannot be reached just now. Please try again.",
  504: "Lyceum took too long to answer. Please try again.",
};

/** The error that a response's body tells, whatever a proxy on the way made of it. */
export function problemOf(status: number, body: unknown): ApiError {
  const told = (typeof body === "object" && body !== null ? body : {}) as ProblemBody;
  const message = told.message ?? told.detail ?? PLAIN[status] ?? "Something went wrong. Please try again.";
  const error = {
    errorCode: told.errorCode ?? `http_${status}`,
    message,
    details: told.details ?? {},
    retry: status === 429 || status >= 500,
  };
  return new ApiError(status, error, told.correlationId ?? null);
}

export const UNREACHABLE: WireError = {
  errorCode: "unreachable",
  message: "Lyceum cannot be reached. Check your connection; we will keep trying.",
  details: {},
  retry: true,
};

/** Any thrown thing as a wire error: a failed `fetch` throws without words for people. */
export function wireErrorOf(thrown: unknown): WireError {
  return thrown instanceof ApiError ? thrown.error : UNREACHABLE;
}

export function sentenceOf(thrown: unknown): string {
  return wireErrorOf(thrown).message;
}

/** The sentences a 422 has for single fields, by field. */
export function fieldErrors(thrown: unknown): Record<string, string> {
  const { details } = wireErrorOf(thrown);
  const fields = Array.isArray(details.fields) ? (details.fields as { field?: unknown; message?: unknown }[]) : [];
  const pairs = fields.flatMap(({ field, message }) =>
    typeof field === "string" && typeof message === "string" ? [[field.replace(/^body\./, ""), message] as const] : [],
  );
  return Object.fromEntries(pairs);
}
