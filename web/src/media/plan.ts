/** How the pictures of a class travel: asked once, kept for five minutes, asked again while the server is away. */

import type { MediaMode, MediaServer, Signalling } from "./signalling";

const FRESH_MS = 5 * 60_000;
const ASK_AGAIN_MS = 3_000;

export class Plan {
  /** Null until the server has said; it stays then. */
  mode: MediaMode | null = null;
  private server: { asked: Promise<MediaServer>; at: number } | null = null;
  private asking: ReturnType<typeof setTimeout> | null = null;
  private closed = false;

  /** `learned` is called when the mode is known. */
  constructor(
    private readonly signalling: Signalling,
    private readonly learned: () => void,
  ) {}

  /** Find out, however long that takes. */
  ask(): void {
    if (this.mode !== null || this.asking !== null || this.closed) return;
    this.asking = setTimeout(() => {
      this.asking = null;
      this.ask();
    }, ASK_AGAIN_MS);
    // Away: it is asked again when the time has come.
    this.now().catch(() => undefined);
  }

  /** The servers by which a way is found, null when there is no live video of ours. Rejects when the server says nothing. */
  async iceServers(): Promise<RTCIceServer[] | null> {
    const { mode, iceServers } = await this.now();
    return mode === "embedded" ? iceServers : null;
  }

  close(): void {
    this.closed = true;
    this.rest();
  }

  private now(): Promise<MediaServer> {
    const now = performance.now();
    if (this.server === null || now - this.server.at > FRESH_MS) {
      const asked = this.signalling.server();
      this.server = { asked, at: now };
      asked.then(
        ({ mode }) => this.learn(mode),
        () => {
          if (this.server?.asked === asked) this.server = null;
        },
      );
    }
    return this.server.asked;
  }

  private learn(mode: MediaMode): void {
    this.rest();
    if (this.mode !== null || this.closed) return;
    this.mode = mode;
    this.learned();
  }

  private rest(): void {
    if (this.asking !== null) clearTimeout(this.asking);
    this.asking = null;
  }
}
