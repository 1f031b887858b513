/** Offers and answers over HTTP: WHIP (RFC 9725) to publish, WHEP to watch; and what a refusal means. */

import { fetchSignedIn } from "../api/client";
import { problemOf } from "../api/problem";
import { currentAccount } from "../auth/account";
import { UNREACHABLE, type Failure } from "./attempts";

export type MediaMode = "embedded" | "livekit" | "off";

export interface MediaServer {
  mode: MediaMode;
  iceServers: RTCIceServer[];
}

export type ServerAnswer = { ok: true; server: MediaServer } | { ok: false; failure: Failure };
export type Answer = { ok: true; sdp: string; location: string | null } | { ok: false; failure: Failure };

/** What is asked is always answered: these promises are never rejected. */
export interface Signalling {
  server(): Promise<ServerAnswer>;
  offer(path: string, sdp: string): Promise<Answer>;
  /** Ends a media session without waiting; it works while the page is going away too. */
  end(location: string): void;
}

// `fetch` throws without words when the network or the server is away.
const AWAY = { ok: false, failure: { kind: "failed", sentence: UNREACHABLE } } as const;
const LONGEST_WAIT_MS = 60_000;

/** What to do about an answer that is not 2xx. `retryAfter` is the header's text, whole seconds. */
export function failureOf(status: number, retryAfter: string | null, body: unknown): Failure {
  const sentence = problemOf(status, body).message;
  const seconds = retryAfter === null || retryAfter.trim() === "" ? NaN : Number(retryAfter);
  const again = status === 408 || status === 425 || status === 429 || status >= 500;
  if (!again) return { kind: "refused", sentence };
  if (!Number.isFinite(seconds) || seconds < 0) return { kind: "failed", sentence };
  return { kind: "busy", afterMs: Math.min(LONGEST_WAIT_MS, seconds * 1000), sentence };
}

async function failureIn(response: Response): Promise<Failure> {
  const body: unknown = await response.json().catch(() => null);
  return failureOf(response.status, response.headers.get("Retry-After"), body);
}

interface IceServerTold {
  urls: string | string[];
  username?: string | null;
  credential?: string | null;
}

/** What `GET …/media` answered; an API without this route has no video. */
export function serverOf(body: unknown): MediaServer {
  const told = (typeof body === "object" && body !== null ? body : {}) as { mode?: unknown; iceServers?: unknown };
  if (told.mode !== "embedded" && told.mode !== "livekit") return { mode: "off", iceServers: [] };
  const servers = Array.isArray(told.iceServers) ? (told.iceServers as IceServerTold[]) : [];
  // Browsers take a null for the word "null".
  const iceServers = servers.map(({ urls, username, credential }) => ({
    urls,
    ...(username == null ? {} : { username }),
    ...(credential == null ? {} : { credential }),
  }));
  return { mode: told.mode, iceServers };
}

/** Signs in as the REST client does. */
export function signallingOf(sessionId: string): Signalling {
  const base = new URL(`/api/live-sessions/${sessionId}/media`, location.origin);
  return {
    async server() {
      try {
        const response = await fetchSignedIn(new Request(base));
        if (response.status === 404) return { ok: true, server: serverOf(null) };
        if (!response.ok) return { ok: false, failure: await failureIn(response) };
        const body: unknown = await response.json().catch(() => null);
        return { ok: true, server: serverOf(body) };
      } catch {
        return AWAY;
      }
    },
    async offer(path, sdp) {
      const request = new Request(new URL(`${base.pathname}/${path}`, location.origin), {
        method: "POST",
        headers: { "Content-Type": "application/sdp", Accept: "application/sdp, application/problem+json" },
        body: sdp,
      });
      try {
        const response = await fetchSignedIn(request);
        if (response.ok)
          return { ok: true, sdp: await response.text(), location: placeOf(response.headers.get("Location")) };
        return { ok: false, failure: await failureIn(response) };
      } catch {
        return AWAY;
      }
    },
    end(location) {
      const account = currentAccount();
      if (account.at !== "in") return;
      const headers = { Authorization: `Bearer ${account.accessToken}` };
      // A session whose end does not arrive ends by its silence.
      fetch(location, { method: "DELETE", headers, keepalive: true }).catch(() => undefined);
    },
  };
}

/** The address of the media session, which is always our own: the token goes nowhere else. */
function placeOf(header: string | null): string | null {
  if (header === null) return null;
  const place = new URL(header, location.origin);
  return `${location.origin}${place.pathname}${place.search}`;
}
