import { useEffect, useState, useSyncExternalStore } from "react";
import { RoomMedia, type RoomState } from "../../media/roomMedia";
import { signallingOf } from "../../media/signalling";
import { EMPTY } from "../stageState";
import { isOver, type VisitState } from "../visit";

export interface Room {
  media: RoomMedia;
  now: RoomState;
}

const still = () => () => undefined;

/** Picture and sound of a class for as long as its page is shown; null for its first moment. */
export function useRoomMedia(state: VisitState): Room | null {
  const { me, session, everybody, standing } = state;
  const sessionId = session?.id ?? null;
  const [media, setMedia] = useState<RoomMedia | null>(null);
  useEffect(() => {
    if (sessionId === null) return undefined;
    const opened = new RoomMedia(me.id, signallingOf(sessionId));
    const leave = () => opened.leave();
    window.addEventListener("pagehide", leave);
    setMedia(opened);
    return () => {
      window.removeEventListener("pagehide", leave);
      opened.close();
      setMedia(null);
    };
  }, [me.id, sessionId]);

  const seated = standing.at === "seated" || standing.at === "teaching";
  const inside = seated && everybody !== null && session !== null && !isOver(session);
  const shown = everybody?.media ?? EMPTY.media;
  useEffect(() => media?.follow({ inside, media: shown }), [media, inside, shown]);

  const near =
    session?.status === "live" && (standing.at === "outside" || standing.at === "joining") ? standing.at : null;
  useEffect(() => {
    if (near !== null) media?.makeReady();
  }, [media, near]);

  const teaching = standing.at === "teaching" && inside;
  const concerned = teaching || [...(everybody?.stage.members ?? []), ...(everybody?.stage.invited ?? [])].some(isMe);
  useEffect(() => {
    if (concerned) media?.ask();
  }, [media, concerned]);

  const onStage = teaching || (inside && everybody.stage.members.some(isMe));
  useEffect(() => {
    if (!onStage) return undefined;
    return () => {
      media?.stopCamera();
      media?.stopScreen();
    };
  }, [media, onStage]);

  const now = useSyncExternalStore(media?.watch ?? still, () => media?.snapshot() ?? null);
  // Who was taken off the stage before this page saw them on it is refused, and nothing above stops their camera.
  const refused = [now?.camera, now?.screen].some((own) => own?.state.at === "refused");
  useEffect(() => {
    if (onStage || !refused) return;
    media?.stopCamera();
    media?.stopScreen();
  }, [media, onStage, refused]);

  return media === null || now === null ? null : { media, now };

  function isMe(person: { userId: string }): boolean {
    return person.userId === me.id;
  }
}
