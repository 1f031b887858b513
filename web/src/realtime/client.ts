/** Carries out the line's effects: one WebSocket, one timer a second, promises for commands, listeners for topics. */

import { Line, type Effect, type LineState, type Outcome, type TopicMessage } from "./line";
import type { Json } from "./frames";

export const SUBPROTOCOL = "lyceum.v1";

/** Where to connect and as whom; null when nobody is signed in. `renew` asks for a token newer than the last. */
export type Credentials = (renew: boolean) => Promise<{ url: string; token: string } | null>;

export interface Socket {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

export interface Surroundings {
  credentials: Credentials;
  openSocket: (url: string, protocol: string) => Socket;
  now: () => number;
  random: () => number;
  newId: () => string;
}

export type TopicListener = (message: TopicMessage) => void;

const COMMAND_TIMEOUT_MS = 20_000;

export class RealtimeClient {
  private readonly line: Line;
  private socket: Socket | null = null;
  private ticking: ReturnType<typeof setInterval> | null = null;
  private reconnecting: ReturnType<typeof setTimeout> | null = null;
  private readonly listeners = new Map<string, TopicListener>();
  private readonly answers = new Map<string, (outcome: Outcome) => void>();
  private readonly watchers = new Set<() => void>();
  private generation = 0;

  constructor(private readonly around: Surroundings) {
    this.line = new Line(around.random);
  }

  get state(): LineState {
    return this.line.state;
  }

  /** Be told when `state` has changed; returns how to stop. */
  watch = (listener: () => void): (() => void) => {
    this.watchers.add(listener);
    return () => this.watchers.delete(listener);
  };

  start(): void {
    this.ticking ??= setInterval(() => this.run(this.line.tick(this.around.now())), 1000);
    this.run(this.line.start(this.around.now()));
  }

  stop(): void {
    if (this.ticking !== null) clearInterval(this.ticking);
    this.ticking = null;
    this.run(this.line.stop());
    this.listeners.clear();
  }

  hurry(): void {
    this.run(this.line.hurry(this.around.now()));
  }

  /** Ask for something. Settles with the answer, or with `no_answer` after `timeoutMs`; never rejects. */
  command(name: string, args: Json, timeoutMs = COMMAND_TIMEOUT_MS): Promise<Outcome> {
    const id = this.around.newId();
    return new Promise((resolve) => {
      this.answers.set(id, resolve);
      this.run(this.line.command(id, name, args, timeoutMs, this.around.now()));
    });
  }

  /** Follow a topic; returns how to stop. */
  follow(topic: string, listener: TopicListener): () => void {
    if (this.listeners.has(topic)) throw new Error(`${topic} is followed already`);
    this.listeners.set(topic, listener);
    this.run(this.line.subscribe(topic));
    return () => {
      if (!this.listeners.delete(topic)) return;
      this.run(this.line.unsubscribe(topic));
    };
  }

  private run(effects: Effect[]): void {
    for (const effect of effects) this.carryOut(effect);
  }

  private carryOut(effect: Effect): void {
    switch (effect.do) {
      case "connect":
        if (this.reconnecting !== null) clearTimeout(this.reconnecting);
        this.reconnecting = setTimeout(() => void this.connect(effect.renew), effect.afterMs);
        return;
      case "send":
        this.socket?.send(JSON.stringify(effect.frame));
        return;
      case "drop":
        this.dropSocket(effect.code, effect.reason);
        return;
      case "deliver":
        this.deliver(effect.topic, effect.message);
        return;
      case "answer": {
        const resolve = this.answers.get(effect.id);
        this.answers.delete(effect.id);
        resolve?.(effect.outcome);
        return;
      }
      case "changed":
        for (const watcher of this.watchers) watcher();
    }
  }

  private deliver(topic: string, message: TopicMessage): void {
    const listener = this.listeners.get(topic);
    if (message.kind === "refused") this.listeners.delete(topic);
    listener?.(message);
  }

  private async connect(renew: boolean): Promise<void> {
    this.reconnecting = null;
    this.generation += 1;
    const generation = this.generation;
    this.detach();
    this.run(this.line.connecting(this.around.now()));
    let found: { url: string; token: string } | null;
    try {
      found = await this.around.credentials(renew);
    } catch {
      // The API could not be asked: the same as a socket that would not open.
      if (generation === this.generation) this.run(this.line.closed(1006, this.around.now()));
      return;
    }
    if (generation !== this.generation || this.line.state.at !== "connecting") return;
    if (found === null) return this.run(this.line.signedOut());
    const { token } = found;
    const socket = this.around.openSocket(found.url, SUBPROTOCOL);
    this.socket = socket;
    socket.onopen = () => this.run(this.line.opened(token, this.around.now()));
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.run(this.line.received(data, this.around.now()));
    };
    socket.onclose = ({ code }) => {
      if (this.socket === socket) this.socket = null;
      this.run(this.line.closed(code, this.around.now()));
    };
  }

  /** A dead peer never completes the closing handshake, so nobody waits for it. */
  private dropSocket(code: number, reason: string): void {
    if (this.reconnecting !== null) clearTimeout(this.reconnecting);
    this.reconnecting = null;
    this.generation += 1;
    this.detach(code, reason);
    if (code !== 1000) this.run(this.line.closed(1006, this.around.now()));
  }

  private detach(code = 1000, reason = "done"): void {
    const socket = this.socket;
    if (socket === null) return;
    this.socket = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(code, reason);
  }
}
