// One's own name, who waits, the chats that were taken, and who else is there.

import type { VNode } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { LinkIcon, Logo, MicIcon, MicOffIcon } from "../../../shared/views/icons.tsx";
import { memo } from "../../../shared/views/memo.ts";
import { preview } from "../../../livechat/src/log.ts";
import type { ChatView } from "../../../livechat/src/types.ts";
import { Avatar } from "../../../livechat/src/views/avatar.tsx";
import { BellIcon, BellOffIcon, DoorIcon, PauseIcon } from "../../../livechat/src/views/icons.tsx";
import { typingText } from "../../../livechat/src/words.ts";
import type { AgentDesk } from "../desk.ts";
import type { AgentState, Waiting } from "../types.ts";
import { pageText, waitedText } from "../words.ts";
import { QueueIcon } from "./icons.tsx";

const kMostShown = 50;

function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

const WaitingCard = memo(function WaitingCard(props: { visitor: Waiting; waited: string; named: boolean; onTake(id: string): void }): VNode {
  const { visitor, waited } = props;
  const { id, name, queue, page, title, texts, free } = visitor;
  const from = pageText(page);
  return (
    <li class="waiting" data-testid="waiting" data-name={name} data-queue={queue}>
      <div class="waiting-head">
        <Avatar name={name} size={36} />
        <div class="row-text">
          <bdi class="row-name" data-testid="waiting-name">{name}</bdi>
          <span class="row-line"><time data-testid="waited">{waited}</time>{props.named && <> · <bdi>{queue}</bdi></>}</span>
        </div>
        <button type="button" class="primary small" data-testid="take" disabled={!free} aria-label={`Take ${name}`} onClick={() => props.onTake(id)}>Take</button>
      </div>
      {from !== "" && <p class="waiting-page" title={page}><LinkIcon size={15} /><bdi data-testid="waiting-page">{title === "" ? from : title}</bdi></p>}
      {texts.length > 0 && <div class="waiting-texts" data-testid="waiting-texts">{texts.map((text, at) => <p key={at} dir="auto">{text}</p>)}</div>}
    </li>
  );
});

function WaitingList({ desk, state }: { desk: AgentDesk; state: AgentState }): VNode {
  const now = useNow();
  const take = useMemo(() => (id: string) => desk.take(id), [desk]);
  const { waiting, queues, ready } = state;
  return (
    <section class="side-part" aria-labelledby="waiting-title">
      <h2 id="waiting-title">Waiting <span class={`count ${waiting.length > 0 ? "pressing" : ""}`} data-testid="waiting-count">{waiting.length}</span></h2>
      <ul class="waiting-list">{waiting.slice(0, kMostShown).map((visitor) => <WaitingCard key={visitor.id} visitor={visitor} waited={waitedText(now - visitor.since)} named={queues.length > 1} onTake={take} />)}</ul>
      {waiting.length === 0 && <p class="side-empty" data-testid="nobody-waits">{ready ? "Nobody is waiting." : "Looking who waits…"}</p>}
      {waiting.length > kMostShown && <p class="side-empty">{waiting.length - kMostShown} more are waiting.</p>}
    </section>
  );
}

function VoiceMark({ chat }: { chat: ChatView }): VNode | null {
  if (chat.heldHere) return <span class="voice-mark held" title="On hold"><PauseIcon size={16} /></span>;
  if (chat.microphone === "on") return <span class="voice-mark" title="Microphone on"><MicIcon size={16} /></span>;
  return chat.microphone === "muted" ? <span class="voice-mark held" title="Muted"><MicOffIcon size={16} /></span> : null;
}

const ChatRow = memo(function ChatRow(props: { chat: ChatView; active: boolean; onSelect(id: string): void }): VNode {
  const { chat, active } = props;
  return (
    <li>
      <button type="button" class={`row ${active ? "active" : ""} ${chat.stage === "ended" ? "over" : ""}`} aria-current={active ? "true" : undefined}
              data-testid="chat-row" data-id={chat.id} data-unread={chat.unread} data-stage={chat.stage} onClick={() => props.onSelect(chat.id)}>
        <Avatar name={chat.name} online={chat.stage === "open"} />
        <span class="row-text">
          <bdi class="row-name">{chat.name}</bdi>
          <span class={`row-line ${chat.writing.length > 0 ? "live" : ""}`} dir="auto">
            {chat.writing.length > 0 ? typingText(chat.writing) : chat.stage === "ended" ? "Over" : preview(chat.log) || "Nothing was written yet"}
          </span>
        </span>
        <VoiceMark chat={chat} />
        {chat.unread > 0 && <span class="badge"><span aria-hidden="true">{chat.unread > 99 ? "99+" : chat.unread}</span><span class="unseen">{chat.unread} unread</span></span>}
      </button>
    </li>
  );
});

export function Sidebar({ desk, state }: { desk: AgentDesk; state: AgentState }): VNode {
  const select = useMemo(() => (id: string) => desk.select(id), [desk]);
  const colleagues = state.targets.filter(({ kind }) => kind === "agent");
  return (
    <aside class="side" aria-label="Visitors and chats">
      <header class="side-head"><Logo size={28} /><h1>Agent desk</h1></header>
      <div class="me">
        <Avatar name={state.name} size={36} online={state.connection === "connected"} />
        <span class="row-text">
          <bdi class="row-name" data-testid="own-name">{state.name}</bdi>
          <span class="row-line queues" data-testid="queues"><QueueIcon size={14} />{state.queues.length === 0 ? "No queue" : state.queues.join(", ")}</span>
        </span>
        <button type="button" class="icon-button" aria-pressed={state.sound} aria-label="Sounds" title={state.sound ? "Sounds are on" : "Sounds are off"}
                data-testid="sound" onClick={() => desk.setSound(!state.sound)}>{state.sound ? <BellIcon size={20} /> : <BellOffIcon size={20} />}</button>
        <button type="button" class="icon-button" aria-label="Sign out" title="Sign out" data-testid="sign-out" onClick={() => desk.signOut()}><DoorIcon size={20} /></button>
      </div>
      <div class="side-scroll">
        {state.queues.length > 0 ? <WaitingList desk={desk} state={state} /> : (
          <p class="side-empty" data-testid="no-queue">This account serves no queue. Who runs the server adds it to the agents of a queue. Chats that are put through to you come here all the same.</p>
        )}
        {state.chats.length > 0 && (
          <nav class="side-part" aria-labelledby="chats-title">
            <h2 id="chats-title">Chats</h2>
            <ul>{state.chats.map((chat) => <ChatRow key={chat.id} chat={chat} active={state.active === chat.id} onSelect={select} />)}</ul>
          </nav>
        )}
        {colleagues.length > 0 && (
          <section class="side-part" aria-labelledby="colleagues-title">
            <h2 id="colleagues-title">Agents</h2>
            <ul class="colleagues">
              {colleagues.map(({ number, name, online }) => (
                <li key={number} data-testid="colleague" data-online={online}>
                  <Avatar name={name} size={28} online={online} /><bdi class="row-name">{name}</bdi><span class="row-line">{online ? "here" : "away"}</span>
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
    </aside>
  );
}
