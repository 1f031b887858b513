/** The frames of `lyceum.v1` (docs/protocol.md): types, and the one place where text from the wire becomes a value. */

export interface Position {
  epoch: number;
  offset: number;
}

export interface TopicEvent {
  offset: number;
  type: string;
  at: string;
  data: Record<string, unknown>;
}

export interface WireError {
  errorCode: string;
  message: string;
  details: Record<string, unknown>;
  retry: boolean;
}

export type Json = Record<string, unknown>;

export interface Welcome {
  type: "welcome";
  connectionId: string;
  user: { id: string; name: string; role: string };
  heartbeatSeconds: number;
}

export type Reply =
  { type: "reply"; id: string; ok: true; result: Json } | { type: "reply"; id: string; ok: false; error: WireError };

export interface Subscribed {
  type: "subscribed";
  id: string;
  topic: string;
  epoch: number;
  offset: number;
  recovered: boolean;
  snapshot: Json | null;
}

export interface Events {
  type: "events";
  topic: string;
  epoch: number;
  events: TopicEvent[];
}

export type ServerFrame = Welcome | Reply | Subscribed | Events | { type: "pong" };

export type ClientFrame =
  | { type: "hello"; token: string }
  | { type: "command"; id: string; name: string; args: Json }
  | { type: "subscribe"; id: string; topic: string; since?: Position }
  | { type: "unsubscribe"; id: string; topic: string }
  | { type: "ping" };

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEvent(value: unknown): value is TopicEvent {
  return isObject(value) && Number.isInteger(value.offset) && typeof value.type === "string" && isObject(value.data);
}

const SHAPES: Record<ServerFrame["type"], (frame: Json) => boolean> = {
  welcome: (f) => typeof f.connectionId === "string" && isObject(f.user) && typeof f.heartbeatSeconds === "number",
  reply: (f) => typeof f.id === "string" && (f.ok === true ? isObject(f.result) : f.ok === false && isObject(f.error)),
  subscribed: (f) =>
    typeof f.topic === "string" &&
    Number.isInteger(f.epoch) &&
    Number.isInteger(f.offset) &&
    (f.recovered === true || isObject(f.snapshot)),
  events: (f) =>
    typeof f.topic === "string" && Number.isInteger(f.epoch) && Array.isArray(f.events) && f.events.every(isEvent),
  pong: () => true,
};

/** The frame that `text` holds; null when it is none that this release knows (newer servers may say more). */
export function parseFrame(text: string): ServerFrame | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(value) || typeof value.type !== "string" || !Object.hasOwn(SHAPES, value.type)) return null;
  return SHAPES[value.type as ServerFrame["type"]](value) ? (value as unknown as ServerFrame) : null;
}
