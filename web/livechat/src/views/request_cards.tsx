// Somebody wants to chat. Nothing is covered or stopped by it: one answers when one likes.

import type { VNode } from "preact";
import { CameraIcon, ChatIcon, CloseIcon } from "../../../shared/views/icons.tsx";
import type { Kind, Request } from "../types.ts";
import { Avatar } from "./avatar.tsx";
import { PhoneIcon } from "./icons.tsx";
import { kTextOnly } from "./sign_in.tsx";

interface Props { requests: Request[]; video?: boolean; what?: string; onAccept(id: string, kind: Kind): void; onRefuse(id: string): void }

const kMostShown = 3;

export function RequestCards({ requests, video: canVideo = true, what = "wants to chat", onAccept, onRefuse }: Props): VNode {
  const left = requests.length - kMostShown;
  return (
    <section class="requests" aria-label="Chat requests">
      {requests.slice(0, kMostShown).map(({ id, name, number, video }) => (
        <div key={id} class="request" role="group" aria-label={`Request of ${name}`} data-testid="request" data-number={number}>
          <div class="request-head">
            <Avatar name={name} size={44} />
            <p><bdi class="request-name">{name}</bdi> <span class="request-what">{what}{video && canVideo ? " by video" : ""}</span></p>
          </div>
          <div class="request-buttons">
            <button type="button" class="primary small" data-testid="accept-text" onClick={() => onAccept(id, "text")}><ChatIcon size={18} />Accept</button>
            {!kTextOnly && (
              <>
                <button type="button" class="round-small" aria-label={`Accept ${name} with voice`} title="Accept with voice" data-testid="accept-voice"
                        onClick={() => onAccept(id, "voice")}><PhoneIcon size={20} /></button>
                {canVideo && <button type="button" class="round-small" aria-label={`Accept ${name} with video`} title="Accept with video" data-testid="accept-video"
                        onClick={() => onAccept(id, "video")}><CameraIcon size={20} /></button>}
              </>
            )}
            <button type="button" class="quiet small refuse" data-testid="refuse" onClick={() => onRefuse(id)}><CloseIcon size={18} />Decline</button>
          </div>
        </div>
      ))}
      {left > 0 && <p class="request more">{left === 1 ? "One more request is waiting." : `${left} more requests are waiting.`}</p>}
    </section>
  );
}
