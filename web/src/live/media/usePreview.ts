import { useCallback, useEffect, useRef, useState } from "react";
import {
  chosenBefore,
  listDevices,
  openCamera,
  openMicrophone,
  remember,
  type Choice,
  type Devices,
} from "../../media/devices";
import type { Tracks } from "../../media/publish";
import { reasonOf } from "../../media/reasons";

export interface Preview {
  devices: Devices;
  choice: Choice;
  tracks: Tracks;
  trouble: { camera: string | null; microphone: string | null };
  busy: boolean;
  choose: (change: Partial<Choice>) => void;
  tryAgain: () => void;
  /** Hand the tracks over: the preview does not stop them any more. */
  take: (withCamera: boolean) => Tracks;
}

const NONE: Tracks = { video: null, audio: null };

/** Camera and microphone while somebody looks at themselves, before anybody else does. */
export function usePreview(): Preview {
  const [devices, setDevices] = useState<Devices>({ cameras: [], microphones: [] });
  const [choice, setChoice] = useState<Choice>(chosenBefore);
  const [tracks, setTracks] = useState<Tracks>(NONE);
  const [trouble, setTrouble] = useState<Preview["trouble"]>({ camera: null, microphone: null });
  const [busy, setBusy] = useState(true);
  const [turn, setTurn] = useState(0);
  const held = useRef<Tracks>(NONE);

  const { cameraId, microphoneId } = choice;
  useEffect(() => {
    let given = true;
    const hold = (kind: keyof Tracks, track: MediaStreamTrack) => {
      if (!given) return track.stop();
      held.current = { ...held.current, [kind]: track };
      setTracks(held.current);
    };
    const open = async () => {
      setBusy(true);
      setTrouble({ camera: null, microphone: null });
      // One after the other: browsers put one question at a time, and a missing camera must not cost the microphone.
      for (const [kind, wanted, ask] of [
        ["video", "camera", () => openCamera(cameraId)],
        ["audio", "microphone", () => openMicrophone(microphoneId)],
      ] as const) {
        try {
          const track = await ask();
          hold(kind, track);
        } catch (thrown) {
          if (given) setTrouble((before) => ({ ...before, [wanted]: reasonOf(thrown, wanted) }));
        }
        if (!given) return;
      }
      // Names of devices are told only once one of them is open.
      const found = "mediaDevices" in navigator ? await listDevices() : { cameras: [], microphones: [] };
      if (!given) return;
      setDevices(found);
      setBusy(false);
    };
    void open();
    return () => {
      given = false;
      stop(held.current);
      held.current = NONE;
      setTracks(NONE);
    };
  }, [cameraId, microphoneId, turn]);

  const choose = useCallback((change: Partial<Choice>) => {
    setChoice((before) => {
      const next = { ...before, ...change };
      remember(next);
      return next;
    });
  }, []);

  const take = useCallback((withCamera: boolean): Tracks => {
    const { video, audio } = held.current;
    held.current = NONE;
    if (!withCamera) video?.stop();
    return { video: withCamera ? video : null, audio };
  }, []);

  const tryAgain = useCallback(() => setTurn((before) => before + 1), []);
  return { devices, choice, tracks, trouble, busy, choose, tryAgain, take };
}

function stop({ video, audio }: Tracks): void {
  video?.stop();
  audio?.stop();
}
