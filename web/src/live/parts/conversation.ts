/** All that one may read, in the order in which it was said. */

import type { ChatMessage } from "../classState";

export interface Recipient {
  value: string;
  label: string;
}

export function conversation(messages: ChatMessage[], aside: ChatMessage[]): ChatMessage[] {
  if (aside.length === 0) return messages;
  return [...messages, ...aside].sort((a, b) => (a.at === b.at ? 0 : a.at < b.at ? -1 : 1));
}
