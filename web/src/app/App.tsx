/** The application's surroundings: looks, queries, who is signed in, the live connection, the pages. */

import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { ApiError } from "../api/problem";
import type { User } from "../api/types";
import { resume } from "../auth/account";
import { useAccount } from "../auth/useAccount";
import { RealtimeProvider } from "./RealtimeProvider";
import { router } from "./router";
import { cssVariables, theme } from "./theme";

const MOST_TRIES = 2;

const newQueries = (): QueryClient =>
  new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (failures, error) => failures < MOST_TRIES && !(error instanceof ApiError && !error.error.retry),
      },
    },
  });

export function App() {
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <Notifications position="top-center" />
      <Pages />
    </MantineProvider>
  );
}

const RESUME_AGAIN_MS = 3_000;

function Pages() {
  const account = useAccount();
  const who = account.at === "in" ? account.user.id : account.at;
  useEffect(() => {
    if (who !== "unknown") return undefined;
    let timer: ReturnType<typeof setTimeout>;
    // Whether somebody is signed in cannot be told while the API is away; the page waits for it.
    const attempt = () => resume().catch(() => (timer = setTimeout(attempt, RESUME_AGAIN_MS)));
    void attempt();
    return () => clearTimeout(timer);
  }, [who]);
  return <PagesOf key={who} user={account.at === "in" ? account.user : null} />;
}

/** Made anew for every person, its cache included: nothing that one saw is shown to the next. */
function PagesOf({ user }: { user: User | null }) {
  const [queries] = useState(newQueries);
  const pages = <RouterProvider router={router} />;
  return (
    <QueryClientProvider client={queries}>
      {user === null ? pages : <RealtimeProvider user={user}>{pages}</RealtimeProvider>}
    </QueryClientProvider>
  );
}
