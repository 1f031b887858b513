import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "../api/client";
import type { LiveSession } from "../api/types";

const DAY_MS = 86_400_000;
const AGAIN_MS = 10_000;

export interface Classes {
  live: LiveSession[];
  upcoming: LiveSession[];
  past: LiveSession[];
}

/** One's own classes: those of enrolled and of own courses; of one course if `courseId` says so. */
export function useClasses(courseId?: string) {
  const course = courseId === undefined ? {} : { courseId };
  return useQuery({
    queryKey: ["classes", courseId ?? "all"],
    queryFn: async (): Promise<Classes> => {
      const ago = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();
      const list = (query: object) =>
        bodyOf(api.GET("/api/live-sessions", { params: { query: { ...course, limit: 100, ...query } } }));
      const [open, over] = await Promise.all([
        list({ from: ago(1.2) }),
        list({ from: ago(60), to: new Date().toISOString(), status: "ended" }),
      ]);
      return sorted(open.items, over.items);
    },
    refetchInterval: AGAIN_MS,
  });
}

/** Live ones first, then what comes, the earliest first; what is over, the latest first. */
export function sorted(open: LiveSession[], over: LiveSession[]): Classes {
  return {
    live: open.filter((one) => one.status === "live"),
    upcoming: open.filter((one) => one.status === "scheduled"),
    past: [...over].reverse(),
  };
}
