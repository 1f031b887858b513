/** One media session that stays alive: opens a peer connection, looks at it twice a second, begins anew when it must. */

import { wireErrorOf } from "../api/problem";
import { Attempts, STALLED, type AttemptState, type Effect } from "./attempts";
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
  /** Null when there is no live video of ours here: nothing is opened. */
  iceServers: () => Promise<RTCIceServer[] | null>;
  openConnection: (configuration: RTCConfiguration) => RTCPeerConnection;
  now: () => number;
  random: () => number;
  /** The generation of the class's placement as the page knows it. */
  generation: () => number;
  changed: () => void;
}

const LOOK_EVERY_MS = 500;
const BUNDLED: RTCConfiguration = { bundlePolicy: "max-bundle" };
const UNREADABLE = "The video server answered something that this browser cannot use.";

export class MediaSession {
  private readonly attempts: Attempts;
  private connection: RTCPeerConnection | null = null;
  private location: string | null = null;
  private looking: ReturnType<typeof setInterval> | null = null;
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

  start(): void {
    this.looking ??= setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.run(this.attempts.start(this.around.now()));
  }

  stop(): void {
    if (this.looking !== null) clearInterval(this.looking);
    this.looking = null;
    this.run(this.attempts.stop());
  }

  placed(generation: number): void {
    this.run(this.attempts.placed(generation, this.around.now()));
  }

  renew(): void {
    this.run(this.attempts.renew(this.around.now()));
  }

  private run(effects: Effect[]): void {
    for (const effect of effects) {
      if (effect === "close") this.close();
      else void this.open();
    }
    this.around.changed();
  }

  private fail(sentence: string): void {
    this.run(this.attempts.failed({ kind: "failed", sentence }, this.around.now()));
  }

  private async open(): Promise<void> {
    this.turn += 1;
    const turn = this.turn;
    const { signalling, iceServers, openConnection, now, generation } = this.around;
    try {
      const connection = openConnection(BUNDLED);
      this.connection = connection;
      this.listen(connection, turn);
      this.purpose.prepare(connection);
      // The browser makes its keys while the server is asked.
      const [servers, offer] = await Promise.all([
        iceServers().catch((thrown: unknown) => this.unserved(turn, thrown)),
        connection.createOffer(),
      ]);
      if (turn !== this.turn) return;
      if (servers === null) return this.run(this.attempts.stop());
      if (servers.length > 0) connection.setConfiguration({ ...BUNDLED, iceServers: servers });
      await connection.setLocalDescription(offer);
      if (turn !== this.turn) return;
      // The server learns our addresses from our packets, so nobody waits for candidates.
      const answer = await signalling.offer(this.purpose.path, connection.localDescription!.sdp);
      if (turn !== this.turn) {
        if (answer.ok && answer.location !== null) signalling.end(answer.location);
        return;
      }
      if (!answer.ok) return this.run(this.attempts.failed(answer.failure, now()));
      this.location = answer.location;
      this.attempts.answered(generation(), now());
      await connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    } catch (thrown) {
      if (turn !== this.turn) return;
      console.warn("a media session could not be opened", thrown);
      this.fail(UNREADABLE);
    }
  }

  /** The server did not say by which servers a way is found: it is away, or refuses. */
  private unserved(turn: number, thrown: unknown): null {
    const { message: sentence, retry } = wireErrorOf(thrown);
    if (turn === this.turn)
      this.run(this.attempts.failed({ kind: retry ? "failed" : "refused", sentence }, this.around.now()));
    return null;
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
          return this.fail(STALLED);
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
    if (this.purpose.stalled(report.values() as Iterable<Stat>, now())) this.fail(STALLED);
  }
}
