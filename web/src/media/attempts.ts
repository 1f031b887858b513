/**
 * When a media session is opened, begun anew, and given up: the rules without any I/O. Every method answers what to do,
 * in order. Time enters as an argument (milliseconds).
 */

import { backoffMs } from "../realtime/backoff";

export type Failure =
  /** Asking again would change nothing. */
  | { kind: "refused"; sentence: string }
  /** The server said when to ask again. */
  | { kind: "busy"; afterMs: number; sentence: string }
  | { kind: "failed"; sentence: string };

export type AttemptState =
  | { at: "idle" }
  | { at: "opening"; why: string | null }
  | { at: "open" }
  | { at: "waiting"; retryAt: number; why: string }
  | { at: "refused"; why: string };

export type Effect = "open" | "close";

/** How long the server may take to answer, and after that the first path through the network. */
export const CONNECT_MS = 8_000;
/** After so long in which things flowed, the next failure counts as the first. */
export const STABLE_MS = 5_000;
/** A class that asked for a node is told of it in an event that may come after the answer. */
export const PLACED_MS = 3_000;
const SPREAD_MS = 500;

export const NO_PATH =
  "No way through the network was found for picture and sound. A firewall or a VPN may be in the way; trying again.";
export const UNREACHABLE = "The server cannot be reached. Trying again.";
export const STALLED = "Picture and sound stopped coming. Trying again.";
const MOVED = "The video of this class moved to another server.";

export class Attempts {
  state: AttemptState = { at: "idle" };
  private tries = 0;
  private since = 0;
  private generation = 0;
  /** Whether the server has answered in this attempt. */
  private reached = false;

  constructor(private readonly random: () => number) {}

  start(now: number): Effect[] {
    if (this.state.at !== "idle" && this.state.at !== "refused") return [];
    this.tries = 0;
    return this.open(now, null);
  }

  stop(): Effect[] {
    if (this.state.at === "idle") return [];
    this.state = { at: "idle" };
    return ["close"];
  }

  /** The server answered while the class was at `generation`. */
  answered(generation: number, now: number): void {
    this.generation = generation;
    this.reached = true;
    this.since = now;
  }

  connected(now: number): void {
    if (this.state.at !== "opening") return;
    this.state = { at: "open" };
    this.since = now;
  }

  /** Begin anew: at once the first time, then with backoff and jitter, or when the server said. */
  failed(failure: Failure, now: number): Effect[] {
    if (this.state.at !== "opening" && this.state.at !== "open") return [];
    if (failure.kind === "refused") {
      this.state = { at: "refused", why: failure.sentence };
      return ["close"];
    }
    const waitMs =
      failure.kind === "busy"
        ? failure.afterMs + this.random() * SPREAD_MS
        : this.tries === 0
          ? 0
          : backoffMs(this.tries - 1, this.random());
    this.tries += 1;
    if (waitMs === 0) return ["close", ...this.open(now, failure.sentence)];
    this.state = { at: "waiting", retryAt: now + waitMs, why: failure.sentence };
    return ["close"];
  }

  /** `media.placed` said that the class is at `generation` now. */
  placed(generation: number, now: number): Effect[] {
    const newer = generation > this.generation;
    if (!newer || this.state.at === "idle" || this.state.at === "refused") return [];
    this.generation = generation;
    if (this.state.at === "waiting") return this.open(now, MOVED);
    if (this.state.at === "opening" || now - this.since < PLACED_MS) return [];
    return ["close", ...this.open(now, MOVED)];
  }

  /** What the sessions wants is another now (sound only, for example): begin anew without counting it as a failure. */
  renew(now: number): Effect[] {
    if (this.state.at === "idle" || this.state.at === "refused") return [];
    return ["close", ...this.open(now, null)];
  }

  /** Call it about twice a second. */
  tick(now: number): Effect[] {
    switch (this.state.at) {
      case "waiting":
        return now >= this.state.retryAt ? this.open(now, this.state.why) : [];
      case "opening":
        if (now - this.since <= CONNECT_MS) return [];
        return this.failed({ kind: "failed", sentence: this.reached ? NO_PATH : UNREACHABLE }, now);
      case "open":
        if (now - this.since > STABLE_MS) this.tries = 0;
        return [];
      default:
        return [];
    }
  }

  private open(now: number, why: string | null): Effect[] {
    this.state = { at: "opening", why };
    this.reached = false;
    this.since = now;
    return ["open"];
  }
}
