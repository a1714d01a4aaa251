// One chat: who, how it stands, what was said, and the field to write.

import type { VNode } from "preact";
import { AlertIcon, LeaveIcon, MicIcon } from "../../../shared/views/icons.tsx";
import type { Desk } from "../desk.ts";
import type { ChatView } from "../types.ts";
import { isolated, talkingText, typingText } from "../words.ts";
import { Avatar } from "./avatar.tsx";
import { Compose } from "./compose.tsx";
import { BackIcon, PauseIcon } from "./icons.tsx";
import { Messages } from "./messages.tsx";
import { Strip } from "./strip.tsx";
import { VideoStage } from "./video_stage.tsx";
import { VoiceButtons, type VoiceDesk } from "./voice_buttons.tsx";

interface Props { desk: Desk; chat: ChatView; online: boolean }

function subtitle({ chat, online }: { chat: ChatView; online: boolean }): string {
  if (chat.kind === "room") {
    if (chat.stage !== "open") return "Connecting…";
    const talking = chat.members.filter((each) => each.talking && !each.self).map((each) => each.name);
    if (talking.length > 0) return talkingText(talking);
    return chat.members.length <= 1 ? "Nobody else is here yet" : `${chat.members.length} people are here`;
  }
  if (chat.interrupted) return "Reconnecting…";
  if (chat.stage === "asking") return "Asked to chat";
  if (chat.stage === "ended") return online ? "Online" : "Offline";
  if (chat.heldHere || chat.heldThere) return "On hold";
  if (chat.microphone === "on" || chat.microphone === "muted") return chat.quality === "poor" ? "Talking · the connection is poor" : "Talking";
  return "Online";
}

export function Strips({ desk, chat }: { desk: VoiceDesk; chat: ChatView }): VNode {
  const talk = desk.find(chat.id);
  const name = isolated(chat.name);
  const somebodyTalks = chat.kind === "room" && !chat.listening && chat.members.some((each) => each.talking && !each.self);
  return (
    <>
      {chat.problem !== null && (
        <Strip tone="warning" icon={<AlertIcon size={18} />} text={`${chat.problem} You can go on by text.`} testId="device-problem"
               onClose={() => talk?.dismissProblem()} />
      )}
      {chat.microphone === "opening" && (
        <Strip tone="info" icon={<MicIcon size={18} />} text="Your browser asks whether this page may use your microphone. Texts go on meanwhile." testId="asking-microphone" />
      )}
      {chat.heldHere && <Strip tone="info" icon={<PauseIcon size={18} />} text="Voice and video are on hold here. Texts go on." testId="held-here" action={["Resume", () => void talk?.resume()]} />}
      {!chat.heldHere && chat.heldThere && <Strip tone="info" icon={<PauseIcon size={18} />} text={`${name} has put you on hold. Texts go on.`} testId="held-there" />}
      {!chat.heldHere && chat.otherMicrophone && chat.microphone === "off" && (
        <Strip tone="info" icon={<MicIcon size={18} />} text={`You hear ${name}. Your microphone is off.`} testId="you-hear" action={["Talk too", () => talk?.toggleMicrophone()]} />
      )}
      {somebodyTalks && (
        <Strip tone="info" icon={<MicIcon size={18} />} text="People are talking here." testId="join-voices" action={["Join with voice", () => talk?.toggleMicrophone()]} />
      )}
    </>
  );
}

const kMostFaces = 24;

// Who is in the room, and whose voice is heard.
function Members({ chat }: { chat: ChatView }): VNode | null {
  if (chat.members.length < 2) return null;
  const left = chat.members.length - kMostFaces;
  return (
    <ul class="members" aria-label="In this room" data-testid="members">
      {chat.members.slice(0, kMostFaces).map(({ id, name, self, talking }) => (
        <li key={id} class={talking ? "talking" : ""} title={self ? `${name} (you)` : name}>
          <Avatar name={name} size={30} />
          <span class="unseen">{name}{self ? ", you" : ""}{talking ? ", talking" : ""}</span>
        </li>
      ))}
      {left > 0 && <li class="members-more">+{left}</li>}
    </ul>
  );
}

// In the place of the field: what can be done about a chat that is not open.
function Closed({ desk, chat, online }: Props): VNode | null {
  if (chat.kind === "room") return null;
  if (chat.stage === "asking") {
    return (
      <div class="closed" data-testid="waiting">
        <span class="spinner" aria-hidden="true" />
        <p>Waiting for <bdi>{chat.name}</bdi> to accept…</p>
        <button type="button" class="quiet" data-testid="withdraw" onClick={() => desk.find(chat.id)?.hangUp()}>Withdraw</button>
      </div>
    );
  }
  return (
    <div class="closed" data-testid="over">
      <p>{online ? "This chat is over." : <><bdi>{chat.name}</bdi> is gone. What was said stays here until you close it.</>}</p>
      {online && <button type="button" class="primary small" data-testid="ask-again" onClick={() => desk.ask(chat.number, "text")}>Ask again</button>}
      <button type="button" class="quiet" data-testid="close-chat" onClick={() => desk.remove(chat.id)}>Close</button>
    </div>
  );
}

export function ChatPane({ desk, chat, online }: Props): VNode {
  const talk = desk.find(chat.id);
  const open = chat.stage === "open";
  return (
    <section class="chat" aria-label={`Chat with ${chat.name}`} data-testid="chat" data-id={chat.id} data-stage={chat.stage}
             data-microphone={chat.microphone} data-camera={chat.camera} data-held={chat.heldHere ? "here" : chat.heldThere ? "there" : "no"}>
      <header class="chat-head">
        <button type="button" class="icon-button back" aria-label="Back to the list" title="Back" data-testid="back" onClick={() => desk.select(null)}><BackIcon /></button>
        <Avatar name={chat.name} room={chat.kind === "room"} online={chat.kind === "room" ? null : online} />
        <div class="chat-title">
          <h2><bdi data-testid="chat-name">{chat.name}</bdi></h2>
          <p class={chat.writing.length > 0 ? "live" : ""} data-testid="chat-status">{chat.writing.length > 0 ? typingText(chat.writing) : subtitle({ chat, online })}</p>
        </div>
        {open && <VoiceButtons desk={desk} chat={chat} />}
        {open && chat.kind === "private" && (
          <button type="button" class="round-small hang-up" aria-label="Leave this chat" title="Leave this chat" data-testid="hang-up" onClick={() => talk?.hangUp()}><LeaveIcon size={22} /></button>
        )}
      </header>
      {open && <Strips desk={desk} chat={chat} />}
      {open && <VideoStage chat={chat} ownName={desk.state.name} />}
      {open && chat.kind === "room" && <Members chat={chat} />}
      <Messages log={chat.log} room={chat.kind === "room"} name={chat.name} stage={chat.stage} onRetry={(key) => talk?.retry(key)} canRetry={open} />
      {open || chat.kind === "room"
        ? <Compose chat={chat} onDraft={(text) => talk?.setDraft(text)} onSend={(text) => talk?.send(text)} />
        : <Closed desk={desk} chat={chat} online={online} />}
    </section>
  );
}
