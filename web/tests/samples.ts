/** The sample frames of docs/protocol/samples, for tests: the gateway's own tests read the same files. */

import { readdirSync, readFileSync } from "node:fs";
import type { Events, ServerFrame, Subscribed } from "../src/realtime/frames";

const FOLDER = new URL("../../docs/protocol/samples/", import.meta.url);

export function sampleNames(side: "client" | "server"): string[] {
  return readdirSync(new URL(`${side}/`, FOLDER)).filter((name) => name.endsWith(".json"));
}

export function sampleText(side: "client" | "server", name: string): string {
  return readFileSync(new URL(`${side}/${name}`, FOLDER), "utf8");
}

export function serverSample<T extends ServerFrame>(name: string): T {
  return JSON.parse(sampleText("server", `${name}.json`)) as T;
}

export function snapshotOf(topic: "live" | "staff" | "queue") {
  const { snapshot } = serverSample<Subscribed>(`subscribed.${topic}`);
  if (snapshot === null) throw new Error(`the sample of ${topic} has no snapshot`);
  return snapshot;
}

export function eventsOf(topic: "live" | "staff" | "queue" | "user") {
  return serverSample<Events>(`events.${topic}`).events;
}
