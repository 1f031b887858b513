/** The person's own topic, `user:{userId}`: followed once, listened to by every visit and by the notices. */

import type { RealtimeClient } from "../realtime/client";
import type { TopicEvent } from "../realtime/frames";

export class PersonalFeed {
  private readonly listeners = new Set<(event: TopicEvent) => void>();
  private readonly stop: () => void;

  constructor(client: RealtimeClient, userId: string) {
    this.stop = client.follow(`user:${userId}`, (message) => {
      if (message.kind !== "events") return;
      for (const event of message.events) for (const listener of this.listeners) listener(event);
    });
  }

  listen(listener: (event: TopicEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): void {
    this.stop();
    this.listeners.clear();
  }
}
