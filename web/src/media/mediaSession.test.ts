import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { UNREACHABLE } from "./attempts";
import { MediaSession, SPARE_MS, type Purpose } from "./mediaSession";
import type { Way } from "./plan";
import type { Answer, ServerAnswer, Signalling } from "./signalling";

/** A peer connection as far as a session needs one. */
class Connection {
  connectionState = "new";
  onconnectionstatechange: (() => void) | null = null;
  localDescription: { sdp: string } | null = null;
  answer: string | null = null;
  closed = false;

  servers: RTCIceServer[] | undefined;
  offers = 0;

  async createOffer(options?: RTCOfferOptions): Promise<{ sdp: string }> {
    this.offers += 1;
    return { sdp: options?.iceRestart ? "offer by servers" : "offer" };
  }

  setConfiguration({ iceServers }: RTCConfiguration): void {
    this.servers = iceServers;
  }

  async setLocalDescription(offer: { sdp: string }): Promise<void> {
    this.localDescription = offer;
  }

  async setRemoteDescription({ sdp }: { sdp: string }): Promise<void> {
    if (sdp === "nonsense") throw new Error("cannot parse");
    this.answer = sdp;
  }

  async getStats(): Promise<Map<string, unknown>> {
    return new Map();
  }

  become(state: string): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  close(): void {
    this.closed = true;
  }
}

class Desk implements Signalling {
  readonly asked: string[] = [];
  readonly ended: string[] = [];
  answers: (Answer | Promise<Answer>)[] = [];

  async server(): Promise<ServerAnswer> {
    return { ok: true, server: { mode: "embedded", iceServers: [] } };
  }

  async offer(path: string): Promise<Answer> {
    this.asked.push(path);
    const number = this.asked.length;
    return this.answers.shift() ?? { ok: true, sdp: "answer", location: `/media/${number}` };
  }

  end(location: string): void {
    this.ended.push(location);
  }
}

let desk: Desk;
let connections: Connection[];
let stalled: boolean;
let prepared: number;
let session: MediaSession;
let iceServers: () => Promise<Way>;

const purpose: Purpose = {
  path: "watch",
  prepare: () => {
    prepared += 1;
  },
  connected: () => undefined,
  stalled: () => stalled,
};

beforeEach(() => {
  vi.useFakeTimers();
  desk = new Desk();
  connections = [];
  stalled = false;
  prepared = 0;
  iceServers = async () => ({ ok: true, iceServers: [] });
  session = new MediaSession(purpose, {
    signalling: desk,
    iceServers: () => iceServers(),
    openConnection: () => {
      const connection = new Connection();
      connections.push(connection);
      return connection as unknown as RTCPeerConnection;
    },
    now: () => Date.now(),
    random: () => 0.5,
    generation: () => 1,
    changed: () => undefined,
  });
});

afterEach(() => {
  session.stop();
  vi.useRealTimers();
});

const pass = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

async function open(): Promise<Connection> {
  session.start();
  await pass();
  const connection = connections.at(-1)!;
  connection.become("connected");
  return connection;
}

test("it offers, takes the answer, and ends what it opened when it leaves", async () => {
  const connection = await open();
  expect(desk.asked).toEqual(["watch"]);
  expect(connection.answer).toBe("answer");
  expect(session.state).toEqual({ at: "open" });
  session.stop();
  expect(desk.ended).toEqual(["/media/1"]);
  expect(connection.closed).toBe(true);
});

test("the offer is made while the server says by which servers a way is found, and sent when it has", async () => {
  let say: (way: Way) => void = () => undefined;
  iceServers = () => new Promise((resolve) => (say = resolve));
  session.start();
  await pass();
  expect(connections[0]!.offers).toBe(1);
  expect(connections[0]!.localDescription).toBeNull();
  expect(desk.asked).toEqual([]);
  const servers = [{ urls: "stun:stun.example" }];
  say({ ok: true, iceServers: servers });
  await pass();
  expect(connections[0]!.servers).toBe(servers);
  expect(desk.asked).toEqual(["watch"]);
});

test("where there is no live video that is said, and nothing stays open", async () => {
  iceServers = async () => ({ ok: false, failure: { kind: "refused", sentence: "No live video here." } });
  session.start();
  await pass(10_000);
  expect(session.state).toEqual({ at: "refused", why: "No live video here." });
  expect(desk.asked).toEqual([]);
  expect(connections.map(({ closed }) => closed)).toEqual([true]);
  expect(vi.getTimerCount()).toBe(0);
});

test("who was refused and asks again is looked at again", async () => {
  desk.answers = [{ ok: false, failure: { kind: "refused", sentence: "You have no seat." } }];
  session.start();
  await pass();
  await open();
  stalled = true;
  await pass(600);
  expect(connections).toHaveLength(3);
});

test("a connection that was made ready is the one that is opened", async () => {
  session.makeReady();
  session.makeReady();
  await pass();
  expect(connections.map(({ localDescription }) => localDescription)).toEqual([{ sdp: "offer" }]);
  expect([desk.asked, session.state]).toEqual([[], { at: "idle" }]);
  const connection = await open();
  expect([connections.length, prepared, connection.offers]).toEqual([1, 1, 1]);
  expect(desk.asked).toEqual(["watch"]);
  expect(session.state).toEqual({ at: "open" });
  connection.become("failed");
  await pass();
  expect(connections).toHaveLength(2);
});

test("where servers are needed to find a way, what was made ready offers once more", async () => {
  iceServers = async () => ({ ok: true, iceServers: [{ urls: "stun:stun.example" }] });
  session.makeReady();
  await pass();
  const connection = await open();
  expect(connections).toHaveLength(1);
  expect(connection.servers).toHaveLength(1);
  expect(connection.localDescription).toEqual({ sdp: "offer by servers" });
});

test("a connection that was made ready for nothing is closed", async () => {
  session.makeReady();
  await pass(SPARE_MS - 1);
  expect(connections[0]!.closed).toBe(false);
  await pass(1);
  expect(connections[0]!.closed).toBe(true);
  session.makeReady();
  session.renew();
  expect(connections[1]!.closed).toBe(true);
  session.makeReady();
  session.unready();
  expect(connections[2]!.closed).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

test("a connection that fails is replaced at once, and the old one is given back", async () => {
  const first = await open();
  first.become("failed");
  await pass();
  expect(first.closed).toBe(true);
  expect(desk.ended).toEqual(["/media/1"]);
  expect(connections).toHaveLength(2);
  expect(prepared).toBe(2);
  connections[1]!.become("connected");
  expect(session.state).toEqual({ at: "open" });
  first.become("failed");
  expect(connections).toHaveLength(2);
});

test("silence is noticed by looking twice a second", async () => {
  await open();
  await pass(5_000);
  expect(connections).toHaveLength(1);
  stalled = true;
  await pass(600);
  expect(connections).toHaveLength(2);
});

test("a server that asks for patience gets it", async () => {
  desk.answers = [{ ok: false, failure: { kind: "busy", afterMs: 2000, sentence: "Full." } }];
  session.start();
  await pass();
  expect(session.state).toMatchObject({ at: "waiting", why: "Full." });
  await pass(1_900);
  expect(desk.asked).toHaveLength(1);
  await pass(1_000);
  expect(desk.asked).toHaveLength(2);
});

test("a refusal is the end, in its own words", async () => {
  desk.answers = [{ ok: false, failure: { kind: "refused", sentence: "You have no seat." } }];
  session.start();
  await pass(120_000);
  expect(session.state).toEqual({ at: "refused", why: "You have no seat." });
  expect(desk.asked).toHaveLength(1);
  expect(connections[0]!.closed).toBe(true);
});

test("an answer that comes after the page has left is given back", async () => {
  let answer: (value: Answer) => void = () => undefined;
  desk.answers = [new Promise((resolve) => (answer = resolve))];
  session.start();
  await pass();
  session.stop();
  answer({ ok: true, sdp: "answer", location: "/media/late" });
  await pass();
  expect(desk.ended).toEqual(["/media/late"]);
  expect(connections[0]!.answer).toBeNull();
});

test("an answer that cannot be read is a failure like another", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  desk.answers = [{ ok: true, sdp: "nonsense", location: "/media/1" }];
  session.start();
  await pass();
  expect(desk.ended).toEqual(["/media/1"]);
  expect(warn).toHaveBeenCalledOnce();
  await pass();
  expect(desk.asked).toHaveLength(2);
});

test("a server that is away is said to be away, and asked again", async () => {
  iceServers = async () => ({ ok: false, failure: { kind: "failed", sentence: UNREACHABLE } });
  session.start();
  await pass();
  expect(session.state).toMatchObject({ why: UNREACHABLE });
  iceServers = async () => ({ ok: true, iceServers: [] });
  await pass(1_000);
  expect(desk.asked).toEqual(["watch"]);
});

test("a server that does not say by which servers a way is found yet is asked when it said", async () => {
  const asked = vi.fn(async (): Promise<Way> => {
    return { ok: false, failure: { kind: "busy", afterMs: 30_000, sentence: "Full." } };
  });
  iceServers = asked;
  session.start();
  await pass(29_000);
  expect(asked).toHaveBeenCalledOnce();
  await pass(2_000);
  expect(asked).toHaveBeenCalledTimes(2);
});

test("a class that moved is opened anew", async () => {
  await open();
  await pass(4_000);
  session.placed(2);
  await pass();
  expect(connections).toHaveLength(2);
  session.placed(2);
  await pass();
  expect(connections).toHaveLength(2);
});
