import { afterEach, expect, test, vi } from "vitest";
import type { Surroundings } from "./mediaSession";
import type { Stat } from "./statistics";
import { FIRST_PACKET_MS, SILENCE_MS, Watching } from "./watch";

const around = { random: () => 0, changed: () => undefined } as unknown as Surroundings;
const counted = (packets: number, bytes: number) =>
  [
    { type: "inbound-rtp", kind: "video", trackIdentifier: "t", packetsReceived: packets },
    { type: "candidate-pair", nominated: true, bytesReceived: bytes },
  ] as unknown as Stat[];

afterEach(() => vi.unstubAllGlobals());

test("while nobody speaks or is seen, the small packets of the server say that the way is there", () => {
  const watching = new Watching(around);
  const looks = Array.from({ length: 20 }, (_, look) => watching.stalled(counted(7, 500 + look * 60), look * 500));
  expect(looks).not.toContain(true);
});

test("a way on which nothing comes at all is dead, whoever is on the stage", () => {
  const watching = new Watching(around);
  watching.stalled(counted(1, 400), 0);
  watching.stalled(counted(2, 900), 100);
  expect(watching.stalled(counted(2, 900), 100 + SILENCE_MS)).toBe(false);
  expect(watching.stalled(counted(2, 900), 101 + SILENCE_MS)).toBe(true);
});

test("the first packet may take longer than the next one", () => {
  const watching = new Watching(around);
  watching.stalled(counted(0, 400), 0);
  expect(watching.stalled(counted(0, 400), 1 + SILENCE_MS)).toBe(false);
  expect(watching.stalled(counted(0, 400), 1 + FIRST_PACKET_MS)).toBe(true);
});

test("a slot is shown with its first packet, and no longer when no more come", () => {
  vi.stubGlobal("MediaStream", class {});
  const tracks: { id: string; onunmute?: () => void }[] = [];
  const connection = {
    addTransceiver: () => {
      tracks.push({ id: `t${tracks.length}` });
      return { receiver: { track: tracks.at(-1) } };
    },
  } as unknown as RTCPeerConnection;
  const changed = vi.fn();
  const watching = new Watching({ random: () => 0, changed } as unknown as Surroundings);
  watching.prepare(connection);
  tracks[1]!.onunmute!();
  expect([...watching.flowing]).toEqual(["camera-0"]);
  expect(changed).toHaveBeenCalledOnce();
  const stats = [
    { type: "inbound-rtp", kind: "video", trackIdentifier: "t1", packetsReceived: 3 },
  ] as unknown as Stat[];
  watching.stalled(stats, 0);
  expect([...watching.flowing]).toEqual(["camera-0"]);
  watching.stalled(stats, 2_000);
  expect([...watching.flowing]).toEqual([]);
  watching.prepare(connection);
  tracks[1]!.onunmute!();
  expect([...watching.flowing]).toEqual([]);
});
