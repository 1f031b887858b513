/** How the pictures of a class travel: asked once, kept for five minutes, asked again while the server is away. */

import type { Failure } from "./attempts";
import type { MediaMode, ServerAnswer, Signalling } from "./signalling";

/** The servers by which a way through the network is found, or why there are none. */
export type Way = { ok: true; iceServers: RTCIceServer[] } | { ok: false; failure: Failure };

const FRESH_MS = 5 * 60_000;
const ASK_AGAIN_MS = 3_000;

export const NO_VIDEO = "There is no live video here that this page can show.";

export class Plan {
  /** Null until the server has said; it stays then. */
  mode: MediaMode | null = null;
  private server: { asked: Promise<ServerAnswer>; at: number } | null = null;
  private asking = false;
  private again: ReturnType<typeof setTimeout> | null = null;
  private closed = false;

  /** `learned` is called when the mode is known. */
  constructor(
    private readonly signalling: Signalling,
    private readonly learned: () => void,
  ) {}

  /** Find out, however long that takes. */
  ask(): void {
    if (this.mode !== null || this.asking || this.closed) return;
    this.asking = true;
    void this.now().then((answer) => {
      if (answer.ok || this.mode !== null || this.closed) return;
      const { failure } = answer;
      const waitMs = failure.kind === "busy" ? Math.max(ASK_AGAIN_MS, failure.afterMs) : ASK_AGAIN_MS;
      this.again = setTimeout(() => {
        this.asking = false;
        this.ask();
      }, waitMs);
    });
  }

  /** A class whose pictures travel another way, or not at all, is refused. */
  async iceServers(): Promise<Way> {
    const answer = await this.now();
    if (!answer.ok) return answer;
    const { mode, iceServers } = answer.server;
    return mode === "embedded"
      ? { ok: true, iceServers }
      : { ok: false, failure: { kind: "refused", sentence: NO_VIDEO } };
  }

  close(): void {
    this.closed = true;
    this.rest();
  }

  private now(): Promise<ServerAnswer> {
    const now = performance.now();
    if (this.server === null || now - this.server.at > FRESH_MS) {
      const asked = this.signalling.server();
      this.server = { asked, at: now };
      void asked.then((answer) => {
        if (answer.ok) this.learn(answer.server.mode);
        else if (this.server?.asked === asked) this.server = null;
      });
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
    if (this.again !== null) clearTimeout(this.again);
    this.again = null;
  }
}
