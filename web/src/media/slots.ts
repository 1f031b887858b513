/** The lines of a viewer's session, in the order in which they are offered (docs/video.md). */

export const VIDEO_SLOTS = ["screen", "camera-0", "camera-1", "camera-2", "camera-3"] as const;
export const AUDIO_SLOTS = [
  "microphone-0",
  "microphone-1",
  "microphone-2",
  "microphone-3",
  "microphone-4",
  "microphone-5",
] as const;

export type VideoSlot = (typeof VIDEO_SLOTS)[number];
export type AudioSlot = (typeof AUDIO_SLOTS)[number];
export type Slot = VideoSlot | AudioSlot;

/** What one person sends: the camera with the microphone, or the screen with its sound. */
export type Source = "camera" | "screen";
