/**
 * Who is signed in. The access token lives in memory only; the refresh token is a cookie that no script can read,
 * so a reload starts with a silent refresh.
 */

import type { User } from "../api/types";
import { problemOf } from "../api/problem";

export type Account =
  { at: "unknown" } | { at: "out" } | { at: "in"; user: User; accessToken: string; staleAt: number };

interface Grant {
  accessToken: string;
  expiresIn: number;
  user: User;
}

const SEEN = "lyceum.signed-in";
const EARLY_MS = 60_000;

let account: Account = { at: "unknown" };
let refreshing: Promise<Account> | null = null;
const watchers = new Set<() => void>();

export const currentAccount = (): Account => account;

export function watchAccount(listener: () => void): () => void {
  watchers.add(listener);
  return () => watchers.delete(listener);
}

function become(next: Account): Account {
  account = next;
  for (const watcher of watchers) watcher();
  return next;
}

async function post(path: string, body: unknown, token?: string): Promise<Response> {
  const headers: Record<string, string> = {
    "Content-Type": "application/json",
    Accept: "application/json",
    "X-Lyceum-Client": "web",
  };
  if (token !== undefined) headers.Authorization = `Bearer ${token}`;
  return fetch(path, { method: "POST", headers, body: JSON.stringify(body), credentials: "same-origin" });
}

async function bodyOf(response: Response): Promise<unknown> {
  return response.json().catch(() => null);
}

function enter(grant: Grant): Account {
  localStorage.setItem(SEEN, "yes");
  const staleAt = Date.now() + grant.expiresIn * 1000 - EARLY_MS;
  return become({ at: "in", user: grant.user, accessToken: grant.accessToken, staleAt });
}

export async function signIn(email: string, password: string): Promise<void> {
  const response = await post("/api/auth/login", { email, password });
  const body = await bodyOf(response);
  if (!response.ok) throw problemOf(response.status, body);
  enter(body as Grant);
}

export async function signOut(): Promise<void> {
  const token = account.at === "in" ? account.accessToken : undefined;
  localStorage.removeItem(SEEN);
  become({ at: "out" });
  await post("/api/auth/logout", {}, token);
}

/** A newer access token by the cookie. One at a time, over all tabs: the cookie rotates, and an old one is a theft. */
export function refresh(): Promise<Account> {
  refreshing ??= exclusively(refreshOnce).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function exclusively<T>(work: () => Promise<T>): Promise<T> {
  // Browsers offer locks in secure contexts only; a page on plain http in a LAN goes without.
  return "locks" in navigator ? navigator.locks.request("lyceum.refresh", work) : work();
}

async function refreshOnce(): Promise<Account> {
  const response = await post("/api/auth/refresh", {});
  const body = await bodyOf(response);
  if (response.ok) {
    return enter(body as Grant);
  }
  if (response.status >= 500 || response.status === 429) throw problemOf(response.status, body);
  localStorage.removeItem(SEEN);
  return become({ at: "out" });
}

/** Find out who is signed in; somebody who never signed in here costs no request. */
export async function resume(): Promise<Account> {
  if (account.at !== "unknown") return account;
  if (localStorage.getItem(SEEN) === null) return become({ at: "out" });
  return refresh();
}

/** A token that is good for a minute at least; null when nobody is signed in. */
export async function accessToken(renew = false): Promise<string | null> {
  const now = account.at === "unknown" ? await resume() : account;
  if (now.at !== "in") return null;
  if (!renew && Date.now() < now.staleAt) return now.accessToken;
  const next = await refresh();
  return next.at === "in" ? next.accessToken : null;
}
