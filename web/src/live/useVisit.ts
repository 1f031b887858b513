import { useEffect, useState, useSyncExternalStore } from "react";
import { useRealtime } from "../app/RealtimeProvider";
import type { Visitor } from "./visitor";
import type { VisitState } from "./visit";

/** The visit to a class for as long as the calling page is shown; null until the realtime client stands. */
export function useVisitor(sessionId: string): Visitor | null {
  const visits = useRealtime()?.visits ?? null;
  const [visitor, setVisitor] = useState<Visitor | null>(null);
  useEffect(() => {
    if (visits === null) return undefined;
    setVisitor(visits.show(sessionId));
    return () => {
      setVisitor(null);
      visits.release(sessionId);
    };
  }, [visits, sessionId]);
  return visitor;
}

export function useVisitState(visitor: Visitor): VisitState {
  return useSyncExternalStore(visitor.watch, visitor.snapshot);
}
