import { useEffect, useState } from "react";
import { serverNow } from "../api/clock";

/** The server's time in milliseconds, anew every second. */
export function useNow(): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
