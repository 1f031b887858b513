import { useEffect, useState } from "react";

/** True at once, and false only when it has been so for a while: a page must not jump for a blink. */
export function useLinger(present: boolean, lingerMs: number): boolean {
  const [shown, setShown] = useState(present);
  useEffect(() => {
    if (present) {
      setShown(true);
      return undefined;
    }
    const timer = setTimeout(() => setShown(false), lingerMs);
    return () => clearTimeout(timer);
  }, [present, lingerMs]);
  return present || shown;
}
