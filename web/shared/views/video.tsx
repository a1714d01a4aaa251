// A picture without sound. Sound comes from one element of its own (room_audio.tsx).

import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Props { stream: MediaStream | null; mirrored?: boolean; label: string }

export function Video({ stream, mirrored = false, label }: Props): VNode {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const video = element.current;
    if (video === null) return;
    if (video.srcObject !== stream) video.srcObject = stream;
    if (stream !== null) void video.play().catch(() => undefined);
  }, [stream]);
  return <video ref={element} class={mirrored ? "mirrored" : ""} autoplay muted playsInline disablePictureInPicture
                aria-label={label} />;
}
