/** One media session that stays alive: opens a peer connection, looks at it twice a second, begins anew when it must. */

import { Attempts, STALLED, type AttemptState, type Effect, type Failure } from "./attempts";
import type { Way } from "./plan";
import type { Signalling } from "./signalling";
import type { Stat } from "./statistics";

/** What the session is for. */
export interface Purpose {
  /** The route below `/media`, with its query. */
  readonly path: string;
  /** Add the lines to a new connection. */
  prepare(connection: RTCPeerConnection): void;
  /** The connection stands. */
  connected(): void;
  /** Whether what should flow has stopped, by what the connection has counted. */
  stalled(stats: Iterable<Stat>, now: number): boolean;
}

export interface Surroundings {
  signalling: Signalling;
  iceServers: () => Promise<Way>;
  openConnection: (configuration: RTCConfiguration) => RTCPeerConnection;
  now: () => number;
  random: () => number;
  /** The generation of the class's placement as the page knows it. */
  generation: () => number;
  changed: () => void;
}

/** A connection with its lines, and the offer that it makes. */
interface Made {
  connection: RTCPeerConnection;
  offer: Promise<RTCSessionDescriptionInit>;
}

/** Made before it is needed, for a network without servers. */
interface Spare extends Made {
  described: Promise<void>;
}

const LOOK_EVERY_MS = 500;
/** So long a connection is kept that was made for a start that did not come: its addresses grow old. */
export const SPARE_MS = 60_000;
const BUNDLED: RTCConfiguration = { bundlePolicy: "max-bundle" };
const SILENT: Failure = { kind: "failed", sentence: STALLED };
const UNREADABLE: Failure = {
  kind: "failed",
  sentence: "The video server answered something that this browser cannot use.",
};

export class MediaSession {
  private readonly attempts: Attempts;
  private connection: RTCPeerConnection | null = null;
  private location: string | null = null;
  private looking: ReturnType<typeof setInterval> | null = null;
  private spare: Spare | null = null;
  private keeping: ReturnType<typeof setTimeout> | undefined;
  /** Counts the connections: what an earlier one still says is passed over. */
  private turn = 0;

  constructor(
    private readonly purpose: Purpose,
    private readonly around: Surroundings,
  ) {
    this.attempts = new Attempts(around.random);
  }

  get state(): AttemptState {
    return this.attempts.state;
  }

  /** A start may come soon: make the connection now. Its keys and lines take a busy browser as long as all the rest. */
  makeReady(): void {
    if (this.attempts.state.at !== "idle" || this.spare !== null) return;
    const made = this.make();
    const described = made.offer.then((offer) => made.connection.setLocalDescription(offer));
    described.catch(() => undefined); // who uses it hears of it
    this.spare = { ...made, described };
    this.keeping = setTimeout(() => this.unready(), SPARE_MS);
  }

  /** No start comes soon, or another one. */
  unready(): void {
    this.takeSpare()?.connection.close();
  }

  start(): void {
    this.run(this.attempts.start(this.around.now()));
  }

  stop(): void {
    this.run(this.attempts.stop());
  }

  placed(generation: number): void {
    this.run(this.attempts.placed(generation, this.around.now()));
  }

  renew(): void {
    this.unready();
    this.run(this.attempts.renew(this.around.now()));
  }

  private run(effects: Effect[]): void {
    for (const effect of effects) {
      if (effect === "close") this.close();
      else void this.open();
    }
    this.lookOrRest();
    this.around.changed();
  }

  private lookOrRest(): void {
    const { at } = this.attempts.state;
    if (at !== "idle" && at !== "refused") this.looking ??= setInterval(() => void this.look(), LOOK_EVERY_MS);
    else if (this.looking !== null) {
      clearInterval(this.looking);
      this.looking = null;
    }
  }

  private fail(failure: Failure): void {
    this.run(this.attempts.failed(failure, this.around.now()));
  }

  private async open(): Promise<void> {
    this.turn += 1;
    const turn = this.turn;
    const { signalling, iceServers, now, generation } = this.around;
    try {
      const spare = this.takeSpare();
      const made = spare ?? this.make();
      const { connection } = made;
      this.connection = connection;
      this.listen(connection, turn);
      // The browser makes its keys while the server is asked.
      const [way, offer] = await Promise.all([iceServers(), made.offer]);
      if (turn !== this.turn) return;
      if (!way.ok) return this.fail(way.failure);
      const servers = way.iceServers;
      if (servers.length > 0) connection.setConfiguration({ ...BUNDLED, iceServers: servers });
      await (spare?.described ?? connection.setLocalDescription(offer));
      if (spare !== null && servers.length > 0)
        await connection.setLocalDescription(await connection.createOffer({ iceRestart: true }));
      if (turn !== this.turn) return;
      // The server learns our addresses from our packets, so nobody waits for candidates.
      const answer = await signalling.offer(this.purpose.path, connection.localDescription!.sdp);
      if (turn !== this.turn) {
        if (answer.ok && answer.location !== null) signalling.end(answer.location);
        return;
      }
      if (!answer.ok) return this.fail(answer.failure);
      this.location = answer.location;
      this.attempts.answered(generation(), now());
      await connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    } catch (thrown) {
      if (turn !== this.turn) return;
      console.warn("a media session could not be opened", thrown);
      this.fail(UNREADABLE);
    }
  }

  private make(): Made {
    const connection = this.around.openConnection(BUNDLED);
    this.purpose.prepare(connection);
    return { connection, offer: connection.createOffer() };
  }

  private takeSpare(): Spare | null {
    const { spare } = this;
    clearTimeout(this.keeping);
    this.spare = null;
    return spare;
  }

  private listen(connection: RTCPeerConnection, turn: number): void {
    connection.onconnectionstatechange = () => {
      if (turn !== this.turn) return;
      switch (connection.connectionState) {
        case "connected":
          this.attempts.connected(this.around.now());
          this.purpose.connected();
          return this.around.changed();
        case "failed":
        case "closed":
          return this.fail(SILENT);
        default:
      }
    };
  }

  private close(): void {
    this.turn += 1;
    const { connection, location } = this;
    this.connection = null;
    this.location = null;
    if (location !== null) this.around.signalling.end(location);
    if (connection === null) return;
    connection.onconnectionstatechange = null;
    connection.close();
  }

  private async look(): Promise<void> {
    const { now } = this.around;
    const effects = this.attempts.tick(now());
    if (effects.length > 0) return this.run(effects);
    const { connection, turn } = this;
    if (this.attempts.state.at !== "open" || connection === null) return;
    const report = await connection.getStats();
    if (turn !== this.turn || this.attempts.state.at !== "open") return;
    if (this.purpose.stalled(report.values() as Iterable<Stat>, now())) this.fail(SILENT);
  }
}
