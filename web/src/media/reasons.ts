/** Why camera, microphone or screen cannot be had, in sentences that say what to do. */

export type Wanted = "camera" | "microphone" | "devices" | "screen";

const WORDS: Record<Wanted, string> = {
  camera: "camera",
  microphone: "microphone",
  devices: "camera or microphone",
  screen: "screen",
};

export const NOT_SECURE =
  "Browsers give out camera and microphone only on pages over https. Ask whoever runs this Lyceum for an https address.";

/** A sentence for what `getUserMedia` or `getDisplayMedia` threw. */
export function reasonOf(thrown: unknown, wanted: Wanted): string {
  const name = thrown instanceof Error || isNamed(thrown) ? thrown.name : "";
  const what = WORDS[wanted];
  switch (name) {
    case "NotAllowedError":
    case "PermissionDeniedError":
      return wanted === "screen"
        ? "The screen is not shared: nothing was chosen, or this browser may not record the screen."
        : `This page may not use your ${what}. Allow it with the sign beside the address, then try again.`;
    case "SecurityError":
      return NOT_SECURE;
    case "NotFoundError":
    case "DevicesNotFoundError":
      return wanted === "screen" ? "There is nothing to share." : `No ${what} was found. Plug one in, then try again.`;
    case "NotReadableError":
    case "TrackStartError":
      return `Your ${what} could not be started. Another program may be using it; close that program, then try again.`;
    case "OverconstrainedError":
      return `The ${what} chosen before is not there any more. Choose another one.`;
    case "AbortError":
      return `Your ${what} stopped while it was starting. Try again.`;
    case "NotSupportedError":
    case "TypeError":
      return wanted === "screen"
        ? "This browser cannot share the screen. On phones most cannot; on a computer try another browser."
        : NOT_SECURE;
    default:
      return `Your ${what} could not be started. Try again.`;
  }
}

function isNamed(thrown: unknown): thrown is { name: string } {
  return typeof thrown === "object" && thrown !== null && typeof (thrown as { name?: unknown }).name === "string";
}
