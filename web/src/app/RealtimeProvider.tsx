/** One realtime client a signed-in person, and what hangs on it. */

import { createContext, useContext, useEffect, useState, useSyncExternalStore, type ReactNode } from "react";
import { api, bodyOf } from "../api/client";
import { wireErrorOf } from "../api/problem";
import type { User } from "../api/types";
import { PersonalFeed } from "../live/personalFeed";
import type { Look } from "../live/visitor";
import { Visits } from "../live/visits";
import { browserClient } from "../realtime/browserClient";
import type { RealtimeClient } from "../realtime/client";
import type { LineState } from "../realtime/line";

export interface Realtime {
  client: RealtimeClient;
  feed: PersonalFeed;
  visits: Visits;
}

const Context = createContext<Realtime | null>(null);

async function look(sessionId: string): Promise<Look> {
  try {
    const answer = api.GET("/api/live-sessions/{id}/status", { params: { path: { id: sessionId } } });
    return { ok: true, status: await bodyOf(answer) };
  } catch (thrown) {
    return { ok: false, error: wireErrorOf(thrown) };
  }
}

function begin(user: User): Realtime {
  const client = browserClient();
  const feed = new PersonalFeed(client, user.id);
  return { client, feed, visits: new Visits({ client, feed, look, me: { id: user.id, role: user.role } }) };
}

export function RealtimeProvider({ user, children }: { user: User; children: ReactNode }) {
  const [realtime, setRealtime] = useState<Realtime | null>(null);
  const { id, role } = user;
  useEffect(() => {
    const begun = begin({ ...user, id, role });
    const hurry = () => begun.client.hurry();
    window.addEventListener("online", hurry);
    begun.client.start();
    setRealtime(begun);
    return () => {
      window.removeEventListener("online", hurry);
      begun.visits.close();
      begun.feed.close();
      begun.client.stop();
      setRealtime(null);
    };
    // Another name or address of the same person is no reason to connect anew.
  }, [id, role]);
  return <Context.Provider value={realtime}>{children}</Context.Provider>;
}

/** Null for the moment before the provider has set up, and for visitors who are not signed in. */
export function useRealtime(): Realtime | null {
  return useContext(Context);
}

export function useLineState(client: RealtimeClient): LineState {
  return useSyncExternalStore(client.watch, () => client.state);
}
