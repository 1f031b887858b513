/** The realtime client in a browser: real sockets, the account's token, and the network's own news. */

import { accessToken } from "../auth/account";
import { api, bodyOf } from "../api/client";
import { RealtimeClient, type Socket } from "./client";
import { newId } from "./ids";

export function browserClient(): RealtimeClient {
  return new RealtimeClient({
    credentials: async (renew) => {
      const token = await accessToken(renew);
      if (token === null) return null;
      const { url } = await bodyOf(api.GET("/api/realtime"));
      return { url, token };
    },
    openSocket: (url, protocol) => new WebSocket(url, protocol) as unknown as Socket,
    now: () => performance.now(),
    random: Math.random,
    newId,
  });
}
