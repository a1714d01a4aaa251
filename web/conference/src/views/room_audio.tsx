// Plays the mix of all the others. Where the browser wants a click before any sound, a button asks for it.

import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { SpeakerIcon } from "../../../shared/views/icons.tsx";

export function RoomAudio({ stream }: { stream: MediaStream | null }): VNode {
  const element = useRef<HTMLAudioElement>(null);
  const [blocked, setBlocked] = useState(false);
  const play = (): void => {
    const audio = element.current;
    if (audio === null || audio.srcObject === null) return;
    audio.play().then(() => setBlocked(false), (error: unknown) => {
      if (error instanceof DOMException && error.name === "NotAllowedError") setBlocked(true);
    });
  };
  useEffect(() => {
    const audio = element.current;
    if (audio === null) return;
    if (audio.srcObject !== stream) audio.srcObject = stream;
    if (stream !== null) play();
  }, [stream]);
  return (
    <>
      <audio ref={element} autoplay data-testid="room-audio" />
      {blocked && (
        <button type="button" class="primary unblock" data-testid="unblock-audio" onClick={play}><SpeakerIcon /> Click to hear</button>
      )}
    </>
  );
}
