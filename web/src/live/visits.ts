/** The visits that go on: one per class whose page is open or in which a seat or place is held. */

import { Visitor, type VisitorNeeds } from "./visitor";

export class Visits {
  private readonly open = new Map<string, Visitor>();
  private readonly shown = new Map<string, number>();
  private readonly watchers = new Set<() => void>();
  private held: readonly Visitor[] = [];

  constructor(private readonly needs: VisitorNeeds) {}

  /** The visit to this class, for as long as its page is shown; pair it with `release`. */
  show(sessionId: string): Visitor {
    let visitor = this.open.get(sessionId);
    if (visitor === undefined) {
      visitor = new Visitor(sessionId, this.needs);
      visitor.watch(this.refresh);
      this.open.set(sessionId, visitor);
    }
    this.shown.set(sessionId, (this.shown.get(sessionId) ?? 0) + 1);
    return visitor;
  }

  /** The page is gone; the visit goes on only if something is held there. */
  release(sessionId: string): void {
    const count = (this.shown.get(sessionId) ?? 1) - 1;
    if (count > 0) this.shown.set(sessionId, count);
    else this.shown.delete(sessionId);
    this.refresh();
  }

  watch = (listener: () => void): (() => void) => {
    this.watchers.add(listener);
    return () => this.watchers.delete(listener);
  };

  /** Visits with a seat or a place, whichever page is shown. */
  holding = (): readonly Visitor[] => this.held;

  close(): void {
    for (const visitor of this.open.values()) visitor.close();
    this.open.clear();
    this.shown.clear();
    this.watchers.clear();
  }

  private refresh = (): void => {
    for (const [sessionId, visitor] of this.open) {
      if (visitor.holds || this.shown.has(sessionId)) continue;
      visitor.close();
      this.open.delete(sessionId);
    }
    this.held = [...this.open.values()].filter((visitor) => visitor.holds);
    for (const watcher of this.watchers) watcher();
  };
}
