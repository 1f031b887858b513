/** Publishing one source: the camera with the microphone in two layers, or the screen with its sound. */

import type { AttemptState } from "./attempts";
import { MediaSession, type Purpose, type Surroundings } from "./mediaSession";
import { qualityOf, type Quality } from "./quality";
import type { Source } from "./slots";
import { Stall } from "./stalls";
import { acknowledged, type Stat } from "./statistics";

/** Nothing was acknowledged for so long though something was sent: begin anew. */
export const UNHEARD_MS = 3_000;
const FIRST_REPORT_MS = 5_000;

export const LAYERS: RTCRtpEncodingParameters[] = [
  { rid: "low", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "high", maxBitrate: 1_200_000 },
];
const SCREEN: RTCRtpEncodingParameters[] = [{ maxBitrate: 2_500_000 }];

export interface Tracks {
  video: MediaStreamTrack | null;
  audio: MediaStreamTrack | null;
}

export class Publishing implements Purpose {
  readonly path: string;
  quality: Quality = "unknown";
  private readonly session: MediaSession;
  private readonly stall = new Stall(UNHEARD_MS, FIRST_REPORT_MS);
  private connection: RTCPeerConnection | null = null;
  private video: RTCRtpSender | null = null;
  private sent = 0;

  constructor(
    readonly source: Source,
    private tracks: Tracks,
    private readonly around: Surroundings,
  ) {
    this.path = `publish?source=${source}`;
    this.session = new MediaSession(this, around);
  }

  get state(): AttemptState {
    return this.session.state;
  }

  start(): void {
    this.session.start();
  }

  stop(): void {
    this.session.stop();
    this.connection = null;
    this.video = null;
  }

  placed(generation: number): void {
    this.session.placed(generation);
  }

  /** Send this camera, or none, from now on; the session stays. */
  async showPicture(track: MediaStreamTrack | null): Promise<void> {
    this.tracks = { ...this.tracks, video: track };
    // While there is no connection, the next one begins with it.
    if (this.connection?.signalingState !== "closed") await this.video?.replaceTrack(track);
  }

  prepare(connection: RTCPeerConnection): void {
    this.stall.reset();
    this.sent = 0;
    this.connection = connection;
    const { video, audio } = this.tracks;
    if (this.source === "camera" || video !== null) this.video = addPicture(connection, video, this.source);
    if (this.source === "camera" || audio !== null)
      connection.addTransceiver(audio ?? "audio", { direction: "sendonly" });
  }

  connected(): void {
    // What follows from it is told by the state.
  }

  stalled(stats: Iterable<Stat>, now: number): boolean {
    const { sent, heard, lossShare, roundTripMs } = acknowledged(stats);
    const sending = sent > this.sent;
    this.sent = sent;
    const quality = sent === 0 ? "unknown" : qualityOf(lossShare, roundTripMs);
    if (quality !== this.quality) {
      this.quality = quality;
      this.around.changed();
    }
    return this.stall.note(heard, sending, now);
  }
}

function addPicture(connection: RTCPeerConnection, track: MediaStreamTrack | null, source: Source): RTCRtpSender {
  const transceiver = connection.addTransceiver(track ?? "video", {
    direction: "sendonly",
    sendEncodings: (source === "camera" ? LAYERS : SCREEN).map((layer) => ({ ...layer })),
  });
  const codecs = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
  if (codecs.length > 0) transceiver.setCodecPreferences(vp8First(codecs));
  return transceiver.sender;
}

/** VP8 before everything else; the order of the rest stays. */
export function vp8First<Codec extends { mimeType: string }>(codecs: readonly Codec[]): Codec[] {
  const isVp8 = ({ mimeType }: Codec) => mimeType.toLowerCase() === "video/vp8";
  return [...codecs.filter(isVp8), ...codecs.filter((codec) => !isVp8(codec))];
}
