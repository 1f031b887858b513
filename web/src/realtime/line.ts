/**
 * The client's side of `lyceum.v1` without any I/O: what was asked, what is followed and from where, what to do next.
 * Every method returns effects in order; `client.ts` carries them out. Time enters as an argument (milliseconds).
 */

import { backoffMs } from "./backoff";
import { endingOf, type StayReason } from "./closeCodes";
import { parseFrame, type ClientFrame, type Json, type Position, type TopicEvent, type WireError } from "./frames";

export type LineState =
  | { at: "idle" }
  | { at: "connecting"; attempt: number }
  | { at: "open"; connectionId: string }
  | { at: "lost"; attempt: number; retryAt: number }
  | { at: "away"; reason: StayReason };

export type TopicMessage =
  | { kind: "snapshot"; snapshot: Json }
  | { kind: "events"; events: TopicEvent[] }
  | { kind: "refused"; error: WireError };

export type Outcome = { ok: true; result: Json } | { ok: false; error: WireError };

export type Effect =
  | { do: "connect"; afterMs: number; renew: boolean }
  | { do: "send"; frame: ClientFrame }
  | { do: "drop"; code: number; reason: string }
  | { do: "deliver"; topic: string; message: TopicMessage }
  | { do: "answer"; id: string; outcome: Outcome }
  | { do: "changed" };

interface Pending {
  name: string;
  args: Json;
  deadline: number;
  /** When to send it again although the connection stood all the time (a refusal that said `retry`). */
  sendAt: number | null;
  tries: number;
}

interface Followed {
  position: Position | null;
  /** The subscribe frame that waits for its answer. */
  asked: string | null;
  askAt: number | null;
  tries: number;
}

export const MAX_PENDING = 64;
const SILENCE_MS = 10_000;
const STABLE_MS = 5_000;
const WELCOME_MS = 15_000;

const TOO_LATE: WireError = {
  errorCode: "no_answer",
  message: "There was no answer in time. Please try again.",
  details: {},
  retry: true,
};
const TOO_MUCH: WireError = {
  errorCode: "too_many",
  message: "Too much is waiting for an answer already. Please try again in a moment.",
  details: {},
  retry: true,
};

export class Line {
  state: LineState = { at: "idle" };
  private readonly pending = new Map<string, Pending>();
  private readonly followed = new Map<string, Followed>();
  private attempt = 0;
  private renewed = false;
  private sequence = 0;
  private openedAt = 0;
  private heardAt = 0;
  private pingedAt: number | null = null;
  private heartbeatMs = 25_000;

  constructor(private readonly random: () => number) {}

  /** Open the line, or open it again after it was told to stay away. */
  start(now: number): Effect[] {
    if (this.state.at !== "idle" && this.state.at !== "away") return [];
    this.attempt = 0;
    this.renewed = false;
    return this.connect(now, 0, false);
  }

  /** Close for good: nothing is followed or waited for afterwards. */
  stop(): Effect[] {
    if (this.state.at === "idle") return [];
    const effects: Effect[] = [...this.pending.keys()].map((id) => ({
      do: "answer",
      id,
      outcome: { ok: false, error: TOO_LATE },
    }));
    this.pending.clear();
    this.followed.clear();
    this.state = { at: "idle" };
    return [...effects, { do: "drop", code: 1000, reason: "done" }, { do: "changed" }];
  }

  /** The network came back: do not wait for the backoff. */
  hurry(now: number): Effect[] {
    return this.state.at === "lost" ? this.connect(now, 0, false) : [];
  }

  /** The socket is open; the hello goes first. */
  opened(token: string, now: number): Effect[] {
    this.heardAt = now;
    return [{ do: "send", frame: { type: "hello", token } }];
  }

  received(text: string, now: number): Effect[] {
    this.heardAt = now;
    this.pingedAt = null;
    const frame = parseFrame(text);
    switch (frame?.type) {
      case "welcome":
        return this.welcomed(frame.connectionId, frame.heartbeatSeconds, now);
      case "reply":
        return this.replied(
          frame.id,
          frame.ok ? { ok: true, result: frame.result } : { ok: false, error: frame.error },
          now,
        );
      case "subscribed":
        return this.subscribed(frame.topic, frame, frame.recovered ? null : frame.snapshot);
      case "events":
        return this.happened(frame.topic, frame.epoch, frame.events);
      default:
        return [];
    }
  }

  /** The socket closed, or could not be opened (1006). */
  closed(code: number, now: number): Effect[] {
    if (this.state.at === "idle" || this.state.at === "away") return [];
    const stable = this.state.at === "open" && now - this.openedAt >= STABLE_MS;
    if (stable) this.attempt = 0;
    for (const topic of this.followed.values()) topic.asked = null;
    const ending = endingOf(code, this.renewed);
    if (ending.next === "stay") return this.stayAway(ending.reason);
    if (ending.next === "renew") {
      this.renewed = true;
      return this.connect(now, 0, true);
    }
    const afterMs = backoffMs(this.attempt, this.random());
    this.attempt += 1;
    this.state = { at: "lost", attempt: this.attempt, retryAt: now + afterMs };
    return [{ do: "changed" }, { do: "connect", afterMs, renew: false }];
  }

  /** The attempt that `connect` asked for begins now. */
  connecting(now: number): Effect[] {
    this.heardAt = now;
    this.state = { at: "connecting", attempt: this.attempt };
    return [{ do: "changed" }];
  }

  /** Nobody is signed in any more. */
  signedOut(): Effect[] {
    return this.stayAway("unauthenticated");
  }

  /** Ask; the same id is sent again after every reconnect until it is answered or `timeoutMs` has passed. */
  command(id: string, name: string, args: Json, timeoutMs: number, now: number): Effect[] {
    if (this.pending.size >= MAX_PENDING) return [{ do: "answer", id, outcome: { ok: false, error: TOO_MUCH } }];
    this.pending.set(id, { name, args, deadline: now + timeoutMs, sendAt: null, tries: 0 });
    return this.state.at === "open" ? [{ do: "send", frame: { type: "command", id, name, args } }] : [];
  }

  subscribe(topic: string): Effect[] {
    if (this.followed.has(topic)) return [];
    this.followed.set(topic, { position: null, asked: null, askAt: null, tries: 0 });
    return this.state.at === "open" ? this.ask(topic) : [];
  }

  unsubscribe(topic: string): Effect[] {
    if (!this.followed.delete(topic) || this.state.at !== "open") return [];
    return [{ do: "send", frame: { type: "unsubscribe", id: this.nextId(), topic } }];
  }

  /** Call about once a second: pings, silence, deadlines and delayed repeats. */
  tick(now: number): Effect[] {
    const effects: Effect[] = [];
    for (const [id, wait] of this.pending) {
      if (now >= wait.deadline) {
        this.pending.delete(id);
        effects.push({ do: "answer", id, outcome: { ok: false, error: TOO_LATE } });
      } else if (wait.sendAt !== null && now >= wait.sendAt && this.state.at === "open") {
        wait.sendAt = null;
        effects.push({ do: "send", frame: { type: "command", id, name: wait.name, args: wait.args } });
      }
    }
    if (this.state.at === "connecting" && now - this.heardAt > WELCOME_MS)
      return [...effects, { do: "drop", code: 4000, reason: "no welcome" }];
    if (this.state.at !== "open") return effects;
    for (const [topic, entry] of this.followed)
      if (entry.askAt !== null && now >= entry.askAt) effects.push(...this.ask(topic));
    if (this.pingedAt !== null && now - this.pingedAt > SILENCE_MS) {
      this.pingedAt = null;
      effects.push({ do: "drop", code: 4000, reason: "silence" });
    } else if (this.pingedAt === null && now - this.heardAt >= this.heartbeatMs) {
      this.pingedAt = now;
      effects.push({ do: "send", frame: { type: "ping" } });
    }
    return effects;
  }

  private connect(now: number, afterMs: number, renew: boolean): Effect[] {
    this.state = { at: "lost", attempt: this.attempt, retryAt: now + afterMs };
    return [{ do: "changed" }, { do: "connect", afterMs, renew }];
  }

  private stayAway(reason: StayReason): Effect[] {
    const error: WireError = { errorCode: reason, message: "The connection was closed.", details: {}, retry: false };
    const effects: Effect[] = [...this.pending.keys()].map((id) => ({
      do: "answer",
      id,
      outcome: { ok: false, error },
    }));
    this.pending.clear();
    this.state = { at: "away", reason };
    return [...effects, { do: "changed" }];
  }

  private welcomed(connectionId: string, heartbeatSeconds: number, now: number): Effect[] {
    this.state = { at: "open", connectionId };
    this.openedAt = now;
    this.renewed = false;
    this.heartbeatMs = heartbeatSeconds * 1000;
    const effects: Effect[] = [{ do: "changed" }];
    for (const topic of this.followed.keys()) effects.push(...this.ask(topic));
    for (const [id, wait] of this.pending) {
      wait.sendAt = null;
      effects.push({ do: "send", frame: { type: "command", id, name: wait.name, args: wait.args } });
    }
    return effects;
  }

  private ask(topic: string): Effect[] {
    const entry = this.followed.get(topic);
    if (entry === undefined) return [];
    entry.asked = this.nextId();
    entry.askAt = null;
    const frame: ClientFrame = { type: "subscribe", id: entry.asked, topic };
    if (entry.position !== null) frame.since = { ...entry.position };
    return [{ do: "send", frame }];
  }

  private replied(id: string, outcome: Outcome, now: number): Effect[] {
    const wait = this.pending.get(id);
    if (wait !== undefined) {
      if (!outcome.ok && outcome.error.retry) {
        const again = now + this.pause(outcome.error, wait.tries);
        if (again < wait.deadline) {
          wait.tries += 1;
          wait.sendAt = again;
          return [];
        }
      }
      this.pending.delete(id);
      return [{ do: "answer", id, outcome }];
    }
    for (const [topic, entry] of this.followed) {
      if (entry.asked !== id || outcome.ok) continue;
      entry.asked = null;
      if (outcome.error.retry) {
        entry.askAt = now + this.pause(outcome.error, entry.tries);
        entry.tries += 1;
        return [];
      }
      this.followed.delete(topic);
      return [{ do: "deliver", topic, message: { kind: "refused", error: outcome.error } }];
    }
    return [];
  }

  private pause(error: WireError, tries: number): number {
    const told = error.details.retryAfterSeconds;
    return typeof told === "number" ? told * 1000 : 250 + backoffMs(tries, this.random());
  }

  private subscribed(topic: string, at: Position & { id: string }, snapshot: Json | null): Effect[] {
    const entry = this.followed.get(topic);
    if (entry === undefined || entry.asked !== at.id) return [];
    entry.asked = null;
    entry.tries = 0;
    if (snapshot === null) {
      // Recovered: the missed events follow, so the offset stays where it is and only the ownership is new.
      entry.position = { epoch: at.epoch, offset: entry.position?.offset ?? at.offset };
      return [];
    }
    entry.position = { epoch: at.epoch, offset: at.offset };
    return [{ do: "deliver", topic, message: { kind: "snapshot", snapshot } }];
  }

  private happened(topic: string, epoch: number, events: TopicEvent[]): Effect[] {
    const entry = this.followed.get(topic);
    if (entry === undefined || entry.position === null || entry.asked !== null) return [];
    if (epoch < entry.position.epoch) return [];
    const fresh: TopicEvent[] = [];
    let { offset } = entry.position;
    let hole = false;
    for (const event of events) {
      if (event.offset <= offset) continue;
      if (event.offset > offset + 1) {
        hole = true;
        break;
      }
      offset = event.offset;
      fresh.push(event);
    }
    entry.position = { epoch, offset };
    const effects: Effect[] = [];
    if (fresh.length > 0) effects.push({ do: "deliver", topic, message: { kind: "events", events: fresh } });
    if (hole) effects.push(...this.ask(topic));
    return effects;
  }

  private nextId(): string {
    this.sequence += 1;
    return `s${this.sequence}`;
  }
}
