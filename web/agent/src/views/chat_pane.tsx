// One chat with a visitor.

import type { VNode } from "preact";
import { AlertIcon, LeaveIcon } from "../../../shared/views/icons.tsx";
import type { ChatView } from "../../../livechat/src/types.ts";
import { isolated, typingText } from "../../../livechat/src/words.ts";
import { Avatar } from "../../../livechat/src/views/avatar.tsx";
import { Strips } from "../../../livechat/src/views/chat_pane.tsx";
import { Compose } from "../../../livechat/src/views/compose.tsx";
import { BackIcon } from "../../../livechat/src/views/icons.tsx";
import { Messages } from "../../../livechat/src/views/messages.tsx";
import { Strip } from "../../../livechat/src/views/strip.tsx";
import { VoiceButtons } from "../../../livechat/src/views/voice_buttons.tsx";
import type { AgentDesk } from "../desk.ts";
import type { AgentState } from "../types.ts";
import { TransferMenu } from "./transfer_menu.tsx";

function subtitle(chat: ChatView): string {
  if (chat.interrupted) return "Reconnecting…";
  if (chat.stage === "asking") return "Taking…";
  if (chat.stage === "ended") return "This chat is over";
  if (chat.heldHere || chat.heldThere) return "On hold";
  if (chat.microphone === "on" || chat.microphone === "muted") return chat.quality === "poor" ? "Talking · the connection is poor" : "Talking";
  return "Chatting";
}

export function ChatPane({ desk, state, chat }: { desk: AgentDesk; state: AgentState; chat: ChatView }): VNode {
  const talk = desk.find(chat.id);
  const open = chat.stage === "open";
  const handing = state.handing[chat.id];
  const named = chat.log.some((each) => each.kind === "text" && !each.mine && each.name !== chat.name);
  return (
    <section class="chat" aria-label={`Chat with ${chat.name}`} data-testid="chat" data-id={chat.id} data-stage={chat.stage} data-microphone={chat.microphone}>
      <header class="chat-head">
        <button type="button" class="icon-button back" aria-label="Back to the list" title="Back" data-testid="back" onClick={() => desk.select(null)}><BackIcon /></button>
        <Avatar name={chat.name} online={open} />
        <div class="chat-title">
          <h2><bdi data-testid="chat-name">{chat.name}</bdi></h2>
          <p class={chat.writing.length > 0 ? "live" : ""} data-testid="chat-status">{chat.writing.length > 0 ? typingText(chat.writing) : subtitle(chat)}</p>
        </div>
        {open && <VoiceButtons desk={desk} chat={chat} video={false} />}
        {open && <TransferMenu targets={state.targets} disabled={handing !== undefined} onOpen={() => void desk.look()} onTransfer={(target) => void desk.transfer(chat.id, target)} />}
        {open && (
          <button type="button" class="round-small hang-up" aria-label="Close this chat" title="Close this chat" data-testid="close-chat" onClick={() => desk.closeChat(chat.id)}><LeaveIcon size={22} /></button>
        )}
      </header>
      {handing !== undefined && <Strip tone="info" icon={<span class="spinner" />} text={`Handing ${isolated(chat.name)} over to ${isolated(handing)}…`} testId="handing" />}
      {chat.interrupted && <Strip tone="warning" icon={<AlertIcon size={18} />} text="The connection is being found again. What you write is sent then." testId="interrupted" />}
      {open && <Strips desk={desk} chat={chat} />}
      <Messages log={chat.log} room={named} name={chat.name} stage={chat.stage} onRetry={(key) => talk?.retry(key)} canRetry={open} />
      {open || chat.stage === "asking" ? <Compose chat={chat} early onDraft={(text) => talk?.setDraft(text)} onSend={(text) => talk?.send(text)} /> : (
        <div class="closed" data-testid="over">
          <p>This chat is over.</p>
          <button type="button" class="quiet" data-testid="remove-chat" onClick={() => desk.remove(chat.id)}>Take it off the list</button>
        </div>
      )}
    </section>
  );
}
