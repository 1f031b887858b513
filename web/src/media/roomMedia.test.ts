import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EMPTY } from "../live/stageState";
import { RoomMedia } from "./roomMedia";
import { problemOf } from "../api/problem";
import type { MediaServer, Signalling } from "./signalling";

/** A track as far as a room needs one. */
class Track {
  enabled = true;
  readyState: "live" | "ended" = "live";
  onended: (() => void) | null = null;
  contentHint = "";

  constructor(readonly kind: "audio" | "video") {}

  stop(): void {
    this.readyState = "ended";
  }

  /** The cable is pulled. */
  unplug(): void {
    this.readyState = "ended";
    this.onended?.();
  }
}

class Stream {
  constructor(readonly tracks: Track[]) {}
  getVideoTracks = () => this.tracks.filter(({ kind }) => kind === "video");
  getAudioTracks = () => this.tracks.filter(({ kind }) => kind === "audio");
}

class Connection {
  signalingState = "stable";
  connectionState = "new";
  onconnectionstatechange: (() => void) | null = null;
  localDescription = { sdp: "offer" };

  addTransceiver() {
    const replaceTrack = async () => {
      if (this.signalingState === "closed") throw new DOMException("closed", "InvalidStateError");
    };
    return { sender: { replaceTrack }, receiver: { track: {} }, setCodecPreferences: () => undefined };
  }

  createOffer = async () => ({ sdp: "offer" });
  setLocalDescription = async () => undefined;
  setRemoteDescription = async () => undefined;
  getStats = async () => new Map();

  close(): void {
    this.signalingState = "closed";
  }
}

let opened: Track[];
let connections: Connection[];
let answers: (() => void)[];
let busy: boolean;
let plans: (() => Promise<MediaServer>)[];
let room: RoomMedia;

const told = async (mode: MediaServer["mode"]): Promise<MediaServer> => ({ mode, iceServers: [] });

const signalling: Signalling = {
  server: () => plans.shift()?.() ?? told("embedded"),
  offer: async () =>
    busy
      ? { ok: false, failure: { kind: "busy", afterMs: 60_000, sentence: "Full." } }
      : { ok: true, sdp: "answer", location: null },
  end: () => undefined,
};

/** What the browser is asked for waits until the person answers. */
function asked(kinds: Track["kind"][]): Promise<Stream> {
  return new Promise((resolve) =>
    answers.push(() => {
      const tracks = kinds.map((kind) => new Track(kind));
      opened.push(...tracks);
      resolve(new Stream(tracks));
    }),
  );
}

const pass = () => vi.advanceTimersByTimeAsync(0);

async function allow(): Promise<void> {
  for (const answer of answers.splice(0)) answer();
  await pass();
}

const as = (track: Track) => track as unknown as MediaStreamTrack;

beforeEach(() => {
  vi.useFakeTimers();
  [opened, connections, answers, plans, busy] = [[], [], [], [], false];
  vi.stubGlobal("MediaStream", Stream);
  vi.stubGlobal("RTCRtpSender", { getCapabilities: () => null });
  vi.stubGlobal(
    "RTCPeerConnection",
    class extends Connection {
      constructor() {
        super();
        connections.push(this);
      }
    },
  );
  vi.stubGlobal("localStorage", { getItem: () => null });
  vi.stubGlobal("navigator", {
    mediaDevices: {
      getUserMedia: ({ video }: MediaStreamConstraints) => asked([video === undefined ? "audio" : "video"]),
      getDisplayMedia: () => asked(["video", "audio"]),
    },
  });
  room = new RoomMedia("me", signalling);
  room.follow({ inside: true, media: EMPTY.media });
});

afterEach(() => {
  room.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const live = () => opened.filter(({ readyState }) => readyState === "live");

test("a camera button that is pressed twice opens one camera, and turning it off leaves none on", async () => {
  room.startCamera({ video: null, audio: as(new Track("audio")) });
  void room.toggleCamera();
  void room.toggleCamera();
  await allow();
  expect(room.state.camera!.picture).not.toBeNull();
  await room.toggleCamera();
  expect(live()).toEqual([]);
});

test("a microphone button that is pressed twice opens one microphone", async () => {
  room.startCamera({ video: as(new Track("video")), audio: null });
  void room.toggleMicrophone();
  void room.toggleMicrophone();
  await allow();
  expect(room.state.camera!.microphone).toBe(true);
  expect(live()).toHaveLength(1);
});

test("after a microphone was unplugged the button opens another", async () => {
  const [video, audio] = [new Track("video"), new Track("audio")];
  room.startCamera({ video: as(video), audio: as(audio) });
  audio.unplug();
  expect(room.state.camera!.microphone).toBe(false);
  expect(room.state.trouble).toBe("Your microphone stopped. It was unplugged or switched off.");
  void room.toggleMicrophone();
  await allow();
  expect(room.state.camera!.microphone).toBe(true);
  expect(room.state.camera!.picture).not.toBeNull();
  expect(video.readyState).toBe("live");
});

test("a screen that is chosen after one has left the stage is not taken", async () => {
  void room.shareScreen();
  room.stopScreen();
  await allow();
  expect(opened).toHaveLength(2);
  expect(live()).toEqual([]);
  expect(room.state.screen).toBeNull();
});

test("a screen that is chosen after the class has ended is not taken", async () => {
  void room.shareScreen();
  room.follow({ inside: false, media: EMPTY.media });
  await allow();
  expect(live()).toEqual([]);
  expect(room.state.screen).toBeNull();
});

test("of two questions for a screen the later one counts", async () => {
  void room.shareScreen();
  void room.shareScreen();
  await allow();
  expect(room.state.screen).not.toBeNull();
  expect(live()).toHaveLength(2);
});

test("a camera is turned off and on while its session waits for the server", async () => {
  busy = true;
  room.startCamera({ video: as(new Track("video")), audio: as(new Track("audio")) });
  await pass();
  expect(room.state.camera!.state.at).toBe("waiting");
  expect(connections[0]!.signalingState).toBe("closed");
  await room.toggleCamera();
  expect(room.state.camera!.picture).toBeNull();
  const on = room.toggleCamera();
  await allow();
  await on;
  expect(room.state.camera!.picture).not.toBeNull();
});

const PICTURE = { ...EMPTY.media, cameras: [{ userId: "teacher", name: "Tess" }] };

test("a class with a picture is opened while the server says how pictures travel", async () => {
  let say: () => void = () => undefined;
  plans = [() => new Promise((resolve) => (say = () => resolve({ mode: "embedded", iceServers: [] })))];
  room.follow({ inside: true, media: PICTURE });
  await pass();
  expect(room.state).toMatchObject({ mode: null, watching: { at: "opening" } });
  expect(connections).toHaveLength(1);
  say();
  await pass();
  expect(room.state.mode).toBe("embedded");
  expect(connections).toHaveLength(1);
});

test("where pictures travel another way nothing stays open", async () => {
  plans = [() => told("livekit")];
  room.follow({ inside: true, media: PICTURE });
  await pass();
  room.follow({ inside: true, media: PICTURE });
  await pass();
  expect(room.state).toMatchObject({ mode: "livekit", watching: { at: "idle" } });
  expect(connections.map(({ signalingState }) => signalingState)).toEqual(["closed"]);
});

test("who was refused before the server knew the seat is let in when it does", async () => {
  plans = [() => Promise.reject(problemOf(403, { errorCode: "not_seated", message: "You have no seat." }))];
  room.follow({ inside: true, media: PICTURE });
  await pass();
  expect(room.state.watching).toEqual({ at: "refused", why: "You have no seat." });
  await vi.advanceTimersByTimeAsync(3_000);
  expect(room.state).toMatchObject({ mode: "embedded", watching: { at: "opening" } });
});
