/** Camera, microphone and screen: which there are, which were chosen last, and how they are opened. */

export interface Choice {
  cameraId: string | null;
  microphoneId: string | null;
}

export interface Devices {
  cameras: MediaDeviceInfo[];
  microphones: MediaDeviceInfo[];
}

const CHOSEN = "lyceum.devices";
const NOTHING: Choice = { cameraId: null, microphoneId: null };

export function chosenBefore(): Choice {
  try {
    const told = JSON.parse(localStorage.getItem(CHOSEN) ?? "null") as Partial<Choice> | null;
    return { cameraId: told?.cameraId ?? null, microphoneId: told?.microphoneId ?? null };
  } catch {
    // What is kept there was not written by us, or storage is closed to this page.
    return NOTHING;
  }
}

export function remember(choice: Choice): void {
  try {
    localStorage.setItem(CHOSEN, JSON.stringify(choice));
  } catch {
    // Storage is full, or closed to this page: the choice is for this time only.
  }
}

export async function listDevices(): Promise<Devices> {
  const all = await navigator.mediaDevices.enumerateDevices();
  const of = (kind: MediaDeviceKind) => all.filter((one) => one.kind === kind && one.deviceId !== "");
  return { cameras: of("videoinput"), microphones: of("audioinput") };
}

const chosen = (deviceId: string | null): MediaTrackConstraints => (deviceId === null ? {} : { deviceId });

/** The camera that was chosen, or another when it is gone; rejects as `getUserMedia` does. */
export async function openCamera(cameraId: string | null): Promise<MediaStreamTrack> {
  const stream = await mediaDevices().getUserMedia({
    video: { ...chosen(cameraId), width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25, max: 30 } },
  });
  return stream.getVideoTracks()[0]!;
}

export async function openMicrophone(microphoneId: string | null): Promise<MediaStreamTrack> {
  const stream = await mediaDevices().getUserMedia({
    audio: { ...chosen(microphoneId), echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  });
  return stream.getAudioTracks()[0]!;
}

/** What the person picks: a screen, a window or a tab, with its sound where the browser gives it. */
export async function openScreen(): Promise<MediaStream> {
  const devices = mediaDevices();
  if (!("getDisplayMedia" in devices)) throw new DOMException("no screen capture", "NotSupportedError");
  const stream = await devices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: true });
  for (const track of stream.getVideoTracks()) track.contentHint = "detail";
  return stream;
}

/** Missing on plain http outside localhost. */
function mediaDevices(): MediaDevices {
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (devices === undefined) throw new DOMException("no secure context", "SecurityError");
  return devices;
}
