/** Does what a visit needs: looks at the class, asks the door, follows the topics that the visit's state calls for. */

import type { LiveSessionStatus, Role } from "../api/types";
import type { RealtimeClient } from "../realtime/client";
import type { Json, WireError } from "../realtime/frames";
import type { Outcome } from "../realtime/line";
import type { PersonalFeed } from "./personalFeed";
import { afterAction, arriving, isOver, viewsOf, type View, type VisitAction, type VisitState } from "./visit";

export type Look = { ok: true; status: LiveSessionStatus } | { ok: false; error: WireError };

export interface VisitorNeeds {
  client: RealtimeClient;
  feed: PersonalFeed;
  look: (sessionId: string) => Promise<Look>;
  me: { id: string; role: Role };
}

const JOIN_TIMEOUT_MS = 60_000;
const LOOK_EVERY_MS = 5_000;
const LOOK_AGAIN_MS = 1_500;

export class Visitor {
  state: VisitState;
  private readonly watchers = new Set<() => void>();
  private readonly followed = new Map<View, () => void>();
  private readonly cleanups: (() => void)[];
  private timer: ReturnType<typeof setTimeout> | null = null;
  private closed = false;

  constructor(
    readonly sessionId: string,
    private readonly needs: VisitorNeeds,
  ) {
    this.state = arriving(needs.me);
    this.cleanups = [
      needs.feed.listen((event) => this.act({ type: "personal", event })),
      needs.client.watch(() => {
        const { state } = needs.client;
        if (state.at === "away" && state.reason !== "unauthenticated")
          this.act({ type: "sentAway", reason: state.reason });
      }),
    ];
    void this.look();
  }

  watch = (listener: () => void): (() => void) => {
    this.watchers.add(listener);
    return () => this.watchers.delete(listener);
  };

  snapshot = (): VisitState => this.state;

  /** Whether a seat or a place is held, so that the visit goes on while another page is shown. */
  get holds(): boolean {
    const { at } = this.state.standing;
    return (at === "seated" || at === "waiting" || at === "joining") && !this.over;
  }

  close(): void {
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    for (const cleanup of this.cleanups) cleanup();
    for (const stop of this.followed.values()) stop();
    this.followed.clear();
    this.watchers.clear();
  }

  /** Ask for a seat, or for a place if all are taken and `waitlist` says so. */
  async join(waitlist = true): Promise<void> {
    if (this.state.standing.at === "joining") return;
    this.needs.client.start();
    this.act({ type: "joining" });
    const args = { sessionId: this.sessionId, waitlist };
    const outcome = await this.needs.client.command("session.join", args, JOIN_TIMEOUT_MS);
    if (this.closed) return;
    this.act({ type: "joinAnswered", outcome });
    if (!outcome.ok) void this.look();
  }

  async leave(): Promise<Outcome> {
    const outcome = await this.command("session.leave");
    if (outcome.ok) this.act({ type: "left" });
    return outcome;
  }

  /** Come back to this window after another one took over. */
  takeBack(): void {
    this.needs.client.start();
    this.state = arriving(this.needs.me);
    this.tell();
    void this.look();
  }

  command(name: string, args: Json = {}): Promise<Outcome> {
    return this.needs.client.command(name, { sessionId: this.sessionId, ...args });
  }

  async vote(pollId: string, choices: number[]): Promise<Outcome> {
    const outcome = await this.command("poll.vote", { pollId, choices });
    if (outcome.ok) this.act({ type: "voted", pollId, choices });
    return outcome;
  }

  /** See how the class stands now; also called by itself while nothing is followed. */
  async look(): Promise<void> {
    const found = await this.needs.look(this.sessionId);
    if (this.closed) return;
    this.act(found.ok ? { type: "looked", status: found.status } : { type: "lookRefused", error: found.error });
  }

  private get over(): boolean {
    return this.state.session !== null && isOver(this.state.session);
  }

  private act(action: VisitAction): void {
    if (this.closed) return;
    const before = this.state;
    this.state = afterAction(before, action);
    this.followWhatIsNeeded();
    const lost = action.type === "refused" && this.state.standing.at === "outside";
    this.lookLater(lost ? LOOK_AGAIN_MS : LOOK_EVERY_MS);
    if (this.state !== before) this.tell();
  }

  private tell(): void {
    for (const watcher of this.watchers) watcher();
  }

  /** While a topic is followed it tells everything; otherwise somebody has to ask now and then. */
  private lookLater(afterMs: number): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const { at } = this.state.standing;
    if (this.over || at === "stranger" || at === "elsewhere" || at === "joining" || this.followed.size > 0) return;
    this.timer = setTimeout(() => void this.look(), afterMs);
  }

  /** What is new comes first: following something of the class without a pause is what keeps a person present in it. */
  private followWhatIsNeeded(): void {
    const needed = new Set(viewsOf(this.state));
    for (const view of needed) if (!this.followed.has(view)) this.follow(view);
    for (const [view, stop] of this.followed) {
      if (needed.has(view)) continue;
      this.followed.delete(view);
      stop();
    }
  }

  private follow(view: View): void {
    const topic = view === "" ? `live:${this.sessionId}` : `live:${this.sessionId}:${view}`;
    const stop = this.needs.client.follow(topic, (message) => {
      switch (message.kind) {
        case "snapshot":
          return this.act({ type: "snapshot", view, snapshot: message.snapshot });
        case "events":
          return this.act({ type: "events", view, events: message.events });
        case "refused":
          this.followed.delete(view);
          this.act({ type: "refused", view, error: message.error });
      }
    });
    this.followed.set(view, stop);
  }
}
