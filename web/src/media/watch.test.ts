import { expect, test, vi } from "vitest";
import type { Surroundings } from "./mediaSession";
import type { Stat } from "./statistics";
import { SILENCE_MS, STILL_SCREEN_MS, Watching } from "./watch";

const around = { random: () => 0, changed: () => undefined } as unknown as Surroundings;
const received = (packets: number) =>
  [{ type: "inbound-rtp", kind: "video", trackIdentifier: "t", packetsReceived: packets }] as unknown as Stat[];

/** A viewer to whom something came, and nothing since the time 100. */
function quiet(onlyScreen: boolean): Watching {
  const watching = new Watching(around);
  watching.expect(true, onlyScreen);
  watching.stalled(received(1), 0);
  watching.stalled(received(2), 100);
  return watching;
}

test("a shared screen that stands still is waited for longer than a camera or a microphone", () => {
  expect(quiet(false).stalled(received(2), 101 + SILENCE_MS)).toBe(true);
  expect(quiet(true).stalled(received(2), 101 + SILENCE_MS)).toBe(false);
  expect(quiet(true).stalled(received(2), 101 + STILL_SCREEN_MS)).toBe(true);
});

test("who comes with a camera beside the screen is expected to be seen", () => {
  const watching = quiet(true);
  watching.expect(true, false);
  expect(watching.stalled(received(2), 101 + SILENCE_MS)).toBe(true);
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
  vi.unstubAllGlobals();
});
