/** Says things to screen readers: one polite and one assertive region that stand in the page from the start. */

import { VisuallyHidden } from "@mantine/core";

export function Announcer({ polite, assertive }: { polite: string; assertive: string }) {
  return (
    <VisuallyHidden>
      <div role="status" aria-live="polite">
        {polite}
      </div>
      <div role="alert" aria-live="assertive">
        {assertive}
      </div>
    </VisuallyHidden>
  );
}
