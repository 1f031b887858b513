import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { RealtimeClient, SUBPROTOCOL, type Socket } from "./client";
import type { ClientFrame } from "./frames";
import type { Outcome, TopicMessage } from "./line";

/** A gateway in memory, with one topic's log: it answers hello, commands and subscriptions as the real one does. */
class Gateway {
  readonly sockets: GatewaySocket[] = [];
  readonly done: string[] = [];
  log: string[] = [];
  silent = false;

  open = (url: string, protocol: string): Socket => {
    expect([url, protocol]).toEqual(["ws://here/ws", SUBPROTOCOL]);
    const socket = new GatewaySocket(this);
    this.sockets.push(socket);
    setTimeout(() => socket.onopen?.(undefined as never), 1);
    return socket;
  };

  get last(): GatewaySocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("nobody has connected");
    return socket;
  }

  happen(type: string): void {
    this.log.push(type);
    this.last.tellEvents(this.log.length - 1);
  }
}

class GatewaySocket implements Socket {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  token: string | null = null;
  followed = false;
  closedWith: number | null = null;

  constructor(private readonly gateway: Gateway) {}

  send(text: string): void {
    const frame = JSON.parse(text) as ClientFrame;
    setTimeout(() => this.take(frame), 1);
  }

  close(code?: number): void {
    this.closedWith = code ?? 1000;
  }

  cut(code: number): void {
    this.onclose?.({ code });
  }

  tellEvents(from: number): void {
    if (!this.followed) return;
    const events = this.gateway.log.slice(from).map((type, n) => ({ offset: from + n + 1, type, at: "", data: {} }));
    this.tell({ type: "events", topic: "t", epoch: 1, events });
  }

  private tell(frame: object): void {
    if (!this.gateway.silent) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  private take(frame: ClientFrame): void {
    if (this.closedWith !== null) return;
    switch (frame.type) {
      case "hello": {
        this.token = frame.token;
        const user = { id: "u", name: "U", role: "student" };
        return this.tell({ type: "welcome", connectionId: "c", user, heartbeatSeconds: 25 });
      }
      case "command":
        if (!this.gateway.done.includes(frame.id)) this.gateway.done.push(frame.id);
        return this.tell({ type: "reply", id: frame.id, ok: true, result: { name: frame.name } });
      case "subscribe": {
        this.followed = true;
        const offset = this.gateway.log.length;
        const answer = { type: "subscribed", id: frame.id, topic: frame.topic, epoch: 1, offset };
        if (frame.since === undefined) return this.tell({ ...answer, recovered: false, snapshot: { log: offset } });
        this.tell({ ...answer, recovered: true, snapshot: null });
        return this.tellEvents(frame.since.offset);
      }
      case "unsubscribe":
        this.followed = false;
        return;
      case "ping":
        return this.tell({ type: "pong" });
    }
  }
}

let gateway: Gateway;
let client: RealtimeClient;
let asked: boolean[];

beforeEach(() => {
  vi.useFakeTimers();
  gateway = new Gateway();
  asked = [];
  let ids = 0;
  client = new RealtimeClient({
    credentials: async (renew) => {
      asked.push(renew);
      return { url: "ws://here/ws", token: `token ${asked.length}` };
    },
    openSocket: gateway.open,
    now: () => Date.now(),
    random: () => 0.5,
    newId: () => `c${(ids += 1)}`,
  });
});

afterEach(() => {
  client.stop();
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

async function connected(): Promise<void> {
  client.start();
  await pass(10);
  expect(client.state.at).toBe("open");
}

function listen(): { heard: string[] } {
  const told = { heard: [] as string[] };
  client.follow("t", (message: TopicMessage) => {
    if (message.kind === "events") told.heard.push(...message.events.map((event) => event.type));
    else told.heard.push(message.kind);
  });
  return told;
}

test("it says hello with the token it was given, and answers reach who asked", async () => {
  await connected();
  expect(gateway.last.token).toBe("token 1");
  const answer = client.command("hand.raise", { sessionId: "s" });
  await pass(10);
  await expect(answer).resolves.toEqual({ ok: true, result: { name: "hand.raise" } });
});

describe("a cut", () => {
  test("neither loses nor repeats an event", async () => {
    await connected();
    const told = listen();
    await pass(10);
    gateway.happen("one");
    gateway.last.cut(1006);
    gateway.log.push("two", "three");
    await pass(1000);
    gateway.happen("four");
    expect(gateway.sockets).toHaveLength(2);
    expect(told.heard).toEqual(["snapshot", "one", "two", "three", "four"]);
  });

  test("does not lose a command, and the command is done once", async () => {
    await connected();
    gateway.silent = true;
    const answer = client.command("chat.post", { text: "hi" });
    await pass(10);
    gateway.silent = false;
    gateway.last.cut(1012);
    await pass(1000);
    await expect(answer).resolves.toMatchObject({ ok: true });
    expect(gateway.done).toEqual(["c1"]);
  });

  test("of a dead network is noticed by silence", async () => {
    await connected();
    gateway.silent = true;
    await pass(25_000 + 12_000);
    expect(gateway.sockets[0]?.closedWith).toBe(4000);
    gateway.silent = false;
    await pass(25_000);
    expect(client.state.at).toBe("open");
  });

  test("for good is not followed by a return", async () => {
    await connected();
    let outcome: Outcome | null = null;
    gateway.silent = true;
    void client.command("chat.post", {}).then((value) => (outcome = value));
    gateway.last.cut(4502);
    await pass(60_000);
    expect(gateway.sockets).toHaveLength(1);
    expect(client.state).toEqual({ at: "away", reason: "removed" });
    expect(outcome).toMatchObject({ ok: false, error: { errorCode: "removed" } });
  });

  test("for an old token asks for a newer one", async () => {
    await connected();
    gateway.last.cut(4500);
    await pass(1000);
    expect(asked).toEqual([false, true]);
    expect(gateway.last.token).toBe("token 2");
    expect(client.state.at).toBe("open");
  });
});

test("nobody signed in means nobody connects", async () => {
  client = new RealtimeClient({
    credentials: async () => null,
    openSocket: gateway.open,
    now: () => Date.now(),
    random: () => 0.5,
    newId: () => "c",
  });
  client.start();
  await pass(60_000);
  expect(gateway.sockets).toEqual([]);
  expect(client.state).toEqual({ at: "away", reason: "unauthenticated" });
});

test("an API that cannot be asked is asked again", async () => {
  let answers = 0;
  client = new RealtimeClient({
    credentials: async () => {
      answers += 1;
      if (answers < 4) throw new TypeError("Failed to fetch");
      return { url: "ws://here/ws", token: "t" };
    },
    openSocket: gateway.open,
    now: () => Date.now(),
    random: () => 0.5,
    newId: () => "c",
  });
  client.start();
  await pass(10_000);
  expect(client.state.at).toBe("open");
});

test("after stopping nothing is heard and nothing reconnects", async () => {
  await connected();
  const told = listen();
  await pass(10);
  client.stop();
  gateway.last.tellEvents(0);
  await pass(60_000);
  expect(told.heard).toEqual(["snapshot"]);
  expect(gateway.sockets).toHaveLength(1);
});
