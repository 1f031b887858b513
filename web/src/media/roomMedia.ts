/** Everything of a class page that has to do with picture and sound: what is watched, what is sent, what went wrong. */

import type { Media } from "../live/stageState";
import type { AttemptState } from "./attempts";
import { chosenBefore, openCamera, openMicrophone, openScreen } from "./devices";
import type { Surroundings } from "./mediaSession";
import { Publishing, type Tracks } from "./publish";
import { worse, type Quality } from "./quality";
import { reasonOf, type Wanted } from "./reasons";
import { Plan } from "./plan";
import type { MediaMode, Signalling } from "./signalling";
import type { Slot } from "./slots";
import { Watching } from "./watch";

export interface Sending {
  state: AttemptState;
  picture: MediaStream | null;
  /** Whether the microphone is heard; false also when there is none. */
  microphone: boolean;
}

export interface RoomState {
  /** Null until the server has said. */
  mode: MediaMode | null;
  watching: AttemptState;
  streams: ReadonlyMap<Slot, MediaStream>;
  flowing: ReadonlySet<Slot>;
  quality: Quality;
  soundOnly: boolean;
  camera: Sending | null;
  screen: Sending | null;
  trouble: string | null;
}

/** What the class says: whether one may be here, and who is in which slot. */
export interface Followed {
  inside: boolean;
  media: Media;
}

interface Sender {
  publishing: Publishing;
  tracks: Tracks;
  picture: MediaStream | null;
  /** What the browser is being asked for: nothing is opened twice. */
  opening: Set<"camera" | "microphone">;
}

const LOST = "It was unplugged or switched off.";

export class RoomMedia {
  state: RoomState;
  private readonly watchers = new Set<() => void>();
  private readonly around: Surroundings;
  private readonly watching: Watching;
  private readonly senders = new Map<"camera" | "screen", Sender>();
  private readonly plan: Plan;
  private followed: Followed | null = null;
  private soundOnly = false;
  private trouble: string | null = null;
  /** Counts the questions for a screen: what is chosen for an earlier one, or after one has left, is not taken. */
  private screenTurn = 0;
  private closed = false;

  constructor(
    private readonly me: string,
    signalling: Signalling,
  ) {
    this.plan = new Plan(signalling, () => this.learned());
    this.around = {
      signalling,
      iceServers: () => this.plan.iceServers(),
      openConnection: (configuration) => new RTCPeerConnection(configuration),
      now: () => performance.now(),
      random: Math.random,
      generation: () => this.followed?.media.generation ?? 0,
      changed: () => this.tell(),
    };
    this.watching = new Watching(this.around);
    this.state = this.look();
  }

  watch = (listener: () => void): (() => void) => {
    this.watchers.add(listener);
    return () => this.watchers.delete(listener);
  };

  snapshot = (): RoomState => this.state;

  /** Take in what the class says; watching begins with the first slot that is filled. */
  follow(followed: Followed): void {
    if (this.closed) return;
    this.followed = followed;
    if (!followed.inside) return this.leave();
    const { media } = followed;
    const slots = [media.screen, ...media.cameras, ...media.microphones];
    if (slots.some((person) => person != null && person.userId !== this.me)) {
      const { mode } = this.plan;
      this.ask();
      // It opens beside the question, and is refused when the answer is that there is no live video.
      if ((mode ?? "embedded") === "embedded" && this.watching.state.at === "idle") this.watching.start();
    }
    this.watching.placed(media.generation);
    for (const { publishing } of this.senders.values()) publishing.placed(media.generation);
  }

  /** A seat may come soon: the class is watched the sooner then. */
  makeReady(): void {
    if (!this.closed) this.watching.makeReady();
  }

  /** Find out whether this installation has live video. */
  ask(): void {
    this.plan.ask();
  }

  /** Watch and send once more what was refused. */
  tryAgain(): void {
    if (this.watching.state.at === "refused") this.watching.start();
    for (const { publishing } of this.senders.values()) if (publishing.state.at === "refused") publishing.start();
  }

  /** Give up everything; `follow` begins anew. */
  leave(): void {
    this.watching.stop();
    this.stopCamera();
    this.stopScreen();
    this.tell();
  }

  close(): void {
    this.leave();
    this.closed = true;
    this.watching.close();
    this.plan.close();
    this.watchers.clear();
  }

  listenOnly(soundOnly: boolean): void {
    this.soundOnly = soundOnly;
    this.watching.onlySound(soundOnly);
    this.tell();
  }

  /** Send these from now on; the tracks belong to the room afterwards. */
  startCamera(tracks: Tracks): void {
    this.stopCamera();
    this.send("camera", tracks);
  }

  stopCamera(): void {
    this.stopSending("camera");
  }

  async toggleMicrophone(): Promise<void> {
    const sender = this.senders.get("camera");
    if (sender === undefined) return;
    const { audio } = sender.tracks;
    if (audio?.readyState === "live") {
      audio.enabled = !audio.enabled;
      return this.tell();
    }
    const opened = await this.openFor(sender, "microphone", openMicrophone, chosenBefore().microphoneId);
    if (opened === null) return;
    this.stopSending("camera", false);
    this.send("camera", { video: sender.tracks.video, audio: opened });
  }

  async toggleCamera(): Promise<void> {
    const sender = this.senders.get("camera");
    if (sender === undefined) return;
    const { video, audio } = sender.tracks;
    if (video !== null) {
      video.stop();
      // With neither picture nor sound there is nothing to send.
      if (audio?.readyState !== "live") return this.stopCamera();
      return this.replacePicture(sender, null);
    }
    const opened = await this.openFor(sender, "camera", openCamera, chosenBefore().cameraId);
    if (opened !== null) await this.replacePicture(sender, opened);
  }

  async shareScreen(): Promise<void> {
    this.screenTurn += 1;
    const turn = this.screenTurn;
    const stream = await this.attempt("screen", openScreen);
    if (stream === null) return;
    const tracks = { video: stream.getVideoTracks()[0] ?? null, audio: stream.getAudioTracks()[0] ?? null };
    if (turn !== this.screenTurn) return stopTracks(tracks);
    this.stopSending("screen");
    this.send("screen", tracks);
  }

  stopScreen(): void {
    this.screenTurn += 1;
    this.stopSending("screen");
  }

  forgetTrouble(): void {
    this.trouble = null;
    this.tell();
  }

  private send(source: "camera" | "screen", tracks: Tracks): void {
    if (this.closed) return stopTracks(tracks);
    const publishing = new Publishing(source, tracks, this.around);
    this.trouble = null;
    this.senders.set(source, { publishing, tracks, picture: pictureOf(tracks.video), opening: new Set() });
    for (const track of [tracks.video, tracks.audio]) if (track !== null) this.noteEnd(source, track);
    publishing.start();
    this.tell();
  }

  private stopSending(source: "camera" | "screen", tracksToo = true): void {
    const sender = this.senders.get(source);
    if (sender === undefined) return;
    this.senders.delete(source);
    sender.publishing.stop();
    if (tracksToo) stopTracks(sender.tracks);
    this.tell();
  }

  private async replacePicture(sender: Sender, video: MediaStreamTrack | null): Promise<void> {
    sender.tracks = { ...sender.tracks, video };
    sender.picture = pictureOf(video);
    if (video !== null) this.noteEnd("camera", video);
    this.tell();
    await sender.publishing.showPicture(video);
  }

  /** A track ends by itself when the browser's own "stop sharing" is pressed, or a cable is pulled. */
  private noteEnd(source: "camera" | "screen", track: MediaStreamTrack): void {
    track.onended = () => {
      const sender = this.senders.get(source);
      if (sender === undefined || (sender.tracks.video !== track && sender.tracks.audio !== track)) return;
      if (source === "screen") {
        if (track.kind === "video") this.stopScreen();
        return;
      }
      this.trouble = `Your ${track.kind === "video" ? "camera" : "microphone"} stopped. ${LOST}`;
      if (track.kind === "video") void this.toggleCamera();
      else if (sender.tracks.video === null) this.stopCamera();
      else this.tell();
    };
  }

  /** What the person allows for this sender; null also when it is being asked for already, or nobody is sent any more. */
  private async openFor(
    sender: Sender,
    wanted: "camera" | "microphone",
    open: (deviceId: string | null) => Promise<MediaStreamTrack>,
    deviceId: string | null,
  ): Promise<MediaStreamTrack | null> {
    if (sender.opening.has(wanted)) return null;
    sender.opening.add(wanted);
    const opened = await this.attempt(wanted, () => open(deviceId));
    sender.opening.delete(wanted);
    if (this.senders.get("camera") === sender) return opened;
    opened?.stop();
    return null;
  }

  private async attempt<T>(wanted: Wanted, open: () => Promise<T>): Promise<T | null> {
    try {
      return await open();
    } catch (thrown) {
      this.trouble = reasonOf(thrown, wanted);
      this.tell();
      return null;
    }
  }

  private learned(): void {
    // It was refused what has been answered now.
    if (this.plan.mode === "embedded" && this.watching.state.at === "refused") this.watching.start();
    if (this.followed !== null) this.follow(this.followed);
    this.tell();
  }

  private tell(): void {
    this.state = this.look();
    for (const watcher of this.watchers) watcher();
  }

  private look(): RoomState {
    const qualities = [...this.senders.values()].map(({ publishing }) => publishing.quality);
    const watched = this.watching.state.at === "open" ? this.watching.quality : "unknown";
    return {
      mode: this.plan.mode,
      watching: this.watching.state,
      streams: this.watching.streams,
      flowing: this.watching.flowing,
      quality: qualities.reduce(worse, watched),
      soundOnly: this.soundOnly,
      camera: sendingOf(this.senders.get("camera")),
      screen: sendingOf(this.senders.get("screen")),
      trouble: this.trouble,
    };
  }
}

function sendingOf(sender: Sender | undefined): Sending | null {
  if (sender === undefined) return null;
  const { publishing, tracks, picture } = sender;
  const audio = tracks.audio;
  return {
    state: publishing.state,
    picture,
    microphone: audio !== null && audio.enabled && audio.readyState === "live",
  };
}

const pictureOf = (track: MediaStreamTrack | null): MediaStream | null =>
  track === null ? null : new MediaStream([track]);

function stopTracks({ video, audio }: Tracks): void {
  for (const track of [video, audio]) {
    if (track === null) continue;
    track.onended = null;
    track.stop();
  }
}
