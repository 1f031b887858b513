import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EMPTY } from "../live/stageState";
import { NO_VIDEO } from "./plan";
import { RoomMedia } from "./roomMedia";
import type { MediaMode, ServerAnswer, Signalling } from "./signalling";

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
let plans: (() => Promise<ServerAnswer>)[];
let room: RoomMedia;

const told = async (mode: MediaMode): Promise<ServerAnswer> => ({ ok: true, server: { mode, iceServers: [] } });

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

test("when microphone and camera are both unplugged nothing is sent any more", async () => {
  for (const first of ["audio", "video"] as const) {
    const [video, audio] = [new Track("video"), new Track("audio")];
    room.startCamera({ video: as(video), audio: as(audio) });
    (first === "audio" ? audio : video).unplug();
    expect(room.state.camera).not.toBeNull();
    (first === "audio" ? video : audio).unplug();
    expect(room.state.camera).toBeNull();
    expect(room.state.trouble).toContain(first === "audio" ? "Your camera stopped." : "Your microphone stopped.");
  }
});

test("a camera that is turned off after the microphone was unplugged leaves nothing to send", async () => {
  const [video, audio] = [new Track("video"), new Track("audio")];
  room.startCamera({ video: as(video), audio: as(audio) });
  audio.unplug();
  await room.toggleCamera();
  expect(room.state.camera).toBeNull();
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
  plans = [() => new Promise((resolve) => (say = () => resolve(told("embedded"))))];
  room.follow({ inside: true, media: PICTURE });
  await pass();
  expect(room.state).toMatchObject({ mode: null, watching: { at: "opening" } });
  expect(connections).toHaveLength(1);
  say();
  await pass();
  expect(room.state.mode).toBe("embedded");
  expect(connections).toHaveLength(1);
});

test.each(["livekit", "off"] as const)(
  "where the video is %s that is said once, and nothing stays open",
  async (mode) => {
    plans = [() => told(mode)];
    room.follow({ inside: true, media: PICTURE });
    await pass();
    room.follow({ inside: true, media: PICTURE });
    await pass();
    expect(room.state).toMatchObject({ mode, watching: { at: "refused", why: NO_VIDEO } });
    expect(connections.map(({ signalingState }) => signalingState)).toEqual(["closed"]);
  },
);

test("who sends where there is no live video is told so", async () => {
  plans = [() => told("off")];
  room.startCamera({ video: null, audio: as(new Track("audio")) });
  await pass();
  expect(room.state.camera!.state).toEqual({ at: "refused", why: NO_VIDEO });
});

const refused = async (): Promise<ServerAnswer> => {
  return { ok: false, failure: { kind: "refused", sentence: "You have no seat." } };
};

test("who was refused, and learns that there is no live video, does not ask again", async () => {
  plans = [refused, () => told("off")];
  room.follow({ inside: true, media: PICTURE });
  await vi.advanceTimersByTimeAsync(3_000);
  expect(room.state).toMatchObject({ mode: "off", watching: { at: "refused" } });
  expect(connections).toHaveLength(1);
});

test("a server that says when to ask again is not asked before", async () => {
  const busyServer = async (): Promise<ServerAnswer> => {
    return { ok: false, failure: { kind: "busy", afterMs: 30_000, sentence: "Full." } };
  };
  plans = [busyServer];
  room.ask();
  await vi.advanceTimersByTimeAsync(29_000);
  expect(room.state.mode).toBeNull();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(room.state.mode).toBe("embedded");
});

test("trying once more opens nothing where there is nothing to watch", async () => {
  room.tryAgain();
  await pass();
  expect(room.state.watching).toEqual({ at: "idle" });
  expect(connections).toEqual([]);
});

test("who was refused before the server knew the seat is let in when it does", async () => {
  plans = [refused];
  room.follow({ inside: true, media: PICTURE });
  await pass();
  expect(room.state.watching).toEqual({ at: "refused", why: "You have no seat." });
  await vi.advanceTimersByTimeAsync(3_000);
  expect(room.state).toMatchObject({ mode: "embedded", watching: { at: "opening" } });
});
