import { useSyncExternalStore } from "react";
import { currentAccount, watchAccount, type Account } from "./account";

export function useAccount(): Account {
  return useSyncExternalStore(watchAccount, currentAccount);
}
