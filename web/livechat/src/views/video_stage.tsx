// The pictures of a chat: the others large, one's own small.

import type { VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { RemoteVideo } from "../../../sdk/src/index.ts";
import { Video } from "../../../shared/views/video.tsx";
import type { ChatView } from "../types.ts";

// Not before there is a picture: a line for video may be there, and nobody sends.
function Picture({ video, name }: { video: RemoteVideo; name: string }): VNode {
  const holder = useRef<HTMLDivElement>(null);
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const element = holder.current?.querySelector("video");
    if (element === null || element === undefined) return undefined;
    const look = (): void => setShown(element.videoWidth > 2);
    look();
    for (const event of ["resize", "loadeddata", "playing"]) element.addEventListener(event, look);
    return () => {
      for (const event of ["resize", "loadeddata", "playing"]) element.removeEventListener(event, look);
    };
  }, [video.stream]);
  return (
    <div class="picture" ref={holder} hidden={!shown} data-testid="picture" data-name={name}>
      <Video stream={video.stream} label={`Video of ${name}`} />
      <bdi class="picture-name">{name}</bdi>
    </div>
  );
}

export function VideoStage({ chat, ownName }: { chat: ChatView; ownName: string }): VNode | null {
  const own = useMemo(() => (chat.ownVideo === null ? null : new MediaStream([chat.ownVideo])), [chat.ownVideo]);
  const wanted = !chat.heldHere && (chat.kind === "room" ? chat.listening : !chat.otherTells || chat.otherCamera);
  const videos = wanted ? chat.videos : [];
  if (videos.length === 0 && own === null) return null;
  const nameOf = ({ participant }: RemoteVideo): string =>
    (participant === null ? undefined : chat.members.find((each) => each.id === participant)?.name) ?? (chat.kind === "room" ? "Somebody" : chat.name);
  return (
    <div class={`stage ${videos.length > 1 ? "many" : ""}`} data-testid="stage">
      {videos.map((video, at) => <Picture key={`${video.participant ?? ""}-${video.kind}-${at}`} video={video} name={nameOf(video)} />)}
      {own !== null && (
        <div class="own-picture" data-testid="own-picture">
          <Video stream={own} mirrored label={`Your camera, ${ownName}`} />
        </div>
      )}
    </div>
  );
}
