import { expect, test } from "vitest";
import { acknowledged, arrived } from "./statistics";

test("what arrived is added up over all lines, and by track", () => {
  const counted = arrived([
    { type: "inbound-rtp", kind: "video", trackIdentifier: "v", packetsReceived: 100, packetsLost: 2 },
    { type: "inbound-rtp", kind: "audio", trackIdentifier: "a", packetsReceived: 50, packetsLost: -1 },
    { type: "candidate-pair", nominated: false, currentRoundTripTime: 9, bytesReceived: 30 },
    { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.04, bytesReceived: 9_000 },
    { type: "codec" },
  ]);
  expect(counted).toMatchObject({ packets: 150, received: 9_180, lost: 2, roundTripMs: 40 });
  expect([...counted.byTrack]).toEqual([
    ["v", 100],
    ["a", 50],
  ]);
});

test("a browser that does not count the bytes of a path counts packets", () => {
  const counted = arrived([
    { type: "inbound-rtp", packetsReceived: 3 },
    { type: "candidate-pair", nominated: true },
  ]);
  expect(counted.received).toBe(3);
});

test("what was sent, and what the other side said of it", () => {
  const stats = [
    { type: "outbound-rtp", packetsSent: 10 },
    { type: "outbound-rtp", packetsSent: 5 },
    { type: "remote-inbound-rtp", timestamp: 1000, fractionLost: 0.01 },
    { type: "remote-inbound-rtp", timestamp: 2000, fractionLost: 0.05 },
    { type: "transport", packetsReceived: 7 },
  ];
  expect(acknowledged(stats)).toEqual({ sent: 15, heard: 3007, lossShare: 0.05, roundTripMs: null });
});

test("a connection without any statistics counts nothing", () => {
  expect(arrived([])).toEqual({ packets: 0, received: 0, lost: 0, roundTripMs: null, byTrack: new Map() });
  expect(acknowledged([])).toEqual({ sent: 0, heard: 0, lossShare: 0, roundTripMs: null });
});
